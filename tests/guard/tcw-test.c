/* Compares /proc/self/fd before and after; see tcw-test.h. */
#include "tcw-test.h"

#include <glib-unix.h>
#include <signal.h>

struct _TcwTestFdSnapshot {
  GHashTable *open; /* number of the file as text -> its target */
};

/* All open files but the one that reads this list. */
static GHashTable *
read_open_files (void)
{
  GHashTable *open = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_clear_pointer (&folder, g_dir_close);
  for (guint i = 0; i < names->len; i++)
    {
      const char *number = g_ptr_array_index (names, i);
      g_autofree char *path = g_build_filename ("/proc/self/fd", number, NULL);
      char *target = g_file_read_link (path, NULL);

      if (target != NULL)
        g_hash_table_insert (open, g_strdup (number), target);
    }
  return open;
}

/* The default context and GLib's own thread each open an eventfd at their first use and keep it. */
static void
warm_up_glib (void)
{
  g_autoptr (GSource) source = g_unix_signal_source_new (SIGUSR2);

  g_main_context_default ();
}

TcwTestFdSnapshot *
tcw_test_fd_snapshot (void)
{
  TcwTestFdSnapshot *snapshot = g_new0 (TcwTestFdSnapshot, 1);

  warm_up_glib ();
  snapshot->open = read_open_files ();
  return snapshot;
}

char *
tcw_test_fd_snapshot_compare (const TcwTestFdSnapshot *snapshot)
{
  g_autoptr (GHashTable) now = read_open_files ();
  g_autoptr (GString) text = g_string_new (NULL);
  GHashTableIter iter;
  gpointer number;
  gpointer target;

  g_hash_table_iter_init (&iter, now);
  while (g_hash_table_iter_next (&iter, &number, &target))
    if (g_strcmp0 (target, g_hash_table_lookup (snapshot->open, number)) != 0)
      g_string_append_printf (text, "%s -> %s\n", (const char *) number, (const char *) target);
  return text->len > 0 ? g_string_free (g_steal_pointer (&text), FALSE) : NULL;
}

void
tcw_test_fd_snapshot_free (TcwTestFdSnapshot *snapshot)
{
  g_hash_table_unref (snapshot->open);
  g_free (snapshot);
}

void
tcw_test_fd_snapshot_check (TcwTestFdSnapshot *snapshot)
{
  g_autofree char *left = tcw_test_fd_snapshot_compare (snapshot);

  tcw_test_fd_snapshot_free (snapshot);
  if (left == NULL)
    return;
  g_test_message ("the test left open files:\n%s", left);
  g_test_fail ();
}

int
tcw_test_run (void)
{
  g_autoptr (TcwTestFdSnapshot) snapshot = tcw_test_fd_snapshot ();
  g_autofree char *left = NULL;
  int result = g_test_run ();

  left = tcw_test_fd_snapshot_compare (snapshot);
  if (left == NULL)
    return result;
  g_printerr ("the test left open files:\n%s", left);
  return 1;
}
