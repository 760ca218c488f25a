/* A template's record: what is sound is taken, what is damaged, stale or half is not. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/tcw-fs.h"
#include "tcw-qemu-template-files.h"
#include "tcw-test.h"

typedef struct
{
  char *folder;
} Fixture;

static void
put (Fixture *fixture, const char *name, const char *content)
{
  g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, content, -1, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->folder = g_dir_make_tmp ("template-XXXXXX", &error);
  g_assert_no_error (error);
  put (fixture, "ram", "memory");
  put (fixture, "state", "devices");
  g_assert_true (tcw_qemu_template_files_record (fixture->folder, "key", "a template", NULL, &error));
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_true (tcw_fs_remove_tree (fixture->folder, NULL, NULL));
  g_free (fixture->folder);
}

static void
assert_state (Fixture *fixture, const char *key, const char *expected_why)
{
  g_autofree char *why = NULL;
  gboolean sound = tcw_qemu_template_files_check (fixture->folder, key, &why, NULL);

  if (expected_why == NULL)
    g_assert_cmpstr (why, ==, NULL);
  else
    {
      g_test_message ("%s", why);
      g_assert_nonnull (strstr (why, expected_why));
    }
  g_assert_cmpint (sound, ==, expected_why == NULL);
}

static void
test_sound (Fixture *fixture, gconstpointer data)
{
  assert_state (fixture, "key", NULL);
  assert_state (fixture, "key", NULL);
}

static void
test_other_key (Fixture *fixture, gconstpointer data)
{
  assert_state (fixture, "other", "another template's");
}

/* A single byte, in place: size and inode stay, only the time tells, and then the digest decides. */
static void
test_flipped_byte (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, "ram", NULL);
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  g_assert_cmpint (pwrite (fd, "M", 1, 0), ==, 1);
  close (fd);
  assert_state (fixture, "key", "its file ram is not what was frozen");
}

/* The same bytes written anew are still the template. */
static void
test_same_bytes (Fixture *fixture, gconstpointer data)
{
  put (fixture, "ram", "memory");
  assert_state (fixture, "key", NULL);
}

static void
test_missing_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, "state", NULL);

  g_assert_cmpint (g_unlink (path), ==, 0);
  assert_state (fixture, "key", "its file state is not what was frozen");
}

static void
test_broken_record (Fixture *fixture, gconstpointer data)
{
  put (fixture, "template.json", "{\"version\":1,");
  assert_state (fixture, "key", "can't be read");
  put (fixture, "template.json", "{\"version\":1,\"key\":\"key\",\"files\":{}}");
  assert_state (fixture, "key", "its file ram");
  put (fixture, "template.json", "{\"version\":1,\"key\":\"key\",\"files\":{\"ram\":1,\"state\":2}}");
  assert_state (fixture, "key", "its file ram");
}

static void
test_discard (Fixture *fixture, gconstpointer data)
{
  tcw_qemu_template_files_discard (fixture->folder);
  assert_state (fixture, "key", "can't be read");
  tcw_qemu_template_files_discard (fixture->folder);
}

static void
test_link (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, "ram", NULL);

  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (symlink ("/etc/hostname", path), ==, 0);
  assert_state (fixture, "key", "its file ram");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/template-files/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("sound", test_sound);
  ADD ("other-key", test_other_key);
  ADD ("flipped-byte", test_flipped_byte);
  ADD ("same-bytes", test_same_bytes);
  ADD ("missing-file", test_missing_file);
  ADD ("broken-record", test_broken_record);
  ADD ("link", test_link);
  ADD ("discard", test_discard);
#undef ADD
  return tcw_test_run ();
}
