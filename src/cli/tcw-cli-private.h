/* What verbs share beyond tcw-cli.h: the engine's host and values of the configuration. */
#pragma once

#include "base/tcw-schema.h"
#include "cli/tcw-cli.h"
#include "tcw-qemu-host.h"

G_BEGIN_DECLS

TcwCli *tcw_cli_new (void);
void tcw_cli_free (TcwCli *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwCli, tcw_cli_free)

int tcw_cli_exec (TcwCli *cli, int argc, char **argv);
int tcw_cli_schema (TcwCli *cli, int argc, char **argv);
int tcw_cli_validate (TcwCli *cli, int argc, char **argv);

/* The payload schema of this worker, compiled; needs no configuration. */
TcwSchema *tcw_cli_new_payload_schema (GError **error);

/* The schema of the configuration file, as JSON. */
JsonNode *tcw_cli_new_config_schema (GError **error);

/* Reads the configuration @path and checks all of it, without entering it. Errors: TCW_ERROR_USAGE with every violation. */
gboolean tcw_cli_check_config (const char *path, GError **error);

/*
 * As root, before tcw_cli_enter(): gives the open folder @fd to the worker's user that the configuration @config_path names. */
gboolean tcw_cli_hand_over (TcwCli *self, int fd, const char *config_path, GError **error);

/* After tcw_cli_enter(): the QEMU engine's host as the configuration says; see tcw_qemu_host_new() for @root_name. */
TcwQemuHost *tcw_cli_open_host (TcwCli *self, const char *root_name, GError **error);

/* After tcw_cli_enter(): how many tasks run at once. */
int tcw_cli_get_concurrency (TcwCli *self);

/* After tcw_cli_enter(): seconds that a command may run when its payload doesn't say, and at most. */
gint64 tcw_cli_get_default_max_run_time (TcwCli *self);
gint64 tcw_cli_get_limit_max_run_time (TcwCli *self);

G_END_DECLS
