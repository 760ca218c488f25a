/* A domain's life: create, resume, suspend, end; see tcw-qemu-vm.h. What goes over QEMU's monitor is in tcw-qemu-monitor.c. */
#include "tcw-qemu-vm.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tcw-fd.h"
#include "tcw-qemu-monitor.h"
#include "tcw-qemu-reaper.h"

#define KILL_WAIT_MS 10000
/* libvirt waits for QEMU's answers without a limit. QEMU answers these at once; a call with a time limit of its own gets a little more. */
#define CREATE_LIMIT_US (60 * G_TIME_SPAN_SECOND)
#define ANSWER_LIMIT_US (30 * G_TIME_SPAN_SECOND)
#define ANSWER_GRACE_US (1 * G_TIME_SPAN_SECOND)

/* What the main loop learns of the domain; outlives the object as long as a signal handler may run. */
typedef struct
{
  gatomicrefcount refs;
  GMutex mutex;
  GCond changed;
  char *name;
  TcwQemuVmEnd end;
  gboolean stopped;
  int pid_fd; /* its own, for the main loop; -1 */
} VmWatch;

struct _TcwQemuVm
{
  GObject parent_instance;
  TcwQemuConnection *connection;
  virDomainPtr domain;
  VmWatch *watch;
  gulong stopped_handler;
  gulong event_handler;
  gulong io_error_handler;
  int pid;
  int pid_fd;
  GSource *pid_source; /* reaps it in the main loop when it ends by itself */
  gboolean destroyed;
};

G_DEFINE_FINAL_TYPE (TcwQemuVm, tcw_qemu_vm, G_TYPE_OBJECT)

static VmWatch *
vm_watch_new (const char *name)
{
  VmWatch *watch = g_new0 (VmWatch, 1);

  g_atomic_ref_count_init (&watch->refs);
  g_mutex_init (&watch->mutex);
  g_cond_init (&watch->changed);
  watch->name = g_strdup (name);
  watch->pid_fd = -1;
  return watch;
}

static VmWatch *
vm_watch_ref (VmWatch *watch)
{
  g_atomic_ref_count_inc (&watch->refs);
  return watch;
}

static void
vm_watch_unref (VmWatch *watch)
{
  if (!g_atomic_ref_count_dec (&watch->refs))
    return;
  tcw_fd_close (watch->pid_fd);
  g_mutex_clear (&watch->mutex);
  g_cond_clear (&watch->changed);
  g_free (watch->name);
  g_free (watch);
}

static void
vm_watch_unref_closure (gpointer data, GClosure *closure)
{
  vm_watch_unref (data);
}

static void
vm_watch_set_end (VmWatch *watch, TcwQemuVmEnd end)
{
  g_mutex_lock (&watch->mutex);
  if (watch->end == TCW_QEMU_VM_END_NONE)
    watch->end = end;
  watch->stopped = TRUE;
  g_cond_broadcast (&watch->changed);
  g_mutex_unlock (&watch->mutex);
}

/* Waits until libvirt has reported the domain's end, which the main loop hears of. */
static gboolean
vm_watch_wait_stopped (VmWatch *watch, gint64 wait_us)
{
  gint64 until = g_get_monotonic_time () + wait_us;
  gboolean stopped;

  g_mutex_lock (&watch->mutex);
  while (!watch->stopped && wait_us > 0 && g_cond_wait_until (&watch->changed, &watch->mutex, until))
    continue;
  stopped = watch->stopped;
  g_mutex_unlock (&watch->mutex);
  return stopped;
}

static void
on_vm_stopped (TcwQemuConnection *connection, const char *name, const char *how, VmWatch *watch)
{
  if (g_strcmp0 (name, watch->name) == 0)
    vm_watch_set_end (watch, g_strcmp0 (how, "shutdown") == 0 ? TCW_QEMU_VM_END_POWERED_OFF : TCW_QEMU_VM_END_DIED);
}

/* QEMU's SHUTDOWN event comes before libvirt's and says more: {"guest": true, "reason": "guest-reset"}. */
static void
on_vm_monitor_event (TcwQemuConnection *connection, const char *name, const char *event, const char *details, VmWatch *watch)
{
  TcwQemuVmEnd end = TCW_QEMU_VM_END_NONE;

  if (g_strcmp0 (name, watch->name) != 0)
    return;
  if (strstr (details, "\"guest-reset\"") != NULL)
    end = TCW_QEMU_VM_END_REBOOTED;
  else if (strstr (details, "\"guest-panic\"") != NULL)
    end = TCW_QEMU_VM_END_PANICKED;
  else if (strstr (details, "\"guest-shutdown\"") != NULL)
    end = TCW_QEMU_VM_END_POWERED_OFF;
  g_mutex_lock (&watch->mutex);
  if (watch->end == TCW_QEMU_VM_END_NONE)
    watch->end = end;
  g_cond_broadcast (&watch->changed);
  g_mutex_unlock (&watch->mutex);
}

