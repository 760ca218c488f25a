/* tcw-guest-agent: the program inside a virtual machine. Here: options, the duties of process 1, signals, and the loop. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent-init.h"
#include "agent-loop.h"
#include "agent-options.h"
#include "agent-reaper.h"
#include "agent-session.h"
#include "agent-util.h"

typedef struct {
  agent_loop *loop;
  agent_watch watch;
  int fd;
  int ended_by; /* signal, or 0 */
} signal_state;

static void
on_signal (void *data, uint32_t events)
{
  signal_state *state = data;
  struct signalfd_siginfo info;

  (void) events;
  while (read (state->fd, &info, sizeof info) == (ssize_t) sizeof info)
    if (info.ssi_signo == SIGCHLD)
      agent_reaper_collect ();
    else
      {
        state->ended_by = (int) info.ssi_signo;
        agent_loop_quit (state->loop);
      }
}

static bool
watch_signals (signal_state *state)
{
  sigset_t watched;

  signal (SIGPIPE, SIG_IGN);
  sigemptyset (&watched);
  sigaddset (&watched, SIGCHLD);
  sigaddset (&watched, SIGTERM);
  sigaddset (&watched, SIGINT);
  sigprocmask (SIG_BLOCK, &watched, NULL);
  state->fd = signalfd (-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
  return state->fd >= 0 && agent_watch_add (&state->watch, state->loop, state->fd, EPOLLIN, on_signal, state);
}

/* Standard streams that exist, room for many files, and to be the last that the machine runs out of memory for. */
static void
prepare_process (bool alone)
{
  struct rlimit files = { .rlim_cur = 65536, .rlim_max = 524288 };
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd < 3);
  agent_clear_fd (&fd);
  if (!alone && getrlimit (RLIMIT_NOFILE, &files) == 0)
    files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
  setrlimit (RLIMIT_NOFILE, &files);
  prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  setsid ();
}

/*
 * Only on a machine of its own is the agent the last one to be killed for memory. Its priority stays an ordinary one: at a higher one it
 * would preempt a
 * command at each of its small writes, which makes those fifteen times slower.
 */
static void
take_precedence (const agent_options *options)
{
  if (*options->test_root == '\0')
    agent_poke (AT_FDCWD, "/proc/self/oom_score_adj", "-1000");
}

/* Returns when a signal says so. False: it could not even begin. */
static bool
run (const agent_options *options, bool alone)
{
  signal_state signals = { .fd = -1 };
  agent_session *session = NULL;
  bool begun;

  signals.loop = agent_loop_new ();
  if (signals.loop == NULL)
    return false;
  begun = watch_signals (&signals);
  if (begun)
    session = agent_session_new (signals.loop, options, alone);
  begun = session != NULL;
  if (!begun)
    agent_log ("cannot start: %s", strerror (errno));
  else
    agent_loop_run (signals.loop);
  agent_session_free (session);
  agent_watch_remove (&signals.watch);
  agent_clear_fd (&signals.fd);
  agent_loop_free (signals.loop);
  if (signals.ended_by != 0)
    agent_log ("ended by signal %d", signals.ended_by);
  return begun;
}

int
main (int argc, char **argv)
{
  bool alone = getpid () == 1;
  agent_options options;
  bool begun;

  if (alone)
    {
      agent_init_machine (); /* before anything that needs /dev or /proc; the kernel's command line may hold words that are none of ours */
      options = (agent_options) { .test_root = "" };
    }
  else
    switch (agent_options_parse (&options, argc, argv))
      {
      case AGENT_OPTIONS_DONE:
        return EXIT_SUCCESS;
      case AGENT_OPTIONS_WRONG:
        return 2;
      case AGENT_OPTIONS_RUN:
      default:
        break;
      }
  prepare_process (alone);
  take_precedence (&options);
  begun = run (&options, alone);
  if (alone)
    {
      agent_init_power_off (false, true);
      for (;;)
        pause (); /* the end of process 1 would be the kernel's panic */
    }
  return begun ? EXIT_SUCCESS : EXIT_FAILURE;
}
