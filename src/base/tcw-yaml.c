/* YAML by libyaml's events into JSON values; see tcw-yaml.h. Scalars are in tcw-yaml-scalar.c. */
#include "base/tcw-yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"
#include "base/tcw-yaml-scalar.h"

#define DEFAULT_MAX_BYTES ((gsize) 4 * 1024 * 1024)
#define DEFAULT_MAX_DEPTH 64
#define HARD_MAX_DEPTH 256
#define DEFAULT_MAX_NODES 100000
#define DEFAULT_MAX_MEMBERS 16384
#define MAX_ALIASES 1000
#define EXCERPT_CHARS 60

typedef struct {
  const char *name;
  const char *data;
  yaml_parser_t *parser;
  GHashTable *anchors; /* (element-type char * JsonNode): complete values only, so none can hold itself */
  TcwJsonLimits limits;
  guint depth;
  guint nodes;
  guint aliases;
  GError **error;
} Reader;

typedef yaml_event_t TcwYamlEvent;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TcwYamlEvent, yaml_event_delete)

typedef yaml_parser_t TcwYamlParser;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TcwYamlParser, yaml_parser_delete)

static JsonNode *read_node (Reader *r, const yaml_event_t *event);

/* Always returns FALSE. @text, which may be NULL, is what is wrong there. */
static gboolean
fail (Reader *r, const yaml_mark_t *mark, const char *what, const char *text)
{
  g_autofree char *excerpt = text != NULL ? tcw_json_excerpt (text, -1, EXCERPT_CHARS) : NULL;

  g_set_error (r->error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "%s:%zu:%zu: %s%s%s%s", r->name, mark->line + 1, mark->column + 1, what,
               excerpt != NULL ? ", near “" : "", excerpt != NULL ? excerpt : "", excerpt != NULL ? "”" : "");
  return FALSE;
}

static yaml_mark_t
mark_of_offset (Reader *r, gsize offset)
{
  yaml_mark_t mark = { 0 };

  for (gsize i = 0; i < offset; i++)
    {
      mark.column += ((guchar) r->data[i] & 0xC0) != 0x80;
      if (r->data[i] == '\n')
        {
          mark.line++;
          mark.column = 0;
        }
    }
  return mark;
}

static gboolean
next_event (Reader *r, yaml_event_t *event)
{
  const yaml_parser_t *parser = r->parser;
  yaml_mark_t mark;
  g_autofree char *what = NULL;

  if (yaml_parser_parse (r->parser, event))
    return TRUE;
  mark = parser->error == YAML_READER_ERROR ? mark_of_offset (r, parser->problem_offset) : parser->problem_mark;
  if (parser->context != NULL)
    what = g_strdup_printf ("%s %s", parser->problem, parser->context);
  return fail (r, &mark, what != NULL ? what : parser->problem != NULL ? parser->problem : "invalid YAML", NULL);
}

static gboolean
count_nodes (Reader *r, const yaml_mark_t *mark, guint n)
{
  if (n > r->limits.max_nodes || r->nodes > r->limits.max_nodes - n)
    return fail (r, mark, "too many values", NULL);
  r->nodes += n;
  return TRUE;
}

/* The number of values in @node and below, and how deep they go. */
static guint
measure (JsonNode *node, guint *depth)
{
  guint total = 1;
  guint deepest = 0;

  if (JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *array = json_node_get_array (node);

      for (guint i = 0; i < json_array_get_length (array); i++)
        {
          guint below = 0;

          total += measure (json_array_get_element (array, i), &below);
          deepest = MAX (deepest, below + 1);
        }
    }
  else if (JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObjectIter iter;
      JsonNode *value;

      json_object_iter_init (&iter, json_node_get_object (node));
      while (json_object_iter_next (&iter, NULL, &value))
        {
          guint below = 0;

          total += measure (value, &below);
          deepest = MAX (deepest, below + 1);
        }
    }
  *depth = deepest;
  return total;
}

static JsonNode *
read_alias (Reader *r, const yaml_event_t *event)
{
  const char *name = (const char *) event->data.alias.anchor;
  JsonNode *target = g_hash_table_lookup (r->anchors, name);
  guint depth = 0;

  if (target == NULL)
    return fail (r, &event->start_mark, "an alias without its anchor", name), NULL;
  if (++r->aliases > MAX_ALIASES)
    return fail (r, &event->start_mark, "too many aliases", name), NULL;
  if (!count_nodes (r, &event->start_mark, measure (target, &depth)))
    return NULL;
  if (r->depth + depth > r->limits.max_depth)
    return fail (r, &event->start_mark, "arrays and objects are nested too deeply", name), NULL;
  return tcw_json_copy (target);
}

