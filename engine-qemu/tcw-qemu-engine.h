/*
 * The QEMU engine: each sandbox is a virtual machine of its own, forked from its image's template.
 */
#pragma once

#include "engine/tcw-engine.h"
#include "tcw-qemu-host.h"

G_BEGIN_DECLS

#define TCW_QEMU_TYPE_ENGINE (tcw_qemu_engine_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuEngine, tcw_qemu_engine, TCW_QEMU, ENGINE, GObject)

/* Takes a reference on @host. Without one (NULL) the engine only tells its payload schema. */
TcwQemuEngine *tcw_qemu_engine_new (TcwQemuHost *host);

TcwQemuHost *tcw_qemu_engine_get_host (TcwQemuEngine *self);

G_END_DECLS
