/* Small helpers of the agent; see agent-util.h. */
#include "agent-util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { DEVICE_MAJOR_MAX = (1 << 12) - 1, DEVICE_MINOR_MAX = (1 << 20) - 1 }; /* Linux: MINORBITS */

void
agent_clear_fd (int *fd)
{
  int saved = errno;

  if (*fd >= 0)
    close (*fd);
  *fd = -1;
  errno = saved;
}

void
agent_cleanup_fd (int *fd)
{
  agent_clear_fd (fd);
}

void
agent_cleanup_free (void *pointer)
{
  void *memory;

  memcpy (&memory, pointer, sizeof memory);
  free (memory);
}

int
agent_steal_fd (int *fd)
{
  int stolen = *fd;

  *fd = -1;
  return stolen;
}

bool
agent_fd_set_blocking (int fd, bool blocking)
{
  int flags = fcntl (fd, F_GETFL);

  if (flags < 0)
    return false;
  flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  return fcntl (fd, F_SETFL, flags) == 0;
}

bool
agent_write_all (int fd, const void *data, size_t size)
{
  const char *from = data;

  while (size > 0)
    {
      ssize_t n = write (fd, from, size);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return false;
      from += n;
      size -= (size_t) n;
    }
  return true;
}

ssize_t
agent_read_text (int dir, const char *path, char *text, size_t size)
{
  agent_autofd int fd = openat (dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  size_t length = 0;

  if (fd < 0)
    return -1;
  while (length < size - 1)
    {
      ssize_t n = read (fd, text + length, size - 1 - length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      if (n == 0)
        break;
      length += (size_t) n;
    }
  while (length > 0 && strchr (" \t\r\n", text[length - 1]) != NULL)
    length--;
  text[length] = '\0';
  return (ssize_t) length;
}

bool
agent_write_text (int dir, const char *path, const char *text, unsigned int mode)
{
  agent_autofd int fd = openat (dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, mode);

  return fd >= 0 && agent_write_all (fd, text, strlen (text));
}

bool
agent_poke (int dir, const char *path, const char *text)
{
  agent_autofd int fd = openat (dir, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

  return fd >= 0 && agent_write_all (fd, text, strlen (text));
}

uint64_t
agent_now_ms (void)
{
  struct timespec now = { 0 };

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

bool
agent_parse_number (const char *text, uint64_t limit, uint64_t *value)
{
  uint64_t number = 0;

  if (*text == '\0')
    return false;
  for (; *text != '\0'; text++)
    {
      uint64_t digit = (uint64_t) (unsigned char) *text - '0';

      if (*text < '0' || *text > '9' || number > (limit - digit) / 10 || digit > limit)
        return false;
      number = number * 10 + digit;
    }
  *value = number;
  return true;
}

bool
agent_parse_device (const char *text, dev_t *device)
{
  const char *colon = strchr (text, ':');
  char first[8];
  size_t length = colon == NULL ? 0 : (size_t) (colon - text);
  uint64_t major_;
  uint64_t minor_;

  if (colon == NULL || length >= sizeof first)
    return false;
  memcpy (first, text, length);
  first[length] = '\0';
  if (!agent_parse_number (first, DEVICE_MAJOR_MAX, &major_) || !agent_parse_number (colon + 1, DEVICE_MINOR_MAX, &minor_))
    return false;
  *device = makedev ((unsigned) major_, (unsigned) minor_);
  return true;
}

void
agent_log (const char *format, ...)
{
  char line[512] = "tcw-guest-agent: ";
  size_t start = strlen (line);
  va_list args;
  int n;

  va_start (args, format);
  n = vsnprintf (line + start, sizeof line - start - 1, format, args);
  va_end (args);
  if (n < 0)
    return;
  start += (size_t) n < sizeof line - start - 1 ? (size_t) n : sizeof line - start - 2;
  line[start] = '\n';
  agent_write_all (STDERR_FILENO, line, start + 1);
}
