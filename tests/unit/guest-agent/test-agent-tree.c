/* Commands and their process trees under a supervisor: agent-tree, agent-spawn, agent-proc. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-tree.h"
#include "tcw-test.h"

enum { PATIENCE_MS = 20000 };

typedef struct {
  pid_t supervisor;
  int control;
  int output; /* the command's stdout */
} tree;

static tree
start (const agent_spawn_spec *spec)
{
  tree self = { .control = -1 };
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int ends[2];

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  self.supervisor = agent_tree_start (spec, (int[]) { null, ends[1], null }, &self.control);
  g_assert_cmpint (self.supervisor, >, 0);
  self.output = ends[0];
  close (ends[1]);
  close (null);
  return self;
}

static tree
start_shell (const char *script)
{
  static char *const env[] = { NULL };
  char *argv[] = { (char[]) { "sh" }, (char[]) { "-c" }, g_strdup (script), NULL };
  agent_spawn_spec spec = { .argv = argv, .env = env, .folder = "/" };
  tree self = start (&spec);

  g_free (argv[2]);
  return self;
}

static agent_tree_report
next_report (const tree *self)
{
  agent_tree_report report;
  struct pollfd wait = { .fd = self->control, .events = POLLIN };

  g_assert_cmpint (poll (&wait, 1, PATIENCE_MS), ==, 1);
  g_assert_cmpint (agent_tree_receive (self->control, &report), ==, 1);
  return report;
}

