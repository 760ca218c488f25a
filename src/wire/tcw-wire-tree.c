/* Trees of files as bytes; see tcw-wire-tree.h. */
#include "wire/tcw-wire-tree.h"

#include <string.h>

#include "wire/tcw-wire-frame.h"

bool
tcw_wire_tree_path_is_plain (const char *path, size_t length)
{
  size_t begin = 0;
  size_t depth = 1;

  if (length == 0)
    return true;
  if (length > TCW_WIRE_TREE_PATH_MAX || memchr (path, 0, length) != NULL)
    return false;
  for (size_t i = 0; i <= length; i++)
    {
      size_t name = i - begin;

      if (i < length && path[i] != '/')
        continue;
      if (name == 0 || name > TCW_WIRE_TREE_NAME_MAX || (name <= 2 && memcmp (path + begin, "..", name) == 0))
        return false;
      depth += i < length;
      begin = i + 1;
    }
  return depth <= TCW_WIRE_TREE_DEPTH_MAX;
}

static bool
is_link_target (const char *link, size_t length)
{
  return length > 0 && length <= TCW_WIRE_TREE_PATH_MAX && memchr (link, 0, length) == NULL;
}

/* --- encoding --- */

size_t
tcw_wire_tree_put_entry (uint8_t *buffer, size_t size, const TcwWireTreeEntry *entry)
{
  size_t path = strlen (entry->path);
  size_t link = entry->link == NULL || entry->type != TCW_WIRE_TREE_LINK ? 0 : strlen (entry->link);

  if (!tcw_wire_tree_path_is_plain (entry->path, path) || size < TCW_WIRE_TREE_ENTRY_SIZE + path + link)
    return 0;
  if (entry->type == TCW_WIRE_TREE_LINK && !is_link_target (entry->link, link))
    return 0;
  buffer[0] = TCW_WIRE_TREE_ENTRY;
  buffer[1] = (uint8_t) entry->type;
  tcw_wire_put_u32 (buffer + 2, entry->mode & 07777);
  tcw_wire_put_u64 (buffer + 6, entry->size);
  tcw_wire_put_u64 (buffer + 14, (uint64_t) entry->mtime_ns);
  tcw_wire_put_u32 (buffer + 22, 0);
  tcw_wire_put_u16 (buffer + 26, (uint16_t) path);
  tcw_wire_put_u16 (buffer + 28, (uint16_t) link);
  memcpy (buffer + TCW_WIRE_TREE_ENTRY_SIZE, entry->path, path);
  if (link > 0)
    memcpy (buffer + TCW_WIRE_TREE_ENTRY_SIZE + path, entry->link, link);
  return TCW_WIRE_TREE_ENTRY_SIZE + path + link;
}

size_t
tcw_wire_tree_put_data (uint8_t *buffer, size_t size, uint32_t length)
{
  if (size < TCW_WIRE_TREE_DATA_SIZE || length == 0 || length > TCW_WIRE_TREE_DATA_MAX)
    return 0;
  buffer[0] = TCW_WIRE_TREE_DATA;
  tcw_wire_put_u32 (buffer + 1, length);
  return TCW_WIRE_TREE_DATA_SIZE;
}

size_t
tcw_wire_tree_put_hole (uint8_t *buffer, size_t size, uint64_t length)
{
  if (size < 9 || length == 0)
    return 0;
  buffer[0] = TCW_WIRE_TREE_HOLE;
  tcw_wire_put_u64 (buffer + 1, length);
  return 9;
}

static size_t
put_kind (uint8_t *buffer, size_t size, TcwWireTreeKind kind)
{
  if (size < 1)
    return 0;
  buffer[0] = (uint8_t) kind;
  return 1;
}

size_t
tcw_wire_tree_put_end (uint8_t *buffer, size_t size)
{
  return put_kind (buffer, size, TCW_WIRE_TREE_END);
}

size_t
tcw_wire_tree_put_finish (uint8_t *buffer, size_t size)
{
  return put_kind (buffer, size, TCW_WIRE_TREE_FINISH);
}

static size_t
put_message (uint8_t *buffer, size_t size, TcwWireTreeKind kind, uint32_t status, const char *message)
{
  size_t length = strnlen (message, TCW_WIRE_TREE_MESSAGE_MAX);

  if (size < 7 + length)
    return 0;
  buffer[0] = (uint8_t) kind;
  tcw_wire_put_u32 (buffer + 1, status);
  tcw_wire_put_u16 (buffer + 5, (uint16_t) length);
  memcpy (buffer + 7, message, length);
  return 7 + length;
}

size_t
tcw_wire_tree_put_error (uint8_t *buffer, size_t size, uint32_t status, const char *message)
{
  return put_message (buffer, size, TCW_WIRE_TREE_ERROR, status, message);
}

size_t
tcw_wire_tree_put_warning (uint8_t *buffer, size_t size, uint32_t status, const char *message)
{
  return put_message (buffer, size, TCW_WIRE_TREE_WARNING, status, message);
}

/* --- decoding --- */

