/* Writing, copying, merging, comparing JSON values, and finding them by path. */
#include <math.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json.h"

static JsonNode *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = tcw_json_parse (text, -1, "test", NULL, &error);

  g_assert_no_error (error);
  return node;
}

static void
assert_text (JsonNode *node, TcwJsonStyle style, const char *expected)
{
  g_autofree char *text = tcw_json_to_string (node, style);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_styles (void)
{
  g_autoptr (JsonNode) node = parse ("{\"b\":[1,{}],\"a\":[],\"é\":\"x\"}");

  assert_text (node, TCW_JSON_COMPACT, "{\"b\":[1,{}],\"a\":[],\"é\":\"x\"}");
  assert_text (node, TCW_JSON_SORTED, "{\"a\":[],\"b\":[1,{}],\"é\":\"x\"}");
  assert_text (node, TCW_JSON_PRETTY, "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": [],\n  \"é\": \"x\"\n}");

  g_autoptr (JsonNode) numbers = parse ("[1.0,-0.0,1e15,1.5,1e19]");

  assert_text (numbers, TCW_JSON_SORTED, "[1,0,1000000000000000,1.5,1e+19]");
  assert_text (NULL, TCW_JSON_COMPACT, "null");
}

static void
test_doubles (void)
{
  static const double values[] = { 0.1, 1.0 / 3, 1e300, 5e-324, 123456789.125, -2.5, 1e15, 1e17, 4.35, 100 };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (JsonNode) node = json_node_init_double (json_node_alloc (), values[i]);
      g_autofree char *text = tcw_json_to_string (node, TCW_JSON_COMPACT);
      g_autoptr (JsonNode) back = parse (text);

      g_assert_cmpstr (tcw_json_type_name (back), ==, "number");
      g_assert_true (tcw_json_equal (node, back));
      g_assert_cmpuint (strlen (text), <=, 24);
    }

  g_autoptr (JsonNode) infinite = json_node_init_double (json_node_alloc (), HUGE_VAL);

  assert_text (infinite, TCW_JSON_COMPACT, "null");
}

static void
test_copy (void)
{
  g_autoptr (JsonNode) node = parse ("{\"a\":[1,{\"b\":\"c\"}]}");
  g_autoptr (JsonNode) copy = tcw_json_copy (node);

  JsonArray *array = json_object_get_array_member (json_node_get_object (copy), "a");

  json_object_set_string_member (json_array_get_object_element (array, 1), "b", "x");
  assert_text (node, TCW_JSON_COMPACT, "{\"a\":[1,{\"b\":\"c\"}]}");
  assert_text (copy, TCW_JSON_COMPACT, "{\"a\":[1,{\"b\":\"x\"}]}");
}

static void
test_merge (void)
{
  g_autoptr (JsonNode) base = parse ("{\"a\":{\"x\":1,\"y\":2},\"b\":[1,2],\"c\":3}");
  g_autoptr (JsonNode) over = parse ("{\"a\":{\"y\":{\"z\":0}},\"b\":[9],\"c\":null,\"d\":true}");
  g_autoptr (JsonNode) merged = tcw_json_merge (base, over);

  assert_text (merged, TCW_JSON_SORTED, "{\"a\":{\"x\":1,\"y\":{\"z\":0}},\"b\":[9],\"c\":null,\"d\":true}");
  assert_text (base, TCW_JSON_SORTED, "{\"a\":{\"x\":1,\"y\":2},\"b\":[1,2],\"c\":3}");
}

static const struct {
  const char *a;
  const char *b;
  gboolean equal;
} pairs[] = {
  { "1", "1.0", TRUE },
  { "1", "2", FALSE },
  { "1.5", "1.5", TRUE },
  { "1.5", "1", FALSE },
  { "0", "false", FALSE },
  { "1", "true", FALSE },
  { "0", "null", FALSE },
  { "\"\"", "null", FALSE },
  { "\"1\"", "1", FALSE },
  { "9007199254740993", "9007199254740992.0", FALSE },
  { "9223372036854775807", "9223372036854775808.0", FALSE },
  { "-9223372036854775808", "-9223372036854775808.0", TRUE },
  { "[1,2]", "[1.0,2.0]", TRUE },
  { "[1,2]", "[2,1]", FALSE },
  { "[1]", "[1,1]", FALSE },
  { "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1.0}", TRUE },
  { "{\"a\":1}", "{\"b\":1}", FALSE },
  { "{\"a\":null}", "{}", FALSE },
  { "{}", "[]", FALSE },
};

static void
test_equal (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autoptr (JsonNode) a = parse (pairs[i].a);
      g_autoptr (JsonNode) b = parse (pairs[i].b);

      g_test_message ("%s %s", pairs[i].a, pairs[i].b);
      g_assert_cmpint (tcw_json_equal (a, b), ==, pairs[i].equal);
      g_assert_cmpint (tcw_json_equal (b, a), ==, pairs[i].equal);
      g_assert_true (tcw_json_equal (a, a));
    }
}

