/* The duties of process 1; see agent-init.h. */
#include "agent-init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-job.h"
#include "agent-util.h"

#define MODULE_LIST "/etc/tcw-modules"

typedef struct {
  const char *type;
  const char *target;
  unsigned long flags;
  const char *options;
} file_system;

static const file_system file_systems[] = {
  { "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
  { "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
  { "devtmpfs", "/dev", MS_NOSUID, "mode=0755" },
  { "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666" },
  { "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777" },
  { "tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755" },
  { "tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777" },
  { "cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
};

static const char *const device_links[][2] = {
  { "/proc/self/fd", "/dev/fd" },
  { "/proc/self/fd/0", "/dev/stdin" },
  { "/proc/self/fd/1", "/dev/stdout" },
  { "/proc/self/fd/2", "/dev/stderr" },
};

/* Whether something is mounted on @path already: it lies on another device than its parent. */
static bool
is_mount_point (const char *path)
{
  char parent[64];
  struct stat inside;
  struct stat outside;

  snprintf (parent, sizeof parent, "%s/..", path);
  return stat (path, &inside) == 0 && stat (parent, &outside) == 0 && inside.st_dev != outside.st_dev;
}

static void
mount_file_systems (void)
{
  for (size_t i = 0; i < sizeof file_systems / sizeof *file_systems; i++)
    {
      const file_system *one = &file_systems[i];

      mkdir (one->target, 0755);
      if (!is_mount_point (one->target) && mount (one->type, one->target, one->type, one->flags, one->options) < 0 && errno != EBUSY)
        agent_log ("mount %s on %s: %s", one->type, one->target, strerror (errno));
    }
  for (size_t i = 0; i < sizeof device_links / sizeof *device_links; i++)
    if (symlink (device_links[i][0], device_links[i][1]) < 0 && errno != EEXIST)
      agent_log ("%s: %s", device_links[i][1], strerror (errno));
}

/* The kernel gives process 1 a console only when its /dev had one before devtmpfs. */
static void
open_console (void)
{
  int fd = open ("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK);

  if (fd < 0)
    return;
  agent_fd_set_blocking (fd, true);
  for (int i = 0; i < 3; i++)
    dup2 (fd, i);
  if (fd > 2)
    close (fd);
}

/* Loads the module in @line: "PATH [PARAMETERS]". */
static void
load_module (char *line)
{
  char *parameters = strchr (line, ' ');
  agent_autofd int fd = -1;

  if (parameters != NULL)
    *parameters++ = '\0';
  fd = open (line, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || (syscall (SYS_finit_module, fd, parameters == NULL ? "" : parameters, 0) < 0 && errno != EEXIST))
    agent_log ("kernel module %s: %s", line, strerror (errno));
}

static void
load_modules (void)
{
  FILE *list = fopen (MODULE_LIST, "re");
  char line[512];

  if (list == NULL)
    return;
  while (fgets (line, sizeof line, list) != NULL)
    {
      line[strcspn (line, "\r\n")] = '\0';
      if (line[0] != '\0' && line[0] != '#')
        load_module (line);
    }
  fclose (list);
}

static void
raise_loopback (void)
{
  agent_autofd int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = { .ifr_name = "lo" };

  if (fd < 0 || ioctl (fd, SIOCGIFFLAGS, &request) < 0)
    return;
  request.ifr_flags = (short) (request.ifr_flags | IFF_UP);
  if (ioctl (fd, SIOCSIFFLAGS, &request) < 0)
    agent_log ("loopback: %s", strerror (errno));
}

void
agent_init_machine (void)
{
  mkdir ("/etc", 0755);
  mount_file_systems ();
  open_console ();
  load_modules ();
  if (sethostname ("localhost", 9) < 0)
    agent_log ("host name: %s", strerror (errno));
  raise_loopback ();
  if (setenv ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1) < 0)
    agent_log ("environment: %s", strerror (errno));
  if (reboot (RB_DISABLE_CAD) < 0)
    agent_log ("ctrl-alt-del: %s", strerror (errno));
}

bool
agent_init_power_off (bool restart, bool alone)
{
  static const char *const systemctl_off[] = { "systemctl", "--no-block", "poweroff", NULL };
  static const char *const systemctl_again[] = { "systemctl", "--no-block", "reboot", NULL };

  sync ();
  if (!alone && agent_job_run_tool (restart ? systemctl_again : systemctl_off) == 0)
    return true;
  return reboot (restart ? RB_AUTOBOOT : RB_POWER_OFF) == 0;
}
