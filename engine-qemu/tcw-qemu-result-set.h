/* What a command left in its VM, which still runs for that. Implements TcwResultSet. */
#pragma once

#include "engine/tcw-engine.h"
#include "tcw-qemu-guest.h"

G_BEGIN_DECLS

/* @guest: transfer full. @home: the absolute folder in the guest that relative paths are taken from: the command's. */
TcwResultSet *tcw_qemu_result_set_new (TcwQemuHost *host, TcwTaskContext *context, TcwQemuGuest *guest, const char *home, gboolean success);

G_END_DECLS
