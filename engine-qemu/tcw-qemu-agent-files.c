/* Files and folders out of the guest and into it; see tcw-qemu-agent.h. */
#include <string.h>

#include "tcw-qemu-agent-private.h"

enum {
  WINDOW = 1048576,
  PIECE = 65536, /* of data in one item, or looked at between two flushes */
};

static void
ignore_change (gpointer owner)
{
}

/* --- out of the guest --- */

typedef struct
{
  TcwQemuAgentPort port;
  TcwWireTreeDecoder decoder;
  const TcwQemuAgentVisitor *visitor;
  gpointer user_data;
  const char *what;
} Get;

static gboolean
visit (Get *get, const TcwWireTreeItem *item, GError **error)
{
  const TcwQemuAgentVisitor *visitor = get->visitor;
  g_autofree char *text = NULL;

  switch (item->kind)
    {
    case TCW_WIRE_TREE_ENTRY:
      return visitor->begin_entry == NULL || visitor->begin_entry (&item->entry, get->user_data, error);
    case TCW_WIRE_TREE_DATA:
      return visitor->data == NULL || visitor->data (item->data, item->length, get->user_data, error);
    case TCW_WIRE_TREE_HOLE:
      return visitor->hole == NULL || visitor->hole (item->hole, get->user_data, error);
    case TCW_WIRE_TREE_END:
      return visitor->end_entry == NULL || visitor->end_entry (get->user_data, error);
    case TCW_WIRE_TREE_WARNING:
      text = tcw_qemu_agent_clean_text (item->message);
      if (visitor->warning != NULL)
        visitor->warning (text, get->user_data);
      return TRUE;
    case TCW_WIRE_TREE_ERROR:
      text = tcw_qemu_agent_clean_text (item->message);
      return tcw_qemu_agent_refuse (item->status == 0 || item->status > TCW_WIRE_STATUS_LAST ? TCW_WIRE_STATUS_IO : item->status, text,
                                    get->what, error);
    case TCW_WIRE_TREE_FINISH:
    default:
      return TRUE;
    }
}

/* Decodes @size bytes. */
static gboolean
feed (Get *get, const guint8 *data, gsize size, GError **error)
{
  while (size > 0)
    {
      TcwWireTreeItem item;
      size_t used;
      TcwWireTreeResult result = tcw_wire_tree_decoder_feed (&get->decoder, data, size, &used, &item);

      if (result == TCW_WIRE_TREE_BROKEN)
        {
          g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL, "%s: the guest sent nonsense: %s", get->what,
                       tcw_wire_tree_decoder_get_problem (&get->decoder));
          return FALSE;
        }
      if (result == TCW_WIRE_TREE_ITEM && !visit (get, &item, error))
        return FALSE;
      data += used;
      size -= used;
    }
  return TRUE;
}

static gboolean
get_is_ready (gpointer data)
{
  Get *get = data;
  TcwWireStream *stream = get->port.stream;
  const uint8_t *bytes;

  return stream == NULL || tcw_wire_stream_peek (stream, &bytes) > 0 || tcw_wire_stream_is_at_end (stream)
         || tcw_wire_stream_is_reset (stream, NULL);
}

/* Reads the tree to its end. */
static gboolean
read_tree (Get *get, const TcwQemuAgentWait *wait, GError **error)
{
  while (!tcw_wire_tree_decoder_is_finished (&get->decoder))
    {
      const uint8_t *data;
      gsize n;

      if (!tcw_qemu_agent_wait (get->port.agent, wait, get_is_ready, get, error))
        return FALSE;
      n = get->port.stream == NULL ? 0 : tcw_wire_stream_peek (get->port.stream, &data);
      if (n == 0)
        {
          g_set_error (error, TCW_QEMU_AGENT_ERROR, get->port.lost ? TCW_QEMU_AGENT_ERROR_SESSION_LOST : TCW_QEMU_AGENT_ERROR_PROTOCOL,
                       "%s: the guest stopped in the middle", wait->what);
          return FALSE;
        }
      n = MIN (n, PIECE);
      if (!feed (get, data, n, error))
        return FALSE;
      if (get->port.stream != NULL)
        tcw_wire_stream_consume (get->port.stream, n);
    }
  return TRUE;
}

gboolean
tcw_qemu_agent_get (TcwQemuAgent *self, const TcwWireGet *what, const TcwQemuAgentVisitor *visitor, gpointer user_data, gint64 deadline,
                    GCancellable *cancellable, GError **error)
{
  g_autofree char *doing = g_strdup_printf ("getting %s from the guest", what->path);
  TcwQemuAgentWait wait = { deadline, cancellable, doing };
  g_autofree Get *get = g_new0 (Get, 1);
  g_autoptr (GBytes) answer = NULL;
  TcwWireGet message = *what;
  gboolean done;

  get->port.changed = ignore_change;
  get->visitor = visitor;
  get->user_data = user_data;
  get->what = doing;
  tcw_wire_tree_decoder_init (&get->decoder);
  if (!tcw_qemu_agent_port_open (&get->port, self, 0, WINDOW, 0, error))
    return FALSE;
  message.stream = tcw_qemu_agent_port_get_id (&get->port);
  TCW_QEMU_AGENT_ENCODE (request, tcw_wire_get_encode, &message);
  answer = tcw_qemu_agent_request (self, TCW_WIRE_GET, request, &wait, error);
  done = answer != NULL && read_tree (get, &wait, error);
  tcw_qemu_agent_port_close (&get->port, TCW_WIRE_RESET_CANCELLED);
  return done;
}

