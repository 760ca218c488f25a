/* The child's way to the command; see agent-spawn.h. */
#include "agent-spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "agent-user.h"
#include "agent-util.h"

enum { USUAL_FILES = 1024 }; /* what programs that use select can take */

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static agent_spawn_failure
failed (agent_spawn_step step, int error)
{
  return (agent_spawn_failure) { .step = step, .error = error };
}

/* The value of @name in @env, or NULL. */
static const char *
env_get (char *const *env, const char *name)
{
  size_t length = strlen (name);

  for (; *env != NULL; env++)
    if (strncmp (*env, name, length) == 0 && (*env)[length] == '=')
      return *env + length + 1;
  return NULL;
}

/* Appends NAME=VALUE to @env, which has room, when nothing of this name is there. False: no memory. */
static bool
env_default (char **env, size_t *n, const char *name, const char *value)
{
  char *pair = NULL;

  if (env_get (env, name) != NULL)
    return true;
  if (asprintf (&pair, "%s=%s", name, value) < 0)
    return false;
  env[(*n)++] = pair;
  env[*n] = NULL;
  return true;
}

/* The command's whole environment: what was given, and what every user has. Never freed: exec follows. NULL: no memory. */
static char **
build_env (const agent_spawn_spec *spec, const agent_user *user)
{
  enum { DEFAULTS = 6 };
  size_t n = 0;
  char **env;

  while (spec->env[n] != NULL)
    n++;
  env = calloc (n + DEFAULTS + 1, sizeof *env);
  if (env == NULL)
    return NULL;
  memcpy (env, spec->env, n * sizeof *env);
  if (spec->clean)
    return env;
  if (!env_default (env, &n, "PATH", default_path) || !env_default (env, &n, "HOME", user->home)
      || !env_default (env, &n, "USER", user->name) || !env_default (env, &n, "LOGNAME", user->name)
      || !env_default (env, &n, "SHELL", user->shell) || (spec->terminal && !env_default (env, &n, "TERM", "xterm-256color")))
    {
      free (env);
      return NULL;
    }
  return env;
}

