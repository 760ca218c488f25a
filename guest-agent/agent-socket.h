/* Sockets inside the guest for tunnels: TCP on an address of the guest, or UNIX. All are non-blocking. */
#pragma once

#include <stdint.h>

/*
 * Listens on @host ("" is 127.0.0.1) and @port, or on the UNIX socket @path when that is not "". Returns the descriptor, or -1 with errno.
 */
int agent_socket_listen (const char *host, uint16_t port, const char *path);

/* Takes a connection from a socket that listens. Returns its descriptor, or -1 with errno. */
int agent_socket_accept (int listener);

/* Begins to connect to the same kinds of address; names are not looked up. Writable is connected, or failed: agent_socket_error tells. */
int agent_socket_connect (const char *host, uint16_t port, const char *path);

/* The errno of an attempt that has ended; 0 is success. */
int agent_socket_error (int fd);

/* The port of a socket that listens on TCP; 0 for others. */
uint16_t agent_socket_port (int fd);
