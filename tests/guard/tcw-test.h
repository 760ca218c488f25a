/*
 * For tests that use GLib's test framework: the check for open files, which only the process itself can do. Processes and files
 * are looked after by tcw-test-guard. Call these in the thread that runs the tests, with none of the test's own threads alive.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _TcwTestFdSnapshot TcwTestFdSnapshot;

/* Returns (transfer full) the open files of this process, after GLib has opened those that it keeps for good. */
TcwTestFdSnapshot *tcw_test_fd_snapshot (void);

/* Returns (transfer full) a line "FD -> TARGET" for each file that was opened since @snapshot and still is; NULL if there is none. */
char *tcw_test_fd_snapshot_compare (const TcwTestFdSnapshot *snapshot);

void tcw_test_fd_snapshot_free (TcwTestFdSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwTestFdSnapshot, tcw_test_fd_snapshot_free)

/* Use as a fixture's last word: fails the running test case, with the list, when @snapshot differs from now. Frees @snapshot. */
void tcw_test_fd_snapshot_check (TcwTestFdSnapshot *snapshot);

/* In place of g_test_run(): runs all test cases, then fails when files are open that were not before. Returns main's exit status. */
int tcw_test_run (void);

G_END_DECLS
