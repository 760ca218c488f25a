/*
 * tcw-test-guard: runs one test and fails it when it leaves something behind. The rules are in tests/README.md.
 *
 * The test gets a scratch folder of its own as working folder, TMPDIR and HOME, no open file beyond the standard three, and this
 * process as the parent of every orphan. Its standard streams and its exit status are passed on; a complaint goes to stderr and
 * makes the status 99. What was left is ended and removed.
 */
#include <errno.h>
#include <glib.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guard-files.h"
#include "guard-process.h"

#define STATUS_LEFT_BEHIND 99
#define STATUS_CANNOT_RUN 125
#define DEFAULT_DEADLINE_SECONDS 1800
/* A process that was told to end may take this long to be gone. */
#define GRACE_SECONDS 1.0
#define KILL_SECONDS 5.0
#define SHOWN_FILES 20

typedef struct {
  char *scratch;
  char *home;
  char *tmp;
  char **watched;     /* folders that must not gain files */
  GPtrArray *before;  /* GHashTable: what each of them held */
  double deadline;    /* seconds */
  sigset_t signals;
  sigset_t old_signals;
} Guard;

static void complain (const char *format, ...) G_GNUC_PRINTF (1, 2);

static void
complain (const char *format, ...)
{
  va_list args;

  fputs ("tcw-test-guard: ", stderr);
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fputc ('\n', stderr);
}

/* Makes the scratch folder. Others may pass through it, so that a worker that gave up root can get at files it was given. */
static gboolean
make_scratch (Guard *guard)
{
  const char *parent = g_getenv ("TCW_TEST_SCRATCH");

  guard->scratch = g_build_filename (parent != NULL ? parent : g_get_tmp_dir (), "tcw-test-XXXXXX", NULL);
  if (g_mkdtemp_full (guard->scratch, 0711) == NULL)
    return FALSE;
  guard->home = g_build_filename (guard->scratch, "home", NULL);
  guard->tmp = g_build_filename (guard->scratch, "tmp", NULL);
  return chmod (guard->scratch, 0711) == 0 && mkdir (guard->home, 0700) == 0 && mkdir (guard->tmp, 0711) == 0
         && chmod (guard->tmp, 0711) == 0;
}

static void
look_at_watched (Guard *guard)
{
  const char *list = g_getenv ("TCW_TEST_WATCH");

  guard->watched = g_strsplit (list != NULL ? list : "", ":", -1);
  guard->before = g_ptr_array_new_with_free_func ((GDestroyNotify) g_hash_table_unref);
  for (char **folder = guard->watched; *folder != NULL; folder++)
    g_ptr_array_add (guard->before, tcw_guard_files_list (*folder));
}

static gboolean
set_up (Guard *guard)
{
  const int signals[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
  const char *deadline = g_getenv ("TCW_TEST_DEADLINE");

  guard->deadline = deadline != NULL ? g_ascii_strtod (deadline, NULL) : DEFAULT_DEADLINE_SECONDS;
  if (prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || !make_scratch (guard))
    return FALSE;
  look_at_watched (guard);
  sigemptyset (&guard->signals);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    sigaddset (&guard->signals, signals[i]);
  return sigprocmask (SIG_BLOCK, &guard->signals, &guard->old_signals) == 0;
}

static void
tear_down (Guard *guard)
{
  g_free (guard->scratch);
  g_free (guard->home);
  g_free (guard->tmp);
  g_strfreev (guard->watched);
  g_clear_pointer (&guard->before, g_ptr_array_unref);
}

/* meson gives paths relative to the build folder, but the test runs elsewhere. Returns (transfer full) absolute ones in their place. */
static char **
absolute_arguments (char *const *argv)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (; *argv != NULL; argv++)
    {
      gboolean relative = (*argv)[0] != '/' && (*argv)[0] != '-' && strchr (*argv, '/') != NULL
                          && g_file_test (*argv, G_FILE_TEST_EXISTS);
      g_autofree char *path = relative ? g_canonicalize_filename (*argv, NULL) : g_strdup (*argv);

      g_strv_builder_add (builder, path);
    }
  return g_strv_builder_end (builder);
}

static void run_test (const Guard *guard, char **argv, pid_t parent) G_GNUC_NORETURN;

/* In the child. */
static void
run_test (const Guard *guard, char **argv, pid_t parent)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid () != parent)
    _exit (STATUS_CANNOT_RUN);
  g_setenv ("TMPDIR", guard->tmp, TRUE);
  g_setenv ("HOME", guard->home, TRUE);
  g_unsetenv ("XDG_RUNTIME_DIR");
  g_unsetenv ("XDG_CONFIG_HOME");
  g_unsetenv ("XDG_CACHE_HOME");
  g_unsetenv ("XDG_STATE_HOME");
  g_unsetenv ("XDG_DATA_HOME");
  if (chdir (guard->tmp) < 0 || close_range (STDERR_FILENO + 1, ~0U, 0) < 0
      || sigprocmask (SIG_SETMASK, &guard->old_signals, NULL) < 0)
    _exit (STATUS_CANNOT_RUN);
  execvp (argv[0], argv);
  complain ("cannot run %s: %s", argv[0], g_strerror (errno));
  _exit (STATUS_CANNOT_RUN);
}

