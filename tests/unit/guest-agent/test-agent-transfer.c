/* Files out and in, and tunnels, with the agent as a real process. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent-peer.h"
#include "tcw-test.h"
#include "wire/tcw-wire-tree.h"

static AgentPeer *
begin (const char *program)
{
  AgentPeer *peer = agent_peer_new (program);

  agent_peer_begin (peer);
  return peer;
}

static char *
path_in (AgentPeer *peer, const char *name)
{
  return g_build_filename (agent_peer_get_root (peer), name, NULL);
}

static void
put_text (const char *path, const char *text)
{
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* One line for each item of a tree; data as "data LENGTH", put together while it follows itself. */
static char *
describe (const GByteArray *bytes, GHashTable *contents)
{
  static const char *const types[] = { "", "file", "folder", "link" };
  g_autofree TcwWireTreeDecoder *decoder = g_new (TcwWireTreeDecoder, 1);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *path = NULL;
  gsize done = 0;

  tcw_wire_tree_decoder_init (decoder);
  while (done < bytes->len)
    {
      TcwWireTreeItem item;
      gsize used = 0;
      TcwWireTreeResult result = tcw_wire_tree_decoder_feed (decoder, bytes->data + done, bytes->len - done, &used, &item);

      g_assert_cmpint (result, !=, TCW_WIRE_TREE_BROKEN);
      done += used;
      if (result != TCW_WIRE_TREE_ITEM)
        continue;
      if (item.kind == TCW_WIRE_TREE_ENTRY)
        {
          g_free (path);
          path = g_strdup (item.entry.path);
          g_string_append_printf (text, "%s %s %s\n", types[item.entry.type], path, item.entry.link);
          g_hash_table_insert (contents, g_strdup (path), g_string_new (NULL));
        }
      else if (item.kind == TCW_WIRE_TREE_DATA)
        g_string_append_len (g_hash_table_lookup (contents, path), (const char *) item.data, (gssize) item.length);
      else if (item.kind == TCW_WIRE_TREE_HOLE)
        g_string_append_printf (text, "hole %" G_GUINT64_FORMAT "\n", item.hole);
      else if (item.kind == TCW_WIRE_TREE_WARNING || item.kind == TCW_WIRE_TREE_ERROR)
        g_string_append_printf (text, "%s %u %s\n", item.kind == TCW_WIRE_TREE_ERROR ? "error" : "warning", item.status, item.message);
    }
  g_assert_true (tcw_wire_tree_decoder_is_finished (decoder));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
string_free (gpointer string)
{
  g_string_free (string, TRUE);
}

static GHashTable *
new_contents (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, string_free);
}

/* GET until the stream's end. */
static PeerStream *
get (AgentPeer *peer, const char *path, guint32 flags, guint64 max_size)
{
  PeerStream *stream = agent_peer_open (peer, FALSE, TRUE);
  TcwWireGet message = { .stream = agent_peer_stream_id (stream), .flags = flags, .path = path, .max_size = max_size };

  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_GET, agent_peer_put_get, &message, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_end (peer, stream);
  g_assert_true (stream->ended);
  return stream;
}

static void
test_get_folder (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  g_autofree char *top = path_in (peer, "top");
  g_autofree char *file = g_build_filename (top, "sub", "file", NULL);
  g_autofree char *link = g_build_filename (top, "link", NULL);
  g_autofree char *fifo = g_build_filename (top, "fifo", NULL);
  g_autoptr (GHashTable) contents = new_contents ();
  g_autofree char *text = NULL;
  GString *content;

  put_text (file, "hello");
  g_assert_cmpint (symlink ("/etc/passwd", link), ==, 0);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  text = describe (get (peer, top, TCW_WIRE_GET_FOLDER, 0)->got, contents);
  g_assert_true (g_str_has_prefix (text, "folder  \n"));
  g_assert_nonnull (strstr (text, "\nfolder sub \nfile sub/file \n"));
  g_assert_nonnull (strstr (text, "\nlink link /etc/passwd\n"));
  g_assert_nonnull (strstr (text, "fifo: neither file"));
  content = g_hash_table_lookup (contents, "sub/file");
  g_assert_cmpstr (content->str, ==, "hello");
}

