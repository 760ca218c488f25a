/* The keywords of JSON Schema that say something about objects. */
#include "base/tcw-schema-private.h"

#define KNOWN_KEYS_SHOWN 12

static JsonObject *
as_object (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static gboolean
check_member (TcwSchemaCheck *check, JsonNode *schema, const char *key, JsonNode *value)
{
  gsize former = tcw_schema_enter_key (check, key);
  gboolean valid = tcw_schema_check_node (check, schema, value);

  tcw_schema_leave (check, former);
  return valid;
}

gboolean
tcw_schema_keyword_properties (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonObject *object = as_object (value);
  gboolean valid = TRUE;
  JsonObjectIter iter;
  const char *key;
  JsonNode *member_schema;

  if (object == NULL)
    return TRUE;
  json_object_iter_init_ordered (&iter, json_node_get_object (argument));
  while (json_object_iter_next_ordered (&iter, &key, &member_schema))
    {
      JsonNode *member = json_object_get_member (object, key);

      if (member != NULL && !check_member (check, member_schema, key, member))
        valid = FALSE;
    }
  return valid;
}

gboolean
tcw_schema_keyword_pattern_properties (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonObject *object = as_object (value);
  gboolean valid = TRUE;
  JsonObjectIter patterns;
  const char *pattern;
  JsonNode *member_schema;

  if (object == NULL)
    return TRUE;
  json_object_iter_init_ordered (&patterns, json_node_get_object (argument));
  while (json_object_iter_next_ordered (&patterns, &pattern, &member_schema))
    {
      JsonObjectIter members;
      const char *key;
      JsonNode *member;

      json_object_iter_init_ordered (&members, object);
      while (!check->exhausted && json_object_iter_next_ordered (&members, &key, &member))
        {
          if (tcw_schema_search (check, pattern, key) && !check_member (check, member_schema, key, member))
            valid = FALSE;
        }
    }
  return valid;
}

static gboolean
is_named (TcwSchemaCheck *check, JsonObject *properties, JsonObject *patterns, const char *key)
{
  JsonObjectIter iter;
  const char *pattern;

  if (properties != NULL && json_object_has_member (properties, key))
    return TRUE;
  if (patterns == NULL)
    return FALSE;
  json_object_iter_init_ordered (&iter, patterns);
  while (json_object_iter_next_ordered (&iter, &pattern, NULL))
    {
      if (tcw_schema_search (check, pattern, key))
        return TRUE;
    }
  return FALSE;
}

/* "a, b, c": the keys that are known, as many as fit. */
static char *
list_keys (JsonObject *properties)
{
  g_autoptr (GList) keys = properties != NULL ? json_object_get_members (properties) : NULL;
  GString *text = g_string_new (NULL);
  guint n = 0;

  for (GList *l = keys; l != NULL && n <= KNOWN_KEYS_SHOWN; l = l->next, n++)
    g_string_append_printf (text, "%s%s", n > 0 ? ", " : "", n < KNOWN_KEYS_SHOWN ? (const char *) l->data : "…");
  if (n == 0)
    g_string_append (text, "none");
  return g_string_free (text, FALSE);
}

static gboolean
check_additional (TcwSchemaCheck *check, JsonNode *argument, JsonObject *properties, const char *key, JsonNode *member)
{
  gsize former;

  if (JSON_NODE_HOLDS_OBJECT (argument) || json_node_get_boolean (argument))
    return check_member (check, argument, key, member);
  if (check->quiet > 0)
    return FALSE;

  g_autofree char *known = list_keys (properties);

  former = tcw_schema_enter_key (check, key);
  tcw_schema_report (check, NULL, NULL, "is not a known key; known here: %s", known);
  tcw_schema_leave (check, former);
  return FALSE;
}

gboolean
tcw_schema_keyword_additional_properties (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonObject *object = as_object (value);
  JsonObject *properties = as_object (json_object_get_member (schema, "properties"));
  JsonObject *patterns = as_object (json_object_get_member (schema, "patternProperties"));
  gboolean valid = TRUE;
  JsonObjectIter iter;
  const char *key;
  JsonNode *member;

  if (object == NULL)
    return TRUE;
  json_object_iter_init_ordered (&iter, object);
  while (tcw_schema_count_steps (check, 1) && json_object_iter_next_ordered (&iter, &key, &member))
    {
      if (!is_named (check, properties, patterns, key) && !check_additional (check, argument, properties, key, member))
        valid = FALSE;
    }
  return valid;
}

gboolean
tcw_schema_keyword_property_names (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonObject *object = as_object (value);
  gboolean valid = TRUE;
  JsonObjectIter iter;
  const char *key;

  if (object == NULL)
    return TRUE;
  json_object_iter_init_ordered (&iter, object);
  while (!check->exhausted && json_object_iter_next_ordered (&iter, &key, NULL))
    {
      g_autoptr (JsonNode) name = json_node_init_string (json_node_alloc (), key);
      gsize former = tcw_schema_enter_key (check, key);

      g_string_append (check->path, " (the key itself)");
      if (!tcw_schema_check_node (check, argument, name))
        valid = FALSE;
      tcw_schema_leave (check, former);
    }
  return valid;
}

/* The schema that @schema has for its property @key, if it is an object: for its description. */
static JsonObject *
schema_of_property (JsonObject *schema, const char *key)
{
  JsonObject *properties = as_object (json_object_get_member (schema, "properties"));

  return properties != NULL ? as_object (json_object_get_member (properties, key)) : NULL;
}

/* Reports each of @keys that @object lacks. */
static gboolean
require_keys (TcwSchemaCheck *check, JsonObject *schema, JsonArray *keys, JsonObject *object, const char *because)
{
  gboolean valid = TRUE;

  for (guint i = 0; i < json_array_get_length (keys); i++)
    {
      const char *key = json_array_get_string_element (keys, i);
      gsize former;

      if (json_object_has_member (object, key))
        continue;
      valid = FALSE;
      former = tcw_schema_enter_key (check, key);
      if (because != NULL)
        tcw_schema_report (check, schema_of_property (schema, key), NULL, "must be given because “%s” is", because);
      else
        tcw_schema_report (check, schema_of_property (schema, key), NULL, "must be given");
      tcw_schema_leave (check, former);
    }
  return valid;
}

gboolean
tcw_schema_keyword_required (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonObject *object = as_object (value);

  return object == NULL || require_keys (check, schema, json_node_get_array (argument), object, NULL);
}

gboolean
tcw_schema_keyword_dependencies (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonObject *object = as_object (value);
  gboolean valid = TRUE;
  JsonObjectIter iter;
  const char *key;
  JsonNode *dependency;

  if (object == NULL)
    return TRUE;
  json_object_iter_init_ordered (&iter, json_node_get_object (argument));
  while (json_object_iter_next_ordered (&iter, &key, &dependency))
    {
      gboolean ok = TRUE;

      if (!json_object_has_member (object, key))
        continue;
      if (JSON_NODE_HOLDS_ARRAY (dependency))
        ok = require_keys (check, schema, json_node_get_array (dependency), object, key);
      else
        ok = tcw_schema_check_node (check, dependency, value);
      valid = valid && ok;
    }
  return valid;
}

static gboolean
check_count (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value, int unwanted, const char *words)
{
  JsonObject *object = as_object (value);
  g_autoptr (JsonNode) count = NULL;

  if (object == NULL)
    return TRUE;
  count = json_node_init_int (json_node_alloc (), json_object_get_size (object));
  if (tcw_schema_compare_numbers (count, argument) != unwanted)
    return TRUE;
  return tcw_schema_report (check, schema, NULL, "must have at %s %" G_GINT64_FORMAT " keys, has %" G_GINT64_FORMAT, words,
                            json_node_get_int (argument), json_node_get_int (count));
}

gboolean
tcw_schema_keyword_min_properties (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_count (check, schema, argument, value, -1, "least");
}

gboolean
tcw_schema_keyword_max_properties (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_count (check, schema, argument, value, 1, "most");
}
