/* The libvirt connection; see tcw-qemu-connection.h. */
#include "tcw-qemu-connection.h"

#include <errno.h>
#include <libvirt-glib/libvirt-glib.h>
#include <libvirt/libvirt-qemu.h>
#include <string.h>
#include <unistd.h>

#include "tcw-qemu-reaper.h"

#define EMBEDDED_URI "qemu:///embed"
#define SETTLE_INTERVAL_US 2000
#define SETTLE_ROUNDS 1000
#define END_INTERVAL_US (200 * G_TIME_SPAN_MILLISECOND)
/* A try may take libvirt some seconds: so long it waits for a killed process to be reaped by whoever has become its parent. */
#define END_LIMIT_US (60 * G_TIME_SPAN_SECOND)
#define EMULATOR "/usr/bin/qemu-system-x86_64"

struct _TcwQemuConnection
{
  GObject parent_instance;
  virConnectPtr handle;
  char *root_path; /* of the embedded driver */
  gboolean embedded;
  gboolean system;
  int lifecycle_callback;
  int monitor_callback;
  int io_error_callback;
  gulong libvirt_version;
  gulong qemu_version;
};

G_DEFINE_FINAL_TYPE (TcwQemuConnection, tcw_qemu_connection, G_TYPE_OBJECT)

