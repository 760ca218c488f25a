/* Merge and limits of machine definitions; see tcw-qemu-machine.h. */
#include "tcw-qemu-machine.h"

#include "base/tcw-error.h"
#include "base/tcw-json.h"

#define MAX_PER_LEVEL 255

const char *const tcw_qemu_machine_schema
    = "{"
      "  \"type\": \"object\","
      "  \"description\": \"the virtual machine's hardware; what is left out comes from the image and the worker\","
      "  \"additionalProperties\": false,"
      "  \"properties\": {"
      "    \"version\": { \"const\": 1, \"description\": \"version of this format\" },"
      "    \"memory\": { \"type\": \"integer\", \"minimum\": 1, \"maximum\": 1048576, \"description\": \"RAM in MiB\" },"
      "    \"sockets\": { \"type\": \"integer\", \"minimum\": 1, \"maximum\": 255, \"description\": \"CPU sockets\" },"
      "    \"cores\": { \"type\": \"integer\", \"minimum\": 1, \"maximum\": 255, \"description\": \"cores of a socket\" },"
      "    \"threads\": { \"type\": \"integer\", \"minimum\": 1, \"maximum\": 255, \"description\": \"threads of a core\" }"
      "  }"
      "}";

static guint
merged_uint (JsonObject *const *definitions, gsize n, const char *key)
{
  for (gsize i = 0; i < n; i++)
    {
      gint64 value = definitions[i] != NULL ? tcw_json_get_int_or (definitions[i], key, 0) : 0;

      if (value > 0)
        return (guint) MIN (value, G_MAXUINT / 2);
    }
  return 0;
}

static guint64
product (const TcwQemuMachine *machine)
{
  return (guint64) machine->sockets * machine->cores * machine->threads;
}

static void
grow (TcwQemuMachine *machine, guint *level, gboolean unset, guint max_cpus)
{
  while (unset && *level < MAX_PER_LEVEL)
    {
      (*level)++;
      if (product (machine) > max_cpus)
        {
          (*level)--;
          return;
        }
    }
}

static void
fill_topology (TcwQemuMachine *machine, const TcwQemuMachineLimits *limits)
{
  gboolean no_threads = machine->threads == 0;
  gboolean no_cores = machine->cores == 0;
  gboolean no_sockets = machine->sockets == 0;

  machine->threads = MAX (machine->threads, 1);
  machine->cores = MAX (machine->cores, 1);
  machine->sockets = MAX (machine->sockets, 1);
  if (no_threads && (guint64) limits->default_threads * machine->cores * machine->sockets <= limits->max_cpus)
    {
      machine->threads = MAX (limits->default_threads, 1);
      no_threads = FALSE;
    }
  grow (machine, &machine->cores, no_cores, limits->max_cpus);
  grow (machine, &machine->threads, no_threads, limits->max_cpus);
  grow (machine, &machine->sockets, no_sockets, limits->max_cpus);
}

gboolean
tcw_qemu_machine_resolve (JsonObject *const *definitions, gsize n, const TcwQemuMachineLimits *limits, TcwQemuMachine *machine,
                          GError **error)
{
  machine->memory_mib = merged_uint (definitions, n, "memory");
  machine->sockets = merged_uint (definitions, n, "sockets");
  machine->cores = merged_uint (definitions, n, "cores");
  machine->threads = merged_uint (definitions, n, "threads");
  if (machine->memory_mib == 0)
    machine->memory_mib = limits->max_memory_mib;
  fill_topology (machine, limits);
  if (machine->memory_mib > limits->max_memory_mib)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "machine.memory: %u MiB is over this worker's limit of %u MiB",
                   machine->memory_mib, limits->max_memory_mib);
      return FALSE;
    }
  if (product (machine) > limits->max_cpus)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD,
                   "machine: %u sockets of %u cores of %u threads are over this worker's limit of %u CPUs", machine->sockets,
                   machine->cores, machine->threads, limits->max_cpus);
      return FALSE;
    }
  return TRUE;
}
