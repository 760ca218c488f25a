/* The keywords of JSON Schema that say something about arrays. */
#include <string.h>

#include "base/tcw-schema-private.h"

static JsonArray *
as_array (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static gboolean
check_item (TcwSchemaCheck *check, JsonNode *schema, JsonArray *array, guint index)
{
  gsize former = tcw_schema_enter_index (check, index);
  gboolean valid = tcw_schema_check_node (check, schema, json_array_get_element (array, index));

  tcw_schema_leave (check, former);
  return valid;
}

gboolean
tcw_schema_keyword_items (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonArray *array = as_array (value);
  JsonArray *by_place = as_array (argument);
  JsonNode *additional = json_object_get_member (schema, "additionalItems");
  gboolean valid = TRUE;

  if (array == NULL)
    return TRUE;
  for (guint i = 0; i < json_array_get_length (array) && !check->exhausted; i++)
    {
      JsonNode *item_schema = argument;

      if (by_place != NULL)
        item_schema = i < json_array_get_length (by_place) ? json_array_get_element (by_place, i) : additional;
      if (item_schema != NULL && !check_item (check, item_schema, array, i))
        valid = FALSE;
    }
  return valid;
}

gboolean
tcw_schema_keyword_contains (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonArray *array = as_array (value);
  g_autofree char *wanted = NULL;

  if (array == NULL)
    return TRUE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      if (tcw_schema_matches (check, argument, json_array_get_element (array, i)))
        return TRUE;
    }
  if (check->quiet > 0)
    return FALSE;
  wanted = tcw_schema_show (argument);
  return tcw_schema_report (check, schema, value, "must have an item that fits %s", wanted);
}

static gboolean
check_count (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value, int unwanted, const char *words)
{
  JsonArray *array = as_array (value);
  g_autoptr (JsonNode) count = NULL;

  if (array == NULL)
    return TRUE;
  count = json_node_init_int (json_node_alloc (), json_array_get_length (array));
  if (tcw_schema_compare_numbers (count, argument) != unwanted)
    return TRUE;
  return tcw_schema_report (check, schema, NULL, "must have at %s %" G_GINT64_FORMAT " items, has %" G_GINT64_FORMAT, words,
                            json_node_get_int (argument), json_node_get_int (count));
}

gboolean
tcw_schema_keyword_min_items (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_count (check, schema, argument, value, -1, "least");
}

gboolean
tcw_schema_keyword_max_items (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_count (check, schema, argument, value, 1, "most");
}

static gint
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* By sorted canonical texts, because comparing each with each is slow and hash tables can be made slow. */
gboolean
tcw_schema_keyword_unique_items (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonArray *array = as_array (value);
  g_autoptr (GPtrArray) texts = NULL;

  if (array == NULL || !json_node_get_boolean (argument) || !tcw_schema_count_steps (check, json_array_get_length (array)))
    return TRUE;
  texts = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < json_array_get_length (array); i++)
    g_ptr_array_add (texts, tcw_json_to_string (json_array_get_element (array, i), TCW_JSON_SORTED));
  g_ptr_array_sort (texts, compare_texts);
  for (guint i = 1; i < texts->len; i++)
    {
      if (g_str_equal (texts->pdata[i - 1], texts->pdata[i]))
        {
          g_autofree char *excerpt = tcw_json_excerpt (texts->pdata[i], -1, 60);

          return tcw_schema_report (check, schema, NULL, "must not have an item twice, has %s twice", excerpt);
        }
    }
  return TRUE;
}
