/* Finding, making and leasing templates; see tcw-qemu-template.h. */
#include "tcw-qemu-template.h"

#include <errno.h>
#include <stdio.h>

#include "base/tcw-file-lock.h"
#include "base/tcw-fs.h"
#include "tcw-qemu-guest.h"
#include "tcw-qemu-template-files.h"

/* Part of the key: raise it when templates are made in another way. */
#define TEMPLATE_FORMAT "1"

#define READY_LIMIT_SECONDS 300
/* Whoever holds the lock has limits of its own, which together are below this. */
#define LOCK_LIMIT_SECONDS 1800
#define FREEZE_LIMIT_SECONDS 60

struct _TcwQemuTemplate
{
  char *key;
  char *folder;
  char *ram_path;
  char *state_path;
  char *disk_path;
  TcwFileLock *lease;
  gint64 build_time;
};

void
tcw_qemu_template_free (TcwQemuTemplate *self)
{
  if (self == NULL)
    return;
  tcw_file_lock_release (self->lease);
  g_free (self->key);
  g_free (self->folder);
  g_free (self->ram_path);
  g_free (self->state_path);
  g_free (self->disk_path);
  g_free (self);
}

/* What KVM's guests see of the processor: a template made on another one must not be found. */
static char *
host_cpu (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GString) result = g_string_new (NULL);

  if (!g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL))
    return g_strdup ("unknown");
  lines = g_strsplit (text, "\n", 64);
  for (char **line = lines; *line != NULL && **line != '\0'; line++)
    if (g_str_has_prefix (*line, "model") || g_str_has_prefix (*line, "flags") || g_str_has_prefix (*line, "stepping")
        || g_str_has_prefix (*line, "microcode"))
      g_string_append_printf (result, "%s\n", *line);
  return g_strdup (result->str);
}

/* The domain that forks would get, with all that differs between them left out. */
static char *
normalised_domain (TcwQemuHost *host, TcwQemuImage *image, const TcwQemuMachine *machine)
{
  const TcwQemuDomainLayer disk[] = { { .path = "/disk", .format = "qcow2" }, { .path = NULL } };
  TcwQemuDomainSpec spec = {
    .name = "name",
    .uuid = "00000000-0000-0000-0000-000000000000",
    .accel = tcw_qemu_host_get_accel (host)->accel,
    .memory_mib = machine->memory_mib,
    .sockets = machine->sockets,
    .cores = machine->cores,
    .threads = machine->threads,
    .emulator = tcw_qemu_connection_get_emulator (tcw_qemu_host_get_connection (host)),
    .kernel = "/kernel",
    .initrd = "/initrd",
    .cmdline = tcw_qemu_image_get_cmdline (image),
    .disk = tcw_qemu_image_get_disk_path (image) != NULL ? disk : NULL,
    .console_socket = "/console",
    .agent_socket = "/agent",
    .ram_path = "/ram",
  };

  return tcw_qemu_domain_xml_new (&spec);
}

static char *
compute_key (TcwQemuHost *host, TcwQemuImage *image, const TcwQemuMachine *machine)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *domain = normalised_domain (host, image, machine);
  g_autofree char *cpu = tcw_qemu_host_get_accel (host)->accel == TCW_QEMU_ACCEL_KVM ? host_cpu () : g_strdup ("tcg");
  TcwQemuConnection *connection = tcw_qemu_host_get_connection (host);
  g_autofree char *versions = g_strdup_printf ("%lu %lu", tcw_qemu_connection_get_libvirt_version (connection),
                                               tcw_qemu_connection_get_qemu_version (connection));
  const char *parts[] = { TEMPLATE_FORMAT, tcw_qemu_image_get_digest (image), domain, cpu, versions };

  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_checksum_update (checksum, (const guchar *) parts[i], -1);
      g_checksum_update (checksum, (const guchar *) "\n", 1);
    }
  /* Half of the digest: it stands in paths that QEMU's options have to hold. */
  return g_strndup (g_checksum_get_string (checksum), 32);
}

static TcwQemuTemplate *
template_new (TcwQemuHost *host, TcwQemuImage *image, const TcwQemuMachine *machine)
{
  TcwQemuTemplate *self = g_new0 (TcwQemuTemplate, 1);

  self->key = compute_key (host, image, machine);
  self->folder = g_build_filename (tcw_qemu_host_get_template_directory (host), self->key, NULL);
  self->ram_path = g_build_filename (self->folder, "ram", NULL);
  self->state_path = g_build_filename (self->folder, "state", NULL);
  if (tcw_qemu_image_get_disk_path (image) != NULL)
    self->disk_path = g_build_filename (self->folder, "disk.qcow2", NULL);
  return self;
}

