/*
 * The messages on the control stream (docs/agent-protocol.md, "Messages"): a struct, an encoder and a decoder each.
 *
 * Encoders write a record's body; tell its size first with a writer that only counts. Decoders fill a struct that borrows from the body,
 * without allocation, and return false when a field is missing, too long or out of its range; unknown bytes after the last field are
 * ignored. Strings are C strings, never NULL after decoding; NULL is "" for encoding.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/tcw-wire-record.h"

enum {
  TCW_WIRE_PATH_MAX = 4095,
  TCW_WIRE_NAME_MAX = 255,    /* users, host names, file system types, addresses */
  TCW_WIRE_TEXT_MAX = 4096,   /* messages for people */
  TCW_WIRE_STRINGS_MAX = 65536, /* arguments or variables */
  TCW_WIRE_STRING_MAX = 2097152, /* bytes of an argument or a variable; Linux itself has a lower limit */
  TCW_WIRE_ENTROPY_MIN = 32,
  TCW_WIRE_ENTROPY_MAX = 512,
  TCW_WIRE_MACHINE_ID_LENGTH = 32,
  TCW_WIRE_DNS_MAX = 8,
  TCW_WIRE_EXECS_MAX = 1024, /* in a LIST */
};

/* Types of records. Requests are answered by exactly one REPLY with their number. */
typedef enum {
  TCW_WIRE_IDENTITY = 1, /* TcwWireIdentity; REPLY without a body */
  TCW_WIRE_EXEC = 2,     /* TcwWireExec; REPLY when the command has started (or could not), with TcwWireStarted */
  TCW_WIRE_SIGNAL = 3,   /* TcwWireSignal */
  TCW_WIRE_RESIZE = 4,   /* TcwWireResize */
  TCW_WIRE_KILL = 5,     /* TcwWireKill; EXIT comes as usual */
  TCW_WIRE_GET = 6,      /* TcwWireGet; REPLY when the stream begins, or an error and no stream */
  TCW_WIRE_PUT = 7,      /* TcwWirePut; REPLY when all of the tree is written, or at the first error */
  TCW_WIRE_MOUNT = 8,    /* TcwWireMount */
  TCW_WIRE_UNMOUNT = 9,  /* TcwWireUnmount */
  TCW_WIRE_LISTEN = 10,  /* TcwWireListen; REPLY with TcwWireListening */
  TCW_WIRE_UNLISTEN = 11, /* TcwWireUnlisten; connections that there are stay */
  TCW_WIRE_CONNECT_OUT = 12, /* TcwWireConnectOut; REPLY when connected, or an error and no stream */
  TCW_WIRE_SYNC = 13,     /* no body; REPLY when everything is on the disks */
  TCW_WIRE_POWER_OFF = 14, /* TcwWirePowerOff; REPLY before it begins */
  TCW_WIRE_STATS = 15,    /* no body; REPLY with TcwWireStats */
  TCW_WIRE_LIST = 16,     /* no body; REPLY with TcwWireExecList */
  TCW_WIRE_REPLY = 64,    /* TcwWireReply, to the request with the same number */
  TCW_WIRE_EXIT = 65,     /* event: TcwWireExit */
  TCW_WIRE_CONNECT = 66,  /* event: TcwWireConnect */
  TCW_WIRE_LOG = 67,      /* event: TcwWireLog */
} TcwWireMessage;

/* Why a request was not done. A closed list; what doesn't fit is IO, and the message says more. */
typedef enum {
  TCW_WIRE_STATUS_OK = 0,
  TCW_WIRE_STATUS_NOT_FOUND = 1,      /* command, file, device, user of an id: the thing that was asked for isn't there */
  TCW_WIRE_STATUS_NOT_EXECUTABLE = 2, /* it is there and cannot be run */
  TCW_WIRE_STATUS_NO_USER = 3,
  TCW_WIRE_STATUS_NO_DIRECTORY = 4,   /* the working directory, or a parent folder */
  TCW_WIRE_STATUS_PERMISSION = 5,
  TCW_WIRE_STATUS_INVALID = 6,        /* the request itself is wrong */
  TCW_WIRE_STATUS_BUSY = 7,
  TCW_WIRE_STATUS_LIMIT = 8,          /* one of the agent's, or the size that a GET allows */
  TCW_WIRE_STATUS_NOT_SUPPORTED = 9,
  TCW_WIRE_STATUS_IDENTITY_NEEDED = 10,
  TCW_WIRE_STATUS_IO = 11,
  TCW_WIRE_STATUS_EXISTS = 12,        /* the id or the address is in use already */
  TCW_WIRE_STATUS_NO_SPACE = 13,
  TCW_WIRE_STATUS_WRONG_TYPE = 14,    /* a folder where a file was asked for, or the other way round, or neither */
  TCW_WIRE_STATUS_REFUSED = 15,       /* nobody listens there */
  TCW_WIRE_STATUS_NO_MEMORY = 16,
  TCW_WIRE_STATUS_CANCELLED = 17,     /* its stream was reset */
  TCW_WIRE_STATUS_LAST = TCW_WIRE_STATUS_CANCELLED,
} TcwWireStatus;

