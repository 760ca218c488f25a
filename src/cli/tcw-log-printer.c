/* Task logs on a terminal or pipe; see tcw-log-printer.h. */
#include "cli/tcw-log-printer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A longer line is shown in pieces. */
#define MAX_LINE 8192
/* How often one who waits for a reader looks whether that is still wanted. */
#define STOP_CHECK_MS 100

struct _TcwLogPrinter
{
  gatomicrefcount refs;
  GMutex mutex;
  int fd;
  gint silent; /* atomic */
  int problem; /* the errno that silenced it, or 0 */
};

typedef struct
{
  TcwLogPrinter *printer;
  char *prefix; /* NULL: bytes pass as they are */
  GString *line;
  gboolean in_pieces; /* the line has been shown in part */
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

void
tcw_log_printer_stop (TcwLogPrinter *self)
{
  g_atomic_int_set (&self->silent, TRUE);
}

/* Whether so much room is there that a pipe takes PIPE_BUF bytes at once. */
static gboolean
has_room (TcwLogPrinter *self)
{
  struct pollfd poll_fd = { .fd = self->fd, .events = POLLOUT };

  return poll (&poll_fd, 1, STOP_CHECK_MS) > 0;
}

int
tcw_log_printer_get_problem (TcwLogPrinter *self)
{
  int problem;

  g_mutex_lock (&self->mutex);
  problem = self->problem == EPIPE ? 0 : self->problem;
  g_mutex_unlock (&self->mutex);
  return problem;
}

static void
print (TcwLogPrinter *self, const void *data, gsize length)
{
  const guint8 *bytes = data;
  gsize done = 0;

  g_mutex_lock (&self->mutex);
  while (done < length && !g_atomic_int_get (&self->silent))
    {
      gssize n;

      if (!has_room (self))
        continue;
      n = write (self->fd, bytes + done, MIN (length - done, PIPE_BUF));
      if (n >= 0)
        done += (gsize) n;
      else if (errno != EINTR && errno != EAGAIN)
        {
          self->problem = errno;
          g_atomic_int_set (&self->silent, TRUE);
        }
    }
  g_mutex_unlock (&self->mutex);
}

/* Shows what there is of the line, as a line. The mere end of a line that was shown in pieces isn't another one. */
static void
flush_line (Attachment *attachment)
{
  GString *line = attachment->line;
  gboolean ended = line->len > 0 && line->str[line->len - 1] == '\n';
  gboolean mere_end = attachment->in_pieces && ended && line->len == 1;

  if (line->len == 0)
    return;
  attachment->in_pieces = !ended;
  if (!ended)
    g_string_append_c (line, '\n');
  g_string_prepend (line, attachment->prefix);
  if (!mere_end)
    print (attachment->printer, line->str, line->len);
  g_string_truncate (line, 0);
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

      take = MIN (take, MAX_LINE - attachment->line->len);
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

/* "NAME| " with blanks for what could break lines or speak to a terminal. */
static char *
make_prefix (const char *name)
{
  g_autofree char *valid = g_utf8_make_valid (name, -1);
  GString *prefix = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    g_string_append_unichar (prefix, g_unichar_iscntrl (g_utf8_get_char (p)) ? ' ' : g_utf8_get_char (p));
  g_string_append (prefix, "| ");
  return g_string_free (prefix, FALSE);
}

void
tcw_log_printer_attach (TcwLogPrinter *self, TcwTaskLog *log, const char *name)
{
  Attachment *attachment = g_new0 (Attachment, 1);

  attachment->printer = tcw_log_printer_ref (self);
  attachment->prefix = name != NULL ? make_prefix (name) : NULL;
  attachment->line = g_string_new (NULL);
  tcw_task_log_set_mirror (log, on_written, attachment, attachment_free);
}
