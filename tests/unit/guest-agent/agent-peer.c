/* The host's end for tests of the agent; see agent-peer.h. */
#include "agent-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 60, WINDOW = 256 * 1024 };

typedef struct {
  TcwWireStatus status;
  char *text;
  GBytes *body;
} Reply;

struct AgentPeer {
  GPid pid;
  char *root;
  char *socket;
  int fd;
  TcwWireLink *link;
  TcwWireRecordReader reader;
  guint8 session[TCW_WIRE_SESSION_SIZE];
  guint32 last_request;
  guint32 last_stream;
  guint32 last_exec;
  GHashTable *replies; /* request → Reply */
  GHashTable *exits;   /* exec → TcwWireExit */
  GQueue connects;     /* TcwWireConnect */
  GPtrArray *streams;
  gboolean welcomed;
  gboolean fresh;
  gboolean identity_needed;
  guint8 out[TCW_WIRE_FRAME_MAX];
  guint8 in[65536];
  gsize pulled;
  gsize written;
};

static void
reply_free (gpointer data)
{
  Reply *reply = data;

  g_free (reply->text);
  g_bytes_unref (reply->body);
  g_free (reply);
}

static void
stream_free (gpointer data)
{
  PeerStream *stream = data;

  g_byte_array_unref (stream->got);
  g_checksum_free (stream->digest);
  g_free (stream);
}

void
agent_peer_connect (AgentPeer *peer)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  gint64 end = g_get_monotonic_time () + PATIENCE_S * G_USEC_PER_SEC;

  g_strlcpy (address.sun_path, peer->socket, sizeof address.sun_path);
  peer->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  while (connect (peer->fd, (const struct sockaddr *) &address, sizeof address) < 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_usleep (1000); /* the program is only just starting: nothing else tells when it listens */
    }
  g_assert_cmpint (fcntl (peer->fd, F_SETFL, O_NONBLOCK), ==, 0);
}

AgentPeer *
agent_peer_new (const char *program)
{
  AgentPeer *peer = g_new0 (AgentPeer, 1);
  g_autoptr (GError) error = NULL;
  g_autofree char *etc = NULL;
  char *argv[] = { g_strdup (program), g_strdup ("--socket"), NULL, g_strdup ("--test-root"), NULL, NULL };

  peer->root = g_dir_make_tmp ("agent-XXXXXX", &error);
  g_assert_no_error (error);
  etc = g_build_filename (peer->root, "etc", NULL);
  g_assert_cmpint (g_mkdir (etc, 0755), ==, 0);
  argv[2] = peer->socket = g_build_filename (peer->root, "socket", NULL);
  argv[4] = peer->root;
  g_assert_true (g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &peer->pid, &error));
  g_assert_no_error (error);
  g_free (argv[0]);
  g_free (argv[1]);
  g_free (argv[3]);
  peer->link = tcw_wire_link_new (TCW_WIRE_HOST, TCW_WIRE_CONTROL_WINDOW);
  tcw_wire_record_reader_init (&peer->reader, TCW_WIRE_RECORD_AGENT_MAX);
  peer->replies = g_hash_table_new_full (NULL, NULL, NULL, reply_free);
  peer->exits = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  peer->streams = g_ptr_array_new_with_free_func (stream_free);
  g_queue_init (&peer->connects);
  agent_peer_connect (peer);
  return peer;
}

