/*
 * A blocking UNIX stream socket with time limits, the simplest there is, for the floors. Errors: TCW_ERROR_INTERNAL.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Connects to @path, trying until somebody listens there. Returns the descriptor, -1 with @error. */
int bench_socket_connect (const char *path, GError **error);

/* Writes everything. @fd_to_pass: sent with the first byte; -1: none. */
gboolean bench_socket_write (int fd, const void *data, gsize length, int fd_to_pass, GError **error);

/* Reads at least one byte; returns how many, 0 with @error, also when the other end closes. */
gsize bench_socket_read (int fd, void *buffer, gsize size, GError **error);

G_END_DECLS
