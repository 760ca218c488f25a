/* The strict reader of JSON: text in, JsonNode values out; see tcw-json.h. Owns the grammar, the limits and the wording of its errors. */
#include "base/tcw-json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"

#define DEFAULT_MAX_BYTES ((gsize) 16 * 1024 * 1024)
#define DEFAULT_MAX_DEPTH 64
#define HARD_MAX_DEPTH 512
#define DEFAULT_MAX_NODES 1000000
#define DEFAULT_MAX_MEMBERS 16384
#define EXCERPT_CHARS 32

typedef struct {
  const char *start;
  const char *p;
  const char *end;
  const char *name;
  TcwJsonLimits limits;
  guint depth;
  guint nodes;
  GError **error;
} Reader;

static JsonNode *read_value (Reader *r);

/* Sets the error for what stands at @at; always returns FALSE. */
static gboolean
fail (Reader *r, const char *at, const char *what)
{
  g_autofree char *excerpt = NULL;
  const char *line_start = r->start;
  guint line = 1;
  guint column = 1;

  for (const char *c = r->start; c < at; c++)
    {
      if (*c == '\n')
        {
          line++;
          line_start = c + 1;
        }
    }
  for (const char *c = line_start; c < at; c++)
    column += ((guchar) *c & 0xC0) != 0x80;

  if (at >= r->end)
    {
      g_set_error (r->error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "%s:%u:%u: %s, at the end of the text", r->name, line, column, what);
      return FALSE;
    }
  const char *stop = memchr (at + 1, '\n', (gsize) (r->end - at - 1));
  excerpt = tcw_json_excerpt (at, (stop != NULL ? stop : r->end) - at, EXCERPT_CHARS);
  g_set_error (r->error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "%s:%u:%u: %s, near “%s”", r->name, line, column, what, excerpt);
  return FALSE;
}

static void
skip_space (Reader *r)
{
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
    r->p++;
}

/* Reads four hexadecimal digits at p + @skip into @unit without moving on. */
static gboolean
peek_hex4 (Reader *r, gsize skip, guint *unit)
{
  guint value = 0;

  if ((gsize) (r->end - r->p) < skip + 4)
    return FALSE;
  for (gsize i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (r->p[skip + i]);

      if (digit < 0)
        return FALSE;
      value = value << 4 | (guint) digit;
    }
  *unit = value;
  return TRUE;
}

