/* Waiting in the mock engine; see tcw-mock-time.h. */
#include "engine/mock/tcw-mock-time.h"

#include "base/tcw-error.h"

gint64
tcw_mock_time_after (guint milliseconds)
{
  return g_get_monotonic_time () + (gint64) milliseconds * G_TIME_SPAN_MILLISECOND;
}

gboolean
tcw_mock_check_cancelled (GCancellable *cancellable, GError **error)
{
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_set_error_literal (error, TCW_ERROR, TCW_ERROR_CANCELLED, "the mock sandbox: cancelled");
  return FALSE;
}

/* A callback for both kinds of sources; that they wake the context is all they are for. */
static gboolean
on_wake (gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

gboolean
tcw_mock_wait_until (gint64 time, GCancellable *cancellable, GError **error)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSource) cancelled = g_cancellable_source_new (cancellable);
  g_autoptr (GSource) due = g_timeout_source_new (0);

  g_source_set_callback (cancelled, G_SOURCE_FUNC (on_cancelled), NULL, NULL);
  g_source_attach (cancelled, context);
  g_source_set_callback (due, on_wake, NULL, NULL);
  g_source_set_ready_time (due, time);
  g_source_attach (due, context);
  while (!g_cancellable_is_cancelled (cancellable) && g_get_monotonic_time () < time)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (cancelled);
  g_source_destroy (due);
  return tcw_mock_check_cancelled (cancellable, error);
}
