/* What the files of the agent's host end share: the object, its pump, requests, and who hears of a stream. */
#pragma once

#include "tcw-qemu-agent.h"
#include "wire/tcw-wire-link.h"

G_BEGIN_DECLS

#define TCW_QEMU_AGENT_BUFFER_SIZE (2 * TCW_WIRE_FRAME_MAX)

struct _TcwQemuAgent
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

  guint8 *in; /* TCW_QEMU_AGENT_BUFFER_SIZE bytes, as out: where bytes from the socket pass */
  guint8 *out; /* pulled from the link, not yet in the socket */
  gsize out_begin;
  gsize out_end;
  GByteArray *control_out; /* records that the control stream has no room for yet */

  guint32 last_request;
  guint32 last_stream;
  guint32 last_exec;
  GHashTable *replies; /* request number → TcwQemuAgentReply, borrowed */
  GHashTable *execs;   /* exec id → TcwQemuAgentExec, borrowed */
  guint64 pings;
  gboolean pong;
};

/* Set as a stream's data: called from the pump when it changed (TCW_WIRE_STREAM_*). */
typedef struct
{
  void (*changed) (gpointer owner, TcwWireStream *stream, guint changes);
  gpointer owner;
} TcwQemuAgentStreamUser;

/* A request that waits for its reply; on the stack of whoever waits. */
typedef struct
{
  gboolean done;
  TcwWireStatus status;
  char *message;
  GBytes *body;
} TcwQemuAgentReply;

void tcw_qemu_agent_reply_clear (TcwQemuAgentReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TcwQemuAgentReply, tcw_qemu_agent_reply_clear)

/* Whether what is waited for has come; or FALSE with @error set when it never will. */
typedef gboolean (*TcwQemuAgentCondition) (gpointer user_data, GError **error);

/*
 * Iterates the context until @condition. @what stands in the error of a time-out: "the agent did not ... in time".
 */
gboolean tcw_qemu_agent_wait_for (TcwQemuAgent *self, TcwQemuAgentCondition condition, gpointer user_data, const char *what,
                                  gint64 deadline, GCancellable *cancellable, GError **error);

/* Moves bytes out and events in, without waiting. Call it after using streams outside of the pump. */
void tcw_qemu_agent_flush (TcwQemuAgent *self);

/* Moves records that wait for room into the control stream. */
void tcw_qemu_agent_send_waiting (TcwQemuAgent *self);

/* Sends a request, filled by @encode, and waits for its reply; one that isn't OK is an error. @reply may be NULL. */
typedef void (*TcwQemuAgentEncode) (TcwWireWriter *writer, const void *message);
gboolean tcw_qemu_agent_request (TcwQemuAgent *self, TcwWireMessage type, TcwQemuAgentEncode encode, const void *message,
                                 TcwQemuAgentReply *reply, gint64 deadline, GCancellable *cancellable, GError **error);

/* Sends a request whose reply nobody waits for. */
void tcw_qemu_agent_send (TcwQemuAgent *self, TcwWireMessage type, TcwQemuAgentEncode encode, const void *message);

/* Sends a request and has its reply put into @reply when it comes; forget it before @reply goes. Returns its number. */
guint32 tcw_qemu_agent_begin_request (TcwQemuAgent *self, TcwWireMessage type, TcwQemuAgentEncode encode, const void *message,
                                      TcwQemuAgentReply *reply);
void tcw_qemu_agent_forget_request (TcwQemuAgent *self, guint32 request);

/* Sets @error from a reply that isn't OK; FALSE. */
gboolean tcw_qemu_agent_set_reply_error (const TcwQemuAgentReply *reply, GError **error);

/* FALSE once the session is lost: the pointers of its streams are no good any more. */
gboolean tcw_qemu_agent_is_session_alive (TcwQemuAgent *self);

/* A new stream of the host's. */
TcwWireStream *tcw_qemu_agent_open_stream (TcwQemuAgent *self, gsize receive, gsize send, TcwQemuAgentStreamUser *user, GError **error);

guint32 tcw_qemu_agent_new_exec_id (TcwQemuAgent *self);

/* Commands hear of EXIT events by their number. */
void tcw_qemu_agent_add_exec (TcwQemuAgent *self, guint32 id, TcwQemuAgentExec *exec);
void tcw_qemu_agent_remove_exec (TcwQemuAgent *self, guint32 id);
void tcw_qemu_agent_exec_ended (TcwQemuAgentExec *exec, const TcwWireExit *end);

/* The session is lost: its streams and commands are gone. */
void tcw_qemu_agent_exec_lost (TcwQemuAgentExec *exec);

G_END_DECLS
