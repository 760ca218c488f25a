/* Tunnels: listeners inside the guest, and connections into it; see tcw-qemu-agent.h. */
#include "tcw-qemu-agent-private.h"

enum {
  CONNECTIONS_MAX = 128, /* that the guest can open, at a time */
  TUNNEL_WINDOW = 131072,
};

typedef struct
{
  TcwQemuAgentConnectionFunc func;
  gpointer user_data;
} Listener;

guint32
tcw_qemu_agent_listen (TcwQemuAgent *self, const TcwWireListen *where, TcwQemuAgentConnectionFunc func, gpointer user_data,
                       guint16 *real_port, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "listening in the guest" };
  TcwWireListen message = *where;
  TcwWireListening answer;
  Listener *listener = g_new (Listener, 1);
  g_autoptr (GBytes) body = NULL;

  *listener = (Listener) { func, user_data };
  message.listener = ++self->last_listener;
  g_hash_table_insert (self->listeners, GUINT_TO_POINTER (message.listener), listener);
  TCW_QEMU_AGENT_ENCODE (request, tcw_wire_listen_encode, &message);
  body = tcw_qemu_agent_request (self, TCW_WIRE_LISTEN, request, &wait, error);
  if (body == NULL)
    {
      g_hash_table_remove (self->listeners, GUINT_TO_POINTER (message.listener));
      return 0;
    }
  if (!tcw_wire_listening_decode (g_bytes_get_data (body, NULL), g_bytes_get_size (body), &answer))
    {
      g_hash_table_remove (self->listeners, GUINT_TO_POINTER (message.listener));
      g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL, "%s: the agent's answer is broken", wait.what);
      return 0;
    }
  if (real_port != NULL)
    *real_port = answer.port;
  return message.listener;
}

gboolean
tcw_qemu_agent_unlisten (TcwQemuAgent *self, guint32 listener, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "closing a listener in the guest" };
  TcwWireUnlisten message = { .listener = listener };
  g_autoptr (GBytes) answer = NULL;

  g_hash_table_remove (self->listeners, GUINT_TO_POINTER (listener));
  TCW_QEMU_AGENT_ENCODE (request, tcw_wire_unlisten_encode, &message);
  answer = tcw_qemu_agent_request (self, TCW_WIRE_UNLISTEN, request, &wait, error);
  return answer != NULL;
}

static void
connection_closed (gpointer data)
{
  TcwQemuAgent *self = data;

  self->n_connections--;
}

gboolean
tcw_qemu_agent_handle_connect (TcwQemuAgent *self, const TcwWireRecord *record)
{
  g_autoptr (TcwQemuAgentStream) stream = NULL;
  TcwWireConnect message;
  Listener *found;
  Listener listener;

  if (!tcw_wire_connect_decode (record->body, record->length, &message))
    return FALSE;
  found = g_hash_table_lookup (self->listeners, GUINT_TO_POINTER (message.listener));
  if (found == NULL || self->n_connections >= CONNECTIONS_MAX)
    return TRUE; /* the frames of a stream that nobody opens are answered with RESET */
  listener = *found;
  stream = tcw_qemu_agent_stream_new (self, message.stream, TUNNEL_WINDOW, TUNNEL_WINDOW, NULL);
  if (stream == NULL)
    return TRUE;
  self->n_connections++;
  tcw_qemu_agent_stream_set_closed (stream, connection_closed, self);
  listener.func (stream, listener.user_data);
  return TRUE;
}

TcwQemuAgentStream *
tcw_qemu_agent_connect_out (TcwQemuAgent *self, const char *host, guint16 port, const char *path, gint64 deadline,
                            GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "connecting inside the guest" };
  g_autoptr (TcwQemuAgentStream) stream = tcw_qemu_agent_stream_new (self, 0, TUNNEL_WINDOW, TUNNEL_WINDOW, error);
  TcwWireConnectOut message = { .host = host, .port = port, .path = path };
  g_autoptr (GBytes) answer = NULL;

  if (stream == NULL)
    return NULL;
  message.stream = tcw_qemu_agent_port_get_id (tcw_qemu_agent_stream_get_port (stream));
  TCW_QEMU_AGENT_ENCODE (request, tcw_wire_connect_out_encode, &message);
  answer = tcw_qemu_agent_request (self, TCW_WIRE_CONNECT_OUT, request, &wait, error);
  if (answer != NULL)
    return g_steal_pointer (&stream);
  /* The agent may open it yet, and is told then. */
  tcw_qemu_agent_port_close (tcw_qemu_agent_stream_get_port (stream), TCW_WIRE_RESET_CANCELLED);
  return NULL;
}
