/* The error domain of the worker; see tcw-error.h. */
#include "base/tcw-error.h"

G_DEFINE_QUARK (tcw-error-quark, tcw_error)

const char *
tcw_error_code_name (TcwError code)
{
  switch (code)
    {
    case TCW_ERROR_MALFORMED_PAYLOAD:
      return "malformed-payload";
    case TCW_ERROR_TASK_FAILED:
      return "task-failed";
    case TCW_ERROR_INTERMITTENT:
      return "intermittent-task";
    case TCW_ERROR_CANCELLED:
      return "canceled";
    case TCW_ERROR_DEADLINE:
      return "deadline";
    case TCW_ERROR_RESOURCE_UNAVAILABLE:
      return "resource-unavailable";
    case TCW_ERROR_SHUTDOWN:
      return "worker-shutdown";
    case TCW_ERROR_INTERNAL:
      return "internal-error";
    case TCW_ERROR_FATAL:
      return "fatal-error";
    case TCW_ERROR_USAGE:
      return "usage";
    default:
      return "unknown";
    }
}

GError *
tcw_error_wrap (GError *foreign, TcwError code, const char *format, ...)
{
  g_autoptr (GError) owned = foreign;
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);

  if (owned == NULL)
    return g_error_new_literal (TCW_ERROR, (int) code, text);
  return g_error_new (TCW_ERROR, owned->domain == TCW_ERROR ? owned->code : (int) code, "%s: %s", text, owned->message);
}
