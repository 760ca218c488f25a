/* The keywords of JSON Schema that say something about any value, a number or a string. */
#include <math.h>
#include <string.h>

#include "base/tcw-schema-private.h"

/* Unsigned, wide enough for the product of two 64-bit numbers. */
__extension__ typedef unsigned __int128 Wide;

#define LIMIT_STEPS 100000

static gboolean
is_type (JsonNode *value, const char *type)
{
  if (g_str_equal (type, "integer"))
    return tcw_schema_is_integer (value);
  if (g_str_equal (type, "number"))
    return tcw_schema_is_number (value);
  return g_str_equal (tcw_json_type_name (value), type);
}

gboolean
tcw_schema_is_number (JsonNode *node)
{
  const char *type = tcw_json_type_name (node);

  return g_str_equal (type, "integer") || g_str_equal (type, "number");
}

gboolean
tcw_schema_is_integer (JsonNode *node)
{
  const char *type = tcw_json_type_name (node);
  double d;

  if (!g_str_equal (type, "number"))
    return g_str_equal (type, "integer");
  d = json_node_get_double (node);
  return !islessgreater (d, trunc (d));
}

static const char *
article (const char *type)
{
  if (g_str_equal (type, "null"))
    return "";
  return strchr ("aio", *type) != NULL ? "an " : "a ";
}

gboolean
tcw_schema_keyword_type (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  g_autoptr (GString) words = NULL;
  JsonArray *types;

  if (!JSON_NODE_HOLDS_ARRAY (argument))
    {
      const char *type = json_node_get_string (argument);

      return is_type (value, type) || tcw_schema_report (check, schema, value, "must be %s%s", article (type), type);
    }
  types = json_node_get_array (argument);
  words = g_string_new (NULL);
  for (guint i = 0; i < json_array_get_length (types); i++)
    {
      const char *type = json_array_get_string_element (types, i);

      if (is_type (value, type))
        return TRUE;
      g_string_append_printf (words, "%s%s%s", i > 0 ? " or " : "", article (type), type);
    }
  return tcw_schema_report (check, schema, value, "must be %s", words->str);
}

gboolean
tcw_schema_keyword_enum (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  JsonArray *choices = json_node_get_array (argument);
  g_autoptr (GString) words = NULL;

  for (guint i = 0; i < json_array_get_length (choices); i++)
    {
      if (tcw_json_equal (json_array_get_element (choices, i), value))
        return TRUE;
    }
  if (check->quiet > 0)
    return FALSE;
  words = g_string_new (NULL);
  for (guint i = 0; i < json_array_get_length (choices) && words->len < 200; i++)
    {
      g_autofree char *choice = tcw_schema_show (json_array_get_element (choices, i));

      g_string_append_printf (words, "%s%s", i > 0 ? ", " : "", choice);
    }
  return tcw_schema_report (check, schema, value, "must be one of %s", words->str);
}

gboolean
tcw_schema_keyword_const (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  g_autofree char *wanted = NULL;

  if (tcw_json_equal (argument, value))
    return TRUE;
  if (check->quiet > 0)
    return FALSE;
  wanted = tcw_schema_show (argument);
  return tcw_schema_report (check, schema, value, "must be %s", wanted);
}

/* An integer against a double, which is finite. */
static int
compare_mixed (gint64 integer, double number)
{
  double whole = trunc (number);

  if (number >= 9223372036854775808.0)
    return -1;
  if (number < -9223372036854775808.0)
    return 1;
  if (integer != (gint64) whole)
    return integer < (gint64) whole ? -1 : 1;
  return isless (whole, number) ? -1 : isgreater (whole, number) ? 1 : 0;
}

int
tcw_schema_compare_numbers (JsonNode *a, JsonNode *b)
{
  gboolean a_is_int = json_node_get_value_type (a) == G_TYPE_INT64;
  gboolean b_is_int = json_node_get_value_type (b) == G_TYPE_INT64;

  if (a_is_int && b_is_int)
    return (json_node_get_int (a) > json_node_get_int (b)) - (json_node_get_int (a) < json_node_get_int (b));
  if (a_is_int)
    return compare_mixed (json_node_get_int (a), json_node_get_double (b));
  if (b_is_int)
    return -compare_mixed (json_node_get_int (b), json_node_get_double (a));
  return isgreater (json_node_get_double (a), json_node_get_double (b)) - isless (json_node_get_double (a), json_node_get_double (b));
}

/* The limit is kept when value <=> argument is one of @first and @second. */
static gboolean
check_limit (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value, int first, int second, const char *words)
{
  g_autofree char *limit = NULL;
  int order;

  if (!tcw_schema_is_number (value))
    return TRUE;
  order = tcw_schema_compare_numbers (value, argument);
  if (order == first || order == second)
    return TRUE;
  if (check->quiet > 0)
    return FALSE;
  limit = tcw_schema_show (argument);
  return tcw_schema_report (check, schema, value, "must be %s %s", words, limit);
}

