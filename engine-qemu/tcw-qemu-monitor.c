/* QMP commands through libvirt; see tcw-qemu-monitor.h and QEMU's QMP reference (migration.json). */
#include "tcw-qemu-monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-fs.h"
#include "base/tcw-json.h"

#define POLL_INTERVAL_US 1000

#define SET_CAPABILITIES \
  "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":" \
  "[{\"capability\":\"x-ignore-shared\",\"state\":true}]}}"
#define GET_FD "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"tcw-state\"}}"
/* A local file isn't a network: no bandwidth limit. */
#define SET_PARAMETERS "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"max-bandwidth\":10737418240}}"
#define MIGRATE "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"fd:tcw-state\"}}"
#define MIGRATE_INCOMING "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"fd:tcw-state\"}}"
#define QUERY_MIGRATE "{\"execute\":\"query-migrate\"}"
#define QUERY_STATUS "{\"execute\":\"query-status\"}"

JsonNode *
tcw_qemu_monitor_command (virDomainPtr domain, const char *command, int fd, GError **error)
{
  static const TcwJsonLimits limits = { .max_bytes = 1024 * 1024 };
  g_autoptr (JsonNode) reply = NULL;
  char *text = NULL;
  int result;

  if (fd >= 0)
    result = virDomainQemuMonitorCommandWithFiles (domain, command, 1, &fd, NULL, NULL, &text, 0);
  else
    result = virDomainQemuMonitorCommand (domain, command, &text, 0);
  if (result < 0)
    {
      tcw_qemu_set_libvirt_error (error, TCW_ERROR_INTERNAL, "QEMU's monitor");
      return NULL;
    }
  reply = tcw_json_parse (text, -1, "QEMU's monitor", &limits, error);
  free (text);
  if (reply == NULL)
    return NULL;
  if (JSON_NODE_HOLDS_OBJECT (reply) && json_object_has_member (json_node_get_object (reply), "return"))
    return json_node_ref (json_object_get_member (json_node_get_object (reply), "return"));
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "QEMU refused a monitor command: %s",
               JSON_NODE_HOLDS_OBJECT (reply) ? tcw_json_get_string_or (json_node_get_object (reply), "error.desc", "no reason given")
                                              : "no object in its reply");
  return NULL;
}

/* For commands whose return value says nothing. */
static gboolean
command_done (virDomainPtr domain, const char *command, int fd, GError **error)
{
  g_autoptr (JsonNode) result = tcw_qemu_monitor_command (domain, command, fd, error);

  return result != NULL;
}

/*
 * Asks with @query until the string "status" in the answer is none of @pending (NULL-terminated); returns it (transfer full).
 */
static char *
wait_for_status (virDomainPtr domain, const char *query, const char *const *pending, gint64 deadline, GCancellable *cancellable,
                 GError **error)
{
  for (;;)
    {
      g_autoptr (JsonNode) result = tcw_qemu_monitor_command (domain, query, -1, error);
      const char *status;

      if (result == NULL)
        return NULL;
      status = JSON_NODE_HOLDS_OBJECT (result) ? tcw_json_get_string_or (json_node_get_object (result), "status", "none") : "none";
      if (!g_strv_contains (pending, status))
        return g_strdup (status);
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      if (g_get_monotonic_time () >= deadline)
        {
          g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "QEMU still reports the status “%s” at the end of the time limit", status);
          return NULL;
        }
      g_usleep (POLL_INTERVAL_US);
    }
}

static gboolean
save_to_fd (virDomainPtr domain, int fd, gint64 deadline, GCancellable *cancellable, GError **error)
{
  static const char *const pending[] = { "none", "setup", "active", "device", "pre-switchover", NULL };
  g_autofree char *status = NULL;

  if (!command_done (domain, SET_CAPABILITIES, -1, error) || !command_done (domain, SET_PARAMETERS, -1, error)
      || !command_done (domain, GET_FD, fd, error) || !command_done (domain, MIGRATE, -1, error))
    return FALSE;
  status = wait_for_status (domain, QUERY_MIGRATE, pending, deadline, cancellable, error);
  if (status == NULL)
    return FALSE;
  if (g_strcmp0 (status, "completed") != 0)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "QEMU's migration ended as “%s”", status);
      return FALSE;
    }
  if (fchmod (fd, 0444) != 0 || fsync (fd) != 0)
    return tcw_fs_fail (error, errno, "cannot finish the state file");
  return TRUE;
}

gboolean
tcw_qemu_monitor_save_state (virDomainPtr domain, const char *path, gint64 deadline, GCancellable *cancellable, GError **error)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  gboolean saved;

  if (fd < 0)
    return tcw_fs_fail (error, errno, "cannot make %s", path);
  saved = save_to_fd (domain, fd, deadline, cancellable, error);
  close (fd);
  return saved;
}

gboolean
tcw_qemu_monitor_load_state (virDomainPtr domain, const char *path, gint64 deadline, GCancellable *cancellable, GError **error)
{
  static const char *const pending[] = { "inmigrate", NULL };
  g_autofree char *status = NULL;
  gboolean begun;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return tcw_fs_fail (error, errno, "cannot open %s", path);
  begun = command_done (domain, SET_CAPABILITIES, -1, error) && command_done (domain, GET_FD, fd, error)
          && command_done (domain, MIGRATE_INCOMING, -1, error);
  close (fd);
  if (!begun)
    return FALSE;
  status = wait_for_status (domain, QUERY_STATUS, pending, deadline, cancellable, error);
  if (status == NULL)
    return FALSE;
  if (g_strcmp0 (status, "paused") == 0 || g_strcmp0 (status, "postmigrate") == 0)
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "QEMU is “%s” after loading", status);
  return FALSE;
}
