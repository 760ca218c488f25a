/* The QEMU engine and the payload keys that are its own; see tcw-qemu-engine.h. */
#include "tcw-qemu-engine.h"

#include "base/tcw-json.h"
#include "tcw-qemu-machine.h"
#include "tcw-qemu-sandbox-builder.h"

struct _TcwQemuEngine
{
  GObject parent_instance;
  TcwQemuHost *host;
};

static const char payload_schema[]
    = "{"
      "  \"type\": \"object\","
      "  \"required\": [ \"image\", \"command\" ],"
      "  \"properties\": {"
      "    \"image\": {"
      "      \"type\": \"string\", \"minLength\": 1, \"maxLength\": 4096,"
      "      \"description\": \"name of an image, or the path of a folder that holds one\""
      "    },"
      "    \"command\": {"
      "      \"type\": \"array\", \"minItems\": 1, \"maxItems\": 100000,"
      "      \"description\": \"the program to run and its arguments\","
      "      \"items\": { \"type\": \"string\" }"
      "    }"
      "  }"
      "}";

static void tcw_qemu_engine_iface_init (TcwEngineInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TcwQemuEngine, tcw_qemu_engine, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (TCW_TYPE_ENGINE, tcw_qemu_engine_iface_init))

static JsonNode *
get_payload_schema (TcwEngine *engine)
{
  g_autoptr (GError) error = NULL;
  JsonNode *schema = tcw_json_parse (payload_schema, -1, "the QEMU engine's payload schema", NULL, &error);
  JsonNode *machine = tcw_json_parse (tcw_qemu_machine_schema, -1, "the machine schema", NULL, &error);

  /* Both are constants of this program. */
  g_assert_no_error (error);
  json_object_set_member (json_object_get_object_member (json_node_get_object (schema), "properties"), "machine", machine);
  return schema;
}

static TcwSandboxBuilder *
new_sandbox_builder (TcwEngine *engine, TcwTaskContext *context, JsonObject *payload, GError **error)
{
  return tcw_qemu_sandbox_builder_new (TCW_QEMU_ENGINE (engine)->host, context, payload, error);
}

static void
tcw_qemu_engine_iface_init (TcwEngineInterface *iface)
{
  iface->get_payload_schema = get_payload_schema;
  iface->new_sandbox_builder = new_sandbox_builder;
}

static void
tcw_qemu_engine_finalize (GObject *object)
{
  g_clear_pointer (&TCW_QEMU_ENGINE (object)->host, tcw_qemu_host_unref);
  G_OBJECT_CLASS (tcw_qemu_engine_parent_class)->finalize (object);
}

static void
tcw_qemu_engine_class_init (TcwQemuEngineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_engine_finalize;
}

static void
tcw_qemu_engine_init (TcwQemuEngine *self)
{
}

TcwQemuEngine *
tcw_qemu_engine_new (TcwQemuHost *host)
{
  TcwQemuEngine *self = g_object_new (TCW_QEMU_TYPE_ENGINE, NULL);

  self->host = host != NULL ? tcw_qemu_host_ref (host) : NULL;
  return self;
}

TcwQemuHost *
tcw_qemu_engine_get_host (TcwQemuEngine *self)
{
  return self->host;
}
