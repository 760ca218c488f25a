/*
 * Logging of the program itself, for operators and developers; the log of a task is another thing.
 *
 * GLib's structured log in four levels: debug for developers, info, message for lifecycle, warning when something was degraded and
 * ignored. To the journal, with all fields, when stderr is the journal; otherwise to stderr as "taskcluster-worker: text", in colour
 * only on a terminal.
 * Message and warning are always shown; info with verbose; debug of the domains in G_MESSAGES_DEBUG (or "all").
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Makes this the log writer of the process. @program is the name before each line. To be called once, before the first message and
 * the first thread.
 */
void tcw_log_init (const char *program, gboolean verbose);

/* Which run of which task a message is about; any field may be NULL. */
typedef struct {
  const char *task_id; /* field TASK_ID */
  const char *run_id;  /* field RUN_ID */
} TcwLogTask;

/*
 * Logs a message about @task (NULL: about none), at @level, one of G_LOG_LEVEL_*. @domain is the part of the program, such as "tcw-queue".
 * Any thread.
 */
void tcw_log (const TcwLogTask *task, const char *domain, GLogLevelFlags level, const char *format, ...) G_GNUC_PRINTF (4, 5);

/*
 * Returns (transfer full) the line for stderr, newline included, for @fields as a GLogWriterFunc gets them: "PROGRAM: LEVEL: [TASK/RUN]
 * text", control characters as escapes (texts of guests and tasks end up in messages), except for newline and tab.
 */
char *tcw_log_format (const char *program, GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                      gboolean colour) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
