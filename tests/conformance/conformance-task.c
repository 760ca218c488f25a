/* One task of a case; see conformance-task.h. */
#include "conformance-task.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json.h"
#include "base/tcw-schema.h"

/* A piece of waiting, after which the log is looked at. */
#define PIECE_US (100 * G_TIME_SPAN_MILLISECOND)

gint64
conformance_deadline (void)
{
  return g_get_monotonic_time () + CONFORMANCE_LIMIT_SECONDS * G_TIME_SPAN_SECOND;
}

/* Called under the log's lock, by whatever thread writes. */
static void
on_log (const guint8 *data, gsize length, gpointer user_data)
{
  ConformanceTask *self = user_data;
  gboolean had = strstr (self->tail->str, CONFORMANCE_TARGET) != NULL;

  g_string_append_len (self->tail, (const char *) data, (gssize) length);
  if (!had && strstr (self->tail->str, CONFORMANCE_TARGET) != NULL)
    g_async_queue_push (self->seen, self);
}

/* The payload, checked as the worker checks it. */
static JsonNode *
parse_payload (Conformance *conformance, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = tcw_engine_get_payload_schema (conformance->engine);
  g_autoptr (TcwSchema) schema = tcw_schema_new (node, &error);
  JsonNode *payload;

  g_assert_no_error (error);
  payload = tcw_json_parse (text, -1, "payload", NULL, &error);
  g_assert_no_error (error);
  tcw_schema_check (schema, payload, "task.payload", &error);
  g_assert_no_error (error);
  return payload;
}

ConformanceTask *
conformance_task_new (Conformance *conformance, ConformanceNeed need)
{
  ConformanceTask *self = g_new0 (ConformanceTask, 1);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;

  self->conformance = conformance;
  self->folder = g_build_filename (conformance->folder, "tcw-conformance-XXXXXX", NULL);
  g_assert_nonnull (g_mkdtemp (self->folder));
  path = g_build_filename (self->folder, "log", NULL);
  self->seen = g_async_queue_new ();
  self->tail = g_string_new (NULL);
  self->log = tcw_task_log_new (path, &error);
  g_assert_no_error (error);
  tcw_task_log_set_mirror (self->log, on_log, self, NULL);
  self->cancellable = g_cancellable_new ();
  self->context = tcw_task_context_new ("Conformance-Task-00000", 3, self->log, self->cancellable);
  self->payload = parse_payload (conformance, conformance->entry->payloads[need].payload);
  return self;
}

void
conformance_task_free (ConformanceTask *self)
{
  g_clear_object (&self->results);
  g_clear_object (&self->sandbox);
  g_clear_object (&self->builder);
  g_clear_pointer (&self->payload, json_node_unref);
  tcw_task_context_unref (self->context);
  g_remove (tcw_task_log_get_path (self->log));
  tcw_task_log_unref (self->log);
  g_object_unref (self->cancellable);
  g_async_queue_unref (self->seen);
  g_string_free (self->tail, TRUE);
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_free (self->folder);
  g_free (self);
}

void
conformance_task_build (ConformanceTask *self)
{
  g_autoptr (GError) error = NULL;

  self->builder = tcw_engine_new_sandbox_builder (self->conformance->engine, self->context, json_node_get_object (self->payload), &error);
  g_assert_no_error (error);
  g_assert_nonnull (self->builder);
}

void
conformance_task_start (ConformanceTask *self)
{
  g_autoptr (GError) error = NULL;

  if (self->builder == NULL)
    conformance_task_build (self);
  self->sandbox = tcw_sandbox_builder_start (self->builder, &error);
  g_assert_no_error (error);
  g_assert_nonnull (self->sandbox);
}

gboolean
conformance_task_run (ConformanceTask *self)
{
  g_autoptr (GError) error = NULL;

  if (self->sandbox == NULL)
    conformance_task_start (self);
  self->results = tcw_sandbox_wait (self->sandbox, conformance_deadline (), &error);
  g_assert_no_error (error);
  g_assert_nonnull (self->results);
  return tcw_result_set_get_success (self->results);
}

void
conformance_task_wait_for_target (ConformanceTask *self)
{
  gint64 limit = conformance_deadline ();

  do
    {
      g_autoptr (GError) error = NULL;

      self->results = tcw_sandbox_wait (self->sandbox, g_get_monotonic_time () + PIECE_US, &error);
      g_assert_error (error, TCW_ERROR, TCW_ERROR_DEADLINE);
      g_assert_null (self->results);
      g_assert_cmpint (g_get_monotonic_time (), <, limit);
    }
  while (!conformance_task_log_has (self, CONFORMANCE_TARGET));
}

void
conformance_task_kill (ConformanceTask *self)
{
  g_autoptr (GError) error = NULL;

  self->results = tcw_sandbox_kill (self->sandbox, &error);
  g_assert_no_error (error);
  g_assert_nonnull (self->results);
  g_assert_false (tcw_result_set_get_success (self->results));
}

gboolean
conformance_task_log_has (ConformanceTask *self, const char *text)
{
  g_autofree char *log = NULL;
  gsize length;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (tcw_task_log_get_path (self->log), &log, &length, &error);
  g_assert_no_error (error);
  return g_strstr_len (log, (gssize) length, text) != NULL;
}

/* --- Cancelling from elsewhere. ------------------------------------------------------------------------------------------ */

typedef struct
{
  GAsyncQueue *seen;
  GCancellable *cancellable;
  guint milliseconds;
} Cancelling;

static gpointer
cancel (gpointer data)
{
  Cancelling *cancelling = data;
  gint64 *when = g_new (gint64, 1);

  g_async_queue_timeout_pop (cancelling->seen, (guint64) cancelling->milliseconds * G_TIME_SPAN_MILLISECOND);
  *when = g_get_monotonic_time ();
  g_cancellable_cancel (cancelling->cancellable);
  g_async_queue_unref (cancelling->seen);
  g_object_unref (cancelling->cancellable);
  g_free (cancelling);
  return when;
}

GThread *
conformance_task_cancel_soon (ConformanceTask *self, guint milliseconds)
{
  Cancelling *cancelling = g_new (Cancelling, 1);

  cancelling->seen = g_async_queue_ref (self->seen);
  cancelling->cancellable = g_object_ref (self->cancellable);
  cancelling->milliseconds = milliseconds;
  return g_thread_new ("cancel", cancel, cancelling);
}

gint64
conformance_task_join (GThread *thread)
{
  g_autofree gint64 *when = g_thread_join (thread);

  return *when;
}
