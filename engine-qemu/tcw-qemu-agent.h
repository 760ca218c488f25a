/*
 * The host's end of the link to a guest's agent (docs/agent-protocol.md): identity, commands, files, tunnels.
 *
 * An agent and all that is made from it belong to one thread, and to the main context that was the thread's default when the agent was
 * made. Blocking calls iterate that context: callbacks of other sources, and of this agent's other users, run meanwhile. @deadline is a
 * monotonic time in microseconds (g_get_monotonic_time()), G_MAXINT64 for none. @cancellable may be NULL. Errors are in
 * TCW_QEMU_AGENT_ERROR, or G_IO_ERROR_CANCELLED.
 *
 * A guest is hostile: whatever it sends costs a bounded amount of memory and ends in an error at most.
 */
#pragma once

#include <gio/gio.h>

#include "wire/tcw-wire-messages.h"
#include "wire/tcw-wire-tree.h"

G_BEGIN_DECLS

#define TCW_QEMU_AGENT_ERROR (tcw_qemu_agent_error_quark ())

/* The first ones are what the agent answered; its words are in the message. */
typedef enum {
  TCW_QEMU_AGENT_ERROR_NOT_FOUND = TCW_WIRE_STATUS_NOT_FOUND,
  TCW_QEMU_AGENT_ERROR_NOT_EXECUTABLE = TCW_WIRE_STATUS_NOT_EXECUTABLE,
  TCW_QEMU_AGENT_ERROR_NO_USER = TCW_WIRE_STATUS_NO_USER,
  TCW_QEMU_AGENT_ERROR_NO_DIRECTORY = TCW_WIRE_STATUS_NO_DIRECTORY,
  TCW_QEMU_AGENT_ERROR_PERMISSION = TCW_WIRE_STATUS_PERMISSION,
  TCW_QEMU_AGENT_ERROR_INVALID = TCW_WIRE_STATUS_INVALID,
  TCW_QEMU_AGENT_ERROR_BUSY = TCW_WIRE_STATUS_BUSY,
  TCW_QEMU_AGENT_ERROR_LIMIT = TCW_WIRE_STATUS_LIMIT,
  TCW_QEMU_AGENT_ERROR_NOT_SUPPORTED = TCW_WIRE_STATUS_NOT_SUPPORTED,
  TCW_QEMU_AGENT_ERROR_IDENTITY_NEEDED = TCW_WIRE_STATUS_IDENTITY_NEEDED,
  TCW_QEMU_AGENT_ERROR_IO = TCW_WIRE_STATUS_IO,
  TCW_QEMU_AGENT_ERROR_EXISTS = TCW_WIRE_STATUS_EXISTS,
  TCW_QEMU_AGENT_ERROR_NO_SPACE = TCW_WIRE_STATUS_NO_SPACE,
  TCW_QEMU_AGENT_ERROR_WRONG_TYPE = TCW_WIRE_STATUS_WRONG_TYPE,
  TCW_QEMU_AGENT_ERROR_REFUSED = TCW_WIRE_STATUS_REFUSED,
  TCW_QEMU_AGENT_ERROR_NO_MEMORY = TCW_WIRE_STATUS_NO_MEMORY,
  TCW_QEMU_AGENT_ERROR_CANCELLED = TCW_WIRE_STATUS_CANCELLED,
  TCW_QEMU_AGENT_ERROR_LINK_CLOSED = 100, /* there is no connection (any more): the VM or QEMU is gone */
  TCW_QEMU_AGENT_ERROR_TIMEOUT,           /* no answer in time; the message names what was awaited */
  TCW_QEMU_AGENT_ERROR_PROTOCOL,          /* the guest sent nonsense; the message says which */
  TCW_QEMU_AGENT_ERROR_SESSION_LOST,      /* the agent began anew: what was running in the guest is unknown or gone */
} TcwQemuAgentError;

GQuark tcw_qemu_agent_error_quark (void);

/*
 * Signal "closed" (TcwQemuAgent *): the connection broke, which all calls now say as well. It can be connected again, and goes on where
 * it was: no byte of a stream is lost or comes twice, running commands are still running.
 */
#define TCW_TYPE_QEMU_AGENT (tcw_qemu_agent_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuAgent, tcw_qemu_agent, TCW, QEMU_AGENT, GObject)

/* A running (or ended) command. Dropping the last reference kills what still runs. */
#define TCW_TYPE_QEMU_AGENT_EXEC (tcw_qemu_agent_exec_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuAgentExec, tcw_qemu_agent_exec, TCW, QEMU_AGENT_EXEC, GObject)

