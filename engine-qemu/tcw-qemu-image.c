/* Opening and checking an image, and its values; see tcw-qemu-image.h. */
#include "tcw-qemu-image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/tcw-error.h"
#include "base/tcw-fd.h"
#include "base/tcw-fs.h"
#include "base/tcw-json.h"
#include "tcw-qemu-image-manifest.h"

#define VERIFIED_FILE ".verified"
#define VERIFIED_MAX (64 * 1024)

/* The head of a qcow2 file: https://qemu.readthedocs.io/en/latest/interop/qcow2.html. Numbers are big-endian. */
#define QCOW2_MAGIC 0x514649fbU
#define QCOW2_HEADER_BYTES 80
#define QCOW2_BACKING_OFFSET 8
#define QCOW2_SIZE_OFFSET 24
#define QCOW2_CRYPT_OFFSET 32
#define QCOW2_INCOMPATIBLE_OFFSET 72
/* Compression type and extended L2 entries; a dirty or corrupt file and one with its data elsewhere are refused. */
#define QCOW2_INCOMPATIBLE_ALLOWED (G_GUINT64_CONSTANT (0x18))

struct _TcwQemuImage {
  gatomicrefcount refs;
  TcwFileLock *lock; /* nullable */
  char *folder;
  JsonNode *manifest;
  JsonObject *root; /* belongs to manifest */
  char *digest;
  char *kernel;
  char *initrd;
  char *disk;
  char **ready;
  char **entrypoint;
  char **environ;
  guint64 size;
};

static void
image_free (TcwQemuImage *self)
{
  g_clear_pointer (&self->manifest, json_node_unref);
  g_free (self->folder);
  g_free (self->digest);
  g_free (self->kernel);
  g_free (self->initrd);
  g_free (self->disk);
  g_strfreev (self->ready);
  g_strfreev (self->entrypoint);
  g_strfreev (self->environ);
  tcw_file_lock_release (self->lock);
  g_free (self);
}

TcwQemuImage *
tcw_qemu_image_ref (TcwQemuImage *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
tcw_qemu_image_unref (TcwQemuImage *self)
{
  if (self != NULL && g_atomic_ref_count_dec (&self->refs))
    image_free (self);
}

static JsonObject *
get_files (TcwQemuImage *self)
{
  return json_object_get_object_member (self->root, "files");
}

static char *
dup_path (TcwQemuImage *self, const char *key)
{
  const char *name = tcw_json_get_string_or (self->root, key, NULL);

  return name != NULL ? g_build_filename (self->folder, name, NULL) : NULL;
}

/* NULL where the manifest has no such array. */
static char **
dup_strings (TcwQemuImage *self, const char *key)
{
  return tcw_json_lookup (self->root, key) != NULL ? tcw_json_get_strv (self->root, key, NULL) : NULL;
}

static char **
dup_environ (TcwQemuImage *self)
{
  JsonNode *env = tcw_json_lookup (self->root, "exec.env");
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (env != NULL)
    {
      json_object_iter_init_ordered (&iter, json_node_get_object (env));
      while (json_object_iter_next_ordered (&iter, &name, &value))
        g_ptr_array_add (lines, g_strdup_printf ("%s=%s", name, json_node_get_string (value)));
    }
  g_ptr_array_add (lines, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&lines), FALSE);
}

static void
fill_in (TcwQemuImage *self)
{
  self->kernel = dup_path (self, "boot.kernel");
  self->initrd = dup_path (self, "boot.initrd");
  self->disk = dup_path (self, "disk.file");
  self->ready = dup_strings (self, "boot.ready");
  if (self->ready != NULL && self->ready[0] == NULL)
    g_clear_pointer (&self->ready, g_strfreev);
  self->entrypoint = dup_strings (self, "exec.entrypoint");
  if (self->entrypoint == NULL)
    self->entrypoint = g_new0 (char *, 1);
  self->environ = dup_environ (self);
}

static gboolean
load_manifest (TcwQemuImage *self, GError **error)
{
  g_autofree char *path = g_build_filename (self->folder, TCW_QEMU_IMAGE_MANIFEST, NULL);
  g_autoptr (GError) local_error = NULL;
  g_autofree char *text = NULL;
  gsize len;

  text = tcw_fs_read (path, TCW_QEMU_IMAGE_MANIFEST_MAX, &len, &local_error);
  if (text == NULL)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "“%s” is no image: %s", self->folder, local_error->message);
      return FALSE;
    }
  self->manifest = tcw_qemu_image_manifest_parse (text, (gssize) len, TCW_QEMU_IMAGE_MANIFEST, error);
  if (self->manifest == NULL)
    {
      g_prefix_error (error, "the manifest of the image in “%s” is wrong:\n", self->folder);
      return FALSE;
    }
  self->root = json_node_get_object (self->manifest);
  self->digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) text, len);
  fill_in (self);
  return TRUE;
}

