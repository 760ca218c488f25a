/*
 * Compiling a schema: every keyword must be known and have a proper value, every pattern compiles, every reference leads to a schema, and
 * no schema applies to a value only by way of itself.
 */
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-schema-private.h"

#define MAX_NESTING 64
#define MAX_CHAIN 256

typedef struct {
  TcwSchema *schema;
  GHashTable *seen;   /* (element-type JsonNode): schemas that were walked */
  GPtrArray *pending; /* (element-type JsonNode): targets of references that may not have been */
  GString *path;      /* a JSON pointer, for errors */
  guint depth;
  GError **error;
} Compile;

static gboolean walk (Compile *c, JsonNode *schema);

static gboolean
fail (Compile *c, const char *what)
{
  g_set_error (c->error, TCW_ERROR, TCW_ERROR_USAGE, "schema at %s: %s", c->path->str, what);
  return FALSE;
}

static gboolean
walk_below (Compile *c, const char *step, JsonNode *schema)
{
  gsize former = c->path->len;

  g_string_append_printf (c->path, "/%s", step);
  if (!walk (c, schema))
    return FALSE;
  g_string_truncate (c->path, former);
  return TRUE;
}

static gboolean
walk_list (Compile *c, JsonNode *list, gboolean may_be_empty)
{
  JsonArray *array;

  if (!JSON_NODE_HOLDS_ARRAY (list) || (!may_be_empty && json_array_get_length (json_node_get_array (list)) == 0))
    return fail (c, "must be an array of schemas");
  array = json_node_get_array (list);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      g_autofree char *step = g_strdup_printf ("%u", i);

      if (!walk_below (c, step, json_array_get_element (array, i)))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_array_of_strings (JsonNode *node)
{
  JsonArray *array;

  if (!JSON_NODE_HOLDS_ARRAY (node))
    return FALSE;
  array = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      if (!g_str_equal (tcw_json_type_name (json_array_get_element (array, i)), "string"))
        return FALSE;
    }
  return TRUE;
}

static gboolean
add_pattern (Compile *c, const char *pattern)
{
  g_autoptr (GError) error = NULL;
  GRegex *regex;

  if (g_hash_table_contains (c->schema->patterns, pattern))
    return TRUE;
  regex = tcw_schema_pattern_new (pattern, &error);
  if (regex == NULL)
    return fail (c, error->message);
  g_hash_table_insert (c->schema->patterns, g_strdup (pattern), regex);
  return TRUE;
}

static gboolean
walk_map (Compile *c, JsonNode *map, TcwSchemaArgument kind)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  if (!JSON_NODE_HOLDS_OBJECT (map))
    return fail (c, "must be an object of schemas");
  json_object_iter_init_ordered (&iter, json_node_get_object (map));
  while (json_object_iter_next_ordered (&iter, &key, &value))
    {
      if (kind == TCW_SCHEMA_PATTERN_MAP && !add_pattern (c, key))
        return FALSE;
      if (kind == TCW_SCHEMA_DEPENDENCIES && is_array_of_strings (value))
        continue;
      if (!walk_below (c, key, value))
        return FALSE;
    }
  return TRUE;
}

static gboolean
check_types (Compile *c, JsonNode *argument)
{
  static const char *const known[] = { "array", "boolean", "integer", "null", "number", "object", "string", NULL };
  JsonArray *types;

  if (g_str_equal (tcw_json_type_name (argument), "string"))
    return g_strv_contains (known, json_node_get_string (argument)) || fail (c, "must name a type of JSON");
  if (!is_array_of_strings (argument) || json_array_get_length (json_node_get_array (argument)) == 0)
    return fail (c, "must name a type of JSON, or be an array of such names");
  types = json_node_get_array (argument);
  for (guint i = 0; i < json_array_get_length (types); i++)
    {
      if (!g_strv_contains (known, json_array_get_string_element (types, i)))
        return fail (c, "must name types of JSON");
    }
  return TRUE;
}

/* One step of a JSON pointer (RFC 6901), already without percent escapes; NULL when there is nothing. */
static JsonNode *
pointer_step (JsonNode *node, const char *step)
{
  g_autoptr (GString) key = g_string_new (step);
  JsonArray *array;
  guint64 index = 0;

  g_string_replace (key, "~1", "/", 0);
  g_string_replace (key, "~0", "~", 0);
  if (JSON_NODE_HOLDS_OBJECT (node))
    return json_object_get_member (json_node_get_object (node), key->str);
  if (!JSON_NODE_HOLDS_ARRAY (node) || !g_ascii_string_to_unsigned (key->str, 10, 0, G_MAXUINT, &index, NULL))
    return NULL;
  array = json_node_get_array (node);
  return index < json_array_get_length (array) ? json_array_get_element (array, (guint) index) : NULL;
}

