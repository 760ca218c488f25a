/*
 * The mock command, played in the task's thread: its effect when the delay is over, its end then or a little later. See tcw-mock-engine.h
 * for what wins.
 */
#include "engine/mock/tcw-mock-sandbox.h"

#include <string.h>

#include "base/tcw-error.h"
#include "engine/mock/tcw-mock-result-set.h"
#include "engine/mock/tcw-mock-time.h"

#define SLEEP_MS 500

#define TCW_MOCK_TYPE_SANDBOX (tcw_mock_sandbox_get_type ())
G_DECLARE_FINAL_TYPE (TcwMockSandbox, tcw_mock_sandbox, TCW_MOCK, SANDBOX, GObject)

typedef enum
{
  STATE_DELAYED,  /* the effect is to come */
  STATE_SLEEPING, /* the effect is there, the end is to come */
  STATE_ENDED,    /* by itself, well or not; the results have not been taken */
  STATE_FAILED,   /* with an error */
  STATE_TAKEN,    /* somebody has the results */
} State;

struct _TcwMockSandbox
{
  GObject parent_instance;
  TcwTaskContext *context;
  TcwMockCommand *command;
  State state;
  gint64 due; /* when the next state comes; microseconds of the monotonic clock */
  gboolean success;
  TcwMockFiles *files; /* of an empty list, until there are some */
  GError *error;       /* of STATE_FAILED */
};

static void tcw_mock_sandbox_iface_init (TcwSandboxInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TcwMockSandbox, tcw_mock_sandbox, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (TCW_TYPE_SANDBOX, tcw_mock_sandbox_iface_init))

TcwMockCommand *
tcw_mock_command_new (const char *function, const char *argument, guint delay_ms)
{
  TcwMockCommand *self = g_new0 (TcwMockCommand, 1);

  self->function = g_strdup (function);
  self->argument = g_strdup (argument);
  self->delay_ms = delay_ms;
  self->environment = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
tcw_mock_command_free (TcwMockCommand *self)
{
  g_free (self->function);
  g_free (self->argument);
  g_hash_table_unref (self->environment);
  g_free (self);
}

/* --- The functions: each sets success, or fails. ------------------------------------------------------------------------ */

static gboolean
write_line (TcwMockSandbox *self, const char *text, GError **error)
{
  g_autofree char *line = g_strconcat (text, "\n", NULL);

  return tcw_task_log_write (tcw_task_context_get_log (self->context), line, strlen (line), error);
}

static gboolean
play_nothing (TcwMockSandbox *self, GError **error)
{
  self->success = strcmp (self->command->function, "true") == 0;
  return TRUE;
}

static gboolean
play_log (TcwMockSandbox *self, GError **error)
{
  self->success = strcmp (self->command->function, "write-error-log") != 0;
  return write_line (self, self->command->argument, error);
}

static gboolean
play_files (TcwMockSandbox *self, GError **error)
{
  g_clear_pointer (&self->files, tcw_mock_files_free);
  self->files = tcw_mock_files_new (self->command->argument, error);
  self->success = TRUE;
  return self->files != NULL;
}

static gboolean
play_variable (TcwMockSandbox *self, GError **error)
{
  const char *value = g_hash_table_lookup (self->command->environment, self->command->argument);

  self->success = value != NULL;
  return value == NULL || write_line (self, value, error);
}

static gboolean
play_malformed (TcwMockSandbox *self, GError **error)
{
  g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "task.payload.function: %s", self->command->function);
  return FALSE;
}

static gboolean
play_fatal (TcwMockSandbox *self, GError **error)
{
  g_set_error (error, TCW_ERROR, TCW_ERROR_FATAL, "the mock sandbox: %s", self->command->function);
  return FALSE;
}

static gboolean
play_nonfatal (TcwMockSandbox *self, GError **error)
{
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "the mock sandbox: %s", self->command->function);
  return FALSE;
}

static const struct
{
  const char *name;
  gboolean (*play) (TcwMockSandbox *self, GError **error);
  guint sleep_ms; /* from the effect to the end */
} functions[] = {
  { "true", play_nothing, 0 },
  { "false", play_nothing, 0 },
  { "write-log", play_log, 0 },
  { "write-error-log", play_log, 0 },
  { "write-log-sleep", play_log, SLEEP_MS },
  { "write-files", play_files, 0 },
  { "print-env-var", play_variable, 0 },
  { "malformed-payload-after-start", play_malformed, 0 },
  { "fatal-internal-error", play_fatal, 0 },
  { "nonfatal-internal-error", play_nonfatal, 0 },
};