static gboolean
report (TcwQemuImage *self, GString *violations, GError **error)
{
  if (violations->len == 0)
    return TRUE;
  g_string_truncate (violations, violations->len - 1);
  g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "the image in “%s” is damaged:\n%s\nBuild it again, or get it again.",
               self->folder, violations->str);
  return FALSE;
}

/* Appends to @stamp what identifies the file's content short of reading it. */
static void
check_file (TcwQemuImage *self, const char *name, guint64 size, GString *stamp, GString *violations)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  struct stat st;

  if (lstat (path, &st) != 0)
    g_string_append_printf (violations, "%s: %s\n", name, g_strerror (errno));
  else if (!S_ISREG (st.st_mode))
    g_string_append_printf (violations, "%s: is no regular file\n", name);
  else if ((guint64) st.st_size != size)
    g_string_append_printf (violations, "%s: has %" G_GUINT64_FORMAT " bytes instead of %" G_GUINT64_FORMAT "\n", name,
                            (guint64) st.st_size, size);
  else
    /* The time of the last change, too, which only the kernel sets. */
    g_string_append_printf (stamp,
                            "%s %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld %" G_GINT64_FORMAT ".%09ld %" G_GUINT64_FORMAT "\n", name,
                            size, (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (gint64) st.st_ctim.tv_sec, st.st_ctim.tv_nsec,
                            (guint64) st.st_ino);
}

static guint64
read_be (const guint8 *bytes, gsize n)
{
  guint64 value = 0;

  for (gsize i = 0; i < n; i++)
    value = value << 8 | bytes[i];
  return value;
}

/* A qcow2 file can name others that QEMU would then open: an image must stand alone. */
static void
check_qcow2 (TcwQemuImage *self, GString *violations)
{
  guint8 head[QCOW2_HEADER_BYTES] = { 0 };
  g_auto (TcwFd) fd = open (self->disk, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  const char *name = tcw_json_get_string_or (self->root, "disk.file", "");
  guint64 size = tcw_qemu_image_get_disk_size (self);

  if (fd < 0 || pread (fd, head, sizeof head, 0) != (gssize) sizeof head || read_be (head, 4) != QCOW2_MAGIC || read_be (head + 4, 4) != 3)
    g_string_append_printf (violations, "%s: is no qcow2 file of version 3\n", name);
  else if (read_be (head + QCOW2_BACKING_OFFSET, 8) != 0)
    g_string_append_printf (violations, "%s: has a backing file, but an image must stand alone\n", name);
  else if ((read_be (head + QCOW2_INCOMPATIBLE_OFFSET, 8) & ~QCOW2_INCOMPATIBLE_ALLOWED) != 0)
    g_string_append_printf (violations, "%s: is marked as not closed or damaged, or has its data in another file\n", name);
  else if (read_be (head + QCOW2_CRYPT_OFFSET, 4) != 0)
    g_string_append_printf (violations, "%s: is encrypted\n", name);
  else if (read_be (head + QCOW2_SIZE_OFFSET, 8) != size)
    g_string_append_printf (violations, "%s: has another virtual size than disk.virtualSize says\n", name);
}

static void
check_disk (TcwQemuImage *self, GString *violations)
{
  guint64 file_size;

  if (self->disk == NULL)
    return;
  if (g_str_equal (tcw_qemu_image_get_disk_format (self), "qcow2"))
    {
      check_qcow2 (self, violations);
      return;
    }
  file_size = (guint64) tcw_json_get_int_or (
      json_object_get_object_member (get_files (self), tcw_json_get_string_or (self->root, "disk.file", "")), "size", 0);
  if (file_size != tcw_qemu_image_get_disk_size (self))
    g_string_append (violations, "disk.virtualSize: must be the size of the raw file\n");
}

/* Returns (transfer full) the stamp of the files as they are now, or NULL with an error. */
static char *
check_files (TcwQemuImage *self, GError **error)
{
  g_autoptr (GString) stamp = g_string_new (NULL);
  g_autoptr (GString) violations = g_string_new (NULL);
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  g_string_append_printf (stamp, "%s\n", self->digest);
  self->size = 0;
  json_object_iter_init_ordered (&iter, get_files (self));
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      guint64 size = (guint64) tcw_json_get_int_or (json_node_get_object (value), "size", 0);

      self->size += size;
      check_file (self, name, size, stamp, violations);
    }
  check_disk (self, violations);
  return report (self, violations, error) ? g_string_free (g_steal_pointer (&stamp), FALSE) : NULL;
}

