/* Extraction with a visitor that checks the order of the callbacks, the paths and the contents. */
#pragma once

#include "engine/tcw-engine.h"

G_BEGIN_DECLS

/* In which a visitor fails; of the contents, a hole counts as data. */
typedef enum
{
  CONFORMANCE_BEGIN_FILE,
  CONFORMANCE_DATA,
  CONFORMANCE_END_FILE,
} ConformanceCallback;

/* The file at @path holds @text. */
void conformance_extract_file (TcwResultSet *results, const char *path, const char *text);

/* The folder at @path has exactly the files @names (relative, in the order of strcmp()), and each holds @text. */
void conformance_extract_folder (TcwResultSet *results, const char *path, const char *const *names, const char *text);

/* There is no such thing at @path, which is the task's failure, and the visitor is shown nothing. */
void conformance_extract_nothing (TcwResultSet *results, TcwEntryKind kind, const char *path);

/* A visitor that fails at its first @at gets its error back, and is called no more. */
void conformance_extract_interrupted (TcwResultSet *results, const char *path, ConformanceCallback at);

G_END_DECLS
