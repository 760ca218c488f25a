/* One run of a task on a scripted engine: what each outcome is resolved to, what the log says of it, and how the engine is called. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/tcw-fs.h"
#include "base/tcw-json.h"
#include "fake-engine.h"
#include "tcw-test.h"
#include "worker/tcw-payload.h"
#include "worker/tcw-task-run.h"

#define TASK_ID "AbCdEfGhQ1CmNoPqRsTuVw"
#define DEFAULT_TIME 3600
#define LIMIT_TIME 86400
#define COMMAND "\"command\":[\"true\"]"
#define ENV "new TASK_ID=" TASK_ID " RUN_ID=3 "

/* One run, and what came of it. */
/* What is said of artifacts when they go nowhere. */
#define DROPPED ", dropped: no folder for artifacts is named"

typedef struct
{
  FakeScript script;
  GCancellable *cancellable;
  TcwTaskRunKeep keep;
  int artifacts_fd; /* -1 by default */

  TcwResolution resolution;
  char *log; /* without times */
} Play;

static void
play_clear (Play *play)
{
  g_free (play->log);
  g_clear_object (&play->cancellable);
  fake_script_clear (&play->script);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Play, play_clear)

/* The log without times and durations. */
static char *
take_log (TcwTaskLog *log)
{
  g_autoptr (GRegex) stamp = g_regex_new ("[0-9]{4}-[0-9-]{5}T[0-9:.]{12}Z| after [0-9]+\\.[0-9] s\\.$", G_REGEX_MULTILINE, 0, NULL);
  g_autofree char *content = NULL;

  g_assert_true (g_file_get_contents (tcw_task_log_get_path (log), &content, NULL, NULL));
  g_assert_cmpint (g_unlink (tcw_task_log_get_path (log)), ==, 0);
  return g_regex_replace_literal (stamp, content, -1, 0, "@", 0, NULL);
}

static void
run (Play *play, const char *payload)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = tcw_json_parse (payload, -1, "payload", NULL, &error);
  g_autoptr (TcwTaskLog) log = tcw_task_log_new ("task.log", NULL);
  g_autoptr (TcwArtifactFolder) artifacts = tcw_artifact_folder_new (play->artifacts_fd);
  g_autoptr (TcwTaskContext) context = NULL;
  g_autoptr (TcwSchema) schema = NULL;
  TcwEngine *engine;
  TcwTaskRunOptions options = { .artifacts = artifacts, .limit_max_run_time = LIMIT_TIME, .keep = play->keep, .keep_data = play };

  g_assert_no_error (error);
  fake_script_init (&play->script);
  if (play->cancellable == NULL)
    play->cancellable = g_cancellable_new ();
  context = tcw_task_context_new (TASK_ID, 3, log, play->cancellable);
  engine = fake_engine_new (&play->script);
  schema = tcw_payload_schema_new (engine, &error);
  g_assert_no_error (error);
  options.engine = engine;
  options.payload_schema = schema;
  options.default_max_run_time = DEFAULT_TIME;
  play->resolution = tcw_task_run_execute (context, node, &options);
  g_object_unref (engine);
  /* Whatever happened, nothing of the chain is left. */
  g_assert_cmpint (play->script.alive, ==, 0);
  play->log = take_log (log);
}

static void
assert_play (Play *play, TcwOutcome outcome, int code, const char *calls, const char *log)
{
  g_assert_cmpstr (play->log, ==, log);
  g_assert_cmpstr (play->script.calls->str, ==, calls);
  g_assert_cmpint (play->resolution.outcome, ==, outcome);
  g_assert_cmpint (play->resolution.code, ==, code);
}

/* --- The command's own outcomes. --------------------------------------------------------------------------------------- */

static void
test_completed (void)
{
  g_auto (Play) play = { .script = { .success = TRUE }, .artifacts_fd = -1 };

  run (&play, "{" COMMAND "}");
  assert_play (&play, TCW_OUTCOME_COMPLETED, 0, ENV "start wait dispose ", "[taskcluster @] Task completed@\n");
}

