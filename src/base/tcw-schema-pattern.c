/*
 * Patterns: ECMA 262 in, PCRE out. What both write alike is left alone, what means something else is translated, and what only PCRE has
 * is refused, so that a schema means the same to every validator. See tcw-schema.h for the differences that stay.
 */
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-schema-private.h"

/* How often PCRE may try before it gives up, and how much memory (KiB) it may take for that. */
#define LIMITS "(*LIMIT_MATCH=200000)(*LIMIT_DEPTH=20000)(*LIMIT_HEAP=20000)"

typedef struct {
  const char *p;
  GString *out;
  gboolean in_class;
  gboolean after_quantifier;
  const char *problem;
} Translation;

static gboolean
take_hex (const char *p, guint n, guint *value)
{
  *value = 0;
  for (guint i = 0; i < n; i++)
    {
      if (!g_ascii_isxdigit (p[i]))
        return FALSE;
      *value = *value << 4 | (guint) g_ascii_xdigit_value (p[i]);
    }
  return TRUE;
}

/* "\uXXXX", with the second half of a surrogate pair, or "\u{X}"; p stands behind the u. */
static void
translate_unicode (Translation *t)
{
  guint code = 0;
  guint low = 0;

  if (*t->p == '{')
    {
      const char *end = strchr (t->p, '}');

      if (end == NULL || end - t->p < 2 || end - t->p > 7 || !take_hex (t->p + 1, (guint) (end - t->p - 1), &code))
        code = 0xFFFFFFFF;
      else
        t->p = end + 1;
    }
  else if (take_hex (t->p, 4, &code))
    {
      t->p += 4;
      if (code >= 0xD800 && code < 0xDC00 && t->p[0] == '\\' && t->p[1] == 'u' && take_hex (t->p + 2, 4, &low) && low >= 0xDC00
          && low < 0xE000)
        {
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
          t->p += 6;
        }
    }
  else
    code = 0xFFFFFFFF;
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
    t->problem = "has a \\u that isn't a character";
  else
    g_string_append_printf (t->out, "\\x{%x}", code);
}

/* The long names of general categories, which PCRE doesn't have; p stands behind "\p" or "\P". */
static void
translate_property (Translation *t, char letter)
{
  static const char *const names[][2] = {
    { "Letter", "L" }, { "Uppercase_Letter", "Lu" }, { "Lowercase_Letter", "Ll" }, { "Titlecase_Letter", "Lt" }, { "Mark", "M" },
    { "Number", "N" }, { "Decimal_Number", "Nd" }, { "digit", "Nd" }, { "Punctuation", "P" }, { "punct", "P" },
    { "Symbol", "S" }, { "Separator", "Z" }, { "Space_Separator", "Zs" }, { "Other", "C" }, { "Control", "Cc" },
  };
  const char *end = *t->p == '{' ? strchr (t->p, '}') : NULL;
  g_autofree char *name = NULL;
  const char *known;

  if (end == NULL)
    {
      t->problem = "has a \\p without a name in braces";
      return;
    }
  name = g_strndup (t->p + 1, (gsize) (end - t->p - 1));
  known = name;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      if (g_str_equal (name, names[i][0]))
        known = names[i][1];
    }
  g_string_append_printf (t->out, "\\%c{%s}", letter, known);
  t->p = end + 1;
}

/* \d and \w are ASCII in ECMA 262, but not in GRegex. */
static void
translate_set (Translation *t, char letter)
{
  const char *set = g_ascii_tolower (letter) == 'd' ? "0-9" : "A-Za-z0-9_";

  if (!g_ascii_isupper (letter))
    g_string_append_printf (t->out, t->in_class ? "%s" : "[%s]", set);
  else if (!t->in_class)
    g_string_append_printf (t->out, "[^%s]", set);
  else if (letter == 'D')
    g_string_append (t->out, "\\x{00}-/:-\\x{10ffff}");
  else
    g_string_append (t->out, "\\x{00}-/:-@\\[-\\^`{-\\x{10ffff}");
}

