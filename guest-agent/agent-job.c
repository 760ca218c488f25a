/* Work in a forked child; see agent-job.h. */
#include "agent-job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-util.h"

typedef struct {
  int error;
  char text[AGENT_JOB_TEXT];
} outcome;

typedef struct {
  agent_watch watch;
  pid_t pid; /* 0: this place is free */
  int result; /* pipe */
  agent_job_done done;
  void *data;
} job;

struct agent_jobs {
  agent_loop *loop;
  job items[AGENT_JOBS_MAX];
};

agent_jobs *
agent_jobs_new (agent_loop *loop)
{
  agent_jobs *jobs = calloc (1, sizeof *jobs);

  if (jobs != NULL)
    jobs->loop = loop;
  return jobs;
}

void
agent_jobs_free (agent_jobs *jobs)
{
  if (jobs == NULL)
    return;
  for (int i = 0; i < AGENT_JOBS_MAX; i++)
    if (jobs->items[i].pid != 0)
      {
        agent_watch_remove (&jobs->items[i].watch);
        agent_clear_fd (&jobs->items[i].result);
        jobs->items[i].done (jobs->items[i].data, ECANCELED, "");
      }
  free (jobs);
}

int
agent_jobs_get_pids (const agent_jobs *jobs, pid_t pids[AGENT_JOBS_MAX])
{
  int n = 0;

  for (int i = 0; i < AGENT_JOBS_MAX; i++)
    if (jobs->items[i].pid != 0)
      pids[n++] = jobs->items[i].pid;
  return n;
}

static _Noreturn void
run_child (agent_job_func func, const void *work, int result)
{
  outcome out = { 0 };
  sigset_t none;

  for (int i = 0; i < 2; i++)
    {
      int null = open ("/dev/null", O_RDWR);

      dup2 (null, i);
    }
  dup2 (result, 3);
  fcntl (3, F_SETFD, FD_CLOEXEC);
  syscall (SYS_close_range, 4, ~0U, 0);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  out.error = func (work, out.text);
  agent_write_all (3, &out, sizeof out);
  _exit (0);
}

/* The outcome is smaller than PIPE_BUF, so that it comes as a whole or not at all. */
static void
on_result (void *data, uint32_t events)
{
  job *self = data;
  outcome out = { .error = ECHILD, .text = "the agent's helper process was killed" };
  ssize_t n = read (self->result, &out, sizeof out);

  (void) events;
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  out.text[sizeof out.text - 1] = '\0';
  agent_watch_remove (&self->watch);
  agent_clear_fd (&self->result);
  self->pid = 0;
  self->done (self->data, out.error, out.text);
}

bool
agent_job_start (agent_jobs *jobs, agent_job_func func, const void *work, agent_job_done done, void *data)
{
  agent_autofd int reader = -1;
  agent_autofd int writer = -1;
  job *self = jobs->items;
  int ends[2];
  pid_t pid;

  while (self < jobs->items + AGENT_JOBS_MAX && self->pid != 0)
    self++;
  errno = EAGAIN;
  if (self == jobs->items + AGENT_JOBS_MAX || pipe2 (ends, O_CLOEXEC) < 0)
    return false;
  reader = ends[0];
  writer = ends[1];
  if (!agent_fd_set_blocking (reader, false) || !agent_watch_add (&self->watch, jobs->loop, reader, EPOLLIN, on_result, self))
    return false;
  pid = fork ();
  if (pid == 0)
    run_child (func, work, writer);
  if (pid < 0)
    {
      agent_watch_remove (&self->watch);
      return false;
    }
  self->pid = pid;
  self->result = agent_steal_fd (&reader);
  self->done = done;
  self->data = data;
  return true;
}

int
agent_job_run_tool (const char *const argv[])
{
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0)
    {
      char *copy[16] = { NULL };
      int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

      for (int i = 0; i < 3; i++)
        dup2 (null, i);
      for (int i = 0; i < 15 && argv[i] != NULL; i++)
        copy[i] = strdup (argv[i]);
      if (copy[0] != NULL)
        execvp (copy[0], copy);
      _exit (127);
    }
  while (pid > 0 && waitpid (pid, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  return pid > 0 && WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}
