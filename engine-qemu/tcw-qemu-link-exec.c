/* Commands in a guest: their start, streams and end; see tcw-qemu-link.h. */
#include <string.h>

#include "tcw-qemu-link-private.h"

/* One output of a command. */
typedef struct
{
  TcwQemuLinkStreamUser user;
  TcwQemuLinkExec *exec;
  TcwWireStream *stream; /* NULL: there is none, or it has ended */
  TcwQemuLinkSink sink;
  gboolean paused;
} Output;

struct _TcwQemuLinkExec
{
  TcwQemuLink *agent;
  guint32 id;
  Output out;
  Output err;
  gpointer output_data;
  TcwQemuLinkStreamUser in_user;
  TcwWireStream *in;
  GError *sink_error;
  gboolean started;
  gboolean ended;
  gboolean lost;
  TcwWireExit end;
};

/* Hands what has arrived to the sink; closes the stream at its end. */
static void
drain (Output *output)
{
  const guint8 *data;
  gsize size;

  while (output->stream != NULL && !output->paused && (size = tcw_wire_stream_peek (output->stream, &data)) > 0)
    {
      /* After a sink's failure the rest is thrown away, so that the command can end. */
      if (output->exec->sink_error == NULL)
        output->sink (data, size, output->exec->output_data, &output->exec->sink_error);
      tcw_wire_stream_consume (output->stream, size);
    }
  if (output->stream == NULL)
    return;
  if (!tcw_wire_stream_is_at_end (output->stream) && !tcw_wire_stream_is_reset (output->stream, NULL))
    return;
  tcw_wire_stream_release (output->stream);
  output->stream = NULL;
}

static void
on_output_changed (gpointer owner, TcwWireStream *stream, guint changes)
{
  drain (owner);
}

static void
on_input_changed (gpointer owner, TcwWireStream *stream, guint changes)
{
  TcwQemuLinkExec *exec = owner;

  if ((changes & TCW_WIRE_STREAM_CLOSED) == 0 && !tcw_wire_stream_is_stopped (stream))
    return;
  tcw_wire_stream_close (stream, TCW_WIRE_RESET_CANCELLED);
  exec->in = NULL;
}

void
tcw_qemu_link_exec_ended (TcwQemuLinkExec *exec, const TcwWireExit *end)
{
  exec->ended = TRUE;
  exec->end = *end;
}

void
tcw_qemu_link_exec_lost (TcwQemuLinkExec *exec)
{
  exec->lost = TRUE;
  exec->in = NULL;
  exec->out.stream = NULL;
  exec->err.stream = NULL;
}

static gboolean
open_output (TcwQemuLinkExec *exec, Output *output, TcwQemuLinkSink sink, GError **error)
{
  output->exec = exec;
  output->sink = sink;
  output->user = (TcwQemuLinkStreamUser){ .changed = on_output_changed, .owner = output };
  if (sink == NULL)
    return TRUE;
  output->stream = tcw_qemu_link_open_stream (exec->agent, TCW_WIRE_WINDOW_DEFAULT, 0, &output->user, error);
  return output->stream != NULL;
}

static gboolean
open_streams (TcwQemuLinkExec *exec, const TcwQemuLinkExecOptions *options, GError **error)
{
  exec->in_user = (TcwQemuLinkStreamUser){ .changed = on_input_changed, .owner = exec };
  if (options->has_stdin)
    {
      exec->in = tcw_qemu_link_open_stream (exec->agent, 0, TCW_WIRE_WINDOW_DEFAULT, &exec->in_user, error);
      if (exec->in == NULL)
        return FALSE;
    }
  return open_output (exec, &exec->out, options->on_stdout, error)
         && open_output (exec, &exec->err, options->pty ? NULL : options->on_stderr, error);
}

static TcwWireStrings
to_strings (const char *const *items)
{
  TcwWireStrings strings = { .items = items };

  while (items != NULL && items[strings.count] != NULL)
    strings.count++;
  return strings;
}

