/* Folders, files and expected failures of the tests of images; see image-fixture.h. */
#include "image-fixture.h"

#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"

void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = tcw_fs_make_temp_folder (g_get_tmp_dir (), "tcw-image-test-", NULL);
  f->store_folder = g_build_filename (f->folder, "images", NULL);
  g_setenv ("TMPDIR", f->folder, TRUE);
}

void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_true (tcw_fs_remove_tree (f->folder, NULL, NULL));
  g_free (f->folder);
  g_free (f->store_folder);
}

char *
write_file (const char *folder, const char *name, const char *text)
{
  char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  tcw_fs_write_atomic (path, text, -1, 0644, &error);
  g_assert_no_error (error);
  return path;
}

void
assert_fails (gboolean failed, GError **error, int code, const char *part)
{
  g_assert_true (failed);
  g_assert_error (*error, TCW_ERROR, code);
  if (strstr ((*error)->message, part) == NULL)
    g_error ("“%s” is not in: %s", part, (*error)->message);
  g_clear_error (error);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char *
list_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}
