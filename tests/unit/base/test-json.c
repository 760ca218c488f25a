/* The reader of JSON: what it takes, what it refuses and where it says the fault is. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json.h"

/* What goes in, and what the compact writer makes of it. */
static const struct {
  const char *text;
  const char *expected;
} good[] = {
  { "null", "null" },
  { " \t\r\n true \n", "true" },
  { "false", "false" },
  { "0", "0" },
  { "-0", "0" },
  { "-12", "-12" },
  { "9223372036854775807", "9223372036854775807" },
  { "-9223372036854775808", "-9223372036854775808" },
  { "1.0", "1.0" },
  { "1e3", "1000.0" },
  { "1E+2", "100.0" },
  { "-2.5e-3", "-0.0025" },
  { "0.1", "0.1" },
  { "1e-400", "0.0" },
  { "1.7976931348623157e308", "1.7976931348623157e+308" },
  { "\"\"", "\"\"" },
  { "\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "\"a\\\"\\\\/\\b\\f\\n\\r\\tz\"" },
  { "\"\\u0041\\u00e9\\u20AC\"", "\"Aé€\"" },
  { "\"\\ud83d\\ude00\"", "\"😀\"" },
  { "\"\\u0001\"", "\"\\u0001\"" },
  { "\"\x7f\"", "\"\\u007f\"" },
  { "[]", "[]" },
  { "[ ]", "[]" },
  { "{ }", "{}" },
  { "[1,[2,[3]] , {}]", "[1,[2,[3]],{}]" },
  { "{\"b\": 1, \"a\": {\"\": null}}", "{\"b\":1,\"a\":{\"\":null}}" },
};

/* What is refused, where, and with which words. */
static const struct {
  const char *text;
  const char *where;
  const char *words;
} bad[] = {
  { "", "1:1", "expected a value" },
  { "  ", "1:3", "expected a value" },
  { "nul", "1:1", "expected a value" },
  { "nullx", "1:1", "expected a value" },
  { "True", "1:1", "expected a value" },
  { "NaN", "1:1", "expected a value" },
  { "Infinity", "1:1", "expected a value" },
  { "-Infinity", "1:1", "without digits" },
  { "+1", "1:1", "expected a value" },
  { "01", "1:1", "leading zeros" },
  { "-01", "1:1", "leading zeros" },
  { ".5", "1:1", "expected a value" },
  { "1.", "1:1", "after its point" },
  { "1.e1", "1:1", "after its point" },
  { "1e", "1:1", "exponent" },
  { "1e+", "1:1", "exponent" },
  { "0x10", "1:2", "more text" },
  { "-", "1:1", "without digits" },
  { "9223372036854775808", "1:1", "64 bits" },
  { "-9223372036854775809", "1:1", "64 bits" },
  { "1e400", "1:1", "too large" },
  { "-1e999999999999", "1:1", "too large" },
  { "1 2", "1:3", "more text" },
  { "[1] x", "1:5", "more text" },
  { "var x = 1", "1:1", "expected a value" },
  { "'a'", "1:1", "expected a value" },
  { "{'a': 1}", "1:2", "double quotes" },
  { "{a: 1}", "1:2", "double quotes" },
  { "{\"a\" 1}", "1:6", "“:”" },
  { "{\"a\":}", "1:6", "expected a value" },
  { "{\"a\":1,}", "1:8", "nothing after it" },
  { "{\"a\":1 \"b\":2}", "1:8", "“}”" },
  { "{\"a\":1", "1:7", "“}”" },
  { "{\"a\":1]", "1:7", "“}”" },
  { "{", "1:2", "double quotes" },
  { "{,}", "1:2", "double quotes" },
  { "{\"a\":1,\n \"a\":2}", "2:2", "the same key twice" },
  { "{\"a\":1,\"\\u0061\":2}", "1:8", "the same key twice" },
  { "[", "1:2", "expected a value" },
  { "[1", "1:3", "“]”" },
  { "[1 2]", "1:4", "“]”" },
  { "[1,]", "1:4", "nothing after it" },
  { "[,1]", "1:2", "expected a value" },
  { "[1,,2]", "1:4", "expected a value" },
  { "]", "1:1", "expected a value" },
  { "// c\n1", "1:1", "expected a value" },
  { "[1, /* c */ 2]", "1:5", "expected a value" },
  { "\"abc", "1:5", "closing quote" },
  { "\"abc\\", "1:6", "closing quote" },
  { "\"a\\x41\"", "1:3", "escape" },
  { "\"a\\'\"", "1:3", "escape" },
  { "\"\\u12\"", "1:2", "four hexadecimal" },
  { "\"\\u12g4\"", "1:2", "four hexadecimal" },
  { "\"\\u0000\"", "1:2", "\\u0000" },
  { "\"\\ud800\"", "1:2", "surrogate" },
  { "\"\\ud800x\"", "1:2", "surrogate" },
  { "\"\\udc00\"", "1:2", "surrogate" },
  { "\"\\ud800\\ud800\"", "1:2", "surrogate" },
  { "\"\\ud800\\u0041\"", "1:2", "surrogate" },
  { "\"a\nb\"", "1:3", "control character" },
  { "\"a\tb\"", "1:3", "control character" },
  { "\"\xff\"", "1:2", "UTF-8" },
  { "\"\xc0\xaf\"", "1:2", "UTF-8" },
  { "\"\xed\xa0\x80\"", "1:2", "UTF-8" },
  { "\"\xf4\x90\x80\x80\"", "1:2", "UTF-8" },
  { "\"\xe2\x82", "1:2", "UTF-8" },
  { "\xEF\xBB\xBF{}", "1:1", "byte order mark" },
  { "\xC2\xA0{}", "1:1", "expected a value" },
  { "[1,\f2]", "1:4", "expected a value" },
  { "[\"é€\", x]", "1:8", "expected a value" },
  { "{\n  \"a\": 1,\n  \"b\": tru\n}", "3:8", "near “tru”" },
};

