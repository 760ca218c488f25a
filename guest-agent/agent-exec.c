/* Commands; see agent-exec.h. */
#include "agent-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent-cgroup.h"
#include "agent-flow.h"
#include "agent-pty.h"
#include "agent-util.h"

enum { PIPE_BYTES = 256 * 1024 };

struct agent_exec {
  agent_loop *loop;
  agent_exec_events events;
  void *data;
  agent_spawn_spec spec; /* what messages need of it; the supervisor has all */
  char *command;
  char *user;
  char *folder;
  char *argv[2];
  agent_watch control_watch;
  int control;
  bool started;
  bool reported; /* the tree's end is known */
  bool killed;   /* by the host, which may not want to read what is left */
  bool told;     /* failed or ended was called */
  pid_t supervisor;
  agent_tree_report report;
  agent_stream *streams[3];
  agent_flow input;
  agent_flow output;
  agent_flow errors;
};

/* The command's ends of the pipes; closed when their scope ends. */
typedef struct {
  int fds[3];
} child_ends;

static void
child_ends_clear (child_ends *ends)
{
  for (int i = 0; i < 3; i++)
    if (ends->fds[i] >= 0 && (i == 0 || ends->fds[i] != ends->fds[0]))
      close (ends->fds[i]);
}

/* Says what has become true. The owner may free the command in done, so that nothing may follow a call of this. */
static void
tell_end (agent_exec *exec)
{
  bool moving = agent_flow_is_running (&exec->output) || agent_flow_is_running (&exec->errors);

  if (!exec->reported || (moving && !exec->killed))
    return;
  if (!exec->told)
    {
      exec->told = true;
      exec->events.ended (exec->data, &exec->report);
    }
  if (!moving)
    exec->events.done (exec->data);
}

static void
on_flow_ended (void *data)
{
  tell_end (data);
}

static void
on_input_readable (void *data)
{
  agent_exec *exec = data;

  agent_flow_in_readable (&exec->input);
}

static void
on_input_reset (void *data)
{
  agent_exec *exec = data;

  agent_flow_stop (&exec->input);
}

static void
on_output_writable (void *data)
{
  agent_exec *exec = data;

  agent_flow_out_writable (&exec->output);
}

static void
on_output_reset (void *data)
{
  agent_exec *exec = data;

  agent_flow_stop (&exec->output);
  if (exec->output.kind == AGENT_FLOW_TERMINAL)
    agent_flow_stop (&exec->input); /* the terminal hangs up */
  tell_end (exec);
}

static void
on_errors_writable (void *data)
{
  agent_exec *exec = data;

  agent_flow_out_writable (&exec->errors);
}

static void
on_errors_reset (void *data)
{
  agent_exec *exec = data;

  agent_flow_stop (&exec->errors);
  tell_end (exec);
}

/* The tree is gone: what its pipes hold is the last of it. */
static void
finish (agent_exec *exec)
{
  agent_watch_remove (&exec->control_watch);
  if (agent_flow_is_running (&exec->input))
    {
      agent_flow_stop (&exec->input);
      agent_stream_stop (exec->streams[0]);
    }
  agent_flow_out_drain (&exec->output);
  agent_flow_out_drain (&exec->errors);
  exec->reported = true; /* only now: the owner may free the command as soon as it is told */
  tell_end (exec);
}

static void
on_report (agent_exec *exec, const agent_tree_report *report)
{
  switch (report->news)
    {
    case AGENT_TREE_STARTED:
      exec->started = true;
      exec->events.started (exec->data, report->pid);
      break;
    case AGENT_TREE_FAILED:
      exec->told = true;
      agent_watch_remove (&exec->control_watch);
      exec->events.failed (exec->data, &exec->spec, report->failure);
      break;
    case AGENT_TREE_ENDED:
    default:
      exec->report = *report;
      finish (exec);
      break;
    }
}

