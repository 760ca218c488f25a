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

/* Name servers as they come out of a decoded message. */
static TcwWireStrings
make_dns (guint8 *buffer, gsize size, const char *server)
{
  const char *items[] = { server };
  TcwWireStrings strings = { .count = 1, .items = items };
  TcwWireWriter writer;
  TcwWireReader reader;

  tcw_wire_writer_init (&writer, buffer, size);
  tcw_wire_write_strings (&writer, &strings);
  g_assert_true (tcw_wire_writer_is_complete (&writer));
  tcw_wire_reader_init (&reader, buffer, writer.length);
  return tcw_wire_read_strings (&reader, TCW_WIRE_DNS_MAX, 64);
}

static void
test_files (fixture *self, gconstpointer data)
{
  guint8 seed[64] = { 7 };
  guint8 buffer[128];
  TcwWireIdentity identity = { .entropy = seed,
                               .entropy_length = sizeof seed,
                               .clock_ns = 1,
                               .host_name = "task-1.example",
                               .machine_id = "0123456789abcdef0123456789abcdef",
                               .network = { .present = true, .address4 = "10.0.2.15", .prefix4 = 24 } };

  identity.network.dns = make_dns (buffer, sizeof buffer, "10.0.2.3");
  g_assert_true (agent_identity_apply (&identity, self->root, self->text, sizeof self->text));
  g_assert_cmpstr (self->text, ==, "");
  assert_content (self, "etc/hostname", "task-1.example\n");
  assert_content (self, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  assert_content (self, "etc/resolv.conf", "nameserver 10.0.2.3\n");
}

static void
test_dbus_id (fixture *self, gconstpointer data)
{
  g_autofree char *folder = g_build_filename (self->root, "var", "lib", "dbus", NULL);
  g_autofree char *file = g_build_filename (folder, "machine-id", NULL);
  TcwWireIdentity identity = { .host_name = "", .machine_id = "0123456789abcdef0123456789abcdef" };

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (file, "old\n", -1, NULL));
  g_assert_true (agent_identity_apply (&identity, self->root, self->text, sizeof self->text));
  assert_content (self, "var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n");
}

/* Each wrong part is told, and the right ones are done all the same. */
static void
test_wrong (fixture *self, gconstpointer data)
{
  guint8 buffer[128];
  TcwWireIdentity identity = { .host_name = "bad name", .machine_id = "0123456789abcdef0123456789abcdef", .network = { .present = true } };

  identity.network.dns = make_dns (buffer, sizeof buffer, "not.an.address");
  g_assert_false (agent_identity_apply (&identity, self->root, self->text, sizeof self->text));
  g_assert_nonnull (strstr (self->text, "host name"));
  g_assert_nonnull (strstr (self->text, "; name server"));
  assert_content (self, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
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
