/* Tests of the link when it breaks: lost bytes, garbage, new connections, new host processes. */
#include <string.h>

#include "tcw-test.h"
#include "wire-assert.h"
#include "wire-pair.h"

#define WINDOW TCW_WIRE_WINDOW_DEFAULT

typedef struct
{
  TcwWireStream *ends[2];
  guint64 written[2];
  guint64 read[2];
} Transfer;

static const guint64 total = 1500000;

static gboolean
is_done (const Transfer *transfer)
{
  return tcw_wire_stream_is_closed (transfer->ends[0]) && tcw_wire_stream_is_closed (transfer->ends[1]);
}

static void
work (Transfer *transfer)
{
  for (guint i = 0; i < 2; i++)
    {
      transfer->written[i] = wire_pair_write (transfer->ends[i], transfer->written[i], total);
      if (transfer->written[i] == total)
        tcw_wire_stream_finish (transfer->ends[i]);
      transfer->read[i] += wire_pair_read (transfer->ends[i], 70000);
    }
}

static void
open_ends (WirePair *pair, Transfer *transfer, guint32 id)
{
  transfer->ends[0] = tcw_wire_stream_open (pair->host, id, TCW_WIRE_OPEN_INITIATE, WINDOW, WINDOW);
  transfer->ends[1] = tcw_wire_stream_open (pair->agent, id, TCW_WIRE_OPEN_ACCEPT, WINDOW, WINDOW);
}

typedef void (*Accident) (WirePair *pair);

/* The connection goes, with what is on the way; stale beginnings of it may still arrive. */
static void
accident_cut (WirePair *pair)
{
  wire_pair_cut (pair, (gsize) g_rand_int_range (pair->rand, 0, 40000));
  if (g_rand_boolean (pair->rand))
    tcw_wire_link_disconnect (pair->agent);
}

static void
accident_drop (WirePair *pair)
{
  GByteArray *wire = g_rand_boolean (pair->rand) ? pair->to_host : pair->to_agent;

  if (wire->len > 10)
    g_byte_array_remove_range (wire, (guint) g_rand_int_range (pair->rand, 0, (gint32) wire->len / 2),
                               (guint) g_rand_int_range (pair->rand, 1, (gint32) wire->len / 2));
}

static void
accident_garbage (WirePair *pair)
{
  GByteArray *wire = g_rand_boolean (pair->rand) ? pair->to_host : pair->to_agent;
  guint8 junk[300];

  for (guint i = 0; i < sizeof junk; i++)
    junk[i] = i % 40 < 4 ? (guint8) "TCW1"[i % 40] : (guint8) g_rand_int (pair->rand);
  g_byte_array_append (wire, junk, (guint) g_rand_int_range (pair->rand, 1, sizeof junk));
}

/* A transfer both ways with an accident now and then; not a byte is lost or comes twice (wire_pair_read checks them). */
static void
run_accidents (Accident accident, guint32 seed, gboolean cut)
{
  g_autoptr (WirePair) pair = wire_pair_new (seed);
  Transfer transfer = { 0 };
  guint n = 0;
  guint idle = 0;

  wire_pair_greet (pair, 0);
  open_ends (pair, &transfer, 5);
  while (!is_done (&transfer))
    {
      guint resyncs = pair->n_resyncs;

      work (&transfer);
      if (g_rand_int_range (pair->rand, 0, 4) == 0 && n < 60)
        {
          accident (pair);
          n++;
          if (cut)
            wire_pair_say_hello (pair, TCW_WIRE_HELLO_RESUME);
        }
      idle = wire_pair_step (pair, (gsize) g_rand_int_range (pair->rand, 1, 40000)) > 0 ? 0 : idle + 1;
      /* A frame that lost its end keeps waiting for it: the host notices by pings, here by silence. */
      if (pair->n_resyncs > resyncs || idle > 3)
        {
          wire_pair_say_hello (pair, TCW_WIRE_HELLO_RESUME);
          wire_pair_pad (pair->to_agent);
          if (idle > 3)
            wire_pair_pad (pair->to_host);
          idle = 0;
        }
      g_assert_null (pair->failed);
    }
  g_assert_cmpuint (transfer.read[0], ==, total);
  g_assert_cmpuint (transfer.read[1], ==, total);
  g_assert_cmpuint (n, >, 5);
}

static void
test_cut (void)
{
  for (guint32 seed = 0; seed < 8; seed++)
    run_accidents (accident_cut, 100 + seed, TRUE);
}

static void
test_lost_bytes (void)
{
  for (guint32 seed = 0; seed < 8; seed++)
    run_accidents (accident_drop, 200 + seed, FALSE);
}

static void
test_garbage (void)
{
  for (guint32 seed = 0; seed < 8; seed++)
    run_accidents (accident_garbage, 300 + seed, FALSE);
}

