/* The choice of the accelerator; see tcw-qemu-accel.h. */
#include "tcw-qemu-accel.h"

#include <signal.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"
#include "base/tcw-json.h"
#include "tcw-qemu-kvm-probe.h"

#define KVM_DEVICE "/dev/kvm"

void
tcw_qemu_accel_verdict_clear (TcwQemuAccelVerdict *self)
{
  g_clear_pointer (&self->reason, g_free);
}

const char *
tcw_qemu_accel_to_string (TcwQemuAccel accel)
{
  return accel == TCW_QEMU_ACCEL_KVM ? "kvm" : "tcg";
}

/* What the verdict depends on: this boot of this kernel, who asks, and whether the device is open to him. */
static char *
cache_key (void)
{
  struct utsname name;
  g_autofree char *boot_id = NULL;

  if (!g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot_id, NULL, NULL))
    boot_id = g_strdup ("unknown");
  uname (&name);
  return g_strdup_printf ("%s %s %u %d", g_strchomp (boot_id), name.release, (guint) getuid (), access (KVM_DEVICE, R_OK | W_OK) == 0);
}

static gboolean
read_cache (const char *path, const char *key, TcwQemuAccelVerdict *verdict)
{
  g_autoptr (JsonNode) node = tcw_json_load_file (path, NULL, NULL);
  JsonObject *object;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return FALSE;
  object = json_node_get_object (node);
  if (g_strcmp0 (tcw_json_get_string_or (object, "key", ""), key) != 0)
    return FALSE;
  verdict->accel = tcw_json_get_boolean_or (object, "kvm", FALSE) ? TCW_QEMU_ACCEL_KVM : TCW_QEMU_ACCEL_TCG;
  verdict->reason = g_strdup (tcw_json_get_string_or (object, "reason", ""));
  return TRUE;
}

/* The cache only saves time, so a failure to write it costs only that. */
static void
write_cache (const char *path, const char *key, const TcwQemuAccelVerdict *verdict)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "key", key);
  json_object_set_boolean_member (object, "kvm", verdict->accel == TCW_QEMU_ACCEL_KVM);
  json_object_set_string_member (object, "reason", verdict->reason);
  json_node_take_object (node, object);
  text = tcw_json_to_string (node, TCW_JSON_PRETTY);
  if (!tcw_fs_write_atomic (path, text, -1, 0644, &error))
    g_info ("the accelerator's verdict isn't kept: %s", error->message);
}

/* Returns whether the verdict is one on KVM: not when the probe could not run, or somebody ended it. */
static gboolean
probe (const char *const *argv, TcwQemuAccelVerdict *verdict)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  g_autoptr (GError) error = NULL;
  double seconds;

  verdict->accel = TCW_QEMU_ACCEL_TCG;
  if (access (KVM_DEVICE, F_OK) != 0)
    {
      verdict->reason = g_strdup ("there is no " KVM_DEVICE);
      return TRUE;
    }
  if (access (KVM_DEVICE, R_OK | W_OK) != 0)
    {
      verdict->reason = g_strdup_printf ("%s can't be opened by %s; make it a member of the group kvm", KVM_DEVICE, g_get_user_name ());
      return TRUE;
    }
  process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error);
  if (process == NULL || !g_subprocess_communicate_utf8 (process, NULL, NULL, &out, &err, &error))
    {
      verdict->reason = g_strdup_printf ("KVM could not be probed: %s", error->message);
      return FALSE;
    }
  if (g_subprocess_get_if_signaled (process) && g_subprocess_get_term_sig (process) != SIGALRM)
    {
      verdict->reason = g_strdup_printf ("KVM could not be probed: the probe was ended by signal %d", g_subprocess_get_term_sig (process));
      return FALSE;
    }
  if (!g_subprocess_get_successful (process))
    {
      verdict->reason = g_strdup_printf ("KVM doesn't work: %s", err[0] != '\0' ? g_strchomp (err) : "its probe did not end in time");
      return TRUE;
    }
  seconds = g_ascii_strtod (out, NULL);
  if (seconds > 0 && seconds < TCW_QEMU_KVM_PROBE_LIMIT_SECONDS)
    {
      verdict->accel = TCW_QEMU_ACCEL_KVM;
      verdict->reason = g_strdup_printf ("KVM runs guests natively (probe: %.0f ms)", seconds * 1e3);
    }
  else
    verdict->reason = g_strdup_printf ("KVM only emulates guests on this host (probe: %.0f ms, natively under %.0f ms)", seconds * 1e3,
                                       TCW_QEMU_KVM_PROBE_LIMIT_SECONDS * 1e3);
  return TRUE;
}

gboolean
tcw_qemu_accel_detect (const char *state_directory, const char *wanted, const char *const *probe_argv, TcwQemuAccelVerdict *verdict,
                       GError **error)
{
  g_autofree char *path = g_build_filename (state_directory, "accelerator.json", NULL);
  g_autofree char *key = cache_key ();

  if (g_strcmp0 (wanted, "tcg") == 0)
    {
      verdict->accel = TCW_QEMU_ACCEL_TCG;
      verdict->reason = g_strdup ("the configuration says so");
      return TRUE;
    }
  if (!read_cache (path, key, verdict) && probe (probe_argv, verdict))
    write_cache (path, key, verdict);
  if (g_strcmp0 (wanted, "kvm") == 0 && verdict->accel != TCW_QEMU_ACCEL_KVM)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "the configuration wants the accelerator kvm, but %s", verdict->reason);
      return FALSE;
    }
  return TRUE;
}
