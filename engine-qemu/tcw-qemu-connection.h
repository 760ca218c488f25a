/*
 * The one libvirt connection of the process: opening it, its events on the GLib main loop, and what is known of the host
 * behind it. Shared by all threads; libvirt's handles are thread-safe.
 */
#pragma once

#include <gio/gio.h>

#include "tcw-qemu-libvirt.h"
#include "tcw-qemu-root.h"

G_BEGIN_DECLS

#define TCW_QEMU_TYPE_CONNECTION (tcw_qemu_connection_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuConnection, tcw_qemu_connection, TCW_QEMU, CONNECTION, GObject)

/*
 * Opens @uri. "qemu:///embed" runs libvirt's QEMU driver in this process, in @root; other URIs reach a libvirt daemon and
 * take no root. libvirt's events are delivered by the default main context, which must be iterated, by another thread than
 * the callers of blocking functions, as long as the connection lives. Errors: TCW_ERROR_FATAL with what to install or start.
 */
TcwQemuConnection *tcw_qemu_connection_open (const char *uri, TcwQemuRoot *root, GError **error);

virConnectPtr tcw_qemu_connection_get_handle (TcwQemuConnection *self);

/* TRUE when QEMU processes are children of this process (embedded driver). */
gboolean tcw_qemu_connection_is_embedded (TcwQemuConnection *self);

/* TRUE when libvirt runs as root and so must be told as which user QEMU is to run (qemu:///system). */
gboolean tcw_qemu_connection_is_system (TcwQemuConnection *self);

/* Versions as libvirt counts them: major * 1,000,000 + minor * 1,000 + release. */
gulong tcw_qemu_connection_get_libvirt_version (TcwQemuConnection *self);
gulong tcw_qemu_connection_get_qemu_version (TcwQemuConnection *self);

/* Path of the emulator binary that libvirt uses for x86_64 guests. */
const char *tcw_qemu_connection_get_emulator (TcwQemuConnection *self);

/* Path of the file in which libvirt keeps the pid of domain @name's QEMU; NULL unless embedded. Free with g_free(). */
char *tcw_qemu_connection_get_pid_file (TcwQemuConnection *self, const char *name);

/* Removes the file in which libvirt logs how it started domain @name, of which it makes one for each name. Nothing, unless embedded. */
void tcw_qemu_connection_remove_log (TcwQemuConnection *self, const char *name);

/* Ends every domain whose name starts with @prefix; returns how many there were. For leftovers of a process that was killed. */
guint tcw_qemu_connection_destroy_all (TcwQemuConnection *self, const char *prefix);

/*
 * "vm-stopped": (const char *name, const char *how), in the main context, when a domain has ended. @how is one of
 * "shutdown" (the guest powered itself off, or asked for a reboot), "destroyed" (by libvirt for us), "failed" (QEMU died).
 * "vm-io-error": (const char *name, const char *reason), when a guest was stopped because its disk can't be written.
 * "vm-monitor-event": (const char *name, const char *event, const char *details_json).
 */

G_END_DECLS
