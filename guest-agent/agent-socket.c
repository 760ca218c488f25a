/* Sockets for tunnels; see agent-socket.h. */
#include "agent-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent-util.h"

typedef union {
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  struct sockaddr_un un;
} address;

/* Returns the length of @to, or 0 with errno. */
static socklen_t
make_address (const char *host, uint16_t port, const char *path, address *to)
{
  memset (to, 0, sizeof *to);
  if (*path != '\0')
    {
      if (strlen (path) >= sizeof to->un.sun_path)
        {
          errno = ENAMETOOLONG;
          return 0;
        }
      to->un.sun_family = AF_UNIX;
      memcpy (to->un.sun_path, path, strlen (path) + 1);
      return sizeof to->un;
    }
  if (*host == '\0' || strcmp (host, "localhost") == 0)
    host = "127.0.0.1";
  to->in.sin_family = AF_INET;
  to->in.sin_port = htons (port);
  if (inet_pton (AF_INET, host, &to->in.sin_addr) == 1)
    return sizeof to->in;
  memset (to, 0, sizeof *to);
  to->in6.sin6_family = AF_INET6;
  to->in6.sin6_port = htons (port);
  if (inet_pton (AF_INET6, host, &to->in6.sin6_addr) == 1)
    return sizeof to->in6;
  errno = EADDRNOTAVAIL;
  return 0;
}

int
agent_socket_listen (const char *host, uint16_t port, const char *path)
{
  agent_autofd int fd = -1;
  address here;
  socklen_t size = make_address (host, port, path, &here);
  int yes = 1;

  if (size == 0)
    return -1;
  fd = socket (here.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  if (here.any.sa_family != AF_UNIX)
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  else
    unlink (path);
  if (bind (fd, &here.any, size) < 0 || listen (fd, 64) < 0)
    return -1;
  return agent_steal_fd (&fd);
}

int
agent_socket_accept (int listener)
{
  /* cppcheck-suppress nullPointer ; nobody asks who connected: accept4 takes NULL for that */
  return accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int
agent_socket_connect (const char *host, uint16_t port, const char *path)
{
  agent_autofd int fd = -1;
  address there;
  socklen_t size = make_address (host, port, path, &there);

  if (size == 0)
    return -1;
  fd = socket (there.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || (connect (fd, &there.any, size) < 0 && errno != EINPROGRESS))
    return -1;
  return agent_steal_fd (&fd);
}

int
agent_socket_error (int fd)
{
  int error = 0;
  socklen_t size = sizeof error;

  return getsockopt (fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

uint16_t
agent_socket_port (int fd)
{
  address here = { .any.sa_family = AF_UNSPEC };
  socklen_t size = sizeof here;

  if (getsockname (fd, &here.any, &size) < 0)
    return 0;
  if (here.any.sa_family == AF_INET)
    return ntohs (here.in.sin_port);
  return here.any.sa_family == AF_INET6 ? ntohs (here.in6.sin6_port) : 0;
}
