/* Frames that arrive: finding them in the bytes, and what each does. */
#include <string.h>

#include "wire/tcw-wire-link-private.h"
#include "wire/tcw-wire-record.h"

/* --- greeting --- */

static void
handle_hello (TcwWireLink *link, const TcwWireHeader *frame, const uint8_t *payload)
{
  uint16_t lowest;
  uint16_t highest;
  bool known;

  if (frame->length < TCW_WIRE_HELLO_SIZE || frame->epoch == 0)
    return;
  if (link->state != TCW_WIRE_IDLE && frame->epoch == link->epoch)
    {
      /* The host says it again because it has heard nothing yet. */
      link->welcome_due = link->welcome_due || (link->state == TCW_WIRE_ESTABLISHED && link->quiet);
      return;
    }
  lowest = tcw_wire_get_u16 (payload);
  highest = tcw_wire_get_u16 (payload + 2);
  tcw_wire_link_disconnect (link);
  link->failed_event = false;
  link->epoch = frame->epoch;
  link->quiet = true;
  if (lowest > TCW_WIRE_VERSION || highest < TCW_WIRE_VERSION)
    {
      link->peer_version = 0;
      link->welcome_due = true;
      return;
    }
  link->peer_version = TCW_WIRE_VERSION;
  link->hello_flags = frame->flags;
  known = link->has_session && memcmp (payload + 4, link->session, TCW_WIRE_SESSION_SIZE) == 0;
  link->fresh = !known || (frame->flags & TCW_WIRE_HELLO_RESUME) == 0;
  memcpy (link->new_session, payload + 4, TCW_WIRE_SESSION_SIZE);
  link->state = TCW_WIRE_GREETING;
  link->hello_event = true;
}

/* Copies a text of the peer's that is meant for logs. */
static void
copy_printable (char *to, size_t size, const char *from)
{
  size_t n = 0;

  for (; n < size - 1 && from[n] != '\0'; n++)
    to[n] = from[n] >= ' ' && from[n] <= '~' ? from[n] : '?';
  to[n] = '\0';
}

/* A new host process goes on with the control stream where the agent is. */
static void
adopt_control (TcwWireStream *control, uint64_t received, uint64_t oldest)
{
  control->out.start = control->out.end = control->next = received;
  control->in.start = control->in.end = control->acknowledged = control->told = control->advertised = oldest;
}

static void
handle_welcome (TcwWireLink *link, const TcwWireHeader *frame, const uint8_t *payload)
{
  TcwWireReader reader;
  const uint8_t *session;
  uint64_t received;
  uint64_t oldest;

  if (link->state != TCW_WIRE_GREETING)
    return; /* the answer to a repeated HELLO */
  tcw_wire_reader_init (&reader, payload, frame->length);
  link->peer_version = tcw_wire_read_u16 (&reader);
  session = tcw_wire_read_raw (&reader, TCW_WIRE_SESSION_SIZE);
  link->peer_last_stream = tcw_wire_read_u32 (&reader);
  received = tcw_wire_read_u64 (&reader);
  oldest = tcw_wire_read_u64 (&reader);
  copy_printable (link->version, sizeof link->version, tcw_wire_read_string (&reader, TCW_WIRE_VERSION_TEXT - 1));
  copy_printable (link->capabilities, sizeof link->capabilities, tcw_wire_read_string (&reader, TCW_WIRE_CAPABILITIES_TEXT - 1));
  if (reader.failed)
    {
      tcw_wire_link_fail (link, "WELCOME frame of %u bytes is broken", frame->length);
      return;
    }
  if (link->peer_version != 0 && (link->peer_version != TCW_WIRE_VERSION || memcmp (session, link->session, TCW_WIRE_SESSION_SIZE) != 0))
    {
      tcw_wire_link_fail (link, "WELCOME frame with a version or a session that was not offered");
      return;
    }
  link->fresh = (frame->flags & TCW_WIRE_WELCOME_RESUMED) == 0;
  link->identity_needed = (frame->flags & TCW_WIRE_WELCOME_IDENTITY_NEEDED) != 0;
  link->welcome_event = true;
  link->hello_due = false;
  if (link->peer_version == 0)
    {
      link->state = TCW_WIRE_IDLE;
      return;
    }
  if (link->fresh)
    tcw_wire_streams_bury (link);
  else if ((link->hello_flags & TCW_WIRE_HELLO_ATTACH) != 0)
    adopt_control (link->control, received, oldest);
  link->state = TCW_WIRE_ESTABLISHED;
  tcw_wire_streams_begin_epoch (link);
}

/* --- streams --- */

