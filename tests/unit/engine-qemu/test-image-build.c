/* Recipes, and the process that builds; with made-up build scripts. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"
#include "image-fixture.h"
#include "tcw-qemu-image-build.h"
#include "tcw-qemu-image-store.h"
#include "tcw-test.h"

/* Makes a recipe below FOLDER/recipes. */
static void
make_recipe (Fixture *f, const char *name, const char *text)
{
  g_autofree char *folder = g_build_filename (f->folder, "recipes", name, NULL);
  g_autofree char *path = NULL;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  path = write_file (folder, "image.json.in", text);
}

static TcwQemuImageRecipe *
load_recipe (Fixture *f, const char *name, GError **error)
{
  g_autofree char *recipes = g_build_filename (f->folder, "recipes", NULL);

  return tcw_qemu_image_recipe_load (name, NULL, recipes, error);
}

static void
test_recipe (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImageRecipe) recipe = NULL;
  g_autofree char *chain = NULL;
  g_autofree char *expected = g_strdup_printf ("%s/recipes/base\n%s/recipes/mine", f->folder, f->folder);

  make_recipe (f, "base",
               "{\"version\": 1, \"recipe\": {\"kind\": \"disk\", \"suite\": \"bookworm\"}, \"disk\": {\"virtualSize\": 1073741824}}");
  make_recipe (f, "mine", "{\"version\": 1, \"recipe\": {\"base\": \"base\"}, \"disk\": {\"virtualSize\": 2147483648}}");
  make_recipe (f, "circle", "{\"version\": 1, \"recipe\": {\"kind\": \"initramfs\", \"base\": \"circle\"}}");
  make_recipe (f, "orphan", "{\"version\": 1, \"recipe\": {\"kind\": \"initramfs\", \"base\": \"gone\"}}");
  make_recipe (f, "kindless", "{\"version\": 1}");
  make_recipe (f, "wrong", "{\"version\": 1, \"name\": \"x\", \"recipe\": {\"kind\": \"floppy\"}}");
  recipe = load_recipe (f, "mine", &error);
  g_assert_no_error (error);
  chain = tcw_qemu_image_recipe_dup_chain (recipe);
  g_assert_cmpstr (chain, ==, expected);
  g_assert_cmpstr (tcw_qemu_image_recipe_get_kind (recipe), ==, "disk");
  g_assert_cmpstr (tcw_qemu_image_recipe_get_suite (recipe), ==, "bookworm");
  g_assert_cmpuint (tcw_qemu_image_recipe_get_disk_size (recipe), ==, G_GUINT64_CONSTANT (2147483648));
  assert_fails (load_recipe (f, "circle", &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "circle");
  assert_fails (load_recipe (f, "orphan", &error) == NULL, &error, TCW_ERROR_USAGE, "there is no recipe “gone”");
  assert_fails (load_recipe (f, "kindless", &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "recipe.kind: is required");
  assert_fails (load_recipe (f, "wrong", &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "recipe.kind");
  assert_fails (load_recipe (f, "none", &error) == NULL, &error, TCW_ERROR_USAGE, "mine");
  assert_fails (load_recipe (f, "../recipes/mine", &error) == NULL, &error, TCW_ERROR_USAGE, "is no name");
}

/* The recipes that come with the program, and what it says about where they are. */
static void
test_own_recipes (void)
{
  g_autoptr (TcwQemuImageTools) tools = tcw_qemu_image_tools_new (TCW_BUILD_ROOT "/src/taskcluster-worker");
  g_autoptr (TcwQemuImageTools) installed = tcw_qemu_image_tools_new ("/usr/bin/taskcluster-worker");
  const char *const names[] = { "tiny", "debian-12" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (TcwQemuImageRecipe) recipe = tcw_qemu_image_recipe_load (names[i], NULL, tools->recipes, &error);

      g_assert_no_error (error);
      g_assert_nonnull (recipe);
    }
  g_assert_true (g_file_test (tools->script, G_FILE_TEST_IS_REGULAR));
  g_assert_cmpstr (installed->recipes, !=, tools->recipes);
}

/* Tools whose script is @script, which stands for build.sh. */
static TcwQemuImageTools *
make_tools (Fixture *f, const char *script)
{
  TcwQemuImageTools *tools = g_new0 (TcwQemuImageTools, 1);

  tools->recipes = g_build_filename (f->folder, "recipes", NULL);
  make_recipe (f, "made", "{\"version\": 1, \"recipe\": {\"kind\": \"initramfs\"}, \"boot\": {\"cmdline\": \"quiet\"}}");
  tools->script = write_file (tools->recipes, "build.sh", script);
  tools->agent = write_file (f->folder, "agent", "agent");
  tools->agent_unit = write_file (f->folder, "unit", "unit");
  return tools;
}

static void
test_build (Fixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuImageTools) tools = make_tools (f, "set -eu\n[ -z \"${SECRET:-}\" ]\ncp \"$TCW_AGENT\" \"$TCW_OUT/initrd\"\n"
                                                       "printf '%s' \"$TCW_KIND\" >\"$TCW_OUT/vmlinuz\"\n: >\"$TCW_WORK/left\"\n");
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImageRecipe) recipe = load_recipe (f, "made", &error);
  g_autoptr (TcwQemuImageStore) store = tcw_qemu_image_store_new (f->store_folder, &error);
  g_autoptr (TcwFileLock) lock = NULL;
  g_autoptr (TcwQemuImage) image = NULL;
  g_autofree char *folder = NULL;
  g_autofree char *image_folder = NULL;
  g_autofree char *entries = NULL;

  g_setenv ("SECRET", "not for a recipe", TRUE);
  g_assert_no_error (error);
  folder = tcw_qemu_image_build (recipe, tools, &lock, NULL, &error);
  g_unsetenv ("SECRET");
  g_assert_no_error (error);
  entries = list_folder (folder);
  g_assert_cmpstr (entries, ==, ".lock image");
  image_folder = g_build_filename (folder, "image", NULL);
  image = tcw_qemu_image_store_import (store, image_folder, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (tcw_qemu_image_get_name (image), ==, "made");
  g_assert_cmpstr (tcw_qemu_image_get_cmdline (image), ==, "quiet");
  g_assert_cmpuint (tcw_qemu_image_get_size (image), ==, strlen ("initramfs") + strlen ("agent"));
}

/* What is left of builds in the folder for temporary files. */
static void
assert_no_build_left (Fixture *f)
{
  g_autofree char *entries = list_folder (f->folder);

  if (strstr (entries, "tcw-image-") != NULL)
    g_error ("left behind: %s", entries);
}

static void
test_build_fails (Fixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuImageTools) tools
      = make_tools (f, "echo 'step \"fetch\": no network\nwhat to do: plug in the cable' >\"$TCW_WORK/failure\"\nsleep 100 &\nexit 3\n");
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImageRecipe) recipe = load_recipe (f, "made", &error);
  g_autoptr (TcwFileLock) lock = NULL;
  g_autofree char *nothing = NULL;

  assert_fails (tcw_qemu_image_build (recipe, tools, &lock, NULL, &error) == NULL, &error, TCW_ERROR_INTERNAL, "plug in the cable");
  assert_no_build_left (f);
  /* A script that says it succeeded, but made nothing. */
  g_free (tools->script);
  tools->script = write_file (tools->recipes, "build.sh", "exit 0\n");
  assert_fails (tcw_qemu_image_build (recipe, tools, &lock, NULL, &error) == NULL, &error, TCW_ERROR_INTERNAL, "vmlinuz");
  assert_no_build_left (f);
  g_assert_cmpint (g_unlink (tools->agent), ==, 0);
  assert_fails (tcw_qemu_image_build (recipe, tools, &lock, NULL, &error) == NULL, &error, TCW_ERROR_USAGE, "the guest agent is missing");
  g_assert_null (lock);
}

