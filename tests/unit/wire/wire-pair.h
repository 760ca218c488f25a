/* A host's and an agent's end of a link, and a wire between them that a test can cut, spoil and split as it likes. */
#pragma once

#include <glib.h>

#include "wire/tcw-wire-link.h"

typedef struct
{
  TcwWireLink *host;
  TcwWireLink *agent;
  GByteArray *to_agent; /* on the way */
  GByteArray *to_host;
  GRand *rand;
  uint8_t session[TCW_WIRE_SESSION_SIZE];
  uint32_t epoch;
  gboolean welcomed;     /* by the last greeting */
  TcwWireEvent welcome;
  TcwWireEvent greeting; /* what the agent was told */
  char *failed;          /* text of the last FAILED event of either end */
  guint n_resyncs;       /* RESYNC events at the host */
  guint32 changed_id;    /* of the last stream event at either end, for checks of events */
  guint changes[64];     /* OR of changes by stream id of the host, host's end */
  guint agent_changes[64];
  GArray *unknown;       /* TcwWireEvent of UNKNOWN */
} WirePair;

WirePair *wire_pair_new (guint32 seed);
void wire_pair_free (WirePair *pair);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (WirePair, wire_pair_free)

/* Greets under a new epoch and moves bytes until both are connected and quiet. */
void wire_pair_greet (WirePair *pair, unsigned flags);

/* Only the HELLO, with nothing moved. */
void wire_pair_say_hello (WirePair *pair, unsigned flags);

/* Moves up to @limit bytes each way in random portions, and takes events. Returns how many bytes moved. */
gsize wire_pair_step (WirePair *pair, gsize limit);

/* Steps until nothing moves any more. */
void wire_pair_settle (WirePair *pair);

/* Both ends lose the connection, and all that is on the way, but the first @keep bytes, which a stale end may still deliver. */
void wire_pair_cut (WirePair *pair, gsize keep);

/* A frame's length of zeros. */
void wire_pair_pad (GByteArray *wire);

/* The next byte of a test pattern that is different for each stream and doesn't repeat soon. */
guint8 wire_pair_pattern (guint32 id, guint64 offset);

/* Writes as much of the pattern as there is room for, up to offset @total; returns the new offset. */
guint64 wire_pair_write (TcwWireStream *stream, guint64 from, guint64 total);

/* Reads and checks up to @max bytes of the pattern. Returns the number. */
gsize wire_pair_read (TcwWireStream *stream, gsize max);
