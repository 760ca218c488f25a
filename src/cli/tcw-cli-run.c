/* The verb `run`: task definitions from files, each in a VM of its own. Task logs go to stdout, all else to stderr. */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"
#include "base/tcw-i18n.h"
#include "cli/tcw-cli-private.h"
#include "cli/tcw-log-printer.h"
#include "tcw-qemu-engine.h"
#include "worker/tcw-payload.h"
#include "worker/tcw-task-run.h"

#define CONCURRENCY_OF_CONFIG G_MININT
#define MAX_CONCURRENCY 256
#define MAX_FOLDER_NAME 100
/* So long the rest of the logs may take to be read after an interrupt. */
#define INTERRUPTED_LOG_MS 1000

/* The verb's options and what all tasks share. */
typedef struct
{
  TcwCli *cli;
  int concurrency;
  char *image;
  char *artifacts;
  char *config;
  gboolean keep;

  GPtrArray *tasks; /* element-type TcwTask */
  int artifacts_fd;
  char *log_folder;
  TcwEngine *engine;
  TcwSchema *schema;
  TcwLogPrinter *printer;
  GCancellable *cancellable;
  GCancellable *keep_cancellable; /* ends the keeping of VMs */
  gint keeping;                   /* VMs that are kept now */
  GMainLoop *loop;
  gint running;
  gint status;
  gboolean interrupted;
} RunVerb;

static void
run_verb_clear (RunVerb *self)
{
  g_free (self->image);
  g_free (self->artifacts);
  g_free (self->config);
  g_clear_pointer (&self->tasks, g_ptr_array_unref);
  if (self->artifacts_fd >= 0)
    close (self->artifacts_fd);
  if (self->log_folder != NULL)
    tcw_fs_remove_tree (self->log_folder, NULL, NULL);
  g_free (self->log_folder);
  g_clear_object (&self->engine);
  g_clear_pointer (&self->schema, tcw_schema_unref);
  g_clear_pointer (&self->printer, tcw_log_printer_unref);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->keep_cancellable);
  g_clear_pointer (&self->loop, g_main_loop_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RunVerb, run_verb_clear)

static int
exit_of_resolution (const TcwResolution *resolution)
{
  if (resolution->outcome == TCW_OUTCOME_COMPLETED)
    return TCW_EXIT_OK;
  if (resolution->outcome == TCW_OUTCOME_FAILED)
    return TCW_EXIT_TASK_FAILED;
  return resolution->code == TCW_ERROR_MALFORMED_PAYLOAD ? TCW_EXIT_MALFORMED_PAYLOAD : TCW_EXIT_EXCEPTION;
}

/* Of several tasks the worst decides; the numbers are in that order. */
static void
note_status (RunVerb *self, int status)
{
  gint old;

  do
    old = g_atomic_int_get (&self->status);
  while (old < status && !g_atomic_int_compare_and_exchange (&self->status, old, status));
}

/* --- Before any thread, maybe as root: what the user named. ------------------------------------------------------------ */

static gboolean
load_tasks (RunVerb *self, int n, char **paths)
{
  gboolean all = TRUE;

  self->tasks = g_ptr_array_new_with_free_func ((GDestroyNotify) tcw_task_free);
  for (int i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      TcwTask *task = tcw_task_load (paths[i], &error);

      if (task != NULL && self->image != NULL && JSON_NODE_HOLDS_OBJECT (tcw_task_get_payload (task)))
        json_object_set_string_member (json_node_get_object (tcw_task_get_payload (task)), "image", self->image);
      if (task != NULL)
        g_ptr_array_add (self->tasks, task);
      else
        note_status (self, tcw_cli_report ("run", error));
      all = all && task != NULL;
    }
  return all;
}

/*
 * Opens the artifacts folder, making it if it is missing. As root we are about to become the worker's user, who must be able to write
 * in it: a folder that is new or empty is handed over.
 */