void
agent_peer_free (AgentPeer *peer)
{
  char *remove[] = { g_strdup ("rm"), g_strdup ("-rf"), peer->root, NULL };
  int status = -1;

  close (peer->fd);
  g_assert_cmpint (kill (peer->pid, SIGTERM), ==, 0);
  g_assert_cmpint (waitpid (peer->pid, &status, 0), ==, peer->pid);
  g_assert_cmpint (status, ==, 0);
  g_assert_false (g_file_test (peer->socket, G_FILE_TEST_EXISTS));
  tcw_wire_record_reader_clear (&peer->reader);
  tcw_wire_link_free (peer->link);
  g_hash_table_unref (peer->replies);
  g_hash_table_unref (peer->exits);
  g_queue_clear_full (&peer->connects, g_free);
  g_ptr_array_unref (peer->streams);
  g_assert_true (g_spawn_sync (NULL, remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
  g_free (remove[0]);
  g_free (remove[1]);
  g_free (peer->root);
  g_free (peer->socket);
  g_free (peer);
}

const char *
agent_peer_get_root (AgentPeer *peer)
{
  return peer->root;
}

void
agent_peer_disconnect (AgentPeer *peer)
{
  close (peer->fd);
  peer->fd = -1;
  peer->pulled = peer->written = 0;
  tcw_wire_link_disconnect (peer->link);
}

void
agent_peer_send_raw (AgentPeer *peer, gconstpointer bytes, gsize size)
{
  g_assert_cmpint (send (peer->fd, bytes, size, MSG_NOSIGNAL), ==, (gssize) size);
}

static void
take_record (AgentPeer *peer, const TcwWireRecord *record)
{
  TcwWireReply reply;
  TcwWireExit exit;
  TcwWireConnect connect;

  if (record->type == TCW_WIRE_REPLY)
    {
      Reply *copy = g_new0 (Reply, 1);
      gboolean added;

      g_assert_true (tcw_wire_reply_decode (record->body, record->length, &reply));
      copy->status = reply.status;
      copy->text = g_strdup (reply.message);
      copy->body = g_bytes_new (reply.body, reply.body_length);
      added = g_hash_table_insert (peer->replies, GUINT_TO_POINTER (record->request), copy);
      g_assert_true (added);
    }
  else if (record->type == TCW_WIRE_EXIT)
    {
      g_assert_true (tcw_wire_exit_decode (record->body, record->length, &exit));
      g_assert_true (g_hash_table_insert (peer->exits, GUINT_TO_POINTER (exit.exec), g_memdup2 (&exit, sizeof exit)));
    }
  else if (record->type == TCW_WIRE_CONNECT)
    {
      g_assert_true (tcw_wire_connect_decode (record->body, record->length, &connect));
      g_queue_push_tail (&peer->connects, g_memdup2 (&connect, sizeof connect));
    }
}

static void
read_control (AgentPeer *peer)
{
  TcwWireRecord record;

  while (tcw_wire_record_receive (&peer->reader, tcw_wire_link_get_stream (peer->link, 0), &record) == TCW_WIRE_RECORD_COMPLETE)
    take_record (peer, &record);
}

static void
read_stream (PeerStream *stream)
{
  const guint8 *bytes;
  gsize n;

  if (stream->wire == NULL || !stream->reading)
    return;
  while ((n = tcw_wire_stream_peek (stream->wire, &bytes)) > 0)
    {
      if (stream->counting)
        g_checksum_update (stream->digest, bytes, (gssize) n);
      else
        g_byte_array_append (stream->got, bytes, (guint) n);
      stream->count += n;
      tcw_wire_stream_consume (stream->wire, n);
    }
  stream->ended = stream->ended || tcw_wire_stream_is_at_end (stream->wire);
}

static void
write_stream (PeerStream *stream)
{
  gsize n;

  if (stream->wire == NULL || stream->source == NULL)
    return;
  while (stream->source_left > 0 && (n = tcw_wire_stream_write (stream->wire, stream->source, stream->source_left)) > 0)
    {
      stream->source += n;
      stream->source_left -= n;
    }
  if (stream->source_left == 0)
    {
      tcw_wire_stream_finish (stream->wire);
      stream->source = NULL;
    }
}

static void
on_event (AgentPeer *peer, const TcwWireEvent *event)
{
  PeerStream *stream;

  switch (event->type)
    {
    case TCW_WIRE_EVENT_WELCOME:
      peer->welcomed = TRUE;
      peer->fresh = event->fresh;
      peer->identity_needed = event->identity_needed;
      break;
    case TCW_WIRE_EVENT_STREAM:
      stream = tcw_wire_stream_get_data (event->stream);
      if (stream != NULL && (event->changes & (TCW_WIRE_STREAM_RECEIVE_RESET | TCW_WIRE_STREAM_SEND_STOPPED)) != 0)
        stream->reset = TRUE;
      break;
    case TCW_WIRE_EVENT_FAILED:
      g_error ("the link failed: %s", event->text);
      break;
    case TCW_WIRE_EVENT_HELLO:
    case TCW_WIRE_EVENT_UNKNOWN:
    case TCW_WIRE_EVENT_PONG:
    case TCW_WIRE_EVENT_RESYNC:
    default:
      break;
    }
}

/* Goes through all that can be done without waiting. */
static void
work (AgentPeer *peer)
{
  TcwWireEvent event;

  while (tcw_wire_link_next_event (peer->link, &event))
    on_event (peer, &event);
  read_control (peer);
  for (guint i = 0; i < peer->streams->len; i++)
    {
      read_stream (peer->streams->pdata[i]);
      write_stream (peer->streams->pdata[i]);
    }
}

static void
transmit (AgentPeer *peer)
{
  for (;;)
    {
      gssize n;

      if (peer->written == peer->pulled)
        {
          peer->written = 0;
          peer->pulled = tcw_wire_link_pull (peer->link, peer->out, sizeof peer->out);
        }
      if (peer->pulled == 0)
        return;
      n = send (peer->fd, peer->out + peer->written, peer->pulled - peer->written, MSG_NOSIGNAL);
      if (n < 0)
        {
          g_assert_cmpint (errno, ==, EAGAIN);
          return;
        }
      peer->written += (gsize) n;
    }
}

void
agent_peer_turn (AgentPeer *peer, int ms)
{
  struct pollfd wait = { .fd = peer->fd, .events = POLLIN };
  gssize n;

  work (peer);
  transmit (peer);
  if (peer->written < peer->pulled)
    wait.events |= POLLOUT;
  if (poll (&wait, 1, ms) <= 0 || (wait.revents & POLLIN) == 0)
    return;
  n = read (peer->fd, peer->in, sizeof peer->in);
  g_assert_cmpint (n, >, 0);
  tcw_wire_link_push (peer->link, peer->in, (gsize) n);
  work (peer);
  transmit (peer);
}

/* Turns until @condition, or fails. */
#define WAIT_UNTIL(peer, condition)                                                                                                        \
  G_STMT_START                                                                                                                             \
  {                                                                                                                                        \
    gint64 deadline_ = g_get_monotonic_time () + PATIENCE_S * G_USEC_PER_SEC;                                                              \
                                                                                                                                           \
    while (!(condition))                                                                                                                   \
      {                                                                                                                                    \
        if (g_get_monotonic_time () >= deadline_)                                                                                          \
          g_error ("%s: waited in vain", G_STRFUNC);                                                                                       \
        agent_peer_turn (peer, 100);                                                                                                       \
      }                                                                                                                                    \
  }                                                                                                                                        \
  G_STMT_END

void
agent_peer_hello (AgentPeer *peer, gboolean resume, gboolean *fresh, gboolean *identity_needed)
{
  gint64 end = g_get_monotonic_time () + PATIENCE_S * G_USEC_PER_SEC;
  guint32 epoch = 0;

  if (!resume)
    {
      g_assert_cmpint (getrandom (peer->session, sizeof peer->session, 0), ==, sizeof peer->session);
      tcw_wire_record_reader_clear (&peer->reader);
      for (guint i = 0; i < peer->streams->len; i++)
        ((PeerStream *) peer->streams->pdata[i])->wire = NULL;
    }
  while (epoch == 0)
    g_assert_cmpint (getrandom (&epoch, sizeof epoch, 0), ==, sizeof epoch);
  peer->welcomed = FALSE;
  for (gboolean again = FALSE; !peer->welcomed; again = TRUE)
    {
      gint64 next = g_get_monotonic_time () + G_USEC_PER_SEC;

      g_assert_cmpint (g_get_monotonic_time (), <, end);
      tcw_wire_link_hello (peer->link, peer->session, epoch, resume ? TCW_WIRE_HELLO_RESUME : 0, again);
      while (!peer->welcomed && g_get_monotonic_time () < next)
        agent_peer_turn (peer, 100);
    }
  if (fresh != NULL)
    *fresh = peer->fresh;
  if (identity_needed != NULL)
    *identity_needed = peer->identity_needed;
}

void
agent_peer_begin (AgentPeer *peer)
{
  guint8 entropy[64] = { 1, 2, 3 };
  TcwWireIdentity identity = { .entropy = entropy, .entropy_length = sizeof entropy, .host_name = "test", .machine_id = "" };

  agent_peer_hello (peer, FALSE, NULL, NULL);
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_IDENTITY, agent_peer_put_identity, &identity, NULL), ==, TCW_WIRE_STATUS_OK);
}

