/*
 * The payload schema of a worker: the engine's keys and the worker's own, composed into one closed object.
 */
#pragma once

#include "base/tcw-schema.h"
#include "engine/tcw-engine.h"

G_BEGIN_DECLS

/* Errors: TCW_ERROR_USAGE when two owners have the same key, or a schema is wrong. */
TcwSchema *tcw_payload_schema_new (TcwEngine *engine, GError **error);

G_END_DECLS