/* One report a time: the owner may free the command in an event. */
static void
on_control (void *data, uint32_t events)
{
  agent_exec *exec = data;
  agent_tree_report report;
  int n = agent_tree_receive (exec->control, &report);

  (void) events;
  if (n > 0)
    {
      on_report (exec, &report);
      return;
    }
  if (n == 0)
    return;
  /* Somebody killed the supervisor. What it looked after is an orphan of the agent's now, and goes the way of all orphans. */
  report = (agent_tree_report) { .news = AGENT_TREE_FAILED, .failure = { .step = AGENT_SPAWN_SETUP, .error = ECHILD } };
  if (exec->started)
    report = (agent_tree_report) { .news = AGENT_TREE_ENDED, .status = SIGKILL, .survivors = 1 };
  on_report (exec, &report);
}

/* A pipe, or /dev/null for a stream that isn't there. @mine is the agent's end. */
static bool
open_pipe (const agent_stream *stream, bool to_command, int *mine, int *theirs)
{
  int ends[2];

  if (stream == NULL)
    {
      *theirs = open ("/dev/null", O_RDWR | O_CLOEXEC);
      return *theirs >= 0;
    }
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return false;
  *mine = ends[to_command ? 1 : 0];
  *theirs = ends[to_command ? 0 : 1];
  fcntl (*mine, F_SETPIPE_SZ, PIPE_BYTES);
  return true;
}

static bool
open_terminal (const agent_exec_request *request, int mine[3], child_ends *theirs)
{
  int leader;
  int follower;

  if (!agent_pty_open (request->columns, request->rows, &leader, &follower))
    return false;
  theirs->fds[0] = theirs->fds[1] = theirs->fds[2] = follower;
  mine[1] = leader;
  mine[0] = fcntl (leader, F_DUPFD_CLOEXEC, 3);
  return mine[0] >= 0;
}

/* Starts what moves the bytes; takes the descriptors in @mine. */
static bool
start_flows (agent_exec *exec, const agent_exec_request *request, int mine[3])
{
  static const agent_stream_events input_events = { .readable = on_input_readable, .reset = on_input_reset };
  static const agent_stream_events output_events = { .writable = on_output_writable, .reset = on_output_reset };
  static const agent_stream_events errors_events = { .writable = on_errors_writable, .reset = on_errors_reset };
  agent_flow_kind kind = request->spec.terminal ? AGENT_FLOW_TERMINAL : AGENT_FLOW_PIPE;

  if (request->input != NULL && mine[0] >= 0
      && !agent_flow_in_start (&exec->input, exec->loop, agent_steal_fd (&mine[0]), kind, request->input, NULL, NULL))
    return false;
  if (request->output != NULL && mine[1] >= 0
      && !agent_flow_out_start (&exec->output, exec->loop, agent_steal_fd (&mine[1]), kind, request->output, on_flow_ended, exec))
    return false;
  if (request->errors != NULL && mine[2] >= 0
      && !agent_flow_out_start (&exec->errors, exec->loop, agent_steal_fd (&mine[2]), kind, request->errors, on_flow_ended, exec))
    return false;
  if (request->input != NULL)
    agent_stream_set_events (request->input, &input_events, exec);
  if (request->output != NULL)
    agent_stream_set_events (request->output, &output_events, exec);
  if (request->errors != NULL)
    agent_stream_set_events (request->errors, &errors_events, exec);
  exec->streams[0] = request->input;
  exec->streams[1] = request->output;
  exec->streams[2] = request->errors;
  return true;
}

/* Forks the supervisor with the command's cgroup, where there can be one. */
static bool
start_tree (agent_exec *exec, const agent_exec_request *request, const child_ends *theirs)
{
  agent_spawn_spec spec = request->spec;
  char name[32];
  char cgroup[PATH_MAX];

  snprintf (name, sizeof name, "exec-%u", request->number);
  spec.cgroup = agent_cgroup_make (request->cgroup_base, name, cgroup, sizeof cgroup) ? cgroup : NULL;
  exec->supervisor = agent_tree_start (&spec, theirs->fds, &exec->control);
  if (exec->supervisor < 0)
    {
      if (spec.cgroup != NULL)
        rmdir (spec.cgroup);
      return false;
    }
  return agent_watch_add (&exec->control_watch, exec->loop, exec->control, EPOLLIN, on_control, exec);
}