static void
test_get_many (gconstpointer program)
{
  enum { FILES = 3000 };
  g_autoptr (AgentPeer) peer = begin (program);
  g_autofree char *top = path_in (peer, "many");
  g_autoptr (GHashTable) contents = new_contents ();
  g_autofree char *text = NULL;

  for (int i = 0; i < FILES; i++)
    {
      g_autofree char *name = g_strdup_printf ("%d/%d", i % 50, i);
      g_autofree char *path = g_build_filename (top, name, NULL);

      put_text (path, name);
    }
  text = describe (get (peer, top, TCW_WIRE_GET_FOLDER, 0)->got, contents);
  g_assert_cmpuint (g_hash_table_size (contents), ==, FILES + 50 + 1);
  for (int i = 0; i < FILES; i++)
    {
      g_autofree char *name = g_strdup_printf ("%d/%d", i % 50, i);
      const GString *content = g_hash_table_lookup (contents, name);

      g_assert_cmpstr (content->str, ==, name);
    }
}

static void
test_get_large (gconstpointer program)
{
  enum { SIZE = 40000000 };
  g_autoptr (AgentPeer) peer = begin (program);
  g_autofree char *path = path_in (peer, "large");
  g_autofree char *bytes = g_malloc (SIZE);
  g_autoptr (GHashTable) contents = new_contents ();
  g_autofree char *text = NULL;
  const GString *content;

  for (gsize i = 0; i < SIZE; i++)
    bytes[i] = (char) (i * 2654435761u >> 11);
  g_assert_true (g_file_set_contents (path, bytes, SIZE, NULL));
  text = describe (get (peer, path, TCW_WIRE_GET_FILE, 0)->got, contents);
  content = g_hash_table_lookup (contents, "");
  g_assert_cmpuint (content->len, ==, SIZE);
  g_assert_cmpint (memcmp (content->str, bytes, SIZE), ==, 0);
}

static void
test_get_sparse (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  g_autofree char *path = path_in (peer, "sparse");
  g_autoptr (GHashTable) contents = new_contents ();
  g_autofree char *text = NULL;
  const GString *content;
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

  g_assert_cmpint (ftruncate (fd, ((off_t) 5 << 30) + 65536), ==, 0);
  g_assert_cmpint (pwrite (fd, "middle", 6, (off_t) 4 << 30), ==, 6);
  close (fd);
  text = describe (get (peer, path, TCW_WIRE_GET_FILE, 1 << 20)->got, contents);
  content = g_hash_table_lookup (contents, "");
  g_assert_cmpuint (content->len, <=, 65536);
  g_assert_cmpstr (content->str, ==, "middle");
  g_assert_true (g_str_has_prefix (text, "file  \nhole 4294967296\nhole "));
}

static void
test_get_refused (gconstpointer program)
{
  static const struct {
    const char *path;
    guint32 flags;
    TcwWireStatus status;
  } cases[] = {
    { "/nonexistent/file", TCW_WIRE_GET_FILE, TCW_WIRE_STATUS_NOT_FOUND },
    { "relative", TCW_WIRE_GET_FILE, TCW_WIRE_STATUS_INVALID },
    { "/etc", TCW_WIRE_GET_FILE, TCW_WIRE_STATUS_WRONG_TYPE },
    { "/etc/passwd", TCW_WIRE_GET_FOLDER, TCW_WIRE_STATUS_WRONG_TYPE },
    { "/dev/zero", TCW_WIRE_GET_FILE | TCW_WIRE_GET_FOLDER, TCW_WIRE_STATUS_WRONG_TYPE },
  };
  g_autoptr (AgentPeer) peer = begin (program);
  g_autofree char *path = path_in (peer, "file");
  g_autoptr (GHashTable) contents = new_contents ();
  g_autofree char *text = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      PeerStream *stream = agent_peer_open (peer, FALSE, TRUE);
      TcwWireGet message = { .stream = agent_peer_stream_id (stream), .flags = cases[i].flags, .path = cases[i].path };

      g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_GET, agent_peer_put_get, &message, NULL), ==, cases[i].status);
    }
  put_text (path, "more than ten bytes");
  text = describe (get (peer, path, TCW_WIRE_GET_FILE, 10)->got, contents);
  g_assert_nonnull (strstr (text, "\nerror 8 "));
}

/* A tree in the making. */
static void
add_entry (GByteArray *tree, const char *path, TcwWireTreeType type, const char *text)
{
  guint8 buffer[TCW_WIRE_TREE_HEAD_MAX];
  TcwWireTreeEntry entry = { .path = path, .type = type, .mode = type == TCW_WIRE_TREE_FOLDER ? 0755 : 0640, .mtime_ns = 1000000000,
                             .link = type == TCW_WIRE_TREE_LINK ? text : "" };

  g_byte_array_append (tree, buffer, (guint) tcw_wire_tree_put_entry (buffer, sizeof buffer, &entry));
  if (type != TCW_WIRE_TREE_FILE)
    return;
  g_byte_array_append (tree, buffer, (guint) tcw_wire_tree_put_data (buffer, sizeof buffer, (guint32) strlen (text)));
  g_byte_array_append (tree, (const guint8 *) text, (guint) strlen (text));
  g_byte_array_append (tree, buffer, (guint) tcw_wire_tree_put_end (buffer, sizeof buffer));
}

