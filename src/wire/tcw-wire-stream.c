/* Streams: what their users do with them; see tcw-wire-link.h. Their life inside the link is in tcw-wire-stream-table.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/tcw-wire-link-private.h"

static bool
is_ours (const TcwWireLink *link, uint32_t id)
{
  return ((id & TCW_WIRE_STREAM_AGENT) != 0) == (link->role == TCW_WIRE_AGENT);
}

TcwWireStream *
tcw_wire_stream_open (TcwWireLink *link, uint32_t id, TcwWireOpen how, size_t receive, size_t send)
{
  TcwWireStream *stream;

  if (id == 0 || receive > TCW_WIRE_WINDOW_MAX || send > TCW_WIRE_WINDOW_MAX || is_ours (link, id) != (how == TCW_WIRE_OPEN_INITIATE))
    {
      errno = EINVAL;
      return NULL;
    }
  if (tcw_wire_stream_find (link, id) != NULL)
    {
      errno = EEXIST;
      return NULL;
    }
  if (link->n_streams >= TCW_WIRE_STREAMS_MAX)
    {
      errno = EMFILE;
      return NULL;
    }
  if (receive > 0 && receive < TCW_WIRE_WINDOW_INITIAL)
    receive = TCW_WIRE_WINDOW_INITIAL;
  stream = tcw_wire_stream_make (link, id, receive, send);
  if (stream == NULL)
    {
      errno = ENOMEM;
      return NULL;
    }
  stream->initiator = how == TCW_WIRE_OPEN_INITIATE;
  stream->advertised = receive > 0 ? TCW_WIRE_WINDOW_INITIAL : 0;
  stream->limit = stream->initiator ? 0 : TCW_WIRE_WINDOW_INITIAL;
  stream->ready = !stream->initiator;
  stream->peer_seen = !stream->initiator;
  stream->window_due = !stream->initiator;
  if ((id & TCW_WIRE_STREAM_AGENT) == 0 && id > link->last_stream)
    link->last_stream = id;
  tcw_wire_stream_update (stream);
  return stream;
}

TcwWireStream *
tcw_wire_stream_attach (TcwWireLink *link, uint32_t id, uint64_t from, size_t receive, size_t send)
{
  TcwWireUnknown *unknown = NULL;
  TcwWireOpen how = (id & TCW_WIRE_STREAM_AGENT) != 0 ? TCW_WIRE_OPEN_ACCEPT : TCW_WIRE_OPEN_INITIATE;
  TcwWireStream *stream;

  for (size_t i = 0; i < link->n_unknown; i++)
    if (link->unknown[i].id == id && !link->unknown[i].attached)
      unknown = &link->unknown[i];
  if (unknown == NULL || from < unknown->oldest || (unknown->finished && send > 0))
    {
      errno = EINVAL;
      return NULL;
    }
  stream = tcw_wire_stream_open (link, id, how, receive, send);
  if (stream == NULL)
    return NULL;
  unknown->attached = true;
  stream->in.start = stream->in.end = stream->acknowledged = stream->told = from;
  stream->advertised = from + stream->in.size;
  stream->out.start = stream->out.end = stream->next = unknown->received;
  stream->limit = unknown->limit;
  stream->ready = stream->peer_seen = stream->window_due = true;
  tcw_wire_stream_update (stream);
  return stream;
}

void
tcw_wire_stream_close (TcwWireStream *stream, uint32_t code)
{
  if (!tcw_wire_stream_in_is_done (stream))
    tcw_wire_stream_stop (stream, code);
  if (!tcw_wire_stream_out_is_done (stream))
    tcw_wire_stream_abort (stream, code);
  stream->closing = true;
  stream->changes = 0;
  tcw_wire_link_forget_target (stream->link, stream);
  tcw_wire_ring_clear (&stream->in);
  tcw_wire_ring_clear (&stream->out);
  if (stream->reset_due == 0 && !tcw_wire_stream_wants_window (stream))
    tcw_wire_stream_free (stream);
  else
    tcw_wire_stream_update (stream);
}

void
tcw_wire_stream_release (TcwWireStream *stream)
{
  if (!tcw_wire_stream_in_is_done (stream))
    tcw_wire_stream_stop (stream, TCW_WIRE_RESET_CANCELLED);
  tcw_wire_stream_finish (stream);
  stream->released = true;
  stream->changes = 0;
  tcw_wire_stream_update (stream);
}

uint32_t
tcw_wire_stream_get_id (const TcwWireStream *stream)
{
  return stream->id;
}

void
tcw_wire_stream_set_data (TcwWireStream *stream, void *data)
{
  stream->data = data;
}

void *
tcw_wire_stream_get_data (const TcwWireStream *stream)
{
  return stream->data;
}

size_t
tcw_wire_stream_peek (const TcwWireStream *stream, const uint8_t **data)
{
  size_t length;

  *data = tcw_wire_ring_bytes (&stream->in, stream->in.start, &length);
  return length;
}

void
tcw_wire_stream_consume (TcwWireStream *stream, size_t size)
{
  uint64_t there = stream->in.end - stream->in.start;

  stream->in.start += size < there ? size : there;
  if (!stream->in_manual)
    stream->acknowledged = stream->in.start;
  tcw_wire_stream_update (stream);
}

void
tcw_wire_stream_set_manual_acknowledge (TcwWireStream *stream, bool manual)
{
  stream->in_manual = manual;
}

void
tcw_wire_stream_acknowledge (TcwWireStream *stream)
{
  stream->acknowledged = stream->in.start;
  tcw_wire_stream_update (stream);
}

bool
tcw_wire_stream_is_at_end (const TcwWireStream *stream)
{
  return stream->in_fin && stream->in.start == stream->in.end;
}

bool
tcw_wire_stream_is_reset (const TcwWireStream *stream, uint32_t *code)
{
  if (!stream->in_reset || stream->in.start != stream->in.end)
    return false;
  if (code != NULL)
    *code = stream->in_code;
  return true;
}

void
tcw_wire_stream_stop (TcwWireStream *stream, uint32_t code)
{
  if (tcw_wire_stream_in_is_done (stream))
    return;
  stream->in_stopped = true;
  stream->in.start = stream->in.end;
  stream->acknowledged = stream->in.end;
  stream->reset_due |= TCW_WIRE_RESET_RECEIVE;
  stream->reset_code = code;
  tcw_wire_link_forget_target (stream->link, stream);
  tcw_wire_stream_update (stream);
}

uint64_t
tcw_wire_stream_get_consumed (const TcwWireStream *stream)
{
  return stream->in.start;
}

/* Whether nothing can be written any more. */
static bool
is_sealed (const TcwWireStream *stream)
{
  return stream->finish || stream->out_aborted || stream->out_stopped || stream->closing;
}

