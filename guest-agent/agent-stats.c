/* Figures of the machine; see agent-stats.h. */
#include "agent-stats.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "agent-util.h"

/* The number after "NAME:" in /proc/meminfo. */
static uint64_t
find_number (const char *text, const char *name)
{
  const char *line = strstr (text, name);

  return line == NULL ? 0 : strtoull (line + strlen (name), NULL, 10);
}

/* The first line of /proc/stat: "cpu", then how many ticks all processors spent in which state. */
static void
read_cpu (TcwWireStats *stats)
{
  enum { USER, NICE, SYSTEM, IDLE, STATES };
  uint64_t ticks[STATES];
  long tick = sysconf (_SC_CLK_TCK);
  char text[256];
  const char *at = text + 4;

  if (agent_read_text (AT_FDCWD, "/proc/stat", text, sizeof text) <= 0 || strncmp (text, "cpu ", 4) != 0 || tick <= 0)
    return;
  for (int i = 0; i < STATES; i++)
    {
      char *end;

      ticks[i] = strtoull (at, &end, 10);
      if (end == at)
        return;
      at = end;
    }
  stats->cpu_user_ms = (ticks[USER] + ticks[NICE]) * 1000 / (uint64_t) tick;
  stats->cpu_system_ms = ticks[SYSTEM] * 1000 / (uint64_t) tick;
  stats->cpu_idle_ms = ticks[IDLE] * 1000 / (uint64_t) tick;
}

void
agent_stats_read (TcwWireStats *stats)
{
  struct statvfs disk;
  struct sysinfo info;
  char text[2048];
  long cpus = sysconf (_SC_NPROCESSORS_ONLN);

  memset (stats, 0, sizeof *stats);
  if (agent_read_text (AT_FDCWD, "/proc/meminfo", text, sizeof text) > 0)
    {
      stats->memory_total_kib = find_number (text, "MemTotal:");
      stats->memory_available_kib = find_number (text, "MemAvailable:");
    }
  if (sysinfo (&info) == 0)
    {
      stats->uptime_ms = (uint64_t) info.uptime * 1000;
      stats->load_1m_centi = info.loads[0] * 100 / 65536;
      stats->processes = info.procs;
    }
  if (statvfs ("/", &disk) == 0)
    {
      stats->disk_total_kib = disk.f_blocks * disk.f_frsize / 1024;
      stats->disk_free_kib = disk.f_bavail * disk.f_frsize / 1024;
    }
  stats->cpus = cpus > 0 ? (uint64_t) cpus : 0;
  read_cpu (stats);
}
