/* The mock engine's own ways, beyond what every engine must do: see tcw-mock-engine.h. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json.h"
#include "base/tcw-schema.h"
#include "engine/mock/tcw-mock-engine.h"
#include "tcw-test.h"

#define LIMIT_US (60 * G_TIME_SPAN_SECOND)

typedef struct
{
  char *folder; /* of the log, or NULL: a device's */
  TcwEngine *engine;
  TcwTaskLog *log;
  GCancellable *cancellable;
  TcwTaskContext *context;
  TcwSandboxBuilder *builder;
  TcwSandbox *sandbox;
} Mock;

static void
mock_init (Mock *self, const char *log_path)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;

  memset (self, 0, sizeof *self);
  if (log_path == NULL)
    {
      self->folder = g_dir_make_tmp (NULL, &error);
      g_assert_no_error (error);
      path = g_build_filename (self->folder, "log", NULL);
    }
  self->engine = TCW_ENGINE (tcw_mock_engine_new ());
  self->log = tcw_task_log_new (path != NULL ? path : log_path, &error);
  g_assert_no_error (error);
  self->cancellable = g_cancellable_new ();
  self->context = tcw_task_context_new ("Mock-Engine-Task-00000", 0, self->log, self->cancellable);
}

static void
mock_clear (Mock *self)
{
  g_clear_object (&self->sandbox);
  g_clear_object (&self->builder);
  tcw_task_context_unref (self->context);
  if (self->folder != NULL)
    {
      g_remove (tcw_task_log_get_path (self->log));
      g_assert_cmpint (g_rmdir (self->folder), ==, 0);
    }
  tcw_task_log_unref (self->log);
  g_object_unref (self->cancellable);
  g_object_unref (self->engine);
  g_free (self->folder);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Mock, mock_clear)

static gint64
limit (void)
{
  return g_get_monotonic_time () + LIMIT_US;
}

static gboolean
build (Mock *self, int delay, const char *function, const char *argument, GError **error)
{
  g_autoptr (JsonObject) payload = json_object_new ();

  json_object_set_int_member (payload, "delay", delay);
  json_object_set_string_member (payload, "function", function);
  json_object_set_string_member (payload, "argument", argument);
  self->builder = tcw_engine_new_sandbox_builder (self->engine, self->context, payload, error);
  return self->builder != NULL;
}

static void
start (Mock *self, int delay, const char *function, const char *argument)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (build (self, delay, function, argument, &error));
  g_assert_no_error (error);
  self->sandbox = tcw_sandbox_builder_start (self->builder, &error);
  g_assert_no_error (error);
}

static TcwResultSet *
wait_for_results (Mock *self)
{
  g_autoptr (GError) error = NULL;
  TcwResultSet *results = tcw_sandbox_wait (self->sandbox, limit (), &error);

  g_assert_no_error (error);
  g_assert_nonnull (results);
  return results;
}

static void
assert_wait_fails (Mock *self, gint64 deadline, TcwError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (tcw_sandbox_wait (self->sandbox, deadline, &error));
  g_assert_error (error, TCW_ERROR, (int) code);
}

static void
assert_kill_fails (Mock *self, TcwError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (tcw_sandbox_kill (self->sandbox, &error));
  g_assert_error (error, TCW_ERROR, (int) code);
}

/* --- The payload. -------------------------------------------------------------------------------------------------------- */

static gboolean
passes (const char *text)
{
  g_autoptr (TcwMockEngine) engine = tcw_mock_engine_new ();
  g_autoptr (JsonNode) node = tcw_engine_get_payload_schema (TCW_ENGINE (engine));
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwSchema) schema = tcw_schema_new (node, &error);
  g_autoptr (JsonNode) payload = NULL;

  g_assert_no_error (error);
  payload = tcw_json_parse (text, -1, "payload", NULL, &error);
  g_assert_no_error (error);
  return tcw_schema_validate (schema, payload, "payload", NULL);
}

