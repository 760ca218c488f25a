/* File helpers, each in a temporary folder of its own, with what strangers might have put there. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/tcw-error.h"
#include "base/tcw-fd.h"
#include "base/tcw-fs.h"

typedef struct {
  char *folder;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->folder = tcw_fs_make_temp_folder (g_get_tmp_dir (), "tcw-fs-", &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (tcw_fs_remove_tree (f->folder, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (f->folder, G_FILE_TEST_EXISTS));
  g_free (f->folder);
}

static char *
below (Fixture *f, const char *name)
{
  return g_build_filename (f->folder, name, NULL);
}

static void
put (const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static guint
count_entries (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_write_atomic (Fixture *f, gconstpointer data)
{
  g_autofree char *path = below (f, "file");
  g_autofree char *link = below (f, "link");
  g_autofree char *nowhere = below (f, "none/file");
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  gsize len = 0;
  struct stat st;

  g_assert_true (tcw_fs_write_atomic (path, "one", -1, 0600, &error));
  g_assert_true (tcw_fs_write_atomic (path, "t\0o", 3, 0644, &error));
  g_assert_no_error (error);
  g_assert_no_errno (stat (path, &st));
  g_assert_cmpuint (st.st_mode & 07777, ==, 0644);
  content = tcw_fs_read (path, 3, &len, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (len, ==, 3);
  g_assert_cmpint (memcmp (content, "t\0o", 3), ==, 0);
  g_assert_cmpint (content[3], ==, '\0');

  g_assert_no_errno (symlink (path, link));
  g_assert_true (tcw_fs_write_atomic (link, "new", -1, 0600, &error));
  g_assert_no_errno (lstat (link, &st));
  g_assert_true (S_ISREG (st.st_mode));

  g_assert_false (tcw_fs_write_atomic (nowhere, "x", -1, 0600, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_INTERNAL);
  g_clear_error (&error);
  g_assert_false (tcw_fs_write_atomic (f->folder, "x", -1, 0600, &error));
  g_assert_nonnull (error);
  g_assert_cmpuint (count_entries (f->folder), ==, 2);
}

static void
test_read_bad (Fixture *f, gconstpointer data)
{
  g_autofree char *path = below (f, "file");
  g_autofree char *fifo = below (f, "fifo");
  g_autofree char *missing = below (f, "missing");
  g_autofree char *exact = NULL;
  g_autoptr (GError) error = NULL;

  put (path, "12345");
  exact = tcw_fs_read (path, 5, NULL, &error);
  g_assert_cmpstr (exact, ==, "12345");
  g_assert_null (tcw_fs_read (path, 4, NULL, &error));
  g_assert_nonnull (strstr (error->message, "over the limit of 4 bytes"));
  g_clear_error (&error);

  g_assert_no_errno (mkfifo (fifo, 0600));
  g_assert_null (tcw_fs_read (fifo, 4, NULL, &error));
  g_assert_nonnull (strstr (error->message, "not a regular file"));
  g_clear_error (&error);
  g_assert_null (tcw_fs_read (f->folder, 4, NULL, &error));
  g_assert_nonnull (strstr (error->message, "not a regular file"));
  g_clear_error (&error);
  g_assert_null (tcw_fs_read (missing, 4, NULL, &error));
  g_assert_nonnull (strstr (error->message, missing));
}

static void
test_make_folder (Fixture *f, gconstpointer data)
{
  g_autofree char *deep = below (f, "a//b/c/");
  g_autofree char *file = below (f, "file");
  g_autofree char *under = below (f, "file/x");
  g_autoptr (GError) error = NULL;
  struct stat st;

  g_assert_true (tcw_fs_make_folder (deep, 0751, &error));
  g_assert_true (tcw_fs_make_folder (deep, 0700, &error));
  g_assert_no_error (error);
  g_assert_no_errno (stat (deep, &st));
  g_assert_cmpuint (st.st_mode & 07777, ==, 0751);

  put (file, "");
  g_assert_false (tcw_fs_make_folder (under, 0700, &error));
  g_assert_nonnull (strstr (error->message, "Not a directory"));
  g_clear_error (&error);
  g_assert_false (tcw_fs_make_folder (file, 0700, &error));
  g_assert_nonnull (error);
}

static void
test_remove_tree (Fixture *f, gconstpointer data)
{
  g_autofree char *outside = below (f, "outside");
  g_autofree char *kept = below (f, "outside/kept");
  g_autofree char *tree = below (f, "tree");
  g_autofree char *sub = below (f, "tree/sub");
  g_autofree char *locked = below (f, "tree/locked");
  g_autofree char *inside = below (f, "tree/locked/file");
  g_autofree char *link = below (f, "tree/link");
  g_autofree char *fifo = below (f, "tree/sub/fifo");
  g_autofree char *link_to_tree = below (f, "link-to-outside");
  g_autoptr (GError) error = NULL;

  g_assert_true (tcw_fs_make_folder (outside, 0700, NULL));
  put (kept, "kept");
  g_assert_true (tcw_fs_make_folder (sub, 0700, NULL));
  g_assert_true (tcw_fs_make_folder (locked, 0700, NULL));
  put (inside, "x");
  g_assert_no_errno (chmod (locked, 0));
  g_assert_no_errno (symlink (outside, link));
  g_assert_no_errno (mkfifo (fifo, 0600));
  g_assert_true (tcw_fs_remove_tree (tree, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (tree, G_FILE_TEST_EXISTS));
  g_assert_true (tcw_fs_remove_tree (tree, NULL, &error));

  g_assert_no_errno (symlink (outside, link_to_tree));
  g_assert_true (tcw_fs_remove_tree (link_to_tree, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_test (kept, G_FILE_TEST_EXISTS));

  g_assert_true (tcw_fs_remove_tree (kept, NULL, &error));
  g_assert_false (g_file_test (kept, G_FILE_TEST_EXISTS));
  g_assert_false (tcw_fs_remove_tree ("/", NULL, &error));
  g_clear_error (&error);
  g_assert_false (tcw_fs_remove_tree ("..", NULL, &error));
}

/* 3,000 folders within each other, which no path can name: descriptors and stack must not grow with them. */
static void
test_remove_deep (Fixture *f, gconstpointer data)
{
  g_autofree char *tree = below (f, "deep");
  g_autoptr (GError) error = NULL;
  g_auto (TcwFd) fd = -1;

  g_assert_no_errno (mkdir (tree, 0700));
  fd = open (tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (guint i = 0; i < 3000; i++)
    {
      TcwFd next;

      g_assert_no_errno (mkdirat (fd, "d", 0700));
      next = openat (fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      g_assert_cmpint (next, >=, 0);
      tcw_fd_close (fd);
      fd = next;
    }
  g_assert_true (tcw_fs_remove_tree (tree, NULL, &error));
  g_assert_no_error (error);
}

static void
test_cancelled (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *file = below (f, "file");
  g_autofree char *copy = below (f, "copy");
  g_autoptr (GError) error = NULL;
  guint64 bytes = 0;

  put (file, "x");
  g_cancellable_cancel (cancellable);
  g_assert_null (tcw_fs_sha256 (file, cancellable, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (tcw_fs_real_size (f->folder, &bytes, cancellable, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (tcw_fs_remove_tree (f->folder, cancellable, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_CANCELLED);
  g_clear_error (&error);
  /* A file system that shares extents copies at once and so can't be cancelled. */
  if (!tcw_fs_copy (file, copy, 0600, cancellable, &error))
    {
      g_assert_error (error, TCW_ERROR, TCW_ERROR_CANCELLED);
      g_assert_false (g_file_test (copy, G_FILE_TEST_EXISTS));
    }
}

static void
test_copy (Fixture *f, gconstpointer data)
{
  g_autofree char *from = below (f, "from");
  g_autofree char *to = below (f, "to");
  g_autofree char *empty = below (f, "empty");
  g_autofree char *to_empty = below (f, "to-empty");
  g_autofree char *digest_from = NULL;
  g_autofree char *digest_to = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (TcwFd) fd = open (from, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const off_t size = 64 * 1024 * 1024;
  guint64 bytes = 0;
  struct stat st;

  g_assert_cmpint (pwrite (fd, "start", 5, 0), ==, 5);
  g_assert_cmpint (pwrite (fd, "middle", 6, size / 2), ==, 6);
  g_assert_no_errno (ftruncate (fd, size));
  g_assert_true (tcw_fs_copy (from, to, 0640, NULL, &error));
  g_assert_no_error (error);
  g_assert_no_errno (stat (to, &st));
  g_assert_cmpuint (st.st_mode & 07777, ==, 0640);
  g_assert_cmpint (st.st_size, ==, size);
  digest_from = tcw_fs_sha256 (from, NULL, &error);
  digest_to = tcw_fs_sha256 (to, NULL, &error);
  g_assert_cmpstr (digest_from, ==, digest_to);
  g_assert_true (tcw_fs_real_size (to, &bytes, NULL, &error));
  g_assert_cmpuint (bytes, <, 4 * 1024 * 1024);

  g_assert_false (tcw_fs_copy (from, to, 0600, NULL, &error));
  g_assert_nonnull (strstr (error->message, "File exists"));
  g_clear_error (&error);
  g_assert_true (g_file_test (to, G_FILE_TEST_EXISTS));
  g_assert_false (tcw_fs_copy (f->folder, to_empty, 0600, NULL, &error));
  g_clear_error (&error);
  g_assert_false (g_file_test (to_empty, G_FILE_TEST_EXISTS));
  put (empty, "");
  g_assert_true (tcw_fs_copy (empty, to_empty, 0600, NULL, &error));
  g_assert_no_error (error);
}

static void
test_sha256 (Fixture *f, gconstpointer data)
{
  g_autofree char *path = below (f, "file");
  g_autofree char *digest = NULL;
  g_autoptr (GError) error = NULL;

  put (path, "abc");
  digest = tcw_fs_sha256 (path, NULL, &error);
  g_assert_cmpstr (digest, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  g_assert_null (tcw_fs_sha256 (f->folder, NULL, &error));
  g_assert_nonnull (error);
}

static void
test_sizes (Fixture *f, gconstpointer data)
{
  g_autofree char *sub = below (f, "a/b");
  g_autofree char *file = below (f, "a/b/file");
  g_autofree char *link = below (f, "a/link");
  g_autofree char *missing = below (f, "missing");
  g_autofree char *content = g_strnfill (100000, 'x');
  g_autoptr (GError) error = NULL;
  guint64 bytes = 0;

  g_assert_true (tcw_fs_make_folder (sub, 0700, NULL));
  put (file, content);
  g_assert_no_errno (symlink ("/usr", link));
  g_assert_true (tcw_fs_real_size (f->folder, &bytes, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (bytes, >=, 100000);
  g_assert_cmpuint (bytes, <, 1000000);
  g_assert_true (tcw_fs_free_space (f->folder, &bytes, &error));
  g_assert_cmpuint (bytes, >, 0);
  g_assert_false (tcw_fs_real_size (missing, &bytes, NULL, &error));
  g_clear_error (&error);
  g_assert_false (tcw_fs_free_space (missing, &bytes, &error));
}

static void
test_codes (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (tcw_fs_fail (&error, ENOSPC, "cannot %s", "write"));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE);
  g_assert_cmpstr (error->message, ==, "cannot write: No space left on device");
  g_clear_error (&error);
  g_assert_false (tcw_fs_fail (&error, EIO, "cannot read"));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_INTERNAL);
}

#define ADD(name, function) g_test_add ("/fs/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("write-atomic", test_write_atomic);
  ADD ("read-bad", test_read_bad);
  ADD ("make-folder", test_make_folder);
  ADD ("remove-tree", test_remove_tree);
  ADD ("remove-deep", test_remove_deep);
  ADD ("cancelled", test_cancelled);
  ADD ("copy", test_copy);
  ADD ("sha256", test_sha256);
  ADD ("sizes", test_sizes);
  g_test_add_func ("/fs/codes", test_codes);
  return g_test_run ();
}
