/* The agent's link with a real guest: much data, many commands, stalls, breaks, files, and a VM that dies. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-fs.h"
#include "vm-fixture.h"

#define MIB (1024 * 1024)

/* --- Bytes that can be told apart, made as they are needed. -------------------------------------------------------------- */

typedef struct
{
  guint64 state;
} Noise;

/* xorshift64 (Marsaglia, 2003). */
static void
noise_fill (Noise *noise, guint8 *data, gsize length)
{
  for (gsize i = 0; i + 8 <= length; i += 8)
    {
      noise->state ^= noise->state << 13;
      noise->state ^= noise->state >> 7;
      noise->state ^= noise->state << 17;
      memcpy (data + i, &noise->state, 8);
    }
}

typedef struct
{
  GChecksum *checksum;
  guint64 bytes;
} Digest;

static gboolean
digest_sink (const guint8 *data, gsize length, gpointer user_data, GError **error)
{
  Digest *digest = user_data;

  g_checksum_update (digest->checksum, data, (gssize) length);
  digest->bytes += length;
  return TRUE;
}

static void
digest_init (Digest *digest)
{
  digest->checksum = g_checksum_new (G_CHECKSUM_SHA256);
  digest->bytes = 0;
}

static TcwQemuAgentExec *
start (VmFixture *vm, const char *script, gboolean has_stdin, Digest *output)
{
  const char *const argv[] = { "sh", "-c", script, NULL };
  const TcwQemuAgentExecOptions options = { .argv = argv, .has_stdin = has_stdin, .out = digest_sink, .out_data = output };
  g_autoptr (GError) error = NULL;
  TcwQemuAgentExec *exec = tcw_qemu_agent_exec (vm->agent, &options, vm_deadline (60), NULL, &error);

  g_assert_no_error (error);
  return exec;
}

static void
assert_exit (TcwQemuAgentExec *exec, int code)
{
  TcwQemuAgentExit end;
  g_autoptr (GError) error = NULL;

  tcw_qemu_agent_exec_wait (exec, vm_deadline (180), NULL, &end, &error);
  g_assert_no_error (error);
  g_assert_cmpint (end.kind, ==, TCW_WIRE_EXIT_EXITED);
  g_assert_cmpint (end.code, ==, code);
}

/* --- Tests. -------------------------------------------------------------------------------------------------------------- */

/* In by stdin and back by stdout, with the same digest; @break_every: the link is cut and made anew each so many bytes. */
static void
there_and_back (VmFixture *vm, gsize total, gsize break_every)
{
  g_autofree guint8 *block = g_malloc (MIB);
  g_autoptr (TcwQemuAgentExec) exec = NULL;
  g_autoptr (GChecksum) sent = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GError) error = NULL;
  Noise noise = { .state = 0x9e3779b97f4a7c15 };
  Digest received;

  digest_init (&received);
  exec = start (vm, "exec cat", TRUE, &received);
  for (gsize done = 0; done < total; done += MIB)
    {
      if (break_every != 0 && done % break_every == 0 && done > 0)
        {
          tcw_qemu_agent_disconnect (vm->agent);
          tcw_qemu_agent_connect (vm->agent, tcw_qemu_guest_get_agent_socket (vm->guest), vm_deadline (30), NULL, &error);
          g_assert_no_error (error);
        }
      noise_fill (&noise, block, MIB);
      g_checksum_update (sent, block, MIB);
      tcw_qemu_agent_exec_write_stdin (exec, block, MIB, vm_deadline (60), NULL, &error);
      g_assert_no_error (error);
    }
  tcw_qemu_agent_exec_close_stdin (exec);
  assert_exit (exec, 0);
  g_assert_cmpuint (received.bytes, ==, total);
  g_assert_cmpstr (g_checksum_get_string (received.checksum), ==, g_checksum_get_string (sent));
  g_checksum_free (received.checksum);
}

static void
test_hundred_megabytes (gconstpointer data)
{
  there_and_back ((VmFixture *) (guintptr) data, 100 * MIB, 0);
}

static void
test_broken_links (gconstpointer data)
{
  there_and_back ((VmFixture *) (guintptr) data, 20 * MIB, 2 * MIB);
}

static void
test_thousand_commands (gconstpointer data)
{
  VmFixture *vm = (VmFixture *) (guintptr) data;
  gint64 begin = g_get_monotonic_time ();

  for (int i = 0; i < 1000; i++)
    {
      const char *const argv[] = { "true", NULL };
      const TcwQemuAgentExecOptions options = { .argv = argv };
      g_autoptr (GError) error = NULL;
      g_autoptr (TcwQemuAgentExec) exec = tcw_qemu_agent_exec (vm->agent, &options, vm_deadline (60), NULL, &error);

      g_assert_no_error (error);
      assert_exit (exec, 0);
    }
  g_test_message ("1000 commands, %.1f ms each", (double) (g_get_monotonic_time () - begin) / 1e6);
}

