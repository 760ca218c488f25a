/* Names, versions and locks of images; see tcw-qemu-image-store.h. */
#include "tcw-qemu-image-store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"
#include "tcw-qemu-image-manifest.h"

#define LOCK_FILE ".lock"
#define CURRENT_FILE "current"
#define IMPORT_PREFIX ".import-"
#define VERSION_LENGTH 16
/* Names change in a moment; who holds the lock for longer hangs. */
#define STORE_LOCK_MS 10000
#define LOOKUP_TRIES 5
#define LOOKUP_LOCK_MS 1000

struct _TcwQemuImageStore {
  gatomicrefcount refs;
  char *folder;
};

TcwQemuImageStore *
tcw_qemu_image_store_ref (TcwQemuImageStore *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
tcw_qemu_image_store_unref (TcwQemuImageStore *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->refs))
    return;
  g_free (self->folder);
  g_free (self);
}

static TcwFileLock *
lock_store (TcwQemuImageStore *self, TcwFileLockKind kind, GError **error)
{
  g_autofree char *path = g_build_filename (self->folder, LOCK_FILE, NULL);

  return tcw_file_lock_acquire (path, kind, STORE_LOCK_MS, NULL, error);
}

/* Removes @folder unless somebody holds its lock. */
static gboolean
remove_unused (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, LOCK_FILE, NULL);
  g_autoptr (TcwFileLock) lock = tcw_file_lock_acquire (path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, error);

  return lock != NULL && tcw_fs_remove_tree (folder, NULL, error);
}

static gboolean
is_version (const char *name)
{
  return strlen (name) == VERSION_LENGTH && strspn (name, "0123456789abcdef") == VERSION_LENGTH;
}

/* Returns (transfer full) the version that @name stands for, or NULL: there is no such image. */
static char *
dup_current (TcwQemuImageStore *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->folder, name, CURRENT_FILE, NULL);
  g_autofree char *version = tcw_qemu_image_name_is_valid (name) ? tcw_fs_read (path, VERSION_LENGTH + 1, NULL, NULL) : NULL;

  if (version == NULL)
    return NULL;
  g_strchomp (version);
  return is_version (version) ? g_steal_pointer (&version) : NULL;
}

/* Removes versions of @name that it no longer stands for and nobody uses; also the folder, if nothing is left. With the store's lock. */
static void
sweep_name (TcwQemuImageStore *self, const char *name)
{
  g_autofree char *folder = g_build_filename (self->folder, name, NULL);
  g_autofree char *current = dup_current (self, name);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *version;

  while (dir != NULL && (version = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, version, NULL);
      g_autoptr (GError) error = NULL;

      if (is_version (version) && g_strcmp0 (version, current) != 0 && !remove_unused (path, &error))
        g_debug ("image version %s stays: %s", path, error->message);
    }
  if (current == NULL)
    rmdir (folder);
}

/* What crashes left. Not worth failing for: the next one comes by here again. */
static void
sweep (TcwQemuImageStore *self)
{
  g_autofree char *lock_path = g_build_filename (self->folder, LOCK_FILE, NULL);
  g_autoptr (TcwFileLock) lock = tcw_file_lock_acquire (lock_path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, NULL);
  g_autoptr (GDir) dir = lock != NULL ? g_dir_open (self->folder, 0, NULL) : NULL;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);
      g_autoptr (GError) error = NULL;

      if (g_str_has_prefix (name, IMPORT_PREFIX) && !remove_unused (path, &error))
        g_debug ("unfinished image %s stays: %s", path, error->message);
      else if (tcw_qemu_image_name_is_valid (name))
        sweep_name (self, name);
    }
}

TcwQemuImageStore *
tcw_qemu_image_store_new (const char *folder, GError **error)
{
  g_autoptr (TcwQemuImageStore) self = g_new0 (TcwQemuImageStore, 1);

  g_atomic_ref_count_init (&self->refs);
  self->folder = g_canonicalize_filename (folder, NULL);
  if (!tcw_fs_make_folder (self->folder, 0755, error))
    return NULL;
  sweep (self);
  return g_steal_pointer (&self);
}

static void
fail_unknown (TcwQemuImageStore *self, const char *name, GError **error)
{
  g_auto (GStrv) names = tcw_qemu_image_store_list (self, NULL);
  g_autofree char *known = names != NULL && names[0] != NULL ? g_strjoinv (", ", names) : g_strdup ("none yet");

  g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD,
               "there is no image “%s”; known images: %s. Build one with: taskcluster-worker image build %s", name, known,
               tcw_qemu_image_name_is_valid (name) ? name : "tiny");
}

