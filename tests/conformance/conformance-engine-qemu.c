/*
 * The QEMU engine, for the cases: emulated machines of the image tiny, in the state directory that run-tests made. The process steps down
 * from root, as the worker does.
 */
#include "conformance-engines.h"

#include <unistd.h>

#include "host/tcw-privileges.h"
#include "tcw-qemu-engine.h"

#define USER "taskcluster-worker"

TcwEngine *
conformance_qemu_open (char **folder, const char **skip)
{
  const char *const no_probe[] = { "false", NULL };
  const TcwQemuHostConfig config = {
    .libvirt_uri = "qemu:///embed",
    .accelerator = "tcg",
    .limits = { .max_memory_mib = 1024, .max_cpus = 1, .default_threads = 1 },
    .boot_timeout_seconds = CONFORMANCE_LIMIT_SECONDS,
    .agent_timeout_seconds = CONFORMANCE_LIMIT_SECONDS / 2,
  };
  const char *base = g_getenv ("TCW_TEST_STATE");
  g_autoptr (TcwQemuHost) host = NULL;
  g_autoptr (GError) error = NULL;

  if (base == NULL)
    {
      *skip = "TCW_TEST_STATE names no state directory with the image tiny";
      return NULL;
    }
  if (getuid () == 0)
    tcw_privileges_step_down (USER, &error);
  g_assert_no_error (error);
  *folder = g_build_filename (base, "state", NULL);
  host = tcw_qemu_host_new (*folder, NULL, &config, no_probe, &error);
  g_assert_no_error (error);
  return TCW_ENGINE (tcw_qemu_engine_new (host));
}

static guint
count_names (const char *folder, const char *prefix)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint n = 0;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    n += g_str_has_prefix (name, prefix) ? 1 : 0;
  return n;
}

guint
conformance_qemu_count_live (const char *folder)
{
  g_autofree char *machines = g_build_filename (folder, "vm", NULL);
  g_autofree char *prefix = g_strdup_printf ("tcw-%d-", (int) getpid ());
  g_autoptr (GDir) roots = g_dir_open (machines, 0, NULL);
  const char *name;
  guint n = 0;

  g_assert_nonnull (roots);
  while ((name = g_dir_read_name (roots)) != NULL)
    {
      g_autofree char *root = g_build_filename (machines, name, NULL);

      n += count_names (root, prefix);
    }
  return n;
}
