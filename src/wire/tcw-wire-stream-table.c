/* The life of streams inside a link: their table, their queues, and what they have to send. */
#include <stdlib.h>
#include <string.h>

#include "wire/tcw-wire-link-private.h"

static TcwWireStream **
bucket_of (const TcwWireLink *link, uint32_t id)
{
  TcwWireLink *table = (TcwWireLink *) (uintptr_t) link;

  return &table->buckets[(id ^ id >> 24) % TCW_WIRE_BUCKETS];
}

TcwWireStream *
tcw_wire_stream_find (const TcwWireLink *link, uint32_t id)
{
  TcwWireStream *stream = *bucket_of (link, id);

  while (stream != NULL && stream->id != id)
    stream = stream->bucket_next;
  return stream;
}

TcwWireStream *
tcw_wire_stream_make (TcwWireLink *link, uint32_t id, size_t receive, size_t send)
{
  TcwWireStream *stream = calloc (1, sizeof *stream);
  TcwWireStream **bucket = bucket_of (link, id);

  if (stream == NULL)
    return NULL;
  if (!tcw_wire_ring_init (&stream->in, receive, 0) || !tcw_wire_ring_init (&stream->out, send, 0))
    {
      tcw_wire_ring_clear (&stream->in);
      tcw_wire_ring_clear (&stream->out);
      free (stream);
      return NULL;
    }
  stream->link = link;
  stream->id = id;
  stream->in_exists = receive > 0;
  stream->out_exists = send > 0;
  stream->bucket_next = *bucket;
  *bucket = stream;
  if (id != 0)
    link->n_streams++;
  return stream;
}

static TcwWireStream **
next_of (TcwWireStream *stream, bool events)
{
  return events ? &stream->event_next : &stream->send_next;
}

static bool *
mark_of (TcwWireStream *stream, bool events)
{
  return events ? &stream->in_event_queue : &stream->in_send_queue;
}

void
tcw_wire_queue_push (TcwWireQueue *queue, TcwWireStream *stream, bool events)
{
  if (*mark_of (stream, events))
    return;
  *mark_of (stream, events) = true;
  *next_of (stream, events) = NULL;
  if (queue->tail == NULL)
    queue->head = stream;
  else
    *next_of (queue->tail, events) = stream;
  queue->tail = stream;
}

TcwWireStream *
tcw_wire_queue_pop (TcwWireQueue *queue, bool events)
{
  TcwWireStream *stream = queue->head;

  if (stream == NULL)
    return NULL;
  queue->head = *next_of (stream, events);
  if (queue->head == NULL)
    queue->tail = NULL;
  *mark_of (stream, events) = false;
  *next_of (stream, events) = NULL;
  return stream;
}

static void
queue_remove (TcwWireQueue *queue, TcwWireStream *stream, bool events)
{
  TcwWireStream *previous = NULL;

  if (!*mark_of (stream, events))
    return;
  for (TcwWireStream *at = queue->head; at != stream; at = *next_of (at, events))
    previous = at;
  if (previous == NULL)
    queue->head = *next_of (stream, events);
  else
    *next_of (previous, events) = *next_of (stream, events);
  if (queue->tail == stream)
    queue->tail = previous;
  *mark_of (stream, events) = false;
}

/* Takes it out of the table and of all lists. */
static void
unlist (TcwWireStream *stream)
{
  TcwWireLink *link = stream->link;
  TcwWireStream **at = bucket_of (link, stream->id);

  while (*at != stream)
    at = &(*at)->bucket_next;
  *at = stream->bucket_next;
  queue_remove (&link->send_queue, stream, false);
  queue_remove (&link->event_queue, stream, true);
  tcw_wire_link_forget_target (link, stream);
  if (stream->id != 0)
    link->n_streams--;
}

static void
destroy (TcwWireStream *stream)
{
  tcw_wire_ring_clear (&stream->in);
  tcw_wire_ring_clear (&stream->out);
  free (stream);
}

void
tcw_wire_stream_free (TcwWireStream *stream)
{
  unlist (stream);
  destroy (stream);
}

/* The control stream as it is in a new session. */
static void
reset_control (TcwWireStream *stream)
{
  stream->in.start = stream->in.end = 0;
  stream->out.start = stream->out.end = 0;
  stream->acknowledged = stream->told = stream->advertised = stream->next = stream->limit = 0;
  stream->ready = false;
  stream->changes = 0;
  stream->wants_room = false;
}