static guint32
stream_id (TcwWireStream *stream)
{
  return stream != NULL ? tcw_wire_stream_get_id (stream) : 0;
}

static void
encode_exec (TcwWireWriter *writer, const void *message)
{
  tcw_wire_exec_encode (writer, message);
}

static void
encode_kill (TcwWireWriter *writer, const void *message)
{
  tcw_wire_kill_encode (writer, message);
}

static void
encode_signal (TcwWireWriter *writer, const void *message)
{
  tcw_wire_signal_encode (writer, message);
}

static void
encode_resize (TcwWireWriter *writer, const void *message)
{
  tcw_wire_resize_encode (writer, message);
}

static gboolean
check_size (const TcwQemuLinkExecOptions *options, GError **error)
{
  gsize total = 0;

  for (gsize i = 0; options->argv[i] != NULL; i++)
    total += strlen (options->argv[i]) + 8;
  for (gsize i = 0; options->environ != NULL && options->environ[i] != NULL; i++)
    total += strlen (options->environ[i]) + 8;
  if (total < TCW_WIRE_RECORD_MAX - 64 * 1024)
    return TRUE;
  g_set_error (error, TCW_QEMU_LINK_ERROR, TCW_QEMU_LINK_ERROR_LIMIT,
               "command and environment have %" G_GSIZE_FORMAT " bytes, over the limit of 4 MiB", total);
  return FALSE;
}

TcwQemuLinkExec *
tcw_qemu_link_exec (TcwQemuLink *self, const TcwQemuLinkExecOptions *options, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autoptr (TcwQemuLinkExec) exec = NULL;
  TcwWireExec message = {
    .flags = options->pty ? TCW_WIRE_EXEC_PTY : 0,
    .argv = to_strings (options->argv),
    .env = to_strings (options->environ),
    .cwd = options->cwd,
    .user = options->user,
    .columns = options->columns,
    .rows = options->rows,
  };

  if (!check_size (options, error))
    return NULL;
  exec = g_new0 (TcwQemuLinkExec, 1);
  exec->agent = g_object_ref (self);
  exec->id = tcw_qemu_link_new_exec_id (self);
  exec->output_data = options->output_data;
  tcw_qemu_link_add_exec (self, exec->id, exec);
  if (!open_streams (exec, options, error))
    return NULL;
  message.exec = exec->id;
  message.in = stream_id (exec->in);
  message.out = stream_id (exec->out.stream);
  message.err = stream_id (exec->err.stream);
  if (!tcw_qemu_link_request (self, TCW_WIRE_EXEC, encode_exec, &message, NULL, deadline, cancellable, error))
    return NULL;
  exec->started = TRUE;
  return g_steal_pointer (&exec);
}

static void
close_stream (TcwWireStream **stream)
{
  if (*stream != NULL)
    tcw_wire_stream_close (*stream, TCW_WIRE_RESET_CANCELLED);
  *stream = NULL;
}

void
tcw_qemu_link_exec_free (TcwQemuLinkExec *exec)
{
  if (exec == NULL)
    return;
  if (exec->started && !exec->ended && !exec->lost)
    {
      TcwWireKill message = { .exec = exec->id };

      tcw_qemu_link_send (exec->agent, TCW_WIRE_KILL, encode_kill, &message);
    }
  tcw_qemu_link_remove_exec (exec->agent, exec->id);
  close_stream (&exec->in);
  close_stream (&exec->out.stream);
  close_stream (&exec->err.stream);
  tcw_qemu_link_flush (exec->agent);
  g_clear_error (&exec->sink_error);
  g_object_unref (exec->agent);
  g_free (exec);
}

static gboolean
is_over (gpointer user_data, GError **error)
{
  TcwQemuLinkExec *exec = user_data;

  if (exec->sink_error != NULL)
    {
      g_propagate_error (error, g_error_copy (exec->sink_error));
      return FALSE;
    }
  return exec->ended && exec->out.stream == NULL && exec->err.stream == NULL;
}