/* --- into the guest --- */

struct _TcwQemuAgentPut
{
  TcwQemuAgentPort port;
  TcwQemuAgentCall *call;
  const TcwQemuAgentWait *wait;
  guint8 head[TCW_WIRE_TREE_HEAD_MAX];
};

static gboolean
put_is_ready (gpointer data)
{
  TcwQemuAgentPut *put = data;

  return put->port.stream == NULL || tcw_qemu_agent_call_is_done (put->call) || tcw_wire_stream_is_stopped (put->port.stream)
         || tcw_wire_stream_get_room (put->port.stream) > 0;
}

/* The agent takes no more: waits for its reason. Always returns FALSE. */
static gboolean
fail_put (TcwQemuAgentPut *put, GError **error)
{
  if (tcw_qemu_agent_call_wait (put->call, put->wait, error) != NULL)
    g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL, "%s: the agent was content before it had everything",
                 put->wait->what);
  return FALSE;
}

static gboolean
put_bytes (TcwQemuAgentPut *put, const void *data, gsize length, GError **error)
{
  const guint8 *bytes = data;

  while (length > 0)
    {
      gsize n;

      if (!tcw_qemu_agent_wait (put->port.agent, put->wait, put_is_ready, put, error))
        return FALSE;
      if (put->port.stream == NULL || tcw_qemu_agent_call_is_done (put->call) || tcw_wire_stream_is_stopped (put->port.stream))
        return fail_put (put, error);
      n = tcw_wire_stream_write (put->port.stream, bytes, length);
      bytes += n;
      length -= n;
    }
  return TRUE;
}

gboolean
tcw_qemu_agent_put_entry (TcwQemuAgentPut *put, const TcwWireTreeEntry *entry, GError **error)
{
  gsize n = tcw_wire_tree_put_entry (put->head, sizeof put->head, entry);

  if (n > 0)
    return put_bytes (put, put->head, n, error);
  g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_INVALID, "%s: \"%s\" cannot be sent: its path or its target is too long",
               put->wait->what, entry->path);
  return FALSE;
}

gboolean
tcw_qemu_agent_put_data (TcwQemuAgentPut *put, const void *data, gsize length, GError **error)
{
  const guint8 *bytes = data;

  while (length > 0)
    {
      gsize n = MIN (length, PIECE);
      gsize head = tcw_wire_tree_put_data (put->head, sizeof put->head, (guint32) n);

      if (!put_bytes (put, put->head, head, error) || !put_bytes (put, bytes, n, error))
        return FALSE;
      bytes += n;
      length -= n;
    }
  return TRUE;
}

gboolean
tcw_qemu_agent_put_hole (TcwQemuAgentPut *put, guint64 length, GError **error)
{
  gsize n = tcw_wire_tree_put_hole (put->head, sizeof put->head, length);

  return n == 0 || put_bytes (put, put->head, n, error);
}

gboolean
tcw_qemu_agent_put_end (TcwQemuAgentPut *put, GError **error)
{
  return put_bytes (put, put->head, tcw_wire_tree_put_end (put->head, sizeof put->head), error);
}

/* The end of the tree, and the agent's word on it. */
static gboolean
finish_put (TcwQemuAgentPut *put, GError **error)
{
  if (!put_bytes (put, put->head, tcw_wire_tree_put_finish (put->head, sizeof put->head), error))
    return FALSE;
  if (put->port.stream != NULL)
    tcw_wire_stream_finish (put->port.stream);
  tcw_qemu_agent_flush (put->port.agent);
  return tcw_qemu_agent_call_wait (put->call, put->wait, error) != NULL;
}

gboolean
tcw_qemu_agent_put (TcwQemuAgent *self, const TcwWirePut *where, TcwQemuAgentPutFunc func, gpointer user_data, gint64 deadline,
                    GCancellable *cancellable, GError **error)
{
  g_autofree char *doing = g_strdup_printf ("putting %s into the guest", where->path);
  TcwQemuAgentWait wait = { deadline, cancellable, doing };
  g_autofree TcwQemuAgentPut *put = g_new0 (TcwQemuAgentPut, 1);
  TcwWirePut message = *where;
  gboolean done;

  put->port.changed = ignore_change;
  put->wait = &wait;
  if (!tcw_qemu_agent_port_open (&put->port, self, 0, 0, WINDOW, error))
    return FALSE;
  message.stream = tcw_qemu_agent_port_get_id (&put->port);
  TCW_QEMU_AGENT_ENCODE (request, tcw_wire_put_encode, &message);
  put->call = tcw_qemu_agent_call_new (self, TCW_WIRE_PUT, request, error);
  done = put->call != NULL && func (put, user_data, error) && finish_put (put, error);
  tcw_qemu_agent_port_close (&put->port, TCW_WIRE_RESET_CANCELLED);
  tcw_qemu_agent_call_free (put->call);
  return done;
}
