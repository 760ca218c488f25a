/* What the files of the agent link share: ports (streams with an owner), requests, and waiting. Used by nobody else. */
#pragma once

#include "tcw-qemu-agent.h"

G_BEGIN_DECLS

enum { TCW_QEMU_AGENT_READ_SIZE = 65536 };

struct _TcwQemuAgent
{
  GObject parent_instance;

  GMainContext *context;
  TcwWireLink *link;
  TcwWireRecordReader records;
  guint8 session[TCW_WIRE_SESSION_SIZE];
  gboolean began;   /* the session has been begun by this object, or re-attached */
  unsigned hello_flags;
  guint32 epoch;

  int fd; /* -1: not connected */
  GSource *source;
  gpointer fd_tag;
  GError *closed; /* why there is no connection; NULL while there is one */
  guint8 *read_buffer;
  guint8 *write_buffer;
  gsize write_length;
  gsize write_done;
  gboolean flushing;

  GSource *retry;
  guint n_hellos;
  guint n_resyncs;
  gboolean welcomed;
  gboolean fresh;
  gboolean needs_identity;
  guint protocol; /* agreed version */
  char *version;
  char *capabilities;

  GByteArray *control; /* records that did not fit into the control stream yet */
  GHashTable *calls;   /* by number, borrowed */
  GHashTable *execs;   /* by id, borrowed */
  GHashTable *listeners; /* by id, owned by the table */
  GHashTable *ports;   /* set of open TcwQemuAgentPort */
  GHashTable *unknown; /* set of the ids of streams that wait for a re-attach */
  guint32 last_number;
  guint32 last_stream;
  guint32 last_exec;
  guint32 last_listener;
  guint n_connections; /* of listeners, open now */
  gboolean pinged; /* an answer is awaited */
};

typedef struct _TcwQemuAgentPort TcwQemuAgentPort;

/* Something changed at a port: more to read, room to write, the end; or port->stream is NULL now: the session was lost. */
typedef void (*TcwQemuAgentPortFunc) (gpointer owner);

/* A stream together with whom to tell of its changes. Zeroed it is closed. It stays in its owner's memory. */
struct _TcwQemuAgentPort
{
  TcwQemuAgent *agent; /* borrowed */
  TcwWireStream *stream; /* NULL: closed, or lost */
  gboolean lost;
  TcwQemuAgentPortFunc changed;
  gpointer owner;
};

/* Opens a new stream of the host's (@id 0) or the agent's stream @id. FALSE: no more streams; @error says so. */
gboolean tcw_qemu_agent_port_open (TcwQemuAgentPort *self, TcwQemuAgent *agent, guint32 id, gsize receive, gsize send, GError **error);

/* Takes over a stream that already is. */
void tcw_qemu_agent_port_adopt (TcwQemuAgentPort *self, TcwQemuAgent *agent, TcwWireStream *stream);

/* Gives up what is not done, with @code for the agent. Does nothing when closed. */
void tcw_qemu_agent_port_close (TcwQemuAgentPort *self, guint32 code);

guint32 tcw_qemu_agent_port_get_id (const TcwQemuAgentPort *self);

