/* Tunnels; see agent-tunnels.h. */
#include "agent-tunnels.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-flow.h"
#include "agent-socket.h"
#include "agent-stream-link.h"
#include "agent-util.h"

typedef struct {
  agent_tunnels *owner;
  agent_request request; /* CONNECT_OUT: to be answered when the attempt has ended */
  agent_watch attempt;
  int fd; /* while connecting */
  agent_stream *stream;
  agent_flow in;
  agent_flow out;
} connection;

typedef struct {
  agent_tunnels *owner;
  uint32_t id;
  int fd;
  char *path; /* of a UNIX socket, to be removed; or NULL */
  agent_watch watch;
} listener;

struct agent_tunnels {
  const agent_context *context;
  uint32_t last_stream; /* ids are not used twice in a session */
  listener *listeners[AGENT_LISTENERS_MAX];
  connection *connections[AGENT_CONNECTIONS_MAX];
};

agent_tunnels *
agent_tunnels_new (const agent_context *context)
{
  agent_tunnels *tunnels = calloc (1, sizeof *tunnels);

  if (tunnels != NULL)
    tunnels->context = context;
  return tunnels;
}

static void
connection_free (connection *self)
{
  for (int i = 0; i < AGENT_CONNECTIONS_MAX; i++)
    if (self->owner->connections[i] == self)
      self->owner->connections[i] = NULL;
  agent_watch_remove (&self->attempt);
  agent_clear_fd (&self->fd);
  agent_flow_stop (&self->in);
  agent_flow_stop (&self->out);
  if (self->stream != NULL)
    agent_stream_close (self->stream);
  free (self);
}

static void
listener_free (listener *self)
{
  for (int i = 0; i < AGENT_LISTENERS_MAX; i++)
    if (self->owner->listeners[i] == self)
      self->owner->listeners[i] = NULL;
  agent_watch_remove (&self->watch);
  agent_clear_fd (&self->fd);
  if (self->path != NULL)
    unlink (self->path);
  free (self->path);
  free (self);
}

void
agent_tunnels_clear (agent_tunnels *tunnels)
{
  for (int i = 0; i < AGENT_LISTENERS_MAX; i++)
    if (tunnels->listeners[i] != NULL)
      listener_free (tunnels->listeners[i]);
  for (int i = 0; i < AGENT_CONNECTIONS_MAX; i++)
    if (tunnels->connections[i] != NULL)
      connection_free (tunnels->connections[i]);
  tunnels->last_stream = 0;
}

void
agent_tunnels_free (agent_tunnels *tunnels)
{
  if (tunnels == NULL)
    return;
  agent_tunnels_clear (tunnels);
  free (tunnels);
}

static void
on_flow_ended (void *data)
{
  connection *self = data;

  if (!agent_flow_is_running (&self->in) && !agent_flow_is_running (&self->out))
    connection_free (self);
}

static void
on_readable (void *data)
{
  connection *self = data;

  agent_flow_in_readable (&self->in);
}

static void
on_writable (void *data)
{
  connection *self = data;

  agent_flow_out_writable (&self->out);
}

static void
on_reset (void *data)
{
  connection *self = data;

  if (self->request.number != 0)
    agent_control_reply (self->owner->context->control, self->request, TCW_WIRE_STATUS_CANCELLED, "the host gave the stream up");
  connection_free (self);
}

/* A connection without its socket and stream yet. NULL: errno. */
static connection *
connection_new (agent_tunnels *tunnels)
{
  connection *self = NULL;
  int place = 0;

  while (place < AGENT_CONNECTIONS_MAX && tunnels->connections[place] != NULL)
    place++;
  errno = EMFILE;
  if (place < AGENT_CONNECTIONS_MAX)
    self = calloc (1, sizeof *self);
  if (self == NULL)
    return NULL;
  self->owner = tunnels;
  self->fd = self->in.fd = self->out.fd = -1;
  tunnels->connections[place] = self;
  return self;
}

/* Lets the bytes flow between @fd, which is taken, and the stream. False: errno. */
static bool
start_flows (connection *self, int fd)
{
  static const agent_stream_events events = { .readable = on_readable, .writable = on_writable, .reset = on_reset };
  agent_loop *loop = self->owner->context->loop;
  int second = fcntl (fd, F_DUPFD_CLOEXEC, 3);

  agent_stream_set_events (self->stream, &events, self);
  if (second < 0)
    {
      close (fd);
      return false;
    }
  if (!agent_flow_out_start (&self->out, loop, fd, AGENT_FLOW_SOCKET, self->stream, on_flow_ended, self))
    {
      close (second);
      return false;
    }
  return agent_flow_in_start (&self->in, loop, second, AGENT_FLOW_SOCKET, self->stream, on_flow_ended, self);
}