static TcwWireStatus
put (AgentPeer *peer, const char *path, GByteArray *tree, gboolean finish, char **text)
{
  guint8 buffer[16];
  PeerStream *stream = agent_peer_open (peer, TRUE, FALSE);
  TcwWirePut message = { .stream = agent_peer_stream_id (stream), .path = path, .user = "" };

  if (finish)
    g_byte_array_append (tree, buffer, (guint) tcw_wire_tree_put_finish (buffer, sizeof buffer));
  stream->source = tree->data;
  stream->source_left = tree->len;
  return agent_peer_call (peer, TCW_WIRE_PUT, agent_peer_put_put, &message, text);
}

static void
test_put (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  g_autoptr (GByteArray) tree = g_byte_array_new ();
  g_autofree char *target = path_in (peer, "some/where");
  g_autofree char *file = g_build_filename (target, "sub", "file", NULL);
  g_autofree char *link = g_build_filename (target, "link", NULL);
  g_autofree char *text = NULL;
  g_autofree char *points_at = NULL;
  GStatBuf found;
  TcwWireStatus status;

  add_entry (tree, "", TCW_WIRE_TREE_FOLDER, NULL);
  add_entry (tree, "sub", TCW_WIRE_TREE_FOLDER, NULL);
  add_entry (tree, "sub/file", TCW_WIRE_TREE_FILE, "hello");
  add_entry (tree, "link", TCW_WIRE_TREE_LINK, "sub/file");
  status = put (peer, target, tree, TRUE, NULL);
  g_assert_cmpint (status, ==, TCW_WIRE_STATUS_OK);
  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "hello");
  g_assert_cmpint (g_stat (file, &found), ==, 0);
  g_assert_cmpint (found.st_mode & 07777, ==, 0640);
  g_assert_cmpint (found.st_mtime, ==, 1);
  points_at = g_file_read_link (link, NULL);
  g_assert_cmpstr (points_at, ==, "sub/file");
}

/* A link that is there already isn't followed; a tree that is broken off leaves no half file. */
static void
test_put_refused (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  g_autoptr (GByteArray) through = g_byte_array_new ();
  g_autoptr (GByteArray) half = g_byte_array_new ();
  g_autoptr (GByteArray) garbage = g_byte_array_new ();
  g_autofree char *target = path_in (peer, "target");
  g_autofree char *trap = g_build_filename (target, "sub", NULL);
  g_autofree char *outside = path_in (peer, "outside");
  g_autofree char *victim = g_build_filename (outside, "file", NULL);
  g_autofree char *single = path_in (peer, "single");
  g_autofree char *text = NULL;
  TcwWireStatus status;

  g_assert_cmpint (g_mkdir (target, 0755), ==, 0);
  g_assert_cmpint (g_mkdir (outside, 0755), ==, 0);
  g_assert_cmpint (symlink (outside, trap), ==, 0);
  add_entry (through, "", TCW_WIRE_TREE_FOLDER, NULL);
  add_entry (through, "sub", TCW_WIRE_TREE_FOLDER, NULL);
  add_entry (through, "sub/file", TCW_WIRE_TREE_FILE, "hello");
  status = put (peer, target, through, TRUE, NULL);
  g_assert_cmpint (status, ==, TCW_WIRE_STATUS_OK);
  g_assert_false (g_file_test (victim, G_FILE_TEST_EXISTS));
  add_entry (half, "", TCW_WIRE_TREE_FILE, "hello");
  g_byte_array_set_size (half, half->len - 3);
  status = put (peer, single, half, FALSE, &text);
  g_assert_cmpint (status, ==, TCW_WIRE_STATUS_INVALID);
  g_assert_false (g_file_test (single, G_FILE_TEST_EXISTS));
  g_byte_array_append (garbage, (const guint8 *) "\377garbage", 8);
  status = put (peer, single, garbage, FALSE, NULL);
  g_assert_cmpint (status, ==, TCW_WIRE_STATUS_INVALID);
  status = put (peer, "relative", garbage, FALSE, NULL);
  g_assert_cmpint (status, ==, TCW_WIRE_STATUS_INVALID);
}

