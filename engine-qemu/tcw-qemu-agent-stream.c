/* Streams of the link as GIO streams: the pair, and its two sides; see tcw-qemu-agent.h. */
#include <string.h>

#include "tcw-qemu-agent-private.h"

struct _TcwQemuAgentStream
{
  GIOStream parent_instance;
  TcwQemuAgent *agent;
  TcwQemuAgentPort port;
  GInputStream *input;
  GOutputStream *output;
  GList *sources; /* of those who wait; borrowed, removed when they are finalized */
  GDestroyNotify closed;
  gpointer closed_data;
};

G_DEFINE_TYPE (TcwQemuAgentStream, tcw_qemu_agent_stream, G_TYPE_IO_STREAM)

/* --- waiting --- */

/* A source that is ready when the stream's side is. */
typedef struct
{
  GSource source;
  TcwQemuAgentStream *stream; /* a reference */
} ReadySource;

static gboolean
ready_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_source_set_ready_time (source, -1);
  return callback == NULL || callback (user_data);
}

static void
ready_finalize (GSource *source)
{
  ReadySource *ready = (ReadySource *) source;

  ready->stream->sources = g_list_remove (ready->stream->sources, source);
  g_object_unref (ready->stream);
}

/* What GIO's pollable sources ask of a child: a callback that stands for "look again". */
static gboolean
ready_callback (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static const GSourceFuncs ready_funcs
    = { .dispatch = ready_dispatch, .finalize = ready_finalize, .closure_callback = ready_callback };

GSource *
tcw_qemu_agent_stream_create_source (TcwQemuAgentStream *self, gboolean is_ready)
{
  GSource *source = g_source_new ((GSourceFuncs *) (guintptr) &ready_funcs, sizeof (ReadySource));

  ((ReadySource *) source)->stream = g_object_ref (self);
  self->sources = g_list_prepend (self->sources, source);
  if (is_ready)
    g_source_set_ready_time (source, 0);
  return source;
}

/* Whoever waits looks again: a side that isn't ready after all waits on. */
static void
on_change (gpointer owner)
{
  TcwQemuAgentStream *self = owner;

  for (GList *at = self->sources; at != NULL; at = at->next)
    g_source_set_ready_time (at->data, 0);
}

gboolean
tcw_qemu_agent_stream_is_readable (TcwQemuAgentStream *self)
{
  const uint8_t *data;

  return self->port.stream == NULL || tcw_wire_stream_peek (self->port.stream, &data) > 0 || tcw_wire_stream_is_at_end (self->port.stream)
         || tcw_wire_stream_is_reset (self->port.stream, NULL);
}

gboolean
tcw_qemu_agent_stream_is_writable (TcwQemuAgentStream *self)
{
  uint8_t *space;

  return self->port.stream == NULL || tcw_wire_stream_is_stopped (self->port.stream)
         || tcw_wire_stream_reserve (self->port.stream, &space) > 0;
}

static gboolean
readable_func (gpointer data)
{
  return tcw_qemu_agent_stream_is_readable (data);
}

static gboolean
writable_func (gpointer data)
{
  return tcw_qemu_agent_stream_is_writable (data);
}

/* --- reading and writing --- */

static gssize
fail_closed (TcwQemuAgentStream *self, GError **error)
{
  if (self->port.lost)
    g_set_error_literal (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_SESSION_LOST, "the guest's agent began anew");
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the stream is closed");
  return -1;
}

static gssize
fail_blocked (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "not now");
  return -1;
}

gssize
tcw_qemu_agent_stream_read (TcwQemuAgentStream *self, void *buffer, gsize count, gboolean block, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { G_MAXINT64, cancellable, "reading from a stream" };
  const uint8_t *data;
  gsize n;

  if (block && !tcw_qemu_agent_wait (self->agent, &wait, readable_func, self, error))
    return -1;
  if (self->port.stream == NULL)
    return fail_closed (self, error);
  n = tcw_wire_stream_peek (self->port.stream, &data);
  if (n == 0 && tcw_wire_stream_is_at_end (self->port.stream))
    return 0;
  if (n == 0 && tcw_wire_stream_is_reset (self->port.stream, NULL))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "the guest gave the stream up");
      return -1;
    }
  if (n == 0)
    return fail_blocked (error);
  n = MIN (n, count);
  memcpy (buffer, data, n);
  tcw_wire_stream_consume (self->port.stream, n);
  tcw_qemu_agent_flush (self->agent);
  return (gssize) n;
}

