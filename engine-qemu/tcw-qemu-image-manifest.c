/* Schemas of image manifests and recipes, and what a schema can't say; see tcw-qemu-image-manifest.h. */
#include "tcw-qemu-image-manifest.h"

#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json.h"
#include "base/tcw-schema.h"
#include "tcw-qemu-machine.h"

#define NAME_MAX_LENGTH 63

/* Definitions that both schemas refer to; the machine's own schema comes in between. */
#define DEFINITIONS_HEAD \
  "\"definitions\": {" \
  "  \"name\": { \"type\": \"string\", \"pattern\": \"^[a-z0-9][a-z0-9._-]{0,62}$\", \"description\": \"name of an image\" }," \
  "  \"file\": { \"type\": \"string\", \"pattern\": \"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$\"," \
  "    \"description\": \"plain name of a file in the image's folder\" }," \
  "  \"text\": { \"type\": \"string\", \"maxLength\": 1000, \"pattern\": \"^[^\\\\x00-\\\\x1f\\\\x7f]*$\" }," \
  "  \"cmdline\": { \"type\": \"string\", \"maxLength\": 2000, \"pattern\": \"^[ -~]*$\"," \
  "    \"description\": \"the kernel's command line\" }," \
  "  \"argv\": { \"type\": \"array\", \"maxItems\": 64, \"items\": { \"type\": \"string\", \"maxLength\": 4096 } }," \
  "  \"size\": { \"type\": \"integer\", \"minimum\": 1048576, \"maximum\": 70368744177664, \"description\": \"bytes\" }," \
  "  \"recipe\": { \"type\": \"object\", \"additionalProperties\": false, \"properties\": {" \
  "    \"kind\": { \"enum\": [\"initramfs\", \"disk\"], \"description\": \"how the image is built\" }," \
  "    \"base\": { \"$ref\": \"#/definitions/name\" }," \
  "    \"suite\": { \"type\": \"string\", \"pattern\": \"^[a-z][a-z0-9-]{0,31}$\", \"description\": \"suite of the distribution\" } } }," \
  "  \"exec\": { \"type\": \"object\", \"additionalProperties\": false, \"properties\": {" \
  "    \"user\": { \"type\": \"string\", \"pattern\": \"^[a-z_][a-z0-9_-]{0,31}$\", \"description\": \"user of a task's command\" }," \
  "    \"workdir\": { \"type\": \"string\", \"pattern\": \"^/\", \"maxLength\": 1024, \"description\": \"folder of a task's command\" }," \
  "    \"entrypoint\": { \"$ref\": \"#/definitions/argv\" }," \
  "    \"env\": { \"type\": \"object\", \"maxProperties\": 256, \"propertyNames\": { \"pattern\": \"^[A-Za-z_][A-Za-z0-9_]{0,127}$\" }," \
  "      \"additionalProperties\": { \"type\": \"string\", \"maxLength\": 32768 } } } }," \
  "  \"machine\": "

#define SCHEMA_HEAD "{ \"type\": \"object\", \"additionalProperties\": false, "

#define MANIFEST_BODY \
  "}, \"required\": [\"version\", \"name\", \"created\", \"boot\", \"files\"], \"properties\": {" \
  "  \"version\": { \"const\": 1 }," \
  "  \"name\": { \"$ref\": \"#/definitions/name\" }," \
  "  \"description\": { \"$ref\": \"#/definitions/text\" }," \
  "  \"created\": { \"type\": \"string\", \"format\": \"date-time\" }," \
  "  \"recipe\": { \"$ref\": \"#/definitions/recipe\" }," \
  "  \"boot\": { \"type\": \"object\", \"additionalProperties\": false, \"required\": [\"kernel\"], \"properties\": {" \
  "    \"kernel\": { \"$ref\": \"#/definitions/file\" }," \
  "    \"initrd\": { \"$ref\": \"#/definitions/file\" }," \
  "    \"cmdline\": { \"$ref\": \"#/definitions/cmdline\" }," \
  "    \"ready\": { \"$ref\": \"#/definitions/argv\" } } }," \
  "  \"disk\": { \"type\": \"object\", \"additionalProperties\": false, \"required\": [\"file\", \"format\", \"virtualSize\"]," \
  "    \"properties\": {" \
  "      \"file\": { \"$ref\": \"#/definitions/file\" }," \
  "      \"format\": { \"enum\": [\"qcow2\", \"raw\"] }," \
  "      \"virtualSize\": { \"$ref\": \"#/definitions/size\" } } }," \
  "  \"machine\": { \"$ref\": \"#/definitions/machine\" }," \
  "  \"exec\": { \"$ref\": \"#/definitions/exec\" }," \
  "  \"files\": { \"type\": \"object\", \"minProperties\": 1, \"maxProperties\": 16," \
  "    \"propertyNames\": { \"$ref\": \"#/definitions/file\" }," \
  "    \"additionalProperties\": { \"type\": \"object\", \"additionalProperties\": false, \"required\": [\"size\", \"sha256\"]," \
  "      \"properties\": {" \
  "        \"size\": { \"type\": \"integer\", \"minimum\": 0 }," \
  "        \"sha256\": { \"type\": \"string\", \"pattern\": \"^[0-9a-f]{64}$\" } } } } } }"

