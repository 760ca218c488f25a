/*
 * A ring of bytes that are known by their absolute offsets in a stream: those from start to end are kept. Private to the link.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed, it is a ring without room. */
typedef struct {
  uint8_t *data;
  size_t size; /* a power of two, or 0 */
  uint64_t start;
  uint64_t end; /* at most start + size */
} TcwWireRing;

/* Allocates at least @size bytes (0: none). False: no memory. */
bool tcw_wire_ring_init (TcwWireRing *ring, size_t size, uint64_t start);

/* Frees the memory; offsets stay. */
void tcw_wire_ring_clear (TcwWireRing *ring);

/* Room from @offset (end or later) on, how much of it in one piece. */
uint8_t *tcw_wire_ring_space (const TcwWireRing *ring, uint64_t offset, size_t *length);

/* The bytes from @offset (start to end) on, how many in one piece. */
const uint8_t *tcw_wire_ring_bytes (const TcwWireRing *ring, uint64_t offset, size_t *length);

/* Copies @length bytes to where @offset belongs; they must have room. The end does not move. */
void tcw_wire_ring_put (TcwWireRing *ring, uint64_t offset, const void *data, size_t length);

/* Copies the @length bytes from @offset on, which must be there. */
void tcw_wire_ring_get (const TcwWireRing *ring, uint64_t offset, void *data, size_t length);
