/* Writing, copying, merging and comparing JSON values; see tcw-json-util.h. Finding by path is in tcw-json-path.c. */
#include "base/tcw-json-util.h"

#include <math.h>
#include <string.h>

static void write_node (GString *out, JsonNode *node, TcwJsonStyle style, guint level);

static void
write_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (const char *c = text; *c != '\0'; c++)
    {
      static const char plain[] = "\"\\\b\f\n\r\t";
      static const char letter[] = "\"\\bfnrt";
      const char *found = strchr (plain, *c);

      if (found != NULL)
        g_string_append_printf (out, "\\%c", letter[found - plain]);
      else if ((guchar) *c < 0x20 || *c == 0x7f)
        g_string_append_printf (out, "\\u%04x", (guint) (guchar) *c);
      else
        g_string_append_c (out, *c);
    }
  g_string_append_c (out, '"');
}

/* The shortest of 15 to 17 digits that reads back as the same number; as an integer where that is @canonical. */
static void
write_double (GString *out, double value, gboolean canonical)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (value))
    {
      g_string_append (out, "null");
      return;
    }
  if (canonical && !islessgreater (value, trunc (value)) && value >= -9223372036854775808.0 && value < 9223372036854775808.0)
    {
      g_string_append_printf (out, "%" G_GINT64_FORMAT, (gint64) value);
      return;
    }
  for (int digits = 15; digits <= 17; digits++)
    {
      char format[8];
      double back;

      g_snprintf (format, sizeof format, "%%.%dg", digits);
      g_ascii_formatd (buffer, sizeof buffer, format, value);
      back = g_ascii_strtod (buffer, NULL);
      if (!islessgreater (back, value))
        break;
    }
  g_string_append (out, buffer);
  if (strpbrk (buffer, ".eE") == NULL)
    g_string_append (out, ".0");
}

static void
write_newline (GString *out, TcwJsonStyle style, guint level)
{
  if ((style & TCW_JSON_PRETTY) == 0)
    return;
  g_string_append_c (out, '\n');
  for (guint i = 0; i < level; i++)
    g_string_append (out, "  ");
}

static gint
compare_keys (gconstpointer a, gconstpointer b)
{
  return strcmp (a, b);
}

static void
write_object (GString *out, JsonObject *object, TcwJsonStyle style, guint level)
{
  g_autoptr (GList) keys = json_object_get_members (object);

  if (style & TCW_JSON_SORTED)
    keys = g_list_sort (keys, compare_keys);
  g_string_append_c (out, '{');
  for (GList *l = keys; l != NULL; l = l->next)
    {
      if (l != keys)
        g_string_append_c (out, ',');
      write_newline (out, style, level + 1);
      write_string (out, l->data);
      g_string_append (out, style & TCW_JSON_PRETTY ? ": " : ":");
      write_node (out, json_object_get_member (object, l->data), style, level + 1);
    }
  if (keys != NULL)
    write_newline (out, style, level);
  g_string_append_c (out, '}');
}

static void
write_array (GString *out, JsonArray *array, TcwJsonStyle style, guint level)
{
  guint n = json_array_get_length (array);

  g_string_append_c (out, '[');
  for (guint i = 0; i < n; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      write_newline (out, style, level + 1);
      write_node (out, json_array_get_element (array, i), style, level + 1);
    }
  if (n > 0)
    write_newline (out, style, level);
  g_string_append_c (out, ']');
}

static void
write_node (GString *out, JsonNode *node, TcwJsonStyle style, guint level)
{
  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    g_string_append (out, "null");
  else if (JSON_NODE_HOLDS_OBJECT (node))
    write_object (out, json_node_get_object (node), style, level);
  else if (JSON_NODE_HOLDS_ARRAY (node))
    write_array (out, json_node_get_array (node), style, level);
  else if (json_node_get_value_type (node) == G_TYPE_STRING)
    write_string (out, json_node_get_string (node));
  else if (json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    g_string_append (out, json_node_get_boolean (node) ? "true" : "false");
  else if (json_node_get_value_type (node) == G_TYPE_INT64)
    g_string_append_printf (out, "%" G_GINT64_FORMAT, json_node_get_int (node));
  else
    write_double (out, json_node_get_double (node), (style & TCW_JSON_SORTED) != 0);
}

char *
tcw_json_to_string (JsonNode *node, TcwJsonStyle style)
{
  GString *out = g_string_new (NULL);

  write_node (out, node, style, 0);
  return g_string_free (out, FALSE);
}

static JsonNode *
copy_array (JsonArray *from)
{
  guint n = json_array_get_length (from);
  g_autoptr (JsonArray) to = json_array_sized_new (n);

  for (guint i = 0; i < n; i++)
    json_array_add_element (to, tcw_json_copy (json_array_get_element (from, i)));
  return json_node_init_array (json_node_alloc (), to);
}

JsonNode *
tcw_json_copy (JsonNode *node)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  if (node == NULL)
    return json_node_init_null (json_node_alloc ());
  if (JSON_NODE_HOLDS_ARRAY (node))
    return copy_array (json_node_get_array (node));
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return json_node_copy (node);

  g_autoptr (JsonObject) object = json_object_new ();

  json_object_iter_init_ordered (&iter, json_node_get_object (node));
  while (json_object_iter_next_ordered (&iter, &key, &value))
    json_object_set_member (object, key, tcw_json_copy (value));
  return json_node_init_object (json_node_alloc (), object);
}

