/* A local file or folder as what is put into the guest: tcw_qemu_agent_put_local() of tcw-qemu-agent.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tcw-qemu-agent-private.h"

enum { BUFFER = 262144 };

typedef struct
{
  TcwQemuAgentPut *put;
  const char *root; /* for messages */
  guint8 *buffer;
} Local;

static gboolean
fail (const Local *local, const char *path, int errsv, GError **error)
{
  g_set_error (error, TCW_QEMU_AGENT_ERROR, errsv == ENOENT ? TCW_QEMU_AGENT_ERROR_NOT_FOUND : TCW_QEMU_AGENT_ERROR_IO, "%s%s%s: %s",
               local->root, path[0] == '\0' ? "" : "/", path, g_strerror (errsv));
  return FALSE;
}

/* Sends the bytes of @fd from @at to @end; a file that became shorter meanwhile just ends there. */
static gboolean
send_range (const Local *local, const char *path, int fd, off_t at, off_t end, GError **error)
{
  while (at < end)
    {
      ssize_t n = pread (fd, local->buffer, (gsize) MIN (end - at, BUFFER), at);

      if (n < 0)
        return fail (local, path, errno, error);
      if (n == 0)
        return TRUE;
      if (!tcw_qemu_agent_put_data (local->put, local->buffer, (gsize) n, error))
        return FALSE;
      at += n;
    }
  return TRUE;
}

/* Data and holes of a regular file. */
static gboolean
send_content (const Local *local, const char *path, int fd, off_t size, GError **error)
{
  off_t at = 0;

  while (at < size)
    {
      off_t data = lseek (fd, at, SEEK_DATA);
      off_t hole;

      if (data < 0 && errno != ENXIO)
        data = at; /* a file system that does not know of holes */
      if (data < 0 || data > size)
        data = size;
      if (data > at && !tcw_qemu_agent_put_hole (local->put, (guint64) (data - at), error))
        return FALSE;
      hole = data < size ? lseek (fd, data, SEEK_HOLE) : size;
      if (hole < 0 || hole > size)
        hole = size;
      if (!send_range (local, path, fd, data, hole, error))
        return FALSE;
      at = hole;
    }
  return tcw_qemu_agent_put_end (local->put, error);
}

static gboolean send_entry (const Local *local, int dir, const char *name, const char *path, GError **error);

/* What is in the folder behind @fd (taken). */
static gboolean
send_folder (const Local *local, int fd, const char *path, GError **error)
{
  DIR *folder = fdopendir (fd);
  struct dirent *item;
  gboolean good = TRUE;

  if (folder == NULL)
    {
      int errsv = errno;

      close (fd);
      return fail (local, path, errsv, error);
    }
  while (good && (item = readdir (folder)) != NULL)
    {
      g_autofree char *below = NULL;

      if (strcmp (item->d_name, ".") == 0 || strcmp (item->d_name, "..") == 0)
        continue;
      below = path[0] == '\0' ? g_strdup (item->d_name) : g_strconcat (path, "/", item->d_name, NULL);
      good = send_entry (local, dirfd (folder), item->d_name, below, error);
    }
  closedir (folder);
  return good;
}

static gboolean
send_link (const Local *local, int dir, const char *name, TcwWireTreeEntry *entry, GError **error)
{
  char target[TCW_WIRE_TREE_PATH_MAX + 1];
  ssize_t n = readlinkat (dir, name, target, sizeof target - 1);
  gboolean good;

  if (n < 0)
    return fail (local, entry->path, errno, error);
  target[n] = '\0';
  entry->type = TCW_WIRE_TREE_LINK;
  entry->link = target;
  good = tcw_qemu_agent_put_entry (local->put, entry, error);
  entry->link = "";
  return good;
}

/* An opened file or folder (@fd is taken), or something special, which is left out. */
static gboolean
send_opened (const Local *local, int fd, const struct stat *found, TcwWireTreeEntry *entry, GError **error)
{
  gboolean good;

  if (S_ISDIR (found->st_mode))
    {
      entry->type = TCW_WIRE_TREE_FOLDER;
      entry->size = 0;
      if (tcw_qemu_agent_put_entry (local->put, entry, error))
        return send_folder (local, fd, entry->path, error);
      close (fd);
      return FALSE;
    }
  entry->type = TCW_WIRE_TREE_FILE;
  good = tcw_qemu_agent_put_entry (local->put, entry, error) && send_content (local, entry->path, fd, found->st_size, error);
  close (fd);
  return good;
}

/* Sends @name of the folder @dir as @path, and all below it. No symbolic link is followed. */
static gboolean
send_entry (const Local *local, int dir, const char *name, const char *path, GError **error)
{
  TcwWireTreeEntry entry = { .path = path, .link = "" };
  struct stat found;
  int fd;

  if (fstatat (dir, name, &found, AT_SYMLINK_NOFOLLOW) != 0)
    return fail (local, path, errno, error);
  entry.mode = found.st_mode & 07777;
  entry.mtime_ns = (gint64) found.st_mtim.tv_sec * 1000000000 + found.st_mtim.tv_nsec;
  if (S_ISLNK (found.st_mode))
    return send_link (local, dir, name, &entry, error);
  if (!S_ISREG (found.st_mode) && !S_ISDIR (found.st_mode))
    {
      g_debug ("%s/%s is neither a file, a folder nor a link: left out", local->root, path);
      return TRUE;
    }
  fd = openat (dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &found) != 0)
    {
      int errsv = errno;

      if (fd >= 0)
        close (fd);
      return fail (local, path, errsv, error);
    }
  entry.size = S_ISREG (found.st_mode) ? (guint64) found.st_size : 0;
  return send_opened (local, fd, &found, &entry, error);
}

gboolean
tcw_qemu_agent_put_local (TcwQemuAgentPut *put, gpointer local_path, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (BUFFER);
  g_autofree char *resolved = g_canonicalize_filename (local_path, NULL);
  Local local = { .put = put, .root = resolved, .buffer = buffer };

  return send_entry (&local, AT_FDCWD, resolved, "", error);
}
