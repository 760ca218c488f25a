/* Tests of the host's end of the agent link, against a pretended agent: files and tunnels. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-fixture.h"
#include "tcw-test.h"

/* --- files --- */

static gboolean
begin_entry (const TcwWireTreeEntry *entry, gpointer user_data, GError **error)
{
  g_string_append_printf (user_data, "[%d:%s:%s]", (int) entry->type, entry->path, entry->link);
  return TRUE;
}

static gboolean
take_file_data (const guint8 *data, gsize length, gpointer user_data, GError **error)
{
  g_string_append_len (user_data, (const char *) data, (gssize) length);
  return TRUE;
}

static gboolean
take_hole (guint64 length, gpointer user_data, GError **error)
{
  g_string_append_printf (user_data, "<%" G_GUINT64_FORMAT ">", length);
  return TRUE;
}

static void
take_warning (const char *message, gpointer user_data)
{
  g_string_append_printf (user_data, "(%s)", message);
}

static const TcwQemuAgentVisitor visitor = { .begin_entry = begin_entry, .data = take_file_data, .hole = take_hole,
                                             .warning = take_warning };

static void
add_entry (FakeAgent *fake, const char *path, TcwWireTreeType type, const char *link)
{
  TcwWireTreeEntry entry = { .path = path, .type = type, .mode = 0644, .link = link };
  g_autofree guint8 *bytes = g_malloc (TCW_WIRE_TREE_HEAD_MAX);
  gsize n = tcw_wire_tree_put_entry (bytes, TCW_WIRE_TREE_HEAD_MAX, &entry);

  g_assert_cmpuint (n, >, 0);
  g_byte_array_append (fake->tree, bytes, (guint) n);
}

static void
add_content (FakeAgent *fake, const char *text, guint64 hole)
{
  guint8 bytes[16];

  g_byte_array_append (fake->tree, bytes, (guint) tcw_wire_tree_put_data (bytes, sizeof bytes, (guint32) strlen (text)));
  g_byte_array_append (fake->tree, (const guint8 *) text, (guint) strlen (text));
  g_byte_array_append (fake->tree, bytes, (guint) tcw_wire_tree_put_hole (bytes, sizeof bytes, hole));
  g_byte_array_append (fake->tree, bytes, (guint) tcw_wire_tree_put_end (bytes, sizeof bytes));
}

static void
test_get (AgentFixture *f, gconstpointer data)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  TcwWireGet what = { .path = "/home/out", .flags = TCW_WIRE_GET_FOLDER };
  guint8 bytes[64];

  add_entry (f->fake, "", TCW_WIRE_TREE_FOLDER, "");
  add_entry (f->fake, "a", TCW_WIRE_TREE_FOLDER, "");
  add_entry (f->fake, "a/file", TCW_WIRE_TREE_FILE, "");
  add_content (f->fake, "content", 5000000000);
  g_byte_array_append (f->fake->tree, bytes, (guint) tcw_wire_tree_put_warning (bytes, sizeof bytes, 5, "a/secret: no"));
  add_entry (f->fake, "link", TCW_WIRE_TREE_LINK, "../../etc");
  g_byte_array_append (f->fake->tree, bytes, (guint) tcw_wire_tree_put_finish (bytes, sizeof bytes));
  g_assert_true (tcw_qemu_agent_get (f->agent, &what, &visitor, text, LIMIT, NULL, &error));
  g_assert_cmpstr (text->str, ==, "[2::][2:a:][1:a/file:]content<5000000000>(a/secret: no)[3:link:../../etc]");
  what.path = "/missing";
  g_assert_false (tcw_qemu_agent_get (f->agent, &what, &visitor, text, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NOT_FOUND);
}

static void
test_get_hostile (AgentFixture *f, gconstpointer data)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  TcwWireGet what = { .path = "/out" };
  guint8 *path;

  add_entry (f->fake, "", TCW_WIRE_TREE_FOLDER, "");
  add_entry (f->fake, "aa", TCW_WIRE_TREE_FILE, "");
  path = f->fake->tree->data + f->fake->tree->len - 2;
  path[0] = path[1] = '.';
  g_assert_false (tcw_qemu_agent_get (f->agent, &what, &visitor, text, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, "not a plain relative one"));
  g_clear_error (&error);
  /* The stream ends in the middle. */
  g_byte_array_set_size (f->fake->tree, 10);
  g_assert_false (tcw_qemu_agent_get (f->agent, &what, &visitor, text, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL);
  g_clear_error (&error);
  /* The link is none the worse. */
  g_assert_true (tcw_qemu_agent_sync (f->agent, LIMIT, NULL, &error));
}