/*
 * A stream of bytes to and from the guest: a tunnel's connection, or (only its output) a command's stdin. Both sides are pollable, and so
 * usable with GIO's asynchronous functions; blocking ones iterate the agent's context. Closing gives up what is not yet sent unless it
 * was flushed.
 */
#define TCW_TYPE_QEMU_AGENT_STREAM (tcw_qemu_agent_stream_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuAgentStream, tcw_qemu_agent_stream, TCW, QEMU_AGENT_STREAM, GIOStream)

/* --- connection --- */

/* @session: 16 bytes that name the session; NULL: random ones. To re-attach after a restart, give those of the former process. */
TcwQemuAgent *tcw_qemu_agent_new (const guint8 *session);

/* The session's 16 bytes, to be kept for a re-attach. */
const guint8 *tcw_qemu_agent_get_session (TcwQemuAgent *self);

/*
 * Connects to QEMU's socket, and says hello until the agent answers or @deadline comes: TIMEOUT. LINK_CLOSED at once when the socket
 * isn't there, nobody listens on it, or it is closed. The first time it begins a session; later, on the same object, it resumes it, and
 * when the agent has begun anew, running commands end with SESSION_LOST.
 */
gboolean tcw_qemu_agent_connect (TcwQemuAgent *self, const char *socket_path, gint64 deadline, GCancellable *cancellable, GError **error);

/*
 * As connect, for a session of a former process, given to tcw_qemu_agent_new(). Fails with SESSION_LOST when the agent doesn't have it.
 * Commands are found with tcw_qemu_agent_list(), and taken over with tcw_qemu_agent_attach_exec().
 */
gboolean tcw_qemu_agent_reattach (TcwQemuAgent *self, const char *socket_path, gint64 deadline, GCancellable *cancellable, GError **error);

/* Closes the connection after what is being sent. The session stays; connect() resumes it. */
void tcw_qemu_agent_disconnect (TcwQemuAgent *self);

gboolean tcw_qemu_agent_is_connected (TcwQemuAgent *self);

/* Whether the last connect began a session anew. */
gboolean tcw_qemu_agent_is_fresh (TcwQemuAgent *self);

/* Whether the guest waits for tcw_qemu_agent_identify(). */
gboolean tcw_qemu_agent_needs_identity (TcwQemuAgent *self);

/* What the agent said of itself: printable ASCII, "" before the first connect. */
const char *tcw_qemu_agent_get_version (TcwQemuAgent *self);
const char *tcw_qemu_agent_get_capabilities (TcwQemuAgent *self);

/* --- the machine --- */

/* NULL or 0 in all fields: not set. */
typedef struct
{
  const char *mac; /* of the card, "52:54:00:12:34:56"; NULL: the first one */
  const char *address4;
  guint prefix4;
  const char *gateway4;
  const char *address6;
  guint prefix6;
  const char *gateway6;
  const char *const *dns; /* NULL-terminated addresses, or NULL */
} TcwQemuAgentNetwork;

typedef struct
{
  const guint8 *entropy; /* 32 to 512 fresh random bytes */
  gsize entropy_length;
  const char *host_name;  /* or NULL */
  const char *machine_id; /* 32 lower-case hexadecimal digits, or NULL */
  const TcwQemuAgentNetwork *network; /* or NULL */
} TcwQemuAgentIdentity;

/* Makes the guest a machine of its own; its clock is set to this moment. */
gboolean tcw_qemu_agent_identify (TcwQemuAgent *self, const TcwQemuAgentIdentity *identity, gint64 deadline, GCancellable *cancellable,
                                  GError **error);

/* Asks for a sign of life. */
gboolean tcw_qemu_agent_ping (TcwQemuAgent *self, gint64 deadline, GCancellable *cancellable, GError **error);

/* Everything in the guest is on its disks when it returns. */
gboolean tcw_qemu_agent_sync (TcwQemuAgent *self, gint64 deadline, GCancellable *cancellable, GError **error);

/* The guest begins to power off, or to restart. */
gboolean tcw_qemu_agent_power_off (TcwQemuAgent *self, gboolean restart, gint64 deadline, GCancellable *cancellable, GError **error);

gboolean tcw_qemu_agent_get_stats (TcwQemuAgent *self, TcwWireStats *stats, gint64 deadline, GCancellable *cancellable, GError **error);

/* All fields but @device and @path can be NULL or 0, see TcwWireMount. */
gboolean tcw_qemu_agent_mount (TcwQemuAgent *self, const TcwWireMount *mount, gint64 deadline, GCancellable *cancellable, GError **error);
gboolean tcw_qemu_agent_unmount (TcwQemuAgent *self, const char *path, gint64 deadline, GCancellable *cancellable, GError **error);

