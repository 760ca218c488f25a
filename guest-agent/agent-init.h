/* What the agent does as process 1 of a small image: file systems, kernel modules, loopback, console, the end of the machine. */
#pragma once

#include <stdbool.h>

/*
 * Makes a bare kernel's user space usable. Every step that fails is logged and the next one is taken: a machine that half works can say
 * why.
 */
void agent_init_machine (void);

/*
 * Syncs, and powers the machine off or restarts it: by the kernel when @alone says that the agent is process 1, else by the service
 * manager where there is
 * one. Blocks for as long as the disks do. False: errno, and the machine goes on.
 */
bool agent_init_power_off (bool restart, bool alone);
