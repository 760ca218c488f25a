/* Commands in the agent as a real process: arguments, streams, ends, terminals, trees. */
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
assert_text (const PeerStream *stream, const char *expected)
{
  g_autofree char *text = g_strndup ((const char *) stream->got->data, stream->got->len);

  g_assert_cmpstr (text, ==, expected);
}

static void
add_env (TcwWireExec *message)
{
  static const char *const env[] = { "ONE=1", "TWO=a b\n", NULL };

  message->env = (TcwWireStrings) { .count = 2, .items = env };
  message->cwd = "/usr";
}

static void
test_arguments (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  const char *script = "printf '%s|' \"$@\" \"$ONE\" \"$TWO\" \"$HOME\" \"$(pwd)\"; printf err >&2; exit 42";
  const char *argv[] = { "sh", "-c", script, "x", "", "a b", "\"$1\"\n", NULL };
  g_autofree char *expected = NULL;
  PeerExec exec;
  TcwWireExit exit;

  g_assert_cmpint (agent_peer_exec (peer, argv, add_env, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_end (peer, exec.out);
  agent_peer_wait_end (peer, exec.err);
  exit = agent_peer_wait_exit (peer, exec.id);
  g_assert_cmpint (exit.kind, ==, TCW_WIRE_EXIT_EXITED);
  g_assert_cmpuint (exit.code, ==, 42);
  g_assert_cmpuint (exit.survivors, ==, 0);
  g_assert_cmpuint (exit.max_rss_kib, >, 0);
  expected = g_strdup_printf ("|a b|\"$1\"\n|1|a b\n|%s|/usr|", geteuid () == 0 ? "/root" : g_get_home_dir ());
  assert_text (exec.out, expected);
  assert_text (exec.err, "err");
}

static void
clean_env (TcwWireExec *message)
{
  static const char *const env[] = { "ONLY=this" };

  message->env = (TcwWireStrings) { .count = 1, .items = env };
  message->flags = TCW_WIRE_EXEC_CLEAN_ENV;
}

static void
test_clean_env (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  const char *argv[] = { "env", NULL };
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, clean_env, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_end (peer, exec.out);
  assert_text (exec.out, "ONLY=this\n");
}

static void
merge (TcwWireExec *message)
{
  message->flags = TCW_WIRE_EXEC_MERGE_STDERR;
}

static void
test_merge (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  const char *argv[] = { "sh", "-c", "echo 1; echo 2 >&2; echo 3", NULL };
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, merge, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_end (peer, exec.out);
  assert_text (exec.out, "1\n2\n3\n");
}

static void
as_nobody (TcwWireExec *message)
{
  message->user = "nobody";
}

static void
test_user (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = NULL;
  const char *argv[] = { "sh", "-c", "id -un; echo $USER $LOGNAME; id -G", NULL };
  PeerExec exec;

  if (geteuid () != 0)
    {
      g_test_skip ("only root can become somebody else");
      return;
    }
  peer = begin (program);
  g_assert_cmpint (agent_peer_exec (peer, argv, as_nobody, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_end (peer, exec.out);
  assert_text (exec.out, "nobody\nnobody nobody\n65534\n");
}

static void
bad_user (TcwWireExec *message)
{
  message->user = "no-such-user";
}

static void
bad_folder (TcwWireExec *message)
{
  message->cwd = "/nonexistent";
}

static void
test_cannot_start (gconstpointer program)
{
  static const struct {
    const char *command;
    void (*change) (TcwWireExec *message);
    TcwWireStatus status;
    const char *text;
  } cases[] = {
    { "no-such-command", NULL, TCW_WIRE_STATUS_NOT_FOUND, "command not found" },
    { "/no/such/command", NULL, TCW_WIRE_STATUS_NOT_FOUND, "command not found" },
    { "/etc/passwd", NULL, TCW_WIRE_STATUS_NOT_EXECUTABLE, "not executable" },
    { "true", bad_user, TCW_WIRE_STATUS_NO_USER, "no such user: no-such-user" },
    { "true", bad_folder, TCW_WIRE_STATUS_NO_DIRECTORY, "no such directory" },
  };
  g_autoptr (AgentPeer) peer = begin (program);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *argv[] = { cases[i].command, NULL };
      g_autofree char *text = NULL;
      PeerExec exec;

      g_assert_cmpint (agent_peer_exec (peer, argv, cases[i].change, &exec, &text), ==, cases[i].status);
      g_assert_nonnull (strstr (text, cases[i].text));
    }
}

/* 100 MB of random bytes through cat, both ways at once. */
static void
test_cat (gconstpointer program)
{
  enum { SIZE = 100 * 1000 * 1000 };
  g_autoptr (AgentPeer) peer = begin (program);
  g_autofree guint8 *bytes = g_malloc (SIZE);
  g_autofree char *digest = NULL;
  const char *argv[] = { "cat", NULL };
  guint64 state = (guint64) g_get_real_time () | 1;
  PeerExec exec;

  for (gsize i = 0; i < SIZE; i += 8)
    {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      memcpy (bytes + i, &state, 8);
    }
  digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, bytes, SIZE);
  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  exec.out->counting = TRUE;
  exec.in->source = bytes;
  exec.in->source_left = SIZE;
  agent_peer_wait_end (peer, exec.out);
  g_assert_cmpuint (exec.out->count, ==, SIZE);
  g_assert_cmpstr (g_checksum_get_string (exec.out->digest), ==, digest);
  g_assert_cmpuint (agent_peer_wait_exit (peer, exec.id).code, ==, 0);
}

/* One that nobody reads stops no other; killed, it ends all the same. */
static void
test_stalled (gconstpointer program)
{
  enum { N = 8, SIZE = 3000000 };
  g_autoptr (AgentPeer) peer = begin (program);
  const char *argv[] = { "sh", "-c", "head -c 3000000 /dev/zero; exit 9", NULL };
  PeerExec execs[N];
  TcwWireExit exit;
  TcwWireKill kill;

  for (int i = 0; i < N; i++)
    {
      g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &execs[i], NULL), ==, TCW_WIRE_STATUS_OK);
      execs[i].out->reading = i != 0;
      execs[i].out->counting = TRUE;
    }
  for (int i = 1; i < N; i++)
    {
      agent_peer_wait_end (peer, execs[i].out);
      g_assert_cmpuint (execs[i].out->count, ==, SIZE);
      g_assert_cmpuint (agent_peer_wait_exit (peer, execs[i].id).code, ==, 9);
    }
  g_assert_false (agent_peer_has_exit (peer, execs[0].id));
  kill.exec = execs[0].id;
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_KILL, agent_peer_put_kill, &kill, NULL), ==, TCW_WIRE_STATUS_OK);
  exit = agent_peer_wait_exit (peer, execs[0].id);
  g_assert_cmpint (exit.kind, ==, TCW_WIRE_EXIT_SIGNALLED);
  g_assert_cmpuint (exit.code, ==, SIGKILL);
}

