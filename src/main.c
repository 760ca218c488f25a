/* The program: finds the verb and runs it. */
#include <fcntl.h>
#include <libintl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/tcw-i18n.h"
#include "base/tcw-log.h"
#include "cli/tcw-cli-private.h"

#define PROGRAM "taskcluster-worker"

static const TcwCliVerb verbs[] = {
  { "run", N_ ("run task definitions in virtual machines of their own"), tcw_cli_run },
  { "exec", N_ ("run a command in a virtual machine that `run --keep` has kept"), tcw_cli_exec },
  { "validate", N_ ("check a task, a configuration, or any value against a schema"), tcw_cli_validate },
  { "schema", N_ ("print the JSON Schema of payloads or of the configuration"), tcw_cli_schema },
  { "image", N_ ("build, list, show and remove images"), tcw_cli_image },
  { "kvm-probe", NULL, tcw_cli_kvm_probe },
  { NULL },
};

static void
print_help (FILE *to)
{
  fputs (_ ("Usage: taskcluster-worker VERB [OPTIONS] [ARGUMENTS]\n\n"
            "Runs Taskcluster tasks, each in a virtual machine of its own.\n\nVerbs:\n"),
         to);
  for (const TcwCliVerb *verb = verbs; verb->name != NULL; verb++)
    if (verb->summary != NULL)
      fprintf (to, "  %-10s %s\n", verb->name, _ (verb->summary));
  fputs (_ ("\n`taskcluster-worker VERB --help` tells more about a verb; `taskcluster-worker --version` prints the version.\n"), to);
}

/* Standard streams that are closed would be replaced by the next files and sockets that we open, and these be written to. */
static gboolean
open_standard_streams (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  return fd >= 0 && close (fd) == 0;
}

int
main (int argc, char **argv)
{
  g_autoptr (TcwCli) cli = NULL;

  if (!open_standard_streams ())
    return TCW_EXIT_EXCEPTION;
  setlocale (LC_ALL, "");
  bindtextdomain (TCW_GETTEXT_DOMAIN, TCW_LOCALE_DIR);
  bind_textdomain_codeset (TCW_GETTEXT_DOMAIN, "UTF-8");
  g_set_prgname (PROGRAM);
  signal (SIGPIPE, SIG_IGN);
  tcw_log_init (PROGRAM, FALSE);

  if (argc < 2)
    {
      print_help (stderr);
      return TCW_EXIT_USAGE;
    }
  if (g_strcmp0 (argv[1], "--help") == 0 || g_strcmp0 (argv[1], "-h") == 0 || g_strcmp0 (argv[1], "help") == 0)
    {
      print_help (stdout);
      return TCW_EXIT_OK;
    }
  if (g_strcmp0 (argv[1], "--version") == 0)
    {
      printf ("taskcluster-worker %s\n", TCW_VERSION);
      return TCW_EXIT_OK;
    }
  for (const TcwCliVerb *verb = verbs; verb->name != NULL; verb++)
    if (g_strcmp0 (argv[1], verb->name) == 0)
      {
        cli = tcw_cli_new ();
        return verb->run (cli, argc - 1, argv + 1);
      }
  fprintf (stderr, _ ("taskcluster-worker: there is no verb “%s”; `taskcluster-worker --help` lists them\n"), argv[1]);
  return TCW_EXIT_USAGE;
}
