/* The commands of a session: EXEC, SIGNAL, RESIZE, KILL, LIST, and the EXIT events. */
#pragma once

#include "agent-context.h"

enum { AGENT_COMMANDS_MAX = 256 };

typedef struct agent_commands agent_commands;

/* NULL: errno. */
agent_commands *agent_commands_new (const agent_context *context);
void agent_commands_free (agent_commands *commands);

/* Ends all of them, and forgets those that have ended: a new session begins. */
void agent_commands_clear (agent_commands *commands);

void agent_commands_exec (agent_commands *commands, agent_request request, const TcwWireExec *message);
void agent_commands_signal (agent_commands *commands, agent_request request, const TcwWireSignal *message);
void agent_commands_resize (agent_commands *commands, agent_request request, const TcwWireResize *message);
void agent_commands_kill (agent_commands *commands, agent_request request, const TcwWireKill *message);
void agent_commands_list (agent_commands *commands, agent_request request);
