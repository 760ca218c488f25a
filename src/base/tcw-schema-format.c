/* The formats that are asserted: "date-time" of RFC 3339 and "uri" of RFC 3986. */
#include <string.h>

#include "base/tcw-schema-private.h"

/* Reads exactly @n digits at *@p, moving it on; -1 if they aren't there. */
static int
take_digits (const char **p, guint n)
{
  int value = 0;

  for (guint i = 0; i < n; i++, (*p)++)
    {
      if (!g_ascii_isdigit (**p))
        return -1;
      value = value * 10 + g_ascii_digit_value (**p);
    }
  return value;
}

static gboolean
take_char (const char **p, char wanted)
{
  if (g_ascii_tolower (**p) != wanted)
    return FALSE;
  (*p)++;
  return TRUE;
}

static gboolean
take_date (const char **p)
{
  int year = take_digits (p, 4);
  int month = year >= 0 && take_char (p, '-') ? take_digits (p, 2) : -1;
  int day = month >= 0 && take_char (p, '-') ? take_digits (p, 2) : -1;

  if (month < 1 || month > 12 || day < 1)
    return FALSE;
  /* GDate has no year 0; 2000 is a leap year just as 0 is. */
  return day <= g_date_get_days_in_month ((GDateMonth) month, (GDateYear) (year == 0 ? 2000 : year));
}

/* The offset in minutes, or FALSE. */
static gboolean
take_offset (const char **p, int *minutes)
{
  int sign = **p == '-' ? -1 : 1;
  int hour;
  int minute;

  *minutes = 0;
  if (take_char (p, 'z'))
    return TRUE;
  if (**p != '+' && **p != '-')
    return FALSE;
  (*p)++;
  hour = take_digits (p, 2);
  minute = hour >= 0 && take_char (p, ':') ? take_digits (p, 2) : -1;
  *minutes = sign * (hour * 60 + minute);
  return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

static gboolean
is_date_time (const char *text)
{
  const char *p = text;
  int hour;
  int minute;
  int second;
  int offset = 0;

  if (!take_date (&p) || !take_char (&p, 't'))
    return FALSE;
  hour = take_digits (&p, 2);
  minute = hour >= 0 && take_char (&p, ':') ? take_digits (&p, 2) : -1;
  second = minute >= 0 && take_char (&p, ':') ? take_digits (&p, 2) : -1;
  if (hour > 23 || minute > 59 || second < 0 || second > 60)
    return FALSE;
  if (take_char (&p, '.'))
    {
      if (take_digits (&p, 1) < 0)
        return FALSE;
      while (g_ascii_isdigit (*p))
        p++;
    }
  if (!take_offset (&p, &offset) || *p != '\0')
    return FALSE;
  /* Leap seconds come at the end of a day in UTC only. */
  return second < 60 || (hour * 60 + minute - offset + 2 * 1440) % 1440 == 1439;
}

/* Only characters that a URI may have, and whole percent escapes. */
static gboolean
has_uri_characters (const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    {
      if (*c == '%' && (!g_ascii_isxdigit (c[1]) || !g_ascii_isxdigit (c[2])))
        return FALSE;
      if (!g_ascii_isalnum (*c) && strchr ("-._~:/?#[]@!$&'()*+,;=%", *c) == NULL)
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_uri (const char *text)
{
  const char *colon = strchr (text, ':');
  const char *hash = strchr (text, '#');
  const char *rest;
  gsize authority;

  if (colon == NULL || !g_ascii_isalpha (*text) || !has_uri_characters (text))
    return FALSE;
  for (const char *c = text; c < colon; c++)
    {
      if (!g_ascii_isalnum (*c) && strchr ("+-.", *c) == NULL)
        return FALSE;
    }
  if (hash != NULL && strchr (hash + 1, '#') != NULL)
    return FALSE;
  rest = colon + 1;
  authority = g_str_has_prefix (rest, "//") ? 2 + strcspn (rest + 2, "/?#") : 0;
  /* Brackets stand around an IPv6 address only. */
  if (strpbrk (rest + authority, "[]") != NULL)
    return FALSE;
  return g_uri_is_valid (text, G_URI_FLAGS_NONE, NULL);
}

gboolean
tcw_schema_format_matches (const char *format, const char *text)
{
  if (g_str_equal (format, "date-time"))
    return is_date_time (text);
  if (g_str_equal (format, "uri"))
    return is_uri (text);
  return TRUE;
}
