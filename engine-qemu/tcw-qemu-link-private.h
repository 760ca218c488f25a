/* What the files of the agent's host end share: the object, its pump, requests, and who hears of a stream. */
#pragma once

#include "tcw-qemu-link.h"
#include "wire/tcw-wire-link.h"

G_BEGIN_DECLS

#define TCW_QEMU_LINK_BUFFER_SIZE (2 * TCW_WIRE_FRAME_MAX)

struct _TcwQemuLink
{
  GObject parent_instance;
  GMainContext *context;
  GSocket *socket;
  GSource *read_source;
  GSource *write_source;
  GError *broken; /* why the link can't go on until the next connect */

  TcwWireLink *link;
  TcwWireRecordReader records;
  guint8 session[TCW_WIRE_SESSION_SIZE];
  gboolean has_session; /* the agent has said WELCOME to it */
  gboolean welcome;     /* of this connection */
  gboolean identity_needed;
  gboolean session_lost;
  guint resyncs;
  char *version;

  guint8 *in; /* TCW_QEMU_LINK_BUFFER_SIZE bytes, as out: where bytes from the socket pass */
  guint8 *out; /* pulled from the link, not yet in the socket */
  gsize out_begin;
  gsize out_end;
  GByteArray *control_out; /* records that the control stream has no room for yet */

  guint32 last_request;
  guint32 last_stream;
  guint32 last_exec;
  GHashTable *replies; /* request number → TcwQemuLinkReply, borrowed */
  GHashTable *execs;   /* exec id → TcwQemuLinkExec, borrowed */
  guint64 pings;
  gboolean pong;
};

/* Set as a stream's data: called from the pump when it changed (TCW_WIRE_STREAM_*). */
typedef struct
{
  void (*changed) (gpointer owner, TcwWireStream *stream, guint changes);
  gpointer owner;
} TcwQemuLinkStreamUser;

/* A request that waits for its reply; on the stack of whoever waits. */
typedef struct
{
  gboolean done;
  TcwWireStatus status;
  char *message;
  GBytes *body;
} TcwQemuLinkReply;

void tcw_qemu_link_reply_clear (TcwQemuLinkReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TcwQemuLinkReply, tcw_qemu_link_reply_clear)

/* Whether what is waited for has come; or FALSE with @error set when it never will. */
typedef gboolean (*TcwQemuLinkCondition) (gpointer user_data, GError **error);

/*
 * Iterates the context until @condition. @what stands in the error of a time-out: "the agent did not ... in time".
 */
gboolean tcw_qemu_link_wait_for (TcwQemuLink *self, TcwQemuLinkCondition condition, gpointer user_data, const char *what,
                                  gint64 deadline, GCancellable *cancellable, GError **error);

/* Moves bytes out and events in, without waiting. Call it after using streams outside of the pump. */
void tcw_qemu_link_flush (TcwQemuLink *self);

/* Moves records that wait for room into the control stream. */
void tcw_qemu_link_send_waiting (TcwQemuLink *self);

/* Sends a request, filled by @encode, and waits for its reply; one that isn't OK is an error. @reply may be NULL. */
typedef void (*TcwQemuLinkEncode) (TcwWireWriter *writer, const void *message);
gboolean tcw_qemu_link_request (TcwQemuLink *self, TcwWireMessage type, TcwQemuLinkEncode encode, const void *message,
                                 TcwQemuLinkReply *reply, gint64 deadline, GCancellable *cancellable, GError **error);

/* Sends a request whose reply nobody waits for. */
void tcw_qemu_link_send (TcwQemuLink *self, TcwWireMessage type, TcwQemuLinkEncode encode, const void *message);

/* Sends a request and has its reply put into @reply when it comes; forget it before @reply goes. Returns its number. */
guint32 tcw_qemu_link_begin_request (TcwQemuLink *self, TcwWireMessage type, TcwQemuLinkEncode encode, const void *message,
                                      TcwQemuLinkReply *reply);
void tcw_qemu_link_forget_request (TcwQemuLink *self, guint32 request);

/* Sets @error from a reply that isn't OK; FALSE. */
gboolean tcw_qemu_link_set_reply_error (const TcwQemuLinkReply *reply, GError **error);

/* FALSE once the session is lost: the pointers of its streams are no good any more. */
gboolean tcw_qemu_link_is_session_alive (TcwQemuLink *self);

/* A new stream of the host's. */
TcwWireStream *tcw_qemu_link_open_stream (TcwQemuLink *self, gsize receive, gsize send, TcwQemuLinkStreamUser *user, GError **error);

guint32 tcw_qemu_link_new_exec_id (TcwQemuLink *self);

/* Commands hear of EXIT events by their number. */
void tcw_qemu_link_add_exec (TcwQemuLink *self, guint32 id, TcwQemuLinkExec *exec);
void tcw_qemu_link_remove_exec (TcwQemuLink *self, guint32 id);
void tcw_qemu_link_exec_ended (TcwQemuLinkExec *exec, const TcwWireExit *end);

/* The session is lost: its streams and commands are gone. */
void tcw_qemu_link_exec_lost (TcwQemuLinkExec *exec);

G_END_DECLS