/* A stream of the agent's that this host does not know. */
static void
note_unknown (TcwWireLink *link, const TcwWireHeader *frame, const uint8_t *payload)
{
  bool finished = (frame->flags & TCW_WIRE_WINDOW_FIN) != 0;

  for (size_t i = 0; i < link->n_unknown; i++)
    if (link->unknown[i].id == frame->stream)
      return;
  if (link->n_unknown == TCW_WIRE_STREAMS_MAX)
    return;
  link->unknown[link->n_unknown++] = (TcwWireUnknown) {
    .id = frame->stream,
    .finished = finished,
    .limit = tcw_wire_get_u64 (payload),
    .received = tcw_wire_get_u64 (payload + 8),
    .oldest = tcw_wire_get_u64 (payload + 16),
  };
}

/* The stream that @frame belongs to; NULL when there is none (any more), which the peer is then told. */
static TcwWireStream *
stream_of (TcwWireLink *link, const TcwWireHeader *frame, const uint8_t *payload)
{
  TcwWireStream *stream = tcw_wire_stream_find (link, frame->stream);
  bool attaching = link->unknown != NULL && (link->hello_flags & TCW_WIRE_HELLO_ATTACH) != 0 && !link->fresh;

  if (stream != NULL)
    {
      if (!stream->peer_seen)
        stream->window_due = true;
      stream->peer_seen = true;
      return stream;
    }
  if (frame->type == TCW_WIRE_FRAME_WINDOW && link->role == TCW_WIRE_HOST && attaching)
    note_unknown (link, frame, payload);
  else if (frame->type != TCW_WIRE_FRAME_RESET)
    tcw_wire_link_answer_gone (link, frame->stream);
  return NULL;
}

/* The first WINDOW of an epoch says where to go on. False: that is nowhere. */
static bool
continue_at (TcwWireStream *stream, uint64_t received)
{
  bool all = stream->finish_sent && received == stream->out.end + 1;

  if (stream->out_exists && !tcw_wire_stream_out_is_done (stream))
    {
      if (!all && (received < stream->out.start || received > stream->out.end))
        return false;
      stream->next = all ? stream->out.end : received;
      stream->finish_sent = all;
    }
  stream->ready = true;
  return true;
}

/* Takes the peer's acknowledgement. False: of more than was sent. */
static bool
acknowledge (TcwWireStream *stream, uint64_t offset)
{
  bool was_flushed = tcw_wire_stream_is_flushed (stream);

  if (!stream->out_exists || tcw_wire_stream_out_is_done (stream) || offset <= stream->out.start)
    return true;
  if (offset > stream->next + (stream->finish_sent ? 1 : 0))
    return false;
  stream->finish_acked = stream->finish_sent && offset == stream->out.end + 1;
  stream->out.start = stream->finish_acked ? stream->out.end : offset;
  if (!was_flushed && tcw_wire_stream_is_flushed (stream))
    tcw_wire_stream_note (stream, TCW_WIRE_STREAM_FLUSHED);
  if (stream->wants_room && !stream->finish)
    {
      stream->wants_room = false;
      tcw_wire_stream_note (stream, TCW_WIRE_STREAM_WRITABLE);
    }
  return true;
}

void
tcw_wire_link_handle_window (TcwWireLink *link, const TcwWireHeader *frame, const uint8_t *payload)
{
  TcwWireStream *stream;
  uint64_t limit;
  uint64_t received;

  if (frame->length < TCW_WIRE_WINDOW_SIZE)
    {
      tcw_wire_link_fail (link, "WINDOW frame of stream %u is too short", frame->stream);
      return;
    }
  stream = stream_of (link, frame, payload);
  if (stream == NULL || stream->closing)
    return;
  limit = tcw_wire_get_u64 (payload);
  received = tcw_wire_get_u64 (payload + 8);
  if (!stream->ready && !continue_at (stream, received))
    {
      tcw_wire_link_fail (link, "WINDOW frame of stream %u goes on at a byte that is not there", frame->stream);
      return;
    }
  if (limit > stream->limit)
    stream->limit = limit;
  if (!acknowledge (stream, frame->offset))
    {
      tcw_wire_link_fail (link, "WINDOW frame of stream %u acknowledges bytes that were not sent", frame->stream);
      return;
    }
  tcw_wire_stream_update (stream);
}