static PeerStream *
add_stream (AgentPeer *peer, guint32 id, TcwWireOpen how, gsize receive, gsize send)
{
  PeerStream *stream = g_new0 (PeerStream, 1);

  stream->wire = tcw_wire_stream_open (peer->link, id, how, receive, send);
  g_assert_nonnull (stream->wire);
  tcw_wire_stream_set_data (stream->wire, stream);
  stream->got = g_byte_array_new ();
  stream->digest = g_checksum_new (G_CHECKSUM_SHA256);
  stream->reading = TRUE;
  g_ptr_array_add (peer->streams, stream);
  return stream;
}

PeerStream *
agent_peer_open (AgentPeer *peer, gboolean to_agent, gboolean from_agent)
{
  return add_stream (peer, ++peer->last_stream, TCW_WIRE_OPEN_INITIATE, from_agent ? WINDOW : 0, to_agent ? WINDOW : 0);
}

guint32
agent_peer_stream_id (PeerStream *stream)
{
  return tcw_wire_stream_get_id (stream->wire);
}

guint32
agent_peer_send (AgentPeer *peer, TcwWireMessage type, PeerEncode encode, gconstpointer message)
{
  g_autofree guint8 *body = NULL;
  TcwWireWriter writer;
  gsize size;

  tcw_wire_writer_init (&writer, NULL, 0);
  if (encode != NULL)
    encode (&writer, message);
  size = writer.length;
  body = g_malloc (size + 1);
  tcw_wire_writer_init (&writer, body, size);
  if (encode != NULL)
    encode (&writer, message);
  peer->last_request++;
  WAIT_UNTIL (peer, tcw_wire_record_send (tcw_wire_link_get_stream (peer->link, 0), (guint16) type, peer->last_request, body,
                                          (guint32) size));
  return peer->last_request;
}

