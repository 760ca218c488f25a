/*
 * The floor's guest: process 1 of a virtual machine without the agent, the least that can execute commands over a virtio-serial port.
 * libc only, static. What comes over the port is one line at a time, the next one after the answer to this one:
 *
 *   PROGRAM ARGUMENT…   executes it with the port as stdout; a byte 4 follows its end
 *   <COUNT              answers with a byte '+', then takes COUNT bytes and throws them away; a byte 4 follows
 *
 * When it is ready it says '*'.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT "/dev/vport0p1"
#define PORT_TRIES 1000
#define PORT_INTERVAL_US 10000
#define MODULE_LIST "/etc/tcw-modules"
#define MAX_LINE 1024
#define MAX_WORDS 64

/* The same modules as the agent loads, so that both guests are alike. */
static void
load_modules (void)
{
  FILE *list = fopen (MODULE_LIST, "re");
  char line[512];

  while (list != NULL && fgets (line, sizeof line, list) != NULL)
    {
      char *parameters;
      int fd;

      line[strcspn (line, "\r\n")] = '\0';
      parameters = strchr (line, ' ');
      if (parameters != NULL)
        *parameters++ = '\0';
      fd = open (line, O_RDONLY | O_CLOEXEC);
      if (fd < 0)
        continue;
      syscall (SYS_finit_module, fd, parameters == NULL ? "" : parameters, 0);
      close (fd);
    }
  if (list != NULL)
    fclose (list);
}

static int
open_port (void)
{
  for (int i = 0; i < PORT_TRIES; i++)
    {
      int fd = open (PORT, O_RDWR | O_CLOEXEC);

      if (fd >= 0)
        return fd;
      usleep (PORT_INTERVAL_US);
    }
  return -1;
}

/* A line without its end; false when the host has gone. */
static int
read_line (int port, char *line)
{
  size_t length = 0;

  while (length == 0 || line[length - 1] != '\n')
    {
      ssize_t n = length < MAX_LINE ? read (port, line + length, MAX_LINE - length) : 0;

      if (n <= 0)
        return 0;
      length += (size_t) n;
    }
  line[length - 1] = '\0';
  return 1;
}

static void
execute (int port, char *line)
{
  static char *const environ_words[] = { "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", NULL };
  char *words[MAX_WORDS + 1];
  posix_spawn_file_actions_t actions;
  char *rest = line;
  char *word;
  size_t n = 0;
  pid_t pid;

  while (n < MAX_WORDS && (word = strsep (&rest, " ")) != NULL)
    words[n++] = word;
  words[n] = NULL;
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, port, STDOUT_FILENO);
  if (n > 0 && posix_spawn (&pid, words[0], &actions, NULL, words, environ_words) == 0)
    waitpid (pid, NULL, 0);
  posix_spawn_file_actions_destroy (&actions);
}

static void
take (int port, unsigned long long count)
{
  size_t size = 256 * 1024;
  char *buffer = malloc (size);

  while (buffer != NULL && count > 0)
    {
      ssize_t n = read (port, buffer, count < size ? (size_t) count : size);

      if (n <= 0)
        break;
      count -= (unsigned long long) n;
    }
  free (buffer);
}

static int
say (int port, char what)
{
  return write (port, &what, 1) == 1;
}

int
main (void)
{
  char line[MAX_LINE];
  int port;

  mkdir ("/dev", 0755);
  mount ("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  mount ("proc", "/proc", "proc", 0, NULL);
  mount ("sysfs", "/sys", "sysfs", 0, NULL);
  mount ("tmpfs", "/tmp", "tmpfs", 0, "mode=1777");
  load_modules ();
  port = open_port ();
  if (port < 0 || !say (port, '*'))
    return EXIT_FAILURE;
  while (read_line (port, line))
    {
      if (line[0] == '<' && say (port, '+'))
        take (port, strtoull (line + 1, NULL, 10));
      else if (line[0] != '<')
        execute (port, line);
      if (!say (port, 4))
        break;
    }
  return EXIT_FAILURE;
}
