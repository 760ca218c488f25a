/* Dead children and orphans; see agent-reaper.h. */
#include "agent-reaper.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-proc.h"

void
agent_reaper_collect (void)
{
  while (waitpid (-1, NULL, WNOHANG) > 0)
    ;
}

int
agent_reaper_kill_orphans (const pid_t *known, int n_known)
{
  int n;

  agent_proc_signal_below (getpid (), SIGSTOP, known, n_known);
  n = agent_proc_signal_below (getpid (), SIGKILL, known, n_known);
  agent_reaper_collect ();
  return n > 0 ? n : 0;
}
