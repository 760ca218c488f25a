/* One task of a case: context, log, and the links of the chain so far. Used by the thread of the tests. */
#pragma once

#include "conformance.h"

G_BEGIN_DECLS

typedef struct
{
  Conformance *conformance;
  char *folder;
  TcwTaskLog *log;
  GCancellable *cancellable;
  TcwTaskContext *context;
  JsonNode *payload;
  TcwSandboxBuilder *builder;
  TcwSandbox *sandbox;
  TcwResultSet *results;
  GAsyncQueue *seen; /* gets something when the target is in the log */
  GString *tail;     /* the log's text so far, for that */
} ConformanceTask;

/* With the payload of @need, which has passed the engine's own schema. */
ConformanceTask *conformance_task_new (Conformance *conformance, ConformanceNeed need);

/* Releases what the case has not. */
void conformance_task_free (ConformanceTask *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConformanceTask, conformance_task_free)

/* Makes the builder, which must do. */
void conformance_task_build (ConformanceTask *self);

/* Starts the sandbox, building before if that has not been done; both must do. */
void conformance_task_start (ConformanceTask *self);

/* Waits for the end of the command, which must come, and starts before if that has not been done. Returns whether the command succeeded. */
gboolean conformance_task_run (ConformanceTask *self);

/* Waits in pieces, each running into its deadline, until the target is in the log. The sandbox then still runs. */
void conformance_task_wait_for_target (ConformanceTask *self);

/* Kills the command; the result must be there and say that it failed. */
void conformance_task_kill (ConformanceTask *self);

/* Whether @text is in the log. */
gboolean conformance_task_log_has (ConformanceTask *self, const char *text);

/* A deadline that only a failure meets. */
gint64 conformance_deadline (void);

/*
 * Has another thread trigger the cancellable when the target is in the log, or, if that does not come so soon, after @milliseconds.
 * conformance_task_join() ends the thread and returns when that was, in microseconds of the monotonic clock.
 */
GThread *conformance_task_cancel_soon (ConformanceTask *self, guint milliseconds);
gint64 conformance_task_join (GThread *thread);

G_END_DECLS
