/* Files and folders out of a guest; see tcw-qemu-link.h and wire/tcw-wire-tree.h. */
#include "tcw-qemu-link-private.h"

/* One transfer; on the stack of tcw_qemu_link_get(). */
typedef struct
{
  TcwQemuLinkStreamUser user;
  TcwWireStream *stream;
  TcwWireTreeDecoder decoder;
  TcwQemuLinkReply reply;
  TcwQemuLinkVisitor visitor;
  gpointer visitor_data;
  GError *error;
  gboolean ended;
} Transfer;

static void
protocol_error (Transfer *transfer, const char *why)
{
  if (transfer->error == NULL)
    g_set_error (&transfer->error, TCW_QEMU_LINK_ERROR, TCW_QEMU_LINK_ERROR_PROTOCOL, "the guest sent a broken tree of files: %s", why);
}

static void
take_item (Transfer *transfer, const TcwWireTreeItem *item)
{
  if (item->kind == TCW_WIRE_TREE_ERROR)
    {
      g_autofree char *text = g_utf8_make_valid (item->message, -1);
      gboolean known = item->status > TCW_WIRE_STATUS_OK && item->status <= TCW_WIRE_STATUS_LAST;

      g_set_error (&transfer->error, TCW_QEMU_LINK_ERROR, known ? (int) item->status : TCW_QEMU_LINK_ERROR_IO, "%s", text);
    }
  else if (item->kind != TCW_WIRE_TREE_FINISH)
    transfer->visitor (item, transfer->visitor_data, &transfer->error);
}

static void
on_tree_changed (gpointer owner, TcwWireStream *stream, guint changes)
{
  Transfer *transfer = owner;
  const guint8 *data;
  gsize size;

  while (transfer->error == NULL && (size = tcw_wire_stream_peek (stream, &data)) > 0)
    {
      TcwWireTreeItem item;
      gsize used = 0;
      TcwWireTreeResult result = tcw_wire_tree_decoder_feed (&transfer->decoder, data, size, &used, &item);

      if (result == TCW_WIRE_TREE_BROKEN)
        protocol_error (transfer, tcw_wire_tree_decoder_get_problem (&transfer->decoder));
      else if (result == TCW_WIRE_TREE_ITEM)
        take_item (transfer, &item);
      /* After the item: it may point into these bytes. */
      tcw_wire_stream_consume (stream, used);
    }
  transfer->ended = tcw_wire_stream_is_at_end (stream);
  if (transfer->ended && !tcw_wire_tree_decoder_is_finished (&transfer->decoder))
    protocol_error (transfer, "it ends early");
  if (tcw_wire_stream_is_reset (stream, NULL))
    protocol_error (transfer, "it was broken off");
}

/* A refusal comes as a reply, all else by the stream. */
static gboolean
is_over (gpointer user_data, GError **error)
{
  Transfer *transfer = user_data;

  if (transfer->error != NULL)
    {
      g_propagate_error (error, g_error_copy (transfer->error));
      return FALSE;
    }
  if (transfer->reply.done && transfer->reply.status != TCW_WIRE_STATUS_OK)
    return tcw_qemu_link_set_reply_error (&transfer->reply, error);
  return transfer->reply.done && transfer->ended;
}

static void
encode_get (TcwWireWriter *writer, const void *message)
{
  tcw_wire_get_encode (writer, message);
}

gboolean
tcw_qemu_link_get (TcwQemuLink *self, const char *path, guint flags, TcwQemuLinkVisitor visitor, gpointer user_data, gint64 deadline,
                    GCancellable *cancellable, GError **error)
{
  g_autofree Transfer *transfer = g_new0 (Transfer, 1);
  TcwWireGet message = { .flags = flags, .path = path };
  guint32 request;
  gboolean done;

  transfer->user = (TcwQemuLinkStreamUser){ .changed = on_tree_changed, .owner = transfer };
  transfer->visitor = visitor;
  transfer->visitor_data = user_data;
  tcw_wire_tree_decoder_init (&transfer->decoder);
  transfer->stream = tcw_qemu_link_open_stream (self, 4 * TCW_WIRE_WINDOW_DEFAULT, 0, &transfer->user, error);
  if (transfer->stream == NULL)
    return FALSE;
  message.stream = tcw_wire_stream_get_id (transfer->stream);
  request = tcw_qemu_link_begin_request (self, TCW_WIRE_GET, encode_get, &message, &transfer->reply);
  done = tcw_qemu_link_wait_for (self, is_over, transfer, "deliver the files", deadline, cancellable, error);
  tcw_qemu_link_forget_request (self, request);
  if (tcw_qemu_link_is_session_alive (self))
    tcw_wire_stream_close (transfer->stream, TCW_WIRE_RESET_CANCELLED);
  tcw_qemu_link_flush (self);
  g_clear_error (&transfer->error);
  tcw_qemu_link_reply_clear (&transfer->reply);
  return done;
}
