/* Cgroups v2; see agent-cgroup.h. */
#include "agent-cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-util.h"

/* The line "0::PATH" of /proc/self/cgroup is the one of v2. */
static bool
read_own (char *own, size_t size)
{
  char text[4096];
  const char *line;
  size_t length;

  if (agent_read_text (AT_FDCWD, "/proc/self/cgroup", text, sizeof text) <= 0)
    return false;
  line = strncmp (text, "0::", 3) == 0 ? text : strstr (text, "\n0::");
  if (line == NULL)
    return false;
  line += *line == '\n' ? 4 : 3;
  length = strcspn (line, "\n");
  if (length >= size)
    return false;
  memcpy (own, line, length);
  own[length] = '\0';
  return true;
}

bool
agent_cgroup_find (char *path, size_t size)
{
  char own[512];
  char check[PATH_MAX];

  if (!read_own (own, sizeof own) || snprintf (path, size, "/sys/fs/cgroup%s", strcmp (own, "/") == 0 ? "" : own) >= (int) size)
    return false;
  return snprintf (check, sizeof check, "%s/cgroup.procs", path) < (int) sizeof check && access (check, W_OK) == 0;
}

bool
agent_cgroup_make (const char *base, const char *name, char *path, size_t size)
{
  if (base == NULL || *base == '\0' || snprintf (path, size, "%s/%s", base, name) >= (int) size)
    return false;
  return mkdir (path, 0755) == 0 || errno == EEXIST;
}
