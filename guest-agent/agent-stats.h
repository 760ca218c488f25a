/* Figures of the machine, from /proc. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t uptime_ms;
  uint64_t memory_total_kib;
  uint64_t memory_available_kib;
  uint64_t load_1m_centi; /* load average times 100 */
  uint64_t cpu_user_ms;
  uint64_t cpu_system_ms;
  uint64_t cpu_idle_ms;
  uint64_t processes;      /* alive now */
  uint64_t disk_total_kib; /* of / */
  uint64_t disk_free_kib;
  uint32_t cpus;
} agent_stats;

/* What cannot be read is 0. */
void agent_stats_read (agent_stats *stats);