static void
test_failed (void)
{
  g_auto (Play) play = { .artifacts_fd = -1 };

  run (&play, "{" COMMAND "}");
  assert_play (&play, TCW_OUTCOME_FAILED, 0, ENV "start wait dispose ", "[taskcluster @] Task failed@\n");
}

static void
test_outcome_names (void)
{
  g_assert_cmpstr (tcw_outcome_to_string (TCW_OUTCOME_COMPLETED), ==, "completed");
  g_assert_cmpstr (tcw_outcome_to_string (TCW_OUTCOME_FAILED), ==, "failed");
  g_assert_cmpstr (tcw_outcome_to_string (TCW_OUTCOME_EXCEPTION), ==, "exception");
}

/* --- Errors of each step, of each kind. -------------------------------------------------------------------------------- */

static const struct
{
  int code;
  TcwOutcome outcome;
  TcwError resolved;
  const char *words;
} kinds[] = {
  { TCW_ERROR_MALFORMED_PAYLOAD, TCW_OUTCOME_EXCEPTION, TCW_ERROR_MALFORMED_PAYLOAD, "exception (malformed-payload)" },
  { TCW_ERROR_TASK_FAILED, TCW_OUTCOME_FAILED, TCW_ERROR_TASK_FAILED, "failed (task-failed)" },
  { TCW_ERROR_INTERMITTENT, TCW_OUTCOME_EXCEPTION, TCW_ERROR_INTERMITTENT, "exception (intermittent-task)" },
  { TCW_ERROR_CANCELLED, TCW_OUTCOME_EXCEPTION, TCW_ERROR_CANCELLED, "exception (canceled)" },
  { TCW_ERROR_RESOURCE_UNAVAILABLE, TCW_OUTCOME_EXCEPTION, TCW_ERROR_RESOURCE_UNAVAILABLE, "exception (resource-unavailable)" },
  { TCW_ERROR_SHUTDOWN, TCW_OUTCOME_EXCEPTION, TCW_ERROR_SHUTDOWN, "exception (worker-shutdown)" },
  { TCW_ERROR_INTERNAL, TCW_OUTCOME_EXCEPTION, TCW_ERROR_INTERNAL, "exception (internal-error)" },
  { TCW_ERROR_FATAL, TCW_OUTCOME_EXCEPTION, TCW_ERROR_FATAL, "exception (fatal-error)" },
  { TCW_ERROR_USAGE, TCW_OUTCOME_EXCEPTION, TCW_ERROR_USAGE, "exception (usage)" },
  { FAKE_FOREIGN, TCW_OUTCOME_EXCEPTION, TCW_ERROR_INTERNAL, "exception (internal-error)" },
};

/* A builder that failed to start was used up: it is not discarded. */
static const struct
{
  FakePlace place;
  const char *calls;
} places[] = {
  { FAKE_NEW_BUILDER, "new " },
  { FAKE_START, ENV "start " },
  { FAKE_WAIT, ENV "start wait " },
  { FAKE_DISPOSE, ENV "start wait extract(/a) dispose " },
};

static void
test_errors (void)
{
  static const FakeStep file[] = { { FAKE_BEGIN, "", 1 }, { FAKE_DATA, "x" }, { FAKE_END } };
  static const FakeTree tree = { "/a", TCW_ENTRY_FILE, file, G_N_ELEMENTS (file) };

  for (gsize k = 0; k < G_N_ELEMENTS (places); k++)
    for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
      {
        g_auto (Play) play = { .script = { .success = TRUE, .trees = &tree, .n_trees = 1 }, .artifacts_fd = -1 };
        g_autofree char *log = g_strdup_printf ("%s[taskcluster:error @] no luck\n[taskcluster:error @] today\n[taskcluster @] Task %s@\n",
                                                places[k].place == FAKE_DISPOSE ? "[taskcluster @] Artifact aa: 1 bytes" DROPPED ".\n" : "",
                                                kinds[i].words);

        g_test_message ("place %d, kind %s", (int) places[k].place, kinds[i].words);
        play.script.failures[places[k].place] = (FakeFailure){ kinds[i].code, "no luck\ntoday" };
        run (&play, "{" COMMAND ",\"artifacts\":[{\"type\":\"file\",\"path\":\"/a\",\"name\":\"aa\"}]}");
        assert_play (&play, kinds[i].outcome, (int) kinds[i].resolved, places[k].calls, log);
      }
}

