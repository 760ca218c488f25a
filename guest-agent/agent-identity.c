/* A fork's identity; see agent-identity.h. */
#include "agent-identity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/random.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent-network.h"
#include "agent-util.h"

#ifndef RNDRESEEDCRNG
#define RNDRESEEDCRNG _IO ('R', 0x07)
#endif

typedef struct {
  char *text;
  size_t size;
  bool failed;
} complaints;

static void __attribute__ ((format (printf, 2, 3)))
complain (complaints *all, const char *format, ...)
{
  size_t length = strlen (all->text);
  va_list args;

  if (length + 3 >= all->size)
    return;
  if (all->failed)
    {
      memcpy (all->text + length, "; ", 3);
      length += 2;
    }
  all->failed = true;
  va_start (args, format);
  vsnprintf (all->text + length, all->size - length, format, args);
  va_end (args);
}

/* Mixes the host's bytes into the kernel's pool and makes the generator take them at once. */
static void
reseed (const uint8_t *seed, size_t size, complaints *all)
{
  union {
    struct rand_pool_info info;
    uint8_t bytes[sizeof (struct rand_pool_info) + TCW_WIRE_ENTROPY_MAX];
  } request = { 0 };
  agent_autofd int fd = open ("/dev/urandom", O_RDWR | O_CLOEXEC);

  if (size > TCW_WIRE_ENTROPY_MAX)
    size = TCW_WIRE_ENTROPY_MAX;
  request.info.entropy_count = (int) size * 8;
  request.info.buf_size = (int) size;
  memcpy (request.bytes + sizeof request.info, seed, size);
  if (fd < 0 || ioctl (fd, RNDADDENTROPY, &request) < 0 || ioctl (fd, RNDRESEEDCRNG) < 0)
    complain (all, "random numbers: %s", strerror (errno));
  explicit_bzero (&request, sizeof request);
}

static void
set_clock (uint64_t ns, complaints *all)
{
  struct timespec when = { .tv_sec = (time_t) (ns / 1000000000), .tv_nsec = (long) (ns % 1000000000) };

  if (clock_settime (CLOCK_REALTIME, &when) < 0)
    complain (all, "clock: %s", strerror (errno));
}

/* A read-only /etc gets the new content as a file of /run mounted over the old one. */
static bool
cover_file (const char *path, const char *text, const char *name)
{
  char cover[PATH_MAX];

  snprintf (cover, sizeof cover, "/run/tcw-%s", name);
  unlink (cover);
  return agent_write_text (AT_FDCWD, cover, text, 0644) && mount (cover, path, NULL, MS_BIND, NULL) == 0;
}

/* Writes "/etc/NAME" and the like. A symbolic link there is followed for the machine itself: systems keep resolv.conf in /run. */
static void
write_file (const char *root, const char *path, const char *text, complaints *all)
{
  char full[PATH_MAX];
  const char *name = strrchr (path, '/') + 1;
  agent_autofd int fd = -1;

  if (snprintf (full, sizeof full, "%s%s", root, path) >= (int) sizeof full)
    {
      complain (all, "%s: path too long", path);
      return;
    }
  fd = open (full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
  if (fd >= 0 && agent_write_all (fd, text, strlen (text)))
    return;
  if (errno == EROFS && *root == '\0' && cover_file (path, text, name))
    return;
  complain (all, "%s: %s", path, strerror (errno));
}

/* D-Bus has a machine id of its own where it is not a link to the system's. */
static void
write_dbus_id (const char *root, const char *text, complaints *all)
{
  char full[PATH_MAX];
  struct stat found;

  if (snprintf (full, sizeof full, "%s/var/lib/dbus/machine-id", root) < (int) sizeof full && lstat (full, &found) == 0
      && S_ISREG (found.st_mode))
    write_file (root, "/var/lib/dbus/machine-id", text, all);
}

static bool
is_host_name (const char *name)
{
  return strlen (name) <= 64 && name[strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] == '\0';
}

static bool
is_machine_id (const char *id)
{
  return strlen (id) == 32 && strspn (id, "0123456789abcdef") == 32;
}

static void
set_names (const TcwWireIdentity *identity, const char *root, complaints *all)
{
  char line[80];

  if (*identity->host_name != '\0')
    {
      if (!is_host_name (identity->host_name))
        complain (all, "host name: not a valid one");
      else
        {
          if (*root == '\0' && sethostname (identity->host_name, strlen (identity->host_name)) < 0)
            complain (all, "host name: %s", strerror (errno));
          snprintf (line, sizeof line, "%s\n", identity->host_name);
          write_file (root, "/etc/hostname", line, all);
        }
    }
  if (*identity->machine_id != '\0')
    {
      if (!is_machine_id (identity->machine_id))
        {
          complain (all, "machine id: not 32 hexadecimal digits");
          return;
        }
      snprintf (line, sizeof line, "%s\n", identity->machine_id);
      write_file (root, "/etc/machine-id", line, all);
      write_dbus_id (root, line, all);
    }
}

/* Name servers for those who resolve names; none given leaves the file alone. */
static void
write_resolver (TcwWireStrings dns, const char *root, complaints *all)
{
  char text[TCW_WIRE_DNS_MAX * 64] = "";
  size_t length = 0;
  const char *server;

  while ((server = tcw_wire_strings_next (&dns)) != NULL)
    {
      unsigned char address[16];

      if (inet_pton (AF_INET, server, address) != 1 && inet_pton (AF_INET6, server, address) != 1)
        complain (all, "name server: not an address");
      else if (length + strlen (server) + 13 < sizeof text)
        length += (size_t) snprintf (text + length, sizeof text - length, "nameserver %s\n", server);
    }
  if (length > 0)
    write_file (root, "/etc/resolv.conf", text, all);
}

bool
agent_identity_apply (const TcwWireIdentity *identity, const char *root, char *text, size_t size)
{
  complaints all = { .text = text, .size = size };
  char why[160];

  text[0] = '\0';
  if (*root == '\0' && identity->entropy_length > 0)
    reseed (identity->entropy, identity->entropy_length, &all);
  if (*root == '\0' && identity->clock_ns != 0)
    set_clock (identity->clock_ns, &all);
  set_names (identity, root, &all);
  if (!identity->network.present)
    return !all.failed;
  if (*root == '\0' && !agent_network_apply (&identity->network, why, sizeof why))
    complain (&all, "%s", why);
  write_resolver (identity->network.dns, root, &all);
  return !all.failed;
}
