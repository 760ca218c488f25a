/* The process that builds an image, and the folder that it works in; see tcw-qemu-image-build.h. */
#include "tcw-qemu-image-build.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fd.h"
#include "base/tcw-fs.h"
#include "tcw-qemu-image-manifest.h"

#define WORK_PREFIX "tcw-image-"
#define LOCK_FILE ".lock"
#define FAILURE_FILE "failure"
#define FAILURE_MAX 4096
/* A cancelled build gets this long to clean up before it is killed. */
#define TERMINATE_SECONDS 10

void
tcw_qemu_image_tools_free (TcwQemuImageTools *tools)
{
  if (tools == NULL)
    return;
  g_free (tools->recipes);
  g_free (tools->script);
  g_free (tools->agent);
  g_free (tools->agent_unit);
  g_free (tools);
}

TcwQemuImageTools *
tcw_qemu_image_tools_new (const char *program)
{
  TcwQemuImageTools *tools = g_new0 (TcwQemuImageTools, 1);

  if (g_str_has_prefix (program, TCW_BUILD_ROOT "/"))
    {
      tools->recipes = g_strdup (TCW_SOURCE_ROOT "/images");
      tools->agent = g_strdup (TCW_BUILD_ROOT "/guest-agent/tcw-guest-agent");
      tools->agent_unit = g_strdup (TCW_SOURCE_ROOT "/guest-agent/tcw-guest-agent.service");
    }
  else
    {
      tools->recipes = g_strdup (TCW_PKGDATADIR "/images");
      tools->agent = g_strdup (TCW_PKGLIBEXECDIR "/tcw-guest-agent");
      tools->agent_unit = g_strdup (TCW_PKGDATADIR "/guest/tcw-guest-agent.service");
    }
  tools->script = g_build_filename (tools->recipes, "build.sh", NULL);
  return tools;
}

static gboolean
require_part (const char *path, const char *what, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "%s is missing: “%s”. Build or install the program completely first.", what, path);
  return FALSE;
}

/* Where big temporary files belong. */
static const char *
get_parent (void)
{
  const char *folder = g_getenv ("TMPDIR");

  return folder != NULL && g_path_is_absolute (folder) ? folder : "/var/tmp";
}

/* Removes what builds of the same user left that were killed. */
static void
sweep (const char *parent)
{
  g_autoptr (GDir) dir = g_dir_open (parent, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *folder = g_build_filename (parent, name, NULL);
      g_autofree char *path = g_build_filename (folder, LOCK_FILE, NULL);
      g_autoptr (TcwFileLock) lock = NULL;
      struct stat st;

      /* A folder without a lock file was made just now. */
      if (!g_str_has_prefix (name, WORK_PREFIX) || lstat (folder, &st) != 0 || !S_ISDIR (st.st_mode) || st.st_uid != geteuid ()
          || !g_file_test (path, G_FILE_TEST_IS_REGULAR))
        continue;
      lock = tcw_file_lock_acquire (path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, NULL);
      if (lock != NULL)
        tcw_fs_remove_tree (folder, NULL, NULL);
    }
}

/* Makes the folder of one build with its sub-folders. Mode 0755: the steps may run as another user of a user namespace. */
static gboolean
prepare_folder (const char *folder, TcwFileLock **lock, GError **error)
{
  g_autofree char *lock_path = g_build_filename (folder, LOCK_FILE, NULL);
  g_autofree char *image = g_build_filename (folder, "image", NULL);
  g_autofree char *work = g_build_filename (folder, "work", NULL);

  *lock = tcw_file_lock_acquire (lock_path, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, error);
  if (*lock == NULL || !tcw_fs_make_folder (image, 0755, error) || !tcw_fs_make_folder (work, 0755, error))
    return FALSE;
  if (chmod (folder, 0755) != 0)
    return tcw_fs_fail (error, errno, "cannot change the mode of “%s”", folder);
  return TRUE;
}