static void
test_schema (void)
{
  static const char *const functions[]
      = { "true", "false", "write-log", "write-error-log", "write-log-sleep", "write-files", "print-env-var", "malformed-payload-initial",
          "malformed-payload-after-start", "fatal-internal-error", "nonfatal-internal-error" };
  static const char *const bad[] = {
    "{\"function\":\"true\",\"argument\":\"\"}",
    "{\"delay\":0,\"argument\":\"\"}",
    "{\"delay\":0,\"function\":\"true\"}",
    "{\"delay\":-1,\"function\":\"true\",\"argument\":\"\"}",
    "{\"delay\":300001,\"function\":\"true\",\"argument\":\"\"}",
    "{\"delay\":0.5,\"function\":\"true\",\"argument\":\"\"}",
    "{\"delay\":0,\"function\":\"write-volume\",\"argument\":\"\"}",
    "{\"delay\":0,\"function\":\"ping-proxy\",\"argument\":\"\"}",
    "{\"delay\":0,\"function\":\"true\",\"argument\":1}",
  };
  g_autofree char *longest = g_strnfill (255, 'x');
  g_autofree char *good = g_strdup_printf ("{\"delay\":300000,\"function\":\"true\",\"argument\":\"%s\"}", longest);
  g_autofree char *too_long = g_strdup_printf ("{\"delay\":0,\"function\":\"true\",\"argument\":\"%sx\"}", longest);

  for (gsize i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"delay\":0,\"function\":\"%s\",\"argument\":\"a\"}", functions[i]);

      g_assert_true (passes (text));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (passes (bad[i]));
  g_assert_true (passes (good));
  g_assert_false (passes (too_long));
}

