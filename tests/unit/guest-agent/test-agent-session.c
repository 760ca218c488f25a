/* Sessions with the agent as a real process: identity first, links that break and go on, new sessions. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "agent-peer.h"
#include "tcw-test.h"

static AgentPeer *
begin (const char *program)
{
  AgentPeer *peer = agent_peer_new (program);

  agent_peer_begin (peer);
  return peer;
}

static void
test_identity (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = agent_peer_new (program);
  guint8 entropy[32] = { 1 };
  const char *argv[] = { "true", NULL };
  TcwWireIdentity identity = { .entropy = entropy,
                               .entropy_length = sizeof entropy,
                               .clock_ns = 1,
                               .host_name = "fork-7",
                               .machine_id = "00112233445566778899aabbccddeeff" };
  TcwWireGet get = { .stream = 1000, .flags = TCW_WIRE_GET_FILE, .path = "/etc/passwd" };
  g_autofree char *file = g_build_filename (agent_peer_get_root (peer), "etc", "machine-id", NULL);
  g_autofree char *text = NULL;
  gboolean fresh = FALSE;
  gboolean needed = FALSE;
  PeerExec exec;

  agent_peer_hello (peer, FALSE, &fresh, &needed);
  g_assert_true (fresh);
  g_assert_true (needed);
  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_IDENTITY_NEEDED);
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_GET, agent_peer_put_get, &get, NULL), ==, TCW_WIRE_STATUS_IDENTITY_NEEDED);
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_IDENTITY, agent_peer_put_identity, &identity, NULL), ==, TCW_WIRE_STATUS_OK);
  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "00112233445566778899aabbccddeeff\n");
  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_exit (peer, exec.id);
  agent_peer_hello (peer, TRUE, &fresh, &needed);
  g_assert_false (fresh);
  g_assert_false (needed);
}

/* Bytes whose value says where they belong. */
static guint8 *
make_pattern (gsize size)
{
  guint8 *bytes = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    bytes[i] = (guint8) (i * 2654435761u >> 13);
  return bytes;
}

/* The link breaks again and again in the middle of a transfer both ways: no byte is lost, none comes twice. */
static void
test_reconnect (gconstpointer program)
{
  enum { SIZE = 20000000, BREAKS = 25 };
  g_autoptr (AgentPeer) peer = begin (program);
  g_autofree guint8 *bytes = make_pattern (SIZE);
  g_autofree char *digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, bytes, SIZE);
  const char *argv[] = { "cat", NULL };
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  exec.out->counting = TRUE;
  exec.in->source = bytes;
  exec.in->source_left = SIZE;
  for (int i = 1; i <= BREAKS; i++)
    {
      gboolean fresh = TRUE;

      agent_peer_wait_count (peer, exec.out, (gsize) SIZE / (BREAKS + 1) * (gsize) i);
      agent_peer_disconnect (peer);
      agent_peer_connect (peer);
      agent_peer_hello (peer, TRUE, &fresh, NULL);
      g_assert_false (fresh);
    }
  agent_peer_wait_end (peer, exec.out);
  g_assert_cmpuint (exec.out->count, ==, SIZE);
  g_assert_cmpstr (g_checksum_get_string (exec.out->digest), ==, digest);
  g_assert_cmpuint (agent_peer_wait_exit (peer, exec.id).code, ==, 0);
}

/* A command ends while nobody is connected: its output and its end wait. */
static void
test_away (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  const char *argv[] = { "sh", "-c", "echo before; read line; echo after; exit 6", NULL };
  g_autofree char *text = NULL;
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_count (peer, exec.out, 7);
  exec.in->source = (const guint8 *) "line\n";
  exec.in->source_left = 5;
  agent_peer_turn (peer, 0);
  agent_peer_turn (peer, 0);
  agent_peer_disconnect (peer);
  agent_peer_connect (peer);
  agent_peer_hello (peer, TRUE, NULL, NULL);
  g_assert_cmpuint (agent_peer_wait_exit (peer, exec.id).code, ==, 6);
  agent_peer_wait_end (peer, exec.out);
  text = g_strndup ((const char *) exec.out->got->data, exec.out->got->len);
  g_assert_cmpstr (text, ==, "before\nafter\n");
}

