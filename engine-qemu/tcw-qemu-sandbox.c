/* The running command in its VM, and its results; see tcw-qemu-sandbox.h. */
#include "tcw-qemu-sandbox.h"

#include <string.h>

#include "base/tcw-error.h"
#include "tcw-qemu-result-set.h"

/* How often an agent whose command is silent is asked whether it is still there, and how long it may take to answer. */
#define PING_INTERVAL_US (10 * G_TIME_SPAN_SECOND)
#define KILL_LIMIT_SECONDS 15

#define TCW_QEMU_TYPE_SANDBOX (tcw_qemu_sandbox_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuSandbox, tcw_qemu_sandbox, TCW_QEMU, SANDBOX, GObject)

struct _TcwQemuSandbox
{
  GObject parent_instance;
  TcwQemuHost *host;
  TcwTaskContext *context;
  TcwQemuGuest *guest; /* NULL once the result set has it */
  TcwQemuAgentExec *exec;
  char *workdir;
};

static void tcw_qemu_sandbox_iface_init (TcwSandboxInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TcwQemuSandbox, tcw_qemu_sandbox, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (TCW_TYPE_SANDBOX, tcw_qemu_sandbox_iface_init))

/* The command's pipes go to the log as they are; that this blocks is what slows down a command that floods it. */
static gboolean
on_output (const guint8 *data, gsize length, gpointer user_data, GError **error)
{
  return tcw_task_log_write (user_data, data, length, error);
}

/* The end of the command by itself, or by a kill that is under way. Moves the guest into the result set. */
static TcwResultSet *
make_results (TcwQemuSandbox *self, gboolean success)
{
  g_clear_object (&self->exec);
  return tcw_qemu_result_set_new (self->host, self->context, g_steal_pointer (&self->guest), self->workdir, success);
}

static void
log_exit (TcwQemuSandbox *self, const TcwQemuAgentExit *end)
{
  TcwTaskLog *log = tcw_task_context_get_log (self->context);

  if (end->kind == TCW_WIRE_EXIT_SIGNALLED)
    tcw_task_log_message (log, "The command was ended by signal %d (%s).", end->code, g_strsignal (end->code));
  else
    tcw_task_log_message (log, "The command ended with exit status %d.", end->code);
}

/*
 * Waits for the end, asking the agent for a sign of life now and then: a guest whose agent is gone never reports the end.
 * Returns FALSE with G_IO_ERROR, TCW_QEMU_AGENT_ERROR or (time's up) TCW_ERROR_DEADLINE.
 */
static gboolean
wait_for_exit (TcwQemuSandbox *self, gint64 deadline, TcwQemuAgentExit *end, GError **error)
{
  GCancellable *cancellable = tcw_task_context_get_cancellable (self->context);
  gint64 answer_limit = (gint64) tcw_qemu_host_get_agent_timeout (self->host) * G_TIME_SPAN_SECOND;

  for (;;)
    {
      gint64 now = g_get_monotonic_time ();
      g_autoptr (GError) local = NULL;

      if (tcw_qemu_agent_exec_wait (self->exec, MIN (deadline, now + PING_INTERVAL_US), cancellable, end, &local))
        return TRUE;
      if (!g_error_matches (local, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_TIMEOUT))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      now = g_get_monotonic_time ();
      if (now >= deadline)
        {
          g_set_error_literal (error, TCW_ERROR, TCW_ERROR_DEADLINE, "the command still runs");
          return FALSE;
        }
      if (!tcw_qemu_agent_ping (tcw_qemu_guest_get_agent (self->guest), now + answer_limit, cancellable, error))
        return FALSE;
    }
}

static TcwResultSet *
sandbox_wait (TcwSandbox *sandbox, gint64 deadline, GError **error)
{
  TcwQemuSandbox *self = TCW_QEMU_SANDBOX (sandbox);
  TcwQemuAgentExit end;
  GError *local = NULL;

  if (wait_for_exit (self, deadline, &end, &local))
    {
      log_exit (self, &end);
      return make_results (self, end.kind == TCW_WIRE_EXIT_EXITED && end.code == 0);
    }
  g_propagate_error (error, local->domain == TCW_ERROR ? local : tcw_qemu_guest_explain (self->guest, local, "running the command"));
  return NULL;
}

