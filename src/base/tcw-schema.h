/*
 * JSON Schema draft-07, a subset that is exact for every keyword that it takes, and refuses a schema with any other.
 *
 * Taken: type, enum, const; required, properties, patternProperties, additionalProperties, propertyNames, minProperties,
 * maxProperties, dependencies; items, additionalItems, minItems, maxItems, uniqueItems, contains; minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, multipleOf; minLength, maxLength (characters), pattern; oneOf, anyOf, allOf, not, if, then, else; $ref to "#" or to a
 * JSON pointer "#/..." of the same schema; boolean schemas; definitions; the annotations title, description, default, examples,
 * readOnly, writeOnly, contentEncoding, contentMediaType, $comment, $schema, $id.
 *
 * Chosen where the specification leaves a choice, or beyond it:
 *   - format is asserted for "date-time" (RFC 3339) and "uri" (RFC 3986, with a scheme); every other format is an annotation only.
 *   - $ref never leaves the document: an $id is an annotation and no base for references.
 *   - pattern is searched for anywhere, as ECMA 262 (with the u flag) does, by PCRE. What both write differently is translated; syntax that
 *     only PCRE has is refused. What stays different: \b and \B look at the word characters of Unicode, "." leaves out vertical tab, form
 *     feed and U+0085 too, \S within a class has U+FEFF, \p takes the names of PCRE and the common long ones of general categories.
 *     Backtracking is limited; a pattern that exceeds it counts as not matching, and the violation says so.
 *
 * Schemas can be shared by threads: they never change once made.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct _TcwSchema TcwSchema;

/*
 * Compiles @schema (an object or a boolean; copied). Fails with TCW_ERROR_USAGE, the message starting with the path within the schema,
 * for an unknown keyword, a keyword's wrong value, a bad pattern, a $ref that leads nowhere or only to itself, and nesting over 64.
 */
TcwSchema *tcw_schema_new (JsonNode *schema, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same from JSON text; @name stands in errors. */
TcwSchema *tcw_schema_new_from_string (const char *json, gssize len, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

TcwSchema *tcw_schema_ref (TcwSchema *self);
void tcw_schema_unref (TcwSchema *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwSchema, tcw_schema_unref)

/* Returns (transfer none) the schema as JSON, not to be changed. */
JsonNode *tcw_schema_get_node (TcwSchema *self);

/*
 * Checks @value. Appends all violations to @violations (element-type char *, made with g_ptr_array_new_with_free_func (g_free); may be
 * NULL), each one line such as
 *   task.payload.artifacts[2].name: must match ^[a-z]+$, is "x/" (a name of the artifact)
 * that is the path below @root_name, what is required, an excerpt of what is there, and the schema's description. At most 100 lines,
 * then one that says so. A check that takes too many steps ends as a violation. Returns whether the value is valid.
 */
gboolean tcw_schema_validate (TcwSchema *self, JsonNode *value, const char *root_name, GPtrArray *violations);

/* The same as an error: TCW_ERROR_MALFORMED_PAYLOAD with all violations, a line each. */
gboolean tcw_schema_check (TcwSchema *self, JsonNode *value, const char *root_name, GError **error);

/*
 * Returns (transfer full) @value with what "default" in the "properties" of @self gives for keys that are missing, recursively: an object
 * that is missing altogether is made when something below it has a default.
 */
JsonNode *tcw_schema_apply_defaults (TcwSchema *self, JsonNode *value) G_GNUC_WARN_UNUSED_RESULT;

/* One owner's part of an object schema: an object with "properties", "required", "definitions" and annotations only. */
typedef struct {
  const char *owner; /* as it stands in errors, such as "plugin env" */
  JsonNode *schema;
} TcwSchemaPart;

/*
 * Returns (transfer full) one closed object schema ("additionalProperties": false) with the properties, required keys and definitions of
 * all parts. Fails with TCW_ERROR_USAGE when two parts have the same property, or the same definition with another content; the
 * message names the key and both owners.
 */
JsonNode *tcw_schema_merge_properties (const TcwSchemaPart *parts, gsize n_parts, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
