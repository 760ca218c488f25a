/* Lists and removes trees of files; see guard-files.h. */
#include "guard-files.h"

#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#define FTS_HOW (FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV)

static FTS *
open_tree (const char *folder)
{
  g_autofree char *path = g_strdup (folder);
  char *paths[] = { path, NULL };

  return fts_open (paths, FTS_HOW, NULL);
}

GHashTable *
tcw_guard_files_list (const char *folder)
{
  GHashTable *found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  FTS *tree = open_tree (folder);
  FTSENT *entry;

  if (tree == NULL)
    return found;
  while ((entry = fts_read (tree)) != NULL)
    if (entry->fts_level > 0 && entry->fts_info != FTS_DP)
      g_hash_table_add (found, g_strdup (entry->fts_path));
  fts_close (tree);
  return found;
}

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
tcw_guard_files_added (const char *folder, GHashTable *before)
{
  g_autoptr (GHashTable) now = tcw_guard_files_list (folder);
  GPtrArray *added = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer path;

  g_hash_table_iter_init (&iter, now);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    if (!g_hash_table_contains (before, path))
      g_ptr_array_add (added, g_strdup (path));
  g_ptr_array_sort (added, compare_paths);
  return added;
}

gboolean
tcw_guard_files_remove (const char *folder)
{
  FTS *tree = open_tree (folder);
  FTSENT *entry;
  gboolean all = TRUE;

  if (tree == NULL)
    return FALSE;
  while ((entry = fts_read (tree)) != NULL)
    {
      if (entry->fts_info == FTS_D)
        chmod (entry->fts_path, 0700);
      else if (entry->fts_info == FTS_DP)
        all = rmdir (entry->fts_path) == 0 && all;
      else
        all = unlink (entry->fts_path) == 0 && all;
    }
  fts_close (tree);
  return all;
}