/* A name such as "not-found"; "unknown" for a number that isn't one. */
const char *tcw_wire_status_to_string (uint32_t status);

/*
 * The status that an errno value is told as, and whether it can be an EXEC's or a file's makes no difference: ENOENT is NOT_FOUND, and so
 * on.
 */
TcwWireStatus tcw_wire_status_from_errno (int error);

/* A network for the guest's card with the address @mac; "" for what isn't to be set. */
typedef struct {
  bool present;
  char mac[18];         /* "52:54:00:12:34:56", lower case; "" the first Ethernet card */
  const char *address4; /* "10.0.2.15" */
  uint8_t prefix4;
  const char *gateway4;
  const char *address6;
  uint8_t prefix6;
  const char *gateway6;
  TcwWireStrings dns; /* addresses; for /etc/resolv.conf */
} TcwWireNetwork;

typedef struct {
  const uint8_t *entropy; /* TCW_WIRE_ENTROPY_MIN to MAX bytes */
  uint32_t entropy_length;
  uint64_t clock_ns;      /* CLOCK_REALTIME; 0: leave the clock alone */
  const char *host_name;  /* letters, digits, '-' and '.'; "" leaves it */
  const char *machine_id; /* 32 lower-case hexadecimal digits, or "" */
  TcwWireNetwork network;
} TcwWireIdentity;

enum {
  TCW_WIRE_EXEC_PTY = 1,          /* a terminal for stdin, stdout and stderr: output comes by @out, and @err is 0 */
  TCW_WIRE_EXEC_CLEAN_ENV = 2,    /* @env is all of the environment; otherwise it is added to the agent's default one */
  TCW_WIRE_EXEC_MERGE_STDERR = 4, /* stderr goes where stdout goes; @err is 0 */
  TCW_WIRE_EXEC_FLAGS = 7,
};

typedef struct {
  uint32_t exec; /* chosen by the host, never used twice in a session; a repeated one is answered as the first was, and not run again */
  uint32_t flags;
  TcwWireStrings argv; /* at least one */
  TcwWireStrings env;  /* "NAME=VALUE" */
  const char *cwd;     /* absolute, or "": the user's home */
  const char *user;    /* name or number, or "": the agent's own */
  uint16_t columns;    /* of the terminal; 0 is 80 */
  uint16_t rows;       /* 0 is 24 */
  uint32_t in;         /* stream host to agent, or 0: /dev/null */
  uint32_t out;        /* stream agent to host, or 0: /dev/null */
  uint32_t err;
} TcwWireExec;

typedef struct {
  uint32_t pid;
} TcwWireStarted;

typedef struct {
  uint32_t exec;
  uint32_t signo; /* Linux's number, 1 to 64 */
  bool tree;      /* all that descends from the command; otherwise its process group */
} TcwWireSignal;

typedef struct {
  uint32_t exec;
  uint16_t columns;
  uint16_t rows;
} TcwWireResize;

typedef struct {
  uint32_t exec;
} TcwWireKill;

enum {
  TCW_WIRE_GET_FILE = 1,   /* a regular file is fine */
  TCW_WIRE_GET_FOLDER = 2, /* a folder is fine */
  TCW_WIRE_GET_FOLLOW = 4, /* when the path itself is a symbolic link, what it points at is meant */
  TCW_WIRE_GET_FLAGS = 7,
};

typedef struct {
  uint32_t stream; /* agent to host: a tree */
  uint32_t flags;
  const char *path;  /* absolute */
  uint64_t max_size; /* of all files' bytes together, holes not counted; 0: no limit. Over it, the tree ends with ERROR LIMIT */
} TcwWireGet;

