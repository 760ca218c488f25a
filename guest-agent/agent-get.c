/* Files and folders to the host; see agent-get.h. */
#include "agent-get.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent-source.h"
#include "agent-stream-link.h"
#include "agent-util.h"
#include "agent-walk.h"
#include "wire/tcw-wire-tree.h"

enum {
  PORTION = 512 * 1024, /* bytes at a time, before others have their turn */
  SMALL = 512,          /* less contiguous room than this is filled by way of the buffer */
  BUFFER = TCW_WIRE_TREE_HEAD_MAX + 2048,
};

typedef struct {
  agent_gets *owner;
  agent_stream *stream;
  agent_walk *walk;
  agent_source source;
  bool in_file;
  bool last; /* what is in the buffer ends the tree */
  uint64_t max_size;
  uint64_t sent; /* bytes of files */
  agent_timer timer;
  size_t pending; /* bytes in the buffer that the stream has not taken */
  size_t taken;   /* of them, already */
  uint8_t buffer[BUFFER];
} get;

struct agent_gets {
  const agent_context *context;
  get *items[AGENT_GETS_MAX];
};

static void move (void *data);

agent_gets *
agent_gets_new (const agent_context *context)
{
  agent_gets *gets = calloc (1, sizeof *gets);

  if (gets != NULL)
    gets->context = context;
  return gets;
}

static void
get_free (get *self)
{
  for (int i = 0; i < AGENT_GETS_MAX; i++)
    if (self->owner->items[i] == self)
      self->owner->items[i] = NULL;
  agent_timer_stop (&self->timer);
  agent_source_close (&self->source);
  agent_walk_free (self->walk);
  if (self->stream != NULL)
    agent_stream_close (self->stream);
  free (self);
}

void
agent_gets_clear (agent_gets *gets)
{
  for (int i = 0; i < AGENT_GETS_MAX; i++)
    if (gets->items[i] != NULL)
      get_free (gets->items[i]);
}

void
agent_gets_free (agent_gets *gets)
{
  if (gets == NULL)
    return;
  agent_gets_clear (gets);
  free (gets);
}

static void
warn (get *self, TcwWireStatus status, const char *path, const char *why)
{
  char text[TCW_WIRE_TREE_MESSAGE_MAX];

  snprintf (text, sizeof text, "%.900s: %.100s", *path == '\0' ? "." : path, why);
  self->pending = tcw_wire_tree_put_warning (self->buffer, sizeof self->buffer, (uint32_t) status, text);
}

static void
break_off (get *self, TcwWireStatus status, const char *why)
{
  agent_source_close (&self->source);
  self->pending = tcw_wire_tree_put_error (self->buffer, sizeof self->buffer, (uint32_t) status, why);
  self->last = true;
}

/* Announces an entry that could be read. */
static void
put_entry (get *self, agent_walk_entry *found)
{
  mode_t type = found->stat.st_mode & S_IFMT;
  TcwWireTreeEntry entry = { .path = found->path,
                             .type = type == S_IFDIR ? TCW_WIRE_TREE_FOLDER : type == S_IFLNK ? TCW_WIRE_TREE_LINK : TCW_WIRE_TREE_FILE,
                             .mode = found->stat.st_mode & 07777,
                             .size = type == S_IFREG ? (uint64_t) found->stat.st_size : 0,
                             .mtime_ns = (int64_t) found->stat.st_mtim.tv_sec * 1000000000 + found->stat.st_mtim.tv_nsec,
                             .link = found->link == NULL ? "" : found->link };

  self->pending = tcw_wire_tree_put_entry (self->buffer, sizeof self->buffer, &entry);
  if (self->pending == 0)
    {
      warn (self, TCW_WIRE_STATUS_LIMIT, found->path, "the path is too long");
      return;
    }
  if (type != S_IFREG)
    return;
  agent_source_open (&self->source, found->fd, found->stat.st_size);
  found->fd = -1;
  self->in_file = true;
}

/* Goes on to the next entry. */
static void
next_entry (get *self)
{
  agent_walk_entry *found = agent_walk_next (self->walk);
  bool root = found != NULL && *found->path == '\0';
  mode_t type;

  if (found == NULL)
    {
      self->pending = tcw_wire_tree_put_finish (self->buffer, sizeof self->buffer);
      self->last = true;
      return;
    }
  type = found->stat.st_mode & S_IFMT;
  if (found->error != 0 && root)
    break_off (self, tcw_wire_status_from_errno (found->error), strerror (found->error));
  else if (found->error != 0)
    warn (self, tcw_wire_status_from_errno (found->error), found->path, strerror (found->error));
  else if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK)
    warn (self, TCW_WIRE_STATUS_WRONG_TYPE, found->path, "neither file, folder nor symbolic link");
  else
    put_entry (self, found);
}

/* Reads into @space of @room bytes, with what goes before; returns how much of it is used, 0 after an error. */
static size_t
read_data (get *self, uint8_t *space, size_t room)
{
  ssize_t n;

  if (room > TCW_WIRE_TREE_DATA_MAX)
    room = TCW_WIRE_TREE_DATA_MAX;
  n = agent_source_read (&self->source, space + TCW_WIRE_TREE_DATA_SIZE, room - TCW_WIRE_TREE_DATA_SIZE);
  if (n < 0)
    {
      break_off (self, tcw_wire_status_from_errno (errno), errno == ESTALE ? "a file became shorter while it was read" : strerror (errno));
      return 0;
    }
  self->sent += (uint64_t) n;
  if (self->max_size != 0 && self->sent > self->max_size)
    {
      break_off (self, TCW_WIRE_STATUS_LIMIT, "it is larger than allowed");
      return 0;
    }
  tcw_wire_tree_put_data (space, room, (uint32_t) n);
  return (size_t) n + TCW_WIRE_TREE_DATA_SIZE;
}

