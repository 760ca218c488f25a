/* The verb `exec`: a command in a virtual machine that `run --keep` has kept, through its agent's socket. */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-i18n.h"
#include "cli/tcw-cli-private.h"
#include "tcw-qemu-agent.h"

#define ANSWER_SECONDS 30
#define SIGNAL_STATUS 128
#define NOT_RUN_STATUS 255

typedef struct
{
  TcwQemuAgent *agent;
  TcwQemuAgentExec *exec;
  GCancellable *cancellable; /* Ctrl-C */
  guint8 buffer[8 * 1024]; /* read from our stdin, on its way */
  guint stdin_source;
  char *user;
  char *cwd;
} ExecVerb;

static void
exec_verb_clear (ExecVerb *self)
{
  g_clear_object (&self->exec);
  g_clear_object (&self->agent);
  g_clear_object (&self->cancellable);
  g_free (self->user);
  g_free (self->cwd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ExecVerb, exec_verb_clear)

static gboolean
write_all (int fd, const guint8 *data, gsize length, GError **error)
{
  while (length > 0)
    {
      gssize n = write (fd, data, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "cannot write the command's output: %s", g_strerror (errno));
          return FALSE;
        }
      data += n;
      length -= (gsize) n;
    }
  return TRUE;
}

static gboolean
on_stdout (const guint8 *data, gsize length, gpointer user_data, GError **error)
{
  return write_all (STDOUT_FILENO, data, length, error);
}

static gboolean
on_stderr (const guint8 *data, gsize length, gpointer user_data, GError **error)
{
  return write_all (STDERR_FILENO, data, length, error);
}

static gint64
answer_deadline (void)
{
  return g_get_monotonic_time () + ANSWER_SECONDS * G_TIME_SPAN_SECOND;
}

/* A new session at a kept VM needs an identity once more; its names stay as they are. */
static gboolean
connect_agent (ExecVerb *self, const char *socket, GError **error)
{
  guint8 entropy[TCW_WIRE_ENTROPY_MIN];
  TcwQemuAgentIdentity identity = { .entropy = entropy, .entropy_length = sizeof entropy };

  if (getrandom (entropy, sizeof entropy, 0) != sizeof entropy)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "cannot get random numbers: %s", g_strerror (errno));
      return FALSE;
    }
  self->agent = tcw_qemu_agent_new (NULL);
  return tcw_qemu_agent_connect (self->agent, socket, answer_deadline (), NULL, error)
         && tcw_qemu_agent_identify (self->agent, &identity, answer_deadline (), NULL, error);
}

static gboolean on_stdin (int fd, GIOCondition condition, gpointer user_data);

static void
watch_stdin (ExecVerb *self)
{
  self->stdin_source = g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, on_stdin, self);
}

/* Copies our stdin into the command's, in the loop that wait() iterates; no more is read than the command takes. */
static gboolean
on_stdin (int fd, GIOCondition condition, gpointer user_data)
{
  ExecVerb *self = user_data;
  gssize n = read (fd, self->buffer, sizeof self->buffer);

  self->stdin_source = 0;
  if (n == 0 || (n < 0 && errno != EINTR))
    tcw_qemu_agent_exec_close_stdin (self->exec);
  else if (n < 0 || tcw_qemu_agent_exec_write_stdin (self->exec, self->buffer, (gsize) n, G_MAXINT64, self->cancellable, NULL))
    watch_stdin (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_interrupt (gpointer user_data)
{
  g_cancellable_cancel (user_data);
  return G_SOURCE_CONTINUE;
}

static gboolean
run_command (ExecVerb *self, char **argv, TcwQemuAgentExit *end, GError **error)
{
  TcwQemuAgentExecOptions options = {
    .argv = (const char *const *) argv,
    .user = self->user,
    .cwd = self->cwd,
    .has_stdin = TRUE,
    .out = on_stdout,
    .err = on_stderr,
  };
  guint interrupt;
  gboolean ended;

  self->exec = tcw_qemu_agent_exec (self->agent, &options, answer_deadline (), self->cancellable, error);
  if (self->exec == NULL)
    return FALSE;
  interrupt = g_unix_signal_add (SIGINT, on_interrupt, self->cancellable);
  watch_stdin (self);
  ended = tcw_qemu_agent_exec_wait (self->exec, G_MAXINT64, self->cancellable, end, error);
  if (self->stdin_source != 0)
    g_source_remove (self->stdin_source);
  g_source_remove (interrupt);
  return ended;
}

int
tcw_cli_exec (TcwCli *cli, int argc, char **argv)
{
  g_auto (ExecVerb) self = { .cancellable = g_cancellable_new () };
  g_autofree char *config = NULL;
  const GOptionEntry entries[] = {
    { "user", 'u', 0, G_OPTION_ARG_STRING, &self.user, N_ ("who runs the command (default: the agent, root)"), "USER" },
    { "cwd", 'C', 0, G_OPTION_ARG_STRING, &self.cwd, N_ ("the command's working directory"), "DIR" },
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &config, N_ ("the worker's configuration"), "FILE" },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  TcwQemuAgentExit end;
  int status = TCW_EXIT_OK;
  int first = 2;

  if (!tcw_cli_parse ("exec", "SOCKET -- COMMAND [ARGUMENT…]", _ ("Runs a command in a virtual machine that `run --keep` has kept."),
                      _ ("stdin, stdout and stderr are the command's. Exit status: the command's, 128 and the number of the signal "
                         "that ended it, or 255 when it could not be run."),
                      entries, &argc, &argv, &status))
    return status;
  if (argc > first && g_strcmp0 (argv[first], "--") == 0)
    first++;
  if (argc <= first)
    {
      g_set_error_literal (&error, TCW_ERROR, TCW_ERROR_USAGE,
                           _ ("a socket and a command are needed; see `taskcluster-worker exec --help`"));
      return tcw_cli_report ("exec", error);
    }
  if (!tcw_cli_enter (cli, config, &error))
    return tcw_cli_report ("exec", error);
  if (connect_agent (&self, argv[1], &error) && run_command (&self, argv + first, &end, &error))
    return end.kind == TCW_WIRE_EXIT_EXITED ? end.code : SIGNAL_STATUS + end.code;
  fprintf (stderr, "taskcluster-worker exec: %s\n", error->message);
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? TCW_EXIT_INTERRUPTED : NOT_RUN_STATUS;
}