/* p stands on the backslash of \uXXXX; the second half of a surrogate pair is read with it. */
static gboolean
read_unicode_escape (Reader *r, GString *out)
{
  guint high = 0;
  guint low = 0;

  if (!peek_hex4 (r, 2, &high))
    return fail (r, r->p, "\\u must have four hexadecimal digits");
  if (high == 0)
    return fail (r, r->p, "\\u0000 isn't allowed");
  if (high < 0xD800 || high > 0xDFFF)
    {
      g_string_append_unichar (out, high);
      r->p += 6;
      return TRUE;
    }
  if (high > 0xDBFF || r->end - r->p < 12 || r->p[6] != '\\' || r->p[7] != 'u' || !peek_hex4 (r, 8, &low) || low < 0xDC00 || low > 0xDFFF)
    return fail (r, r->p, "a surrogate without its other half");
  g_string_append_unichar (out, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
  r->p += 12;
  return TRUE;
}

static gboolean
read_escape (Reader *r, GString *out)
{
  static const char from[] = "\"\\/bfnrt";
  static const char to[] = "\"\\/\b\f\n\r\t";
  const char *found = NULL;

  if (r->end - r->p < 2)
    return fail (r, r->end, "a string without its closing quote");
  if (r->p[1] == 'u')
    return read_unicode_escape (r, out);
  if (r->p[1] != '\0')
    found = strchr (from, r->p[1]);
  if (found == NULL)
    return fail (r, r->p, "an escape that JSON doesn't have");
  g_string_append_c (out, to[found - from]);
  r->p += 2;
  return TRUE;
}

/* p stands on the opening quote. Returns NULL when it failed. */
static char *
read_string (Reader *r)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *opening = r->p++;

  while (r->p < r->end && *r->p != '"')
    {
      const char *run = r->p;

      while (run < r->end && *run != '"' && *run != '\\' && (guchar) *run >= 0x20)
        run++;
      g_string_append_len (out, r->p, run - r->p);
      r->p = run;
      if (run < r->end && (guchar) *run < 0x20)
        {
          fail (r, run, "a control character in a string (write it as an escape)");
          return NULL;
        }
      if (run < r->end && *run == '\\' && !read_escape (r, out))
        return NULL;
      if (out->len > r->limits.max_string_bytes)
        {
          fail (r, opening, "a string that is too long");
          return NULL;
        }
    }
  if (r->p >= r->end)
    {
      fail (r, r->end, "a string without its closing quote");
      return NULL;
    }
  r->p++;
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static const char *
skip_digits (const char *p, const char *end)
{
  while (p < end && g_ascii_isdigit (*p))
    p++;
  return p;
}

/* Returns the end of the number's text, NULL when it failed; @integral tells whether there is neither fraction nor exponent. */
static const char *
scan_number (Reader *r, gboolean *integral)
{
  const char *p = r->p;
  const char *digits;

  *integral = TRUE;
  if (*p == '-')
    p++;
  digits = p;
  p = skip_digits (p, r->end);
  if (p == digits)
    return fail (r, r->p, "a number without digits"), NULL;
  if (*digits == '0' && p - digits > 1)
    return fail (r, r->p, "a number with leading zeros"), NULL;
  if (p < r->end && *p == '.')
    {
      digits = ++p;
      *integral = FALSE;
      p = skip_digits (p, r->end);
      if (p == digits)
        return fail (r, r->p, "a number without digits after its point"), NULL;
    }
  if (p < r->end && (*p == 'e' || *p == 'E'))
    {
      *integral = FALSE;
      p++;
      if (p < r->end && (*p == '+' || *p == '-'))
        p++;
      digits = p;
      p = skip_digits (p, r->end);
      if (p == digits)
        return fail (r, r->p, "a number without digits in its exponent"), NULL;
    }
  return p;
}

static JsonNode *
read_number (Reader *r)
{
  g_autofree char *text = NULL;
  gboolean integral = FALSE;
  const char *end = scan_number (r, &integral);
  JsonNode *node = NULL;

  if (end == NULL)
    return NULL;
  text = g_strndup (r->p, (gsize) (end - r->p));
  errno = 0;
  if (integral)
    {
      gint64 value = g_ascii_strtoll (text, NULL, 10);

      if (errno != 0)
        return fail (r, r->p, "an integer that doesn't fit 64 bits"), NULL;
      node = json_node_init_int (json_node_alloc (), value);
    }
  else
    {
      double value = g_ascii_strtod (text, NULL);

      if (!isfinite (value))
        return fail (r, r->p, "a number that is too large"), NULL;
      node = json_node_init_double (json_node_alloc (), value);
    }
  r->p = end;
  return node;
}

/* After an item: TRUE in @more after a comma, FALSE after @closing; anything else fails. */
static gboolean
read_separator (Reader *r, char closing, gboolean *more)
{
  skip_space (r);
  if (r->p < r->end && (*r->p == ',' || *r->p == closing))
    {
      *more = *r->p == ',';
      r->p++;
      skip_space (r);
      if (*more && r->p < r->end && *r->p == closing)
        return fail (r, r->p, "a comma with nothing after it");
      return TRUE;
    }
  return fail (r, r->p, closing == ']' ? "expected “,” or “]”" : "expected “,” or “}”");
}

static JsonNode *
read_array (Reader *r)
{
  g_autoptr (JsonArray) array = json_array_new ();
  gboolean more;

  r->p++;
  skip_space (r);
  more = !(r->p < r->end && *r->p == ']');
  if (!more)
    r->p++;
  while (more)
    {
      JsonNode *item = read_value (r);

      if (item == NULL)
        return NULL;
      json_array_add_element (array, item);
      if (!read_separator (r, ']', &more))
        return NULL;
    }
  return json_node_init_array (json_node_alloc (), array);
}

static gboolean
read_member (Reader *r, JsonObject *object)
{
  g_autofree char *key = NULL;
  const char *at = r->p;
  JsonNode *value;

  if (r->p >= r->end || *r->p != '"')
    return fail (r, r->p, "expected a key in double quotes");
  key = read_string (r);
  if (key == NULL)
    return FALSE;
  if (json_object_get_size (object) >= r->limits.max_members)
    return fail (r, at, "an object with too many keys");
  if (json_object_has_member (object, key))
    return fail (r, at, "the same key twice");
  skip_space (r);
  if (r->p >= r->end || *r->p != ':')
    return fail (r, r->p, "expected “:” after a key");
  r->p++;
  skip_space (r);
  value = read_value (r);
  if (value == NULL)
    return FALSE;
  json_object_set_member (object, key, value);
  return TRUE;
}

static JsonNode *
read_object (Reader *r)
{
  g_autoptr (JsonObject) object = json_object_new ();
  gboolean more;

  r->p++;
  skip_space (r);
  more = !(r->p < r->end && *r->p == '}');
  if (!more)
    r->p++;
  while (more)
    {
      if (!read_member (r, object) || !read_separator (r, '}', &more))
        return NULL;
    }
  return json_node_init_object (json_node_alloc (), object);
}

static JsonNode *
read_container (Reader *r)
{
  JsonNode *node;

  if (r->depth >= r->limits.max_depth)
    return fail (r, r->p, "arrays and objects are nested too deeply"), NULL;
  r->depth++;
  node = *r->p == '[' ? read_array (r) : read_object (r);
  r->depth--;
  return node;
}

/* Takes @word when it stands at p, not followed by a letter or digit. */
static gboolean
take_word (Reader *r, const char *word)
{
  gsize len = strlen (word);

  if ((gsize) (r->end - r->p) < len || memcmp (r->p, word, len) != 0)
    return FALSE;
  if ((gsize) (r->end - r->p) > len && (g_ascii_isalnum (r->p[len]) || r->p[len] == '_'))
    return FALSE;
  r->p += len;
  return TRUE;
}

static JsonNode *
read_value (Reader *r)
{
  if (r->p >= r->end)
    return fail (r, r->end, "expected a value"), NULL;
  if (++r->nodes > r->limits.max_nodes)
    return fail (r, r->p, "too many values"), NULL;
  if (*r->p == '{' || *r->p == '[')
    return read_container (r);
  if (*r->p == '"')
    {
      g_autofree char *text = read_string (r);

      return text != NULL ? json_node_init_string (json_node_alloc (), text) : NULL;
    }
  if (*r->p == '-' || g_ascii_isdigit (*r->p))
    return read_number (r);
  if (take_word (r, "true"))
    return json_node_init_boolean (json_node_alloc (), TRUE);
  if (take_word (r, "false"))
    return json_node_init_boolean (json_node_alloc (), FALSE);
  if (take_word (r, "null"))
    return json_node_init_null (json_node_alloc ());
  return fail (r, r->p, "expected a value"), NULL;
}

static void
fill_limits (TcwJsonLimits *limits, const TcwJsonLimits *given)
{
  if (given != NULL)
    *limits = *given;
  if (limits->max_bytes == 0)
    limits->max_bytes = DEFAULT_MAX_BYTES;
  if (limits->max_depth == 0)
    limits->max_depth = DEFAULT_MAX_DEPTH;
  limits->max_depth = MIN (limits->max_depth, HARD_MAX_DEPTH);
  if (limits->max_nodes == 0)
    limits->max_nodes = DEFAULT_MAX_NODES;
  if (limits->max_members == 0)
    limits->max_members = DEFAULT_MAX_MEMBERS;
  if (limits->max_string_bytes == 0)
    limits->max_string_bytes = limits->max_bytes;
}

JsonNode *
tcw_json_parse (const char *data, gssize len, const char *source_name, const TcwJsonLimits *limits, GError **error)
{
  gsize size = len >= 0 ? (gsize) len : strlen (data);
  Reader r = { .start = data, .p = data, .end = data + size, .name = source_name, .error = error };
  const char *bad = NULL;
  g_autoptr (JsonNode) root = NULL;

  fill_limits (&r.limits, limits);
  if (size > r.limits.max_bytes)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD,
                   "%s:1:1: the text has %" G_GSIZE_FORMAT " bytes, at most %" G_GSIZE_FORMAT " are allowed",
                   source_name, size, r.limits.max_bytes);
      return NULL;
    }
  if (!g_utf8_validate_len (data, size, &bad))
    return fail (&r, bad, *bad == '\0' ? "a NUL byte" : "invalid UTF-8"), NULL;
  if (size >= 3 && memcmp (data, "\xEF\xBB\xBF", 3) == 0)
    return fail (&r, data, "a byte order mark before the text"), NULL;
  skip_space (&r);
  root = read_value (&r);
  if (root == NULL)
    return NULL;
  skip_space (&r);
  if (r.p < r.end)
    return fail (&r, r.p, "more text after the end of the value"), NULL;
  return g_steal_pointer (&root);
}

JsonNode *
tcw_json_load_file (const char *path, const TcwJsonLimits *limits, GError **error)
{
  g_autoptr (GError) error_read = NULL;
  TcwJsonLimits filled = { 0 };
  gsize len = 0;
  g_autofree char *text = NULL;

  fill_limits (&filled, limits);
  text = tcw_fs_read (path, filled.max_bytes, &len, &error_read);
  if (text == NULL)
    {
      g_set_error_literal (error, TCW_ERROR, TCW_ERROR_USAGE, error_read->message);
      return NULL;
    }
  return tcw_json_parse (text, (gssize) len, path, &filled, error);
}