JsonNode *
tcw_json_merge (JsonNode *base, JsonNode *over)
{
  g_autoptr (JsonNode) result = NULL;
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;
  JsonObject *object;

  if (base == NULL || over == NULL || !JSON_NODE_HOLDS_OBJECT (base) || !JSON_NODE_HOLDS_OBJECT (over))
    return tcw_json_copy (over);

  result = tcw_json_copy (base);
  object = json_node_get_object (result);
  json_object_iter_init_ordered (&iter, json_node_get_object (over));
  while (json_object_iter_next_ordered (&iter, &key, &value))
    {
      JsonNode *old = json_object_get_member (object, key);

      json_object_set_member (object, key, old != NULL ? tcw_json_merge (old, value) : tcw_json_copy (value));
    }
  return g_steal_pointer (&result);
}

/* An integer and a double are equal only if the double is exactly that integer. */
static gboolean
numbers_equal (JsonNode *a, JsonNode *b)
{
  gboolean a_is_int = json_node_get_value_type (a) == G_TYPE_INT64;
  gboolean b_is_int = json_node_get_value_type (b) == G_TYPE_INT64;
  double d;

  if (a_is_int && b_is_int)
    return json_node_get_int (a) == json_node_get_int (b);
  if (!a_is_int && !b_is_int)
    return !islessgreater (json_node_get_double (a), json_node_get_double (b));
  d = json_node_get_double (a_is_int ? b : a);
  if (islessgreater (d, trunc (d)) || d < -9223372036854775808.0 || d >= 9223372036854775808.0)
    return FALSE;
  return (gint64) d == json_node_get_int (a_is_int ? a : b);
}

static gboolean
objects_equal (JsonObject *a, JsonObject *b)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  if (json_object_get_size (a) != json_object_get_size (b))
    return FALSE;
  json_object_iter_init_ordered (&iter, a);
  while (json_object_iter_next_ordered (&iter, &key, &value))
    {
      if (!json_object_has_member (b, key) || !tcw_json_equal (value, json_object_get_member (b, key)))
        return FALSE;
    }
  return TRUE;
}

static gboolean
arrays_equal (JsonArray *a, JsonArray *b)
{
  guint n = json_array_get_length (a);

  if (n != json_array_get_length (b))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      if (!tcw_json_equal (json_array_get_element (a, i), json_array_get_element (b, i)))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_number (const char *type)
{
  return g_str_equal (type, "integer") || g_str_equal (type, "number");
}

gboolean
tcw_json_equal (JsonNode *a, JsonNode *b)
{
  const char *type_a = tcw_json_type_name (a);
  const char *type_b = tcw_json_type_name (b);

  if (is_number (type_a) && is_number (type_b))
    return numbers_equal (a, b);
  if (!g_str_equal (type_a, type_b))
    return FALSE;
  if (g_str_equal (type_a, "object"))
    return objects_equal (json_node_get_object (a), json_node_get_object (b));
  if (g_str_equal (type_a, "array"))
    return arrays_equal (json_node_get_array (a), json_node_get_array (b));
  if (g_str_equal (type_a, "string"))
    return g_str_equal (json_node_get_string (a), json_node_get_string (b));
  if (g_str_equal (type_a, "boolean"))
    return json_node_get_boolean (a) == json_node_get_boolean (b);
  return TRUE;
}

const char *
tcw_json_type_name (JsonNode *node)
{
  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return "null";
  if (JSON_NODE_HOLDS_OBJECT (node))
    return "object";
  if (JSON_NODE_HOLDS_ARRAY (node))
    return "array";
  if (json_node_get_value_type (node) == G_TYPE_STRING)
    return "string";
  if (json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    return "boolean";
  return json_node_get_value_type (node) == G_TYPE_INT64 ? "integer" : "number";
}

char *
tcw_json_excerpt (const char *text, gssize len, guint max_chars)
{
  GString *out = g_string_new (NULL);
  const char *end = text + (len >= 0 ? (gsize) len : strlen (text));
  guint chars = 0;

  for (const char *p = text; p < end; chars++)
    {
      gunichar c = g_utf8_get_char_validated (p, end - p);

      if (chars == max_chars)
        {
          g_string_append (out, "…");
          break;
        }
      if (c == (gunichar) -1 || c == (gunichar) -2)
        {
          g_string_append_printf (out, "\\x%02x", (guint) (guchar) *p++);
          continue;
        }
      if (c == 0 || (!g_unichar_isprint (c) && c < 0x10000))
        g_string_append_printf (out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\u%04x", c);
      else
        g_string_append_unichar (out, c);
      p += g_unichar_to_utf8 (c, NULL);
    }
  return g_string_free (out, FALSE);
}
