/*
 * The host's end of the link to a guest's agent (docs/agent-protocol.md).
 *
 * An agent object belongs to the thread that made it and to that thread's default main context, which the blocking functions iterate;
 * callbacks are called from there and must not call blocking functions themselves. Deadlines are absolute, in microseconds of the monotonic clock;
 * G_MAXINT64 means none. What the guest sends is never trusted: it can fail a call, not more.
 *
 * Errors of all functions: G_IO_ERROR_CANCELLED, and TCW_QEMU_LINK_ERROR with the codes below.
 */
#pragma once

#include <gio/gio.h>

#include "wire/tcw-wire-messages.h"
#include "wire/tcw-wire-tree.h"

G_BEGIN_DECLS

#define TCW_QEMU_LINK_ERROR (tcw_qemu_link_error_quark ())

/* The first ones are the statuses of replies, with their numbers. */
typedef enum {
  TCW_QEMU_LINK_ERROR_NOT_FOUND = TCW_WIRE_STATUS_NOT_FOUND,
  TCW_QEMU_LINK_ERROR_NOT_EXECUTABLE = TCW_WIRE_STATUS_NOT_EXECUTABLE,
  TCW_QEMU_LINK_ERROR_NO_USER = TCW_WIRE_STATUS_NO_USER,
  TCW_QEMU_LINK_ERROR_NO_DIRECTORY = TCW_WIRE_STATUS_NO_DIRECTORY,
  TCW_QEMU_LINK_ERROR_PERMISSION = TCW_WIRE_STATUS_PERMISSION,
  TCW_QEMU_LINK_ERROR_INVALID = TCW_WIRE_STATUS_INVALID,
  TCW_QEMU_LINK_ERROR_BUSY = TCW_WIRE_STATUS_BUSY,
  TCW_QEMU_LINK_ERROR_LIMIT = TCW_WIRE_STATUS_LIMIT,
  TCW_QEMU_LINK_ERROR_NOT_SUPPORTED = TCW_WIRE_STATUS_NOT_SUPPORTED,
  TCW_QEMU_LINK_ERROR_IDENTITY_NEEDED = TCW_WIRE_STATUS_IDENTITY_NEEDED,
  TCW_QEMU_LINK_ERROR_IO = TCW_WIRE_STATUS_IO,
  TCW_QEMU_LINK_ERROR_EXISTS = TCW_WIRE_STATUS_EXISTS,
  TCW_QEMU_LINK_ERROR_NO_SPACE = TCW_WIRE_STATUS_NO_SPACE,
  TCW_QEMU_LINK_ERROR_WRONG_TYPE = TCW_WIRE_STATUS_WRONG_TYPE,
  TCW_QEMU_LINK_ERROR_REFUSED = TCW_WIRE_STATUS_REFUSED,
  TCW_QEMU_LINK_ERROR_NO_MEMORY = TCW_WIRE_STATUS_NO_MEMORY,
  TCW_QEMU_LINK_ERROR_CANCELLED = TCW_WIRE_STATUS_CANCELLED,
  TCW_QEMU_LINK_ERROR_LINK_CLOSED = 1000, /* QEMU closed the socket: the VM is gone; after a reconnect the session goes on */
  TCW_QEMU_LINK_ERROR_TIMEOUT,            /* the deadline passed; the message says what was awaited */
  TCW_QEMU_LINK_ERROR_PROTOCOL,           /* the guest sent what no agent sends */
  TCW_QEMU_LINK_ERROR_SESSION_LOST,       /* the agent doesn't know our session any more: what ran in it is gone */
} TcwQemuLinkError;

GQuark tcw_qemu_link_error_quark (void);

#define TCW_QEMU_TYPE_LINK (tcw_qemu_link_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuLink, tcw_qemu_link, TCW_QEMU, LINK, GObject)

/* --- The link. -------------------------------------------------------------------------------------------------------- */

/* @session: TCW_WIRE_SESSION_SIZE bytes of a session to resume, or NULL for a new one with a random name. */
TcwQemuLink *tcw_qemu_link_new (const guint8 *session);

/*
 * Connects to the UNIX socket @path and waits for the agent's answer: a guest that still boots gives it late. After a break, the
 * same object connects again and everything goes on where it was.
 */
gboolean tcw_qemu_link_connect (TcwQemuLink *self, const char *path, gint64 deadline, GCancellable *cancellable, GError **error);

/* Closes the socket; the session stays, at both ends. */
void tcw_qemu_link_disconnect (TcwQemuLink *self);

/* The session's name, TCW_WIRE_SESSION_SIZE bytes. */
const guint8 *tcw_qemu_link_get_session (TcwQemuLink *self);

/* Whether the agent wants an identity before anything is executed. */
gboolean tcw_qemu_link_needs_identity (TcwQemuLink *self);

/* The agent's version as it says, for logs; "" before the first connect. */
const char *tcw_qemu_link_get_version (TcwQemuLink *self);

/* --- Requests. -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const guint8 *entropy; /* TCW_WIRE_ENTROPY_MIN to MAX bytes for the kernel's random pool */
  gsize entropy_length;
  const char *host_name;  /* or NULL */
  const char *machine_id; /* 32 hexadecimal digits, or NULL */
  const TcwWireNetwork *network; /* or NULL */
} TcwQemuLinkIdentity;