/* Takes note of an anchor, if there is one. */
static void
remember (Reader *r, const yaml_char_t *anchor, JsonNode *node)
{
  if (anchor != NULL)
    g_hash_table_insert (r->anchors, g_strdup ((const char *) anchor), tcw_json_copy (node));
}

static JsonNode *
read_scalar (Reader *r, const yaml_event_t *event)
{
  const char *text = (const char *) event->data.scalar.value;
  gboolean plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  const char *problem = NULL;
  JsonNode *node;

  if (memchr (text, '\0', event->data.scalar.length) != NULL)
    return fail (r, &event->start_mark, "a character U+0000", NULL), NULL;
  if (event->data.scalar.length > r->limits.max_string_bytes)
    return fail (r, &event->start_mark, "a string that is too long", text), NULL;
  node = tcw_yaml_scalar_new (text, plain, (const char *) event->data.scalar.tag, &problem);
  if (node == NULL)
    return fail (r, &event->start_mark, problem, text), NULL;
  remember (r, event->data.scalar.anchor, node);
  return node;
}

/* Reads the value that comes next. */
static JsonNode *
read_next (Reader *r)
{
  g_auto (TcwYamlEvent) event = { 0 };

  return next_event (r, &event) ? read_node (r, &event) : NULL;
}

static JsonNode *
read_sequence (Reader *r)
{
  g_autoptr (JsonArray) array = json_array_new ();

  for (;;)
    {
      g_auto (TcwYamlEvent) event = { 0 };
      JsonNode *item;

      if (!next_event (r, &event))
        return NULL;
      if (event.type == YAML_SEQUENCE_END_EVENT)
        return json_node_init_array (json_node_alloc (), array);
      item = read_node (r, &event);
      if (item == NULL)
        return NULL;
      json_array_add_element (array, item);
    }
}

static gboolean
read_member (Reader *r, const yaml_event_t *event, JsonObject *object)
{
  const char *key = (const char *) event->data.scalar.value;
  JsonNode *value;

  if (event->type != YAML_SCALAR_EVENT || event->data.scalar.anchor != NULL)
    return fail (r, &event->start_mark, "a key must be a simple text", NULL);
  if (memchr (key, '\0', event->data.scalar.length) != NULL || event->data.scalar.length > r->limits.max_string_bytes)
    return fail (r, &event->start_mark, "a key that is too long or has a character U+0000", NULL);
  if (g_str_equal (key, "<<") && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
    return fail (r, &event->start_mark, "merge keys aren't supported", key);
  if (json_object_get_size (object) >= r->limits.max_members)
    return fail (r, &event->start_mark, "an object with too many keys", key);
  if (json_object_has_member (object, key))
    return fail (r, &event->start_mark, "the same key twice", key);
  value = read_next (r);
  if (value == NULL)
    return FALSE;
  json_object_set_member (object, key, value);
  return TRUE;
}

static JsonNode *
read_mapping (Reader *r)
{
  g_autoptr (JsonObject) object = json_object_new ();

  for (;;)
    {
      g_auto (TcwYamlEvent) event = { 0 };

      if (!next_event (r, &event))
        return NULL;
      if (event.type == YAML_MAPPING_END_EVENT)
        return json_node_init_object (json_node_alloc (), object);
      if (!read_member (r, &event, object))
        return NULL;
    }
}

static JsonNode *
read_container (Reader *r, const yaml_event_t *event)
{
  gboolean is_sequence = event->type == YAML_SEQUENCE_START_EVENT;
  const yaml_char_t *tag = is_sequence ? event->data.sequence_start.tag : event->data.mapping_start.tag;
  const yaml_char_t *anchor = is_sequence ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
  JsonNode *node;

  if (tag != NULL && g_strcmp0 ((const char *) tag, is_sequence ? YAML_SEQ_TAG : YAML_MAP_TAG) != 0)
    return fail (r, &event->start_mark, "a tag that isn't supported", (const char *) tag), NULL;
  if (r->depth >= r->limits.max_depth)
    return fail (r, &event->start_mark, "arrays and objects are nested too deeply", NULL), NULL;
  r->depth++;
  node = is_sequence ? read_sequence (r) : read_mapping (r);
  r->depth--;
  if (node != NULL)
    remember (r, anchor, node);
  return node;
}

static JsonNode *
read_node (Reader *r, const yaml_event_t *event)
{
  if (event->type == YAML_ALIAS_EVENT)
    return read_alias (r, event);
  if (!count_nodes (r, &event->start_mark, 1))
    return NULL;
  if (event->type == YAML_SCALAR_EVENT)
    return read_scalar (r, event);
  if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT)
    return read_container (r, event);
  return fail (r, &event->start_mark, "expected a value", NULL), NULL;
}

