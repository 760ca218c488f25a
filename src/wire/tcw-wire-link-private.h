/*
 * The insides of links and streams, shared by the files of the link and by nobody else.
 */
#pragma once

#include "wire/tcw-wire-link.h"
#include "wire/tcw-wire-ring.h"

enum {
  TCW_WIRE_BUCKETS = 256,
  TCW_WIRE_GONE_MAX = 64,      /* answers to frames of unknown streams that wait to be sent; more are dropped */
  TCW_WIRE_SMALL_MAX = 2048,   /* payload of any frame but DATA */
  TCW_WIRE_WINDOW_SIZE = 24,   /* payload of WINDOW */
  TCW_WIRE_HELLO_SIZE = 20,    /* payload of HELLO: u16 lowest version, u16 highest, session */
};

struct TcwWireStream {
  TcwWireLink *link;
  uint32_t id;
  void *data;
  bool initiator;
  bool peer_seen; /* the peer has sent something for it, so it has it open */
  bool released;  /* nobody uses it any more; it is freed once it is done */
  bool closing;   /* closed: only its last frames are still to be sent */

  bool in_exists;
  TcwWireRing in;        /* start: consumed; end: received */
  bool in_fin;           /* the end has been received */
  bool in_reset;         /* the peer gave up */
  bool in_stopped;       /* we gave up */
  bool in_manual;
  uint32_t in_code;      /* of the peer's RESET */
  uint64_t acknowledged; /* what may be told as acknowledged */
  uint64_t told;         /* what was told in this epoch */
  uint64_t advertised;   /* up to where the peer may send */

  bool out_exists;
  TcwWireRing out; /* start: acknowledged by the peer; end: written */
  uint64_t next;   /* to be sent */
  uint64_t limit;  /* the peer's */
  bool ready;      /* we may send in this epoch */
  bool finish;     /* the end was written */
  bool finish_sent;
  bool finish_acked;
  bool out_aborted; /* we gave up */
  bool out_stopped; /* the peer gave up */
  bool wants_room;  /* somebody waits for room */

  bool window_due;
  unsigned reset_due; /* TCW_WIRE_RESET_SEND and RECEIVE */
  uint32_t reset_code;
  unsigned changes;
  bool closed_told;

  TcwWireStream *bucket_next;
  bool in_send_queue;
  TcwWireStream *send_next;
  bool in_event_queue;
  TcwWireStream *event_next;
};

typedef enum { TCW_WIRE_IDLE, TCW_WIRE_GREETING, TCW_WIRE_ESTABLISHED } TcwWireState;

typedef struct {
  TcwWireStream *head;
  TcwWireStream *tail;
} TcwWireQueue;

/* A stream that the agent has and this host doesn't know. */
typedef struct {
  uint32_t id;
  bool told;
  bool attached;
  bool finished;
  uint64_t limit;
  uint64_t received;
  uint64_t oldest;
} TcwWireUnknown;

/* Larger things first, so that nothing is lost between them. */
struct TcwWireLink {
  TcwWireStream *buckets[TCW_WIRE_BUCKETS];
  TcwWireStream *control;
  TcwWireStream *dead; /* freed at the next next_event, by send_next */
  TcwWireQueue send_queue;
  TcwWireQueue event_queue;
  TcwWireUnknown *unknown;
  size_t n_unknown;

  /* receiving */
  TcwWireHeader frame;
  TcwWireStream *target; /* DATA goes there; NULL: nowhere */
  uint64_t target_end;   /* where the stream's bytes ended when the frame began */
  size_t have;           /* of the header */
  size_t payload_have;   /* of payload and check */

  /* sending */
  size_t ping_size;
  size_t pong_size;
  size_t pong_got_size;
  size_t n_gone;

  TcwWireRole role;
  TcwWireState state;
  unsigned hello_flags;
  unsigned n_streams;
  uint32_t epoch;
  uint32_t checksum;         /* of the frame's header */
  uint32_t last_stream;      /* agent: highest id that the host opened */
  uint32_t peer_last_stream; /* host: the same, as it was told */
  uint32_t gone[TCW_WIRE_GONE_MAX];
  uint16_t peer_version;

