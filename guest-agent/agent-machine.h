/* Requests that concern the machine as a whole: IDENTITY, MOUNT, UNMOUNT, SYNC, POWER_OFF, STATS. */
#pragma once

#include "agent-context.h"

typedef struct agent_machine agent_machine;

/* NULL: errno. */
agent_machine *agent_machine_new (const agent_context *context);
void agent_machine_free (agent_machine *machine);

/* A new session: the machine may be a fork that doesn't know it yet. */
void agent_machine_begin_session (agent_machine *machine);
bool agent_machine_needs_identity (const agent_machine *machine);

void agent_machine_identity (agent_machine *machine, agent_request request, const TcwWireIdentity *message);
void agent_machine_mount (agent_machine *machine, agent_request request, const TcwWireMount *message);
void agent_machine_unmount (agent_machine *machine, agent_request request, const TcwWireUnmount *message);
void agent_machine_sync (agent_machine *machine, agent_request request);
void agent_machine_power_off (agent_machine *machine, agent_request request, const TcwWirePowerOff *message);
void agent_machine_stats (agent_machine *machine, agent_request request);
