/* Digests of files, by OpenSSL, which uses the processor's own instructions where GLib's checksums do not. See tcw-fs.h. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fd.h"
#include "base/tcw-fs.h"

#define CHUNK (1024 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_MD_CTX, EVP_MD_CTX_free)

/* Feeds all of @fd to @context. */
static gboolean
digest_file (int fd, const char *path, EVP_MD_CTX *context, GCancellable *cancellable, GError **error)
{
  g_autofree guchar *buffer = g_malloc (CHUNK);
  gssize n = 1;

  posix_fadvise (fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  while (n != 0)
    {
      if (g_cancellable_is_cancelled (cancellable))
        {
          g_set_error (error, TCW_ERROR, TCW_ERROR_CANCELLED, "reading “%s” was cancelled", path);
          return FALSE;
        }
      n = read (fd, buffer, CHUNK);
      if (n < 0 && errno != EINTR)
        return tcw_fs_fail (error, errno, "cannot read “%s”", path);
      if (n > 0)
        EVP_DigestUpdate (context, buffer, (size_t) n);
    }
  return TRUE;
}

char *
tcw_fs_sha256 (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (EVP_MD_CTX) context = EVP_MD_CTX_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  struct stat st;
  g_auto (TcwFd) fd = tcw_fs_open_regular (path, &st, error);

  if (fd < 0)
    return NULL;
  if (context == NULL || EVP_DigestInit_ex (context, EVP_sha256 (), NULL) != 1)
    {
      g_set_error_literal (error, TCW_ERROR, TCW_ERROR_INTERNAL, "OpenSSL cannot compute SHA-256");
      return NULL;
    }
  if (!digest_file (fd, path, context, cancellable, error) || EVP_DigestFinal_ex (context, digest, &length) != 1)
    return NULL;
  for (unsigned int i = 0; i < length; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  return g_string_free (g_steal_pointer (&text), FALSE);
}
