/* Tests of messages: each there and back, cut off at every byte, and with values out of their range. */
#include "tcw-test.h"
#include "wire-assert.h"
#include "wire/tcw-wire-messages.h"

#define ENCODE(encode, message)                                                                                                            \
  tcw_wire_writer_init (&writer, NULL, 0);                                                                                                 \
  encode (&writer, message);                                                                                                               \
  g_autofree guint8 *body = g_malloc0 (writer.length + 1);                                                                                 \
  gsize size = writer.length;                                                                                                              \
  tcw_wire_writer_init (&writer, body, size);                                                                                              \
  encode (&writer, message);                                                                                                               \
  g_assert_cmpuint (writer.length, ==, size)

/* Every shorter body is refused, one with bytes after it is not. The copies are exact so that ASan sees a read beyond. */
#define CHECK_CUTS(decode, message)                                                                                                        \
  gsize accepted = 0;                                                                                                                      \
  for (gsize cut = 0; cut < size; cut++)                                                                                                   \
    {                                                                                                                                      \
      g_autofree guint8 *part = g_memdup2 (body, cut);                                                                                     \
      accepted += decode (part, cut, message);                                                                                             \
    }                                                                                                                                      \
  g_assert_cmpuint (accepted, ==, 0);                                                                                                      \
  g_assert_true (decode (body, size + 1, message));                                                                                        \
  g_assert_true (decode (body, size, message))

static void
test_exec (void)
{
  const char *argv[] = { "/bin/sh", "-c", "exit 1" };
  const char *env[] = { "A=1", "B=" };
  TcwWireExec out = { .exec = 7, .flags = TCW_WIRE_EXEC_CLEAN_ENV, .argv = { .count = 3, .items = argv },
                      .env = { .count = 2, .items = env }, .cwd = "/tmp", .user = "worker", .columns = 80, .rows = 25, .in = 1,
                      .out = 2, .err = 3 };
  TcwWireExec in;
  TcwWireWriter writer;

  ENCODE (tcw_wire_exec_encode, &out);
  CHECK_CUTS (tcw_wire_exec_decode, &in);
  g_assert_cmpuint (in.exec, ==, 7);
  g_assert_cmpuint (in.argv.count, ==, 3);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpstr (tcw_wire_strings_next (&in.argv), ==, argv[i]);
  g_assert_cmpstr (tcw_wire_strings_next (&in.env), ==, "A=1");
  g_assert_cmpstr (in.cwd, ==, "/tmp");
  g_assert_cmpstr (in.user, ==, "worker");
  g_assert_cmpuint (in.rows, ==, 25);
  g_assert_cmpuint (in.err, ==, 3);
}

/* Whether @message is refused after a round trip. */
static gboolean
exec_is_refused (const TcwWireExec *message)
{
  TcwWireExec in;
  TcwWireWriter writer;

  ENCODE (tcw_wire_exec_encode, message);
  return !tcw_wire_exec_decode (body, size, &in);
}

static void
test_exec_wrong (void)
{
  const char *argv[] = { "true" };
  const TcwWireExec good = { .exec = 1, .argv = { .count = 1, .items = argv }, .in = 1, .out = 2, .err = 3 };
  TcwWireExec bad;

  g_assert_false (exec_is_refused (&good));
  bad = good, bad.argv.count = 0;
  g_assert_true (exec_is_refused (&bad));
  bad = good, bad.flags = 8;
  g_assert_true (exec_is_refused (&bad));
  bad = good, bad.cwd = "relative";
  g_assert_true (exec_is_refused (&bad));
  bad = good, bad.out = 1;
  g_assert_true (exec_is_refused (&bad));
  bad = good, bad.err = 2;
  g_assert_true (exec_is_refused (&bad));
  bad = good, bad.out = TCW_WIRE_STREAM_AGENT | 5;
  g_assert_true (exec_is_refused (&bad));
  bad = good, bad.flags = TCW_WIRE_EXEC_PTY; /* with a stderr */
  g_assert_true (exec_is_refused (&bad));
  bad.err = 0;
  g_assert_false (exec_is_refused (&bad));
}

static void
test_identity (void)
{
  guint8 entropy[TCW_WIRE_ENTROPY_MIN] = { 1, 2, 3 };
  const char *dns[] = { "10.0.2.3", "fec0::3" };
  TcwWireIdentity out = { .entropy = entropy, .entropy_length = sizeof entropy, .clock_ns = 42, .host_name = "vm-1",
                          .machine_id = "0123456789abcdef0123456789abcdef",
                          .network = { .present = true, .mac = "52:54:00:12:34:56", .address4 = "10.0.2.15", .prefix4 = 24,
                                       .gateway4 = "10.0.2.2", .prefix6 = 64, .dns = { .count = 2, .items = dns } } };
  TcwWireIdentity in;
  TcwWireWriter writer;

  ENCODE (tcw_wire_identity_encode, &out);
  CHECK_CUTS (tcw_wire_identity_decode, &in);
  wire_assert_bytes (in.entropy, in.entropy_length, entropy, sizeof entropy);
  g_assert_cmpstr (in.machine_id, ==, out.machine_id);
  g_assert_cmpstr (in.network.mac, ==, "52:54:00:12:34:56");
  g_assert_cmpuint (in.network.prefix4, ==, 24);
  g_assert_cmpstr (in.network.gateway6, ==, "");
  g_assert_cmpstr (tcw_wire_strings_next (&in.network.dns), ==, "10.0.2.3");
}