static agent_exec *
new_exec (agent_loop *loop, const agent_exec_request *request, const agent_exec_events *events, void *data)
{
  agent_exec *exec = calloc (1, sizeof *exec);

  if (exec == NULL)
    return NULL;
  exec->loop = loop;
  exec->events = *events;
  exec->data = data;
  exec->control = exec->input.fd = exec->output.fd = exec->errors.fd = -1;
  exec->command = strdup (request->spec.argv[0]);
  exec->user = strdup (request->spec.user == NULL ? "" : request->spec.user);
  exec->folder = strdup (request->spec.folder == NULL ? "" : request->spec.folder);
  if (exec->command == NULL || exec->user == NULL || exec->folder == NULL)
    {
      agent_exec_free (exec);
      return NULL;
    }
  exec->argv[0] = exec->command;
  exec->spec = (agent_spawn_spec) { .argv = exec->argv, .user = exec->user, .folder = exec->folder };
  return exec;
}

agent_exec *
agent_exec_start (agent_loop *loop, const agent_exec_request *request, const agent_exec_events *events, void *data)
{
  child_ends theirs __attribute__ ((cleanup (child_ends_clear))) = { { -1, -1, -1 } };
  agent_exec *exec = new_exec (loop, request, events, data);
  int mine[3] = { -1, -1, -1 };
  bool opened;

  if (exec == NULL)
    return NULL;
  if (request->spec.terminal)
    opened = open_terminal (request, mine, &theirs);
  else if (request->merge)
    {
      opened = open_pipe (request->input, true, &mine[0], &theirs.fds[0]) && open_pipe (request->output, false, &mine[1], &theirs.fds[1]);
      theirs.fds[2] = opened ? fcntl (theirs.fds[1], F_DUPFD_CLOEXEC, 3) : -1;
      opened = theirs.fds[2] >= 0;
    }
  else
    opened = open_pipe (request->input, true, &mine[0], &theirs.fds[0]) && open_pipe (request->output, false, &mine[1], &theirs.fds[1])
             && open_pipe (request->errors, false, &mine[2], &theirs.fds[2]);
  if (opened && start_tree (exec, request, &theirs) && start_flows (exec, request, mine))
    {
      agent_clear_fd (&mine[0]);
      agent_clear_fd (&mine[1]);
      return exec;
    }
  for (int i = 0; i < 3; i++)
    agent_clear_fd (&mine[i]);
  agent_exec_free (exec);
  return NULL;
}

void
agent_exec_free (agent_exec *exec)
{
  int saved = errno;

  if (exec == NULL)
    return;
  agent_watch_remove (&exec->control_watch);
  agent_clear_fd (&exec->control);
  agent_flow_stop (&exec->input);
  agent_flow_stop (&exec->output);
  agent_flow_stop (&exec->errors);
  for (int i = 0; i < 3; i++)
    if (exec->streams[i] != NULL)
      agent_stream_close (exec->streams[i]);
  free (exec->command);
  free (exec->user);
  free (exec->folder);
  free (exec);
  errno = saved;
}

pid_t
agent_exec_get_supervisor (const agent_exec *exec)
{
  return exec->supervisor;
}

bool
agent_exec_signal (agent_exec *exec, int signo, bool whole_tree)
{
  return exec->started && !exec->reported
         && agent_tree_send (exec->control, whole_tree ? AGENT_TREE_SIGNAL_TREE : AGENT_TREE_SIGNAL_MAIN, signo);
}

bool
agent_exec_kill (agent_exec *exec)
{
  exec->killed = true;
  return !exec->reported && !exec->told && agent_tree_send (exec->control, AGENT_TREE_KILL, 0);
}

bool
agent_exec_resize (agent_exec *exec, uint16_t columns, uint16_t rows)
{
  return exec->output.kind == AGENT_FLOW_TERMINAL && agent_flow_is_running (&exec->output)
         && agent_pty_resize (exec->output.fd, columns, rows);
}
