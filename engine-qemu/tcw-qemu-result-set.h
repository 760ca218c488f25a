/* What a command left in its VM, which still runs for that. Implements TcwResultSet. */
#pragma once

#include "engine/tcw-engine.h"
#include "tcw-qemu-guest.h"

G_BEGIN_DECLS

/* @guest: transfer full. */
TcwResultSet *tcw_qemu_result_set_new (TcwQemuHost *host, TcwTaskContext *context, TcwQemuGuest *guest, gboolean success);

G_END_DECLS
