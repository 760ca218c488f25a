/* A mock command, being played. Implements TcwSandbox. */
#pragma once

#include "engine/mock/tcw-mock-files.h"
#include "engine/tcw-engine.h"

G_BEGIN_DECLS

/* What is played. */
typedef struct
{
  char *function; /* one of the schema's */
  char *argument;
  guint delay_ms;
  GHashTable *environment; /* name → value */
} TcwMockCommand;

/* Copies the strings; with an empty environment. */
TcwMockCommand *tcw_mock_command_new (const char *function, const char *argument, guint delay_ms);
void tcw_mock_command_free (TcwMockCommand *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwMockCommand, tcw_mock_command_free)

/* The command begins now. Takes a reference on @context, and @command. */
TcwSandbox *tcw_mock_sandbox_new (TcwTaskContext *context, TcwMockCommand *command);

G_END_DECLS
