/*
 * The floor: QEMU without libvirt, started, loaded and talked to by the shortest way, with the very devices that the worker's
 * machines have (libvirt is asked for its command line once, before anything is measured). Belongs to one thread.
 */
#pragma once

#include "tcw-qemu-host.h"
#include "tcw-qemu-vm.h"

G_BEGIN_DECLS

typedef struct
{
  TcwQemuHost *host;
  TcwQemuImage *image;
  TcwQemuMachine machine;
  const char *folder;  /* for its sockets; short */
  const char *initrd;  /* NULL: the image's */
  const char *init;    /* NULL: the initrd's own */
  const char *ram_path;
  gboolean ram_shared; /* a template in the making */
  gboolean incoming;   /* waits for a state */
} BenchRawSpec;

/* The same machine, made by libvirt. (transfer full) */
TcwQemuVm *bench_raw_make_vm (const BenchRawSpec *spec, GError **error);

/* How to start a QEMU. Free with g_strfreev(). */
char **bench_raw_prepare (const BenchRawSpec *spec, GError **error);

typedef struct _BenchRaw BenchRaw;

/* Starts the QEMU that was prepared; its monitor answers, and nothing runs in it yet. @spec lives as long as it. */
BenchRaw *bench_raw_new (const BenchRawSpec *spec, char **argv, GError **error);

/* Ends it at once. */
void bench_raw_free (BenchRaw *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchRaw, bench_raw_free)

int bench_raw_get_pid (BenchRaw *self);

/* The socket of the agent's port. */
const char *bench_raw_get_port_path (BenchRaw *self);

gboolean bench_raw_load (BenchRaw *self, const char *state_path, GError **error);
gboolean bench_raw_resume (BenchRaw *self, GError **error);

/* Stops it and writes its devices' state; its RAM is in the shared file. */
gboolean bench_raw_save (BenchRaw *self, const char *state_path, GError **error);

/* Connects the port that the plain program (bench-guest.c) reads. */
gboolean bench_raw_connect_port (BenchRaw *self, GError **error);

/* Waits for the byte @what, which comes alone. */
gboolean bench_raw_expect (BenchRaw *self, char what, GError **error);

/*
 * Has a line executed: returns when its end is told. The time of the first byte goes to @first (monotonic, microseconds) and the number
 * of output bytes to @length; both may be NULL. The output must not have a byte 4 at the end of a piece.
 */
gboolean bench_raw_execute (BenchRaw *self, const char *line, gint64 *first, guint64 *length, GError **error);

/* Sends @length bytes of @piece, repeated, which the guest throws away; returns when it has all of them. */
gboolean bench_raw_give (BenchRaw *self, const void *piece, gsize piece_size, guint64 length, GError **error);

G_END_DECLS
