/* Short commands, and bytes in both directions, in machines that run; see bench-run.h. */
#include "bench-link.h"
#include "bench-run.h"

#include "base/tcw-error.h"

#define MIB (1024 * 1024)
/* What `cat` reads is a file of this size, named as often as needed: it stays in the guest's memory. */
#define FILE_MIB 16
#define MAX_FILES 64
#define FILE_NAME "/tmp/bench"
#define MAKE_FILE "/bin/dd if=/dev/zero of=" FILE_NAME " bs=1048576 count=16"
#define PIECE_SIZE (64 * 1024)
#define MANY 8
#define LOOP "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done"
#define LOOPS 100

/* One of the worker's machines and one of the floor's, at once. */
typedef struct
{
  TcwQemuGuest *guest;
  TcwQemuAgent *link;
  BenchRaw *raw;
} Pair;

static void
pair_clear (Pair *pair)
{
  g_clear_pointer (&pair->guest, tcw_qemu_guest_free);
  g_clear_pointer (&pair->raw, bench_raw_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pair, pair_clear)

static gboolean
pair_start (Pair *pair, BenchRun *run, GError **error)
{
  pair->guest = bench_run_make_guest (run, error);
  if (pair->guest == NULL || !bench_run_wake_guest (pair->guest, error))
    return FALSE;
  pair->link = tcw_qemu_guest_get_agent (pair->guest);
  pair->raw = bench_run_make_raw (run, BENCH_FLOOR_PLAIN, 0, error);
  return pair->raw != NULL && bench_run_wake_raw (run, BENCH_FLOOR_PLAIN, pair->raw, error);
}

static double
ms_until_now (gint64 begin)
{
  return (double) (g_get_monotonic_time () - begin) / G_TIME_SPAN_MILLISECOND;
}

static double
mb_per_second (guint64 bytes, gint64 begin)
{
  return (double) bytes / (double) (g_get_monotonic_time () - begin);
}

/* --- Short commands. -------------------------------------------------------------------------------------------------- */

static gboolean
time_short (Pair *pair, BenchReport *report, GError **error)
{
  static const char *const true_words[] = { "/bin/true", NULL };
  BenchCommand command;
  gint64 begin = g_get_monotonic_time ();

  if (!bench_link_execute (pair->link, true_words, NULL, &command, error))
    return FALSE;
  bench_report_add (report, "exec/worker, /bin/true", "ms", ms_until_now (begin));
  begin = g_get_monotonic_time ();
  if (!bench_raw_execute (pair->raw, "/bin/true", NULL, NULL, error))
    return FALSE;
  bench_report_add (report, "exec/raw port, /bin/true", "ms", ms_until_now (begin));
  begin = g_get_monotonic_time ();
  if (!bench_link_ping (pair->link, error))
    return FALSE;
  bench_report_add (report, "exec/worker, ping", "ms", ms_until_now (begin));
  return TRUE;
}

/* What the guest itself takes for a command: a shell's loop in it. */
static gboolean
time_loop (Pair *pair, BenchReport *report, GError **error)
{
  static const char *const loop_words[] = { "/bin/sh", "-c", LOOP, NULL };
  BenchCommand command;
  gint64 begin = g_get_monotonic_time ();

  if (!bench_link_execute (pair->link, loop_words, NULL, &command, error))
    return FALSE;
  bench_report_add (report, "exec/guest's shell, /bin/true", "ms", ms_until_now (begin) / LOOPS);
  return TRUE;
}

gboolean
bench_measure_commands (BenchRun *run, GError **error)
{
  static const char *const raw[] = { "exec/raw port, /bin/true", NULL };
  static const char *const inside[] = { "exec/worker, ping", "exec/guest's shell, /bin/true", NULL };
  const BenchPlan *plan = bench_run_get_plan (run);
  g_auto (Pair) pair = { NULL };

  if (!pair_start (&pair, run, error))
    return FALSE;
  for (guint round = 0; round < plan->short_rounds; round++)
    if (g_cancellable_set_error_if_cancelled (plan->cancellable, error) || !time_short (&pair, plan->report, error)
        || (round % 10 == 0 && !time_loop (&pair, plan->report, error)))
      return FALSE;
  bench_report_compare (plan->report, "exec round trip, /bin/true", BENCH_LOWER, 0, "exec/worker, /bin/true", raw);
  bench_report_compare (plan->report, "  against ping + the guest's own", BENCH_LOWER, 0, "exec/worker, /bin/true", inside);
  return TRUE;
}

/* --- Bytes. ----------------------------------------------------------------------------------------------------------- */

static gboolean
check_length (guint64 length, guint64 expected, GError **error)
{
  if (length == expected)
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "%" G_GUINT64_FORMAT " bytes came, not %" G_GUINT64_FORMAT, length, expected);
  return FALSE;
}