/* --- maxRunTime. ------------------------------------------------------------------------------------------------------- */

static void
test_time_good (void)
{
  static const struct
  {
    const char *payload;
    gint64 seconds;
  } cases[] = {
    { "{" COMMAND "}", DEFAULT_TIME },
    { "{" COMMAND ",\"maxRunTime\":1}", 1 },
    { "{" COMMAND ",\"maxRunTime\":86400}", LIMIT_TIME },
    { "{" COMMAND ",\"maxRunTime\":\"1 hour 30 minutes\"}", 5400 },
    { "{" COMMAND ",\"maxRunTime\":\"1 day\"}", LIMIT_TIME },
    { "{" COMMAND ",\"maxRunTime\":\"90\"}", 90 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Play) play = { .script = { .success = TRUE }, .artifacts_fd = -1 };
      gint64 before = g_get_monotonic_time ();

      run (&play, cases[i].payload);
      g_assert_cmpint (play.resolution.outcome, ==, TCW_OUTCOME_COMPLETED);
      g_assert_cmpint (play.script.deadline, >=, before + cases[i].seconds * G_TIME_SPAN_SECOND);
      g_assert_cmpint (play.script.deadline, <=, g_get_monotonic_time () + cases[i].seconds * G_TIME_SPAN_SECOND);
    }
}

#define LIMITED "task.payload.maxRunTime: must be from 1 second to this worker's limit of 86400 seconds, is "
#define NO_DURATION "” is not a duration: "
#define DURATION_HELP " (write seconds, or for example “1 day 2 hours 3 minutes” or “1h30m”)"

static void
test_time_bad (void)
{
  static const struct
  {
    const char *payload;
    const char *message;
  } cases[] = {
    { "{" COMMAND ",\"maxRunTime\":86401}", LIMITED "86401" },
    { "{" COMMAND ",\"maxRunTime\":9223372036854775807}", LIMITED "9223372036854775807" },
    { "{" COMMAND ",\"maxRunTime\":\"2 days\"}", LIMITED "172800" },
    { "{" COMMAND ",\"maxRunTime\":\"0\"}", LIMITED "0" },
    { "{" COMMAND ",\"maxRunTime\":\"0 hours\"}", LIMITED "0" },
    { "{" COMMAND ",\"maxRunTime\":\"soon\"}",
      "task.payload.maxRunTime: “soon" NO_DURATION "a number is expected before each unit" DURATION_HELP },
    { "{" COMMAND ",\"maxRunTime\":\"-1 hour\"}", "task.payload.maxRunTime: “-1 hour" NO_DURATION "it must not be negative" DURATION_HELP },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Play) play = { .artifacts_fd = -1 };
      g_autofree char *log
          = g_strdup_printf ("[taskcluster:error @] %s\n[taskcluster @] Task exception (malformed-payload)@\n", cases[i].message);

      run (&play, cases[i].payload);
      assert_play (&play, TCW_OUTCOME_EXCEPTION, TCW_ERROR_MALFORMED_PAYLOAD, "", log);
    }
}

/* --- Deadline. --------------------------------------------------------------------------------------------------------- */

#define KILLED "[taskcluster:error @] The command ran for its maxRunTime of 7 seconds and is killed.\n"

