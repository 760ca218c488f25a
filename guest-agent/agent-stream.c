/* Streams as the agent's parts see them, on top of the link's; see agent-stream.h. */
#include "agent-stream.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/tcw-wire-link.h"

#include "agent-stream-link.h"

struct agent_stream {
  TcwWireStream *wire;
  agent_stream_events events;
  void *data;
};

agent_stream *
agent_stream_open (TcwWireLink *link, uint32_t id, bool initiate, size_t receive, size_t send)
{
  agent_stream *stream = calloc (1, sizeof *stream);

  if (stream == NULL)
    return NULL;
  stream->wire = tcw_wire_stream_open (link, id, initiate ? TCW_WIRE_OPEN_INITIATE : TCW_WIRE_OPEN_ACCEPT, receive, send);
  if (stream->wire == NULL)
    {
      free (stream);
      return NULL;
    }
  tcw_wire_stream_set_data (stream->wire, stream);
  return stream;
}

void
agent_stream_dispatch (TcwWireLink *link, TcwWireStream *wire, unsigned changes)
{
  agent_stream *stream = tcw_wire_stream_get_data (wire);
  uint32_t id = tcw_wire_stream_get_id (wire);

  if (stream == NULL)
    return;
  if ((changes & (TCW_WIRE_STREAM_SEND_STOPPED | TCW_WIRE_STREAM_RECEIVE_RESET)) != 0)
    {
      if (stream->events.reset != NULL)
        stream->events.reset (stream->data);
      return;
    }
  if ((changes & TCW_WIRE_STREAM_READABLE) != 0 && stream->events.readable != NULL)
    stream->events.readable (stream->data);
  if ((changes & TCW_WIRE_STREAM_WRITABLE) == 0)
    return;
  /* The owner may have closed the stream in what it did above. */
  wire = tcw_wire_link_get_stream (link, id);
  if (wire != NULL && tcw_wire_stream_get_data (wire) == stream && stream->events.writable != NULL)
    stream->events.writable (stream->data);
}

uint32_t
agent_stream_get_id (const agent_stream *stream)
{
  return tcw_wire_stream_get_id (stream->wire);
}

void
agent_stream_set_events (agent_stream *stream, const agent_stream_events *events, void *data)
{
  stream->events = *events;
  stream->data = data;
}

void *
agent_stream_reserve (agent_stream *stream, size_t *room)
{
  uint8_t *space = NULL;

  *room = tcw_wire_stream_reserve (stream->wire, &space);
  return *room == 0 ? NULL : space;
}

void
agent_stream_commit (agent_stream *stream, size_t size)
{
  tcw_wire_stream_commit (stream->wire, size);
}

void
agent_stream_finish (agent_stream *stream)
{
  tcw_wire_stream_finish (stream->wire);
}

const void *
agent_stream_peek (agent_stream *stream, size_t *size)
{
  const uint8_t *bytes = NULL;

  *size = tcw_wire_stream_peek (stream->wire, &bytes);
  return *size == 0 ? NULL : bytes;
}

void
agent_stream_consume (agent_stream *stream, size_t size)
{
  tcw_wire_stream_consume (stream->wire, size);
}

bool
agent_stream_at_end (agent_stream *stream)
{
  return tcw_wire_stream_is_at_end (stream->wire);
}

void
agent_stream_stop (agent_stream *stream)
{
  tcw_wire_stream_stop (stream->wire, TCW_WIRE_RESET_CANCELLED);
}

void
agent_stream_close (agent_stream *stream)
{
  tcw_wire_stream_finish (stream->wire);
  tcw_wire_stream_set_data (stream->wire, NULL);
  tcw_wire_stream_release (stream->wire);
  free (stream);
}