static void
test_good (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = tcw_json_parse (good[i].text, -1, "good", NULL, &error);
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      text = tcw_json_to_string (node, TCW_JSON_COMPACT);
      g_assert_cmpstr (text, ==, good[i].expected);
    }
}

static void
test_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = tcw_json_parse (bad[i].text, -1, "task.json", NULL, &error);
      g_autofree char *start = g_strdup_printf ("task.json:%s: ", bad[i].where);
      g_autofree char *shown = tcw_json_excerpt (bad[i].text, -1, 60);

      g_test_message ("%s", shown);
      g_assert_null (node);
      g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
      g_test_message ("%s", error->message);
      g_assert_true (g_str_has_prefix (error->message, start));
      g_assert_nonnull (strstr (error->message, bad[i].words));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
assert_refused (const char *text, gssize len, const TcwJsonLimits *limits, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = tcw_json_parse (text, len, "x", limits, &error);

  g_assert_null (node);
  g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  g_assert_nonnull (strstr (error->message, words));
}

static void
test_nul (void)
{
  assert_refused ("1\0", 2, NULL, "NUL byte");
  assert_refused ("\"a\0b\"", 5, NULL, "NUL byte");
}

static char *
nested (guint depth)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < depth; i++)
    g_string_append (text, i % 2 ? "[" : "{\"a\":");
  g_string_append (text, "1");
  for (guint i = depth; i > 0; i--)
    g_string_append_c (text, (i - 1) % 2 ? ']' : '}');
  return g_string_free (text, FALSE);
}

static void
test_depth (void)
{
  g_autofree char *fits = nested (64);
  g_autofree char *over = nested (65);
  g_autofree char *bottomless = g_strnfill (1000000, '[');
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = tcw_json_parse (fits, -1, "x", NULL, &error);
  const TcwJsonLimits three = { .max_depth = 3 };
  const TcwJsonLimits absurd = { .max_depth = 1000000 };

  g_assert_no_error (error);
  g_assert_nonnull (node);
  assert_refused (over, -1, NULL, "nested too deeply");
  assert_refused (bottomless, -1, NULL, "nested too deeply");
  assert_refused (bottomless, -1, &absurd, "nested too deeply");
  assert_refused ("[[[[]]]]", -1, &three, "nested too deeply");
}

static void
test_limits (void)
{
  const TcwJsonLimits ten_bytes = { .max_bytes = 10 };
  const TcwJsonLimits four_nodes = { .max_nodes = 4 };
  const TcwJsonLimits two_members = { .max_members = 2 };
  const TcwJsonLimits short_strings = { .max_string_bytes = 3 };
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) exact = tcw_json_parse ("[1,2,3,45]", -1, "x", &ten_bytes, &error);
  g_autoptr (JsonNode) nodes = tcw_json_parse ("[1,2,3]", -1, "x", &four_nodes, &error);
  g_autoptr (JsonNode) strings = tcw_json_parse ("[\"abc\",\"\\u0041\\u0042\\u0043\"]", -1, "x", &short_strings, &error);

  g_assert_no_error (error);
  assert_refused ("[1,2,3,456]", -1, &ten_bytes, "at most 10");
  assert_refused ("[{\"a\":1,\"b\":2},{\"a\":1,\"b\":2,\"c\":3}]", -1, &two_members, "x:1:29: an object with too many keys");
  assert_refused ("[1,2,3,4]", -1, &four_nodes, "too many values");
  assert_refused ("\"abcd\"", -1, &short_strings, "too long");
  assert_refused ("{\"abcd\":1}", -1, &short_strings, "too long");
}

static void
test_every_prefix (void)
{
  const char *text = "{\"a\":[1,-2.5e3,true,null,\"\\ud83d\\ude00\\n\"],\"b\":{}}";
  gssize len = (gssize) strlen (text);

  for (gssize i = 0; i < len; i++)
    assert_refused (text, i, NULL, "x:1:");
}

static void
test_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autoptr (JsonNode) node = NULL;
  const TcwJsonLimits small = { .max_bytes = 5 };
  int fd = g_file_open_tmp ("tcw-json-XXXXXX", &path, &error);

  g_assert_no_error (error);
  g_close (fd, NULL);
  g_assert_true (g_file_set_contents (path, "[1,\n2,,]", -1, NULL));
  g_assert_null (tcw_json_load_file (path, NULL, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_nonnull (strstr (error->message, ":2:3: "));
  g_clear_error (&error);

  g_assert_null (tcw_json_load_file (path, &small, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
  g_clear_error (&error);

  g_assert_true (g_file_set_contents (path, "[1]\n", -1, NULL));
  node = tcw_json_load_file (path, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (node);

  g_unlink (path);
  g_assert_null (tcw_json_load_file (path, NULL, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, "No such file"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/good", test_good);
  g_test_add_func ("/json/bad", test_bad);
  g_test_add_func ("/json/nul", test_nul);
  g_test_add_func ("/json/depth", test_depth);
  g_test_add_func ("/json/limits", test_limits);
  g_test_add_func ("/json/every-prefix", test_every_prefix);
  g_test_add_func ("/json/file", test_file);
  return g_test_run ();
}
