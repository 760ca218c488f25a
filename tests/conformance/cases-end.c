/* Cases of how a sandbox ends, or never begins: KillTestCase, deadlines, cancelling, and what is dropped on the way. */
#include "base/tcw-error.h"
#include "conformance-collector.h"
#include "conformance-task.h"

/* How long a wait may go on after it was cancelled, and how long a start, which has a machine to take down. */
#define WAIT_CANCEL_LIMIT_US (2 * G_TIME_SPAN_SECOND)
#define START_CANCEL_LIMIT_US (10 * G_TIME_SPAN_SECOND)

/* When the cancelling thread acts that is not told to earlier: a long command is under way then, or its start. */
#define CANCEL_AFTER_MS 200
#define CANCEL_START_AFTER_MS 50

static void
kill_after_target (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LONG_TARGET);

  conformance_task_start (task);
  conformance_task_wait_for_target (task);
  conformance_task_kill (task);
}

static void
kill_at_once (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LONG);

  conformance_task_start (task);
  conformance_task_kill (task);
}

/* A command that may have ended, but nobody took the results of: who kills it gets a failure all the same. */
static void
kill_without_wait (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_SILENT);

  conformance_task_start (task);
  conformance_task_kill (task);
}

/* The wait for the target ends by running into a deadline. */
static void
deadline_kill_extract (Conformance *conformance)
{
  const ConformanceEngine *entry = conformance->entry;
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LONG_TARGET);
  g_autoptr (GError) error = NULL;

  conformance_task_start (task);
  conformance_task_wait_for_target (task);
  conformance_task_kill (task);
  conformance_extract_nothing (task->results, TCW_ENTRY_FILE, entry->no_file);
  if (entry->early_file != NULL)
    conformance_extract_file (task->results, entry->early_file, entry->text);
  g_assert_true (tcw_result_set_dispose (task->results, &error));
  g_assert_no_error (error);
}

/* A deadline that is over already ends the wait at once, and does no harm. */
static void
deadline_in_the_past (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LONG);
  gint64 begin;

  conformance_task_start (task);
  begin = g_get_monotonic_time ();
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (tcw_sandbox_wait (task->sandbox, 0, &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_DEADLINE);
    }
  g_assert_cmpint (g_get_monotonic_time () - begin, <, WAIT_CANCEL_LIMIT_US);
  conformance_task_kill (task);
}

/* While the second one runs from its start to its end, the first one ends, and nobody waits for it. */
static void
wait_after_end (Conformance *conformance)
{
  g_autoptr (ConformanceTask) first = conformance_task_new (conformance, CONFORMANCE_LOG);

  conformance_task_start (first);
  {
    g_autoptr (ConformanceTask) second = conformance_task_new (conformance, CONFORMANCE_LOG_FAILING);

    g_assert_false (conformance_task_run (second));
    g_assert_true (conformance_task_log_has (second, CONFORMANCE_TARGET));
  }
  g_assert_true (conformance_task_run (first));
  g_assert_true (conformance_task_log_has (first, CONFORMANCE_TARGET));
}

static void
assert_cancelled (const GError *error, gint64 when, gint64 limit)
{
  g_assert_error (error, TCW_ERROR, TCW_ERROR_CANCELLED);
  g_assert_cmpint (g_get_monotonic_time () - when, <, limit);
}

static void
cancel_wait (Conformance *conformance, ConformanceNeed need)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, need);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  conformance_task_start (task);
  thread = conformance_task_cancel_soon (task, CANCEL_AFTER_MS);
  task->results = tcw_sandbox_wait (task->sandbox, conformance_deadline (), &error);
  assert_cancelled (error, conformance_task_join (thread), WAIT_CANCEL_LIMIT_US);
  g_assert_null (task->results);
}

static void
cancel_during_wait (Conformance *conformance)
{
  cancel_wait (conformance, CONFORMANCE_LONG);
}

static void
cancel_with_output (Conformance *conformance)
{
  cancel_wait (conformance, CONFORMANCE_LONG_TARGET);
}

