/*
 * The link between host and agent: sessions, streams, credit, and going on after a break (docs/agent-protocol.md, "Link"). Both ends use
 * it.
 *
 * It does no I/O. Bytes that arrive go in by tcw_wire_link_push(), bytes to send come out by tcw_wire_link_pull(); what became of it is
 * asked with tcw_wire_link_next_event(), never by callback. After any call on the link or a stream, look at pull and next_event again.
 * Memory is allocated when a link is made and a stream is opened, never because of what the peer sends. One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/tcw-wire-frame.h"

enum {
  TCW_WIRE_SESSION_SIZE = 16,
  TCW_WIRE_STREAMS_MAX = 1024,        /* open at a time, beside the control stream */
  TCW_WIRE_WINDOW_INITIAL = 65536,    /* what the accepting end of a stream may send before it is given more */
  TCW_WIRE_WINDOW_DEFAULT = 262144,   /* a good size for windows and send buffers */
  TCW_WIRE_WINDOW_MAX = 16777216,
  TCW_WIRE_PING_MAX = 64,
  TCW_WIRE_VERSION_TEXT = 128,        /* bytes of a version string with its NUL */
  TCW_WIRE_CAPABILITIES_TEXT = 1024,  /* bytes of the capabilities with their NUL: words with a blank between */
  TCW_WIRE_ERROR_TEXT = 160,
};

/* Streams that the agent opens have this bit in their id, those that the host opens don't. Ids are not used twice in a session. */
#define TCW_WIRE_STREAM_AGENT 0x80000000u

/* Codes of RESET. Others can be defined by whoever uses a stream. */
enum {
  TCW_WIRE_RESET_CANCELLED = 1, /* nobody wants it any more */
  TCW_WIRE_RESET_FAILED = 2,
  TCW_WIRE_RESET_GONE = 3, /* answer to a frame of a stream that isn't open (any more) */
};

typedef struct TcwWireLink TcwWireLink;
typedef struct TcwWireStream TcwWireStream;

typedef enum { TCW_WIRE_HOST, TCW_WIRE_AGENT } TcwWireRole;

/* NULL: no memory. The link has the control stream (id 0), with a send buffer and a window of @control_window bytes, and no connection. */
TcwWireLink *tcw_wire_link_new (TcwWireRole role, size_t control_window);

/* Frees the link and all its streams. NULL is allowed. */
void tcw_wire_link_free (TcwWireLink *link);

/* --- connection --- */

/*
 * Host: begins or resumes the session under @epoch, which must be random, not 0, and new; repeating the same one while no WELCOME has
 * come is harmless. @flags: TCW_WIRE_HELLO_*. Without RESUME all streams are dropped first (their pointers are invalid then). @pad puts a
 * frame's length of zeros before it, for an agent that a predecessor left in the middle of a frame: use it for the second try.
 */
void tcw_wire_link_hello (TcwWireLink *link, const uint8_t session[TCW_WIRE_SESSION_SIZE], uint32_t epoch, unsigned flags, bool pad);

/*
 * Agent: the answer to TCW_WIRE_EVENT_HELLO. When the event said "fresh", all streams are dropped here (their pointers are invalid then),
 * so whoever uses them must have let go before. @version and @capabilities (words, blanks between) are copied, and cut to their limits.
 */
void tcw_wire_link_welcome (TcwWireLink *link, bool identity_needed, const char *version, const char *capabilities);

/*
 * The connection is gone: forgets what was half received. Streams stay, for the next HELLO. What was pulled and not written is thrown
 * away by the caller.
 */
void tcw_wire_link_disconnect (TcwWireLink *link);

/* Between HELLO and WELCOME on the one side, and a disconnection or a failure on the other. */
bool tcw_wire_link_is_connected (const TcwWireLink *link);

/* Takes all @size bytes, always. */
void tcw_wire_link_push (TcwWireLink *link, const void *data, size_t size);

/*
 * Fills @buffer (at least TCW_WIRE_FRAME_MAX bytes) with whole frames. Returns the number of bytes, 0 when there is nothing to send. They
 * count as sent: the caller writes all of them before it pulls again, or calls tcw_wire_link_disconnect().
 */
