/* A guest's start, identity and end; see tcw-qemu-guest.h. */
#include "tcw-qemu-guest.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/tcw-fs.h"
#include "tcw-qemu-console.h"
#include "tcw-qemu-overlay.h"

#define LOAD_LIMIT_SECONDS 30
#define END_WAIT_US (2 * G_TIME_SPAN_SECOND)
#define CONSOLE_LINES 60 /* a kernel that panics says why before all the rest */
#define CONSOLE_INDENT "    console: "
#define ENTROPY_BYTES 64
#define MACHINE_ID_BYTES 16

struct _TcwQemuGuest
{
  TcwQemuHost *host;
  TcwQemuImage *image; /* held: its files are in use */
  char *directory;
  char *state_path; /* to load before it can run, or NULL */
  char *agent_socket;
  char *console_socket;
  TcwQemuVm *vm;
  TcwQemuConsole *console;
  TcwQemuAgent *agent;
  TcwQemuGuestTimes times;
};

void
tcw_qemu_guest_free (TcwQemuGuest *self)
{
  g_autoptr (GError) error = NULL;

  if (self == NULL)
    return;
  g_clear_object (&self->agent);
  g_clear_pointer (&self->console, tcw_qemu_console_free);
  g_clear_object (&self->vm);
  if (self->directory != NULL)
    {
      /* The domain's name is the folder's. */
      g_autofree char *name = g_path_get_basename (self->directory);

      tcw_qemu_connection_remove_log (tcw_qemu_host_get_connection (self->host), name);
      if (!tcw_fs_remove_tree (self->directory, NULL, &error))
        g_warning ("%s", error->message);
    }
  g_clear_pointer (&self->image, tcw_qemu_image_unref);
  tcw_qemu_host_unref (self->host);
  g_free (self->directory);
  g_free (self->state_path);
  g_free (self->agent_socket);
  g_free (self->console_socket);
  g_free (self);
}

/*
 * The guest's own disk on the frozen layer, or on the image's disk. Fills @chain (topmost first, room for four) and makes the
 * overlay; returns its path (free with g_free()) or NULL.
 */
static char *
make_disk (TcwQemuGuest *self, const TcwQemuGuestOrigin *origin, TcwQemuDomainLayer *chain, GCancellable *cancellable, GError **error)
{
  TcwQemuImage *image = origin->image;
  g_autofree char *overlay = origin->overlay_path != NULL ? g_strdup (origin->overlay_path)
                                                          : g_build_filename (self->directory, "disk.qcow2", NULL);
  const char *backing = origin->disk_path != NULL ? origin->disk_path : tcw_qemu_image_get_disk_path (image);
  const char *format = origin->disk_path != NULL ? "qcow2" : tcw_qemu_image_get_disk_format (image);
  gsize n = 0;

  if (!tcw_qemu_overlay_create (overlay, backing, format, tcw_qemu_image_get_disk_size (image), cancellable, error))
    return NULL;
  chain[n++] = (TcwQemuDomainLayer){ .path = overlay, .format = "qcow2" };
  chain[n++] = (TcwQemuDomainLayer){ .path = backing, .format = format };
  if (origin->disk_path != NULL)
    chain[n++] = (TcwQemuDomainLayer){ .path = tcw_qemu_image_get_disk_path (image), .format = tcw_qemu_image_get_disk_format (image) };
  chain[n] = (TcwQemuDomainLayer){ .path = NULL };
  return g_steal_pointer (&overlay);
}

