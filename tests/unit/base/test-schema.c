/* The validator of JSON Schema: answers, the text of violations, schemas that are refused, composing, defaults, and hostile values. */
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json.h"
#include "base/tcw-schema.h"

static JsonNode *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = tcw_json_parse (text, -1, "test", NULL, &error);

  g_assert_no_error (error);
  return node;
}

static TcwSchema *
compile (const char *text)
{
  g_autoptr (GError) error = NULL;
  TcwSchema *schema = tcw_schema_new_from_string (text, -1, "schema", &error);

  g_assert_no_error (error);
  return schema;
}

/* A schema, a value, and all the lines that are said about it: none if it is valid. */
static const struct {
  const char *schema;
  const char *value;
  const char *lines;
} cases[] = {
  { "true", "1", "" },
  { "false", "1", "v: must not be given, is 1" },
  { "{}", "{\"a\":1}", "" },
  { "{\"type\":\"string\"}", "3", "v: must be a string, is 3" },
  { "{\"type\":\"integer\"}", "3.0", "" },
  { "{\"type\":\"integer\"}", "3.5", "v: must be an integer, is 3.5" },
  { "{\"type\":\"number\"}", "3", "" },
  { "{\"type\":\"number\"}", "true", "v: must be a number, is true" },
  { "{\"type\":[\"null\",\"array\"]}", "{}", "v: must be null or an array, is {}" },
  { "{\"enum\":[\"a\",1,null]}", "1.0", "" },
  { "{\"enum\":[\"a\",1]}", "\"b\"", "v: must be one of \"a\", 1, is \"b\"" },
  { "{\"const\":{\"a\":[1]}}", "{\"a\":[1.0]}", "" },
  { "{\"const\":false}", "0", "v: must be false, is 0" },
  { "{\"minimum\":2,\"maximum\":3}", "1.9", "v: must be at least 2, is 1.9" },
  { "{\"minimum\":2,\"maximum\":3}", "4", "v: must be at most 3, is 4" },
  { "{\"exclusiveMinimum\":2,\"exclusiveMaximum\":3}", "2", "v: must be more than 2, is 2" },
  { "{\"exclusiveMinimum\":2,\"exclusiveMaximum\":3}", "3.0", "v: must be less than 3, is 3.0" },
  { "{\"maximum\":9007199254740992.0}", "9007199254740993", "v: must be at most 9007199254740992.0, is 9007199254740993" },
  { "{\"multipleOf\":0.01}", "4.35", "" },
  { "{\"multipleOf\":0.0001}", "0.00751", "v: must be a multiple of 0.0001, is 0.00751" },
  { "{\"multipleOf\":0.123456789}", "1e308", "v: must be a multiple of 0.123456789, is 1e+308" },
  { "{\"multipleOf\":3}", "-9", "" },
  { "{\"minLength\":2,\"maxLength\":3}", "\"😀\"", "v: must have at least 2 characters, is \"😀\"" },
  { "{\"minLength\":2,\"maxLength\":3}", "\"éèê\"", "" },
  { "{\"minLength\":2,\"maxLength\":3}", "\"abcd\"", "v: must have at most 3 characters, is \"abcd\"" },
  { "{\"pattern\":\"b\"}", "\"abc\"", "" },
  { "{\"pattern\":\"^[a-z]+$\",\"description\":\"a name\"}", "\"x/\"", "v: must match ^[a-z]+$, is \"x/\" (a name)" },
  { "{\"pattern\":\"^a$\"}", "\"a\\n\"", "v: must match ^a$, is \"a\\n\"" },
  { "{\"pattern\":\"^\\\\d+$\"}", "\"٣\"", "v: must match ^\\d+$, is \"٣\"" },
  { "{\"pattern\":\"^\\\\w\\\\W[^\\\\D][\\\\W]$\"}", "\"aé1é\"", "" },
  { "{\"pattern\":\"^\\\\u00e9\\\\ud83d\\\\ude00\\\\/[[a]$\"}", "\"é😀/[\"", "" },
  { "{\"pattern\":\"[^]x[]?\"}", "\"\\nx\"", "" },
  { "{\"format\":\"date-time\"}", "\"2020-02-29T23:59:60Z\"", "" },
  { "{\"format\":\"date-time\"}", "\"2020-02-30T00:00:00Z\"", "v: must be a valid date-time, is \"2020-02-30T00:00:00Z\"" },
  { "{\"format\":\"date-time\"}", "\"2020-02-28 00:00:00Z\"", "v: must be a valid date-time, is \"2020-02-28 00:00:00Z\"" },
  { "{\"format\":\"date-time\"}", "\"2020-02-28T00:00:00\"", "v: must be a valid date-time, is \"2020-02-28T00:00:00\"" },
  { "{\"format\":\"date-time\"}", "\"2020-02-28T12:00:60Z\"", "v: must be a valid date-time, is \"2020-02-28T12:00:60Z\"" },
  { "{\"format\":\"uri\"}", "\"https://a.example/x?y=%20#z\"", "" },
  { "{\"format\":\"uri\"}", "\"/x\"", "v: must be a valid uri, is \"/x\"" },
  { "{\"format\":\"uri\"}", "\"http://a b/\"", "v: must be a valid uri, is \"http://a b/\"" },
  { "{\"format\":\"email\"}", "\"anything\"", "" },
  { "{\"required\":[\"a\",\"b\"],\"properties\":{\"b\":{\"title\":\"the b\"}}}", "{}", "v.a: must be given|v.b: must be given (the b)" },
  { "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1,\"b\":2}", "v.a: must be a string, is 1" },
  { "{\"properties\":{\"a b\":false}}", "{\"a b\":1}", "v[\"a b\"]: must not be given, is 1" },
  { "{\"properties\":{\"a\":true},\"patternProperties\":{\"^x\":true},\"additionalProperties\":false}", "{\"a\":1,\"x1\":1,\"ax\":1}",
    "v.ax: is not a known key; known here: a" },
  { "{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":\"x\",\"b\":1}", "v.b: must be a string, is 1" },
  { "{\"patternProperties\":{\"a\":{\"minimum\":2},\"b\":{\"maximum\":2}}}", "{\"ab\":3,\"a\":1}",
    "v.a: must be at least 2, is 1|v.ab: must be at most 2, is 3" },
  { "{\"propertyNames\":{\"maxLength\":1}}", "{\"a\":0,\"bc\":0}", "v.bc (the key itself): must have at most 1 characters, is \"bc\"" },
  { "{\"minProperties\":1}", "{}", "v: must have at least 1 keys, has 0" },
  { "{\"maxProperties\":1.0}", "{\"a\":0,\"b\":0}", "v: must have at most 1 keys, has 2" },
  { "{\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":0}", "v.b: must be given because “a” is" },
  { "{\"dependencies\":{\"a\":{\"required\":[\"c\"]}}}", "{\"a\":0}", "v.c: must be given" },
  { "{\"items\":{\"type\":\"string\"}}", "[\"a\",1,2]", "v[1]: must be a string, is 1|v[2]: must be a string, is 2" },
  { "{\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}", "[\"a\",1]", "v[1]: must not be given, is 1" },
  { "{\"items\":{},\"additionalItems\":false}", "[1,2]", "" },
  { "{\"minItems\":2}", "[1]", "v: must have at least 2 items, has 1" },
  { "{\"maxItems\":2}", "[1,2,3]", "v: must have at most 2 items, has 3" },
  { "{\"uniqueItems\":true}", "[1,2,\"1\",true,{\"a\":1,\"b\":2},{\"b\":2.0,\"a\":1}]",
    "v: must not have an item twice, has {\"a\":1,\"b\":2} twice" },
  { "{\"uniqueItems\":true}", "[1,1.0]", "v: must not have an item twice, has 1 twice" },
  { "{\"uniqueItems\":true}", "[1,true,\"1\",[1],0,false]", "" },
  { "{\"contains\":{\"const\":5}}", "[1]", "v: must have an item that fits {\"const\":5}, is [1]" },
  { "{\"allOf\":[{\"minimum\":1},{\"multipleOf\":2}]}", "-1", "v: must be at least 1, is -1|v: must be a multiple of 2, is -1" },
  { "{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "4",
    "v: must have one of 2 forms [1) v: must be a string, is 4; 2) v: must be at least 5, is 4], is 4" },
  { "{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "3", "v: must have exactly one of 2 forms, and has 2 of them, is 3" },
  { "{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "1.5", "" },
  { "{\"not\":{\"type\":\"null\"}}", "null", "v: must not fit {\"type\":\"null\"}, is null" },
  { "{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":1},\"else\":{\"minimum\":1}}", "\"\"",
    "v: must have at least 1 characters, is \"\"" },
  { "{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":1},\"else\":{\"minimum\":1}}", "0", "v: must be at least 1, is 0" },
  { "{\"definitions\":{\"x\":{\"type\":\"string\"}},\"items\":{\"$ref\":\"#/definitions/x\"}}", "[1]", "v[0]: must be a string, is 1" },
  { "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"additionalProperties\":false}", "{\"a\":{\"a\":{\"b\":1}}}",
    "v.a.a.b: is not a known key; known here: a" },
  { "{\"definitions\":{\"a~b/c%d\":{\"type\":\"null\"}},\"$ref\":\"#/definitions/a~0b~1c%25d\"}", "1", "v: must be null, is 1" },
  { "{\"$ref\":\"#/definitions/x\",\"minimum\":5,\"definitions\":{\"x\":{\"maximum\":3}}}", "1", "" },
};

