/* Frames to send: which comes next, and its bytes. */
#include <string.h>

#include "wire/tcw-wire-link-private.h"
#include "wire/tcw-wire-record.h"

enum {
  /* DATA frames shorter than this are not begun only because a buffer has little room left. */
  DATA_LEAST = 4096,
};

typedef struct {
  uint8_t *data;
  size_t size;
  size_t used;
} Output;

static bool
has_room (const Output *output, size_t payload)
{
  return output->size - output->used >= TCW_WIRE_HEADER_SIZE + payload + TCW_WIRE_CHECK_SIZE;
}

static void
put_frame (const TcwWireLink *link, Output *output, TcwWireHeader header, const void *payload)
{
  header.epoch = link->epoch;
  output->used += tcw_wire_frame_encode (&header, payload, output->data + output->used);
}

static bool
put_hello (TcwWireLink *link, Output *output)
{
  uint8_t payload[TCW_WIRE_HELLO_SIZE];

  if (link->pad_due)
    {
      /* Zeros fill up whatever frame the agent believes to be in; a whole buffer of them. */
      if (output->used > 0)
        return false;
      memset (output->data, 0, TCW_WIRE_FRAME_MAX);
      output->used = TCW_WIRE_FRAME_MAX;
      link->pad_due = false;
    }
  if (!has_room (output, sizeof payload))
    return false;
  tcw_wire_put_u16 (payload, TCW_WIRE_VERSION);
  tcw_wire_put_u16 (payload + 2, TCW_WIRE_VERSION);
  memcpy (payload + 4, link->session, TCW_WIRE_SESSION_SIZE);
  put_frame (link, output, (TcwWireHeader) { .type = TCW_WIRE_FRAME_HELLO, .flags = (uint8_t) link->hello_flags, .length = sizeof payload },
             payload);
  link->hello_due = false;
  return true;
}

static bool
put_welcome (TcwWireLink *link, Output *output)
{
  uint8_t payload[TCW_WIRE_SMALL_MAX];
  TcwWireWriter writer;
  unsigned flags = (link->fresh ? 0 : TCW_WIRE_WELCOME_RESUMED) | (link->identity_needed ? TCW_WIRE_WELCOME_IDENTITY_NEEDED : 0);

  if (!has_room (output, sizeof payload))
    return false;
  tcw_wire_writer_init (&writer, payload, sizeof payload);
  tcw_wire_write_u16 (&writer, link->peer_version);
  tcw_wire_write_raw (&writer, link->session, TCW_WIRE_SESSION_SIZE);
  tcw_wire_write_u32 (&writer, link->last_stream);
  tcw_wire_write_u64 (&writer, link->control->in.end);
  tcw_wire_write_u64 (&writer, link->control->out.start);
  tcw_wire_write_string (&writer, link->version);
  tcw_wire_write_string (&writer, link->capabilities);
  put_frame (link, output,
             (TcwWireHeader) { .type = TCW_WIRE_FRAME_WELCOME, .flags = (uint8_t) flags, .length = (uint32_t) writer.length }, payload);
  link->welcome_due = false;
  return true;
}

static bool
put_echo (TcwWireLink *link, Output *output, TcwWireFrameType type, const uint8_t *data, size_t size)
{
  if (!has_room (output, size))
    return false;
  put_frame (link, output, (TcwWireHeader) { .type = (uint8_t) type, .length = (uint32_t) size }, data);
  return true;
}

static bool
put_reset (TcwWireLink *link, Output *output, uint32_t id, unsigned flags, uint32_t code)
{
  uint8_t payload[4];

  if (!has_room (output, sizeof payload))
    return false;
  tcw_wire_put_u32 (payload, code);
  put_frame (link, output,
             (TcwWireHeader) { .type = TCW_WIRE_FRAME_RESET, .flags = (uint8_t) flags, .stream = id, .length = sizeof payload }, payload);
  return true;
}

static bool
put_window (TcwWireStream *stream, Output *output)
{
  uint8_t payload[TCW_WIRE_WINDOW_SIZE];
  uint64_t limit = stream->in.start + stream->in.size;
  TcwWireHeader header = { .type = TCW_WIRE_FRAME_WINDOW, .stream = stream->id, .length = sizeof payload };

  if (!has_room (output, sizeof payload))
    return false;
  if (limit > stream->advertised && !stream->in_stopped)
    stream->advertised = limit;
  stream->told = tcw_wire_stream_acknowledgement (stream);
  stream->window_due = false;
  header.offset = stream->told;
  header.flags = stream->in_fin ? TCW_WIRE_WINDOW_FIN : 0;
  tcw_wire_put_u64 (payload, stream->advertised);
  tcw_wire_put_u64 (payload + 8, stream->in.end + (stream->in_fin ? 1 : 0));
  tcw_wire_put_u64 (payload + 16, stream->out.start);
  put_frame (stream->link, output, header, payload);
  return true;
}