static gboolean
identity_is_refused (const TcwWireIdentity *message)
{
  TcwWireIdentity in;
  TcwWireWriter writer;

  ENCODE (tcw_wire_identity_encode, message);
  return !tcw_wire_identity_decode (body, size, &in);
}

static void
test_identity_wrong (void)
{
  guint8 entropy[TCW_WIRE_ENTROPY_MAX + 1] = { 1 };
  const TcwWireIdentity good = { .entropy = entropy, .entropy_length = 64 };
  TcwWireIdentity bad;

  g_assert_false (identity_is_refused (&good));
  bad = good, bad.entropy_length = TCW_WIRE_ENTROPY_MIN - 1;
  g_assert_true (identity_is_refused (&bad));
  bad = good, bad.entropy_length = TCW_WIRE_ENTROPY_MAX + 1;
  g_assert_true (identity_is_refused (&bad));
  bad = good, bad.machine_id = "0123";
  g_assert_true (identity_is_refused (&bad));
  bad = good, bad.machine_id = "0123456789ABCDEF0123456789abcdef";
  g_assert_true (identity_is_refused (&bad));
  bad = good, bad.network = (TcwWireNetwork) { .present = true, .mac = "52:54:00:12:34-56" };
  g_assert_true (identity_is_refused (&bad));
  bad = good, bad.network = (TcwWireNetwork) { .present = true, .prefix4 = 33 };
  g_assert_true (identity_is_refused (&bad));
}

static void
test_files (void)
{
  TcwWireGet get = { .stream = 1, .flags = TCW_WIRE_GET_FILE, .path = "/etc/passwd", .max_size = 5 };
  TcwWirePut put = { .stream = 2, .path = "/work", .user = "u", .has_mode = true, .mode = 0755 };
  TcwWireMount mount = { .device = "cache0", .path = "/cache", .type = "ext4", .owner = "u", .flags = TCW_WIRE_MOUNT_MAKE, .wait_ms = 9 };
  TcwWireWriter writer;

  {
    TcwWireGet in;
    ENCODE (tcw_wire_get_encode, &get);
    CHECK_CUTS (tcw_wire_get_decode, &in);
    g_assert_cmpstr (in.path, ==, "/etc/passwd");
    g_assert_cmpuint (in.max_size, ==, 5);
    body[12] = 'e'; /* a relative path */
    g_assert_false (tcw_wire_get_decode (body, size, &in));
  }
  {
    TcwWirePut in;
    ENCODE (tcw_wire_put_encode, &put);
    CHECK_CUTS (tcw_wire_put_decode, &in);
    g_assert_cmpuint (in.mode, ==, 0755);
    g_assert_true (in.has_mode);
  }
  {
    TcwWireMount in;
    ENCODE (tcw_wire_mount_encode, &mount);
    CHECK_CUTS (tcw_wire_mount_decode, &in);
    g_assert_cmpstr (in.owner, ==, "u");
    g_assert_cmpuint (in.wait_ms, ==, 9);
  }
}

static void
test_events (void)
{
  TcwWireExit out = { .exec = 5, .kind = TCW_WIRE_EXIT_SIGNALLED, .code = 9, .user_us = 1, .system_us = 2, .max_rss_kib = 3,
                      .survivors = 4 };
  TcwWireConnect connect = { .listener = 1, .stream = TCW_WIRE_STREAM_AGENT | 2 };
  TcwWireLog log = { .level = TCW_WIRE_LOG_WARNING, .text = "careful" };
  TcwWireWriter writer;

  {
    TcwWireExit in;
    ENCODE (tcw_wire_exit_encode, &out);
    CHECK_CUTS (tcw_wire_exit_decode, &in);
    g_assert_cmpuint (in.code, ==, 9);
    g_assert_cmpuint (in.survivors, ==, 4);
    body[4] = 3; /* no such kind */
    g_assert_false (tcw_wire_exit_decode (body, size, &in));
    body[4] = TCW_WIRE_EXIT_EXITED;
    body[6] = 1; /* status 265 */
    g_assert_false (tcw_wire_exit_decode (body, size, &in));
  }
  {
    TcwWireConnect in;
    ENCODE (tcw_wire_connect_encode, &connect);
    CHECK_CUTS (tcw_wire_connect_decode, &in);
    body[7] = 0; /* a stream of the host's */
    g_assert_false (tcw_wire_connect_decode (body, size, &in));
  }
  {
    TcwWireLog in;
    ENCODE (tcw_wire_log_encode, &log);
    CHECK_CUTS (tcw_wire_log_decode, &in);
    body[0] = 4;
    g_assert_false (tcw_wire_log_decode (body, size, &in));
  }
}

