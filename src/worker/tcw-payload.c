/* Composition of the payload schema; see tcw-payload.h. */
#include "worker/tcw-payload.h"

#include "base/tcw-json.h"

/* Names of variables and artifacts are the original worker's patterns. */
static const char worker_schema[]
    = "{"
      "  \"type\": \"object\","
      "  \"properties\": {"
      "    \"env\": {"
      "      \"type\": \"object\","
      "      \"description\": \"environment variables of the command\","
      "      \"additionalProperties\": { \"type\": \"string\" }"
      "    },"
      "    \"maxRunTime\": {"
      "      \"description\": \"how long the command may run: seconds, or a text such as “1 hour 30 minutes”\","
      "      \"type\": [ \"integer\", \"string\" ], \"minimum\": 1, \"minLength\": 1"
      "    },"
      "    \"artifacts\": {"
      "      \"type\": \"array\","
      "      \"description\": \"files and folders to keep when the command has ended\","
      "      \"maxItems\": 10000,"
      "      \"items\": {"
      "        \"type\": \"object\","
      "        \"additionalProperties\": false,"
      "        \"required\": [ \"type\", \"path\", \"name\" ],"
      "        \"properties\": {"
      "          \"type\": { \"enum\": [ \"file\", \"directory\" ], \"description\": \"what is at the path\" },"
      "          \"path\": { \"type\": \"string\", \"pattern\": \"^.*[^/]$\", \"maxLength\": 4096,"
      "                      \"description\": \"where it is in the virtual machine, without a slash at its end\" },"
      "          \"name\": { \"type\": \"string\", \"maxLength\": 1024,"
      "                      \"pattern\": \"^([\\\\x20-\\\\x2e\\\\x30-\\\\x7e][\\\\x20-\\\\x7e]*)[\\\\x20-\\\\x2e\\\\x30-\\\\x7e]$\","
      "                      \"description\": \"the artifact's name: ASCII, at least two characters, none of the two ends a slash\" },"
      "          \"expires\": { \"type\": \"string\", \"format\": \"date-time\", \"description\": \"until when it is kept\" }"
      "        }"
      "      }"
      "    }"
      "  }"
      "}";

TcwSchema *
tcw_payload_schema_new (TcwEngine *engine, GError **error)
{
  g_autoptr (JsonNode) engine_part = tcw_engine_get_payload_schema (engine);
  g_autoptr (JsonNode) worker_part = tcw_json_parse (worker_schema, -1, "the worker's payload schema", NULL, error);
  g_autoptr (JsonNode) merged = NULL;

  if (worker_part == NULL)
    return NULL;
  {
    const TcwSchemaPart parts[] = { { "the engine", engine_part }, { "the worker", worker_part } };

    merged = tcw_schema_merge_properties (parts, G_N_ELEMENTS (parts), error);
  }
  return merged != NULL ? tcw_schema_new (merged, error) : NULL;
}
