/* Files and folders from the host: PUT. */
#pragma once

#include "agent-context.h"

enum { AGENT_PUTS_MAX = 64 };

typedef struct agent_puts agent_puts;

/* NULL: errno. */
agent_puts *agent_puts_new (const agent_context *context);
void agent_puts_free (agent_puts *puts);

/* Breaks all of them off: a new session begins. */
void agent_puts_clear (agent_puts *puts);

void agent_puts_start (agent_puts *puts, agent_request request, const TcwWirePut *message);
