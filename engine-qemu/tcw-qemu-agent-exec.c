/* Commands in the guest: start, output, stdin, end; see tcw-qemu-agent.h. */
#include <errno.h>
#include <string.h>

#include "tcw-qemu-agent-private.h"

enum {
  OUTPUT_WINDOW = 1048576,
  INPUT_BUFFER = 262144,
  PIECE = 65536, /* at most so much is given to a sink at once */
};

typedef struct
{
  TcwQemuAgentExec *exec;
  TcwQemuAgentPort port;
  TcwQemuAgentSink sink;
  gpointer sink_data;
  gboolean paused;
  gboolean delivering;
  guint64 delivered;
} Output;

struct _TcwQemuAgentExec
{
  GObject parent_instance;
  TcwQemuAgent *agent;
  guint32 id;
  guint32 pid;
  Output outputs[2]; /* stdout, stderr */
  TcwQemuAgentStream *in;
  gboolean started;
  gboolean ended;
  TcwQemuAgentExit end;
  GError *error; /* why there is no use in waiting; NULL while there is */
};

G_DEFINE_TYPE (TcwQemuAgentExec, tcw_qemu_agent_exec, G_TYPE_OBJECT)

/* --- output --- */

static void
take_error (TcwQemuAgentExec *self, GError *error)
{
  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);
}

/* Gives what has arrived to the sink, as long as it takes it. */
static void
deliver (Output *output)
{
  TcwQemuAgentExec *self = output->exec;
  TcwWireStream *stream;
  const uint8_t *data;
  gsize n;

  while (!output->paused && (stream = output->port.stream) != NULL && (n = tcw_wire_stream_peek (stream, &data)) > 0)
    {
      GError *error = NULL;

      n = MIN (n, PIECE);
      if (!output->sink (data, n, output->sink_data, &error))
        {
          take_error (self, error);
          tcw_qemu_agent_port_close (&output->port, TCW_WIRE_RESET_CANCELLED);
          return;
        }
      output->delivered += n;
      if (output->port.stream != stream)
        return; /* the session was lost meanwhile */
      tcw_wire_stream_consume (stream, n);
      tcw_qemu_agent_flush (self->agent);
    }
}

static void
on_output (gpointer owner)
{
  Output *output = owner;
  g_autoptr (TcwQemuAgentExec) self = g_object_ref (output->exec);

  if (output->port.lost)
    take_error (self, g_error_new_literal (TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_SESSION_LOST,
                                           "the guest's agent began anew: the command is lost"));
  if (output->delivering)
    return;
  output->delivering = TRUE;
  deliver (output);
  output->delivering = FALSE;
  if (output->port.stream == NULL)
    return;
  if (tcw_wire_stream_is_at_end (output->port.stream) || tcw_wire_stream_is_reset (output->port.stream, NULL))
    tcw_qemu_agent_port_close (&output->port, 0);
}

gboolean
tcw_qemu_agent_handle_exit (TcwQemuAgent *self, const TcwWireRecord *record)
{
  TcwQemuAgentExec *exec;
  TcwWireExit message;

  if (!tcw_wire_exit_decode (record->body, record->length, &message))
    return FALSE;
  exec = g_hash_table_lookup (self->execs, GUINT_TO_POINTER (message.exec));
  if (exec == NULL || exec->ended)
    return TRUE;
  exec->ended = TRUE;
  exec->end = (TcwQemuAgentExit) {
    .kind = message.kind,
    .code = (int) message.code,
    .user_us = message.user_us,
    .system_us = message.system_us,
    .max_rss_kib = message.max_rss_kib,
    .survivors = message.survivors,
  };
  return TRUE;
}

void
tcw_qemu_agent_lose_execs (TcwQemuAgent *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->execs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (!((TcwQemuAgentExec *) value)->ended)
      take_error (value, g_error_new_literal (TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_SESSION_LOST,
                                              "the guest's agent began anew: the command is lost"));
}

/* --- the object --- */

static void
tcw_qemu_agent_exec_init (TcwQemuAgentExec *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (self->outputs); i++)
    {
      self->outputs[i].exec = self;
      self->outputs[i].port.changed = on_output;
      self->outputs[i].port.owner = &self->outputs[i];
    }
}

