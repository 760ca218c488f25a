/* A link's life, greeting and events; see tcw-wire-link.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/tcw-wire-link-private.h"

TcwWireLink *
tcw_wire_link_new (TcwWireRole role, size_t control_window)
{
  TcwWireLink *link = calloc (1, sizeof *link);

  if (link == NULL)
    return NULL;
  link->role = role;
  link->control = tcw_wire_stream_make (link, 0, control_window, control_window);
  if (link->control == NULL)
    {
      free (link);
      return NULL;
    }
  link->control->peer_seen = true;
  link->control->in_manual = role == TCW_WIRE_HOST;
  return link;
}

void
tcw_wire_link_free (TcwWireLink *link)
{
  if (link == NULL)
    return;
  tcw_wire_streams_drop (link);
  tcw_wire_stream_free (link->control);
  free (link->unknown);
  free (link);
}

/* Forgets whatever is half done in either direction. */
static void
clear_connection (TcwWireLink *link)
{
  link->have = 0;
  link->in_frame = false;
  link->target = NULL;
  link->hello_due = link->pad_due = link->welcome_due = link->resync_due = link->ping_due = link->pong_due = false;
  link->resync_told = link->resync_event = false;
  link->n_gone = 0;
}

void
tcw_wire_link_disconnect (TcwWireLink *link)
{
  clear_connection (link);
  link->state = TCW_WIRE_IDLE;
  link->epoch = 0;
  link->hello_event = false;
  link->welcome_event = false;
}

bool
tcw_wire_link_is_connected (const TcwWireLink *link)
{
  return link->state == TCW_WIRE_ESTABLISHED;
}

void
tcw_wire_link_hello (TcwWireLink *link, const uint8_t session[TCW_WIRE_SESSION_SIZE], uint32_t epoch, unsigned flags, bool pad)
{
  bool again = link->state == TCW_WIRE_GREETING && link->epoch == epoch;

  if (!again)
    {
      clear_connection (link);
      link->state = TCW_WIRE_GREETING;
      link->epoch = epoch;
      link->hello_flags = flags;
      link->welcome_event = link->failed_event = false;
      link->n_unknown = 0;
      memcpy (link->session, session, TCW_WIRE_SESSION_SIZE);
      if ((flags & TCW_WIRE_HELLO_RESUME) == 0 || (flags & TCW_WIRE_HELLO_ATTACH) != 0)
        tcw_wire_streams_drop (link);
      if ((flags & TCW_WIRE_HELLO_ATTACH) != 0 && link->unknown == NULL)
        link->unknown = calloc (TCW_WIRE_STREAMS_MAX, sizeof *link->unknown);
    }
  link->hello_due = true;
  link->pad_due = pad;
}

static void
copy_text (char *to, size_t size, const char *from)
{
  size_t length = from == NULL ? 0 : strnlen (from, size - 1);

  memcpy (to, from == NULL ? "" : from, length);
  to[length] = '\0';
}

void
tcw_wire_link_welcome (TcwWireLink *link, bool identity_needed, const char *version, const char *capabilities)
{
  if (link->role != TCW_WIRE_AGENT || link->state != TCW_WIRE_GREETING)
    return;
  if (link->fresh)
    tcw_wire_streams_drop (link);
  else if ((link->hello_flags & TCW_WIRE_HELLO_ATTACH) != 0)
    tcw_wire_stream_consume (link->control, (size_t) (link->control->in.end - link->control->in.start));
  memcpy (link->session, link->new_session, TCW_WIRE_SESSION_SIZE);
  link->has_session = true;
  link->identity_needed = identity_needed;
  copy_text (link->version, sizeof link->version, version);
  copy_text (link->capabilities, sizeof link->capabilities, capabilities);
  link->state = TCW_WIRE_ESTABLISHED;
  link->hello_event = false;
  link->welcome_due = true;
  tcw_wire_streams_begin_epoch (link);
}

void
tcw_wire_link_ping (TcwWireLink *link, const void *data, size_t size)
{
  link->ping_size = size < TCW_WIRE_PING_MAX ? size : TCW_WIRE_PING_MAX;
  if (link->ping_size > 0)
    memcpy (link->ping, data, link->ping_size);
  link->ping_due = true;
}

