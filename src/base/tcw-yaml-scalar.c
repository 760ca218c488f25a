/* Scalars of YAML 1.2; see tcw-yaml-scalar.h. */
#include "base/tcw-yaml-scalar.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <yaml.h>

typedef enum { NOTHING, TRUTH, INTEGER, NUMBER, TEXT, NOT_JSON } Kind;

static gboolean
is_one_of (const char *text, const char *const *choices)
{
  return g_strv_contains (choices, text);
}

/* Whether all of @text from @p on are digits of @base, and at least one. */
static gboolean
all_digits (const char *p, int base)
{
  if (*p == '\0')
    return FALSE;
  for (; *p != '\0'; p++)
    {
      if (g_ascii_xdigit_value (*p) < 0 || g_ascii_xdigit_value (*p) >= base)
        return FALSE;
    }
  return TRUE;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static gboolean
looks_like_number (const char *p)
{
  gsize before;
  gsize after = 0;

  if (*p == '-' || *p == '+')
    p++;
  before = strspn (p, "0123456789");
  p += before;
  if (*p == '.')
    {
      after = strspn (p + 1, "0123456789");
      p += 1 + after;
    }
  if (before + after == 0)
    return FALSE;
  if (*p == 'e' || *p == 'E')
    {
      p++;
      if (*p == '-' || *p == '+')
        p++;
      return all_digits (p, 10);
    }
  return *p == '\0';
}

static Kind
kind_of_plain (const char *text)
{
  static const char *const nothings[] = { "", "~", "null", "Null", "NULL", NULL };
  static const char *const truths[] = { "true", "True", "TRUE", "false", "False", "FALSE", NULL };
  static const char *const not_json[] = { ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL };

  if (is_one_of (text, nothings))
    return NOTHING;
  if (is_one_of (text, truths))
    return TRUTH;
  if (is_one_of (text + (*text == '-' || *text == '+'), not_json))
    return NOT_JSON;
  if (all_digits (text + (*text == '-' || *text == '+'), 10))
    return INTEGER;
  if ((g_str_has_prefix (text, "0o") && all_digits (text + 2, 8)) || (g_str_has_prefix (text, "0x") && all_digits (text + 2, 16)))
    return INTEGER;
  return looks_like_number (text) ? NUMBER : TEXT;
}

static JsonNode *
new_integer (const char *text, const char **problem)
{
  gboolean octal = g_str_has_prefix (text, "0o");
  gboolean hexadecimal = g_str_has_prefix (text, "0x");
  gint64 value;

  errno = 0;
  value = g_ascii_strtoll (text + (octal || hexadecimal ? 2 : 0), NULL, octal ? 8 : hexadecimal ? 16 : 10);
  if (errno == 0)
    return json_node_init_int (json_node_alloc (), value);
  *problem = "an integer that doesn't fit 64 bits";
  return NULL;
}

static JsonNode *
new_number (const char *text, const char **problem)
{
  double value = g_ascii_strtod (text, NULL);

  if (isfinite (value))
    return json_node_init_double (json_node_alloc (), value);
  *problem = "a number that is too large";
  return NULL;
}

static JsonNode *
new_of_kind (Kind kind, const char *text, const char **problem)
{
  switch (kind)
    {
    case NOTHING:
      return json_node_init_null (json_node_alloc ());
    case TRUTH:
      return json_node_init_boolean (json_node_alloc (), *text == 't' || *text == 'T');
    case INTEGER:
      return new_integer (text, problem);
    case NUMBER:
      return new_number (text, problem);
    case NOT_JSON:
      *problem = "a number that isn't finite";
      return NULL;
    case TEXT:
    default:
      return json_node_init_string (json_node_alloc (), text);
    }
}

/* The kind that @tag asks for; FALSE if it isn't known. */
static gboolean
kind_of_tag (const char *tag, Kind *kind)
{
  static const struct {
    const char *tag;
    Kind kind;
  } known[] = {
    { "!", TEXT },           { YAML_STR_TAG, TEXT },    { YAML_NULL_TAG, NOTHING },
    { YAML_BOOL_TAG, TRUTH }, { YAML_INT_TAG, INTEGER }, { YAML_FLOAT_TAG, NUMBER },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    {
      if (g_str_equal (tag, known[i].tag))
        {
          *kind = known[i].kind;
          return TRUE;
        }
    }
  return FALSE;
}

JsonNode *
tcw_yaml_scalar_new (const char *text, gboolean plain, const char *tag, const char **problem)
{
  Kind kind = plain ? kind_of_plain (text) : TEXT;
  Kind wanted;

  if (tag != NULL)
    {
      if (!kind_of_tag (tag, &wanted))
        {
          *problem = "a tag that isn't supported";
          return NULL;
        }
      kind = kind_of_plain (text);
      if (wanted == NUMBER && kind == INTEGER)
        kind = NUMBER;
      if (wanted != TEXT && wanted != kind)
        {
          *problem = "a value that doesn't fit its tag";
          return NULL;
        }
      kind = wanted;
    }
  return new_of_kind (kind, text, problem);
}
