/* Figures of the machine, from /proc. */
#pragma once

#include "wire/tcw-wire-messages.h"

/* What cannot be read is 0. */
void agent_stats_read (TcwWireStats *stats);
