/* Tunnels: LISTEN and UNLISTEN, CONNECT_OUT, and the connections of both. */
#pragma once

#include "agent-context.h"

enum { AGENT_LISTENERS_MAX = 64, AGENT_CONNECTIONS_MAX = 512 };

typedef struct agent_tunnels agent_tunnels;

/* NULL: errno. */
agent_tunnels *agent_tunnels_new (const agent_context *context);
void agent_tunnels_free (agent_tunnels *tunnels);

/* Closes all of them: a new session begins. */
void agent_tunnels_clear (agent_tunnels *tunnels);

void agent_tunnels_listen (agent_tunnels *tunnels, agent_request request, const TcwWireListen *message);
void agent_tunnels_unlisten (agent_tunnels *tunnels, agent_request request, const TcwWireUnlisten *message);
void agent_tunnels_connect_out (agent_tunnels *tunnels, agent_request request, const TcwWireConnectOut *message);
