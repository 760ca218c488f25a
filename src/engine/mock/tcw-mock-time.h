/* Waiting in the mock engine. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The time of the monotonic clock @milliseconds from now, in microseconds. */
gint64 tcw_mock_time_after (guint milliseconds);

/* FALSE with TCW_ERROR_CANCELLED when @cancellable (not NULL) is triggered. */
gboolean tcw_mock_check_cancelled (GCancellable *cancellable, GError **error);

/* Blocks until @time (microseconds of the monotonic clock) has come. Errors: TCW_ERROR_CANCELLED, at once. */
gboolean tcw_mock_wait_until (gint64 time, GCancellable *cancellable, GError **error);

G_END_DECLS
