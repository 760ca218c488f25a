/* Connect, write, read; see bench-socket.h. */
#include "bench-socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/tcw-error.h"

#define LIMIT_MS 60000
#define CONNECT_INTERVAL_US 500
#define CONNECT_TRIES 20000

static gboolean
fail (GError **error, const char *what, int number)
{
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "a QEMU of the floor: %s: %s", what, g_strerror (number));
  return FALSE;
}

int
bench_socket_connect (const char *path, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  for (int i = 0; fd >= 0 && i < CONNECT_TRIES; i++)
    {
      if (connect (fd, (const struct sockaddr *) &address, sizeof address) == 0)
        return fd;
      if (errno != ENOENT && errno != ECONNREFUSED)
        break;
      g_usleep (CONNECT_INTERVAL_US);
    }
  fail (error, path, errno);
  if (fd >= 0)
    close (fd);
  return -1;
}

static gboolean
wait_for (int fd, short events, GError **error)
{
  struct pollfd poll_fd = { .fd = fd, .events = events };
  int n;

  do
    n = poll (&poll_fd, 1, LIMIT_MS);
  while (n < 0 && errno == EINTR);
  return n > 0 || fail (error, "poll", n == 0 ? ETIMEDOUT : errno);
}

gboolean
bench_socket_write (int fd, const void *data, gsize length, int fd_to_pass, GError **error)
{
  union
  {
    char space[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control = { 0 };

  while (length > 0)
    {
      union
      {
        const void *from;
        void *base;
      } place = { .from = data };
      struct iovec part = { .iov_base = place.base, .iov_len = length };
      struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
      ssize_t n;

      if (fd_to_pass >= 0)
        {
          message.msg_control = control.space;
          message.msg_controllen = sizeof control.space;
          CMSG_FIRSTHDR (&message)->cmsg_level = SOL_SOCKET;
          CMSG_FIRSTHDR (&message)->cmsg_type = SCM_RIGHTS;
          CMSG_FIRSTHDR (&message)->cmsg_len = CMSG_LEN (sizeof (int));
          memcpy (CMSG_DATA (CMSG_FIRSTHDR (&message)), &fd_to_pass, sizeof (int));
        }
      if (!wait_for (fd, POLLOUT, error))
        return FALSE;
      n = sendmsg (fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN && errno != EINTR)
        return fail (error, "send", errno);
      if (n > 0)
        {
          fd_to_pass = -1;
          data = (const char *) data + n;
          length -= (gsize) n;
        }
    }
  return TRUE;
}

gsize
bench_socket_read (int fd, void *buffer, gsize size, GError **error)
{
  ssize_t n;

  if (!wait_for (fd, POLLIN, error))
    return 0;
  do
    n = read (fd, buffer, size);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    return (gsize) n;
  fail (error, "read", n == 0 ? ECONNRESET : errno);
  return 0;
}
