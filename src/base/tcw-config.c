/* The worker's configuration; see tcw-config.h. The schema of its own keys is config-worker.json, a resource of this library. */
#include "base/tcw-config.h"

#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "base-resources.h"
#include "base/tcw-duration.h"
#include "base/tcw-error.h"
#include "base/tcw-json.h"
#include "base/tcw-schema.h"
#include "base/tcw-yaml.h"

#define RESOURCES "/taskcluster-worker/base/"

struct _TcwConfig {
  gatomicrefcount refs;
  char *path;
  char *state_directory;
  JsonNode *root;
};

static char *
load_resource (const char *name)
{
  g_autofree char *path = g_strconcat (RESOURCES, name, NULL);
  g_autoptr (GBytes) bytes = g_resource_lookup_data (base_get_resource (), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  g_return_val_if_fail (bytes != NULL, NULL);
  return g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

TcwConfigSection *
tcw_config_section_new_qemu (void)
{
  TcwConfigSection *self = g_new0 (TcwConfigSection, 1);

  self->place = "engines.qemu";
  self->owner = "engine qemu";
  self->schema = load_resource ("config-qemu.json");
  return self;
}

void
tcw_config_section_free (TcwConfigSection *self)
{
  if (self == NULL)
    return;
  g_free ((gpointer) (guintptr) self->schema);
  g_free (self);
}

static JsonNode *
parse_schema (const char *owner, const char *text, GError **error)
{
  g_autoptr (GError) parse_error = NULL;
  JsonNode *node = tcw_json_parse (text, -1, owner, NULL, &parse_error);

  if (node == NULL)
    g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "the schema of %s is wrong: %s", owner, parse_error->message);
  return node;
}

/* The worker's own keys with those of the sections at the top. */
static JsonNode *
merge_top (const TcwConfigSection *sections, gsize n_sections, GError **error)
{
  g_autofree char *own_text = load_resource ("config-worker.json");
  g_autoptr (GPtrArray) nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) json_node_unref);
  g_autoptr (GArray) parts = g_array_new (FALSE, FALSE, sizeof (TcwSchemaPart));

  for (gsize i = 0; i <= n_sections; i++)
    {
      const char *owner = i == 0 ? "the worker" : sections[i - 1].owner;
      TcwSchemaPart part = { .owner = owner };

      if (i > 0 && *sections[i - 1].place != '\0')
        continue;
      part.schema = parse_schema (owner, i == 0 ? own_text : sections[i - 1].schema, error);
      if (part.schema == NULL)
        return NULL;
      g_ptr_array_add (nodes, part.schema);
      g_array_append_val (parts, part);
    }
  return tcw_schema_merge_properties (&g_array_index (parts, TcwSchemaPart, 0), parts->len, error);
}

/* Puts @schema (transfer full) where @section's place is in @merged, the schema of the file. */
static gboolean
put_section_schema (JsonNode *merged, const TcwConfigSection *section, JsonNode *schema, GError **error)
{
  const char *dot = strchr (section->place, '.');
  g_autofree char *parent = g_strndup (section->place, (gsize) (dot - section->place));
  g_autofree char *path = g_strdup_printf ("properties.%s.properties", parent);
  JsonNode *properties = tcw_json_lookup (json_node_get_object (merged), path);

  if (properties != NULL && strchr (dot + 1, '.') == NULL)
    {
      json_object_set_member (json_node_get_object (properties), dot + 1, schema);
      return TRUE;
    }
  json_node_unref (schema);
  g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "the configuration of %s has no place “%s”", section->owner, section->place);
  return FALSE;
}

/*
 * The schema of the file. With @whole the sections below the top are in their places; without, anything is fine there, for each is looked
 * at by a schema of its own.
 */
static JsonNode *
merge_schema (const TcwConfigSection *sections, gsize n_sections, gboolean whole, GError **error)
{
  g_autoptr (JsonNode) merged = merge_top (sections, n_sections, error);

  for (gsize i = 0; merged != NULL && i < n_sections; i++)
    {
      JsonNode *schema;

      if (strchr (sections[i].place, '.') == NULL)
        continue;
      schema = parse_schema (sections[i].owner, whole ? sections[i].schema : "{}", error);
      if (schema == NULL || !put_section_schema (merged, &sections[i], schema, error))
        return NULL;
    }
  return g_steal_pointer (&merged);
}

JsonNode *
tcw_config_new_schema (const TcwConfigSection *sections, gsize n_sections, GError **error)
{
  return merge_schema (sections, n_sections, TRUE, error);
}

static TcwSchema *
compile_top (const TcwConfigSection *sections, gsize n_sections, GError **error)
{
  g_autoptr (JsonNode) merged = merge_schema (sections, n_sections, FALSE, error);

  return merged != NULL ? tcw_schema_new (merged, error) : NULL;
}

/* Puts the defaults of one section in and checks what is there then. */
static gboolean
fill_section (JsonObject *root, const TcwConfigSection *section, GPtrArray *violations, GError **error)
{
  const char *dot = strchr (section->place, '.');
  g_autofree char *parent = NULL;
  g_autoptr (TcwSchema) schema = NULL;
  JsonNode *filled;
  JsonObject *holder;

  if (dot == NULL)
    return TRUE;
  parent = g_strndup (section->place, (gsize) (dot - section->place));
  schema = tcw_schema_new_from_string (section->schema, -1, section->owner, error);
  if (schema == NULL)
    return FALSE;
  /* A wrong type has been reported already. */
  if (!json_object_has_member (root, parent) || !JSON_NODE_HOLDS_OBJECT (json_object_get_member (root, parent)))
    return TRUE;
  holder = json_object_get_object_member (root, parent);
  if (!json_object_has_member (holder, dot + 1) && !g_str_equal (parent, "engines"))
    return TRUE;
  filled = tcw_schema_apply_defaults (schema, json_object_get_member (holder, dot + 1));
  json_object_set_member (holder, dot + 1, filled);
  tcw_schema_validate (schema, filled, section->place, violations);
  return TRUE;
}

