/* Requests that concern the machine as a whole; see agent-machine.h. */
#include "agent-machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-disk.h"
#include "agent-identity.h"
#include "agent-init.h"
#include "agent-stats.h"
#include "agent-util.h"

struct agent_machine {
  const agent_context *context;
  bool has_identity;
};

/* A job's answer on its way to the host. */
typedef struct {
  agent_control *control;
  agent_request request;
} answer;

agent_machine *
agent_machine_new (const agent_context *context)
{
  agent_machine *machine = calloc (1, sizeof *machine);

  if (machine != NULL)
    machine->context = context;
  return machine;
}

void
agent_machine_free (agent_machine *machine)
{
  free (machine);
}

void
agent_machine_begin_session (agent_machine *machine)
{
  machine->has_identity = false;
}

bool
agent_machine_needs_identity (const agent_machine *machine)
{
  return !machine->has_identity;
}

void
agent_machine_identity (agent_machine *machine, agent_request request, const TcwWireIdentity *message)
{
  char text[1024];

  if (!agent_identity_apply (message, machine->context->options->test_root, text, sizeof text))
    {
      agent_control_reply (machine->context->control, request, TCW_WIRE_STATUS_IO, text);
      return;
    }
  machine->has_identity = true;
  agent_control_reply (machine->context->control, request, TCW_WIRE_STATUS_OK, "");
}

static void
on_job_done (void *data, int error, const char *text)
{
  answer *self = data;

  if (error == 0)
    agent_control_reply (self->control, self->request, TCW_WIRE_STATUS_OK, "");
  else
    agent_control_reply (self->control, self->request, tcw_wire_status_from_errno (error), *text != '\0' ? text : strerror (error));
  free (self);
}

static void
start_job (agent_machine *machine, agent_request request, agent_job_func func, const void *work)
{
  answer *self = malloc (sizeof *self);

  if (self != NULL)
    {
      *self = (answer) { .control = machine->context->control, .request = request };
      if (agent_job_start (machine->context->jobs, func, work, on_job_done, self))
        return;
      free (self);
    }
  agent_control_reply_errno (machine->context->control, request, errno, "cannot start a helper process");
}

/* Copies @from into a field of @size bytes. False: it is too long. */
static bool
copy_field (char *to, size_t size, const char *from)
{
  return (size_t) snprintf (to, size, "%s", from) < size;
}

void
agent_machine_mount (agent_machine *machine, agent_request request, const TcwWireMount *message)
{
  agent_disk_request work = { .read_only = (message->flags & TCW_WIRE_MOUNT_READ_ONLY) != 0,
                              .make_when_blank = (message->flags & TCW_WIRE_MOUNT_MAKE) != 0,
                              .wait_ms = message->wait_ms };

  if (message->path[0] != '/' || *message->device == '\0' || strchr (message->type, '/') != NULL
      || !copy_field (work.disk, sizeof work.disk, message->device) || !copy_field (work.target, sizeof work.target, message->path)
      || !copy_field (work.type, sizeof work.type, message->type) || !copy_field (work.owner, sizeof work.owner, message->owner))
    {
      agent_control_reply (machine->context->control, request, TCW_WIRE_STATUS_INVALID,
                           "a mount needs a device, an absolute path, and a file system's name");
      return;
    }
  start_job (machine, request, agent_disk_mount, &work);
}

void
agent_machine_unmount (agent_machine *machine, agent_request request, const TcwWireUnmount *message)
{
  if (message->path[0] != '/')
    agent_control_reply (machine->context->control, request, TCW_WIRE_STATUS_INVALID, "the path is not absolute");
  else
    start_job (machine, request, agent_disk_unmount, message->path);
}

void
agent_machine_sync (agent_machine *machine, agent_request request)
{
  start_job (machine, request, agent_disk_sync, "");
}

typedef struct {
  bool restart;
  bool alone;
} power_work;

static int
power_off (const void *data, char text[AGENT_JOB_TEXT])
{
  const power_work *work = data;

  (void) text;
  return agent_init_power_off (work->restart, work->alone) ? 0 : errno;
}

static void
on_power_off_done (void *data, int error, const char *text)
{
  agent_control *control = data;

  (void) text;
  if (error != 0)
    agent_control_log (control, TCW_WIRE_LOG_WARNING, "cannot power off: %s", strerror (error));
}

void
agent_machine_power_off (agent_machine *machine, agent_request request, const TcwWirePowerOff *message)
{
  const agent_context *context = machine->context;
  power_work work = { .restart = message->restart, .alone = context->alone };

  if (*context->options->test_root != '\0')
    {
      agent_control_reply (context->control, request, TCW_WIRE_STATUS_NOT_SUPPORTED, "this agent runs on somebody else's machine");
      return;
    }
  if (!agent_job_start (context->jobs, power_off, &work, on_power_off_done, context->control))
    {
      agent_control_reply_errno (context->control, request, errno, "cannot start a helper process");
      return;
    }
  agent_control_reply (context->control, request, TCW_WIRE_STATUS_OK, "");
}

void
agent_machine_stats (agent_machine *machine, agent_request request)
{
  uint8_t body[256];
  TcwWireStats stats;
  TcwWireWriter writer;

  agent_stats_read (&stats);
  tcw_wire_writer_init (&writer, body, sizeof body);
  tcw_wire_stats_encode (&writer, &stats);
  agent_control_reply_body (machine->context->control, request, body, writer.length);
}
