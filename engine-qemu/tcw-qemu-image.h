/*
 * An image: a folder with a manifest (image.json) and the files that it lists, never written again. An object of this type has found
 * the manifest valid and the files as the manifest says, and, for an image of the store, keeps it from being removed.
 *
 * Immutable; all functions can be called from any thread. What getters return belongs to the image.
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "base/tcw-file-lock.h"

G_BEGIN_DECLS

typedef struct _TcwQemuImage TcwQemuImage;

/*
 * Opens the image in @folder. Sizes, and for a qcow2 disk its header, are checked always; digests when the files aren't those that were
 * checked last (size, time, inode; noted in the file .verified beside them), which reads all of them. @lock (transfer full, also
 * on failure; may be NULL) is held as long as the image lives.
 *
 * Errors: TCW_ERROR_MALFORMED_PAYLOAD when there is no image, or the manifest or a file is not right (every violation, a line each);
 * TCW_ERROR_CANCELLED.
 */
TcwQemuImage *tcw_qemu_image_open (const char *folder, TcwFileLock *lock, GCancellable *cancellable, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

TcwQemuImage *tcw_qemu_image_ref (TcwQemuImage *self);
void tcw_qemu_image_unref (TcwQemuImage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuImage, tcw_qemu_image_unref)

/* Reads all files and compares their digests with the manifest's. Errors: as tcw_qemu_image_open(), naming every wrong file. */
gboolean tcw_qemu_image_verify (TcwQemuImage *self, GCancellable *cancellable, GError **error);

const char *tcw_qemu_image_get_name (TcwQemuImage *self);
const char *tcw_qemu_image_get_description (TcwQemuImage *self); /* may be empty */
const char *tcw_qemu_image_get_created (TcwQemuImage *self);     /* RFC 3339 */

/* The SHA-256 of the manifest's bytes, 64 hexadecimal digits. Since the manifest has the files' digests, it stands for all content. */
const char *tcw_qemu_image_get_digest (TcwQemuImage *self);

const char *tcw_qemu_image_get_folder (TcwQemuImage *self);      /* absolute, without symbolic links */
const char *tcw_qemu_image_get_kernel_path (TcwQemuImage *self); /* absolute, as all paths */
const char *tcw_qemu_image_get_initrd_path (TcwQemuImage *self); /* NULL: none */
const char *tcw_qemu_image_get_cmdline (TcwQemuImage *self);     /* may be empty */

/* The command to run in the guest as root once the agent is up: when it ends, the guest has come up altogether. NULL: it has already. */
const char *const *tcw_qemu_image_get_ready_command (TcwQemuImage *self);

const char *tcw_qemu_image_get_disk_path (TcwQemuImage *self);   /* NULL: no disk */
const char *tcw_qemu_image_get_disk_format (TcwQemuImage *self); /* "qcow2" or "raw"; NULL: no disk */
guint64 tcw_qemu_image_get_disk_size (TcwQemuImage *self);       /* bytes that the guest sees; 0: no disk */

/* The partial machine definition (tcw-qemu-machine.h), or NULL. */
JsonObject *tcw_qemu_image_get_machine (TcwQemuImage *self);

/* What a task's command gets when the task doesn't say otherwise. User and folder: NULL if the manifest gives none. */
const char *tcw_qemu_image_get_exec_user (TcwQemuImage *self);
const char *tcw_qemu_image_get_exec_workdir (TcwQemuImage *self);
const char *const *tcw_qemu_image_get_exec_entrypoint (TcwQemuImage *self); /* comes before the command; may be empty, never NULL */
const char *const *tcw_qemu_image_get_exec_environ (TcwQemuImage *self);    /* "NAME=value" each; may be empty, never NULL */

/* The bytes of all files together. */
guint64 tcw_qemu_image_get_size (TcwQemuImage *self);

/* The whole manifest; not to be changed. */
JsonNode *tcw_qemu_image_get_manifest (TcwQemuImage *self);

G_END_DECLS
