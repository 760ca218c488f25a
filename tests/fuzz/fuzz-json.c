/*
 * JSON from anywhere: no input may crash or hang, and what is taken must come back the same from its own text. Small limits, so that they
 * are met often.
 */
#include "base/tcw-json.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const TcwJsonLimits limits = { .max_bytes = 4096, .max_depth = 16, .max_nodes = 500, .max_members = 50, .max_string_bytes = 300 };
  static const TcwJsonStyle styles[] = { TCW_JSON_COMPACT, TCW_JSON_PRETTY, TCW_JSON_SORTED };
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = tcw_json_parse ((const char *) data, (gssize) size, "fuzz", &limits, &error);

  g_assert_true ((node == NULL) == (error != NULL));
  if (node == NULL)
    {
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      return 0;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (styles); i++)
    {
      g_autofree char *text = tcw_json_to_string (node, styles[i]);
      g_autoptr (GError) again_error = NULL;
      g_autoptr (JsonNode) again = tcw_json_parse (text, -1, "again", NULL, &again_error);

      g_assert_no_error (again_error);
      g_assert_true (tcw_json_equal (node, again));
    }
  return 0;
}
