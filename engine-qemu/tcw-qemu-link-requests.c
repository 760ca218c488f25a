/* Requests and their replies, numbers of streams and commands, and the simple requests; see tcw-qemu-link.h. */
#include <errno.h>
#include <string.h>

#include "tcw-qemu-link-private.h"

void
tcw_qemu_link_reply_clear (TcwQemuLinkReply *reply)
{
  g_clear_pointer (&reply->message, g_free);
  g_clear_pointer (&reply->body, g_bytes_unref);
}

void
tcw_qemu_link_send_waiting (TcwQemuLink *self)
{
  gsize written = tcw_wire_stream_write (tcw_wire_link_get_stream (self->link, 0), self->control_out->data, self->control_out->len);

  if (written > 0)
    g_byte_array_remove_range (self->control_out, 0, (guint) written);
}

guint32
tcw_qemu_link_begin_request (TcwQemuLink *self, TcwWireMessage type, TcwQemuLinkEncode encode, const void *message,
                              TcwQemuLinkReply *reply)
{
  TcwWireWriter writer;
  g_autofree guint8 *body = NULL;
  gsize length;
  guint8 header[TCW_WIRE_RECORD_HEADER_SIZE];

  tcw_wire_writer_init (&writer, NULL, 0);
  if (encode != NULL)
    encode (&writer, message);
  length = writer.length;
  body = g_malloc (length + 1);
  tcw_wire_writer_init (&writer, body, length);
  if (encode != NULL)
    encode (&writer, message);
  if (++self->last_request == 0)
    self->last_request = 1;
  tcw_wire_record_header_encode ((guint16) type, self->last_request, (guint32) length, header);
  g_byte_array_append (self->control_out, header, sizeof header);
  g_byte_array_append (self->control_out, body, (guint) length);
  explicit_bzero (body, length);
  if (reply != NULL)
    g_hash_table_insert (self->replies, GUINT_TO_POINTER (self->last_request), reply);
  tcw_qemu_link_send_waiting (self);
  return self->last_request;
}

void
tcw_qemu_link_forget_request (TcwQemuLink *self, guint32 request)
{
  g_hash_table_remove (self->replies, GUINT_TO_POINTER (request));
}

void
tcw_qemu_link_send (TcwQemuLink *self, TcwWireMessage type, TcwQemuLinkEncode encode, const void *message)
{
  tcw_qemu_link_begin_request (self, type, encode, message, NULL);
  tcw_qemu_link_flush (self);
}

static gboolean
has_reply (gpointer user_data, GError **error)
{
  TcwQemuLinkReply *reply = user_data;

  return reply->done;
}

gboolean
tcw_qemu_link_set_reply_error (const TcwQemuLinkReply *reply, GError **error)
{
  g_set_error (error, TCW_QEMU_LINK_ERROR, (int) reply->status, "%s",
               reply->message != NULL && reply->message[0] != '\0' ? reply->message : tcw_wire_status_to_string (reply->status));
  return FALSE;
}

gboolean
tcw_qemu_link_request (TcwQemuLink *self, TcwWireMessage type, TcwQemuLinkEncode encode, const void *message, TcwQemuLinkReply *reply,
                        gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_auto (TcwQemuLinkReply) own = { 0 };
  TcwQemuLinkReply *wanted = reply != NULL ? reply : &own;
  guint32 request = tcw_qemu_link_begin_request (self, type, encode, message, wanted);

  if (!tcw_qemu_link_wait_for (self, has_reply, wanted, "answer", deadline, cancellable, error))
    {
      tcw_qemu_link_forget_request (self, request);
      return FALSE;
    }
  return wanted->status == TCW_WIRE_STATUS_OK || tcw_qemu_link_set_reply_error (wanted, error);
}

gboolean
tcw_qemu_link_is_session_alive (TcwQemuLink *self)
{
  return !self->session_lost;
}

TcwWireStream *
tcw_qemu_link_open_stream (TcwQemuLink *self, gsize receive, gsize send, TcwQemuLinkStreamUser *user, GError **error)
{
  TcwWireStream *stream = tcw_wire_stream_open (self->link, ++self->last_stream, TCW_WIRE_OPEN_INITIATE, receive, send);

  if (stream == NULL)
    g_set_error (error, TCW_QEMU_LINK_ERROR, TCW_QEMU_LINK_ERROR_LIMIT, "cannot open another stream to the agent: %s", g_strerror (errno));
  else
    tcw_wire_stream_set_data (stream, user);
  return stream;
}

guint32
tcw_qemu_link_new_exec_id (TcwQemuLink *self)
{
  return ++self->last_exec;
}

void
tcw_qemu_link_add_exec (TcwQemuLink *self, guint32 id, TcwQemuLinkExec *exec)
{
  g_hash_table_insert (self->execs, GUINT_TO_POINTER (id), exec);
}

void
tcw_qemu_link_remove_exec (TcwQemuLink *self, guint32 id)
{
  g_hash_table_remove (self->execs, GUINT_TO_POINTER (id));
}

/* --- The simple requests: one message, one reply. ---------------------------------------------------------------------- */

static void
encode_identity (TcwWireWriter *writer, const void *message)
{
  tcw_wire_identity_encode (writer, message);
}

static void
encode_power_off (TcwWireWriter *writer, const void *message)
{
  tcw_wire_power_off_encode (writer, message);
}

gboolean
tcw_qemu_link_identify (TcwQemuLink *self, const TcwQemuLinkIdentity *identity, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwWireIdentity message = {
    .entropy = identity->entropy,
    .entropy_length = (guint32) identity->entropy_length,
    .host_name = identity->host_name,
    .machine_id = identity->machine_id,
  };

  if (identity->network != NULL)
    message.network = *identity->network;
  message.clock_ns = (guint64) g_get_real_time () * 1000;
  return tcw_qemu_link_request (self, TCW_WIRE_IDENTITY, encode_identity, &message, NULL, deadline, cancellable, error);
}

gboolean
tcw_qemu_link_sync (TcwQemuLink *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  return tcw_qemu_link_request (self, TCW_WIRE_SYNC, NULL, NULL, NULL, deadline, cancellable, error);
}

gboolean
tcw_qemu_link_power_off (TcwQemuLink *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwWirePowerOff message = { .restart = false };

  return tcw_qemu_link_request (self, TCW_WIRE_POWER_OFF, encode_power_off, &message, NULL, deadline, cancellable, error);
}

gboolean
tcw_qemu_link_get_stats (TcwQemuLink *self, TcwWireStats *stats, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_auto (TcwQemuLinkReply) reply = { 0 };
  gsize size;
  const void *body;

  if (!tcw_qemu_link_request (self, TCW_WIRE_STATS, NULL, NULL, &reply, deadline, cancellable, error))
    return FALSE;
  body = g_bytes_get_data (reply.body, &size);
  if (tcw_wire_stats_decode (body, size, stats))
    return TRUE;
  g_set_error_literal (error, TCW_QEMU_LINK_ERROR, TCW_QEMU_LINK_ERROR_PROTOCOL, "the agent's statistics can't be decoded");
  return FALSE;
}
