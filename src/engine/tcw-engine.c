/* Dispatch of the engine interfaces, with the checks that every engine gets; see tcw-engine.h. */
#include "engine/tcw-engine.h"

G_DEFINE_INTERFACE (TcwResultSet, tcw_result_set, G_TYPE_OBJECT)
G_DEFINE_INTERFACE (TcwSandbox, tcw_sandbox, G_TYPE_OBJECT)
G_DEFINE_INTERFACE (TcwSandboxBuilder, tcw_sandbox_builder, G_TYPE_OBJECT)
G_DEFINE_INTERFACE (TcwEngine, tcw_engine, G_TYPE_OBJECT)

static void
tcw_result_set_default_init (TcwResultSetInterface *iface)
{
}

static void
tcw_sandbox_default_init (TcwSandboxInterface *iface)
{
}

static void
tcw_sandbox_builder_default_init (TcwSandboxBuilderInterface *iface)
{
}

static void
tcw_engine_default_init (TcwEngineInterface *iface)
{
}

gboolean
tcw_result_set_get_success (TcwResultSet *self)
{
  return TCW_RESULT_SET_GET_IFACE (self)->get_success (self);
}

gboolean
tcw_result_set_extract (TcwResultSet *self, TcwEntryKind kind, const char *path, const TcwEntryVisitor *visitor, gpointer user_data,
                        GError **error)
{
  return TCW_RESULT_SET_GET_IFACE (self)->extract (self, kind, path, visitor, user_data, error);
}

char *
tcw_result_set_open_access (TcwResultSet *self)
{
  TcwResultSetInterface *iface = TCW_RESULT_SET_GET_IFACE (self);

  return iface->open_access != NULL ? iface->open_access (self) : NULL;
}

gboolean
tcw_result_set_dispose (TcwResultSet *self, GError **error)
{
  return TCW_RESULT_SET_GET_IFACE (self)->dispose (self, error);
}

TcwResultSet *
tcw_sandbox_wait (TcwSandbox *self, gint64 deadline, GError **error)
{
  return TCW_SANDBOX_GET_IFACE (self)->wait (self, deadline, error);
}

TcwResultSet *
tcw_sandbox_kill (TcwSandbox *self, GError **error)
{
  return TCW_SANDBOX_GET_IFACE (self)->kill (self, error);
}

gboolean
tcw_sandbox_builder_set_environment_variable (TcwSandboxBuilder *self, const char *name, const char *value, GError **error)
{
  return TCW_SANDBOX_BUILDER_GET_IFACE (self)->set_environment_variable (self, name, value, error);
}

TcwSandbox *
tcw_sandbox_builder_start (TcwSandboxBuilder *self, GError **error)
{
  return TCW_SANDBOX_BUILDER_GET_IFACE (self)->start (self, error);
}

void
tcw_sandbox_builder_discard (TcwSandboxBuilder *self)
{
  TCW_SANDBOX_BUILDER_GET_IFACE (self)->discard (self);
}

JsonNode *
tcw_engine_get_payload_schema (TcwEngine *self)
{
  return TCW_ENGINE_GET_IFACE (self)->get_payload_schema (self);
}

TcwSandboxBuilder *
tcw_engine_new_sandbox_builder (TcwEngine *self, TcwTaskContext *context, JsonObject *payload, GError **error)
{
  return TCW_ENGINE_GET_IFACE (self)->new_sandbox_builder (self, context, payload, error);
}
