/*
 * The command line: one file a verb, and what verbs share. Messages for people go to stderr; stdout belongs to what a verb
 * was asked to print.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Exit statuses of every verb. */
typedef enum {
  TCW_EXIT_OK = 0,
  TCW_EXIT_TASK_FAILED = 1,
  TCW_EXIT_USAGE = 2,
  TCW_EXIT_MALFORMED_PAYLOAD = 3,
  TCW_EXIT_EXCEPTION = 4,
  TCW_EXIT_INTERRUPTED = 130,
} TcwExit;

typedef struct _TcwCli TcwCli;

typedef struct
{
  const char *name;
  const char *summary;                               /* one line, for --help (marked with N_()); NULL: not listed */
  int (*run) (TcwCli *cli, int argc, char **argv); /* argv[0] is the verb; returns an exit status */
} TcwCliVerb;

/* The verbs; each in the file of its name. */
int tcw_cli_run (TcwCli *cli, int argc, char **argv);
int tcw_cli_image (TcwCli *cli, int argc, char **argv);
int tcw_cli_kvm_probe (TcwCli *cli, int argc, char **argv);

/* Absolute path of the running program, to start itself with another verb. */
const char *tcw_cli_get_program (TcwCli *self);

/*
 * Reads the configuration (@path NULL: the default place), makes the state directory, and, when started as root, steps down to the
 * worker's own user: afterwards nothing runs as root any more. Call it once, before any thread is started, after opening what only
 * root may open. Returns FALSE with TCW_ERROR_USAGE or TCW_ERROR_FATAL.
 */
gboolean tcw_cli_enter (TcwCli *self, const char *config_path, GError **error);

/* After tcw_cli_enter(): the folder that holds images, templates and VMs; absolute. */
const char *tcw_cli_get_state_directory (TcwCli *self);

/* Prints "taskcluster-worker VERB: MESSAGE" and returns the exit status for the error. */
int tcw_cli_report (const char *verb, const GError *error);

/*
 * Parses the verb's options from argv with GOption; adds --help. Returns FALSE with *status set when the verb is to end (help was
 * printed, or usage was wrong and reported). The remaining words stay in argv.
 */
gboolean tcw_cli_parse (const char *verb, const char *parameters, const char *summary, const char *description,
                        const GOptionEntry *entries, int *argc, char ***argv, int *status);

G_END_DECLS
