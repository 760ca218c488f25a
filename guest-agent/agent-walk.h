/*
 * Walks a file, or a folder with all below it, without ever following a symbolic link on the way. The order is a folder first, then what
 * is in it.
 * Nothing that is being changed under the walk makes it fail as a whole: what cannot be read is an entry with an error.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

enum { AGENT_WALK_DEPTH = 200, AGENT_WALK_PATH = 4096 };

typedef struct agent_walk agent_walk;

/* Valid until the next call on the walk. */
typedef struct {
  const char *path; /* relative to the root, "" for the root itself */
  struct stat stat; /* undefined when @error is set */
  const char *link; /* what a symbolic link points at, else NULL */
  int fd;           /* of a regular file, open for reading, else -1; the walk closes it unless the caller takes it and sets -1 */
  int error;        /* errno: this entry could not be read */
} agent_walk_entry;

/* Begins at @path, absolute; a symbolic link there is followed when @follow is set. NULL: errno says why there is nothing to walk. */
agent_walk *agent_walk_new (const char *path, bool follow);
void agent_walk_free (agent_walk *walk);

/* The file type (S_IFMT bits) of the root, before the first entry was asked for; 0 when it is not known. */
mode_t agent_walk_get_root_type (const agent_walk *walk);

/* The next entry, or NULL at the end. */
agent_walk_entry *agent_walk_next (agent_walk *walk);
