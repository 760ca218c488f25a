/*
 * Bytes between a descriptor (pipe, terminal, socket) and a stream of the link. A flow reads only what the link has room for, writes only
 * what the descriptor takes, and lets its descriptor rest in between. Flows are embedded in their owners.
 */
#pragma once

#include <stdbool.h>

#include "agent-loop.h"
#include "agent-stream.h"

typedef enum { AGENT_FLOW_PIPE, AGENT_FLOW_TERMINAL, AGENT_FLOW_SOCKET } agent_flow_kind;

/* Fields are private to agent-flow.c. */
typedef struct {
  agent_stream *stream;
  agent_watch watch;
  agent_flow_kind kind;
  int fd;     /* own; -1: the flow has ended, or never began */
  bool final; /* nothing more is being written at the other end: an empty descriptor is an ended one */
  void (*ended) (void *data);
  void *data;
} agent_flow;

/*
 * From @fd to @stream. Takes @fd, non-blocking. @ended is called once, from the loop, when @fd is at its end and the stream was ended.
 * False: errno, and
 * @fd is closed. The owner of the stream passes its writable event on.
 */
bool agent_flow_out_start (agent_flow *flow, agent_loop *loop, int fd, agent_flow_kind kind, agent_stream *stream,
                           void (*ended) (void *data), void *data);
void agent_flow_out_writable (agent_flow *flow);

/* What is in the descriptor now is the last of it. May call ended at once. */
void agent_flow_out_drain (agent_flow *flow);

/*
 * From @stream to @fd. At the host's end the descriptor is closed, a terminal gets its end-of-file character, a socket is shut down for
 * writing. When nobody
 * reads @fd any more, the host is told to stop and @ended called. The owner passes readable on.
 */
bool agent_flow_in_start (agent_flow *flow, agent_loop *loop, int fd, agent_flow_kind kind, agent_stream *stream,
                          void (*ended) (void *data), void *data);
void agent_flow_in_readable (agent_flow *flow);

/* Ends a flow without a word to anybody; does nothing to one that has ended. */
void agent_flow_stop (agent_flow *flow);

bool agent_flow_is_running (const agent_flow *flow);