static bool
put_data (TcwWireStream *stream, Output *output)
{
  uint64_t end = stream->out.end < stream->limit ? stream->out.end : stream->limit;
  uint64_t wanted = end > stream->next ? end - stream->next : 0;
  size_t overhead = TCW_WIRE_HEADER_SIZE + TCW_WIRE_CHECK_SIZE;
  size_t left = output->size - output->used;
  size_t least = wanted < DATA_LEAST ? (size_t) wanted : DATA_LEAST;
  TcwWireHeader header = { .type = TCW_WIRE_FRAME_DATA, .stream = stream->id, .offset = stream->next };

  if (left < overhead + least)
    return false;
  left -= overhead;
  left = left < TCW_WIRE_PAYLOAD_MAX ? left : TCW_WIRE_PAYLOAD_MAX;
  header.length = (uint32_t) (wanted < left ? wanted : left);
  tcw_wire_ring_get (&stream->out, stream->next, output->data + output->used + TCW_WIRE_HEADER_SIZE, header.length);
  stream->next += header.length;
  if (stream->finish && stream->next == stream->out.end)
    {
      header.flags = TCW_WIRE_DATA_FIN;
      stream->finish_sent = true;
    }
  put_frame (stream->link, output, header, NULL);
  return true;
}

/* One frame of @stream. False: there is no room for it. */
static bool
put_stream (TcwWireStream *stream, Output *output)
{
  if (tcw_wire_stream_wants_window (stream))
    return put_window (stream, output);
  if (stream->reset_due != 0)
    {
      if (!put_reset (stream->link, output, stream->id, stream->reset_due, stream->reset_code))
        return false;
      stream->reset_due = 0;
      return true;
    }
  return !tcw_wire_stream_wants_data (stream) || put_data (stream, output);
}

/* The frames that belong to no open stream. False: there is no room for one of them. */
static bool
put_greeting (TcwWireLink *link, Output *output)
{
  if (link->hello_due && !put_hello (link, output))
    return false;
  if (link->welcome_due && !put_welcome (link, output))
    return false;
  if (link->state != TCW_WIRE_ESTABLISHED)
    return true;
  if (link->resync_due && !put_echo (link, output, TCW_WIRE_FRAME_RESYNC, NULL, 0))
    return false;
  link->resync_due = false;
  if (link->pong_due && !put_echo (link, output, TCW_WIRE_FRAME_PONG, link->pong, link->pong_size))
    return false;
  link->pong_due = false;
  if (link->ping_due && !put_echo (link, output, TCW_WIRE_FRAME_PING, link->ping, link->ping_size))
    return false;
  link->ping_due = false;
  while (link->n_gone > 0)
    {
      if (!put_reset (link, output, link->gone[link->n_gone - 1], TCW_WIRE_RESET_SEND | TCW_WIRE_RESET_RECEIVE, TCW_WIRE_RESET_GONE))
        return false;
      link->n_gone--;
    }
  return true;
}

size_t
tcw_wire_link_pull (TcwWireLink *link, void *buffer, size_t size)
{
  Output output = { .data = buffer, .size = size };
  TcwWireStream *stream;

  if (size < TCW_WIRE_FRAME_MAX || !put_greeting (link, &output) || link->state != TCW_WIRE_ESTABLISHED)
    return output.used;
  while (tcw_wire_stream_wants_send (link->control))
    if (!put_stream (link->control, &output))
      return output.used;
  while ((stream = link->send_queue.head) != NULL)
    {
      if (!put_stream (stream, &output))
        break;
      tcw_wire_queue_pop (&link->send_queue, false);
      tcw_wire_stream_update (stream);
    }
  return output.used;
}

bool
tcw_wire_link_wants_write (const TcwWireLink *link)
{
  if (link->hello_due || link->welcome_due)
    return true;
  if (link->state != TCW_WIRE_ESTABLISHED)
    return false;
  if (link->resync_due || link->pong_due || link->ping_due || link->n_gone > 0)
    return true;
  for (const TcwWireStream *stream = link->send_queue.head; stream != NULL; stream = stream->send_next)
    if (tcw_wire_stream_wants_send (stream))
      return true;
  return false;
}