static gboolean
create_vm (TcwQemuGuest *self, const TcwQemuGuestOrigin *origin, const char *name, const TcwQemuDomainLayer *disk, GError **error)
{
  TcwQemuConnection *connection = tcw_qemu_host_get_connection (self->host);
  g_autofree char *uuid = g_uuid_string_random ();
  TcwQemuDomainSpec spec = {
    .name = name,
    .uuid = uuid,
    .accel = tcw_qemu_host_get_accel (self->host)->accel,
    .memory_mib = origin->machine.memory_mib,
    .sockets = origin->machine.sockets,
    .cores = origin->machine.cores,
    .threads = origin->machine.threads,
    .emulator = tcw_qemu_connection_get_emulator (connection),
    .kernel = tcw_qemu_image_get_kernel_path (origin->image),
    .initrd = tcw_qemu_image_get_initrd_path (origin->image),
    .cmdline = tcw_qemu_image_get_cmdline (origin->image),
    .disk = disk,
    .console_socket = self->console_socket,
    .agent_socket = self->agent_socket,
    .ram_path = origin->ram_path,
    .ram_shared = origin->ram_shared,
    .incoming = origin->state_path != NULL,
    .has_dac_label = tcw_qemu_connection_is_system (connection),
    .uid = (guint) getuid (),
    .gid = (guint) getgid (),
  };

  self->vm = tcw_qemu_vm_new (connection, &spec, error);
  return self->vm != NULL;
}

TcwQemuGuest *
tcw_qemu_guest_new (TcwQemuHost *host, const TcwQemuGuestOrigin *origin, GCancellable *cancellable, GError **error)
{
  g_autoptr (TcwQemuGuest) self = g_new0 (TcwQemuGuest, 1);
  g_autofree char *name = tcw_qemu_host_new_domain_name (host);
  g_autofree char *overlay = NULL;
  TcwQemuDomainLayer chain[4];
  gboolean has_disk = tcw_qemu_image_get_disk_path (origin->image) != NULL;
  gint64 begin = g_get_monotonic_time ();

  self->host = tcw_qemu_host_ref (host);
  self->image = tcw_qemu_image_ref (origin->image);
  self->state_path = g_strdup (origin->state_path);
  self->directory = tcw_qemu_host_make_vm_directory (host, name, error);
  if (self->directory == NULL)
    return NULL;
  self->agent_socket = g_build_filename (self->directory, "agent.sock", NULL);
  self->console_socket = g_build_filename (self->directory, "console.sock", NULL);
  if (has_disk && (overlay = make_disk (self, origin, chain, cancellable, error)) == NULL)
    return NULL;
  if (!create_vm (self, origin, name, has_disk ? chain : NULL, error))
    return NULL;
  self->console = tcw_qemu_console_new (self->console_socket, g_main_context_get_thread_default ());
  self->times.create = g_get_monotonic_time () - begin;
  self->agent = tcw_qemu_agent_new (NULL);
  return g_steal_pointer (&self);
}

gboolean
tcw_qemu_guest_load (TcwQemuGuest *self, GCancellable *cancellable, GError **error)
{
  gint64 begin = g_get_monotonic_time ();

  g_return_val_if_fail (self->state_path != NULL, FALSE);
  if (!tcw_qemu_vm_load_state (self->vm, self->state_path, begin + LOAD_LIMIT_SECONDS * G_TIME_SPAN_SECOND, cancellable, error))
    return FALSE;
  self->times.load = g_get_monotonic_time () - begin;
  return TRUE;
}

gboolean
tcw_qemu_guest_start (TcwQemuGuest *self, guint timeout_seconds, GCancellable *cancellable, GError **error)
{
  gint64 begin = g_get_monotonic_time ();
  GError *local = NULL;

  if (!tcw_qemu_vm_resume (self->vm, error))
    return FALSE;
  if (!tcw_qemu_agent_connect (self->agent, self->agent_socket, begin + timeout_seconds * G_TIME_SPAN_SECOND, cancellable, &local))
    {
      local = tcw_qemu_guest_explain (self, local, "waiting for the guest's agent");
      /* No task has run yet: a machine that ends by itself is the image's fault. */
      if (g_error_matches (local, TCW_ERROR, TCW_ERROR_TASK_FAILED))
        local->code = TCW_ERROR_INTERNAL;
      g_propagate_error (error, local);
      return FALSE;
    }
  self->times.agent = g_get_monotonic_time () - begin;
  return TRUE;
}

static gboolean
fill_random (void *buffer, gsize length, GError **error)
{
  if (getrandom (buffer, length, 0) == (gssize) length)
    return TRUE;
  return tcw_fs_fail (error, errno, "cannot get random numbers");
}