static char **
make_environment (TcwQemuImageRecipe *recipe, const TcwQemuImageTools *tools, const char *folder)
{
  const char *const passed_on[] = { "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TERM" };
  g_autofree char *image = g_build_filename (folder, "image", NULL);
  g_autofree char *work = g_build_filename (folder, "work", NULL);
  g_autofree char *chain = tcw_qemu_image_recipe_dup_chain (recipe);
  g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT, tcw_qemu_image_recipe_get_disk_size (recipe));
  const char *suite = tcw_qemu_image_recipe_get_suite (recipe);
  char **env = NULL;

  env = g_environ_setenv (env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", TRUE);
  env = g_environ_setenv (env, "LC_ALL", "C.UTF-8", TRUE);
  env = g_environ_setenv (env, "HOME", work, TRUE);
  env = g_environ_setenv (env, "TMPDIR", work, TRUE);
  env = g_environ_setenv (env, "DEBIAN_FRONTEND", "noninteractive", TRUE);
  env = g_environ_setenv (env, "TCW_KIND", tcw_qemu_image_recipe_get_kind (recipe), TRUE);
  env = g_environ_setenv (env, "TCW_CHAIN", chain, TRUE);
  env = g_environ_setenv (env, "TCW_SUITE", suite != NULL ? suite : "", TRUE);
  env = g_environ_setenv (env, "TCW_DISK_SIZE", size, TRUE);
  env = g_environ_setenv (env, "TCW_OUT", image, TRUE);
  env = g_environ_setenv (env, "TCW_WORK", work, TRUE);
  env = g_environ_setenv (env, "TCW_AGENT", tools->agent, TRUE);
  env = g_environ_setenv (env, "TCW_AGENT_UNIT", tools->agent_unit, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (passed_on); i++)
    if (g_getenv (passed_on[i]) != NULL)
      env = g_environ_setenv (env, passed_on[i], g_getenv (passed_on[i]), TRUE);
  return env;
}

/*
 * In the child, before exec: a process group of its own, so that all of the build can be ended, and ended when we die. Its number goes
 * up the pipe, because GSubprocess forgets it when the child ends, and others of its group may live on.
 */
static void
set_up_child (gpointer data)
{
  pid_t pid = getpid ();

  setpgid (0, 0);
  prctl (PR_SET_PDEATHSIG, SIGTERM);
  (void) !write (GPOINTER_TO_INT (data), &pid, sizeof pid);
}

typedef struct {
  gboolean done;
  gboolean succeeded;
  gboolean too_slow;
  pid_t group;
} Wait;

static void
on_ended (GObject *source, GAsyncResult *result, gpointer data)
{
  Wait *wait = data;

  wait->succeeded = g_subprocess_wait_check_finish (G_SUBPROCESS (source), result, NULL);
  wait->done = TRUE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer data)
{
  Wait *wait = data;

  kill (-wait->group, SIGTERM);
  return G_SOURCE_REMOVE;
}

static gboolean
on_tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static gboolean
on_too_slow (gpointer data)
{
  Wait *wait = data;

  wait->too_slow = TRUE;
  kill (-wait->group, SIGKILL);
  return G_SOURCE_REMOVE;
}

static GSource *
attach (GSource *source, GSourceFunc callback, Wait *wait, GMainContext *context)
{
  g_source_set_callback (source, callback, wait, NULL);
  g_source_attach (source, context);
  return source;
}

static void
detach (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

/* Whether the group has processes. Reaps those that came down to us, if this process is their subreaper. */
static gboolean
is_alive (const Wait *wait)
{
  while (wait->done && waitpid (-wait->group, NULL, WNOHANG) > 0)
    ;
  return !wait->done || kill (-wait->group, 0) == 0;
}

/* Waits until no process of the group is left, so that nobody writes any more below the folder. Kills what takes too long. */
static void
end_group (Wait *wait, GMainContext *context)
{
  GSource *tick = attach (g_timeout_source_new (20), on_tick, wait, context);
  GSource *deadline = attach (g_timeout_source_new_seconds (TERMINATE_SECONDS), on_too_slow, wait, context);

  kill (-wait->group, SIGTERM);
  while (!wait->too_slow && is_alive (wait))
    g_main_context_iteration (context, TRUE);
  detach (tick);
  detach (deadline);
}

/* Runs the main context until @process has ended, or is cancelled and all that it started has ended. */
static gboolean
wait_for (GSubprocess *process, pid_t group, GCancellable *cancellable)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  g_autoptr (GCancellable) watched = cancellable != NULL ? g_object_ref (cancellable) : g_cancellable_new ();
  Wait wait = { .group = group };
  GSource *cancelled = g_cancellable_source_new (watched);

  g_source_set_callback (cancelled, G_SOURCE_FUNC (on_cancelled), &wait, NULL);
  g_source_attach (cancelled, context);
  g_subprocess_wait_check_async (process, NULL, on_ended, &wait);
  while (!wait.done && !g_cancellable_is_cancelled (watched))
    g_main_context_iteration (context, TRUE);
  detach (cancelled);
  if (!wait.succeeded)
    end_group (&wait, context);
  while (!wait.done)
    g_main_context_iteration (context, TRUE);
  return wait.succeeded;
}

