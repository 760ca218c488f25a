/* What each further idle machine costs; see bench-run.h. */
#include "bench-link.h"
#include "bench-run.h"

#include <stdio.h>
#include <string.h>

#include "base/tcw-error.h"

#define KIB_PER_MIB 1024.0

/* The sum of the fields of /proc/PID/@file whose names stand in @names (NULL-terminated); KiB. */
static gboolean
read_memory (const char *pid, const char *file, const char *const *names, double *kib, GError **error)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/%s", pid, file);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  *kib = 0;
  for (char **line = lines; *line != NULL; line++)
    for (const char *const *name = names; *name != NULL; name++)
      if (g_str_has_prefix (*line, *name))
        *kib += g_ascii_strtod (*line + strlen (*name), NULL);
  return TRUE;
}

/* What would be free again without this QEMU: all else it shares with the template's file and the other ones. */
static gboolean
add_private (BenchReport *report, const char *name, int process, GError **error)
{
  static const char *const fields[] = { "Private_Clean:", "Private_Dirty:", NULL };
  g_autofree char *pid = g_strdup_printf ("%d", process);
  double kib = 0;

  if (!read_memory (pid, "smaps_rollup", fields, &kib, error))
    return FALSE;
  bench_report_add (report, name, "MiB", kib / KIB_PER_MIB);
  return TRUE;
}

static gboolean
own_memory (double *kib, GError **error)
{
  static const char *const fields[] = { "RssAnon:", NULL };

  return read_memory ("self", "status", fields, kib, error);
}

/* A machine of each kind, which has run one command and is now idle. */
static gboolean
start_two (BenchRun *run, guint number, GPtrArray *guests, GPtrArray *raws, GError **error)
{
  static const char *const words[] = { "/bin/true", NULL };
  g_autoptr (TcwQemuGuest) guest = bench_run_make_guest (run, error);
  g_autoptr (BenchRaw) raw = NULL;
  g_autoptr (TcwQemuAgent) link = NULL;
  BenchCommand command;

  if (guest == NULL || !bench_run_wake_guest (guest, error)
      || !bench_link_execute (tcw_qemu_guest_get_agent (guest), words, NULL, &command, error))
    return FALSE;
  g_ptr_array_add (guests, g_steal_pointer (&guest));
  raw = bench_run_make_raw (run, BENCH_FLOOR_AGENT, number, error);
  if (raw == NULL || !bench_run_wake_raw (run, BENCH_FLOOR_AGENT, raw, error)
      || (link = bench_link_open (bench_raw_get_port_path (raw), error)) == NULL
      || !bench_link_execute (link, words, NULL, &command, error))
    return FALSE;
  g_ptr_array_add (raws, g_steal_pointer (&raw));
  return TRUE;
}

gboolean
bench_measure_memory (BenchRun *run, GError **error)
{
  static const char *const floors[] = { "memory/raw QEMU with our agent", NULL };
  const BenchPlan *plan = bench_run_get_plan (run);
  g_autoptr (GPtrArray) guests = g_ptr_array_new_with_free_func ((GDestroyNotify) tcw_qemu_guest_free);
  g_autoptr (GPtrArray) raws = g_ptr_array_new_with_free_func ((GDestroyNotify) bench_raw_free);
  double before = 0;
  double after = 0;

  /* With the first two the worker itself grows once for all: that isn't counted. */
  for (guint i = 0; i < plan->forks; i++)
    if (g_cancellable_set_error_if_cancelled (plan->cancellable, error) || !start_two (run, i, guests, raws, error)
        || (i == 0 && !own_memory (&before, error)))
      return FALSE;
  if (!own_memory (&after, error))
    return FALSE;
  for (guint i = 0; i < plan->forks; i++)
    {
      TcwQemuVm *vm = tcw_qemu_guest_get_vm (g_ptr_array_index (guests, i));
      BenchRaw *raw = g_ptr_array_index (raws, i);

      if (!add_private (plan->report, "memory/worker's QEMU", tcw_qemu_vm_get_pid (vm), error)
          || !add_private (plan->report, "memory/raw QEMU with our agent", bench_raw_get_pid (raw), error))
        return FALSE;
    }
  bench_report_add (plan->report, "memory/worker itself, a fork more", "MiB", (after - before) / KIB_PER_MIB / (plan->forks - 1));
  bench_report_compare (plan->report, "memory of a further idle fork", BENCH_LOWER, 1.2, "memory/worker's QEMU", floors);
  return TRUE;
}
