/* Encoding and decoding of messages about commands, and of replies; see tcw-wire-messages.h. */
#include "wire/tcw-wire-messages.h"

void
tcw_wire_exec_encode (TcwWireWriter *writer, const TcwWireExec *message)
{
  tcw_wire_write_u32 (writer, message->exec);
  tcw_wire_write_u32 (writer, message->flags);
  tcw_wire_write_strings (writer, &message->argv);
  tcw_wire_write_strings (writer, &message->env);
  tcw_wire_write_string (writer, message->cwd);
  tcw_wire_write_string (writer, message->user);
  tcw_wire_write_u16 (writer, message->columns);
  tcw_wire_write_u16 (writer, message->rows);
  tcw_wire_write_u32 (writer, message->in);
  tcw_wire_write_u32 (writer, message->out);
  tcw_wire_write_u32 (writer, message->err);
}

/* Streams are the host's, and different from each other; a terminal or a merge has no stderr of its own. */
static bool
streams_are_possible (const TcwWireExec *message)
{
  uint32_t all = message->in | message->out | message->err;

  if ((all & TCW_WIRE_STREAM_AGENT) != 0)
    return false;
  if (message->in != 0 && (message->in == message->out || message->in == message->err))
    return false;
  if (message->out != 0 && message->out == message->err)
    return false;
  return message->err == 0 || (message->flags & (TCW_WIRE_EXEC_PTY | TCW_WIRE_EXEC_MERGE_STDERR)) == 0;
}

bool
tcw_wire_exec_decode (const void *body, size_t size, TcwWireExec *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->exec = tcw_wire_read_u32 (&reader);
  message->flags = tcw_wire_read_u32 (&reader);
  message->argv = tcw_wire_read_strings (&reader, TCW_WIRE_STRINGS_MAX, TCW_WIRE_STRING_MAX);
  message->env = tcw_wire_read_strings (&reader, TCW_WIRE_STRINGS_MAX, TCW_WIRE_STRING_MAX);
  message->cwd = tcw_wire_read_string (&reader, TCW_WIRE_PATH_MAX);
  message->user = tcw_wire_read_string (&reader, TCW_WIRE_NAME_MAX);
  message->columns = tcw_wire_read_u16 (&reader);
  message->rows = tcw_wire_read_u16 (&reader);
  message->in = tcw_wire_read_u32 (&reader);
  message->out = tcw_wire_read_u32 (&reader);
  message->err = tcw_wire_read_u32 (&reader);
  return !reader.failed && message->argv.count > 0 && (message->flags & ~(uint32_t) TCW_WIRE_EXEC_FLAGS) == 0
         && (message->cwd[0] == '/' || message->cwd[0] == '\0') && streams_are_possible (message);
}

void
tcw_wire_started_encode (TcwWireWriter *writer, const TcwWireStarted *message)
{
  tcw_wire_write_u32 (writer, message->pid);
}

bool
tcw_wire_started_decode (const void *body, size_t size, TcwWireStarted *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->pid = tcw_wire_read_u32 (&reader);
  return !reader.failed;
}

void
tcw_wire_signal_encode (TcwWireWriter *writer, const TcwWireSignal *message)
{
  tcw_wire_write_u32 (writer, message->exec);
  tcw_wire_write_u32 (writer, message->signo);
  tcw_wire_write_u8 (writer, message->tree);
}

bool
tcw_wire_signal_decode (const void *body, size_t size, TcwWireSignal *message)
{
  TcwWireReader reader;
  uint8_t tree;

  tcw_wire_reader_init (&reader, body, size);
  message->exec = tcw_wire_read_u32 (&reader);
  message->signo = tcw_wire_read_u32 (&reader);
  tree = tcw_wire_read_u8 (&reader);
  message->tree = tree == 1;
  return !reader.failed && message->signo >= 1 && message->signo <= 64 && tree <= 1;
}

void
tcw_wire_resize_encode (TcwWireWriter *writer, const TcwWireResize *message)
{
  tcw_wire_write_u32 (writer, message->exec);
  tcw_wire_write_u16 (writer, message->columns);
  tcw_wire_write_u16 (writer, message->rows);
}

bool
tcw_wire_resize_decode (const void *body, size_t size, TcwWireResize *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->exec = tcw_wire_read_u32 (&reader);
  message->columns = tcw_wire_read_u16 (&reader);
  message->rows = tcw_wire_read_u16 (&reader);
  return !reader.failed;
}

void
tcw_wire_kill_encode (TcwWireWriter *writer, const TcwWireKill *message)
{
  tcw_wire_write_u32 (writer, message->exec);
}

bool
tcw_wire_kill_decode (const void *body, size_t size, TcwWireKill *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->exec = tcw_wire_read_u32 (&reader);
  return !reader.failed;
}

