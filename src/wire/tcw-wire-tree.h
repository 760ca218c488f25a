/*
 * Files and folders as a stream of bytes (docs/agent-protocol.md, "Trees"): what GET and PUT send. The encoder writes items into a
 * caller's buffer, the decoder takes bytes in any portions. Neither allocates nor touches a file.
 *
 * Order: a folder's ENTRY comes before what is in it, and all of that before anything else. The decoder insists on it, so that no entry
 * can lie below something that this tree did not announce as a folder, or that it replaced by something else since. It does not remember
 * all names: whoever writes the files must create each one anew (O_EXCL, O_NOFOLLOW), so that a name that comes twice is an error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  TCW_WIRE_TREE_PATH_MAX = 4095,  /* bytes of a path, or of a link's target */
  TCW_WIRE_TREE_NAME_MAX = 255,   /* bytes between two slashes */
  TCW_WIRE_TREE_DEPTH_MAX = 256,  /* names in a path */
  TCW_WIRE_TREE_MESSAGE_MAX = 1024,
  TCW_WIRE_TREE_DATA_MAX = 1048576, /* bytes of one DATA item */
  TCW_WIRE_TREE_ENTRY_SIZE = 30,  /* an ENTRY's fixed part, its kind included */
  TCW_WIRE_TREE_HEAD_MAX = TCW_WIRE_TREE_ENTRY_SIZE + 2 * TCW_WIRE_TREE_PATH_MAX, /* the largest item without its DATA bytes */
  TCW_WIRE_TREE_DATA_SIZE = 5,    /* what comes before DATA's bytes */
};

typedef enum {
  /* u8 type, u32 mode, u64 size, i64 mtime in ns, u32 reserved (0), u16 path length, u16 link length, path, link */
  TCW_WIRE_TREE_ENTRY = 1,
  TCW_WIRE_TREE_DATA = 2,    /* u32 length, bytes: of the file that was begun */
  TCW_WIRE_TREE_HOLE = 3,    /* u64 length */
  TCW_WIRE_TREE_END = 4,     /* end of the file's content; folders and links have none */
  TCW_WIRE_TREE_FINISH = 5,  /* end of the tree: nothing comes after it but the stream's end */
  TCW_WIRE_TREE_ERROR = 6,   /* u32 status, u16 length, message: the tree is broken off here; the last item, in place of FINISH */
  TCW_WIRE_TREE_WARNING = 7, /* as ERROR: something could not be read and is left out; the tree goes on. Not within a file */
} TcwWireTreeKind;

typedef enum {
  TCW_WIRE_TREE_FILE = 1,
  TCW_WIRE_TREE_FOLDER = 2,
  TCW_WIRE_TREE_LINK = 3,
} TcwWireTreeType;

typedef struct {
  const char *path; /* relative to the root, plain; "" is the root, which comes first and only then */
  TcwWireTreeType type;
  uint32_t mode;    /* permission bits, 07777 at most */
  uint64_t size;    /* of a file, as it was when it was opened: what comes may be less or more */
  int64_t mtime_ns; /* since 1970 */
  const char *link; /* a symbolic link's target; "" otherwise */
} TcwWireTreeEntry;

/* Whether @path is "", or relative and plain: no NUL, empty name, "." or ".."; within the limits above. */
bool tcw_wire_tree_path_is_plain (const char *path, size_t length);

/*
 * --- encoding: each writes one item into @buffer of @size bytes and returns its length; 0: no room, or a path or link that isn't allowed
 * ---
 */

size_t tcw_wire_tree_put_entry (uint8_t *buffer, size_t size, const TcwWireTreeEntry *entry);
size_t tcw_wire_tree_put_data (uint8_t *buffer, size_t size, uint32_t length); /* only what comes before the bytes; @length over 0 */
size_t tcw_wire_tree_put_hole (uint8_t *buffer, size_t size, uint64_t length);
size_t tcw_wire_tree_put_end (uint8_t *buffer, size_t size);
size_t tcw_wire_tree_put_finish (uint8_t *buffer, size_t size);
size_t tcw_wire_tree_put_error (uint8_t *buffer, size_t size, uint32_t status, const char *message);
size_t tcw_wire_tree_put_warning (uint8_t *buffer, size_t size, uint32_t status, const char *message);

/* --- decoding --- */

typedef struct {
  TcwWireTreeKind kind;
  TcwWireTreeEntry entry; /* ENTRY; its strings are valid until the next feed */
  const uint8_t *data;    /* DATA: bytes inside of what was fed; an item on the wire can come as several of these */
  size_t length;
  uint64_t hole;
  uint32_t status; /* ERROR, WARNING */
  const char *message;
} TcwWireTreeItem;

typedef enum {
  TCW_WIRE_TREE_MORE,   /* all bytes are used up, no item yet */
  TCW_WIRE_TREE_ITEM,   /* @item is filled; feed the rest next */
  TCW_WIRE_TREE_BROKEN, /* tcw_wire_tree_decoder_get_problem() says why; nothing more can be fed */
} TcwWireTreeResult;

/* About 17 KiB; fields are private. */
typedef struct {
  uint8_t head[TCW_WIRE_TREE_HEAD_MAX + 2]; /* an item's bytes before its data */
  size_t have;
  uint32_t data_left;
  bool begun;
  bool in_file;
  bool root_is_folder;
  bool finished;
  char folder[TCW_WIRE_TREE_PATH_MAX + 1]; /* where entries can lie now: in it, or in one that holds it */
  char link[TCW_WIRE_TREE_PATH_MAX + 1];
  char path[TCW_WIRE_TREE_PATH_MAX + 1];
  uint64_t content; /* bytes and holes of the file so far: stays below 2^63 */
  const char *problem;
} TcwWireTreeDecoder;

void tcw_wire_tree_decoder_init (TcwWireTreeDecoder *decoder);

/* Takes bytes of @data up to the end of one item at most; says how many in @used. */
TcwWireTreeResult tcw_wire_tree_decoder_feed (TcwWireTreeDecoder *decoder, const void *data, size_t size, size_t *used,
                                              TcwWireTreeItem *item);

/* Whether FINISH or ERROR has come; only then may the stream end. */
bool tcw_wire_tree_decoder_is_finished (const TcwWireTreeDecoder *decoder);

/* A sentence on why it is broken, or NULL. */
const char *tcw_wire_tree_decoder_get_problem (const TcwWireTreeDecoder *decoder);
