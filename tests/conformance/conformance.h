/*
 * What every engine must do, as cases that run with each engine of a table. An engine's entry says how to open it and which payloads make
 * its sandboxes do what a case needs; a payload that an engine can't have is a reason in words, with which the case is skipped.
 *
 * Each case runs in the thread of the tests, which has a main context of its own, as a task's thread has; the main loop runs in the main
 * thread.
 */
#pragma once

#include "engine/tcw-engine.h"

G_BEGIN_DECLS

/* A limit for whatever must end; a case that comes to it has failed. Seconds. */
#define CONFORMANCE_LIMIT_SECONDS 120

/* What is written by commands that write something. */
#define CONFORMANCE_TARGET "The-Target"

/* The variable that PRINT_VARIABLE prints. */
#define CONFORMANCE_VARIABLE "CONFORMANCE_VARIABLE"

/* MANY_VARIABLES looks at the variables MANY_0 to MANY_2999 with the values value-0 to value-2999. */
#define CONFORMANCE_N_VARIABLES 3000

/* What a sandbox is made to do. */
typedef enum
{
  CONFORMANCE_LOG,            /* writes a line with the target and succeeds */
  CONFORMANCE_LOG_FAILING,    /* the same, and fails */
  CONFORMANCE_SILENT,         /* succeeds without the target */
  CONFORMANCE_FAILING,        /* fails without the target */
  CONFORMANCE_PRINT_VARIABLE, /* writes a line with the value of CONFORMANCE_VARIABLE and succeeds */
  CONFORMANCE_MANY_VARIABLES, /* writes the value of the last of them, and succeeds if it found what it looked at */
  CONFORMANCE_FILES,          /* leaves the files that the entry names, and succeeds */
  CONFORMANCE_LONG,           /* runs for minutes */
  CONFORMANCE_LONG_TARGET,    /* writes a line with the target early, and runs on after it, long enough to be killed */
  CONFORMANCE_MALFORMED,      /* is no command that can run, which a schema can't say */
  CONFORMANCE_N_NEEDS,
} ConformanceNeed;

typedef struct
{
  const char *payload; /* JSON text; NULL: @lacks says why there is none */
  const char *lacks;
} ConformancePayload;

typedef struct
{
  const char *name;
  /*
   * Returns (transfer full) the engine, in the main thread with no other started, and in @folder (transfer full) where logs can be made.
   * NULL with @skip set (static) when it can't be tested here.
   */
  TcwEngine *(*open) (char **folder, const char **skip);
  /* How many sandboxes hold something outside of this process; NULL where an engine has nothing outside. */
  guint (*count_live) (const char *folder);
  /*
   * How many files may be open at the end that were not at the begin: the engine's libraries keep some, and close those of the last sandbox
   * in their own time. Fewer than there are sandboxes in all cases, so that what each one leaves is noticed.
   */
  guint n_open_files;
  ConformancePayload payloads[CONFORMANCE_N_NEEDS];
  const char *const *invalid_names; /* of variables */
  /* Of FILES: each file holds @text and nothing else. */
  const char *text;
  const char *text_file;
  const char *no_file;
  const char *no_folder;
  const char *folder;
  const char *const *folder_files; /* in the order of strcmp() */
  /* A file with @text that LONG_TARGET made before its target; NULL where the need leaves nothing: then extracting says TASK_FAILED. */
  const char *early_file;
} ConformanceEngine;

/* The entry @name; NULL when there is none. */
const ConformanceEngine *conformance_engine_find (const char *name);

/* An engine that is open, as the cases get it. */
typedef struct
{
  const ConformanceEngine *entry;
  TcwEngine *engine;
  char *folder;
} Conformance;

typedef struct
{
  const char *name;
  ConformanceNeed need; /* without which the case is skipped */
  void (*run) (Conformance *conformance);
} ConformanceCase;

extern const ConformanceCase conformance_log_cases[];
extern const ConformanceCase conformance_artifact_cases[];
extern const ConformanceCase conformance_end_cases[];

G_END_DECLS