TcwWireStatus
agent_peer_wait_reply (AgentPeer *peer, guint32 request, char **text, GBytes **body)
{
  Reply *reply;
  TcwWireStatus status;

  WAIT_UNTIL (peer, g_hash_table_contains (peer->replies, GUINT_TO_POINTER (request)));
  reply = g_hash_table_lookup (peer->replies, GUINT_TO_POINTER (request));
  status = reply->status;
  if (text != NULL)
    *text = g_strdup (reply->text);
  if (body != NULL)
    *body = g_bytes_ref (reply->body);
  g_hash_table_remove (peer->replies, GUINT_TO_POINTER (request));
  return status;
}

TcwWireStatus
agent_peer_call (AgentPeer *peer, TcwWireMessage type, PeerEncode encode, gconstpointer message, char **text)
{
  return agent_peer_wait_reply (peer, agent_peer_send (peer, type, encode, message), text, NULL);
}

gboolean
agent_peer_has_exit (AgentPeer *peer, guint32 exec)
{
  return g_hash_table_contains (peer->exits, GUINT_TO_POINTER (exec));
}

TcwWireExit
agent_peer_wait_exit (AgentPeer *peer, guint32 exec)
{
  TcwWireExit *found;

  WAIT_UNTIL (peer, agent_peer_has_exit (peer, exec));
  found = g_hash_table_lookup (peer->exits, GUINT_TO_POINTER (exec));
  return *found;
}