/* Nobody will know of the command any more, so it must not go on. */
static void
kill_unattended (TcwQemuAgentExec *self)
{
  TcwWireKill message = { .exec = self->id };

  if (!self->started || self->ended || self->error != NULL || self->agent->closed != NULL)
    return;
  TCW_QEMU_AGENT_ENCODE (body, tcw_wire_kill_encode, &message);
  tcw_qemu_agent_queue_record (self->agent, TCW_WIRE_KILL, tcw_qemu_agent_next_number (self->agent), body);
}

static void
tcw_qemu_agent_exec_finalize (GObject *object)
{
  TcwQemuAgentExec *self = TCW_QEMU_AGENT_EXEC (object);

  kill_unattended (self);
  g_hash_table_remove (self->agent->execs, GUINT_TO_POINTER (self->id));
  for (gsize i = 0; i < G_N_ELEMENTS (self->outputs); i++)
    tcw_qemu_agent_port_close (&self->outputs[i].port, TCW_WIRE_RESET_CANCELLED);
  g_clear_object (&self->in);
  tcw_qemu_agent_flush (self->agent);
  g_clear_error (&self->error);
  g_object_unref (self->agent);
  G_OBJECT_CLASS (tcw_qemu_agent_exec_parent_class)->finalize (object);
}

static void
tcw_qemu_agent_exec_class_init (TcwQemuAgentExecClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_agent_exec_finalize;
}

static TcwQemuAgentExec *
new_exec (TcwQemuAgent *agent, guint32 id, const TcwQemuAgentExecOptions *options)
{
  TcwQemuAgentExec *self = g_object_new (TCW_TYPE_QEMU_AGENT_EXEC, NULL);

  self->agent = g_object_ref (agent);
  self->id = id;
  self->outputs[0].sink = options->out;
  self->outputs[0].sink_data = options->out_data;
  self->outputs[1].sink = options->err;
  self->outputs[1].sink_data = options->err_data;
  g_hash_table_insert (agent->execs, GUINT_TO_POINTER (id), self);
  return self;
}

/* --- starting --- */

static gboolean
open_streams (TcwQemuAgentExec *self, const TcwQemuAgentExecOptions *options, GError **error)
{
  gboolean has_err = options->err != NULL && !options->pty && !options->merge_stderr;

  if (options->has_stdin && (self->in = tcw_qemu_agent_stream_new (self->agent, 0, 0, INPUT_BUFFER, error)) == NULL)
    return FALSE;
  if (options->out != NULL && !tcw_qemu_agent_port_open (&self->outputs[0].port, self->agent, 0, OUTPUT_WINDOW, 0, error))
    return FALSE;
  return !has_err || tcw_qemu_agent_port_open (&self->outputs[1].port, self->agent, 0, OUTPUT_WINDOW, 0, error);
}

static guint32
count_strings (const char *const *strings)
{
  return strings == NULL ? 0 : g_strv_length ((char **) (guintptr) strings);
}

static TcwWireExec
describe (TcwQemuAgentExec *self, const TcwQemuAgentExecOptions *options)
{
  return (TcwWireExec) {
    .exec = self->id,
    .flags = (options->pty ? TCW_WIRE_EXEC_PTY : 0u) | (options->clean_env ? TCW_WIRE_EXEC_CLEAN_ENV : 0u)
             | (options->merge_stderr && !options->pty ? TCW_WIRE_EXEC_MERGE_STDERR : 0u),
    .argv = { .count = count_strings (options->argv), .items = options->argv },
    .env = { .count = count_strings (options->env), .items = options->env },
    .cwd = options->cwd,
    .user = options->user,
    .columns = options->columns,
    .rows = options->rows,
    .in = self->in == NULL ? 0 : tcw_qemu_agent_port_get_id (tcw_qemu_agent_stream_get_port (self->in)),
    .out = tcw_qemu_agent_port_get_id (&self->outputs[0].port),
    .err = tcw_qemu_agent_port_get_id (&self->outputs[1].port),
  };
}

