/* Conversion of libvirt's errors; see tcw-qemu-libvirt.h. */
#include "tcw-qemu-libvirt.h"

gboolean
tcw_qemu_set_libvirt_error (GError **error, TcwError code, const char *format, ...)
{
  virErrorPtr last = virGetLastError ();
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);

  /* VIR_ERR_NO_SPACE does not exist: a full disk arrives as a system error with its errno. */
  g_set_error (error, TCW_ERROR, (int) code, "%s: %s", text,
               last != NULL && last->message != NULL ? last->message : "libvirt gave no reason");
  return FALSE;
}