PeerStream *
agent_peer_wait_connect (AgentPeer *peer, guint32 *listener)
{
  g_autofree TcwWireConnect *connect = NULL;

  WAIT_UNTIL (peer, !g_queue_is_empty (&peer->connects));
  connect = g_queue_pop_head (&peer->connects);
  *listener = connect->listener;
  return add_stream (peer, connect->stream, TCW_WIRE_OPEN_ACCEPT, WINDOW, WINDOW);
}

void
agent_peer_wait_end (AgentPeer *peer, PeerStream *stream)
{
  WAIT_UNTIL (peer, stream->ended || stream->reset);
}

void
agent_peer_wait_count (AgentPeer *peer, PeerStream *stream, gsize size)
{
  WAIT_UNTIL (peer, stream->count >= size);
}

TcwWireStatus
agent_peer_exec (AgentPeer *peer, const char *const *argv, void (*change) (TcwWireExec *message), PeerExec *exec, char **text)
{
  TcwWireExec message = { .exec = ++peer->last_exec, .argv = { .items = argv }, .cwd = "/", .user = "" };

  while (argv[message.argv.count] != NULL)
    message.argv.count++;
  exec->id = message.exec;
  exec->in = agent_peer_open (peer, TRUE, FALSE);
  exec->out = agent_peer_open (peer, FALSE, TRUE);
  message.in = agent_peer_stream_id (exec->in);
  message.out = agent_peer_stream_id (exec->out);
  if (change != NULL)
    change (&message);
  exec->err = NULL;
  if ((message.flags & (TCW_WIRE_EXEC_PTY | TCW_WIRE_EXEC_MERGE_STDERR)) == 0)
    {
      exec->err = agent_peer_open (peer, FALSE, TRUE);
      message.err = agent_peer_stream_id (exec->err);
    }
  return agent_peer_call (peer, TCW_WIRE_EXEC, agent_peer_put_exec, &message, text);
}

char *
agent_peer_shell (AgentPeer *peer, const char *script, TcwWireExit *exit)
{
  const char *argv[] = { "sh", "-c", script, NULL };
  g_autofree char *text = NULL;
  TcwWireExit ignored;
  PeerExec exec;
  TcwWireStatus status = agent_peer_exec (peer, argv, NULL, &exec, &text);

  g_assert_cmpint (status, ==, TCW_WIRE_STATUS_OK);
  tcw_wire_stream_finish (exec.in->wire);
  agent_peer_wait_end (peer, exec.out);
  agent_peer_wait_end (peer, exec.err);
  *(exit == NULL ? &ignored : exit) = agent_peer_wait_exit (peer, exec.id);
  return g_strndup ((const char *) exec.out->got->data, exec.out->got->len);
}

#define PUT(name, encode) \
  void agent_peer_put_##name (TcwWireWriter *writer, gconstpointer message) \
  { \
    encode (writer, message); \
  }

PUT (exec, tcw_wire_exec_encode)
PUT (signal, tcw_wire_signal_encode)
PUT (kill, tcw_wire_kill_encode)
PUT (resize, tcw_wire_resize_encode)
PUT (identity, tcw_wire_identity_encode)
PUT (get, tcw_wire_get_encode)
PUT (put, tcw_wire_put_encode)
PUT (listen, tcw_wire_listen_encode)
PUT (connect_out, tcw_wire_connect_out_encode)
