/* The log of a task run: the worker's lines between the command's bytes, the mirror, threads, and a disk that is full. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "engine/tcw-task-log.h"
#include "tcw-test.h"

#define PATH "task.log"
#define STAMP "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"
#define N_THREADS 8
#define N_ROUNDS 200

static TcwTaskLog *
new_log (void)
{
  g_autoptr (GError) error = NULL;
  TcwTaskLog *log = tcw_task_log_new (PATH, &error);

  g_assert_no_error (error);
  return log;
}

static void
write_text (TcwTaskLog *log, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (tcw_task_log_write (log, text, strlen (text), &error));
  g_assert_no_error (error);
}

/* The log's content with each time replaced by "T"; removes the file. */
static char *
take_content (TcwTaskLog *log)
{
  g_autoptr (GRegex) stamp = g_regex_new (STAMP, 0, 0, NULL);
  g_autofree char *content = NULL;
  gsize length = 0;

  g_assert_true (g_file_get_contents (tcw_task_log_get_path (log), &content, &length, NULL));
  g_assert_cmpuint (tcw_task_log_get_size (log), ==, length);
  g_assert_cmpint (g_unlink (tcw_task_log_get_path (log)), ==, 0);
  return g_regex_replace_literal (stamp, content, -1, 0, "T", 0, NULL);
}

static void
assert_bytes (GByteArray *bytes, const char *expected, gsize length)
{
  g_assert_cmpuint (bytes->len, ==, length);
  g_assert_true (memcmp (bytes->data, expected, length) == 0);
}

static void
test_line_starts (void)
{
  static const struct
  {
    const char *before; /* NULL: nothing is written */
    const char *message;
    const char *expected;
  } cases[] = {
    { NULL, "hello", "[taskcluster T] hello\n" },
    { "", "hello", "[taskcluster T] hello\n" },
    { "out\n", "hello", "out\n[taskcluster T] hello\n" },
    { "out", "hello", "out\n[taskcluster T] hello\n" },
    { "out\r", "hello", "out\r\n[taskcluster T] hello\n" },
    { "\n", "hello", "\n[taskcluster T] hello\n" },
    { "a\nb", "c\nd", "a\nb\n[taskcluster T] c\n[taskcluster T] d\n" },
    { NULL, "c\n\nd", "[taskcluster T] c\n[taskcluster T] \n[taskcluster T] d\n" },
    { NULL, "100 % of %s", "[taskcluster T] 100 % of %s\n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TcwTaskLog) log = new_log ();
      g_autofree char *content = NULL;

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      if (cases[i].before != NULL)
        write_text (log, cases[i].before);
      tcw_task_log_message (log, "%s", cases[i].message);
      content = take_content (log);
      g_assert_cmpstr (content, ==, cases[i].expected);
    }
}

static void
test_in_between (void)
{
  g_autoptr (TcwTaskLog) log = new_log ();
  g_autofree char *content = NULL;

  tcw_task_log_message (log, "begin %d", 1);
  write_text (log, "x");
  write_text (log, "");
  tcw_task_log_error (log, "bad\nworse");
  write_text (log, "y\n");
  tcw_task_log_message (log, "end");
  content = take_content (log);
  g_assert_cmpstr (content, ==,
                   "[taskcluster T] begin 1\nx\n[taskcluster:error T] bad\n[taskcluster:error T] worse\ny\n[taskcluster T] end\n");
}

static void
test_time (void)
{
  g_autoptr (TcwTaskLog) log = new_log ();
  g_autofree char *content = NULL;
  g_autofree char *stamp = NULL;
  gint64 before = g_get_real_time () / 1000;
  g_autoptr (GDateTime) time = NULL;
  gint64 written;

  tcw_task_log_message (log, "now");
  g_assert_true (g_file_get_contents (PATH, &content, NULL, NULL));
  stamp = g_strndup (content + strlen ("[taskcluster "), strlen ("2026-01-01T00:00:00.000Z"));
  time = g_date_time_new_from_iso8601 (stamp, NULL);
  g_assert_nonnull (time);
  written = g_date_time_to_unix (time) * 1000 + g_date_time_get_microsecond (time) / 1000;
  g_assert_cmpint (written, >=, before);
  g_assert_cmpint (written, <=, g_get_real_time () / 1000);
  g_assert_cmpint (g_unlink (PATH), ==, 0);
}

static void
on_mirrored (const guint8 *data, gsize length, gpointer user_data)
{
  g_byte_array_append (user_data, data, (guint) length);
}

static void
mirror_gone (gpointer user_data)
{
  /* Once, or the next comparison fails. */
  g_byte_array_append (user_data, (const guint8 *) "$", 1);
}

static void
test_mirror (void)
{
  g_autoptr (GByteArray) mirrored = g_byte_array_new ();
  TcwTaskLog *log = new_log ();
  g_autofree char *content = NULL;
  gsize length = 0;

  tcw_task_log_set_mirror (log, on_mirrored, mirrored, mirror_gone);
  g_assert_true (tcw_task_log_write (log, "a\0b\xff", 4, NULL));
  tcw_task_log_message (log, "hello");
  tcw_task_log_unref (tcw_task_log_ref (log));
  g_assert_true (g_file_get_contents (PATH, &content, &length, NULL));
  assert_bytes (mirrored, content, length);
  g_assert_true (memcmp (content, "a\0b\xff\n", 5) == 0);
  tcw_task_log_unref (log);
  g_assert_cmpuint (mirrored->len, ==, length + 1);
  g_assert_cmpint (g_unlink (PATH), ==, 0);
}

static gpointer
write_lines (gpointer data)
{
  TcwTaskLog *log = data;

  for (int i = 0; i < N_ROUNDS; i++)
    {
      write_text (log, "out out out out\n");
      tcw_task_log_message (log, "one\ntwo");
    }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (TcwTaskLog) log = new_log ();
  g_autoptr (GByteArray) mirrored = g_byte_array_new ();
  GThread *threads[N_THREADS];
  g_autofree char *raw = NULL;
  g_autofree char *content = NULL;
  g_auto (GStrv) lines = NULL;
  gsize length = 0;

  tcw_task_log_set_mirror (log, on_mirrored, mirrored, NULL);
  for (int i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("writer", write_lines, log);
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_true (g_file_get_contents (PATH, &raw, &length, NULL));
  assert_bytes (mirrored, raw, length);
  content = take_content (log);
  lines = g_strsplit (content, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3 * N_THREADS * N_ROUNDS + 1);
  for (char **line = lines; line[1] != NULL; line++)
    if (g_str_equal (*line, "[taskcluster T] one"))
      g_assert_cmpstr (*++line, ==, "[taskcluster T] two");
    else
      g_assert_cmpstr (*line, ==, "out out out out");
}

static void
test_full_disk (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) mirrored = g_byte_array_new ();
  g_autoptr (TcwTaskLog) log = tcw_task_log_new ("/dev/full", &error);

  g_assert_no_error (error);
  tcw_task_log_set_mirror (log, on_mirrored, mirrored, NULL);
  g_assert_false (tcw_task_log_write (log, "x", 1, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE);
  g_assert_cmpstr (error->message, ==, "cannot write to the task's log /dev/full: No space left on device");
  g_test_expect_message (NULL, G_LOG_LEVEL_WARNING, "cannot write to the task's log /dev/full: No space left on device");
  tcw_task_log_message (log, "hello");
  g_test_assert_expected_messages ();
  g_assert_cmpuint (tcw_task_log_get_size (log), ==, 0);
  g_assert_cmpuint (mirrored->len, ==, 0);
}

/* Room for 10 of 17 bytes; then the disk has room again. */
static void
test_partly_written (void)
{
  g_autoptr (TcwTaskLog) log = new_log ();
  g_autoptr (GByteArray) mirrored = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  struct rlimit old;
  struct rlimit tight;
  void (*old_handler) (int) = signal (SIGXFSZ, SIG_IGN);
  g_autofree char *content = NULL;
  gboolean written;

  tcw_task_log_set_mirror (log, on_mirrored, mirrored, NULL);
  write_text (log, "whole\n");
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &old), ==, 0);
  tight = old;
  tight.rlim_cur = 10;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &tight), ==, 0);
  written = tcw_task_log_write (log, "half of it\n", 11, &error);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &old), ==, 0);
  signal (SIGXFSZ, old_handler);
  g_assert_false (written);
  g_assert_error (error, TCW_ERROR, TCW_ERROR_INTERNAL);
  assert_bytes (mirrored, "whole\nhalf", 10);
  g_assert_cmpuint (tcw_task_log_get_size (log), ==, 10);
  tcw_task_log_message (log, "hello");
  content = take_content (log);
  g_assert_cmpstr (content, ==, "whole\nhalf\n[taskcluster T] hello\n");
}

