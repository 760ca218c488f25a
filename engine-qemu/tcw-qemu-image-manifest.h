/*
 * The manifest of an image, image.json, and of a recipe, image.json.in: what may stand in them. docs/images.md describes every key.
 * All functions can be called from any thread.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The manifest's file name in an image's folder, and the name of its unfinished form in a recipe's folder. */
#define TCW_QEMU_IMAGE_MANIFEST "image.json"
#define TCW_QEMU_IMAGE_RECIPE "image.json.in"

/* The most bytes that a manifest may have. */
#define TCW_QEMU_IMAGE_MANIFEST_MAX (1024 * 1024)

/* Whether @name is one that an image can have: lower-case letters, digits and "._-", beginning with a letter or digit, at most 63. */
gboolean tcw_qemu_image_name_is_valid (const char *name);

/*
 * Reads a manifest; @source stands in errors for where the text came from. Returns (transfer full) an object that has all required keys
 * with the right types, and whose boot and disk files are listed in its files. Errors: TCW_ERROR_MALFORMED_PAYLOAD with every
 * violation, a line each.
 */
JsonNode *tcw_qemu_image_manifest_parse (const char *text, gssize len, const char *source, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a recipe's image.json.in. With @is_part what is required may be missing, because another recipe is its base. */
gboolean tcw_qemu_image_recipe_check (JsonNode *recipe, gboolean is_part, const char *source, GError **error);

G_END_DECLS
