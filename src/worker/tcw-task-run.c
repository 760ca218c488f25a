/* One run of a task; see tcw-task-run.h. */
#include "worker/tcw-task-run.h"

#include "base/tcw-json-util.h"
#include "worker/tcw-payload.h"

typedef struct
{
  TcwTaskContext *context;
  TcwTaskLog *log;
  JsonObject *payload;
  const TcwTaskRunOptions *options;
  gint64 max_run_time; /* seconds */
  gint64 kept;         /* microseconds that the sandbox was kept after its task */
} Run;

const char *
tcw_outcome_to_string (TcwOutcome outcome)
{
  switch (outcome)
    {
    case TCW_OUTCOME_COMPLETED:
      return "completed";
    case TCW_OUTCOME_FAILED:
      return "failed";
    case TCW_OUTCOME_EXCEPTION:
    default:
      return "exception";
    }
}

/* The one place that says what an error means for a run. */
static TcwResolution
resolution_of_error (const GError *error)
{
  TcwResolution resolution = { .outcome = TCW_OUTCOME_EXCEPTION, .code = TCW_ERROR_INTERNAL };

  if (error->domain == TCW_ERROR)
    resolution.code = (TcwError) error->code;
  if (resolution.code == TCW_ERROR_TASK_FAILED || resolution.code == TCW_ERROR_DEADLINE)
    resolution.outcome = TCW_OUTCOME_FAILED;
  return resolution;
}

static gboolean
prepare (Run *run, JsonNode *payload, GError **error)
{
  run->max_run_time = run->options->default_max_run_time;
  if (!tcw_payload_check (run->options->payload_schema, payload, run->options->limit_max_run_time, &run->max_run_time, error))
    return FALSE;
  run->payload = json_node_get_object (payload);
  return TRUE;
}

static gboolean
set_environment (Run *run, TcwSandboxBuilder *builder, GError **error)
{
  g_autofree char *run_id = g_strdup_printf ("%u", tcw_task_context_get_run_id (run->context));
  JsonObject *env = tcw_json_get_object (run->payload, "env", NULL);
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (!tcw_sandbox_builder_set_environment_variable (builder, "TASK_ID", tcw_task_context_get_task_id (run->context), error)
      || !tcw_sandbox_builder_set_environment_variable (builder, "RUN_ID", run_id, error))
    return FALSE;
  if (env == NULL)
    return TRUE;
  json_object_iter_init (&iter, env);
  while (json_object_iter_next (&iter, &name, &value))
    if (!tcw_sandbox_builder_set_environment_variable (builder, name, json_node_get_string (value), error))
      {
        g_prefix_error (error, "task.payload.env: ");
        return FALSE;
      }
  return TRUE;
}

static TcwSandbox *
build_and_start (Run *run, GError **error)
{
  g_autoptr (TcwSandboxBuilder) builder
      = tcw_engine_new_sandbox_builder (run->options->engine, run->context, run->payload, error);

  if (builder == NULL)
    return NULL;
  if (!set_environment (run, builder, error))
    {
      tcw_sandbox_builder_discard (builder);
      return NULL;
    }
  return tcw_sandbox_builder_start (builder, error);
}

/* Waits for the command's end. *resolution is what it means; NULL with @error when there is nothing to take results from. */
static TcwResultSet *
wait_for_end (Run *run, TcwSandbox *sandbox, TcwResolution *resolution, GError **error)
{
  /* A limit of more than a lifetime is none; the microseconds of some don't fit. */
  gint64 deadline = g_get_monotonic_time () + MIN (run->max_run_time, G_MAXINT32) * G_TIME_SPAN_SECOND;
  g_autoptr (GError) local = NULL;
  TcwResultSet *results = tcw_sandbox_wait (sandbox, deadline, &local);

  if (results != NULL)
    {
      resolution->outcome = tcw_result_set_get_success (results) ? TCW_OUTCOME_COMPLETED : TCW_OUTCOME_FAILED;
      return results;
    }
  if (!g_error_matches (local, TCW_ERROR, TCW_ERROR_DEADLINE))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  tcw_task_log_error (run->log, "The command ran for its maxRunTime of %" G_GINT64_FORMAT " seconds and is killed.", run->max_run_time);
  *resolution = resolution_of_error (local);
  return tcw_sandbox_kill (sandbox, error);
}