/* The stream: one document or none. */
static JsonNode *
read_stream (Reader *r)
{
  g_auto (TcwYamlEvent) start = { 0 };
  g_auto (TcwYamlEvent) document = { 0 };
  g_auto (TcwYamlEvent) document_end = { 0 };
  g_auto (TcwYamlEvent) end = { 0 };
  g_autoptr (JsonNode) root = NULL;

  if (!next_event (r, &start) || !next_event (r, &document))
    return NULL;
  if (document.type == YAML_STREAM_END_EVENT)
    return json_node_init_null (json_node_alloc ());
  root = read_next (r);
  if (root == NULL || !next_event (r, &document_end) || !next_event (r, &end))
    return NULL;
  if (end.type != YAML_STREAM_END_EVENT)
    return fail (r, &end.start_mark, "more than one document", NULL), NULL;
  return g_steal_pointer (&root);
}

static void
fill_limits (TcwJsonLimits *limits, const TcwJsonLimits *given)
{
  if (given != NULL)
    *limits = *given;
  limits->max_bytes = limits->max_bytes != 0 ? limits->max_bytes : DEFAULT_MAX_BYTES;
  limits->max_depth = MIN (limits->max_depth != 0 ? limits->max_depth : DEFAULT_MAX_DEPTH, HARD_MAX_DEPTH);
  limits->max_nodes = limits->max_nodes != 0 ? limits->max_nodes : DEFAULT_MAX_NODES;
  limits->max_members = limits->max_members != 0 ? limits->max_members : DEFAULT_MAX_MEMBERS;
  limits->max_string_bytes = limits->max_string_bytes != 0 ? limits->max_string_bytes : limits->max_bytes;
}

/* Cheap answer to texts that only nest: libyaml's own work grows with the square of the depth of flow collections. */
static gboolean
check_brackets (Reader *r, const char *data, gsize size)
{
  yaml_mark_t mark = { 0 };
  guint run = 0;

  for (gsize i = 0; i < size; i++, mark.column++)
    {
      if (data[i] == '\n')
        {
          mark.line++;
          mark.column = (gsize) -1;
        }
      if (data[i] == '[' || data[i] == '{')
        run++;
      else if (!g_ascii_isspace (data[i]))
        run = 0;
      if (run > HARD_MAX_DEPTH)
        return fail (r, &mark, "arrays and objects are nested too deeply", NULL);
    }
  return TRUE;
}

JsonNode *
tcw_yaml_parse (const char *data, gssize len, const char *source_name, const TcwJsonLimits *limits, GError **error)
{
  g_auto (TcwYamlParser) parser = { 0 };
  g_autoptr (GHashTable) anchors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) json_node_unref);
  Reader r = { .name = source_name, .data = data, .parser = &parser, .anchors = anchors, .error = error };
  gsize size = len >= 0 ? (gsize) len : strlen (data);

  fill_limits (&r.limits, limits);
  if (size > r.limits.max_bytes)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "%s:1:1: the text has %zu bytes, at most %zu are allowed", source_name,
                   size, r.limits.max_bytes);
      return NULL;
    }
  if (!check_brackets (&r, data, size))
    return NULL;
  if (!yaml_parser_initialize (&parser))
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_RESOURCE_UNAVAILABLE, "%s: no memory to read YAML", source_name);
      return NULL;
    }
  yaml_parser_set_encoding (&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string (&parser, (const unsigned char *) data, size);
  return read_stream (&r);
}

JsonNode *
tcw_document_load (const char *path, GError **error)
{
  g_autoptr (GError) error_read = NULL;
  gboolean is_json = g_str_has_suffix (path, ".json");
  gboolean is_yaml = g_str_has_suffix (path, ".yml") || g_str_has_suffix (path, ".yaml");
  gsize len = 0;
  g_autofree char *text = tcw_fs_read (path, DEFAULT_MAX_BYTES, &len, &error_read);

  if (text == NULL)
    {
      g_set_error_literal (error, TCW_ERROR, TCW_ERROR_USAGE, error_read->message);
      return NULL;
    }
  if (!is_json && !is_yaml)
    is_json = text[strspn (text, " \t\r\n")] == '{';
  return is_json ? tcw_json_parse (text, (gssize) len, path, NULL, error) : tcw_yaml_parse (text, (gssize) len, path, NULL, error);
}
