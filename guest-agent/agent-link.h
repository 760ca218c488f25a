/* The link to the host, over its port: bytes in both directions, sessions begun and resumed. What goes over it is others' matter. */
#pragma once

#include <stdbool.h>

#include "agent-loop.h"
#include "agent-options.h"
#include "wire/tcw-wire-link.h"

typedef struct agent_link agent_link;

/* Called from the loop. */
typedef struct {
  void (*fresh) (void *data);   /* a new session: let go of all streams, now */
  void (*attached) (void *data); /* the session goes on with a host that has forgotten its half of it */
  bool (*needs_identity) (void *data);
  void (*control) (void *data); /* the control stream has bytes, or room */
} agent_link_events;

/* @options is borrowed. NULL: errno. */
agent_link *agent_link_new (agent_loop *loop, const agent_options *options, const agent_link_events *events, void *data);
void agent_link_free (agent_link *link);

/* For opening streams. */
TcwWireLink *agent_link_get_wire (agent_link *link);

/* Writes what it can of what is to be sent, now: before the machine goes. */
void agent_link_flush (agent_link *link);