static void
test_new (void)
{
  g_autoptr (TcwTaskLog) log = NULL;
  g_autoptr (GError) no_folder = NULL;
  g_autoptr (GError) through_link = NULL;
  struct stat status;

  g_assert_true (g_file_set_contents (PATH, "of the last run", -1, NULL));
  g_assert_cmpint (g_chmod (PATH, 0600), ==, 0);
  log = new_log ();
  g_assert_cmpint (stat (PATH, &status), ==, 0);
  g_assert_cmpint (status.st_size, ==, 0);
  g_assert_cmpint (g_unlink (PATH), ==, 0);
  g_clear_pointer (&log, tcw_task_log_unref);
  log = new_log ();
  g_assert_cmpint (stat (PATH, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 0777, ==, 0600);

  g_assert_null (tcw_task_log_new ("missing/task.log", &no_folder));
  g_assert_error (no_folder, TCW_ERROR, TCW_ERROR_INTERNAL);
  g_assert_cmpstr (no_folder->message, ==, "cannot make the task's log missing/task.log: No such file or directory");
  g_assert_cmpint (symlink (PATH, "link.log"), ==, 0);
  g_assert_null (tcw_task_log_new ("link.log", &through_link));
  g_assert_error (through_link, TCW_ERROR, TCW_ERROR_INTERNAL);
  g_assert_cmpint (g_unlink ("link.log"), ==, 0);
  g_assert_cmpint (g_unlink (PATH), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/task-log/line-starts", test_line_starts);
  g_test_add_func ("/task-log/in-between", test_in_between);
  g_test_add_func ("/task-log/time", test_time);
  g_test_add_func ("/task-log/mirror", test_mirror);
  g_test_add_func ("/task-log/threads", test_threads);
  g_test_add_func ("/task-log/full-disk", test_full_disk);
  g_test_add_func ("/task-log/partly-written", test_partly_written);
  g_test_add_func ("/task-log/new", test_new);
  return tcw_test_run ();
}
