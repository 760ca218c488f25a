/* Tests of the link while nothing breaks: greeting, streams, credit, ends, resets, hostile frames. */
#include <errno.h>
#include <string.h>

#include "tcw-test.h"
#include "wire-assert.h"
#include "wire-pair.h"
#include "wire/tcw-wire-record.h"

#define WINDOW TCW_WIRE_WINDOW_DEFAULT

static void
test_greeting (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (1);

  wire_pair_greet (pair, 0);
  g_assert_true (pair->greeting.fresh);
  g_assert_true (pair->welcome.fresh);
  g_assert_true (pair->welcome.identity_needed);
  g_assert_cmpuint (pair->welcome.peer_version, ==, 1);
  wire_pair_greet (pair, TCW_WIRE_HELLO_RESUME);
  g_assert_false (pair->greeting.fresh);
  g_assert_false (pair->welcome.fresh);
  /* Another host's session. */
  pair->session[0] ^= 1;
  wire_pair_greet (pair, TCW_WIRE_HELLO_RESUME);
  g_assert_true (pair->greeting.fresh);
  g_assert_true (pair->welcome.fresh);
  g_assert_null (pair->failed);
  g_assert_cmpuint (pair->n_resyncs, ==, 0);
}

/* HELLO repeated many times before the agent reads the first one, and once more when all is well. */
static void
test_greeting_repeated (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (2);
  g_autofree guint8 *buffer = g_malloc0 (TCW_WIRE_FRAME_MAX);

  for (guint i = 0; i < 50; i++)
    {
      gsize n;

      tcw_wire_link_hello (pair->host, pair->session, 77, 0, i == 1);
      while ((n = tcw_wire_link_pull (pair->host, buffer, TCW_WIRE_FRAME_MAX)) > 0)
        g_byte_array_append (pair->to_agent, buffer, (guint) n);
    }
  wire_pair_settle (pair);
  g_assert_true (pair->welcomed);
  g_assert_cmpuint (pair->n_resyncs, ==, 0);
  g_assert_true (tcw_wire_link_is_connected (pair->agent));
}

static void
test_version (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (3);
  TcwWireHeader header = { .type = TCW_WIRE_FRAME_HELLO, .length = 20, .epoch = 5 };
  guint8 payload[20] = { 2, 0, 9, 0 };
  guint8 frame[64];
  g_autofree guint8 *buffer = g_malloc (TCW_WIRE_FRAME_MAX);

  tcw_wire_link_hello (pair->host, pair->session, 5, 0, FALSE);
  tcw_wire_link_push (pair->agent, frame, tcw_wire_frame_encode (&header, payload, frame));
  g_assert_true (tcw_wire_link_wants_write (pair->agent));
  g_byte_array_set_size (pair->to_agent, 0);
  g_assert_cmpuint (tcw_wire_link_pull (pair->host, buffer, TCW_WIRE_FRAME_MAX), >, 0);
  wire_pair_settle (pair);
  g_assert_true (pair->welcomed);
  g_assert_cmpuint (pair->welcome.peer_version, ==, 0);
  g_assert_false (tcw_wire_link_is_connected (pair->host));
}

/* 3 MB each way on one stream, with ends, through splits at random places. */
static void
test_both_ways (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (4);
  const guint64 total = 3000000;
  guint64 written[2] = { 0 }, read[2] = { 0 };
  TcwWireStream *ends[2];

  wire_pair_greet (pair, 0);
  ends[0] = tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_INITIATE, WINDOW, WINDOW);
  ends[1] = tcw_wire_stream_open (pair->agent, 1, TCW_WIRE_OPEN_ACCEPT, WINDOW, WINDOW);
  while (!tcw_wire_stream_is_closed (ends[0]) || !tcw_wire_stream_is_closed (ends[1]))
    {
      for (guint i = 0; i < 2; i++)
        {
          written[i] = wire_pair_write (ends[i], written[i], total);
          if (written[i] == total)
            tcw_wire_stream_finish (ends[i]);
          read[i] += wire_pair_read (ends[i], G_MAXSIZE);
        }
      wire_pair_step (pair, 20000);
      g_assert_null (pair->failed);
    }
  g_assert_cmpuint (read[0], ==, total);
  g_assert_cmpuint (read[1], ==, total);
  g_assert_true (tcw_wire_stream_is_at_end (ends[0]));
  g_assert_true (tcw_wire_stream_is_flushed (ends[1]));
  g_assert_cmpuint (pair->changes[1] & TCW_WIRE_STREAM_CLOSED, !=, 0);
  g_assert_cmpuint (pair->agent_changes[1] & TCW_WIRE_STREAM_FLUSHED, !=, 0);
  tcw_wire_stream_close (ends[0], 0);
  tcw_wire_stream_close (ends[1], 0);
  wire_pair_settle (pair);
  g_assert_cmpuint (pair->n_resyncs, ==, 0);
}