size_t
tcw_wire_stream_reserve (TcwWireStream *stream, uint8_t **space)
{
  size_t length = 0;

  *space = is_sealed (stream) ? NULL : tcw_wire_ring_space (&stream->out, stream->out.end, &length);
  if (length == 0)
    stream->wants_room = true;
  return length;
}

void
tcw_wire_stream_commit (TcwWireStream *stream, size_t size)
{
  size_t room = tcw_wire_stream_get_room (stream);

  stream->out.end += size < room ? size : room;
  tcw_wire_stream_update (stream);
}

size_t
tcw_wire_stream_get_room (const TcwWireStream *stream)
{
  return is_sealed (stream) ? 0 : stream->out.size - (size_t) (stream->out.end - stream->out.start);
}

size_t
tcw_wire_stream_write (TcwWireStream *stream, const void *data, size_t size)
{
  size_t room = tcw_wire_stream_get_room (stream);

  if (size > room)
    {
      size = room;
      stream->wants_room = true;
    }
  if (size == 0)
    return 0;
  tcw_wire_ring_put (&stream->out, stream->out.end, data, size);
  tcw_wire_stream_commit (stream, size);
  return size;
}

void
tcw_wire_stream_finish (TcwWireStream *stream)
{
  if (is_sealed (stream) || !stream->out_exists)
    return;
  stream->finish = true;
  tcw_wire_stream_update (stream);
}

void
tcw_wire_stream_abort (TcwWireStream *stream, uint32_t code)
{
  if (tcw_wire_stream_out_is_done (stream))
    return;
  stream->out_aborted = true;
  stream->out.start = stream->next = stream->out.end;
  stream->reset_due |= TCW_WIRE_RESET_SEND;
  stream->reset_code = code;
  tcw_wire_stream_update (stream);
}

bool
tcw_wire_stream_is_stopped (const TcwWireStream *stream)
{
  return stream->out_stopped;
}

bool
tcw_wire_stream_is_flushed (const TcwWireStream *stream)
{
  return stream->out.start == stream->out.end && (!stream->finish || stream->finish_acked);
}

bool
tcw_wire_stream_is_closed (const TcwWireStream *stream)
{
  return tcw_wire_stream_in_is_done (stream) && tcw_wire_stream_out_is_done (stream);
}
