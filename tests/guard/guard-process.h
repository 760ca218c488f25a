/* The processes that a test started: found by their parents in /proc, named for people, ended by their ids. */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Returns (transfer full) the ids (GPid) of all living descendants of @root, without @root and without zombies. */
GArray *tcw_guard_process_descendants (pid_t root);

/* Returns (transfer full) "PID (command line)", shortened. A process that is gone meanwhile has no command line. */
char *tcw_guard_process_describe (pid_t pid);

/* Reaps every child that has ended, without waiting. TRUE if @main_pid was one of them: then @status is its wait status. */
gboolean tcw_guard_process_reap (pid_t main_pid, int *status);

/* Ends all descendants of this process, new ones too, and reaps them; gives up after @seconds. Returns how many are still there. */
guint tcw_guard_process_kill_all (double seconds);

/* Waits until this process has no descendants, at most @seconds, reaping children meanwhile. Returns the ids that are left. */
GArray *tcw_guard_process_wait_for_none (double seconds);

G_END_DECLS