/* A stream that nobody reads stops at its window, and no other one stops with it. */
static void
test_stalled_reader (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (5);
  TcwWireStream *from[2], *to[2];
  guint64 written[2] = { 0 }, read = 0;

  wire_pair_greet (pair, 0);
  for (guint i = 0; i < 2; i++)
    {
      to[i] = tcw_wire_stream_open (pair->host, i + 1, TCW_WIRE_OPEN_INITIATE, WINDOW, 0);
      from[i] = tcw_wire_stream_open (pair->agent, i + 1, TCW_WIRE_OPEN_ACCEPT, 0, WINDOW);
    }
  while (read < 2000000)
    {
      const uint8_t *data;

      for (guint i = 0; i < 2; i++)
        written[i] = wire_pair_write (from[i], written[i], 2000000);
      wire_pair_step (pair, 50000);
      read += wire_pair_read (to[1], G_MAXSIZE);
      g_assert_cmpuint (tcw_wire_stream_peek (to[0], &data), <=, WINDOW);
    }
  g_assert_cmpuint (written[0], ==, WINDOW); /* its send buffer, all of it received, nothing acknowledged */
  g_assert_cmpuint (tcw_wire_stream_get_consumed (to[0]), ==, 0);
  /* It goes on when somebody reads. */
  wire_pair_read (to[0], G_MAXSIZE);
  wire_pair_settle (pair);
  g_assert_cmpuint (wire_pair_write (from[0], written[0], 2000000), >, written[0]);
  g_assert_cmpuint (pair->agent_changes[1] & TCW_WIRE_STREAM_WRITABLE, !=, 0);
}

/* More than the initial credit is not sent before there was a WINDOW; a frame beyond the limit ends the connection. */
static void
test_limits (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (6);
  g_autofree guint8 *frame = g_malloc0 (TCW_WIRE_FRAME_MAX);
  TcwWireHeader header = { .type = TCW_WIRE_FRAME_DATA, .stream = 1, .length = 10, .offset = WINDOW - 9 };
  TcwWireStream *to;

  wire_pair_greet (pair, 0);
  to = tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_INITIATE, WINDOW, 0);
  header.epoch = pair->epoch;
  tcw_wire_link_push (pair->host, frame, tcw_wire_frame_encode (&header, "0123456789", frame));
  wire_pair_step (pair, G_MAXSIZE);
  g_assert_nonnull (strstr (pair->failed, "stream 1 sends more than it may"));
  g_assert_false (tcw_wire_link_is_connected (pair->host));
  g_assert_cmpuint (tcw_wire_stream_get_consumed (to), ==, 0);
}

static void
test_open_errors (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (7);

  g_assert_null (tcw_wire_stream_open (pair->host, 0, TCW_WIRE_OPEN_INITIATE, 1, 1));
  g_assert_cmpint (errno, ==, EINVAL);
  g_assert_null (tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_ACCEPT, 1, 1));
  g_assert_cmpint (errno, ==, EINVAL);
  g_assert_null (tcw_wire_stream_open (pair->agent, TCW_WIRE_STREAM_AGENT | 1, TCW_WIRE_OPEN_ACCEPT, 1, 1));
  g_assert_cmpint (errno, ==, EINVAL);
  g_assert_null (tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_INITIATE, TCW_WIRE_WINDOW_MAX + 1, 1));
  g_assert_cmpint (errno, ==, EINVAL);
  g_assert_nonnull (tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_INITIATE, 0, 1));
  g_assert_null (tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_INITIATE, 0, 1));
  g_assert_cmpint (errno, ==, EEXIST);
  for (guint i = 2; i <= TCW_WIRE_STREAMS_MAX; i++)
    g_assert_nonnull (tcw_wire_stream_open (pair->host, i, TCW_WIRE_OPEN_INITIATE, 0, 1));
  g_assert_null (tcw_wire_stream_open (pair->host, 5000, TCW_WIRE_OPEN_INITIATE, 0, 1));
  g_assert_cmpint (errno, ==, EMFILE);
}

