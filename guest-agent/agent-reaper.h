/* Dead children of the agent, and living ones that nobody knows: orphans of commands whose supervisor was killed. */
#pragma once

#include <sys/types.h>

/* Collects what has died, without waiting. */
void agent_reaper_collect (void);

/* Kills every process below the agent except the @n_known and what is below those. Returns how many are left to kill, 0 when it is done. */
int agent_reaper_kill_orphans (const pid_t *known, int n_known);