/* --- commands --- */

/*
 * Takes output; @data is valid during the call. FALSE with @error set: no more of it is wanted, and waiting for the command fails with
 * this error.
 */
typedef gboolean (*TcwQemuAgentSink) (const guint8 *data, gsize length, gpointer user_data, GError **error);

/* Zeroed but for @argv is a command without input and output. Everything is copied. */
typedef struct
{
  const char *const *argv; /* NULL-terminated, at least one */
  const char *const *env;  /* "NAME=VALUE", NULL-terminated, or NULL */
  gboolean clean_env;      /* @env is all of the environment */
  const char *cwd;         /* NULL: the user's home */
  const char *user;        /* NULL: the agent's own */
  gboolean pty;            /* output comes by @out only */
  gboolean merge_stderr;   /* so it does here */
  guint16 columns;
  guint16 rows;
  gboolean has_stdin;   /* write it with the functions below; otherwise /dev/null */
  TcwQemuAgentSink out; /* NULL: /dev/null */
  gpointer out_data;
  TcwQemuAgentSink err;
  gpointer err_data;
} TcwQemuAgentExecOptions;

typedef struct
{
  TcwWireExitKind kind; /* TCW_WIRE_EXIT_EXITED or _SIGNALLED */
  int code;             /* exit status, or the signal's number */
  guint64 user_us;      /* CPU time of the whole tree */
  guint64 system_us;
  guint64 max_rss_kib;
  guint survivors; /* processes that could not be killed */
} TcwQemuAgentExit;

/* Starts a command; returns (transfer full) when it runs. NULL: it could not start, and the error says why. */
TcwQemuAgentExec *tcw_qemu_agent_exec (TcwQemuAgent *self, const TcwQemuAgentExecOptions *options, gint64 deadline,
                                       GCancellable *cancellable, GError **error);

/*
 * Takes over a command after tcw_qemu_agent_reattach(). Of @options only the sinks and their data count. Output goes on at the given
 * offsets of bytes that the former process has dealt with; LIMIT when the guest has forgotten some of those after them.
 */
TcwQemuAgentExec *tcw_qemu_agent_attach_exec (TcwQemuAgent *self, const TcwWireExecInfo *info, const TcwQemuAgentExecOptions *options,
                                              guint64 out_offset, guint64 err_offset, GError **error);

/* Returns (transfer full, element TcwWireExecInfo) the commands that the agent knows, running and ended ones. */
GArray *tcw_qemu_agent_list (TcwQemuAgent *self, gint64 deadline, GCancellable *cancellable, GError **error);

/*
 * Waits until the command has ended and all of its output has been delivered; a paused output keeps it waiting. Can be called again after
 * an error.
 */
gboolean tcw_qemu_agent_exec_wait (TcwQemuAgentExec *self, gint64 deadline, GCancellable *cancellable, TcwQemuAgentExit *end,
                                   GError **error);

/* Whether tcw_qemu_agent_exec_wait() would return at once. */
gboolean tcw_qemu_agent_exec_is_done (TcwQemuAgentExec *self);

/*
 * Writes all of @data to stdin, waiting for room. When the command reads no more, the rest is thrown away, as a pipe's writer without
 * SIGPIPE: CANCELLED.
 */
gboolean tcw_qemu_agent_exec_write_stdin (TcwQemuAgentExec *self, const void *data, gsize length, gint64 deadline,
                                          GCancellable *cancellable, GError **error);
void tcw_qemu_agent_exec_close_stdin (TcwQemuAgentExec *self);

/*
 * Returns (transfer none) stdin as a pollable stream, or NULL. Closing it is the end of stdin. Use either this or the two functions
 * above.
 */
GOutputStream *tcw_qemu_agent_exec_get_stdin (TcwQemuAgentExec *self);

/*
 * @descriptor: 1 or 2. While paused its sink is not called, and the command blocks once the buffers are full; no other stream is touched.
 */
void tcw_qemu_agent_exec_pause_output (TcwQemuAgentExec *self, int descriptor, gboolean paused);

/* The number of output bytes that the sink of @descriptor has taken: the offset for tcw_qemu_agent_attach_exec(). */
guint64 tcw_qemu_agent_exec_get_delivered (TcwQemuAgentExec *self, int descriptor);

/* NOT_FOUND when it has ended already. @tree: everything that descends from the command, otherwise its process group. */
gboolean tcw_qemu_agent_exec_signal (TcwQemuAgentExec *self, int signo, gboolean tree, gint64 deadline, GCancellable *cancellable,
                                     GError **error);
