/*
 * The way to the host: a virtio-serial port by path or by name, or a UNIX socket that tests connect to. A port may not be there yet, the
 * host
 * end may come and go; whoever owns the port is told, and never woken when there is nothing to do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent-loop.h"

#define AGENT_PORT_NAME "org.taskcluster.agent.0"

typedef struct agent_port agent_port;

typedef struct {
  void (*connected) (void *data);
  void (*disconnected) (void *data);
  void (*ready) (void *data); /* bytes may be there, or room: agent_port_read and agent_port_write say */
} agent_port_events;

/*
 * @path: a device, or NULL to look for the port named AGENT_PORT_NAME; @socket: a UNIX socket to listen on instead, or NULL. Both are
 * borrowed for the
 * life of the port. NULL: errno. Opening itself happens in the loop and is tried for ever.
 */
agent_port *agent_port_new (agent_loop *loop, const char *path, const char *socket, const agent_port_events *events, void *data);
void agent_port_free (agent_port *port);

/* Bytes read, or 0 when there are none now or nobody is connected. A hang-up that it finds is told by the disconnected event at once. */
size_t agent_port_read (agent_port *port, void *data, size_t size);

/* Bytes taken, which may be 0. */
size_t agent_port_write (agent_port *port, const void *data, size_t size);

/*
 * Whether news of the connection come in order with its bytes. Those of a virtio port don't: the first bytes of a new host can overtake
 * the news that the old
 * one went.
 */
bool agent_port_is_ordered (const agent_port *port);

bool agent_port_is_connected (const agent_port *port);
