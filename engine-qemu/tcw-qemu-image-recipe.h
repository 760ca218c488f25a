/*
 * A recipe: a folder that says how an image is built. docs/images.md describes its files. A recipe can have another one as its base; both
 * are then applied, base first. All functions can be called from any thread.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct _TcwQemuImageRecipe TcwQemuImageRecipe;

/*
 * Reads the recipe in @folder, or, if that is NULL, in the folder of its name below @recipes. Bases are looked for below @recipes, then
 * beside the recipe. Free with tcw_qemu_image_recipe_free(). Errors: TCW_ERROR_USAGE when there is no such recipe (the message lists
 * those that there are), TCW_ERROR_MALFORMED_PAYLOAD when one isn't right (every violation, a line each).
 */
TcwQemuImageRecipe *tcw_qemu_image_recipe_load (const char *name, const char *folder, const char *recipes, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void tcw_qemu_image_recipe_free (TcwQemuImageRecipe *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuImageRecipe, tcw_qemu_image_recipe_free)

const char *tcw_qemu_image_recipe_get_name (TcwQemuImageRecipe *self);

/* Returns (transfer full) the folders of the recipe and its bases, absolute, the first base first, a line each. */
char *tcw_qemu_image_recipe_dup_chain (TcwQemuImageRecipe *self) G_GNUC_WARN_UNUSED_RESULT;

const char *tcw_qemu_image_recipe_get_kind (TcwQemuImageRecipe *self);  /* "initramfs" or "disk" */
const char *tcw_qemu_image_recipe_get_suite (TcwQemuImageRecipe *self); /* NULL if it gives none */
guint64 tcw_qemu_image_recipe_get_disk_size (TcwQemuImageRecipe *self); /* bytes; 0: none */

/*
 * Returns (transfer full) the text of the manifest of an image that was built by the recipe: @folder has the finished files vmlinuz,
 * initrd and, for a disk, disk.qcow2. @created is in seconds since 1970. Reads all files. Errors: as in tcw-fs.h.
 */
char *tcw_qemu_image_recipe_make_manifest (TcwQemuImageRecipe *self, const char *folder, gint64 created, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