static gboolean
add_reference (Compile *c, const char *reference)
{
  g_autofree char *pointer = NULL;
  g_auto (GStrv) steps = NULL;
  JsonNode *node = c->schema->root;

  if (g_hash_table_contains (c->schema->references, reference))
    return TRUE;
  if (!g_str_equal (reference, "#") && !g_str_has_prefix (reference, "#/"))
    return fail (c, "must be \"#\" or start with \"#/\": references never leave the schema");
  pointer = g_uri_unescape_string (reference + 1, NULL);
  steps = g_strsplit (pointer != NULL ? pointer : "/?", "/", -1);
  /* The text before the first slash is no step. */
  for (guint i = 1; node != NULL && steps[0] != NULL && steps[i] != NULL; i++)
    node = pointer_step (node, steps[i]);
  if (node == NULL)
    return fail (c, "leads to nothing");
  g_hash_table_insert (c->schema->references, g_strdup (reference), node);
  g_ptr_array_add (c->pending, node);
  return TRUE;
}

static gboolean
is_count (JsonNode *node)
{
  g_autoptr (JsonNode) zero = json_node_init_int (json_node_alloc (), 0);

  return tcw_schema_is_integer (node) && tcw_schema_compare_numbers (node, zero) >= 0;
}

static gboolean
is_positive (JsonNode *node)
{
  g_autoptr (JsonNode) zero = json_node_init_int (json_node_alloc (), 0);

  return tcw_schema_is_number (node) && tcw_schema_compare_numbers (node, zero) > 0;
}

static gboolean
check_argument (Compile *c, TcwSchemaArgument kind, JsonNode *argument)
{
  const char *type = tcw_json_type_name (argument);

  switch (kind)
    {
    case TCW_SCHEMA_TEXT:
      return g_str_equal (type, "string") || fail (c, "must be a string");
    case TCW_SCHEMA_FLAG:
      return g_str_equal (type, "boolean") || fail (c, "must be a boolean");
    case TCW_SCHEMA_COUNT:
      return is_count (argument) || fail (c, "must be a whole number from 0 on");
    case TCW_SCHEMA_NUMBER:
      return tcw_schema_is_number (argument) || fail (c, "must be a number");
    case TCW_SCHEMA_POSITIVE:
      return is_positive (argument) || fail (c, "must be a number over 0");
    case TCW_SCHEMA_LIST:
      return g_str_equal (type, "array") || fail (c, "must be an array");
    case TCW_SCHEMA_TYPES:
      return check_types (c, argument);
    case TCW_SCHEMA_KEYS:
      return is_array_of_strings (argument) || fail (c, "must be an array of strings");
    case TCW_SCHEMA_PATTERN:
      return (g_str_equal (type, "string") || fail (c, "must be a string")) && add_pattern (c, json_node_get_string (argument));
    case TCW_SCHEMA_REFERENCE:
      return (g_str_equal (type, "string") || fail (c, "must be a string")) && add_reference (c, json_node_get_string (argument));
    case TCW_SCHEMA_ONE:
      return walk (c, argument);
    case TCW_SCHEMA_SEVERAL:
      return walk_list (c, argument, FALSE);
    case TCW_SCHEMA_ITEMS:
      return JSON_NODE_HOLDS_ARRAY (argument) ? walk_list (c, argument, TRUE) : walk (c, argument);
    case TCW_SCHEMA_MAP:
    case TCW_SCHEMA_PATTERN_MAP:
    case TCW_SCHEMA_DEPENDENCIES:
      return walk_map (c, argument, kind);
    case TCW_SCHEMA_ANY:
    default:
      return TRUE;
    }
}

static gboolean
walk_keywords (Compile *c, JsonObject *schema)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *argument;

  json_object_iter_init_ordered (&iter, schema);
  while (json_object_iter_next_ordered (&iter, &name, &argument))
    {
      const TcwSchemaKeyword *keyword = tcw_schema_find_keyword (name);
      gsize former = c->path->len;

      g_string_append_printf (c->path, "/%s", name);
      if (keyword == NULL)
        return fail (c, "is a keyword that isn't known");
      if (!check_argument (c, keyword->argument, argument))
        return FALSE;
      g_string_truncate (c->path, former);
    }
  return TRUE;
}