static char *
find_state_directory (JsonObject *root)
{
  const char *given = tcw_json_get_string_or (root, "stateDirectory", NULL);

  if (given != NULL)
    return g_strdup (given);
  if (geteuid () == 0)
    return g_strdup ("/var/lib/taskcluster-worker");
  return g_build_filename (g_get_user_state_dir (), "taskcluster-worker", NULL);
}

/* The content of the file, or an empty object where there is none. */
static JsonNode *
load_file (const char *path, GError **error)
{
  g_autoptr (GError) load_error = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (path != NULL)
    {
      node = tcw_document_load (path, &load_error);
      if (node == NULL)
        {
          g_set_error_literal (error, TCW_ERROR, TCW_ERROR_USAGE, load_error->message);
          return NULL;
        }
    }
  /* A file with nothing but comments is fine. */
  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    {
      g_autoptr (JsonObject) empty = json_object_new ();

      return json_node_init_object (json_node_alloc (), empty);
    }
  return g_steal_pointer (&node);
}

static gboolean
fail_all (const char *path, GPtrArray *violations, GError **error)
{
  g_autofree char *lines = NULL;

  g_ptr_array_add (violations, NULL);
  lines = g_strjoinv ("\n", (char **) violations->pdata);
  g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "%s:\n%s", path != NULL ? path : "configuration", lines);
  return FALSE;
}

static gboolean
check_all (TcwConfig *self, TcwSchema *top, const TcwConfigSection *sections, gsize n_sections, GError **error)
{
  g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);
  gint64 seconds = 0;
  g_autoptr (GError) duration_error = NULL;

  tcw_schema_validate (top, self->root, "", violations);
  if (JSON_NODE_HOLDS_OBJECT (self->root))
    {
      JsonObject *root = json_node_get_object (self->root);
      JsonNode *max_run_time = json_object_get_member (root, "maxRunTime");

      for (gsize i = 0; i < n_sections; i++)
        {
          if (!fill_section (root, &sections[i], violations, error))
            return FALSE;
        }
      if (violations->len == 0 && !tcw_duration_from_json (max_run_time, &seconds, &duration_error))
        g_ptr_array_add (violations, g_strdup_printf ("maxRunTime: %s", duration_error->message));
    }
  return violations->len == 0 || fail_all (self->path, violations, error);
}

TcwConfig *
tcw_config_load (const char *path, const TcwConfigSection *sections, gsize n_sections, GError **error)
{
  g_autoptr (TcwConfig) self = g_new0 (TcwConfig, 1);
  g_autoptr (TcwSchema) top = NULL;
  g_autoptr (JsonNode) given = NULL;

  g_atomic_ref_count_init (&self->refs);
  if (path == NULL && access (TCW_CONFIG_DEFAULT_PATH, F_OK) == 0)
    path = TCW_CONFIG_DEFAULT_PATH;
  self->path = g_strdup (path);
  top = compile_top (sections, n_sections, error);
  if (top == NULL)
    return NULL;
  given = load_file (path, error);
  if (given == NULL)
    return NULL;
  self->root = tcw_schema_apply_defaults (top, given);
  if (!check_all (self, top, sections, n_sections, error))
    return NULL;
  self->state_directory = find_state_directory (json_node_get_object (self->root));
  return g_steal_pointer (&self);
}

TcwConfig *
tcw_config_ref (TcwConfig *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
tcw_config_unref (TcwConfig *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_pointer (&self->root, json_node_unref);
  g_free (self->path);
  g_free (self->state_directory);
  g_free (self);
}

const char *
tcw_config_get_path (TcwConfig *self)
{
  return self->path;
}

const char *
tcw_config_get_state_directory (TcwConfig *self)
{
  return self->state_directory;
}

const char *
tcw_config_get_string (TcwConfig *self, const char *path)
{
  return tcw_json_get_string_or (json_node_get_object (self->root), path, NULL);
}

gint64
tcw_config_get_int (TcwConfig *self, const char *path)
{
  return tcw_json_get_int_or (json_node_get_object (self->root), path, 0);
}

gboolean
tcw_config_get_boolean (TcwConfig *self, const char *path)
{
  return tcw_json_get_boolean_or (json_node_get_object (self->root), path, FALSE);
}

JsonObject *
tcw_config_get_object (TcwConfig *self, const char *path)
{
  JsonNode *node = tcw_json_lookup (json_node_get_object (self->root), path);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

gboolean
tcw_config_get_seconds (TcwConfig *self, const char *path, gint64 *seconds, GError **error)
{
  g_autoptr (GError) duration_error = NULL;

  if (tcw_duration_from_json (tcw_json_lookup (json_node_get_object (self->root), path), seconds, &duration_error))
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "%s: %s: %s", self->path != NULL ? self->path : "configuration", path,
               duration_error->message);
  return FALSE;
}