/* Takes the template's lock, telling @log when that means waiting for somebody. */
static TcwFileLock *
take_lock (TcwQemuTemplate *self, TcwFileLockKind kind, TcwTaskLog *log, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s.lock", self->folder);
  g_autoptr (GError) local = NULL;
  TcwFileLock *lock = tcw_file_lock_acquire (path, kind, 0, cancellable, &local);

  if (lock != NULL)
    return lock;
  if (!g_error_matches (local, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  if (log != NULL)
    tcw_task_log_message (log, "Waiting: another run prepares this image's template.");
  return tcw_file_lock_acquire (path, kind, LOCK_LIMIT_SECONDS * 1000, cancellable, error);
}

/* Runs the image's own command that ends when the guest has come up altogether. */
static gboolean
wait_until_ready (TcwQemuGuest *guest, TcwQemuImage *image, GCancellable *cancellable, GError **error)
{
  const char *const *command = tcw_qemu_image_get_ready_command (image);
  TcwQemuAgentExecOptions options = { .argv = command };
  g_autoptr (TcwQemuAgentExec) exec = NULL;
  TcwQemuAgentExit end;
  gint64 deadline = g_get_monotonic_time () + READY_LIMIT_SECONDS * G_TIME_SPAN_SECOND;
  GError *local = NULL;

  if (command == NULL)
    return TRUE;
  if (!tcw_qemu_guest_identify (guest, "template", cancellable, error))
    return FALSE;
  exec = tcw_qemu_agent_exec (tcw_qemu_guest_get_agent (guest), &options, deadline, cancellable, &local);
  if (exec == NULL || !tcw_qemu_agent_exec_wait (exec, deadline, cancellable, &end, &local))
    {
      g_propagate_error (error, tcw_qemu_guest_explain (guest, local, "waiting until the guest is ready"));
      return FALSE;
    }
  /* A degraded system is a system: the command's exit status is only told. */
  if (end.kind != TCW_WIRE_EXIT_EXITED || end.code != 0)
    g_info ("the ready command of image %s ended with status %d", tcw_qemu_image_get_name (image), end.code);
  return TRUE;
}

/* The guest's dirty data must be in the layer before it is frozen, and the link closed as a fork will find it. */
static gboolean
freeze (TcwQemuGuest *guest, const char *state_path, GCancellable *cancellable, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + FREEZE_LIMIT_SECONDS * G_TIME_SPAN_SECOND;
  GError *local = NULL;

  if (!tcw_qemu_agent_sync (tcw_qemu_guest_get_agent (guest), deadline, cancellable, &local))
    {
      g_propagate_error (error, tcw_qemu_guest_explain (guest, local, "quiescing the guest"));
      return FALSE;
    }
  tcw_qemu_agent_disconnect (tcw_qemu_guest_get_agent (guest));
  return tcw_qemu_vm_suspend (tcw_qemu_guest_get_vm (guest), error)
         && tcw_qemu_vm_save_state (tcw_qemu_guest_get_vm (guest), state_path, deadline, cancellable, error);
}

static gboolean
boot_and_freeze (TcwQemuHost *host, TcwQemuImage *image, const TcwQemuMachine *machine, const char *staging, GCancellable *cancellable,
                 GError **error)
{
  g_autofree char *ram = g_build_filename (staging, "ram", NULL);
  g_autofree char *state = g_build_filename (staging, "state", NULL);
  g_autofree char *disk = g_build_filename (staging, "disk.qcow2", NULL);
  TcwQemuGuestOrigin origin = { .image = image, .machine = *machine, .ram_path = ram, .ram_shared = TRUE, .overlay_path = disk };
  g_autoptr (TcwQemuGuest) guest = tcw_qemu_guest_new (host, &origin, cancellable, error);

  return guest != NULL && tcw_qemu_guest_start (guest, tcw_qemu_host_get_boot_timeout (host), cancellable, error)
         && wait_until_ready (guest, image, cancellable, error) && freeze (guest, state, cancellable, error);
}

/*
 * The guest's memory is a file that grows as the guest touches it; when the disk is full, QEMU gets SIGBUS and can't say why. So after a
 * failure with nothing free in @folder the error says that.
 */
static void
explain_full_disk (const char *folder, GError **error)
{
  guint64 free_bytes;

  if (!tcw_fs_free_space (folder, &free_bytes, NULL) || free_bytes >= TCW_QEMU_FULL_DISK_BYTES || error == NULL || *error == NULL
      || g_error_matches (*error, TCW_ERROR, TCW_ERROR_CANCELLED))
    return;
  (*error)->code = TCW_ERROR_RESOURCE_UNAVAILABLE;
  g_prefix_error (error, "there is no space left in %s: ", folder);
}

/* With the exclusive lock held: nobody uses, nobody else makes it. */
static gboolean
build (TcwQemuTemplate *self, TcwQemuHost *host, TcwQemuImage *image, const TcwQemuMachine *machine, GCancellable *cancellable,
       GError **error)
{
  g_autofree char *staging = g_strdup_printf ("%s.new", self->folder);
  g_autofree char *description = g_strdup_printf ("image %s, %u MiB, %u CPUs, %s", tcw_qemu_image_get_name (image), machine->memory_mib,
                                                  machine->sockets * machine->cores * machine->threads,
                                                  tcw_qemu_accel_to_string (tcw_qemu_host_get_accel (host)->accel));
  gint64 begin = g_get_monotonic_time ();

  if (!tcw_fs_remove_tree (staging, NULL, error) || !tcw_fs_make_folder (staging, 0755, error))
    return FALSE;
  if (!boot_and_freeze (host, image, machine, staging, cancellable, error)
      || !tcw_qemu_template_files_record (staging, self->key, description, cancellable, error)
      || !tcw_fs_remove_tree (self->folder, NULL, error))
    {
      explain_full_disk (staging, error);
      tcw_fs_remove_tree (staging, NULL, NULL);
      return FALSE;
    }
  if (rename (staging, self->folder) != 0)
    {
      tcw_fs_fail (error, errno, "cannot rename %s", staging);
      tcw_fs_remove_tree (staging, NULL, NULL);
      return FALSE;
    }
  self->build_time = g_get_monotonic_time () - begin;
  return tcw_fs_sync (tcw_qemu_host_get_template_directory (host), error);
}

/* Makes it if it is still missing once nobody else uses or makes it. */
static gboolean
build_if_needed (TcwQemuTemplate *self, TcwQemuHost *host, TcwQemuImage *image, const TcwQemuMachine *machine, TcwTaskLog *log,
                 GCancellable *cancellable, GError **error)
{
  g_autoptr (TcwFileLock) lock = take_lock (self, TCW_FILE_LOCK_EXCLUSIVE, log, cancellable, error);
  g_autofree char *why = NULL;

  if (lock == NULL)
    return FALSE;
  if (tcw_qemu_template_files_check (self->folder, self->key, &why, cancellable))
    return TRUE;
  /* A check that was broken off says nothing of the template. */
  if (g_cancellable_is_cancelled (cancellable))
    {
      g_set_error_literal (error, TCW_ERROR, TCW_ERROR_CANCELLED, "looking for the image's template: cancelled");
      return FALSE;
    }
  if (log != NULL)
    tcw_task_log_message (log, "Preparing a template of image %s, once for all tasks (%s).", tcw_qemu_image_get_name (image), why);
  return build (self, host, image, machine, cancellable, error);
}

TcwQemuTemplate *
tcw_qemu_template_require (TcwQemuHost *host, TcwQemuImage *image, const TcwQemuMachine *machine, TcwTaskLog *log,
                           GCancellable *cancellable, GError **error)
{
  g_autoptr (TcwQemuTemplate) self = template_new (host, image, machine);

  /* A few times at most: between making and leasing it somebody may find it damaged and remove it, but not for ever. */
  for (int attempt = 0; attempt < 3; attempt++)
    {
      g_autofree char *why = NULL;

      self->lease = take_lock (self, TCW_FILE_LOCK_SHARED, log, cancellable, error);
      if (self->lease == NULL)
        return NULL;
      if (tcw_qemu_template_files_check (self->folder, self->key, &why, cancellable))
        return g_steal_pointer (&self);
      g_clear_pointer (&self->lease, tcw_file_lock_release);
      if (!build_if_needed (self, host, image, machine, log, cancellable, error))
        return NULL;
    }
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "the template %s is damaged as soon as it is made; is the disk broken?", self->folder);
  return NULL;
}

void
tcw_qemu_template_discard (TcwQemuTemplate *self)
{
  tcw_qemu_template_files_discard (self->folder);
}

const char *
tcw_qemu_template_get_key (TcwQemuTemplate *self)
{
  return self->key;
}

const char *
tcw_qemu_template_get_ram_path (TcwQemuTemplate *self)
{
  return self->ram_path;
}

const char *
tcw_qemu_template_get_state_path (TcwQemuTemplate *self)
{
  return self->state_path;
}

const char *
tcw_qemu_template_get_disk_path (TcwQemuTemplate *self)
{
  return self->disk_path;
}

gint64
tcw_qemu_template_get_build_time (TcwQemuTemplate *self)
{
  return self->build_time;
}