/*
 * QEMU has stopped the guest, because the host could not write what the guest wrote. Nobody will make room in time: whoever waits for the
 * guest is told by its end.
 */
static void
on_vm_io_error (TcwQemuConnection *connection, const char *name, const char *reason, VmWatch *watch)
{
  if (g_strcmp0 (name, watch->name) != 0)
    return;
  g_warning ("the disk of the virtual machine %s can't be written (%s): it is ended", name, reason);
  g_mutex_lock (&watch->mutex);
  if (watch->end == TCW_QEMU_VM_END_NONE)
    watch->end = TCW_QEMU_VM_END_NO_SPACE;
  if (watch->pid_fd >= 0)
    pidfd_send_signal (watch->pid_fd, SIGKILL, NULL, 0);
  g_mutex_unlock (&watch->mutex);
}

/* A descriptor of a source's own: the source may be at work in the main loop while the VM is given up in another thread. */
static gpointer
fd_new (int fd)
{
  int *copy = g_new (int, 1);

  *copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  return copy;
}

static void
fd_free (gpointer data)
{
  tcw_fd_close (*(int *) data);
  g_free (data);
}

/* QEMU has ended: reaping it lets libvirt see that. */
static gboolean
on_pid_ended (int fd, GIOCondition condition, gpointer data)
{
  siginfo_t info = { 0 };

  waitid ((idtype_t) P_PIDFD, (id_t) * (int *) data, &info, WEXITED | WNOHANG);
  return G_SOURCE_REMOVE;
}

/* --- A limit for calls of libvirt: the main loop kills a QEMU that doesn't answer, which ends the call. --- */

typedef GSource VmGuard;

static gboolean
on_no_answer (gpointer data)
{
  g_warning ("QEMU doesn't answer: it is killed");
  pidfd_send_signal (*(int *) data, SIGKILL, NULL, 0);
  return G_SOURCE_REMOVE;
}

/* While libvirt starts it, a QEMU is only known by its pid file. Returns a pidfd, or -1. */
static int
open_process (const char *pid_file, int *pid)
{
  g_autofree char *text = NULL;

  if (pid_file == NULL || !g_file_get_contents (pid_file, &text, NULL, NULL))
    return -1;
  *pid = (int) CLAMP (g_ascii_strtoll (text, NULL, 10), 0, G_MAXINT);
  return *pid > 1 ? pidfd_open (*pid, 0) : -1;
}

static gboolean
on_no_start (gpointer data)
{
  int pid;
  g_auto (TcwFd) fd = open_process (data, &pid);

  return fd < 0 ? G_SOURCE_CONTINUE : on_no_answer (&fd);
}

/* Takes @data, which @destroy frees, for @func. */
static VmGuard *
vm_guard_new (gint64 limit_us, GSourceFunc func, gpointer data, GDestroyNotify destroy)
{
  VmGuard *guard = g_timeout_source_new ((guint) (CLAMP (limit_us, 0, G_TIME_SPAN_HOUR) / 1000));

  g_source_set_callback (guard, func, data, destroy);
  g_source_attach (guard, NULL);
  return guard;
}

/* Returns (transfer full) what ends the guard when it is freed; NULL when there is no process that we could kill. */
static VmGuard *
vm_guard_begin (TcwQemuVm *self, gint64 limit_us)
{
  return self->pid_fd < 0 ? NULL : vm_guard_new (limit_us, on_no_answer, fd_new (self->pid_fd), fd_free);
}

static void
vm_guard_end (VmGuard *guard)
{
  g_source_destroy (guard);
  g_source_unref (guard);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmGuard, vm_guard_end)

