/* A QEMU sandbox to be: resolves image and machine, forks the VM, starts the command. Implements TcwSandboxBuilder. */
#pragma once

#include "engine/tcw-engine.h"
#include "tcw-qemu-host.h"

G_BEGIN_DECLS

/* @payload has been checked against the engine's schema. Errors: TCW_ERROR_MALFORMED_PAYLOAD (unknown image, machine over the limits). */
TcwSandboxBuilder *tcw_qemu_sandbox_builder_new (TcwQemuHost *host, TcwTaskContext *context, JsonObject *payload, GError **error);

G_END_DECLS
