/* Task definitions from files: whole tasks and payloads, JSON and YAML, names, ids, and what is refused where. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json-util.h"
#include "tcw-test.h"
#include "worker/tcw-task.h"

#define N_SLUGS 500

static TcwTask *
load (const char *file, const char *content, GError **error)
{
  TcwTask *task;

  g_assert_true (g_file_set_contents (file, content, -1, NULL));
  task = tcw_task_load (file, error);
  g_assert_cmpint (g_unlink (file), ==, 0);
  return task;
}

static const struct
{
  const char *file;
  const char *content;
  const char *name;
  const char *payload; /* as compact, sorted JSON */
} good[] = {
  { "hello.json", "{\"image\":\"tiny\",\"command\":[\"true\"]}", "hello", "{\"command\":[\"true\"],\"image\":\"tiny\"}" },
  { "hello.yml", "image: tiny\ncommand: ['true']\n", "hello", "{\"command\":[\"true\"],\"image\":\"tiny\"}" },
  { "hello.yaml", "image: tiny", "hello", "{\"image\":\"tiny\"}" },
  { "hello", "{\"image\":\"tiny\"}", "hello", "{\"image\":\"tiny\"}" },
  { "hello", "image: tiny", "hello", "{\"image\":\"tiny\"}" },
  { "a.b.json", "{}", "a.b", "{}" },
  { ".json", "{}", ".json", "{}" },
  { "whole.json", "{\"payload\":{\"image\":\"x\"}}", "whole", "{\"image\":\"x\"}" },
  { "whole.json", "{\"payload\":{\"image\":\"x\"},\"metadata\":{\"name\":\"the build\"},\"routes\":[]}", "the build", "{\"image\":\"x\"}" },
  { "whole.yml", "metadata:\n  name: the build\npayload:\n  image: x\n", "the build", "{\"image\":\"x\"}" },
  { "whole.json", "{\"payload\":{},\"metadata\":{\"name\":7}}", "whole", "{}" },
  { "whole.json", "{\"payload\":{},\"metadata\":[]}", "whole", "{}" },
  { "whole.json", "{\"payload\":{},\"metadata\":{\"name\":\"\"}}", "whole", "{}" },
  /* Only a whole task has metadata: in a payload it is a key like another, for the schema to refuse. */
  { "payload.json", "{\"metadata\":{\"name\":\"n\"}}", "payload", "{\"metadata\":{\"name\":\"n\"}}" },
  /* A payload within a payload is the payload's. */
  { "twice.json", "{\"payload\":{\"payload\":{\"a\":1}}}", "twice", "{\"payload\":{\"a\":1}}" },
};

static void
test_good (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (TcwTask) task = load (good[i].file, good[i].content, &error);
      g_autofree char *payload = NULL;

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_no_error (error);
      g_assert_nonnull (task);
      payload = tcw_json_to_string (tcw_task_get_payload (task), TCW_JSON_SORTED);
      g_assert_cmpstr (payload, ==, good[i].payload);
      g_assert_cmpstr (tcw_task_get_name (task), ==, good[i].name);
      g_assert_cmpuint (strlen (tcw_task_get_id (task)), ==, 22);
    }
}

static const struct
{
  const char *file;
  const char *content;
  const char *message;
} bad[] = {
  { "t.json", "[]", "t.json: must be an object (a task or its payload), is array" },
  { "t.json", "\"x\"", "t.json: must be an object (a task or its payload), is string" },
  { "t.yml", "", "t.yml: must be an object (a task or its payload), is null" },
  { "t.yml", "just text", "t.yml: must be an object (a task or its payload), is string" },
  { "t.json", "{\"payload\":3}", "t.json: payload: must be an object, is 3" },
  { "t.json", "{\"payload\":null}", "t.json: payload: must be an object, is null" },
  { "t.json", "{\n  \"a\": 1,\n  b\n}", "t.json:3:3: " },
  { "t.json", "{\"a\":1} x", "t.json:1:9: " },
  { "t.json", "", "t.json:1:1: " },
  { "t.yml", "a: 1\nb: [1, 2\n", "t.yml:" },
  { "t.yml", "a: 1\na: 2\n", "t.yml:2:1: " },
};

static void
test_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (TcwTask) task = load (bad[i].file, bad[i].content, &error);
      gsize length = strlen (bad[i].message);
      gboolean is_start = bad[i].message[length - 1] == ' ' || bad[i].message[length - 1] == ':';

      g_assert_null (task);
      g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
      g_test_message ("%s", error->message);
      if (is_start)
        g_assert_true (g_str_has_prefix (error->message, bad[i].message) && error->message[length] != '\0');
      else
        g_assert_cmpstr (error->message, ==, bad[i].message);
    }
}

static void
test_missing (void)
{
  g_autoptr (GError) missing = NULL;
  g_autoptr (GError) folder = NULL;

  g_assert_null (tcw_task_load ("nowhere.json", &missing));
  g_assert_error (missing, TCW_ERROR, TCW_ERROR_USAGE);
  g_assert_nonnull (strstr (missing->message, "nowhere.json"));
  g_assert_nonnull (strstr (missing->message, "No such file or directory"));
  g_assert_null (tcw_task_load (".", &folder));
  g_assert_error (folder, TCW_ERROR, TCW_ERROR_USAGE);
}

/* Version 4 UUIDs whose first letter can't be taken for an option. */
static void
test_slugs (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GRegex) form
      = g_regex_new ("^[A-Za-f][A-Za-z0-9_-]{7}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$", 0, 0, NULL);

  g_assert_nonnull (form);
  for (int i = 0; i < N_SLUGS; i++)
    {
      char *slug = tcw_task_new_slug ();

      if (!g_regex_match (form, slug, 0, NULL))
        g_error ("not a slug: %s", slug);
      g_assert_true (g_hash_table_add (seen, slug));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/task/good", test_good);
  g_test_add_func ("/task/bad", test_bad);
  g_test_add_func ("/task/missing", test_missing);
  g_test_add_func ("/task/slugs", test_slugs);
  return tcw_test_run ();
}
