/* The link to an agent: its socket, and the pump between socket and protocol; see tcw-qemu-link.h. */
#include "tcw-qemu-link.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/random.h>

#include "tcw-qemu-link-private.h"

#define FIRST_HELLO_INTERVAL_US (100 * G_TIME_SPAN_MILLISECOND)
#define LAST_HELLO_INTERVAL_US (2 * G_TIME_SPAN_SECOND)
/* A guest that floods the link must not keep the loop from looking at deadlines. */
#define READS_PER_WAKE_UP 16
#define MAX_RESYNCS 16

G_DEFINE_QUARK (tcw-qemu-link-error-quark, tcw_qemu_link_error)
G_DEFINE_FINAL_TYPE (TcwQemuLink, tcw_qemu_link, G_TYPE_OBJECT)

static void
drop_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_source_unref (*source);
  *source = NULL;
}

void
tcw_qemu_link_disconnect (TcwQemuLink *self)
{
  drop_source (&self->read_source);
  drop_source (&self->write_source);
  if (self->socket != NULL)
    g_socket_close (self->socket, NULL);
  g_clear_object (&self->socket);
  self->out_begin = self->out_end = 0;
  self->welcome = FALSE;
  tcw_wire_link_disconnect (self->link);
}

static void
tcw_qemu_link_finalize (GObject *object)
{
  TcwQemuLink *self = TCW_QEMU_LINK (object);

  tcw_qemu_link_disconnect (self);
  tcw_wire_link_free (self->link);
  tcw_wire_record_reader_clear (&self->records);
  g_free (self->in);
  g_free (self->out);
  g_byte_array_unref (self->control_out);
  g_hash_table_unref (self->replies);
  g_hash_table_unref (self->execs);
  g_clear_error (&self->broken);
  g_free (self->version);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (tcw_qemu_link_parent_class)->finalize (object);
}

static void
tcw_qemu_link_class_init (TcwQemuLinkClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_link_finalize;
}

static void
tcw_qemu_link_init (TcwQemuLink *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->link = tcw_wire_link_new (TCW_WIRE_HOST, TCW_WIRE_CONTROL_WINDOW);
  if (self->link == NULL)
    g_error ("no memory for a link to an agent");
  tcw_wire_record_reader_init (&self->records, TCW_WIRE_RECORD_AGENT_MAX);
  self->in = g_malloc (TCW_QEMU_LINK_BUFFER_SIZE);
  self->out = g_malloc (TCW_QEMU_LINK_BUFFER_SIZE);
  self->control_out = g_byte_array_new ();
  self->replies = g_hash_table_new (NULL, NULL);
  self->execs = g_hash_table_new (NULL, NULL);
  self->version = g_strdup ("");
}

TcwQemuLink *
tcw_qemu_link_new (const guint8 *session)
{
  TcwQemuLink *self = g_object_new (TCW_QEMU_TYPE_LINK, NULL);

  if (session != NULL)
    memcpy (self->session, session, sizeof self->session);
  else if (getrandom (self->session, sizeof self->session, 0) != sizeof self->session)
    g_error ("no random numbers: %s", g_strerror (errno));
  return self;
}

const guint8 *
tcw_qemu_link_get_session (TcwQemuLink *self)
{
  return self->session;
}

gboolean
tcw_qemu_link_needs_identity (TcwQemuLink *self)
{
  return self->identity_needed;
}

const char *
tcw_qemu_link_get_version (TcwQemuLink *self)
{
  return self->version;
}

/* --- What arrives. ----------------------------------------------------------------------------------------------------- */

/* The link is of no use until the next connect; who waits for something is told @code and the text. */
static void G_GNUC_PRINTF (3, 4)
break_link (TcwQemuLink *self, TcwQemuLinkError code, const char *format, ...)
{
  va_list args;

  if (self->broken == NULL)
    {
      va_start (args, format);
      self->broken = g_error_new_valist (TCW_QEMU_LINK_ERROR, (int) code, format, args);
      va_end (args);
    }
  tcw_qemu_link_disconnect (self);
}