static void
test_deadline (void)
{
  static const FakeStep file[] = { { FAKE_BEGIN, "", 5 }, { FAKE_DATA, "trace" }, { FAKE_END } };
  static const FakeTree tree = { "/trace", TCW_ENTRY_FILE, file, G_N_ELEMENTS (file) };
  g_auto (Play) play = {
    .script = { .failures[FAKE_WAIT] = { TCW_ERROR_DEADLINE, "the time is up" }, .success_after_kill = TRUE, .trees = &tree, .n_trees = 1 },
    .artifacts_fd = -1,
  };

  run (&play, "{" COMMAND ",\"maxRunTime\":7,\"artifacts\":[{\"type\":\"file\",\"path\":\"/trace\",\"name\":\"trace\"}]}");
  assert_play (&play, TCW_OUTCOME_FAILED, TCW_ERROR_DEADLINE, ENV "start wait kill extract(/trace) dispose ",
               KILLED "[taskcluster @] Artifact trace: 5 bytes" DROPPED ".\n[taskcluster @] Task failed (deadline)@\n");
}

static void
test_deadline_kill_fails (void)
{
  g_auto (Play) play = {
    .script = { .failures[FAKE_WAIT] = { TCW_ERROR_DEADLINE, "up" }, .failures[FAKE_KILL] = { TCW_ERROR_INTERNAL, "the machine died" } },
    .artifacts_fd = -1,
  };

  run (&play, "{" COMMAND ",\"maxRunTime\":7}");
  assert_play (&play, TCW_OUTCOME_EXCEPTION, TCW_ERROR_INTERNAL, ENV "start wait kill ",
               KILLED "[taskcluster:error @] the machine died\n[taskcluster @] Task exception (internal-error)@\n");
}

/* A deadline within the start isn't the command's: nothing is killed, the task failed. */
static void
test_deadline_in_start (void)
{
  g_auto (Play) play = { .script = { .failures[FAKE_START] = { TCW_ERROR_DEADLINE, "no boot in time" } }, .artifacts_fd = -1 };

  run (&play, "{" COMMAND "}");
  assert_play (&play, TCW_OUTCOME_FAILED, TCW_ERROR_DEADLINE, ENV "start ",
               "[taskcluster:error @] no boot in time\n[taskcluster @] Task failed (deadline)@\n");
}

/* --- Cancelling. ------------------------------------------------------------------------------------------------------- */

typedef struct
{
  GCancellable *cancellable;
  GThread *thread;
} Canceller;

static gpointer
cancel (gpointer data)
{
  g_cancellable_cancel (data);
  return NULL;
}

static void
on_blocked (gpointer user_data)
{
  Canceller *canceller = user_data;

  canceller->thread = g_thread_new ("cancel", cancel, canceller->cancellable);
}

static const struct
{
  FakePlace place;
  const char *calls;
  const char *log;
} cancelled[] = {
  { FAKE_START, ENV "start ", "[taskcluster:error @] cancelled\n" },
  { FAKE_WAIT, ENV "start wait ", "[taskcluster:error @] cancelled\n" },
  { FAKE_EXTRACT, ENV "start wait extract(/a) dispose ", "[taskcluster:error @] Artifact aa: cancelled\n" },
};

static void
test_cancelled (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cancelled); i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Canceller canceller = { .cancellable = cancellable };
      g_auto (Play) play = { .script = { .success = TRUE }, .artifacts_fd = -1 };
      g_autofree char *log = g_strconcat (cancelled[i].log, "[taskcluster @] Task exception (canceled)@\n", NULL);

      play.cancellable = g_object_ref (cancellable);
      play.script.blocks[cancelled[i].place] = TRUE;
      play.script.on_blocked = on_blocked;
      play.script.on_blocked_data = &canceller;
      /* The second artifact is not tried any more. */
      run (&play, "{" COMMAND ",\"artifacts\":[{\"type\":\"file\",\"path\":\"/a\",\"name\":\"aa\"},"
                  "{\"type\":\"file\",\"path\":\"/b\",\"name\":\"bb\"}]}");
      g_thread_join (canceller.thread);
      g_assert_false (play.script.late);
      assert_play (&play, TCW_OUTCOME_EXCEPTION, TCW_ERROR_CANCELLED, cancelled[i].calls, log);
    }
}

