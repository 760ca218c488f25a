/*
 * The benchmark: what the worker's machines cost, each figure held against a floor measured in the same run; see docs/benchmarks.md.
 * Prints a table to stdout and writes JSON.
 */
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-json-util.h"
#include "bench-run.h"
#include "cli/tcw-cli-private.h"

typedef struct
{
  BenchPlan plan;
  char *guest;
  char *json;
  int json_fd;
  int rounds;
  gboolean quick;
  BenchReport *report;
  GMainLoop *loop;
  GError *error;
} Bench;

static void
note_machine (BenchReport *report, TcwQemuHost *host)
{
  TcwQemuConnection *connection = tcw_qemu_host_get_connection (host);
  gulong qemu = tcw_qemu_connection_get_qemu_version (connection);
  gulong libvirt = tcw_qemu_connection_get_libvirt_version (connection);
  g_autofree char *qemu_text = g_strdup_printf ("%lu.%lu.%lu", qemu / 1000000, qemu / 1000 % 1000, qemu % 1000);
  g_autofree char *libvirt_text = g_strdup_printf ("%lu.%lu.%lu", libvirt / 1000000, libvirt / 1000 % 1000, libvirt % 1000);
  g_autofree char *processors = g_strdup_printf ("%u", g_get_num_processors ());
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *date = g_date_time_format_iso8601 (now);
  struct utsname kernel;

  uname (&kernel);
  bench_report_note (report, "date", date);
  bench_report_note (report, "version", TCW_VERSION);
  bench_report_note (report, "qemu", qemu_text);
  bench_report_note (report, "libvirt", libvirt_text);
  bench_report_note (report, "kernel", kernel.release);
  bench_report_note (report, "processors", processors);
  bench_report_note (report, "accelerator", tcw_qemu_accel_to_string (tcw_qemu_host_get_accel (host)->accel));
}

/* How busy the machine was besides: figures from a busy one are worth less. */
static void
note_load (BenchReport *report, const char *name)
{
  g_autofree char *text = NULL;

  if (g_file_get_contents ("/proc/loadavg", &text, NULL, NULL))
    bench_report_note (report, name, g_strchomp (text));
}

static gboolean
measure (Bench *bench, GError **error)
{
  static const struct
  {
    const char *what;
    gboolean (*measure) (BenchRun *run, GError **error);
  } parts[] = {
    { "forks", bench_measure_forks },   { "commands", bench_measure_commands }, { "streams", bench_measure_streams },
    { "memory", bench_measure_memory }, { "whole tasks", bench_measure_task },
  };
  g_autoptr (BenchRun) run = bench_run_new (&bench->plan, bench->guest, error);

  if (run == NULL)
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      if (!bench->quick)
        fprintf (stderr, "measuring %s\n", parts[i].what);
      if (!parts[i].measure (run, error))
        return FALSE;
    }
  return TRUE;
}

/* What is being measured comes to its end first, so that no machine is left. */
static gboolean
on_interrupt (gpointer data)
{
  g_cancellable_cancel (((Bench *) data)->plan.cancellable);
  return G_SOURCE_CONTINUE;
}

/* Everything is measured in a thread of its own: libvirt's events need the main one. */
static gpointer
run_thread (gpointer data)
{
  Bench *bench = data;
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  measure (bench, &bench->error);
  g_main_context_pop_thread_default (context);
  g_main_loop_quit (bench->loop);
  return NULL;
}

static gboolean
write_json (Bench *bench, GError **error)
{
  g_autoptr (JsonNode) node = bench_report_to_json (bench->report);
  g_autofree char *text = tcw_json_to_string (node, TCW_JSON_PRETTY);
  gsize length = strlen (text);

  if (bench->json_fd < 0 || (write (bench->json_fd, text, length) == (gssize) length && write (bench->json_fd, "\n", 1) == 1))
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "cannot write %s", bench->json);
  return FALSE;
}

