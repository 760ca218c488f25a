/*
 * What a task run shares with its engine and plugins: who it is, its log, and the cancellable that ends it. Immutable but for
 * the objects in it; shared by reference between threads.
 */
#pragma once

#include <gio/gio.h>

#include "engine/tcw-task-log.h"

G_BEGIN_DECLS

typedef struct _TcwTaskContext TcwTaskContext;

/* Takes references. @task_id is a slug of 22 characters. */
TcwTaskContext *tcw_task_context_new (const char *task_id, guint run_id, TcwTaskLog *log, GCancellable *cancellable);
TcwTaskContext *tcw_task_context_ref (TcwTaskContext *self);
void tcw_task_context_unref (TcwTaskContext *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwTaskContext, tcw_task_context_unref)

const char *tcw_task_context_get_task_id (TcwTaskContext *self);
guint tcw_task_context_get_run_id (TcwTaskContext *self);
TcwTaskLog *tcw_task_context_get_log (TcwTaskContext *self);

/* Triggered when the run is to end now: cancelled, worker shutting down, interrupted. */
GCancellable *tcw_task_context_get_cancellable (TcwTaskContext *self);

G_END_DECLS