static gboolean
time_out_of_guest (Pair *pair, BenchReport *report, guint files, GError **error)
{
  g_auto (GStrv) words = g_new0 (char *, files + 2);
  g_autofree char *line = NULL;
  guint64 bytes = (guint64) files * FILE_MIB * MIB;
  BenchCommand command;
  guint64 length = 0;
  gint64 begin;

  words[0] = g_strdup ("/bin/cat");
  for (guint i = 0; i < files; i++)
    words[1 + i] = g_strdup (FILE_NAME);
  line = g_strjoinv (" ", words);
  begin = g_get_monotonic_time ();
  if (!bench_link_execute (pair->link, (const char *const *) words, NULL, &command, error) || !check_length (command.length, bytes, error))
    return FALSE;
  bench_report_add (report, "stream/worker, guest to host", "MB/s", mb_per_second (bytes, begin));
  begin = g_get_monotonic_time ();
  if (!bench_raw_execute (pair->raw, line, NULL, &length, error) || !check_length (length, bytes, error))
    return FALSE;
  bench_report_add (report, "stream/raw port, guest to host", "MB/s", mb_per_second (bytes, begin));
  return TRUE;
}

static gboolean
time_into_guest (Pair *pair, BenchReport *report, guint files, GError **error)
{
  static const char *const words[] = { "/bin/cat", NULL };
  g_autofree char *piece = g_malloc0 (PIECE_SIZE);
  guint64 bytes = (guint64) files * FILE_MIB * MIB;
  BenchCommand command;
  gint64 begin = g_get_monotonic_time ();

  if (!bench_link_give (pair->link, words, piece, PIECE_SIZE, bytes, &command, error))
    return FALSE;
  bench_report_add (report, "stream/worker, host to guest", "MB/s", mb_per_second (bytes, begin));
  begin = g_get_monotonic_time ();
  if (!bench_raw_give (pair->raw, piece, PIECE_SIZE, bytes, error))
    return FALSE;
  bench_report_add (report, "stream/raw port, host to guest", "MB/s", mb_per_second (bytes, begin));
  return TRUE;
}

/* Several commands that write at once: what they get together. */
static gboolean
time_many (Pair *pair, BenchReport *report, GError **error)
{
  static const char *const words[] = { "/bin/cat", FILE_NAME, NULL };
  guint64 bytes = (guint64) MANY * FILE_MIB * MIB;
  BenchCommand command;
  gint64 begin = g_get_monotonic_time ();

  if (!bench_link_execute_many (pair->link, words, MANY, &command, error) || !check_length (command.length, bytes, error))
    return FALSE;
  bench_report_add (report, "stream/worker, guest to host, 8 at once", "MB/s", mb_per_second (bytes, begin));
  return TRUE;
}

static gboolean
make_files (Pair *pair, GError **error)
{
  g_auto (GStrv) words = g_strsplit (MAKE_FILE, " ", -1);
  BenchCommand command;

  return bench_link_execute (pair->link, (const char *const *) words, NULL, &command, error)
         && bench_raw_execute (pair->raw, MAKE_FILE, NULL, NULL, error);
}

gboolean
bench_measure_streams (BenchRun *run, GError **error)
{
  static const char *const raw_out[] = { "stream/raw port, guest to host", NULL };
  static const char *const raw_in[] = { "stream/raw port, host to guest", NULL };
  const BenchPlan *plan = bench_run_get_plan (run);
  guint files = CLAMP (plan->stream_mib / FILE_MIB, 1, MAX_FILES - 2);
  g_auto (Pair) pair = { NULL };

  if (!pair_start (&pair, run, error) || !make_files (&pair, error))
    return FALSE;
  for (guint round = 0; round < plan->stream_rounds; round++)
    if (g_cancellable_set_error_if_cancelled (plan->cancellable, error) || !time_out_of_guest (&pair, plan->report, files, error)
        || !time_into_guest (&pair, plan->report, files, error) || !time_many (&pair, plan->report, error))
      return FALSE;
  bench_report_compare (plan->report, "stream, guest to host", BENCH_HIGHER, 0.9, "stream/worker, guest to host", raw_out);
  bench_report_compare (plan->report, "stream, host to guest", BENCH_HIGHER, 0.9, "stream/worker, host to guest", raw_in);
  bench_report_compare (plan->report, "stream, guest to host, 8 at once", BENCH_HIGHER, 0, "stream/worker, guest to host, 8 at once",
                        raw_out);
  return TRUE;
}