void
tcw_wire_tree_decoder_init (TcwWireTreeDecoder *decoder)
{
  *decoder = (TcwWireTreeDecoder) { .have = 0 };
}

/* How long the item is whose first decoder->have bytes are there, as far as they tell: then ask again. 0: there is no such item. */
static size_t
item_size (const TcwWireTreeDecoder *decoder)
{
  const uint8_t *head = decoder->head;

  switch (head[0])
    {
    case TCW_WIRE_TREE_ENTRY:
      if (decoder->have < TCW_WIRE_TREE_ENTRY_SIZE)
        return TCW_WIRE_TREE_ENTRY_SIZE;
      if (tcw_wire_get_u16 (head + 26) > TCW_WIRE_TREE_PATH_MAX || tcw_wire_get_u16 (head + 28) > TCW_WIRE_TREE_PATH_MAX)
        return 0;
      return TCW_WIRE_TREE_ENTRY_SIZE + (size_t) tcw_wire_get_u16 (head + 26) + tcw_wire_get_u16 (head + 28);
    case TCW_WIRE_TREE_DATA:
      return TCW_WIRE_TREE_DATA_SIZE;
    case TCW_WIRE_TREE_HOLE:
      return 9;
    case TCW_WIRE_TREE_END:
    case TCW_WIRE_TREE_FINISH:
      return 1;
    case TCW_WIRE_TREE_ERROR:
    case TCW_WIRE_TREE_WARNING:
      if (decoder->have < 7)
        return 7;
      return tcw_wire_get_u16 (head + 5) > TCW_WIRE_TREE_MESSAGE_MAX ? 0 : 7 + (size_t) tcw_wire_get_u16 (head + 5);
    default:
      return 0;
    }
}

static TcwWireTreeResult
broken (TcwWireTreeDecoder *decoder, const char *problem)
{
  decoder->problem = problem;
  return TCW_WIRE_TREE_BROKEN;
}

/* Whether @path may come now: the root first, and then only what lies in the present folder or in one that holds it. */
static bool
is_in_place (const TcwWireTreeDecoder *decoder, const char *path)
{
  const char *slash = strrchr (path, '/');
  size_t parent = slash == NULL ? 0 : (size_t) (slash - path);

  if (!decoder->begun)
    return path[0] == '\0';
  if (!decoder->root_is_folder || path[0] == '\0')
    return false;
  return parent == 0
         || (strncmp (decoder->folder, path, parent) == 0 && (decoder->folder[parent] == '/' || decoder->folder[parent] == '\0'));
}

static TcwWireTreeResult
take_entry (TcwWireTreeDecoder *decoder, TcwWireTreeItem *item)
{
  const uint8_t *head = decoder->head;
  size_t path = tcw_wire_get_u16 (head + 26);
  size_t link = tcw_wire_get_u16 (head + 28);
  const char *text = (const char *) head + TCW_WIRE_TREE_ENTRY_SIZE;
  TcwWireTreeType type = (TcwWireTreeType) head[1];
  const char *slash;

  if (decoder->in_file)
    return broken (decoder, "an entry begins inside of a file");
  if (type != TCW_WIRE_TREE_FILE && type != TCW_WIRE_TREE_FOLDER && type != TCW_WIRE_TREE_LINK)
    return broken (decoder, "an entry is of no known type");
  if (!tcw_wire_tree_path_is_plain (text, path))
    return broken (decoder, "an entry's path is not a plain relative one");
  if (type == TCW_WIRE_TREE_LINK ? !is_link_target (text + path, link) : link != 0)
    return broken (decoder, "an entry's link target is wrong");
  if (tcw_wire_get_u32 (head + 2) > 07777 || tcw_wire_get_u64 (head + 6) > INT64_MAX)
    return broken (decoder, "an entry's mode or size is out of range");
  memcpy (decoder->path, text, path);
  decoder->path[path] = '\0';
  memcpy (decoder->link, text + path, link);
  decoder->link[link] = '\0';
  if (!is_in_place (decoder, decoder->path))
    return broken (decoder, "an entry does not lie in a folder that has just been sent");
  if (!decoder->begun)
    decoder->root_is_folder = type == TCW_WIRE_TREE_FOLDER;
  decoder->begun = true;
  slash = strrchr (decoder->path, '/');
  if (type != TCW_WIRE_TREE_FOLDER)
    path = slash == NULL ? 0 : (size_t) (slash - decoder->path);
  memcpy (decoder->folder, decoder->path, path);
  decoder->folder[path] = '\0';
  decoder->in_file = type == TCW_WIRE_TREE_FILE;
  decoder->content = 0;
  item->entry = (TcwWireTreeEntry) {
    .path = decoder->path,
    .type = type,
    .mode = tcw_wire_get_u32 (head + 2),
    .size = tcw_wire_get_u64 (head + 6),
    .mtime_ns = (int64_t) tcw_wire_get_u64 (head + 14),
    .link = decoder->link,
  };
  return TCW_WIRE_TREE_ITEM;
}