static gboolean
walk (Compile *c, JsonNode *schema)
{
  gboolean ok;

  if (!g_hash_table_add (c->seen, schema) || g_str_equal (tcw_json_type_name (schema), "boolean"))
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (schema))
    return fail (c, "must be a schema: an object or a boolean");
  if (c->depth >= MAX_NESTING)
    return fail (c, "is nested too deeply");
  c->depth++;
  ok = walk_keywords (c, json_node_get_object (schema));
  c->depth--;
  return ok;
}

/* The in-place schemas of @keyword: those that apply to the same value as the schema that has it. */
static void
add_in_place (GPtrArray *schemas, JsonNode *argument)
{
  JsonObjectIter iter;
  JsonNode *value;

  if (JSON_NODE_HOLDS_ARRAY (argument))
    {
      for (guint i = 0; i < json_array_get_length (json_node_get_array (argument)); i++)
        g_ptr_array_add (schemas, json_array_get_element (json_node_get_array (argument), i));
      return;
    }
  json_object_iter_init (&iter, json_node_get_object (argument));
  while (json_object_iter_next (&iter, NULL, &value))
    {
      if (JSON_NODE_HOLDS_OBJECT (value))
        g_ptr_array_add (schemas, value);
    }
}

static GPtrArray *
list_in_place (TcwSchema *self, JsonObject *schema)
{
  GPtrArray *schemas = g_ptr_array_new ();
  JsonObjectIter iter;
  const char *name;
  JsonNode *argument;

  if (json_object_has_member (schema, "$ref"))
    {
      g_ptr_array_add (schemas, g_hash_table_lookup (self->references, json_object_get_string_member (schema, "$ref")));
      return schemas;
    }
  json_object_iter_init_ordered (&iter, schema);
  while (json_object_iter_next_ordered (&iter, &name, &argument))
    {
      const TcwSchemaKeyword *keyword = tcw_schema_find_keyword (name);

      if (!keyword->in_place)
        continue;
      if (keyword->argument == TCW_SCHEMA_ONE)
        g_ptr_array_add (schemas, argument);
      else
        add_in_place (schemas, argument);
    }
  return schemas;
}

/* @open holds the schemas on the way from the start to here; @done those without a circle. */
static gboolean
find_circle (Compile *c, JsonNode *schema, GHashTable *open, GHashTable *done)
{
  g_autoptr (GPtrArray) schemas = NULL;

  if (!JSON_NODE_HOLDS_OBJECT (schema) || g_hash_table_contains (done, schema))
    return TRUE;
  if (g_hash_table_size (open) > MAX_CHAIN)
    return fail (c, "has references that lead on and on");
  if (!g_hash_table_add (open, schema))
    return fail (c, "has a $ref that leads back to itself without taking a step into the value");
  schemas = list_in_place (c->schema, json_node_get_object (schema));
  for (guint i = 0; i < schemas->len; i++)
    {
      if (!find_circle (c, schemas->pdata[i], open, done))
        return FALSE;
    }
  g_hash_table_remove (open, schema);
  g_hash_table_add (done, schema);
  return TRUE;
}

static gboolean
refuse_circles (Compile *c)
{
  g_autoptr (GHashTable) open = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) done = g_hash_table_new (NULL, NULL);
  GHashTableIter iter;
  gpointer schema;

  g_hash_table_iter_init (&iter, c->seen);
  while (g_hash_table_iter_next (&iter, &schema, NULL))
    {
      if (!find_circle (c, schema, open, done))
        return FALSE;
    }
  return TRUE;
}

gboolean
tcw_schema_compile (TcwSchema *self, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autoptr (GPtrArray) pending = g_ptr_array_new ();
  g_autoptr (GString) path = g_string_new ("#");
  Compile c = { .schema = self, .seen = seen, .pending = pending, .path = path, .error = error };

  if (!walk (&c, self->root))
    return FALSE;
  while (pending->len > 0)
    {
      JsonNode *target = g_ptr_array_steal_index (pending, pending->len - 1);

      g_string_assign (path, "the target of a $ref");
      if (!walk (&c, target))
        return FALSE;
    }
  g_string_assign (path, "#");
  return refuse_circles (&c);
}
