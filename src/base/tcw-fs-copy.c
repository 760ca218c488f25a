/* tcw_fs_copy(): a clone where the file system can share extents, otherwise its data without its holes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/tcw-error.h"
#include "base/tcw-fd.h"
#include "base/tcw-fs.h"

#define STEP ((off_t) 16 * 1024 * 1024)
#define BUFFER ((gsize) 1024 * 1024)

typedef struct {
  const char *from;
  const char *to;
  int in;
  int out;
  gboolean by_hand; /* the kernel can't copy between these two files */
  guint8 *buffer;
  GCancellable *cancellable;
  GError **error;
} Copy;

/* Copies up to @len bytes at @offset by read and write; returns their number, or -1. */
static gssize
copy_by_hand (Copy *c, off_t offset, gsize len)
{
  gssize n = pread (c->in, c->buffer, MIN (len, BUFFER), offset);
  gssize done = 0;

  while (done < n)
    {
      gssize written = pwrite (c->out, c->buffer + done, (gsize) (n - done), offset + done);

      if (written < 0 && errno != EINTR)
        return -1;
      done += MAX (written, 0);
    }
  return n;
}

static gssize
copy_step (Copy *c, off_t offset, gsize len)
{
  off_t in_offset = offset;
  off_t out_offset = offset;
  gssize n;

  if (c->by_hand)
    return copy_by_hand (c, offset, len);
  n = copy_file_range (c->in, &in_offset, c->out, &out_offset, len, 0);
  /* Some file systems say 0 for what they can't do: then read and write are tried as well. */
  if (n > 0 || (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP && errno != EPERM))
    return n;
  c->by_hand = TRUE;
  return copy_by_hand (c, offset, len);
}

static gboolean
copy_range (Copy *c, off_t start, off_t end)
{
  while (start < end)
    {
      gssize n;

      if (g_cancellable_is_cancelled (c->cancellable))
        {
          g_set_error (c->error, TCW_ERROR, TCW_ERROR_CANCELLED, "copying “%s” was cancelled", c->from);
          return FALSE;
        }
      n = copy_step (c, start, (gsize) MIN (end - start, STEP));
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return tcw_fs_fail (c->error, errno, "cannot copy “%s” to “%s”", c->from, c->to);
      if (n == 0)
        return tcw_fs_fail (c->error, EIO, "“%s” became shorter while it was copied", c->from);
      start += n;
    }
  return TRUE;
}

/* Copies what is data; where the file system can't tell data from holes all counts as data. */
static gboolean
copy_data (Copy *c, off_t size)
{
  off_t at = 0;

  if (ftruncate (c->out, size) < 0)
    return tcw_fs_fail (c->error, errno, "cannot give “%s” its size", c->to);
  while (at < size)
    {
      off_t data = lseek (c->in, at, SEEK_DATA);
      off_t hole;

      if (data < 0 && errno == ENXIO)
        return TRUE;
      if (data < 0)
        data = at;
      hole = lseek (c->in, data, SEEK_HOLE);
      if (hole < 0 || hole > size)
        hole = size;
      if (!copy_range (c, data, hole))
        return FALSE;
      at = MAX (hole, data);
    }
  return TRUE;
}

static gboolean
copy_content (Copy *c, mode_t mode)
{
  struct stat st;

  if (fstat (c->in, &st) < 0)
    return tcw_fs_fail (c->error, errno, "cannot read “%s”", c->from);
  if (!S_ISREG (st.st_mode))
    return tcw_fs_fail (c->error, EINVAL, "cannot copy “%s”, which is not a regular file", c->from);
  if (ioctl (c->out, FICLONE, c->in) < 0 && !copy_data (c, st.st_size))
    return FALSE;
  if (fchmod (c->out, mode) < 0)
    return tcw_fs_fail (c->error, errno, "cannot set the mode of “%s”", c->to);
  if (fsync (c->out) < 0)
    return tcw_fs_fail (c->error, errno, "cannot bring “%s” to disk", c->to);
  return TRUE;
}

gboolean
tcw_fs_copy (const char *from, const char *to, mode_t mode, GCancellable *cancellable, GError **error)
{
  g_auto (TcwFd) in = open (from, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  g_auto (TcwFd) out = -1;
  g_autofree char *folder = g_path_get_dirname (to);
  g_autofree guint8 *buffer = g_malloc (BUFFER);
  Copy c = { .from = from, .to = to, .buffer = buffer, .cancellable = cancellable, .error = error };

  if (in < 0)
    return tcw_fs_fail (error, errno, "cannot read “%s”", from);
  out = open (to, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (out < 0)
    return tcw_fs_fail (error, errno, "cannot make “%s”", to);
  c.in = in;
  c.out = out;
  if (!copy_content (&c, mode))
    {
      unlink (to);
      return FALSE;
    }
  return tcw_fs_sync (folder, error);
}
