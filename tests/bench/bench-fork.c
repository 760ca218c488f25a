/* Forks: from a machine that waits, and from nothing, to the first output of a command; see bench-run.h. */
#include "bench-link.h"
#include "bench-run.h"

#include "base/tcw-error.h"

#define ECHO "/bin/echo"
#define SETTLE_US (500 * G_TIME_SPAN_MILLISECOND)
#define KINDS 6

static const char *const echo_words[] = { ECHO, "x", NULL };

static double
ms_since (gint64 begin, gint64 end)
{
  return (double) (end - begin) / G_TIME_SPAN_MILLISECOND;
}

static gboolean
need_output (gint64 first, GError **error)
{
  if (first != 0)
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "a command of the benchmark wrote nothing");
  return FALSE;
}

/* From a waiting machine to the output; the phases' times go to the report when @detail is set. */
static gboolean
wake_ours (BenchRun *run, TcwQemuGuest *guest, gboolean detail, gint64 *first, GError **error)
{
  BenchReport *report = bench_run_get_plan (run)->report;
  gint64 begin = g_get_monotonic_time ();
  gint64 ready;
  BenchCommand command;

  if (!bench_run_wake_guest (guest, error))
    return FALSE;
  ready = g_get_monotonic_time ();
  if (!bench_link_execute (tcw_qemu_guest_get_agent (guest), echo_words, tcw_qemu_image_get_exec_user (bench_run_get_image (run)), &command,
                           error)
      || !need_output (command.first, error))
    return FALSE;
  *first = command.first;
  if (detail)
    {
      const TcwQemuGuestTimes *times = tcw_qemu_guest_get_times (guest);
      double load = (double) times->load / G_TIME_SPAN_MILLISECOND;
      double agent = (double) times->agent / G_TIME_SPAN_MILLISECOND;

      bench_report_add (report, "fork/worker: load state", "ms", load);
      bench_report_add (report, "fork/worker: resume, agent answers", "ms", agent);
      bench_report_add (report, "fork/worker: identity", "ms", ms_since (begin, ready) - load - agent);
      bench_report_add (report, "fork/worker: exec to first output", "ms", ms_since (ready, command.first));
    }
  return TRUE;
}

/* The same for a QEMU of the floor. */
static gboolean
wake_floor (BenchRun *run, BenchFloor floor, BenchRaw *raw, gint64 *first, GError **error)
{
  g_autoptr (TcwQemuAgent) link = NULL;
  BenchCommand command;

  if (!bench_run_wake_raw (run, floor, raw, error))
    return FALSE;
  if (floor == BENCH_FLOOR_PLAIN)
    return bench_raw_execute (raw, ECHO " x", first, NULL, error);
  link = bench_link_open (bench_raw_get_port_path (raw), error);
  if (link == NULL || !bench_link_execute (link, echo_words, tcw_qemu_image_get_exec_user (bench_run_get_image (run)), &command, error))
    return FALSE;
  *first = command.first;
  return need_output (command.first, error);
}

/* A machine of a pool has been idle for a while: QEMU has done what it does after its start. The same for all kinds of it. */
static void
settle (void)
{
  g_usleep (SETTLE_US);
}

static gboolean
time_ours (BenchRun *run, gboolean waits, GError **error)
{
  BenchReport *report = bench_run_get_plan (run)->report;
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (TcwQemuGuest) guest = bench_run_make_guest (run, error);
  gint64 first = 0;

  if (guest == NULL)
    return FALSE;
  if (waits)
    {
      settle ();
      begin = g_get_monotonic_time ();
    }
  if (!wake_ours (run, guest, waits, &first, error))
    return FALSE;
  bench_report_add (report, waits ? "fork/worker, machine waits" : "fork/worker, from nothing", "ms", ms_since (begin, first));
  return TRUE;
}

static gboolean
time_floor (BenchRun *run, BenchFloor floor, gboolean waits, const char *name, GError **error)
{
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (BenchRaw) raw = bench_run_make_raw (run, floor, 0, error);
  gint64 first = 0;

  if (raw == NULL)
    return FALSE;
  if (waits)
    {
      settle ();
      begin = g_get_monotonic_time ();
    }
  if (!wake_floor (run, floor, raw, &first, error))
    return FALSE;
  bench_report_add (bench_run_get_plan (run)->report, name, "ms", ms_since (begin, first));
  return TRUE;
}

/* What libvirt takes for a machine that waits for its state, without anything of the worker's around it. */
static gboolean
time_create (BenchRun *run, GError **error)
{
  gint64 begin = g_get_monotonic_time ();
  g_autoptr (TcwQemuVm) vm = bench_run_make_vm (run, error);

  bench_report_add (bench_run_get_plan (run)->report, "fork/virDomainCreateXML alone", "ms", ms_since (begin, g_get_monotonic_time ()));
  return vm != NULL;
}

static gboolean
time_one (BenchRun *run, guint what, GError **error)
{
  switch (what)
    {
    case 0:
      return time_ours (run, TRUE, error);
    case 1:
      return time_floor (run, BENCH_FLOOR_PLAIN, TRUE, "fork/raw QEMU, waits", error);
    case 2:
      return time_floor (run, BENCH_FLOOR_AGENT, TRUE, "fork/raw QEMU with our agent, waits", error);
    case 3:
      return time_ours (run, FALSE, error);
    case 4:
      return time_floor (run, BENCH_FLOOR_PLAIN, FALSE, "fork/raw QEMU, from nothing", error);
    default:
      return time_create (run, error);
    }
}

gboolean
bench_measure_forks (BenchRun *run, GError **error)
{
  static const char *const waits[] = { "fork/raw QEMU, waits", NULL };
  static const char *const agent_waits[] = { "fork/raw QEMU with our agent, waits", NULL };
  static const char *const nothing[] = { "fork/raw QEMU, from nothing", "fork/virDomainCreateXML alone", NULL };
  const BenchPlan *plan = bench_run_get_plan (run);

  /* In another order each time, so that what one leaves behind doesn't always hit the same next one. */
  for (guint round = 0; round < plan->rounds; round++)
    for (guint i = 0; i < KINDS; i++)
      if (g_cancellable_set_error_if_cancelled (plan->cancellable, error) || !time_one (run, (round + i) % KINDS, error))
        return FALSE;
  bench_report_compare (plan->report, "fork, machine waits: to first output", BENCH_LOWER, 1.5, "fork/worker, machine waits", waits);
  bench_report_compare (plan->report, "  against raw QEMU with our agent", BENCH_LOWER, 0, "fork/worker, machine waits", agent_waits);
  bench_report_compare (plan->report, "fork from nothing (raw + virDomainCreateXML)", BENCH_LOWER, 1.2, "fork/worker, from nothing",
                        nothing);
  return TRUE;
}
