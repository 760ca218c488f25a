/* The table of processes; see agent-proc.h. */
#include "agent-proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-util.h"

enum { MAX_PROCESSES = 1 << 22 }; /* the kernel's own limit of pid_max */

typedef enum { UNKNOWN, OUTSIDE, BELOW } place;

typedef struct {
  pid_t pid;
  pid_t parent;
  bool zombie;
  bool stopped;
  place where;
} process;

typedef struct {
  process *items;
  size_t n;
  size_t room;
} table;

static bool
table_append (table *all, process item)
{
  if (all->n == all->room)
    {
      size_t room = all->room == 0 ? 256 : all->room * 2;
      process *items = room <= MAX_PROCESSES ? realloc (all->items, room * sizeof *items) : NULL;

      if (items == NULL)
        return false;
      all->items = items;
      all->room = room;
    }
  all->items[all->n++] = item;
  return true;
}

/* Reads the line "PID (NAME) STATE PARENT ..."; the name may hold anything, also brackets. */
static bool
read_process (int proc, const char *name, process *item)
{
  char path[64];
  char line[512];
  const char *rest;
  uint64_t pid;

  if (!agent_parse_number (name, INT32_MAX, &pid))
    return false;
  snprintf (path, sizeof path, "%s/stat", name);
  if (agent_read_text (proc, path, line, sizeof line) <= 0)
    return false;
  rest = strrchr (line, ')');
  if (rest == NULL || rest[1] != ' ' || rest[2] == '\0' || rest[3] != ' ')
    return false;
  item->pid = (pid_t) pid;
  item->parent = (pid_t) strtol (rest + 4, NULL, 10);
  item->zombie = rest[2] == 'Z' || rest[2] == 'X';
  item->stopped = rest[2] == 'T' || rest[2] == 't';
  item->where = UNKNOWN;
  return true;
}

static int
compare_pids (const void *a, const void *b)
{
  const process *one = a;
  const process *two = b;

  return (one->pid > two->pid) - (one->pid < two->pid);
}

/* A table that could not be read to its end is still worth acting on: the caller goes round again. */
static bool
table_read (table *all)
{
  DIR *directory = opendir ("/proc");
  const struct dirent *entry;

  if (directory == NULL)
    return false;
  while ((entry = readdir (directory)) != NULL)
    {
      process item;

      if (read_process (dirfd (directory), entry->d_name, &item) && !table_append (all, item))
        break;
    }
  closedir (directory);
  if (all->n > 0)
    qsort (all->items, all->n, sizeof *all->items, compare_pids);
  return true;
}

static process *
table_find (const table *all, pid_t pid)
{
  process key = { .pid = pid };

  return all->n == 0 ? NULL : bsearch (&key, all->items, all->n, sizeof key, compare_pids);
}

/* Goes up from @item to a process whose place is known and writes that place into all on the way. */
static place
table_place (const table *all, process *item)
{
  place where = OUTSIDE;
  process *up = item;

  for (size_t steps = 0; up != NULL && steps <= all->n; steps++)
    {
      if (up->where != UNKNOWN)
        {
          where = up->where;
          break;
        }
      up = table_find (all, up->parent);
    }
  for (up = item; up != NULL && up->where == UNKNOWN; up = table_find (all, up->parent))
    up->where = where;
  return where;
}

int
agent_proc_signal_below (pid_t root, int signo, const pid_t *skip, int n_skip)
{
  table all = { 0 };
  process *item;
  int n = 0;

  if (!table_read (&all))
    return -1;
  item = table_find (&all, root);
  if (item != NULL)
    item->where = BELOW;
  for (int i = 0; i < n_skip; i++)
    {
      process *skipped = table_find (&all, skip[i]);

      if (skipped != NULL)
        skipped->where = OUTSIDE;
    }
  for (size_t i = 0; i < all.n; i++)
    {
      item = &all.items[i];
      if (item->pid != root && !item->zombie && !(signo == SIGSTOP && item->stopped) && table_place (&all, item) == BELOW
          && kill (item->pid, signo) == 0)
        n++;
    }
  free (all.items);
  return n;
}
