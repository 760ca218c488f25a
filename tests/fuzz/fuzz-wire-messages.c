/*
 * Bodies of records, the first byte choosing the message: decoding may not crash or read beyond the end, and what was accepted must have
 * only strings that end where they say. Records are also put together from the bytes in pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/tcw-wire-messages.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static size_t
measure (TcwWireStrings strings)
{
  size_t total = 0;
  const char *text;

  while ((text = tcw_wire_strings_next (&strings)) != NULL)
    total += strlen (text) + 1;
  return total;
}

static size_t
try_exec (const uint8_t *body, size_t size)
{
  TcwWireExec message;

  if (!tcw_wire_exec_decode (body, size, &message))
    return 0;
  return measure (message.argv) + measure (message.env) + strlen (message.cwd) + strlen (message.user);
}

static size_t
try_identity (const uint8_t *body, size_t size)
{
  TcwWireIdentity message;

  if (!tcw_wire_identity_decode (body, size, &message))
    return 0;
  return measure (message.network.dns) + strlen (message.host_name) + strlen (message.machine_id) + strlen (message.network.address4)
         + message.entropy[message.entropy_length - 1] % 2;
}

static size_t
try_list (const uint8_t *body, size_t size)
{
  TcwWireExecList list;
  TcwWireExecInfo item;
  size_t n = 0;

  if (!tcw_wire_exec_list_decode (body, size, &list))
    return 0;
  while (tcw_wire_exec_list_next (&list, &item))
    n++;
  return n;
}

static size_t
try_reply (const uint8_t *body, size_t size)
{
  TcwWireReply message;

  if (!tcw_wire_reply_decode (body, size, &message))
    return 0;
  return strlen (message.message) + (message.body_length > 0 ? message.body[message.body_length - 1] % 2u : 0);
}

#define TRY(name, Type)                                                                                                                    \
  {                                                                                                                                        \
    Type message;                                                                                                                          \
    return tcw_wire_##name##_decode (body, size, &message);                                                                                \
  }

static size_t
try_other (unsigned which, const uint8_t *body, size_t size)
{
  switch (which)
    {
    case 0:
      TRY (signal, TcwWireSignal)
    case 1:
      TRY (resize, TcwWireResize)
    case 2:
      TRY (get, TcwWireGet)
    case 3:
      TRY (put, TcwWirePut)
    case 4:
      TRY (mount, TcwWireMount)
    case 5:
      TRY (unmount, TcwWireUnmount)
    case 6:
      TRY (listen, TcwWireListen)
    case 7:
      TRY (connect_out, TcwWireConnectOut)
    case 8:
      TRY (exit, TcwWireExit)
    case 9:
      TRY (connect, TcwWireConnect)
    case 10:
      TRY (log, TcwWireLog)
    default:
      TRY (stats, TcwWireStats)
    }
}

static void
try_records (const uint8_t *data, size_t size)
{
  TcwWireRecordReader reader;
  TcwWireRecord record;
  TcwWireRecordResult result = TCW_WIRE_RECORD_NONE;

  tcw_wire_record_reader_init (&reader, 5000);
  for (size_t at = 0, used; at < size && (result == TCW_WIRE_RECORD_NONE || result == TCW_WIRE_RECORD_COMPLETE); at += used)
    {
      size_t step = 1 + data[at] % 50u;

      result = tcw_wire_record_reader_feed (&reader, data + at, step < size - at ? step : size - at, &used, &record);
      if (used == 0 && result == TCW_WIRE_RECORD_NONE)
        abort ();
      if (result == TCW_WIRE_RECORD_COMPLETE && record.length > 5000)
        abort ();
    }
  tcw_wire_record_reader_clear (&reader);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  size_t found;

  if (size == 0)
    return 0;
  try_records (data, size);
  switch (data[0] % 16)
    {
    case 0:
      found = try_exec (data + 1, size - 1);
      break;
    case 1:
      found = try_identity (data + 1, size - 1);
      break;
    case 2:
      found = try_list (data + 1, size - 1);
      break;
    case 3:
      found = try_reply (data + 1, size - 1);
      break;
    default:
      found = try_other (data[0] % 16u - 4, data + 1, size - 1);
      break;
    }
  if (found > 2 * size + 2)
    abort ();
  return 0;
}
