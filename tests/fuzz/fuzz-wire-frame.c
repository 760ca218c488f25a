/*
 * Bytes as they are on both ends of a link, in pieces: none may crash, hang, or make an end send without bound. What looks like a header
 * gets the right checksum and epoch first, so that most frames are taken.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/tcw-wire-link.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const uint8_t session[TCW_WIRE_SESSION_SIZE] = { 1 };
static const uint32_t epoch = 0x01020304;

/* Takes all events, and answers those that must be. */
static void
take_events (TcwWireLink *link)
{
  TcwWireEvent event;

  while (tcw_wire_link_next_event (link, &event))
    if (event.type == TCW_WIRE_EVENT_HELLO)
      tcw_wire_link_welcome (link, true, "fuzz", "");
}

/* Whatever came, there is an end to what is sent. */
static void
drain (TcwWireLink *link, uint8_t *buffer)
{
  unsigned n = 0;

  take_events (link);
  while (tcw_wire_link_pull (link, buffer, TCW_WIRE_FRAME_MAX) > 0)
    if (++n > 200)
      abort ();
}

static void
make_frames (uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i + TCW_WIRE_HEADER_SIZE <= size; i++)
    {
      uint32_t length;
      uint32_t crc;

      if (bytes[i] != 'T')
        continue;
      tcw_wire_put_u32 (bytes + i, TCW_WIRE_MAGIC);
      tcw_wire_put_u16 (bytes + i + 6, 0);
      bytes[i + 13] &= 1;
      tcw_wire_put_u16 (bytes + i + 14, 0);
      tcw_wire_put_u32 (bytes + i + 24, epoch);
      crc = tcw_wire_crc32c (0, bytes + i, 28);
      tcw_wire_put_u32 (bytes + i + 28, crc);
      length = tcw_wire_get_u32 (bytes + i + 12);
      if (length > 0 && i + 36 + length <= size)
        tcw_wire_put_u32 (bytes + i + 32 + length, tcw_wire_frame_check (bytes[i + 4], crc, bytes + i + 32, length));
      i += 31 + (length > 0 ? length + 4 : 0);
    }
}

static void
run (TcwWireRole role, const uint8_t *bytes, size_t size, size_t step, uint8_t *buffer)
{
  TcwWireLink *link = tcw_wire_link_new (role, 65536);
  TcwWireOpen how = role == TCW_WIRE_HOST ? TCW_WIRE_OPEN_INITIATE : TCW_WIRE_OPEN_ACCEPT;

  if (link == NULL)
    abort ();
  if (role == TCW_WIRE_HOST)
    tcw_wire_link_hello (link, session, epoch, TCW_WIRE_HELLO_RESUME | (size % 2 == 0 ? TCW_WIRE_HELLO_ATTACH : 0u), false);
  for (uint32_t id = 1; id < 4; id++)
    {
      TcwWireStream *stream = tcw_wire_stream_open (link, id, how, 65536, 4096);

      if (stream != NULL)
        tcw_wire_stream_write (stream, bytes, size < 1000 ? size : 1000);
    }
  for (size_t at = 0; at < size; at += step)
    {
      tcw_wire_link_push (link, bytes + at, step < size - at ? step : size - at);
      drain (link, buffer);
    }
  tcw_wire_link_free (link);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  uint8_t *bytes = calloc (1, size + 1);
  uint8_t *buffer = malloc (TCW_WIRE_FRAME_MAX);
  size_t step = size > 0 ? 1 + data[0] % 64u : 1;

  if (bytes == NULL || buffer == NULL)
    abort ();
  if (size > 0)
    memcpy (bytes, data, size);
  run (TCW_WIRE_AGENT, bytes, size, step, buffer);
  make_frames (bytes, size);
  run (TCW_WIRE_AGENT, bytes, size, step, buffer);
  run (TCW_WIRE_HOST, bytes, size, step, buffer);
  free (bytes);
  free (buffer);
  return 0;
}
