/* Cgroups v2 for the commands: each one's own, below the agent's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Writes the agent's own cgroup folder into @path, with nothing written when the machine has no cgroup v2. False then. */
bool agent_cgroup_find (char *path, size_t size);

/*
 * Makes "NAME" below @base and writes its path into @path. False: there will be none, and process trees are known by their parents alone.
 */
bool agent_cgroup_make (const char *base, const char *name, char *path, size_t size);