static void
on_reply (TcwQemuLink *self, const TcwWireRecord *record)
{
  TcwQemuLinkReply *reply = g_hash_table_lookup (self->replies, GUINT_TO_POINTER (record->request));
  TcwWireReply message;

  if (!tcw_wire_reply_decode (record->body, record->length, &message))
    {
      break_link (self, TCW_QEMU_LINK_ERROR_PROTOCOL, "the agent's reply to request %u can't be decoded", record->request);
      return;
    }
  if (reply == NULL)
    return;
  g_hash_table_remove (self->replies, GUINT_TO_POINTER (record->request));
  reply->done = TRUE;
  reply->status = message.status;
  reply->message = g_utf8_make_valid (message.message, -1);
  reply->body = g_bytes_new (message.body, message.body_length);
}

static void
on_exit_event (TcwQemuLink *self, const TcwWireRecord *record)
{
  TcwQemuLinkExec *exec;
  TcwWireExit message;

  if (!tcw_wire_exit_decode (record->body, record->length, &message))
    {
      break_link (self, TCW_QEMU_LINK_ERROR_PROTOCOL, "the agent's report of a command's end can't be decoded");
      return;
    }
  exec = g_hash_table_lookup (self->execs, GUINT_TO_POINTER (message.exec));
  if (exec != NULL)
    tcw_qemu_link_exec_ended (exec, &message);
}

static void
on_log_event (const TcwWireRecord *record)
{
  TcwWireLog message;

  if (tcw_wire_log_decode (record->body, record->length, &message))
    g_info ("a guest's agent says: %s", message.text);
}

static void
on_record (TcwQemuLink *self, const TcwWireRecord *record)
{
  switch (record->type)
    {
    case TCW_WIRE_REPLY:
      on_reply (self, record);
      break;
    case TCW_WIRE_EXIT:
      on_exit_event (self, record);
      break;
    case TCW_WIRE_LOG:
      on_log_event (record);
      break;
    default:
      g_debug ("a guest's agent sent a record of the unknown type %u", record->type);
      break;
    }
}

static void
on_control (TcwQemuLink *self, TcwWireStream *control, guint changes)
{
  TcwWireRecord record;
  TcwWireRecordResult result;

  while ((result = tcw_wire_record_receive (&self->records, control, &record)) == TCW_WIRE_RECORD_COMPLETE)
    {
      on_record (self, &record);
      if (self->broken != NULL)
        return;
      tcw_wire_stream_acknowledge (control);
    }
  if (result != TCW_WIRE_RECORD_NONE)
    break_link (self, TCW_QEMU_LINK_ERROR_PROTOCOL, "the agent sent a record that is too long");
  else if ((changes & TCW_WIRE_STREAM_WRITABLE) != 0)
    tcw_qemu_link_send_waiting (self);
}

/* The agent has another session than ours, or none: what ran in ours is gone. */
static void
lose_session (TcwQemuLink *self)
{
  GHashTableIter iter;
  gpointer exec;

  self->session_lost = TRUE;
  g_hash_table_iter_init (&iter, self->execs);
  while (g_hash_table_iter_next (&iter, NULL, &exec))
    tcw_qemu_link_exec_lost (exec);
  break_link (self, TCW_QEMU_LINK_ERROR_SESSION_LOST, "the agent has forgotten the session (was it, or the guest, restarted?)");
}

static void
on_welcome (TcwQemuLink *self, const TcwWireEvent *event)
{
  if (event->peer_version == 0)
    {
      break_link (self, TCW_QEMU_LINK_ERROR_PROTOCOL, "the agent (%s) speaks no version of the protocol that we do", event->version);
      return;
    }
  if (self->has_session && event->fresh)
    {
      lose_session (self);
      return;
    }
  g_free (self->version);
  self->version = g_utf8_make_valid (event->version, -1);
  self->welcome = TRUE;
  self->has_session = TRUE;
  self->identity_needed = event->identity_needed;
  tcw_wire_stream_set_manual_acknowledge (tcw_wire_link_get_stream (self->link, 0), true);
}

static void
say_hello (TcwQemuLink *self, gboolean again)
{
  guint32 epoch = 0;

  while (epoch == 0)
    if (getrandom (&epoch, sizeof epoch, 0) != sizeof epoch)
      g_error ("no random numbers: %s", g_strerror (errno));
  tcw_wire_link_hello (self->link, self->session, epoch, self->has_session ? TCW_WIRE_HELLO_RESUME : 0, again);
}

