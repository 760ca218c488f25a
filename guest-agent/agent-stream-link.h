/* Streams from the session's side: opened on the link, and told what the link says of them. */
#pragma once

#include "wire/tcw-wire-link.h"

#include "agent-stream.h"

/* As tcw_wire_stream_open. NULL: errno. */
agent_stream *agent_stream_open (TcwWireLink *link, uint32_t id, bool initiate, size_t receive, size_t send);

/* Passes what TCW_WIRE_EVENT_STREAM said on to the owner. */
void agent_stream_dispatch (TcwWireLink *link, TcwWireStream *wire, unsigned changes);