static char *
finish (tree *self)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[256];
  ssize_t n;

  while ((n = read (self->output, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  close (self->output);
  close (self->control);
  g_assert_cmpint (waitpid (self->supervisor, NULL, 0), ==, self->supervisor);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Whether the processes whose numbers @text lists are all gone. */
static void
assert_gone (const char *text)
{
  g_auto (GStrv) pids = g_strsplit_set (text, " \n", -1);
  guint n = 0;

  for (guint i = 0; pids[i] != NULL; i++)
    if (*pids[i] != '\0')
      {
        g_assert_cmpint (kill ((pid_t) g_ascii_strtoll (pids[i], NULL, 10), 0), ==, -1);
        g_assert_cmpint (errno, ==, ESRCH);
        n++;
      }
  g_assert_cmpuint (n, >, 0);
}

static void
test_exit (void)
{
  tree self = start_shell ("echo out; exit 7");
  g_autofree char *text = NULL;
  agent_tree_report report = next_report (&self);

  g_assert_cmpint (report.news, ==, AGENT_TREE_STARTED);
  report = next_report (&self);
  g_assert_cmpint (report.news, ==, AGENT_TREE_ENDED);
  g_assert_true (WIFEXITED (report.status));
  g_assert_cmpint (WEXITSTATUS (report.status), ==, 7);
  g_assert_cmpint (report.survivors, ==, 0);
  g_assert_cmpuint (report.max_rss_kib, >, 0);
  text = finish (&self);
  g_assert_cmpstr (text, ==, "out\n");
}

typedef struct {
  const char *command;
  const char *folder;
  const char *user;
  const char *path; /* PATH */
  agent_spawn_step step;
  const char *message; /* part of it */
} bad_start;

static const bad_start bad_starts[] = {
  { "nonexistent-command", "/", NULL, "/bin:/usr/bin", AGENT_SPAWN_SEARCH, "command not found" },
  { "sh", "/", NULL, "/nonexistent", AGENT_SPAWN_SEARCH, "command not found" },
  { "", "/", NULL, "/bin", AGENT_SPAWN_SEARCH, "command not found" },
  { "/nonexistent/command", "/", NULL, "/bin", AGENT_SPAWN_EXEC, "command not found" },
  { "/etc/passwd", "/", NULL, "/bin", AGENT_SPAWN_EXEC, "not executable" },
  { "passwd", "/", NULL, "/etc", AGENT_SPAWN_EXEC, "not executable" },
  { "/", "/", NULL, "/bin", AGENT_SPAWN_EXEC, "not executable" },
  { "true", "/nonexistent", NULL, "/bin", AGENT_SPAWN_FOLDER, "no such directory" },
  { "true", "/etc/passwd", NULL, "/bin", AGENT_SPAWN_FOLDER, "working directory" },
  { "true", "/", "no-such-user", "/bin", AGENT_SPAWN_USER, "no such user: no-such-user" },
  { "true", "/", "99999999999", "/bin", AGENT_SPAWN_USER, "no such user" },
};

static void
test_bad_start (gconstpointer data)
{
  const bad_start *bad = data;
  g_autofree char *path = g_strconcat ("PATH=", bad->path, NULL);
  g_autofree char *command = g_strdup (bad->command);
  g_autofree char *text = NULL;
  char *argv[] = { command, NULL };
  char *env[] = { path, NULL };
  agent_spawn_spec spec = { .argv = argv, .env = env, .folder = bad->folder, .user = bad->user };
  tree self = start (&spec);
  agent_tree_report report = next_report (&self);
  char message[512];

  g_assert_cmpint (report.news, ==, AGENT_TREE_FAILED);
  g_assert_cmpint (report.failure.step, ==, bad->step);
  agent_spawn_explain (&spec, report.failure, message, sizeof message);
  g_assert_nonnull (strstr (message, bad->message));
  text = finish (&self);
  g_assert_cmpstr (text, ==, "");
}

static void
test_interpreter (void)
{
  g_autofree char *script = g_build_filename (g_get_tmp_dir (), "script", NULL);
  g_autofree char *text = NULL;
  char *argv[] = { script, NULL };
  char *env[] = { NULL };
  agent_spawn_spec spec = { .argv = argv, .env = env, .folder = "/" };
  agent_tree_report report;
  tree self;

  g_assert_true (g_file_set_contents_full (script, "#!/nonexistent/interpreter\n", -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  self = start (&spec);
  report = next_report (&self);
  g_assert_cmpint (report.news, ==, AGENT_TREE_FAILED);
  g_assert_cmpint (report.failure.step, ==, AGENT_SPAWN_INTERPRETER);
  text = finish (&self);
  unlink (script);
}

static void
test_too_long (void)
{
  g_autofree char *text = NULL;
  g_autofree char *argument = g_strnfill (1 << 20, 'x');
  char *argv[] = { (char[]) { "/bin/true" }, argument, NULL };
  char *env[] = { NULL };
  agent_spawn_spec spec = { .argv = argv, .env = env, .folder = "/" };
  tree self = start (&spec);
  agent_tree_report report = next_report (&self);
  char message[256];

  g_assert_cmpint (report.news, ==, AGENT_TREE_FAILED);
  agent_spawn_explain (&spec, report.failure, message, sizeof message);
  g_assert_nonnull (strstr (message, "too long"));
  text = finish (&self);
}

/* A daemon with a session of its own, whose parents are gone, ends with the command all the same. */
static void
test_daemon (void)
{
  tree self = start_shell ("(setsid sh -c 'echo $$; sleep 60 & echo $!; exec sleep 60' &) ; sleep 0.2; exit 0");
  agent_tree_report report = next_report (&self);
  g_autofree char *text = NULL;

  report = next_report (&self);
  g_assert_cmpint (report.news, ==, AGENT_TREE_ENDED);
  g_assert_cmpint (report.survivors, ==, 0);
  text = finish (&self);
  assert_gone (text);
}

/* Bounded by its depth: 3^0 + ... + 3^4 = 121 shells, each with a sleep, that fork while they are being killed. */
static void
test_fork_bomb (void)
{
  tree self = start_shell ("b() { [ $1 -gt 0 ] && for i in 1 2 3; do b $(($1 - 1)) & done; sleep 60; }; b 4 & sleep 0.05; exit 3");
  agent_tree_report report = next_report (&self);
  g_autofree char *text = NULL;

  report = next_report (&self);
  g_assert_cmpint (report.news, ==, AGENT_TREE_ENDED);
  g_assert_cmpint (WEXITSTATUS (report.status), ==, 3);
  g_assert_cmpint (report.survivors, ==, 0);
  /* End of file on the pipe, which each of them held, says that all are gone. */
  text = finish (&self);
}

/* A chain of processes, each of which lives only to fork the next: 1200 at most. */
static void
test_runner (void)
{
  tree self = start_shell ("f() { [ $1 -gt 0 ] && f $(($1 - 1)) & }; f 400 & f 400 & f 400 & sleep 0.02; exit 0");
  agent_tree_report report = next_report (&self);
  g_autofree char *text = NULL;

  report = next_report (&self);
  g_assert_cmpint (report.news, ==, AGENT_TREE_ENDED);
  g_assert_cmpint (report.survivors, ==, 0);
  text = finish (&self);
}

static void
test_signal (void)
{
  tree self = start_shell ("trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.05; done");
  agent_tree_report report = next_report (&self);
  g_autofree char *text = NULL;
  char line[6];

  g_assert_cmpint (read (self.output, line, 6), ==, 6);
  g_assert_true (agent_tree_send (self.control, AGENT_TREE_SIGNAL_MAIN, SIGTERM));
  report = next_report (&self);
  g_assert_cmpint (WEXITSTATUS (report.status), ==, 5);
  text = finish (&self);
  g_assert_cmpstr (text, ==, "got\n");
}

static void
test_signal_tree (void)
{
  tree self = start_shell ("(setsid sh -c 'trap \"echo inner\" USR1; echo ready; sleep 60 & wait; wait' &);"
                           "trap : USR1; while :; do sleep 0.05; done");
  agent_tree_report report = next_report (&self);
  g_autofree char *text = NULL;
  char line[6];

  g_assert_cmpint (read (self.output, line, 6), ==, 6);
  g_assert_true (agent_tree_send (self.control, AGENT_TREE_SIGNAL_TREE, SIGUSR1));
  g_assert_cmpint (read (self.output, line, 6), ==, 6);
  g_assert_cmpint (memcmp (line, "inner\n", 6), ==, 0);
  g_assert_true (agent_tree_send (self.control, AGENT_TREE_KILL, 0));
  report = next_report (&self);
  g_assert_true (WIFSIGNALED (report.status));
  g_assert_cmpint (WTERMSIG (report.status), ==, SIGKILL);
  text = finish (&self);
}

/* The agent dies: the supervisor ends the tree by itself. */
static void
test_orphaned (void)
{
  tree self = start_shell ("echo $$; sleep 60 & echo $!; wait");
  agent_tree_report report = next_report (&self);
  g_autofree char *text = NULL;
  char pids[64] = "";
  ssize_t n = 0;

  g_assert_cmpint (report.news, ==, AGENT_TREE_STARTED);
  while (n < 62 && strchr (pids, '\n') == strrchr (pids, '\n'))
    n += read (self.output, pids + n, 63 - (size_t) n);
  close (self.control);
  self.control = -1;
  g_assert_cmpint (waitpid (self.supervisor, NULL, 0), ==, self.supervisor);
  assert_gone (pids);
  close (self.output);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agent/tree/exit", test_exit);
  for (gsize i = 0; i < G_N_ELEMENTS (bad_starts); i++)
    {
      g_autofree char *name = g_strdup_printf ("/agent/tree/bad-start/%" G_GSIZE_FORMAT, i);

      g_test_add_data_func (name, &bad_starts[i], test_bad_start);
    }
  g_test_add_func ("/agent/tree/interpreter", test_interpreter);
  g_test_add_func ("/agent/tree/too-long", test_too_long);
  g_test_add_func ("/agent/tree/daemon", test_daemon);
  g_test_add_func ("/agent/tree/fork-bomb", test_fork_bomb);
  g_test_add_func ("/agent/tree/runner", test_runner);
  g_test_add_func ("/agent/tree/signal", test_signal);
  g_test_add_func ("/agent/tree/signal-tree", test_signal_tree);
  g_test_add_func ("/agent/tree/orphaned", test_orphaned);
  return tcw_test_run ();
}
