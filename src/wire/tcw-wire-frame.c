/* Layout and checksum of frames; see tcw-wire-frame.h. */
#include "wire/tcw-wire-frame.h"

#include <string.h>

/* Remainders of all half bytes for the reflected polynomial 0x82f63b78. Only headers and small frames are summed: 16 entries do. */
static const uint32_t remainders[16] = {
  0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
  0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t
tcw_wire_crc32c (uint32_t crc, const void *data, size_t size)
{
  const uint8_t *bytes = data;

  crc = ~crc;
  for (size_t i = 0; i < size; i++)
    {
      crc ^= bytes[i];
      crc = crc >> 4 ^ remainders[crc & 15];
      crc = crc >> 4 ^ remainders[crc & 15];
    }
  return ~crc;
}

uint32_t
tcw_wire_header_encode (const TcwWireHeader *header, uint8_t bytes[TCW_WIRE_HEADER_SIZE])
{
  uint32_t checksum;

  tcw_wire_put_u32 (bytes, TCW_WIRE_MAGIC);
  bytes[4] = header->type;
  bytes[5] = header->flags;
  tcw_wire_put_u16 (bytes + 6, 0);
  tcw_wire_put_u32 (bytes + 8, header->stream);
  tcw_wire_put_u32 (bytes + 12, header->length);
  tcw_wire_put_u64 (bytes + 16, header->offset);
  tcw_wire_put_u32 (bytes + 24, header->epoch);
  checksum = tcw_wire_crc32c (0, bytes, TCW_WIRE_HEADER_SIZE - 4);
  tcw_wire_put_u32 (bytes + 28, checksum);
  return checksum;
}

bool
tcw_wire_header_decode (const uint8_t bytes[TCW_WIRE_HEADER_SIZE], TcwWireHeader *header, uint32_t *checksum)
{
  if (tcw_wire_get_u32 (bytes) != TCW_WIRE_MAGIC || tcw_wire_get_u16 (bytes + 6) != 0)
    return false;
  *header = (TcwWireHeader) {
    .type = bytes[4],
    .flags = bytes[5],
    .stream = tcw_wire_get_u32 (bytes + 8),
    .length = tcw_wire_get_u32 (bytes + 12),
    .offset = tcw_wire_get_u64 (bytes + 16),
    .epoch = tcw_wire_get_u32 (bytes + 24),
  };
  *checksum = tcw_wire_get_u32 (bytes + 28);
  return header->length <= TCW_WIRE_PAYLOAD_MAX && *checksum == tcw_wire_crc32c (0, bytes, TCW_WIRE_HEADER_SIZE - 4);
}

uint32_t
tcw_wire_frame_check (uint8_t type, uint32_t header_checksum, const void *payload, size_t length)
{
  return type == TCW_WIRE_FRAME_DATA ? ~header_checksum : tcw_wire_crc32c (0, payload, length);
}

size_t
tcw_wire_frame_encode (const TcwWireHeader *header, const void *payload, uint8_t *buffer)
{
  uint32_t checksum = tcw_wire_header_encode (header, buffer);
  uint8_t *body = buffer + TCW_WIRE_HEADER_SIZE;

  if (header->length == 0)
    return TCW_WIRE_HEADER_SIZE;
  if (payload != NULL)
    memcpy (body, payload, header->length);
  tcw_wire_put_u32 (body + header->length, tcw_wire_frame_check (header->type, checksum, body, header->length));
  return TCW_WIRE_HEADER_SIZE + header->length + TCW_WIRE_CHECK_SIZE;
}
