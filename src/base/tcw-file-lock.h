/*
 * A lock between processes, and between threads of one: an open file description lock on a file of its own. The kernel drops it
 * when the holder dies. The file stays behind, because removing it would let two holders in.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _TcwFileLock TcwFileLock;

typedef enum {
  TCW_FILE_LOCK_EXCLUSIVE, /* one holder */
  TCW_FILE_LOCK_SHARED,    /* any number of shared holders */
} TcwFileLockKind;

/*
 * Takes the lock on @path, which is made (mode 0600) when it is missing; its folder must be there. Waits up to @timeout_ms: 0 tries
 * once, a negative value waits without an end of its own (until @cancellable).
 *
 * Returns (transfer full) the lock; free to release it. NULL with TCW_ERROR_RESOURCE_UNAVAILABLE when somebody else holds it for
 * that long (the message says which process, when that is known), TCW_ERROR_CANCELLED, or as in tcw-fs.h. Any thread.
 */
TcwFileLock *tcw_file_lock_acquire (const char *path, TcwFileLockKind kind, gint timeout_ms, GCancellable *cancellable, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Releases the lock. NULL is fine. */
void tcw_file_lock_release (TcwFileLock *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwFileLock, tcw_file_lock_release)

G_END_DECLS
