/* What the agent was told on its command line. */
#pragma once

#include <stdbool.h>

#define AGENT_VERSION "0.1.0"

typedef struct {
  const char *port;      /* device, or NULL: looked for by name */
  const char *socket;    /* UNIX socket to listen on instead, or NULL */
  const char *cgroup;    /* cgroup v2 folder below which each command gets its own, "" for none, NULL: the agent's own */
  const char *test_root; /* where the files of an identity go, "" for the machine itself; not "" leaves the kernel alone */
} agent_options;

typedef enum { AGENT_OPTIONS_RUN, AGENT_OPTIONS_DONE, AGENT_OPTIONS_WRONG } agent_options_result;

/* Fills @options, which borrows from @argv. DONE: help or version was printed. WRONG: the reason is on stderr. */
agent_options_result agent_options_parse (agent_options *options, int argc, char **argv);