enum
{
  SIGNAL_VM_STOPPED,
  SIGNAL_VM_MONITOR_EVENT,
  SIGNAL_VM_IO_ERROR,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

/*
 * The embedded driver forgets a domain whose QEMU has ended in threads of its own. Gone too early, it would leave the domain's
 * status file behind, and the next process would try to reconnect to it.
 */
static void
settle (TcwQemuConnection *self)
{
  for (int i = 0; i < SETTLE_ROUNDS && virConnectNumOfDomains (self->handle) > 0; i++)
    g_usleep (SETTLE_INTERVAL_US);
}

static void
tcw_qemu_connection_finalize (GObject *object)
{
  TcwQemuConnection *self = TCW_QEMU_CONNECTION (object);

  if (self->handle != NULL)
    {
      if (self->embedded)
        settle (self);
      if (self->lifecycle_callback >= 0)
        virConnectDomainEventDeregisterAny (self->handle, self->lifecycle_callback);
      if (self->io_error_callback >= 0)
        virConnectDomainEventDeregisterAny (self->handle, self->io_error_callback);
      if (self->monitor_callback >= 0)
        virConnectDomainQemuMonitorEventDeregister (self->handle, self->monitor_callback);
      virConnectClose (self->handle);
    }
  g_free (self->root_path);
  G_OBJECT_CLASS (tcw_qemu_connection_parent_class)->finalize (object);
}

static void
tcw_qemu_connection_class_init (TcwQemuConnectionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_connection_finalize;
  signals[SIGNAL_VM_STOPPED] = g_signal_new ("vm-stopped", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                             G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
  signals[SIGNAL_VM_IO_ERROR] = g_signal_new ("vm-io-error", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                              G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
  signals[SIGNAL_VM_MONITOR_EVENT] = g_signal_new ("vm-monitor-event", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                                   NULL, G_TYPE_NONE, 3, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
}

static void
tcw_qemu_connection_init (TcwQemuConnection *self)
{
  self->lifecycle_callback = -1;
  self->monitor_callback = -1;
  self->io_error_callback = -1;
}

/* libvirt prints errors to stderr unless told otherwise; each caller reports its own. */
static void
ignore_error (void *user_data, virErrorPtr error)
{
}

static int
on_lifecycle (virConnectPtr connection, virDomainPtr domain, int event, int detail, void *opaque)
{
  const char *how = "failed";

  if (event != VIR_DOMAIN_EVENT_STOPPED)
    return 0;
  if (detail == VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN)
    how = "shutdown";
  else if (detail == VIR_DOMAIN_EVENT_STOPPED_DESTROYED)
    how = "destroyed";
  g_signal_emit (opaque, signals[SIGNAL_VM_STOPPED], 0, virDomainGetName (domain), how);
  return 0;
}

static void
on_monitor_event (virConnectPtr connection, virDomainPtr domain, const char *event, long long seconds, unsigned int micros,
                  const char *details, void *opaque)
{
  g_signal_emit (opaque, signals[SIGNAL_VM_MONITOR_EVENT], 0, virDomainGetName (domain), event, details != NULL ? details : "{}");
}

static void
on_io_error (virConnectPtr connection, virDomainPtr domain, const char *path, const char *alias, int action, const char *reason,
             void *opaque)
{
  if (action == VIR_DOMAIN_EVENT_IO_ERROR_PAUSE)
    g_signal_emit (opaque, signals[SIGNAL_VM_IO_ERROR], 0, virDomainGetName (domain), reason[0] != '\0' ? reason : "no reason given");
}

static gboolean
register_events (TcwQemuConnection *self, GError **error)
{
  self->lifecycle_callback = virConnectDomainEventRegisterAny (self->handle, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                               VIR_DOMAIN_EVENT_CALLBACK (on_lifecycle), self, NULL);
  self->monitor_callback
      = virConnectDomainQemuMonitorEventRegister (self->handle, NULL, "SHUTDOWN", on_monitor_event, self, NULL, 0);
  self->io_error_callback = virConnectDomainEventRegisterAny (self->handle, NULL, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
                                                              VIR_DOMAIN_EVENT_CALLBACK (on_io_error), self, NULL);
  if (self->lifecycle_callback < 0 || self->monitor_callback < 0 || self->io_error_callback < 0)
    return tcw_qemu_set_libvirt_error (error, TCW_ERROR_FATAL, "cannot register for libvirt's events");
  return TRUE;
}

/* Makes libvirt probe QEMU now, if its cache doesn't know this one, rather than while a task waits. */
static gboolean
probe_emulator (TcwQemuConnection *self, GError **error)
{
  g_autoptr (TcwQemuReaperSection) section = self->embedded ? tcw_qemu_reaper_section_begin () : NULL;
  char *capabilities = NULL;

  if (!g_file_test (EMULATOR, G_FILE_TEST_IS_EXECUTABLE))
    {
      g_set_error_literal (error, TCW_ERROR, TCW_ERROR_FATAL,
                           "QEMU is missing: there is no " EMULATOR "; install Debian's package qemu-system-x86");
      return FALSE;
    }
  capabilities = virConnectGetDomainCapabilities (self->handle, EMULATOR, "x86_64", "q35", "qemu", 0);
  if (capabilities == NULL)
    return tcw_qemu_set_libvirt_error (error, TCW_ERROR_FATAL, "libvirt cannot use %s", EMULATOR);
  free (capabilities);
  if (virConnectGetLibVersion (self->handle, &self->libvirt_version) < 0 || virConnectGetVersion (self->handle, &self->qemu_version) < 0)
    return tcw_qemu_set_libvirt_error (error, TCW_ERROR_FATAL, "cannot ask libvirt for its version");
  return TRUE;
}

TcwQemuConnection *
tcw_qemu_connection_open (const char *uri, TcwQemuRoot *root, GError **error)
{
  g_autoptr (TcwQemuConnection) self = g_object_new (TCW_QEMU_TYPE_CONNECTION, NULL);
  g_autofree char *full = NULL;
  static gsize registered = 0;

  self->embedded = g_strcmp0 (uri, EMBEDDED_URI) == 0;
  self->system = !self->embedded && strstr (uri, "/system") != NULL;
  if (self->embedded)
    {
      g_autofree char *escaped = g_uri_escape_string (tcw_qemu_root_get_path (root), "/", FALSE);

      self->root_path = g_strdup (tcw_qemu_root_get_path (root));
      full = g_strdup_printf ("%s?root=%s", EMBEDDED_URI, escaped);
      tcw_qemu_reaper_enable ();
    }
  if (g_once_init_enter (&registered))
    {
      gvir_event_register ();
      virSetErrorFunc (NULL, ignore_error);
      g_once_init_leave (&registered, 1);
    }
  self->handle = virConnectOpen (full != NULL ? full : uri);
  if (self->handle == NULL)
    {
      tcw_qemu_set_libvirt_error (error, TCW_ERROR_FATAL, "cannot open the libvirt connection %s%s", uri,
                                  self->embedded ? " (is Debian's package libvirt-daemon-driver-qemu installed?)" : "");
      return NULL;
    }
  if (!register_events (self, error) || !probe_emulator (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

virConnectPtr
tcw_qemu_connection_get_handle (TcwQemuConnection *self)
{
  return self->handle;
}

gboolean
tcw_qemu_connection_is_embedded (TcwQemuConnection *self)
{
  return self->embedded;
}

gboolean
tcw_qemu_connection_is_system (TcwQemuConnection *self)
{
  return self->system;
}

gulong
tcw_qemu_connection_get_libvirt_version (TcwQemuConnection *self)
{
  return self->libvirt_version;
}

gulong
tcw_qemu_connection_get_qemu_version (TcwQemuConnection *self)
{
  return self->qemu_version;
}

const char *
tcw_qemu_connection_get_emulator (TcwQemuConnection *self)
{
  return EMULATOR;
}

char *
tcw_qemu_connection_get_pid_file (TcwQemuConnection *self, const char *name)
{
  g_autofree char *file = g_strdup_printf ("%s.pid", name);

  return self->embedded ? g_build_filename (self->root_path, "run", "qemu", file, NULL) : NULL;
}

void
tcw_qemu_connection_remove_log (TcwQemuConnection *self, const char *name)
{
  g_autofree char *file = g_strdup_printf ("%s.log", name);
  g_autofree char *path = self->embedded ? g_build_filename (self->root_path, "log", "qemu", file, NULL) : NULL;

  if (path != NULL && unlink (path) != 0 && errno != ENOENT)
    g_info ("cannot remove %s: %s", path, g_strerror (errno));
}

/*
 * Ends a domain that may be ending, or not yet be in libvirt's hands again: a process that lives on, or one that nobody reaps in time, is
 * tried once more. What is gone at last was ended.
 */
static gboolean
end_domain (virDomainPtr domain)
{
  gint64 deadline = g_get_monotonic_time () + END_LIMIT_US;

  while (g_get_monotonic_time () < deadline)
    {
      if (virDomainDestroy (domain) == 0 || virDomainIsActive (domain) != 1)
        return TRUE;
      g_usleep (END_INTERVAL_US);
    }
  return FALSE;
}

guint
tcw_qemu_connection_destroy_all (TcwQemuConnection *self, const char *prefix)
{
  virDomainPtr *domains = NULL;
  int n = virConnectListAllDomains (self->handle, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
  guint ended = 0;

  for (int i = 0; i < n; i++)
    {
      const char *name = virDomainGetName (domains[i]);

      if (g_str_has_prefix (name, prefix) && end_domain (domains[i]))
        ended++;
      else if (g_str_has_prefix (name, prefix))
        g_warning ("the virtual machine %s, left by a killed worker, can't be ended: %s", name, virGetLastErrorMessage ());
      virDomainFree (domains[i]);
    }
  free (domains);
  return ended;
}
