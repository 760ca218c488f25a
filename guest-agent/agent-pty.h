/* Pseudo-terminals for commands that want one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Opens a pair of @columns by @rows characters (0: 80 by 24). @leader is the agent's side, non-blocking; @follower becomes the command's
 * stdin, stdout
 * and stderr. False: errno says why; both are -1.
 */
bool agent_pty_open (uint16_t columns, uint16_t rows, int *leader, int *follower);

/* The foreground processes get SIGWINCH. False: errno. */
bool agent_pty_resize (int leader, uint16_t columns, uint16_t rows);
