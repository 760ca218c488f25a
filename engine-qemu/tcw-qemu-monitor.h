/*
 * What we ask of QEMU's monitor through libvirt, because libvirt has no words for it: saving and loading a device state whose
 * RAM is a file that both sides map (migration capability x-ignore-shared).
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "tcw-qemu-libvirt.h"

G_BEGIN_DECLS

/*
 * Runs one QMP command, a JSON object as text, giving QEMU @fd beside it when that is not -1. Returns (transfer full) the
 * value of "return", or NULL with TCW_ERROR_INTERNAL and QEMU's own description.
 */
JsonNode *tcw_qemu_monitor_command (virDomainPtr domain, const char *command, int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* See tcw_qemu_vm_save_state() and tcw_qemu_vm_load_state(). */
gboolean tcw_qemu_monitor_save_state (virDomainPtr domain, const char *path, gint64 deadline, GCancellable *cancellable, GError **error);
gboolean tcw_qemu_monitor_load_state (virDomainPtr domain, const char *path, gint64 deadline, GCancellable *cancellable, GError **error);

G_END_DECLS
