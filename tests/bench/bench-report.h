/*
 * What was measured, and what it is held against: samples, their percentiles, the table for people and the JSON for programs. Belongs
 * to one thread.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* How a figure is read. */
typedef enum {
  BENCH_LOWER,  /* a time or a size: the ratio must not be above the target */
  BENCH_HIGHER, /* a rate: the ratio must not be below the target */
} BenchDirection;

typedef struct _BenchReport BenchReport;

BenchReport *bench_report_new (void);
void bench_report_free (BenchReport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchReport, bench_report_free)

/* Adds a sample to @name ("fork/ours"), which is made by the first one; @unit is "ms", "MB/s", "MiB". */
void bench_report_add (BenchReport *self, const char *name, const char *unit, double value);

/*
 * Holds the samples @ours against the sum of the medians of @floors (NULL-terminated names, "+" between them in the output): @title, for
 * people. @target 0: there is none.
 */
void bench_report_compare (BenchReport *self, const char *title, BenchDirection direction, double target, const char *ours,
                           const char *const *floors);

/* A fact about the run ("qemu": "7.2.0"). */
void bench_report_note (BenchReport *self, const char *name, const char *value);

/* The tables, to stdout. */
void bench_report_print (BenchReport *self);

/* Everything, with all samples; (transfer full). */
JsonNode *bench_report_to_json (BenchReport *self);

G_END_DECLS
