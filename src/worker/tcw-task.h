/*
 * A task as the worker takes it: who it is and its payload, from a definition in a file.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct _TcwTask TcwTask;

/*
 * Reads a task definition (JSON or YAML): a whole Taskcluster task, recognised by its key "payload", or a payload alone. The task gets
 * a random id. Errors: TCW_ERROR_MALFORMED_PAYLOAD with file, line and column, TCW_ERROR_USAGE when the file can't be read.
 */
TcwTask *tcw_task_load (const char *path, GError **error);

void tcw_task_free (TcwTask *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwTask, tcw_task_free)

/* For people: metadata.name, or the file's name without its ending. */
const char *tcw_task_get_name (TcwTask *self);

/* 22 characters, as Taskcluster makes its ids ("slug"). */
const char *tcw_task_get_id (TcwTask *self);

/* The payload; belongs to the task. */
JsonNode *tcw_task_get_payload (TcwTask *self);

/* A random version 4 UUID in URL-safe base64 without padding, Taskcluster's form of ids. Free with g_free(). */
char *tcw_task_new_slug (void);

G_END_DECLS
