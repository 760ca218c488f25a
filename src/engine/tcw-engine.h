/*
 * The contract between the worker and an engine. An engine makes sandboxes in which tasks run:
 *
 *   TcwEngine ──new_sandbox_builder──► TcwSandboxBuilder ──start──► TcwSandbox ──wait──► TcwResultSet ──dispose
 *
 * Ownership moves along the chain: start() uses the builder up, wait() moves the sandbox's resources into the result set; what was
 * used up only remains to be unreferenced. Whoever holds the last link releases everything by dropping it (or, to see errors,
 * by discard() or dispose()).
 *
 * Threads: all objects of one task are used by that task's thread alone. Cancelling the task context's cancellable, from any
 * thread, ends what blocks with TCW_ERROR_CANCELLED, at once. The engine itself is used by many threads.
 *
 * Errors are in TCW_ERROR; MALFORMED_PAYLOAD means that the task asked for something that can't be, INTERNAL that the worker
 * failed this task but can take others, FATAL that it can't.
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "engine/tcw-task-context.h"

G_BEGIN_DECLS

/* --- Result set: what a sandbox leaves behind. ------------------------------------------------------------------------ */

#define TCW_TYPE_RESULT_SET (tcw_result_set_get_type ())
G_DECLARE_INTERFACE (TcwResultSet, tcw_result_set, TCW, RESULT_SET, GObject)

typedef enum {
  TCW_ENTRY_FILE,
  TCW_ENTRY_FOLDER,
} TcwEntryKind;

/*
 * Receives what is extracted. Paths are relative to what was asked for, with '/' between components, never empty but for a single file,
 * never with ".." or a leading '/'. Any callback may fail, which ends the extraction with its error.
 */
typedef struct
{
  /* A plain file begins; @size is what the guest said and may turn out wrong. */
  gboolean (*begin_file) (gpointer user_data, const char *path, guint64 size, GError **error);
  gboolean (*data) (gpointer user_data, const guint8 *data, gsize length, GError **error);
  /* @length bytes of zeros that take no room. */
  gboolean (*hole) (gpointer user_data, guint64 length, GError **error);
  /* The file ended well. */
  gboolean (*end_file) (gpointer user_data, GError **error);
} TcwEntryVisitor;

struct _TcwResultSetInterface
{
  GTypeInterface parent_interface;
  gboolean (*get_success) (TcwResultSet *self);
  gboolean (*extract) (TcwResultSet *self, TcwEntryKind kind, const char *path, const TcwEntryVisitor *visitor, gpointer user_data,
                       GError **error);
  char *(*open_access) (TcwResultSet *self);
  gboolean (*dispose) (TcwResultSet *self, GError **error);
};

/* Whether the task's command succeeded (exit code 0). */
gboolean tcw_result_set_get_success (TcwResultSet *self);

/*
 * Extracts the file, or all files of the folder, at @path (as the engine understands paths). Errors: TCW_ERROR_TASK_FAILED when there
 * is nothing at @path, or not a thing of @kind; MALFORMED_PAYLOAD for a path that can't be one; the visitor's; INTERNAL.
 */
gboolean tcw_result_set_extract (TcwResultSet *self, TcwEntryKind kind, const char *path, const TcwEntryVisitor *visitor,
                                 gpointer user_data, GError **error);

/*
 * Leaves the machine to somebody else until it is disposed: nothing can be extracted any more. Returns what he needs to reach it, which is
 * the engine's to say (the path of a socket), or NULL where there is nothing to reach. Free with g_free().
 */
char *tcw_result_set_open_access (TcwResultSet *self);

/* Releases everything. An error means that something could not be cleaned up. */
gboolean tcw_result_set_dispose (TcwResultSet *self, GError **error);

/* --- Sandbox: a task's command, running. ------------------------------------------------------------------------------ */

#define TCW_TYPE_SANDBOX (tcw_sandbox_get_type ())
G_DECLARE_INTERFACE (TcwSandbox, tcw_sandbox, TCW, SANDBOX, GObject)

struct _TcwSandboxInterface
{
  GTypeInterface parent_interface;
  TcwResultSet *(*wait) (TcwSandbox *self, gint64 deadline, GError **error);
  TcwResultSet *(*kill) (TcwSandbox *self, GError **error);
};

/*
 * Waits until the command has ended and all that it wrote is in the log. @deadline: absolute, microseconds of the monotonic clock.
 * Returns (transfer full) the result. Errors: TCW_ERROR_DEADLINE when the time is up (the command still runs: kill it),
 * CANCELLED, TASK_FAILED when the task ended its own machine, INTERNAL when the machine died.
 */
TcwResultSet *tcw_sandbox_wait (TcwSandbox *self, gint64 deadline, GError **error);

/* Kills the command's processes, but not the machine; the result says that it failed, and can be extracted from. */
TcwResultSet *tcw_sandbox_kill (TcwSandbox *self, GError **error);

/* --- Sandbox builder: a sandbox to be. -------------------------------------------------------------------------------- */

#define TCW_TYPE_SANDBOX_BUILDER (tcw_sandbox_builder_get_type ())
G_DECLARE_INTERFACE (TcwSandboxBuilder, tcw_sandbox_builder, TCW, SANDBOX_BUILDER, GObject)

struct _TcwSandboxBuilderInterface
{
  GTypeInterface parent_interface;
  gboolean (*set_environment_variable) (TcwSandboxBuilder *self, const char *name, const char *value, GError **error);
  TcwSandbox *(*start) (TcwSandboxBuilder *self, GError **error);
  void (*discard) (TcwSandboxBuilder *self);
};

/* Errors: TCW_ERROR_MALFORMED_PAYLOAD for a name that can't be one, or is set already. */
gboolean tcw_sandbox_builder_set_environment_variable (TcwSandboxBuilder *self, const char *name, const char *value, GError **error);

/* Waits for what the sandbox needs and starts the command. Uses the builder up, also when it fails. Returns (transfer full). */
TcwSandbox *tcw_sandbox_builder_start (TcwSandboxBuilder *self, GError **error);

/* Frees everything instead of starting. */
void tcw_sandbox_builder_discard (TcwSandboxBuilder *self);

/* --- Engine ----------------------------------------------------------------------------------------------------------- */

#define TCW_TYPE_ENGINE (tcw_engine_get_type ())
G_DECLARE_INTERFACE (TcwEngine, tcw_engine, TCW, ENGINE, GObject)

struct _TcwEngineInterface
{
  GTypeInterface parent_interface;
  JsonNode *(*get_payload_schema) (TcwEngine *self);
  TcwSandboxBuilder *(*new_sandbox_builder) (TcwEngine *self, TcwTaskContext *context, JsonObject *payload, GError **error);
};

/* The object schema of the payload keys that belong to this engine. (transfer full) */
JsonNode *tcw_engine_get_payload_schema (TcwEngine *self);

/* @payload has been checked against the schema. May begin to gather resources. (transfer full). Thread-safe. */
TcwSandboxBuilder *tcw_engine_new_sandbox_builder (TcwEngine *self, TcwTaskContext *context, JsonObject *payload, GError **error);

G_END_DECLS