static void
test_many (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);

  for (int i = 0; i < 200; i++)
    {
      g_autofree char *script = g_strdup_printf ("echo %d; exit %d", i, i % 100);
      g_autofree char *expected = g_strdup_printf ("%d\n", i);
      TcwWireExit exit;
      g_autofree char *text = agent_peer_shell (peer, script, &exit);

      g_assert_cmpstr (text, ==, expected);
      g_assert_cmpuint (exit.code, ==, (guint) i % 100);
    }
}

/* A daemon that left session and parents, and holds the pipe, neither lives on nor delays the end. */
static void
test_daemon (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  TcwWireExit exit;
  gint64 start = g_get_monotonic_time ();
  g_autofree char *text = agent_peer_shell (peer, "(setsid sh -c 'echo $$; exec sleep 100' &); sleep 0.3; exit 3", &exit);

  g_assert_cmpuint (exit.code, ==, 3);
  g_assert_cmpuint (exit.survivors, ==, 0);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 30 * G_USEC_PER_SEC);
  g_assert_cmpint (kill ((pid_t) g_ascii_strtoll (text, NULL, 10), 0), ==, -1);
}

/* Output that was written right before the end is not lost. */
static void
test_last_words (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);

  for (int i = 0; i < 20; i++)
    {
      g_autofree char *text = agent_peer_shell (peer, "head -c 200000 /dev/zero | tr '\\0' x; printf end", NULL);

      g_assert_cmpuint (strlen (text), ==, 200003);
      g_assert_true (g_str_has_suffix (text, "end"));
    }
}