static gboolean
open_artifacts (RunVerb *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *opened = NULL;
  g_autoptr (GDir) dir = NULL;

  if (self->artifacts == NULL)
    return TRUE;
  if (!tcw_fs_make_folder (self->artifacts, 0755, &local_error))
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, _ ("%s; name another folder with --artifacts"), local_error->message);
      return FALSE;
    }
  self->artifacts_fd = open (self->artifacts, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (self->artifacts_fd < 0)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "cannot open the artifacts folder %s: %s", self->artifacts, g_strerror (errno));
      return FALSE;
    }
  if (getuid () != 0)
    return TRUE;
  /* The folder that was opened, whatever its path leads to by now. */
  opened = g_strdup_printf ("/proc/self/fd/%d", self->artifacts_fd);
  dir = g_dir_open (opened, 0, error);
  if (dir == NULL)
    return FALSE;
  return g_dir_read_name (dir) != NULL || tcw_cli_hand_over (self->cli, self->artifacts_fd, self->config, error);
}

static gboolean
check_artifacts_writable (RunVerb *self, GError **error)
{
  if (self->artifacts_fd < 0 || faccessat (self->artifacts_fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE,
               "the artifacts folder %s isn't empty and the worker's user %s can't write in it; give it to that user or name "
               "another folder",
               self->artifacts, g_get_user_name ());
  return FALSE;
}

/* --- In each task's thread. -------------------------------------------------------------------------------------------- */

/* One task's own folder below the artifacts folder when there are several, else that folder itself. */
static int
task_artifacts_fd (RunVerb *self, TcwTask *task, GError **error)
{
  g_autofree char *name = NULL;
  g_autofree char *folder = NULL;
  int fd;

  if (self->artifacts_fd < 0)
    return -1;
  if (self->tasks->len == 1)
    return fcntl (self->artifacts_fd, F_DUPFD_CLOEXEC, 0);
  name = g_strndup (tcw_task_get_name (task), MAX_FOLDER_NAME);
  g_strcanon (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-", '-');
  folder = g_strdup_printf ("%s-%s", name, tcw_task_get_id (task));
  if (mkdirat (self->artifacts_fd, folder, 0755) != 0
      || (fd = openat (self->artifacts_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
    {
      tcw_fs_fail (error, errno, "cannot make the artifacts folder %s/%s", self->artifacts, folder);
      return -1;
    }
  return fd;
}

static void
keep_vm (TcwTaskContext *context, const char *access, gpointer user_data)
{
  RunVerb *self = user_data;
  GMainContext *loop = g_main_context_get_thread_default ();
  g_autoptr (GSource) end = g_cancellable_source_new (self->keep_cancellable);

  if (access == NULL || g_cancellable_is_cancelled (self->cancellable))
    return;
  g_atomic_int_inc (&self->keeping);
  g_message (_ ("the virtual machine is kept until you interrupt; to run a command in it: %s exec %s -- sh -c 'COMMAND'"),
             tcw_cli_get_program (self->cli), access);
  /* The machine's console is read meanwhile: once full, it would hold the guest up. */
  g_source_set_dummy_callback (end);
  g_source_attach (end, loop);
  while (!g_cancellable_is_cancelled (self->keep_cancellable))
    g_main_context_iteration (loop, TRUE);
  g_source_destroy (end);
  g_atomic_int_add (&self->keeping, -1);
}

static void
run_task_logged (RunVerb *self, TcwTask *task, TcwTaskLog *log)
{
  g_autoptr (TcwTaskContext) context = tcw_task_context_new (tcw_task_get_id (task), 0, log, self->cancellable);
  g_autoptr (TcwArtifactFolder) artifacts = NULL;
  g_autoptr (GError) error = NULL;
  int fd = task_artifacts_fd (self, task, &error);
  TcwTaskRunOptions options = {
    .engine = self->engine,
    .payload_schema = self->schema,
    .default_max_run_time = tcw_cli_get_default_max_run_time (self->cli),
    .limit_max_run_time = tcw_cli_get_limit_max_run_time (self->cli),
    .keep = self->keep ? keep_vm : NULL,
    .keep_data = self,
  };
  TcwResolution resolution;

  if (error != NULL)
    {
      note_status (self, tcw_cli_report ("run", error));
      return;
    }
  artifacts = tcw_artifact_folder_new (fd);
  options.artifacts = artifacts;
  resolution = tcw_task_run_execute (context, tcw_task_get_payload (task), &options);
  note_status (self, exit_of_resolution (&resolution));
}

static gboolean
quit_loop (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static void
run_task (gpointer data, gpointer user_data)
{
  RunVerb *self = user_data;
  TcwTask *task = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autofree char *path = g_strdup_printf ("%s/%s.log", self->log_folder, tcw_task_get_id (task));
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwTaskLog) log = NULL;

  g_main_context_push_thread_default (context);
  log = tcw_task_log_new (path, &error);
  if (log == NULL)
    note_status (self, tcw_cli_report ("run", error));
  else
    {
      tcw_log_printer_attach (self->printer, log, self->tasks->len > 1 ? tcw_task_get_name (task) : NULL);
      run_task_logged (self, task, log);
    }
  g_main_context_pop_thread_default (context);
  /* Not at once: the loop forgets a quit that comes before it runs. */
  if (g_atomic_int_dec_and_test (&self->running))
    g_idle_add (quit_loop, self->loop);
}

/* --- The main thread. -------------------------------------------------------------------------------------------------- */

static gboolean
stop_printer (gpointer printer)
{
  tcw_log_printer_stop (printer);
  return G_SOURCE_REMOVE;
}

static gboolean
on_interrupt (gpointer user_data)
{
  RunVerb *self = user_data;

  /* Interrupting the keeping of a VM is how that ends; its task has ended before. */
  if (g_atomic_int_get (&self->keeping) == 0 || g_cancellable_is_cancelled (self->keep_cancellable))
    {
      if (!self->interrupted)
        g_message ("%s", _ ("interrupted: ending the virtual machines"));
      /* A reader of our stdout that has stopped reading doesn't keep the machines alive. */
      if (!self->interrupted && self->printer != NULL)
        g_timeout_add (INTERRUPTED_LOG_MS, stop_printer, self->printer);
      self->interrupted = TRUE;
      g_cancellable_cancel (self->cancellable);
    }
  g_cancellable_cancel (self->keep_cancellable);
  return G_SOURCE_CONTINUE;
}

/*
 * From here to the end of the process a signal waits for the loop, which runs soon, and never ends the process by itself: what libvirt has
 * started for us, or has not yet put away, must not stay behind.
 */
static void
watch_signals (RunVerb *self)
{
  struct sigaction hangup = { 0 };

  g_unix_signal_add (SIGINT, on_interrupt, self);
  g_unix_signal_add (SIGTERM, on_interrupt, self);
  /* Whoever starts us by nohup wants it ignored. */
  if (sigaction (SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
    g_unix_signal_add (SIGHUP, on_interrupt, self);
}

/* Whether a signal has come while there was no loop to hear of it. */
static gboolean
was_interrupted (RunVerb *self)
{
  while (!self->interrupted && g_main_context_iteration (NULL, FALSE))
    continue;
  return self->interrupted;
}

static gboolean
run_all (RunVerb *self, GError **error)
{
  GThreadPool *pool = g_thread_pool_new (run_task, self, self->concurrency, TRUE, error);

  if (pool == NULL)
    return FALSE;
  self->loop = g_main_loop_new (NULL, FALSE);
  g_atomic_int_set (&self->running, (gint) self->tasks->len);
  for (guint i = 0; i < self->tasks->len; i++)
    g_thread_pool_push (pool, g_ptr_array_index (self->tasks, i), NULL);
  g_main_loop_run (self->loop);
  g_thread_pool_free (pool, FALSE, TRUE);
  return TRUE;
}

static gboolean
set_up (RunVerb *self, GError **error)
{
  g_autoptr (TcwQemuHost) host = NULL;

  if (!open_artifacts (self, error) || !tcw_cli_enter (self->cli, self->config, error) || !check_artifacts_writable (self, error))
    return FALSE;
  self->cancellable = g_cancellable_new ();
  self->keep_cancellable = g_cancellable_new ();
  watch_signals (self);
  if (self->concurrency == CONCURRENCY_OF_CONFIG)
    self->concurrency = tcw_cli_get_concurrency (self->cli);
  host = tcw_cli_open_host (self->cli, NULL, error);
  if (host == NULL || (self->log_folder = tcw_qemu_host_make_vm_directory (host, "logs", error)) == NULL)
    return FALSE;
  self->engine = TCW_ENGINE (tcw_qemu_engine_new (host));
  self->schema = tcw_payload_schema_new (self->engine, error);
  self->printer = tcw_log_printer_new (STDOUT_FILENO);
  return self->schema != NULL;
}

static gboolean
is_concurrency (int number)
{
  return number == CONCURRENCY_OF_CONFIG || (number >= 1 && number <= MAX_CONCURRENCY);
}

int
tcw_cli_run (TcwCli *cli, int argc, char **argv)
{
  g_auto (RunVerb) self = { .cli = cli, .concurrency = CONCURRENCY_OF_CONFIG, .artifacts_fd = -1 };
  const GOptionEntry entries[] = {
    { "concurrency", 'c', 0, G_OPTION_ARG_INT, &self.concurrency, N_ ("how many tasks run at once; else the configuration's “concurrency”"),
      "N" },
    { "image", 'i', 0, G_OPTION_ARG_STRING, &self.image, N_ ("the image of all tasks, whatever they name"), "IMAGE" },
    { "artifacts", 'a', 0, G_OPTION_ARG_FILENAME, &self.artifacts, N_ ("where artifacts go; without it they are dropped"), "DIR" },
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &self.config, N_ ("the worker's configuration"), "FILE" },
    { "keep", 'k', 0, G_OPTION_ARG_NONE, &self.keep, N_ ("keep the virtual machine after the task and say how to reach it"), NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  int status = TCW_EXIT_OK;

  if (!tcw_cli_parse ("run", "TASK…", _ ("Runs task definitions (JSON or YAML, a whole task or its payload), each in a VM of its own."),
                      _ ("The task's log goes to stdout. Exit status: 0 completed, 1 the task failed, 2 wrong usage, 3 malformed payload, "
                         "4 exception or internal error, 130 interrupted."),
                      entries, &argc, &argv, &status))
    return status;
  if (argc < 2 || !is_concurrency (self.concurrency))
    {
      g_set_error (&error, TCW_ERROR, TCW_ERROR_USAGE, "%s",
                   argc < 2 ? _ ("no task is named; see `taskcluster-worker run --help`") : _ ("--concurrency must be from 1 to 256"));
      return tcw_cli_report ("run", error);
    }
  if (!load_tasks (&self, argc - 1, argv + 1))
    return g_atomic_int_get (&self.status);
  if (!set_up (&self, &error) || !run_all (&self, &error))
    {
      int failure = tcw_cli_report ("run", error);

      return was_interrupted (&self) ? TCW_EXIT_INTERRUPTED : failure;
    }
  if (tcw_log_printer_get_problem (self.printer) != 0)
    {
      tcw_fs_fail (&error, tcw_log_printer_get_problem (self.printer), _ ("the log could not be written to standard output"));
      note_status (&self, TCW_EXIT_EXCEPTION);
      tcw_cli_report ("run", error);
    }
  return self.interrupted ? TCW_EXIT_INTERRUPTED : g_atomic_int_get (&self.status);
}