static void
test_resets (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (8);
  TcwWireStream *host, *agent;
  uint32_t code = 0;

  wire_pair_greet (pair, 0);
  host = tcw_wire_stream_open (pair->host, 3, TCW_WIRE_OPEN_INITIATE, WINDOW, WINDOW);
  agent = tcw_wire_stream_open (pair->agent, 3, TCW_WIRE_OPEN_ACCEPT, WINDOW, WINDOW);
  wire_pair_settle (pair);
  wire_pair_write (agent, 0, 1000);
  wire_pair_write (host, 0, 5000);
  wire_pair_settle (pair);
  tcw_wire_stream_stop (agent, 42);
  tcw_wire_stream_abort (agent, 42);
  wire_pair_settle (pair);
  g_assert_true (tcw_wire_stream_is_stopped (host));
  g_assert_cmpuint (pair->changes[3] & TCW_WIRE_STREAM_SEND_STOPPED, !=, 0);
  g_assert_cmpuint (pair->changes[3] & TCW_WIRE_STREAM_RECEIVE_RESET, !=, 0);
  g_assert_cmpuint (tcw_wire_stream_write (host, "x", 1), ==, 0);
  /* What had arrived can be read. */
  g_assert_false (tcw_wire_stream_is_reset (host, NULL));
  g_assert_cmpuint (wire_pair_read (host, G_MAXSIZE), ==, 1000);
  g_assert_true (tcw_wire_stream_is_reset (host, &code));
  g_assert_cmpuint (code, ==, 42);
  g_assert_true (tcw_wire_stream_is_closed (host));
  tcw_wire_stream_close (agent, 0);
  tcw_wire_stream_close (host, 0);
  wire_pair_settle (pair);
  g_assert_null (tcw_wire_link_get_stream (pair->host, 3));
  g_assert_null (pair->failed);
}

/* Frames of a stream that is gone are answered, and end it at the other end. */
static void
test_gone (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (9);
  TcwWireStream *agent;
  uint32_t code = 0;

  wire_pair_greet (pair, 0);
  agent = tcw_wire_stream_open (pair->agent, 9, TCW_WIRE_OPEN_ACCEPT, WINDOW, WINDOW);
  wire_pair_settle (pair);
  g_assert_true (tcw_wire_stream_is_closed (agent));
  g_assert_true (tcw_wire_stream_is_reset (agent, &code));
  g_assert_cmpuint (code, ==, TCW_WIRE_RESET_GONE);
}

/* What nobody waits for is still delivered, and freed then. */
static void
test_release (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (10);
  TcwWireStream *host, *agent;
  guint64 written = 0;

  wire_pair_greet (pair, 0);
  host = tcw_wire_stream_open (pair->host, 4, TCW_WIRE_OPEN_INITIATE, WINDOW, 0);
  agent = tcw_wire_stream_open (pair->agent, 4, TCW_WIRE_OPEN_ACCEPT, 0, WINDOW);
  written = wire_pair_write (agent, 0, 200000);
  g_assert_cmpuint (written, ==, 200000);
  tcw_wire_stream_release (agent);
  wire_pair_settle (pair);
  g_assert_cmpuint (wire_pair_read (host, G_MAXSIZE), ==, 200000);
  g_assert_true (tcw_wire_stream_is_at_end (host));
  tcw_wire_stream_close (host, 0);
  wire_pair_settle (pair);
  /* The table has room for all again. */
  for (guint i = 0; i < TCW_WIRE_STREAMS_MAX; i++)
    g_assert_nonnull (tcw_wire_stream_open (pair->agent, i + 100, TCW_WIRE_OPEN_ACCEPT, 0, 1));
}

static void
test_ping (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (11);
  g_autofree guint8 *buffer = g_malloc0 (TCW_WIRE_FRAME_MAX);
  TcwWireEvent event;

  wire_pair_greet (pair, 0);
  tcw_wire_link_ping (pair->host, "hello", 5);
  tcw_wire_link_push (pair->agent, buffer, tcw_wire_link_pull (pair->host, buffer, TCW_WIRE_FRAME_MAX));
  tcw_wire_link_push (pair->host, buffer, tcw_wire_link_pull (pair->agent, buffer, TCW_WIRE_FRAME_MAX));
  g_assert_true (tcw_wire_link_next_event (pair->host, &event));
  g_assert_cmpint (event.type, ==, TCW_WIRE_EVENT_PONG);
  wire_assert_bytes (event.pong, event.pong_size, "hello", 5);
  g_assert_false (tcw_wire_link_next_event (pair->host, &event));
}

