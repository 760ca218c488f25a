/* Flows between descriptors and streams; see agent-flow.h. */
#include "agent-flow.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent-util.h"

enum { ROUNDS = 16, END_OF_TRANSMISSION = 4 };

bool
agent_flow_is_running (const agent_flow *flow)
{
  return flow->stream != NULL && flow->fd >= 0;
}

void
agent_flow_stop (agent_flow *flow)
{
  if (!agent_flow_is_running (flow))
    return;
  agent_watch_remove (&flow->watch);
  agent_clear_fd (&flow->fd);
}

static void
end (agent_flow *flow)
{
  agent_flow_stop (flow);
  if (flow->ended != NULL)
    flow->ended (flow->data);
}

static bool
start (agent_flow *flow, agent_loop *loop, uint32_t events, agent_watch_func func)
{
  if (agent_fd_set_blocking (flow->fd, false) && agent_watch_add (&flow->watch, loop, flow->fd, events, func, flow))
    return true;
  agent_clear_fd (&flow->fd);
  return false;
}

/* Moves what both sides allow now, with an eye on the other flows of the agent. */
static void
move_out (agent_flow *flow)
{
  for (int round = 0; round < ROUNDS || flow->final; round++)
    {
      size_t room = 0;
      void *buffer = agent_stream_reserve (flow->stream, &room);
      ssize_t n;

      if (buffer == NULL)
        {
          agent_watch_set (&flow->watch, 0);
          return;
        }
      n = read (flow->fd, buffer, room);
      if (n > 0)
        {
          agent_stream_commit (flow->stream, (size_t) n);
          continue;
        }
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN && !flow->final)
        break;
      agent_stream_finish (flow->stream);
      end (flow);
      return;
    }
  agent_watch_set (&flow->watch, EPOLLIN);
}

static void
on_input (void *data, uint32_t events)
{
  (void) events;
  move_out (data);
}

bool
agent_flow_out_start (agent_flow *flow, agent_loop *loop, int fd, agent_flow_kind kind, agent_stream *stream, void (*ended) (void *data),
                      void *data)
{
  *flow = (agent_flow) { .stream = stream, .kind = kind, .fd = fd, .ended = ended, .data = data };
  return start (flow, loop, EPOLLIN, on_input);
}

void
agent_flow_out_writable (agent_flow *flow)
{
  if (agent_flow_is_running (flow))
    move_out (flow);
}

void
agent_flow_out_drain (agent_flow *flow)
{
  flow->final = true;
  agent_flow_out_writable (flow);
}

/* The host has sent all it had. */
static void
pass_end_on (agent_flow *flow)
{
  static const char end_of_transmission = END_OF_TRANSMISSION;

  if (flow->kind == AGENT_FLOW_TERMINAL && write (flow->fd, &end_of_transmission, 1) < 0 && errno == EAGAIN)
    {
      agent_watch_set (&flow->watch, EPOLLOUT);
      return;
    }
  if (flow->kind == AGENT_FLOW_SOCKET)
    shutdown (flow->fd, SHUT_WR);
  end (flow);
}

static void
move_in (agent_flow *flow)
{
  for (int round = 0; round < ROUNDS; round++)
    {
      size_t size = 0;
      const void *bytes = agent_stream_peek (flow->stream, &size);
      ssize_t n;

      if (bytes == NULL)
        {
          if (agent_stream_at_end (flow->stream))
            pass_end_on (flow);
          else
            agent_watch_set (&flow->watch, 0);
          return;
        }
      n = write (flow->fd, bytes, size);
      if (n > 0)
        agent_stream_consume (flow->stream, (size_t) n);
      else if (n < 0 && errno == EAGAIN)
        break;
      else if (n == 0 || errno != EINTR)
        {
          agent_stream_stop (flow->stream);
          end (flow);
          return;
        }
    }
  agent_watch_set (&flow->watch, EPOLLOUT);
}

static void
on_room (void *data, uint32_t events)
{
  (void) events;
  move_in (data);
}

bool
agent_flow_in_start (agent_flow *flow, agent_loop *loop, int fd, agent_flow_kind kind, agent_stream *stream, void (*ended) (void *data),
                     void *data)
{
  *flow = (agent_flow) { .stream = stream, .kind = kind, .fd = fd, .ended = ended, .data = data };
  return start (flow, loop, 0, on_room);
}

void
agent_flow_in_readable (agent_flow *flow)
{
  if (agent_flow_is_running (flow))
    move_in (flow);
}
