/* Records and their fields; see tcw-wire-record.h. */
#include "wire/tcw-wire-record.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 1024 };

void
tcw_wire_record_reader_init (TcwWireRecordReader *reader, uint32_t limit)
{
  *reader = (TcwWireRecordReader) { .limit = limit };
}

void
tcw_wire_record_reader_clear (TcwWireRecordReader *reader)
{
  uint32_t limit = reader->limit;

  free (reader->body);
  tcw_wire_record_reader_init (reader, limit);
}

/* Makes room for at least one byte more, at most for @length: what has arrived is never less than half of what is allocated. */
static bool
grow (TcwWireRecordReader *reader, size_t have, size_t length)
{
  size_t size = have < FIRST_SIZE ? FIRST_SIZE : 2 * have;
  uint8_t *body;

  if (have < reader->size)
    return true;
  if (size > length)
    size = length;
  body = realloc (reader->body, size);
  if (body == NULL)
    return false;
  reader->body = body;
  reader->size = size;
  return true;
}

static size_t
take_header (TcwWireRecordReader *reader, const uint8_t *data, size_t size)
{
  size_t part = TCW_WIRE_RECORD_HEADER_SIZE - reader->have;

  part = size < part ? size : part;
  memcpy (reader->header + reader->have, data, part);
  reader->have += part;
  return part;
}

TcwWireRecordResult
tcw_wire_record_reader_feed (TcwWireRecordReader *reader, const uint8_t *data, size_t size, size_t *used, TcwWireRecord *record)
{
  size_t length;

  if (reader->done)
    {
      reader->done = false;
      reader->have = 0;
    }
  *used = 0;
  if (reader->have < TCW_WIRE_RECORD_HEADER_SIZE && size > 0)
    *used = take_header (reader, data, size);
  if (reader->have < TCW_WIRE_RECORD_HEADER_SIZE)
    return TCW_WIRE_RECORD_NONE;
  length = tcw_wire_get_u32 (reader->header + 8);
  if (length > reader->limit)
    return TCW_WIRE_RECORD_TOO_LONG;
  while (*used < size && reader->have < TCW_WIRE_RECORD_HEADER_SIZE + length)
    {
      size_t have = reader->have - TCW_WIRE_RECORD_HEADER_SIZE;
      size_t part;

      if (!grow (reader, have, length))
        return TCW_WIRE_RECORD_NO_MEMORY;
      part = (reader->size < length ? reader->size : length) - have;
      part = size - *used < part ? size - *used : part;
      memcpy (reader->body + have, data + *used, part);
      reader->have += part;
      *used += part;
    }
  if (reader->have < TCW_WIRE_RECORD_HEADER_SIZE + length)
    return TCW_WIRE_RECORD_NONE;
  reader->done = true;
  *record = (TcwWireRecord) {
    .type = tcw_wire_get_u16 (reader->header),
    .flags = tcw_wire_get_u16 (reader->header + 2),
    .request = tcw_wire_get_u32 (reader->header + 4),
    .length = (uint32_t) length,
    .body = length == 0 ? reader->header : reader->body,
  };
  return TCW_WIRE_RECORD_COMPLETE;
}

TcwWireRecordResult
tcw_wire_record_receive (TcwWireRecordReader *reader, TcwWireStream *control, TcwWireRecord *record)
{
  const uint8_t *data;
  size_t size;

  while ((size = tcw_wire_stream_peek (control, &data)) > 0)
    {
      size_t used;
      TcwWireRecordResult result = tcw_wire_record_reader_feed (reader, data, size, &used, record);

      tcw_wire_stream_consume (control, used);
      if (result != TCW_WIRE_RECORD_NONE)
        return result;
    }
  return TCW_WIRE_RECORD_NONE;
}

void
tcw_wire_record_header_encode (uint16_t type, uint32_t request, uint32_t length, uint8_t bytes[TCW_WIRE_RECORD_HEADER_SIZE])
{
  tcw_wire_put_u16 (bytes, type);
  tcw_wire_put_u16 (bytes + 2, 0);
  tcw_wire_put_u32 (bytes + 4, request);
  tcw_wire_put_u32 (bytes + 8, length);
}

bool
tcw_wire_record_send (TcwWireStream *control, uint16_t type, uint32_t request, const void *body, uint32_t length)
{
  uint8_t header[TCW_WIRE_RECORD_HEADER_SIZE];

  if (tcw_wire_stream_get_room (control) < sizeof header + (size_t) length)
    return false;
  tcw_wire_record_header_encode (type, request, length, header);
  tcw_wire_stream_write (control, header, sizeof header);
  tcw_wire_stream_write (control, body, length);
  return true;
}

/* --- writing fields --- */

void
tcw_wire_writer_init (TcwWireWriter *writer, void *data, size_t size)
{
  *writer = (TcwWireWriter) { .data = data, .size = size };
}

bool
tcw_wire_writer_is_complete (const TcwWireWriter *writer)
{
  return writer->data == NULL || writer->length <= writer->size;
}

