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

typedef struct
{
  GMutex mutex;
  GCond cond;
  gboolean cancelled;
} Waiter;

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Waiter *waiter = user_data;

  g_mutex_lock (&waiter->mutex);
  waiter->cancelled = TRUE;
  g_cond_signal (&waiter->cond);
  g_mutex_unlock (&waiter->mutex);
}

/* Not by a source of the cancellable: GLib 2.74 leaks one that is destroyed while another thread is about to end its cancelling. */
gboolean
tcw_mock_wait_until (gint64 time, GCancellable *cancellable, GError **error)
{
  Waiter waiter = { .cancelled = FALSE };
  gboolean come = FALSE;
  gulong handler;

  g_mutex_init (&waiter.mutex);
  g_cond_init (&waiter.cond);
  /* Called back at once, and without a handler, when it is triggered already. */
  handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), &waiter, NULL);
  g_mutex_lock (&waiter.mutex);
  while (!waiter.cancelled && !come)
    come = !g_cond_wait_until (&waiter.cond, &waiter.mutex, time);
  g_mutex_unlock (&waiter.mutex);
  g_cancellable_disconnect (cancellable, handler);
  g_cond_clear (&waiter.cond);
  g_mutex_clear (&waiter.mutex);
  return tcw_mock_check_cancelled (cancellable, error);
}