void
tcw_wire_streams_bury (TcwWireLink *link)
{
  for (size_t i = 0; i < TCW_WIRE_BUCKETS; i++)
    {
      TcwWireStream *next;

      for (TcwWireStream *stream = link->buckets[i]; stream != NULL; stream = next)
        {
          next = stream->bucket_next;
          if (stream == link->control)
            continue;
          unlist (stream);
          tcw_wire_ring_clear (&stream->out);
          stream->out_stopped = stream->in_reset = true;
          stream->in_code = TCW_WIRE_RESET_GONE;
          stream->send_next = link->dead;
          link->dead = stream;
        }
    }
  tcw_wire_link_forget_target (link, link->control);
  reset_control (link->control);
  link->last_stream = 0;
  link->n_gone = 0;
}

void
tcw_wire_streams_free_dead (TcwWireLink *link)
{
  while (link->dead != NULL)
    {
      TcwWireStream *stream = link->dead;

      link->dead = stream->send_next;
      destroy (stream);
    }
}

void
tcw_wire_streams_drop (TcwWireLink *link)
{
  tcw_wire_streams_bury (link);
  tcw_wire_streams_free_dead (link);
}

void
tcw_wire_streams_begin_epoch (TcwWireLink *link)
{
  for (size_t i = 0; i < TCW_WIRE_BUCKETS; i++)
    for (TcwWireStream *stream = link->buckets[i]; stream != NULL; stream = stream->bucket_next)
      {
        stream->ready = false;
        stream->limit = 0;
        stream->window_due = stream->peer_seen || stream == link->control;
        if (stream->out_aborted)
          stream->reset_due |= TCW_WIRE_RESET_SEND;
        if (stream->in_stopped && !stream->in_fin)
          stream->reset_due |= TCW_WIRE_RESET_RECEIVE;
        if (tcw_wire_stream_wants_send (stream))
          tcw_wire_queue_push (&link->send_queue, stream, false);
      }
}

bool
tcw_wire_stream_in_is_done (const TcwWireStream *stream)
{
  return !stream->in_exists || stream->in_stopped || ((stream->in_fin || stream->in_reset) && stream->in.start == stream->in.end);
}

bool
tcw_wire_stream_out_is_done (const TcwWireStream *stream)
{
  return !stream->out_exists || stream->finish_acked || stream->out_aborted || stream->out_stopped;
}

uint64_t
tcw_wire_stream_acknowledgement (const TcwWireStream *stream)
{
  bool all = stream->in_fin && stream->in.start == stream->in.end && stream->acknowledged == stream->in.end;

  return stream->acknowledged + (all ? 1 : 0);
}

bool
tcw_wire_stream_wants_window (const TcwWireStream *stream)
{
  uint64_t step = stream->in.size / 4;
  bool at_end = tcw_wire_stream_is_at_end (stream);

  if (stream->window_due)
    return true;
  if (!stream->in_exists || !stream->peer_seen || stream->in_stopped || stream->in_reset)
    return false;
  if (at_end)
    return stream->told != tcw_wire_stream_acknowledgement (stream);
  return !stream->in_fin && step > 0
         && (stream->in.start + stream->in.size - stream->advertised >= step || stream->acknowledged - stream->told >= step);
}

bool
tcw_wire_stream_wants_data (const TcwWireStream *stream)
{
  if (!stream->ready || stream->finish_sent || tcw_wire_stream_out_is_done (stream))
    return false;
  return (stream->next < stream->out.end && stream->next < stream->limit) || (stream->finish && stream->next == stream->out.end);
}

bool
tcw_wire_stream_wants_send (const TcwWireStream *stream)
{
  return stream->reset_due != 0 || tcw_wire_stream_wants_window (stream) || tcw_wire_stream_wants_data (stream);
}

void
tcw_wire_stream_note (TcwWireStream *stream, unsigned changes)
{
  if (stream->released || stream->closing)
    return;
  stream->changes |= changes;
  tcw_wire_queue_push (&stream->link->event_queue, stream, true);
}

bool
tcw_wire_stream_update (TcwWireStream *stream)
{
  bool wants = tcw_wire_stream_wants_send (stream);

  if (wants)
    tcw_wire_queue_push (&stream->link->send_queue, stream, false);
  if (stream->id == 0 || !tcw_wire_stream_is_closed (stream))
    return false;
  if (!stream->closed_told)
    tcw_wire_stream_note (stream, TCW_WIRE_STREAM_CLOSED);
  stream->closed_told = true;
  if (wants || (!stream->released && !stream->closing))
    return false;
  tcw_wire_stream_free (stream);
  return true;
}
