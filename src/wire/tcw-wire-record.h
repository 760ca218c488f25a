/*
 * Records on the control stream: framing, and the encoding of their bodies' fields. Messages themselves are in tcw-wire-messages.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/tcw-wire-link.h"

enum {
  TCW_WIRE_RECORD_HEADER_SIZE = 12,     /* u16 type, u16 flags (0), u32 request, u32 length */
  TCW_WIRE_RECORD_MAX = 4194304,        /* length of a body from the host */
  TCW_WIRE_RECORD_AGENT_MAX = 131072,   /* length of a body from the agent */
  TCW_WIRE_CONTROL_WINDOW = 262144,     /* for tcw_wire_link_new(): holds any record of an agent */
};

typedef struct {
  uint16_t type; /* a TcwWireMessage, or one that we don't know */
  uint16_t flags;
  uint32_t request; /* the host numbers its requests from 1; 0 in events */
  uint32_t length;
  const uint8_t *body; /* borrowed from the reader, until the next receive */
} TcwWireRecord;

/* Puts records together. Its buffer grows only as bytes really arrive. Fields are private. */
typedef struct {
  uint8_t header[TCW_WIRE_RECORD_HEADER_SIZE];
  size_t have; /* of header and body */
  uint32_t limit;
  uint8_t *body;
  size_t size;
  bool done;
} TcwWireRecordReader;

typedef enum {
  TCW_WIRE_RECORD_NONE,     /* not all of it is there yet */
  TCW_WIRE_RECORD_COMPLETE,
  TCW_WIRE_RECORD_TOO_LONG, /* over the limit: the reader is of no use any more */
  TCW_WIRE_RECORD_NO_MEMORY,
} TcwWireRecordResult;

/* @limit: of a body's length. */
void tcw_wire_record_reader_init (TcwWireRecordReader *reader, uint32_t limit);

/* Forgets a record that is half there (after a fresh session, or an attach), and frees the buffer. Keeps the limit. */
void tcw_wire_record_reader_clear (TcwWireRecordReader *reader);

/* Takes bytes from @data up to the end of a record at most, says how many in @used, and fills @record when it is COMPLETE. */
TcwWireRecordResult tcw_wire_record_reader_feed (TcwWireRecordReader *reader, const uint8_t *data, size_t size, size_t *used,
                                                 TcwWireRecord *record);

/*
 * The same with the bytes of @control, which are consumed. After COMPLETE and with manual acknowledgement, call
 * tcw_wire_stream_acknowledge().
 */
TcwWireRecordResult tcw_wire_record_receive (TcwWireRecordReader *reader, TcwWireStream *control, TcwWireRecord *record);

/* Writes the 12 bytes before a body. */
void tcw_wire_record_header_encode (uint16_t type, uint32_t request, uint32_t length, uint8_t bytes[TCW_WIRE_RECORD_HEADER_SIZE]);

/* Writes a whole record to @control, or nothing at all (false) when there isn't room for it now. */
bool tcw_wire_record_send (TcwWireStream *control, uint16_t type, uint32_t request, const void *body, uint32_t length);

/* --- fields: integers are little-endian, a string is u32 length, that many bytes without a NUL among them, and a NUL --- */

/* Writes into a buffer of fixed size; with @data NULL it only counts. @length goes on counting after an overflow. */
typedef struct {
  uint8_t *data;
  size_t size;
  size_t length;
} TcwWireWriter;

void tcw_wire_writer_init (TcwWireWriter *writer, void *data, size_t size);

/* Whether all that was written had room (always so when it only counts). */
bool tcw_wire_writer_is_complete (const TcwWireWriter *writer);

void tcw_wire_write_u8 (TcwWireWriter *writer, uint8_t value);
void tcw_wire_write_u16 (TcwWireWriter *writer, uint16_t value);
void tcw_wire_write_u32 (TcwWireWriter *writer, uint32_t value);
void tcw_wire_write_u64 (TcwWireWriter *writer, uint64_t value);
void tcw_wire_write_string (TcwWireWriter *writer, const char *text); /* NULL is "" */
void tcw_wire_write_bytes (TcwWireWriter *writer, const void *data, uint32_t size); /* u32 size and the bytes */
void tcw_wire_write_raw (TcwWireWriter *writer, const void *data, size_t size);

/* Reads fields; once one is missing or wrong, @failed is set and all later reads give 0 or "". */
typedef struct {
  const uint8_t *data;
  size_t left;
  bool failed;
} TcwWireReader;

void tcw_wire_reader_init (TcwWireReader *reader, const void *data, size_t size);
uint8_t tcw_wire_read_u8 (TcwWireReader *reader);
uint16_t tcw_wire_read_u16 (TcwWireReader *reader);
uint32_t tcw_wire_read_u32 (TcwWireReader *reader);
uint64_t tcw_wire_read_u64 (TcwWireReader *reader);

/* A C string inside the buffer, of at most @max bytes without its NUL. Never NULL. */
const char *tcw_wire_read_string (TcwWireReader *reader, size_t max);

/* Bytes inside the buffer, between @min and @max of them. */
const uint8_t *tcw_wire_read_bytes (TcwWireReader *reader, size_t min, size_t max, uint32_t *size);

/* Exactly @size bytes, without a length before them; NULL when they aren't there. */
const uint8_t *tcw_wire_read_raw (TcwWireReader *reader, size_t size);

/* An array of strings, for encoding (@items, @count) or as it was decoded (@encoded). */
typedef struct {
  uint32_t count;
  const char *const *items; /* encoding only */
  TcwWireReader encoded;    /* decoded only: @count strings, all checked */
} TcwWireStrings;

/* u32 count, then the strings. */
void tcw_wire_write_strings (TcwWireWriter *writer, const TcwWireStrings *strings);

/* At most @max_count strings of at most @max_length bytes; checks each. */
TcwWireStrings tcw_wire_read_strings (TcwWireReader *reader, uint32_t max_count, size_t max_length);

/*
 * The next decoded string (start with a copy of the decoded struct), or NULL after the last. They are C strings inside the record's body.
 */
const char *tcw_wire_strings_next (TcwWireStrings *strings);
