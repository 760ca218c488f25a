/* The log writer of the program; see tcw-log.h. */
#include "base/tcw-log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *program;
  gboolean verbose;
  gboolean journal;
  gboolean colour;
} Writer;

/* Returns (transfer full) the text of a field, or NULL. */
static char *
get_field (const GLogField *fields, gsize n_fields, const char *key)
{
  for (gsize i = 0; i < n_fields; i++)
    {
      if (g_str_equal (fields[i].key, key))
        return fields[i].length < 0 ? g_strdup (fields[i].value) : g_strndup (fields[i].value, (gsize) fields[i].length);
    }
  return NULL;
}

static void
append_clean (GString *out, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (g_unichar_iscntrl (c) && c != '\n' && c != '\t')
        g_string_append_printf (out, "\\x%02x", c);
      else
        g_string_append_unichar (out, c);
    }
}

static const char *
level_name (GLogLevelFlags level)
{
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return "internal error";
  if (level & G_LOG_LEVEL_WARNING)
    return "warning";
  return level & G_LOG_LEVEL_DEBUG ? "debug" : NULL;
}

static const char *
level_colour (GLogLevelFlags level)
{
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return "\033[1;31m";
  return level & G_LOG_LEVEL_WARNING ? "\033[1;33m" : "\033[2m";
}

char *
tcw_log_format (const char *program, GLogLevelFlags level, const GLogField *fields, gsize n_fields, gboolean colour)
{
  g_autofree char *message = get_field (fields, n_fields, "MESSAGE");
  g_autofree char *task = get_field (fields, n_fields, "TASK_ID");
  g_autofree char *run = get_field (fields, n_fields, "RUN_ID");
  GString *out = g_string_new (program);
  const char *name = level_name (level);

  g_string_append (out, ": ");
  if (name != NULL)
    g_string_append_printf (out, "%s%s:%s ", colour ? level_colour (level) : "", name, colour ? "\033[0m" : "");
  if (task != NULL)
    {
      g_string_append_c (out, '[');
      append_clean (out, task);
      g_string_append (out, run != NULL ? "/" : "");
      append_clean (out, run != NULL ? run : "");
      g_string_append (out, "] ");
    }
  append_clean (out, message != NULL ? message : "(no message)");
  g_string_append_c (out, '\n');
  return g_string_free (out, FALSE);
}

static gboolean
is_dropped (const Writer *writer, GLogLevelFlags level, const char *domain)
{
  if (level & G_LOG_LEVEL_INFO && writer->verbose)
    return FALSE;
  return g_log_writer_default_would_drop (level, domain);
}

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  const Writer *writer = data;
  g_autofree char *domain = get_field (fields, n_fields, "GLIB_DOMAIN");
  g_autofree char *line = NULL;

  if (is_dropped (writer, level, domain))
    return G_LOG_WRITER_HANDLED;
  if (writer->journal && g_log_writer_journald (level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
    return G_LOG_WRITER_HANDLED;
  line = tcw_log_format (writer->program, level, fields, n_fields, writer->colour);
  /* One call, so that lines of several threads don't mix. */
  fputs (line, stderr);
  fflush (stderr);
  return G_LOG_WRITER_HANDLED;
}

static void
free_writer (gpointer data)
{
  Writer *writer = data;

  g_free (writer->program);
  g_free (writer);
}

void
tcw_log_init (const char *program, gboolean verbose)
{
  Writer *writer = g_new0 (Writer, 1);

  writer->program = g_strdup (program);
  writer->verbose = verbose;
  writer->journal = g_log_writer_is_journald (fileno (stderr));
  writer->colour = g_log_writer_supports_color (fileno (stderr));
  g_log_set_writer_func (write_log, writer, free_writer);
}

void
tcw_log (const TcwLogTask *task, const char *domain, GLogLevelFlags level, const char *format, ...)
{
  g_autofree char *text = NULL;
  static const char *const priorities[] = { "3", "4", "4", "5", "6", "7" };
  GLogField fields[5];
  gsize n = 0;
  guint index = 0;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  for (guint bit = G_LOG_LEVEL_ERROR; index < G_N_ELEMENTS (priorities) - 1 && ((guint) level & bit) == 0; bit <<= 1)
    index++;
  fields[n++] = (GLogField) { "MESSAGE", text, -1 };
  fields[n++] = (GLogField) { "GLIB_DOMAIN", domain, -1 };
  fields[n++] = (GLogField) { "PRIORITY", priorities[index], -1 };
  if (task != NULL && task->task_id != NULL)
    fields[n++] = (GLogField) { "TASK_ID", task->task_id, -1 };
  if (task != NULL && task->run_id != NULL)
    fields[n++] = (GLogField) { "RUN_ID", task->run_id, -1 };
  g_log_structured_array (level, fields, n);
}
