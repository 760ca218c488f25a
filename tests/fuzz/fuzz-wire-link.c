/*
 * A program of things that happen to two honest ends and the wire between them: writes, reads, ends, resets, lost connections, lost
 * bytes, new hosts. Neither end may crash; and as long as no bytes were made up, neither may say that the other broke the protocol, and
 * every byte read must be the one that was written at that place.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/tcw-wire-link.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { WIRE_SIZE = 400000, STREAMS = 4 };

typedef struct
{
  TcwWireLink *ends[2]; /* host, agent */
  uint8_t *wires[2];    /* to the host, to the agent */
  size_t lengths[2];
  uint32_t epoch;
  uint32_t next_id;
} Pair;

static const uint8_t session[TCW_WIRE_SESSION_SIZE] = { 7 };

static uint8_t
pattern (uint32_t id, unsigned end, uint64_t offset)
{
  return (uint8_t) ((offset * 31 + id * 7 + end * 101) >> 1);
}

static void
require (bool condition)
{
  if (!condition)
    abort ();
}

static void
hello (Pair *pair, unsigned flags)
{
  tcw_wire_link_hello (pair->ends[0], session, ++pair->epoch, flags, false);
}

static void
take_events (Pair *pair, unsigned end)
{
  TcwWireEvent event;

  while (tcw_wire_link_next_event (pair->ends[end], &event))
    {
      require (event.type != TCW_WIRE_EVENT_FAILED);
      if (event.type == TCW_WIRE_EVENT_HELLO)
        tcw_wire_link_welcome (pair->ends[1], false, "", "");
      else if (event.type == TCW_WIRE_EVENT_RESYNC)
        hello (pair, TCW_WIRE_HELLO_RESUME);
    }
}

/* Moves what end @from wants to send, and up to @limit bytes of what is on the way to the other one. */
static void
move (Pair *pair, unsigned from, size_t limit)
{
  unsigned to = 1 - from;
  size_t n;

  while (pair->lengths[to] + TCW_WIRE_FRAME_MAX <= WIRE_SIZE
         && (n = tcw_wire_link_pull (pair->ends[from], pair->wires[to] + pair->lengths[to], TCW_WIRE_FRAME_MAX)) > 0)
    pair->lengths[to] += n;
  n = limit < pair->lengths[to] ? limit : pair->lengths[to];
  tcw_wire_link_push (pair->ends[to], pair->wires[to], n);
  memmove (pair->wires[to], pair->wires[to] + n, pair->lengths[to] - n);
  pair->lengths[to] -= n;
  take_events (pair, to);
  take_events (pair, from);
}

/* Both ends agree on a stream, as they do by records. The id is new. */
static void
open_stream (Pair *pair, unsigned option)
{
  uint32_t id = pair->next_id + 1;

  if (!tcw_wire_link_is_connected (pair->ends[0]) || !tcw_wire_link_is_connected (pair->ends[1]) || id > 60000)
    return;
  if (tcw_wire_stream_open (pair->ends[0], id, TCW_WIRE_OPEN_INITIATE, option & 1 ? 65536 : 0, option & 2 ? 8192 : 0) == NULL)
    return;
  if (tcw_wire_stream_open (pair->ends[1], id, TCW_WIRE_OPEN_ACCEPT, option & 2 ? 65536 : 0, option & 1 ? 8192 : 0) != NULL)
    pair->next_id = id;
}

static void
write_some (TcwWireStream *stream, unsigned end, size_t size)
{
  /* How much was ever written is kept in the stream's data pointer. */
  void *written = tcw_wire_stream_get_data (stream);
  uintptr_t offset = (uintptr_t) written;
  uint8_t *space;
  size_t room = tcw_wire_stream_reserve (stream, &space);

  size = size < room ? size : room;
  for (size_t i = 0; i < size; i++)
    space[i] = pattern (tcw_wire_stream_get_id (stream), end, offset + i);
  tcw_wire_stream_commit (stream, size);
  tcw_wire_stream_set_data (stream, (void *) (offset + size));
}