static void
test_cases (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TcwSchema) schema = compile (cases[i].schema);
      g_autoptr (JsonNode) value = parse (cases[i].value);
      g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);
      gboolean valid = tcw_schema_validate (schema, value, "v", violations);
      g_autofree char *lines = NULL;

      g_ptr_array_add (violations, NULL);
      lines = g_strjoinv ("|", (char **) violations->pdata);
      g_test_message ("%s %s", cases[i].schema, cases[i].value);
      g_assert_cmpstr (lines, ==, cases[i].lines);
      g_assert_cmpint (valid, ==, *cases[i].lines == '\0');
      g_assert_cmpint (valid, ==, tcw_schema_validate (schema, value, "v", NULL));
    }
}

static const struct {
  const char *schema;
  const char *message;
} refused[] = {
  { "1", "schema at #: must be a schema" },
  { "{\"typ\":\"string\"}", "schema at #/typ: is a keyword that isn't known" },
  { "{\"properties\":{\"a\":{\"minimun\":1}}}", "schema at #/properties/a/minimun: is a keyword" },
  { "{\"definitions\":{\"a\":{\"x\":1}}}", "schema at #/definitions/a/x" },
  { "{\"type\":\"text\"}", "schema at #/type: must name a type" },
  { "{\"type\":[]}", "schema at #/type: must name a type" },
  { "{\"type\":[\"string\",\"text\"]}", "schema at #/type: must name types" },
  { "{\"enum\":1}", "schema at #/enum: must be an array" },
  { "{\"required\":[1]}", "schema at #/required: must be an array of strings" },
  { "{\"minLength\":-1}", "schema at #/minLength: must be a whole number" },
  { "{\"minLength\":1.5}", "schema at #/minLength: must be a whole number" },
  { "{\"minimum\":\"1\"}", "schema at #/minimum: must be a number" },
  { "{\"multipleOf\":0}", "schema at #/multipleOf: must be a number over 0" },
  { "{\"uniqueItems\":1}", "schema at #/uniqueItems: must be a boolean" },
  { "{\"title\":1}", "schema at #/title: must be a string" },
  { "{\"items\":1}", "schema at #/items: must be a schema" },
  { "{\"items\":[1]}", "schema at #/items/0: must be a schema" },
  { "{\"anyOf\":[]}", "schema at #/anyOf: must be an array" },
  { "{\"anyOf\":{}}", "schema at #/anyOf: must be an array" },
  { "{\"properties\":[]}", "schema at #/properties: must be an object" },
  { "{\"dependencies\":{\"a\":[1]}}", "schema at #/dependencies/a: must be a schema" },
  { "{\"pattern\":\"(\"}", "schema at #/pattern: the pattern ( is wrong" },
  { "{\"pattern\":\"a++\"}", "schema at #/pattern: the pattern a++ has a quantifier" },
  { "{\"pattern\":\"\\\\Aa\\\\z\"}", "an escape that ECMA 262 doesn't have" },
  { "{\"pattern\":\"(?i)a\"}", "a group that ECMA 262 doesn't have" },
  { "{\"pattern\":\"(*ANY)a\"}", "a group that ECMA 262 doesn't have" },
  { "{\"pattern\":\"a\\\\\"}", "ends in a backslash" },
  { "{\"pattern\":\"\\\\x1\"}", "without two hexadecimal digits" },
  { "{\"pattern\":\"\\\\ud800\"}", "isn't a character" },
  { "{\"pattern\":\"\\\\u{110000}\"}", "isn't a character" },
  { "{\"pattern\":\"\\\\p\"}", "without a name" },
  { "{\"patternProperties\":{\"[\":true}}", "schema at #/patternProperties: the pattern [ is wrong" },
  { "{\"$ref\":\"http://a.example/\"}", "schema at #/$ref: must be \"#\"" },
  { "{\"$ref\":\"#x\"}", "schema at #/$ref: must be \"#\"" },
  { "{\"$ref\":\"#/definitions/x\"}", "schema at #/$ref: leads to nothing" },
  { "{\"$ref\":\"#/%00\"}", "schema at #/$ref: leads to nothing" },
  { "{\"enum\":[5],\"items\":{\"$ref\":\"#/enum/0\"}}", "schema at the target of a $ref: must be a schema" },
  { "{\"$ref\":\"#\"}", "leads back to itself" },
  { "{\"allOf\":[{\"$ref\":\"#\"}]}", "leads back to itself" },
  { "{\"not\":{\"anyOf\":[true,{\"$ref\":\"#/not\"}]}}", "leads back to itself" },
  { "{\"dependencies\":{\"a\":{\"$ref\":\"#\"}}}", "leads back to itself" },
  { "{\"items\":{\"$ref\":\"#/definitions/a\"},\"definitions\":{\"a\":{\"$ref\":\"#/definitions/b\"},"
    "\"b\":{\"$ref\":\"#/definitions/a\"}}}", "leads back to itself" },
  { "{,}", "schema:1:2: " },
};