static gboolean
run (Bench *bench, TcwCli *cli, GError **error)
{
  g_autoptr (TcwQemuHost) host = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GThread *thread;
  guint interrupt;
  guint terminate;

  /* Opened before we stop being root: whoever started us names a file of theirs. */
  if (bench->json != NULL && (bench->json_fd = open (bench->json, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) < 0)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "cannot open %s", bench->json);
      return FALSE;
    }
  if (!tcw_cli_enter (cli, bench->plan.config, error) || (host = tcw_cli_open_host (cli, NULL, error)) == NULL)
    return FALSE;
  bench->plan.host = host;
  bench->plan.report = bench->report;
  bench->plan.cancellable = cancellable;
  note_machine (bench->report, host);
  note_load (bench->report, "loadBefore");
  bench->loop = g_main_loop_new (NULL, FALSE);
  interrupt = g_unix_signal_add (SIGINT, on_interrupt, bench);
  terminate = g_unix_signal_add (SIGTERM, on_interrupt, bench);
  thread = g_thread_new ("bench", run_thread, bench);
  g_main_loop_run (bench->loop);
  g_thread_join (thread);
  g_source_remove (interrupt);
  g_source_remove (terminate);
  g_main_loop_unref (bench->loop);
  note_load (bench->report, "loadAfter");
  if (bench->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&bench->error));
      return FALSE;
    }
  bench_report_print (bench->report);
  return write_json (bench, error);
}

/* @count scaled by what --rounds asks for, or few for a look whether all works. */
static void
fill_plan (Bench *bench)
{
  BenchPlan *plan = &bench->plan;

  plan->rounds = bench->quick ? 2 : (guint) bench->rounds;
  plan->short_rounds = 10 * plan->rounds;
  plan->stream_rounds = bench->quick ? 1 : MAX (3, plan->rounds / 3);
  plan->stream_mib = bench->quick ? 16 : 128;
  plan->forks = bench->quick ? 2 : 4;
}

static int
bench_main (TcwCli *cli, int argc, char **argv)
{
  Bench bench = { .json_fd = -1, .rounds = 15, .guest = NULL };
  g_autofree char *config = NULL;
  g_autofree char *program = g_strdup (TCW_BENCH_PROGRAM);
  g_autofree char *task = g_strdup (TCW_BENCH_TASK);
  const GOptionEntry entries[] = {
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &config, "the worker's configuration; its state directory has the image tiny", "FILE" },
    { "rounds", 'n', 0, G_OPTION_ARG_INT, &bench.rounds, "how often each fork is made (default 15)", "N" },
    { "quick", 'q', 0, G_OPTION_ARG_NONE, &bench.quick, "few rounds and bytes, to see that all works", NULL },
    { "json", 'j', 0, G_OPTION_ARG_FILENAME, &bench.json, "where all samples go", "FILE" },
    { "program", 0, 0, G_OPTION_ARG_FILENAME, &program, "the worker (default: that of this build)", "FILE" },
    { "task", 0, 0, G_OPTION_ARG_FILENAME, &task, "the task of the whole command (default: examples/hello.json)", "FILE" },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  gboolean good;

  g_option_context_set_summary (context, "Measures the worker's machines against QEMU without it, in the same run.");
  g_option_context_add_main_entries (context, entries, NULL);
  good = g_option_context_parse (context, &argc, &argv, &error);
  if (good && (argc > 1 || bench.rounds < 1 || config == NULL))
    {
      g_set_error (&error, TCW_ERROR, TCW_ERROR_USAGE, "--config is needed, --rounds is at least 1, and nothing else is taken; see --help");
      good = FALSE;
    }
  if (!good)
    {
      fprintf (stderr, "tcw-bench: %s\n", error->message);
      return TCW_EXIT_USAGE;
    }
  fill_plan (&bench);
  bench.guest = g_strdup (TCW_BENCH_GUEST);
  bench.plan.config = config;
  bench.plan.program = program;
  bench.plan.task = task;
  bench.report = bench_report_new ();
  good = run (&bench, cli, &error);
  if (!good)
    fprintf (stderr, "tcw-bench: %s\n", error->message);
  if (bench.json_fd >= 0)
    close (bench.json_fd);
  bench_report_free (bench.report);
  g_free (bench.json);
  g_free (bench.guest);
  return good ? TCW_EXIT_OK : TCW_EXIT_EXCEPTION;
}

int
main (int argc, char **argv)
{
  g_autoptr (TcwCli) cli = tcw_cli_new ();

  /* The engine starts this program again to look whether KVM works. */
  if (argc > 1 && g_strcmp0 (argv[1], "kvm-probe") == 0)
    return tcw_cli_kvm_probe (cli, argc - 1, argv + 1);
  return bench_main (cli, argc, argv);
}
