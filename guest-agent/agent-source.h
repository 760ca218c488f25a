/* A file's data and holes, in order, up to the size it had at the beginning. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Fields are private to agent-source.c. */
typedef struct {
  int fd; /* own */
  off_t at;
  off_t size;
  off_t data_end; /* up to here from @at there is data */
} agent_source;

typedef enum { AGENT_SOURCE_DATA, AGENT_SOURCE_HOLE, AGENT_SOURCE_END } agent_source_kind;

/* Takes @fd, a regular file of @size bytes. */
void agent_source_open (agent_source *source, int fd, off_t size);

/* What comes next, and in @length how much of it. A hole is passed by this call, data by agent_source_read. */
agent_source_kind agent_source_next (agent_source *source, uint64_t *length);

/*
 * Reads at most @size bytes of the data that agent_source_next announced. Returns their number, or -1 with errno: ESTALE is a file that
 * became shorter.
 */
ssize_t agent_source_read (agent_source *source, void *data, size_t size);

/* Does nothing to a closed one. */
void agent_source_close (agent_source *source);