/* Ends the connection with an error, which all calls tell from now on. */
void tcw_qemu_agent_close_link (TcwQemuAgent *self, TcwQemuAgentError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Says hello under a new epoch, and goes on saying it. */
void tcw_qemu_agent_greet (TcwQemuAgent *self);

/* GSourceFunc of the socket. */
gboolean tcw_qemu_agent_on_socket (gpointer data);

/* A source of which only the ready time and descriptors are used. */
GSource *tcw_qemu_agent_new_source (void);

/* Attaches @source (taken) to the agent's context, which may be iterated within @func; @place borrows it. */
void tcw_qemu_agent_attach_source (TcwQemuAgent *self, GSource **place, GSource *source, GSourceFunc func);

/* Sends what there is to send, as far as the socket takes it. To be called after anything was done to a stream. */
void tcw_qemu_agent_flush (TcwQemuAgent *self);

typedef gboolean (*TcwQemuAgentReadyFunc) (gpointer data);

/* How long a call may take, and what it is. */
typedef struct
{
  gint64 deadline;
  GCancellable *cancellable;
  const char *what; /* "starting a command": completes "in time: ..." */
} TcwQemuAgentWait;

/* Iterates the context until @ready says TRUE; otherwise the error of the broken link, TIMEOUT or CANCELLED. */
gboolean tcw_qemu_agent_wait (TcwQemuAgent *self, const TcwQemuAgentWait *wait, TcwQemuAgentReadyFunc ready, gpointer data, GError **error);

/* A request and its answer. */
typedef struct _TcwQemuAgentCall TcwQemuAgentCall;

/* Sends a request whose body @writer has written. Returns (transfer full). NULL: the body is too long. */
TcwQemuAgentCall *tcw_qemu_agent_call_new (TcwQemuAgent *self, TcwWireMessage type, const GByteArray *body, GError **error);

/* Forgets it: an answer that comes later is ignored. */
void tcw_qemu_agent_call_free (TcwQemuAgentCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuAgentCall, tcw_qemu_agent_call_free)

/* Whether the answer is there. */
gboolean tcw_qemu_agent_call_is_done (TcwQemuAgentCall *self);

/* Waits for the answer. Returns (transfer none, alive with the call) its body; NULL: the agent refused, or there is none. */
GBytes *tcw_qemu_agent_call_wait (TcwQemuAgentCall *self, const TcwQemuAgentWait *wait, GError **error);

/* Once the answer is there: FALSE with the agent's refusal, after "@what: ". */
gboolean tcw_qemu_agent_call_get_result (TcwQemuAgentCall *self, const char *what, GError **error);

/* The session was lost: nobody answers any more. */
void tcw_qemu_agent_lose_calls (TcwQemuAgent *self);
void tcw_qemu_agent_lose_execs (TcwQemuAgent *self);

/* A whole request in one go; its answer's body is returned (transfer full). */
GBytes *tcw_qemu_agent_request (TcwQemuAgent *self, TcwWireMessage type, const GByteArray *body, const TcwQemuAgentWait *wait,
                                GError **error);

/*
 * Encodes @message with its encoder @encode of src/wire into the GByteArray @array, which is made. Two rounds: one counts.
 */
/* NOLINTBEGIN(bugprone-macro-parentheses): what is declared and what is called can't stand in any. */
#define TCW_QEMU_AGENT_ENCODE(array, encode, message)                                                                                      \
  g_autoptr (GByteArray) array = g_byte_array_new ();                                                                                      \
  {                                                                                                                                        \
    TcwWireWriter writer_;                                                                                                                 \
    tcw_wire_writer_init (&writer_, NULL, 0);                                                                                              \
    encode (&writer_, message);                                                                                                            \
    g_byte_array_set_size (array, (guint) writer_.length);                                                                                 \
    tcw_wire_writer_init (&writer_, array->data, array->len);                                                                              \
    encode (&writer_, message);                                                                                                            \
  }

/* NOLINTEND(bugprone-macro-parentheses) */

/* Records of the agent's that are no answers, for those whom they concern; FALSE: broken. */
gboolean tcw_qemu_agent_handle_exit (TcwQemuAgent *self, const TcwWireRecord *record);
gboolean tcw_qemu_agent_handle_connect (TcwQemuAgent *self, const TcwWireRecord *record);

/* An answer has come. FALSE: broken. */
gboolean tcw_qemu_agent_handle_reply (TcwQemuAgent *self, const TcwWireRecord *record);

/* A number for a request. */
guint32 tcw_qemu_agent_next_number (TcwQemuAgent *self);

/* Puts a record into the line of those that wait for room in the control stream. */
void tcw_qemu_agent_queue_record (TcwQemuAgent *self, TcwWireMessage type, guint32 request, const GByteArray *body);

/* Returns (transfer full) @text of the guest's as one printable line of UTF-8. */
char *tcw_qemu_agent_clean_text (const char *text);

/* Sets @error to a refusal of the agent's; always returns FALSE. */
gboolean tcw_qemu_agent_refuse (guint32 status, const char *message, const char *what, GError **error);

/* Returns (transfer full) a stream that reads and writes a stream of the link. @id: as for tcw_qemu_agent_port_open(). */
TcwQemuAgentStream *tcw_qemu_agent_stream_new (TcwQemuAgent *agent, guint32 id, gsize receive, gsize send, GError **error);
/* The same for an open one. */
TcwQemuAgentStream *tcw_qemu_agent_stream_new_for (TcwQemuAgent *agent, TcwWireStream *stream);

TcwQemuAgentPort *tcw_qemu_agent_stream_get_port (TcwQemuAgentStream *self);

/* Calls @closed once when the stream goes away. */
void tcw_qemu_agent_stream_set_closed (TcwQemuAgentStream *self, GDestroyNotify closed, gpointer data);

/* Return (transfer full) the sides of @stream, which they know as long as it lives. */
GInputStream *tcw_qemu_agent_input_new (TcwQemuAgentStream *stream);
GOutputStream *tcw_qemu_agent_output_new (TcwQemuAgentStream *stream);

/* Returns (transfer full) a source that becomes ready when something changes at the stream, or at once. */
GSource *tcw_qemu_agent_stream_create_source (TcwQemuAgentStream *self, gboolean is_ready);

/* For the two sides of a stream. Not @block: G_IO_ERROR_WOULD_BLOCK. */
gssize tcw_qemu_agent_stream_read (TcwQemuAgentStream *self, void *buffer, gsize count, gboolean block, GCancellable *cancellable,
                                   GError **error);
gssize tcw_qemu_agent_stream_write (TcwQemuAgentStream *self, const void *buffer, gsize count, gboolean block, GCancellable *cancellable,
                                    GError **error);
void tcw_qemu_agent_stream_finish (TcwQemuAgentStream *self);
gboolean tcw_qemu_agent_stream_is_readable (TcwQemuAgentStream *self);
gboolean tcw_qemu_agent_stream_is_writable (TcwQemuAgentStream *self);

G_END_DECLS
