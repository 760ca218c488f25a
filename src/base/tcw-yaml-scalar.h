/* What a YAML scalar stands for, by the core schema of YAML 1.2.2 (section 10.3); used by tcw-yaml.c. */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * Returns (transfer full) the value of a scalar that stood there @plain or in quotes, with @tag or NULL. NULL with a static text in
 * @problem when the tag isn't known or doesn't fit, or the number isn't one that JSON has. Any thread.
 */
JsonNode *tcw_yaml_scalar_new (const char *text, gboolean plain, const char *tag, const char **problem) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
