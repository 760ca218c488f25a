/* The check for open files: sees a leak of each kind of file, and nothing where nothing is left. */
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcw-test.h"

static void
test_nothing_left (void)
{
  g_autoptr (TcwTestFdSnapshot) snapshot = tcw_test_fd_snapshot ();
  g_autofree char *left = NULL;
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  left = tcw_test_fd_snapshot_compare (snapshot);
  g_assert_null (left);
}

static void
test_file_left (void)
{
  g_autoptr (TcwTestFdSnapshot) snapshot = tcw_test_fd_snapshot ();
  g_autofree char *left = NULL;
  g_autofree char *expected = NULL;
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  left = tcw_test_fd_snapshot_compare (snapshot);
  expected = g_strdup_printf ("%d -> /dev/null\n", fd);
  g_assert_cmpstr (left, ==, expected);
  close (fd);
}

static void
test_sockets_left (void)
{
  g_autoptr (TcwTestFdSnapshot) snapshot = tcw_test_fd_snapshot ();
  g_autofree char *left = NULL;
  int fds[2] = { -1, -1 };

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  left = tcw_test_fd_snapshot_compare (snapshot);
  g_assert_nonnull (left);
  g_assert_nonnull (strstr (left, "socket:"));
  close (fds[0]);
  close (fds[1]);
}

/* A number that is used again for another file is a difference too. */
static void
test_replaced (void)
{
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  g_autoptr (TcwTestFdSnapshot) snapshot = tcw_test_fd_snapshot ();
  g_autofree char *left = NULL;
  int other = open ("/dev/zero", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (dup2 (other, fd), ==, fd);
  close (other);
  left = tcw_test_fd_snapshot_compare (snapshot);
  g_assert_nonnull (left);
  g_assert_nonnull (strstr (left, "/dev/zero"));
  close (fd);
}

static gboolean
quit_loop (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static void
test_main_loop_is_not_a_leak (void)
{
  g_autoptr (TcwTestFdSnapshot) snapshot = tcw_test_fd_snapshot ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autofree char *left = NULL;

  g_idle_add (quit_loop, loop);
  g_main_loop_run (loop);
  left = tcw_test_fd_snapshot_compare (snapshot);
  g_assert_null (left);
}

/* Run by test-guard.py, which expects this program to fail then. */
static void
test_leaks (void)
{
  g_assert_cmpint (open ("/dev/null", O_RDONLY | O_CLOEXEC), >=, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (argc > 1 && g_strcmp0 (argv[1], "leak") == 0)
    g_test_add_func ("/fd/leak", test_leaks);
  else
    {
      g_test_add_func ("/fd/nothing-left", test_nothing_left);
      g_test_add_func ("/fd/file-left", test_file_left);
      g_test_add_func ("/fd/sockets-left", test_sockets_left);
      g_test_add_func ("/fd/replaced", test_replaced);
      g_test_add_func ("/fd/main-loop-is-not-a-leak", test_main_loop_is_not_a_leak);
    }
  return tcw_test_run ();
}
