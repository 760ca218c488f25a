/* Pseudo-terminals; see agent-pty.h. */
#include "agent-pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "agent-util.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO ('T', 0x41)
#endif

bool
agent_pty_resize (int leader, uint16_t columns, uint16_t rows)
{
  struct winsize size = { .ws_col = columns == 0 ? 80 : columns, .ws_row = rows == 0 ? 24 : rows };

  return ioctl (leader, TIOCSWINSZ, &size) == 0;
}

bool
agent_pty_open (uint16_t columns, uint16_t rows, int *leader, int *follower)
{
  agent_autofd int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  agent_autofd int slave = -1;

  *leader = *follower = -1;
  if (master < 0 || unlockpt (master) < 0)
    return false;
  slave = ioctl (master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0 || !agent_pty_resize (master, columns, rows))
    return false;
  *leader = agent_steal_fd (&master);
  *follower = agent_steal_fd (&slave);
  return true;
}
