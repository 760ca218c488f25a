/* Tests of records and their fields. */
#include <stdlib.h>

#include "tcw-test.h"
#include "wire-assert.h"
#include "wire/tcw-wire-record.h"

/* Three records through all ways to cut them in two. */
static void
test_splits (void)
{
  guint8 bytes[64];
  gsize size = 0;
  const char *bodies[] = { "first", "", "the third" };

  for (guint i = 0; i < 3; i++)
    {
      gsize length = strlen (bodies[i]);

      tcw_wire_record_header_encode ((guint16) (i + 1), i + 10, (guint32) length, bytes + size);
      memcpy (bytes + size + TCW_WIRE_RECORD_HEADER_SIZE, bodies[i], length);
      size += TCW_WIRE_RECORD_HEADER_SIZE + length;
    }
  for (gsize cut = 0; cut <= size; cut++)
    {
      TcwWireRecordReader reader;
      TcwWireRecord record = { 0 };
      guint n = 0;

      tcw_wire_record_reader_init (&reader, 9);
      for (gsize at = 0; at < size || n < 3;)
        {
          gsize end = at < cut ? cut : size;
          gsize used;
          TcwWireRecordResult result = tcw_wire_record_reader_feed (&reader, bytes + at, end - at, &used, &record);

          at += used;
          if (result == TCW_WIRE_RECORD_NONE)
            continue;
          g_assert_cmpint (result, ==, TCW_WIRE_RECORD_COMPLETE);
          g_assert_cmpuint (n, <, 3);
          g_assert_cmpuint (record.type, ==, n + 1);
          g_assert_cmpuint (record.request, ==, n + 10);
          wire_assert_bytes (record.body, record.length, bodies[n], strlen (bodies[n]));
          n++;
        }
      g_assert_cmpuint (n, ==, 3);
      tcw_wire_record_reader_clear (&reader);
    }
}

/* A length is believed only as far as bytes arrive, and not at all over the limit. */
static void
test_limit (void)
{
  TcwWireRecordReader reader;
  TcwWireRecord record;
  guint8 header[TCW_WIRE_RECORD_HEADER_SIZE];
  g_autofree guint8 *body = g_malloc0 (100000);
  gsize used;

  tcw_wire_record_reader_init (&reader, TCW_WIRE_RECORD_MAX);
  tcw_wire_record_header_encode (1, 1, TCW_WIRE_RECORD_MAX, header);
  g_assert_cmpint (tcw_wire_record_reader_feed (&reader, header, sizeof header, &used, &record), ==, TCW_WIRE_RECORD_NONE);
  g_assert_cmpuint (reader.size, ==, 0);
  g_assert_cmpint (tcw_wire_record_reader_feed (&reader, body, 100000, &used, &record), ==, TCW_WIRE_RECORD_NONE);
  g_assert_cmpuint (used, ==, 100000);
  g_assert_cmpuint (reader.size, <=, 200000);
  tcw_wire_record_reader_clear (&reader);
  tcw_wire_record_header_encode (1, 1, TCW_WIRE_RECORD_MAX + 1, header);
  g_assert_cmpint (tcw_wire_record_reader_feed (&reader, header, sizeof header, &used, &record), ==, TCW_WIRE_RECORD_TOO_LONG);
  tcw_wire_record_reader_clear (&reader);
}

static void
test_fields (void)
{
  guint8 bytes[200];
  TcwWireWriter writer;
  TcwWireReader reader;
  const char *items[] = { "one", "", "three" };
  TcwWireStrings strings = { .count = 3, .items = items };
  guint32 length;

  tcw_wire_writer_init (&writer, bytes, sizeof bytes);
  tcw_wire_write_u8 (&writer, 0xab);
  tcw_wire_write_u16 (&writer, 0xabcd);
  tcw_wire_write_u32 (&writer, 0xabcdef01);
  tcw_wire_write_u64 (&writer, 0x0123456789abcdef);
  tcw_wire_write_string (&writer, "text");
  tcw_wire_write_bytes (&writer, "\0\1", 2);
  tcw_wire_write_strings (&writer, &strings);
  g_assert_true (tcw_wire_writer_is_complete (&writer));
  tcw_wire_reader_init (&reader, bytes, writer.length);
  g_assert_cmphex (tcw_wire_read_u8 (&reader), ==, 0xab);
  g_assert_cmphex (tcw_wire_read_u16 (&reader), ==, 0xabcd);
  g_assert_cmphex (tcw_wire_read_u32 (&reader), ==, 0xabcdef01);
  g_assert_cmphex (tcw_wire_read_u64 (&reader), ==, 0x0123456789abcdef);
  g_assert_cmpstr (tcw_wire_read_string (&reader, 4), ==, "text");
  g_assert_nonnull (tcw_wire_read_bytes (&reader, 1, 2, &length));
  g_assert_cmpuint (length, ==, 2);
  strings = tcw_wire_read_strings (&reader, 3, 5);
  g_assert_cmpuint (strings.count, ==, 3);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpstr (tcw_wire_strings_next (&strings), ==, items[i]);
  g_assert_null (tcw_wire_strings_next (&strings));
  g_assert_false (reader.failed);
  g_assert_cmpuint (reader.left, ==, 0);
  tcw_wire_read_u8 (&reader);
  g_assert_true (reader.failed);
}

static void
test_bad_strings (void)
{
  static const struct
  {
    guint8 bytes[12];
    gsize size;
  } cases[] = {
    { { 0 }, 3 },                                   /* no length */
    { { 1, 0, 0, 0, 'a' }, 5 },                     /* no NUL */
    { { 1, 0, 0, 0, 'a', 'b' }, 6 },                /* no NUL at the end */
    { { 2, 0, 0, 0, 'a', 0, 0 }, 7 },               /* a NUL inside */
    { { 5, 0, 0, 0, 'a', 'b', 'c', 'd', 'e', 0 }, 10 }, /* over the limit */
    { { 0xff, 0xff, 0xff, 0xff, 'a', 0 }, 6 },      /* a length that wraps */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      TcwWireReader reader;

      tcw_wire_reader_init (&reader, cases[i].bytes, cases[i].size);
      g_assert_cmpstr (tcw_wire_read_string (&reader, 4), ==, "");
      g_assert_true (reader.failed);
    }
}

static void
test_writer_overflow (void)
{
  guint8 bytes[4] = { 0 };
  TcwWireWriter writer;

  tcw_wire_writer_init (&writer, bytes, sizeof bytes);
  tcw_wire_write_u16 (&writer, 1);
  tcw_wire_write_u32 (&writer, 0xffffffff);
  tcw_wire_write_u8 (&writer, 0xff);
  g_assert_false (tcw_wire_writer_is_complete (&writer));
  g_assert_cmpuint (writer.length, ==, 7);
  wire_assert_bytes (bytes, sizeof bytes, "\1\0\0\0", 4);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/record/splits", test_splits);
  g_test_add_func ("/wire/record/limit", test_limit);
  g_test_add_func ("/wire/record/fields", test_fields);
  g_test_add_func ("/wire/record/bad-strings", test_bad_strings);
  g_test_add_func ("/wire/record/writer-overflow", test_writer_overflow);
  return tcw_test_run ();
}
