/* Walks over files; see agent-walk.h. */
#include "agent-walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-util.h"

typedef struct {
  DIR *folder;
  size_t length; /* of the folder's own path */
} level;

struct agent_walk {
  bool begun;
  int root; /* until the first entry was given */
  size_t depth;
  level levels[AGENT_WALK_DEPTH];
  char path[AGENT_WALK_PATH];
  char link[AGENT_WALK_PATH];
  agent_walk_entry entry;
};

agent_walk *
agent_walk_new (const char *path, bool follow)
{
  agent_walk *walk = calloc (1, sizeof *walk);

  if (walk == NULL)
    return NULL;
  walk->entry.fd = -1;
  walk->root = open (path, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
  if (walk->root >= 0)
    return walk;
  free (walk);
  return NULL;
}

mode_t
agent_walk_get_root_type (const agent_walk *walk)
{
  struct stat root;

  return walk->root >= 0 && fstat (walk->root, &root) == 0 ? root.st_mode & S_IFMT : 0;
}

void
agent_walk_free (agent_walk *walk)
{
  if (walk == NULL)
    return;
  while (walk->depth > 0)
    closedir (walk->levels[--walk->depth].folder);
  agent_clear_fd (&walk->entry.fd);
  agent_clear_fd (&walk->root);
  free (walk);
}

/* Enters the folder behind @fd, which is taken. Returns 0 or an errno. */
static int
push (agent_walk *walk, int fd, size_t length)
{
  agent_autofd int owned = fd;
  DIR *folder;

  if (walk->depth == AGENT_WALK_DEPTH)
    return ELOOP;
  folder = fdopendir (owned);
  if (folder == NULL)
    return errno;
  agent_steal_fd (&owned);
  walk->levels[walk->depth++] = (level) { .folder = folder, .length = length };
  return 0;
}

/* Reads a symbolic link's target into the walk. */
static int
read_link (agent_walk *walk, int dir, const char *name)
{
  ssize_t n = readlinkat (dir, name, walk->link, sizeof walk->link - 1);

  if (n < 0)
    return errno;
  walk->link[n] = '\0';
  walk->entry.link = walk->link;
  return 0;
}

/* Opens @name of @dir as what @walk's entry says it is. Returns 0 or an errno. */
static int
open_entry (agent_walk *walk, int dir, const char *name, size_t length)
{
  agent_autofd int fd = -1;
  mode_t type = walk->entry.stat.st_mode & S_IFMT;

  if (type == S_IFLNK)
    return read_link (walk, dir, name);
  if (type != S_IFREG && type != S_IFDIR)
    return 0;
  fd = openat (dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (type == S_IFDIR ? O_DIRECTORY : 0));
  if (fd < 0 || fstat (fd, &walk->entry.stat) < 0)
    return errno;
  if ((walk->entry.stat.st_mode & S_IFMT) != type)
    return ESTALE; /* it was replaced between the two looks */
  if (type == S_IFDIR)
    return push (walk, agent_steal_fd (&fd), length);
  walk->entry.fd = agent_steal_fd (&fd);
  return 0;
}

/* The root is known by descriptor only; /proc gives it a name that no rename can change. */
static agent_walk_entry *
first (agent_walk *walk)
{
  agent_walk_entry *entry = &walk->entry;
  char name[40];
  agent_autofd int fd = agent_steal_fd (&walk->root);
  mode_t type;

  if (fstat (fd, &entry->stat) < 0)
    {
      entry->error = errno;
      return entry;
    }
  type = entry->stat.st_mode & S_IFMT;
  if (type == S_IFLNK)
    {
      entry->error = read_link (walk, fd, "");
      return entry;
    }
  if (type != S_IFREG && type != S_IFDIR)
    return entry;
  if (type == S_IFDIR)
    {
      int folder = openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

      entry->error = folder < 0 ? errno : push (walk, folder, 0);
      return entry;
    }
  snprintf (name, sizeof name, "/proc/self/fd/%d", fd);
  entry->fd = open (name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  entry->error = entry->fd < 0 ? errno : 0;
  return entry;
}

/* Appends @name to the path of the innermost folder. Returns the new length, or 0 when it is too long. */
static size_t
append_name (agent_walk *walk, const char *name)
{
  size_t length = walk->levels[walk->depth - 1].length;
  size_t size = strlen (name);

  if (length + size + 2 > sizeof walk->path)
    return 0;
  if (length > 0)
    walk->path[length++] = '/';
  memcpy (walk->path + length, name, size + 1);
  return length + size;
}

static agent_walk_entry *
visit (agent_walk *walk, const char *name)
{
  agent_walk_entry *entry = &walk->entry;
  int dir = dirfd (walk->levels[walk->depth - 1].folder);
  size_t length = append_name (walk, name);

  if (length == 0)
    {
      walk->path[walk->levels[walk->depth - 1].length] = '\0';
      entry->error = ENAMETOOLONG;
    }
  else if (fstatat (dir, name, &entry->stat, AT_SYMLINK_NOFOLLOW) < 0)
    entry->error = errno;
  else
    entry->error = open_entry (walk, dir, name, length);
  return entry;
}

agent_walk_entry *
agent_walk_next (agent_walk *walk)
{
  agent_clear_fd (&walk->entry.fd);
  walk->entry = (agent_walk_entry) { .path = walk->path, .fd = -1 };
  if (!walk->begun)
    {
      walk->begun = true;
      return first (walk);
    }
  while (walk->depth > 0)
    {
      const struct dirent *found = readdir (walk->levels[walk->depth - 1].folder);

      if (found == NULL)
        closedir (walk->levels[--walk->depth].folder);
      else if (strcmp (found->d_name, ".") != 0 && strcmp (found->d_name, "..") != 0)
        return visit (walk, found->d_name);
    }
  return NULL;
}
