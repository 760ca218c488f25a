/*
 * The worker's one error domain. A code answers a single question: what does the worker do about it?
 * Foreign domains (GIO, libvirt, json-glib, ...) are converted where the foreign library is called; the message then says
 * what was attempted, on what, and why it failed, in a sentence that a user can act on.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define TCW_ERROR (tcw_error_quark ())

typedef enum {
  TCW_ERROR_MALFORMED_PAYLOAD = 1, /* the task is wrong: exception malformed-payload; message lists every violation, a line each */
  TCW_ERROR_TASK_FAILED,           /* the task ran and did not succeed: failed */
  TCW_ERROR_INTERMITTENT,          /* the task asked to be retried: exception intermittent-task */
  TCW_ERROR_CANCELLED,             /* the run is no longer ours, or the user interrupted: nothing is reported */
  TCW_ERROR_DEADLINE,              /* a time limit of the task ran out: failed */
  TCW_ERROR_RESOURCE_UNAVAILABLE,  /* something outside the worker is missing now: exception resource-unavailable */
  TCW_ERROR_SHUTDOWN,              /* the worker stops: exception worker-shutdown */
  TCW_ERROR_INTERNAL,              /* exception internal-error; the worker goes on */
  TCW_ERROR_FATAL,                 /* exception internal-error; the worker drains and stops */
  TCW_ERROR_USAGE,                 /* the command line or the configuration is wrong: nothing was started */
} TcwError;

GQuark tcw_error_quark (void);

/* The code's name as it stands in logs, such as "malformed-payload". Static; never NULL. */
const char *tcw_error_code_name (TcwError code);

/*
 * Returns a new error in TCW_ERROR with @code and the text of @foreign after @format's text and ": ". Takes ownership of
 * @foreign (may be NULL: then only the formatted text). An error that is in TCW_ERROR already keeps its own code.
 */
GError *tcw_error_wrap (GError *foreign, TcwError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