  bool has_session;
  bool quiet; /* nothing but the greeting has arrived in this epoch */
  bool in_frame;
  bool resync_told;
  bool identity_needed;
  bool fresh;

  /* frames to send */
  bool hello_due;
  bool pad_due;
  bool welcome_due;
  bool resync_due;
  bool ping_due;
  bool pong_due;

  /* events to tell */
  bool hello_event;
  bool welcome_event;
  bool resync_event;
  bool failed_event;
  bool pong_event;

  uint8_t session[TCW_WIRE_SESSION_SIZE];
  uint8_t new_session[TCW_WIRE_SESSION_SIZE]; /* agent: of the HELLO that waits for its answer */
  uint8_t head[TCW_WIRE_HEADER_SIZE];
  uint8_t check[TCW_WIRE_CHECK_SIZE];
  uint8_t ping[TCW_WIRE_PING_MAX];
  uint8_t pong[TCW_WIRE_PING_MAX];
  uint8_t pong_got[TCW_WIRE_PING_MAX];
  uint8_t small[TCW_WIRE_SMALL_MAX];
  char version[TCW_WIRE_VERSION_TEXT];
  char capabilities[TCW_WIRE_CAPABILITIES_TEXT];
  char text[TCW_WIRE_ERROR_TEXT];
};

/* Finds any stream, closing ones too. */
TcwWireStream *tcw_wire_stream_find (const TcwWireLink *link, uint32_t id);

/* Makes a stream without looking at limits, in the table already. NULL: no memory. */
TcwWireStream *tcw_wire_stream_make (TcwWireLink *link, uint32_t id, size_t receive, size_t send);

/* Frees all but the control stream, which begins anew. */
void tcw_wire_streams_drop (TcwWireLink *link);

/* As drop, but leaves the streams in link->dead for a while. */
void tcw_wire_streams_bury (TcwWireLink *link);

void tcw_wire_streams_free_dead (TcwWireLink *link);

/* Frees @stream, wherever it is listed. */
void tcw_wire_stream_free (TcwWireStream *stream);

/* A new epoch begins: everything that the peer may have missed is to be sent again. */
void tcw_wire_streams_begin_epoch (TcwWireLink *link);

/* To be called after each change: puts the stream into the queues where it belongs. May free a released one: true. */
bool tcw_wire_stream_update (TcwWireStream *stream);

/* Adds to what the next event says. */
void tcw_wire_stream_note (TcwWireStream *stream, unsigned changes);

bool tcw_wire_stream_in_is_done (const TcwWireStream *stream);
bool tcw_wire_stream_out_is_done (const TcwWireStream *stream);

/* Whether WINDOW, RESET or DATA of it are to be sent now, each. */
bool tcw_wire_stream_wants_window (const TcwWireStream *stream);
bool tcw_wire_stream_wants_data (const TcwWireStream *stream);
bool tcw_wire_stream_wants_send (const TcwWireStream *stream);

/* What an acknowledgement says, the end counted as a byte. */
uint64_t tcw_wire_stream_acknowledgement (const TcwWireStream *stream);

void tcw_wire_queue_push (TcwWireQueue *queue, TcwWireStream *stream, bool events);
TcwWireStream *tcw_wire_queue_pop (TcwWireQueue *queue, bool events);

/* A frame of a whole small kind has arrived; DATA has its own way. */
void tcw_wire_link_handle_window (TcwWireLink *link, const TcwWireHeader *frame, const uint8_t *payload);
void tcw_wire_link_handle_reset (TcwWireLink *link, const TcwWireHeader *frame, const uint8_t *payload);

/* The next DATA frame is for nobody: its stream is gone. */
void tcw_wire_link_forget_target (TcwWireLink *link, const TcwWireStream *stream);

/* An answer to a frame of stream @id, which isn't open. */
void tcw_wire_link_answer_gone (TcwWireLink *link, uint32_t id);

/* Ends the connection with TCW_WIRE_EVENT_FAILED. */
void tcw_wire_link_fail (TcwWireLink *link, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

/* Bytes were lost: asks for a new epoch, once. */
void tcw_wire_link_resync (TcwWireLink *link, const char *why);