#define RECIPE_BODY \
  "}, \"properties\": {" \
  "  \"version\": { \"const\": 1 }," \
  "  \"description\": { \"$ref\": \"#/definitions/text\" }," \
  "  \"recipe\": { \"$ref\": \"#/definitions/recipe\" }," \
  "  \"boot\": { \"type\": \"object\", \"additionalProperties\": false, \"properties\": {" \
  "    \"cmdline\": { \"$ref\": \"#/definitions/cmdline\" }," \
  "    \"ready\": { \"$ref\": \"#/definitions/argv\" } } }," \
  "  \"disk\": { \"type\": \"object\", \"additionalProperties\": false, \"properties\": {" \
  "    \"virtualSize\": { \"$ref\": \"#/definitions/size\" } } }," \
  "  \"machine\": { \"$ref\": \"#/definitions/machine\" }," \
  "  \"exec\": { \"$ref\": \"#/definitions/exec\" } } }"

gboolean
tcw_qemu_image_name_is_valid (const char *name)
{
  gsize len = strlen (name);

  if (len == 0 || len > NAME_MAX_LENGTH || !(g_ascii_islower (name[0]) || g_ascii_isdigit (name[0])))
    return FALSE;
  return strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static gboolean
check_schema (const char *body, JsonNode *node, const char *source, GPtrArray *violations, GError **error)
{
  g_autofree char *text = g_strconcat (SCHEMA_HEAD, DEFINITIONS_HEAD, tcw_qemu_machine_schema, body, NULL);
  g_autoptr (TcwSchema) schema = tcw_schema_new_from_string (text, -1, "image manifest schema", error);

  if (schema == NULL)
    return FALSE;
  tcw_schema_validate (schema, node, source, violations);
  return TRUE;
}

static gboolean
report (GPtrArray *violations, GError **error)
{
  g_autofree char *lines = NULL;

  if (violations->len == 0)
    return TRUE;
  g_ptr_array_add (violations, NULL);
  lines = g_strjoinv ("\n", (char **) violations->pdata);
  g_set_error_literal (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, lines);
  return FALSE;
}

/* Whatever a key names as a file must be among the files, because only those are checked. */
static void
check_file_reference (JsonObject *manifest, const char *path, const char *source, GPtrArray *violations)
{
  const char *name = tcw_json_get_string_or (manifest, path, NULL);

  if (name == NULL)
    return;
  if (!json_object_has_member (json_object_get_object_member (manifest, "files"), name))
    g_ptr_array_add (violations, g_strdup_printf ("%s.%s: must be one of the image's files, is \"%s\"", source, path, name));
}

JsonNode *
tcw_qemu_image_manifest_parse (const char *text, gssize len, const char *source, GError **error)
{
  TcwJsonLimits limits = { .max_bytes = TCW_QEMU_IMAGE_MANIFEST_MAX, .max_depth = 16, .max_nodes = 10000 };
  g_autoptr (JsonNode) node = tcw_json_parse (text, len, source, &limits, error);
  g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);
  JsonObject *manifest = NULL;

  if (node == NULL || !check_schema (MANIFEST_BODY, node, source, violations, error))
    return NULL;
  if (violations->len == 0)
    {
      manifest = json_node_get_object (node);
      check_file_reference (manifest, "boot.kernel", source, violations);
      check_file_reference (manifest, "boot.initrd", source, violations);
      check_file_reference (manifest, "disk.file", source, violations);
      if (json_object_has_member (json_object_get_object_member (manifest, "files"), TCW_QEMU_IMAGE_MANIFEST))
        g_ptr_array_add (violations, g_strdup_printf ("%s.files: must not list the manifest itself", source));
    }
  return report (violations, error) ? g_steal_pointer (&node) : NULL;
}

gboolean
tcw_qemu_image_recipe_check (JsonNode *recipe, gboolean is_part, const char *source, GError **error)
{
  g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);
  JsonObject *object;
  const char *kind;

  if (!check_schema (RECIPE_BODY, recipe, source, violations, error))
    return FALSE;
  if (violations->len == 0 && !is_part)
    {
      object = json_node_get_object (recipe);
      kind = tcw_json_get_string_or (object, "recipe.kind", NULL);
      if (kind == NULL)
        g_ptr_array_add (violations, g_strdup_printf ("%s.recipe.kind: is required (or recipe.base, which says it)", source));
      if (g_strcmp0 (kind, "disk") == 0 && tcw_json_lookup (object, "disk.virtualSize") == NULL)
        g_ptr_array_add (violations, g_strdup_printf ("%s.disk.virtualSize: is required for an image with a disk", source));
      if (g_strcmp0 (kind, "disk") == 0 && tcw_json_lookup (object, "recipe.suite") == NULL)
        g_ptr_array_add (violations, g_strdup_printf ("%s.recipe.suite: is required for an image with a disk", source));
      if (g_strcmp0 (kind, "initramfs") == 0 && tcw_json_lookup (object, "disk") != NULL)
        g_ptr_array_add (violations, g_strdup_printf ("%s.disk: an image of the kind initramfs has none", source));
    }
  return report (violations, error);
}
