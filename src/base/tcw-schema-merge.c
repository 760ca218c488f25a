/* Putting object schemas of several owners together, and filling in defaults; declared in tcw-schema.h. */
#include "base/tcw-error.h"
#include "base/tcw-schema-private.h"

typedef struct {
  JsonObject *properties;
  JsonObject *definitions;
  JsonArray *required;
  GHashTable *owners;            /* (element-type char * char *): the owner of each property */
  GHashTable *definition_owners; /* and of each definition */
  GError **error;
} Merge;

/* Moves all members of @from into @into; the same key twice is an error, unless @same_is_fine and the values are equal. */
static gboolean
merge_members (Merge *m, const char *owner, JsonNode *from, JsonObject *into, GHashTable *owners, gboolean same_is_fine)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  if (!JSON_NODE_HOLDS_OBJECT (from))
    {
      g_set_error (m->error, TCW_ERROR, TCW_ERROR_USAGE, "the schema of %s has properties or definitions that are no object", owner);
      return FALSE;
    }
  json_object_iter_init_ordered (&iter, json_node_get_object (from));
  while (json_object_iter_next_ordered (&iter, &key, &value))
    {
      JsonNode *old = json_object_get_member (into, key);

      if (old != NULL && same_is_fine && tcw_json_equal (old, value))
        continue;
      if (old != NULL)
        {
          g_set_error (m->error, TCW_ERROR, TCW_ERROR_USAGE, "both %s and %s define “%s”",
                       (const char *) g_hash_table_lookup (owners, key), owner, key);
          return FALSE;
        }
      json_object_set_member (into, key, tcw_json_copy (value));
      g_hash_table_insert (owners, g_strdup (key), g_strdup (owner));
    }
  return TRUE;
}

static gboolean
merge_keyword (Merge *m, const char *owner, const char *name, JsonNode *argument)
{
  static const char *const ignored[] = { "$comment", "$id", "$schema", "title", "description", "default", "examples", NULL };

  if (g_str_equal (name, "properties"))
    return merge_members (m, owner, argument, m->properties, m->owners, FALSE);
  if (g_str_equal (name, "definitions"))
    return merge_members (m, owner, argument, m->definitions, m->definition_owners, TRUE);
  if (g_str_equal (name, "required") && JSON_NODE_HOLDS_ARRAY (argument))
    {
      for (guint i = 0; i < json_array_get_length (json_node_get_array (argument)); i++)
        json_array_add_element (m->required, tcw_json_copy (json_array_get_element (json_node_get_array (argument), i)));
      return TRUE;
    }
  if (g_str_equal (name, "type") && g_str_equal (tcw_json_type_name (argument), "string")
      && g_str_equal (json_node_get_string (argument), "object"))
    return TRUE;
  if (g_str_equal (name, "additionalProperties") && g_str_equal (tcw_json_type_name (argument), "boolean")
      && !json_node_get_boolean (argument))
    return TRUE;
  if (g_strv_contains (ignored, name))
    return TRUE;
  g_set_error (m->error, TCW_ERROR, TCW_ERROR_USAGE, "the schema of %s can't be merged: it has “%s”", owner, name);
  return FALSE;
}

static gboolean
merge_part (Merge *m, const TcwSchemaPart *part)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *argument;

  if (!JSON_NODE_HOLDS_OBJECT (part->schema))
    {
      g_set_error (m->error, TCW_ERROR, TCW_ERROR_USAGE, "the schema of %s is no object", part->owner);
      return FALSE;
    }
  json_object_iter_init_ordered (&iter, json_node_get_object (part->schema));
  while (json_object_iter_next_ordered (&iter, &name, &argument))
    {
      if (!merge_keyword (m, part->owner, name, argument))
        return FALSE;
    }
  return TRUE;
}

JsonNode *
tcw_schema_merge_properties (const TcwSchemaPart *parts, gsize n_parts, GError **error)
{
  g_autoptr (JsonObject) properties = json_object_new ();
  g_autoptr (JsonObject) definitions = json_object_new ();
  g_autoptr (JsonArray) required = json_array_new ();
  g_autoptr (GHashTable) owners = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) definition_owners = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (JsonObject) merged = json_object_new ();
  Merge m = { properties, definitions, required, owners, definition_owners, error };

  for (gsize i = 0; i < n_parts; i++)
    {
      if (!merge_part (&m, &parts[i]))
        return NULL;
    }
  json_object_set_string_member (merged, "type", "object");
  json_object_set_object_member (merged, "properties", g_steal_pointer (&properties));
  json_object_set_array_member (merged, "required", g_steal_pointer (&required));
  json_object_set_boolean_member (merged, "additionalProperties", FALSE);
  if (json_object_get_size (definitions) > 0)
    json_object_set_object_member (merged, "definitions", g_steal_pointer (&definitions));
  return json_node_init_object (json_node_alloc (), merged);
}

/* Returns (transfer full) what the missing @value becomes: a default of its own, one made of those below it, or NULL. */
static JsonNode *fill_in (TcwSchema *self, JsonNode *schema, JsonNode *value);

static void
fill_in_members (TcwSchema *self, JsonObject *properties, JsonObject *object)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *schema;

  json_object_iter_init_ordered (&iter, properties);
  while (json_object_iter_next_ordered (&iter, &key, &schema))
    {
      JsonNode *filled = fill_in (self, schema, json_object_get_member (object, key));

      if (filled != NULL)
        json_object_set_member (object, key, filled);
    }
}

static JsonNode *
fill_in (TcwSchema *self, JsonNode *schema, JsonNode *value)
{
  g_autoptr (JsonNode) result = value != NULL ? tcw_json_copy (value) : NULL;
  g_autoptr (JsonNode) made = NULL;
  JsonNode *properties;
  JsonNode *given;

  if (!JSON_NODE_HOLDS_OBJECT (schema))
    return g_steal_pointer (&result);
  given = json_object_get_member (json_node_get_object (schema), "default");
  if (result == NULL && given != NULL)
    result = tcw_json_copy (given);
  properties = json_object_get_member (json_node_get_object (schema), "properties");
  if (properties == NULL || (result != NULL && !JSON_NODE_HOLDS_OBJECT (result)))
    return g_steal_pointer (&result);
  made = result != NULL ? g_steal_pointer (&result) : json_node_init_object (json_node_alloc (), NULL);
  if (json_node_get_object (made) == NULL)
    json_node_take_object (made, json_object_new ());
  fill_in_members (self, json_node_get_object (properties), json_node_get_object (made));
  if (value == NULL && given == NULL && json_object_get_size (json_node_get_object (made)) == 0)
    return NULL;
  return g_steal_pointer (&made);
}

JsonNode *
tcw_schema_apply_defaults (TcwSchema *self, JsonNode *value)
{
  JsonNode *filled = fill_in (self, self->root, value);

  return filled != NULL ? filled : json_node_init_null (json_node_alloc ());
}
