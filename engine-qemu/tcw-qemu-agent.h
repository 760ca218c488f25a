/*
 * The host's end of the link to a guest's agent (docs/agent-protocol.md).
 *
 * An agent object belongs to the thread that made it and to that thread's default main context, which the blocking functions iterate; callbacks
 * are called from there and must not call blocking functions themselves. Deadlines are absolute, in microseconds of the monotonic clock;
 * G_MAXINT64 means none. What the guest sends is never trusted: it can fail a call, not more.
 *
 * Errors of all functions: G_IO_ERROR_CANCELLED, and TCW_QEMU_AGENT_ERROR with the codes below.
 */
#pragma once

#include <gio/gio.h>

#include "wire/tcw-wire-messages.h"
#include "wire/tcw-wire-tree.h"

G_BEGIN_DECLS

#define TCW_QEMU_AGENT_ERROR (tcw_qemu_agent_error_quark ())

/* The first ones are the statuses of replies, with their numbers. */
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
  TCW_QEMU_AGENT_ERROR_LINK_CLOSED = 1000, /* QEMU closed the socket: the VM is gone; after a reconnect the session goes on */
  TCW_QEMU_AGENT_ERROR_TIMEOUT,            /* the deadline passed; the message says what was awaited */
  TCW_QEMU_AGENT_ERROR_PROTOCOL,           /* the guest sent what no agent sends */
  TCW_QEMU_AGENT_ERROR_SESSION_LOST,       /* the agent doesn't know our session any more: what ran in it is gone */
} TcwQemuAgentError;

GQuark tcw_qemu_agent_error_quark (void);

#define TCW_QEMU_TYPE_AGENT (tcw_qemu_agent_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuAgent, tcw_qemu_agent, TCW_QEMU, AGENT, GObject)

/* --- The link. -------------------------------------------------------------------------------------------------------- */

/* @session: TCW_WIRE_SESSION_SIZE bytes of a session to resume, or NULL for a new one with a random name. */
TcwQemuAgent *tcw_qemu_agent_new (const guint8 *session);

/*
 * Connects to the UNIX socket @path and waits for the agent's answer: a guest that still boots gives it late. After a break, the
 * same object connects again and everything goes on where it was.
 */
gboolean tcw_qemu_agent_connect (TcwQemuAgent *self, const char *path, gint64 deadline, GCancellable *cancellable, GError **error);

/* Closes the socket; the session stays, at both ends. */
void tcw_qemu_agent_disconnect (TcwQemuAgent *self);

/* The session's name, TCW_WIRE_SESSION_SIZE bytes. */
const guint8 *tcw_qemu_agent_get_session (TcwQemuAgent *self);

/* Whether the agent wants an identity before anything is executed. */
gboolean tcw_qemu_agent_needs_identity (TcwQemuAgent *self);

/* The agent's version as it says, for logs; "" before the first connect. */
const char *tcw_qemu_agent_get_version (TcwQemuAgent *self);

/* --- Requests. -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const guint8 *entropy; /* TCW_WIRE_ENTROPY_MIN to MAX bytes for the kernel's random pool */
  gsize entropy_length;
  const char *host_name;  /* or NULL */
  const char *machine_id; /* 32 hexadecimal digits, or NULL */
  const TcwWireNetwork *network; /* or NULL */
} TcwQemuAgentIdentity;

/* Also sets the guest's clock to ours. */
gboolean tcw_qemu_agent_identify (TcwQemuAgent *self, const TcwQemuAgentIdentity *identity, gint64 deadline, GCancellable *cancellable,
                                  GError **error);

/* A round trip that the agent answers by itself. */
gboolean tcw_qemu_agent_ping (TcwQemuAgent *self, gint64 deadline, GCancellable *cancellable, GError **error);

/* Writes the guest's dirty data to its disks. */
gboolean tcw_qemu_agent_sync (TcwQemuAgent *self, gint64 deadline, GCancellable *cancellable, GError **error);

gboolean tcw_qemu_agent_power_off (TcwQemuAgent *self, gint64 deadline, GCancellable *cancellable, GError **error);

gboolean tcw_qemu_agent_get_stats (TcwQemuAgent *self, TcwWireStats *stats, gint64 deadline, GCancellable *cancellable, GError **error);

/* --- Commands. -------------------------------------------------------------------------------------------------------- */

/* Takes all @length bytes, or fails, which ends the exec's wait with its error. */
typedef gboolean (*TcwQemuAgentSink) (const guint8 *data, gsize length, gpointer user_data, GError **error);

