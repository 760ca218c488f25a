/* The verb `validate`: checks a task or a configuration as the worker would, or any value against any schema. */
#include <stdio.h>

#include "base/tcw-error.h"
#include "base/tcw-i18n.h"
#include "base/tcw-json.h"
#include "base/tcw-yaml.h"
#include "cli/tcw-cli-private.h"
#include "worker/tcw-payload.h"
#include "worker/tcw-task.h"

/* A configuration has one of these keys at its top, and a task or payload none of them. */
static const char *const config_keys[] = { "engine", "engines", "plugins", "stateDirectory", "concurrency", "user", NULL };

static gboolean
looks_like_config (JsonNode *document)
{
  if (!JSON_NODE_HOLDS_OBJECT (document) || json_object_has_member (json_node_get_object (document), "payload"))
    return FALSE;
  for (const char *const *key = config_keys; *key != NULL; key++)
    if (json_object_has_member (json_node_get_object (document), *key))
      return TRUE;
  return FALSE;
}

static gboolean
validate_task (const char *path, GError **error)
{
  g_autoptr (TcwSchema) schema = tcw_cli_new_payload_schema (error);
  g_autoptr (TcwTask) task = schema != NULL ? tcw_task_load (path, error) : NULL;

  gint64 max_run_time = 0;

  /* The limit is a worker's own: any will do here. */
  if (task == NULL)
    return FALSE;
  if (tcw_payload_check (schema, tcw_task_get_payload (task), G_MAXINT64, &max_run_time, error))
    return TRUE;
  g_prefix_error (error, "%s:\n", path);
  return FALSE;
}

static gboolean
validate_file (const char *path, GError **error)
{
  g_autoptr (JsonNode) document = tcw_document_load (path, error);

  if (document == NULL)
    return FALSE;
  return looks_like_config (document) ? tcw_cli_check_config (path, error) : validate_task (path, error);
}

static gboolean
validate_value (const char *schema_path, const char *value_path, GError **error)
{
  g_autoptr (JsonNode) definition = tcw_document_load (schema_path, error);
  g_autoptr (TcwSchema) schema = NULL;
  g_autoptr (JsonNode) value = NULL;

  if (definition == NULL)
    {
      /* A schema that can't be read is the caller's mistake, not the value's. */
      if (error != NULL && *error != NULL)
        (*error)->code = TCW_ERROR_USAGE;
      return FALSE;
    }
  schema = tcw_schema_new (definition, error);
  if (schema == NULL)
    {
      g_prefix_error (error, "%s: ", schema_path);
      return FALSE;
    }
  value = tcw_document_load (value_path, error);
  return value != NULL && tcw_schema_check (schema, value, value_path, error);
}

int
tcw_cli_validate (TcwCli *cli, int argc, char **argv)
{
  g_autofree char *schema = NULL;
  const GOptionEntry entries[] = {
    { "schema", 0, 0, G_OPTION_ARG_FILENAME, &schema, N_ ("check against this JSON Schema instead of the worker's own"), "SCHEMA" },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  int status = TCW_EXIT_OK;

  if (!tcw_cli_parse ("validate", "FILE", _ ("Checks a task definition (a whole task or its payload) or a configuration, JSON or YAML."),
                      _ ("Every violation is told, a line each. Exit status: 0 valid, 3 not valid, 2 wrong usage, or a schema with a "
                         "keyword that is not known."),
                      entries, &argc, &argv, &status))
    return status;
  if (argc != 2)
    {
      g_set_error_literal (&error, TCW_ERROR, TCW_ERROR_USAGE, _ ("name one file; see `taskcluster-worker validate --help`"));
      return tcw_cli_report ("validate", error);
    }
  if (schema != NULL ? validate_value (schema, argv[1], &error) : validate_file (argv[1], &error))
    return TCW_EXIT_OK;
  return tcw_cli_report ("validate", error);
}
