/* Artifacts into a folder: scripted trees, holes, names that lead elsewhere, links that somebody planted, and files that fail half-way. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-fs.h"
#include "fake-engine.h"
#include "tcw-test.h"
#include "worker/tcw-artifact-folder.h"

#define PARTIAL ".taskcluster-worker-partial"
#define MIB ((guint64) 1024 * 1024)

/* A folder "out" for artifacts, and "outside" that nothing may ever be written to. */
typedef struct
{
  TcwArtifactFolder *folder;
  guint n_files;
  guint64 n_bytes;
} Fixture;

static void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  int fd;

  g_assert_cmpint (g_mkdir ("out", 0755), ==, 0);
  g_assert_cmpint (g_mkdir ("outside", 0755), ==, 0);
  fd = open ("out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  fixture->folder = tcw_artifact_folder_new (fd);
}

static void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  tcw_artifact_folder_free (fixture->folder);
  /* Nothing is outside. */
  g_assert_cmpint (g_rmdir ("outside"), ==, 0);
  g_assert_true (tcw_fs_remove_tree ("out", NULL, NULL));
}

static gboolean
store (Fixture *fixture, TcwEntryKind kind, const char *name, const FakeStep *steps, gsize n_steps, GError **error)
{
  const FakeTree tree = { "/there", kind, steps, n_steps };
  FakeScript script = { .trees = &tree, .n_trees = 1 };
  TcwResultSet *results;
  gboolean stored;

  fake_script_init (&script);
  results = fake_result_set_new (&script);
  fixture->n_files = 99;
  fixture->n_bytes = 99;
  stored = tcw_artifact_folder_store (fixture->folder, results, kind, "/there", name, &fixture->n_files, &fixture->n_bytes, error);
  g_object_unref (results);
  g_assert_cmpint (script.alive, ==, 0);
  fake_script_clear (&script);
  return stored;
}

static void
store_well (Fixture *fixture, TcwEntryKind kind, const char *name, const FakeStep *steps, gsize n_steps, guint n_files, guint64 n_bytes)
{
  g_autoptr (GError) error = NULL;
  gboolean stored = store (fixture, kind, name, steps, n_steps, &error);

  g_assert_no_error (error);
  g_assert_true (stored);
  g_assert_cmpuint (fixture->n_files, ==, n_files);
  g_assert_cmpuint (fixture->n_bytes, ==, n_bytes);
}