static void
test_malformed_initial (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (GError) error = NULL;
  gint64 begin;

  mock_init (&mock, NULL);
  begin = g_get_monotonic_time ();
  g_assert_false (build (&mock, 30, "malformed-payload-initial", "", &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 30 * G_TIME_SPAN_MILLISECOND);
}

static void
test_malformed_initial_cancelled (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (GError) error = NULL;

  mock_init (&mock, NULL);
  g_cancellable_cancel (mock.cancellable);
  g_assert_false (build (&mock, 300000, "malformed-payload-initial", "", &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_CANCELLED);
}

static void
test_malformed_files (void)
{
  static const char *const bad[] = { "a/../b", "..", "./a", "a//b", "a/", "/", "//a", "good a/", "a a/b", "a/b a/b/c a/a" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_auto (Mock) mock = { NULL };
      g_autoptr (GError) error = NULL;

      mock_init (&mock, NULL);
      g_assert_false (build (&mock, 0, "write-files", bad[i], &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
    }
}

/* --- Time, and what wins. -------------------------------------------------------------------------------------------------- */

static void
test_delay (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (TcwResultSet) results = NULL;
  gint64 begin;

  mock_init (&mock, NULL);
  begin = g_get_monotonic_time ();
  start (&mock, 50, "write-log", "hello");
  g_assert_cmpuint (tcw_task_log_get_size (mock.log), ==, 0);
  results = wait_for_results (&mock);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 50 * G_TIME_SPAN_MILLISECOND);
  g_assert_true (tcw_result_set_get_success (results));
  g_assert_cmpuint (tcw_task_log_get_size (mock.log), ==, strlen ("hello\n"));
}

static void
test_sleep_after_effect (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (TcwResultSet) results = NULL;
  gint64 begin;

  mock_init (&mock, NULL);
  begin = g_get_monotonic_time ();
  start (&mock, 0, "write-log-sleep", "hello");
  assert_wait_fails (&mock, 0, TCW_ERROR_DEADLINE);
  g_assert_cmpuint (tcw_task_log_get_size (mock.log), ==, strlen ("hello\n"));
  results = wait_for_results (&mock);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 500 * G_TIME_SPAN_MILLISECOND);
  g_assert_true (tcw_result_set_get_success (results));
  g_assert_cmpuint (tcw_task_log_get_size (mock.log), ==, strlen ("hello\n"));
}

static void
test_kill_before_effect (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (TcwResultSet) results = NULL;
  g_autoptr (GError) error = NULL;

  mock_init (&mock, NULL);
  start (&mock, 300000, "write-log", "hello");
  /* The kill is the end, also of a task that is cancelled. */
  g_cancellable_cancel (mock.cancellable);
  assert_wait_fails (&mock, limit (), TCW_ERROR_CANCELLED);
  results = tcw_sandbox_kill (mock.sandbox, &error);
  g_assert_no_error (error);
  g_assert_false (tcw_result_set_get_success (results));
  g_assert_cmpuint (tcw_task_log_get_size (mock.log), ==, 0);
}

static void
test_errors_stay (void)
{
  static const struct
  {
    const char *function;
    TcwError code;
  } cases[] = {
    { "malformed-payload-after-start", TCW_ERROR_MALFORMED_PAYLOAD },
    { "fatal-internal-error", TCW_ERROR_FATAL },
    { "nonfatal-internal-error", TCW_ERROR_INTERNAL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Mock) mock = { NULL };

      mock_init (&mock, NULL);
      start (&mock, 0, cases[i].function, "");
      assert_wait_fails (&mock, limit (), cases[i].code);
      assert_wait_fails (&mock, 0, cases[i].code);
      assert_kill_fails (&mock, cases[i].code);
    }
}

static void
test_results_once (void)
{
  for (int kill = 0; kill < 2; kill++)
    {
      g_auto (Mock) mock = { NULL };
      g_autoptr (TcwResultSet) results = NULL;

      mock_init (&mock, NULL);
      start (&mock, 0, "true", "");
      results = kill ? tcw_sandbox_kill (mock.sandbox, NULL) : wait_for_results (&mock);
      g_assert_nonnull (results);
      assert_wait_fails (&mock, limit (), TCW_ERROR_INTERNAL);
      assert_kill_fails (&mock, TCW_ERROR_INTERNAL);
      g_assert_cmpint (tcw_result_set_get_success (results), ==, !kill);
    }
}

static void
assert_builder_used_up (Mock *self)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (tcw_sandbox_builder_start (self->builder, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_INTERNAL);
  g_clear_error (&error);
  g_assert_false (tcw_sandbox_builder_set_environment_variable (self->builder, "A", "b", &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_INTERNAL);
  tcw_sandbox_builder_discard (self->builder);
}

static void
test_start_once (void)
{
  g_auto (Mock) mock = { NULL };

  mock_init (&mock, NULL);
  start (&mock, 0, "true", "");
  assert_builder_used_up (&mock);
}

static void
test_no_start_after_discard (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (GError) error = NULL;

  mock_init (&mock, NULL);
  g_assert_true (build (&mock, 0, "true", "", &error));
  tcw_sandbox_builder_discard (mock.builder);
  assert_builder_used_up (&mock);
}

static void
test_variable_not_set (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (TcwResultSet) results = NULL;

  mock_init (&mock, NULL);
  start (&mock, 0, "print-env-var", "NOT_SET");
  results = wait_for_results (&mock);
  g_assert_false (tcw_result_set_get_success (results));
  g_assert_cmpuint (tcw_task_log_get_size (mock.log), ==, 0);
}

static void
test_log_full (void)
{
  g_auto (Mock) mock = { NULL };

  mock_init (&mock, "/dev/full");
  start (&mock, 0, "write-log", "hello");
  assert_wait_fails (&mock, limit (), TCW_ERROR_RESOURCE_UNAVAILABLE);
}

/* --- Files. ---------------------------------------------------------------------------------------------------------------- */

static gboolean
begin_file (gpointer user_data, const char *path, guint64 size, GError **error)
{
  g_string_append_printf (user_data, "%s:%" G_GUINT64_FORMAT ":", path, size);
  return TRUE;
}

static gboolean
take_data (gpointer user_data, const guint8 *data, gsize length, GError **error)
{
  g_string_append_len (user_data, (const char *) data, (gssize) length);
  return TRUE;
}

static gboolean
take_hole (gpointer user_data, guint64 length, GError **error)
{
  g_assert_not_reached ();
}

static gboolean
end_file (gpointer user_data, GError **error)
{
  g_string_append_c (user_data, ';');
  return TRUE;
}

static const TcwEntryVisitor visitor = { .begin_file = begin_file, .data = take_data, .hole = take_hole, .end_file = end_file };

static void
assert_extracts (TcwResultSet *results, TcwEntryKind kind, const char *path, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (tcw_result_set_extract (results, kind, path, &visitor, text, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (text->str, ==, expected);
}

static void
assert_not_extracted (TcwResultSet *results, TcwEntryKind kind, const char *path, TcwError code)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (tcw_result_set_extract (results, kind, path, &visitor, text, &error));
  g_assert_error (error, TCW_ERROR, (int) code);
  g_assert_cmpstr (text->str, ==, "");
}

static void
test_files (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (TcwResultSet) results = NULL;

  mock_init (&mock, NULL);
  start (&mock, 0, "write-files", " a.txt  a/b a/c/d ab/e a.txt /abs/f ");
  results = wait_for_results (&mock);
  assert_extracts (results, TCW_ENTRY_FILE, "a.txt", ":11:Hello World;");
  assert_extracts (results, TCW_ENTRY_FILE, "a/b", ":11:Hello World;");
  assert_extracts (results, TCW_ENTRY_FOLDER, "a", "b:11:Hello World;c/d:11:Hello World;");
  assert_extracts (results, TCW_ENTRY_FOLDER, "/abs", "f:11:Hello World;");
  assert_not_extracted (results, TCW_ENTRY_FILE, "a", TCW_ERROR_TASK_FAILED);
  assert_not_extracted (results, TCW_ENTRY_FOLDER, "a.txt", TCW_ERROR_TASK_FAILED);
  assert_not_extracted (results, TCW_ENTRY_FOLDER, "abs", TCW_ERROR_TASK_FAILED);
  assert_not_extracted (results, TCW_ENTRY_FILE, "", TCW_ERROR_MALFORMED_PAYLOAD);
  assert_not_extracted (results, TCW_ENTRY_FOLDER, "a/", TCW_ERROR_MALFORMED_PAYLOAD);
  assert_not_extracted (results, TCW_ENTRY_FILE, "a/../a.txt", TCW_ERROR_MALFORMED_PAYLOAD);
}

static void
test_given_away (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (TcwResultSet) results = NULL;

  mock_init (&mock, NULL);
  start (&mock, 0, "write-files", "a");
  results = wait_for_results (&mock);
  assert_extracts (results, TCW_ENTRY_FILE, "a", ":11:Hello World;");
  g_assert_null (tcw_result_set_open_access (results));
  assert_not_extracted (results, TCW_ENTRY_FILE, "a", TCW_ERROR_INTERNAL);
  g_assert_true (tcw_result_set_dispose (results, NULL));
}

static void
test_disposed (void)
{
  g_auto (Mock) mock = { NULL };
  g_autoptr (TcwResultSet) results = NULL;

  mock_init (&mock, NULL);
  start (&mock, 0, "write-files", "a");
  results = wait_for_results (&mock);
  for (int i = 0; i < 2; i++)
    {
      g_assert_true (tcw_result_set_dispose (results, NULL));
      assert_not_extracted (results, TCW_ENTRY_FILE, "a", TCW_ERROR_INTERNAL);
    }
  g_assert_true (tcw_result_set_get_success (results));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mock/schema", test_schema);
  g_test_add_func ("/mock/malformed-initial", test_malformed_initial);
  g_test_add_func ("/mock/malformed-initial-cancelled", test_malformed_initial_cancelled);
  g_test_add_func ("/mock/malformed-files", test_malformed_files);
  g_test_add_func ("/mock/delay", test_delay);
  g_test_add_func ("/mock/sleep-after-effect", test_sleep_after_effect);
  g_test_add_func ("/mock/kill-before-effect", test_kill_before_effect);
  g_test_add_func ("/mock/errors-stay", test_errors_stay);
  g_test_add_func ("/mock/results-once", test_results_once);
  g_test_add_func ("/mock/start-once", test_start_once);
  g_test_add_func ("/mock/no-start-after-discard", test_no_start_after_discard);
  g_test_add_func ("/mock/variable-not-set", test_variable_not_set);
  g_test_add_func ("/mock/log-full", test_log_full);
  g_test_add_func ("/mock/files", test_files);
  g_test_add_func ("/mock/given-away", test_given_away);
  g_test_add_func ("/mock/disposed", test_disposed);
  return tcw_test_run ();
}
