/* YAML from anywhere: no input may crash or hang, and what is taken is JSON: its text is taken by the strict reader. */
#include "base/tcw-yaml.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const TcwJsonLimits limits = { .max_bytes = 4096, .max_depth = 16, .max_nodes = 500, .max_members = 50, .max_string_bytes = 300 };
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = tcw_yaml_parse ((const char *) data, (gssize) size, "fuzz", &limits, &error);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) again = NULL;

  g_assert_true ((node == NULL) == (error != NULL));
  if (node == NULL)
    {
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      return 0;
    }
  text = tcw_json_to_string (node, TCW_JSON_COMPACT);
  again = tcw_json_parse (text, -1, "again", NULL, &error);
  g_assert_no_error (error);
  g_assert_true (tcw_json_equal (node, again));
  return 0;
}