static void
list_below (const char *path, const char *name, GPtrArray *names)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *entry;

  g_assert_nonnull (dir);
  while ((entry = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *entry_path = g_build_filename (path, entry, NULL);
      g_autofree char *entry_name = name != NULL ? g_build_filename (name, entry, NULL) : g_strdup (entry);

      if (g_file_test (entry_path, G_FILE_TEST_IS_DIR) && !g_file_test (entry_path, G_FILE_TEST_IS_SYMLINK))
        list_below (entry_path, entry_name, names);
      else
        g_ptr_array_add (names, g_steal_pointer (&entry_name));
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* All that isn't a folder, sorted, with blanks between. */
static void
assert_files (const char *expected)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *joined = NULL;

  list_below ("out", NULL, names);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  joined = g_strjoinv (" ", (char **) names->pdata);
  g_assert_cmpstr (joined, ==, expected);
}

static void
assert_content (const char *path, const char *expected)
{
  g_autofree char *content = NULL;

  g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
  g_assert_cmpstr (content, ==, expected);
}

static const FakeStep one_file[] = { { FAKE_BEGIN, "", 3 }, { FAKE_DATA, "abc" }, { FAKE_END } };

static void
test_file (Fixture *fixture, gconstpointer data)
{
  struct stat status;

  store_well (fixture, TCW_ENTRY_FILE, "public/logs/a.txt", one_file, G_N_ELEMENTS (one_file), 1, 3);
  assert_files ("public/logs/a.txt");
  assert_content ("out/public/logs/a.txt", "abc");
  g_assert_cmpint (stat ("out/public/logs/a.txt", &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 0111, ==, 0);
  g_assert_cmpuint (status.st_mode & 07000, ==, 0);
}

static void
test_folder (Fixture *fixture, gconstpointer data)
{
  static const FakeStep steps[] = {
    { FAKE_BEGIN, "one", 2 },       { FAKE_DATA, "1" },      { FAKE_DATA, "1" }, { FAKE_END },
    { FAKE_BEGIN, "sub/two", 999 }, { FAKE_DATA, "2" },      { FAKE_END },       { FAKE_BEGIN, "sub/deep/er/three", 0 },
    { FAKE_END },                   { FAKE_BEGIN, "…/ä b" }, { FAKE_DATA, "4" }, { FAKE_END },
  };

  store_well (fixture, TCW_ENTRY_FOLDER, "public/tree", steps, G_N_ELEMENTS (steps), 4, 4);
  assert_files ("public/tree/one public/tree/sub/deep/er/three public/tree/sub/two public/tree/…/ä b");
  assert_content ("out/public/tree/one", "11");
  assert_content ("out/public/tree/sub/two", "2");
  assert_content ("out/public/tree/sub/deep/er/three", "");
  assert_content ("out/public/tree/…/ä b", "4");
  /* An empty folder is nothing to keep, and no error. */
  store_well (fixture, TCW_ENTRY_FOLDER, "public/none", steps, 0, 0, 0);
}

static void
test_holes (Fixture *fixture, gconstpointer data)
{
  static const FakeStep inside[] = { { FAKE_BEGIN, "" }, { FAKE_DATA, "a" }, { FAKE_HOLE, NULL, 3 }, { FAKE_DATA, "b" }, { FAKE_END } };
  static const FakeStep only[] = { { FAKE_BEGIN, "" }, { FAKE_HOLE, NULL, 8 * MIB * 1024 }, { FAKE_END } };
  static const FakeStep at_end[]
      = { { FAKE_BEGIN, "" }, { FAKE_HOLE, NULL, MIB }, { FAKE_DATA, "x" }, { FAKE_HOLE, NULL, 5 * MIB * 1024 }, { FAKE_END } };
  g_autofree char *content = NULL;
  gsize length = 0;
  struct stat status;

  store_well (fixture, TCW_ENTRY_FILE, "inside", inside, G_N_ELEMENTS (inside), 1, 5);
  g_assert_true (g_file_get_contents ("out/inside", &content, &length, NULL));
  g_assert_cmpuint (length, ==, 5);
  g_assert_true (memcmp (content, "a\0\0\0b", 5) == 0);
  store_well (fixture, TCW_ENTRY_FILE, "only", only, G_N_ELEMENTS (only), 1, 8 * MIB * 1024);
  g_assert_cmpint (stat ("out/only", &status), ==, 0);
  g_assert_cmpuint ((guint64) status.st_size, ==, 8 * MIB * 1024);
  g_assert_cmpint (status.st_blocks, <, 1024);
  store_well (fixture, TCW_ENTRY_FILE, "end", at_end, G_N_ELEMENTS (at_end), 1, MIB + 1 + 5 * MIB * 1024);
  g_assert_cmpint (stat ("out/end", &status), ==, 0);
  g_assert_cmpuint ((guint64) status.st_size, ==, MIB + 1 + 5 * MIB * 1024);
  g_assert_cmpint (status.st_blocks, <, 1024);
}

/* Sizes that no file can have: more than an off_t, and more than the file system takes. */
static void
test_too_large (Fixture *fixture, gconstpointer data)
{
  static const FakeStep beyond[] = { { FAKE_BEGIN, "" }, { FAKE_HOLE, NULL, G_MAXINT64 }, { FAKE_HOLE, NULL, 1 }, { FAKE_END } };
  static const FakeStep data_beyond[] = { { FAKE_BEGIN, "" }, { FAKE_HOLE, NULL, G_MAXINT64 }, { FAKE_DATA, "x" }, { FAKE_END } };
  static const FakeStep wrapped[] = { { FAKE_BEGIN, "" }, { FAKE_DATA, "x" }, { FAKE_HOLE, NULL, G_MAXUINT64 }, { FAKE_END } };
  static const FakeStep at_limit[] = { { FAKE_BEGIN, "" }, { FAKE_HOLE, NULL, 100 }, { FAKE_DATA, "x" }, { FAKE_END } };
  static const FakeStep end_at_limit[] = { { FAKE_BEGIN, "" }, { FAKE_HOLE, NULL, 101 }, { FAKE_END } };
  static const struct
  {
    const FakeStep *steps;
    gsize n_steps;
  } cases[] = {
    { beyond, G_N_ELEMENTS (beyond) },     { data_beyond, G_N_ELEMENTS (data_beyond) },   { wrapped, G_N_ELEMENTS (wrapped) },
    { at_limit, G_N_ELEMENTS (at_limit) }, { end_at_limit, G_N_ELEMENTS (end_at_limit) },
  };
  void (*old_handler) (int) = signal (SIGXFSZ, SIG_IGN);
  struct rlimit old;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &old), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      struct rlimit tight = { .rlim_cur = 100, .rlim_max = old.rlim_max };
      gboolean stored;

      /* Nothing is printed under this limit: stdout may be a file. */
      g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &tight), ==, 0);
      stored = store (fixture, TCW_ENTRY_FILE, "large", cases[i].steps, cases[i].n_steps, &error);
      g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &old), ==, 0);
      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_false (stored);
      g_assert_error (error, TCW_ERROR, TCW_ERROR_TASK_FAILED);
      g_assert_cmpstr (error->message, ==, "the artifact large is larger than a file can be");
      g_assert_cmpuint (fixture->n_files, ==, 0);
      assert_files ("");
    }
  signal (SIGXFSZ, old_handler);
}

