/*
 * An agent for tests: a listening UNIX socket, the protocol of src/wire, and a few commands that it only pretends to run. It lives in the
 * default main context, so it works whenever the test waits for something.
 *
 * Commands: "true"; "missing" can't start; "cat"; "flood N" writes N bytes of a pattern to stdout and 10 to stderr, and exits with 3;
 * "never" runs until it is killed.
 */
#pragma once

#include <gio/gio.h>

#include "wire/tcw-wire-messages.h"
#include "wire/tcw-wire-tree.h"

typedef struct
{
  char *folder;
  char *path; /* of the socket */
  int listener;
  guint listener_source;
  int connection; /* -1: none */
  guint in_source;
  guint out_source;
  GByteArray *out;
  TcwWireLink *link;
  TcwWireRecordReader records;
  GHashTable *jobs; /* by exec id */
  guint32 last_stream;

  gboolean silent;      /* doesn't answer HELLO */
  gsize cut_after;      /* closes the connection after so many bytes more; 0: never */
  GByteArray *tree;     /* what GET sends */
  GString *received;    /* what PUT got, in words */
  char *host_name;      /* of the last IDENTITY */
  guint n_kills;
  guint n_connects;
} FakeAgent;

FakeAgent *fake_agent_new (void);
void fake_agent_free (FakeAgent *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeAgent, fake_agent_free)

/* Sends what the link has to send. */
void fake_agent_flush (FakeAgent *fake);

/* Closes the connection; streams and commands stay. */
void fake_agent_cut (FakeAgent *fake);

/* Forgets everything, as after a restart. */
void fake_agent_restart (FakeAgent *fake);

/* Sends any record. */
void fake_agent_send (FakeAgent *fake, guint16 type, guint32 request, const void *body, gsize length);

/* Byte @offset of what "flood" writes. */
guint8 fake_agent_pattern (guint64 offset);