static void
tcw_qemu_vm_finalize (GObject *object)
{
  TcwQemuVm *self = TCW_QEMU_VM (object);

  if (self->domain != NULL)
    {
      tcw_qemu_vm_destroy (self);
      virDomainFree (self->domain);
    }
  if (self->stopped_handler != 0)
    g_signal_handler_disconnect (self->connection, self->stopped_handler);
  if (self->event_handler != 0)
    g_signal_handler_disconnect (self->connection, self->event_handler);
  if (self->io_error_handler != 0)
    g_signal_handler_disconnect (self->connection, self->io_error_handler);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->watch, vm_watch_unref);
  G_OBJECT_CLASS (tcw_qemu_vm_parent_class)->finalize (object);
}

static void
tcw_qemu_vm_class_init (TcwQemuVmClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_vm_finalize;
}

static void
tcw_qemu_vm_init (TcwQemuVm *self)
{
  self->pid_fd = -1;
}

/* Opens a handle on the QEMU process, which is our child since it lost its parent. */
static void
watch_process (TcwQemuVm *self)
{
  g_autofree char *path = tcw_qemu_connection_get_pid_file (self->connection, self->watch->name);
  int *pid_fd;

  self->pid_fd = open_process (path, &self->pid);
  if (self->pid_fd < 0)
    return;
  g_mutex_lock (&self->watch->mutex);
  self->watch->pid_fd = fcntl (self->pid_fd, F_DUPFD_CLOEXEC, 0);
  g_mutex_unlock (&self->watch->mutex);
  pid_fd = fd_new (self->pid_fd);
  self->pid_source = g_unix_fd_source_new (*pid_fd, G_IO_IN);
  g_source_set_callback (self->pid_source, G_SOURCE_FUNC (on_pid_ended), pid_fd, fd_free);
  g_source_attach (self->pid_source, NULL);
}

/* A QEMU that ends while libvirt starts it is a zombie of ours that libvirt waits for, so that somebody has to reap it. */
static virDomainPtr
create_domain (TcwQemuConnection *connection, const char *name, const char *xml)
{
  g_autoptr (VmGuard) guard
      = vm_guard_new (CREATE_LIMIT_US, on_no_start, tcw_qemu_connection_get_pid_file (connection, name), g_free);
  g_autoptr (TcwQemuReaperSection) section
      = tcw_qemu_connection_is_embedded (connection) ? tcw_qemu_reaper_section_begin () : NULL;

  return virDomainCreateXML (tcw_qemu_connection_get_handle (connection), xml, VIR_DOMAIN_START_PAUSED);
}

TcwQemuVm *
tcw_qemu_vm_new (TcwQemuConnection *connection, const TcwQemuDomainSpec *spec, GError **error)
{
  g_autoptr (TcwQemuVm) self = g_object_new (TCW_QEMU_TYPE_VM, NULL);
  g_autofree char *xml = tcw_qemu_domain_xml_new (spec);

  self->connection = g_object_ref (connection);
  self->watch = vm_watch_new (spec->name);
  self->stopped_handler = g_signal_connect_data (connection, "vm-stopped", G_CALLBACK (on_vm_stopped), vm_watch_ref (self->watch),
                                                 vm_watch_unref_closure, G_CONNECT_DEFAULT);
  self->event_handler = g_signal_connect_data (connection, "vm-monitor-event", G_CALLBACK (on_vm_monitor_event),
                                               vm_watch_ref (self->watch), vm_watch_unref_closure, G_CONNECT_DEFAULT);
  self->io_error_handler = g_signal_connect_data (connection, "vm-io-error", G_CALLBACK (on_vm_io_error), vm_watch_ref (self->watch),
                                                  vm_watch_unref_closure, G_CONNECT_DEFAULT);
  self->domain = create_domain (connection, spec->name, xml);
  if (self->domain == NULL)
    {
      tcw_qemu_set_libvirt_error (error, TCW_ERROR_INTERNAL, "cannot start the virtual machine %s", spec->name);
      return NULL;
    }
  watch_process (self);
  return g_steal_pointer (&self);
}

const char *
tcw_qemu_vm_get_name (TcwQemuVm *self)
{
  return self->watch->name;
}

int
tcw_qemu_vm_get_pid (TcwQemuVm *self)
{
  return self->pid;
}

gboolean
tcw_qemu_vm_resume (TcwQemuVm *self, GError **error)
{
  g_autoptr (VmGuard) guard = vm_guard_begin (self, ANSWER_LIMIT_US);

  if (virDomainResume (self->domain) < 0)
    return tcw_qemu_set_libvirt_error (error, TCW_ERROR_INTERNAL, "cannot let %s run", self->watch->name);
  return TRUE;
}