static void
test_bad_names (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *name;
    const char *path;
    const char *full;
  } cases[] = {
    { "", "", "" },
    { "..", "", ".." },
    { ".", "", "." },
    { "../outside/x", "", "../outside/x" },
    { "a/../../outside/x", "", "a/../../outside/x" },
    { "a//b", "", "a//b" },
    { "/a", "", "/a" },
    { "a/", "", "a/" },
    { "a/.", "", "a/." },
    { PARTIAL, "", PARTIAL },
    { "a/" PARTIAL "/b", "", "a/" PARTIAL "/b" },
    { "a", "../../outside/x", "a/../../outside/x" },
    { "a", "/outside", "a//outside" },
    { "a", "b/..", "a/b/.." },
    { "a", "b//c", "a/b//c" },
    { "a", PARTIAL, "a/" PARTIAL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const FakeStep steps[] = { { FAKE_BEGIN, cases[i].path }, { FAKE_DATA, "x" }, { FAKE_END } };
      g_autofree char *message = g_strdup_printf ("the artifact name “%s” can't be a path in a folder", cases[i].full);
      g_autoptr (GError) error = NULL;

      g_assert_false (store (fixture, TCW_ENTRY_FOLDER, cases[i].name, steps, G_N_ELEMENTS (steps), &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
      g_assert_cmpstr (error->message, ==, message);
      g_assert_cmpuint (fixture->n_files, ==, 0);
      assert_files ("");
    }
}

/* A name that is fine in Taskcluster, but no file's. */
static void
test_long_names (Fixture *fixture, gconstpointer data)
{
  g_autofree char *component = g_strnfill (256, 'n');
  static const char *const formats[] = { "%s", "a/%s", "%s/a" };

  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_auto (GStrv) parts = g_strsplit (formats[i], "%s", -1);
      g_autofree char *name = g_strjoinv (component, parts);
      g_autoptr (GError) error = NULL;

      g_assert_false (store (fixture, TCW_ENTRY_FILE, name, one_file, G_N_ELEMENTS (one_file), &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
      assert_files ("");
    }
}

/* What is there already: files are replaced, links too, but neither is followed. */
static void
test_replaced (Fixture *fixture, gconstpointer data)
{
  struct stat status;

  g_assert_true (g_file_set_contents ("out/file", "longer than before", -1, NULL));
  g_assert_cmpint (symlink ("../outside/file", "out/link"), ==, 0);
  g_assert_cmpint (symlink ("../outside/file", "out/" PARTIAL), ==, 0);
  store_well (fixture, TCW_ENTRY_FILE, "file", one_file, G_N_ELEMENTS (one_file), 1, 3);
  assert_content ("out/file", "abc");
  store_well (fixture, TCW_ENTRY_FILE, "link", one_file, G_N_ELEMENTS (one_file), 1, 3);
  g_assert_cmpint (lstat ("out/link", &status), ==, 0);
  g_assert_true (S_ISREG (status.st_mode));
  assert_files ("file link");
}

/* A planted link in place of a folder is refused, wherever it stands. */
static void
test_linked_folder (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "link/x", "a/link/x", "a/link/b/x" };

  g_assert_cmpint (symlink ("../outside", "out/link"), ==, 0);
  g_assert_cmpint (g_mkdir ("out/a", 0755), ==, 0);
  g_assert_cmpint (symlink ("../../outside", "out/a/link"), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (store (fixture, TCW_ENTRY_FILE, names[i], one_file, G_N_ELEMENTS (one_file), &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_INTERNAL);
      g_assert_cmpstr (error->message, ==, "cannot make the folder link of the artifact: Not a directory");
      assert_files ("a/link link");
    }
}

static void
test_file_and_folder (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) below_file = NULL;
  g_autoptr (GError) over_folder = NULL;

  store_well (fixture, TCW_ENTRY_FILE, "a", one_file, G_N_ELEMENTS (one_file), 1, 3);
  g_assert_false (store (fixture, TCW_ENTRY_FILE, "a/b", one_file, G_N_ELEMENTS (one_file), &below_file));
  g_assert_cmpstr (below_file->message, ==, "cannot make the folder a of the artifact: Not a directory");
  store_well (fixture, TCW_ENTRY_FILE, "c/d", one_file, G_N_ELEMENTS (one_file), 1, 3);
  g_assert_false (store (fixture, TCW_ENTRY_FILE, "c", one_file, G_N_ELEMENTS (one_file), &over_folder));
  g_assert_cmpstr (over_folder->message, ==, "cannot put the artifact's file c in its place: Is a directory");
  g_assert_cmpuint (fixture->n_files, ==, 0);
  assert_files ("a c/d");
}

/* The guest's end fails in the middle: whole files stay, the half one doesn't, an older one of that name is as it was. */
static void
test_half (Fixture *fixture, gconstpointer data)
{
  static const FakeStep steps[]
      = { { FAKE_BEGIN, "whole" }, { FAKE_DATA, "w" }, { FAKE_END }, { FAKE_BEGIN, "half" }, { FAKE_DATA, "h" }, { FAKE_FAIL, "gone" } };
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir ("out/tree", 0755), ==, 0);
  g_assert_true (g_file_set_contents ("out/tree/half", "old", -1, NULL));
  g_assert_false (store (fixture, TCW_ENTRY_FOLDER, "tree", steps, G_N_ELEMENTS (steps), &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_INTERNAL);
  g_assert_cmpstr (error->message, ==, "gone");
  g_assert_cmpuint (fixture->n_files, ==, 1);
  g_assert_cmpuint (fixture->n_bytes, ==, 1);
  assert_files ("tree/half tree/whole");
  assert_content ("out/tree/half", "old");
  /* The folder is good for more. */
  store_well (fixture, TCW_ENTRY_FILE, "next", one_file, G_N_ELEMENTS (one_file), 1, 3);
}

static void
test_nothing_there (Fixture *fixture, gconstpointer data)
{
  FakeScript script = { .trees = NULL };
  g_autoptr (GError) error = NULL;
  TcwResultSet *results;

  fake_script_init (&script);
  results = fake_result_set_new (&script);
  g_assert_false (tcw_artifact_folder_store (fixture->folder, results, TCW_ENTRY_FILE, "/there", "a", NULL, NULL, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_TASK_FAILED);
  assert_files ("");
  g_object_unref (results);
  fake_script_clear (&script);
}

/* No file descriptor is left to open anything with. */
static void
test_no_descriptors (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  struct rlimit old;
  struct rlimit tight;
  gboolean stored;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old), ==, 0);
  tight = old;
  tight.rlim_cur = 3;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &tight), ==, 0);
  stored = store (fixture, TCW_ENTRY_FILE, "a", one_file, G_N_ELEMENTS (one_file), &error);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &old), ==, 0);
  g_assert_false (stored);
  g_assert_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE);
  assert_files ("");
}