/* --- Artifacts. -------------------------------------------------------------------------------------------------------- */

static const FakeStep log_steps[] = { { FAKE_BEGIN, "", 3 }, { FAKE_DATA, "log" }, { FAKE_END } };
static const FakeStep tree_steps[]
    = { { FAKE_BEGIN, "x", 2 }, { FAKE_DATA, "xx" }, { FAKE_END }, { FAKE_BEGIN, "s/y", 1 }, { FAKE_DATA, "y" }, { FAKE_END } };
static const FakeStep broken_steps[] = { { FAKE_BEGIN, "", 3 }, { FAKE_FAIL, "the machine died" } };
static const FakeTree trees[] = {
  { "/log", TCW_ENTRY_FILE, log_steps, G_N_ELEMENTS (log_steps) },
  { "/tree", TCW_ENTRY_FOLDER, tree_steps, G_N_ELEMENTS (tree_steps) },
  { "/broken", TCW_ENTRY_FILE, broken_steps, G_N_ELEMENTS (broken_steps) },
};

#define A(type, path, name) "{\"type\":\"" type "\",\"path\":\"" path "\",\"name\":\"" name "\"}"
#define ARTIFACTS(list) "{" COMMAND ",\"artifacts\":[" list "]}"
#define LOG_KEPT "[taskcluster @] Artifact public/log: 3 bytes.\n"
#define TREE_KEPT "[taskcluster @] Artifacts below public/tree: 2 files, 3 bytes.\n"

static const struct
{
  const char *payload;
  gboolean success;
  TcwOutcome outcome;
  int code;
  const char *calls;
  const char *log;
} artifact_cases[] = {
  { ARTIFACTS (A ("file", "/log", "public/log") "," A ("directory", "/tree", "public/tree")), TRUE, TCW_OUTCOME_COMPLETED, 0,
    ENV "start wait extract(/log) extract(/tree) dispose ", LOG_KEPT TREE_KEPT "[taskcluster @] Task completed@\n" },
  { ARTIFACTS (A ("file", "/log", "public/log")), FALSE, TCW_OUTCOME_FAILED, 0, ENV "start wait extract(/log) dispose ",
    LOG_KEPT "[taskcluster @] Task failed@\n" },
  /* One is missing: the others are kept, and a task that succeeded fails. */
  { ARTIFACTS (A ("file", "/no", "no") "," A ("file", "/log", "public/log")), TRUE, TCW_OUTCOME_FAILED, TCW_ERROR_TASK_FAILED,
    ENV "start wait extract(/no) extract(/log) dispose ",
    "[taskcluster:error @] Artifact no: there is no such file at /no\n" LOG_KEPT "[taskcluster @] Task failed (task-failed)@\n" },
  { ARTIFACTS (A ("file", "/no", "no") "," A ("file", "/log", "public/log")), FALSE, TCW_OUTCOME_FAILED, 0,
    ENV "start wait extract(/no) extract(/log) dispose ",
    "[taskcluster:error @] Artifact no: there is no such file at /no\n" LOG_KEPT "[taskcluster @] Task failed@\n" },
  { ARTIFACTS (A ("directory", "/log", "public/log") "," A ("file", "/tree", "public/tree")), TRUE, TCW_OUTCOME_FAILED,
    TCW_ERROR_TASK_FAILED, ENV "start wait extract(/log) extract(/tree) dispose ",
    "[taskcluster:error @] Artifact public/log: there is no such folder at /log\n"
    "[taskcluster:error @] Artifact public/tree: there is no such file at /tree\n[taskcluster @] Task failed (task-failed)@\n" },
  /* After an exception no more is tried: the machine may be gone. */
  { ARTIFACTS (A ("file", "/broken", "broken") "," A ("file", "/log", "public/log")), TRUE, TCW_OUTCOME_EXCEPTION, TCW_ERROR_INTERNAL,
    ENV "start wait extract(/broken) dispose ",
    "[taskcluster:error @] Artifact broken: the machine died\n[taskcluster @] Task exception (internal-error)@\n" },
  { ARTIFACTS (A ("file", "/no", "no") "," A ("file", "/broken", "broken")), FALSE, TCW_OUTCOME_EXCEPTION, TCW_ERROR_INTERNAL,
    ENV "start wait extract(/no) extract(/broken) dispose ",
    "[taskcluster:error @] Artifact no: there is no such file at /no\n[taskcluster:error @] Artifact broken: the machine died\n"
    "[taskcluster @] Task exception (internal-error)@\n" },
  { ARTIFACTS (A ("file", "/log", "a/../b")), TRUE, TCW_OUTCOME_EXCEPTION, TCW_ERROR_MALFORMED_PAYLOAD,
    ENV "start wait extract(/log) dispose ",
    "[taskcluster:error @] Artifact a/../b: the artifact name “a/../b” can't be a path in a folder\n"
    "[taskcluster @] Task exception (malformed-payload)@\n" },
};