TcwQemuAgentExec *
tcw_qemu_agent_exec (TcwQemuAgent *self, const TcwQemuAgentExecOptions *options, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autofree char *what = g_strdup_printf ("starting %s in the guest", options->argv[0]);
  TcwQemuAgentWait wait = { deadline, cancellable, what };
  g_autoptr (TcwQemuAgentExec) exec = new_exec (self, ++self->last_exec, options);
  g_autoptr (GBytes) answer = NULL;
  TcwWireStarted started;
  TcwWireExec message;

  if (!open_streams (exec, options, error))
    return NULL;
  message = describe (exec, options);
  TCW_QEMU_AGENT_ENCODE (request, tcw_wire_exec_encode, &message);
  exec->started = TRUE; /* as far as we know, until the agent says otherwise */
  answer = tcw_qemu_agent_request (self, TCW_WIRE_EXEC, request, &wait, error);
  if (answer == NULL)
    return NULL;
  if (!tcw_wire_started_decode (g_bytes_get_data (answer, NULL), g_bytes_get_size (answer), &started))
    {
      g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL, "%s: the agent's answer is broken", what);
      return NULL;
    }
  exec->pid = started.pid;
  return g_steal_pointer (&exec);
}

/* Takes over an output stream. One that the agent doesn't have any more was dealt with altogether. FALSE: bytes are missing. */
static gboolean
attach_output (Output *output, guint32 id, guint64 from, GError **error)
{
  TcwQemuAgent *agent = output->exec->agent;
  TcwWireStream *stream;

  output->delivered = from;
  if (id == 0 || output->sink == NULL || !g_hash_table_contains (agent->unknown, GUINT_TO_POINTER (id)))
    return TRUE;
  stream = tcw_wire_stream_attach (agent->link, id, from, OUTPUT_WINDOW, 0);
  if (stream == NULL)
    {
      g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LIMIT,
                   "output of a command from byte %" G_GUINT64_FORMAT " on cannot be had from the guest", from);
      return FALSE;
    }
  tcw_qemu_agent_port_adopt (&output->port, agent, stream);
  return TRUE;
}

TcwQemuAgentExec *
tcw_qemu_agent_attach_exec (TcwQemuAgent *self, const TcwWireExecInfo *info, const TcwQemuAgentExecOptions *options, guint64 out_offset,
                            guint64 err_offset, GError **error)
{
  g_autoptr (TcwQemuAgentExec) exec = new_exec (self, info->exec, options);
  TcwWireStream *in;

  exec->pid = info->pid;
  exec->ended = info->state == TCW_WIRE_EXEC_ENDED;
  exec->end = (TcwQemuAgentExit) { .kind = info->kind, .code = (int) info->code };
  if (!attach_output (&exec->outputs[0], info->out, out_offset, error) || !attach_output (&exec->outputs[1], info->err, err_offset, error))
    return NULL;
  exec->started = TRUE;
  /* stdin that has ended already can't be attached. */
  in = info->in == 0 ? NULL : tcw_wire_stream_attach (self->link, info->in, 0, 0, INPUT_BUFFER);
  if (in != NULL)
    exec->in = tcw_qemu_agent_stream_new_for (self, in);
  tcw_qemu_agent_flush (self);
  return g_steal_pointer (&exec);
}

/* --- waiting and stdin --- */

gboolean
tcw_qemu_agent_exec_is_done (TcwQemuAgentExec *self)
{
  return self->error != NULL || (self->ended && self->outputs[0].port.stream == NULL && self->outputs[1].port.stream == NULL);
}

static gboolean
exec_is_done (gpointer data)
{
  return tcw_qemu_agent_exec_is_done (data);
}

gboolean
tcw_qemu_agent_exec_wait (TcwQemuAgentExec *self, gint64 deadline, GCancellable *cancellable, TcwQemuAgentExit *end, GError **error)
{
  g_autoptr (TcwQemuAgentExec) keep = g_object_ref (self);
  TcwQemuAgentWait wait = { deadline, cancellable, "waiting for the end of a command" };

  if (!tcw_qemu_agent_wait (self->agent, &wait, exec_is_done, self, error))
    return FALSE;
  if (self->error != NULL)
    {
      if (error != NULL)
        *error = g_error_copy (self->error);
      return FALSE;
    }
  if (end != NULL)
    *end = self->end;
  return TRUE;
}

static gboolean
stdin_is_writable (gpointer data)
{
  return tcw_qemu_agent_stream_is_writable (data);
}