static void
test_replies (void)
{
  TcwWireExecInfo items[2] = { { .exec = 1, .state = TCW_WIRE_EXEC_RUNNING, .pid = 10, .out = 3, .kind = TCW_WIRE_EXIT_EXITED },
                               { .exec = 2, .state = TCW_WIRE_EXEC_ENDED, .kind = TCW_WIRE_EXIT_SIGNALLED, .code = 15 } };
  TcwWireExecList list = { .count = 2, .items = items };
  TcwWireReply reply = { .status = TCW_WIRE_STATUS_NO_SPACE, .message = "full", .body = (const guint8 *) "abc", .body_length = 3 };
  TcwWireStats stats = { .uptime_ms = 1, .disk_free_kib = 10, .cpus = 11 };
  TcwWireWriter writer;

  {
    TcwWireExecList in;
    TcwWireExecInfo item;
    ENCODE (tcw_wire_exec_list_encode, &list);
    CHECK_CUTS (tcw_wire_exec_list_decode, &in);
    g_assert_true (tcw_wire_exec_list_next (&in, &item));
    g_assert_cmpuint (item.out, ==, 3);
    g_assert_true (tcw_wire_exec_list_next (&in, &item));
    g_assert_cmpuint (item.code, ==, 15);
    g_assert_false (tcw_wire_exec_list_next (&in, &item));
  }
  {
    TcwWireReply in;
    ENCODE (tcw_wire_reply_encode, &reply);
    CHECK_CUTS (tcw_wire_reply_decode, &in);
    g_assert_cmpuint (in.status, ==, TCW_WIRE_STATUS_NO_SPACE);
    wire_assert_bytes (in.body, in.body_length, "abc", 3);
    body[0] = TCW_WIRE_STATUS_LAST + 1;
    g_assert_false (tcw_wire_reply_decode (body, size, &in));
  }
  {
    TcwWireStats in;
    ENCODE (tcw_wire_stats_encode, &stats);
    CHECK_CUTS (tcw_wire_stats_decode, &in);
    g_assert_cmpuint (size, ==, 88);
    g_assert_cmpuint (in.disk_free_kib, ==, 10);
    g_assert_cmpuint (in.cpus, ==, 11);
  }
}

static void
test_small_ones (void)
{
  TcwWireSignal sent = { .exec = 1, .signo = 15, .tree = true };
  TcwWireListen listener = { .listener = 1, .host = "127.0.0.1", .port = 80 };
  TcwWireConnectOut out = { .stream = 4, .path = "/run/x" };
  TcwWireWriter writer;

  {
    TcwWireSignal in;
    ENCODE (tcw_wire_signal_encode, &sent);
    CHECK_CUTS (tcw_wire_signal_decode, &in);
    g_assert_true (in.tree);
    body[4] = 65;
    g_assert_false (tcw_wire_signal_decode (body, size, &in));
  }
  {
    TcwWireListen in;
    ENCODE (tcw_wire_listen_encode, &listener);
    CHECK_CUTS (tcw_wire_listen_decode, &in);
    g_assert_cmpuint (in.port, ==, 80);
  }
  {
    TcwWireConnectOut in;
    ENCODE (tcw_wire_connect_out_encode, &out);
    CHECK_CUTS (tcw_wire_connect_out_decode, &in);
    g_assert_cmpstr (in.path, ==, "/run/x");
  }
}

static void
test_status (void)
{
  for (guint32 i = 0; i <= TCW_WIRE_STATUS_LAST; i++)
    g_assert_cmpstr (tcw_wire_status_to_string (i), !=, "unknown");
  g_assert_cmpstr (tcw_wire_status_to_string (TCW_WIRE_STATUS_CANCELLED), ==, "cancelled");
  g_assert_cmpstr (tcw_wire_status_to_string (TCW_WIRE_STATUS_IO), ==, "io");
  g_assert_cmpstr (tcw_wire_status_to_string (TCW_WIRE_STATUS_LAST + 1), ==, "unknown");
  g_assert_cmpint (tcw_wire_status_from_errno (28), ==, TCW_WIRE_STATUS_NO_SPACE);
  g_assert_cmpint (tcw_wire_status_from_errno (0), ==, TCW_WIRE_STATUS_OK);
  g_assert_cmpint (tcw_wire_status_from_errno (9999), ==, TCW_WIRE_STATUS_IO);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/messages/exec", test_exec);
  g_test_add_func ("/wire/messages/exec-wrong", test_exec_wrong);
  g_test_add_func ("/wire/messages/identity", test_identity);
  g_test_add_func ("/wire/messages/identity-wrong", test_identity_wrong);
  g_test_add_func ("/wire/messages/files", test_files);
  g_test_add_func ("/wire/messages/events", test_events);
  g_test_add_func ("/wire/messages/replies", test_replies);
  g_test_add_func ("/wire/messages/small-ones", test_small_ones);
  g_test_add_func ("/wire/messages/status", test_status);
  return tcw_test_run ();
}
