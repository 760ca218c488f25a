/*
 * One run of the benchmark: the worker's engine, the floors beside it, and the figures. All of it belongs to one thread.
 */
#pragma once

#include "bench-raw.h"
#include "bench-report.h"
#include "tcw-qemu-guest.h"
#include "tcw-qemu-template.h"

G_BEGIN_DECLS

/* Filled by the caller: what is measured, and how often. */
typedef struct
{
  TcwQemuHost *host;
  BenchReport *report;
  GCancellable *cancellable; /* ends the run after what is being measured */
  guint rounds;          /* of what takes a machine each */
  guint short_rounds;    /* of what takes milliseconds */
  guint stream_rounds;
  guint stream_mib;      /* bytes of one stream, a multiple of 16 MiB */
  guint forks;           /* machines of each kind at once, for their memory */
  const char *program;   /* the worker */
  const char *config;    /* its configuration */
  const char *task;      /* the task for the whole command */
} BenchPlan;

typedef struct _BenchRun BenchRun;

/* Finds the image tiny, makes its template, and the template of the floor's plain guest, booted from @guest, a static program. */
BenchRun *bench_run_new (const BenchPlan *plan, const char *guest, GError **error);
void bench_run_free (BenchRun *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchRun, bench_run_free)

const BenchPlan *bench_run_get_plan (BenchRun *self);
TcwQemuImage *bench_run_get_image (BenchRun *self);

/* A fork of the worker's template, as the worker makes it: paused, its state not yet loaded. (transfer full) */
TcwQemuGuest *bench_run_make_guest (BenchRun *self, GError **error);

/* Such a machine without anything of the worker's around it, one at a time. (transfer full) */
TcwQemuVm *bench_run_make_vm (BenchRun *self, GError **error);

/* Loads it, lets it run, gives it an identity; then commands can be executed. */
gboolean bench_run_wake_guest (TcwQemuGuest *guest, GError **error);

typedef enum {
  BENCH_FLOOR_PLAIN, /* the least guest that executes commands: nothing of ours in it */
  BENCH_FLOOR_AGENT, /* the worker's own template: what QEMU and the agent cost without libvirt */
} BenchFloor;

/*
 * A QEMU of the floor that waits for its state. @number: from 0, one for each that lives at the same time. (transfer full), but it lives
 * no longer than the run.
 */
BenchRaw *bench_run_make_raw (BenchRun *self, BenchFloor which, guint number, GError **error);

/* Loads it and lets it run. The plain one's port is connected before. */
gboolean bench_run_wake_raw (BenchRun *self, BenchFloor which, BenchRaw *raw, GError **error);

/* --- The figures: each adds its samples and comparisons to the report. --- */

/* From a machine that waits, and from nothing, to the first output of a command. */
gboolean bench_measure_forks (BenchRun *run, GError **error);

/* Short commands, and bytes in both directions, in a machine that runs. */
gboolean bench_measure_commands (BenchRun *run, GError **error);
gboolean bench_measure_streams (BenchRun *run, GError **error);

/* What each further idle machine costs. */
gboolean bench_measure_memory (BenchRun *run, GError **error);

/* `taskcluster-worker run`, from its start to its end. */
gboolean bench_measure_task (BenchRun *run, GError **error);

G_END_DECLS
