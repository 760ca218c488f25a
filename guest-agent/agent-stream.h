/*
 * A stream of the link, as the parts of the agent that move bytes see it: bytes from the host to take, room for bytes to the host, an end
 * each way.
 * Streams belong to the session; a part that was given one uses it until it closes it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct agent_stream agent_stream;

/* Each may be NULL. Called from the loop, never from within a function below. */
typedef struct {
  void (*readable) (void *data); /* bytes came, or the host's end */
  void (*writable) (void *data); /* there is room again */
  void (*reset) (void *data);    /* the host wants nothing more of the stream, nor sends anything */
} agent_stream_events;

uint32_t agent_stream_get_id (const agent_stream *stream);

void agent_stream_set_events (agent_stream *stream, const agent_stream_events *events, void *data);

/* Contiguous room for bytes to the host; NULL: none, the writable event will come. agent_stream_commit says how much of it was filled. */
void *agent_stream_reserve (agent_stream *stream, size_t *room);
void agent_stream_commit (agent_stream *stream, size_t size);

/* No more bytes to the host. */
void agent_stream_finish (agent_stream *stream);

/* Contiguous bytes of the host; NULL: none now. They stay until agent_stream_consume. */
const void *agent_stream_peek (agent_stream *stream, size_t *size);
void agent_stream_consume (agent_stream *stream, size_t size);

/* All bytes of the host are consumed, and it sends no more. */
bool agent_stream_at_end (agent_stream *stream);

/* Tells the host that nothing more of it is wanted. Bytes to the host go on. */
void agent_stream_stop (agent_stream *stream);

/*
 * The part's last word: no more events. What was committed is still delivered, and ended if it wasn't; what the host still sends is thrown
 * away. The
 * number of the stream is free for another use once the host is done as well.
 */
void agent_stream_close (agent_stream *stream);