static gboolean
take_artifact (Run *run, TcwResultSet *results, JsonObject *artifact, GError **error)
{
  gboolean is_file = g_strcmp0 (json_object_get_string_member (artifact, "type"), "file") == 0;
  const char *name = json_object_get_string_member (artifact, "name");
  const char *path = json_object_get_string_member (artifact, "path");
  const char *fate = tcw_artifact_folder_keeps (run->options->artifacts) ? "" : ", dropped: no folder for artifacts is named";
  guint n_files = 0;
  guint64 n_bytes = 0;

  if (!tcw_artifact_folder_store (run->options->artifacts, results, is_file ? TCW_ENTRY_FILE : TCW_ENTRY_FOLDER, path, name, &n_files,
                                  &n_bytes, error))
    return FALSE;
  if (is_file)
    tcw_task_log_message (run->log, "Artifact %s: %" G_GUINT64_FORMAT " bytes%s.", name, n_bytes, fate);
  else
    tcw_task_log_message (run->log, "Artifacts below %s: %u files, %" G_GUINT64_FORMAT " bytes%s.", name, n_files, n_bytes, fate);
  return TRUE;
}

/* Takes every artifact that can be had. A missing one fails the task, and hides no other. */
static void
take_artifacts (Run *run, TcwResultSet *results, TcwResolution *resolution)
{
  JsonArray *artifacts = tcw_json_get_array (run->payload, "artifacts", NULL);
  guint n = artifacts != NULL ? json_array_get_length (artifacts) : 0;

  for (guint i = 0; i < n; i++)
    {
      JsonObject *artifact = json_array_get_object_element (artifacts, i);
      g_autoptr (GError) error = NULL;
      TcwResolution problem;

      if (take_artifact (run, results, artifact, &error))
        continue;
      problem = resolution_of_error (error);
      tcw_task_log_error (run->log, "Artifact %s: %s", json_object_get_string_member (artifact, "name"), error->message);
      if (problem.outcome > resolution->outcome || resolution->outcome == TCW_OUTCOME_COMPLETED)
        *resolution = problem;
      if (problem.outcome == TCW_OUTCOME_EXCEPTION)
        return;
    }
}

static TcwResolution
run_to_end (Run *run, JsonNode *payload, GError **error)
{
  TcwResolution resolution = { .outcome = TCW_OUTCOME_EXCEPTION };
  g_autoptr (TcwSandbox) sandbox = NULL;
  g_autoptr (TcwResultSet) results = NULL;

  if (!prepare (run, payload, error))
    return resolution;
  sandbox = build_and_start (run, error);
  if (sandbox == NULL)
    return resolution;
  results = wait_for_end (run, sandbox, &resolution, error);
  if (results == NULL)
    return resolution;
  take_artifacts (run, results, &resolution);
  if (run->options->keep != NULL)
    {
      g_autofree char *access = tcw_result_set_open_access (results);
      gint64 begin = g_get_monotonic_time ();

      run->options->keep (run->context, access, run->options->keep_data);
      run->kept += g_get_monotonic_time () - begin;
    }
  if (!tcw_result_set_dispose (results, error))
    resolution.outcome = TCW_OUTCOME_EXCEPTION;
  return resolution;
}

TcwResolution
tcw_task_run_execute (TcwTaskContext *context, JsonNode *payload, const TcwTaskRunOptions *options)
{
  Run run = { .context = context, .log = tcw_task_context_get_log (context), .options = options };
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();
  TcwResolution resolution = run_to_end (&run, payload, &error);

  if (error != NULL)
    {
      resolution = resolution_of_error (error);
      tcw_task_log_error (run.log, "%s", error->message);
    }
  tcw_task_log_message (run.log, "Task %s%s%s%s after %.1f s.", tcw_outcome_to_string (resolution.outcome),
                        resolution.code != 0 ? " (" : "", resolution.code != 0 ? tcw_error_code_name (resolution.code) : "",
                        resolution.code != 0 ? ")" : "", (double) (g_get_monotonic_time () - begin - run.kept) / G_TIME_SPAN_SECOND);
  return resolution;
}
