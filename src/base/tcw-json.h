/*
 * The only way by which JSON from outside enters the program: a strict, bounded reader of RFC 8259.
 *
 * It builds json-glib's JsonNode values by itself, because json-glib's own parser is neither strict nor bounded: it exhausts the
 * stack on deep nesting, accepts single quotes and assignments, and silently changes integers that don't fit.
 *
 * Refused, beside everything that isn't RFC 8259: duplicate keys, \u0000 and NUL bytes, lone surrogates, invalid UTF-8, a byte order
 * mark, integers outside of gint64, numbers outside of double, and anything over the limits. A number without fraction and exponent
 * becomes a gint64, every other a double.
 *
 * All functions can be called from any thread.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "base/tcw-json-util.h"

G_BEGIN_DECLS

/* Bounds for one document. A field that is 0 means its default. */
typedef struct {
  gsize max_bytes;        /* of the whole text; default 16 MiB */
  guint max_depth;        /* arrays and objects within each other; default 64, at most 512 */
  guint max_nodes;        /* values in all, containers included; default 1,000,000 */
  guint max_members;      /* keys of one object; default 16,384 (hash tables get slow when keys are chosen to collide) */
  gsize max_string_bytes; /* of one decoded string or key; default: the limit of the text */
} TcwJsonLimits;

/*
 * Reads one JSON text of @len bytes (-1: NUL-terminated). @source_name stands in errors for where the text came from, such as a file
 * name. @limits may be NULL: all defaults.
 *
 * Returns (transfer full) the value; free with json_node_unref(). Otherwise NULL with TCW_ERROR_MALFORMED_PAYLOAD and a message
 * "NAME:LINE:COLUMN: what is wrong, near “text”"; line and column count from 1, columns in characters.
 */
JsonNode *tcw_json_parse (const char *data, gssize len, const char *source_name, const TcwJsonLimits *limits, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/*
 * The same for a regular file, of which never more than the limit is read. Also fails with TCW_ERROR_USAGE when the file can't be
 * read. Blocks on disk only.
 */
JsonNode *tcw_json_load_file (const char *path, const TcwJsonLimits *limits, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
