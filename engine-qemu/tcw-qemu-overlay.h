/*
 * qcow2 overlays: thin writable disks on immutable layers. Formats are always given, never probed from what a guest wrote.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Makes the new file @path, a qcow2 overlay on @backing (of @backing_format, "qcow2" or "raw"), @size bytes for the guest. Runs qemu-img.
 * Errors: TCW_ERROR_RESOURCE_UNAVAILABLE, TCW_ERROR_INTERNAL, TCW_ERROR_CANCELLED.
 */
gboolean tcw_qemu_overlay_create (const char *path, const char *backing, const char *backing_format, guint64 size,
                                  GCancellable *cancellable, GError **error);

G_END_DECLS
