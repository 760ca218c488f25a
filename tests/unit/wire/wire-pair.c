/* Two ends of a link in one test; see wire-pair.h. */
#include "wire-pair.h"

#include <string.h>

WirePair *
wire_pair_new (guint32 seed)
{
  WirePair *pair = g_new0 (WirePair, 1);

  pair->host = tcw_wire_link_new (TCW_WIRE_HOST, 65536);
  pair->agent = tcw_wire_link_new (TCW_WIRE_AGENT, 65536);
  pair->to_agent = g_byte_array_new ();
  pair->to_host = g_byte_array_new ();
  pair->rand = g_rand_new_with_seed (seed);
  pair->epoch = 1000;
  pair->unknown = g_array_new (FALSE, FALSE, sizeof (TcwWireEvent));
  memcpy (pair->session, "0123456789abcdef", TCW_WIRE_SESSION_SIZE);
  return pair;
}

void
wire_pair_free (WirePair *pair)
{
  tcw_wire_link_free (pair->host);
  tcw_wire_link_free (pair->agent);
  g_byte_array_unref (pair->to_agent);
  g_byte_array_unref (pair->to_host);
  g_rand_free (pair->rand);
  g_array_unref (pair->unknown);
  g_free (pair->failed);
  g_free (pair);
}

static void
take_events (WirePair *pair, TcwWireLink *link)
{
  TcwWireEvent event;

  while (tcw_wire_link_next_event (link, &event))
    switch (event.type)
      {
      case TCW_WIRE_EVENT_HELLO:
        pair->greeting = event;
        tcw_wire_link_welcome (link, event.fresh, "test 1.0", "exec tree");
        break;
      case TCW_WIRE_EVENT_WELCOME:
        pair->welcome = event;
        pair->welcomed = TRUE;
        break;
      case TCW_WIRE_EVENT_STREAM:
        g_assert_nonnull (event.stream);
        pair->changed_id = event.id;
        if (event.id < G_N_ELEMENTS (pair->changes))
          *(link == pair->host ? &pair->changes[event.id] : &pair->agent_changes[event.id]) |= event.changes;
        break;
      case TCW_WIRE_EVENT_UNKNOWN:
        g_array_append_val (pair->unknown, event);
        break;
      case TCW_WIRE_EVENT_RESYNC:
        pair->n_resyncs++;
        break;
      case TCW_WIRE_EVENT_FAILED:
        g_free (pair->failed);
        pair->failed = g_strdup (event.text);
        break;
      case TCW_WIRE_EVENT_PONG:
      default:
        break;
      }
}

static void
pull (TcwWireLink *link, GByteArray *wire)
{
  g_autofree guint8 *buffer = g_malloc0 (TCW_WIRE_FRAME_MAX);
  gsize n;

  if (wire->len > 100000)
    return;
  g_assert_true (tcw_wire_link_wants_write (link) || tcw_wire_link_pull (link, buffer, TCW_WIRE_FRAME_MAX) == 0);
  n = tcw_wire_link_pull (link, buffer, TCW_WIRE_FRAME_MAX);
  g_assert_cmpuint (n, <=, TCW_WIRE_FRAME_MAX);
  g_byte_array_append (wire, buffer, (guint) n);
}

static gsize
deliver (WirePair *pair, GByteArray *wire, TcwWireLink *link, gsize limit)
{
  gsize moved = 0;

  while (wire->len > 0 && moved < limit)
    {
      gsize most = MIN (wire->len, limit - moved);
      gsize n = (gsize) g_rand_int_range (pair->rand, 1, (gint32) MIN (most, 5000) + 1);

      tcw_wire_link_push (link, wire->data, n);
      g_byte_array_remove_range (wire, 0, (guint) n);
      moved += n;
      take_events (pair, link);
    }
  return moved;
}

gsize
wire_pair_step (WirePair *pair, gsize limit)
{
  gsize moved;

  pull (pair->host, pair->to_agent);
  pull (pair->agent, pair->to_host);
  moved = deliver (pair, pair->to_agent, pair->agent, limit) + deliver (pair, pair->to_host, pair->host, limit);
  take_events (pair, pair->host);
  take_events (pair, pair->agent);
  return moved;
}

void
wire_pair_settle (WirePair *pair)
{
  guint quiet = 0;

  while (quiet < 2)
    quiet = wire_pair_step (pair, G_MAXSIZE) > 0 ? 0 : quiet + 1;
}

void
wire_pair_say_hello (WirePair *pair, unsigned flags)
{
  pair->epoch++;
  pair->welcomed = FALSE;
  tcw_wire_link_hello (pair->host, pair->session, pair->epoch, flags, FALSE);
}

void
wire_pair_greet (WirePair *pair, unsigned flags)
{
  wire_pair_say_hello (pair, flags);
  wire_pair_settle (pair);
  g_assert_true (pair->welcomed);
  g_assert_true (tcw_wire_link_is_connected (pair->host));
  g_assert_true (tcw_wire_link_is_connected (pair->agent));
}

void
wire_pair_cut (WirePair *pair, gsize keep)
{
  g_byte_array_set_size (pair->to_agent, (guint) MIN (keep, pair->to_agent->len));
  g_byte_array_set_size (pair->to_host, (guint) MIN (keep, pair->to_host->len));
  tcw_wire_link_disconnect (pair->host);
}

void
wire_pair_pad (GByteArray *wire)
{
  guint length = wire->len;

  g_byte_array_set_size (wire, length + TCW_WIRE_FRAME_MAX);
  memset (wire->data + length, 0, TCW_WIRE_FRAME_MAX);
}

guint8
wire_pair_pattern (guint32 id, guint64 offset)
{
  guint64 x = (offset + 1) * 0x9e3779b97f4a7c15u + id * 0xc2b2ae3d27d4eb4fu;

  return (guint8) (x >> 56);
}

guint64
wire_pair_write (TcwWireStream *stream, guint64 from, guint64 total)
{
  uint8_t *space;
  gsize room;

  while (from < total && (room = tcw_wire_stream_reserve (stream, &space)) > 0)
    {
      gsize n = MIN (room, total - from);

      for (gsize i = 0; i < n; i++)
        space[i] = wire_pair_pattern (tcw_wire_stream_get_id (stream), from + i);
      tcw_wire_stream_commit (stream, n);
      from += n;
    }
  return from;
}

gsize
wire_pair_read (TcwWireStream *stream, gsize max)
{
  const uint8_t *data;
  gsize done = 0;
  gsize n;

  while (done < max && (n = tcw_wire_stream_peek (stream, &data)) > 0)
    {
      guint64 offset = tcw_wire_stream_get_consumed (stream);

      n = MIN (n, max - done);
      for (gsize i = 0; i < n; i++)
        g_assert_cmpuint (data[i], ==, wire_pair_pattern (tcw_wire_stream_get_id (stream), offset + i));
      tcw_wire_stream_consume (stream, n);
      done += n;
    }
  return done;
}