typedef struct
{
  const char *const *argv;
  const char *const *environ; /* "NAME=value", added to the agent's default environment; or NULL */
  const char *user;           /* name or number, or NULL: the agent's */
  const char *cwd;            /* absolute, or NULL: the user's home */
  gboolean pty;               /* a terminal of @columns and @rows for all three; its output goes to on_stdout */
  guint16 columns;
  guint16 rows;
  gboolean has_stdin;         /* FALSE: stdin is /dev/null */
  TcwQemuAgentSink on_stdout; /* NULL: /dev/null */
  TcwQemuAgentSink on_stderr; /* NULL: /dev/null */
  gpointer output_data;
} TcwQemuAgentExecOptions;

typedef struct
{
  TcwWireExitKind kind;
  int code;                /* exit status, or signal */
  guint64 cpu_us;          /* user and system time of all processes */
  guint64 max_rss_kib;
} TcwQemuAgentExit;

typedef struct _TcwQemuAgentExec TcwQemuAgentExec;

/* Starts a command; returns when the guest has started it. Free with tcw_qemu_agent_exec_free() before the agent goes. */
TcwQemuAgentExec *tcw_qemu_agent_exec (TcwQemuAgent *self, const TcwQemuAgentExecOptions *options, gint64 deadline,
                                       GCancellable *cancellable, GError **error);

/* Forgets the command; one that still runs is killed. */
void tcw_qemu_agent_exec_free (TcwQemuAgentExec *exec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuAgentExec, tcw_qemu_agent_exec_free)

/*
 * Waits until the command, with all its processes, has ended and all its output went to the sinks. Can be called again after
 * TCW_QEMU_AGENT_ERROR_TIMEOUT. A sink's error is returned as it is.
 */
gboolean tcw_qemu_agent_exec_wait (TcwQemuAgentExec *exec, gint64 deadline, GCancellable *cancellable, TcwQemuAgentExit *end, GError **error);

/* With @paused the sink of stdout (or stderr) gets nothing, and the command is held up once its window is full. */
void tcw_qemu_agent_exec_pause_output (TcwQemuAgentExec *exec, gboolean is_stderr, gboolean paused);

/* Writes to stdin, waiting for room; sinks are served meanwhile. Error CANCELLED: the command reads no more. */
gboolean tcw_qemu_agent_exec_write (TcwQemuAgentExec *exec, const void *data, gsize length, gint64 deadline, GCancellable *cancellable,
                                    GError **error);

/* Writes what there is room for and returns how much; for callers that have their own loop. */
gsize tcw_qemu_agent_exec_write_some (TcwQemuAgentExec *exec, const void *data, gsize length);
void tcw_qemu_agent_exec_close_stdin (TcwQemuAgentExec *exec);

gboolean tcw_qemu_agent_exec_signal (TcwQemuAgentExec *exec, int signo, gboolean tree, gint64 deadline, GCancellable *cancellable,
                                     GError **error);
gboolean tcw_qemu_agent_exec_resize (TcwQemuAgentExec *exec, guint16 columns, guint16 rows, gint64 deadline, GCancellable *cancellable,
                                     GError **error);

/* Kills all its processes; wait() then tells the end. */
gboolean tcw_qemu_agent_exec_kill (TcwQemuAgentExec *exec, gint64 deadline, GCancellable *cancellable, GError **error);

/* --- Files. ----------------------------------------------------------------------------------------------------------- */

/*
 * Gets the items of a tree, in order, checked by the decoder: paths are relative and plain. DATA comes in pieces. WARNING says what was
 * left out. FINISH and ERROR don't come here. A failure ends the transfer.
 */
typedef gboolean (*TcwQemuAgentVisitor) (const TcwWireTreeItem *item, gpointer user_data, GError **error);

/* Gets the file or folder (@flags: TCW_WIRE_GET_*) at the absolute @path. @deadline is for the whole transfer. */
gboolean tcw_qemu_agent_get (TcwQemuAgent *self, const char *path, guint flags, TcwQemuAgentVisitor visitor, gpointer user_data,
                             gint64 deadline, GCancellable *cancellable, GError **error);

/* Puts the local file or folder @local at the absolute @path of the guest, owned by @user (NULL: the agent's). Links stay links. */
gboolean tcw_qemu_agent_put (TcwQemuAgent *self, const char *local, const char *path, const char *user, gint64 deadline,
                             GCancellable *cancellable, GError **error);

G_END_DECLS
