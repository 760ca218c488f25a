/* The commands of a session; see agent-commands.h. */
#include "agent-commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent-exec.h"
#include "agent-reaper.h"
#include "agent-stream-link.h"
#include "agent-util.h"

enum { REMEMBERED = 128, ORPHAN_CHECK_MS = 20 };

typedef struct command {
  agent_commands *owner;
  agent_exec *exec;
  agent_request request;
  agent_request again; /* of a repeated EXEC, number 0: none */
  bool answered;
  bool done; /* to be freed */
  TcwWireExecInfo info;
} command;

struct agent_commands {
  const agent_context *context;
  command *alive[AGENT_COMMANDS_MAX];
  TcwWireExecInfo ended[REMEMBERED];
  unsigned n_ended; /* in all: the last REMEMBERED of them are there */
  agent_timer orphans;
};

agent_commands *
agent_commands_new (const agent_context *context)
{
  agent_commands *commands = calloc (1, sizeof *commands);

  if (commands != NULL)
    commands->context = context;
  return commands;
}

void
agent_commands_clear (agent_commands *commands)
{
  for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
    if (commands->alive[i] != NULL)
      {
        agent_exec_free (commands->alive[i]->exec);
        free (commands->alive[i]);
        commands->alive[i] = NULL;
      }
  commands->n_ended = 0;
}

void
agent_commands_free (agent_commands *commands)
{
  if (commands == NULL)
    return;
  agent_timer_stop (&commands->orphans);
  agent_commands_clear (commands);
  free (commands);
}

static command *
find_alive (const agent_commands *commands, uint32_t id)
{
  for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
    if (commands->alive[i] != NULL && commands->alive[i]->info.exec == id)
      return commands->alive[i];
  return NULL;
}

static unsigned
count_remembered (const agent_commands *commands)
{
  return commands->n_ended < REMEMBERED ? commands->n_ended : REMEMBERED;
}

static const TcwWireExecInfo *
find_ended (const agent_commands *commands, uint32_t id)
{
  for (unsigned i = 0; i < count_remembered (commands); i++)
    if (commands->ended[i].exec == id)
      return &commands->ended[i];
  return NULL;
}

static void
forget (command *self)
{
  agent_commands *commands = self->owner;

  for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
    if (commands->alive[i] == self)
      commands->alive[i] = NULL;
  agent_exec_free (self->exec);
  free (self);
}

static void
reply_started (const agent_commands *commands, agent_request request, uint32_t pid)
{
  uint8_t body[16];
  TcwWireWriter writer;

  tcw_wire_writer_init (&writer, body, sizeof body);
  tcw_wire_started_encode (&writer, &(TcwWireStarted) { .pid = pid });
  agent_control_reply_body (commands->context->control, request, body, writer.length);
}

static void
on_started (void *data, pid_t pid)
{
  command *self = data;

  self->info.state = TCW_WIRE_EXEC_RUNNING;
  self->info.pid = (uint32_t) pid;
  self->answered = true;
  reply_started (self->owner, self->request, self->info.pid);
  if (self->again.number != 0)
    reply_started (self->owner, self->again, self->info.pid);
}

/* What a dead supervisor looked after hangs below the agent now. */
static void
check_orphans (void *data)
{
  agent_commands *commands = data;
  pid_t known[AGENT_COMMANDS_MAX + AGENT_JOBS_MAX];
  int n = agent_jobs_get_pids (commands->context->jobs, known);

  for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
    if (commands->alive[i] != NULL)
      known[n++] = agent_exec_get_supervisor (commands->alive[i]->exec);
  if (agent_reaper_kill_orphans (known, n) > 0)
    agent_timer_start (&commands->orphans, commands->context->loop, ORPHAN_CHECK_MS, check_orphans, commands);
}

