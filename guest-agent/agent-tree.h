/*
 * Process trees. Each command runs below a supervisor of its own: a forked copy of the agent that is the sub-reaper of all that the command
 * starts, so that daemons which left their session are still below it. The supervisor tells the agent how the command began and ended,
 * signals
 * the tree on request, and lets nothing of it live on: after the end of the command, on request, and when the agent itself is gone.
 * Where cgroup v2 is writable the tree also has a cgroup of its own, which is killed at one stroke; the rest is the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent-spawn.h"

/* From the agent to the supervisor: one datagram each. */
typedef enum {
  AGENT_TREE_SIGNAL_MAIN,  /* the process group of the command */
  AGENT_TREE_SIGNAL_TREE,  /* everything below the supervisor */
  AGENT_TREE_KILL,         /* everything, until nothing is left; the end is reported as usual */
} agent_tree_verb;

typedef struct {
  agent_tree_verb verb;
  int signo;
} agent_tree_order;

/* From the supervisor to the agent: STARTED or FAILED, and after STARTED one ENDED. */
typedef enum {
  AGENT_TREE_STARTED,
  AGENT_TREE_FAILED,
  AGENT_TREE_ENDED,
} agent_tree_news;

typedef struct {
  agent_tree_news news;
  agent_spawn_failure failure; /* FAILED */
  pid_t pid;                   /* of the command */
  int status;                  /* ENDED: as by waitpid */
  int survivors;               /* ENDED: processes that could not be killed in time */
  uint64_t user_us;            /* ENDED: CPU time of the tree in microseconds */
  uint64_t system_us;
  uint64_t max_rss_kib;        /* ENDED: the largest process */
} agent_tree_report;

/*
 * Forks the supervisor, which runs @spec with the descriptors @stdio. The caller keeps its copies of @stdio, and closes them. On success
 * returns the supervisor's process id, and in @control a non-blocking SOCK_SEQPACKET socket for orders and reports; the end of file there
 * is the
 * supervisor's own end. -1: errno.
 */
pid_t agent_tree_start (const agent_spawn_spec *spec, const int stdio[3], int *control);

/* Sends an order. False: the supervisor is gone. */
bool agent_tree_send (int control, agent_tree_verb verb, int signo);

/* Reads a report. Returns 1, 0 when there is none now, -1 when the supervisor is gone. */
int agent_tree_receive (int control, agent_tree_report *report);