static void
test_put (AgentFixture *f, gconstpointer data)
{
  g_autofree char *folder = g_dir_make_tmp ("tcw-put-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (folder, "file", NULL);
  g_autofree char *link = g_build_filename (folder, "link", NULL);
  g_autoptr (GError) error = NULL;
  TcwWirePut where = { .path = "/work", .user = "worker" };

  g_assert_true (g_file_set_contents (file, "inside", -1, &error));
  g_assert_cmpint (chmod (file, 0640), ==, 0);
  g_assert_cmpint (truncate (file, 100 << 20), ==, 0);
  g_assert_true (tcw_qemu_agent_put (f->agent, &where, tcw_qemu_agent_put_local, file, LIMIT, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (f->fake->received->str, "[1::640:]inside"));
  g_assert_cmpint (f->fake->received->str[f->fake->received->len - 1], ==, '>'); /* the rest came as a hole */
  g_string_truncate (f->fake->received, 0);
  g_unlink (file);
  g_assert_cmpint (symlink ("/etc/passwd", link), ==, 0);
  g_assert_cmpint (chmod (folder, 0700), ==, 0);
  g_assert_true (tcw_qemu_agent_put (f->agent, &where, tcw_qemu_agent_put_local, folder, LIMIT, NULL, &error));
  g_assert_cmpstr (f->fake->received->str, ==, "[2::700:][3:link:777:/etc/passwd]");
  g_unlink (link);
  g_rmdir (folder);
  g_assert_false (tcw_qemu_agent_put (f->agent, &where, tcw_qemu_agent_put_local, folder, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NOT_FOUND);
}

static gboolean
put_much (TcwQemuAgentPut *put, gpointer user_data, GError **error)
{
  TcwWireTreeEntry entry = { .path = "", .type = TCW_WIRE_TREE_FILE, .mode = 0600 };
  g_autofree guint8 *bytes = g_malloc0 (1 << 20);

  if (!tcw_qemu_agent_put_entry (put, &entry, error))
    return FALSE;
  for (guint i = 0; i < 20; i++)
    if (!tcw_qemu_agent_put_data (put, bytes, 1 << 20, error))
      return FALSE;
  return tcw_qemu_agent_put_end (put, error);
}

static void
test_put_refused (AgentFixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  TcwWirePut where = { .path = "/denied" };

  g_assert_false (tcw_qemu_agent_put (f->agent, &where, put_much, NULL, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PERMISSION);
  g_assert_cmpstr (error->message, ==, "putting /denied into the guest: not here");
  g_clear_error (&error);
  where.path = "/fine";
  g_assert_true (tcw_qemu_agent_put (f->agent, &where, put_much, NULL, LIMIT, NULL, &error));
}

/* --- tunnels --- */

static void
on_connection (TcwQemuAgentStream *stream, gpointer user_data)
{
  *(TcwQemuAgentStream **) user_data = g_object_ref (stream);
}

static void
check_echo (TcwQemuAgentStream *stream)
{
  GOutputStream *output = g_io_stream_get_output_stream (G_IO_STREAM (stream));
  GInputStream *input = g_io_stream_get_input_stream (G_IO_STREAM (stream));
  g_autoptr (GError) error = NULL;
  char back[100] = "";
  gsize n = 0;

  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (input), back, 1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_true (g_output_stream_write_all (output, "hello, guest", 12, NULL, NULL, &error));
  g_assert_true (g_input_stream_read_all (input, back, 12, &n, NULL, &error));
  g_assert_cmpstr (back, ==, "hello, guest");
  g_assert_true (g_output_stream_close (output, NULL, &error));
  g_assert_cmpint (g_input_stream_read (input, back, sizeof back, NULL, &error), ==, 0);
  g_assert_no_error (error);
  g_assert_true (g_io_stream_close (G_IO_STREAM (stream), NULL, &error));
  g_assert_cmpint (g_output_stream_write (output, "x", 1, NULL, NULL), ==, -1);
}

static void
test_tunnels (AgentFixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuAgentStream) accepted = NULL;
  g_autoptr (TcwQemuAgentStream) made = NULL;
  g_autoptr (GError) error = NULL;
  TcwWireListen where = { .port = 80 };
  guint16 port = 0;
  guint32 listener = tcw_qemu_agent_listen (f->agent, &where, on_connection, &accepted, &port, LIMIT, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (listener, !=, 0);
  g_assert_cmpuint (port, ==, 4242);
  while (accepted == NULL)
    g_main_context_iteration (NULL, TRUE);
  check_echo (accepted);
  g_assert_true (tcw_qemu_agent_unlisten (f->agent, listener, LIMIT, NULL, &error));
  made = tcw_qemu_agent_connect_out (f->agent, NULL, 99, NULL, LIMIT, NULL, &error);
  g_assert_no_error (error);
  check_echo (made);
  g_assert_null (tcw_qemu_agent_connect_out (f->agent, NULL, 1, NULL, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_REFUSED);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  *(gssize *) data = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);
}

/* GIO's asynchronous functions work on it, without threads of theirs. */
static void
test_tunnel_async (AgentFixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuAgentStream) stream = tcw_qemu_agent_connect_out (f->agent, NULL, 99, NULL, LIMIT, NULL, &error);
  GInputStream *input = g_io_stream_get_input_stream (G_IO_STREAM (stream));
  char back[10];
  gssize n = -2;

  g_assert_no_error (error);
  g_input_stream_read_async (input, back, sizeof back, G_PRIORITY_DEFAULT, NULL, on_read, &n);
  g_assert_true (g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (stream)), "async", 5, NULL, NULL, &error));
  while (n == -2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (n, ==, 5);
}

#define ADD(name, func) g_test_add ("/qemu/agent/" name, AgentFixture, NULL, agent_fixture_set_up, func, agent_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("get", test_get);
  ADD ("get-hostile", test_get_hostile);
  ADD ("put", test_put);
  ADD ("put-refused", test_put_refused);
  ADD ("tunnels", test_tunnels);
  ADD ("tunnel-async", test_tunnel_async);
  return tcw_test_run ();
}