gboolean
tcw_qemu_image_verify (TcwQemuImage *self, GCancellable *cancellable, GError **error)
{
  g_autoptr (GString) violations = g_string_new (NULL);
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  json_object_iter_init_ordered (&iter, get_files (self));
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);
      g_autoptr (GError) local_error = NULL;
      g_autofree char *sha256 = tcw_fs_sha256 (path, cancellable, &local_error);

      if (g_error_matches (local_error, TCW_ERROR, TCW_ERROR_CANCELLED))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
      if (sha256 == NULL)
        g_string_append_printf (violations, "%s: %s\n", name, local_error->message);
      else if (!g_str_equal (sha256, tcw_json_get_string_or (json_node_get_object (value), "sha256", "")))
        g_string_append_printf (violations, "%s: has another content than when the image was made\n", name);
    }
  return report (self, violations, error);
}

static gboolean
check_content (TcwQemuImage *self, GCancellable *cancellable, GError **error)
{
  g_autofree char *stamp_path = g_build_filename (self->folder, VERIFIED_FILE, NULL);
  g_autofree char *stamp = check_files (self, error);
  g_autoptr (GError) local_error = NULL;
  g_autofree char *noted = NULL;

  if (stamp == NULL)
    return FALSE;
  noted = tcw_fs_read (stamp_path, VERIFIED_MAX, NULL, NULL);
  if (g_strcmp0 (noted, stamp) == 0)
    return TRUE;
  if (!tcw_qemu_image_verify (self, cancellable, error))
    return FALSE;
  /* A folder that isn't ours to write only means that the next one has to look again. */
  if (!tcw_fs_write_atomic (stamp_path, stamp, -1, 0644, &local_error))
    g_debug ("image %s: not noted as verified: %s", self->folder, local_error->message);
  return TRUE;
}

TcwQemuImage *
tcw_qemu_image_open (const char *folder, TcwFileLock *lock, GCancellable *cancellable, GError **error)
{
  g_autoptr (TcwQemuImage) self = g_new0 (TcwQemuImage, 1);
  char *resolved = realpath (folder, NULL);

  g_atomic_ref_count_init (&self->refs);
  self->lock = lock;
  if (resolved == NULL)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "there is no image in “%s”: %s", folder, g_strerror (errno));
      return NULL;
    }
  self->folder = g_strdup (resolved);
  free (resolved);
  if (!load_manifest (self, error) || !check_content (self, cancellable, error))
    return NULL;
  return g_steal_pointer (&self);
}

const char *
tcw_qemu_image_get_name (TcwQemuImage *self)
{
  return tcw_json_get_string_or (self->root, "name", "");
}

const char *
tcw_qemu_image_get_description (TcwQemuImage *self)
{
  return tcw_json_get_string_or (self->root, "description", "");
}

const char *
tcw_qemu_image_get_created (TcwQemuImage *self)
{
  return tcw_json_get_string_or (self->root, "created", "");
}

const char *
tcw_qemu_image_get_digest (TcwQemuImage *self)
{
  return self->digest;
}

const char *
tcw_qemu_image_get_folder (TcwQemuImage *self)
{
  return self->folder;
}

const char *
tcw_qemu_image_get_kernel_path (TcwQemuImage *self)
{
  return self->kernel;
}

const char *
tcw_qemu_image_get_initrd_path (TcwQemuImage *self)
{
  return self->initrd;
}

const char *
tcw_qemu_image_get_cmdline (TcwQemuImage *self)
{
  return tcw_json_get_string_or (self->root, "boot.cmdline", "");
}

const char *const *
tcw_qemu_image_get_ready_command (TcwQemuImage *self)
{
  return (const char *const *) self->ready;
}

const char *
tcw_qemu_image_get_disk_path (TcwQemuImage *self)
{
  return self->disk;
}

const char *
tcw_qemu_image_get_disk_format (TcwQemuImage *self)
{
  return tcw_json_get_string_or (self->root, "disk.format", NULL);
}

guint64
tcw_qemu_image_get_disk_size (TcwQemuImage *self)
{
  return (guint64) tcw_json_get_int_or (self->root, "disk.virtualSize", 0);
}

JsonObject *
tcw_qemu_image_get_machine (TcwQemuImage *self)
{
  JsonNode *machine = tcw_json_lookup (self->root, "machine");

  return machine != NULL ? json_node_get_object (machine) : NULL;
}

const char *
tcw_qemu_image_get_exec_user (TcwQemuImage *self)
{
  return tcw_json_get_string_or (self->root, "exec.user", NULL);
}

const char *
tcw_qemu_image_get_exec_workdir (TcwQemuImage *self)
{
  return tcw_json_get_string_or (self->root, "exec.workdir", NULL);
}

const char *const *
tcw_qemu_image_get_exec_entrypoint (TcwQemuImage *self)
{
  return (const char *const *) self->entrypoint;
}

const char *const *
tcw_qemu_image_get_exec_environ (TcwQemuImage *self)
{
  return (const char *const *) self->environ;
}

guint64
tcw_qemu_image_get_size (TcwQemuImage *self)
{
  return self->size;
}

JsonNode *
tcw_qemu_image_get_manifest (TcwQemuImage *self)
{
  return self->manifest;
}
