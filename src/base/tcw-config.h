/*
 * The worker's configuration: defaults under a YAML (or JSON) file, checked by a schema that each part of the program gives its share of.
 * An object of plain values that never changes once loaded, so it can be shared by threads.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define TCW_CONFIG_DEFAULT_PATH "/etc/taskcluster-worker/config.yml"

typedef struct _TcwConfig TcwConfig;

/*
 * One part's share: the schema (JSON text) for the value at @place, such as "engines.qemu" or "plugins.env", or "" for keys at the top.
 * Defaults are what the schema gives as "default". A section at the top must be an object schema as tcw_schema_merge_properties() takes it.
 * A schema at another place is checked on its own: its "$ref" "#" is the place, not the file.
 */
typedef struct {
  const char *place;
  const char *owner; /* as it stands in errors, such as "plugin env" */
  const char *schema;
} TcwConfigSection;

/*
 * Returns (transfer full) the section of the QEMU engine, at "engines.qemu"; free with tcw_config_section_free().
 */
TcwConfigSection *tcw_config_section_new_qemu (void) G_GNUC_WARN_UNUSED_RESULT;
void tcw_config_section_free (TcwConfigSection *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwConfigSection, tcw_config_section_free)

/*
 * Loads the configuration of the worker's own keys and those of @sections. @path is the file; NULL means TCW_CONFIG_DEFAULT_PATH if
 * that is there, and else no file. Unknown keys are errors; the sections below "engines" and "plugins" that nobody gave a schema
 * for are refused and taken as they are, respectively.
 *
 * Returns (transfer full) the configuration, or NULL with TCW_ERROR_USAGE and all that is wrong, a line each. Blocks on disk only.
 */
TcwConfig *tcw_config_load (const char *path, const TcwConfigSection *sections, gsize n_sections, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns (transfer full) the JSON Schema of the file with all @sections, to be shown. Errors: TCW_ERROR_USAGE. */
JsonNode *tcw_config_new_schema (const TcwConfigSection *sections, gsize n_sections, GError **error) G_GNUC_WARN_UNUSED_RESULT;

TcwConfig *tcw_config_ref (TcwConfig *self);
void tcw_config_unref (TcwConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwConfig, tcw_config_unref)

/* The file that was read, or NULL. */
const char *tcw_config_get_path (TcwConfig *self);

/* The folder for everything that stays: stateDirectory, or else /var/lib/taskcluster-worker for root and a folder of the user's own. */
const char *tcw_config_get_state_directory (TcwConfig *self);

/*
 * Values by path, such as "engines.qemu.libvirtUri". What they return belongs to the configuration. A value that isn't given and has no
 * default is NULL, 0 or FALSE.
 */
const char *tcw_config_get_string (TcwConfig *self, const char *path);
gint64 tcw_config_get_int (TcwConfig *self, const char *path);
gboolean tcw_config_get_boolean (TcwConfig *self, const char *path);
JsonObject *tcw_config_get_object (TcwConfig *self, const char *path);

/* A duration in seconds; see tcw-duration.h. Fails with TCW_ERROR_USAGE, naming @path and the file, when it is none. */
gboolean tcw_config_get_seconds (TcwConfig *self, const char *path, gint64 *seconds, GError **error);

G_END_DECLS
