/* Data and holes of a file; see agent-source.h. */
#include "agent-source.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "agent-util.h"

void
agent_source_open (agent_source *source, int fd, off_t size)
{
  *source = (agent_source) { .fd = fd, .size = size };
}

agent_source_kind
agent_source_next (agent_source *source, uint64_t *length)
{
  off_t data;
  off_t hole;

  if (source->at >= source->size)
    return AGENT_SOURCE_END;
  if (source->at < source->data_end)
    {
      *length = (uint64_t) (source->data_end - source->at);
      return AGENT_SOURCE_DATA;
    }
  data = lseek (source->fd, source->at, SEEK_DATA);
  if (data < 0)
    data = errno == ENXIO ? source->size : source->at; /* all hole; or a file system that doesn't know */
  if (data > source->size)
    data = source->size;
  if (data > source->at)
    {
      *length = (uint64_t) (data - source->at);
      source->at = data;
      return AGENT_SOURCE_HOLE;
    }
  hole = lseek (source->fd, source->at, SEEK_HOLE);
  source->data_end = hole <= source->at || hole > source->size ? source->size : hole;
  *length = (uint64_t) (source->data_end - source->at);
  return AGENT_SOURCE_DATA;
}

ssize_t
agent_source_read (agent_source *source, void *data, size_t size)
{
  uint64_t left = (uint64_t) (source->data_end - source->at);
  ssize_t n;

  do
    n = pread (source->fd, data, size < left ? size : (size_t) left, source->at);
  while (n < 0 && errno == EINTR);
  if (n == 0)
    {
      errno = ESTALE;
      return -1;
    }
  if (n > 0)
    source->at += n;
  return n;
}

void
agent_source_close (agent_source *source)
{
  if (source->fd > 0)
    close (source->fd);
  source->fd = -1;
}
