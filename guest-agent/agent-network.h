/* The address of the guest's first network card, set by ioctl after a fork. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IPv4 in network byte order; 0 is none. */
typedef struct {
  bool has_mac;
  uint8_t mac[6];
  uint32_t address;
  uint8_t prefix; /* bits of the network */
  uint32_t gateway;
} agent_network_settings;

/*
 * Gives @settings to the first Ethernet card, which goes down for it and comes up again. False: @text of @size bytes says what failed; no card at
 * all is such a failure.
 */
bool agent_network_apply (const agent_network_settings *settings, char *text, size_t size);