TcwWireStream *
tcw_wire_link_get_stream (TcwWireLink *link, uint32_t id)
{
  TcwWireStream *stream = tcw_wire_stream_find (link, id);

  return stream == NULL || stream->closing || stream->released ? NULL : stream;
}

void
tcw_wire_link_forget_target (TcwWireLink *link, const TcwWireStream *stream)
{
  if (link->target == stream)
    link->target = NULL;
}

void
tcw_wire_link_answer_gone (TcwWireLink *link, uint32_t id)
{
  for (size_t i = 0; i < link->n_gone; i++)
    if (link->gone[i] == id)
      return;
  if (link->n_gone < TCW_WIRE_GONE_MAX)
    link->gone[link->n_gone++] = id;
}

void
tcw_wire_link_fail (TcwWireLink *link, const char *format, ...)
{
  va_list args;

  tcw_wire_link_disconnect (link);
  va_start (args, format);
  vsnprintf (link->text, sizeof link->text, format, args);
  va_end (args);
  link->failed_event = true;
}

void
tcw_wire_link_resync (TcwWireLink *link, const char *why)
{
  if (link->state != TCW_WIRE_ESTABLISHED || link->resync_told)
    return;
  link->resync_told = true;
  copy_text (link->text, sizeof link->text, why);
  if (link->role == TCW_WIRE_HOST)
    link->resync_event = true;
  else
    link->resync_due = true;
}

/* The events of the link itself that come before those of streams. */
static bool
greeting_event (TcwWireLink *link, TcwWireEvent *event)
{
  if (link->failed_event)
    {
      link->failed_event = false;
      event->type = TCW_WIRE_EVENT_FAILED;
      event->text = link->text;
      return true;
    }
  if (link->hello_event)
    {
      link->hello_event = false;
      event->type = TCW_WIRE_EVENT_HELLO;
      event->fresh = link->fresh;
      event->attach = !link->fresh && (link->hello_flags & TCW_WIRE_HELLO_ATTACH) != 0;
      event->peer_version = link->peer_version;
      return true;
    }
  if (!link->welcome_event)
    return false;
  link->welcome_event = false;
  event->type = TCW_WIRE_EVENT_WELCOME;
  event->fresh = link->fresh;
  event->identity_needed = link->identity_needed;
  event->peer_version = link->peer_version;
  event->last_stream = link->peer_last_stream;
  event->version = link->version;
  event->capabilities = link->capabilities;
  return true;
}

static bool
unknown_event (TcwWireLink *link, TcwWireEvent *event)
{
  for (size_t i = 0; i < link->n_unknown; i++)
    {
      TcwWireUnknown *unknown = &link->unknown[i];

      if (unknown->told)
        continue;
      unknown->told = true;
      event->type = TCW_WIRE_EVENT_UNKNOWN;
      event->id = unknown->id;
      event->oldest = unknown->oldest;
      event->received = unknown->received;
      event->finished = unknown->finished;
      return true;
    }
  return false;
}

bool
tcw_wire_link_next_event (TcwWireLink *link, TcwWireEvent *event)
{
  TcwWireStream *stream;

  *event = (TcwWireEvent) { .version = "", .capabilities = "", .text = "" };
  if (!link->welcome_event)
    tcw_wire_streams_free_dead (link);
  if (greeting_event (link, event) || unknown_event (link, event))
    return true;
  stream = tcw_wire_queue_pop (&link->event_queue, true);
  if (stream != NULL)
    {
      event->type = TCW_WIRE_EVENT_STREAM;
      event->stream = stream;
      event->id = stream->id;
      event->changes = stream->changes;
      stream->changes = 0;
      return true;
    }
  if (link->pong_event)
    {
      link->pong_event = false;
      event->type = TCW_WIRE_EVENT_PONG;
      event->pong = link->pong_got;
      event->pong_size = link->pong_got_size;
      return true;
    }
  if (!link->resync_event)
    return false;
  link->resync_event = false;
  event->type = TCW_WIRE_EVENT_RESYNC;
  event->text = link->text;
  return true;
}
