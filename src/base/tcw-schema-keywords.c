/* The table of all keywords that a schema may have. */
#include <stdlib.h>
#include <string.h>

#include "base/tcw-schema-private.h"

/* In byte order of the names. */
static const TcwSchemaKeyword keywords[] = {
  { "$comment", TCW_SCHEMA_TEXT, FALSE, NULL },
  { "$id", TCW_SCHEMA_TEXT, FALSE, NULL },
  { "$ref", TCW_SCHEMA_REFERENCE, TRUE, tcw_schema_keyword_ref },
  { "$schema", TCW_SCHEMA_TEXT, FALSE, NULL },
  { "additionalItems", TCW_SCHEMA_ONE, FALSE, NULL }, /* by items */
  { "additionalProperties", TCW_SCHEMA_ONE, FALSE, tcw_schema_keyword_additional_properties },
  { "allOf", TCW_SCHEMA_SEVERAL, TRUE, tcw_schema_keyword_all_of },
  { "anyOf", TCW_SCHEMA_SEVERAL, TRUE, tcw_schema_keyword_any_of },
  { "const", TCW_SCHEMA_ANY, FALSE, tcw_schema_keyword_const },
  { "contains", TCW_SCHEMA_ONE, FALSE, tcw_schema_keyword_contains },
  { "contentEncoding", TCW_SCHEMA_TEXT, FALSE, NULL },
  { "contentMediaType", TCW_SCHEMA_TEXT, FALSE, NULL },
  { "default", TCW_SCHEMA_ANY, FALSE, NULL },
  { "definitions", TCW_SCHEMA_MAP, FALSE, NULL },
  { "dependencies", TCW_SCHEMA_DEPENDENCIES, TRUE, tcw_schema_keyword_dependencies },
  { "description", TCW_SCHEMA_TEXT, FALSE, NULL },
  { "else", TCW_SCHEMA_ONE, TRUE, NULL }, /* by if */
  { "enum", TCW_SCHEMA_LIST, FALSE, tcw_schema_keyword_enum },
  { "examples", TCW_SCHEMA_LIST, FALSE, NULL },
  { "exclusiveMaximum", TCW_SCHEMA_NUMBER, FALSE, tcw_schema_keyword_exclusive_maximum },
  { "exclusiveMinimum", TCW_SCHEMA_NUMBER, FALSE, tcw_schema_keyword_exclusive_minimum },
  { "format", TCW_SCHEMA_TEXT, FALSE, tcw_schema_keyword_format },
  { "if", TCW_SCHEMA_ONE, TRUE, tcw_schema_keyword_if },
  { "items", TCW_SCHEMA_ITEMS, FALSE, tcw_schema_keyword_items },
  { "maxItems", TCW_SCHEMA_COUNT, FALSE, tcw_schema_keyword_max_items },
  { "maxLength", TCW_SCHEMA_COUNT, FALSE, tcw_schema_keyword_max_length },
  { "maxProperties", TCW_SCHEMA_COUNT, FALSE, tcw_schema_keyword_max_properties },
  { "maximum", TCW_SCHEMA_NUMBER, FALSE, tcw_schema_keyword_maximum },
  { "minItems", TCW_SCHEMA_COUNT, FALSE, tcw_schema_keyword_min_items },
  { "minLength", TCW_SCHEMA_COUNT, FALSE, tcw_schema_keyword_min_length },
  { "minProperties", TCW_SCHEMA_COUNT, FALSE, tcw_schema_keyword_min_properties },
  { "minimum", TCW_SCHEMA_NUMBER, FALSE, tcw_schema_keyword_minimum },
  { "multipleOf", TCW_SCHEMA_POSITIVE, FALSE, tcw_schema_keyword_multiple_of },
  { "not", TCW_SCHEMA_ONE, TRUE, tcw_schema_keyword_not },
  { "oneOf", TCW_SCHEMA_SEVERAL, TRUE, tcw_schema_keyword_one_of },
  { "pattern", TCW_SCHEMA_PATTERN, FALSE, tcw_schema_keyword_pattern },
  { "patternProperties", TCW_SCHEMA_PATTERN_MAP, FALSE, tcw_schema_keyword_pattern_properties },
  { "properties", TCW_SCHEMA_MAP, FALSE, tcw_schema_keyword_properties },
  { "propertyNames", TCW_SCHEMA_ONE, FALSE, tcw_schema_keyword_property_names },
  { "readOnly", TCW_SCHEMA_FLAG, FALSE, NULL },
  { "required", TCW_SCHEMA_KEYS, FALSE, tcw_schema_keyword_required },
  { "then", TCW_SCHEMA_ONE, TRUE, NULL }, /* by if */
  { "title", TCW_SCHEMA_TEXT, FALSE, NULL },
  { "type", TCW_SCHEMA_TYPES, FALSE, tcw_schema_keyword_type },
  { "uniqueItems", TCW_SCHEMA_FLAG, FALSE, tcw_schema_keyword_unique_items },
  { "writeOnly", TCW_SCHEMA_FLAG, FALSE, NULL },
};

static int
compare_name (const void *name, const void *keyword)
{
  return strcmp (name, ((const TcwSchemaKeyword *) keyword)->name);
}

const TcwSchemaKeyword *
tcw_schema_find_keyword (const char *name)
{
  return bsearch (name, keywords, G_N_ELEMENTS (keywords), sizeof keywords[0], compare_name);
}
