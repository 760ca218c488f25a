/* Making qcow2 overlays with qemu-img; see tcw-qemu-overlay.h. */
#include "tcw-qemu-overlay.h"

#include "base/tcw-error.h"

/* -u: the backing file isn't opened, for we know its size and format. */
gboolean
tcw_qemu_overlay_create (const char *path, const char *backing, const char *backing_format, guint64 size, GCancellable *cancellable,
                         GError **error)
{
  g_autofree char *size_text = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  g_autoptr (GError) local = NULL;
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char *output = NULL;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, &local, "qemu-img", "create", "-q", "-f",
                              "qcow2", "-u", "-b", backing, "-F", backing_format, path, size_text, NULL);
  if (process == NULL)
    {
      g_propagate_error (error, tcw_error_wrap (g_steal_pointer (&local), TCW_ERROR_FATAL,
                                                "cannot run qemu-img (Debian's package qemu-utils)"));
      return FALSE;
    }
  if (!g_subprocess_communicate_utf8 (process, NULL, cancellable, &output, NULL, &local))
    {
      gboolean cancelled = g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED);

      /* It must not write any more when the caller cleans up. */
      g_subprocess_force_exit (process);
      g_subprocess_wait (process, NULL, NULL);
      g_propagate_error (error, tcw_error_wrap (g_steal_pointer (&local), cancelled ? TCW_ERROR_CANCELLED : TCW_ERROR_INTERNAL,
                                                "qemu-img create %s", path));
      return FALSE;
    }
  if (g_subprocess_get_successful (process))
    return TRUE;
  g_set_error (error, TCW_ERROR, g_strrstr (output, "No space left") != NULL ? TCW_ERROR_RESOURCE_UNAVAILABLE : TCW_ERROR_INTERNAL,
               "qemu-img cannot make %s: %s", path, g_strstrip (output));
  return FALSE;
}
