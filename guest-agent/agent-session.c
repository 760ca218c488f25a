/* The agent's side of the link; see agent-session.h. Here: who does what of the host's requests. */
#include "agent-session.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-cgroup.h"
#include "agent-commands.h"
#include "agent-context.h"
#include "agent-get.h"
#include "agent-link.h"
#include "agent-machine.h"
#include "agent-put.h"
#include "agent-tunnels.h"
#include "agent-util.h"

struct agent_session {
  agent_context context;
  agent_link *link;
  agent_commands *commands;
  agent_machine *machine;
  agent_gets *gets;
  agent_puts *puts;
  agent_tunnels *tunnels;
  char cgroup[PATH_MAX];
};

/* Decodes a request into its own type and hands it to who does it. False: the body is not what it should be. */
typedef bool (*request_handler) (agent_session *session, agent_request request, const TcwWireRecord *record);

/* Defines such a function for a request with a body. */
#define HANDLER(name, Type, decode, part, function)                                                                                        \
  static bool name (agent_session *session, agent_request request, const TcwWireRecord *record)                                            \
  {                                                                                                                                        \
    Type message;                                                                                                                          \
                                                                                                                                           \
    if (!decode (record->body, record->length, &message))                                                                                  \
      return false;                                                                                                                        \
    function (session->part, request, &message);                                                                                           \
    return true;                                                                                                                           \
  }

/* And for one without. */
#define PLAIN_HANDLER(name, part, function)                                                                                                \
  static bool name (agent_session *session, agent_request request, const TcwWireRecord *record)                                            \
  {                                                                                                                                        \
    (void) record;                                                                                                                         \
    function (session->part, request);                                                                                                     \
    return true;                                                                                                                           \
  }

HANDLER (do_identity, TcwWireIdentity, tcw_wire_identity_decode, machine, agent_machine_identity)
HANDLER (do_exec, TcwWireExec, tcw_wire_exec_decode, commands, agent_commands_exec)
HANDLER (do_signal, TcwWireSignal, tcw_wire_signal_decode, commands, agent_commands_signal)
HANDLER (do_resize, TcwWireResize, tcw_wire_resize_decode, commands, agent_commands_resize)
HANDLER (do_kill, TcwWireKill, tcw_wire_kill_decode, commands, agent_commands_kill)
HANDLER (do_get, TcwWireGet, tcw_wire_get_decode, gets, agent_gets_start)
HANDLER (do_put, TcwWirePut, tcw_wire_put_decode, puts, agent_puts_start)
HANDLER (do_mount, TcwWireMount, tcw_wire_mount_decode, machine, agent_machine_mount)
HANDLER (do_unmount, TcwWireUnmount, tcw_wire_unmount_decode, machine, agent_machine_unmount)
HANDLER (do_listen, TcwWireListen, tcw_wire_listen_decode, tunnels, agent_tunnels_listen)
HANDLER (do_unlisten, TcwWireUnlisten, tcw_wire_unlisten_decode, tunnels, agent_tunnels_unlisten)
HANDLER (do_connect_out, TcwWireConnectOut, tcw_wire_connect_out_decode, tunnels, agent_tunnels_connect_out)
HANDLER (do_power_off, TcwWirePowerOff, tcw_wire_power_off_decode, machine, agent_machine_power_off)
PLAIN_HANDLER (do_sync, machine, agent_machine_sync)
PLAIN_HANDLER (do_stats, machine, agent_machine_stats)
PLAIN_HANDLER (do_list, commands, agent_commands_list)

typedef struct {
  request_handler handle;
  bool needs_identity; /* refused before the machine has one */
} request_entry;

static const request_entry requests[] = {
  [TCW_WIRE_IDENTITY] = { do_identity, false },      [TCW_WIRE_EXEC] = { do_exec, true },
  [TCW_WIRE_SIGNAL] = { do_signal, true },           [TCW_WIRE_RESIZE] = { do_resize, true },
  [TCW_WIRE_KILL] = { do_kill, true },               [TCW_WIRE_GET] = { do_get, true },
  [TCW_WIRE_PUT] = { do_put, true },                 [TCW_WIRE_MOUNT] = { do_mount, true },
  [TCW_WIRE_UNMOUNT] = { do_unmount, true },         [TCW_WIRE_LISTEN] = { do_listen, true },
  [TCW_WIRE_UNLISTEN] = { do_unlisten, true },       [TCW_WIRE_CONNECT_OUT] = { do_connect_out, true },
  [TCW_WIRE_SYNC] = { do_sync, false },              [TCW_WIRE_POWER_OFF] = { do_power_off, false },
  [TCW_WIRE_STATS] = { do_stats, false },            [TCW_WIRE_LIST] = { do_list, false },
};

