/* The address of the guest's network card, set by ioctl after a fork. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "wire/tcw-wire-messages.h"

/*
 * Gives @network to the card with its hardware address. Where no card has that address, the first Ethernet card gets it: a fork's driver
 * still believes
 * what its template was told. False: @text of @size bytes says what failed; no card at all is such a failure.
 */
bool agent_network_apply (const TcwWireNetwork *network, char *text, size_t size);