/* A host that died in the middle of a frame: the padding before its successor's second HELLO ends that frame. */
static void
test_padding (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (20);
  TcwWireHeader header = { .type = TCW_WIRE_FRAME_DATA, .stream = 1, .length = TCW_WIRE_PAYLOAD_MAX };
  g_autofree guint8 *frame = g_malloc0 (TCW_WIRE_FRAME_MAX);

  wire_pair_greet (pair, 0);
  tcw_wire_stream_open (pair->agent, 1, TCW_WIRE_OPEN_ACCEPT, WINDOW, 0);
  header.epoch = pair->epoch;
  tcw_wire_frame_encode (&header, NULL, frame);
  tcw_wire_link_push (pair->agent, frame, 100);
  tcw_wire_link_disconnect (pair->host);
  pair->welcomed = FALSE;
  tcw_wire_link_hello (pair->host, pair->session, 5555, TCW_WIRE_HELLO_RESUME, FALSE);
  wire_pair_settle (pair);
  g_assert_false (pair->welcomed);
  tcw_wire_link_hello (pair->host, pair->session, 5555, TCW_WIRE_HELLO_RESUME, TRUE);
  wire_pair_settle (pair);
  g_assert_true (pair->welcomed);
  g_assert_false (pair->welcome.fresh);
  /* Nothing of the broken frame was believed. */
  g_assert_cmpuint (pair->agent_changes[1] & TCW_WIRE_STREAM_READABLE, ==, 0);
}

/* Frames of an earlier epoch change nothing, even when they are perfect. */
static void
test_stale_epoch (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (21);
  TcwWireHeader header = { .type = TCW_WIRE_FRAME_DATA, .stream = 1, .length = 4 };
  const uint8_t *data;
  guint8 frame[64];
  gsize size;
  TcwWireStream *host;

  wire_pair_greet (pair, 0);
  host = tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_INITIATE, WINDOW, 0);
  header.epoch = pair->epoch;
  size = tcw_wire_frame_encode (&header, "evil", frame);
  wire_pair_greet (pair, TCW_WIRE_HELLO_RESUME);
  tcw_wire_link_push (pair->host, frame, size);
  g_assert_cmpuint (tcw_wire_stream_peek (host, &data), ==, 0);
  /* While it waits for its WELCOME, the same again. */
  tcw_wire_link_disconnect (pair->host);
  wire_pair_say_hello (pair, TCW_WIRE_HELLO_RESUME);
  tcw_wire_link_push (pair->host, frame, size);
  wire_pair_settle (pair);
  g_assert_true (pair->welcomed);
  g_assert_cmpuint (tcw_wire_stream_peek (host, &data), ==, 0);
  g_assert_null (pair->failed);
}

/* An agent that doesn't know the session any more: all streams end. */
static void
test_session_lost (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (22);
  g_autoptr (WirePair) other = wire_pair_new (23);
  TcwWireStream *host;
  TcwWireLink *agent;
  TcwWireEvent event;
  g_autofree guint8 *buffer = g_malloc0 (TCW_WIRE_FRAME_MAX);

  wire_pair_greet (pair, 0);
  host = tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_INITIATE, WINDOW, WINDOW);
  tcw_wire_stream_write (host, "abc", 3);
  agent = other->agent;
  tcw_wire_link_hello (pair->host, pair->session, 99, TCW_WIRE_HELLO_RESUME, FALSE);
  tcw_wire_link_push (agent, buffer, tcw_wire_link_pull (pair->host, buffer, TCW_WIRE_FRAME_MAX));
  g_assert_true (tcw_wire_link_next_event (agent, &event));
  g_assert_true (event.fresh);
  tcw_wire_link_welcome (agent, TRUE, "", "");
  tcw_wire_link_push (pair->host, buffer, tcw_wire_link_pull (agent, buffer, TCW_WIRE_FRAME_MAX));
  g_assert_true (tcw_wire_link_next_event (pair->host, &event));
  g_assert_cmpint (event.type, ==, TCW_WIRE_EVENT_WELCOME);
  g_assert_true (event.fresh);
  g_assert_true (tcw_wire_stream_is_stopped (host)); /* still there */
  g_assert_true (tcw_wire_stream_is_reset (host, NULL));
  g_assert_false (tcw_wire_link_next_event (pair->host, &event)); /* now it is not */
  g_assert_null (tcw_wire_link_get_stream (pair->host, 1));
}

