/* A whole task, as its user waits for it; see bench-run.h. */
#include "bench-run.h"

#include "base/tcw-error.h"

gboolean
bench_measure_task (BenchRun *run, GError **error)
{
  static const char *const floors[] = { "fork/worker, from nothing", NULL };
  const BenchPlan *plan = bench_run_get_plan (run);
  char run_word[] = "run";
  char config_word[] = "--config";
  g_autofree char *program = g_strdup (plan->program);
  g_autofree char *config = g_strdup (plan->config);
  g_autofree char *task = g_strdup (plan->task);
  char *argv[] = { program, run_word, config_word, config, task, NULL };
  const GSpawnFlags flags = G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL;

  /* The first one isn't counted: it may have to prepare its own root for libvirt. */
  for (guint round = 0; round <= plan->stream_rounds; round++)
    {
      gint64 begin = g_get_monotonic_time ();
      int status = 0;

      if (g_cancellable_set_error_if_cancelled (plan->cancellable, error)
          || !g_spawn_sync (NULL, argv, NULL, flags, NULL, NULL, NULL, NULL, &status, error))
        return FALSE;
      if (status != 0)
        {
          g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "%s run %s failed (wait status %d)", plan->program, plan->task, status);
          return FALSE;
        }
      if (round > 0)
        bench_report_add (plan->report, "task/whole command", "ms", (double) (g_get_monotonic_time () - begin) / G_TIME_SPAN_MILLISECOND);
    }
  bench_report_compare (plan->report, "whole command, against its fork", BENCH_LOWER, 0, "task/whole command", floors);
  return TRUE;
}
