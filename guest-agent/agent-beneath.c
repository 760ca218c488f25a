/* Work below a folder; see agent-beneath.h. */
#include "agent-beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-util.h"

bool
agent_beneath_is_plain (const char *path)
{
  for (;;)
    {
      size_t length = strcspn (path, "/");

      if (length == 0 || (length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.'))
        return false;
      if (path[length] == '\0')
        return true;
      path += length + 1;
    }
}

/* The way for kernels before 5.6: part after part, each a real folder. */
static int
open_by_parts (int root, const char *path, int flags, mode_t mode)
{
  agent_autofd int owned = -1;
  int dir = root;

  for (;;)
    {
      size_t length = strcspn (path, "/");
      char part[NAME_MAX + 1];
      int next;

      if (length > NAME_MAX)
        {
          errno = ENAMETOOLONG;
          return -1;
        }
      memcpy (part, path, length);
      part[length] = '\0';
      if (path[length] == '\0')
        return openat (dir, part, flags | O_NOFOLLOW | O_CLOEXEC, mode);
      next = openat (dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      agent_clear_fd (&owned);
      if (next < 0)
        return -1;
      dir = owned = next;
      path += length + 1;
    }
}

int
agent_beneath_open (int root, const char *path, int flags, mode_t mode)
{
  struct open_how how = { .flags = (unsigned) (flags | O_NOFOLLOW | O_CLOEXEC),
                          .mode = (flags & O_CREAT) != 0 ? mode & 07777 : 0,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
  long fd;

  if (!agent_beneath_is_plain (path))
    {
      errno = EINVAL;
      return -1;
    }
  fd = syscall (SYS_openat2, root, path, &how, sizeof how);
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAGAIN))
    return (int) fd;
  return open_by_parts (root, path, flags, mode);
}

int
agent_beneath_open_parent (int root, const char *path, const char **name)
{
  const char *slash = strrchr (path, '/');
  char parent[PATH_MAX];
  size_t length;

  if (!agent_beneath_is_plain (path))
    {
      errno = EINVAL;
      return -1;
    }
  *name = slash == NULL ? path : slash + 1;
  if (slash == NULL)
    return openat (root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  length = (size_t) (slash - path);
  if (length >= sizeof parent)
    {
      errno = ENAMETOOLONG;
      return -1;
    }
  memcpy (parent, path, length);
  parent[length] = '\0';
  return agent_beneath_open (root, parent, O_RDONLY | O_DIRECTORY, 0);
}

/* A folder that is being emptied. */
typedef struct {
  DIR *folder;
  const char *name; /* where the reader of the folder above it keeps it: good until that reads on */
} level;

typedef struct {
  int dir;
  size_t depth;
  level levels[AGENT_BENEATH_DEPTH];
} removal;

/* Removes @name of @parent, or enters it when it is a folder. Returns 0 or an errno. */
static int
remove_or_enter (removal *self, int parent, const char *name)
{
  agent_autofd int fd = -1;
  DIR *folder;

  if (unlinkat (parent, name, 0) == 0 || errno == ENOENT)
    return 0;
  if (errno != EISDIR && errno != EPERM)
    return errno;
  if (self->depth == AGENT_BENEATH_DEPTH)
    return ELOOP;
  fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  folder = fd < 0 ? NULL : fdopendir (fd);
  if (folder == NULL)
    return errno;
  agent_steal_fd (&fd);
  self->levels[self->depth++] = (level) { .folder = folder, .name = name };
  return 0;
}

/* Removes the innermost folder, which is empty now. Returns 0 or an errno. */
static int
remove_innermost (removal *self)
{
  level inner = self->levels[--self->depth];
  int parent = self->depth == 0 ? self->dir : dirfd (self->levels[self->depth - 1].folder);

  closedir (inner.folder);
  return unlinkat (parent, inner.name, AT_REMOVEDIR) < 0 ? errno : 0;
}

int
agent_beneath_remove (int dir, const char *name)
{
  removal self = { .dir = dir };
  int error = remove_or_enter (&self, dir, name);

  while (error == 0 && self.depth > 0)
    {
      DIR *folder = self.levels[self.depth - 1].folder;
      const struct dirent *entry = readdir (folder);

      if (entry == NULL)
        error = remove_innermost (&self);
      else if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
        error = remove_or_enter (&self, dirfd (folder), entry->d_name);
    }
  while (self.depth > 0)
    closedir (self.levels[--self.depth].folder);
  return error;
}
