/*
 * What is done with JSON values once they are in: writing, copying, comparing, merging, and finding values by path.
 * All functions can be called from any thread, as long as no other changes the values meanwhile.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef enum {
  TCW_JSON_COMPACT = 0,     /* no white space at all */
  TCW_JSON_PRETTY = 1 << 0, /* two blanks an indentation; no newline at the end */
  TCW_JSON_SORTED = 1 << 1, /* canonical: keys in byte order, 1.0 as 1, so that equal values have equal text */
} TcwJsonStyle;

/*
 * Returns (transfer full) the text of @node; NULL is written as "null". Doubles have the shortest form that reads back as the same
 * value, and always a fraction or an exponent; what isn't finite becomes "null".
 */
char *tcw_json_to_string (JsonNode *node, TcwJsonStyle style) G_GNUC_WARN_UNUSED_RESULT;

/* Returns (transfer full) a copy that shares nothing with @node, unlike json_node_copy(). */
JsonNode *tcw_json_copy (JsonNode *node) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Returns (transfer full) a new value: where both @base and @over are objects, their keys merged, recursively; otherwise a copy of
 * @over. A null in @over replaces like any other value.
 */
JsonNode *tcw_json_merge (JsonNode *base, JsonNode *over) G_GNUC_WARN_UNUSED_RESULT;

/* Whether both are the same JSON value: 1 equals 1.0, the order of keys doesn't matter, false isn't 0. */
gboolean tcw_json_equal (JsonNode *a, JsonNode *b);

/* "object", "array", "string", "integer", "number", "boolean" or "null"; NULL counts as null. Static. */
const char *tcw_json_type_name (JsonNode *node);

/*
 * Finds by a path such as "payload.artifacts[2].name". A key that holds '.', '[' or ']' can't be reached by a path.
 * Returns (transfer none) the value, or NULL when there is none on that path.
 */
JsonNode *tcw_json_lookup (JsonObject *object, const char *path);

/*
 * The value at a path, which must be there and have the type. Otherwise NULL or FALSE with TCW_ERROR_MALFORMED_PAYLOAD and a message
 * such as "a.b: must be a string, is 3". What is returned belongs to @object. An integral double counts as an integer.
 */
const char *tcw_json_get_string (JsonObject *object, const char *path, GError **error);
gboolean tcw_json_get_int (JsonObject *object, const char *path, gint64 *value, GError **error);
gboolean tcw_json_get_double (JsonObject *object, const char *path, double *value, GError **error);
gboolean tcw_json_get_boolean (JsonObject *object, const char *path, gboolean *value, GError **error);
JsonObject *tcw_json_get_object (JsonObject *object, const char *path, GError **error);
JsonArray *tcw_json_get_array (JsonObject *object, const char *path, GError **error);

/* The same for values that may be missing, for documents that a schema has checked: @fallback when missing or of another type. */
const char *tcw_json_get_string_or (JsonObject *object, const char *path, const char *fallback);
gint64 tcw_json_get_int_or (JsonObject *object, const char *path, gint64 fallback);
gboolean tcw_json_get_boolean_or (JsonObject *object, const char *path, gboolean fallback);

/*
 * Returns (transfer full) a NULL-terminated array of the strings at @path, free with g_strfreev(). NULL with
 * TCW_ERROR_MALFORMED_PAYLOAD when there is no array or an item isn't a string.
 */
char **tcw_json_get_strv (JsonObject *object, const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Returns (transfer full) text from outside made fit for a one-line message: at most @max_chars characters (then "…"), invalid bytes
 * and control characters shown as escapes.
 */
char *tcw_json_excerpt (const char *text, gssize len, guint max_chars) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