/* Eight at once, of which one is never read: it waits, the others don't. */
static void
test_stalled_reader (gconstpointer data)
{
  VmFixture *vm = (VmFixture *) (guintptr) data;
  TcwQemuAgentExec *execs[8];
  Digest digests[8];

  for (gsize i = 0; i < G_N_ELEMENTS (execs); i++)
    {
      digest_init (&digests[i]);
      execs[i] = start (vm, "exec dd if=/dev/zero bs=65536 count=80 2>/dev/null", FALSE, &digests[i]);
      if (i == 0)
        tcw_qemu_agent_exec_pause_output (execs[i], 1, TRUE);
    }
  for (gsize i = 1; i < G_N_ELEMENTS (execs); i++)
    {
      assert_exit (execs[i], 0);
      g_assert_cmpuint (digests[i].bytes, ==, 80 * 65536);
    }
  g_assert_false (tcw_qemu_agent_exec_is_done (execs[0]));
  g_assert_cmpuint (digests[0].bytes, <, 80 * 65536);
  tcw_qemu_agent_exec_pause_output (execs[0], 1, FALSE);
  assert_exit (execs[0], 0);
  g_assert_cmpuint (digests[0].bytes, ==, 80 * 65536);
  for (gsize i = 0; i < G_N_ELEMENTS (execs); i++)
    {
      g_checksum_free (digests[i].checksum);
      g_object_unref (execs[i]);
    }
}

/* Daemons of a command are gone when it has ended; killed means all of it. */
static void
test_trees (gconstpointer data)
{
  VmFixture *vm = (VmFixture *) (guintptr) data;
  g_autoptr (GError) error = NULL;
  TcwQemuAgentExit end;
  Digest digest;

  digest_init (&digest);
  {
    g_autoptr (TcwQemuAgentExec) daemons = start (vm, "for i in 1 2 3; do setsid sh -c 'sleep 1234 & sleep 1234' & done", FALSE, &digest);

    assert_exit (daemons, 0);
  }
  {
    g_autoptr (TcwQemuAgentExec) count = start (vm, "! ps | grep 'sleep 123[4]'", FALSE, &digest);

    assert_exit (count, 0);
  }
  {
    g_autoptr (TcwQemuAgentExec) stubborn = start (vm, "trap '' TERM INT HUP; sleep 1235 & wait", FALSE, &digest);

    g_assert_true (tcw_qemu_agent_exec_kill (stubborn, vm_deadline (30), NULL, &error));
    tcw_qemu_agent_exec_wait (stubborn, vm_deadline (30), NULL, &end, &error);
    g_assert_no_error (error);
    g_assert_cmpint (end.kind, ==, TCW_WIRE_EXIT_SIGNALLED);
    g_assert_cmpint (end.code, ==, SIGKILL);
  }
  g_checksum_free (digest.checksum);
}

/* --- Files. -------------------------------------------------------------------------------------------------------------- */

typedef struct
{
  guint files;
  guint64 bytes;
  guint64 holes;
  GChecksum *checksum;
} Tree;

static gboolean
tree_begin (const TcwWireTreeEntry *entry, gpointer user_data, GError **error)
{
  Tree *tree = user_data;

  tree->files += entry->type == TCW_WIRE_TREE_FILE;
  return TRUE;
}

static gboolean
tree_data (const guint8 *data, gsize length, gpointer user_data, GError **error)
{
  Tree *tree = user_data;

  tree->bytes += length;
  g_checksum_update (tree->checksum, data, (gssize) length);
  return TRUE;
}

static gboolean
tree_hole (guint64 length, gpointer user_data, GError **error)
{
  Tree *tree = user_data;

  tree->holes += length;
  return TRUE;
}

