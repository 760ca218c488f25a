/*
 * Writes a tree of files below a target: entry after entry, each with its data and holes. No symbolic link below the target is ever
 * followed, nothing
 * outside of it touched. A single file appears whole, by a rename, or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent-user.h"

typedef struct agent_sink agent_sink;

typedef enum { AGENT_SINK_FILE, AGENT_SINK_FOLDER, AGENT_SINK_LINK } agent_sink_type;

typedef struct {
  const char *path; /* relative to the target, plain; "" is the target itself, and comes first */
  agent_sink_type type;
  uint32_t mode;
  int64_t mtime_ns; /* since 1970; negative: now */
  const char *link; /* what a symbolic link points at */
} agent_sink_entry;

/*
 * @target is an absolute path, whose missing folders are made. What is written belongs to @owner (NULL: to the agent). NULL: errno.
 */
agent_sink *agent_sink_new (const char *target, const agent_user *owner);

/* Also takes back an unfinished single file. */
void agent_sink_free (agent_sink *sink);

/* All return 0 or an errno. Between begin and end of a file come data and holes, in order. */
int agent_sink_begin (agent_sink *sink, const agent_sink_entry *entry);
int agent_sink_data (agent_sink *sink, const void *data, size_t size);
int agent_sink_hole (agent_sink *sink, uint64_t size);
int agent_sink_end (agent_sink *sink);
