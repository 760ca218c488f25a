/* Commands through the agent; see bench-link.h. */
#include "bench-link.h"

#include <string.h>
#include <sys/random.h>

#include "base/tcw-error.h"

#define LIMIT_US (120 * G_TIME_SPAN_SECOND)

static gint64
deadline (void)
{
  return g_get_monotonic_time () + LIMIT_US;
}

static gboolean
on_output (const guint8 *data, gsize length, gpointer user_data, GError **error)
{
  BenchCommand *command = user_data;

  if (command->first == 0)
    command->first = g_get_monotonic_time ();
  command->length += length;
  return TRUE;
}

static TcwQemuAgentExec *
start (TcwQemuAgent *link, const char *const *argv, const char *user, gboolean has_stdin, BenchCommand *command, GError **error)
{
  TcwQemuAgentExecOptions options = {
    .argv = argv, .user = user, .has_stdin = has_stdin, .out = has_stdin ? NULL : on_output, .out_data = command,
  };

  return tcw_qemu_agent_exec (link, &options, deadline (), NULL, error);
}

static gboolean
finish (TcwQemuAgentExec *exec, BenchCommand *command, GError **error)
{
  TcwQemuAgentExit end;

  if (!tcw_qemu_agent_exec_wait (exec, deadline (), NULL, &end, error))
    return FALSE;
  command->end = g_get_monotonic_time ();
  if (end.kind == TCW_WIRE_EXIT_EXITED && end.code == 0)
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "a command of the benchmark failed (%d)", end.code);
  return FALSE;
}

gboolean
bench_link_execute (TcwQemuAgent *link, const char *const *argv, const char *user, BenchCommand *command, GError **error)
{
  g_autoptr (TcwQemuAgentExec) exec = NULL;

  memset (command, 0, sizeof *command);
  exec = start (link, argv, user, FALSE, command, error);
  return exec != NULL && finish (exec, command, error);
}

gboolean
bench_link_execute_many (TcwQemuAgent *link, const char *const *argv, guint n, BenchCommand *command, GError **error)
{
  g_autoptr (GPtrArray) execs = g_ptr_array_new_with_free_func (g_object_unref);

  memset (command, 0, sizeof *command);
  for (guint i = 0; i < n; i++)
    {
      TcwQemuAgentExec *exec = start (link, argv, NULL, FALSE, command, error);

      if (exec == NULL)
        return FALSE;
      g_ptr_array_add (execs, exec);
    }
  for (guint i = 0; i < n; i++)
    if (!finish (g_ptr_array_index (execs, i), command, error))
      return FALSE;
  return TRUE;
}

gboolean
bench_link_give (TcwQemuAgent *link, const char *const *argv, const void *piece, gsize piece_size, guint64 length, BenchCommand *command,
                 GError **error)
{
  g_autoptr (TcwQemuAgentExec) exec = NULL;

  memset (command, 0, sizeof *command);
  exec = start (link, argv, NULL, TRUE, command, error);
  while (exec != NULL && length > 0)
    {
      gsize n = (gsize) MIN (length, piece_size);

      if (!tcw_qemu_agent_exec_write_stdin (exec, piece, n, deadline (), NULL, error))
        return FALSE;
      length -= n;
    }
  if (exec == NULL)
    return FALSE;
  tcw_qemu_agent_exec_close_stdin (exec);
  return finish (exec, command, error);
}

gboolean
bench_link_ping (TcwQemuAgent *link, GError **error)
{
  return tcw_qemu_agent_ping (link, deadline (), NULL, error);
}

TcwQemuAgent *
bench_link_open (const char *path, GError **error)
{
  g_autoptr (TcwQemuAgent) link = tcw_qemu_agent_new (NULL);
  guint8 entropy[TCW_WIRE_ENTROPY_MIN];
  TcwQemuAgentIdentity identity = { .entropy = entropy, .entropy_length = sizeof entropy, .host_name = "floor" };

  if (getrandom (entropy, sizeof entropy, 0) != sizeof entropy)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "cannot get random numbers");
      return NULL;
    }
  if (!tcw_qemu_agent_connect (link, path, deadline (), NULL, error)
      || !tcw_qemu_agent_identify (link, &identity, deadline (), NULL, error))
    return NULL;
  return g_steal_pointer (&link);
}