static void
play_effect (TcwMockSandbox *self)
{
  gsize i = 0;

  while (i < G_N_ELEMENTS (functions) && strcmp (functions[i].name, self->command->function) != 0)
    i++;
  if (i == G_N_ELEMENTS (functions))
    g_set_error (&self->error, TCW_ERROR, TCW_ERROR_INTERNAL, "the mock engine has no function %s", self->command->function);
  else if (functions[i].play (self, &self->error))
    {
      self->state = STATE_SLEEPING;
      if (functions[i].sleep_ms > 0)
        self->due = tcw_mock_time_after (functions[i].sleep_ms);
      return;
    }
  self->state = STATE_FAILED;
}

/* Plays what is due at @time, and not later. */
static void
play_until (TcwMockSandbox *self, gint64 time)
{
  if (self->state == STATE_DELAYED && self->due <= time)
    play_effect (self);
  if (self->state == STATE_SLEEPING && self->due <= time)
    self->state = STATE_ENDED;
}

/* --- The interface. ------------------------------------------------------------------------------------------------------ */

static gboolean
is_running (TcwMockSandbox *self)
{
  return self->state == STATE_DELAYED || self->state == STATE_SLEEPING;
}

/* The results of a command that runs no more. */
static TcwResultSet *
take_results (TcwMockSandbox *self, gboolean success, GError **error)
{
  if (self->state == STATE_FAILED)
    {
      g_propagate_error (error, g_error_copy (self->error));
      return NULL;
    }
  if (self->state == STATE_TAKEN)
    {
      g_set_error_literal (error, TCW_ERROR, TCW_ERROR_INTERNAL, "the mock sandbox: its results are taken already");
      return NULL;
    }
  self->state = STATE_TAKEN;
  return tcw_mock_result_set_new (g_steal_pointer (&self->files), success);
}

static TcwResultSet *
sandbox_wait (TcwSandbox *sandbox, gint64 deadline, GError **error)
{
  TcwMockSandbox *self = TCW_MOCK_SANDBOX (sandbox);
  GCancellable *cancellable = tcw_task_context_get_cancellable (self->context);

  if (is_running (self) && !tcw_mock_check_cancelled (cancellable, error))
    return NULL;
  /* What was due before the call has happened, whatever the deadline; from here on the earlier of both wins. */
  play_until (self, g_get_monotonic_time ());
  while (is_running (self))
    {
      gint64 next = MIN (self->due, deadline);

      if (!tcw_mock_wait_until (next, cancellable, error))
        return NULL;
      play_until (self, next);
      if (is_running (self) && next == deadline)
        {
          g_set_error_literal (error, TCW_ERROR, TCW_ERROR_DEADLINE, "the command still runs");
          return NULL;
        }
    }
  return take_results (self, self->success, error);
}

/* What was due before the kill has happened; the kill can't fail, so it needs no cancellable. */
static TcwResultSet *
sandbox_kill (TcwSandbox *sandbox, GError **error)
{
  TcwMockSandbox *self = TCW_MOCK_SANDBOX (sandbox);

  play_until (self, g_get_monotonic_time ());
  return take_results (self, FALSE, error);
}

static void
tcw_mock_sandbox_iface_init (TcwSandboxInterface *iface)
{
  iface->wait = sandbox_wait;
  iface->kill = sandbox_kill;
}

static void
tcw_mock_sandbox_finalize (GObject *object)
{
  TcwMockSandbox *self = TCW_MOCK_SANDBOX (object);

  g_clear_pointer (&self->files, tcw_mock_files_free);
  g_clear_pointer (&self->command, tcw_mock_command_free);
  g_clear_pointer (&self->context, tcw_task_context_unref);
  g_clear_error (&self->error);
  G_OBJECT_CLASS (tcw_mock_sandbox_parent_class)->finalize (object);
}

static void
tcw_mock_sandbox_class_init (TcwMockSandboxClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_mock_sandbox_finalize;
}

static void
tcw_mock_sandbox_init (TcwMockSandbox *self)
{
}

TcwSandbox *
tcw_mock_sandbox_new (TcwTaskContext *context, TcwMockCommand *command)
{
  TcwMockSandbox *self = g_object_new (TCW_MOCK_TYPE_SANDBOX, NULL);

  self->context = tcw_task_context_ref (context);
  self->command = command;
  self->files = tcw_mock_files_new ("", NULL);
  self->due = tcw_mock_time_after (command->delay_ms);
  return TCW_SANDBOX (self);
}