static void
test_artifacts (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (artifact_cases); i++)
    {
      g_auto (Play) play = { .script = { .success = artifact_cases[i].success, .trees = trees, .n_trees = G_N_ELEMENTS (trees) } };
      gboolean kept = strstr (artifact_cases[i].log, LOG_KEPT) != NULL;
      g_autofree char *content = NULL;

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_cmpint (g_mkdir ("out", 0755), ==, 0);
      play.artifacts_fd = open ("out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      run (&play, artifact_cases[i].payload);
      assert_play (&play, artifact_cases[i].outcome, artifact_cases[i].code, artifact_cases[i].calls, artifact_cases[i].log);
      g_assert_cmpint (g_file_get_contents ("out/public/log", &content, NULL, NULL), ==, kept);
      g_assert_cmpstr (content, ==, kept ? "log" : NULL);
      g_assert_true (tcw_fs_remove_tree ("out", NULL, NULL));
    }
}

/* --- Payload, environment, keeping. ------------------------------------------------------------------------------------ */

#define NO_COMMAND "[taskcluster:error @] task.payload.command: must be given (what to run)\n"
#define NO_KEY "[taskcluster:error @] task.payload.x: is not a known key; known here: command, env, maxRunTime, artifacts\n"
#define MALFORMED "[taskcluster @] Task exception (malformed-payload)@\n"

/* Every violation has a line, and one only: what the schema says, and what it can't say. */
static void
test_malformed (void)
{
  static const struct
  {
    const char *payload;
    const char *log;
  } cases[] = {
    { "{\"maxRunTime\":0,\"x\":1}",
      "[taskcluster:error @] task.payload.maxRunTime: must be at least 1, is 0 (how long the command may run: seconds, or a text such as "
      "“1 hour 30 minutes”)\n" NO_COMMAND NO_KEY MALFORMED },
    { "{\"maxRunTime\":[],\"x\":1}",
      "[taskcluster:error @] task.payload.maxRunTime: must be an integer or a string, is [] (how long the command may run: seconds, or a "
      "text such as “1 hour 30 minutes”)\n" NO_COMMAND NO_KEY MALFORMED },
    { "{\"maxRunTime\":\"2 days\",\"x\":1}", NO_COMMAND NO_KEY "[taskcluster:error @] " LIMITED "172800\n" MALFORMED },
    { "[]", "[taskcluster:error @] task.payload: must be an object, is []\n" MALFORMED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Play) play = { .artifacts_fd = -1 };

      run (&play, cases[i].payload);
      assert_play (&play, TCW_OUTCOME_EXCEPTION, TCW_ERROR_MALFORMED_PAYLOAD, "", cases[i].log);
    }
}

