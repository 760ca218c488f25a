/* Cases of logs and environment variables: LoggingTestCase, EnvVarTestCase. */
#include "base/tcw-error.h"
#include "conformance-task.h"

static void
log_target (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LOG);

  g_assert_true (conformance_task_run (task));
  g_assert_true (conformance_task_log_has (task, CONFORMANCE_TARGET));
}

static void
log_target_when_failing (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_LOG_FAILING);

  g_assert_false (conformance_task_run (task));
  g_assert_true (conformance_task_log_has (task, CONFORMANCE_TARGET));
}

static void
silent_task (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_SILENT);

  g_assert_true (conformance_task_run (task));
  g_assert_false (conformance_task_log_has (task, CONFORMANCE_TARGET));
}

static void
silent_failure (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_FAILING);

  g_assert_false (conformance_task_run (task));
  g_assert_false (conformance_task_log_has (task, CONFORMANCE_TARGET));
}

static void
set_variable (ConformanceTask *task, const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (tcw_sandbox_builder_set_environment_variable (task->builder, name, value, &error));
  g_assert_no_error (error);
}

static void
refuse_variable (ConformanceTask *task, const char *name)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (tcw_sandbox_builder_set_environment_variable (task->builder, name, "refused-value", &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
}

static void
print_variable (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_PRINT_VARIABLE);

  conformance_task_build (task);
  set_variable (task, CONFORMANCE_VARIABLE, "a value = that's, \"quoted\" $HOME");
  g_assert_true (conformance_task_run (task));
  g_assert_true (conformance_task_log_has (task, "a value = that's, \"quoted\" $HOME"));
}

/* What is refused leaves the builder as it was: the first value stays. */
static void
variable_name_conflict (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_PRINT_VARIABLE);

  conformance_task_build (task);
  set_variable (task, CONFORMANCE_VARIABLE, "first-value");
  refuse_variable (task, CONFORMANCE_VARIABLE);
  g_assert_true (conformance_task_run (task));
  g_assert_true (conformance_task_log_has (task, "first-value"));
  g_assert_false (conformance_task_log_has (task, "refused-value"));
}

static void
invalid_variable_names (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_PRINT_VARIABLE);

  conformance_task_build (task);
  g_assert_nonnull (conformance->entry->invalid_names[0]);
  for (const char *const *name = conformance->entry->invalid_names; *name != NULL; name++)
    refuse_variable (task, *name);
  tcw_sandbox_builder_discard (task->builder);
}

static void
many_variables (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = conformance_task_new (conformance, CONFORMANCE_MANY_VARIABLES);
  g_autofree char *last = g_strdup_printf ("value-%d", CONFORMANCE_N_VARIABLES - 1);

  conformance_task_build (task);
  for (int i = 0; i < CONFORMANCE_N_VARIABLES; i++)
    {
      g_autofree char *name = g_strdup_printf ("MANY_%d", i);
      g_autofree char *value = g_strdup_printf ("value-%d", i);

      set_variable (task, name, value);
    }
  g_assert_true (conformance_task_run (task));
  g_assert_true (conformance_task_log_has (task, last));
}

const ConformanceCase conformance_log_cases[] = {
  { "LoggingTestCase/TestLogTarget", CONFORMANCE_LOG, log_target },
  { "LoggingTestCase/TestLogTargetWhenFailing", CONFORMANCE_LOG_FAILING, log_target_when_failing },
  { "LoggingTestCase/TestSilentTask", CONFORMANCE_SILENT, silent_task },
  { "LoggingTestCase/silent-failure", CONFORMANCE_FAILING, silent_failure },
  { "EnvVarTestCase/TestPrintVariable", CONFORMANCE_PRINT_VARIABLE, print_variable },
  { "EnvVarTestCase/TestVariableNameConflict", CONFORMANCE_PRINT_VARIABLE, variable_name_conflict },
  { "EnvVarTestCase/TestInvalidVariableNames", CONFORMANCE_PRINT_VARIABLE, invalid_variable_names },
  { "EnvVarTestCase/3000-variables", CONFORMANCE_MANY_VARIABLES, many_variables },
  { NULL },
};