size_t tcw_wire_link_pull (TcwWireLink *link, void *buffer, size_t size);

/* Whether tcw_wire_link_pull() would return something. */
bool tcw_wire_link_wants_write (const TcwWireLink *link);

/* Sends up to TCW_WIRE_PING_MAX bytes to be echoed; replaces a ping that was not pulled yet. */
void tcw_wire_link_ping (TcwWireLink *link, const void *data, size_t size);

/* --- events --- */

typedef enum {
  TCW_WIRE_EVENT_HELLO,   /* agent: a host is there; @fresh and @attach are set; call tcw_wire_link_welcome() */
  /* Host: the agent answered; @fresh, @identity_needed, @peer_version, @version, @capabilities, @last_stream are set. A fresh one after a
     HELLO with RESUME has ended all streams: their pointers are valid until the next call of next_event(). */
  TCW_WIRE_EVENT_WELCOME,
  TCW_WIRE_EVENT_STREAM,  /* @stream changed: @changes */
  /* host, after HELLO with ATTACH: the agent has the stream @id; open it with tcw_wire_stream_attach(), or reset it */
  TCW_WIRE_EVENT_UNKNOWN,
  TCW_WIRE_EVENT_PONG,    /* @pong, @pong_size */
  TCW_WIRE_EVENT_RESYNC,  /* host: bytes were lost or broken (@text says what): call tcw_wire_link_hello() with RESUME and a new epoch */
  TCW_WIRE_EVENT_FAILED,  /* the peer broke the protocol, @text says how; the link is disconnected. An agent waits for the next HELLO */
} TcwWireEventType;

enum {
  TCW_WIRE_STREAM_READABLE = 1,      /* more bytes to peek have arrived, or the end; told once, whether they are read or not */
  TCW_WIRE_STREAM_WRITABLE = 2,      /* there is room again in the send buffer */
  TCW_WIRE_STREAM_RECEIVE_RESET = 4, /* the peer sends no more, without an end; what has arrived can still be read */
  TCW_WIRE_STREAM_SEND_STOPPED = 8,     /* the peer reads no more; what is written from now on goes nowhere */
  TCW_WIRE_STREAM_FLUSHED = 16,      /* all that was written, and its end if there is one, has been acknowledged */
  TCW_WIRE_STREAM_CLOSED = 32,       /* both directions are done: tcw_wire_stream_close() has nothing left to give up */
};

typedef struct {
  TcwWireEventType type;
  TcwWireStream *stream;
  unsigned changes;
  uint32_t id;       /* UNKNOWN */
  uint64_t oldest;   /* UNKNOWN: the first byte of the agent's output that it still has */
  uint64_t received; /* UNKNOWN: what the agent has received: the host goes on there */
  bool finished;     /* UNKNOWN: the agent has received the end of the host's output: attach with @send 0 */
  bool fresh;
  bool attach;
  bool identity_needed;
  uint32_t last_stream; /* WELCOME: highest id, without the agent's bit, that the host has opened in this session */
  uint16_t peer_version; /* of the protocol, as agreed; 0 in a WELCOME: the agent speaks none of ours */
  const char *version;   /* of the agent, valid until the next push */
  const char *capabilities;
  const uint8_t *pong; /* valid until the next push */
  size_t pong_size;
  const char *text; /* valid until the next call on the link */
} TcwWireEvent;

/* Fills @event with the next thing that happened. False: nothing did. */
bool tcw_wire_link_next_event (TcwWireLink *link, TcwWireEvent *event);

/* --- streams --- */

typedef enum {
  TCW_WIRE_OPEN_INITIATE, /* we are about to tell the peer about this stream, in a record */
  TCW_WIRE_OPEN_ACCEPT,   /* the peer told us about it */
} TcwWireOpen;

/*
 * Opens stream @id with a window of @receive bytes and a send buffer of @send bytes, both rounded up to a power of two and at most
 * TCW_WIRE_WINDOW_MAX; 0: that direction doesn't exist (the peer must agree); a window is at least TCW_WIRE_WINDOW_INITIAL. The link owns
 * it. NULL: errno is EEXIST, EINVAL (sizes; the id 0; an id of the wrong side), EMFILE (too many) or ENOMEM.
 */
