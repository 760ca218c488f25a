/*
 * The machine definition: what a guest's hardware looks like, merged from the task's payload, the image, the engine's
 * configuration and built-in defaults, and held against the operator's limits.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct
{
  guint memory_mib;
  guint sockets;
  guint cores;
  guint threads;
} TcwQemuMachine;

typedef struct
{
  guint max_memory_mib;  /* also the memory of a machine that asks for none */
  guint max_cpus;        /* of sockets * cores * threads */
  guint default_threads; /* threads of a core when the topology doesn't say */
} TcwQemuMachineLimits;

/* JSON Schema of a (partial) machine definition, for payload, image and configuration. */
extern const char *const tcw_qemu_machine_schema;

/*
 * Merges @n definitions, the strongest first (members may be NULL), and fills in what none gives: memory from the limit; of the
 * topology cores, then threads, then sockets grow while their product stays within the limit. Numbers that are 0 count as
 * unset. Errors: TCW_ERROR_MALFORMED_PAYLOAD when a limit is exceeded.
 */
gboolean tcw_qemu_machine_resolve (JsonObject *const *definitions, gsize n, const TcwQemuMachineLimits *limits, TcwQemuMachine *machine,
                                   GError **error);

G_END_DECLS
