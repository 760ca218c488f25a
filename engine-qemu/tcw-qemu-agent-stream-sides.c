/* The input and the output of a TcwQemuAgentStream, which own nothing: their stream does all. */
#include "tcw-qemu-agent-private.h"

#define TCW_TYPE_QEMU_AGENT_INPUT (tcw_qemu_agent_input_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuAgentInput, tcw_qemu_agent_input, TCW, QEMU_AGENT_INPUT, GInputStream)

#define TCW_TYPE_QEMU_AGENT_OUTPUT (tcw_qemu_agent_output_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuAgentOutput, tcw_qemu_agent_output, TCW, QEMU_AGENT_OUTPUT, GOutputStream)

/* The pair holds its sides, so they only know it as long as it lives. */
struct _TcwQemuAgentInput
{
  GInputStream parent_instance;
  TcwQemuAgentStream *stream; /* weak */
};

struct _TcwQemuAgentOutput
{
  GOutputStream parent_instance;
  TcwQemuAgentStream *stream; /* weak */
};

static void input_pollable_init (GPollableInputStreamInterface *iface);
static void output_pollable_init (GPollableOutputStreamInterface *iface);

G_DEFINE_TYPE_WITH_CODE (TcwQemuAgentInput, tcw_qemu_agent_input, G_TYPE_INPUT_STREAM,
                         G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, input_pollable_init))
G_DEFINE_TYPE_WITH_CODE (TcwQemuAgentOutput, tcw_qemu_agent_output, G_TYPE_OUTPUT_STREAM,
                         G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM, output_pollable_init))

static gssize
fail_gone (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the stream is closed");
  return -1;
}

static GSource *
create_source (GObject *side, TcwQemuAgentStream *stream, gboolean is_ready, GCancellable *cancellable)
{
  g_autoptr (GSource) child = stream == NULL ? NULL : tcw_qemu_agent_stream_create_source (stream, is_ready);

  if (child == NULL)
    {
      child = g_timeout_source_new (0);
      g_source_set_dummy_callback (child);
    }
  return g_pollable_source_new_full (side, child, cancellable);
}

/* --- input --- */

static gssize
input_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentInput *self = TCW_QEMU_AGENT_INPUT (stream);

  return self->stream == NULL ? fail_gone (error) : tcw_qemu_agent_stream_read (self->stream, buffer, count, TRUE, cancellable, error);
}

static gssize
input_read_nonblocking (GPollableInputStream *stream, void *buffer, gsize count, GError **error)
{
  TcwQemuAgentInput *self = TCW_QEMU_AGENT_INPUT (stream);

  return self->stream == NULL ? fail_gone (error) : tcw_qemu_agent_stream_read (self->stream, buffer, count, FALSE, NULL, error);
}

static gboolean
input_is_readable (GPollableInputStream *stream)
{
  TcwQemuAgentInput *self = TCW_QEMU_AGENT_INPUT (stream);

  return self->stream == NULL || tcw_qemu_agent_stream_is_readable (self->stream);
}

static GSource *
input_create_source (GPollableInputStream *stream, GCancellable *cancellable)
{
  return create_source (G_OBJECT (stream), TCW_QEMU_AGENT_INPUT (stream)->stream, input_is_readable (stream), cancellable);
}

static void
input_pollable_init (GPollableInputStreamInterface *iface)
{
  iface->is_readable = input_is_readable;
  iface->create_source = input_create_source;
  iface->read_nonblocking = input_read_nonblocking;
}

static void
tcw_qemu_agent_input_finalize (GObject *object)
{
  g_clear_weak_pointer (&TCW_QEMU_AGENT_INPUT (object)->stream);
  G_OBJECT_CLASS (tcw_qemu_agent_input_parent_class)->finalize (object);
}

static void
tcw_qemu_agent_input_class_init (TcwQemuAgentInputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_agent_input_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = input_read;
}

static void
tcw_qemu_agent_input_init (TcwQemuAgentInput *self)
{
}

GInputStream *
tcw_qemu_agent_input_new (TcwQemuAgentStream *stream)
{
  TcwQemuAgentInput *self = g_object_new (TCW_TYPE_QEMU_AGENT_INPUT, NULL);

  g_set_weak_pointer (&self->stream, stream);
  return G_INPUT_STREAM (self);
}

/* --- output --- */

static gssize
output_write (GOutputStream *stream, const void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentOutput *self = TCW_QEMU_AGENT_OUTPUT (stream);

  return self->stream == NULL ? fail_gone (error) : tcw_qemu_agent_stream_write (self->stream, buffer, count, TRUE, cancellable, error);
}

static gssize
output_write_nonblocking (GPollableOutputStream *stream, const void *buffer, gsize count, GError **error)
{
  TcwQemuAgentOutput *self = TCW_QEMU_AGENT_OUTPUT (stream);

  return self->stream == NULL ? fail_gone (error) : tcw_qemu_agent_stream_write (self->stream, buffer, count, FALSE, NULL, error);
}

static gboolean
output_is_writable (GPollableOutputStream *stream)
{
  TcwQemuAgentOutput *self = TCW_QEMU_AGENT_OUTPUT (stream);

  return self->stream == NULL || tcw_qemu_agent_stream_is_writable (self->stream);
}

static GSource *
output_create_source (GPollableOutputStream *stream, GCancellable *cancellable)
{
  return create_source (G_OBJECT (stream), TCW_QEMU_AGENT_OUTPUT (stream)->stream, output_is_writable (stream), cancellable);
}

/* The end of our direction; the other one goes on. */
static gboolean
output_close (GOutputStream *stream, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentOutput *self = TCW_QEMU_AGENT_OUTPUT (stream);

  if (self->stream != NULL)
    tcw_qemu_agent_stream_finish (self->stream);
  return TRUE;
}

static void
output_pollable_init (GPollableOutputStreamInterface *iface)
{
  iface->is_writable = output_is_writable;
  iface->create_source = output_create_source;
  iface->write_nonblocking = output_write_nonblocking;
}

static void
tcw_qemu_agent_output_finalize (GObject *object)
{
  g_clear_weak_pointer (&TCW_QEMU_AGENT_OUTPUT (object)->stream);
  G_OBJECT_CLASS (tcw_qemu_agent_output_parent_class)->finalize (object);
}

static void
tcw_qemu_agent_output_class_init (TcwQemuAgentOutputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_agent_output_finalize;
  G_OUTPUT_STREAM_CLASS (klass)->write_fn = output_write;
  G_OUTPUT_STREAM_CLASS (klass)->close_fn = output_close;
}

static void
tcw_qemu_agent_output_init (TcwQemuAgentOutput *self)
{
}

GOutputStream *
tcw_qemu_agent_output_new (TcwQemuAgentStream *stream)
{
  TcwQemuAgentOutput *self = g_object_new (TCW_TYPE_QEMU_AGENT_OUTPUT, NULL);

  g_set_weak_pointer (&self->stream, stream);
  return G_OUTPUT_STREAM (self);
}
