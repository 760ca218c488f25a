/* The examples of docs/agent-protocol.md are what src/wire makes. */
#include "tcw-test.h"
#include "wire-assert.h"
#include "wire/tcw-wire-messages.h"
#include "wire/tcw-wire-tree.h"

#define EPOCH 0x11223344

/* The bytes of the block that begins with "```hex @name". */
static GByteArray *
read_example (const char *name)
{
  g_autofree char *text = NULL;
  g_autofree char *begin = g_strdup_printf ("```hex %s\n", name);
  g_autoptr (GError) error = NULL;
  GByteArray *bytes = g_byte_array_new ();
  const char *at;

  g_file_get_contents (TCW_PROTOCOL_DOCUMENT, &text, NULL, &error);
  g_assert_no_error (error);
  at = strstr (text, begin);
  g_assert_nonnull (at);
  for (at += strlen (begin); *at != '`'; at++)
    if (g_ascii_isxdigit (at[0]) && g_ascii_isxdigit (at[1]))
      {
        guint8 byte = (guint8) (g_ascii_xdigit_value (at[0]) << 4 | g_ascii_xdigit_value (at[1]));

        g_byte_array_append (bytes, &byte, 1);
        at++;
      }
  return bytes;
}

static void
check_frame (const char *name, TcwWireHeader header, const guint8 *payload)
{
  g_autoptr (GByteArray) expected = read_example (name);
  guint8 frame[512] = { 0 };

  header.epoch = EPOCH;
  wire_assert_bytes (frame, tcw_wire_frame_encode (&header, payload, frame), expected->data, expected->len);
}

/* What both ends of a link say first, taken from a link itself. */
static void
test_greeting (void)
{
  g_autoptr (GByteArray) hello = read_example ("hello");
  g_autoptr (GByteArray) welcome = read_example ("welcome");
  g_autoptr (GByteArray) window = read_example ("window");
  g_autofree guint8 *buffer = g_malloc0 (TCW_WIRE_FRAME_MAX);
  TcwWireLink *host = tcw_wire_link_new (TCW_WIRE_HOST, 262144);
  TcwWireLink *agent = tcw_wire_link_new (TCW_WIRE_AGENT, 262144);
  guint8 session[TCW_WIRE_SESSION_SIZE];
  TcwWireEvent event;
  gsize n;

  for (guint i = 0; i < sizeof session; i++)
    session[i] = (guint8) (0xa0 + i);
  tcw_wire_link_hello (host, session, EPOCH, 0, false);
  wire_assert_bytes (buffer, tcw_wire_link_pull (host, buffer, TCW_WIRE_FRAME_MAX), hello->data, hello->len);
  tcw_wire_link_push (agent, buffer, hello->len);
  g_assert_true (tcw_wire_link_next_event (agent, &event));
  tcw_wire_link_welcome (agent, true, "0.1.0", "");
  g_byte_array_append (welcome, window->data, window->len);
  n = tcw_wire_link_pull (agent, buffer, TCW_WIRE_FRAME_MAX);
  wire_assert_bytes (buffer, n, welcome->data, welcome->len);
  tcw_wire_link_push (host, buffer, n);
  g_assert_true (tcw_wire_link_next_event (host, &event));
  g_assert_cmpstr (event.version, ==, "0.1.0");
  n = tcw_wire_link_pull (host, buffer, TCW_WIRE_FRAME_MAX);
  wire_assert_bytes (buffer, n, window->data, window->len);
  tcw_wire_link_free (host);
  tcw_wire_link_free (agent);
}

static void
test_exec (void)
{
  const char *argv[] = { "/bin/true" };
  TcwWireExec exec = { .exec = 1, .argv = { .count = 1, .items = argv }, .out = 1 };
  guint8 record[200];
  TcwWireWriter writer;

  tcw_wire_writer_init (&writer, record + TCW_WIRE_RECORD_HEADER_SIZE, sizeof record - TCW_WIRE_RECORD_HEADER_SIZE);
  tcw_wire_exec_encode (&writer, &exec);
  tcw_wire_record_header_encode (TCW_WIRE_EXEC, 7, (guint32) writer.length, record);
  check_frame ("exec",
               (TcwWireHeader) { .type = TCW_WIRE_FRAME_DATA, .length = (guint32) writer.length + TCW_WIRE_RECORD_HEADER_SIZE }, record);
  check_frame ("data", (TcwWireHeader) { .type = TCW_WIRE_FRAME_DATA, .flags = TCW_WIRE_DATA_FIN, .stream = 1, .length = 3 },
               (const guint8 *) "hi\n");
}

static void
test_tree (void)
{
  g_autoptr (GByteArray) expected = read_example ("tree");
  TcwWireTreeEntry entry = { .path = "", .type = TCW_WIRE_TREE_FILE, .mode = 0644, .size = 2, .mtime_ns = 1000000000 };
  guint8 bytes[100];
  gsize n = tcw_wire_tree_put_entry (bytes, sizeof bytes, &entry);

  n += tcw_wire_tree_put_data (bytes + n, sizeof bytes - n, 2);
  bytes[n++] = 'h';
  bytes[n++] = 'i';
  n += tcw_wire_tree_put_end (bytes + n, sizeof bytes - n);
  n += tcw_wire_tree_put_finish (bytes + n, sizeof bytes - n);
  wire_assert_bytes (bytes, n, expected->data, expected->len);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/examples/greeting", test_greeting);
  g_test_add_func ("/wire/examples/exec", test_exec);
  g_test_add_func ("/wire/examples/tree", test_tree);
  return tcw_test_run ();
}
