/* Files and folders from the host; see agent-put.h. */
#include "agent-put.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-sink.h"
#include "agent-stream-link.h"
#include "agent-user.h"
#include "agent-util.h"
#include "wire/tcw-wire-tree.h"

enum { PORTION = 512 * 1024 };

typedef struct {
  agent_puts *owner;
  agent_request request;
  agent_stream *stream;
  agent_sink *sink;
  bool has_mode;
  uint32_t mode;
  agent_timer timer;
  TcwWireTreeDecoder decoder;
  char path[256]; /* of the entry that is being written, for messages */
} put;

struct agent_puts {
  const agent_context *context;
  put *items[AGENT_PUTS_MAX];
};

agent_puts *
agent_puts_new (const agent_context *context)
{
  agent_puts *puts = calloc (1, sizeof *puts);

  if (puts != NULL)
    puts->context = context;
  return puts;
}

static void
put_free (put *self)
{
  for (int i = 0; i < AGENT_PUTS_MAX; i++)
    if (self->owner->items[i] == self)
      self->owner->items[i] = NULL;
  agent_timer_stop (&self->timer);
  agent_sink_free (self->sink);
  if (self->stream != NULL)
    agent_stream_close (self->stream);
  free (self);
}

void
agent_puts_clear (agent_puts *puts)
{
  for (int i = 0; i < AGENT_PUTS_MAX; i++)
    if (puts->items[i] != NULL)
      put_free (puts->items[i]);
}

void
agent_puts_free (agent_puts *puts)
{
  if (puts == NULL)
    return;
  agent_puts_clear (puts);
  free (puts);
}

/* Answers, and is done. */
static void
finish (put *self, TcwWireStatus status, const char *message)
{
  agent_control_reply (self->owner->context->control, self->request, status, message);
  put_free (self);
}

static int
begin_entry (put *self, const TcwWireTreeEntry *from)
{
  bool root = *from->path == '\0';
  agent_sink_entry entry = { .path = from->path,
                             .type = from->type == TCW_WIRE_TREE_FOLDER ? AGENT_SINK_FOLDER
                                     : from->type == TCW_WIRE_TREE_LINK ? AGENT_SINK_LINK
                                                                        : AGENT_SINK_FILE,
                             .mode = root && self->has_mode ? self->mode : from->mode,
                             .mtime_ns = from->mtime_ns,
                             .link = from->link };

  snprintf (self->path, sizeof self->path, "%.250s", root ? "the target" : from->path);
  return agent_sink_begin (self->sink, &entry);
}

/* Does what @item says. False: that was the end, one way or the other. */
static bool
take_item (put *self, const TcwWireTreeItem *item)
{
  char text[512];
  int error = 0;

  switch (item->kind)
    {
    case TCW_WIRE_TREE_ENTRY:
      error = begin_entry (self, &item->entry);
      break;
    case TCW_WIRE_TREE_DATA:
      error = agent_sink_data (self->sink, item->data, item->length);
      break;
    case TCW_WIRE_TREE_HOLE:
      error = agent_sink_hole (self->sink, item->hole);
      break;
    case TCW_WIRE_TREE_END:
      error = agent_sink_end (self->sink);
      break;
    case TCW_WIRE_TREE_FINISH:
      finish (self, TCW_WIRE_STATUS_OK, "");
      return false;
    case TCW_WIRE_TREE_ERROR:
      finish (self, TCW_WIRE_STATUS_CANCELLED, "the host broke the tree off");
      return false;
    case TCW_WIRE_TREE_WARNING:
    default:
      break;
    }
  if (error == 0)
    return true;
  snprintf (text, sizeof text, "%s: %s", self->path, strerror (error));
  finish (self, tcw_wire_status_from_errno (error), text);
  return false;
}

/* Takes what follows each other in the stream. Returns how much, 0 when it is over. */
static size_t
take_bytes (put *self, const uint8_t *bytes, size_t size)
{
  size_t done = 0;

  while (done < size)
    {
      TcwWireTreeItem item;
      size_t used = 0;
      TcwWireTreeResult result = tcw_wire_tree_decoder_feed (&self->decoder, bytes + done, size - done, &used, &item);

      done += used;
      if (result == TCW_WIRE_TREE_BROKEN)
        {
          finish (self, TCW_WIRE_STATUS_INVALID, tcw_wire_tree_decoder_get_problem (&self->decoder));
          return 0;
        }
      if (result == TCW_WIRE_TREE_ITEM && !take_item (self, &item))
        return 0;
    }
  agent_stream_consume (self->stream, done);
  return done;
}

static void
move (void *data)
{
  put *self = data;

  for (size_t moved = 0; moved < PORTION;)
    {
      size_t size = 0;
      const uint8_t *bytes = agent_stream_peek (self->stream, &size);
      size_t n;

      if (bytes == NULL)
        {
          if (agent_stream_at_end (self->stream))
            finish (self, TCW_WIRE_STATUS_INVALID, "the stream ended before the tree");
          return;
        }
      n = take_bytes (self, bytes, size);
      if (n == 0)
        return;
      moved += n;
    }
  agent_timer_start (&self->timer, self->owner->context->loop, 0, move, self);
}

static void
on_readable (void *data)
{
  put *self = data;

  agent_timer_stop (&self->timer);
  move (self);
}

static void
on_reset (void *data)
{
  finish (data, TCW_WIRE_STATUS_CANCELLED, "the host gave the stream up");
}

/* Makes the object, with its stream and what it writes to. NULL: errno. */
static put *
put_new (agent_puts *puts, agent_request request, const TcwWirePut *message, const agent_user *owner)
{
  put *self = NULL;
  int place = 0;
  int error;

  while (place < AGENT_PUTS_MAX && puts->items[place] != NULL)
    place++;
  errno = EMFILE;
  if (place < AGENT_PUTS_MAX)
    self = calloc (1, sizeof *self);
  if (self == NULL)
    return NULL;
  self->owner = puts;
  self->request = request;
  self->has_mode = message->has_mode;
  self->mode = message->mode;
  tcw_wire_tree_decoder_init (&self->decoder);
  self->sink = agent_sink_new (message->path, owner);
  if (self->sink != NULL)
    self->stream = agent_stream_open (puts->context->wire, message->stream, false, AGENT_STREAM_WINDOW, 0);
  if (self->stream == NULL)
    {
      error = errno;
      put_free (self);
      errno = error;
      return NULL;
    }
  puts->items[place] = self;
  return self;
}

void
agent_puts_start (agent_puts *puts, agent_request request, const TcwWirePut *message)
{
  static const agent_stream_events events = { .readable = on_readable, .reset = on_reset };
  agent_user owner;
  put *self;

  if (message->path[0] != '/')
    {
      agent_control_reply (puts->context->control, request, TCW_WIRE_STATUS_INVALID, "the path is not absolute");
      return;
    }
  if (*message->user != '\0' && agent_user_find (message->user, &owner) != 0)
    {
      agent_control_reply (puts->context->control, request, TCW_WIRE_STATUS_NO_USER, "no such user");
      return;
    }
  self = put_new (puts, request, message, *message->user == '\0' ? NULL : &owner);
  if (self == NULL)
    {
      agent_control_reply_errno (puts->context->control, request, errno, message->path);
      return;
    }
  agent_stream_set_events (self->stream, &events, self);
  agent_timer_start (&self->timer, puts->context->loop, 0, move, self);
}
