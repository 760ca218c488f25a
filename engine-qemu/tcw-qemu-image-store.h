/*
 * The images of a worker, by name.
 *
 *   FOLDER/NAME/current     the version that NAME stands for now: the first 16 digits of an image's digest
 *   FOLDER/NAME/VERSION/    an image (tcw-qemu-image.h) and .lock, which its users share
 *   FOLDER/.import-XXXXXX/  an image that is being copied in, with .lock held
 *   FOLDER/.lock            held exclusively while names change, shared while a copy begins
 *
 * A new version comes beside the old one, which stays until its last user is gone. So the paths of an opened image stay good. Several
 * processes can use one store. All functions can be called from any thread; they block on disk only.
 */
#pragma once

#include "tcw-qemu-image.h"

G_BEGIN_DECLS

typedef struct _TcwQemuImageStore TcwQemuImageStore;

/*
 * Opens the store in @folder, which is made when it is missing, and removes what crashes and replaced versions left. Images
 * that came from it stay good without it. Errors: as in tcw-fs.h.
 */
TcwQemuImageStore *tcw_qemu_image_store_new (const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
TcwQemuImageStore *tcw_qemu_image_store_ref (TcwQemuImageStore *self);
void tcw_qemu_image_store_unref (TcwQemuImageStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuImageStore, tcw_qemu_image_store_unref)

/*
 * Returns (transfer full) the image of that name, which can't be removed as long as it is held. With a slash in it, @name_or_path is a
 * folder with an image of its own, used in place and without a lock. Errors: TCW_ERROR_MALFORMED_PAYLOAD for an unknown or damaged image;
 * the message lists the known ones and how to build one.
 */
TcwQemuImage *tcw_qemu_image_store_lookup (TcwQemuImageStore *self, const char *name_or_path, GCancellable *cancellable, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Returns (transfer full) the names of all images in alphabetical order, also of damaged ones; free with g_strfreev(). */
char **tcw_qemu_image_store_list (TcwQemuImageStore *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Removes an image. Errors: TCW_ERROR_MALFORMED_PAYLOAD when it is unknown, TCW_ERROR_RESOURCE_UNAVAILABLE while somebody uses it, in this
 * process or another.
 */
gboolean tcw_qemu_image_store_remove (TcwQemuImageStore *self, const char *name, GError **error);

/*
 * Copies the image in @folder (a manifest and the files that it lists; nothing else is looked at) into the store, under the name in its
 * manifest, and checks all digests. From then on the name stands for it. Returns (transfer full) the image as it is in the store.
 * After a failure the store is as it was. Errors: TCW_ERROR_MALFORMED_PAYLOAD when the image is not right, TCW_ERROR_CANCELLED, or as
 * in tcw-fs.h.
 */
TcwQemuImage *tcw_qemu_image_store_import (TcwQemuImageStore *self, const char *folder, GCancellable *cancellable, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The store's folder; belongs to the store. */
const char *tcw_qemu_image_store_get_folder (TcwQemuImageStore *self);

G_END_DECLS