gboolean
tcw_schema_keyword_minimum (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_limit (check, schema, argument, value, 0, 1, "at least");
}

gboolean
tcw_schema_keyword_maximum (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_limit (check, schema, argument, value, 0, -1, "at most");
}

gboolean
tcw_schema_keyword_exclusive_minimum (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_limit (check, schema, argument, value, 1, 1, "more than");
}

gboolean
tcw_schema_keyword_exclusive_maximum (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_limit (check, schema, argument, value, -1, -1, "less than");
}

/* The number as digits * 10^exponent, exactly as its shortest text says; the sign is dropped. */
static void
split_decimal (JsonNode *number, guint64 *digits, gint64 *exponent)
{
  g_autofree char *text = tcw_json_to_string (number, TCW_JSON_COMPACT);
  gboolean after_point = FALSE;
  const char *c = text;

  *digits = 0;
  *exponent = 0;
  for (; *c != '\0' && *c != 'e'; c++)
    {
      if (*c == '.')
        after_point = TRUE;
      if (!g_ascii_isdigit (*c))
        continue;
      *digits = *digits * 10 + (guint64) g_ascii_digit_value (*c);
      if (after_point)
        (*exponent)--;
    }
  if (*c == 'e')
    *exponent += g_ascii_strtoll (c + 1, NULL, 10);
}

/* Exact on the decimal numbers, where division of doubles isn't: 0.3 is a multiple of 0.1. */
static gboolean
is_multiple (JsonNode *number, JsonNode *of)
{
  guint64 digits;
  guint64 of_digits;
  gint64 exponent;
  gint64 of_exponent;
  Wide rest;

  split_decimal (number, &digits, &exponent);
  split_decimal (of, &of_digits, &of_exponent);
  if (digits == 0)
    return TRUE;
  if (of_digits == 0)
    return FALSE;
  if (exponent < of_exponent)
    {
      Wide divisor = of_digits;

      for (; exponent < of_exponent; exponent++)
        {
          divisor *= 10;
          if (divisor > digits)
            return FALSE;
        }
      return digits % divisor == 0;
    }
  rest = digits % of_digits;
  for (; exponent > of_exponent && rest != 0; exponent--)
    rest = rest * 10 % of_digits;
  return rest == 0;
}

gboolean
tcw_schema_keyword_multiple_of (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  g_autofree char *factor = NULL;

  if (!tcw_schema_is_number (value) || is_multiple (value, argument))
    return TRUE;
  if (check->quiet > 0)
    return FALSE;
  factor = tcw_schema_show (argument);
  return tcw_schema_report (check, schema, value, "must be a multiple of %s", factor);
}

static gboolean
check_length (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value, int unwanted, const char *words)
{
  g_autoptr (JsonNode) length = NULL;

  if (!g_str_equal (tcw_json_type_name (value), "string"))
    return TRUE;
  length = json_node_init_int (json_node_alloc (), g_utf8_strlen (json_node_get_string (value), -1));
  if (tcw_schema_compare_numbers (length, argument) != unwanted)
    return TRUE;
  return tcw_schema_report (check, schema, value, "must have at %s %" G_GINT64_FORMAT " characters", words, json_node_get_int (argument));
}

gboolean
tcw_schema_keyword_min_length (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_length (check, schema, argument, value, -1, "least");
}

gboolean
tcw_schema_keyword_max_length (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  return check_length (check, schema, argument, value, 1, "most");
}

gboolean
tcw_schema_search (TcwSchemaCheck *check, const char *pattern, const char *text)
{
  GRegex *regex = g_hash_table_lookup (check->schema->patterns, pattern);
  g_autoptr (GError) error = NULL;
  gboolean found;

  if (!tcw_schema_count_steps (check, 1 + strlen (text) / 16))
    return FALSE;
  found = g_regex_match_full (regex, text, -1, 0, 0, NULL, &error);
  if (error != NULL)
    {
      tcw_schema_report (check, NULL, NULL, "took too long to compare with %s", pattern);
      tcw_schema_count_steps (check, LIMIT_STEPS);
    }
  return found;
}

gboolean
tcw_schema_keyword_pattern (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  if (!g_str_equal (tcw_json_type_name (value), "string"))
    return TRUE;
  if (tcw_schema_search (check, json_node_get_string (argument), json_node_get_string (value)))
    return TRUE;
  return tcw_schema_report (check, schema, value, "must match %s", json_node_get_string (argument));
}

gboolean
tcw_schema_keyword_format (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
{
  if (!g_str_equal (tcw_json_type_name (value), "string"))
    return TRUE;
  if (tcw_schema_format_matches (json_node_get_string (argument), json_node_get_string (value)))
    return TRUE;
  return tcw_schema_report (check, schema, value, "must be a valid %s", json_node_get_string (argument));
}