void
tcw_wire_exit_encode (TcwWireWriter *writer, const TcwWireExit *message)
{
  tcw_wire_write_u32 (writer, message->exec);
  tcw_wire_write_u8 (writer, (uint8_t) message->kind);
  tcw_wire_write_u32 (writer, message->code);
  tcw_wire_write_u64 (writer, message->user_us);
  tcw_wire_write_u64 (writer, message->system_us);
  tcw_wire_write_u64 (writer, message->max_rss_kib);
  tcw_wire_write_u32 (writer, message->survivors);
}

static bool
end_is_possible (uint8_t kind, uint32_t code)
{
  return (kind == TCW_WIRE_EXIT_EXITED && code <= 255) || (kind == TCW_WIRE_EXIT_SIGNALLED && code >= 1 && code <= 64);
}

bool
tcw_wire_exit_decode (const void *body, size_t size, TcwWireExit *message)
{
  TcwWireReader reader;
  uint8_t kind;

  tcw_wire_reader_init (&reader, body, size);
  message->exec = tcw_wire_read_u32 (&reader);
  kind = tcw_wire_read_u8 (&reader);
  message->kind = (TcwWireExitKind) kind;
  message->code = tcw_wire_read_u32 (&reader);
  message->user_us = tcw_wire_read_u64 (&reader);
  message->system_us = tcw_wire_read_u64 (&reader);
  message->max_rss_kib = tcw_wire_read_u64 (&reader);
  message->survivors = tcw_wire_read_u32 (&reader);
  return !reader.failed && end_is_possible (kind, message->code);
}

static void
read_exec_info (TcwWireReader *reader, TcwWireExecInfo *item)
{
  uint8_t state;
  uint8_t kind;

  item->exec = tcw_wire_read_u32 (reader);
  state = tcw_wire_read_u8 (reader);
  item->pid = tcw_wire_read_u32 (reader);
  item->in = tcw_wire_read_u32 (reader);
  item->out = tcw_wire_read_u32 (reader);
  item->err = tcw_wire_read_u32 (reader);
  kind = tcw_wire_read_u8 (reader);
  item->code = tcw_wire_read_u32 (reader);
  if ((state != TCW_WIRE_EXEC_RUNNING && state != TCW_WIRE_EXEC_ENDED) || !end_is_possible (kind, item->code))
    reader->failed = true;
  item->state = (TcwWireExecState) state;
  item->kind = (TcwWireExitKind) kind;
}

void
tcw_wire_exec_list_encode (TcwWireWriter *writer, const TcwWireExecList *message)
{
  tcw_wire_write_u32 (writer, message->count);
  for (uint32_t i = 0; i < message->count; i++)
    {
      const TcwWireExecInfo *item = &message->items[i];

      tcw_wire_write_u32 (writer, item->exec);
      tcw_wire_write_u8 (writer, (uint8_t) item->state);
      tcw_wire_write_u32 (writer, item->pid);
      tcw_wire_write_u32 (writer, item->in);
      tcw_wire_write_u32 (writer, item->out);
      tcw_wire_write_u32 (writer, item->err);
      tcw_wire_write_u8 (writer, (uint8_t) item->kind);
      tcw_wire_write_u32 (writer, item->code);
    }
}

bool
tcw_wire_exec_list_decode (const void *body, size_t size, TcwWireExecList *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  *message = (TcwWireExecList) { .count = tcw_wire_read_u32 (&reader) };
  message->encoded = reader;
  if (message->count > TCW_WIRE_EXECS_MAX)
    return false;
  for (uint32_t i = 0; i < message->count && !reader.failed; i++)
    {
      TcwWireExecInfo item;

      read_exec_info (&reader, &item);
    }
  return !reader.failed;
}

bool
tcw_wire_exec_list_next (TcwWireExecList *list, TcwWireExecInfo *item)
{
  if (list->count == 0)
    return false;
  list->count--;
  read_exec_info (&list->encoded, item);
  return true;
}

void
tcw_wire_reply_encode (TcwWireWriter *writer, const TcwWireReply *message)
{
  tcw_wire_write_u32 (writer, message->status);
  tcw_wire_write_string (writer, message->message);
  tcw_wire_write_bytes (writer, message->body, message->body_length);
}

bool
tcw_wire_reply_decode (const void *body, size_t size, TcwWireReply *message)
{
  TcwWireReader reader;
  uint32_t status;

  tcw_wire_reader_init (&reader, body, size);
  status = tcw_wire_read_u32 (&reader);
  message->status = (TcwWireStatus) status;
  message->message = tcw_wire_read_string (&reader, TCW_WIRE_TEXT_MAX);
  message->body = tcw_wire_read_bytes (&reader, 0, TCW_WIRE_RECORD_MAX, &message->body_length);
  return !reader.failed && status <= TCW_WIRE_STATUS_LAST;
}
