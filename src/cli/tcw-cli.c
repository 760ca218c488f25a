/* What verbs share: options, the configuration, stepping down from root, reporting errors; see tcw-cli.h. */
#include "cli/tcw-cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-config.h"
#include "base/tcw-error.h"
#include "base/tcw-fd.h"
#include "base/tcw-fs.h"
#include "base/tcw-i18n.h"
#include "cli/tcw-cli-private.h"
#include "host/tcw-privileges.h"

struct _TcwCli
{
  char *program;
  TcwConfig *config;
};

TcwCli *
tcw_cli_new (void)
{
  TcwCli *self = g_new0 (TcwCli, 1);

  self->program = g_file_read_link ("/proc/self/exe", NULL);
  return self;
}

void
tcw_cli_free (TcwCli *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->config, tcw_config_unref);
  g_free (self->program);
  g_free (self);
}

const char *
tcw_cli_get_program (TcwCli *self)
{
  return self->program != NULL ? self->program : g_get_prgname ();
}

/* The operator's machine definition has the schema that payloads and images have. */
static gboolean
check_machine (TcwConfig *config, GError **error)
{
  g_autoptr (TcwSchema) schema = tcw_schema_new_from_string (tcw_qemu_machine_schema, -1, "the machine schema", error);
  g_autoptr (JsonNode) machine = json_node_new (JSON_NODE_OBJECT);

  if (schema == NULL)
    return FALSE;
  json_node_set_object (machine, tcw_config_get_object (config, "engines.qemu.machine"));
  if (tcw_schema_check (schema, machine, "engines.qemu.machine", error))
    return TRUE;
  if (error != NULL && *error != NULL)
    (*error)->code = TCW_ERROR_USAGE;
  return FALSE;
}

/* Values that the schema can't check by itself. */
static gboolean
check_values (TcwConfig *config, GError **error)
{
  static const char *const durations[] = { "maxRunTime", "engines.qemu.timeouts.boot", "engines.qemu.timeouts.agent" };
  gint64 seconds;

  for (gsize i = 0; i < G_N_ELEMENTS (durations); i++)
    if (!tcw_config_get_seconds (config, durations[i], &seconds, error))
      return FALSE;
  return check_machine (config, error);
}

/* Loaded once; before and after stepping down it is the same. */
static gboolean
load_config (TcwCli *self, const char *path, GError **error)
{
  g_autoptr (TcwConfigSection) qemu = NULL;

  if (self->config != NULL)
    return TRUE;
  qemu = tcw_config_section_new_qemu ();
  self->config = tcw_config_load (path, qemu, 1, error);
  return self->config != NULL && check_values (self->config, error);
}

gboolean
tcw_cli_check_config (const char *path, GError **error)
{
  g_autoptr (TcwConfigSection) qemu = tcw_config_section_new_qemu ();
  g_autoptr (TcwConfig) config = tcw_config_load (path, qemu, 1, error);

  if (config != NULL && check_values (config, error))
    return TRUE;
  /* The file is what was asked about: it is not valid. */
  if (error != NULL && *error != NULL)
    (*error)->code = TCW_ERROR_MALFORMED_PAYLOAD;
  return FALSE;
}

/*
 * Gives the state directory, if it is new or empty, to @user. One that others have filled isn't taken from them, whatever the
 * configuration says; nor is what a symbolic link in its place leads to.
 */
static gboolean
give_state_directory (const char *path, const char *user, GError **error)
{
  g_auto (TcwFd) fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autofree char *opened = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GDir) dir = NULL;
  struct stat st;
  uid_t uid;
  gid_t gid;

  if (!tcw_privileges_look_up (user, &uid, &gid, error))
    return FALSE;
  if (fd < 0 || fstat (fd, &st) != 0 || st.st_uid == uid)
    return TRUE;
  dir = g_dir_open (opened, 0, NULL);
  if (dir == NULL || g_dir_read_name (dir) != NULL)
    return TRUE;
  return fchown (fd, uid, gid) == 0 || tcw_fs_fail (error, errno, "cannot give the state directory %s to the user %s", path, user);
}

/* Makes the state directory and, as root, gives it to the user that we are about to become. */
static gboolean
make_state_directory (TcwCli *self, const char *user, GError **error)
{
  const char *path = tcw_config_get_state_directory (self->config);

  return tcw_fs_make_folder (path, 0755, error) && (user == NULL || give_state_directory (path, user, error));
}

gboolean
tcw_cli_enter (TcwCli *self, const char *config_path, GError **error)
{
  gboolean is_root = geteuid () == 0;
  const char *path;
  const char *user;

  if (!load_config (self, config_path, error))
    return FALSE;
  path = tcw_config_get_state_directory (self->config);
  user = is_root ? tcw_config_get_string (self->config, "user") : NULL;
  if (!make_state_directory (self, user, error) || (is_root && !tcw_privileges_step_down (user, error)))
    return FALSE;
  if (access (path, R_OK | W_OK | X_OK) == 0)
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE,
               "the user %s can't use the state directory %s (%s); give it to that user, with a path that it may traverse, or name another "
               "one as “stateDirectory” in the configuration",
               user != NULL ? user : g_get_user_name (), path, g_strerror (errno));
  return FALSE;
}

