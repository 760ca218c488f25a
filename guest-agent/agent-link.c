/* The link to the host; see agent-link.h. */
#include "agent-link.h"

#include <errno.h>
#include <stdlib.h>

#include "agent-port.h"
#include "agent-stream-link.h"
#include "agent-util.h"
#include "wire/tcw-wire-record.h"

enum { ROUNDS = 16, OVERTAKING_MS = 1000 };

struct agent_link {
  agent_loop *loop;
  agent_link_events events;
  void *data;
  agent_port *port;
  TcwWireLink *wire;
  uint64_t hello_ms; /* when the last HELLO came */
  bool readable;  /* the port may have bytes */
  bool writable;  /* the port may take bytes */
  size_t written; /* of the @pulled bytes in @out */
  size_t pulled;
  uint8_t out[TCW_WIRE_FRAME_MAX];
  uint8_t in[TCW_WIRE_FRAME_MAX];
};

static void
on_hello (agent_link *link, const TcwWireEvent *event)
{
  link->hello_ms = agent_now_ms ();
  if (event->fresh)
    link->events.fresh (link->data);
  else if (event->attach)
    link->events.attached (link->data);
  tcw_wire_link_welcome (link->wire, link->events.needs_identity (link->data), AGENT_VERSION, "");
}

/* Goes through what the last bytes, or the last work, brought about. */
static void
handle_events (agent_link *link)
{
  TcwWireEvent event;

  while (tcw_wire_link_next_event (link->wire, &event))
    switch (event.type)
      {
      case TCW_WIRE_EVENT_HELLO:
        on_hello (link, &event);
        break;
      case TCW_WIRE_EVENT_STREAM:
        if (tcw_wire_stream_get_id (event.stream) == 0)
          link->events.control (link->data);
        else
          agent_stream_dispatch (link->wire, event.stream, event.changes);
        break;
      case TCW_WIRE_EVENT_FAILED:
        agent_log ("link: %s", event.text);
        break;
      case TCW_WIRE_EVENT_WELCOME:
      case TCW_WIRE_EVENT_UNKNOWN:
      case TCW_WIRE_EVENT_PONG:
      case TCW_WIRE_EVENT_RESYNC:
      default:
        break;
      }
}

/* Reads what is there. False: there may be more. */
static bool
receive (agent_link *link)
{
  for (int round = 0; round < ROUNDS && link->readable; round++)
    {
      size_t n = agent_port_read (link->port, link->in, sizeof link->in);

      if (n == 0)
        link->readable = false;
      else
        tcw_wire_link_push (link->wire, link->in, n);
      handle_events (link);
    }
  return !link->readable;
}

/* Writes what the port takes. False: there may be more to write at once. */
static bool
transmit (agent_link *link)
{
  for (int round = 0; round < ROUNDS && link->writable; round++)
    {
      size_t n;

      if (link->written == link->pulled)
        {
          link->written = 0;
          link->pulled = tcw_wire_link_pull (link->wire, link->out, sizeof link->out);
        }
      if (link->pulled == 0)
        return true;
      n = agent_port_write (link->port, link->out + link->written, link->pulled - link->written);
      link->written += n;
      link->writable = n > 0;
    }
  return !link->writable;
}

static void
on_turn (void *data)
{
  agent_link *link = data;
  bool idle = receive (link);

  handle_events (link);
  idle = transmit (link) && idle;
  handle_events (link);
  if (!idle || (link->writable && tcw_wire_link_wants_write (link->wire)))
    agent_loop_again (link->loop);
}

static void
on_ready (void *data)
{
  agent_link *link = data;

  link->readable = link->writable = true;
}

static void
on_disconnected (void *data)
{
  agent_link *link = data;

  link->readable = link->writable = false;
  if (!agent_port_is_ordered (link->port) && agent_now_ms () - link->hello_ms < OVERTAKING_MS)
    return; /* that HELLO may have been the next host's, and the answer to it is still to be written */
  link->written = link->pulled = 0;
  tcw_wire_link_disconnect (link->wire);
}

agent_link *
agent_link_new (agent_loop *loop, const agent_options *options, const agent_link_events *events, void *data)
{
  static const agent_port_events port_events = { .connected = on_ready, .disconnected = on_disconnected, .ready = on_ready };
  agent_link *link = calloc (1, sizeof *link);

  if (link == NULL)
    return NULL;
  link->loop = loop;
  link->events = *events;
  link->data = data;
  link->wire = tcw_wire_link_new (TCW_WIRE_AGENT, TCW_WIRE_CONTROL_WINDOW);
  if (link->wire != NULL)
    link->port = agent_port_new (loop, options->port, options->socket, &port_events, link);
  if (link->port == NULL)
    {
      agent_link_free (link);
      return NULL;
    }
  agent_loop_set_turn (loop, on_turn, link);
  return link;
}

void
agent_link_free (agent_link *link)
{
  int saved = errno;

  if (link == NULL)
    return;
  agent_loop_set_turn (link->loop, NULL, NULL);
  agent_port_free (link->port);
  tcw_wire_link_free (link->wire);
  free (link);
  errno = saved;
}

TcwWireLink *
agent_link_get_wire (agent_link *link)
{
  return link->wire;
}

void
agent_link_flush (agent_link *link)
{
  link->writable = true;
  transmit (link);
}