static void
test_lookup (void)
{
  static const char *const missing[] = { "x", "a.x", "a[0]", "list[3]", "list[-1]", "list[x]", "list[0", "list.0", "n.x",
                                         "list[99999999999]", "a.", ".a", "list[1]x" };
  g_autoptr (JsonNode) root = parse ("{\"a\":{\"b\":{\"c\":\"deep\"}},\"list\":[1,[2,3],{\"k\":true}],\"n\":4}");
  JsonObject *object = json_node_get_object (root);

  assert_text (tcw_json_lookup (object, "a.b.c"), TCW_JSON_COMPACT, "\"deep\"");
  assert_text (tcw_json_lookup (object, "list[1][0]"), TCW_JSON_COMPACT, "2");
  assert_text (tcw_json_lookup (object, "list[2].k"), TCW_JSON_COMPACT, "true");
  for (gsize i = 0; i < G_N_ELEMENTS (missing); i++)
    {
      g_test_message ("%s", missing[i]);
      g_assert_null (tcw_json_lookup (object, missing[i]));
    }
}

static void
assert_message (GError **error, const char *message)
{
  g_assert_error (*error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  g_assert_cmpstr ((*error)->message, ==, message);
  g_clear_error (error);
}

static void
test_get (void)
{
  g_autoptr (JsonNode) root = parse ("{\"s\":\"x\",\"i\":3,\"d\":2.5,\"whole\":4.0,\"t\":true,\"o\":{\"s\":null},\"l\":[\"a\",\"b\"],"
                                     "\"m\":[\"a\",1]}");
  JsonObject *object = json_node_get_object (root);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) strings = tcw_json_get_strv (object, "l", &error);
  gint64 integer = 0;
  double number = 0;
  gboolean boolean = FALSE;

  g_assert_cmpstr (tcw_json_get_string (object, "s", &error), ==, "x");
  g_assert_true (tcw_json_get_int (object, "i", &integer, &error) && integer == 3);
  g_assert_true (tcw_json_get_int (object, "whole", &integer, &error) && integer == 4);
  g_assert_true (tcw_json_get_double (object, "d", &number, &error) && number > 2.4);
  g_assert_true (tcw_json_get_double (object, "i", &number, &error) && number > 2.9);
  g_assert_true (tcw_json_get_boolean (object, "t", &boolean, &error) && boolean);
  g_assert_nonnull (tcw_json_get_object (object, "o", &error));
  g_assert_nonnull (tcw_json_get_array (object, "l", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (strings), ==, 2);
  g_assert_cmpstr (strings[1], ==, "b");

  g_assert_null (tcw_json_get_string (object, "o.s", &error));
  assert_message (&error, "o.s: must be a string, is null");
  g_assert_null (tcw_json_get_string (object, "nothing", &error));
  assert_message (&error, "nothing: must be given, as a string");
  g_assert_false (tcw_json_get_int (object, "d", &integer, &error));
  assert_message (&error, "d: must be an integer, is 2.5");
  g_assert_false (tcw_json_get_boolean (object, "i", &boolean, &error));
  assert_message (&error, "i: must be a boolean, is 3");
  g_assert_null (tcw_json_get_object (object, "l", &error));
  assert_message (&error, "l: must be an object, is [\"a\",\"b\"]");
  g_assert_null (tcw_json_get_strv (object, "m", &error));
  assert_message (&error, "m[1]: must be a string, is 1");

  g_assert_cmpstr (tcw_json_get_string_or (object, "i", "fallback"), ==, "fallback");
  g_assert_cmpstr (tcw_json_get_string_or (object, "s", "fallback"), ==, "x");
  g_assert_cmpint (tcw_json_get_int_or (object, "s", 7), ==, 7);
  g_assert_cmpint (tcw_json_get_int_or (object, "i", 7), ==, 3);
  g_assert_true (tcw_json_get_boolean_or (object, "none", TRUE));
  g_assert_true (tcw_json_get_boolean_or (object, "t", FALSE));
}

static void
test_excerpt (void)
{
  static const struct {
    const char *text;
    const char *expected;
  } cases[] = {
    { "plain", "plain" },
    { "12345678", "12345678" },
    { "123456789", "12345678…" },
    { "é€😀", "é€😀" },
    { "a\nb\tc", "a\\nb\\tc" },
    { "\x1b[2J", "\\u001b[2J" },
    { "\xff\xe2\x82", "\\xff\\xe2\\x82" },
    { "a\xE2\x80\x8Bz", "a\\u200bz" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *excerpt = tcw_json_excerpt (cases[i].text, -1, 8);

      g_assert_cmpstr (excerpt, ==, cases[i].expected);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json-util/styles", test_styles);
  g_test_add_func ("/json-util/doubles", test_doubles);
  g_test_add_func ("/json-util/copy", test_copy);
  g_test_add_func ("/json-util/merge", test_merge);
  g_test_add_func ("/json-util/equal", test_equal);
  g_test_add_func ("/json-util/lookup", test_lookup);
  g_test_add_func ("/json-util/get", test_get);
  g_test_add_func ("/json-util/excerpt", test_excerpt);
  return g_test_run ();
}
