/* A mock sandbox to be. Implements TcwSandboxBuilder. */
#pragma once

#include "engine/tcw-engine.h"

G_BEGIN_DECLS

/*
 * @payload has been checked against the engine's schema. Blocks for the delay when the function is malformed-payload-initial. Errors:
 * TCW_ERROR_MALFORMED_PAYLOAD, also for an argument that the function can do nothing with; CANCELLED.
 */
TcwSandboxBuilder *tcw_mock_sandbox_builder_new (TcwTaskContext *context, JsonObject *payload, GError **error);

G_END_DECLS