void
tcw_wire_link_handle_reset (TcwWireLink *link, const TcwWireHeader *frame, const uint8_t *payload)
{
  TcwWireStream *stream;
  uint32_t code;

  if (frame->length < 4 || frame->stream == 0)
    {
      tcw_wire_link_fail (link, "RESET frame of stream %u is broken", frame->stream);
      return;
    }
  stream = stream_of (link, frame, payload);
  if (stream == NULL || stream->closing)
    return;
  code = tcw_wire_get_u32 (payload);
  if ((frame->flags & TCW_WIRE_RESET_RECEIVE) != 0 && !tcw_wire_stream_out_is_done (stream))
    {
      /* A peer that has forgotten the stream has had its end; only the acknowledgement was lost. */
      if (code == TCW_WIRE_RESET_GONE && stream->finish_sent)
        stream->finish_acked = true;
      else
        stream->out_stopped = true;
      stream->out.start = stream->next = stream->out.end;
      tcw_wire_stream_note (stream, stream->out_stopped ? TCW_WIRE_STREAM_SEND_STOPPED : TCW_WIRE_STREAM_FLUSHED);
    }
  if ((frame->flags & TCW_WIRE_RESET_SEND) != 0 && !tcw_wire_stream_in_is_done (stream) && !stream->in_fin)
    {
      stream->in_reset = true;
      stream->in_code = code;
      tcw_wire_stream_note (stream, TCW_WIRE_STREAM_RECEIVE_RESET);
    }
  tcw_wire_stream_update (stream);
}

/* Looks at a DATA header, and decides where its payload goes. */
static void
begin_data (TcwWireLink *link)
{
  const TcwWireHeader *frame = &link->frame;
  TcwWireStream *stream = stream_of (link, frame, link->small);
  uint64_t end;

  link->target = NULL;
  if (stream == NULL || stream->closing || !stream->in_exists || stream->in_stopped || stream->in_reset)
    return;
  end = frame->offset + frame->length;
  if (end < frame->offset || end > stream->advertised || (stream->in_fin && end > stream->in.end))
    {
      tcw_wire_link_fail (link, "DATA frame of stream %u sends more than it may", frame->stream);
      return;
    }
  if (frame->offset > stream->in.end)
    {
      tcw_wire_link_resync (link, "bytes of a stream are missing");
      return;
    }
  link->target = stream;
  link->target_end = stream->in.end;
}

/* Puts a part of a DATA payload where it belongs; it counts only when the frame is complete. */
static void
take_data (TcwWireLink *link, const uint8_t *data, size_t length)
{
  uint64_t offset = link->frame.offset + link->payload_have;
  uint64_t skip = offset < link->target_end ? link->target_end - offset : 0;

  if (link->target == NULL || skip >= length)
    return;
  tcw_wire_ring_put (&link->target->in, offset + skip, data + skip, length - (size_t) skip);
}

static void
finish_data (TcwWireLink *link)
{
  TcwWireStream *stream = link->target;
  uint64_t end = link->frame.offset + link->frame.length;
  bool fin = (link->frame.flags & TCW_WIRE_DATA_FIN) != 0;

  link->target = NULL;
  if (stream == NULL)
    return;
  if (fin && end < stream->in.end)
    {
      tcw_wire_link_fail (link, "DATA frame of stream %u ends it before bytes that were sent", link->frame.stream);
      return;
    }
  if (end > stream->in.end || (fin && !stream->in_fin))
    tcw_wire_stream_note (stream, TCW_WIRE_STREAM_READABLE);
  if (end > stream->in.end)
    stream->in.end = end;
  stream->in_fin = stream->in_fin || fin;
  tcw_wire_stream_update (stream);
}

/* --- finding frames --- */

/* Whether a valid header is one of this connection's. */
static bool
is_expected (const TcwWireLink *link, const TcwWireHeader *frame)
{
  if (link->role == TCW_WIRE_AGENT && frame->type == TCW_WIRE_FRAME_HELLO)
    return true;
  if (frame->epoch != link->epoch || frame->epoch == 0)
    return false;
  if (link->state == TCW_WIRE_GREETING)
    return link->role == TCW_WIRE_HOST && frame->type == TCW_WIRE_FRAME_WELCOME;
  return link->state == TCW_WIRE_ESTABLISHED;
}

