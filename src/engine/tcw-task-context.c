/* What a task run shares with engine and plugins; see tcw-task-context.h. */
#include "engine/tcw-task-context.h"

struct _TcwTaskContext
{
  gatomicrefcount refs;
  char *task_id;
  guint run_id;
  TcwTaskLog *log;
  GCancellable *cancellable;
};

TcwTaskContext *
tcw_task_context_new (const char *task_id, guint run_id, TcwTaskLog *log, GCancellable *cancellable)
{
  TcwTaskContext *self = g_new0 (TcwTaskContext, 1);

  g_atomic_ref_count_init (&self->refs);
  self->task_id = g_strdup (task_id);
  self->run_id = run_id;
  self->log = tcw_task_log_ref (log);
  self->cancellable = g_object_ref (cancellable);
  return self;
}

TcwTaskContext *
tcw_task_context_ref (TcwTaskContext *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
tcw_task_context_unref (TcwTaskContext *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_free (self->task_id);
  tcw_task_log_unref (self->log);
  g_object_unref (self->cancellable);
  g_free (self);
}

const char *
tcw_task_context_get_task_id (TcwTaskContext *self)
{
  return self->task_id;
}

guint
tcw_task_context_get_run_id (TcwTaskContext *self)
{
  return self->run_id;
}

TcwTaskLog *
tcw_task_context_get_log (TcwTaskContext *self)
{
  return self->log;
}

GCancellable *
tcw_task_context_get_cancellable (TcwTaskContext *self)
{
  return self->cancellable;
}