/*
 * Opens @version of @name with its shared lock. NULL without an error when the version went away meanwhile: the one who removes it holds
 * the lock until the manifest is gone.
 */
static TcwQemuImage *
open_version (TcwQemuImageStore *self, const char *name, const char *version, GCancellable *cancellable, GError **error)
{
  g_autofree char *folder = g_build_filename (self->folder, name, version, NULL);
  g_autofree char *lock_path = g_build_filename (folder, LOCK_FILE, NULL);
  g_autofree char *manifest = g_build_filename (folder, TCW_QEMU_IMAGE_MANIFEST, NULL);
  g_autoptr (GError) local_error = NULL;
  TcwFileLock *lock;

  lock = tcw_file_lock_acquire (lock_path, TCW_FILE_LOCK_SHARED, LOOKUP_LOCK_MS, cancellable, &local_error);
  if (!g_file_test (manifest, G_FILE_TEST_EXISTS))
    {
      tcw_file_lock_release (lock);
      return NULL;
    }
  if (lock == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }
  return tcw_qemu_image_open (folder, lock, cancellable, error);
}

TcwQemuImage *
tcw_qemu_image_store_lookup (TcwQemuImageStore *self, const char *name_or_path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  TcwQemuImage *image;

  if (strchr (name_or_path, '/') != NULL)
    return tcw_qemu_image_open (name_or_path, NULL, cancellable, error);
  for (guint i = 0; i < LOOKUP_TRIES; i++)
    {
      g_autofree char *version = dup_current (self, name_or_path);

      if (version == NULL)
        break;
      image = open_version (self, name_or_path, version, cancellable, &local_error);
      if (image != NULL)
        return image;
      if (local_error != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return NULL;
        }
    }
  fail_unknown (self, name_or_path, error);
  return NULL;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char **
tcw_qemu_image_store_list (TcwQemuImageStore *self, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GDir) dir = g_dir_open (self->folder, 0, &local_error);
  const char *name;

  if (dir == NULL)
    {
      g_propagate_error (error, tcw_error_wrap (g_steal_pointer (&local_error), TCW_ERROR_INTERNAL, "cannot list the images"));
      return NULL;
    }
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *version = dup_current (self, name);

      if (version != NULL)
        g_ptr_array_add (names, g_strdup (name));
    }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_steal (names, NULL);
}

gboolean
tcw_qemu_image_store_remove (TcwQemuImageStore *self, const char *name, GError **error)
{
  g_autoptr (TcwFileLock) store_lock = lock_store (self, TCW_FILE_LOCK_EXCLUSIVE, error);
  g_autofree char *version = NULL;
  g_autofree char *folder = NULL;
  g_autofree char *lock_path = NULL;
  g_autofree char *current = g_build_filename (self->folder, name, CURRENT_FILE, NULL);
  g_autoptr (TcwFileLock) lock = NULL;

  if (store_lock == NULL)
    return FALSE;
  version = dup_current (self, name);
  if (version == NULL)
    {
      fail_unknown (self, name, error);
      return FALSE;
    }
  folder = g_build_filename (self->folder, name, version, NULL);
  lock_path = g_build_filename (folder, LOCK_FILE, NULL);
  lock = g_file_test (folder, G_FILE_TEST_IS_DIR) ? tcw_file_lock_acquire (lock_path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, error) : NULL;
  if (lock == NULL && g_file_test (folder, G_FILE_TEST_IS_DIR))
    {
      g_prefix_error (error, "the image “%s” is in use: ", name);
      return FALSE;
    }
  if (unlink (current) != 0)
    return tcw_fs_fail (error, errno, "cannot remove “%s”", current);
  if (!tcw_fs_remove_tree (folder, NULL, error))
    return FALSE;
  sweep_name (self, name);
  return TRUE;
}

