/*
 * The table of processes in /proc, and signals to everything that descends from one process. A process whose parent died hangs below
 * the nearest sub-reaper, so that a sub-reaper's descendants are all that it ever started, daemons with sessions of their own included.
 */
#pragma once

#include <sys/types.h>

/*
 * Sends @signo to every living process below @root, and not to @root itself nor to the @n_skip processes of @skip and what is below those.
 * Returns how many it was, or -1 with errno when /proc cannot be read. Zombies do not count; nor do, for SIGSTOP, those that are stopped
 * already: 0 then
 * says that nothing moves any more.
 */
int agent_proc_signal_below (pid_t root, int signo, const pid_t *skip, int n_skip);