gboolean
tcw_qemu_vm_suspend (TcwQemuVm *self, GError **error)
{
  g_autoptr (VmGuard) guard = vm_guard_begin (self, ANSWER_LIMIT_US);

  if (virDomainSuspend (self->domain) < 0)
    return tcw_qemu_set_libvirt_error (error, TCW_ERROR_INTERNAL, "cannot suspend %s", self->watch->name);
  return TRUE;
}

gboolean
tcw_qemu_vm_save_state (TcwQemuVm *self, const char *path, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autoptr (VmGuard) guard = vm_guard_begin (self, deadline - g_get_monotonic_time () + ANSWER_GRACE_US);

  if (tcw_qemu_monitor_save_state (self->domain, path, deadline, cancellable, error))
    return TRUE;
  g_prefix_error (error, "cannot save the state of %s: ", self->watch->name);
  return FALSE;
}

gboolean
tcw_qemu_vm_load_state (TcwQemuVm *self, const char *path, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autoptr (VmGuard) guard = vm_guard_begin (self, deadline - g_get_monotonic_time () + ANSWER_GRACE_US);

  if (tcw_qemu_monitor_load_state (self->domain, path, deadline, cancellable, error))
    return TRUE;
  g_prefix_error (error, "cannot load the template's state into %s: ", self->watch->name);
  return FALSE;
}

TcwQemuVmEnd
tcw_qemu_vm_get_end (TcwQemuVm *self, gint64 wait_us)
{
  TcwQemuVmEnd end;

  vm_watch_wait_stopped (self->watch, wait_us);
  g_mutex_lock (&self->watch->mutex);
  end = self->watch->end;
  g_mutex_unlock (&self->watch->mutex);
  return end;
}

const char *
tcw_qemu_vm_end_to_string (TcwQemuVmEnd end)
{
  switch (end)
    {
    case TCW_QEMU_VM_END_POWERED_OFF:
      return "was powered off from within";
    case TCW_QEMU_VM_END_REBOOTED:
      return "was rebooted from within";
    case TCW_QEMU_VM_END_PANICKED:
      return "stopped by a panic of its kernel";
    case TCW_QEMU_VM_END_NO_SPACE:
      return "was ended because the host's disk is full";
    case TCW_QEMU_VM_END_DIED:
      return "ended unexpectedly (QEMU crashed or was killed)";
    case TCW_QEMU_VM_END_NONE:
    default:
      return "runs";
    }
}

/* Kills our child and reaps it; libvirt then finds it gone at once, where its own way would poll. */
static void
kill_process (TcwQemuVm *self)
{
  struct pollfd poll_fd = { .fd = self->pid_fd, .events = POLLIN };
  siginfo_t info = { 0 };

  pidfd_send_signal (self->pid_fd, SIGKILL, NULL, 0);
  if (poll (&poll_fd, 1, KILL_WAIT_MS) == 1)
    waitid ((idtype_t) P_PIDFD, (id_t) self->pid_fd, &info, WEXITED | WNOHANG);
  else
    g_warning ("QEMU of %s (pid %d) doesn't end after SIGKILL", self->watch->name, self->pid);
}

/* The way for a QEMU that isn't our child, or whose pid we don't know. */
static void
destroy_by_libvirt (TcwQemuVm *self)
{
  g_autoptr (TcwQemuReaperSection) section
      = tcw_qemu_connection_is_embedded (self->connection) ? tcw_qemu_reaper_section_begin () : NULL;
  g_autoptr (GError) error = NULL;

  /* INVALID: it doesn't run any more. */
  if (virDomainDestroy (self->domain) == 0 || virGetLastErrorCode () == VIR_ERR_NO_DOMAIN
      || virGetLastErrorCode () == VIR_ERR_OPERATION_INVALID)
    return;
  tcw_qemu_set_libvirt_error (&error, TCW_ERROR_INTERNAL, "the virtual machine %s may run on", self->watch->name);
  g_warning ("%s", error->message);
}

void
tcw_qemu_vm_destroy (TcwQemuVm *self)
{
  if (self->destroyed)
    return;
  self->destroyed = TRUE;
  if (self->pid_source != NULL)
    {
      g_source_destroy (self->pid_source);
      g_clear_pointer (&self->pid_source, g_source_unref);
    }
  if (self->pid_fd < 0)
    {
      destroy_by_libvirt (self);
      return;
    }
  /* libvirt sees the monitor's end and forgets the domain by itself. That may take it 200 ms, which nobody has to wait for. */
  kill_process (self);
  close (self->pid_fd);
  self->pid_fd = -1;
}