static TcwWireStatus
status_of (agent_spawn_failure failure)
{
  bool missing = failure.error == ENOENT || failure.error == ENOTDIR;

  switch (failure.step)
    {
    case AGENT_SPAWN_USER:
      return missing ? TCW_WIRE_STATUS_NO_USER : tcw_wire_status_from_errno (failure.error);
    case AGENT_SPAWN_BECOME:
      return TCW_WIRE_STATUS_PERMISSION;
    case AGENT_SPAWN_FOLDER:
      return missing ? TCW_WIRE_STATUS_NO_DIRECTORY : tcw_wire_status_from_errno (failure.error);
    case AGENT_SPAWN_SEARCH:
      return TCW_WIRE_STATUS_NOT_FOUND;
    case AGENT_SPAWN_INTERPRETER:
      return TCW_WIRE_STATUS_NOT_EXECUTABLE;
    case AGENT_SPAWN_EXEC:
      if (missing)
        return TCW_WIRE_STATUS_NOT_FOUND;
      return failure.error == E2BIG ? TCW_WIRE_STATUS_LIMIT
             : failure.error == ENOMEM ? TCW_WIRE_STATUS_NO_MEMORY
                                       : TCW_WIRE_STATUS_NOT_EXECUTABLE;
    case AGENT_SPAWN_OK:
    case AGENT_SPAWN_SETUP:
    case AGENT_SPAWN_TERMINAL:
    default:
      return tcw_wire_status_from_errno (failure.error);
    }
}

static void
on_failed (void *data, const agent_spawn_spec *spec, agent_spawn_failure failure)
{
  command *self = data;
  agent_control *control = self->owner->context->control;
  char text[768];

  agent_spawn_explain (spec, failure, text, sizeof text);
  agent_control_reply (control, self->request, status_of (failure), text);
  if (self->again.number != 0)
    agent_control_reply (control, self->again, status_of (failure), text);
  if (failure.error == ECHILD) /* its supervisor was killed, maybe when the command had begun already */
    agent_timer_start (&self->owner->orphans, self->owner->context->loop, 0, check_orphans, self->owner);
  forget (self);
}

static void
send_exit (const command *self, const agent_tree_report *report)
{
  uint8_t body[64];
  TcwWireWriter writer;
  TcwWireExit message = { .exec = self->info.exec,
                          .kind = self->info.kind,
                          .code = self->info.code,
                          .user_us = report->user_us,
                          .system_us = report->system_us,
                          .max_rss_kib = report->max_rss_kib,
                          .survivors = (uint32_t) report->survivors };

  tcw_wire_writer_init (&writer, body, sizeof body);
  tcw_wire_exit_encode (&writer, &message);
  agent_control_event (self->owner->context->control, TCW_WIRE_EXIT, body, writer.length);
}

static void
on_ended (void *data, const agent_tree_report *report)
{
  command *self = data;
  agent_commands *commands = self->owner;

  self->info.state = TCW_WIRE_EXEC_ENDED;
  self->info.kind = WIFEXITED (report->status) ? TCW_WIRE_EXIT_EXITED : TCW_WIRE_EXIT_SIGNALLED;
  self->info.code = (uint32_t) (WIFEXITED (report->status) ? WEXITSTATUS (report->status) : WTERMSIG (report->status));
  commands->ended[commands->n_ended++ % REMEMBERED] = self->info;
  send_exit (self, report);
  if (report->survivors > 0)
    {
      agent_control_log (commands->context->control, TCW_WIRE_LOG_WARNING, "%d processes of command %u could not be ended in time",
                         report->survivors, self->info.exec);
      agent_timer_start (&commands->orphans, commands->context->loop, 0, check_orphans, commands);
    }
}

static void
on_done (void *data)
{
  forget (data);
}

/* A NULL-terminated array of the strings, which stay in the record. NULL: no memory. */
static char **
make_array (TcwWireStrings strings)
{
  char **array = calloc ((size_t) strings.count + 1, sizeof *array);
  const char *text;

  if (array == NULL)
    return NULL;
  for (size_t n = 0; (text = tcw_wire_strings_next (&strings)) != NULL; n++)
    memcpy (&array[n], &text, sizeof text); /* exec's own type: it never writes to them */
  return array;
}

