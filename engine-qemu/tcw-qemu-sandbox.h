/*
 * A task's command, running in its VM, and what it leaves behind. Implements TcwSandbox; its result set lives in the same VM.
 */
#pragma once

#include "engine/tcw-engine.h"
#include "tcw-qemu-guest.h"

G_BEGIN_DECLS

/* The command as it goes to the agent; all borrowed. */
typedef struct
{
  const char *const *argv;
  const char *const *environ; /* "NAME=value" */
  const char *user;           /* or NULL: the agent's */
  const char *workdir;        /* or NULL: the user's home */
} TcwQemuCommand;

/*
 * Starts @command in @guest (transfer full, also on failure). Its output goes to the context's log. Errors: TCW_ERROR_MALFORMED_PAYLOAD
 * when the command can't be started in that guest, saying why.
 */
TcwSandbox *tcw_qemu_sandbox_start (TcwQemuHost *host, TcwTaskContext *context, TcwQemuGuest *guest, const TcwQemuCommand *command,
                                    GError **error);

G_END_DECLS