/* A new host process attaches: it gets what its predecessor did not acknowledge, and goes on with what the agent has. */
static void
test_attach (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (24);
  TcwWireStream *agent, *host, *control;
  TcwWireEvent *unknown;
  const uint8_t *data;

  wire_pair_greet (pair, 0);
  host = tcw_wire_stream_open (pair->host, 6, TCW_WIRE_OPEN_INITIATE, WINDOW, WINDOW);
  agent = tcw_wire_stream_open (pair->agent, 6, TCW_WIRE_OPEN_ACCEPT, WINDOW, WINDOW);
  wire_pair_write (agent, 0, 200000);
  wire_pair_settle (pair);
  wire_pair_write (host, 0, 1000);
  g_assert_cmpuint (wire_pair_read (host, 100000), ==, 100000);
  tcw_wire_stream_write (tcw_wire_link_get_stream (pair->host, 0), "half a rec", 10);
  tcw_wire_stream_write (tcw_wire_link_get_stream (pair->agent, 0), "an event", 8);
  wire_pair_settle (pair);
  g_assert_cmpuint (tcw_wire_stream_peek (tcw_wire_link_get_stream (pair->host, 0), &data), ==, 8);
  tcw_wire_stream_consume (tcw_wire_link_get_stream (pair->host, 0), 8); /* and not acknowledged */
  wire_pair_settle (pair);

  tcw_wire_link_free (pair->host);
  pair->host = tcw_wire_link_new (TCW_WIRE_HOST, 65536);
  g_byte_array_set_size (pair->to_agent, 0);
  g_byte_array_set_size (pair->to_host, 0);
  wire_pair_greet (pair, TCW_WIRE_HELLO_RESUME | TCW_WIRE_HELLO_ATTACH);
  g_assert_false (pair->welcome.fresh);
  g_assert_true (pair->greeting.attach);
  g_assert_cmpuint (pair->unknown->len, ==, 1);
  unknown = &g_array_index (pair->unknown, TcwWireEvent, 0);
  g_assert_cmpuint (unknown->id, ==, 6);
  g_assert_cmpuint (unknown->received, ==, 1000);
  g_assert_cmpuint (unknown->oldest, ==, 100000);
  g_assert_null (tcw_wire_stream_attach (pair->host, 6, 99999, WINDOW, WINDOW));
  host = tcw_wire_stream_attach (pair->host, 6, 120000, WINDOW, WINDOW);
  g_assert_nonnull (host);
  g_assert_cmpuint (wire_pair_write (host, 1000, 2000), ==, 2000);
  control = tcw_wire_link_get_stream (pair->host, 0);
  tcw_wire_stream_write (control, "new", 3);
  wire_pair_settle (pair);
  g_assert_cmpuint (wire_pair_read (host, G_MAXSIZE), ==, 80000);
  g_assert_cmpuint (wire_pair_read (agent, G_MAXSIZE), ==, 2000);
  g_assert_cmpuint (tcw_wire_stream_peek (control, &data), ==, 8);
  wire_assert_bytes (data, 8, "an event", 8);
  /* The half record was forgotten by the agent's end. */
  g_assert_cmpuint (tcw_wire_stream_peek (tcw_wire_link_get_stream (pair->agent, 0), &data), ==, 3);
  wire_assert_bytes (data, 3, "new", 3);
  g_assert_null (pair->failed);
}

/* The end is acknowledged, the acknowledgement is lost, and the host has forgotten the stream: the agent learns that all is well. */
static void
test_lost_acknowledgement (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (25);
  g_autofree guint8 *buffer = g_malloc (TCW_WIRE_FRAME_MAX);
  TcwWireStream *agent, *host;

  wire_pair_greet (pair, 0);
  host = tcw_wire_stream_open (pair->host, 7, TCW_WIRE_OPEN_INITIATE, WINDOW, 0);
  agent = tcw_wire_stream_open (pair->agent, 7, TCW_WIRE_OPEN_ACCEPT, 0, WINDOW);
  wire_pair_write (agent, 0, 500);
  tcw_wire_stream_finish (agent);
  wire_pair_settle (pair);
  wire_pair_read (host, G_MAXSIZE);
  g_assert_true (tcw_wire_stream_is_closed (host));
  /* The acknowledgement is pulled, and goes nowhere. */
  g_assert_cmpuint (tcw_wire_link_pull (pair->host, buffer, TCW_WIRE_FRAME_MAX), >, 0);
  tcw_wire_stream_close (host, 0);
  g_assert_false (tcw_wire_stream_is_closed (agent));
  wire_pair_greet (pair, TCW_WIRE_HELLO_RESUME);
  g_assert_true (tcw_wire_stream_is_closed (agent));
  g_assert_true (tcw_wire_stream_is_flushed (agent));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/link/cut", test_cut);
  g_test_add_func ("/wire/link/lost-bytes", test_lost_bytes);
  g_test_add_func ("/wire/link/garbage", test_garbage);
  g_test_add_func ("/wire/link/padding", test_padding);
  g_test_add_func ("/wire/link/stale-epoch", test_stale_epoch);
  g_test_add_func ("/wire/link/session-lost", test_session_lost);
  g_test_add_func ("/wire/link/attach", test_attach);
  g_test_add_func ("/wire/link/lost-acknowledgement", test_lost_acknowledgement);
  return tcw_test_run ();
}