gssize
tcw_qemu_agent_stream_write (TcwQemuAgentStream *self, const void *buffer, gsize count, gboolean block, GCancellable *cancellable,
                             GError **error)
{
  TcwQemuAgentWait wait = { G_MAXINT64, cancellable, "writing to a stream" };
  gsize n;

  if (block && !tcw_qemu_agent_wait (self->agent, &wait, writable_func, self, error))
    return -1;
  if (self->port.stream == NULL)
    return fail_closed (self, error);
  if (tcw_wire_stream_is_stopped (self->port.stream))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, "the guest reads no more");
      return -1;
    }
  n = tcw_wire_stream_write (self->port.stream, buffer, count);
  if (n == 0 && count > 0)
    return fail_blocked (error);
  tcw_qemu_agent_flush (self->agent);
  return (gssize) n;
}

void
tcw_qemu_agent_stream_finish (TcwQemuAgentStream *self)
{
  if (self->port.stream == NULL)
    return;
  tcw_wire_stream_finish (self->port.stream);
  tcw_qemu_agent_flush (self->agent);
}

/* --- the pair --- */

static GInputStream *
get_input (GIOStream *stream)
{
  return TCW_QEMU_AGENT_STREAM (stream)->input;
}

static GOutputStream *
get_output (GIOStream *stream)
{
  return TCW_QEMU_AGENT_STREAM (stream)->output;
}

/* What was written is still sent, by the link itself; what comes is thrown away. */
static void
let_go (TcwQemuAgentStream *self)
{
  if (self->port.stream == NULL)
    return;
  g_hash_table_remove (self->agent->ports, &self->port);
  tcw_wire_stream_set_data (self->port.stream, NULL);
  tcw_wire_stream_release (self->port.stream);
  self->port.stream = NULL;
  tcw_qemu_agent_flush (self->agent);
}

static gboolean
close_stream (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  let_go (TCW_QEMU_AGENT_STREAM (stream));
  on_change (stream);
  return TRUE;
}

static void
tcw_qemu_agent_stream_dispose (GObject *object)
{
  TcwQemuAgentStream *self = TCW_QEMU_AGENT_STREAM (object);

  let_go (self);
  if (self->closed != NULL)
    g_steal_pointer (&self->closed) (self->closed_data);
  g_clear_object (&self->input);
  g_clear_object (&self->output);
  /* The parent's dispose closes the stream, which is then a stream without a link. */
  G_OBJECT_CLASS (tcw_qemu_agent_stream_parent_class)->dispose (object);
}

static void
tcw_qemu_agent_stream_finalize (GObject *object)
{
  g_clear_object (&TCW_QEMU_AGENT_STREAM (object)->agent);
  G_OBJECT_CLASS (tcw_qemu_agent_stream_parent_class)->finalize (object);
}

static void
tcw_qemu_agent_stream_class_init (TcwQemuAgentStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);

  object_class->dispose = tcw_qemu_agent_stream_dispose;
  object_class->finalize = tcw_qemu_agent_stream_finalize;
  stream_class->get_input_stream = get_input;
  stream_class->get_output_stream = get_output;
  stream_class->close_fn = close_stream;
}

static void
tcw_qemu_agent_stream_init (TcwQemuAgentStream *self)
{
  self->port.changed = on_change;
  self->port.owner = self;
}

static TcwQemuAgentStream *
new_closed (TcwQemuAgent *agent)
{
  TcwQemuAgentStream *self = g_object_new (TCW_TYPE_QEMU_AGENT_STREAM, NULL);

  self->agent = g_object_ref (agent);
  self->input = tcw_qemu_agent_input_new (self);
  self->output = tcw_qemu_agent_output_new (self);
  return self;
}

TcwQemuAgentStream *
tcw_qemu_agent_stream_new (TcwQemuAgent *agent, guint32 id, gsize receive, gsize send, GError **error)
{
  g_autoptr (TcwQemuAgentStream) self = new_closed (agent);

  if (!tcw_qemu_agent_port_open (&self->port, agent, id, receive, send, error))
    return NULL;
  return g_steal_pointer (&self);
}

TcwQemuAgentStream *
tcw_qemu_agent_stream_new_for (TcwQemuAgent *agent, TcwWireStream *stream)
{
  TcwQemuAgentStream *self = new_closed (agent);

  tcw_qemu_agent_port_adopt (&self->port, agent, stream);
  return self;
}

void
tcw_qemu_agent_stream_set_closed (TcwQemuAgentStream *self, GDestroyNotify closed, gpointer data)
{
  self->closed = closed;
  self->closed_data = data;
}

TcwQemuAgentPort *
tcw_qemu_agent_stream_get_port (TcwQemuAgentStream *self)
{
  return &self->port;
}
