/*
 * The worker's side of what is measured: commands in a guest, through the agent. Nothing else of the benchmark knows the link's
 * interface. Belongs to the thread of the link. Errors: as the link's; a command that fails is TCW_ERROR_INTERNAL.
 */
#pragma once

#include "tcw-qemu-guest.h"

G_BEGIN_DECLS

/* What a command did. Times are monotonic, microseconds. */
typedef struct
{
  gint64 first; /* its first output; 0: it had none */
  gint64 end;   /* its end was told, with all output */
  guint64 length;
} BenchCommand;

/* Runs @argv as @user (NULL: the agent's) to its end, counting its output. */
gboolean bench_link_execute (TcwQemuAgent *link, const char *const *argv, const char *user, BenchCommand *command, GError **error);

/* Runs @argv @n times at once. */
gboolean bench_link_execute_many (TcwQemuAgent *link, const char *const *argv, guint n, BenchCommand *command, GError **error);

/* Runs @argv and writes @length bytes to its stdin, @piece over and over. */
gboolean bench_link_give (TcwQemuAgent *link, const char *const *argv, const void *piece, gsize piece_size, guint64 length,
                          BenchCommand *command, GError **error);

gboolean bench_link_ping (TcwQemuAgent *link, GError **error);

/* A link to an agent that the worker did not start, with an identity for its guest, ready to execute. (transfer full) */
TcwQemuAgent *bench_link_open (const char *path, GError **error);

G_END_DECLS
