/*
 * YAML from outside, strict and bounded, as the JSON values that it stands for.
 *
 * Scalars follow the core schema of YAML 1.2: plain null, ~ and nothing are null; true and false (also True, TRUE, ...) booleans;
 * decimal, 0o7 and 0xF integers; decimal numbers with point or exponent doubles. Everything else is a string, "yes", "on", "1:30" and
 * dates included; so is everything in quotes. Of tags only !!str, !!int, !!float, !!bool, !!null, !!map, !!seq and "!" are taken.
 *
 * Refused: duplicate keys, keys that aren't scalars, merge keys ("<<"), more than one document, .inf and .nan, integers that don't fit
 * 64 bits, U+0000, and whatever is over the limits, which count each alias as often as it is used.
 */
#pragma once

#include "base/tcw-json.h"

G_BEGIN_DECLS

/*
 * Reads one YAML document of @len bytes (-1: NUL-terminated); arguments and result as tcw_json_parse(). An empty text is null.
 * Any thread.
 */
JsonNode *tcw_yaml_parse (const char *data, gssize len, const char *source_name, const TcwJsonLimits *limits, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/*
 * Loads a document in either language: JSON when the name of the file ends in ".json", YAML for ".yml" or ".yaml", and otherwise JSON
 * if the first character that isn't blank is "{". Errors as tcw_json_load_file(). Default limits. Any thread.
 */
JsonNode *tcw_document_load (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