/* Goes on in the file; data goes straight into the stream where there is room enough. Returns the bytes that did. */
static size_t
next_of_file (get *self, uint8_t *space, size_t room)
{
  uint64_t length = 0;
  size_t n;

  switch (agent_source_next (&self->source, &length))
    {
    case AGENT_SOURCE_HOLE:
      self->pending = tcw_wire_tree_put_hole (self->buffer, sizeof self->buffer, length);
      return 0;
    case AGENT_SOURCE_END:
      agent_source_close (&self->source);
      self->in_file = false;
      self->pending = tcw_wire_tree_put_end (self->buffer, sizeof self->buffer);
      return 0;
    case AGENT_SOURCE_DATA:
    default:
      break;
    }
  if (room < SMALL)
    {
      n = read_data (self, self->buffer, sizeof self->buffer);
      if (n > 0)
        self->pending = n;
      return 0;
    }
  n = read_data (self, space, room);
  agent_stream_commit (self->stream, n);
  return n;
}

/* Copies from the buffer into the stream. */
static size_t
flush (get *self, void *space, size_t room)
{
  size_t left = self->pending - self->taken;
  size_t n = left < room ? left : room;

  memcpy (space, self->buffer + self->taken, n);
  agent_stream_commit (self->stream, n);
  self->taken += n;
  if (self->taken == self->pending)
    self->taken = self->pending = 0;
  return n;
}

static void
move (void *data)
{
  get *self = data;
  size_t moved = 0;

  while (moved < PORTION)
    {
      size_t room = 0;
      void *space = agent_stream_reserve (self->stream, &room);

      if (space == NULL)
        return; /* the writable event calls again */
      moved += 64; /* entries cost time, too */
      if (self->pending > 0)
        moved += flush (self, space, room);
      else if (self->last)
        {
          get_free (self);
          return;
        }
      else if (self->in_file)
        moved += next_of_file (self, space, room);
      else
        next_entry (self);
    }
  agent_timer_start (&self->timer, self->owner->context->loop, 0, move, self);
}

static void
on_writable (void *data)
{
  get *self = data;

  agent_timer_stop (&self->timer);
  move (self);
}

static void
on_reset (void *data)
{
  get_free (data);
}

/* What the host asked for is not what is there. NULL: it is. */
static const char *
check_type (const agent_walk *walk, uint32_t flags)
{
  mode_t type = agent_walk_get_root_type (walk);

  if (type == S_IFDIR)
    return (flags & TCW_WIRE_GET_FOLDER) != 0 ? NULL : "it is a folder, not a file";
  if (type == S_IFREG)
    return (flags & TCW_WIRE_GET_FILE) != 0 ? NULL : "it is a file, not a folder";
  if (type == S_IFLNK)
    return (flags & TCW_WIRE_GET_FOLLOW) == 0 ? NULL : "it is a symbolic link";
  return "it is neither a file nor a folder";
}

/* Makes the object and its stream. Returns 0 or an errno; @walk is taken. */
static int
begin (agent_gets *gets, const TcwWireGet *message, agent_walk *walk)
{
  static const agent_stream_events events = { .writable = on_writable, .reset = on_reset };
  get *self = NULL;
  int place = 0;
  int error;

  while (place < AGENT_GETS_MAX && gets->items[place] != NULL)
    place++;
  errno = EMFILE;
  if (place < AGENT_GETS_MAX)
    self = calloc (1, sizeof *self);
  if (self == NULL)
    {
      error = errno;
      agent_walk_free (walk);
      return error;
    }
  self->owner = gets;
  self->walk = walk;
  self->source.fd = -1;
  self->max_size = message->max_size;
  self->stream = agent_stream_open (gets->context->wire, message->stream, false, 0, AGENT_STREAM_WINDOW);
  if (self->stream == NULL)
    {
      error = errno;
      get_free (self);
      return error;
    }
  gets->items[place] = self;
  agent_stream_set_events (self->stream, &events, self);
  agent_timer_start (&self->timer, gets->context->loop, 0, move, self);
  return 0;
}

void
agent_gets_start (agent_gets *gets, agent_request request, const TcwWireGet *message)
{
  agent_control *control = gets->context->control;
  agent_walk *walk;
  const char *problem;
  int error;

  if (message->path[0] != '/')
    {
      agent_control_reply (control, request, TCW_WIRE_STATUS_INVALID, "the path is not absolute");
      return;
    }
  walk = agent_walk_new (message->path, (message->flags & TCW_WIRE_GET_FOLLOW) != 0);
  if (walk == NULL)
    {
      agent_control_reply_errno (control, request, errno, message->path);
      return;
    }
  problem = check_type (walk, message->flags);
  if (problem != NULL)
    {
      agent_walk_free (walk);
      agent_control_reply (control, request, TCW_WIRE_STATUS_WRONG_TYPE, problem);
      return;
    }
  error = begin (gets, message, walk);
  if (error == 0)
    agent_control_reply (control, request, TCW_WIRE_STATUS_OK, "");
  else
    agent_control_reply_errno (control, request, error, message->path);
}
