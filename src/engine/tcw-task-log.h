/*
 * The log of one task run: what its command wrote, byte for byte, and between that the worker's own lines. It is written to a
 * file as it comes; a mirror may show it elsewhere at the same time (the terminal).
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _TcwTaskLog TcwTaskLog;

/* Where else a log shows up. Called under the log's lock, with what has just been written. */
typedef void (*TcwTaskLogMirror) (const guint8 *data, gsize length, gpointer user_data);

/* Makes the file @path anew (mode 0600). Errors: as in tcw-fs.h. The log is shared by reference; all functions are thread-safe. */
TcwTaskLog *tcw_task_log_new (const char *path, GError **error);
TcwTaskLog *tcw_task_log_ref (TcwTaskLog *self);
void tcw_task_log_unref (TcwTaskLog *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwTaskLog, tcw_task_log_unref)

/* Before anything is written. */
void tcw_task_log_set_mirror (TcwTaskLog *self, TcwTaskLogMirror mirror, gpointer user_data, GDestroyNotify destroy);

/* Bytes of the command. Errors: TCW_ERROR_RESOURCE_UNAVAILABLE when the disk is full. */
gboolean tcw_task_log_write (TcwTaskLog *self, const void *data, gsize length, GError **error);

/* A line "[taskcluster TIME] TEXT" of the worker, on a line of its own; TEXT may have several lines: each gets the prefix. */
void tcw_task_log_message (TcwTaskLog *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The same as "[taskcluster:error TIME] TEXT". */
void tcw_task_log_error (TcwTaskLog *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Bytes in the log so far. */
guint64 tcw_task_log_get_size (TcwTaskLog *self);

const char *tcw_task_log_get_path (TcwTaskLog *self);

G_END_DECLS
