/*
 * Walking trees that strangers may have filled, by folder descriptors only: no path is ever looked up twice and no symbolic link is
 * followed. Owns tcw_fs_remove_tree() and tcw_fs_real_size().
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/tcw-error.h"
#include "base/tcw-fd.h"
#include "base/tcw-fs.h"

/* A folder this deep is moved up to the root of the tree and removed there, so neither stack nor descriptors run out. */
#define MAX_REMOVE_DEPTH 32
/* Far deeper than PATH_MAX lets ordinary programs go; needs a descriptor each. */
#define MAX_SIZE_DEPTH 256
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)

typedef DIR TcwDir;

static void
close_dir (TcwDir *dir)
{
  closedir (dir);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwDir, close_dir)

typedef struct {
  const char *path; /* of the tree's root, for errors */
  int root_fd;
  dev_t device;
  guint moved; /* folders that were moved up so far: makes their names unique */
  guint depth;
  GCancellable *cancellable;
  GError **error;
} Walk;

static gboolean remove_content (Walk *w, int fd);

static gboolean
check_cancelled (Walk *w)
{
  if (!g_cancellable_is_cancelled (w->cancellable))
    return TRUE;
  g_set_error (w->error, TCW_ERROR, TCW_ERROR_CANCELLED, "the walk through “%s” was cancelled", w->path);
  return FALSE;
}

