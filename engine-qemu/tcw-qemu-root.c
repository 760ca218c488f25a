/* The embedded driver's root folders and who uses them; see tcw-qemu-root.h. */
#include "tcw-qemu-root.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-file-lock.h"
#include "base/tcw-fs.h"

#define MAX_NUMBERED_ROOTS 256
/* libvirt's own log; one that has become longer is put aside, in place of the one before. */
#define LIBVIRT_LOG "libvirt.log"
#define LIBVIRT_LOG_MAX (1024 * 1024)

/* There is no virtlogd; QEMU must never be root; libvirt's seccomp filter stays on even if QEMU's default changes. */
#define QEMU_CONF \
  "stdio_handler = \"file\"\n" \
  "seccomp_sandbox = 1\n" \
  "security_default_confined = 1\n"

struct _TcwQemuRoot
{
  char *path;
  char *vm_directory;
  TcwFileLock *lock;
};

/* libvirt writes a log for each domain, sometimes still when the domain is gone. All of them are ours while we hold the lock. */
static void
remove_domain_logs (TcwQemuRoot *self)
{
  g_autofree char *folder = g_build_filename (self->path, "log", "qemu", NULL);
  g_autoptr (GError) error = NULL;

  if (!tcw_fs_remove_tree (folder, NULL, &error))
    g_info ("libvirt's logs stay: %s", error->message);
}

void
tcw_qemu_root_free (TcwQemuRoot *self)
{
  if (self == NULL)
    return;
  if (self->lock != NULL)
    remove_domain_logs (self);
  tcw_file_lock_release (self->lock);
  g_free (self->path);
  g_free (self->vm_directory);
  g_free (self);
}

static void
rotate_log (TcwQemuRoot *self)
{
  g_autofree char *path = g_build_filename (self->path, LIBVIRT_LOG, NULL);
  g_autofree char *old = g_strconcat (path, ".old", NULL);
  struct stat st;

  if (lstat (path, &st) == 0 && st.st_size > LIBVIRT_LOG_MAX && rename (path, old) != 0)
    g_info ("cannot rename %s: %s", path, g_strerror (errno));
}

static gboolean
write_configuration (TcwQemuRoot *self, const char *shared, GError **error)
{
  g_autofree char *etc = g_build_filename (self->path, "etc", NULL);
  g_autofree char *conf = g_build_filename (etc, "qemu.conf", NULL);
  g_autofree char *cache = g_build_filename (self->path, "cache", "qemu", NULL);
  g_autofree char *link = g_build_filename (cache, "capabilities", NULL);

  if (!tcw_fs_make_folder (etc, 0755, error) || !tcw_fs_make_folder (cache, 0755, error) || !tcw_fs_make_folder (shared, 0755, error)
      || !tcw_fs_write_atomic (conf, QEMU_CONF, -1, 0644, error))
    return FALSE;
  if (symlink (shared, link) != 0 && errno != EEXIST)
    return tcw_fs_fail (error, errno, "cannot make the link %s", link);
  return TRUE;
}

/* *in_use: the failure is that another process has it. */
static TcwQemuRoot *
acquire_one (const char *base, const char *vm_base, const char *name, gboolean *in_use, GError **error)
{
  g_autoptr (TcwQemuRoot) self = g_new0 (TcwQemuRoot, 1);
  g_autofree char *shared = g_build_filename (base, "capabilities", NULL);
  g_autofree char *lock = NULL;

  *in_use = FALSE;
  self->path = g_build_filename (base, name, NULL);
  self->vm_directory = g_build_filename (vm_base, name, NULL);
  lock = g_build_filename (self->path, "lock", NULL);
  if (!tcw_fs_make_folder (self->path, 0755, error) || !tcw_fs_make_folder (self->vm_directory, 0755, error))
    return NULL;
  self->lock = tcw_file_lock_acquire (lock, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, error);
  if (self->lock == NULL)
    {
      /* A full disk has the same code, but then there is no such file. */
      *in_use = error != NULL && g_error_matches (*error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE)
                && g_file_test (lock, G_FILE_TEST_EXISTS);
      return NULL;
    }
  if (!write_configuration (self, shared, error))
    return NULL;
  remove_domain_logs (self);
  rotate_log (self);
  return g_steal_pointer (&self);
}

TcwQemuRoot *
tcw_qemu_root_acquire (const char *state_directory, const char *name, GError **error)
{
  g_autofree char *base = g_build_filename (state_directory, "libvirt", NULL);
  g_autofree char *vm_base = g_build_filename (state_directory, "vm", NULL);

  gboolean in_use;

  if (name != NULL)
    return acquire_one (base, vm_base, name, &in_use, error);
  for (int i = 0; i < MAX_NUMBERED_ROOTS; i++)
    {
      g_autofree char *number = g_strdup_printf ("%d", i);
      g_autoptr (GError) local = NULL;
      TcwQemuRoot *root = acquire_one (base, vm_base, number, &in_use, &local);

      if (root != NULL)
        return root;
      if (!in_use)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }
    }
  g_set_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE, "all %d of libvirt's root folders below %s are in use",
               MAX_NUMBERED_ROOTS, base);
  return NULL;
}

const char *
tcw_qemu_root_get_path (TcwQemuRoot *self)
{
  return self->path;
}

const char *
tcw_qemu_root_get_vm_directory (TcwQemuRoot *self)
{
  return self->vm_directory;
}

void
tcw_qemu_root_export_environment (TcwQemuRoot *self)
{
  static const char *const folders[] = { "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME" };
  g_autofree char *outputs = g_strdup_printf ("3:file:%s/" LIBVIRT_LOG, self->path);

  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++)
    g_setenv (folders[i], self->path, TRUE);
  if (g_getenv ("LIBVIRT_LOG_OUTPUTS") == NULL)
    g_setenv ("LIBVIRT_LOG_OUTPUTS", outputs, TRUE);
}
