/*
 * One run of a task, from its payload to its resolution: prepare, build, start, wait, take the artifacts, resolve, clean up. It reads
 * from top to bottom in a thread of its own; cancelling its context's cancellable ends it in whatever step it is.
 */
#pragma once

#include "base/tcw-error.h"
#include "base/tcw-schema.h"
#include "engine/tcw-engine.h"
#include "worker/tcw-artifact-folder.h"
#include "worker/tcw-task.h"

G_BEGIN_DECLS

typedef enum {
  TCW_OUTCOME_COMPLETED,
  TCW_OUTCOME_FAILED,
  TCW_OUTCOME_EXCEPTION,
} TcwOutcome;

typedef struct
{
  TcwOutcome outcome;
  TcwError code; /* of an exception, or why it failed; 0: the command said so */
} TcwResolution;

/* Called while the sandbox still lives, for as long as it is to be kept. @access says how to reach it. */
typedef void (*TcwTaskRunKeep) (TcwTaskContext *context, const char *access, gpointer user_data);

/* What a run needs; borrowed, and used by its thread alone unless it is thread-safe itself. */
typedef struct
{
  TcwEngine *engine;
  TcwSchema *payload_schema;
  TcwArtifactFolder *artifacts;
  gint64 default_max_run_time; /* seconds */
  gint64 limit_max_run_time;   /* seconds: a payload that asks for more is malformed */
  TcwTaskRunKeep keep;          /* or NULL */
  gpointer keep_data;
} TcwTaskRunOptions;

/*
 * Runs @payload to its end, writing all there is to say into the context's log. Never fails: what goes wrong is in the
 * resolution. Blocks; call it in a thread whose default main context is its own.
 */
TcwResolution tcw_task_run_execute (TcwTaskContext *context, JsonNode *payload, const TcwTaskRunOptions *options);

/* "completed", "failed" or "exception". Static. */
const char *tcw_outcome_to_string (TcwOutcome outcome);

G_END_DECLS