/* White space of ECMA 262 is that of Unicode and U+FEFF, which PCRE leaves out. */
static void
translate_space (Translation *t, char letter)
{
  if (t->in_class)
    g_string_append (t->out, letter == 's' ? "\\s\\x{feff}" : "\\S");
  else
    g_string_append (t->out, letter == 's' ? "[\\s\\x{feff}]" : "[^\\s\\x{feff}]");
}

/* p stands on the backslash. */
static void
translate_escape (Translation *t)
{
  char letter = t->p[1];
  guint code = 0;

  t->p += letter != '\0' ? 2 : 1;
  if (letter == '\0')
    t->problem = "ends in a backslash";
  else if (letter == 'u')
    translate_unicode (t);
  else if (letter == 'p' || letter == 'P')
    translate_property (t, letter);
  else if (strchr ("dDwW", letter) != NULL)
    translate_set (t, letter);
  else if (letter == 'v')
    g_string_append (t->out, "\\x0b");
  else if (letter == 's' || letter == 'S')
    translate_space (t, letter);
  else if (letter == 'x' && !take_hex (t->p, 2, &code))
    t->problem = "has a \\x without two hexadecimal digits";
  else if (letter == 'c' && !g_ascii_isalpha (*t->p))
    t->problem = "has a \\c without a letter";
  else if (letter == 'k' && *t->p != '<')
    t->problem = "has a \\k without a name";
  else if (letter == 'B' && t->in_class)
    t->problem = "has a \\B in a class";
  else if (g_ascii_isalpha (letter) && strchr ("bBtnfrxck", letter) == NULL)
    t->problem = "has an escape that ECMA 262 doesn't have";
  else
    g_string_append_printf (t->out, "\\%c", letter);
}

/* p stands on the bracket. "[]" matches nothing and "[^]" everything. */
static void
open_class (Translation *t)
{
  if (g_str_has_prefix (t->p, "[]"))
    {
      g_string_append (t->out, "(?!)");
      t->p += 2;
    }
  else if (g_str_has_prefix (t->p, "[^]"))
    {
      g_string_append (t->out, "[\\s\\S]");
      t->p += 3;
    }
  else
    {
      t->in_class = TRUE;
      g_string_append_c (t->out, *t->p++);
      if (*t->p == '^')
        g_string_append_c (t->out, *t->p++);
    }
}

/* p stands on a parenthesis. */
static void
open_group (Translation *t)
{
  static const char *const known[] = { "(?:", "(?=", "(?!", "(?<" };
  gboolean ok = t->p[1] != '?' && t->p[1] != '*';

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    ok = ok || g_str_has_prefix (t->p, known[i]);
  if (!ok)
    t->problem = "has a group that ECMA 262 doesn't have";
  g_string_append_c (t->out, *t->p++);
}

static void
translate_one (Translation *t)
{
  gboolean quantifier = !t->in_class && strchr ("*+?}", *t->p) != NULL;

  if (t->after_quantifier && *t->p == '+')
    t->problem = "has a quantifier after a quantifier";
  if (*t->p == '\\')
    translate_escape (t);
  else if (t->in_class && *t->p == '[')
    {
      /* In ECMA 262 it is an ordinary character, in PCRE it may begin "[:alpha:]". */
      g_string_append (t->out, "\\[");
      t->p++;
    }
  else if (!t->in_class && *t->p == '[')
    open_class (t);
  else if (!t->in_class && *t->p == '(')
    open_group (t);
  else
    {
      if (*t->p == ']')
        t->in_class = FALSE;
      g_string_append_c (t->out, *t->p++);
    }
  t->after_quantifier = quantifier;
}

GRegex *
tcw_schema_pattern_new (const char *pattern, GError **error)
{
  g_autoptr (GString) out = g_string_new (LIMITS);
  g_autoptr (GError) compile_error = NULL;
  Translation t = { .p = pattern, .out = out };
  GRegex *regex;

  while (*t.p != '\0' && t.problem == NULL)
    translate_one (&t);
  if (t.problem != NULL)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "the pattern %s %s", pattern, t.problem);
      return NULL;
    }
  regex = g_regex_new (out->str, G_REGEX_DOLLAR_ENDONLY, 0, &compile_error);
  if (regex == NULL)
    g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "the pattern %s is wrong: %s", pattern, compile_error->message);
  return regex;
}
