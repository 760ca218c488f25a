/* The mock engine and its payload's schema; see tcw-mock-engine.h. */
#include "engine/mock/tcw-mock-engine.h"

#include "base/tcw-json.h"
#include "engine/mock/tcw-mock-sandbox-builder.h"

struct _TcwMockEngine
{
  GObject parent_instance;
};

static const char payload_schema[]
    = "{"
      "  \"type\": \"object\","
      "  \"required\": [ \"delay\", \"function\", \"argument\" ],"
      "  \"properties\": {"
      "    \"delay\": {"
      "      \"type\": \"integer\", \"minimum\": 0, \"maximum\": 300000,"
      "      \"description\": \"milliseconds until the function does what it does\""
      "    },"
      "    \"function\": {"
      "      \"enum\": ["
      "        \"true\", \"false\", \"write-log\", \"write-error-log\", \"write-log-sleep\", \"write-files\", \"print-env-var\","
      "        \"malformed-payload-initial\", \"malformed-payload-after-start\", \"fatal-internal-error\", \"nonfatal-internal-error\""
      "      ],"
      "      \"description\": \"what to do\""
      "    },"
      "    \"argument\": {"
      "      \"type\": \"string\", \"maxLength\": 255,"
      "      \"description\": \"what the function does it with\""
      "    }"
      "  }"
      "}";

static void tcw_mock_engine_iface_init (TcwEngineInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TcwMockEngine, tcw_mock_engine, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (TCW_TYPE_ENGINE, tcw_mock_engine_iface_init))

static JsonNode *
get_payload_schema (TcwEngine *engine)
{
  g_autoptr (GError) error = NULL;
  JsonNode *schema = tcw_json_parse (payload_schema, -1, "the mock engine's payload schema", NULL, &error);

  /* A constant of this program. */
  g_assert_no_error (error);
  return schema;
}

static TcwSandboxBuilder *
new_sandbox_builder (TcwEngine *engine, TcwTaskContext *context, JsonObject *payload, GError **error)
{
  return tcw_mock_sandbox_builder_new (context, payload, error);
}

static void
tcw_mock_engine_iface_init (TcwEngineInterface *iface)
{
  iface->get_payload_schema = get_payload_schema;
  iface->new_sandbox_builder = new_sandbox_builder;
}

static void
tcw_mock_engine_class_init (TcwMockEngineClass *klass)
{
}

static void
tcw_mock_engine_init (TcwMockEngine *self)
{
}

TcwMockEngine *
tcw_mock_engine_new (void)
{
  return g_object_new (TCW_MOCK_TYPE_ENGINE, NULL);
}