/* Returns (transfer full) a new folder with its lock held, on the store's file system. */
static char *
begin_import (TcwQemuImageStore *self, TcwFileLock **lock, GError **error)
{
  /* Shared: keeps the sweep away until the new folder has its lock. */
  g_autoptr (TcwFileLock) store_lock = lock_store (self, TCW_FILE_LOCK_SHARED, error);
  g_autofree char *folder = store_lock != NULL ? tcw_fs_make_temp_folder (self->folder, IMPORT_PREFIX, error) : NULL;
  g_autofree char *path = NULL;

  if (folder == NULL)
    return NULL;
  path = g_build_filename (folder, LOCK_FILE, NULL);
  *lock = tcw_file_lock_acquire (path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, error);
  if (*lock != NULL && chmod (folder, 0755) == 0)
    return g_steal_pointer (&folder);
  if (*lock != NULL)
    tcw_fs_fail (error, errno, "cannot change the mode of “%s”", folder);
  g_clear_pointer (lock, tcw_file_lock_release);
  tcw_fs_remove_tree (folder, NULL, NULL);
  return NULL;
}

static gboolean
copy_files (const char *from, const char *to, GCancellable *cancellable, GError **error)
{
  g_autofree char *manifest_from = g_build_filename (from, TCW_QEMU_IMAGE_MANIFEST, NULL);
  g_autofree char *manifest_to = g_build_filename (to, TCW_QEMU_IMAGE_MANIFEST, NULL);
  gsize len;
  g_autofree char *text = tcw_fs_read (manifest_from, TCW_QEMU_IMAGE_MANIFEST_MAX, &len, error);
  g_autoptr (JsonNode) manifest = NULL;
  g_autoptr (GList) names = NULL;

  if (text == NULL)
    return FALSE;
  manifest = tcw_qemu_image_manifest_parse (text, (gssize) len, manifest_from, error);
  if (manifest == NULL)
    return FALSE;
  names = json_object_get_members (json_object_get_object_member (json_node_get_object (manifest), "files"));
  for (GList *item = names; item != NULL; item = item->next)
    {
      g_autofree char *file_from = g_build_filename (from, item->data, NULL);
      g_autofree char *file_to = g_build_filename (to, item->data, NULL);

      if (!tcw_fs_copy (file_from, file_to, 0644, cancellable, error))
        return FALSE;
    }
  return tcw_fs_write_atomic (manifest_to, text, (gssize) len, 0644, error);
}

static gboolean
move_in (TcwQemuImageStore *self, const char *folder, const char *name, const char *version, GError **error)
{
  g_autofree char *parent = g_build_filename (self->folder, name, NULL);
  g_autofree char *target = g_build_filename (parent, version, NULL);
  g_autofree char *current = g_build_filename (parent, CURRENT_FILE, NULL);
  g_autoptr (TcwFileLock) lock = lock_store (self, TCW_FILE_LOCK_EXCLUSIVE, error);

  if (lock == NULL || !tcw_fs_make_folder (parent, 0755, error))
    return FALSE;
  /* The very same image once more: what is there is as good. */
  if (rename (folder, target) != 0 && errno != EEXIST && errno != ENOTEMPTY)
    return tcw_fs_fail (error, errno, "cannot move the image to “%s”", target);
  if (!tcw_fs_sync (parent, error) || !tcw_fs_write_atomic (current, version, -1, 0644, error))
    return FALSE;
  sweep_name (self, name);
  return TRUE;
}

/* Returns (transfer full) the name under which the image in @folder, once checked, stands in the store. */
static char *
publish (TcwQemuImageStore *self, const char *folder, GCancellable *cancellable, GError **error)
{
  g_autoptr (TcwQemuImage) image = tcw_qemu_image_open (folder, NULL, cancellable, error);
  g_autofree char *version = NULL;

  if (image == NULL)
    return NULL;
  version = g_strndup (tcw_qemu_image_get_digest (image), VERSION_LENGTH);
  if (!move_in (self, folder, tcw_qemu_image_get_name (image), version, error))
    return NULL;
  return g_strdup (tcw_qemu_image_get_name (image));
}

TcwQemuImage *
tcw_qemu_image_store_import (TcwQemuImageStore *self, const char *folder, GCancellable *cancellable, GError **error)
{
  g_autoptr (TcwFileLock) lock = NULL;
  g_autofree char *copy = begin_import (self, &lock, error);
  g_autofree char *name = NULL;

  if (copy == NULL)
    return NULL;
  if (copy_files (folder, copy, cancellable, error))
    name = publish (self, copy, cancellable, error);
  if (name == NULL || g_file_test (copy, G_FILE_TEST_EXISTS))
    tcw_fs_remove_tree (copy, NULL, NULL);
  g_clear_pointer (&lock, tcw_file_lock_release);
  return name != NULL ? tcw_qemu_image_store_lookup (self, name, cancellable, error) : NULL;
}

const char *
tcw_qemu_image_store_get_folder (TcwQemuImageStore *self)
{
  return self->folder;
}
