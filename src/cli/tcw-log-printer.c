/* Task logs on a terminal or pipe; see tcw-log-printer.h. */
#include "cli/tcw-log-printer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A longer line is shown in pieces. */
#define MAX_LINE 8192

struct _TcwLogPrinter
{
  gatomicrefcount refs;
  GMutex mutex;
  int fd;
  gboolean broken;
};

typedef struct
{
  TcwLogPrinter *printer;
  char *prefix; /* NULL: bytes pass as they are */
  GString *line;
} Attachment;

TcwLogPrinter *
tcw_log_printer_new (int fd)
{
  TcwLogPrinter *self = g_new0 (TcwLogPrinter, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->mutex);
  self->fd = fd;
  return self;
}

TcwLogPrinter *
tcw_log_printer_ref (TcwLogPrinter *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
tcw_log_printer_unref (TcwLogPrinter *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_mutex_clear (&self->mutex);
  g_free (self);
}

static void
print (TcwLogPrinter *self, const void *data, gsize length)
{
  const guint8 *bytes = data;
  gsize done = 0;

  g_mutex_lock (&self->mutex);
  while (!self->broken && done < length)
    {
      gssize n = write (self->fd, bytes + done, length - done);

      if (n >= 0)
        done += (gsize) n;
      else if (errno == EAGAIN)
        {
          struct pollfd poll_fd = { .fd = self->fd, .events = POLLOUT };

          poll (&poll_fd, 1, -1);
        }
      else if (errno != EINTR)
        self->broken = TRUE;
    }
  g_mutex_unlock (&self->mutex);
}

static void
flush_line (Attachment *attachment)
{
  if (attachment->line->len == 0)
    return;
  if (attachment->line->str[attachment->line->len - 1] != '\n')
    g_string_append_c (attachment->line, '\n');
  g_string_prepend (attachment->line, attachment->prefix);
  print (attachment->printer, attachment->line->str, attachment->line->len);
  g_string_truncate (attachment->line, 0);
}

static void
on_written (const guint8 *data, gsize length, gpointer user_data)
{
  Attachment *attachment = user_data;

  if (attachment->prefix == NULL)
    {
      print (attachment->printer, data, length);
      return;
    }
  while (length > 0)
    {
      const guint8 *newline = memchr (data, '\n', length);
      gsize take = newline != NULL ? (gsize) (newline - data) + 1 : length;

      take = MIN (take, MAX_LINE);
      g_string_append_len (attachment->line, (const char *) data, (gssize) take);
      if (attachment->line->str[attachment->line->len - 1] == '\n' || attachment->line->len >= MAX_LINE)
        flush_line (attachment);
      data += take;
      length -= take;
    }
}

static void
attachment_free (gpointer data)
{
  Attachment *attachment = data;

  if (attachment->prefix != NULL)
    flush_line (attachment);
  g_string_free (attachment->line, TRUE);
  g_free (attachment->prefix);
  tcw_log_printer_unref (attachment->printer);
  g_free (attachment);
}

void
tcw_log_printer_attach (TcwLogPrinter *self, TcwTaskLog *log, const char *name)
{
  Attachment *attachment = g_new0 (Attachment, 1);

  attachment->printer = tcw_log_printer_ref (self);
  attachment->prefix = name != NULL ? g_strdup_printf ("%s| ", name) : NULL;
  attachment->line = g_string_new (NULL);
  tcw_task_log_set_mirror (log, on_written, attachment, attachment_free);
}
