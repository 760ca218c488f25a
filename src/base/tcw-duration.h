/*
 * Lengths of time as people write them: whole seconds, or text such as "1 day 2 hours 3 minutes", "90s", "1h30m".
 * Units: seconds (s, sec), minutes (m, min), hours (h, hr), days (d), weeks (w, wk), each also in the singular or plural.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * Reads a duration into @seconds, from 0 on. Each unit at most once, in any order; "and", "+" and commas between the parts are
 * fine; a number alone counts seconds. Fails with TCW_ERROR_MALFORMED_PAYLOAD and a text that says what is wrong and what is possible.
 */
gboolean tcw_duration_parse (const char *text, gint64 *seconds, GError **error);

/* The same for a JSON value: an integer of seconds, or a string. */
gboolean tcw_duration_from_json (JsonNode *node, gint64 *seconds, GError **error);

/* Returns (transfer full) the duration as text that tcw_duration_parse() reads, such as "1 day 2 hours"; "0 seconds" for 0. */
char *tcw_duration_to_string (gint64 seconds) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
