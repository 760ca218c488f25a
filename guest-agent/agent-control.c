/* Records on the control stream; see agent-control.h. */
#include "agent-control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-util.h"

typedef struct queued {
  struct queued *next;
  uint16_t type;
  uint32_t request;
  uint32_t length;
  uint8_t body[];
} queued;

struct agent_control {
  TcwWireLink *wire;
  agent_control_handler handler;
  void *data;
  TcwWireRecordReader reader;
  uint32_t session;
  bool broken; /* the host's records cannot be told apart any more */
  bool running;
  queued *first;
  queued *last; /* NULL: there is none */
};

agent_control *
agent_control_new (TcwWireLink *wire, agent_control_handler handler, void *data)
{
  agent_control *control = calloc (1, sizeof *control);

  if (control == NULL)
    return NULL;
  control->wire = wire;
  control->handler = handler;
  control->data = data;
  tcw_wire_record_reader_init (&control->reader, TCW_WIRE_RECORD_MAX);
  return control;
}

static void
drop_queue (agent_control *control)
{
  while (control->first != NULL)
    {
      queued *item = control->first;

      control->first = item->next;
      free (item);
    }
  control->last = NULL;
}

void
agent_control_free (agent_control *control)
{
  if (control == NULL)
    return;
  drop_queue (control);
  tcw_wire_record_reader_clear (&control->reader);
  free (control);
}

void
agent_control_begin_session (agent_control *control)
{
  drop_queue (control);
  tcw_wire_record_reader_clear (&control->reader);
  control->broken = false;
  control->session++;
}

void
agent_control_forget_half (agent_control *control)
{
  tcw_wire_record_reader_clear (&control->reader);
}

/* Sends what waits. False: the rest must wait on. */
static bool
send_queue (agent_control *control)
{
  TcwWireStream *stream = tcw_wire_link_get_stream (control->wire, 0);

  while (control->first != NULL)
    {
      queued *item = control->first;

      if (stream == NULL || !tcw_wire_record_send (stream, item->type, item->request, item->body, item->length))
        {
          uint8_t *space;

          if (stream != NULL)
            tcw_wire_stream_reserve (stream, &space); /* asks to be told of room */
          return false;
        }
      control->first = item->next;
      if (control->first == NULL)
        control->last = NULL;
      free (item);
    }
  return true;
}

static bool
take_request (agent_control *control)
{
  TcwWireStream *stream = tcw_wire_link_get_stream (control->wire, 0);
  agent_request request = { .session = control->session };
  TcwWireRecord record;
  TcwWireRecordResult result;

  if (stream == NULL || control->broken)
    return false;
  result = tcw_wire_record_receive (&control->reader, stream, &record);
  if (result == TCW_WIRE_RECORD_COMPLETE)
    {
      request.number = record.request;
      control->handler (control->data, request, &record);
      return true;
    }
  if (result != TCW_WIRE_RECORD_NONE)
    {
      agent_log ("control stream: %s", result == TCW_WIRE_RECORD_TOO_LONG ? "a record is too long" : "no memory for a record");
      control->broken = true;
    }
  return false;
}

void
agent_control_run (agent_control *control)
{
  if (control->running)
    return;
  control->running = true;
  while (send_queue (control) && take_request (control))
    ;
  control->running = false;
}

/* Queues a record, and sends what can be. */
static void
put (agent_control *control, uint16_t type, uint32_t number, const void *body, size_t length)
{
  queued *item = length <= TCW_WIRE_RECORD_AGENT_MAX ? malloc (sizeof *item + length) : NULL;

  if (item == NULL)
    {
      agent_log ("no memory for a record of type %u", type);
      return;
    }
  item->next = NULL;
  item->type = type;
  item->request = number;
  item->length = (uint32_t) length;
  if (length > 0)
    memcpy (item->body, body, length);
  if (control->last == NULL)
    control->first = item;
  else
    control->last->next = item;
  control->last = item;
  send_queue (control);
}

static void
reply (agent_control *control, agent_request request, const TcwWireReply *message)
{
  agent_autofree uint8_t *body = NULL;
  TcwWireWriter writer;
  size_t size;

  if (request.session != control->session)
    return;
  tcw_wire_writer_init (&writer, NULL, 0);
  tcw_wire_reply_encode (&writer, message);
  size = writer.length;
  body = malloc (size);
  if (body == NULL)
    {
      agent_log ("no memory for a reply");
      return;
    }
  tcw_wire_writer_init (&writer, body, size);
  tcw_wire_reply_encode (&writer, message);
  put (control, TCW_WIRE_REPLY, request.number, body, size);
}

void
agent_control_reply (agent_control *control, agent_request request, TcwWireStatus status, const char *message)
{
  reply (control, request, &(TcwWireReply) { .status = status, .message = message });
}

void
agent_control_reply_errno (agent_control *control, agent_request request, int error, const char *what)
{
  char text[512];

  snprintf (text, sizeof text, "%.400s: %s", what, strerror (error));
  agent_control_reply (control, request, tcw_wire_status_from_errno (error), text);
}

void
agent_control_reply_body (agent_control *control, agent_request request, const void *body, size_t length)
{
  reply (control, request, &(TcwWireReply) { .status = TCW_WIRE_STATUS_OK, .message = "", .body = body, .body_length = (uint32_t) length });
}

void
agent_control_event (agent_control *control, uint16_t type, const void *body, size_t length)
{
  put (control, type, 0, body, length);
}

void
agent_control_log (agent_control *control, TcwWireLogLevel level, const char *format, ...)
{
  char text[512];
  uint8_t body[sizeof text + 16];
  TcwWireWriter writer;
  va_list args;

  va_start (args, format);
  vsnprintf (text, sizeof text, format, args);
  va_end (args);
  agent_log ("%s", text);
  tcw_wire_writer_init (&writer, body, sizeof body);
  tcw_wire_log_encode (&writer, &(TcwWireLog) { .level = level, .text = text });
  if (tcw_wire_writer_is_complete (&writer))
    agent_control_event (control, TCW_WIRE_LOG, body, writer.length);
}
