/* The payload schema: which payloads pass, and what exactly is said of those that don't. */
#include "base/tcw-json.h"
#include "fake-engine.h"
#include "tcw-test.h"
#include "worker/tcw-payload.h"

static TcwSchema *
new_schema (const char *engine_schema, GError **error)
{
  FakeScript script = { .payload_schema = engine_schema };
  TcwEngine *engine;
  TcwSchema *schema;

  fake_script_init (&script);
  engine = fake_engine_new (&script);
  schema = tcw_payload_schema_new (engine, error);
  g_object_unref (engine);
  g_assert_cmpint (script.alive, ==, 0);
  fake_script_clear (&script);
  return schema;
}

static gboolean
check (const char *payload, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (TcwSchema) schema = new_schema (NULL, &local);
  g_autoptr (JsonNode) node = NULL;

  g_assert_no_error (local);
  node = tcw_json_parse (payload, -1, "payload", NULL, &local);
  g_assert_no_error (local);
  return tcw_schema_check (schema, node, "task.payload", error);
}

#define COMMAND "\"command\":[\"true\"]"
#define ARTIFACT(type, path, name) "{" COMMAND ",\"artifacts\":[{\"type\":" type ",\"path\":" path ",\"name\":" name "}]}"
#define NAMED(name) ARTIFACT ("\"file\"", "\"/a\"", name)

#define NAME_RULE "must match ^([\\x20-\\x2e\\x30-\\x7e][\\x20-\\x7e]*)[\\x20-\\x2e\\x30-\\x7e]$"
#define NAME_HELP " (the artifact's name: ASCII, at least two characters, none of the two ends a slash)"
#define PATH_HELP " (where it is in the virtual machine, without a slash at its end)"
#define TIME_HELP " (how long the command may run: seconds, or a text such as “1 hour 30 minutes”)"

static const char *const good[] = {
  "{" COMMAND "}",
  "{" COMMAND ",\"env\":{},\"artifacts\":[],\"maxRunTime\":1}",
  "{" COMMAND ",\"maxRunTime\":86400}",
  "{" COMMAND ",\"maxRunTime\":\"1 hour 30 minutes\"}",
  "{" COMMAND ",\"env\":{\"A\":\"\",\"b_2\":\"x\\ny\",\"WITH SPACE\":\"ä\"}}",
  ARTIFACT ("\"file\"", "\"/a\"", "\"public/a.txt\""),
  ARTIFACT ("\"directory\"", "\"relative/path\"", "\"a b\""),
  ARTIFACT ("\"directory\"", "\"C:\\\\dir\"", "\"~!@#$%^&*()\""),
  NAMED ("\"ab\""),
  NAMED ("\"a/b\""),
  NAMED ("\"a//b\""),
  "{" COMMAND ",\"artifacts\":[{\"type\":\"file\",\"path\":\"/a\",\"name\":\"aa\",\"expires\":\"2030-01-01T00:00:00.000Z\"}]}",
};

static void
test_good (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", good[i]);
      g_assert_true (check (good[i], &error));
      g_assert_no_error (error);
    }
}

