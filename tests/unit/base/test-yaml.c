/* The reader of YAML: scalars, aliases and what is refused, with its place. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"
#include "base/tcw-yaml.h"

/* What goes in, and the JSON that it stands for. */
static const struct {
  const char *text;
  const char *expected;
} good[] = {
  { "", "null" },
  { "# only a comment\n", "null" },
  { "---\n...\n", "null" },
  { "a: 1\nb: [x, \"1\", '2', 3.5]\n", "{\"a\":1,\"b\":[\"x\",\"1\",\"2\",3.5]}" },
  { "[~, null, Null, NULL, '', \"null\"]", "[null,null,null,null,\"\",\"null\"]" },
  { "a:\nb: x", "{\"a\":null,\"b\":\"x\"}" },
  { "[true, True, FALSE, yes, no, on, Off, y]", "[true,true,false,\"yes\",\"no\",\"on\",\"Off\",\"y\"]" },
  { "[0, -1, +2, 007, 0o17, 0xfF, 1_000, 1:30]", "[0,-1,2,7,15,255,\"1_000\",\"1:30\"]" },
  { "[1.5, -.5, 1., 1e3, 1.e+2, .e1, '1.5', 2020-01-02]", "[1.5,-0.5,1.0,1000.0,100.0,\".e1\",\"1.5\",\"2020-01-02\"]" },
  { "[9223372036854775807, -9223372036854775808]", "[9223372036854775807,-9223372036854775808]" },
  { "text: |\n  a\n  b\nfolded: >-\n  a\n  b\n", "{\"text\":\"a\\nb\\n\",\"folded\":\"a b\"}" },
  { "text: |\n  5\n", "{\"text\":\"5\\n\"}" },
  { "a: &x {k: [1]}\nb: *x\nc: [*x, *x]", "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]},\"c\":[{\"k\":[1]},{\"k\":[1]}]}" },
  { "a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}" },
  { "[!!str 5, !!int 5, !!float 5, ! 5, !!str null]", "[\"5\",5,5.0,\"5\",\"null\"]" },
  { "!!map {a: !!seq []}", "{\"a\":[]}" },
  { "1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}" },
  { "\"a\\u00e9\\x41\": \"\\e\"", "{\"aéA\":\"\\u001b\"}" },
  { "{\"json\": [1, 2.0, {\"x\": null}]}", "{\"json\":[1,2.0,{\"x\":null}]}" },
  { "\"<<\": 1", "{\"<<\":1}" },
};

static const struct {
  const char *text;
  const char *where;
  const char *words;
} bad[] = {
  { "a: 1\na: 2", "2:1", "the same key twice, near “a”" },
  { "{a: 1, \"a\": 2}", "1:8", "the same key twice" },
  { "[1]: 2", "1:1", "a key must be a simple text" },
  { "{a: 1}: 2", "1:1", "a key must be a simple text" },
  { "x: &a 1\n*a : 2", "2:1", "a key must be a simple text" },
  { "a: *b", "1:4", "alias without its anchor" },
  { "a: &a [*a]", "1:8", "alias without its anchor" },
  { "<<: {a: 1}", "1:1", "merge keys" },
  { "a: .inf", "1:4", "isn't finite" },
  { "a: -.INF", "1:4", "isn't finite" },
  { "a: .nan", "1:4", "isn't finite" },
  { "a: 1e999", "1:4", "too large" },
  { "a: 9223372036854775808", "1:4", "64 bits" },
  { "a: 0x8000000000000000", "1:4", "64 bits" },
  { "a: !!int x", "1:4", "doesn't fit its tag" },
  { "a: !!bool 1", "1:4", "doesn't fit its tag" },
  { "a: !!binary YQ==", "1:4", "tag" },
  { "a: !foo x", "1:4", "tag" },
  { "a: !!set {x}", "1:4", "tag" },
  { "--- 1\n--- 2\n", "2:1", "more than one document" },
  { "a: b: c", "1:5", "not allowed" },
  { "a: [1, 2", "2:1", "while parsing a flow sequence" },
  { "a: 'x", "1:6", "end of stream" },
  { "\ta: 1", "1:1", "cannot start" },
  { "a: 1\n b: 2", "2:3", "not allowed" },
  { "a: \"\\0\"", "1:4", "U+0000" },
  { "\"\\0\": 1", "1:1", "U+0000" },
  { "a: \x01", "1:4", "control characters" },
  { "b: é\na: é\xff", "2:5", "UTF-8" },
  { "%YAML 3.0\n--- 1", "1:1", "incompatible" },
};

