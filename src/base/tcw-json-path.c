/* Finding JSON values by a path such as "payload.artifacts[2].name", with errors that name it; declared in tcw-json-util.h. */
#include <math.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json-util.h"

#define EXCERPT_CHARS 60

/* Steps over "[n]" at *@path; returns the item or NULL. */
static JsonNode *
step_index (JsonNode *node, const char **path)
{
  char *end = NULL;
  guint64 index;

  if (!JSON_NODE_HOLDS_ARRAY (node) || !g_ascii_isdigit ((*path)[1]))
    return NULL;
  index = g_ascii_strtoull (*path + 1, &end, 10);
  if (*end != ']' || index >= json_array_get_length (json_node_get_array (node)))
    return NULL;
  *path = end + 1;
  return json_array_get_element (json_node_get_array (node), (guint) index);
}

JsonNode *
tcw_json_lookup (JsonObject *object, const char *path)
{
  JsonNode *node = NULL;

  while (*path != '\0')
    {
      if (*path == '[' && node != NULL)
        {
          node = step_index (node, &path);
          if (node == NULL)
            return NULL;
          continue;
        }
      if (node != NULL)
        {
          if (*path != '.' || !JSON_NODE_HOLDS_OBJECT (node))
            return NULL;
          path++;
          object = json_node_get_object (node);
        }

      gsize len = strcspn (path, ".[");
      g_autofree char *key = g_strndup (path, len);

      node = json_object_get_member (object, key);
      if (node == NULL)
        return NULL;
      path += len;
    }
  return node;
}

/* Whether @node is an integer or an integral double that fits; then its value. */
static gboolean
as_int (JsonNode *node, gint64 *value)
{
  double d;

  if (g_str_equal (tcw_json_type_name (node), "integer"))
    {
      *value = json_node_get_int (node);
      return TRUE;
    }
  if (!g_str_equal (tcw_json_type_name (node), "number"))
    return FALSE;
  d = json_node_get_double (node);
  if (!isfinite (d) || islessgreater (d, trunc (d)) || d < -9223372036854775808.0 || d >= 9223372036854775808.0)
    return FALSE;
  *value = (gint64) d;
  return TRUE;
}

/* The value at @path when it has @type; an error otherwise. */
static JsonNode *
require (JsonObject *object, const char *path, const char *type, GError **error)
{
  JsonNode *node = tcw_json_lookup (object, path);
  g_autofree char *text = NULL;
  g_autofree char *excerpt = NULL;
  gint64 integer = 0;

  if (node == NULL)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "%s: must be given, as %s %s", path, strchr ("aio", *type) ? "an" : "a",
                   type);
      return NULL;
    }
  if (g_str_equal (tcw_json_type_name (node), type))
    return node;
  if (g_str_equal (type, "integer") && as_int (node, &integer))
    return node;
  if (g_str_equal (type, "number") && g_str_equal (tcw_json_type_name (node), "integer"))
    return node;
  text = tcw_json_to_string (node, TCW_JSON_COMPACT);
  excerpt = tcw_json_excerpt (text, -1, EXCERPT_CHARS);
  g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "%s: must be %s %s, is %s", path, strchr ("aio", *type) ? "an" : "a", type,
               excerpt);
  return NULL;
}

const char *
tcw_json_get_string (JsonObject *object, const char *path, GError **error)
{
  JsonNode *node = require (object, path, "string", error);

  return node != NULL ? json_node_get_string (node) : NULL;
}

gboolean
tcw_json_get_int (JsonObject *object, const char *path, gint64 *value, GError **error)
{
  JsonNode *node = require (object, path, "integer", error);

  return node != NULL && as_int (node, value);
}

gboolean
tcw_json_get_double (JsonObject *object, const char *path, double *value, GError **error)
{
  JsonNode *node = require (object, path, "number", error);

  if (node != NULL)
    *value = json_node_get_double (node);
  return node != NULL;
}

gboolean
tcw_json_get_boolean (JsonObject *object, const char *path, gboolean *value, GError **error)
{
  JsonNode *node = require (object, path, "boolean", error);

  if (node != NULL)
    *value = json_node_get_boolean (node);
  return node != NULL;
}

JsonObject *
tcw_json_get_object (JsonObject *object, const char *path, GError **error)
{
  JsonNode *node = require (object, path, "object", error);

  return node != NULL ? json_node_get_object (node) : NULL;
}

JsonArray *
tcw_json_get_array (JsonObject *object, const char *path, GError **error)
{
  JsonNode *node = require (object, path, "array", error);

  return node != NULL ? json_node_get_array (node) : NULL;
}

const char *
tcw_json_get_string_or (JsonObject *object, const char *path, const char *fallback)
{
  JsonNode *node = tcw_json_lookup (object, path);

  return g_str_equal (tcw_json_type_name (node), "string") ? json_node_get_string (node) : fallback;
}

gint64
tcw_json_get_int_or (JsonObject *object, const char *path, gint64 fallback)
{
  JsonNode *node = tcw_json_lookup (object, path);
  gint64 value = fallback;

  return node != NULL && as_int (node, &value) ? value : fallback;
}

gboolean
tcw_json_get_boolean_or (JsonObject *object, const char *path, gboolean fallback)
{
  JsonNode *node = tcw_json_lookup (object, path);

  return g_str_equal (tcw_json_type_name (node), "boolean") ? json_node_get_boolean (node) : fallback;
}

char **
tcw_json_get_strv (JsonObject *object, const char *path, GError **error)
{
  JsonArray *array = tcw_json_get_array (object, path, error);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (array == NULL)
    return NULL;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      g_autofree char *item_path = g_strdup_printf ("%s[%u]", path, i);
      const char *item = tcw_json_get_string (object, item_path, error);

      if (item == NULL)
        return NULL;
      g_strv_builder_add (builder, item);
    }
  return g_strv_builder_end (builder);
}
