/*
 * The tail of a VM's serial console: reads QEMU's socket in a main context and keeps the last kilobytes, for messages about a
 * guest that doesn't come up or dies. A guest that floods it costs nothing but the bytes' way.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _TcwQemuConsole TcwQemuConsole;

/* Connects to the UNIX socket @path; a failure only means that there will be no tail. Reads while @context is iterated. */
TcwQemuConsole *tcw_qemu_console_new (const char *path, GMainContext *context);

void tcw_qemu_console_free (TcwQemuConsole *self);

/*
 * The last lines, at most @max_lines, each indented by @indent, control characters but newlines replaced; NULL when there is
 * nothing. Free with g_free(). Same thread as the context's.
 */
char *tcw_qemu_console_tail (TcwQemuConsole *self, guint max_lines, const char *indent);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuConsole, tcw_qemu_console_free)

G_END_DECLS