/* The three streams of a command; closed again when one of them cannot be. Returns 0 or an errno. */
static int
open_streams (const agent_commands *commands, const TcwWireExec *message, agent_stream *streams[3])
{
  uint32_t ids[3] = { message->in, message->out, message->err };

  for (int i = 0; i < 3; i++)
    {
      size_t receive = i == 0 ? AGENT_STREAM_WINDOW : 0;
      size_t send = i == 0 ? 0 : AGENT_STREAM_WINDOW;

      if (ids[i] == 0)
        continue;
      streams[i] = agent_stream_open (commands->context->wire, ids[i], false, receive, send);
      if (streams[i] == NULL)
        return errno;
    }
  return 0;
}

static command *
new_command (agent_commands *commands, agent_request request, const TcwWireExec *message)
{
  command *self;
  int place = 0;

  while (place < AGENT_COMMANDS_MAX && commands->alive[place] != NULL)
    place++;
  errno = EMFILE;
  self = place < AGENT_COMMANDS_MAX ? calloc (1, sizeof *self) : NULL;
  if (self == NULL)
    return NULL;
  self->owner = commands;
  self->request = request;
  self->info = (TcwWireExecInfo) { .exec = message->exec,
                                   .state = TCW_WIRE_EXEC_RUNNING,
                                   .in = message->in,
                                   .out = message->out,
                                   .err = message->err,
                                   .kind = TCW_WIRE_EXIT_EXITED };
  commands->alive[place] = self;
  return self;
}

/* Starts it. Returns 0 or an errno. */
static int
start (command *self, const TcwWireExec *message)
{
  static const agent_exec_events events = { .started = on_started, .failed = on_failed, .ended = on_ended, .done = on_done };
  const agent_context *context = self->owner->context;
  agent_autofree char **argv = make_array (message->argv);
  agent_autofree char **env = make_array (message->env);
  agent_stream *streams[3] = { NULL, NULL, NULL };
  agent_exec_request request = { .cgroup_base = context->cgroup,
                                 .number = message->exec,
                                 .columns = message->columns,
                                 .rows = message->rows,
                                 .merge = (message->flags & TCW_WIRE_EXEC_MERGE_STDERR) != 0 };
  int error;

  if (argv == NULL || env == NULL)
    return ENOMEM;
  error = open_streams (self->owner, message, streams);
  if (error == 0)
    {
      request.spec = (agent_spawn_spec) { .argv = argv,
                                          .env = env,
                                          .folder = message->cwd,
                                          .user = message->user,
                                          .clean = (message->flags & TCW_WIRE_EXEC_CLEAN_ENV) != 0,
                                          .terminal = (message->flags & TCW_WIRE_EXEC_PTY) != 0 };
      request.input = streams[0];
      request.output = streams[1];
      request.errors = streams[2];
      self->exec = agent_exec_start (context->loop, &request, &events, self);
      error = self->exec == NULL ? errno : 0;
    }
  for (int i = 0; i < 3 && error != 0; i++)
    if (streams[i] != NULL)
      agent_stream_close (streams[i]);
  return error;
}

/* The same EXEC once more: the host did not see the answer. True: it is dealt with. */
static bool
answer_again (agent_commands *commands, agent_request request, uint32_t id)
{
  command *alive = find_alive (commands, id);
  const TcwWireExecInfo *ended = find_ended (commands, id);

  if (alive != NULL && alive->answered)
    reply_started (commands, request, alive->info.pid);
  else if (alive != NULL)
    alive->again = request;
  else if (ended != NULL)
    reply_started (commands, request, ended->pid);
  else
    return false;
  return true;
}

