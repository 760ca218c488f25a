/* A blocking piece of work in a forked child, so that the agent's loop never waits for a disk or a tool. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent-loop.h"

enum { AGENT_JOB_TEXT = 1024 };

/* Runs in the child; returns 0 or an errno, and may leave a text for people. It may fork, and wait for that. */
typedef int (*agent_job_func) (const void *work, char text[AGENT_JOB_TEXT]);

/* Runs in the agent, once. */
typedef void (*agent_job_done) (void *data, int error, const char *text);

typedef struct agent_jobs agent_jobs;

enum { AGENT_JOBS_MAX = 32 };

/* NULL: errno. */
agent_jobs *agent_jobs_new (agent_loop *loop);

/* What runs goes on by itself; its done is called here, with ECANCELED. */
void agent_jobs_free (agent_jobs *jobs);

/* Writes the process ids of what runs into @pids; returns how many. */
int agent_jobs_get_pids (const agent_jobs *jobs, pid_t pids[AGENT_JOBS_MAX]);

/* @work is borrowed until this returns; the child has its own copy. False: errno (EAGAIN: too many), and @done is never called. */
bool agent_job_start (agent_jobs *jobs, agent_job_func func, const void *work, agent_job_done done, void *data);

/*
 * For use in a job: runs @argv (NULL at its end) with its output to /dev/null. Returns the exit status, 127 when it isn't there, -1 on a
 * signal.
 */
int agent_job_run_tool (const char *const argv[]);
