/*
 * The way to the host; see agent-port.h.
 *
 * The kernel's virtio_console driver says EPOLLHUP for as long as no host is connected, and wakes its waiters when that changes. Edge-
 * triggered
 * epoll turns both into events that come once, without a busy loop; readiness is remembered here until a read or write says EAGAIN.
 */
#include "agent-port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent-socket.h"
#include "agent-util.h"

enum {
  SEARCH_FAST_MS = 2, /* while the guest boots, each millisecond counts */
  SEARCH_SLOW_MS = 250,
  SEARCH_FAST_ROUNDS = 5000,
  HOST_CHECK_MS = 1000,
};

struct agent_port {
  agent_loop *loop;
  const char *path;
  const char *socket;
  agent_port_events events;
  void *data;
  int listener;
  int fd;
  bool connected;
  unsigned rounds;
  agent_watch watch;
  agent_watch accept_watch;
  agent_timer timer;
};

static void search (void *data);
static void check_host (void *data);

static void
set_connected (agent_port *port, bool connected)
{
  if (port->connected == connected)
    return;
  port->connected = connected;
  if (connected)
    port->events.connected (port->data);
  else
    port->events.disconnected (port->data);
}

/* Lets the device go and looks for it again: it was unplugged, or a driver was taken out. */
static void
lose_device (agent_port *port)
{
  agent_watch_remove (&port->watch);
  agent_clear_fd (&port->fd);
  set_connected (port, false);
  if (port->socket != NULL)
    return;
  port->rounds = SEARCH_FAST_ROUNDS;
  agent_timer_start (&port->timer, port->loop, SEARCH_SLOW_MS, search, port);
}

static void
on_ready (void *data, uint32_t events)
{
  agent_port *port = data;

  if (port->socket != NULL && (events & (EPOLLHUP | EPOLLERR)) != 0 && (events & EPOLLIN) == 0)
    {
      lose_device (port);
      return;
    }
  if (port->socket == NULL)
    set_connected (port, (events & EPOLLHUP) == 0);
  if (port->connected)
    port->events.ready (port->data);
}

/* The edge cannot be missed; this is for kernels that lose one. It is a poll of one descriptor each second. */
static void
check_host (void *data)
{
  agent_port *port = data;
  struct pollfd state = { .fd = port->fd, .events = POLLIN | POLLOUT };

  if (port->fd >= 0 && poll (&state, 1, 0) >= 0)
    {
      bool connected = (state.revents & POLLHUP) == 0;

      if (connected != port->connected)
        {
          set_connected (port, connected);
          if (connected)
            port->events.ready (port->data);
        }
    }
  if (port->fd >= 0)
    agent_timer_start (&port->timer, port->loop, HOST_CHECK_MS, check_host, port);
}

/* Takes @fd: from here on it is the link. False: errno. */
static bool
use_fd (agent_port *port, int fd)
{
  port->fd = fd;
  if (!agent_watch_add (&port->watch, port->loop, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, on_ready, port))
    {
      agent_clear_fd (&port->fd);
      return false;
    }
  return true;
}