void
agent_commands_exec (agent_commands *commands, agent_request request, const TcwWireExec *message)
{
  agent_control *control = commands->context->control;
  unsigned single = TCW_WIRE_EXEC_PTY | TCW_WIRE_EXEC_MERGE_STDERR;
  command *self;
  int error;

  if (answer_again (commands, request, message->exec))
    return;
  if (message->argv.count == 0 || ((message->flags & single) != 0 && (message->out == 0 || message->err != 0)))
    {
      agent_control_reply (control, request, TCW_WIRE_STATUS_INVALID,
                           message->argv.count == 0 ? "a command needs at least one argument"
                                                    : "a terminal, or stderr in stdout, needs a stream for stdout and none for stderr");
      return;
    }
  self = new_command (commands, request, message);
  if (self == NULL)
    {
      error = errno;
      agent_control_reply (control, request, error == EMFILE ? TCW_WIRE_STATUS_LIMIT : TCW_WIRE_STATUS_NO_MEMORY,
                           error == EMFILE ? "too many commands at a time" : "no memory for a command");
      return;
    }
  error = start (self, message);
  if (error == 0)
    return;
  forget (self);
  agent_control_reply_errno (control, request, error, "cannot start a command");
}

/* The living command @id, or NULL after a reply: OK for one that has ended in the meantime. */
static command *
find_or_reply (agent_commands *commands, agent_request request, uint32_t id)
{
  command *self = find_alive (commands, id);
  agent_control *control = commands->context->control;

  if (self != NULL && self->info.state == TCW_WIRE_EXEC_RUNNING)
    return self;
  if (self != NULL || find_ended (commands, id) != NULL)
    agent_control_reply (control, request, TCW_WIRE_STATUS_OK, "");
  else
    agent_control_reply (control, request, TCW_WIRE_STATUS_NOT_FOUND, "no such command");
  return NULL;
}

void
agent_commands_signal (agent_commands *commands, agent_request request, const TcwWireSignal *message)
{
  command *self = find_or_reply (commands, request, message->exec);
  bool sent;

  if (self == NULL)
    return;
  sent = agent_exec_signal (self->exec, (int) message->signo, message->tree);
  agent_control_reply (commands->context->control, request, sent ? TCW_WIRE_STATUS_OK : TCW_WIRE_STATUS_BUSY,
                       sent ? "" : "the command has not started yet, or is just ending");
}

void
agent_commands_resize (agent_commands *commands, agent_request request, const TcwWireResize *message)
{
  command *self = find_or_reply (commands, request, message->exec);
  bool done;

  if (self == NULL)
    return;
  done = agent_exec_resize (self->exec, message->columns, message->rows);
  agent_control_reply (commands->context->control, request, done ? TCW_WIRE_STATUS_OK : TCW_WIRE_STATUS_WRONG_TYPE,
                       done ? "" : "the command has no terminal");
}

void
agent_commands_kill (agent_commands *commands, agent_request request, const TcwWireKill *message)
{
  command *self = find_or_reply (commands, request, message->exec);

  if (self == NULL)
    return;
  agent_exec_kill (self->exec); /* false: its end is on the way already */
  agent_control_reply (commands->context->control, request, TCW_WIRE_STATUS_OK, "");
}

void
agent_commands_list (agent_commands *commands, agent_request request)
{
  TcwWireExecInfo items[AGENT_COMMANDS_MAX + REMEMBERED];
  uint32_t n = 0;
  agent_autofree uint8_t *body = NULL;
  TcwWireExecList list = { .items = items };
  TcwWireWriter writer;

  for (unsigned i = 0; i < count_remembered (commands); i++)
    items[n++] = commands->ended[i];
  for (int i = 0; i < AGENT_COMMANDS_MAX; i++)
    if (commands->alive[i] != NULL && commands->alive[i]->info.state == TCW_WIRE_EXEC_RUNNING)
      items[n++] = commands->alive[i]->info;
  list.count = n;
  tcw_wire_writer_init (&writer, NULL, 0);
  tcw_wire_exec_list_encode (&writer, &list);
  body = malloc (writer.length);
  if (body == NULL)
    {
      agent_control_reply (commands->context->control, request, TCW_WIRE_STATUS_NO_MEMORY, "no memory for the list");
      return;
    }
  tcw_wire_writer_init (&writer, body, writer.length);
  tcw_wire_exec_list_encode (&writer, &list);
  agent_control_reply_body (commands->context->control, request, body, writer.length);
}
