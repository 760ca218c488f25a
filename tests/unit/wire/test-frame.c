/* Tests of frames' layout and checksums. */
#include <string.h>

#include "tcw-test.h"
#include "wire-assert.h"
#include "wire/tcw-wire-frame.h"

static void
test_crc (void)
{
  uint8_t zeros[32] = { 0 };

  /* The published check value, and a vector of RFC 3720 B.4. */
  g_assert_cmphex (tcw_wire_crc32c (0, "123456789", 9), ==, 0xe3069283);
  g_assert_cmphex (tcw_wire_crc32c (0, zeros, sizeof zeros), ==, 0x8a9136aa);
  g_assert_cmphex (tcw_wire_crc32c (tcw_wire_crc32c (0, "1234", 4), "56789", 5), ==, 0xe3069283);
  g_assert_cmphex (tcw_wire_crc32c (0, "", 0), ==, 0);
}

static void
test_layout (void)
{
  /* The example of docs/agent-protocol.md. */
  const uint8_t expected[] = { 0x54, 0x43, 0x57, 0x31, 0x03, 0x01, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00,
                               0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0xef, 0xbe, 0xad, 0xde };
  TcwWireHeader header = { .type = TCW_WIRE_FRAME_DATA, .flags = TCW_WIRE_DATA_FIN, .stream = 7, .length = 3, .offset = 0x0102030405060708,
                           .epoch = 0xdeadbeef };
  TcwWireHeader back;
  uint8_t frame[64];
  uint32_t checksum;

  g_assert_cmpuint (tcw_wire_frame_encode (&header, "abc", frame), ==, 39);
  wire_assert_bytes (frame, 28, expected, sizeof expected);
  g_assert_cmphex (tcw_wire_get_u32 (frame + 28), ==, tcw_wire_crc32c (0, expected, sizeof expected));
  wire_assert_bytes (frame + 32, 3, "abc", 3);
  g_assert_cmphex (tcw_wire_get_u32 (frame + 35), ==, ~tcw_wire_get_u32 (frame + 28));
  g_assert_true (tcw_wire_header_decode (frame, &back, &checksum));
  g_assert_cmpuint (back.type, ==, header.type);
  g_assert_cmpuint (back.flags, ==, header.flags);
  g_assert_cmpuint (back.stream, ==, header.stream);
  g_assert_cmpuint (back.length, ==, header.length);
  g_assert_cmpuint (back.offset, ==, header.offset);
  g_assert_cmpuint (back.epoch, ==, header.epoch);
  header.length = 0;
  g_assert_cmpuint (tcw_wire_frame_encode (&header, NULL, frame), ==, 32);
}

/* Every single wrong bit of a header is found. */
static void
test_bit_flips (void)
{
  TcwWireHeader header = { .type = TCW_WIRE_FRAME_WINDOW, .stream = 1, .length = 24, .offset = 99, .epoch = 5 };
  TcwWireHeader back;
  uint8_t bytes[TCW_WIRE_HEADER_SIZE];
  uint32_t checksum;

  tcw_wire_header_encode (&header, bytes);
  for (guint bit = 0; bit < 8 * sizeof bytes; bit++)
    {
      bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
      g_assert_false (tcw_wire_header_decode (bytes, &back, &checksum));
      bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
    }
  g_assert_true (tcw_wire_header_decode (bytes, &back, &checksum));
}

static void
test_limits (void)
{
  TcwWireHeader header = { .type = TCW_WIRE_FRAME_DATA, .length = TCW_WIRE_PAYLOAD_MAX };
  uint8_t bytes[TCW_WIRE_HEADER_SIZE];
  uint32_t checksum;

  tcw_wire_header_encode (&header, bytes);
  g_assert_true (tcw_wire_header_decode (bytes, &header, &checksum));
  header.length++;
  tcw_wire_header_encode (&header, bytes);
  g_assert_false (tcw_wire_header_decode (bytes, &header, &checksum));
  header.length = 0;
  tcw_wire_header_encode (&header, bytes);
  bytes[6] = 1; /* reserved */
  tcw_wire_put_u32 (bytes + 28, tcw_wire_crc32c (0, bytes, 28));
  g_assert_false (tcw_wire_header_decode (bytes, &header, &checksum));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/frame/crc", test_crc);
  g_test_add_func ("/wire/frame/layout", test_layout);
  g_test_add_func ("/wire/frame/bit-flips", test_bit_flips);
  g_test_add_func ("/wire/frame/limits", test_limits);
  return tcw_test_run ();
}
