/*
 * An engine that plays a script, for tests of what drives engines: which step fails, which one blocks until the task is cancelled, and
 * which trees its results have. It writes down how it was called. For one thread, but for the script's @on_blocked.
 */
#pragma once

#include "base/tcw-error.h"
#include "engine/tcw-engine.h"

G_BEGIN_DECLS

typedef enum {
  FAKE_NEW_BUILDER,
  FAKE_START,
  FAKE_WAIT,
  FAKE_KILL,
  FAKE_EXTRACT,
  FAKE_DISPOSE,
  FAKE_N_PLACES,
} FakePlace;

typedef enum {
  FAKE_BEGIN, /* a file at @text begins */
  FAKE_DATA,  /* @text */
  FAKE_HOLE,  /* of @number bytes */
  FAKE_END,
  FAKE_FAIL, /* the guest's end: TCW_ERROR_INTERNAL with @text */
} FakeStepKind;

typedef struct
{
  FakeStepKind kind;
  const char *text;
  guint64 number;
} FakeStep;

/* What is at @path in the sandbox. */
typedef struct
{
  const char *path;
  TcwEntryKind kind;
  const FakeStep *steps;
  gsize n_steps;
} FakeTree;

#define FAKE_FOREIGN (-1)

typedef struct
{
  int code; /* of TCW_ERROR; 0: none; FAKE_FOREIGN: an error of another domain */
  const char *message;
} FakeFailure;

/* The script, and what came of it. The caller's; it outlives the engine and all that the engine made. */
typedef struct
{
  const char *payload_schema; /* NULL: one with the required key "command" */
  FakeFailure failures[FAKE_N_PLACES];
  gboolean success;              /* of the command */
  gboolean success_after_kill;   /* what a badly made engine says of a killed command */
  const FakeTree *trees;         /* or NULL */
  gsize n_trees;
  gboolean blocks[FAKE_N_PLACES]; /* waits there for the cancellable */
  void (*on_blocked) (gpointer user_data);
  gpointer on_blocked_data;

  GString *calls; /* a word a call, with a blank after each */
  int alive;      /* objects, the engine among them */
  gint64 deadline;
  gboolean late; /* a blocked step was never cancelled */
} FakeScript;

/* Clears what came of the script, before and after its use. */
void fake_script_init (FakeScript *script);
void fake_script_clear (FakeScript *script);

/* (transfer full) */
TcwEngine *fake_engine_new (FakeScript *script);

/* (transfer full) The results of a sandbox that was never there. */
TcwResultSet *fake_result_set_new (FakeScript *script);

G_END_DECLS
