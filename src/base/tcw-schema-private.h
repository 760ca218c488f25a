/*
 * Inside of the schema validator: shared by tcw-schema*.c only.
 *
 * A schema stays the JSON that it is; compiling checks it and prepares what can't be looked up: patterns and references. Checking walks
 * schema and value side by side; each keyword is one function, found in the table of tcw-schema-keywords.c.
 */
#pragma once

#include "base/tcw-json-util.h"
#include "base/tcw-schema.h"

G_BEGIN_DECLS

struct _TcwSchema {
  gatomicrefcount refs;
  JsonNode *root;
  GHashTable *patterns;   /* (element-type char * GRegex): by the pattern's text */
  GHashTable *references; /* (element-type char * JsonNode): by the text of $ref; nodes are borrowed from root */
};

/* What a keyword's own value must be; and so which schemas it holds. */
typedef enum {
  TCW_SCHEMA_ANY,
  TCW_SCHEMA_TEXT,
  TCW_SCHEMA_FLAG,
  TCW_SCHEMA_COUNT,    /* a whole number from 0 on */
  TCW_SCHEMA_NUMBER,
  TCW_SCHEMA_POSITIVE, /* a number over 0 */
  TCW_SCHEMA_LIST,     /* an array of anything */
  TCW_SCHEMA_TYPES,    /* a type's name or an array of them */
  TCW_SCHEMA_KEYS,     /* an array of strings */
  TCW_SCHEMA_PATTERN,
  TCW_SCHEMA_REFERENCE,
  TCW_SCHEMA_ONE,          /* a schema */
  TCW_SCHEMA_SEVERAL,      /* an array of one or more schemas */
  TCW_SCHEMA_ITEMS,        /* a schema or an array of schemas */
  TCW_SCHEMA_MAP,          /* an object of schemas */
  TCW_SCHEMA_PATTERN_MAP,  /* the same; its keys are patterns */
  TCW_SCHEMA_DEPENDENCIES, /* an object of schemas or arrays of strings */
} TcwSchemaArgument;

typedef struct _TcwSchemaCheck TcwSchemaCheck;

/* Checks @value by one keyword of @schema, whose own value is @argument; FALSE after reporting. */
typedef gboolean (*TcwSchemaKeywordFunc) (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value);

typedef struct {
  const char *name;
  TcwSchemaArgument argument;
  gboolean in_place; /* its schemas apply to the same value, so a reference among them can run in a circle */
  TcwSchemaKeywordFunc check; /* NULL: says nothing by itself */
} TcwSchemaKeyword;

const TcwSchemaKeyword *tcw_schema_find_keyword (const char *name);

/* One check of one value. */
struct _TcwSchemaCheck {
  TcwSchema *schema;
  GString *path;
  GPtrArray *violations;
  guint former; /* violations that were there before this check */
  guint quiet; /* over 0: only the answer matters, so no text is made, and the first violation ends the check */
  guint depth;
  guint64 steps;
  gboolean exhausted; /* too many steps, or too deep: the value counts as invalid whatever else is found */
};

/* Checks @value by a whole @schema; FALSE after reporting. */
gboolean tcw_schema_check_node (TcwSchemaCheck *check, JsonNode *schema, JsonNode *value);

/* The same without reporting. */
gboolean tcw_schema_matches (TcwSchemaCheck *check, JsonNode *schema, JsonNode *value);

/* Counts @n steps; FALSE when there are none left. */
gboolean tcw_schema_count_steps (TcwSchemaCheck *check, guint64 n);

/* Reports that @value violates @schema at the current path; @format's text says what is required. Always returns FALSE. */
gboolean tcw_schema_report (TcwSchemaCheck *check, JsonObject *schema, JsonNode *value, const char *format, ...) G_GNUC_PRINTF (4, 5);

/* Lengthen the current path; each returns its former length for tcw_schema_leave(). */
gsize tcw_schema_enter_key (TcwSchemaCheck *check, const char *key);
gsize tcw_schema_enter_index (TcwSchemaCheck *check, guint index);
void tcw_schema_leave (TcwSchemaCheck *check, gsize former);

/* Returns (transfer full) the compact text of @node, cut to what fits a message. */
char *tcw_schema_show (JsonNode *node);

/* Whether @pattern is found anywhere in @text; a search that takes too long is none and ends the check. */
gboolean tcw_schema_search (TcwSchemaCheck *check, const char *pattern, const char *text);

/* -1, 0 or 1, exact for any mix of integers and doubles. */
int tcw_schema_compare_numbers (JsonNode *a, JsonNode *b);
gboolean tcw_schema_is_number (JsonNode *node);
/* A whole number, 1.0 included. */
gboolean tcw_schema_is_integer (JsonNode *node);

/* Returns (transfer full) the PCRE for an ECMA 262 pattern; see tcw-schema.h for what differs. */
GRegex *tcw_schema_pattern_new (const char *pattern, GError **error);

/* Whether @text has @format; TRUE for every format that is an annotation only. */
gboolean tcw_schema_format_matches (const char *format, const char *text);

/* Fills in patterns and references. */
gboolean tcw_schema_compile (TcwSchema *self, GError **error);

/* The keywords, by file. */
#define TCW_SCHEMA_DECLARE(name) \
  gboolean tcw_schema_keyword_##name (TcwSchemaCheck *check, JsonObject *schema, JsonNode *argument, JsonNode *value)
TCW_SCHEMA_DECLARE (additional_properties);
TCW_SCHEMA_DECLARE (dependencies);
TCW_SCHEMA_DECLARE (max_properties);
TCW_SCHEMA_DECLARE (min_properties);
TCW_SCHEMA_DECLARE (pattern_properties);
TCW_SCHEMA_DECLARE (properties);
TCW_SCHEMA_DECLARE (property_names);
TCW_SCHEMA_DECLARE (required);
TCW_SCHEMA_DECLARE (contains);
TCW_SCHEMA_DECLARE (items);
TCW_SCHEMA_DECLARE (max_items);
TCW_SCHEMA_DECLARE (min_items);
TCW_SCHEMA_DECLARE (unique_items);
TCW_SCHEMA_DECLARE (const);
TCW_SCHEMA_DECLARE (enum);
TCW_SCHEMA_DECLARE (exclusive_maximum);
TCW_SCHEMA_DECLARE (exclusive_minimum);
TCW_SCHEMA_DECLARE (format);
TCW_SCHEMA_DECLARE (max_length);
TCW_SCHEMA_DECLARE (maximum);
TCW_SCHEMA_DECLARE (min_length);
TCW_SCHEMA_DECLARE (minimum);
TCW_SCHEMA_DECLARE (multiple_of);
TCW_SCHEMA_DECLARE (pattern);
TCW_SCHEMA_DECLARE (type);
TCW_SCHEMA_DECLARE (all_of);
TCW_SCHEMA_DECLARE (any_of);
TCW_SCHEMA_DECLARE (if);
TCW_SCHEMA_DECLARE (not);
TCW_SCHEMA_DECLARE (one_of);
TCW_SCHEMA_DECLARE (ref);
#undef TCW_SCHEMA_DECLARE

G_END_DECLS
