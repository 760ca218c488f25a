/* The log of one task run; see tcw-task-log.h. */
#include "engine/tcw-task-log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"

struct _TcwTaskLog
{
  gatomicrefcount refs;
  GMutex mutex;
  char *path;
  int fd;
  guint64 size;
  gboolean at_line_start;
  TcwTaskLogMirror mirror;
  gpointer mirror_data;
  GDestroyNotify mirror_destroy;
};

TcwTaskLog *
tcw_task_log_new (const char *path, GError **error)
{
  g_autoptr (TcwTaskLog) self = g_new0 (TcwTaskLog, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->mutex);
  self->path = g_strdup (path);
  self->at_line_start = TRUE;
  self->fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (self->fd < 0)
    {
      tcw_fs_fail (error, errno, "cannot make the task's log %s", path);
      return NULL;
    }
  return g_steal_pointer (&self);
}

TcwTaskLog *
tcw_task_log_ref (TcwTaskLog *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
tcw_task_log_unref (TcwTaskLog *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  if (self->mirror_destroy != NULL)
    self->mirror_destroy (self->mirror_data);
  if (self->fd >= 0)
    close (self->fd);
  g_mutex_clear (&self->mutex);
  g_free (self->path);
  g_free (self);
}

void
tcw_task_log_set_mirror (TcwTaskLog *self, TcwTaskLogMirror mirror, gpointer user_data, GDestroyNotify destroy)
{
  self->mirror = mirror;
  self->mirror_data = user_data;
  self->mirror_destroy = destroy;
}

/* With the lock held. What was written of @data counts and is shown, also when the rest could not be. */
static gboolean
write_locked (TcwTaskLog *self, const guint8 *data, gsize length, GError **error)
{
  gsize done = 0;
  int errsv = 0;

  while (done < length && errsv == 0)
    {
      gssize n = write (self->fd, data + done, length - done);

      if (n >= 0)
        done += (gsize) n;
      else if (errno != EINTR)
        errsv = errno;
    }
  self->size += done;
  if (done > 0)
    {
      self->at_line_start = data[done - 1] == '\n';
      if (self->mirror != NULL)
        self->mirror (data, done, self->mirror_data);
    }
  return errsv == 0 || tcw_fs_fail (error, errsv, "cannot write to the task's log %s", self->path);
}

gboolean
tcw_task_log_write (TcwTaskLog *self, const void *data, gsize length, GError **error)
{
  gboolean written;

  g_mutex_lock (&self->mutex);
  written = write_locked (self, data, length, error);
  g_mutex_unlock (&self->mutex);
  return written;
}

static void G_GNUC_PRINTF (3, 0)
write_lines (TcwTaskLog *self, const char *kind, const char *format, va_list args)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *text = g_strdup_vprintf (format, args);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  for (char **line = lines; *line != NULL; line++)
    g_string_append_printf (out, "[%s %s.%03dZ] %s\n", kind, time, g_date_time_get_microsecond (now) / 1000, *line);
  g_mutex_lock (&self->mutex);
  if (!self->at_line_start)
    g_string_prepend_c (out, '\n');
  if (!write_locked (self, (const guint8 *) out->str, out->len, &error))
    g_warning ("%s", error->message);
  g_mutex_unlock (&self->mutex);
}

void
tcw_task_log_message (TcwTaskLog *self, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  write_lines (self, "taskcluster", format, args);
  va_end (args);
}

void
tcw_task_log_error (TcwTaskLog *self, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  write_lines (self, "taskcluster:error", format, args);
  va_end (args);
}

guint64
tcw_task_log_get_size (TcwTaskLog *self)
{
  guint64 size;

  g_mutex_lock (&self->mutex);
  size = self->size;
  g_mutex_unlock (&self->mutex);
  return size;
}

const char *
tcw_task_log_get_path (TcwTaskLog *self)
{
  return self->path;
}
