/* Task logs on a pipe: prefixes, several logs at once, lines without end, long lines, and a reader that goes away. */
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/tcw-log-printer.h"
#include "tcw-test.h"

#define MAX_LINE 8192

/* A printer on a pipe that is large enough for all that a test writes. */
typedef struct
{
  int reader;
  int writer;
  TcwLogPrinter *printer;
  TcwTaskLog *logs[2];
  GThread *thread; /* that reads */
} Fixture;

static TcwTaskLog *
new_log (const char *path)
{
  g_autoptr (GError) error = NULL;
  TcwTaskLog *log = tcw_task_log_new (path, &error);

  g_assert_no_error (error);
  g_assert_cmpint (g_unlink (path), ==, 0);
  return log;
}

static void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  fixture->reader = fds[0];
  fixture->writer = fds[1];
  fixture->printer = tcw_log_printer_new (fixture->writer);
  fixture->logs[0] = new_log ("a.log");
  fixture->logs[1] = new_log ("b.log");
}

static void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (fixture->logs); i++)
    g_clear_pointer (&fixture->logs[i], tcw_task_log_unref);
  g_clear_pointer (&fixture->printer, tcw_log_printer_unref);
  if (fixture->writer >= 0)
    close (fixture->writer);
  if (fixture->reader >= 0)
    close (fixture->reader);
}

static void
write_text (TcwTaskLog *log, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (tcw_task_log_write (log, text, strlen (text), &error));
  g_assert_no_error (error);
}

/* What has come out since the last call; doesn't wait. */
static GString *
take_output (Fixture *fixture)
{
  GString *output = g_string_new (NULL);
  char buffer[4096];
  gssize n;

  g_assert_true (g_unix_set_fd_nonblocking (fixture->reader, TRUE, NULL));
  while ((n = read (fixture->reader, buffer, sizeof buffer)) > 0)
    g_string_append_len (output, buffer, n);
  return output;
}

static void
assert_output (Fixture *fixture, const char *expected)
{
  GString *output = take_output (fixture);

  g_assert_cmpstr (output->str, ==, expected);
  g_assert_cmpuint (output->len, ==, strlen (expected));
  g_string_free (output, TRUE);
}

/* One log passes as it is, at once. */
static void
test_alone (Fixture *fixture, gconstpointer data)
{
  GString *output;

  tcw_log_printer_attach (fixture->printer, fixture->logs[0], NULL);
  write_text (fixture->logs[0], "no end");
  assert_output (fixture, "no end");
  write_text (fixture->logs[0], "\n\n\r\033[1mx");
  assert_output (fixture, "\n\n\r\033[1mx");
  g_assert_true (tcw_task_log_write (fixture->logs[0], "\0\xff", 2, NULL));
  output = take_output (fixture);
  g_assert_cmpuint (output->len, ==, 2);
  g_assert_true (memcmp (output->str, "\0\xff", 2) == 0);
  g_string_free (output, TRUE);
  g_clear_pointer (&fixture->logs[0], tcw_task_log_unref);
  assert_output (fixture, "");
}

static void
test_prefix (Fixture *fixture, gconstpointer data)
{
  tcw_log_printer_attach (fixture->printer, fixture->logs[0], "one");
  write_text (fixture->logs[0], "a\nb\n\nc");
  assert_output (fixture, "one| a\none| b\none| \n");
  write_text (fixture->logs[0], "d");
  assert_output (fixture, "");
  write_text (fixture->logs[0], "e\n");
  assert_output (fixture, "one| cde\n");
}

/* Nothing of one log comes into a line of the other. */
static void
test_two (Fixture *fixture, gconstpointer data)
{
  tcw_log_printer_attach (fixture->printer, fixture->logs[0], "one");
  tcw_log_printer_attach (fixture->printer, fixture->logs[1], "two");
  write_text (fixture->logs[0], "1a");
  write_text (fixture->logs[1], "2a");
  write_text (fixture->logs[0], "1b\n1c");
  write_text (fixture->logs[1], "2b\n");
  write_text (fixture->logs[0], "\n");
  assert_output (fixture, "one| 1a1b\ntwo| 2a2b\none| 1c\n");
}

static void
test_no_end (Fixture *fixture, gconstpointer data)
{
  tcw_log_printer_attach (fixture->printer, fixture->logs[0], "one");
  tcw_log_printer_attach (fixture->printer, fixture->logs[1], "two");
  write_text (fixture->logs[0], "last");
  g_clear_pointer (&fixture->logs[0], tcw_task_log_unref);
  assert_output (fixture, "one| last\n");
  write_text (fixture->logs[1], "whole\n");
  g_clear_pointer (&fixture->logs[1], tcw_task_log_unref);
  assert_output (fixture, "two| whole\n");
}

/* The log outlives the caller's reference to the printer. */
static void
test_printer_goes_first (Fixture *fixture, gconstpointer data)
{
  tcw_log_printer_attach (fixture->printer, fixture->logs[0], "one");
  g_clear_pointer (&fixture->printer, tcw_log_printer_unref);
  write_text (fixture->logs[0], "a\n");
  assert_output (fixture, "one| a\n");
}