/* Every signal as the kernel gives it to a new process, none blocked. */
static void
reset_signals (void)
{
  struct sigaction action = { .sa_handler = SIG_DFL };
  sigset_t none;

  for (int signo = 1; signo <= SIGRTMAX; signo++)
    sigaction (signo, &action, NULL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

/* What the agent took for itself and a command should not inherit. */
static void
reset_limits (void)
{
  struct rlimit files;

  if (getrlimit (RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > USUAL_FILES)
    {
      files.rlim_cur = USUAL_FILES;
      setrlimit (RLIMIT_NOFILE, &files);
    }
  setpriority (PRIO_PROCESS, 0, 0);
  agent_poke (AT_FDCWD, "/proc/self/oom_score_adj", "0");
}

static agent_spawn_failure
take_terminal (const agent_user *user)
{
  if (ioctl (STDIN_FILENO, TIOCSCTTY, 0) < 0)
    return failed (AGENT_SPAWN_TERMINAL, errno);
  if (geteuid () == 0 && fchown (STDIN_FILENO, user->uid, (gid_t) -1) == 0)
    fchmod (STDIN_FILENO, 0620);
  return failed (AGENT_SPAWN_OK, 0);
}

static agent_spawn_failure
enter_folder (const char *folder, const agent_user *user)
{
  if (folder != NULL && *folder != '\0')
    return chdir (folder) == 0 ? failed (AGENT_SPAWN_OK, 0) : failed (AGENT_SPAWN_FOLDER, errno);
  if (chdir (user->home) < 0 && chdir ("/") < 0)
    return failed (AGENT_SPAWN_FOLDER, errno);
  return failed (AGENT_SPAWN_OK, 0);
}

/* execve says ENOENT for two things: this tells them apart. */
static agent_spawn_failure
explain_exec (const char *path, int error)
{
  if (error == ENOENT && faccessat (AT_FDCWD, path, F_OK, 0) == 0)
    return failed (AGENT_SPAWN_INTERPRETER, error);
  return failed (AGENT_SPAWN_EXEC, error);
}

/* Tries one folder of PATH, @length bytes long; an empty one is the working directory. Returns the errno of execve. */
static int
try_folder (const char *folder, size_t length, char *const *argv, char *const *env, char path[PATH_MAX])
{
  size_t name = strlen (argv[0]);

  if (length == 0)
    {
      folder = ".";
      length = 1;
    }
  if (length >= PATH_MAX || name >= PATH_MAX || length + name + 2 > PATH_MAX)
    return ENAMETOOLONG;
  memcpy (path, folder, length);
  path[length] = '/';
  memcpy (path + length + 1, argv[0], name + 1);
  execve (path, argv, env);
  return errno;
}

/* execvpe, with the PATH of @env instead of our own, and no second try by a shell. */
static agent_spawn_failure
search_and_exec (char *const *argv, char *const *env)
{
  const char *folder = env_get (env, "PATH");
  char path[PATH_MAX];
  bool denied = false;

  if (folder == NULL)
    folder = default_path;
  while (folder != NULL)
    {
      const char *end = strchrnul (folder, ':');
      int error = try_folder (folder, (size_t) (end - folder), argv, env, path);

      if (error == EACCES)
        denied = true;
      else if (error == ENOENT && explain_exec (path, error).step == AGENT_SPAWN_INTERPRETER)
        return failed (AGENT_SPAWN_INTERPRETER, error);
      else if (error != ENOENT && error != ENOTDIR && error != ENAMETOOLONG)
        return failed (AGENT_SPAWN_EXEC, error);
      folder = *end == ':' ? end + 1 : NULL;
    }
  return denied ? failed (AGENT_SPAWN_EXEC, EACCES) : failed (AGENT_SPAWN_SEARCH, ENOENT);
}

agent_spawn_failure
agent_spawn_become (const agent_spawn_spec *spec)
{
  agent_spawn_failure failure;
  agent_user user;
  char **env;
  int error = agent_user_find (spec->user, &user);

  if (error != 0)
    return failed (AGENT_SPAWN_USER, error);
  env = build_env (spec, &user);
  if (env == NULL)
    return failed (AGENT_SPAWN_SETUP, ENOMEM);
  reset_signals ();
  setsid ();
  reset_limits ();
  if (spec->terminal)
    {
      failure = take_terminal (&user);
      if (failure.step != AGENT_SPAWN_OK)
        return failure;
    }
  error = agent_user_become (&user);
  if (error != 0)
    return failed (AGENT_SPAWN_BECOME, error);
  failure = enter_folder (spec->folder, &user);
  if (failure.step != AGENT_SPAWN_OK)
    return failure;
  umask (022);
  if (strchr (spec->argv[0], '/') == NULL)
    return *spec->argv[0] == '\0' ? failed (AGENT_SPAWN_SEARCH, ENOENT) : search_and_exec (spec->argv, env);
  execve (spec->argv[0], spec->argv, env);
  return explain_exec (spec->argv[0], errno);
}

void
agent_spawn_explain (const agent_spawn_spec *spec, agent_spawn_failure failure, char *text, size_t size)
{
  const char *command = spec->argv[0];
  const char *why = strerror (failure.error);

  switch (failure.step)
    {
    case AGENT_SPAWN_USER:
      if (failure.error == ENOENT)
        snprintf (text, size, "no such user: %.200s", spec->user);
      else
        snprintf (text, size, "user %.200s: %s", spec->user, why);
      break;
    case AGENT_SPAWN_BECOME:
      snprintf (text, size, "cannot become user %.200s: %s", spec->user, why);
      break;
    case AGENT_SPAWN_TERMINAL:
      snprintf (text, size, "cannot take the terminal: %s", why);
      break;
    case AGENT_SPAWN_FOLDER:
      snprintf (text, size, "%s: %.300s: %s", failure.error == ENOENT ? "no such directory" : "cannot enter the working directory",
                spec->folder == NULL ? "/" : spec->folder, why);
      break;
    case AGENT_SPAWN_SEARCH:
      snprintf (text, size, "command not found: %.300s is in no folder of PATH", command);
      break;
    case AGENT_SPAWN_INTERPRETER:
      snprintf (text, size, "cannot execute %.300s: the interpreter that it names does not exist", command);
      break;
    case AGENT_SPAWN_EXEC:
      if (failure.error == ENOENT || failure.error == ENOTDIR)
        snprintf (text, size, "command not found: %.300s: %s", command, why);
      else if (failure.error == EACCES || failure.error == ENOEXEC)
        snprintf (text, size, "not executable: %.300s: %s", command, why);
      else if (failure.error == E2BIG)
        snprintf (text, size, "arguments and environment of %.300s are too long", command);
      else
        snprintf (text, size, "cannot execute %.300s: %s", command, why);
      break;
    case AGENT_SPAWN_OK:
    case AGENT_SPAWN_SETUP:
    default:
      snprintf (text, size, "cannot start %.300s: %s", command, why);
      break;
    }
}
