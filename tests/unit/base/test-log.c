/* The log writer: the form of a line, and what is shown, seen from outside as a process. */
#include <string.h>

#include "base/tcw-log.h"

static void
test_format (void)
{
  static const struct {
    GLogLevelFlags level;
    gboolean colour;
    const char *message;
    const char *task;
    const char *run;
    const char *expected;
  } cases[] = {
    { G_LOG_LEVEL_MESSAGE, FALSE, "hello", NULL, NULL, "p: hello\n" },
    { G_LOG_LEVEL_WARNING, FALSE, "hello", NULL, NULL, "p: warning: hello\n" },
    { G_LOG_LEVEL_WARNING, TRUE, "hello", NULL, NULL, "p: \033[1;33mwarning:\033[0m hello\n" },
    { G_LOG_LEVEL_CRITICAL, FALSE, "hello", NULL, NULL, "p: internal error: hello\n" },
    { G_LOG_LEVEL_DEBUG, FALSE, "hello", "T", NULL, "p: debug: [T] hello\n" },
    { G_LOG_LEVEL_INFO, FALSE, "a\nb\tc", "T", "0", "p: [T/0] a\nb\tc\n" },
    { G_LOG_LEVEL_INFO, FALSE, "\033[2J\r\x7f", "T\033", "0", "p: [T\\x1b/0] \\x1b[2J\\x0d\\x7f\n" },
    { G_LOG_LEVEL_INFO, FALSE, "\xff", NULL, NULL, "p: \xEF\xBF\xBD\n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const GLogField fields[] = { { "MESSAGE", cases[i].message, -1 }, { "TASK_ID", cases[i].task, -1 }, { "RUN_ID", cases[i].run, -1 } };
      gsize n = cases[i].task == NULL ? 1 : cases[i].run == NULL ? 2 : 3;
      g_autofree char *line = tcw_log_format ("p", cases[i].level, fields, n, cases[i].colour);

      g_assert_cmpstr (line, ==, cases[i].expected);
    }
}

static void
log_all (gboolean verbose)
{
  const TcwLogTask task = { "T1", "2" };

  tcw_log_init ("prog", verbose);
  tcw_log (NULL, "tcw-test", G_LOG_LEVEL_DEBUG, "a %s", "debug");
  tcw_log (NULL, "tcw-test", G_LOG_LEVEL_INFO, "an %s", "info");
  tcw_log (NULL, "tcw-test", G_LOG_LEVEL_MESSAGE, "a %s", "message");
  tcw_log (&task, "tcw-test", G_LOG_LEVEL_WARNING, "a %s", "warning");
}

static void
test_quiet_child (void)
{
  g_unsetenv ("G_MESSAGES_DEBUG");
  log_all (FALSE);
}

static void
test_verbose_child (void)
{
  g_unsetenv ("G_MESSAGES_DEBUG");
  log_all (TRUE);
}

static void
test_debug_child (void)
{
  g_setenv ("G_MESSAGES_DEBUG", "tcw-test", TRUE);
  log_all (FALSE);
}

static void
test_levels (void)
{
  g_test_trap_subprocess ("/log/quiet/subprocess", 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("prog: a message\nprog: warning: ?T1/2? a warning\n");
  g_test_trap_subprocess ("/log/verbose/subprocess", 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("prog: an info\nprog: a message\nprog: warning: *");
  g_test_trap_subprocess ("/log/debug/subprocess", 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("prog: debug: a debug\nprog: an info\nprog: a message\nprog: warning: *");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_test_add_func ("/log/format", test_format);
  g_test_add_func ("/log/levels", test_levels);
  g_test_add_func ("/log/quiet/subprocess", test_quiet_child);
  g_test_add_func ("/log/verbose/subprocess", test_verbose_child);
  g_test_add_func ("/log/debug/subprocess", test_debug_child);
  return g_test_run ();
}