static void
read_some (TcwWireStream *stream, unsigned end, size_t size)
{
  uint64_t offset = tcw_wire_stream_get_consumed (stream);
  const uint8_t *data;
  size_t n = tcw_wire_stream_peek (stream, &data);

  n = n < size ? n : size;
  for (size_t i = 0; i < n; i++)
    require (data[i] == pattern (tcw_wire_stream_get_id (stream), 1 - end, offset + i));
  tcw_wire_stream_consume (stream, n);
}

static void
touch_stream (Pair *pair, unsigned verb, unsigned end, uint8_t argument)
{
  uint32_t id = pair->next_id - argument % STREAMS;
  TcwWireStream *stream = id == 0 || id > pair->next_id ? NULL : tcw_wire_link_get_stream (pair->ends[end], id);

  if (stream == NULL)
    return;
  switch (verb)
    {
    case 0:
    case 1:
      write_some (stream, end, argument * 40u);
      break;
    case 2:
    case 3:
      read_some (stream, end, argument * 60u);
      break;
    case 4:
      tcw_wire_stream_finish (stream);
      break;
    case 5:
      tcw_wire_stream_stop (stream, argument);
      break;
    case 6:
      tcw_wire_stream_abort (stream, argument);
      break;
    case 7:
      tcw_wire_stream_release (stream);
      break;
    default:
      tcw_wire_stream_close (stream, argument);
      break;
    }
}

/* What can go wrong between the two. */
static void
accident (Pair *pair, uint8_t argument)
{
  unsigned end = argument & 1;
  size_t n;

  switch (argument >> 1 & 3)
    {
    case 0: /* the connection is gone, with what is on the way but its beginning */
      pair->lengths[0] = pair->lengths[0] < argument ? pair->lengths[0] : argument;
      pair->lengths[1] = pair->lengths[1] < argument ? pair->lengths[1] : argument;
      tcw_wire_link_disconnect (pair->ends[0]);
      if (end == 1)
        tcw_wire_link_disconnect (pair->ends[1]);
      break;
    case 1: /* bytes are lost */
      n = pair->lengths[end] < argument ? pair->lengths[end] : argument;
      memmove (pair->wires[end], pair->wires[end] + n, pair->lengths[end] - n);
      pair->lengths[end] -= n;
      break;
    case 2: /* padding, which also ends a frame that was broken off */
      if (pair->lengths[end] + TCW_WIRE_FRAME_MAX > WIRE_SIZE)
        return;
      memset (pair->wires[end] + pair->lengths[end], 0, TCW_WIRE_FRAME_MAX);
      pair->lengths[end] += TCW_WIRE_FRAME_MAX;
      break;
    default:
      hello (pair, argument >> 3 & 7 ? TCW_WIRE_HELLO_RESUME : 0);
      break;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Pair pair = { .epoch = 1 };

  pair.ends[0] = tcw_wire_link_new (TCW_WIRE_HOST, 65536);
  pair.ends[1] = tcw_wire_link_new (TCW_WIRE_AGENT, 65536);
  for (unsigned i = 0; i < 2; i++)
    {
      pair.wires[i] = malloc (WIRE_SIZE);
      require (pair.ends[i] != NULL && pair.wires[i] != NULL);
    }
  hello (&pair, 0);
  move (&pair, 0, WIRE_SIZE);
  move (&pair, 1, WIRE_SIZE);
  size = size < 1000 ? size : 1000;
  for (size_t i = 0; i + 1 < size; i += 2)
    {
      unsigned verb = data[i] % 32;

      if (verb < 10)
        move (&pair, verb & 1, (size_t) data[i + 1] * 200);
      else if (verb < 28)
        touch_stream (&pair, (verb - 10) / 2, verb & 1, data[i + 1]);
      else if (verb < 30)
        open_stream (&pair, data[i + 1]);
      else
        accident (&pair, data[i + 1]);
    }
  for (unsigned i = 0; i < 2; i++)
    {
      tcw_wire_link_free (pair.ends[i]);
      free (pair.wires[i]);
    }
  return 0;
}