/* Without a folder everything is read and counted, nothing is kept, and names don't matter. */
static void
test_dropped (void)
{
  static const FakeStep steps[] = { { FAKE_BEGIN, "a" }, { FAKE_DATA, "xyz" },       { FAKE_HOLE, NULL, 7 }, { FAKE_END },
                                    { FAKE_BEGIN, "b" }, { FAKE_HOLE, NULL, 1 * MIB }, { FAKE_END } };
  static const FakeStep beyond[] = { { FAKE_BEGIN, "" }, { FAKE_HOLE, NULL, G_MAXINT64 }, { FAKE_DATA, "x" }, { FAKE_END } };
  Fixture fixture = { .folder = tcw_artifact_folder_new (-1) };
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) here = NULL;

  store_well (&fixture, TCW_ENTRY_FOLDER, "kept/nowhere", steps, G_N_ELEMENTS (steps), 2, 10 + MIB);
  store_well (&fixture, TCW_ENTRY_FOLDER, "..", steps, G_N_ELEMENTS (steps), 2, 10 + MIB);
  g_assert_false (store (&fixture, TCW_ENTRY_FILE, "large", beyond, G_N_ELEMENTS (beyond), &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_TASK_FAILED);
  tcw_artifact_folder_free (fixture.folder);
  here = g_dir_open (".", 0, NULL);
  g_assert_null (g_dir_read_name (here));
}

#define ADD(path, function) g_test_add ("/artifact-folder/" path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("file", test_file);
  ADD ("folder", test_folder);
  ADD ("holes", test_holes);
  ADD ("too-large", test_too_large);
  ADD ("bad-names", test_bad_names);
  ADD ("long-names", test_long_names);
  ADD ("replaced", test_replaced);
  ADD ("linked-folder", test_linked_folder);
  ADD ("file-and-folder", test_file_and_folder);
  ADD ("half", test_half);
  ADD ("nothing-there", test_nothing_there);
  ADD ("no-descriptors", test_no_descriptors);
  g_test_add_func ("/artifact-folder/dropped", test_dropped);
  return tcw_test_run ();
}
