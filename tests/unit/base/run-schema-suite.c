/*
 * Runs files of the public JSON-Schema-Test-Suite (draft7), which isn't part of this tree, through the validator:
 *   run-schema-suite SUITE/tests/draft7/... .json
 * A group whose schema is refused is listed as such; only wrong answers make it fail.
 */
#include "base/tcw-json.h"
#include "base/tcw-schema.h"

typedef struct {
  guint right;
  guint wrong;
  guint refused;
} Tally;

static void
run_test (TcwSchema *schema, const char *where, JsonObject *test, Tally *tally)
{
  gboolean expected = json_object_get_boolean_member (test, "valid");

  if (tcw_schema_validate (schema, json_object_get_member (test, "data"), "data", NULL) == expected)
    tally->right++;
  else
    {
      tally->wrong++;
      g_print ("WRONG    %s: %s\n", where, json_object_get_string_member (test, "description"));
    }
}

static void
run_group (const char *path, JsonObject *group, Tally *tally)
{
  g_autofree char *where = g_strdup_printf ("%s: %s", path, json_object_get_string_member (group, "description"));
  JsonArray *tests = json_object_get_array_member (group, "tests");
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwSchema) schema = tcw_schema_new (json_object_get_member (group, "schema"), &error);

  if (schema == NULL)
    {
      tally->refused += json_array_get_length (tests);
      g_print ("REFUSED  %s: %s\n", where, error->message);
      return;
    }
  for (guint i = 0; i < json_array_get_length (tests); i++)
    run_test (schema, where, json_array_get_object_element (tests, i), tally);
}

int
main (int argc, char **argv)
{
  Tally tally = { 0 };

  for (int i = 1; i < argc; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) root = tcw_json_load_file (argv[i], NULL, &error);

      if (root == NULL)
        {
          g_print ("UNREAD   %s\n", error->message);
          continue;
        }
      for (guint j = 0; j < json_array_get_length (json_node_get_array (root)); j++)
        run_group (argv[i], json_array_get_object_element (json_node_get_array (root), j), &tally);
    }
  g_print ("%u right, %u wrong, %u with a schema that was refused\n", tally.right, tally.wrong, tally.refused);
  return tally.wrong > 0;
}
