/* The worker's configuration: defaults, a file over them, sections of others, and what is refused. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/tcw-config.h"
#include "base/tcw-error.h"

static const TcwConfigSection extra[] = {
  { "", "the queue", "{\"properties\":{\"rootUrl\":{\"type\":\"string\",\"default\":\"https://tc.example\"}}}" },
  { "plugins.env", "plugin env", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"extra\":{\"default\":{}},"
                                 "\"loud\":{\"type\":\"boolean\",\"default\":true}}}" },
};

/* Loads @text as a file, with the sections of qemu and the two above. */
static TcwConfig *
load (const char *text, char **path, GError **error)
{
  g_autoptr (TcwConfigSection) qemu = tcw_config_section_new_qemu ();
  const TcwConfigSection sections[] = { *qemu, extra[0], extra[1] };
  int fd = g_file_open_tmp ("tcw-config-XXXXXX.yml", path, NULL);
  TcwConfig *config;

  g_close (fd, NULL);
  g_assert_true (g_file_set_contents (*path, text, -1, NULL));
  config = tcw_config_load (*path, sections, G_N_ELEMENTS (sections), error);
  g_unlink (*path);
  return config;
}

static void
test_defaults (void)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwConfig) config = load ("# nothing\n", &path, &error);
  gint64 seconds = 0;

  g_assert_no_error (error);
  g_assert_cmpstr (tcw_config_get_path (config), ==, path);
  g_assert_cmpstr (tcw_config_get_string (config, "user"), ==, "taskcluster-worker");
  g_assert_cmpstr (tcw_config_get_string (config, "engine"), ==, "qemu");
  g_assert_cmpstr (tcw_config_get_string (config, "rootUrl"), ==, "https://tc.example");
  g_assert_cmpint (tcw_config_get_int (config, "concurrency"), ==, 1);
  g_assert_cmpstr (tcw_config_get_string (config, "engines.qemu.libvirtUri"), ==, "qemu:///embed");
  g_assert_cmpstr (tcw_config_get_string (config, "engines.qemu.accelerator"), ==, "auto");
  g_assert_cmpint (tcw_config_get_int (config, "engines.qemu.limits.maxCPUs"), ==, 2);
  g_assert_nonnull (tcw_config_get_object (config, "engines.qemu.machine"));
  g_assert_true (tcw_config_get_seconds (config, "maxRunTime", &seconds, &error));
  g_assert_cmpint (seconds, ==, 86400);
  g_assert_true (tcw_config_get_seconds (config, "engines.qemu.timeouts.boot", &seconds, &error));
  g_assert_cmpint (seconds, ==, 300);
  g_assert_true (g_path_is_absolute (tcw_config_get_state_directory (config)));
  /* A plugin is on only when it is named. */
  g_assert_null (tcw_config_get_object (config, "plugins.env"));
  g_assert_false (tcw_config_get_boolean (config, "plugins.env.loud"));
}

