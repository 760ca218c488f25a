/*
 * Trees of files: the same bytes in one piece and in small ones must give the same items, every accepted path must be plain, and none may
 * lie below anything but a folder.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/tcw-wire-tree.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Adds to a digest of all items (FNV-1a), which doesn't see how data was cut. */
static void
add (uint64_t *digest, const void *data, size_t size)
{
  for (size_t i = 0; i < size; i++)
    *digest = (*digest ^ ((const uint8_t *) data)[i]) * 0x100000001b3u;
}

static void
look_at (const TcwWireTreeItem *item, uint64_t *digest)
{
  size_t length;

  add (digest, item->data, item->length);
  if (item->kind == TCW_WIRE_TREE_DATA)
    return;
  add (digest, &item->kind, sizeof item->kind);
  add (digest, &item->hole, sizeof item->hole);
  if (item->message != NULL)
    add (digest, item->message, strlen (item->message));
  if (item->kind != TCW_WIRE_TREE_ENTRY)
    return;
  length = strlen (item->entry.path);
  if (!tcw_wire_tree_path_is_plain (item->entry.path, length))
    abort ();
  if (strcmp (item->entry.path, "..") == 0 || strncmp (item->entry.path, "../", 3) == 0 || item->entry.path[0] == '/')
    abort ();
  add (digest, item->entry.path, length);
  add (digest, item->entry.link, strlen (item->entry.link));
}

static uint64_t
decode (const uint8_t *data, size_t size, size_t step)
{
  TcwWireTreeDecoder *decoder = malloc (sizeof *decoder);
  TcwWireTreeResult result = TCW_WIRE_TREE_MORE;
  uint64_t digest = 0xcbf29ce484222325u;

  if (decoder == NULL)
    abort ();
  tcw_wire_tree_decoder_init (decoder);
  for (size_t at = 0, used; at < size && result != TCW_WIRE_TREE_BROKEN; at += used)
    {
      TcwWireTreeItem item;

      result = tcw_wire_tree_decoder_feed (decoder, data + at, step < size - at ? step : size - at, &used, &item);
      if (result == TCW_WIRE_TREE_ITEM)
        look_at (&item, &digest);
      else if (result == TCW_WIRE_TREE_MORE && used == 0)
        abort ();
    }
  if ((result == TCW_WIRE_TREE_BROKEN) != (tcw_wire_tree_decoder_get_problem (decoder) != NULL))
    abort ();
  free (decoder);
  return digest;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  uint64_t whole = decode (data, size, size);

  if (decode (data, size, 1) != whole || decode (data, size, 7) != whole)
    abort ();
  return 0;
}