typedef struct {
  GCancellable *cancellable;
  const char *marker;
} Canceller;

/* Cancels once the script runs. */
static gboolean
cancel_when_running (gpointer data)
{
  Canceller *canceller = data;

  if (!g_file_test (canceller->marker, G_FILE_TEST_EXISTS))
    return G_SOURCE_CONTINUE;
  g_cancellable_cancel (canceller->cancellable);
  return G_SOURCE_REMOVE;
}

static void
test_build_cancel (Fixture *f, gconstpointer data)
{
  g_autofree char *marker = g_build_filename (f->folder, "pid", NULL);
  g_autofree char *script = g_strdup_printf ("sleep 100 &\necho $! >%s.new\nmv %s.new %s\nwait\n", marker, marker, marker);
  g_autoptr (TcwQemuImageTools) tools = make_tools (f, script);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Canceller canceller = { cancellable, marker };
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImageRecipe) recipe = load_recipe (f, "made", &error);
  g_autoptr (TcwFileLock) lock = NULL;
  g_autofree char *pid = NULL;
  g_autofree char *stat_path = NULL;
  g_autofree char *state = NULL;
  gint64 begin = g_get_monotonic_time ();

  g_timeout_add (5, cancel_when_running, &canceller);
  assert_fails (tcw_qemu_image_build (recipe, tools, &lock, cancellable, &error) == NULL, &error, TCW_ERROR_CANCELLED, "cancelled");
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 30 * G_TIME_SPAN_SECOND);
  assert_no_build_left (f);
  pid = tcw_fs_read (marker, 100, NULL, &error);
  g_assert_no_error (error);
  /* Gone, or dead and not yet reaped by whoever inherited it. */
  stat_path = g_strdup_printf ("/proc/%s/stat", g_strstrip (pid));
  if (g_file_get_contents (stat_path, &state, NULL, NULL))
    g_assert_nonnull (strstr (state, ") Z "));
}

static void
test_build_sweep (Fixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuImageTools) tools = make_tools (f, "exit 1\n");
  g_autofree char *stale = g_build_filename (f->folder, "tcw-image-stale1", NULL);
  g_autofree char *file = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImageRecipe) recipe = load_recipe (f, "made", &error);
  g_autoptr (TcwFileLock) lock = NULL;

  g_assert_cmpint (g_mkdir (stale, 0755), ==, 0);
  file = write_file (stale, ".lock", "");
  assert_fails (tcw_qemu_image_build (recipe, tools, &lock, NULL, &error) == NULL, &error, TCW_ERROR_INTERNAL, "without saying why");
  assert_no_build_left (f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (prctl (PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  g_test_add_func ("/engine-qemu/image/recipe/own", test_own_recipes);
#define ADD(name, function) g_test_add ("/engine-qemu/image/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("recipe", test_recipe);
  ADD ("build", test_build);
  ADD ("build/fails", test_build_fails);
  ADD ("build/cancel", test_build_cancel);
  ADD ("build/sweep", test_build_sweep);
#undef ADD
  return tcw_test_run ();
}