static void
cancel_before_start (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LONG);
  g_autoptr (GError) error = NULL;

  conformance_task_build (task);
  g_cancellable_cancel (task->cancellable);
  task->sandbox = tcw_sandbox_builder_start (task->builder, &error);
  g_assert_null (task->sandbox);
  g_assert_error (error, TCW_ERROR, TCW_ERROR_CANCELLED);
}

/* A start that comes to its end before it notices gives a sandbox, and waiting for that one is cancelled then. */
static void
cancel_during_start (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LONG);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  conformance_task_build (task);
  thread = conformance_task_cancel_soon (task, CANCEL_START_AFTER_MS);
  task->sandbox = tcw_sandbox_builder_start (task->builder, &error);
  if (task->sandbox != NULL)
    task->results = tcw_sandbox_wait (task->sandbox, conformance_deadline (), &error);
  assert_cancelled (error, conformance_task_join (thread), START_CANCEL_LIMIT_US);
  g_assert_null (task->results);
}

static void
discard_instead_of_start (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LOG);
  g_autoptr (GError) error = NULL;

  conformance_task_build (task);
  g_assert_true (tcw_sandbox_builder_set_environment_variable (task->builder, CONFORMANCE_VARIABLE, "x", &error));
  g_assert_no_error (error);
  tcw_sandbox_builder_discard (task->builder);
  g_assert_false (conformance_task_log_has (task, CONFORMANCE_TARGET));
}

/* Each link of the chain alone releases everything when it is dropped. */
static void
drop_builder (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LOG);

  conformance_task_build (task);
}

static void
drop_sandbox (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LONG);

  conformance_task_start (task);
}

static void
drop_results (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_FILES);

  g_assert_true (conformance_task_run (task));
  g_clear_object (&task->sandbox);
  g_clear_object (&task->builder);
  /* They do without the links before them. */
  conformance_extract_file (task->results, conformance->entry->text_file, conformance->entry->text);
}

/* Where an engine finds out, before, at or after the start, is its own affair. */
static void
malformed_payload (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_MALFORMED);
  g_autoptr (GError) error = NULL;

  task->builder = tcw_engine_new_sandbox_builder (conformance->engine, task->context, json_node_get_object (task->payload), &error);
  if (task->builder != NULL)
    task->sandbox = tcw_sandbox_builder_start (task->builder, &error);
  if (task->sandbox != NULL)
    task->results = tcw_sandbox_wait (task->sandbox, conformance_deadline (), &error);
  g_assert_null (task->results);
  g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
}

const ConformanceCase conformance_end_cases[] = {
  { "KillTestCase/TestKill", CONFORMANCE_LONG_TARGET, kill_after_target },
  { "KillTestCase/at-once", CONFORMANCE_LONG, kill_at_once },
  { "KillTestCase/without-wait", CONFORMANCE_SILENT, kill_without_wait },
  { "DeadlineTestCase/then-kill-then-extract", CONFORMANCE_LONG_TARGET, deadline_kill_extract },
  { "DeadlineTestCase/in-the-past", CONFORMANCE_LONG, deadline_in_the_past },
  { "EndTestCase/wait-after-end", CONFORMANCE_LOG, wait_after_end },
  { "EndTestCase/malformed-payload", CONFORMANCE_MALFORMED, malformed_payload },
  { "CancelTestCase/before-start", CONFORMANCE_LONG, cancel_before_start },
  { "CancelTestCase/during-start", CONFORMANCE_LONG, cancel_during_start },
  { "CancelTestCase/during-wait", CONFORMANCE_LONG, cancel_during_wait },
  { "CancelTestCase/with-output", CONFORMANCE_LONG_TARGET, cancel_with_output },
  { "DropTestCase/discard-instead-of-start", CONFORMANCE_LOG, discard_instead_of_start },
  { "DropTestCase/builder", CONFORMANCE_LOG, drop_builder },
  { "DropTestCase/sandbox", CONFORMANCE_LONG, drop_sandbox },
  { "DropTestCase/results", CONFORMANCE_FILES, drop_results },
  { NULL },
};
