/* Reads /proc for the descendants of a process, and ends them; see guard-process.h. */
#include "guard-process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHOWN_COMMAND 200
#define POLL_NS 10000000L

typedef struct {
  pid_t pid;
  pid_t parent;
  char state;
} Process;

/* Fills @process from /proc/PID/stat. The command's name there may hold blanks and brackets: fields are counted from the last one. */
static gboolean
read_process (const char *name, Process *process)
{
  g_autofree char *path = g_build_filename ("/proc", name, "stat", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;
  char *rest;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  rest = strrchr (text, ')');
  if (rest == NULL)
    return FALSE;
  process->pid = (pid_t) g_ascii_strtoll (name, NULL, 10);
  fields = g_strsplit (g_strstrip (rest + 1), " ", 3);
  if (g_strv_length (fields) < 3)
    return FALSE;
  process->state = fields[0][0];
  process->parent = (pid_t) g_ascii_strtoll (fields[1], NULL, 10);
  return TRUE;
}

static GArray *
read_processes (void)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Process));
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  const char *name;

  while (proc != NULL && (name = g_dir_read_name (proc)) != NULL)
    {
      Process process = { 0 };

      if (g_ascii_isdigit (name[0]) && read_process (name, &process))
        g_array_append_val (all, process);
    }
  return g_steal_pointer (&all);
}

/* Whether @pid descends from @root. Steps are bounded: the list was not read in one moment, so that it could hold a circle. */
static gboolean
descends (const GArray *all, pid_t pid, pid_t root)
{
  for (guint step = 0; step < all->len && pid > 1; step++)
    {
      pid_t parent = 0;

      for (guint i = 0; i < all->len && parent == 0; i++)
        if (g_array_index (all, Process, i).pid == pid)
          parent = g_array_index (all, Process, i).parent;
      if (parent == root)
        return TRUE;
      pid = parent;
    }
  return FALSE;
}

GArray *
tcw_guard_process_descendants (pid_t root)
{
  g_autoptr (GArray) all = read_processes ();
  GArray *found = g_array_new (FALSE, FALSE, sizeof (GPid));

  for (guint i = 0; i < all->len; i++)
    {
      Process process = g_array_index (all, Process, i);

      if (process.state != 'Z' && process.state != 'X' && descends (all, process.pid, root))
        g_array_append_val (found, process.pid);
    }
  return found;
}

char *
tcw_guard_process_describe (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/cmdline", (int) pid);
  g_autofree char *text = NULL;
  gsize len = 0;

  if (!g_file_get_contents (path, &text, &len, NULL) || len == 0)
    return g_strdup_printf ("%d", (int) pid);
  len = MIN (len - 1, (gsize) SHOWN_COMMAND);
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_isprint (text[i]))
      text[i] = ' ';
  text[len] = '\0';
  return g_strdup_printf ("%d (%s)", (int) pid, text);
}

gboolean
tcw_guard_process_reap (pid_t main_pid, int *status)
{
  gboolean main_ended = FALSE;

  for (;;)
    {
      int its_status = 0;
      pid_t pid = waitpid (-1, &its_status, WNOHANG);

      if (pid < 0 && errno == EINTR)
        continue;
      if (pid <= 0)
        return main_ended;
      if (pid == main_pid)
        {
          main_ended = TRUE;
          *status = its_status;
        }
    }
}

/* Waits for the end of any child (SIGCHLD is blocked), or a moment: grandchildren don't announce theirs. */
static void
wait_a_moment (void)
{
  const struct timespec moment = { .tv_nsec = POLL_NS };
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGCHLD);
  sigtimedwait (&set, NULL, &moment);
}

GArray *
tcw_guard_process_wait_for_none (double seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);

  for (;;)
    {
      GArray *left;
      int status = 0;

      tcw_guard_process_reap (-1, &status);
      left = tcw_guard_process_descendants (getpid ());
      if (left->len == 0 || g_get_monotonic_time () >= end)
        return left;
      g_array_unref (left);
      wait_a_moment ();
    }
}

guint
tcw_guard_process_kill_all (double seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);

  for (;;)
    {
      g_autoptr (GArray) left = tcw_guard_process_wait_for_none (0);

      if (left->len == 0 || g_get_monotonic_time () >= end)
        return left->len;
      for (guint i = 0; i < left->len; i++)
        kill (g_array_index (left, GPid, i), SIGKILL);
      wait_a_moment ();
    }
}
