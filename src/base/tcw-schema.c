/* Schemas as objects, and the walk of schema and value side by side: path, limits, and the wording of violations; see tcw-schema.h. */
#include "base/tcw-schema.h"

#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json.h"
#include "base/tcw-schema-private.h"

#define MAX_VIOLATIONS 100
#define MAX_DEPTH 512
#define MAX_STEPS 2000000
#define EXCERPT_CHARS 80
#define DESCRIPTION_CHARS 120
#define KEY_CHARS 60

TcwSchema *
tcw_schema_new (JsonNode *schema, GError **error)
{
  g_autoptr (TcwSchema) self = g_new0 (TcwSchema, 1);

  g_atomic_ref_count_init (&self->refs);
  self->root = tcw_json_copy (schema);
  self->patterns = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_regex_unref);
  self->references = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!tcw_schema_compile (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

TcwSchema *
tcw_schema_new_from_string (const char *json, gssize len, const char *name, GError **error)
{
  g_autoptr (GError) parse_error = NULL;
  g_autoptr (JsonNode) node = tcw_json_parse (json, len, name, NULL, &parse_error);
  TcwSchema *self;

  if (node == NULL)
    {
      g_set_error_literal (error, TCW_ERROR, TCW_ERROR_USAGE, parse_error->message);
      return NULL;
    }
  self = tcw_schema_new (node, error);
  if (self == NULL)
    g_prefix_error (error, "%s: ", name);
  return self;
}

TcwSchema *
tcw_schema_ref (TcwSchema *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
tcw_schema_unref (TcwSchema *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_hash_table_unref (self->references);
  g_hash_table_unref (self->patterns);
  json_node_unref (self->root);
  g_free (self);
}

JsonNode *
tcw_schema_get_node (TcwSchema *self)
{
  return self->root;
}

char *
tcw_schema_show (JsonNode *node)
{
  g_autofree char *text = tcw_json_to_string (node, TCW_JSON_COMPACT);

  return tcw_json_excerpt (text, -1, EXCERPT_CHARS);
}

static void
add_violation (TcwSchemaCheck *check, const char *what)
{
  const char *path = check->path->len > 0 ? check->path->str : "(value)";

  if (check->violations == NULL || check->violations->len - check->former > MAX_VIOLATIONS)
    return;
  if (check->violations->len - check->former == MAX_VIOLATIONS)
    g_ptr_array_add (check->violations, g_strdup ("… and more"));
  else
    g_ptr_array_add (check->violations, g_strdup_printf ("%s: %s", path, what));
}

/* " (description)" of a schema, or nothing. */
static char *
describe (JsonObject *schema)
{
  g_autofree char *excerpt = NULL;
  const char *text = NULL;

  if (schema != NULL)
    text = tcw_json_get_string_or (schema, "description", tcw_json_get_string_or (schema, "title", NULL));
  if (text == NULL)
    return g_strdup ("");
  excerpt = tcw_json_excerpt (text, -1, DESCRIPTION_CHARS);
  return g_strdup_printf (" (%s)", excerpt);
}

gboolean
tcw_schema_report (TcwSchemaCheck *check, JsonObject *schema, JsonNode *value, const char *format, ...)
{
  g_autofree char *what = NULL;
  g_autofree char *line = NULL;
  g_autofree char *description = NULL;
  va_list args;

  if (check->quiet > 0 || check->violations == NULL)
    return FALSE;
  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  description = describe (schema);
  if (value != NULL)
    {
      g_autofree char *excerpt = tcw_schema_show (value);

      line = g_strdup_printf ("%s, is %s%s", what, excerpt, description);
    }
  else
    line = g_strconcat (what, description, NULL);
  add_violation (check, line);
  return FALSE;
}

gboolean
tcw_schema_count_steps (TcwSchemaCheck *check, guint64 n)
{
  check->steps += n;
  if (check->steps <= MAX_STEPS && check->depth <= MAX_DEPTH)
    return TRUE;
  if (!check->exhausted)
    add_violation (check, "is too large or too deeply nested to be checked");
  check->exhausted = TRUE;
  return FALSE;
}

static gboolean
is_plain_key (const char *key)
{
  if (!g_ascii_isalpha (*key) && *key != '_' && *key != '$')
    return FALSE;
  for (const char *c = key; *c != '\0'; c++)
    {
      if (!g_ascii_isalnum (*c) && *c != '_' && *c != '-' && *c != '$')
        return FALSE;
    }
  return strlen (key) <= KEY_CHARS;
}

gsize
tcw_schema_enter_key (TcwSchemaCheck *check, const char *key)
{
  gsize former = check->path->len;

  if (check->quiet > 0 || check->violations == NULL)
    return former;
  if (is_plain_key (key))
    g_string_append_printf (check->path, "%s%s", former > 0 ? "." : "", key);
  else
    {
      g_autofree char *excerpt = tcw_json_excerpt (key, -1, KEY_CHARS);

      g_string_append_printf (check->path, "[\"%s\"]", excerpt);
    }
  return former;
}

gsize
tcw_schema_enter_index (TcwSchemaCheck *check, guint index)
{
  gsize former = check->path->len;

  g_string_append_printf (check->path, "[%u]", index);
  return former;
}

void
tcw_schema_leave (TcwSchemaCheck *check, gsize former)
{
  g_string_truncate (check->path, former);
}

static gboolean
check_keywords (TcwSchemaCheck *check, JsonObject *schema, JsonNode *value)
{
  gboolean valid = TRUE;
  JsonObjectIter iter;
  const char *name;
  JsonNode *argument;

  /* In draft-07 what stands beside a $ref is ignored. */
  argument = json_object_get_member (schema, "$ref");
  if (argument != NULL)
    return tcw_schema_keyword_ref (check, schema, argument, value);
  json_object_iter_init_ordered (&iter, schema);
  while (!check->exhausted && (valid || check->quiet == 0) && json_object_iter_next_ordered (&iter, &name, &argument))
    {
      const TcwSchemaKeyword *keyword = tcw_schema_find_keyword (name);

      if (keyword != NULL && keyword->check != NULL && !keyword->check (check, schema, argument, value))
        valid = FALSE;
    }
  return valid && !check->exhausted;
}

gboolean
tcw_schema_check_node (TcwSchemaCheck *check, JsonNode *schema, JsonNode *value)
{
  gboolean valid;

  check->depth++;
  if (!tcw_schema_count_steps (check, 1))
    valid = FALSE;
  else if (JSON_NODE_HOLDS_OBJECT (schema))
    valid = check_keywords (check, json_node_get_object (schema), value);
  else if (json_node_get_boolean (schema))
    valid = TRUE;
  else
    valid = tcw_schema_report (check, NULL, value, "must not be given");
  check->depth--;
  return valid;
}

gboolean
tcw_schema_matches (TcwSchemaCheck *check, JsonNode *schema, JsonNode *value)
{
  gboolean valid;

  check->quiet++;
  valid = tcw_schema_check_node (check, schema, value);
  check->quiet--;
  return valid;
}

gboolean
tcw_schema_validate (TcwSchema *self, JsonNode *value, const char *root_name, GPtrArray *violations)
{
  g_autoptr (GString) path = g_string_new (root_name);
  TcwSchemaCheck check = { .schema = self, .path = path, .violations = violations, .quiet = violations == NULL };

  if (violations != NULL)
    check.former = violations->len;
  return tcw_schema_check_node (&check, self->root, value) && !check.exhausted;
}

gboolean
tcw_schema_check (TcwSchema *self, JsonNode *value, const char *root_name, GError **error)
{
  g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *lines = NULL;

  if (tcw_schema_validate (self, value, root_name, violations))
    return TRUE;
  g_ptr_array_add (violations, NULL);
  lines = g_strjoinv ("\n", (char **) violations->pdata);
  g_set_error_literal (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, lines);
  return FALSE;
}
