/*
 * The host's end for tests of the agent as a process: starts it, connects, speaks the protocol with the wire library alone. Everything
 * waits with a deadline, and
 * fails the test when that is over. One thread.
 */
#pragma once

#include <glib.h>

#include "wire/tcw-wire-messages.h"

typedef struct AgentPeer AgentPeer;

/* A stream as the test sees it. */
typedef struct {
  TcwWireStream *wire; /* NULL: closed */
  GByteArray *got;     /* what was read of it */
  gboolean reading;    /* FALSE: leave it where it is */
  gboolean ended;      /* its end has come */
  gboolean reset;      /* the agent gave it up, or does not read it any more */
  gsize count;         /* bytes that came, kept or not */
  gboolean counting;   /* don't keep them: digest only */
  GChecksum *digest;
  const guint8 *source; /* to be sent as there is room, then the end */
  gsize source_left;
} PeerStream;

/* Starts the agent @program and connects, with no session yet. */
AgentPeer *agent_peer_new (const char *program);

/* Ends the agent; it must end by itself, with status 0. */
void agent_peer_free (AgentPeer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AgentPeer, agent_peer_free)

/* Folder below which the agent writes identities. */
const char *agent_peer_get_root (AgentPeer *peer);

void agent_peer_disconnect (AgentPeer *peer);
void agent_peer_connect (AgentPeer *peer);

/* Writes bytes that are no frames. */
void agent_peer_send_raw (AgentPeer *peer, gconstpointer bytes, gsize size);

/* HELLO with a new session, or with the old one to be resumed; returns when the WELCOME is there. @fresh: whether the agent began anew. */
void agent_peer_hello (AgentPeer *peer, gboolean resume, gboolean *fresh, gboolean *identity_needed);

/* HELLO with a new session, and an identity. */
void agent_peer_begin (AgentPeer *peer);

/* Opens a stream for a request to come. */
PeerStream *agent_peer_open (AgentPeer *peer, gboolean to_agent, gboolean from_agent);
guint32 agent_peer_stream_id (PeerStream *stream);

/* Sends a request whose body @encode writes from @message (both NULL: no body). Returns its number. */
typedef void (*PeerEncode) (TcwWireWriter *writer, gconstpointer message);
guint32 agent_peer_send (AgentPeer *peer, TcwWireMessage type, PeerEncode encode, gconstpointer message);

/* Waits for the reply; @text (transfer full) and @body may be NULL. */
TcwWireStatus agent_peer_wait_reply (AgentPeer *peer, guint32 request, char **text, GBytes **body);

/* Both at once. */
TcwWireStatus agent_peer_call (AgentPeer *peer, TcwWireMessage type, PeerEncode encode, gconstpointer message, char **text);

/* The EXIT of @exec, waited for. */
TcwWireExit agent_peer_wait_exit (AgentPeer *peer, guint32 exec);
gboolean agent_peer_has_exit (AgentPeer *peer, guint32 exec);

/* The next CONNECT event, waited for; and the stream it tells of. */
PeerStream *agent_peer_wait_connect (AgentPeer *peer, guint32 *listener);

/* Moves bytes until @stream has ended or was reset. */
void agent_peer_wait_end (AgentPeer *peer, PeerStream *stream);

/* Moves bytes until @stream has at least @size. */
void agent_peer_wait_count (AgentPeer *peer, PeerStream *stream, gsize size);

/* Moves bytes for one round, of at most @ms milliseconds. */
void agent_peer_turn (AgentPeer *peer, int ms);

/* A command with the three usual streams. */
typedef struct {
  guint32 id;
  PeerStream *in;
  PeerStream *out;
  PeerStream *err;
} PeerExec;

/* Runs @argv; @change may set what else there is in the message. Returns the reply's status. */
TcwWireStatus agent_peer_exec (AgentPeer *peer, const char *const *argv, void (*change) (TcwWireExec *message), PeerExec *exec,
                               char **text);

/* Runs a shell script without input until its end; returns its stdout (transfer full), which must be all that it wrote. */
char *agent_peer_shell (AgentPeer *peer, const char *script, TcwWireExit *exit);

void agent_peer_put_exec (TcwWireWriter *writer, gconstpointer message);
void agent_peer_put_signal (TcwWireWriter *writer, gconstpointer message);
void agent_peer_put_kill (TcwWireWriter *writer, gconstpointer message);
void agent_peer_put_resize (TcwWireWriter *writer, gconstpointer message);
void agent_peer_put_identity (TcwWireWriter *writer, gconstpointer message);
void agent_peer_put_get (TcwWireWriter *writer, gconstpointer message);
void agent_peer_put_put (TcwWireWriter *writer, gconstpointer message);
void agent_peer_put_listen (TcwWireWriter *writer, gconstpointer message);
void agent_peer_put_connect_out (TcwWireWriter *writer, gconstpointer message);