TcwWireStream *tcw_wire_stream_open (TcwWireLink *link, uint32_t id, TcwWireOpen how, size_t receive, size_t send);

/*
 * Host: opens a stream that TCW_WIRE_EVENT_UNKNOWN told of, and wants the agent's output from @from on (oldest or later). Otherwise like
 * open.
 */
TcwWireStream *tcw_wire_stream_attach (TcwWireLink *link, uint32_t id, uint64_t from, size_t receive, size_t send);

/* The open stream @id (0: the control stream), or NULL. */
TcwWireStream *tcw_wire_link_get_stream (TcwWireLink *link, uint32_t id);

/* Gives up what isn't done of both directions (with @code for the peer), and frees the stream. Not for the control stream. */
void tcw_wire_stream_close (TcwWireStream *stream, uint32_t code);

/*
 * Leaves the stream to the link, which goes on sending what was written, reads no more, gives no more events for it, and frees it when it
 * is done.
 */
void tcw_wire_stream_release (TcwWireStream *stream);

uint32_t tcw_wire_stream_get_id (const TcwWireStream *stream);
void tcw_wire_stream_set_data (TcwWireStream *stream, void *data);
void *tcw_wire_stream_get_data (const TcwWireStream *stream);

/*
 * Receiving. Points @data at bytes that have arrived, and returns how many follow each other there; 0: none now. Valid until the next
 * push or consume.
 */
size_t tcw_wire_stream_peek (const TcwWireStream *stream, const uint8_t **data);

/* The first @size bytes that were peeked are done with: the peer may send as many more, and (see next) forget these. */
void tcw_wire_stream_consume (TcwWireStream *stream, size_t size);

/*
 * With @manual, consumed bytes are acknowledged only up to the last call of tcw_wire_stream_acknowledge(); a new host process that
 * attaches gets those after that once more. The host's end of the control stream begins so, and is acknowledged at the boundaries of
 * records.
 */
void tcw_wire_stream_set_manual_acknowledge (TcwWireStream *stream, bool manual);
void tcw_wire_stream_acknowledge (TcwWireStream *stream);

/* Whether the peer has ended its direction (and nothing is left to peek), with FIN. */
bool tcw_wire_stream_is_at_end (const TcwWireStream *stream);

/* Whether the peer has given up its direction and nothing is left to peek; @code may be NULL. */
bool tcw_wire_stream_is_reset (const TcwWireStream *stream, uint32_t *code);

/* We read no more: what has arrived and what arrives is thrown away. */
void tcw_wire_stream_stop (TcwWireStream *stream, uint32_t code);

/* Bytes received so far in all: the offset of the next one that tcw_wire_stream_peek() shows. */
uint64_t tcw_wire_stream_get_consumed (const TcwWireStream *stream);

/*
 * Sending. Points @space at room in the send buffer, and returns how many bytes follow each other there (0: full, ended, or stopped).
 * Read into it, then commit how much it was. Asking here when it is full brings TCW_WIRE_STREAM_WRITABLE later.
 */
size_t tcw_wire_stream_reserve (TcwWireStream *stream, uint8_t **space);
void tcw_wire_stream_commit (TcwWireStream *stream, size_t size);

/* All the room there is. */
size_t tcw_wire_stream_get_room (const TcwWireStream *stream);

/* Copies as much of @data as there is room for; returns how much. */
size_t tcw_wire_stream_write (TcwWireStream *stream, const void *data, size_t size);

/* Ends our direction after what was written. */
void tcw_wire_stream_finish (TcwWireStream *stream);

/* Gives up our direction: what the peer does not have yet is lost. */
void tcw_wire_stream_abort (TcwWireStream *stream, uint32_t code);

/* Whether the peer reads no more. */
bool tcw_wire_stream_is_stopped (const TcwWireStream *stream);

/* Whether all that was written, and its end if there is one, has been acknowledged. */
bool tcw_wire_stream_is_flushed (const TcwWireStream *stream);

/* Whether both directions are done. */
bool tcw_wire_stream_is_closed (const TcwWireStream *stream);