static void
fail_step (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "work", FAILURE_FILE, NULL);
  g_autofree char *text = tcw_fs_read (path, FAILURE_MAX, NULL, NULL);

  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "the image could not be built: %s",
               text != NULL ? g_strchomp (text) : "its script ended without saying why; its messages are above");
}

/* Starts the script and learns its process group. */
static GSubprocess *
spawn (const char *script, char **env, const char *folder, pid_t *group, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GSubprocess) process = NULL;
  g_auto (TcwFd) reader = -1;
  g_auto (TcwFd) writer = -1;
  int fds[2];

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, &local_error))
    {
      g_propagate_error (error, tcw_error_wrap (g_steal_pointer (&local_error), TCW_ERROR_INTERNAL, "cannot make a pipe"));
      return NULL;
    }
  reader = fds[0];
  writer = fds[1];
  g_subprocess_launcher_set_environ (launcher, env);
  g_subprocess_launcher_set_cwd (launcher, folder);
  g_subprocess_launcher_set_child_setup (launcher, set_up_child, GINT_TO_POINTER (writer), NULL);
  /* stdout is for what was asked for; progress isn't. */
  g_subprocess_launcher_take_stdout_fd (launcher, dup (STDERR_FILENO));
  process = g_subprocess_launcher_spawn (launcher, &local_error, "/bin/sh", script, NULL);
  if (process == NULL)
    {
      g_propagate_error (error, tcw_error_wrap (g_steal_pointer (&local_error), TCW_ERROR_INTERNAL, "cannot run “%s”", script));
      return NULL;
    }
  if (read (reader, group, sizeof *group) == (gssize) sizeof *group)
    return g_steal_pointer (&process);
  g_subprocess_force_exit (process);
  tcw_fs_fail (error, EPIPE, "cannot learn the process of “%s”", script);
  return NULL;
}

static gboolean
run_script (TcwQemuImageRecipe *recipe, const TcwQemuImageTools *tools, const char *folder, GCancellable *cancellable, GError **error)
{
  g_auto (GStrv) env = make_environment (recipe, tools, folder);
  pid_t group = 0;
  g_autoptr (GSubprocess) process = spawn (tools->script, env, folder, &group, error);

  if (process == NULL)
    return FALSE;
  if (wait_for (process, group, cancellable))
    return TRUE;
  if (g_cancellable_is_cancelled (cancellable))
    g_set_error_literal (error, TCW_ERROR, TCW_ERROR_CANCELLED, "the build was cancelled");
  else
    fail_step (folder, error);
  return FALSE;
}

static gboolean
build_in (TcwQemuImageRecipe *recipe, const TcwQemuImageTools *tools, const char *folder, GCancellable *cancellable, GError **error)
{
  g_autofree char *image = g_build_filename (folder, "image", NULL);
  g_autofree char *work = g_build_filename (folder, "work", NULL);
  g_autofree char *path = g_build_filename (image, TCW_QEMU_IMAGE_MANIFEST, NULL);
  g_autofree char *text = NULL;

  if (!run_script (recipe, tools, folder, cancellable, error))
    return FALSE;
  text = tcw_qemu_image_recipe_make_manifest (recipe, image, g_get_real_time () / G_USEC_PER_SEC, error);
  return text != NULL && tcw_fs_write_atomic (path, text, -1, 0644, error) && tcw_fs_remove_tree (work, NULL, error);
}

char *
tcw_qemu_image_build (TcwQemuImageRecipe *recipe, const TcwQemuImageTools *tools, TcwFileLock **lock, GCancellable *cancellable,
                      GError **error)
{
  const char *parent = get_parent ();
  g_autoptr (TcwFileLock) held = NULL;
  g_autofree char *folder = NULL;

  if (!require_part (tools->script, "the image builder", error) || !require_part (tools->agent, "the guest agent", error))
    return NULL;
  if (g_str_equal (tcw_qemu_image_recipe_get_kind (recipe), "disk")
      && !require_part (tools->agent_unit, "the guest agent's systemd unit", error))
    return NULL;
  sweep (parent);
  folder = tcw_fs_make_temp_folder (parent, WORK_PREFIX, error);
  if (folder == NULL)
    return NULL;
  if (prepare_folder (folder, &held, error) && build_in (recipe, tools, folder, cancellable, error))
    {
      *lock = g_steal_pointer (&held);
      return g_steal_pointer (&folder);
    }
  tcw_fs_remove_tree (folder, NULL, NULL);
  return NULL;
}