/* A new session finds a machine without the old one's commands, and without an identity. */
static void
test_new_session (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  const char *argv[] = { "sh", "-c", "echo $$; (setsid sh -c 'echo $$; exec sleep 100' &); sleep 100", NULL };
  const char *next[] = { "true", NULL };
  g_auto (GStrv) pids = NULL;
  g_autofree char *text = NULL;
  gboolean fresh = FALSE;
  gboolean needed = FALSE;
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  while (exec.out->got->len < 4 || memchr (exec.out->got->data, '\n', exec.out->got->len - 1) == NULL)
    agent_peer_turn (peer, 100);
  text = g_strndup ((const char *) exec.out->got->data, exec.out->got->len);
  pids = g_strsplit (text, "\n", -1);
  agent_peer_disconnect (peer);
  agent_peer_connect (peer);
  agent_peer_hello (peer, FALSE, &fresh, &needed);
  g_assert_true (fresh);
  g_assert_true (needed);
  g_assert_cmpint (agent_peer_exec (peer, next, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_IDENTITY_NEEDED);
  for (int i = 0; i < 2; i++)
    {
      pid_t pid = (pid_t) g_ascii_strtoll (pids[i], NULL, 10);
      gint64 end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

      g_assert_cmpint (pid, >, 1);
      while (kill (pid, 0) == 0)
        {
          g_assert_cmpint (g_get_monotonic_time (), <, end);
          agent_peer_turn (peer, 5);
        }
    }
}

/* A command that ran when the agent was told to end doesn't outlive it. */
static void
test_agent_ends (gconstpointer program)
{
  AgentPeer *peer = begin (program);
  const char *argv[] = { "sh", "-c", "echo $$; exec sleep 100", NULL };
  g_autofree char *text = NULL;
  gint64 end;
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_count (peer, exec.out, 2);
  text = g_strndup ((const char *) exec.out->got->data, exec.out->got->len);
  agent_peer_free (peer);
  end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;
  while (kill ((pid_t) g_ascii_strtoll (text, NULL, 10), 0) == 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_usleep (2000);
    }
}

/* Somebody with the right to do so kills the supervisor: the host is told an end, and nothing of the tree stays. */
static void
test_supervisor_killed (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  const char *argv[] = { "sh", "-c", "echo $$; read line; sleep 100 & kill -KILL $PPID; sleep 100", NULL };
  g_autofree char *text = NULL;
  gint64 end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;
  TcwWireExit exit;
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  exec.in->source = (const guint8 *) "line\n";
  exec.in->source_left = 5;
  exit = agent_peer_wait_exit (peer, exec.id);
  g_assert_cmpint (exit.kind, ==, TCW_WIRE_EXIT_SIGNALLED);
  text = g_strndup ((const char *) exec.out->got->data, exec.out->got->len);
  while (kill ((pid_t) g_ascii_strtoll (text, NULL, 10), 0) == 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      agent_peer_turn (peer, 5);
    }
}

static void
test_requests (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  g_autoptr (GBytes) body = NULL;
  TcwWireStats stats;
  gsize size;
  gconstpointer data;

  g_assert_cmpint (agent_peer_wait_reply (peer, agent_peer_send (peer, TCW_WIRE_STATS, NULL, NULL), NULL, &body), ==, TCW_WIRE_STATUS_OK);
  data = g_bytes_get_data (body, &size);
  g_assert_true (tcw_wire_stats_decode (data, size, &stats));
  g_assert_cmpuint (stats.memory_total_kib, >, 0);
  g_assert_cmpuint (stats.cpus, >, 0);
  g_assert_cmpuint (stats.cpu_user_ms, >, 0);
  g_assert_cmpuint (stats.cpu_system_ms, >, 0);
  g_assert_cmpuint (stats.cpu_idle_ms, >, 0);
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_EXEC, NULL, NULL, NULL), ==, TCW_WIRE_STATUS_INVALID);
  g_assert_cmpint (agent_peer_call (peer, (TcwWireMessage) 60, NULL, NULL, NULL), ==, TCW_WIRE_STATUS_NOT_SUPPORTED);
}

/* Garbage instead of a host is survived. */
static void
test_garbage (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = agent_peer_new (program);
  TcwWireExit exit;
  g_autofree char *text = NULL;

  for (int i = 0; i < 20; i++)
    {
      g_autofree guint8 *bytes = make_pattern (10000);

      bytes[0] = (guint8) i;
      agent_peer_send_raw (peer, bytes, 10000);
      agent_peer_disconnect (peer);
      agent_peer_connect (peer);
    }
  agent_peer_begin (peer);
  text = agent_peer_shell (peer, "echo alive", &exit);
  g_assert_cmpstr (text, ==, "alive\n");
}

int
main (int argc, char **argv)
{
  const char *program;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  program = argv[1];
  g_test_add_data_func ("/agent/session/identity", program, test_identity);
  g_test_add_data_func ("/agent/session/reconnect", program, test_reconnect);
  g_test_add_data_func ("/agent/session/away", program, test_away);
  g_test_add_data_func ("/agent/session/new", program, test_new_session);
  g_test_add_data_func ("/agent/session/agent-ends", program, test_agent_ends);
  g_test_add_data_func ("/agent/session/supervisor-killed", program, test_supervisor_killed);
  g_test_add_data_func ("/agent/session/requests", program, test_requests);
  g_test_add_data_func ("/agent/session/garbage", program, test_garbage);
  return tcw_test_run ();
}
