/*
 * Making a fork a machine of its own: random numbers, clock, host name, machine id, network. Each fork of a template begins with the same
 * memory;
 * nothing may run in it before this is done.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "wire/tcw-wire-messages.h"

/*
 * Applies @identity; what is empty in it is left as it is. Its copies of the entropy are wiped. @root is where files are written below: ""
 * for the machine itself; otherwise (in tests) the kernel is not touched at all. False:
 * @text of @size bytes says which steps failed, all of them having been tried.
 */
bool agent_identity_apply (const TcwWireIdentity *identity, const char *root, char *text, size_t size);
