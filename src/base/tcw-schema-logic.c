/* The keywords of JSON Schema that put schemas together. */
#include "base/tcw-schema-private.h"

#define FORMS_EXPLAINED 4

gboolean
tcw_schema_keyword_ref (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return tcw_schema_check_node (check, g_hash_table_lookup (check->schema->references, json_node_get_string (argument)), value);
}

gboolean
tcw_schema_keyword_all_of (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonArray *forms = json_node_get_array (argument);
  gboolean valid = TRUE;

  for (guint i = 0; i < json_array_get_length (forms); i++)
    {
      if (!tcw_schema_check_node (check, json_array_get_element (forms, i), value))
        valid = FALSE;
    }
  return valid;
}

/* Why @value has none of the forms: the first violation of each of the first few. */
static gboolean
report_no_form (TcwSchemaCheck *check, JsonObject *schema, JsonArray *forms, JsonNode *value, const char *words)
{
  g_autoptr (GString) reasons = g_string_new (NULL);
  GPtrArray *violations = check->violations;
  guint former = check->former;

  if (check->quiet > 0 || check->exhausted)
    return FALSE;
  check->former = 0;
  for (guint i = 0; i < json_array_get_length (forms) && i < FORMS_EXPLAINED; i++)
    {
      g_autoptr (GPtrArray) inner = g_ptr_array_new_with_free_func (g_free);

      check->violations = inner;
      tcw_schema_check_node (check, json_array_get_element (forms, i), value);
      if (inner->len > 0)
        g_string_append_printf (reasons, "%s%u) %s", i > 0 ? "; " : "", i + 1, (const char *) inner->pdata[0]);
    }
  check->violations = violations;
  check->former = former;
  return tcw_schema_report (check, schema, value, "must have %s of %u forms [%s]", words, json_array_get_length (forms), reasons->str);
}

gboolean
tcw_schema_keyword_any_of (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonArray *forms = json_node_get_array (argument);

  for (guint i = 0; i < json_array_get_length (forms); i++)
    {
      if (tcw_schema_matches (check, json_array_get_element (forms, i), value))
        return TRUE;
    }
  return report_no_form (check, schema, forms, value, "one");
}

gboolean
tcw_schema_keyword_one_of (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonArray *forms = json_node_get_array (argument);
  guint matching = 0;

  for (guint i = 0; i < json_array_get_length (forms); i++)
    matching += tcw_schema_matches (check, json_array_get_element (forms, i), value) ? 1 : 0;
  if (matching == 1)
    return TRUE;
  if (matching == 0)
    return report_no_form (check, schema, forms, value, "exactly one");
  return tcw_schema_report (check, schema, value, "must have exactly one of %u forms, and has %u of them", json_array_get_length (forms),
                            matching);
}

gboolean
tcw_schema_keyword_not (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  g_autofree char *unwanted = NULL;

  if (!tcw_schema_matches (check, argument, value))
    return TRUE;
  if (check->quiet > 0)
    return FALSE;
  unwanted = tcw_schema_show (argument);
  return tcw_schema_report (check, schema, value, "must not fit %s", unwanted);
}

gboolean
tcw_schema_keyword_if (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonNode *branch = json_object_get_member (schema, tcw_schema_matches (check, argument, value) ? "then" : "else");

  return branch == NULL || tcw_schema_check_node (check, branch, value);
}