/* Frames that an honest peer never sends; each ends the connection with a reason. */
static void
test_hostile (void)
{
  static const struct
  {
    TcwWireHeader header;
    const char *reason;
  } cases[] = {
    { { .type = TCW_WIRE_FRAME_WINDOW, .stream = 1, .length = 24, .offset = 1 }, "acknowledges bytes that were not sent" },
    { { .type = TCW_WIRE_FRAME_WINDOW, .stream = 1, .length = 23 }, "too short" },
    { { .type = TCW_WIRE_FRAME_RESET, .stream = 1, .length = 3 }, "broken" },
    { { .type = TCW_WIRE_FRAME_RESET, .stream = 0, .length = 4 }, "broken" },
    { { .type = TCW_WIRE_FRAME_DATA, .stream = 1, .length = 2, .offset = G_MAXUINT64 }, "sends more than it may" },
    { { .type = TCW_WIRE_FRAME_DATA, .stream = 0, .length = 1, .offset = 100000 }, "sends more than it may" },
    { { .type = TCW_WIRE_FRAME_PING, .length = 3000 }, "payload of 3000 bytes" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (WirePair) pair = wire_pair_new (12);
      g_autofree guint8 *zeros = g_malloc0 (4096);
      g_autofree guint8 *frame = g_malloc0 (4096);
      TcwWireHeader header = cases[i].header;

      wire_pair_greet (pair, 0);
      tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_INITIATE, WINDOW, WINDOW);
      header.epoch = pair->epoch;
      tcw_wire_link_push (pair->host, frame, tcw_wire_frame_encode (&header, zeros, frame));
      wire_pair_step (pair, G_MAXSIZE);
      g_assert_nonnull (pair->failed);
      g_assert_nonnull (strstr (pair->failed, cases[i].reason));
    }
}

/* Types and streams that aren't known change nothing, and cost nothing. */
static void
test_unknown_frames (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (13);
  g_autofree guint8 *frame = g_malloc0 (TCW_WIRE_FRAME_MAX);

  wire_pair_greet (pair, 0);
  for (guint i = 0; i < 2000; i++)
    {
      TcwWireHeader header = { .type = (uint8_t) (i % 2 == 0 ? 200 : TCW_WIRE_FRAME_DATA), .stream = i,
                               .length = i * 16 % TCW_WIRE_PAYLOAD_MAX, .epoch = pair->epoch, .offset = 1 };

      if (header.stream == 0)
        continue;
      tcw_wire_link_push (pair->host, frame, tcw_wire_frame_encode (&header, NULL, frame));
    }
  g_assert_cmpuint (tcw_wire_link_pull (pair->host, frame, TCW_WIRE_FRAME_MAX), <=, 64 * 40);
  g_assert_true (tcw_wire_link_is_connected (pair->host));
  g_assert_cmpuint (pair->n_resyncs, ==, 0);
}

/* Records pass the control stream while another stream is full. */
static void
test_control_goes_first (void)
{
  g_autoptr (WirePair) pair = wire_pair_new (14);
  TcwWireRecordReader reader;
  TcwWireRecord record;
  TcwWireStream *agent;

  wire_pair_greet (pair, 0);
  tcw_wire_record_reader_init (&reader, 1000);
  tcw_wire_stream_open (pair->host, 1, TCW_WIRE_OPEN_INITIATE, WINDOW, 0);
  agent = tcw_wire_stream_open (pair->agent, 1, TCW_WIRE_OPEN_ACCEPT, 0, 4 * WINDOW);
  wire_pair_write (agent, 0, 4 * WINDOW);
  g_assert_true (tcw_wire_record_send (tcw_wire_link_get_stream (pair->agent, 0), 7, 8, "body", 4));
  wire_pair_step (pair, 1000);
  g_assert_cmpint (tcw_wire_record_receive (&reader, tcw_wire_link_get_stream (pair->host, 0), &record), ==, TCW_WIRE_RECORD_COMPLETE);
  g_assert_cmpuint (record.type, ==, 7);
  g_assert_cmpuint (record.request, ==, 8);
  wire_assert_bytes (record.body, record.length, "body", 4);
  tcw_wire_record_reader_clear (&reader);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/link/greeting", test_greeting);
  g_test_add_func ("/wire/link/greeting-repeated", test_greeting_repeated);
  g_test_add_func ("/wire/link/version", test_version);
  g_test_add_func ("/wire/link/both-ways", test_both_ways);
  g_test_add_func ("/wire/link/stalled-reader", test_stalled_reader);
  g_test_add_func ("/wire/link/limits", test_limits);
  g_test_add_func ("/wire/link/open-errors", test_open_errors);
  g_test_add_func ("/wire/link/resets", test_resets);
  g_test_add_func ("/wire/link/gone", test_gone);
  g_test_add_func ("/wire/link/release", test_release);
  g_test_add_func ("/wire/link/ping", test_ping);
  g_test_add_func ("/wire/link/hostile", test_hostile);
  g_test_add_func ("/wire/link/unknown-frames", test_unknown_frames);
  g_test_add_func ("/wire/link/control-goes-first", test_control_goes_first);
  return tcw_test_run ();
}
