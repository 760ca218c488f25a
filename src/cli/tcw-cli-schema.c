/* The verb `schema`: prints what payloads and the configuration must look like; and these schemas for other verbs. */
#include <stdio.h>

#include "base/tcw-config.h"
#include "base/tcw-error.h"
#include "base/tcw-i18n.h"
#include "base/tcw-json.h"
#include "cli/tcw-cli-private.h"
#include "tcw-qemu-engine.h"
#include "worker/tcw-payload.h"

TcwSchema *
tcw_cli_new_payload_schema (GError **error)
{
  g_autoptr (TcwQemuEngine) engine = tcw_qemu_engine_new (NULL);

  return tcw_payload_schema_new (TCW_ENGINE (engine), error);
}

JsonNode *
tcw_cli_new_config_schema (GError **error)
{
  g_autoptr (TcwConfigSection) qemu = tcw_config_section_new_qemu ();

  return tcw_config_new_schema (qemu, 1, error);
}

/* Returns (transfer full) the schema named @what, or NULL. */
static JsonNode *
find_schema (const char *what, GError **error)
{
  if (g_strcmp0 (what, "config") == 0)
    return tcw_cli_new_config_schema (error);
  if (g_strcmp0 (what, "payload") == 0)
    {
      g_autoptr (TcwSchema) schema = tcw_cli_new_payload_schema (error);

      return schema != NULL ? json_node_ref (tcw_schema_get_node (schema)) : NULL;
    }
  g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, _ ("name one schema, payload or config; see `taskcluster-worker schema --help`"));
  return NULL;
}

int
tcw_cli_schema (TcwCli *cli, int argc, char **argv)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  int status = TCW_EXIT_OK;

  if (!tcw_cli_parse ("schema", "payload|config", _ ("Prints a JSON Schema (draft-07)."), NULL, NULL, &argc, &argv, &status))
    return status;
  node = find_schema (argc == 2 ? argv[1] : NULL, &error);
  if (node == NULL)
    return tcw_cli_report ("schema", error);
  text = tcw_json_to_string (node, TCW_JSON_PRETTY);
  printf ("%s\n", text);
  return TCW_EXIT_OK;
}
