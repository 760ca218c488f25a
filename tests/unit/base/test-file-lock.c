/* Locks between processes; separate descriptors of one process exclude each other just so. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-file-lock.h"
#include "base/tcw-fs.h"

typedef struct {
  char *folder;
  char *path;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = tcw_fs_make_temp_folder (g_get_tmp_dir (), "tcw-lock-", NULL);
  f->path = g_build_filename (f->folder, "lock", NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_true (tcw_fs_remove_tree (f->folder, NULL, NULL));
  g_free (f->folder);
  g_free (f->path);
}

static void
test_exclusive (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwFileLock) first = tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error);
  g_autoptr (TcwFileLock) second = NULL;
  g_autofree char *self = g_strdup_printf ("process %ld", (long) getpid ());

  g_assert_no_error (error);
  g_assert_null (tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, self));
  g_clear_error (&error);
  g_assert_null (tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_SHARED, 20, NULL, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE);
  g_clear_error (&error);
  g_clear_pointer (&first, tcw_file_lock_release);
  second = tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (second);
}

static void
test_shared (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwFileLock) first = tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_SHARED, 0, NULL, &error);
  g_autoptr (TcwFileLock) second = tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_SHARED, 0, NULL, &error);

  g_assert_no_error (error);
  g_assert_null (tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE);
}

/* A child that was forked while the lock was held, and has not come to its exec yet, holds nothing. */
static void
test_child_of_holder (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwFileLock) first = tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error);
  g_autoptr (TcwFileLock) second = NULL;
  int end[2];
  char byte;
  pid_t child;

  g_assert_no_error (error);
  g_assert_no_errno (pipe (end));
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      close (end[1]);
      _exit (read (end[0], &byte, 1) == 0 ? 0 : 1);
    }
  close (end[0]);
  g_clear_pointer (&first, tcw_file_lock_release);
  second = tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error);
  close (end[1]);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  g_assert_no_error (error);
}

/* A process that dies without a word lets go of its lock; a waiter then gets it. */
static void
test_holder_dies (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwFileLock) lock = NULL;
  int ready[2];
  int status = 0;
  char byte = 0;
  pid_t child;

  g_assert_no_errno (pipe (ready));
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      g_autoptr (TcwFileLock) held = tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, NULL);

      (void) !write (ready[1], held != NULL ? "y" : "n", 1);
      pause ();
      _exit (0);
    }
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  g_assert_cmpint (byte, ==, 'y');
  g_assert_null (tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error));
  g_clear_error (&error);
  g_assert_no_errno (kill (child, SIGKILL));
  lock = tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 10000, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  close (ready[0]);
  close (ready[1]);
}

static gpointer
cancel_it (gpointer data)
{
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (TcwFileLock) held = tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error);
  GThread *thread = g_thread_new ("cancel", cancel_it, cancellable);

  g_assert_null (tcw_file_lock_acquire (f->path, TCW_FILE_LOCK_EXCLUSIVE, -1, cancellable, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_CANCELLED);
  g_thread_join (thread);
}

static void
test_bad_path (Fixture *f, gconstpointer data)
{
  g_autofree char *nowhere = g_build_filename (f->folder, "none", "lock", NULL);
  g_autofree char *link = g_build_filename (f->folder, "link", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (tcw_file_lock_acquire (nowhere, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_INTERNAL);
  g_clear_error (&error);
  g_assert_no_errno (symlink ("/etc/hostname", link));
  g_assert_null (tcw_file_lock_acquire (link, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_INTERNAL);
  tcw_file_lock_release (NULL);
}

#define ADD(name, function) g_test_add ("/file-lock/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("exclusive", test_exclusive);
  ADD ("shared", test_shared);
  ADD ("child-of-holder", test_child_of_holder);
  ADD ("holder-dies", test_holder_dies);
  ADD ("cancel", test_cancel);
  ADD ("bad-path", test_bad_path);
  return g_test_run ();
}
