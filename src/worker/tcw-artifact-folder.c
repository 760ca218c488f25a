/* Artifacts into a local folder; see tcw-artifact-folder.h. */
#include "worker/tcw-artifact-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"

#define PARTIAL_NAME ".taskcluster-worker-partial"

struct _TcwArtifactFolder
{
  int dir_fd;

  /* Of the extraction under way. */
  const char *name;
  int parent_fd; /* the folder of the file under way */
  int fd;
  char *leaf; /* its last name */
  guint64 position;
  guint n_files;
  guint64 n_bytes;
};

TcwArtifactFolder *
tcw_artifact_folder_new (int dir_fd)
{
  TcwArtifactFolder *self = g_new0 (TcwArtifactFolder, 1);

  self->dir_fd = dir_fd;
  self->parent_fd = -1;
  self->fd = -1;
  return self;
}

static void
close_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

/* Forgets the file under way, with what was written of it. */
static void
drop_partial (TcwArtifactFolder *self)
{
  close_fd (&self->fd);
  if (self->parent_fd >= 0)
    unlinkat (self->parent_fd, PARTIAL_NAME, 0);
  close_fd (&self->parent_fd);
  g_clear_pointer (&self->leaf, g_free);
}

void
tcw_artifact_folder_free (TcwArtifactFolder *self)
{
  if (self == NULL)
    return;
  drop_partial (self);
  close_fd (&self->dir_fd);
  g_free (self);
}

/* Whether @components can be a path below a folder, that doesn't meet our own files. */
static gboolean
is_plain_path (char *const *components)
{
  gsize i;

  for (i = 0; components[i] != NULL; i++)
    {
      const char *name = components[i];

      if (name[0] == '\0' || strlen (name) > NAME_MAX || strcmp (name, ".") == 0 || strcmp (name, "..") == 0
          || strcmp (name, PARTIAL_NAME) == 0)
        return FALSE;
    }
  return i > 0;
}

/* Opens, making what is missing, the folder for @components but the last; never through a link. Returns -1 on error. */
static int
open_parent (TcwArtifactFolder *self, char *const *components, GError **error)
{
  int fd = fcntl (self->dir_fd, F_DUPFD_CLOEXEC, 0);

  if (fd < 0)
    tcw_fs_fail (error, errno, "cannot open the folder of artifacts");
  for (gsize i = 0; fd >= 0 && components[i + 1] != NULL; i++)
    {
      int next;

      if (mkdirat (fd, components[i], 0755) != 0 && errno != EEXIST)
        next = -1;
      else
        next = openat (fd, components[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (next < 0)
        tcw_fs_fail (error, errno, "cannot make the folder %s of the artifact", components[i]);
      close (fd);
      fd = next;
    }
  return fd;
}

static gboolean
begin_file (gpointer user_data, const char *path, guint64 size, GError **error)
{
  TcwArtifactFolder *self = user_data;
  g_autofree char *full = path[0] != '\0' ? g_strdup_printf ("%s/%s", self->name, path) : g_strdup (self->name);
  g_auto (GStrv) components = g_strsplit (full, "/", -1);

  self->position = 0;
  if (self->dir_fd < 0)
    return TRUE;
  if (!is_plain_path (components))
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "the artifact name “%s” can't be a path in a folder", full);
      return FALSE;
    }
  self->parent_fd = open_parent (self, components, error);
  if (self->parent_fd < 0)
    return FALSE;
  self->leaf = g_strdup (components[g_strv_length (components) - 1]);
  unlinkat (self->parent_fd, PARTIAL_NAME, 0);
  self->fd = openat (self->parent_fd, PARTIAL_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  return self->fd >= 0 || tcw_fs_fail (error, errno, "cannot make the artifact's file %s", full);
}

static gboolean
fail_too_large (TcwArtifactFolder *self, GError **error)
{
  g_set_error (error, TCW_ERROR, TCW_ERROR_TASK_FAILED, "the artifact %s is larger than a file can be", self->name);
  return FALSE;
}

static gboolean
fail_write (TcwArtifactFolder *self, int errsv, GError **error)
{
  if (errsv == EFBIG)
    return fail_too_large (self, error);
  return tcw_fs_fail (error, errsv, "cannot write the artifact %s", self->name);
}

static gboolean
write_data (gpointer user_data, const guint8 *data, gsize length, GError **error)
{
  TcwArtifactFolder *self = user_data;
  gsize done = 0;

  if (length > (guint64) G_MAXINT64 - self->position)
    return fail_too_large (self, error);
  while (self->fd >= 0 && done < length)
    {
      gssize n = pwrite (self->fd, data + done, length - done, (off_t) (self->position + done));

      if (n < 0 && errno != EINTR)
        return fail_write (self, errno, error);
      done += n > 0 ? (gsize) n : 0;
    }
  self->position += length;
  return TRUE;
}

static gboolean
write_hole (gpointer user_data, guint64 length, GError **error)
{
  TcwArtifactFolder *self = user_data;

  if (length > (guint64) G_MAXINT64 - self->position)
    return fail_too_large (self, error);
  self->position += length;
  return TRUE;
}

/* Gives the file under way its name. */
static gboolean
put_in_place (TcwArtifactFolder *self, GError **error)
{
  /* A hole at the end is only there once the size says so. */
  if (ftruncate (self->fd, (off_t) self->position) != 0)
    return fail_write (self, errno, error);
  if (renameat (self->parent_fd, PARTIAL_NAME, self->parent_fd, self->leaf) != 0)
    return tcw_fs_fail (error, errno, "cannot put the artifact's file %s in its place", self->leaf);
  close_fd (&self->fd);
  close_fd (&self->parent_fd);
  g_clear_pointer (&self->leaf, g_free);
  return TRUE;
}

static gboolean
end_file (gpointer user_data, GError **error)
{
  TcwArtifactFolder *self = user_data;

  if (self->dir_fd >= 0 && !put_in_place (self, error))
    return FALSE;
  self->n_files++;
  self->n_bytes += self->position;
  return TRUE;
}

gboolean
tcw_artifact_folder_keeps (TcwArtifactFolder *self)
{
  return self->dir_fd >= 0;
}

gboolean
tcw_artifact_folder_store (TcwArtifactFolder *self, TcwResultSet *results, TcwEntryKind kind, const char *path, const char *name,
                           guint *n_files, guint64 *n_bytes, GError **error)
{
  static const TcwEntryVisitor visitor = { .begin_file = begin_file, .data = write_data, .hole = write_hole, .end_file = end_file };
  gboolean stored;

  self->name = name;
  self->n_files = 0;
  self->n_bytes = 0;
  stored = tcw_result_set_extract (results, kind, path, &visitor, self, error);
  drop_partial (self);
  self->name = NULL;
  if (n_files != NULL)
    *n_files = self->n_files;
  if (n_bytes != NULL)
    *n_bytes = self->n_bytes;
  return stored;
}