gboolean tcw_qemu_agent_exec_resize (TcwQemuAgentExec *self, guint16 columns, guint16 rows, gint64 deadline, GCancellable *cancellable,
                                     GError **error);

/* The whole tree at once; the end is reported as usual. Ended already is no error. */
gboolean tcw_qemu_agent_exec_kill (TcwQemuAgentExec *self, gint64 deadline, GCancellable *cancellable, GError **error);

guint32 tcw_qemu_agent_exec_get_id (TcwQemuAgentExec *self);
guint32 tcw_qemu_agent_exec_get_pid (TcwQemuAgentExec *self);

/* --- files --- */

/*
 * What comes out of the guest. Paths are plain and relative ("" is the root, "a/b"), each lies in a folder that came before; the same
 * path can come twice if the guest wants to do harm, so create with O_EXCL and O_NOFOLLOW. FALSE with @error set ends the transfer.
 * Functions can be NULL. A file is begin, data and holes, end; folders and links have no end.
 */
typedef struct
{
  gboolean (*begin_entry) (const TcwWireTreeEntry *entry, gpointer user_data, GError **error);
  gboolean (*data) (const guint8 *data, gsize length, gpointer user_data, GError **error);
  gboolean (*hole) (guint64 length, gpointer user_data, GError **error);
  gboolean (*end_entry) (gpointer user_data, GError **error);
  void (*warning) (const char *message, gpointer user_data); /* something is left out, for this reason (printable) */
} TcwQemuAgentVisitor;

/* Gets the file or folder that @what describes (its stream is chosen here). */
gboolean tcw_qemu_agent_get (TcwQemuAgent *self, const TcwWireGet *what, const TcwQemuAgentVisitor *visitor, gpointer user_data,
                             gint64 deadline, GCancellable *cancellable, GError **error);

/* What is being put into the guest, for TcwQemuAgentPutFunc. Each waits for room; FALSE also when the agent has refused. */
typedef struct _TcwQemuAgentPut TcwQemuAgentPut;

gboolean tcw_qemu_agent_put_entry (TcwQemuAgentPut *put, const TcwWireTreeEntry *entry, GError **error);
gboolean tcw_qemu_agent_put_data (TcwQemuAgentPut *put, const void *data, gsize length, GError **error);
gboolean tcw_qemu_agent_put_hole (TcwQemuAgentPut *put, guint64 length, GError **error);
gboolean tcw_qemu_agent_put_end (TcwQemuAgentPut *put, GError **error);

/* Writes the whole tree, the root ("") first, without the end of the tree itself. */
typedef gboolean (*TcwQemuAgentPutFunc) (TcwQemuAgentPut *put, gpointer user_data, GError **error);

/* Writes the tree that @func tells into the guest, to where @where says (its stream is chosen here). */
gboolean tcw_qemu_agent_put (TcwQemuAgent *self, const TcwWirePut *where, TcwQemuAgentPutFunc func, gpointer user_data, gint64 deadline,
                             GCancellable *cancellable, GError **error);


/*
 * A TcwQemuAgentPutFunc whose user data is the path of a local file or folder: holes stay holes, links stay links, special files are left
 * out.
 */
gboolean tcw_qemu_agent_put_local (TcwQemuAgentPut *put, gpointer local_path, GError **error);

/* --- tunnels --- */

/* Somebody in the guest has connected. @stream is a reference of the callee's own if it takes one. */
typedef void (*TcwQemuAgentConnectionFunc) (TcwQemuAgentStream *stream, gpointer user_data);

/*
 * Listens inside the guest, as @where says (its listener number is chosen here); the port is left in @real_port, which may be NULL.
 * Returns the listener's id, 0 with @error. At most 128 connections are open at a time; others are refused.
 */
guint32 tcw_qemu_agent_listen (TcwQemuAgent *self, const TcwWireListen *where, TcwQemuAgentConnectionFunc func, gpointer user_data,
                               guint16 *real_port, gint64 deadline, GCancellable *cancellable, GError **error);
gboolean tcw_qemu_agent_unlisten (TcwQemuAgent *self, guint32 listener, gint64 deadline, GCancellable *cancellable, GError **error);

/*
 * Connects to something that listens in the guest. Returns (transfer full). @path: a UNIX socket, or NULL for @host (NULL: 127.0.0.1) and
 * @port.
 */
TcwQemuAgentStream *tcw_qemu_agent_connect_out (TcwQemuAgent *self, const char *host, guint16 port, const char *path, gint64 deadline,
                                                GCancellable *cancellable, GError **error);

G_END_DECLS