void
tcw_wire_write_raw (TcwWireWriter *writer, const void *data, size_t size)
{
  if (writer->data != NULL && size > 0 && writer->length <= writer->size && size <= writer->size - writer->length)
    memcpy (writer->data + writer->length, data, size);
  writer->length += size;
}

void
tcw_wire_write_u8 (TcwWireWriter *writer, uint8_t value)
{
  tcw_wire_write_raw (writer, &value, 1);
}

void
tcw_wire_write_u16 (TcwWireWriter *writer, uint16_t value)
{
  uint8_t bytes[2];

  tcw_wire_put_u16 (bytes, value);
  tcw_wire_write_raw (writer, bytes, sizeof bytes);
}

void
tcw_wire_write_u32 (TcwWireWriter *writer, uint32_t value)
{
  uint8_t bytes[4];

  tcw_wire_put_u32 (bytes, value);
  tcw_wire_write_raw (writer, bytes, sizeof bytes);
}

void
tcw_wire_write_u64 (TcwWireWriter *writer, uint64_t value)
{
  uint8_t bytes[8];

  tcw_wire_put_u64 (bytes, value);
  tcw_wire_write_raw (writer, bytes, sizeof bytes);
}

void
tcw_wire_write_string (TcwWireWriter *writer, const char *text)
{
  size_t length = text == NULL ? 0 : strlen (text);

  tcw_wire_write_u32 (writer, (uint32_t) length);
  tcw_wire_write_raw (writer, text, length);
  tcw_wire_write_u8 (writer, 0);
}

void
tcw_wire_write_bytes (TcwWireWriter *writer, const void *data, uint32_t size)
{
  tcw_wire_write_u32 (writer, size);
  tcw_wire_write_raw (writer, data, size);
}

void
tcw_wire_write_strings (TcwWireWriter *writer, const TcwWireStrings *strings)
{
  tcw_wire_write_u32 (writer, strings->count);
  for (uint32_t i = 0; i < strings->count; i++)
    tcw_wire_write_string (writer, strings->items[i]);
}

/* --- reading fields --- */

void
tcw_wire_reader_init (TcwWireReader *reader, const void *data, size_t size)
{
  *reader = (TcwWireReader) { .data = data, .left = size };
}

const uint8_t *
tcw_wire_read_raw (TcwWireReader *reader, size_t size)
{
  const uint8_t *data = reader->data;

  if (reader->failed || size > reader->left)
    {
      reader->failed = true;
      return NULL;
    }
  reader->data += size;
  reader->left -= size;
  return data;
}

uint8_t
tcw_wire_read_u8 (TcwWireReader *reader)
{
  const uint8_t *p = tcw_wire_read_raw (reader, 1);

  return p == NULL ? 0 : *p;
}

uint16_t
tcw_wire_read_u16 (TcwWireReader *reader)
{
  const uint8_t *p = tcw_wire_read_raw (reader, 2);

  return p == NULL ? 0 : tcw_wire_get_u16 (p);
}

uint32_t
tcw_wire_read_u32 (TcwWireReader *reader)
{
  const uint8_t *p = tcw_wire_read_raw (reader, 4);

  return p == NULL ? 0 : tcw_wire_get_u32 (p);
}

uint64_t
tcw_wire_read_u64 (TcwWireReader *reader)
{
  const uint8_t *p = tcw_wire_read_raw (reader, 8);

  return p == NULL ? 0 : tcw_wire_get_u64 (p);
}

const char *
tcw_wire_read_string (TcwWireReader *reader, size_t max)
{
  uint32_t length = tcw_wire_read_u32 (reader);
  const uint8_t *text;

  if (length > max)
    reader->failed = true;
  text = tcw_wire_read_raw (reader, (size_t) length + 1);
  if (text == NULL)
    return "";
  if (memchr (text, 0, (size_t) length + 1) != text + length)
    {
      reader->failed = true;
      return "";
    }
  return (const char *) text;
}

const uint8_t *
tcw_wire_read_bytes (TcwWireReader *reader, size_t min, size_t max, uint32_t *size)
{
  const uint8_t *data;

  *size = tcw_wire_read_u32 (reader);
  if (*size < min || *size > max)
    reader->failed = true;
  data = tcw_wire_read_raw (reader, *size);
  if (data == NULL)
    *size = 0;
  return data;
}

TcwWireStrings
tcw_wire_read_strings (TcwWireReader *reader, uint32_t max_count, size_t max_length)
{
  TcwWireStrings strings = { .count = tcw_wire_read_u32 (reader) };

  strings.encoded = *reader;
  if (strings.count > max_count)
    reader->failed = true;
  for (uint32_t i = 0; i < strings.count && !reader->failed; i++)
    tcw_wire_read_string (reader, max_length);
  if (reader->failed)
    strings.count = 0;
  return strings;
}

const char *
tcw_wire_strings_next (TcwWireStrings *strings)
{
  if (strings->count == 0)
    return NULL;
  strings->count--;
  return tcw_wire_read_string (&strings->encoded, SIZE_MAX - 1);
}