static void
test_environment (void)
{
  g_auto (Play) play = { .script = { .success = TRUE }, .artifacts_fd = -1 };

  run (&play, "{" COMMAND ",\"env\":{\"B\":\"2=3\",\"A\":\"\"}}");
  assert_play (&play, TCW_OUTCOME_COMPLETED, 0, ENV "B=2=3 A= start wait dispose ", "[taskcluster @] Task completed@\n");
}

/* What the builder refuses of the payload's variables; it is discarded then. */
static void
test_environment_refused (void)
{
  static const struct
  {
    const char *env;
    const char *calls;
    const char *name;
  } cases[] = {
    { "{\"TASK_ID\":\"mine\"}", ENV "TASK_ID=mine discard ", "TASK_ID" },
    { "{\"OK\":\"1\",\"RUN_ID\":\"0\",\"NEVER\":\"2\"}", ENV "OK=1 RUN_ID=0 discard ", "RUN_ID" },
    { "{\"A=B\":\"x\"}", ENV "A=B=x discard ", "A=B" },
    { "{\"\":\"x\"}", ENV "=x discard ", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Play) play = { .artifacts_fd = -1 };
      g_autofree char *payload = g_strdup_printf ("{" COMMAND ",\"env\":%s}", cases[i].env);
      g_autofree char *log = g_strdup_printf ("[taskcluster:error @] task.payload.env: the variable %s is no good\n"
                                              "[taskcluster @] Task exception (malformed-payload)@\n",
                                              cases[i].name);

      run (&play, payload);
      assert_play (&play, TCW_OUTCOME_EXCEPTION, TCW_ERROR_MALFORMED_PAYLOAD, cases[i].calls, log);
    }
}

static void
on_keep (TcwTaskContext *context, const char *access, gpointer user_data)
{
  Play *play = user_data;

  g_assert_cmpstr (tcw_task_context_get_task_id (context), ==, TASK_ID);
  g_string_append_printf (play->script.calls, "keep(%s) ", access);
}

/* Kept after the artifacts, before anything is released; also a task that failed; but not what never ran. */
static void
test_keep (void)
{
  g_auto (Play) good = { .script = { .success = TRUE, .trees = trees, .n_trees = 1 }, .keep = on_keep, .artifacts_fd = -1 };
  g_auto (Play) failed = { .keep = on_keep, .artifacts_fd = -1 };
  g_auto (Play) never = { .script = { .failures[FAKE_START] = { TCW_ERROR_INTERNAL, "no" } }, .keep = on_keep, .artifacts_fd = -1 };

  run (&good, ARTIFACTS (A ("file", "/log", "public/log")));
  g_assert_cmpstr (good.script.calls->str, ==, ENV "start wait extract(/log) keep(by the fake door) dispose ");
  run (&failed, "{" COMMAND "}");
  g_assert_cmpstr (failed.script.calls->str, ==, ENV "start wait keep(by the fake door) dispose ");
  run (&never, "{" COMMAND "}");
  g_assert_cmpstr (never.script.calls->str, ==, ENV "start ");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/task-run/completed", test_completed);
  g_test_add_func ("/task-run/failed", test_failed);
  g_test_add_func ("/task-run/outcome-names", test_outcome_names);
  g_test_add_func ("/task-run/errors", test_errors);
  g_test_add_func ("/task-run/time-good", test_time_good);
  g_test_add_func ("/task-run/time-bad", test_time_bad);
  g_test_add_func ("/task-run/deadline", test_deadline);
  g_test_add_func ("/task-run/deadline-kill-fails", test_deadline_kill_fails);
  g_test_add_func ("/task-run/deadline-in-start", test_deadline_in_start);
  g_test_add_func ("/task-run/cancelled", test_cancelled);
  g_test_add_func ("/task-run/artifacts", test_artifacts);
  g_test_add_func ("/task-run/malformed", test_malformed);
  g_test_add_func ("/task-run/environment", test_environment);
  g_test_add_func ("/task-run/environment-refused", test_environment_refused);
  g_test_add_func ("/task-run/keep", test_keep);
  return tcw_test_run ();
}