static void
on_stream (TcwQemuLink *self, const TcwWireEvent *event)
{
  TcwQemuLinkStreamUser *user;

  if (tcw_wire_stream_get_id (event->stream) == 0)
    {
      on_control (self, event->stream, event->changes);
      return;
    }
  user = tcw_wire_stream_get_data (event->stream);
  if (user != NULL)
    user->changed (user->owner, event->stream, event->changes);
}

static void
on_event (TcwQemuLink *self, const TcwWireEvent *event)
{
  switch (event->type)
    {
    case TCW_WIRE_EVENT_WELCOME:
      on_welcome (self, event);
      break;
    case TCW_WIRE_EVENT_STREAM:
      on_stream (self, event);
      break;
    case TCW_WIRE_EVENT_PONG:
      self->pong = event->pong_size == sizeof self->pings && memcmp (event->pong, &self->pings, sizeof self->pings) == 0;
      break;
    case TCW_WIRE_EVENT_RESYNC:
      if (++self->resyncs > MAX_RESYNCS)
        break_link (self, TCW_QEMU_LINK_ERROR_PROTOCOL, "the link to the agent loses bytes all the time (%s)", event->text);
      else
        say_hello (self, TRUE);
      break;
    case TCW_WIRE_EVENT_FAILED:
      break_link (self, TCW_QEMU_LINK_ERROR_PROTOCOL, "the guest broke the agent's protocol: %s", event->text);
      break;
    case TCW_WIRE_EVENT_HELLO:
    case TCW_WIRE_EVENT_UNKNOWN:
    default:
      break;
    }
}

/* --- The pump. --------------------------------------------------------------------------------------------------------- */

/* Writes what it can; FALSE when the socket takes no more now, or is gone. */
static gboolean
write_out (TcwQemuLink *self)
{
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_send_with_blocking (self->socket, (const char *) self->out + self->out_begin, self->out_end - self->out_begin, FALSE,
                                          NULL, &error);

  if (n < 0 && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    break_link (self, TCW_QEMU_LINK_ERROR_LINK_CLOSED, "the link to the agent is closed");
  if (n <= 0)
    return FALSE;
  self->out_begin += (gsize) n;
  if (self->out_begin == self->out_end)
    self->out_begin = self->out_end = 0;
  return self->out_end == 0;
}

static gboolean on_writable (GSocket *socket, GIOCondition condition, gpointer data);

void
tcw_qemu_link_flush (TcwQemuLink *self)
{
  TcwWireEvent event;

  while (self->broken == NULL && tcw_wire_link_next_event (self->link, &event))
    on_event (self, &event);
  while (self->broken == NULL && self->socket != NULL)
    {
      if (self->out_end == 0)
        self->out_end = tcw_wire_link_pull (self->link, self->out, TCW_QEMU_LINK_BUFFER_SIZE);
      if (self->out_end == 0 || !write_out (self))
        break;
    }
  if (self->out_end == 0 || self->socket == NULL)
    drop_source (&self->write_source);
  else if (self->write_source == NULL)
    {
      self->write_source = g_socket_create_source (self->socket, G_IO_OUT, NULL);
      g_source_set_callback (self->write_source, G_SOURCE_FUNC (on_writable), self, NULL);
      g_source_attach (self->write_source, self->context);
    }
}

static gboolean
on_writable (GSocket *socket, GIOCondition condition, gpointer data)
{
  TcwQemuLink *self = data;

  tcw_qemu_link_flush (self);
  return self->write_source != NULL ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer data)
{
  TcwQemuLink *self = data;
  for (int i = 0; i < READS_PER_WAKE_UP && self->socket != NULL; i++)
    {
      g_autoptr (GError) error = NULL;
      gssize n = g_socket_receive_with_blocking (self->socket, (char *) self->in, TCW_QEMU_LINK_BUFFER_SIZE, FALSE, NULL, &error);

      if (n < 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        break;
      if (n <= 0)
        {
          break_link (self, TCW_QEMU_LINK_ERROR_LINK_CLOSED, "the link to the agent is closed");
          break;
        }
      tcw_wire_link_push (self->link, self->in, (gsize) n);
      tcw_qemu_link_flush (self);
      if ((gsize) n < TCW_QEMU_LINK_BUFFER_SIZE)
        break;
    }
  return self->read_source != NULL ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean
do_nothing (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer data)
{
  return G_SOURCE_CONTINUE;
}

/* Wakes the context at @deadline. */
static GSource *
attach_timer (GMainContext *context, gint64 deadline)
{
  GSource *source = g_timeout_source_new (G_MAXUINT);

  g_source_set_ready_time (source, deadline == G_MAXINT64 ? -1 : deadline);
  g_source_set_callback (source, do_nothing, NULL, NULL);
  g_source_attach (source, context);
  return source;
}

static gboolean
look (TcwQemuLink *self, TcwQemuLinkCondition condition, gpointer user_data, gint64 deadline, GCancellable *cancellable, const char *what,
      gboolean *done, GError **error)
{
  g_autoptr (GError) local = NULL;

  *done = condition (user_data, &local);
  if (*done)
    return TRUE;
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  else if (self->broken != NULL)
    g_propagate_error (error, g_error_copy (self->broken));
  else if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  else if (g_get_monotonic_time () >= deadline)
    g_set_error (error, TCW_QEMU_LINK_ERROR, TCW_QEMU_LINK_ERROR_TIMEOUT, "the agent did not %s in time", what);
  else
    return TRUE;
  return FALSE;
}

gboolean
tcw_qemu_link_wait_for (TcwQemuLink *self, TcwQemuLinkCondition condition, gpointer user_data, const char *what, gint64 deadline,
                         GCancellable *cancellable, GError **error)
{
  GSource *timer = attach_timer (self->context, deadline);
  GSource *cancel = NULL;
  gboolean done = FALSE;
  gboolean good;

  if (cancellable != NULL)
    {
      cancel = g_cancellable_source_new (cancellable);
      g_source_set_callback (cancel, G_SOURCE_FUNC (on_cancelled), NULL, NULL);
      g_source_attach (cancel, self->context);
    }
  tcw_qemu_link_flush (self);
  while ((good = look (self, condition, user_data, deadline, cancellable, what, &done, error)) && !done)
    g_main_context_iteration (self->context, TRUE);
  drop_source (&timer);
  drop_source (&cancel);
  return good;
}

/* --- Connecting. ------------------------------------------------------------------------------------------------------- */

static gboolean
open_socket (TcwQemuLink *self, const char *path, GError **error)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GError) local = NULL;

  self->socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &local);
  if (self->socket == NULL || !g_socket_connect (self->socket, address, NULL, &local))
    {
      g_clear_object (&self->socket);
      g_set_error (error, TCW_QEMU_LINK_ERROR, TCW_QEMU_LINK_ERROR_LINK_CLOSED, "cannot connect to %s: %s", path, local->message);
      return FALSE;
    }
  g_socket_set_blocking (self->socket, FALSE);
  self->read_source = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->read_source, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->read_source, self->context);
  return TRUE;
}