static void
test_good (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = tcw_yaml_parse (good[i].text, -1, "good", NULL, &error);
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      text = tcw_json_to_string (node, TCW_JSON_COMPACT);
      g_assert_cmpstr (text, ==, good[i].expected);
    }
}

static void
assert_refused (const char *text, const TcwJsonLimits *limits, const char *where, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = tcw_yaml_parse (text, -1, "c.yml", limits, &error);
  g_autofree char *start = g_strdup_printf ("c.yml:%s: ", where);
  g_autofree char *shown = tcw_json_excerpt (text, -1, 60);

  g_test_message ("%s", shown);
  g_assert_null (node);
  g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, start));
  g_assert_nonnull (strstr (error->message, words));
}

static void
test_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (bad[i].text, NULL, bad[i].where, bad[i].words);
}

/* Each line uses the one before ten times: ten to the ninth values if nobody counted. */
static void
test_billion_laughs (void)
{
  g_autoptr (GString) text = g_string_new ("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GString) many = g_string_new ("- &a x\n");

  for (guint i = 1; i < 9; i++)
    {
      g_string_append_printf (text, "a%u: &a%u [", i, i);
      for (guint j = 0; j < 10; j++)
        g_string_append_printf (text, "%s*a%u", j > 0 ? "," : "", i - 1);
      g_string_append (text, "]\n");
    }
  node = tcw_yaml_parse (text->str, -1, "x", NULL, &error);
  g_assert_null (node);
  g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  g_assert_nonnull (strstr (error->message, "too many values"));

  for (guint i = 0; i < 1001; i++)
    g_string_append (many, "- *a\n");
  assert_refused (many->str, NULL, "1002:3", "too many aliases");
}

static void
test_limits (void)
{
  g_autofree char *brackets = g_strnfill (100000, '[');
  g_autoptr (GString) blocks = g_string_new (NULL);
  const TcwJsonLimits few_nodes = { .max_nodes = 3 };
  const TcwJsonLimits ten_bytes = { .max_bytes = 10 };
  const TcwJsonLimits short_strings = { .max_string_bytes = 3 };
  const TcwJsonLimits two_members = { .max_members = 2 };
  const TcwJsonLimits shallow = { .max_depth = 3 };

  for (guint i = 0; i < 3000; i++)
    g_string_append (blocks, "- ");
  assert_refused (brackets, NULL, "1:257", "nested too deeply");
  assert_refused (blocks->str, NULL, "1:129", "nested too deeply");
  assert_refused ("[[[[]]]]", &shallow, "1:4", "nested too deeply");
  assert_refused ("- &a [[1]]\n- [*a]", &shallow, "2:4", "nested too deeply");
  assert_refused ("[1, 2, 3]", &few_nodes, "1:8", "too many values");
  assert_refused ("- &a [1]\n- *a", &few_nodes, "2:3", "too many values");
  assert_refused ("12345678901", &ten_bytes, "1:1", "at most 10");
  assert_refused ("- abcd", &short_strings, "1:3", "too long");
  assert_refused ("abcd: 1", &short_strings, "1:1", "too long");
  assert_refused ("{a: 1, b: 2, c: 3}", &two_members, "1:14", "too many keys");
}

static void
load_as (const char *folder, const char *name, const char *content, const char *expected)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;

  g_assert_true (g_file_set_contents (path, content, -1, NULL));
  node = tcw_document_load (path, &error);
  if (node != NULL)
    text = tcw_json_to_string (node, TCW_JSON_COMPACT);
  g_assert_cmpstr (node != NULL ? text : "error", ==, expected);
  if (node == NULL)
    g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  g_unlink (path);
}

static void
test_load (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = tcw_fs_make_temp_folder (g_get_tmp_dir (), "tcw-yaml-", &error);

  load_as (folder, "a.json", "{\"a\":1}", "{\"a\":1}");
  load_as (folder, "a.json", "a: 1", "error");
  load_as (folder, "a.yml", "a: 1", "{\"a\":1}");
  load_as (folder, "a.yaml", "{a: 1}", "{\"a\":1}");
  load_as (folder, "task", " \n {\"a\":1}", "{\"a\":1}");
  load_as (folder, "task", "{a: 1}", "error");
  load_as (folder, "task", "a: 1", "{\"a\":1}");
  g_assert_null (tcw_document_load (folder, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
  g_assert_no_errno (g_rmdir (folder));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yaml/good", test_good);
  g_test_add_func ("/yaml/bad", test_bad);
  g_test_add_func ("/yaml/billion-laughs", test_billion_laughs);
  g_test_add_func ("/yaml/limits", test_limits);
  g_test_add_func ("/yaml/load", test_load);
  return g_test_run ();
}
