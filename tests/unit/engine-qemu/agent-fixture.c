/* See agent-fixture.h. */
#include "agent-fixture.h"

void
agent_fixture_settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
on_closed (TcwQemuAgent *agent, gpointer data)
{
  (*(guint *) data)++;
}

void
agent_fixture_set_up (AgentFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->fake = fake_agent_new ();
  fixture->agent = tcw_qemu_agent_new (NULL);
  g_signal_connect (fixture->agent, "closed", G_CALLBACK (on_closed), &fixture->n_closed);
  tcw_qemu_agent_connect (fixture->agent, fixture->fake->path, LIMIT, NULL, &error);
  g_assert_no_error (error);
}

void
agent_fixture_tear_down (AgentFixture *fixture, gconstpointer data)
{
  g_object_unref (fixture->agent);
  fake_agent_free (fixture->fake);
  agent_fixture_settle ();
}
