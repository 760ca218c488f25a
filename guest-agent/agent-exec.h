/*
 * A command of the host: its process tree, its pipes or terminal, and their streams. Its end is told once all that it wrote is with the
 * link; of a
 * command that the host killed, at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent-loop.h"
#include "agent-spawn.h"
#include "agent-stream.h"
#include "agent-tree.h"

typedef struct agent_exec agent_exec;

/* Borrowed by agent_exec_start. Streams become the command's: it closes them. */
typedef struct {
  agent_spawn_spec spec;
  const char *cgroup_base; /* see agent_cgroup_make */
  uint32_t number;         /* names the cgroup; unique among the living */
  uint16_t columns;        /* of the terminal */
  uint16_t rows;
  agent_stream *input;  /* NULL: /dev/null */
  agent_stream *output; /* NULL: /dev/null; a terminal writes everything here */
  agent_stream *errors; /* NULL: /dev/null, or as @merge says */
  bool merge;           /* stderr goes where stdout goes */
} agent_exec_request;

/* Called from the loop. After failed or done the owner calls agent_exec_free, at once or later. */
typedef struct {
  void (*started) (void *data, pid_t pid);
  void (*failed) (void *data, const agent_spawn_spec *spec, agent_spawn_failure failure);
  void (*ended) (void *data, const agent_tree_report *report);
  void (*done) (void *data); /* after ended: the streams have all of its output, too */
} agent_exec_events;

/* The supervisor's process id. */
pid_t agent_exec_get_supervisor (const agent_exec *exec);

/* NULL: errno, and the streams remain the caller's. */
agent_exec *agent_exec_start (agent_loop *loop, const agent_exec_request *request, const agent_exec_events *events, void *data);

/* Ends what still runs, silently, by closing the supervisor's control. NULL is nothing. */
void agent_exec_free (agent_exec *exec);

/* False: it has ended, or has not begun. */
bool agent_exec_signal (agent_exec *exec, int signo, bool whole_tree);
bool agent_exec_kill (agent_exec *exec);
bool agent_exec_resize (agent_exec *exec, uint16_t columns, uint16_t rows);
