/* Process trees and their supervisors; see agent-tree.h. */
#include "agent-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent-proc.h"
#include "agent-util.h"

enum {
  CONTROL_FD = 3,
  STOP_PATIENCE_MS = 1000, /* what does not stop by then is killed as it runs, and the next round stops what that made */
  KILL_PATIENCE_MS = 8000, /* then the end is reported with survivors */
};

typedef struct {
  const agent_spawn_spec *spec;
  int signals; /* signalfd of SIGCHLD */
  pid_t main;
  bool main_ended;
  bool childless;
  bool killing;
  int status;
} supervisor;

/* Collects all dead children without waiting. */
static void
reap (supervisor *self)
{
  struct signalfd_siginfo drained[16];
  int status;
  pid_t pid;

  while (read (self->signals, drained, sizeof drained) > 0)
    ;
  while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
    if (pid == self->main)
      {
        self->main_ended = true;
        self->status = status;
      }
  self->childless = pid < 0 && errno == ECHILD;
}

/* One stroke at the cgroup, for all that has not left it. */
static void
kill_cgroup (const char *cgroup)
{
  char path[PATH_MAX];

  if (cgroup == NULL)
    return;
  snprintf (path, sizeof path, "%s/cgroup.kill", cgroup);
  agent_poke (AT_FDCWD, path, "1");
}

/*
 * Stops all of the tree, round after round until a round finds nothing that moves: what forks faster than it can be killed neither forks
 * nor makes room
 * for another one once it is stopped.
 */
static void
stop_tree (uint64_t end)
{
  struct timespec pause = { .tv_nsec = 500000 };

  while (agent_proc_signal_below (getpid (), SIGSTOP, NULL, 0) > 0 && agent_now_ms () < end)
    nanosleep (&pause, NULL);
}

/* Among thousands of busy processes an ordinary one would not get to its work for minutes. Not allowed is not fatal. */
static void
take_priority (bool take)
{
  struct sched_param priority = { .sched_priority = take ? 1 : 0 };

  sched_setscheduler (0, (take ? SCHED_RR : SCHED_OTHER) | SCHED_RESET_ON_FORK, &priority);
}

/* Leaves nothing of the tree. Returns how many processes are left when the patience is over. */
static int
kill_tree (supervisor *self, int patience_ms)
{
  uint64_t end = agent_now_ms () + (uint64_t) patience_ms;
  int left = 0;

  reap (self);
  if (self->childless)
    return 0;
  take_priority (true);
  kill_cgroup (self->spec->cgroup);
  for (int pause_ms = 1; !self->childless; pause_ms = pause_ms < 64 ? pause_ms * 2 : 64)
    {
      struct pollfd wait = { .fd = self->signals, .events = POLLIN };

      stop_tree (agent_now_ms () + STOP_PATIENCE_MS);
      left = agent_proc_signal_below (getpid (), SIGKILL, NULL, 0);
      reap (self);
      if (self->childless || agent_now_ms () >= end)
        break;
      poll (&wait, 1, pause_ms);
      reap (self);
    }
  take_priority (false);
  return self->childless ? 0 : left > 0 ? left : 1;
}

static void
report (const agent_tree_report *news)
{
  /* The agent's end is only ever full when the agent is gone. */
  send (CONTROL_FD, news, sizeof *news, MSG_NOSIGNAL);
}

/* The command's process: says on @tell why it could not become the command. */
static _Noreturn void
run_main (const agent_spawn_spec *spec, int tell)
{
  agent_spawn_failure failure = agent_spawn_become (spec);

  agent_write_all (tell, &failure, sizeof failure);
  _exit (127);
}

/*
 * Forks, into the tree's cgroup at once where there is one: moving a process that is already there takes the kernel several milliseconds.
 * Without a cgroup,
 * or with a kernel that cannot (before 5.7), the tree is known by its parents alone.
 */
static pid_t
fork_into (const char *cgroup)
{
  agent_autofd int folder = cgroup == NULL ? -1 : open (cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (__u64) folder };
  pid_t pid;

  if (folder < 0)
    return fork ();
  pid = (pid_t) syscall (SYS_clone3, &args, sizeof args);
  return pid < 0 && errno != EAGAIN && errno != ENOMEM ? fork () : pid;
}

/* Forks the command and waits until it has begun, or not. */
static agent_spawn_failure
start_main (supervisor *self)
{
  agent_spawn_failure failure = { .step = AGENT_SPAWN_SETUP };
  int tell[2];
  ssize_t n;

  if (pipe2 (tell, O_CLOEXEC) < 0)
    {
      failure.error = errno;
      return failure;
    }
  self->main = fork_into (self->spec->cgroup);
  if (self->main == 0)
    run_main (self->spec, tell[1]);
  failure.error = errno;
  close (tell[1]);
  if (self->main > 0)
    {
      do
        n = read (tell[0], &failure, sizeof failure);
      while (n < 0 && errno == EINTR);
      if (n == 0)
        failure.step = AGENT_SPAWN_OK;
    }
  close (tell[0]);
  return failure;
}