static void
test_refused (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (tcw_schema_new_from_string (refused[i].schema, -1, "schema", &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, refused[i].message));
    }
}

static void
test_error (void)
{
  g_autoptr (TcwSchema) schema = compile ("{\"properties\":{\"artifacts\":{\"items\":{\"properties\":{\"name\":{\"pattern\":\"^[a-z]+$\","
                                          "\"description\":\"a name of the artifact\"}}}}},"
                                          "\"required\":[\"command\"]}");
  g_autoptr (JsonNode) value = parse ("{\"artifacts\":[{\"name\":\"x\"},{},{\"name\":\"x/\"}]}");
  g_autoptr (GError) error = NULL;

  g_assert_false (tcw_schema_check (schema, value, "task.payload", &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  g_assert_cmpstr (error->message, ==,
                   "task.payload.artifacts[2].name: must match ^[a-z]+$, is \"x/\" (a name of the artifact)\ntask.payload.command: must "
                   "be given");
}

static void
test_many_violations (void)
{
  g_autoptr (TcwSchema) schema = compile ("{\"items\":{\"type\":\"string\"}}");
  g_autoptr (GString) text = g_string_new ("[0");
  g_autoptr (JsonNode) value = NULL;
  g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 1; i < 1000; i++)
    g_string_append_printf (text, ",%u", i);
  g_string_append (text, "]");
  value = parse (text->str);
  g_ptr_array_add (violations, g_strdup ("from before"));
  g_assert_false (tcw_schema_validate (schema, value, "v", violations));
  g_assert_cmpuint (violations->len, ==, 102);
  g_assert_cmpstr (violations->pdata[100], ==, "v[99]: must be a string, is 99");
  g_assert_cmpstr (violations->pdata[101], ==, "… and more");
}

/* Each must end soon, and as invalid: catastrophic patterns, forms within forms, deep values, wide values. */
static void
test_hostile (void)
{
  static const char *const schemas[] = {
    "{\"pattern\":\"^(a+)+$\"}",
    "{\"definitions\":{\"x\":{\"anyOf\":[{\"items\":{\"$ref\":\"#/definitions/x\"},\"minItems\":1,\"type\":\"array\"},"
    "{\"items\":{\"$ref\":\"#/definitions/x\"},\"minItems\":1,\"type\":\"array\"}]}},\"$ref\":\"#/definitions/x\"}",
    "{\"patternProperties\":{\"a$\":true,\"b$\":true,\"c$\":true},\"not\":{}}",
  };
  g_autofree char *letters = g_strnfill (5000, 'a');
  g_autofree char *open = g_strnfill (60, '[');
  g_autofree char *close = g_strnfill (60, ']');
  char *values[] = { g_strdup_printf ("\"%s!\"", letters), g_strconcat (open, close, NULL), g_strdup_printf ("{\"%s\":1}", letters) };

  for (gsize i = 0; i < G_N_ELEMENTS (schemas); i++)
    {
      g_autoptr (TcwSchema) schema = compile (schemas[i]);
      g_autoptr (JsonNode) value = parse (values[i]);
      g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);
      gint64 start = g_get_monotonic_time ();

      g_assert_false (tcw_schema_validate (schema, value, "v", violations));
      g_assert_cmpuint (violations->len, >=, 1);
      g_assert_cmpuint (strlen (violations->pdata[0]), <, 2000);
      g_test_message ("%" G_GINT64_FORMAT " µs: %s", g_get_monotonic_time () - start, (const char *) violations->pdata[0]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    g_free (values[i]);
}

static void
test_merge (void)
{
  g_autoptr (JsonNode) env = parse ("{\"type\":\"object\",\"title\":\"x\",\"properties\":{\"env\":{\"$ref\":\"#/definitions/map\"}},"
                                    "\"definitions\":{\"map\":{\"type\":\"object\"}}}");
  g_autoptr (JsonNode) cmd = parse ("{\"properties\":{\"command\":{}},\"required\":[\"command\"],\"additionalProperties\":false,"
                                    "\"definitions\":{\"map\":{\"type\":\"object\"}}}");
  g_autoptr (JsonNode) twice = parse ("{\"properties\":{\"env\":{}}}");
  g_autoptr (JsonNode) other_map = parse ("{\"definitions\":{\"map\":{}}}");
  g_autoptr (JsonNode) open_end = parse ("{\"additionalProperties\":true}");
  g_autoptr (JsonNode) no_object = parse ("true");
  const TcwSchemaPart good[] = { { "plugin env", env }, { "engine qemu", cmd } };
  const TcwSchemaPart conflicts[][2] = {
    { { "plugin env", env }, { "plugin x", twice } },
    { { "plugin env", env }, { "plugin x", other_map } },
    { { "plugin env", env }, { "plugin x", open_end } },
    { { "plugin env", env }, { "plugin x", no_object } },
  };
  static const char *const messages[] = {
    "both plugin env and plugin x define “env”", "both plugin env and plugin x define “map”",
    "the schema of plugin x can't be merged: it has “additionalProperties”", "the schema of plugin x is no object",
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) merged = tcw_schema_merge_properties (good, 2, &error);
  g_autofree char *text = tcw_json_to_string (merged, TCW_JSON_SORTED);
  g_autoptr (TcwSchema) schema = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==,
                   "{\"additionalProperties\":false,\"definitions\":{\"map\":{\"type\":\"object\"}},\"properties\":{\"command\":{},"
                   "\"env\":{\"$ref\":\"#/definitions/map\"}},"
                   "\"required\":[\"command\"],\"type\":\"object\"}");
  schema = tcw_schema_new (merged, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (conflicts); i++)
    {
      g_assert_null (tcw_schema_merge_properties (conflicts[i], 2, &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
      g_assert_cmpstr (error->message, ==, messages[i]);
      g_clear_error (&error);
    }
}

static void
test_defaults (void)
{
  g_autoptr (TcwSchema) schema = compile ("{\"properties\":{\"a\":{\"default\":1},\"b\":{\"properties\":{\"c\":{\"default\":[2]},"
                                          "\"d\":{}}},"
                                          "\"e\":{\"properties\":{\"f\":{}}},\"g\":{\"default\":{\"x\":0},"
                                          "\"properties\":{\"y\":{\"default\":null}}}}}");
  static const char *const pairs[][2] = {
    { "{}", "{\"a\":1,\"b\":{\"c\":[2]},\"g\":{\"x\":0,\"y\":null}}" },
    { "{\"a\":null,\"b\":5,\"g\":{\"y\":7}}", "{\"a\":null,\"b\":5,\"g\":{\"y\":7}}" },
    { "{\"b\":{\"d\":1},\"z\":true}", "{\"a\":1,\"b\":{\"c\":[2],\"d\":1},\"g\":{\"x\":0,\"y\":null},\"z\":true}" },
    { "[1]", "[1]" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autoptr (JsonNode) value = parse (pairs[i][0]);
      g_autoptr (JsonNode) filled = tcw_schema_apply_defaults (schema, value);
      g_autofree char *text = tcw_json_to_string (filled, TCW_JSON_SORTED);

      g_assert_cmpstr (text, ==, pairs[i][1]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/schema/cases", test_cases);
  g_test_add_func ("/schema/refused", test_refused);
  g_test_add_func ("/schema/error", test_error);
  g_test_add_func ("/schema/many-violations", test_many_violations);
  g_test_add_func ("/schema/hostile", test_hostile);
  g_test_add_func ("/schema/merge", test_merge);
  g_test_add_func ("/schema/defaults", test_defaults);
  return g_test_run ();
}