/* Opens the device node of the port @name ("vport1p1"), making one where nobody else does. */
static int
open_node (const char *name)
{
  char path[300];
  char text[64];
  dev_t number;
  int fd;

  snprintf (path, sizeof path, "/dev/%s", name);
  fd = open (path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd >= 0 || errno != ENOENT)
    return fd;
  snprintf (path, sizeof path, "/sys/class/virtio-ports/%s/dev", name);
  if (agent_read_text (AT_FDCWD, path, text, sizeof text) <= 0 || !agent_parse_device (text, &number))
    return -1;
  snprintf (path, sizeof path, "/run/tcw-%s", name);
  if (mknod (path, S_IFCHR | 0600, number) < 0 && errno != EEXIST)
    return -1;
  return open (path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

/* Goes through the ports of this machine by the names that their devices give them: this needs no udev. */
static int
open_by_name (void)
{
  DIR *folder = opendir ("/sys/class/virtio-ports");
  const struct dirent *entry;
  int fd = -1;

  if (folder == NULL)
    return -1;
  while (fd < 0 && (entry = readdir (folder)) != NULL)
    {
      char path[300];
      char name[64];

      snprintf (path, sizeof path, "%.255s/name", entry->d_name);
      if (entry->d_name[0] != '.' && agent_read_text (dirfd (folder), path, name, sizeof name) > 0 && strcmp (name, AGENT_PORT_NAME) == 0)
        fd = open_node (entry->d_name);
    }
  closedir (folder);
  return fd;
}

static void
search (void *data)
{
  agent_port *port = data;
  int fd;

  if (port->path != NULL)
    fd = open (port->path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  else
    fd = open_by_name ();
  if (fd >= 0 && use_fd (port, fd))
    {
      agent_timer_start (&port->timer, port->loop, HOST_CHECK_MS, check_host, port);
      return;
    }
  if (port->rounds < SEARCH_FAST_ROUNDS)
    port->rounds++;
  agent_timer_start (&port->timer, port->loop, port->rounds < SEARCH_FAST_ROUNDS ? SEARCH_FAST_MS : SEARCH_SLOW_MS, search, port);
}

/* A new connection takes the place of the old one: the host knows best which one it means. */
static void
on_accept (void *data, uint32_t events)
{
  agent_port *port = data;
  int fd = agent_socket_accept (port->listener);

  (void) events;
  if (fd < 0)
    return;
  lose_device (port);
  if (use_fd (port, fd))
    set_connected (port, true);
}

static bool
listen_on (agent_port *port)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  size_t size = strlen (port->socket) + 1;

  if (size > sizeof address.sun_path)
    {
      errno = ENAMETOOLONG;
      return false;
    }
  memcpy (address.sun_path, port->socket, size);
  unlink (port->socket);
  port->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return port->listener >= 0 && bind (port->listener, (const struct sockaddr *) &address, sizeof address) == 0
         && listen (port->listener, 4) == 0
         && agent_watch_add (&port->accept_watch, port->loop, port->listener, EPOLLIN, on_accept, port);
}

agent_port *
agent_port_new (agent_loop *loop, const char *path, const char *socket_path, const agent_port_events *events, void *data)
{
  agent_port *port = calloc (1, sizeof *port);

  if (port == NULL)
    return NULL;
  *port = (agent_port) { .loop = loop, .path = path, .socket = socket_path, .events = *events, .data = data, .listener = -1, .fd = -1 };
  if (socket_path == NULL)
    {
      search (port);
      return port;
    }
  if (listen_on (port))
    return port;
  agent_port_free (port);
  return NULL;
}

void
agent_port_free (agent_port *port)
{
  int saved = errno;

  if (port == NULL)
    return;
  agent_timer_stop (&port->timer);
  agent_watch_remove (&port->watch);
  agent_watch_remove (&port->accept_watch);
  agent_clear_fd (&port->fd);
  if (port->listener >= 0 && port->socket != NULL)
    unlink (port->socket);
  agent_clear_fd (&port->listener);
  free (port);
  errno = saved;
}

size_t
agent_port_read (agent_port *port, void *data, size_t size)
{
  ssize_t n;

  if (!port->connected || port->fd < 0)
    return 0;
  do
    n = read (port->fd, data, size);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    return (size_t) n;
  if (n < 0 && errno == EAGAIN)
    return 0;
  if (n == 0 && port->socket == NULL)
    set_connected (port, false); /* the host end went; the device stays */
  else
    lose_device (port);
  return 0;
}

size_t
agent_port_write (agent_port *port, const void *data, size_t size)
{
  ssize_t n;

  if (!port->connected || port->fd < 0)
    return 0;
  do
    n = port->socket != NULL ? send (port->fd, data, size, MSG_NOSIGNAL) : write (port->fd, data, size);
  while (n < 0 && errno == EINTR);
  if (n >= 0)
    return (size_t) n;
  if (errno != EAGAIN && port->socket == NULL && errno != EPIPE)
    lose_device (port);
  return 0;
}

bool
agent_port_is_ordered (const agent_port *port)
{
  return port->socket != NULL;
}

bool
agent_port_is_connected (const agent_port *port)
{
  return port->connected;
}