static gboolean
has_welcome (gpointer user_data, GError **error)
{
  return TCW_QEMU_LINK (user_data)->welcome;
}

gboolean
tcw_qemu_link_connect (TcwQemuLink *self, const char *path, gint64 deadline, GCancellable *cancellable, GError **error)
{
  gint64 interval = FIRST_HELLO_INTERVAL_US;
  gboolean again = FALSE;

  tcw_qemu_link_disconnect (self);
  if (!self->session_lost)
    g_clear_error (&self->broken);
  if (!open_socket (self, path, error))
    return FALSE;
  for (;; again = TRUE)
    {
      gint64 until = MIN (deadline, g_get_monotonic_time () + interval);
      g_autoptr (GError) local = NULL;

      say_hello (self, again);
      if (tcw_qemu_link_wait_for (self, has_welcome, self, "come up", until, cancellable, &local))
        return TRUE;
      if (!g_error_matches (local, TCW_QEMU_LINK_ERROR, TCW_QEMU_LINK_ERROR_TIMEOUT) || until == deadline)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      interval = MIN (2 * interval, LAST_HELLO_INTERVAL_US);
    }
}

static gboolean
has_pong (gpointer user_data, GError **error)
{
  return TCW_QEMU_LINK (user_data)->pong;
}

gboolean
tcw_qemu_link_ping (TcwQemuLink *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  self->pings++;
  self->pong = FALSE;
  tcw_wire_link_ping (self->link, &self->pings, sizeof self->pings);
  return tcw_qemu_link_wait_for (self, has_pong, self, "give a sign of life", deadline, cancellable, error);
}
