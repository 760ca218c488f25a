/* Finding, reading and merging recipes, and the manifest of what they make; see tcw-qemu-image-recipe.h. */
#include "tcw-qemu-image-recipe.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"
#include "base/tcw-json.h"
#include "tcw-qemu-image-manifest.h"

/* More is a circle of bases, most probably. */
#define MAX_BASES 8

struct _TcwQemuImageRecipe {
  char *name;
  GPtrArray *folders; /* of char *, NULL-terminated once loaded */
  JsonNode *merged;
  JsonObject *root; /* belongs to merged */
};

void
tcw_qemu_image_recipe_free (TcwQemuImageRecipe *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  g_ptr_array_unref (self->folders);
  g_clear_pointer (&self->merged, json_node_unref);
  g_free (self);
}

static gboolean
has_recipe (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, TCW_QEMU_IMAGE_RECIPE, NULL);

  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static void
fail_unknown (const char *name, const char *recipes, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);
  g_autoptr (GDir) dir = g_dir_open (recipes, 0, NULL);
  const char *entry;

  while (dir != NULL && (entry = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *folder = g_build_filename (recipes, entry, NULL);

      if (has_recipe (folder))
        g_string_append_printf (known, "%s%s", known->len > 0 ? ", " : "", entry);
    }
  g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "there is no recipe “%s” in “%s”; known recipes: %s", name, recipes,
               known->len > 0 ? known->str : "none");
}

/* Returns (transfer full) the folder of the recipe @name, looked for in @recipes and then beside @sibling (nullable). */
static char *
find_folder (const char *name, const char *recipes, const char *sibling, GError **error)
{
  g_autofree char *parent = sibling != NULL ? g_path_get_dirname (sibling) : NULL;
  g_autofree char *folder = NULL;

  if (tcw_qemu_image_name_is_valid (name))
    {
      folder = g_build_filename (recipes, name, NULL);
      if (has_recipe (folder))
        return g_steal_pointer (&folder);
      g_free (folder);
      folder = parent != NULL ? g_build_filename (parent, name, NULL) : NULL;
      if (folder != NULL && has_recipe (folder))
        return g_steal_pointer (&folder);
    }
  fail_unknown (name, recipes, error);
  return NULL;
}

/* Reads the recipe in @folder and puts what was read before, which is built upon it, over it. */
static gboolean
add_folder (TcwQemuImageRecipe *self, const char *folder, GError **error)
{
  TcwJsonLimits limits = { .max_bytes = TCW_QEMU_IMAGE_MANIFEST_MAX, .max_depth = 16, .max_nodes = 10000 };
  g_autofree char *path = g_build_filename (folder, TCW_QEMU_IMAGE_RECIPE, NULL);
  g_autoptr (JsonNode) part = tcw_json_load_file (path, &limits, error);
  JsonNode *merged;

  if (part == NULL)
    return FALSE;
  if (!tcw_qemu_image_recipe_check (part, TRUE, TCW_QEMU_IMAGE_RECIPE, error))
    {
      g_prefix_error (error, "the recipe in “%s” is wrong:\n", folder);
      return FALSE;
    }
  merged = self->merged != NULL ? tcw_json_merge (part, self->merged) : tcw_json_copy (part);
  g_clear_pointer (&self->merged, json_node_unref);
  self->merged = merged;
  self->root = json_node_get_object (merged);
  g_ptr_array_insert (self->folders, 0, g_strdup (folder));
  return TRUE;
}

/* The base of the recipe in @folder alone, not of what was merged. */
static char *
dup_base (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, TCW_QEMU_IMAGE_RECIPE, NULL);
  g_autoptr (JsonNode) part = tcw_json_load_file (path, NULL, NULL);

  if (part == NULL || !JSON_NODE_HOLDS_OBJECT (part))
    return NULL;
  return g_strdup (tcw_json_get_string_or (json_node_get_object (part), "recipe.base", NULL));
}

static gboolean
load_chain (TcwQemuImageRecipe *self, const char *folder, const char *recipes, GError **error)
{
  g_autofree char *next = g_canonicalize_filename (folder, NULL);

  while (next != NULL)
    {
      g_autofree char *base = NULL;
      g_autofree char *current = g_steal_pointer (&next);

      if (self->folders->len > MAX_BASES)
        {
          g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "the recipe “%s” has more than %d bases, or they go in a circle",
                       self->name, MAX_BASES);
          return FALSE;
        }
      if (!add_folder (self, current, error))
        return FALSE;
      base = dup_base (current);
      next = base != NULL ? find_folder (base, recipes, current, error) : NULL;
      if (base != NULL && next == NULL)
        {
          g_prefix_error (error, "the base of the recipe in “%s”: ", current);
          return FALSE;
        }
    }
  g_ptr_array_add (self->folders, NULL);
  return tcw_qemu_image_recipe_check (self->merged, FALSE, TCW_QEMU_IMAGE_RECIPE, error);
}

