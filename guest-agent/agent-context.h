/* What the parts that do the host's requests share. Owned by the session, and valid for as long as any of them. */
#pragma once

#include <stdbool.h>

#include "agent-control.h"
#include "agent-job.h"
#include "agent-loop.h"
#include "agent-options.h"
#include "wire/tcw-wire-link.h"

enum { AGENT_STREAM_WINDOW = 256 * 1024 };

typedef struct {
  agent_loop *loop;
  TcwWireLink *wire;
  agent_control *control;
  agent_jobs *jobs;
  const agent_options *options;
  const char *cgroup; /* below which the commands' cgroups are, or "" */
  bool alone;         /* the agent is process 1 */
} agent_context;
