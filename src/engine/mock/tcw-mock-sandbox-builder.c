/* From a payload to a command that is played; see tcw-mock-sandbox-builder.h. */
#include "engine/mock/tcw-mock-sandbox-builder.h"

#include <string.h>

#include "base/tcw-error.h"
#include "engine/mock/tcw-mock-sandbox.h"
#include "engine/mock/tcw-mock-time.h"

#define TCW_MOCK_TYPE_SANDBOX_BUILDER (tcw_mock_sandbox_builder_get_type ())
G_DECLARE_FINAL_TYPE (TcwMockSandboxBuilder, tcw_mock_sandbox_builder, TCW_MOCK, SANDBOX_BUILDER, GObject)

struct _TcwMockSandboxBuilder
{
  GObject parent_instance;
  TcwTaskContext *context; /* NULL once used up */
  TcwMockCommand *command; /* NULL once used up */
};

static void tcw_mock_sandbox_builder_iface_init (TcwSandboxBuilderInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TcwMockSandboxBuilder, tcw_mock_sandbox_builder, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (TCW_TYPE_SANDBOX_BUILDER, tcw_mock_sandbox_builder_iface_init))

static void
release (TcwMockSandboxBuilder *self)
{
  g_clear_pointer (&self->command, tcw_mock_command_free);
  g_clear_pointer (&self->context, tcw_task_context_unref);
}

static gboolean
check_unused (TcwMockSandboxBuilder *self, GError **error)
{
  if (self->command != NULL)
    return TRUE;
  g_set_error_literal (error, TCW_ERROR, TCW_ERROR_INTERNAL, "the sandbox builder was started or discarded already");
  return FALSE;
}

static gboolean
set_environment_variable (TcwSandboxBuilder *builder, const char *name, const char *value, GError **error)
{
  TcwMockSandboxBuilder *self = TCW_MOCK_SANDBOX_BUILDER (builder);

  if (!check_unused (self, error))
    return FALSE;
  if (name[0] == '\0' || strpbrk (name, " =") != NULL)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD,
                   "“%s” can't be a variable's name: it must not be empty, and have no blanks and no “=”", name);
      return FALSE;
    }
  if (g_hash_table_contains (self->command->environment, name))
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "the variable %s is set already", name);
      return FALSE;
    }
  g_hash_table_insert (self->command->environment, g_strdup (name), g_strdup (value));
  return TRUE;
}

static TcwSandbox *
start (TcwSandboxBuilder *builder, GError **error)
{
  TcwMockSandboxBuilder *self = TCW_MOCK_SANDBOX_BUILDER (builder);
  TcwSandbox *sandbox = NULL;

  if (!check_unused (self, error))
    return NULL;
  if (tcw_mock_check_cancelled (tcw_task_context_get_cancellable (self->context), error))
    sandbox = tcw_mock_sandbox_new (self->context, g_steal_pointer (&self->command));
  release (self);
  return sandbox;
}

static void
discard (TcwSandboxBuilder *builder)
{
  release (TCW_MOCK_SANDBOX_BUILDER (builder));
}

static void
tcw_mock_sandbox_builder_iface_init (TcwSandboxBuilderInterface *iface)
{
  iface->set_environment_variable = set_environment_variable;
  iface->start = start;
  iface->discard = discard;
}

static void
tcw_mock_sandbox_builder_finalize (GObject *object)
{
  release (TCW_MOCK_SANDBOX_BUILDER (object));
  G_OBJECT_CLASS (tcw_mock_sandbox_builder_parent_class)->finalize (object);
}

static void
tcw_mock_sandbox_builder_class_init (TcwMockSandboxBuilderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_mock_sandbox_builder_finalize;
}

static void
tcw_mock_sandbox_builder_init (TcwMockSandboxBuilder *self)
{
}

/* What the payload says against itself. */
static gboolean
check_command (const TcwMockCommand *command, GCancellable *cancellable, GError **error)
{
  g_autoptr (TcwMockFiles) files = NULL;

  if (strcmp (command->function, "write-files") == 0)
    return (files = tcw_mock_files_new (command->argument, error)) != NULL;
  if (strcmp (command->function, "malformed-payload-initial") != 0)
    return TRUE;
  if (tcw_mock_wait_until (tcw_mock_time_after (command->delay_ms), cancellable, error))
    g_set_error_literal (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "task.payload.function: malformed-payload-initial");
  return FALSE;
}

TcwSandboxBuilder *
tcw_mock_sandbox_builder_new (TcwTaskContext *context, JsonObject *payload, GError **error)
{
  g_autoptr (TcwMockSandboxBuilder) self = g_object_new (TCW_MOCK_TYPE_SANDBOX_BUILDER, NULL);

  self->context = tcw_task_context_ref (context);
  self->command = tcw_mock_command_new (json_object_get_string_member (payload, "function"),
                                        json_object_get_string_member (payload, "argument"),
                                        (guint) json_object_get_int_member (payload, "delay"));
  if (!check_command (self->command, tcw_task_context_get_cancellable (context), error))
    return NULL;
  return TCW_SANDBOX_BUILDER (g_steal_pointer (&self));
}
