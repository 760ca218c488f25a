/* The files of an identity, below a folder; the kernel's part needs a machine of its own and is tested in VMs. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "agent-beneath.h"
#include "agent-identity.h"
#include "tcw-test.h"

typedef struct {
  char *root;
  char text[512];
} fixture;

static void
set_up (fixture *self, gconstpointer data)
{
  g_autofree char *etc = NULL;

  self->root = g_dir_make_tmp ("identity-XXXXXX", NULL);
  etc = g_build_filename (self->root, "etc", NULL);
  g_assert_cmpint (g_mkdir (etc, 0755), ==, 0);
}

static void
tear_down (fixture *self, gconstpointer data)
{
  g_autofree char *parent = g_path_get_dirname (self->root);
  g_autofree char *name = g_path_get_basename (self->root);
  int dir = open (parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  g_assert_cmpint (agent_beneath_remove (dir, name), ==, 0);
  close (dir);
  g_free (self->root);
}

static void
assert_content (const fixture *self, const char *path, const char *expected)
{
  g_autofree char *full = g_build_filename (self->root, path, NULL);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (full, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, expected);
}

static void
test_files (fixture *self, gconstpointer data)
{
  uint8_t seed[64];
  uint8_t zeros[64] = { 0 };
  agent_identity identity = { .seed = seed,
                              .seed_size = sizeof seed,
                              .clock_ns = 1,
                              .host_name = "task-1.example",
                              .machine_id = "0123456789abcdef0123456789abcdef",
                              .resolver = "nameserver 10.0.2.3\n" };

  memset (seed, 7, sizeof seed);
  g_assert_true (agent_identity_apply (&identity, self->root, self->text, sizeof self->text));
  g_assert_cmpstr (self->text, ==, "");
  assert_content (self, "etc/hostname", "task-1.example\n");
  assert_content (self, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  assert_content (self, "etc/resolv.conf", "nameserver 10.0.2.3\n");
  g_assert_cmpint (memcmp (seed, zeros, sizeof zeros), ==, 0);
}

static void
test_dbus_id (fixture *self, gconstpointer data)
{
  g_autofree char *folder = g_build_filename (self->root, "var", "lib", "dbus", NULL);
  g_autofree char *file = g_build_filename (folder, "machine-id", NULL);
  agent_identity identity = { .machine_id = "0123456789abcdef0123456789abcdef" };

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (file, "old\n", -1, NULL));
  g_assert_true (agent_identity_apply (&identity, self->root, self->text, sizeof self->text));
  assert_content (self, "var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n");
}

/* Each wrong part is told, and the right ones are done all the same. */
static void
test_wrong (fixture *self, gconstpointer data)
{
  agent_identity identity = { .host_name = "bad name", .machine_id = "xyz", .resolver = "nameserver 1.1.1.1\n" };

  g_assert_false (agent_identity_apply (&identity, self->root, self->text, sizeof self->text));
  g_assert_nonnull (strstr (self->text, "host name"));
  g_assert_nonnull (strstr (self->text, "; machine id"));
  assert_content (self, "etc/resolv.conf", "nameserver 1.1.1.1\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/agent/identity/files", fixture, NULL, set_up, test_files, tear_down);
  g_test_add ("/agent/identity/dbus-id", fixture, NULL, set_up, test_dbus_id, tear_down);
  g_test_add ("/agent/identity/wrong", fixture, NULL, set_up, test_wrong, tear_down);
  return tcw_test_run ();
}
