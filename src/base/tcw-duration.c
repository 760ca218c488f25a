/* Lengths of time as text; see tcw-duration.h. */
#include "base/tcw-duration.h"

#include <errno.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json-util.h"

typedef struct {
  const char *name; /* in the singular */
  gint64 seconds;
  const char *others[5];
} Unit;

/* From the longest to the shortest. */
static const Unit units[] = {
  { "week", 7 * 24 * 3600, { "w", "wk", "wks", NULL } },
  { "day", 24 * 3600, { "d", NULL } },
  { "hour", 3600, { "h", "hr", "hrs", NULL } },
  { "minute", 60, { "m", "min", "mins", NULL } },
  { "second", 1, { "s", "sec", "secs", NULL } },
};

static gboolean
fail (GError **error, const char *text, const char *what)
{
  g_autofree char *excerpt = tcw_json_excerpt (text, -1, 60);

  g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD,
               "“%s” is not a duration: %s (write seconds, or for example “1 day 2 hours 3 minutes” or “1h30m”)", excerpt, what);
  return FALSE;
}

/* The index of the unit @word, or -1. */
static int
find_unit (const char *word)
{
  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      gsize len = strlen (units[i].name);

      if (g_strv_contains (units[i].others, word))
        return (int) i;
      if (strncmp (word, units[i].name, len) == 0 && (word[len] == '\0' || g_str_equal (word + len, "s")))
        return (int) i;
    }
  return -1;
}

static const char *
skip_between (const char *p)
{
  for (;;)
    {
      p += strspn (p, " \t,+");
      if (!g_str_has_prefix (p, "and ") || p[4] == '\0')
        return p;
      p += 4;
    }
}

/* Reads "NUMBER UNIT" at *@p and adds it to @total. @seen has a bit for each unit that was there before. */
static gboolean
take_part (const char *text, const char **p, guint *seen, gint64 *total, GError **error)
{
  g_autofree char *word = NULL;
  char *end = NULL;
  guint64 number;
  gint64 part;
  gsize len;
  int unit;

  if (!g_ascii_isdigit (**p))
    return fail (error, text, "a number is expected before each unit");
  errno = 0;
  number = g_ascii_strtoull (*p, &end, 10);
  if (errno != 0 || number > G_MAXINT64)
    return fail (error, text, "a number is too large");
  end += strspn (end, " \t");
  for (len = 0; g_ascii_isalpha (end[len]); len++)
    ;
  word = g_ascii_strdown (end, (gssize) len);
  if (len == 0 && (*p != text + strspn (text, " \t") || *end != '\0'))
    return fail (error, text, "a number has no unit");
  unit = len == 0 ? (int) G_N_ELEMENTS (units) - 1 : find_unit (word);
  if (unit < 0)
    return fail (error, text, "the units are seconds, minutes, hours, days and weeks");
  if (*seen & 1u << unit)
    return fail (error, text, "a unit is there twice");
  if (__builtin_mul_overflow ((gint64) number, units[unit].seconds, &part) || __builtin_add_overflow (*total, part, total))
    return fail (error, text, "it is too long");
  *seen |= 1u << unit;
  *p = skip_between (end + len);
  return TRUE;
}

gboolean
tcw_duration_parse (const char *text, gint64 *seconds, GError **error)
{
  const char *p = text + strspn (text, " \t");
  gint64 total = 0;
  guint seen = 0;

  if (*p == '\0')
    return fail (error, text, "it is empty");
  if (*p == '-')
    return fail (error, text, "it must not be negative");
  while (*p != '\0')
    {
      if (!take_part (text, &p, &seen, &total, error))
        return FALSE;
    }
  *seconds = total;
  return TRUE;
}

gboolean
tcw_duration_from_json (JsonNode *node, gint64 *seconds, GError **error)
{
  g_autofree char *text = NULL;

  if (g_str_equal (tcw_json_type_name (node), "string"))
    return tcw_duration_parse (json_node_get_string (node), seconds, error);
  text = tcw_json_to_string (node, TCW_JSON_SORTED);
  if (strspn (text, "-0123456789") != strlen (text))
    return fail (error, text, "it is neither a whole number of seconds nor text");
  return tcw_duration_parse (text, seconds, error);
}

char *
tcw_duration_to_string (gint64 seconds)
{
  GString *out = g_string_new (NULL);

  if (seconds < 0)
    g_string_append_c (out, '-');
  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      gint64 n = seconds / units[i].seconds;

      seconds %= units[i].seconds;
      n = n < 0 ? -n : n;
      if (n > 0)
        g_string_append_printf (out, "%s%" G_GINT64_FORMAT " %s%s", out->len > 1 ? " " : "", n, units[i].name, n == 1 ? "" : "s");
    }
  if (out->len == 0)
    g_string_append (out, "0 seconds");
  return g_string_free (out, FALSE);
}