/* Counts @length bytes of the present file. */
static TcwWireTreeResult
add_content (TcwWireTreeDecoder *decoder, uint64_t length)
{
  if (!decoder->in_file)
    return broken (decoder, "content comes outside of a file");
  if (length == 0 || length > INT64_MAX - decoder->content)
    return broken (decoder, "a file is empty in part, or too large");
  decoder->content += length;
  return TCW_WIRE_TREE_ITEM;
}

static TcwWireTreeResult
take_message (TcwWireTreeDecoder *decoder, TcwWireTreeItem *item)
{
  size_t length = tcw_wire_get_u16 (decoder->head + 5);

  if (memchr (decoder->head + 7, 0, length) != NULL)
    return broken (decoder, "a message has a NUL in it");
  if (item->kind == TCW_WIRE_TREE_WARNING && decoder->in_file)
    return broken (decoder, "a warning comes inside of a file");
  decoder->head[7 + length] = '\0';
  item->status = tcw_wire_get_u32 (decoder->head + 1);
  item->message = (const char *) decoder->head + 7;
  decoder->finished = item->kind == TCW_WIRE_TREE_ERROR;
  return TCW_WIRE_TREE_ITEM;
}

/* An item's bytes before its data are all there. */
static TcwWireTreeResult
take_item (TcwWireTreeDecoder *decoder, TcwWireTreeItem *item)
{
  uint32_t length;

  *item = (TcwWireTreeItem) { .kind = (TcwWireTreeKind) decoder->head[0] };
  switch (item->kind)
    {
    case TCW_WIRE_TREE_ENTRY:
      return take_entry (decoder, item);
    case TCW_WIRE_TREE_DATA:
      length = tcw_wire_get_u32 (decoder->head + 1);
      if (length > TCW_WIRE_TREE_DATA_MAX)
        return broken (decoder, "a piece of data is too long");
      decoder->data_left = length;
      return add_content (decoder, length) == TCW_WIRE_TREE_ITEM ? TCW_WIRE_TREE_MORE : TCW_WIRE_TREE_BROKEN;
    case TCW_WIRE_TREE_HOLE:
      item->hole = tcw_wire_get_u64 (decoder->head + 1);
      return add_content (decoder, item->hole);
    case TCW_WIRE_TREE_END:
      if (!decoder->in_file)
        return broken (decoder, "the end of a file comes outside of one");
      decoder->in_file = false;
      return TCW_WIRE_TREE_ITEM;
    case TCW_WIRE_TREE_FINISH:
      if (decoder->in_file || !decoder->begun)
        return broken (decoder, "the tree ends inside of a file, or before its root");
      decoder->finished = true;
      return TCW_WIRE_TREE_ITEM;
    case TCW_WIRE_TREE_ERROR:
    case TCW_WIRE_TREE_WARNING:
      return take_message (decoder, item);
    default:
      return broken (decoder, "an item is of no known kind");
    }
}

static TcwWireTreeResult
take_data (TcwWireTreeDecoder *decoder, const uint8_t *data, size_t size, size_t *used, TcwWireTreeItem *item)
{
  *used = size < decoder->data_left ? size : decoder->data_left;
  if (*used == 0)
    return TCW_WIRE_TREE_MORE;
  decoder->data_left -= (uint32_t) *used;
  *item = (TcwWireTreeItem) { .kind = TCW_WIRE_TREE_DATA, .data = data, .length = *used };
  return TCW_WIRE_TREE_ITEM;
}

TcwWireTreeResult
tcw_wire_tree_decoder_feed (TcwWireTreeDecoder *decoder, const void *data, size_t size, size_t *used, TcwWireTreeItem *item)
{
  const uint8_t *bytes = data;
  TcwWireTreeResult result = TCW_WIRE_TREE_MORE;

  *used = 0;
  if (decoder->problem != NULL)
    return TCW_WIRE_TREE_BROKEN;
  if (decoder->data_left > 0)
    return take_data (decoder, bytes, size, used, item);
  while (*used < size && result == TCW_WIRE_TREE_MORE)
    {
      size_t wanted;
      size_t part;

      if (decoder->finished)
        return broken (decoder, "something comes after the end of the tree");
      if (decoder->data_left > 0)
        {
          result = take_data (decoder, bytes + *used, size - *used, &part, item);
          *used += part;
          return result;
        }
      if (decoder->have == 0)
        decoder->head[decoder->have++] = bytes[(*used)++];
      wanted = item_size (decoder);
      if (wanted == 0)
        return broken (decoder, "an item is of no known kind, or too long");
      part = wanted - decoder->have < size - *used ? wanted - decoder->have : size - *used;
      memcpy (decoder->head + decoder->have, bytes + *used, part);
      *used += part;
      decoder->have += part;
      if (decoder->have < wanted || item_size (decoder) > wanted)
        continue;
      if (item_size (decoder) == 0)
        return broken (decoder, "an item is too long");
      decoder->have = 0;
      result = take_item (decoder, item);
    }
  return result;
}

bool
tcw_wire_tree_decoder_is_finished (const TcwWireTreeDecoder *decoder)
{
  return decoder->finished;
}

const char *
tcw_wire_tree_decoder_get_problem (const TcwWireTreeDecoder *decoder)
{
  return decoder->problem;
}
