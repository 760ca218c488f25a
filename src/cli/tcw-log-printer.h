/*
 * Shows task logs on a file descriptor as they are written: one log as it is, several line by line with the task's name in front.
 * Thread-safe. When nobody reads any more, it goes silent; the tasks go on.
 */
#pragma once

#include "engine/tcw-task-log.h"

G_BEGIN_DECLS

typedef struct _TcwLogPrinter TcwLogPrinter;

TcwLogPrinter *tcw_log_printer_new (int fd);
TcwLogPrinter *tcw_log_printer_ref (TcwLogPrinter *self);
void tcw_log_printer_unref (TcwLogPrinter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwLogPrinter, tcw_log_printer_unref)

/* Shows nothing any more; a thread that waits for the reader of a full pipe goes on. */
void tcw_log_printer_stop (TcwLogPrinter *self);

/*
 * Shows @log from now on; @name (may be NULL) stands before each line, with blanks for its control characters. A line over 8 KiB comes in
 * pieces, each a line. A last line without an end is shown when the log goes.
 */
void tcw_log_printer_attach (TcwLogPrinter *self, TcwTaskLog *log, const char *name);

/* The errno value for which it has gone silent, or 0; that nobody reads any more (EPIPE) is no problem. */
int tcw_log_printer_get_problem (TcwLogPrinter *self);

G_END_DECLS
