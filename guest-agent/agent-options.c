/* The agent's command line; see agent-options.h. */
#include "agent-options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

static const char help[]
  = "Usage: tcw-guest-agent [OPTIONS]\n"
    "The part of taskcluster-worker that runs inside a virtual machine and does what the worker asks.\n"
    "\n"
    "  --port PATH       use this virtio-serial port; by default the one named org.taskcluster.agent.0\n"
    "  --socket PATH     listen on this UNIX socket instead, one connection at a time\n"
    "  --cgroup PATH     cgroup v2 folder for the commands' own cgroups; '' for none; by default the agent's\n"
    "  --test-root PATH  write the files of an identity below PATH and leave the kernel as it is\n"
    "  --version         print the version and exit\n"
    "  --help            print this and exit\n"
    "\n"
    "As process 1 it also mounts the file systems of a small system, loads the kernel modules listed in /etc/tcw-modules,\n"
    "adopts orphans, and powers the machine off at its end.\n";

agent_options_result
agent_options_parse (agent_options *options, int argc, char **argv)
{
  static const struct option known[] = {
    { "port", required_argument, NULL, 'p' },      { "socket", required_argument, NULL, 's' }, { "cgroup", required_argument, NULL, 'c' },
    { "test-root", required_argument, NULL, 't' }, { "version", no_argument, NULL, 'v' },      { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
  };
  int option;

  *options = (agent_options) { .test_root = "" };
  while ((option = getopt_long (argc, argv, "", known, NULL)) != -1)
    switch (option)
      {
      case 'p':
        options->port = optarg;
        break;
      case 's':
        options->socket = optarg;
        break;
      case 'c':
        options->cgroup = optarg;
        break;
      case 't':
        options->test_root = optarg;
        break;
      case 'v':
        puts ("tcw-guest-agent " AGENT_VERSION);
        return AGENT_OPTIONS_DONE;
      case 'h':
        fputs (help, stdout);
        return AGENT_OPTIONS_DONE;
      default:
        fputs ("Try 'tcw-guest-agent --help'.\n", stderr);
        return AGENT_OPTIONS_WRONG;
      }
  if (optind < argc)
    {
      fprintf (stderr, "tcw-guest-agent: unexpected argument: %s\n", argv[optind]);
      return AGENT_OPTIONS_WRONG;
    }
  return AGENT_OPTIONS_RUN;
}