static gboolean
is_dots (const char *name)
{
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Opens the folder @name so that its content can be removed; its mode is changed if that is what it takes. */
static TcwFd
open_for_removal (int parent, const char *name)
{
  g_auto (TcwFd) fd = openat (parent, name, FOLDER_FLAGS);
  struct stat st;

  if (fd >= 0 && fstat (fd, &st) == 0 && (st.st_mode & 0700) == 0700)
    return g_steal_fd (&fd);
  if (fd >= 0)
    {
      /* Not ours to change, perhaps: then the removal below says what is wrong. */
      (void) !fchmod (fd, 0700);
      return g_steal_fd (&fd);
    }
  if (errno != EACCES)
    return -1;

  g_auto (TcwFd) handle = openat (parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", handle);

  if (handle < 0 || chmod (link, 0700) < 0)
    return -1;
  return openat (parent, name, FOLDER_FLAGS);
}

static gboolean
move_to_root (Walk *w, int parent, const char *name)
{
  for (guint tries = 0; tries < 1000; tries++)
    {
      g_autofree char *to = g_strdup_printf (".removed-%u", w->moved++);

      if (renameat2 (parent, name, w->root_fd, to, RENAME_NOREPLACE) == 0)
        return TRUE;
      if (errno != EEXIST)
        return tcw_fs_fail (w->error, errno, "cannot remove “%s” below “%s”", name, w->path);
    }
  return tcw_fs_fail (w->error, EEXIST, "cannot remove “%s” below “%s”", name, w->path);
}

static gboolean
remove_folder (Walk *w, int parent, const char *name)
{
  g_auto (TcwFd) fd = open_for_removal (parent, name);
  struct stat st;

  if (fd < 0 || fstat (fd, &st) < 0)
    return errno == ENOENT ? TRUE : tcw_fs_fail (w->error, errno, "cannot open the folder “%s” below “%s”", name, w->path);
  if (st.st_dev != w->device)
    return tcw_fs_fail (w->error, EBUSY, "“%s” below “%s” is another file system", name, w->path);
  if (w->depth >= MAX_REMOVE_DEPTH)
    return move_to_root (w, parent, name);

  w->depth++;
  gboolean ok = remove_content (w, fd);
  w->depth--;
  if (ok && unlinkat (parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
    ok = tcw_fs_fail (w->error, errno, "cannot remove the folder “%s” below “%s”", name, w->path);
  return ok;
}

static gboolean
remove_entry (Walk *w, int parent, const char *name)
{
  if (!check_cancelled (w))
    return FALSE;
  if (unlinkat (parent, name, 0) == 0 || errno == ENOENT)
    return TRUE;
  if (errno == EISDIR || errno == EPERM)
    {
      struct stat st;

      if (errno == EISDIR || (fstatat (parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode)))
        return remove_folder (w, parent, name);
      errno = EPERM;
    }
  return tcw_fs_fail (w->error, errno, "cannot remove “%s” below “%s”", name, w->path);
}

/* Empties the folder @fd. Looks again until it is empty, because a folder may have been moved up meanwhile. */
static gboolean
remove_content (Walk *w, int fd)
{
  g_auto (TcwFd) copy = openat (fd, ".", FOLDER_FLAGS);
  g_autoptr (TcwDir) dir = copy >= 0 ? fdopendir (copy) : NULL;
  gboolean found = TRUE;

  if (dir == NULL)
    return tcw_fs_fail (w->error, errno, "cannot list a folder below “%s”", w->path);
  copy = -1;
  while (found)
    {
      const struct dirent *entry;

      found = FALSE;
      rewinddir (dir);
      while ((errno = 0, entry = readdir (dir)) != NULL)
        {
          if (is_dots (entry->d_name))
            continue;
          found = TRUE;
          if (!remove_entry (w, fd, entry->d_name))
            return FALSE;
        }
      if (errno != 0)
        return tcw_fs_fail (w->error, errno, "cannot list a folder below “%s”", w->path);
    }
  return TRUE;
}

gboolean
tcw_fs_remove_tree (const char *path, GCancellable *cancellable, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  g_auto (TcwFd) parent = -1;
  g_auto (TcwFd) root = -1;
  struct stat st;
  Walk w = { .path = path, .root_fd = -1, .cancellable = cancellable, .error = error };

  if (is_dots (name) || g_str_equal (name, "/"))
    return tcw_fs_fail (error, EINVAL, "cannot remove “%s”", path);
  parent = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0)
    return errno == ENOENT ? TRUE : tcw_fs_fail (error, errno, "cannot remove “%s”", path);
  if (fstatat (parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? TRUE : tcw_fs_fail (error, errno, "cannot remove “%s”", path);
  if (!S_ISDIR (st.st_mode))
    return remove_entry (&w, parent, name);

  root = open_for_removal (parent, name);
  if (root < 0 || fstat (root, &st) < 0)
    return tcw_fs_fail (error, errno, "cannot open the folder “%s”", path);
  w.root_fd = root;
  w.device = st.st_dev;
  if (!remove_content (&w, root))
    return FALSE;
  if (unlinkat (parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
    return tcw_fs_fail (error, errno, "cannot remove the folder “%s”", path);
  return TRUE;
}

/* Adds up what is below @fd, which it takes over. */
static gboolean
add_sizes (Walk *w, TcwFd folder_fd, guint64 *bytes)
{
  g_auto (TcwFd) fd = folder_fd;
  g_autoptr (TcwDir) dir = fdopendir (fd);
  const struct dirent *entry;

  if (dir == NULL)
    return tcw_fs_fail (w->error, errno, "cannot list a folder below “%s”", w->path);
  fd = -1;
  while ((errno = 0, entry = readdir (dir)) != NULL)
    {
      struct stat st;

      if (is_dots (entry->d_name))
        continue;
      if (!check_cancelled (w))
        return FALSE;
      if (fstatat (dirfd (dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        {
          if (errno == ENOENT)
            continue;
          return tcw_fs_fail (w->error, errno, "cannot look at “%s” below “%s”", entry->d_name, w->path);
        }
      *bytes += (guint64) st.st_blocks * 512;
      if (!S_ISDIR (st.st_mode))
        continue;

      TcwFd child = openat (dirfd (dir), entry->d_name, FOLDER_FLAGS);

      if (child < 0 || w->depth >= MAX_SIZE_DEPTH)
        {
          tcw_fs_fail (w->error, child < 0 ? errno : ELOOP, "cannot look into “%s” below “%s”", entry->d_name, w->path);
          tcw_fd_close (child);
          return FALSE;
        }
      w->depth++;
      if (!add_sizes (w, child, bytes))
        return FALSE;
      w->depth--;
    }
  return errno == 0 ? TRUE : tcw_fs_fail (w->error, errno, "cannot list a folder below “%s”", w->path);
}

gboolean
tcw_fs_real_size (const char *path, guint64 *bytes, GCancellable *cancellable, GError **error)
{
  Walk w = { .path = path, .root_fd = -1, .cancellable = cancellable, .error = error };
  struct stat st;
  TcwFd fd;

  if (lstat (path, &st) < 0)
    return tcw_fs_fail (error, errno, "cannot look at “%s”", path);
  *bytes = (guint64) st.st_blocks * 512;
  if (!S_ISDIR (st.st_mode))
    return TRUE;
  fd = open (path, FOLDER_FLAGS);
  if (fd < 0)
    return tcw_fs_fail (error, errno, "cannot open the folder “%s”", path);
  return add_sizes (&w, fd, bytes);
}