/* Somebody connected to @from: a stream of the agent's own, and the event that tells the host of it. */
static void
take_connection (listener *from, int fd)
{
  agent_tunnels *tunnels = from->owner;
  TcwWireConnect message = { .listener = from->id, .stream = TCW_WIRE_STREAM_AGENT | ++tunnels->last_stream };
  connection *self = connection_new (tunnels);
  uint8_t body[32];
  TcwWireWriter writer;

  if (self != NULL)
    self->stream = agent_stream_open (tunnels->context->wire, message.stream, true, AGENT_STREAM_WINDOW, AGENT_STREAM_WINDOW);
  if (self == NULL || self->stream == NULL)
    {
      close (fd);
      if (self != NULL)
        connection_free (self);
      return;
    }
  tcw_wire_writer_init (&writer, body, sizeof body);
  tcw_wire_connect_encode (&writer, &message);
  agent_control_event (tunnels->context->control, TCW_WIRE_CONNECT, body, writer.length);
  if (!start_flows (self, fd))
    connection_free (self);
}

static void
on_accept (void *data, uint32_t events)
{
  listener *self = data;
  int fd = agent_socket_accept (self->fd);

  (void) events;
  if (fd >= 0)
    take_connection (self, fd);
}

static listener *
find_listener (const agent_tunnels *tunnels, uint32_t id)
{
  for (int i = 0; i < AGENT_LISTENERS_MAX; i++)
    if (tunnels->listeners[i] != NULL && tunnels->listeners[i]->id == id)
      return tunnels->listeners[i];
  return NULL;
}

/* Opens the socket of a new listener. NULL: errno. */
static listener *
listener_new (agent_tunnels *tunnels, const TcwWireListen *message)
{
  listener *self = NULL;
  int place = 0;
  int error;

  while (place < AGENT_LISTENERS_MAX && tunnels->listeners[place] != NULL)
    place++;
  errno = EMFILE;
  if (place < AGENT_LISTENERS_MAX)
    self = calloc (1, sizeof *self);
  if (self == NULL)
    return NULL;
  self->owner = tunnels;
  self->id = message->listener;
  self->fd = agent_socket_listen (message->host, message->port, message->path);
  if (self->fd >= 0 && *message->path != '\0')
    {
      self->path = strdup (message->path);
      chmod (message->path, message->mode == 0 ? 0666 : message->mode & 0777);
    }
  if (self->fd >= 0 && agent_watch_add (&self->watch, tunnels->context->loop, self->fd, EPOLLIN, on_accept, self))
    {
      tunnels->listeners[place] = self;
      return self;
    }
  error = errno;
  listener_free (self);
  errno = error;
  return NULL;
}

void
agent_tunnels_listen (agent_tunnels *tunnels, agent_request request, const TcwWireListen *message)
{
  agent_control *control = tunnels->context->control;
  listener *self;
  uint8_t body[16];
  TcwWireWriter writer;

  if (find_listener (tunnels, message->listener) != NULL)
    {
      agent_control_reply (control, request, TCW_WIRE_STATUS_EXISTS, "there is a listener with this id");
      return;
    }
  self = listener_new (tunnels, message);
  if (self == NULL)
    {
      agent_control_reply_errno (control, request, errno, "cannot listen");
      return;
    }
  tcw_wire_writer_init (&writer, body, sizeof body);
  tcw_wire_listening_encode (&writer, &(TcwWireListening) { .port = agent_socket_port (self->fd) });
  agent_control_reply_body (control, request, body, writer.length);
}

void
agent_tunnels_unlisten (agent_tunnels *tunnels, agent_request request, const TcwWireUnlisten *message)
{
  listener *self = find_listener (tunnels, message->listener);

  if (self != NULL)
    listener_free (self);
  agent_control_reply (tunnels->context->control, request, self != NULL ? TCW_WIRE_STATUS_OK : TCW_WIRE_STATUS_NOT_FOUND,
                       self != NULL ? "" : "there is no such listener");
}

/* The attempt to connect has ended. */
static void
on_attempt (void *data, uint32_t events)
{
  connection *self = data;
  agent_control *control = self->owner->context->control;
  agent_request request = self->request;
  int error = agent_socket_error (self->fd);

  (void) events;
  agent_watch_remove (&self->attempt);
  if (error == 0 && !start_flows (self, agent_steal_fd (&self->fd)))
    error = errno;
  if (error != 0)
    {
      connection_free (self);
      agent_control_reply_errno (control, request, error, "cannot connect");
      return;
    }
  self->request.number = 0;
  agent_control_reply (control, request, TCW_WIRE_STATUS_OK, "");
  agent_flow_in_readable (&self->in);
}

void
agent_tunnels_connect_out (agent_tunnels *tunnels, agent_request request, const TcwWireConnectOut *message)
{
  static const agent_stream_events events = { .reset = on_reset };
  connection *self = connection_new (tunnels);
  int error = errno;

  if (self != NULL)
    {
      self->request = request;
      self->fd = agent_socket_connect (message->host, message->port, message->path);
      if (self->fd >= 0)
        self->stream = agent_stream_open (tunnels->context->wire, message->stream, false, AGENT_STREAM_WINDOW, AGENT_STREAM_WINDOW);
      if (self->stream != NULL)
        agent_stream_set_events (self->stream, &events, self);
      if (self->stream != NULL && agent_watch_add (&self->attempt, tunnels->context->loop, self->fd, EPOLLOUT, on_attempt, self))
        return;
      error = errno;
      connection_free (self);
    }
  agent_control_reply_errno (tunnels->context->control, request, error, "cannot connect");
}