typedef struct {
  uint32_t stream;  /* host to agent: a tree */
  const char *path; /* absolute: what the tree's root becomes; missing parents are made */
  const char *user; /* who owns it, or "": the agent's own */
  bool has_mode;
  uint32_t mode;    /* of the root, in place of the tree's own */
} TcwWirePut;

enum {
  TCW_WIRE_MOUNT_READ_ONLY = 1,
  TCW_WIRE_MOUNT_MAKE = 2, /* write a file system if the disk is blank */
  TCW_WIRE_MOUNT_FLAGS = 3,
};

typedef struct {
  const char *device; /* serial number of the disk, or a file system's label */
  const char *path;   /* absolute; made when missing */
  const char *type;   /* of the file system; "" is ext4 */
  const char *owner;  /* of the top folder when the file system was made here, or "" */
  uint32_t flags;
  uint32_t wait_ms;   /* how long to wait for the disk to appear */
} TcwWireMount;

typedef struct {
  const char *path;
} TcwWireUnmount;

typedef struct {
  uint32_t listener; /* chosen by the host */
  const char *host;  /* numeric address in the guest, or "": 127.0.0.1 */
  uint16_t port;     /* 0: any free one */
  const char *path;  /* UNIX socket instead, when not "" */
  uint32_t mode;     /* of the UNIX socket; 0 is 0666 */
} TcwWireListen;

typedef struct {
  uint16_t port; /* the real one; 0 for UNIX */
} TcwWireListening;

typedef struct {
  uint32_t listener;
} TcwWireUnlisten;

typedef struct {
  uint32_t stream; /* both directions */
  const char *host;
  uint16_t port;
  const char *path; /* UNIX socket instead, when not "" */
} TcwWireConnectOut;

typedef struct {
  bool restart;
} TcwWirePowerOff;

/* In this order on the wire, u64 each. */
typedef struct {
  uint64_t uptime_ms;
  uint64_t memory_total_kib;
  uint64_t memory_available_kib;
  uint64_t load_1m_centi; /* load average times 100 */
  uint64_t cpu_user_ms;
  uint64_t cpu_system_ms;
  uint64_t cpu_idle_ms;
  uint64_t processes;
  uint64_t disk_total_kib; /* of / */
  uint64_t disk_free_kib;
  uint64_t cpus;
} TcwWireStats;

typedef enum {
  TCW_WIRE_EXEC_RUNNING = 1,
  TCW_WIRE_EXEC_ENDED = 2, /* the agent remembers at least the last 64 of these */
} TcwWireExecState;

typedef enum {
  TCW_WIRE_EXIT_EXITED = 1,    /* code is the exit status */
  TCW_WIRE_EXIT_SIGNALLED = 2, /* code is the signal's number */
} TcwWireExitKind;

/* The end of a command, and of its whole tree. Its output streams end with FIN after it or before it. */
typedef struct {
  uint32_t exec;
  TcwWireExitKind kind;
  uint32_t code;
  uint64_t user_us; /* CPU time of the tree */
  uint64_t system_us;
  uint64_t max_rss_kib;
  uint32_t survivors; /* processes that could not be killed in time */
} TcwWireExit;

typedef struct {
  uint32_t exec;
  TcwWireExecState state;
  uint32_t pid;
  uint32_t in; /* streams as in TcwWireExec */
  uint32_t out;
  uint32_t err;
  TcwWireExitKind kind; /* ENDED; EXITED with 0 otherwise */
  uint32_t code;
} TcwWireExecInfo;

/* Encoding: @items. Decoded: @encoded, all checked. */
typedef struct {
  uint32_t count;
  const TcwWireExecInfo *items;
  TcwWireReader encoded;
} TcwWireExecList;

typedef struct {
  TcwWireStatus status;
  const char *message; /* for people; "" when OK */
  const uint8_t *body; /* by the request's type; when OK only */
  uint32_t body_length;
} TcwWireReply;

/* Somebody connected: @stream (with TCW_WIRE_STREAM_AGENT) is open in both directions, the agent being its initiator. */
typedef struct {
  uint32_t listener;
  uint32_t stream;
} TcwWireConnect;

typedef enum {
  TCW_WIRE_LOG_DEBUG = 1,
  TCW_WIRE_LOG_INFO = 2,
  TCW_WIRE_LOG_WARNING = 3,
} TcwWireLogLevel;