static void
test_file (void)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwConfig) config = load ("stateDirectory: /srv/tc\nconcurrency: 4\nmaxRunTime: 90\n"
                                       "engines:\n  qemu:\n    accelerator: tcg\n    limits: {maxMemory: 512}\n    timeouts: {boot: 2 "
                                       "minutes}\n"
                                       "plugins:\n  env: {}\n  other: {anything: [1]}\n",
                                       &path, &error);
  g_autoptr (TcwConfig) again = NULL;
  gint64 seconds = 0;

  g_assert_no_error (error);
  again = tcw_config_ref (config);
  g_assert_cmpstr (tcw_config_get_state_directory (again), ==, "/srv/tc");
  g_assert_cmpint (tcw_config_get_int (config, "concurrency"), ==, 4);
  g_assert_cmpint (tcw_config_get_int (config, "engines.qemu.limits.maxMemory"), ==, 512);
  g_assert_cmpint (tcw_config_get_int (config, "engines.qemu.limits.defaultThreads"), ==, 1);
  g_assert_cmpstr (tcw_config_get_string (config, "engines.qemu.accelerator"), ==, "tcg");
  g_assert_true (tcw_config_get_seconds (config, "engines.qemu.timeouts.boot", &seconds, &error) && seconds == 120);
  g_assert_true (tcw_config_get_seconds (config, "maxRunTime", &seconds, &error) && seconds == 90);
  g_assert_true (tcw_config_get_boolean (config, "plugins.env.loud"));
  g_assert_cmpint (tcw_config_get_int (config, "plugins.other.anything[0]"), ==, 1);
  g_assert_false (tcw_config_get_seconds (config, "user", &seconds, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
}

/* A file, and the lines that are said after its name. */
static const struct {
  const char *text;
  const char *lines;
} bad[] = {
  { "concurency: 2", ":\nconcurency: is not a known key; known here: stateDirectory, user, concurrency, engine, maxRunTime, engines, "
                     "plugins, rootUrl" },
  { "concurrency: 0\nuser: Root", ":\nuser: must match ^[a-z_][a-z0-9_-]*$, is \"Root\" (the user that the daemon steps down to when it "
                                  "is started as root)\n"
                                "concurrency: must be at least 1, is 0 (how many tasks run at the same time)" },
  { "stateDirectory: here", ":\nstateDirectory: must match ^/, is \"here\" (the folder for images, templates, caches and what must "
                            "survive a restart)" },
  { "engines: {docker: {}}", ":\nengines.docker: is not a known key; known here: qemu" },
  { "engines: {qemu: {accel: kvm}}",
    ":\nengines.qemu.accel: is not a known key; known here: libvirtUri, accelerator, limits, machine, timeouts" },
  { "engines: {qemu: {accelerator: xen}}",
    ":\nengines.qemu.accelerator: must be one of \"auto\", \"kvm\", \"tcg\", is \"xen\" (how guests run: natively by kvm, emulated by "
    "tcg, or auto to find out)" },
  { "engines: {qemu: 5}", ":\nengines.qemu: must be an object, is 5 (Configuration of the QEMU engine)" },
  { "plugins: {env: {loud: 1}}", ":\nplugins.env.loud: must be a boolean, is 1" },
  { "plugins: [env]", ":\nplugins: must be an object, is [\"env\"] (the configuration of each plugin, by its name)" },
  { "maxRunTime: soon", ":\nmaxRunTime: “soon” is not a duration: a number is expected before each unit (write seconds, or for example "
                        "“1 day 2 hours 3 minutes” or “1h30m”)" },
  { "- a", ":\n(value): must be an object, is [\"a\"]" },
  { "a: b: c", ":1:5: mapping values are not allowed in this context" },
};

static void
test_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *path = NULL;
      g_autoptr (GError) error = NULL;
      g_autofree char *expected = NULL;

      g_assert_null (load (bad[i].text, &path, &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
      expected = g_strconcat (path, bad[i].lines, NULL);
      g_assert_cmpstr (error->message, ==, expected);
    }
}

static void
test_sections (void)
{
  static const struct {
    TcwConfigSection section;
    const char *words;
  } wrong[] = {
    { { "", "the queue", "{\"properties\":{\"user\":{}}}" }, "both the worker and the queue define “user”" },
    { { "", "the queue", "{" }, "the schema of the queue is wrong" },
    { { "plugins.x", "plugin x", "{\"typ\":1}" }, "plugin x: schema at #/typ" },
    { { "nowhere.x", "plugin x", "{}" }, "the configuration of plugin x has no place “nowhere.x”" },
    { { "plugins.x.y", "plugin x", "{}" }, "the configuration of plugin x has no place “plugins.x.y”" },
  };
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("tcw-config-XXXXXX.yml", &path, NULL);

  g_close (fd, NULL);
  g_assert_true (g_file_set_contents (path, "plugins: {x: {}}", -1, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (tcw_config_load (path, &wrong[i].section, 1, &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, wrong[i].words));
    }
  g_unlink (path);
}

static void
test_missing_file (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (tcw_config_load ("/nonexistent/config.yml", NULL, 0, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_USAGE);
  g_assert_cmpstr (error->message, ==, "cannot read “/nonexistent/config.yml”: No such file or directory");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/defaults", test_defaults);
  g_test_add_func ("/config/file", test_file);
  g_test_add_func ("/config/bad", test_bad);
  g_test_add_func ("/config/sections", test_sections);
  g_test_add_func ("/config/missing-file", test_missing_file);
  return g_test_run ();
}
