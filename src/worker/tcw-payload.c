/* Composition of the payload schema, and the check of payloads; see tcw-payload.h. */
#include "worker/tcw-payload.h"

#include "base/tcw-duration.h"
#include "base/tcw-error.h"
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

/* What the schema can't say of maxRunTime; adds a violation if there is one, and none is there already. */
static void
take_max_run_time (JsonNode *node, gint64 limit, gint64 *max_run_time, GPtrArray *violations)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < violations->len; i++)
    if (g_str_has_prefix (g_ptr_array_index (violations, i), "task.payload.maxRunTime:"))
      return;
  if (!tcw_duration_from_json (node, max_run_time, &error))
    g_ptr_array_add (violations, g_strdup_printf ("task.payload.maxRunTime: %s", error->message));
  else if (*max_run_time < 1 || *max_run_time > limit)
    g_ptr_array_add (violations,
                     g_strdup_printf ("task.payload.maxRunTime: must be from 1 second to this worker's limit of %" G_GINT64_FORMAT
                                      " seconds, is %" G_GINT64_FORMAT,
                                      limit, *max_run_time));
}

gboolean
tcw_payload_check (TcwSchema *schema, JsonNode *payload, gint64 limit, gint64 *max_run_time, GError **error)
{
  g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;
  JsonNode *node = NULL;

  tcw_schema_validate (schema, payload, "task.payload", violations);
  if (JSON_NODE_HOLDS_OBJECT (payload))
    node = json_object_get_member (json_node_get_object (payload), "maxRunTime");
  if (node != NULL)
    take_max_run_time (node, limit, max_run_time, violations);
  if (violations->len == 0)
    return TRUE;
  g_ptr_array_add (violations, NULL);
  text = g_strjoinv ("\n", (char **) violations->pdata);
  g_set_error_literal (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, text);
  return FALSE;
}
