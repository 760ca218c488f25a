/* What every engine must do; the engine's name in the table is the first argument. See conformance.h. */
#include "conformance.h"
#include "tcw-test.h"

typedef struct
{
  Conformance *conformance;
  const ConformanceCase *one;
} Test;

typedef struct
{
  Conformance conformance;
  GPtrArray *tests;
  GMainLoop *loop;
  GThread *thread;
  int status;
} Run;

static void
run_case (gconstpointer data)
{
  const Test *test = data;
  const ConformanceEngine *entry = test->conformance->entry;
  const ConformancePayload *payload = &entry->payloads[test->one->need];

  if (payload->payload == NULL)
    {
      g_assert_nonnull (payload->lacks);
      g_test_skip (payload->lacks);
      return;
    }
  test->one->run (test->conformance);
  if (entry->count_live != NULL)
    g_assert_cmpuint (entry->count_live (test->conformance->folder), ==, 0);
}

static void
add_cases (Run *run, const ConformanceCase *cases)
{
  for (; cases->name != NULL; cases++)
    {
      g_autofree char *path = g_strdup_printf ("/%s/%s", run->conformance.entry->name, cases->name);
      Test *test = g_new (Test, 1);

      *test = (Test) { .conformance = &run->conformance, .one = cases };
      g_ptr_array_add (run->tests, test);
      g_test_add_data_func (path, test, run_case);
    }
}

static gboolean
quit (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

/* Lists what is open since @snapshot; whether that is no more than the engine may have. */
static gboolean
check_files (const TcwTestFdSnapshot *snapshot, const ConformanceEngine *entry)
{
  g_autofree char *left = tcw_test_fd_snapshot_compare (snapshot);
  guint n = 0;

  for (const char *c = left; c != NULL && *c != '\0'; c++)
    n += *c == '\n' ? 1 : 0;
  if (n <= entry->n_open_files)
    return TRUE;
  g_printerr ("the cases left %u open files, %u are the engine's:\n%s", n, entry->n_open_files, left);
  return FALSE;
}

static gpointer
run_tests (gpointer data)
{
  Run *run = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (TcwTestFdSnapshot) snapshot = tcw_test_fd_snapshot ();

  g_main_context_push_thread_default (context);
  run->status = g_test_run ();
  if (!check_files (snapshot, run->conformance.entry))
    run->status = 1;
  g_main_context_pop_thread_default (context);
  g_idle_add (quit, run->loop);
  return NULL;
}

static void
run_all (Run *run)
{
  run->tests = g_ptr_array_new_with_free_func (g_free);
  add_cases (run, conformance_log_cases);
  add_cases (run, conformance_artifact_cases);
  add_cases (run, conformance_end_cases);
  run->loop = g_main_loop_new (NULL, FALSE);
  run->thread = g_thread_new ("tests", run_tests, run);
  g_main_loop_run (run->loop);
  g_thread_join (run->thread);
  g_main_loop_unref (run->loop);
  g_ptr_array_unref (run->tests);
}

int
main (int argc, char **argv)
{
  Run run = { .status = 0 };
  Conformance *conformance = &run.conformance;
  const char *skip = NULL;

  g_test_init (&argc, &argv, NULL);
  /* GLib's tests print debug messages too, and libvirt-glib has one for each turn of the loop. */
  g_log_set_default_handler (g_log_default_handler, NULL);
  conformance->entry = argc == 2 ? conformance_engine_find (argv[1]) : NULL;
  if (conformance->entry == NULL)
    {
      g_printerr ("usage: test-conformance ENGINE\n");
      return 2;
    }
  conformance->engine = conformance->entry->open (&conformance->folder, &skip);
  if (conformance->engine == NULL)
    {
      g_print ("1..0 # SKIP %s\n", skip);
      return 0;
    }
  run_all (&run);
  g_object_unref (conformance->engine);
  g_free (conformance->folder);
  return run.status;
}
