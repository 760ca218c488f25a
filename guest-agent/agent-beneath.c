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

enum { REMOVE_DEPTH = 128 };

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

static int
remove_below (int parent, const char *name, int depth)
{
  DIR *folder;
  const struct dirent *entry;
  int fd;
  int error = 0;

  if (unlinkat (parent, name, 0) == 0 || errno == ENOENT)
    return 0;
  if (errno != EISDIR && errno != EPERM)
    return errno;
  if (depth == REMOVE_DEPTH)
    return ELOOP;
  fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  folder = fd < 0 ? NULL : fdopendir (fd);
  if (folder == NULL)
    {
      error = errno;
      agent_clear_fd (&fd);
      return error;
    }
  while (error == 0 && (entry = readdir (folder)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      error = remove_below (dirfd (folder), entry->d_name, depth + 1);
  closedir (folder);
  if (error == 0 && unlinkat (parent, name, AT_REMOVEDIR) < 0)
    error = errno;
  return error;
}

int
agent_beneath_remove (int dir, const char *name)
{
  return remove_below (dir, name, 0);
}
