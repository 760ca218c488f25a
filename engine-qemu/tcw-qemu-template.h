/*
 * Templates: an image booted once, frozen, and forked from then on. A template is a cache entry: its key is the digest of all that
 * it depends on (image, machine, accelerator, CPU, QEMU, libvirt, the domain that we would write), so a stale one is simply not
 * found; a damaged or half-made one is made anew, never used.
 *
 *   STATE/templates/KEY/template.json   what it was made from; size, times and digest of each file
 *   STATE/templates/KEY/ram             the guest's RAM, mapped privately by each fork
 *   STATE/templates/KEY/state           the devices' state
 *   STATE/templates/KEY/disk.qcow2      the disk's layer, on the image's disk (images with a disk)
 *   STATE/templates/KEY.lock            shared by who forks from it, exclusive for who makes it
 */
#pragma once

#include <gio/gio.h>

#include "engine/tcw-task-log.h"
#include "tcw-qemu-host.h"
#include "tcw-qemu-image.h"

G_BEGIN_DECLS

typedef struct _TcwQemuTemplate TcwQemuTemplate;

/*
 * Finds the template for @image on @machine; boots and freezes one if there is none that is sound, once even if several processes
 * ask. What takes long is told to @log (may be NULL). Blocks up to the boot's time limit. The template can't be replaced
 * while this object lives. Thread: any, with its thread-default context.
 * Errors: those of the boot; TCW_ERROR_CANCELLED.
 */
TcwQemuTemplate *tcw_qemu_template_require (TcwQemuHost *host, TcwQemuImage *image, const TcwQemuMachine *machine, TcwTaskLog *log,
                                            GCancellable *cancellable, GError **error);

void tcw_qemu_template_free (TcwQemuTemplate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuTemplate, tcw_qemu_template_free)

/* It turned out to be of no use: whoever requires it next makes it anew. Those who have it keep it. */
void tcw_qemu_template_discard (TcwQemuTemplate *self);

const char *tcw_qemu_template_get_key (TcwQemuTemplate *self);
const char *tcw_qemu_template_get_ram_path (TcwQemuTemplate *self);
const char *tcw_qemu_template_get_state_path (TcwQemuTemplate *self);
const char *tcw_qemu_template_get_disk_path (TcwQemuTemplate *self); /* NULL: the image has no disk */

/* Microseconds that making it took, if it was made just now, else 0. */
gint64 tcw_qemu_template_get_build_time (TcwQemuTemplate *self);

G_END_DECLS
