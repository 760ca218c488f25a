/* Opening, making and removing what lies below a folder, never through a symbolic link and never outside of it, whatever a path says. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* How many folders within each other are removed. */
enum { AGENT_BENEATH_DEPTH = 128 };

/* Whether @path is relative and plain: no empty part, no "." or "..", no slash at either end. "" is not. */
bool agent_beneath_is_plain (const char *path);

/*
 * openat(2) for the plain @path below @root; every part of it must be no symbolic link. Close-on-exec is added. Returns the descriptor, or
 * -1 with errno: ELOOP or ENOTDIR is a symbolic link on the way, EINVAL a path that is not plain.
 */
int agent_beneath_open (int root, const char *path, int flags, mode_t mode);

/* Opens the folder that holds the last part of the plain @path, and points @name at that part. As agent_beneath_open for errors. */
int agent_beneath_open_parent (int root, const char *path, const char **name);

/*
 * Removes @name of the folder @dir, with all below it when it is a folder; no symbolic link is followed. Returns 0 or an errno: ELOOP is
 * more than AGENT_BENEATH_DEPTH folders within each other.
 */
int agent_beneath_remove (int dir, const char *name);