typedef struct {
  TcwWireLogLevel level;
  const char *text;
} TcwWireLog;

void tcw_wire_identity_encode (TcwWireWriter *writer, const TcwWireIdentity *message);
bool tcw_wire_identity_decode (const void *body, size_t size, TcwWireIdentity *message);
void tcw_wire_exec_encode (TcwWireWriter *writer, const TcwWireExec *message);
bool tcw_wire_exec_decode (const void *body, size_t size, TcwWireExec *message);
void tcw_wire_started_encode (TcwWireWriter *writer, const TcwWireStarted *message);
bool tcw_wire_started_decode (const void *body, size_t size, TcwWireStarted *message);
void tcw_wire_signal_encode (TcwWireWriter *writer, const TcwWireSignal *message);
bool tcw_wire_signal_decode (const void *body, size_t size, TcwWireSignal *message);
void tcw_wire_resize_encode (TcwWireWriter *writer, const TcwWireResize *message);
bool tcw_wire_resize_decode (const void *body, size_t size, TcwWireResize *message);
void tcw_wire_kill_encode (TcwWireWriter *writer, const TcwWireKill *message);
bool tcw_wire_kill_decode (const void *body, size_t size, TcwWireKill *message);
void tcw_wire_get_encode (TcwWireWriter *writer, const TcwWireGet *message);
bool tcw_wire_get_decode (const void *body, size_t size, TcwWireGet *message);
void tcw_wire_put_encode (TcwWireWriter *writer, const TcwWirePut *message);
bool tcw_wire_put_decode (const void *body, size_t size, TcwWirePut *message);
void tcw_wire_mount_encode (TcwWireWriter *writer, const TcwWireMount *message);
bool tcw_wire_mount_decode (const void *body, size_t size, TcwWireMount *message);
void tcw_wire_unmount_encode (TcwWireWriter *writer, const TcwWireUnmount *message);
bool tcw_wire_unmount_decode (const void *body, size_t size, TcwWireUnmount *message);
void tcw_wire_listen_encode (TcwWireWriter *writer, const TcwWireListen *message);
bool tcw_wire_listen_decode (const void *body, size_t size, TcwWireListen *message);
void tcw_wire_listening_encode (TcwWireWriter *writer, const TcwWireListening *message);
bool tcw_wire_listening_decode (const void *body, size_t size, TcwWireListening *message);
void tcw_wire_unlisten_encode (TcwWireWriter *writer, const TcwWireUnlisten *message);
bool tcw_wire_unlisten_decode (const void *body, size_t size, TcwWireUnlisten *message);
void tcw_wire_connect_out_encode (TcwWireWriter *writer, const TcwWireConnectOut *message);
bool tcw_wire_connect_out_decode (const void *body, size_t size, TcwWireConnectOut *message);
void tcw_wire_power_off_encode (TcwWireWriter *writer, const TcwWirePowerOff *message);
bool tcw_wire_power_off_decode (const void *body, size_t size, TcwWirePowerOff *message);
void tcw_wire_stats_encode (TcwWireWriter *writer, const TcwWireStats *message);
bool tcw_wire_stats_decode (const void *body, size_t size, TcwWireStats *message);
void tcw_wire_exec_list_encode (TcwWireWriter *writer, const TcwWireExecList *message);
bool tcw_wire_exec_list_decode (const void *body, size_t size, TcwWireExecList *message);
void tcw_wire_reply_encode (TcwWireWriter *writer, const TcwWireReply *message);
bool tcw_wire_reply_decode (const void *body, size_t size, TcwWireReply *message);
void tcw_wire_exit_encode (TcwWireWriter *writer, const TcwWireExit *message);
bool tcw_wire_exit_decode (const void *body, size_t size, TcwWireExit *message);
void tcw_wire_connect_encode (TcwWireWriter *writer, const TcwWireConnect *message);
bool tcw_wire_connect_decode (const void *body, size_t size, TcwWireConnect *message);
void tcw_wire_log_encode (TcwWireWriter *writer, const TcwWireLog *message);
bool tcw_wire_log_decode (const void *body, size_t size, TcwWireLog *message);

/* The next item of a decoded list (start with a copy of the decoded struct). False after the last. */
bool tcw_wire_exec_list_next (TcwWireExecList *list, TcwWireExecInfo *item);