static void
test_signal (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  const char *argv[] = { "sh", "-c", "trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.05; done", NULL };
  TcwWireSignal message = { .signo = SIGTERM };
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_count (peer, exec.out, 6);
  message.exec = exec.id;
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_SIGNAL, agent_peer_put_signal, &message, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_end (peer, exec.out);
  assert_text (exec.out, "ready\ngot\n");
  g_assert_cmpuint (agent_peer_wait_exit (peer, exec.id).code, ==, 5);
  message.exec = 4711;
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_SIGNAL, agent_peer_put_signal, &message, NULL), ==, TCW_WIRE_STATUS_NOT_FOUND);
}

/* Nobody reads stdin any more: that is told, and the command goes on. */
static void
test_closed_stdin (gconstpointer program)
{
  enum { SIZE = 4000000 };
  g_autoptr (AgentPeer) peer = begin (program);
  g_autofree guint8 *bytes = g_malloc0 (SIZE);
  const char *argv[] = { "sh", "-c", "exec 0<&-; echo closed; sleep 0.3; echo on", NULL };
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, NULL, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_count (peer, exec.out, 7);
  exec.in->source = bytes;
  exec.in->source_left = SIZE;
  agent_peer_wait_end (peer, exec.in);
  g_assert_true (exec.in->reset);
  agent_peer_wait_end (peer, exec.out);
  assert_text (exec.out, "closed\non\n");
  g_assert_cmpuint (agent_peer_wait_exit (peer, exec.id).code, ==, 0);
}

static void
terminal (TcwWireExec *message)
{
  message->flags = TCW_WIRE_EXEC_PTY;
  message->columns = 132;
  message->rows = 43;
}

static void
test_terminal (gconstpointer program)
{
  g_autoptr (AgentPeer) peer = begin (program);
  const char *script = "stty size; test -t 0 && test -t 1 && test -t 2 && echo tty; : >/dev/tty && echo ctty;"
                       "read line; stty size; cat; echo end";
  const char *argv[] = { "sh", "-c", script, NULL };
  TcwWireResize resize = { .columns = 100, .rows = 50 };
  g_autofree char *text = NULL;
  PeerExec exec;

  g_assert_cmpint (agent_peer_exec (peer, argv, terminal, &exec, NULL), ==, TCW_WIRE_STATUS_OK);
  agent_peer_wait_count (peer, exec.out, strlen ("43 132\r\ntty\r\nctty\r\n"));
  resize.exec = exec.id;
  g_assert_cmpint (agent_peer_call (peer, TCW_WIRE_RESIZE, agent_peer_put_resize, &resize, NULL), ==, TCW_WIRE_STATUS_OK);
  exec.in->source = (const guint8 *) "line\nword\n";
  exec.in->source_left = 10;
  agent_peer_wait_end (peer, exec.out);
  text = g_strndup ((const char *) exec.out->got->data, exec.out->got->len);
  g_assert_true (g_str_has_prefix (text, "43 132\r\ntty\r\nctty\r\n"));
  g_assert_nonnull (strstr (text, "50 100\r\n"));
  g_assert_true (g_str_has_suffix (text, "word\r\nend\r\n"));
  g_assert_cmpuint (agent_peer_wait_exit (peer, exec.id).code, ==, 0);
}

int
main (int argc, char **argv)
{
  const char *program;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  program = argv[1];
  g_test_add_data_func ("/agent/exec/arguments", program, test_arguments);
  g_test_add_data_func ("/agent/exec/clean-env", program, test_clean_env);
  g_test_add_data_func ("/agent/exec/merge", program, test_merge);
  g_test_add_data_func ("/agent/exec/user", program, test_user);
  g_test_add_data_func ("/agent/exec/cannot-start", program, test_cannot_start);
  g_test_add_data_func ("/agent/exec/cat", program, test_cat);
  g_test_add_data_func ("/agent/exec/stalled", program, test_stalled);
  g_test_add_data_func ("/agent/exec/many", program, test_many);
  g_test_add_data_func ("/agent/exec/daemon", program, test_daemon);
  g_test_add_data_func ("/agent/exec/last-words", program, test_last_words);
  g_test_add_data_func ("/agent/exec/signal", program, test_signal);
  g_test_add_data_func ("/agent/exec/closed-stdin", program, test_closed_stdin);
  g_test_add_data_func ("/agent/exec/terminal", program, test_terminal);
  return tcw_test_run ();
}
