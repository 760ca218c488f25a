/* Locks between processes by open file description; see tcw-file-lock.h. The file holds the process id of its last exclusive holder. */
#include "base/tcw-file-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-fd.h"
#include "base/tcw-fs.h"

#define FIRST_PAUSE_MS 5
#define LONGEST_PAUSE_MS 200

struct _TcwFileLock {
  TcwFd fd;
};

static gboolean
try_lock (int fd, TcwFileLockKind kind)
{
  struct flock lock = { .l_type = kind == TCW_FILE_LOCK_SHARED ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

  return fcntl (fd, F_OFD_SETLK, &lock) == 0;
}

/* Leaves a note for those who wait; it is no part of the lock, so a failure doesn't matter. */
static void
note_holder (int fd)
{
  char text[32];

  g_snprintf (text, sizeof text, "%ld\n", (long) getpid ());
  if (ftruncate (fd, 0) == 0)
    (void) !pwrite (fd, text, strlen (text), 0);
}

static gboolean
fail_held (int fd, const char *path, GError **error)
{
  char text[32] = "";
  gssize n = pread (fd, text, sizeof text - 1, 0);
  guint64 pid = n > 0 ? g_ascii_strtoull (text, NULL, 10) : 0;

  if (pid > 0)
    g_set_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE,
                 "“%s” is locked by another (last taken by process %" G_GUINT64_FORMAT ")", path, pid);
  else
    g_set_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE, "“%s” is locked by another", path);
  return FALSE;
}

/* Waits @pause_ms, or until the cancellable is; then FALSE with an error. */
static gboolean
pause_or_cancel (gint pause_ms, const char *path, GCancellable *cancellable, GError **error)
{
  GPollFD pollfd = { 0 };
  gboolean has_fd = cancellable != NULL && g_cancellable_make_pollfd (cancellable, &pollfd);

  g_poll (&pollfd, has_fd ? 1 : 0, pause_ms);
  if (has_fd)
    g_cancellable_release_fd (cancellable);
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_CANCELLED, "waiting for the lock “%s” was cancelled", path);
  return FALSE;
}

static gboolean
wait_for_lock (int fd, const char *path, TcwFileLockKind kind, gint timeout_ms, GCancellable *cancellable, GError **error)
{
  gint64 deadline = timeout_ms < 0 ? G_MAXINT64 : g_get_monotonic_time () + (gint64) timeout_ms * 1000;
  gint pause_ms = FIRST_PAUSE_MS;

  while (!try_lock (fd, kind))
    {
      gint64 left_ms = (deadline - g_get_monotonic_time ()) / 1000;

      if (errno != EAGAIN && errno != EACCES && errno != EINTR)
        return tcw_fs_fail (error, errno, "cannot lock “%s”", path);
      if (left_ms <= 0)
        return fail_held (fd, path, error);
      if (!pause_or_cancel ((gint) MIN (left_ms, pause_ms), path, cancellable, error))
        return FALSE;
      pause_ms = MIN (pause_ms * 2, LONGEST_PAUSE_MS);
    }
  return TRUE;
}

TcwFileLock *
tcw_file_lock_acquire (const char *path, TcwFileLockKind kind, gint timeout_ms, GCancellable *cancellable, GError **error)
{
  g_auto (TcwFd) fd = open (path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
  TcwFileLock *self;

  if (fd < 0)
    {
      tcw_fs_fail (error, errno, "cannot open the lock “%s”", path);
      return NULL;
    }
  if (!wait_for_lock (fd, path, kind, timeout_ms, cancellable, error))
    return NULL;
  if (kind == TCW_FILE_LOCK_EXCLUSIVE)
    note_holder (fd);
  self = g_new0 (TcwFileLock, 1);
  self->fd = g_steal_fd (&fd);
  return self;
}

void
tcw_file_lock_release (TcwFileLock *self)
{
  struct flock unlock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

  if (self == NULL)
    return;
  /* Closing alone doesn't do: a child that another thread is just starting has the same open file until its exec. */
  (void) !fcntl (self->fd, F_OFD_SETLK, &unlock);
  tcw_fd_close (self->fd);
  g_free (self);
}