gboolean
tcw_qemu_agent_exec_write_stdin (TcwQemuAgentExec *self, const void *data, gsize length, gint64 deadline, GCancellable *cancellable,
                                 GError **error)
{
  g_autoptr (TcwQemuAgentExec) keep = g_object_ref (self);
  TcwQemuAgentWait wait = { deadline, cancellable, "writing to the stdin of a command" };
  const guint8 *bytes = data;

  while (length > 0)
    {
      TcwWireStream *stream;
      gsize n;

      if (self->in != NULL && !tcw_qemu_agent_wait (self->agent, &wait, stdin_is_writable, self->in, error))
        return FALSE;
      stream = self->in == NULL ? NULL : tcw_qemu_agent_stream_get_port (self->in)->stream;
      if (stream == NULL || tcw_wire_stream_is_stopped (stream))
        {
          g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_CANCELLED, "the command does not read its stdin (any more)");
          return FALSE;
        }
      n = tcw_wire_stream_write (stream, bytes, length);
      bytes += n;
      length -= n;
      tcw_qemu_agent_flush (self->agent);
    }
  return TRUE;
}

void
tcw_qemu_agent_exec_close_stdin (TcwQemuAgentExec *self)
{
  if (self->in != NULL)
    tcw_qemu_agent_stream_finish (self->in);
}

GOutputStream *
tcw_qemu_agent_exec_get_stdin (TcwQemuAgentExec *self)
{
  return self->in == NULL ? NULL : g_io_stream_get_output_stream (G_IO_STREAM (self->in));
}

void
tcw_qemu_agent_exec_pause_output (TcwQemuAgentExec *self, int descriptor, gboolean paused)
{
  Output *output = &self->outputs[descriptor == 2 ? 1 : 0];

  output->paused = paused;
  if (!paused && output->port.stream != NULL)
    on_output (output);
}

guint64
tcw_qemu_agent_exec_get_delivered (TcwQemuAgentExec *self, int descriptor)
{
  return self->outputs[descriptor == 2 ? 1 : 0].delivered;
}

/* --- requests --- */

static gboolean
request (TcwQemuAgentExec *self, TcwWireMessage type, const GByteArray *body, const TcwQemuAgentWait *wait, GError **error)
{
  g_autoptr (TcwQemuAgentExec) keep = g_object_ref (self);
  g_autoptr (GBytes) answer = tcw_qemu_agent_request (self->agent, type, body, wait, error);

  return answer != NULL;
}

gboolean
tcw_qemu_agent_exec_signal (TcwQemuAgentExec *self, int signo, gboolean tree, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "sending a signal to a command" };
  TcwWireSignal message = { .exec = self->id, .signo = (guint32) signo, .tree = tree != FALSE };

  TCW_QEMU_AGENT_ENCODE (body, tcw_wire_signal_encode, &message);
  return request (self, TCW_WIRE_SIGNAL, body, &wait, error);
}

gboolean
tcw_qemu_agent_exec_resize (TcwQemuAgentExec *self, guint16 columns, guint16 rows, gint64 deadline, GCancellable *cancellable,
                            GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "resizing the terminal of a command" };
  TcwWireResize message = { .exec = self->id, .columns = columns, .rows = rows };

  TCW_QEMU_AGENT_ENCODE (body, tcw_wire_resize_encode, &message);
  return request (self, TCW_WIRE_RESIZE, body, &wait, error);
}

gboolean
tcw_qemu_agent_exec_kill (TcwQemuAgentExec *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "killing a command" };
  TcwWireKill message = { .exec = self->id };
  GError *local = NULL;

  TCW_QEMU_AGENT_ENCODE (body, tcw_wire_kill_encode, &message);
  if (request (self, TCW_WIRE_KILL, body, &wait, &local))
    return TRUE;
  if (g_error_matches (local, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NOT_FOUND))
    {
      g_error_free (local);
      return TRUE;
    }
  g_propagate_error (error, local);
  return FALSE;
}

guint32
tcw_qemu_agent_exec_get_id (TcwQemuAgentExec *self)
{
  return self->id;
}

guint32
tcw_qemu_agent_exec_get_pid (TcwQemuAgentExec *self)
{
  return self->pid;
}
