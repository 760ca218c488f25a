/* A pretended agent, and a connected host's end. */
#pragma once

#include "fake-agent.h"
#include "tcw-qemu-agent.h"

#define SECONDS(n) (g_get_monotonic_time () + (n) * G_TIME_SPAN_SECOND)
#define LIMIT SECONDS (20)

typedef struct
{
  FakeAgent *fake;
  TcwQemuAgent *agent;
  guint n_closed; /* "closed" signals */
} AgentFixture;

void agent_fixture_set_up (AgentFixture *fixture, gconstpointer data);
void agent_fixture_tear_down (AgentFixture *fixture, gconstpointer data);

/* Lets everything happen that is there to happen now. */
void agent_fixture_settle (void);
