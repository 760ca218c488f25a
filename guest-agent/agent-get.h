/* Files and folders to the host: GET. Each is read as fast as its stream takes it, a portion at a time. */
#pragma once

#include "agent-context.h"

enum { AGENT_GETS_MAX = 64 };

typedef struct agent_gets agent_gets;

/* NULL: errno. */
agent_gets *agent_gets_new (const agent_context *context);
void agent_gets_free (agent_gets *gets);

/* Breaks all of them off: a new session begins. */
void agent_gets_clear (agent_gets *gets);

void agent_gets_start (agent_gets *gets, agent_request request, const TcwWireGet *message);
