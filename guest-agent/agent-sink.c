/* Writing trees of files; see agent-sink.h. */
#include "agent-sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-beneath.h"
#include "agent-util.h"

struct agent_sink {
  bool has_owner;
  uid_t uid;
  gid_t gid;
  int parent;              /* the folder that holds the target */
  char name[NAME_MAX + 1]; /* of the target in it */
  char temporary[64];      /* name of the unfinished single file in it, or "" */
  int root;                /* the target, when it is a folder */
  int file; /* the open entry */
  int64_t mtime_ns;
  off_t at; /* where the next data goes */
};

static void
give (const agent_sink *sink, int fd)
{
  if (sink->has_owner && fchown (fd, sink->uid, sink->gid) < 0)
    agent_log ("chown: %s", strerror (errno));
}

/* Opens the folder @path, made with its parents where it is missing. Returns the descriptor, or -1 with errno. */
static int
open_made (const agent_sink *sink, const char *path)
{
  agent_autofd int dir = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  while (dir >= 0)
    {
      char part[NAME_MAX + 1];
      size_t length;
      int next;
      bool made;

      path += strspn (path, "/");
      length = strcspn (path, "/");
      if (length == 0)
        return agent_steal_fd (&dir);
      if (length > NAME_MAX)
        {
          errno = ENAMETOOLONG;
          return -1;
        }
      memcpy (part, path, length);
      part[length] = '\0';
      made = mkdirat (dir, part, 0755) == 0;
      next = openat (dir, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (next >= 0 && made)
        give (sink, next);
      agent_clear_fd (&dir);
      dir = next;
      path += length;
    }
  return -1;
}

agent_sink *
agent_sink_new (const char *target, const agent_user *owner)
{
  agent_sink *sink = calloc (1, sizeof *sink);
  char path[PATH_MAX];
  size_t length = strlen (target);
  char *slash;

  if (sink == NULL)
    return NULL;
  sink->root = sink->file = sink->parent = -1;
  if (owner != NULL && geteuid () == 0)
    {
      sink->has_owner = true;
      sink->uid = owner->uid;
      sink->gid = owner->gid;
    }
  while (length > 1 && target[length - 1] == '/')
    length--;
  errno = length >= sizeof path ? ENAMETOOLONG : EINVAL;
  if (length >= sizeof path || length < 2 || target[0] != '/')
    {
      free (sink);
      return NULL;
    }
  memcpy (path, target, length);
  path[length] = '\0';
  slash = strrchr (path, '/');
  if (strlen (slash + 1) <= NAME_MAX && agent_beneath_is_plain (slash + 1))
    {
      memcpy (sink->name, slash + 1, strlen (slash + 1) + 1);
      *slash = '\0';
      sink->parent = open_made (sink, path);
    }
  if (sink->parent >= 0)
    return sink;
  agent_sink_free (sink);
  return NULL;
}

void
agent_sink_free (agent_sink *sink)
{
  int saved = errno;

  if (sink == NULL)
    return;
  if (sink->temporary[0] != '\0')
    unlinkat (sink->parent, sink->temporary, 0);
  agent_clear_fd (&sink->file);
  agent_clear_fd (&sink->root);
  agent_clear_fd (&sink->parent);
  free (sink);
  errno = saved;
}

/* Makes the folder @name, or takes the one that is there. Anything else of this name gives way. */
static int
make_folder (const agent_sink *sink, int dir, const char *name, uint32_t mode, int *opened)
{
  bool made = mkdirat (dir, name, 0700) == 0;

  if (!made && errno != EEXIST)
    return errno;
  *opened = openat (dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (*opened < 0 && !made && (errno == ENOTDIR || errno == ELOOP) && unlinkat (dir, name, 0) == 0 && mkdirat (dir, name, 0700) == 0)
    {
      made = true;
      *opened = openat (dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
  if (*opened < 0)
    return errno;
  if (made)
    give (sink, *opened);
  if (made && fchmod (*opened, mode & 07777) < 0)
    return errno;
  return 0;
}

static int
make_link (const agent_sink *sink, int dir, const char *name, const char *link)
{
  unlinkat (dir, name, 0);
  if (symlinkat (link, dir, name) < 0)
    return errno;
  if (sink->has_owner && fchownat (dir, name, sink->uid, sink->gid, AT_SYMLINK_NOFOLLOW) < 0)
    return errno;
  return 0;
}

static int
make_file (agent_sink *sink, int dir, const char *name, uint32_t mode)
{
  unlinkat (dir, name, 0);
  sink->file = openat (dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (sink->file < 0)
    return errno;
  give (sink, sink->file);
  return fchmod (sink->file, mode & 07777) < 0 ? errno : 0;
}

/* The target itself. */
static int
begin_target (agent_sink *sink, const agent_sink_entry *entry)
{
  static const char letters[] = "0123456789abcdef";
  size_t length;

  if (entry->type == AGENT_SINK_FOLDER)
    return make_folder (sink, sink->parent, sink->name, entry->mode, &sink->root);
  if (entry->type == AGENT_SINK_LINK)
    return make_link (sink, sink->parent, sink->name, entry->link);
  length = (size_t) snprintf (sink->temporary, sizeof sink->temporary, ".tcw-%d-", (int) getpid ());
  for (uintptr_t bits = (uintptr_t) sink; bits != 0 && length + 1 < sizeof sink->temporary; bits >>= 4)
    sink->temporary[length++] = letters[bits & 15];
  sink->temporary[length] = '\0';
  return make_file (sink, sink->parent, sink->temporary, entry->mode);
}

int
agent_sink_begin (agent_sink *sink, const agent_sink_entry *entry)
{
  agent_autofd int dir = -1;
  agent_autofd int folder = -1;
  const char *name;

  agent_clear_fd (&sink->file);
  sink->at = 0;
  sink->mtime_ns = entry->mtime_ns;
  if (*entry->path == '\0')
    return sink->root >= 0 ? EINVAL : begin_target (sink, entry);
  if (sink->root < 0)
    return EINVAL;
  dir = agent_beneath_open_parent (sink->root, entry->path, &name);
  if (dir < 0)
    return errno;
  switch (entry->type)
    {
    case AGENT_SINK_FOLDER:
      return make_folder (sink, dir, name, entry->mode, &folder);
    case AGENT_SINK_LINK:
      return make_link (sink, dir, name, entry->link);
    case AGENT_SINK_FILE:
    default:
      return make_file (sink, dir, name, entry->mode);
    }
}

int
agent_sink_data (agent_sink *sink, const void *data, size_t size)
{
  const char *from = data;

  if (sink->file < 0)
    return EINVAL;
  while (size > 0)
    {
      ssize_t n = pwrite (sink->file, from, size, sink->at);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return errno;
      from += n;
      size -= (size_t) n;
      sink->at += n;
    }
  return 0;
}

int
agent_sink_hole (agent_sink *sink, uint64_t size)
{
  if (sink->file < 0 || size > (uint64_t) INT64_MAX - (uint64_t) sink->at)
    return EINVAL;
  sink->at += (off_t) size;
  return 0;
}

int
agent_sink_end (agent_sink *sink)
{
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };

  if (sink->file < 0)
    return 0;
  if (ftruncate (sink->file, sink->at) < 0)
    return errno;
  if (sink->mtime_ns >= 0)
    {
      times[1].tv_sec = (time_t) (sink->mtime_ns / 1000000000);
      times[1].tv_nsec = (long) (sink->mtime_ns % 1000000000);
      futimens (sink->file, times);
    }
  if (close (agent_steal_fd (&sink->file)) < 0)
    return errno;
  if (sink->temporary[0] == '\0')
    return 0;
  if (renameat (sink->parent, sink->temporary, sink->parent, sink->name) < 0)
    return errno;
  sink->temporary[0] = '\0';
  return 0;
}
