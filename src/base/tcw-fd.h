/* A file descriptor that closes itself: "g_auto (TcwFd) fd = -1;". Handing it on: g_steal_fd (&fd). */
#pragma once

#include <errno.h>
#include <glib.h>
#include <unistd.h>

G_BEGIN_DECLS

typedef int TcwFd;

/* Closes @fd unless it is negative; errno stays as it was. */
static inline void
tcw_fd_close (TcwFd fd)
{
  int saved = errno;

  if (fd >= 0)
    close (fd);
  errno = saved;
}

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (TcwFd, tcw_fd_close, -1)

G_END_DECLS