static int
connect_to (guint16 port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (connect (fd, (const struct sockaddr *) &address, sizeof address), ==, 0);
  return fd;
}

/* Somebody in the guest connects, says something, and is answered by the host. */
static void
test_listen (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  TcwWireListen message = { .listener = 5, .host = "", .path = "" };
  TcwWireListening listening;
  g_autoptr (GBytes) body = NULL;
  guint32 listener = 0;
  PeerStream *stream;
  char answer[8] = "";
  gsize size;
  gconstpointer data;
  guint32 request = agent_peer_send (peer, TCW_WIRE_LISTEN, agent_peer_put_listen, &message);
  int fd;

  g_assert_cmpint (agent_peer_wait_reply (peer, request, NULL, &body), ==, TCW_WIRE_STATUS_OK);
  data = g_bytes_get_data (body, &size);
  g_assert_true (tcw_wire_listening_decode (data, size, &listening));
  g_assert_cmpuint (listening.port, >, 0);
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_LISTEN, agent_peer_put_listen, &message, NULL), ==, TCW_WIRE_STATUS_EXISTS);
  fd = connect_to (listening.port);
  g_assert_cmpint (write (fd, "question", 8), ==, 8);
  g_assert_cmpint (shutdown (fd, SHUT_WR), ==, 0);
  stream = agent_peer_wait_connect (peer, &listener);
  g_assert_cmpuint (listener, ==, 5);
  agent_peer_wait_end (peer, stream);
  g_assert_cmpuint (stream->got->len, ==, 8);
  g_assert_cmpint (memcmp (stream->got->data, "question", 8), ==, 0);
  stream->source = (const guint8 *) "answer";
  stream->source_left = 6;
  for (int i = 0; i < 20 && stream->source != NULL; i++)
    agent_peer_turn (peer, 5);
  agent_peer_turn (peer, 0);
  g_assert_cmpint (recv (fd, answer, sizeof answer, MSG_WAITALL), ==, 6);
  g_assert_cmpstr (answer, ==, "answer");
  close (fd);
}

static void
test_connect_out (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  g_autofree char *path = path_in (peer, "service");
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  PeerStream *stream = agent_peer_open (peer, TRUE, TRUE);
  PeerStream *refused = agent_peer_open (peer, TRUE, TRUE);
  TcwWireConnectOut message = { .stream = agent_peer_stream_id (stream), .host = "", .path = path };
  TcwWireConnectOut nobody = { .stream = agent_peer_stream_id (refused), .host = "", .path = "/nonexistent/socket" };
  char bytes[8] = "";
  int fd;

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (listener, (const struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (listener, 1), ==, 0);
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_CONNECT_OUT, agent_peer_put_connect_out, &nobody, NULL), ==, TCW_WIRE_STATUS_NOT_FOUND);
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_CONNECT_OUT, agent_peer_put_connect_out, &message, NULL), ==, TCW_WIRE_STATUS_OK);
  fd = accept (listener, NULL, NULL);
  g_assert_cmpint (fd, >=, 0);
  stream->source = (const guint8 *) "ping";
  stream->source_left = 4;
  agent_peer_turn (peer, 0);
  g_assert_cmpint (recv (fd, bytes, 4, MSG_WAITALL), ==, 4);
  g_assert_cmpint (write (fd, "pong", 4), ==, 4);
  close (fd);
  close (listener);
  agent_peer_wait_end (peer, stream);
  g_assert_cmpuint (stream->got->len, ==, 4);
  g_assert_cmpint (memcmp (stream->got->data, "pong", 4), ==, 0);
}

int
main (int argc, char **argv)
{
  const char *program;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  program = argv[1];
  g_test_add_data_func ("/agent/get/folder", program, test_get_folder);
  g_test_add_data_func ("/agent/get/many", program, test_get_many);
  g_test_add_data_func ("/agent/get/large", program, test_get_large);
  g_test_add_data_func ("/agent/get/sparse", program, test_get_sparse);
  g_test_add_data_func ("/agent/get/refused", program, test_get_refused);
  g_test_add_data_func ("/agent/put/tree", program, test_put);
  g_test_add_data_func ("/agent/put/refused", program, test_put_refused);
  g_test_add_data_func ("/agent/tunnel/listen", program, test_listen);
  g_test_add_data_func ("/agent/tunnel/connect-out", program, test_connect_out);
  return tcw_test_run ();
}