static const struct
{
  const char *payload;
  const char *message;
} bad[] = {
  { "[]",
    "task.payload: must be an object, is []" },
  { "null",
    "task.payload: must be an object, is null" },
  { "\"x\"",
    "task.payload: must be an object, is \"x\"" },
  { "{}",
    "task.payload.command: must be given (what to run)" },
  { "{\"command\":\"true\"}",
    "task.payload.command: must be an array, is \"true\" (what to run)" },
  { "{\"command\":[]}",
    "task.payload.command: must have at least 1 items, has 0 (what to run)" },
  { "{\"command\":[\"a\",3,null]}",
    "task.payload.command[1]: must be a string, is 3\n"
    "task.payload.command[2]: must be a string, is null" },
  { "{" COMMAND ",\"comand\":[],\"Env\":{}}",
    "task.payload.comand: is not a known key; known here: command, env, maxRunTime, artifacts\n"
    "task.payload.Env: is not a known key; known here: command, env, maxRunTime, artifacts" },
  { "{" COMMAND ",\"env\":[]}",
    "task.payload.env: must be an object, is [] (environment variables of the command)" },
  { "{" COMMAND ",\"env\":{\"A\":1,\"B\":true,\"C\":null,\"D\":\"fine\"}}",
    "task.payload.env.A: must be a string, is 1\n"
    "task.payload.env.B: must be a string, is true\n"
    "task.payload.env.C: must be a string, is null" },
  { "{" COMMAND ",\"maxRunTime\":0}",
    "task.payload.maxRunTime: must be at least 1, is 0" TIME_HELP },
  { "{" COMMAND ",\"maxRunTime\":-5}",
    "task.payload.maxRunTime: must be at least 1, is -5" TIME_HELP },
  { "{" COMMAND ",\"maxRunTime\":1.5}",
    "task.payload.maxRunTime: must be an integer or a string, is 1.5" TIME_HELP },
  { "{" COMMAND ",\"maxRunTime\":\"\"}",
    "task.payload.maxRunTime: must have at least 1 characters, is \"\"" TIME_HELP },
  { "{" COMMAND ",\"maxRunTime\":true}",
    "task.payload.maxRunTime: must be an integer or a string, is true" TIME_HELP },
  { "{" COMMAND ",\"artifacts\":{}}",
    "task.payload.artifacts: must be an array, is {} (files and folders to keep when the command has ended)" },
  { "{" COMMAND ",\"artifacts\":[\"/a\"]}",
    "task.payload.artifacts[0]: must be an object, is \"/a\"" },
  { "{" COMMAND ",\"artifacts\":[{}]}",
    "task.payload.artifacts[0].type: must be given (what is at the path)\n"
    "task.payload.artifacts[0].path: must be given" PATH_HELP "\n"
    "task.payload.artifacts[0].name: must be given" NAME_HELP },
  { ARTIFACT ("\"link\"", "\"/a\"", "\"aa\""),
    "task.payload.artifacts[0].type: must be one of \"file\", \"directory\", is \"link\" (what is at the path)" },
  { ARTIFACT ("\"file\"", "\"/a/\"", "\"aa\""),
    "task.payload.artifacts[0].path: must match ^.*[^/]$, is \"/a/\"" PATH_HELP },
  { ARTIFACT ("\"file\"", "\"\"", "\"aa\""),
    "task.payload.artifacts[0].path: must match ^.*[^/]$, is \"\"" PATH_HELP },
  { ARTIFACT ("7", "8", "9"),
    "task.payload.artifacts[0].type: must be one of \"file\", \"directory\", is 7 (what is at the path)\n"
    "task.payload.artifacts[0].path: must be a string, is 8" PATH_HELP "\n"
    "task.payload.artifacts[0].name: must be a string, is 9" NAME_HELP },
  { NAMED ("\"\""),
    "task.payload.artifacts[0].name: " NAME_RULE ", is \"\"" NAME_HELP },
  { NAMED ("\"/a\""),
    "task.payload.artifacts[0].name: " NAME_RULE ", is \"/a\"" NAME_HELP },
  { NAMED ("\"a/\""),
    "task.payload.artifacts[0].name: " NAME_RULE ", is \"a/\"" NAME_HELP },
  { NAMED ("\"a\\n/b\""),
    "task.payload.artifacts[0].name: " NAME_RULE ", is \"a\\n/b\"" NAME_HELP },
  { NAMED ("\"ä/b\""),
    "task.payload.artifacts[0].name: " NAME_RULE ", is \"ä/b\"" NAME_HELP },
  { NAMED ("\"a\\u007f\""),
    "task.payload.artifacts[0].name: " NAME_RULE ", is \"a\\u007f\"" NAME_HELP },
  { NAMED ("\"ab\\n\""),
    "task.payload.artifacts[0].name: " NAME_RULE ", is \"ab\\n\"" NAME_HELP },
  { NAMED ("\"a\""),
    "task.payload.artifacts[0].name: " NAME_RULE ", is \"a\"" NAME_HELP },
  { "{" COMMAND ",\"artifacts\":[{\"type\":\"file\",\"path\":\"/a\",\"name\":\"aa\",\"contentType\":\"x\",\"expires\":\"tomorrow\"}]}",
    "task.payload.artifacts[0].contentType: is not a known key; known here: type, path, name, expires\n"
    "task.payload.artifacts[0].expires: must be a valid date-time, is \"tomorrow\" (until when it is kept)" },
  { "{\"env\":3,\"maxRunTime\":{},"
    "\"artifacts\":[{\"type\":\"file\",\"path\":\"/\",\"name\":\"aa\"},{\"path\":\"/x\",\"name\":\"b\"}],\"x\":1}",
    "task.payload.env: must be an object, is 3 (environment variables of the command)\n"
    "task.payload.maxRunTime: must be an integer or a string, is {}" TIME_HELP "\n"
    "task.payload.artifacts[0].path: must match ^.*[^/]$, is \"/\"" PATH_HELP "\n"
    "task.payload.artifacts[1].type: must be given (what is at the path)\n"
    "task.payload.artifacts[1].name: " NAME_RULE ", is \"b\"" NAME_HELP "\n"
    "task.payload.command: must be given (what to run)\n"
    "task.payload.x: is not a known key; known here: command, env, maxRunTime, artifacts" },
};

static void
test_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad[i].payload);
      g_assert_false (check (bad[i].payload, &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
      g_assert_cmpstr (error->message, ==, bad[i].message);
    }
}

/* Lengths at their limits. */
static void
test_lengths (void)
{
  static const struct
  {
    const char *format;
    gsize longest;
  } cases[] = {
    { NAMED ("\"%s\""), 1024 },
    { ARTIFACT ("\"file\"", "\"%s\"", "\"aa\""), 4096 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize over = 0; over < 2; over++)
      {
        g_auto (GStrv) parts = g_strsplit (cases[i].format, "%s", -1);
        g_autofree char *text = g_strnfill (cases[i].longest + over, 'n');
        g_autofree char *payload = g_strjoinv (text, parts);
        g_autoptr (GError) error = NULL;

        g_assert_cmpint (check (payload, &error), ==, over == 0);
        g_assert_cmpint (error != NULL, ==, over == 1);
      }
}

/* An engine can't take the worker's keys, nor bring a schema that isn't one. */
static void
test_engine_schema (void)
{
  static const struct
  {
    const char *schema;
    const char *message;
  } cases[] = {
    { "{\"type\":\"object\",\"properties\":{\"env\":{\"type\":\"object\"}}}",
      "both the engine and the worker define “env”" },
    { "{\"type\":\"object\",\"properties\":{\"image\":{\"typ\":\"string\"}}}",
      "schema at #/properties/image/typ: is a keyword that isn't known" },
    { "{\"type\":\"array\"}",
      "the schema of the engine can't be merged: it has “type”" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (new_schema (cases[i].schema, &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/payload/good", test_good);
  g_test_add_func ("/payload/bad", test_bad);
  g_test_add_func ("/payload/lengths", test_lengths);
  g_test_add_func ("/payload/engine-schema", test_engine_schema);
  return tcw_test_run ();
}
