/*
 * Making a fork a machine of its own: random numbers, clock, host name, machine id, network. Each fork of a template begins with the same memory;
 * nothing may run in it before this is done.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent-network.h"

/* All borrowed; what is empty is left as it is. */
typedef struct {
  uint8_t *seed; /* fresh random bytes of the host; wiped after use */
  size_t seed_size;
  int64_t clock_ns;       /* since 1970, or 0 */
  const char *host_name;  /* letters, digits, '-' and '.' */
  const char *machine_id; /* 32 hexadecimal digits */
  bool has_network;
  agent_network_settings network;
  const char *resolver; /* content of /etc/resolv.conf */
} agent_identity;

/*
 * Applies @identity. @root is where files are written below: "" for the machine itself; otherwise (in tests) the kernel is not touched at all. False:
 * @text of @size bytes says which steps failed, all of them having been tried.
 */
bool agent_identity_apply (agent_identity *identity, const char *root, char *text, size_t size);