/* The pieces of a line of @length, in writes of @step bytes. */
static void
check_long_line (Fixture *fixture, gsize length, gsize step)
{
  g_autofree char *line = g_strnfill (length + 1, 'x');
  g_autoptr (GString) expected = g_string_new (NULL);
  GString *output;

  line[length] = '\n';
  for (gsize done = 0; done < length; done += MAX_LINE)
    {
      g_string_append (expected, "one| ");
      g_string_append_len (expected, line, (gssize) MIN (length - done, MAX_LINE));
      g_string_append_c (expected, '\n');
    }
  for (gsize done = 0; done <= length; done += step)
    g_assert_true (tcw_task_log_write (fixture->logs[0], line + done, MIN (length + 1 - done, step), NULL));
  output = take_output (fixture);
  g_assert_cmpuint (output->len, ==, expected->len);
  g_assert_cmpstr (output->str, ==, expected->str);
  g_string_free (output, TRUE);
}

static void
test_long_lines (Fixture *fixture, gconstpointer data)
{
  static const gsize lengths[] = { MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 2 * MAX_LINE - 1, 2 * MAX_LINE, 3 * MAX_LINE + 7 };
  static const gsize steps[] = { 100000, MAX_LINE, MAX_LINE - 1, 5000, 7 };

  tcw_log_printer_attach (fixture->printer, fixture->logs[0], "one");
  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    for (gsize k = 0; k < G_N_ELEMENTS (steps); k++)
      {
        g_test_message ("a line of %" G_GSIZE_FORMAT " in writes of %" G_GSIZE_FORMAT, lengths[i], steps[k]);
        check_long_line (fixture, lengths[i], steps[k]);
      }
  /* The empty line after a long one is a line. */
  check_long_line (fixture, MAX_LINE, 100000);
  write_text (fixture->logs[0], "\n");
  assert_output (fixture, "one| \n");
}

/* A name that a task chose can't break lines or speak to the terminal. */
static void
test_name (Fixture *fixture, gconstpointer data)
{
  tcw_log_printer_attach (fixture->printer, fixture->logs[0], "a\nb\t\033[2Jä\x7f");
  write_text (fixture->logs[0], "x\n");
  assert_output (fixture, "a b  [2Jä | x\n");
}

static void
test_broken_pipe (Fixture *fixture, gconstpointer data)
{
  void (*old_handler) (int) = signal (SIGPIPE, SIG_IGN);
  g_autofree char *much = g_strnfill (200000, 'x');

  tcw_log_printer_attach (fixture->printer, fixture->logs[0], NULL);
  tcw_log_printer_attach (fixture->printer, fixture->logs[1], "two");
  close (fixture->reader);
  fixture->reader = -1;
  /* The logs themselves go on. */
  write_text (fixture->logs[0], much);
  write_text (fixture->logs[0], "a\n");
  write_text (fixture->logs[1], "b\nc");
  g_assert_cmpuint (tcw_task_log_get_size (fixture->logs[0]), ==, 200002);
  g_assert_cmpuint (tcw_task_log_get_size (fixture->logs[1]), ==, 3);
  g_clear_pointer (&fixture->logs[1], tcw_task_log_unref);
  signal (SIGPIPE, old_handler);
}

/* A reader that is slow, at a descriptor that doesn't block, loses nothing. */
static gpointer
read_all (gpointer data)
{
  Fixture *fixture = data;
  GString *output = g_string_new (NULL);
  char buffer[1000];
  gssize n;

  while ((n = read (fixture->reader, buffer, sizeof buffer)) > 0)
    g_string_append_len (output, buffer, n);
  return output;
}

static void
test_nonblocking (Fixture *fixture, gconstpointer data)
{
  g_autofree char *much = g_strnfill (1000000, 'x');
  GString *output;

  g_assert_true (g_unix_set_fd_nonblocking (fixture->writer, TRUE, NULL));
  tcw_log_printer_attach (fixture->printer, fixture->logs[0], NULL);
  fixture->thread = g_thread_new ("reader", read_all, fixture);
  write_text (fixture->logs[0], much);
  close (fixture->writer);
  fixture->writer = -1;
  output = g_thread_join (fixture->thread);
  g_assert_cmpuint (output->len, ==, 1000000);
  g_assert_cmpstr (output->str, ==, much);
  g_string_free (output, TRUE);
}

static gpointer
write_much (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *much = g_strnfill (1000000, 'x');

  write_text (fixture->logs[0], much);
  return NULL;
}

/* A reader that stops reading holds the task up, until its log isn't shown any more. The log itself is whole. */
static void
test_stop (Fixture *fixture, gconstpointer data)
{
  char buffer[4096];

  tcw_log_printer_attach (fixture->printer, fixture->logs[0], NULL);
  fixture->thread = g_thread_new ("writer", write_much, fixture);
  g_assert_cmpint (read (fixture->reader, buffer, sizeof buffer), >, 0);
  tcw_log_printer_stop (fixture->printer);
  g_thread_join (fixture->thread);
  g_assert_cmpuint (tcw_task_log_get_size (fixture->logs[0]), ==, 1000000);
}

#define ADD(path, function) g_test_add ("/log-printer/" path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("alone", test_alone);
  ADD ("prefix", test_prefix);
  ADD ("two", test_two);
  ADD ("no-end", test_no_end);
  ADD ("printer-goes-first", test_printer_goes_first);
  ADD ("long-lines", test_long_lines);
  ADD ("name", test_name);
  ADD ("broken-pipe", test_broken_pipe);
  ADD ("nonblocking", test_nonblocking);
  ADD ("stop", test_stop);
  return tcw_test_run ();
}
