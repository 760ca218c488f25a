/*
 * The agent's side of the link: it owns the protocol's state, the streams, and all that was started for the host, and does what the host's
 * control records
 * ask for. One session object lives as long as the agent; a host that begins a new session finds a clean machine and gives it an identity
 * first.
 */
#pragma once

#include "agent-loop.h"
#include "agent-options.h"

typedef struct agent_session agent_session;

/* @options and @loop are borrowed for the session's life. @alone: the agent is process 1. NULL: errno. */
agent_session *agent_session_new (agent_loop *loop, const agent_options *options, bool alone);

/* Ends everything that was started for the host. */
void agent_session_free (agent_session *session);