/* Also sets the guest's clock to ours. */
gboolean tcw_qemu_link_identify (TcwQemuLink *self, const TcwQemuLinkIdentity *identity, gint64 deadline, GCancellable *cancellable,
                                  GError **error);

/* A round trip that the agent answers by itself. */
gboolean tcw_qemu_link_ping (TcwQemuLink *self, gint64 deadline, GCancellable *cancellable, GError **error);

/* Writes the guest's dirty data to its disks. */
gboolean tcw_qemu_link_sync (TcwQemuLink *self, gint64 deadline, GCancellable *cancellable, GError **error);

gboolean tcw_qemu_link_power_off (TcwQemuLink *self, gint64 deadline, GCancellable *cancellable, GError **error);

gboolean tcw_qemu_link_get_stats (TcwQemuLink *self, TcwWireStats *stats, gint64 deadline, GCancellable *cancellable, GError **error);

/* --- Commands. -------------------------------------------------------------------------------------------------------- */

/* Takes all @length bytes, or fails, which ends the exec's wait with its error. */
typedef gboolean (*TcwQemuLinkSink) (const guint8 *data, gsize length, gpointer user_data, GError **error);

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
  TcwQemuLinkSink on_stdout; /* NULL: /dev/null */
  TcwQemuLinkSink on_stderr; /* NULL: /dev/null */
  gpointer output_data;
} TcwQemuLinkExecOptions;

typedef struct
{
  TcwWireExitKind kind;
  int code;                /* exit status, or signal */
  guint64 cpu_us;          /* user and system time of all processes */
  guint64 max_rss_kib;
} TcwQemuLinkExit;

typedef struct _TcwQemuLinkExec TcwQemuLinkExec;

/* Starts a command; returns when the guest has started it. Free with tcw_qemu_link_exec_free() before the agent goes. */
TcwQemuLinkExec *tcw_qemu_link_exec (TcwQemuLink *self, const TcwQemuLinkExecOptions *options, gint64 deadline,
                                       GCancellable *cancellable, GError **error);

/* Forgets the command; one that still runs is killed. */
void tcw_qemu_link_exec_free (TcwQemuLinkExec *exec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuLinkExec, tcw_qemu_link_exec_free)

/*
 * Waits until the command, with all its processes, has ended and all its output went to the sinks. Can be called again after
 * TCW_QEMU_LINK_ERROR_TIMEOUT. A sink's error is returned as it is.
 */
gboolean tcw_qemu_link_exec_wait (TcwQemuLinkExec *exec, gint64 deadline, GCancellable *cancellable, TcwQemuLinkExit *end, GError **error);

/* With @paused the sink of stdout (or stderr) gets nothing, and the command is held up once its window is full. */
void tcw_qemu_link_exec_pause_output (TcwQemuLinkExec *exec, gboolean is_stderr, gboolean paused);

/* Writes to stdin, waiting for room; sinks are served meanwhile. Error CANCELLED: the command reads no more. */
gboolean tcw_qemu_link_exec_write (TcwQemuLinkExec *exec, const void *data, gsize length, gint64 deadline, GCancellable *cancellable,
                                    GError **error);

/* Writes what there is room for and returns how much; for callers that have their own loop. */
gsize tcw_qemu_link_exec_write_some (TcwQemuLinkExec *exec, const void *data, gsize length);
void tcw_qemu_link_exec_close_stdin (TcwQemuLinkExec *exec);

gboolean tcw_qemu_link_exec_signal (TcwQemuLinkExec *exec, int signo, gboolean tree, gint64 deadline, GCancellable *cancellable,
                                     GError **error);
gboolean tcw_qemu_link_exec_resize (TcwQemuLinkExec *exec, guint16 columns, guint16 rows, gint64 deadline, GCancellable *cancellable,
                                     GError **error);

/* Kills all its processes; wait() then tells the end. */
gboolean tcw_qemu_link_exec_kill (TcwQemuLinkExec *exec, gint64 deadline, GCancellable *cancellable, GError **error);

/* --- Files. ----------------------------------------------------------------------------------------------------------- */

/*
 * Gets the items of a tree, in order, checked by the decoder: paths are relative and plain. DATA comes in pieces. WARNING says what was
 * left out. FINISH and ERROR don't come here. A failure ends the transfer.
 */
typedef gboolean (*TcwQemuLinkVisitor) (const TcwWireTreeItem *item, gpointer user_data, GError **error);

/* Gets the file or folder (@flags: TCW_WIRE_GET_*) at the absolute @path. @deadline is for the whole transfer. */
gboolean tcw_qemu_link_get (TcwQemuLink *self, const char *path, guint flags, TcwQemuLinkVisitor visitor, gpointer user_data,
                             gint64 deadline, GCancellable *cancellable, GError **error);

/* Puts the local file or folder @local at the absolute @path of the guest, owned by @user (NULL: the agent's). Links stay links. */
gboolean tcw_qemu_link_put (TcwQemuLink *self, const char *local, const char *path, const char *user, gint64 deadline,
                             GCancellable *cancellable, GError **error);

G_END_DECLS