/* Waits for the end of @pid. FALSE: the deadline passed, or we were told to end; @why says it. */
static gboolean
wait_for_test (const Guard *guard, pid_t pid, int *status, char **why)
{
  gint64 end = g_get_monotonic_time () + (gint64) (guard->deadline * G_USEC_PER_SEC);

  while (!tcw_guard_process_reap (pid, status))
    {
      gint64 left = end - g_get_monotonic_time ();
      struct timespec timeout = { .tv_sec = left / G_USEC_PER_SEC, .tv_nsec = left % G_USEC_PER_SEC * 1000 };
      int got = left > 0 ? sigtimedwait (&guard->signals, NULL, &timeout) : -1;

      if (left <= 0)
        *why = g_strdup_printf ("the test was not done after %g s", guard->deadline);
      else if (got > 0 && got != SIGCHLD)
        *why = g_strdup_printf ("the test was ended by %s", g_strsignal (got));
      if (*why != NULL)
        return FALSE;
    }
  return TRUE;
}

/* Complains of the processes that are still there, and ends them. */
static gboolean
check_processes (double grace)
{
  g_autoptr (GArray) left = tcw_guard_process_wait_for_none (grace);

  for (guint i = 0; i < left->len; i++)
    {
      g_autofree char *text = tcw_guard_process_describe (g_array_index (left, GPid, i));

      complain ("the test left a process: %s", text);
    }
  if (tcw_guard_process_kill_all (KILL_SECONDS) > 0)
    complain ("not all of them could be ended");
  return left->len == 0;
}

static gboolean
check_folder (const char *folder, GHashTable *before)
{
  g_autoptr (GPtrArray) added = tcw_guard_files_added (folder, before);

  for (guint i = 0; i < added->len && i < SHOWN_FILES; i++)
    complain ("the test left a file: %s", (const char *) g_ptr_array_index (added, i));
  if (added->len > SHOWN_FILES)
    complain ("... and %u more", added->len - SHOWN_FILES);
  return added->len == 0;
}

static gboolean
check_files (const Guard *guard)
{
  g_autoptr (GHashTable) none = g_hash_table_new (g_str_hash, g_str_equal);
  gboolean clean = check_folder (guard->tmp, none);

  clean = check_folder (guard->home, none) && clean;
  for (guint i = 0; i < guard->before->len; i++)
    clean = check_folder (guard->watched[i], g_ptr_array_index (guard->before, i)) && clean;
  if (!tcw_guard_files_remove (guard->scratch))
    {
      complain ("cannot remove %s", guard->scratch);
      return FALSE;
    }
  return clean;
}

static int
exit_status (int status)
{
  if (WIFEXITED (status))
    return WEXITSTATUS (status);
  complain ("the test was ended by a signal: %s", g_strsignal (WTERMSIG (status)));
  return 128 + WTERMSIG (status);
}

/* Runs and judges the test; returns the exit status. */
static int
guard_test (const Guard *guard, char **argv)
{
  g_autofree char *why = NULL;
  pid_t self = getpid ();
  pid_t pid = fork ();
  int status = 0;
  int result;
  gboolean ended;

  if (pid < 0)
    {
      complain ("cannot start a process: %s", g_strerror (errno));
      return STATUS_CANNOT_RUN;
    }
  if (pid == 0)
    run_test (guard, argv, self);
  ended = wait_for_test (guard, pid, &status, &why);
  if (!ended)
    complain ("%s", why);
  result = ended ? exit_status (status) : 124;
  if (!check_processes (ended ? GRACE_SECONDS : 0) && result == 0)
    result = STATUS_LEFT_BEHIND;
  if (!check_files (guard) && result == 0)
    result = STATUS_LEFT_BEHIND;
  return result;
}

int
main (int argc, char **argv)
{
  Guard guard = { 0 };
  g_auto (GStrv) command = NULL;
  int result = STATUS_CANNOT_RUN;

  if (argc < 2)
    {
      complain ("usage: tcw-test-guard PROGRAM [ARGUMENT...]");
      return 2;
    }
  command = absolute_arguments (argv + 1);
  if (set_up (&guard))
    result = guard_test (&guard, command);
  else
    complain ("cannot prepare the test: %s", g_strerror (errno));
  tear_down (&guard);
  return result;
}
