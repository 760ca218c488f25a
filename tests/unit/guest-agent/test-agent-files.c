/* Walks over trees, trees written, numbers of devices: agent-walk, agent-beneath, agent-sink, agent-util. Trees are in scratch folders. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent-beneath.h"
#include "agent-sink.h"
#include "agent-util.h"
#include "agent-walk.h"
#include "tcw-test.h"

static char *
make_root (void)
{
  g_autoptr (GError) error = NULL;
  char *root = g_dir_make_tmp ("files-XXXXXX", &error);

  g_assert_no_error (error);
  return root;
}

static void
remove_root (const char *root)
{
  g_autofree char *parent = g_path_get_dirname (root);
  g_autofree char *name = g_path_get_basename (root);
  int dir = open (parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  g_assert_cmpint (agent_beneath_remove (dir, name), ==, 0);
  close (dir);
  g_assert_false (g_file_test (root, G_FILE_TEST_EXISTS));
}

/* For trees that are too deep for the agent. */
static void
remove_deep_root (char *root)
{
  char *argv[] = { g_strdup ("rm"), g_strdup ("-rf"), root, NULL };
  int status = -1;

  g_assert_true (g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
  g_free (argv[0]);
  g_free (argv[1]);
}

static void
put_text (const char *root, const char *path, const char *text)
{
  g_autofree char *full = g_build_filename (root, path, NULL);
  g_autofree char *parent = g_path_get_dirname (full);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  g_assert_true (g_file_set_contents (full, text, -1, NULL));
}

static char *
get_text (const char *root, const char *path)
{
  g_autofree char *full = g_build_filename (root, path, NULL);
  char *text = NULL;

  g_assert_true (g_file_get_contents (full, &text, NULL, NULL));
  return text;
}

static void
test_plain (void)
{
  static const char *const good[] = { "a", "a/b", "..a", "a..", ".a/.b", "...", "a b/c\n" };
  static const char *const bad[] = { "", ".", "..", "/", "/a", "a/", "a//b", "a/./b", "a/../b", "../a", "a/.." };

  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (agent_beneath_is_plain (good[i]));
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (agent_beneath_is_plain (bad[i]));
}

static void
test_device (void)
{
  static const struct {
    const char *text;
    unsigned numbers[2];
  } good[] = { { "0:0", { 0, 0 } }, { "8:17", { 8, 17 } }, { "253:01", { 253, 1 } }, { "4095:1048575", { 4095, 1048575 } } };
  static const char *const bad[] = { "", ":", "8", "8:", ":1", "8:1:", "8:1:2", " 8:1", "8: 1", "8:1\n", "-8:1", "8:-1", "8:+1", "8:0x1",
                                     "a:1", "4096:0", "0:1048576", "000000008:1", "18446744073709551624:1" };

  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    {
      dev_t device = 0;

      g_assert_true (agent_parse_device (good[i].text, &device));
      g_assert_cmpuint (major (device), ==, good[i].numbers[0]);
      g_assert_cmpuint (minor (device), ==, good[i].numbers[1]);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      dev_t device = makedev (1, 2);

      g_assert_false (agent_parse_device (bad[i], &device));
      g_assert_cmpuint (device, ==, makedev (1, 2));
    }
}

/* What a link leads to is neither opened, nor written, nor removed. */
static void
test_beneath_links (void)
{
  g_autofree char *root = make_root ();
  g_autofree char *link = g_build_filename (root, "in", "out", NULL);
  g_autofree char *kept = NULL;
  const char *name;
  int dir;

  put_text (root, "secret/file", "kept");
  put_text (root, "in/plain", "x");
  g_assert_cmpint (symlink ("../secret", link), ==, 0);
  dir = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (agent_beneath_open (dir, "in/out/file", O_RDONLY, 0), ==, -1);
  g_assert_cmpint (errno, ==, ELOOP);
  g_assert_cmpint (agent_beneath_open (dir, "in/../secret/file", O_RDONLY, 0), ==, -1);
  g_assert_cmpint (errno, ==, EINVAL);
  g_assert_cmpint (agent_beneath_open_parent (dir, "in/out/new", &name), ==, -1);
  g_assert_cmpint (agent_beneath_remove (dir, "in"), ==, 0);
  kept = get_text (root, "secret/file");
  g_assert_cmpstr (kept, ==, "kept");
  close (dir);
  remove_root (root);
}

static GHashTable *
walk_all (const char *path, bool follow)
{
  GHashTable *found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  agent_walk *walk = agent_walk_new (path, follow);
  agent_walk_entry *entry;

  g_assert_nonnull (walk);
  while ((entry = agent_walk_next (walk)) != NULL)
    {
      char what[64];

      if (entry->error != 0)
        g_snprintf (what, sizeof what, "error %d", entry->error);
      else if (entry->link != NULL)
        g_snprintf (what, sizeof what, "link %s", entry->link);
      else if (S_ISDIR (entry->stat.st_mode))
        g_snprintf (what, sizeof what, "folder");
      else if (entry->fd >= 0)
        g_snprintf (what, sizeof what, "file %d", (int) entry->stat.st_size);
      else
        g_snprintf (what, sizeof what, "special");
      g_assert_true (g_hash_table_insert (found, g_strdup (entry->path), g_strdup (what)));
    }
  agent_walk_free (walk);
  return found;
}

static void
test_walk (void)
{
  g_autofree char *root = make_root ();
  g_autofree char *link = g_build_filename (root, "a", "link", NULL);
  g_autofree char *fifo = g_build_filename (root, "a", "fifo", NULL);
  g_autofree char *top = g_build_filename (root, "top", NULL);
  g_autoptr (GHashTable) found = NULL;
  g_autoptr (GHashTable) followed = NULL;
  g_autoptr (GHashTable) unfollowed = NULL;
  g_autoptr (GHashTable) single = NULL;

  put_text (root, "a/b/c", "12345");
  g_assert_cmpint (symlink ("/etc", link), ==, 0);
  g_assert_cmpint (symlink ("a", top), ==, 0);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  found = walk_all (root, false);
  g_assert_cmpuint (g_hash_table_size (found), ==, 7);
  g_assert_cmpstr (g_hash_table_lookup (found, ""), ==, "folder");
  g_assert_cmpstr (g_hash_table_lookup (found, "a/b/c"), ==, "file 5");
  g_assert_cmpstr (g_hash_table_lookup (found, "a/link"), ==, "link /etc");
  g_assert_cmpstr (g_hash_table_lookup (found, "a/fifo"), ==, "special");
  followed = walk_all (top, true);
  g_assert_cmpstr (g_hash_table_lookup (followed, "b/c"), ==, "file 5");
  unfollowed = walk_all (top, false);
  g_assert_cmpstr (g_hash_table_lookup (unfollowed, ""), ==, "link a");
  g_free (g_steal_pointer (&top));
  top = g_build_filename (root, "a", "b", "c", NULL);
  single = walk_all (top, false);
  g_assert_cmpstr (g_hash_table_lookup (single, ""), ==, "file 5");
  g_assert_null (agent_walk_new ("/nonexistent/path", true));
  g_assert_cmpint (errno, ==, ENOENT);
  remove_root (root);
}

/* Deeper than the walk goes: an error entry, and the rest is still found. */
static void
test_walk_deep (void)
{
  g_autofree char *root = make_root ();
  g_autoptr (GString) path = g_string_new ("top");
  g_autoptr (GHashTable) found = NULL;
  GHashTableIter iter;
  gpointer what;
  guint errors = 0;

  for (int i = 0; i < AGENT_WALK_DEPTH + 5; i++)
    g_string_append (path, "/d");
  put_text (root, path->str, "far");
  put_text (root, "near", "x");
  found = walk_all (root, false);
  g_hash_table_iter_init (&iter, found);
  while (g_hash_table_iter_next (&iter, NULL, &what))
    errors += g_str_has_prefix (what, "error") ? 1 : 0;
  g_assert_cmpuint (errors, ==, 1);
  g_assert_cmpstr (g_hash_table_lookup (found, "near"), ==, "file 1");
  remove_deep_root (root);
}

/* As deep as it may be, a tree is removed; one deeper, nothing but an error comes of it. */
static void
test_remove_deep (void)
{
  g_autofree char *root = make_root ();
  g_autoptr (GString) path = g_string_new ("top");
  g_autofree char *top = g_build_filename (root, "top", NULL);
  int dir = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  for (int i = 1; i < AGENT_BENEATH_DEPTH; i++)
    g_string_append (path, "/d");
  g_string_append (path, "/file");
  put_text (root, path->str, "deep");
  put_text (root, "top/d/beside", "x");
  g_assert_cmpint (agent_beneath_remove (dir, "top"), ==, 0);
  g_assert_false (g_file_test (top, G_FILE_TEST_EXISTS));
  g_assert_cmpint (agent_beneath_remove (dir, "top"), ==, 0);
  g_string_append (path, "/file");
  put_text (root, path->str, "too deep");
  g_assert_cmpint (agent_beneath_remove (dir, "top"), ==, ELOOP);
  g_assert_true (g_file_test (top, G_FILE_TEST_EXISTS));
  close (dir);
  remove_deep_root (root);
}

static void
put (agent_sink *sink, const char *path, agent_sink_type type, const char *text)
{
  agent_sink_entry entry = { .path = path, .type = type, .mode = type == AGENT_SINK_FOLDER ? 0755 : 0640, .mtime_ns = 1000000000000000000 };

  if (type == AGENT_SINK_LINK)
    entry.link = text;
  g_assert_cmpint (agent_sink_begin (sink, &entry), ==, 0);
  if (type == AGENT_SINK_FILE)
    g_assert_cmpint (agent_sink_data (sink, text, strlen (text)), ==, 0);
  g_assert_cmpint (agent_sink_end (sink), ==, 0);
}

static void
test_sink_tree (void)
{
  g_autofree char *root = make_root ();
  g_autofree char *target = g_build_filename (root, "new", "target", NULL);
  g_autofree char *outside = g_build_filename (root, "outside", NULL);
  g_autofree char *text = NULL;
  agent_sink *sink = agent_sink_new (target, NULL);
  agent_sink_entry through = { .path = "trap/file", .type = AGENT_SINK_FILE, .mode = 0644 };
  agent_sink_entry upward = { .path = "../file", .type = AGENT_SINK_FILE, .mode = 0644 };
  GStatBuf found;

  g_assert_nonnull (sink);
  put_text (root, "outside/file", "untouched");
  put (sink, "", AGENT_SINK_FOLDER, NULL);
  put (sink, "sub", AGENT_SINK_FOLDER, NULL);
  put (sink, "sub/file", AGENT_SINK_FILE, "hello");
  put (sink, "trap", AGENT_SINK_LINK, "../../outside");
  g_assert_cmpint (agent_sink_begin (sink, &through), ==, ENOTDIR);
  g_assert_cmpint (agent_sink_begin (sink, &upward), ==, EINVAL);
  put (sink, "trap", AGENT_SINK_FILE, "no link any more");
  agent_sink_free (sink);
  text = get_text (target, "sub/file");
  g_assert_cmpstr (text, ==, "hello");
  g_free (text);
  text = get_text (outside, "file");
  g_assert_cmpstr (text, ==, "untouched");
  g_free (target);
  target = g_build_filename (root, "new", "target", "sub", "file", NULL);
  g_assert_cmpint (g_stat (target, &found), ==, 0);
  g_assert_cmpint (found.st_mtime, ==, 1000000000);
  g_assert_cmpint (found.st_mode & 07777, ==, 0640);
  remove_root (root);
}

/* A single file is not there before its end, and the old one stays when the end never comes. */
static void
test_sink_atomic (void)
{
  g_autofree char *root = make_root ();
  g_autofree char *target = g_build_filename (root, "file", NULL);
  g_autofree char *text = NULL;
  agent_sink_entry entry = { .path = "", .type = AGENT_SINK_FILE, .mode = 0644, .mtime_ns = -1 };
  agent_sink *sink;
  g_autoptr (GDir) dir = NULL;

  put_text (root, "file", "old");
  sink = agent_sink_new (target, NULL);
  g_assert_cmpint (agent_sink_begin (sink, &entry), ==, 0);
  g_assert_cmpint (agent_sink_data (sink, "half", 4), ==, 0);
  agent_sink_free (sink);
  text = get_text (root, "file");
  g_assert_cmpstr (text, ==, "old");
  dir = g_dir_open (root, 0, NULL);
  g_assert_cmpstr (g_dir_read_name (dir), ==, "file");
  g_assert_null (g_dir_read_name (dir));
  sink = agent_sink_new (target, NULL);
  put (sink, "", AGENT_SINK_FILE, "new");
  agent_sink_free (sink);
  g_free (text);
  text = get_text (root, "file");
  g_assert_cmpstr (text, ==, "new");
  remove_root (root);
}

static void
test_sink_sparse (void)
{
  g_autofree char *root = make_root ();
  g_autofree char *target = g_build_filename (root, "sparse", NULL);
  agent_sink_entry entry = { .path = "", .type = AGENT_SINK_FILE, .mode = 0644, .mtime_ns = -1 };
  agent_sink *sink = agent_sink_new (target, NULL);
  GStatBuf found;
  char byte = 0;
  int fd;

  g_assert_cmpint (agent_sink_begin (sink, &entry), ==, 0);
  g_assert_cmpint (agent_sink_hole (sink, (uint64_t) 5 << 30), ==, 0);
  g_assert_cmpint (agent_sink_data (sink, "x", 1), ==, 0);
  g_assert_cmpint (agent_sink_hole (sink, 4095), ==, 0);
  g_assert_cmpint (agent_sink_hole (sink, UINT64_MAX), ==, EINVAL);
  g_assert_cmpint (agent_sink_end (sink), ==, 0);
  agent_sink_free (sink);
  g_assert_cmpint (g_stat (target, &found), ==, 0);
  g_assert_cmpint (found.st_size, ==, ((gint64) 5 << 30) + 4096);
  g_assert_cmpint (found.st_blocks, <, 1024);
  fd = open (target, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (pread (fd, &byte, 1, (off_t) 5 << 30), ==, 1);
  g_assert_cmpint (byte, ==, 'x');
  close (fd);
  remove_root (root);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agent/beneath/plain", test_plain);
  g_test_add_func ("/agent/beneath/links", test_beneath_links);
  g_test_add_func ("/agent/beneath/deep", test_remove_deep);
  g_test_add_func ("/agent/device", test_device);
  g_test_add_func ("/agent/walk/tree", test_walk);
  g_test_add_func ("/agent/walk/deep", test_walk_deep);
  g_test_add_func ("/agent/sink/tree", test_sink_tree);
  g_test_add_func ("/agent/sink/atomic", test_sink_atomic);
  g_test_add_func ("/agent/sink/sparse", test_sink_sparse);
  return tcw_test_run ();
}
