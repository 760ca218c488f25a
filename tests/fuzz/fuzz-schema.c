/*
 * A schema and a value from one input, an array of the two: compiling and checking may neither crash nor hang, and the answer must be the
 * same with and without the text of the violations.
 */
#include "base/tcw-json.h"
#include "base/tcw-schema.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_pair (JsonNode *schema_node, JsonNode *value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwSchema) schema = tcw_schema_new (schema_node, &error);
  g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (JsonNode) filled = NULL;
  gboolean valid;

  g_assert_true ((schema == NULL) == (error != NULL));
  if (schema == NULL)
    return;
  valid = tcw_schema_validate (schema, value, "value", violations);
  g_assert_cmpint (valid, ==, violations->len == 0);
  g_assert_cmpint (valid, ==, tcw_schema_validate (schema, value, "value", NULL));
  for (guint i = 0; i < violations->len; i++)
    g_assert_true (g_utf8_validate (violations->pdata[i], -1, NULL));
  filled = tcw_schema_apply_defaults (schema, value);
  g_assert_nonnull (filled);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const TcwJsonLimits limits = { .max_bytes = 4096, .max_depth = 24, .max_nodes = 300 };
  g_autoptr (JsonNode) root = tcw_json_parse ((const char *) data, (gssize) size, "fuzz", &limits, NULL);

  if (root == NULL || !JSON_NODE_HOLDS_ARRAY (root) || json_array_get_length (json_node_get_array (root)) != 2)
    return 0;
  check_pair (json_array_get_element (json_node_get_array (root), 0), json_array_get_element (json_node_get_array (root), 1));
  return 0;
}
