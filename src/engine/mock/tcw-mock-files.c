/* Files that are only names; see tcw-mock-files.h. */
#include "engine/mock/tcw-mock-files.h"

#include <string.h>

#include "base/tcw-error.h"

static const char content[] = "Hello World";

struct _TcwMockFiles
{
  GTree *paths; /* set of the files' paths, in order */
};

static gint
compare (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

static gboolean
check_path (const char *path, GError **error)
{
  g_auto (GStrv) components = g_strsplit (path[0] == '/' ? path + 1 : path, "/", -1);
  gboolean good = components[0] != NULL;

  for (char **component = components; *component != NULL; component++)
    good = good && **component != '\0' && strcmp (*component, ".") != 0 && strcmp (*component, "..") != 0;
  if (good)
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "“%s” can't be a path: no component may be empty, “.” or “..”", path);
  return FALSE;
}

/* Whether there is a file below @path, which makes it a folder. */
static gboolean
is_folder (TcwMockFiles *self, const char *path)
{
  g_autofree char *prefix = g_strconcat (path, "/", NULL);
  GTreeNode *first = g_tree_lower_bound (self->paths, prefix);

  return first != NULL && g_str_has_prefix (g_tree_node_key (first), prefix);
}

static gboolean
check_kinds (TcwMockFiles *self, GError **error)
{
  for (GTreeNode *node = g_tree_node_first (self->paths); node != NULL; node = g_tree_node_next (node))
    if (is_folder (self, g_tree_node_key (node)))
      {
        g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "%s can't be a file and a folder",
                     (const char *) g_tree_node_key (node));
        return FALSE;
      }
  return TRUE;
}

TcwMockFiles *
tcw_mock_files_new (const char *paths, GError **error)
{
  g_autoptr (TcwMockFiles) self = g_new0 (TcwMockFiles, 1);
  g_auto (GStrv) split = g_strsplit (paths, " ", -1);

  self->paths = g_tree_new_full (compare, NULL, g_free, NULL);
  for (char **path = split; *path != NULL; path++)
    {
      if (**path == '\0')
        continue;
      if (!check_path (*path, error))
        return NULL;
      g_tree_insert (self->paths, g_strdup (*path), NULL);
    }
  if (!check_kinds (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
tcw_mock_files_free (TcwMockFiles *self)
{
  g_tree_unref (self->paths);
  g_free (self);
}

static gboolean
show (const char *path, const TcwEntryVisitor *visitor, gpointer user_data, GError **error)
{
  return visitor->begin_file (user_data, path, sizeof content - 1, error)
         && visitor->data (user_data, (const guint8 *) content, sizeof content - 1, error) && visitor->end_file (user_data, error);
}

static gboolean
show_folder (TcwMockFiles *self, const char *path, const TcwEntryVisitor *visitor, gpointer user_data, GError **error)
{
  g_autofree char *prefix = g_strconcat (path, "/", NULL);

  for (GTreeNode *node = g_tree_lower_bound (self->paths, prefix); node != NULL; node = g_tree_node_next (node))
    {
      const char *name = g_tree_node_key (node);

      if (!g_str_has_prefix (name, prefix))
        return TRUE;
      if (!show (name + strlen (prefix), visitor, user_data, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
tcw_mock_files_extract (TcwMockFiles *self, TcwEntryKind kind, const char *path, const TcwEntryVisitor *visitor, gpointer user_data,
                        GError **error)
{
  if (!check_path (path, error))
    return FALSE;
  if (kind == TCW_ENTRY_FILE && g_tree_lookup_node (self->paths, path) != NULL)
    return show ("", visitor, user_data, error);
  if (kind == TCW_ENTRY_FOLDER && is_folder (self, path))
    return show_folder (self, path, visitor, user_data, error);
  g_set_error (error, TCW_ERROR, TCW_ERROR_TASK_FAILED, "there is no %s at %s", kind == TCW_ENTRY_FILE ? "file" : "folder", path);
  return FALSE;
}
