/* Rings of bytes; see tcw-wire-ring.h. */
#include "wire/tcw-wire-ring.h"

#include <stdlib.h>
#include <string.h>

bool
tcw_wire_ring_init (TcwWireRing *ring, size_t size, uint64_t start)
{
  size_t rounded = size == 0 ? 0 : 1;

  while (rounded < size)
    rounded *= 2;
  *ring = (TcwWireRing) { .size = rounded, .start = start, .end = start };
  if (rounded == 0)
    return true;
  ring->data = malloc (rounded);
  return ring->data != NULL;
}

void
tcw_wire_ring_clear (TcwWireRing *ring)
{
  free (ring->data);
  ring->data = NULL;
  ring->size = 0;
}

/* How many bytes from @offset on lie before the ring's seam, of those before @end. */
static size_t
piece (const TcwWireRing *ring, size_t at, uint64_t offset, uint64_t end)
{
  uint64_t left = end > offset ? end - offset : 0;

  return left < ring->size - at ? (size_t) left : ring->size - at;
}

uint8_t *
tcw_wire_ring_space (const TcwWireRing *ring, uint64_t offset, size_t *length)
{
  size_t at;

  *length = 0;
  if (ring->size == 0)
    return NULL;
  at = (size_t) offset & (ring->size - 1);
  *length = piece (ring, at, offset, ring->start + ring->size);
  return ring->data + at;
}

const uint8_t *
tcw_wire_ring_bytes (const TcwWireRing *ring, uint64_t offset, size_t *length)
{
  size_t at;

  *length = 0;
  if (ring->size == 0)
    return NULL;
  at = (size_t) offset & (ring->size - 1);
  *length = piece (ring, at, offset, ring->end);
  return ring->data + at;
}

void
tcw_wire_ring_put (TcwWireRing *ring, uint64_t offset, const void *data, size_t length)
{
  size_t at = (size_t) offset & (ring->size - 1);
  size_t first = length < ring->size - at ? length : ring->size - at;

  memcpy (ring->data + at, data, first);
  memcpy (ring->data, (const uint8_t *) data + first, length - first);
}

void
tcw_wire_ring_get (const TcwWireRing *ring, uint64_t offset, void *data, size_t length)
{
  size_t at = (size_t) offset & (ring->size - 1);
  size_t first = length < ring->size - at ? length : ring->size - at;

  memcpy (data, ring->data + at, first);
  memcpy ((uint8_t *) data + first, ring->data, length - first);
}