gboolean
tcw_qemu_link_exec_wait (TcwQemuLinkExec *exec, gint64 deadline, GCancellable *cancellable, TcwQemuLinkExit *end, GError **error)
{
  if (!tcw_qemu_link_wait_for (exec->agent, is_over, exec, "report the command's end", deadline, cancellable, error))
    return FALSE;
  *end = (TcwQemuLinkExit){
    .kind = exec->end.kind,
    .code = (int) MIN (exec->end.code, G_MAXINT),
    .cpu_us = exec->end.user_us + exec->end.system_us,
    .max_rss_kib = exec->end.max_rss_kib,
  };
  return TRUE;
}

void
tcw_qemu_link_exec_pause_output (TcwQemuLinkExec *exec, gboolean is_stderr, gboolean paused)
{
  Output *output = is_stderr ? &exec->err : &exec->out;

  output->paused = paused;
  drain (output);
  tcw_qemu_link_flush (exec->agent);
}

gsize
tcw_qemu_link_exec_write_some (TcwQemuLinkExec *exec, const void *data, gsize length)
{
  gsize written = exec->in != NULL ? tcw_wire_stream_write (exec->in, data, length) : 0;

  if (written > 0)
    tcw_qemu_link_flush (exec->agent);
  return written;
}

static gboolean
can_write (gpointer user_data, GError **error)
{
  TcwQemuLinkExec *exec = user_data;

  if (exec->in == NULL)
    {
      g_set_error_literal (error, TCW_QEMU_LINK_ERROR, TCW_QEMU_LINK_ERROR_CANCELLED, "the command reads its input no more");
      return FALSE;
    }
  return tcw_wire_stream_get_room (exec->in) > 0;
}

gboolean
tcw_qemu_link_exec_write (TcwQemuLinkExec *exec, const void *data, gsize length, gint64 deadline, GCancellable *cancellable, GError **error)
{
  const guint8 *bytes = data;

  while (length > 0)
    {
      guint8 *ignored;
      gsize written;

      /* Asking for room while there is none makes the link tell when there is. */
      if (exec->in != NULL && tcw_wire_stream_get_room (exec->in) == 0)
        tcw_wire_stream_reserve (exec->in, &ignored);
      if (!tcw_qemu_link_wait_for (exec->agent, can_write, exec, "take the command's input", deadline, cancellable, error))
        return FALSE;
      written = tcw_qemu_link_exec_write_some (exec, bytes, length);
      bytes += written;
      length -= written;
    }
  return TRUE;
}

void
tcw_qemu_link_exec_close_stdin (TcwQemuLinkExec *exec)
{
  if (exec->in == NULL)
    return;
  tcw_wire_stream_finish (exec->in);
  tcw_qemu_link_flush (exec->agent);
}

gboolean
tcw_qemu_link_exec_signal (TcwQemuLinkExec *exec, int signo, gboolean tree, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwWireSignal message = { .exec = exec->id, .signo = (guint32) signo, .tree = tree };

  return tcw_qemu_link_request (exec->agent, TCW_WIRE_SIGNAL, encode_signal, &message, NULL, deadline, cancellable, error);
}

gboolean
tcw_qemu_link_exec_resize (TcwQemuLinkExec *exec, guint16 columns, guint16 rows, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwWireResize message = { .exec = exec->id, .columns = columns, .rows = rows };

  return tcw_qemu_link_request (exec->agent, TCW_WIRE_RESIZE, encode_resize, &message, NULL, deadline, cancellable, error);
}

gboolean
tcw_qemu_link_exec_kill (TcwQemuLinkExec *exec, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwWireKill message = { .exec = exec->id };

  if (exec->ended)
    return TRUE;
  return tcw_qemu_link_request (exec->agent, TCW_WIRE_KILL, encode_kill, &message, NULL, deadline, cancellable, error);
}