static TcwResultSet *
sandbox_kill (TcwSandbox *sandbox, GError **error)
{
  TcwQemuSandbox *self = TCW_QEMU_SANDBOX (sandbox);
  GCancellable *cancellable = tcw_task_context_get_cancellable (self->context);
  gint64 deadline = g_get_monotonic_time () + KILL_LIMIT_SECONDS * G_TIME_SPAN_SECOND;
  TcwQemuAgentExit end;
  GError *local = NULL;

  if (tcw_qemu_agent_exec_kill (self->exec, deadline, cancellable, &local)
      && tcw_qemu_agent_exec_wait (self->exec, deadline, cancellable, &end, &local))
    return make_results (self, FALSE);
  g_propagate_error (error, local->domain == TCW_ERROR ? local : tcw_qemu_guest_explain (self->guest, local, "killing the command"));
  return NULL;
}

static void
tcw_qemu_sandbox_iface_init (TcwSandboxInterface *iface)
{
  iface->wait = sandbox_wait;
  iface->kill = sandbox_kill;
}

static void
tcw_qemu_sandbox_finalize (GObject *object)
{
  TcwQemuSandbox *self = TCW_QEMU_SANDBOX (object);

  g_clear_object (&self->exec);
  g_clear_pointer (&self->guest, tcw_qemu_guest_free);
  g_clear_pointer (&self->context, tcw_task_context_unref);
  g_clear_pointer (&self->host, tcw_qemu_host_unref);
  g_free (self->workdir);
  G_OBJECT_CLASS (tcw_qemu_sandbox_parent_class)->finalize (object);
}

static void
tcw_qemu_sandbox_class_init (TcwQemuSandboxClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_sandbox_finalize;
}

static void
tcw_qemu_sandbox_init (TcwQemuSandbox *self)
{
}

/* An agent's refusal to start the command is about the payload, if it names a reason that the payload can change. */
static gboolean
is_payload_problem (const GError *error)
{
  return g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NOT_FOUND)
         || g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NOT_EXECUTABLE)
         || g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NO_USER)
         || g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NO_DIRECTORY)
         || g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PERMISSION)
         || g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_INVALID)
         || g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LIMIT);
}

TcwSandbox *
tcw_qemu_sandbox_start (TcwQemuHost *host, TcwTaskContext *context, TcwQemuGuest *guest, const TcwQemuCommand *command, GError **error)
{
  g_autoptr (TcwQemuSandbox) self = g_object_new (TCW_QEMU_TYPE_SANDBOX, NULL);
  TcwTaskLog *log = tcw_task_context_get_log (context);
  TcwQemuAgentExecOptions options = {
    .argv = command->argv,
    .env = command->environ,
    .user = command->user,
    .cwd = command->workdir,
    .out = on_output,
    .out_data = log,
    .err = on_output,
    .err_data = log,
  };
  gint64 deadline = g_get_monotonic_time () + tcw_qemu_host_get_agent_timeout (host) * G_TIME_SPAN_SECOND;
  GError *local = NULL;

  self->host = tcw_qemu_host_ref (host);
  self->context = tcw_task_context_ref (context);
  self->guest = guest;
  self->workdir = g_strdup (command->workdir != NULL ? command->workdir : "/");
  self->exec = tcw_qemu_agent_exec (tcw_qemu_guest_get_agent (guest), &options, deadline, tcw_task_context_get_cancellable (context),
                                   &local);
  if (self->exec != NULL)
    return TCW_SANDBOX (g_steal_pointer (&self));
  if (is_payload_problem (local))
    g_propagate_error (error, tcw_error_wrap (local, TCW_ERROR_MALFORMED_PAYLOAD, "task.payload.command"));
  else
    g_propagate_error (error, tcw_qemu_guest_explain (guest, local, "starting the command"));
  return NULL;
}