gboolean
tcw_qemu_guest_identify (TcwQemuGuest *self, const char *host_name, GCancellable *cancellable, GError **error)
{
  guint8 entropy[ENTROPY_BYTES];
  guint8 id[MACHINE_ID_BYTES];
  char machine_id[2 * MACHINE_ID_BYTES + 1];
  TcwQemuAgentIdentity identity = {
    .entropy = entropy,
    .entropy_length = sizeof entropy,
    .host_name = host_name,
    .machine_id = machine_id,
  };
  gint64 deadline = g_get_monotonic_time () + tcw_qemu_host_get_agent_timeout (self->host) * G_TIME_SPAN_SECOND;
  GError *local = NULL;
  gboolean done;

  if (!fill_random (entropy, sizeof entropy, error) || !fill_random (id, sizeof id, error))
    return FALSE;
  /* A random UUID, as machine-id(5) wants it: version 4, variant 1. */
  id[6] = (guint8) ((id[6] & 0x0f) | 0x40);
  id[8] = (guint8) ((id[8] & 0x3f) | 0x80);
  for (gsize i = 0; i < sizeof id; i++)
    g_snprintf (machine_id + 2 * i, 3, "%02x", id[i]);
  done = tcw_qemu_agent_identify (self->agent, &identity, deadline, cancellable, &local);
  explicit_bzero (entropy, sizeof entropy);
  if (!done)
    g_propagate_error (error, tcw_qemu_guest_explain (self, local, "giving the guest its identity"));
  return done;
}

TcwQemuVm *
tcw_qemu_guest_get_vm (TcwQemuGuest *self)
{
  return self->vm;
}

TcwQemuAgent *
tcw_qemu_guest_get_agent (TcwQemuGuest *self)
{
  return self->agent;
}

const TcwQemuGuestTimes *
tcw_qemu_guest_get_times (TcwQemuGuest *self)
{
  return &self->times;
}

const char *
tcw_qemu_guest_get_agent_socket (TcwQemuGuest *self)
{
  return self->agent_socket;
}

/*
 * How the VM ended. A QEMU that gets no page of its memory's file dies of it without a word, where it can say that of its disk: so a death
 * on a full file system is put down to that.
 */
static TcwQemuVmEnd
find_end (TcwQemuGuest *self)
{
  TcwQemuVmEnd end = tcw_qemu_vm_get_end (self->vm, END_WAIT_US);
  guint64 free_bytes;

  if (end == TCW_QEMU_VM_END_DIED && tcw_fs_free_space (self->directory, &free_bytes, NULL) && free_bytes < TCW_QEMU_FULL_DISK_BYTES)
    return TCW_QEMU_VM_END_NO_SPACE;
  return end;
}

GError *
tcw_qemu_guest_explain (TcwQemuGuest *self, GError *error, const char *doing)
{
  g_autoptr (GError) owned = error;
  g_autofree char *tail = NULL;
  TcwQemuVmEnd end = TCW_QEMU_VM_END_NONE;
  TcwError code = TCW_ERROR_INTERNAL;

  if (g_error_matches (owned, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_new (TCW_ERROR, TCW_ERROR_CANCELLED, "%s: cancelled", doing);
  if (g_error_matches (owned, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LINK_CLOSED))
    end = find_end (self);
  tail = tcw_qemu_console_tail (self->console, CONSOLE_LINES, CONSOLE_INDENT);
  /* What a task does to its own machine is the task's failure, not ours. */
  if (end == TCW_QEMU_VM_END_POWERED_OFF || end == TCW_QEMU_VM_END_REBOOTED || end == TCW_QEMU_VM_END_PANICKED)
    code = TCW_ERROR_TASK_FAILED;
  if (end == TCW_QEMU_VM_END_NO_SPACE)
    code = TCW_ERROR_RESOURCE_UNAVAILABLE;
  if (end != TCW_QEMU_VM_END_NONE)
    return g_error_new (TCW_ERROR, (int) code, "%s: the virtual machine %s%s%s", doing, tcw_qemu_vm_end_to_string (end),
                        tail != NULL ? "; the end of its console:\n" : "", tail != NULL ? tail : "");
  return g_error_new (TCW_ERROR, (int) code, "%s: %s%s%s", doing, owned->message, tail != NULL ? "; the end of the console:\n" : "",
                      tail != NULL ? tail : "");
}
