/* Reading, writing, making and measuring files; see tcw-fs.h. Trees are in tcw-fs-tree.c, copying in tcw-fs-copy.c. */
#include "base/tcw-fs.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/tcw-error.h"
#include "base/tcw-fd.h"

#define CHUNK ((gsize) 1024 * 1024)

static int
code_for_errno (int errsv)
{
  switch (errsv)
    {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      return TCW_ERROR_RESOURCE_UNAVAILABLE;
    default:
      return TCW_ERROR_INTERNAL;
    }
}

gboolean
tcw_fs_fail (GError **error, int errsv, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, TCW_ERROR, code_for_errno (errsv), "%s: %s", text, g_strerror (errsv));
  return FALSE;
}

static gboolean
write_all (int fd, const char *data, gsize len)
{
  while (len > 0)
    {
      gssize n = write (fd, data, MIN (len, CHUNK));

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return FALSE;
      data += n;
      len -= (gsize) n;
    }
  return TRUE;
}

gboolean
tcw_fs_sync (const char *path, GError **error)
{
  g_auto (TcwFd) fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (fd < 0)
    return tcw_fs_fail (error, errno, "cannot open “%s”", path);
  if (fsync (fd) < 0)
    return tcw_fs_fail (error, errno, "cannot bring “%s” to disk", path);
  return TRUE;
}

/* The temporary file is complete and closed, but not yet in place. */
static gboolean
write_temporary (const char *temporary, TcwFd fd, const char *data, gsize len, mode_t mode, GError **error)
{
  if (!write_all (fd, data, len))
    return tcw_fs_fail (error, errno, "cannot write “%s”", temporary);
  if (fchmod (fd, mode) < 0)
    return tcw_fs_fail (error, errno, "cannot set the mode of “%s”", temporary);
  if (fsync (fd) < 0)
    return tcw_fs_fail (error, errno, "cannot bring “%s” to disk", temporary);
  return TRUE;
}

gboolean
tcw_fs_write_atomic (const char *path, const void *data, gssize len, mode_t mode, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *temporary = g_strdup_printf ("%s/.%s.XXXXXX", folder, name);
  g_auto (TcwFd) fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0600);
  gsize size = len >= 0 ? (gsize) len : strlen (data);

  if (fd < 0)
    return tcw_fs_fail (error, errno, "cannot make a file in “%s”", folder);
  if (!write_temporary (temporary, fd, data, size, mode, error))
    {
      unlink (temporary);
      return FALSE;
    }
  if (rename (temporary, path) < 0)
    {
      tcw_fs_fail (error, errno, "cannot replace “%s”", path);
      unlink (temporary);
      return FALSE;
    }
  return tcw_fs_sync (folder, error);
}

/* Opens a regular file for reading; never waits for a FIFO or changes a terminal. */
int
tcw_fs_open_regular (const char *path, struct stat *st, GError **error)
{
  g_auto (TcwFd) fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (fd < 0 || fstat (fd, st) < 0)
    {
      tcw_fs_fail (error, errno, "cannot read “%s”", path);
      return -1;
    }
  if (!S_ISREG (st->st_mode))
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "cannot read “%s”: it is not a regular file", path);
      return -1;
    }
  return g_steal_fd (&fd);
}

char *
tcw_fs_read (const char *path, gsize max_bytes, gsize *len, GError **error)
{
  struct stat st = { 0 };
  g_auto (TcwFd) fd = tcw_fs_open_regular (path, &st, error);
  g_autoptr (GByteArray) content = NULL;
  gssize n = 1;

  if (fd < 0)
    return NULL;
  content = g_byte_array_sized_new ((guint) MIN ((gsize) st.st_size + 2, 64 * 1024));
  while (n != 0 && content->len <= max_bytes)
    {
      guint old = content->len;
      guint want = (guint) MIN (max_bytes - old + 1, 64 * 1024);

      g_byte_array_set_size (content, old + want);
      n = read (fd, content->data + old, want);
      if (n < 0 && errno != EINTR)
        {
          tcw_fs_fail (error, errno, "cannot read “%s”", path);
          return NULL;
        }
      g_byte_array_set_size (content, old + (guint) MAX (n, 0));
    }
  if (content->len > max_bytes)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "cannot read “%s”: it is over the limit of %" G_GSIZE_FORMAT " bytes", path,
                   max_bytes);
      return NULL;
    }
  if (len != NULL)
    *len = content->len;
  g_byte_array_append (content, (const guint8 *) "", 1);
  return (char *) g_byte_array_free (g_steal_pointer (&content), FALSE);
}

/* Makes one folder with exactly @mode; one that is there already is fine. */
static gboolean
make_one_folder (const char *path, mode_t mode, GError **error)
{
  g_auto (TcwFd) fd = -1;
  struct stat st;

  if (mkdir (path, 0700) < 0)
    {
      int errsv = errno;

      if (stat (path, &st) == 0 && S_ISDIR (st.st_mode))
        return TRUE;
      return tcw_fs_fail (error, errsv == EEXIST ? ENOTDIR : errsv, "cannot make the folder “%s”", path);
    }
  fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fchmod (fd, mode) < 0)
    return tcw_fs_fail (error, errno, "cannot set the mode of the folder “%s”", path);
  return TRUE;
}

gboolean
tcw_fs_make_folder (const char *path, mode_t mode, GError **error)
{
  gsize len = strlen (path);

  for (gsize i = 1; i <= len; i++)
    {
      g_autofree char *part = NULL;

      if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
        continue;
      part = g_strndup (path, i);
      if (!make_one_folder (part, mode, error))
        return FALSE;
    }
  return TRUE;
}

char *
tcw_fs_make_temp_folder (const char *parent, const char *prefix, GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s/%sXXXXXX", parent, prefix);

  if (g_mkdtemp (path) == NULL)
    {
      tcw_fs_fail (error, errno, "cannot make a folder in “%s”", parent);
      return NULL;
    }
  return g_steal_pointer (&path);
}

gboolean
tcw_fs_free_space (const char *folder, guint64 *bytes, GError **error)
{
  struct statvfs st;

  if (statvfs (folder, &st) < 0)
    return tcw_fs_fail (error, errno, "cannot look at the file system of “%s”", folder);
  *bytes = (guint64) st.f_bavail * (guint64) st.f_frsize;
  return TRUE;
}