static void
put_text (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

/* A folder with a sparse file of over 4 GiB in it, in and out again. */
static void
test_files (gconstpointer data)
{
  static const TcwQemuAgentVisitor visitor = { .begin_entry = tree_begin, .data = tree_data, .hole = tree_hole };
  VmFixture *vm = (VmFixture *) (guintptr) data;
  g_autoptr (GError) error = NULL;
  g_autofree char *parent = g_path_get_dirname (tcw_qemu_guest_get_agent_socket (vm->guest));
  g_autofree char *folder = tcw_fs_make_temp_folder (parent, "files-", &error);
  g_autofree char *sparse = g_build_filename (folder, "sparse", NULL);
  TcwWirePut put = { .path = "/tmp/copy" };
  TcwWireGet get = { .path = "/tmp/copy", .flags = TCW_WIRE_GET_FOLDER };
  Tree tree = { .checksum = g_checksum_new (G_CHECKSUM_SHA256) };
  int fd;

  g_assert_no_error (error);
  put_text (folder, "a", "first");
  put_text (folder, "b", "second");
  fd = open (sparse, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  g_assert_cmpint (pwrite (fd, "end", 3, 5LL * 1024 * MIB), ==, 3);
  close (fd);
  tcw_qemu_agent_put (vm->agent, &put, tcw_qemu_agent_put_local, folder, vm_deadline (60), NULL, &error);
  g_assert_no_error (error);
  tcw_qemu_agent_get (vm->agent, &get, &visitor, &tree, vm_deadline (60), NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (tree.files, ==, 3);
  g_assert_cmpuint (tree.bytes + tree.holes, ==, 5LL * 1024 * MIB + 3 + strlen ("firstsecond"));
  g_assert_cmpuint (tree.bytes, <, MIB);
  get.path = "/tmp/nowhere";
  g_assert_false (tcw_qemu_agent_get (vm->agent, &get, &visitor, &tree, vm_deadline (60), NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NOT_FOUND);
  g_checksum_free (tree.checksum);
  g_assert_true (tcw_fs_remove_tree (folder, NULL, NULL));
}

/* --- Ends. --------------------------------------------------------------------------------------------------------------- */

/* A new session finds a clean machine that executes nothing before its identity. */
static void
test_identity_needed (gconstpointer data)
{
  VmFixture *vm = (VmFixture *) (guintptr) data;
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuAgent) other = tcw_qemu_agent_new (NULL);
  const char *const argv[] = { "true", NULL };
  const TcwQemuAgentExecOptions options = { .argv = argv };

  tcw_qemu_agent_disconnect (vm->agent);
  g_assert_true (tcw_qemu_agent_connect (other, tcw_qemu_guest_get_agent_socket (vm->guest), vm_deadline (30), NULL, &error));
  g_assert_true (tcw_qemu_agent_needs_identity (other));
  g_assert_null (tcw_qemu_agent_exec (other, &options, vm_deadline (30), NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_IDENTITY_NEEDED);
}

static void
test_killed_vm (gconstpointer data)
{
  VmFixture *vm = (VmFixture *) (guintptr) data;
  TcwQemuGuest *guest = vm_fork (vm->host);
  VmFixture doomed = { .host = vm->host, .guest = guest, .agent = tcw_qemu_guest_get_agent (guest) };
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuAgentExec) exec = NULL;
  TcwQemuAgentExit end;
  Digest digest;
  gint64 begin;

  digest_init (&digest);
  exec = start (&doomed, "sleep 60", FALSE, &digest);
  begin = g_get_monotonic_time ();
  g_assert_cmpint (kill (tcw_qemu_vm_get_pid (tcw_qemu_guest_get_vm (guest)), SIGKILL), ==, 0);
  g_assert_false (tcw_qemu_agent_exec_wait (exec, vm_deadline (30), NULL, &end, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LINK_CLOSED);
  g_assert_cmpint (tcw_qemu_vm_get_end (tcw_qemu_guest_get_vm (guest), 5 * G_TIME_SPAN_SECOND), ==, TCW_QEMU_VM_END_DIED);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 2 * G_TIME_SPAN_SECOND);
  g_clear_object (&exec);
  tcw_qemu_guest_free (guest);
  g_checksum_free (digest.checksum);
}

static void
add_tests (VmFixture *vm)
{
  g_test_add_data_func ("/vm/hundred-megabytes", vm, test_hundred_megabytes);
  g_test_add_data_func ("/vm/broken-links", vm, test_broken_links);
  g_test_add_data_func ("/vm/thousand-commands", vm, test_thousand_commands);
  g_test_add_data_func ("/vm/stalled-reader", vm, test_stalled_reader);
  g_test_add_data_func ("/vm/trees", vm, test_trees);
  g_test_add_data_func ("/vm/files", vm, test_files);
  g_test_add_data_func ("/vm/killed-vm", vm, test_killed_vm);
  g_test_add_data_func ("/vm/identity-needed", vm, test_identity_needed);
}

int
main (int argc, char **argv)
{
  return vm_fixture_main (argc, argv, add_tests);
}
