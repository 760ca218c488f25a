/*
 * Frames of the agent's protocol (docs/agent-protocol.md): 32 bytes of header, the payload, and 4 check bytes after a payload.
 * This file owns the layout and the checksum. No allocation, no I/O, no state but what is passed in; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "TCW1" as the bytes on the wire. */
#define TCW_WIRE_MAGIC 0x31574354u

enum {
  TCW_WIRE_VERSION = 1,
  TCW_WIRE_HEADER_SIZE = 32,
  TCW_WIRE_CHECK_SIZE = 4,
  TCW_WIRE_FRAME_MAX = 32768, /* all of a frame: one buffer of Linux's virtio_console */
  TCW_WIRE_PAYLOAD_MAX = TCW_WIRE_FRAME_MAX - TCW_WIRE_HEADER_SIZE - TCW_WIRE_CHECK_SIZE,
};

typedef enum {
  TCW_WIRE_FRAME_HELLO = 1,   /* host: begins or resumes a session under a new epoch */
  TCW_WIRE_FRAME_WELCOME = 2, /* agent: the answer */
  TCW_WIRE_FRAME_DATA = 3,    /* bytes of a stream; offset is that of the first one */
  TCW_WIRE_FRAME_WINDOW = 4,  /* offset is the acknowledgement; payload: u64 limit, u64 received, u64 oldest */
  TCW_WIRE_FRAME_RESET = 5,   /* a direction of a stream is given up; payload: u32 code */
  TCW_WIRE_FRAME_PING = 6,    /* payload is echoed */
  TCW_WIRE_FRAME_PONG = 7,
  TCW_WIRE_FRAME_RESYNC = 8, /* agent: bytes were lost or broken, say HELLO again */
} TcwWireFrameType;

/* Flags, by frame type. */
enum {
  TCW_WIRE_HELLO_RESUME = 1,            /* go on with this session if you have it */
  TCW_WIRE_HELLO_ATTACH = 2,            /* with RESUME: the host has lost its state of the streams */
  TCW_WIRE_WELCOME_RESUMED = 1,         /* the session goes on; otherwise it is fresh and has no streams */
  TCW_WIRE_WELCOME_IDENTITY_NEEDED = 2, /* nothing is executed before IDENTITY */
  TCW_WIRE_DATA_FIN = 1,                /* the stream ends after this payload; the end itself counts as one byte */
  TCW_WIRE_WINDOW_FIN = 1,              /* @received counts the end of the peer's direction */
  TCW_WIRE_RESET_SEND = 1,              /* the sender of this frame sends no more */
  TCW_WIRE_RESET_RECEIVE = 2,           /* the sender of this frame reads no more */
};

typedef struct {
  uint8_t type; /* a TcwWireFrameType, or one that we don't know */
  uint8_t flags;
  uint32_t stream;
  uint32_t length; /* of the payload, at most TCW_WIRE_PAYLOAD_MAX */
  uint64_t offset;
  uint32_t epoch;
} TcwWireHeader;

/* Writes the 32 bytes of @header. Returns the header's checksum, for tcw_wire_frame_check_data(). */
uint32_t tcw_wire_header_encode (const TcwWireHeader *header, uint8_t bytes[TCW_WIRE_HEADER_SIZE]);

/* Reads 32 bytes. False: they are no header (magic, checksum, a length over the limit, a non-zero reserved field). */
bool tcw_wire_header_decode (const uint8_t bytes[TCW_WIRE_HEADER_SIZE], TcwWireHeader *header, uint32_t *checksum);

/*
 * The check value that follows a payload. DATA: the complement of its header's checksum, which costs nothing and finds every lost or
 * spliced stretch; other frames: the CRC-32C of the payload.
 */
uint32_t tcw_wire_frame_check (uint8_t type, uint32_t header_checksum, const void *payload, size_t length);

/*
 * Writes a whole frame into @buffer of at least header->length + 36 bytes; @payload may be NULL when it stands in its place in
 * @buffer (at offset 32) already. Returns the frame's size.
 */
size_t tcw_wire_frame_encode (const TcwWireHeader *header, const void *payload, uint8_t *buffer);

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4) of @size bytes, going on from @crc, which is 0 at first. */
uint32_t tcw_wire_crc32c (uint32_t crc, const void *data, size_t size);

/* Little-endian fields at any address. */
static inline uint16_t
tcw_wire_get_u16 (const uint8_t *p)
{
  return (uint16_t) (p[0] | p[1] << 8);
}

static inline uint32_t
tcw_wire_get_u32 (const uint8_t *p)
{
  return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static inline uint64_t
tcw_wire_get_u64 (const uint8_t *p)
{
  return tcw_wire_get_u32 (p) | (uint64_t) tcw_wire_get_u32 (p + 4) << 32;
}

static inline void
tcw_wire_put_u16 (uint8_t *p, uint16_t value)
{
  p[0] = (uint8_t) value;
  p[1] = (uint8_t) (value >> 8);
}

static inline void
tcw_wire_put_u32 (uint8_t *p, uint32_t value)
{
  tcw_wire_put_u16 (p, (uint16_t) value);
  tcw_wire_put_u16 (p + 2, (uint16_t) (value >> 16));
}

static inline void
tcw_wire_put_u64 (uint8_t *p, uint64_t value)
{
  tcw_wire_put_u32 (p, (uint32_t) value);
  tcw_wire_put_u32 (p + 4, (uint32_t) (value >> 32));
}