static void
on_request (void *data, agent_request request, const TcwWireRecord *record)
{
  agent_session *session = data;
  const request_entry *entry = NULL;

  if (record->type < sizeof requests / sizeof *requests && requests[record->type].handle != NULL)
    entry = &requests[record->type];
  if (entry == NULL)
    agent_control_reply (session->context.control, request, TCW_WIRE_STATUS_NOT_SUPPORTED, "this agent does not know the request");
  else if (entry->needs_identity && agent_machine_needs_identity (session->machine))
    agent_control_reply (session->context.control, request, TCW_WIRE_STATUS_IDENTITY_NEEDED, "the machine has no identity of its own yet");
  else if (!entry->handle (session, request, record))
    agent_control_reply (session->context.control, request, TCW_WIRE_STATUS_INVALID, "the request's body is wrong");
}

/* Nothing of an old session lives on in a new one. */
static void
on_fresh (void *data)
{
  agent_session *session = data;

  agent_control_begin_session (session->context.control);
  agent_commands_clear (session->commands);
  agent_gets_clear (session->gets);
  agent_puts_clear (session->puts);
  agent_tunnels_clear (session->tunnels);
  agent_machine_begin_session (session->machine);
}

static void
on_attached (void *data)
{
  agent_session *session = data;

  agent_control_forget_half (session->context.control);
}

static bool
needs_identity (void *data)
{
  agent_session *session = data;

  return agent_machine_needs_identity (session->machine);
}

static void
on_control (void *data)
{
  agent_session *session = data;

  agent_control_run (session->context.control);
}

static void
find_cgroup (agent_session *session)
{
  const char *asked = session->context.options->cgroup;

  if (asked != NULL)
    snprintf (session->cgroup, sizeof session->cgroup, "%s", asked);
  else if (*session->context.options->test_root != '\0' || !agent_cgroup_find (session->cgroup, sizeof session->cgroup))
    session->cgroup[0] = '\0';
  session->context.cgroup = session->cgroup;
}

/* All parts, in the order of their needs. False: errno. */
static bool
make_parts (agent_session *session)
{
  static const agent_link_events events = { .fresh = on_fresh, .attached = on_attached,
                                            .needs_identity = needs_identity, .control = on_control };
  agent_context *context = &session->context;

  context->jobs = agent_jobs_new (context->loop);
  session->machine = agent_machine_new (context);
  session->commands = agent_commands_new (context);
  session->gets = agent_gets_new (context);
  session->puts = agent_puts_new (context);
  session->tunnels = agent_tunnels_new (context);
  if (context->jobs == NULL || session->machine == NULL || session->commands == NULL || session->gets == NULL || session->puts == NULL
      || session->tunnels == NULL)
    return false;
  session->link = agent_link_new (context->loop, context->options, &events, session);
  if (session->link == NULL)
    return false;
  context->wire = agent_link_get_wire (session->link);
  context->control = agent_control_new (context->wire, on_request, session);
  return context->control != NULL;
}

agent_session *
agent_session_new (agent_loop *loop, const agent_options *options, bool alone)
{
  agent_session *session = calloc (1, sizeof *session);

  if (session == NULL)
    return NULL;
  session->context = (agent_context) { .loop = loop, .options = options, .alone = alone };
  find_cgroup (session);
  if (make_parts (session))
    return session;
  agent_session_free (session);
  return NULL;
}

void
agent_session_free (agent_session *session)
{
  int saved = errno;

  if (session == NULL)
    return;
  agent_tunnels_free (session->tunnels);
  agent_puts_free (session->puts);
  agent_gets_free (session->gets);
  agent_commands_free (session->commands);
  agent_machine_free (session->machine);
  agent_jobs_free (session->context.jobs);
  agent_control_free (session->context.control);
  agent_link_free (session->link);
  free (session);
  errno = saved;
}