gboolean
tcw_cli_hand_over (TcwCli *self, int fd, const char *config_path, GError **error)
{
  uid_t uid;
  gid_t gid;

  if (!load_config (self, config_path, error)
      || !tcw_privileges_look_up (tcw_config_get_string (self->config, "user"), &uid, &gid, error))
    return FALSE;
  return fchown (fd, uid, gid) == 0 || tcw_fs_fail (error, errno, "cannot give the folder to the worker's user");
}

const char *
tcw_cli_get_state_directory (TcwCli *self)
{
  return tcw_config_get_state_directory (self->config);
}

int
tcw_cli_get_concurrency (TcwCli *self)
{
  return (int) tcw_config_get_int (self->config, "concurrency");
}

gint64
tcw_cli_get_limit_max_run_time (TcwCli *self)
{
  gint64 seconds = 0;

  /* Checked when the configuration was entered by tcw_cli_open_host(). */
  return tcw_config_get_seconds (self->config, "maxRunTime", &seconds, NULL) ? seconds : 0;
}

gint64
tcw_cli_get_default_max_run_time (TcwCli *self)
{
  return tcw_cli_get_limit_max_run_time (self);
}

TcwQemuHost *
tcw_cli_open_host (TcwCli *self, const char *root_name, GError **error)
{
  /* Not by its path, which the user that we have become may not be able to reach. */
  const char *const probe[] = { "/proc/self/exe", "kvm-probe", NULL };
  gint64 run_time;
  gint64 boot;
  gint64 agent;
  TcwQemuHostConfig config = {
    .libvirt_uri = tcw_config_get_string (self->config, "engines.qemu.libvirtUri"),
    .accelerator = tcw_config_get_string (self->config, "engines.qemu.accelerator"),
    .limits = {
      .max_memory_mib = (guint) tcw_config_get_int (self->config, "engines.qemu.limits.maxMemory"),
      .max_cpus = (guint) tcw_config_get_int (self->config, "engines.qemu.limits.maxCPUs"),
      .default_threads = (guint) tcw_config_get_int (self->config, "engines.qemu.limits.defaultThreads"),
    },
    .machine = tcw_config_get_object (self->config, "engines.qemu.machine"),
  };

  if (!tcw_config_get_seconds (self->config, "engines.qemu.timeouts.boot", &boot, error)
      || !tcw_config_get_seconds (self->config, "engines.qemu.timeouts.agent", &agent, error)
      || !tcw_config_get_seconds (self->config, "maxRunTime", &run_time, error))
    return NULL;
  config.boot_timeout_seconds = (guint) MIN (boot, G_MAXINT);
  config.agent_timeout_seconds = (guint) MIN (agent, G_MAXINT);
  return tcw_qemu_host_new (tcw_cli_get_state_directory (self), root_name, &config, probe, error);
}

int
tcw_cli_report (const char *verb, const GError *error)
{
  fprintf (stderr, "taskcluster-worker %s: %s\n", verb, error->message);
  if (error->domain != TCW_ERROR)
    return TCW_EXIT_EXCEPTION;
  switch ((TcwError) error->code)
    {
    case TCW_ERROR_USAGE:
      return TCW_EXIT_USAGE;
    case TCW_ERROR_MALFORMED_PAYLOAD:
      return TCW_EXIT_MALFORMED_PAYLOAD;
    case TCW_ERROR_CANCELLED:
      return TCW_EXIT_INTERRUPTED;
    case TCW_ERROR_TASK_FAILED:
    case TCW_ERROR_DEADLINE:
      return TCW_EXIT_TASK_FAILED;
    case TCW_ERROR_INTERMITTENT:
    case TCW_ERROR_RESOURCE_UNAVAILABLE:
    case TCW_ERROR_SHUTDOWN:
    case TCW_ERROR_INTERNAL:
    case TCW_ERROR_FATAL:
    default:
      return TCW_EXIT_EXCEPTION;
    }
}

/* Prints the help that GOption made. */
static void
print_help (GOptionContext *context)
{
  g_autofree char *help = g_option_context_get_help (context, TRUE, NULL);

  fputs (help, stdout);
}

gboolean
tcw_cli_parse (const char *verb, const char *parameters, const char *summary, const char *description, const GOptionEntry *entries,
               int *argc, char ***argv, int *status)
{
  g_autofree char *name = g_strdup_printf ("taskcluster-worker %s", verb);
  g_autoptr (GOptionContext) context = g_option_context_new (parameters);
  g_autoptr (GError) error = NULL;
  gboolean help = FALSE;
  const GOptionEntry own[] = { { "help", 'h', 0, G_OPTION_ARG_NONE, &help, N_ ("show this help"), NULL }, { NULL } };

  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  g_option_context_set_translation_domain (context, TCW_GETTEXT_DOMAIN);
  /* Options may come after words (`run TASK --keep`); what belongs to somebody else stands after "--". */
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, TCW_GETTEXT_DOMAIN);
  g_option_context_add_main_entries (context, own, TCW_GETTEXT_DOMAIN);
  g_set_prgname (name);
  if (!g_option_context_parse (context, argc, argv, &error))
    {
      fprintf (stderr, "%s: %s\n", name, error->message);
      fprintf (stderr, _ ("`%s --help` tells the options\n"), name);
      *status = TCW_EXIT_USAGE;
      return FALSE;
    }
  if (help)
    {
      print_help (context);
      *status = TCW_EXIT_OK;
      return FALSE;
    }
  return TRUE;
}