static void
finish_frame (TcwWireLink *link)
{
  const TcwWireHeader *frame = &link->frame;
  const uint8_t *payload = link->small;

  if (frame->type == TCW_WIRE_FRAME_HELLO)
    {
      if (link->role == TCW_WIRE_AGENT)
        handle_hello (link, frame, payload);
      return;
    }
  link->quiet = false;
  switch (frame->type)
    {
    case TCW_WIRE_FRAME_WELCOME:
      if (link->role == TCW_WIRE_HOST)
        handle_welcome (link, frame, payload);
      break;
    case TCW_WIRE_FRAME_DATA:
      finish_data (link);
      break;
    case TCW_WIRE_FRAME_WINDOW:
      tcw_wire_link_handle_window (link, frame, payload);
      break;
    case TCW_WIRE_FRAME_RESET:
      tcw_wire_link_handle_reset (link, frame, payload);
      break;
    case TCW_WIRE_FRAME_PING:
      link->pong_size = frame->length < TCW_WIRE_PING_MAX ? frame->length : TCW_WIRE_PING_MAX;
      memcpy (link->pong, payload, link->pong_size);
      link->pong_due = true;
      break;
    case TCW_WIRE_FRAME_PONG:
      link->pong_got_size = frame->length < TCW_WIRE_PING_MAX ? frame->length : TCW_WIRE_PING_MAX;
      memcpy (link->pong_got, payload, link->pong_got_size);
      link->pong_event = true;
      break;
    case TCW_WIRE_FRAME_RESYNC:
      if (link->role == TCW_WIRE_HOST)
        tcw_wire_link_resync (link, "the agent has missed bytes");
      break;
    default: /* of a later version */
      break;
    }
}

/* @link->head holds a header's size of bytes: begins the frame, or throws away what can't be the beginning of one. */
static void
begin_frame (TcwWireLink *link)
{
  const uint8_t *next;

  if (tcw_wire_header_decode (link->head, &link->frame, &link->checksum) && is_expected (link, &link->frame))
    {
      link->have = 0;
      link->payload_have = 0;
      link->in_frame = true;
      if (link->frame.type == TCW_WIRE_FRAME_DATA)
        begin_data (link);
      else if (link->frame.length > TCW_WIRE_SMALL_MAX && link->frame.type <= TCW_WIRE_FRAME_RESYNC)
        tcw_wire_link_fail (link, "frame of type %u has a payload of %u bytes", link->frame.type, link->frame.length);
      if (link->in_frame && link->frame.length == 0)
        {
          link->in_frame = false;
          finish_frame (link);
        }
      return;
    }
  tcw_wire_link_resync (link, "bytes that are no frame");
  next = memchr (link->head + 1, TCW_WIRE_MAGIC & 0xff, TCW_WIRE_HEADER_SIZE - 1);
  link->have = next == NULL ? 0 : (size_t) (link->head + TCW_WIRE_HEADER_SIZE - next);
  if (next != NULL)
    memmove (link->head, next, link->have);
}

/* Takes bytes outside of a frame; returns how many. */
static size_t
take_head (TcwWireLink *link, const uint8_t *data, size_t size)
{
  size_t used = 0;
  size_t part;

  if (link->have == 0)
    while (used < size && data[used] == 0)
      used++;
  part = size - used < TCW_WIRE_HEADER_SIZE - link->have ? size - used : TCW_WIRE_HEADER_SIZE - link->have;
  memcpy (link->head + link->have, data + used, part);
  link->have += part;
  if (link->have == TCW_WIRE_HEADER_SIZE)
    begin_frame (link);
  return used + part;
}

/* Takes bytes of a frame's payload and check; returns how many. */
static size_t
take_payload (TcwWireLink *link, const uint8_t *data, size_t size)
{
  size_t length = link->frame.length;
  size_t part;

  if (link->payload_have < length)
    {
      part = size < length - link->payload_have ? size : length - link->payload_have;
      if (link->frame.type == TCW_WIRE_FRAME_DATA)
        take_data (link, data, part);
      else if (length <= TCW_WIRE_SMALL_MAX)
        memcpy (link->small + link->payload_have, data, part);
      link->payload_have += part;
      return part;
    }
  part = length + TCW_WIRE_CHECK_SIZE - link->payload_have;
  part = size < part ? size : part;
  memcpy (link->check + (link->payload_have - length), data, part);
  link->payload_have += part;
  if (link->payload_have < length + TCW_WIRE_CHECK_SIZE)
    return part;
  link->in_frame = false;
  if (length > TCW_WIRE_SMALL_MAX && link->frame.type != TCW_WIRE_FRAME_DATA)
    return part; /* an unknown type's: not kept, so not checked */
  if (tcw_wire_get_u32 (link->check) == tcw_wire_frame_check (link->frame.type, link->checksum, link->small, length))
    finish_frame (link);
  else
    tcw_wire_link_resync (link, "a frame was broken off");
  return part;
}

void
tcw_wire_link_push (TcwWireLink *link, const void *data, size_t size)
{
  const uint8_t *bytes = data;

  while (size > 0)
    {
      size_t used = link->in_frame ? take_payload (link, bytes, size) : take_head (link, bytes, size);

      bytes += used;
      size -= used;
    }
}