TcwQemuImageRecipe *
tcw_qemu_image_recipe_load (const char *name, const char *folder, const char *recipes, GError **error)
{
  g_autoptr (TcwQemuImageRecipe) self = g_new0 (TcwQemuImageRecipe, 1);
  g_autofree char *base = g_canonicalize_filename (recipes, NULL);
  g_autofree char *found = NULL;

  self->name = g_strdup (name);
  self->folders = g_ptr_array_new_with_free_func (g_free);
  if (!tcw_qemu_image_name_is_valid (name))
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE,
                   "“%s” is no name for an image: lower-case letters, digits and “._-”, beginning with a letter or digit, at most 63",
                   name);
      return NULL;
    }
  found = folder != NULL ? g_strdup (folder) : find_folder (name, base, NULL, error);
  if (found == NULL || !load_chain (self, found, base, error))
    return NULL;
  return g_steal_pointer (&self);
}

const char *
tcw_qemu_image_recipe_get_name (TcwQemuImageRecipe *self)
{
  return self->name;
}

char *
tcw_qemu_image_recipe_dup_chain (TcwQemuImageRecipe *self)
{
  return g_strjoinv ("\n", (char **) self->folders->pdata);
}

const char *
tcw_qemu_image_recipe_get_kind (TcwQemuImageRecipe *self)
{
  return tcw_json_get_string_or (self->root, "recipe.kind", "");
}

const char *
tcw_qemu_image_recipe_get_suite (TcwQemuImageRecipe *self)
{
  return tcw_json_get_string_or (self->root, "recipe.suite", NULL);
}

guint64
tcw_qemu_image_recipe_get_disk_size (TcwQemuImageRecipe *self)
{
  return (guint64) tcw_json_get_int_or (self->root, "disk.virtualSize", 0);
}

/* Adds size and digest of one finished file, and its name at @object's @key. */
static gboolean
add_file (JsonObject *files, const char *folder, const char *name, JsonObject *object, const char *key, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *sha256 = tcw_fs_sha256 (path, NULL, error);
  JsonObject *entry;
  struct stat st;

  if (sha256 == NULL)
    return FALSE;
  if (stat (path, &st) != 0)
    return tcw_fs_fail (error, errno, "cannot look at “%s”", path);
  entry = json_object_new ();
  json_object_set_int_member (entry, "size", (gint64) st.st_size);
  json_object_set_string_member (entry, "sha256", sha256);
  json_object_set_object_member (files, name, entry);
  json_object_set_string_member (object, key, name);
  return TRUE;
}

/* The object at @key, made if it is missing. */
static JsonObject *
ensure_object (JsonObject *root, const char *key)
{
  if (!json_object_has_member (root, key))
    json_object_set_object_member (root, key, json_object_new ());
  return json_object_get_object_member (root, key);
}

static gboolean
add_files (TcwQemuImageRecipe *self, JsonObject *manifest, const char *folder, GError **error)
{
  JsonObject *boot = ensure_object (manifest, "boot");
  JsonObject *files = ensure_object (manifest, "files");
  JsonObject *disk;

  if (!add_file (files, folder, "vmlinuz", boot, "kernel", error) || !add_file (files, folder, "initrd", boot, "initrd", error))
    return FALSE;
  if (!g_str_equal (tcw_qemu_image_recipe_get_kind (self), "disk"))
    return TRUE;
  disk = ensure_object (manifest, "disk");
  json_object_set_string_member (disk, "format", "qcow2");
  return add_file (files, folder, "disk.qcow2", disk, "file", error);
}

char *
tcw_qemu_image_recipe_make_manifest (TcwQemuImageRecipe *self, const char *folder, gint64 created, GError **error)
{
  g_autoptr (JsonNode) node = tcw_json_copy (self->merged);
  JsonObject *manifest = json_node_get_object (node);
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (created);
  g_autofree char *created_text = g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ");
  g_autofree char *text = NULL;

  json_object_set_int_member (manifest, "version", 1);
  json_object_set_string_member (manifest, "name", self->name);
  json_object_set_string_member (manifest, "created", created_text);
  if (!add_files (self, manifest, folder, error))
    return NULL;
  text = tcw_json_to_string (node, TCW_JSON_PRETTY);
  return g_strconcat (text, "\n", NULL);
}