/* Acts on one order. False: the agent is gone. */
static bool
obey (supervisor *self)
{
  agent_tree_order order;
  ssize_t n = recv (CONTROL_FD, &order, sizeof order, MSG_DONTWAIT);

  if (n < 0)
    return errno == EAGAIN || errno == EINTR;
  if (n != (ssize_t) sizeof order)
    return false;
  switch (order.verb)
    {
    case AGENT_TREE_SIGNAL_MAIN:
      if (!self->main_ended)
        kill (-self->main, order.signo);
      break;
    case AGENT_TREE_SIGNAL_TREE:
      agent_proc_signal_below (getpid (), order.signo, NULL, 0);
      break;
    case AGENT_TREE_KILL:
    default:
      self->killing = true;
      break;
    }
  return true;
}

/* The command runs. Returns when it has ended, when all is to be killed, or when the agent is gone (then false). */
static bool
watch (supervisor *self)
{
  while (!self->main_ended && !self->killing)
    {
      struct pollfd waits[] = { { .fd = self->signals, .events = POLLIN }, { .fd = CONTROL_FD, .events = POLLIN } };

      if (poll (waits, 2, -1) < 0)
        continue;
      if (waits[1].revents != 0 && !obey (self))
        return false;
      if (waits[0].revents != 0)
        reap (self);
    }
  return true;
}

static void
report_end (const supervisor *self, int survivors)
{
  agent_tree_report end = { .news = AGENT_TREE_ENDED, .pid = self->main, .status = self->status, .survivors = survivors };
  struct rusage usage;

  if (!self->main_ended)
    end.status = SIGKILL; /* it is among the survivors: no true status will ever come in time */
  if (getrusage (RUSAGE_CHILDREN, &usage) == 0)
    {
      end.user_us = (uint64_t) usage.ru_utime.tv_sec * 1000000 + (uint64_t) usage.ru_utime.tv_usec;
      end.system_us = (uint64_t) usage.ru_stime.tv_sec * 1000000 + (uint64_t) usage.ru_stime.tv_usec;
      end.max_rss_kib = (uint64_t) usage.ru_maxrss;
    }
  report (&end);
}

static void
remove_cgroup (const char *cgroup)
{
  struct timespec pause = { .tv_nsec = 1000000 };

  for (int i = 0; cgroup != NULL && i < 50 && rmdir (cgroup) < 0 && errno == EBUSY; i++)
    nanosleep (&pause, NULL);
}

/* Takes the descriptors it needs to 0..3, closes all others, and becomes deaf to what a terminal or a user might send. */
static void
settle (const int stdio[3], int control)
{
  sigset_t all;

  for (int i = 0; i < 3; i++)
    dup2 (stdio[i], i);
  if (control != CONTROL_FD)
    dup2 (control, CONTROL_FD);
  fcntl (CONTROL_FD, F_SETFD, FD_CLOEXEC);
  if (syscall (SYS_close_range, CONTROL_FD + 1, ~0U, 0) < 0)
    for (int fd = CONTROL_FD + 1; fd < 4096; fd++)
      close (fd);
  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);
  prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  prctl (PR_SET_NAME, "tcw-supervisor", 0, 0, 0);
  setsid ();
}

/* The command has its own copies of the pipes: ours would keep them open. */
static void
let_go_of_stdio (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  for (int i = 0; i < 3; i++)
    if (null < 0 || dup2 (null, i) < 0)
      close (i);
}

static _Noreturn void
supervise (const agent_spawn_spec *spec, const int stdio[3], int control)
{
  supervisor self = { .spec = spec, .signals = -1 };
  agent_tree_report start = { .news = AGENT_TREE_STARTED };
  sigset_t child;
  int survivors;

  settle (stdio, control);
  sigemptyset (&child);
  sigaddset (&child, SIGCHLD);
  self.signals = signalfd (-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
  start.failure = start_main (&self);
  start.pid = self.main;
  let_go_of_stdio ();
  if (start.failure.step != AGENT_SPAWN_OK)
    {
      start.news = AGENT_TREE_FAILED;
      kill_tree (&self, KILL_PATIENCE_MS);
      remove_cgroup (spec->cgroup);
      report (&start);
      _exit (0);
    }
  report (&start);
  if (!watch (&self))
    self.killing = true;
  survivors = kill_tree (&self, KILL_PATIENCE_MS);
  if (survivors == 0)
    remove_cgroup (spec->cgroup);
  report_end (&self, survivors);
  while (survivors > 0)
    survivors = kill_tree (&self, KILL_PATIENCE_MS);
  _exit (0);
}

pid_t
agent_tree_start (const agent_spawn_spec *spec, const int stdio[3], int *control)
{
  int pair[2];
  pid_t pid;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
    return -1;
  pid = fork ();
  if (pid == 0)
    supervise (spec, stdio, pair[1]);
  agent_clear_fd (&pair[1]);
  if (pid < 0 || !agent_fd_set_blocking (pair[0], false))
    {
      agent_clear_fd (&pair[0]);
      return -1;
    }
  *control = pair[0];
  return pid;
}

bool
agent_tree_send (int control, agent_tree_verb verb, int signo)
{
  agent_tree_order order = { .verb = verb, .signo = signo };

  return send (control, &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t) sizeof order || errno == EAGAIN;
}

int
agent_tree_receive (int control, agent_tree_report *report_)
{
  ssize_t n = recv (control, report_, sizeof *report_, MSG_DONTWAIT);

  if (n == (ssize_t) sizeof *report_)
    return 1;
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}
