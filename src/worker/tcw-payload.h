/*
 * The payload schema of a worker: the engine's keys and the worker's own, composed into one closed object.
 */
#pragma once

#include "base/tcw-schema.h"
#include "engine/tcw-engine.h"

G_BEGIN_DECLS

/* Errors: TCW_ERROR_USAGE when two owners have the same key, or a schema is wrong. */
TcwSchema *tcw_payload_schema_new (TcwEngine *engine, GError **error);

/*
 * Checks @payload: the schema, and what it can't say. *max_run_time (seconds) is set when the payload gives one, which must be within
 * @limit. Errors: TCW_ERROR_MALFORMED_PAYLOAD with every violation, a line each.
 */
gboolean tcw_payload_check (TcwSchema *schema, JsonNode *payload, gint64 limit, gint64 *max_run_time, GError **error);

G_END_DECLS
