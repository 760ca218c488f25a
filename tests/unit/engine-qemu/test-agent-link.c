/* Tests of the host's end of the agent link, against a pretended agent: connection, commands, breaks. */
#include <string.h>

#include "agent-fixture.h"
#include "tcw-test.h"

/* --- connection --- */

static void
test_machine (AgentFixture *f, gconstpointer data)
{
  guint8 entropy[64] = { 1 };
  TcwQemuAgentNetwork network = { .mac = "52:54:00:12:34:56", .address4 = "10.0.2.15", .prefix4 = 24 };
  TcwQemuAgentIdentity identity = { .entropy = entropy, .entropy_length = sizeof entropy, .host_name = "vm-1",
                                    .machine_id = "0123456789abcdef0123456789abcdef", .network = &network };
  TcwWireMount mount = { .device = "cache0", .path = "/cache" };
  TcwWireStats stats;
  g_autoptr (GError) error = NULL;

  g_assert_true (tcw_qemu_agent_is_connected (f->agent));
  g_assert_true (tcw_qemu_agent_is_fresh (f->agent));
  g_assert_true (tcw_qemu_agent_needs_identity (f->agent));
  g_assert_cmpstr (tcw_qemu_agent_get_version (f->agent), ==, "fake?1");
  g_assert_true (tcw_qemu_agent_identify (f->agent, &identity, LIMIT, NULL, &error));
  g_assert_cmpstr (f->fake->host_name, ==, "vm-1/52:54:00:12:34:56/10.0.2.15");
  g_assert_false (tcw_qemu_agent_needs_identity (f->agent));
  g_assert_true (tcw_qemu_agent_ping (f->agent, LIMIT, NULL, &error));
  g_assert_true (tcw_qemu_agent_sync (f->agent, LIMIT, NULL, &error));
  g_assert_true (tcw_qemu_agent_get_stats (f->agent, &stats, LIMIT, NULL, &error));
  g_assert_cmpuint (stats.cpus, ==, 11);
  g_assert_true (tcw_qemu_agent_power_off (f->agent, FALSE, LIMIT, NULL, &error));
  g_assert_false (tcw_qemu_agent_mount (f->agent, &mount, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NOT_SUPPORTED);
  g_assert_cmpstr (error->message, ==, "mounting /cache in the guest: not-supported");
}

static void
test_connect_errors (void)
{
  g_autoptr (FakeAgent) fake = fake_agent_new ();
  g_autoptr (TcwQemuAgent) agent = tcw_qemu_agent_new (NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *missing = g_build_filename (fake->folder, "missing", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (tcw_qemu_agent_connect (agent, missing, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LINK_CLOSED);
  g_clear_error (&error);
  g_assert_false (tcw_qemu_agent_sync (agent, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LINK_CLOSED);
  g_clear_error (&error);
  fake->silent = TRUE;
  g_assert_false (tcw_qemu_agent_connect (agent, fake->path, g_get_monotonic_time () + 200000, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_TIMEOUT);
  g_assert_nonnull (strstr (error->message, "waiting for its hello"));
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  g_assert_false (tcw_qemu_agent_connect (agent, fake->path, LIMIT, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  agent_fixture_settle ();
  fake->silent = FALSE;
  fake->cut_after = 10;
  g_assert_false (tcw_qemu_agent_connect (agent, fake->path, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LINK_CLOSED);
  g_clear_error (&error);
  g_assert_true (tcw_qemu_agent_connect (agent, fake->path, LIMIT, NULL, &error));
  g_assert_no_error (error);
}

/* --- commands --- */

typedef struct
{
  guint64 length;
  GString *text; /* the first 100 bytes */
  gboolean check;
  gboolean fail;
} Sink;

static gboolean
take (const guint8 *data, gsize length, gpointer user_data, GError **error)
{
  Sink *sink = user_data;

  if (sink->fail)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "the log is full");
      return FALSE;
    }
  for (gsize i = 0; sink->check && i < length; i++)
    g_assert_cmpuint (data[i], ==, fake_agent_pattern (sink->length + i));
  if (sink->text != NULL && sink->text->len < 100)
    g_string_append_len (sink->text, (const char *) data, (gssize) MIN (length, 100));
  sink->length += length;
  return TRUE;
}

static TcwQemuAgentExec *
start (AgentFixture *f, const char *name, const char *argument, Sink *out)
{
  const char *argv[] = { name, argument, NULL };
  TcwQemuAgentExecOptions options = { .argv = argv, .out = out == NULL ? NULL : take, .out_data = out,
                                      .has_stdin = g_str_equal (name, "cat") };
  g_autoptr (GError) error = NULL;
  TcwQemuAgentExec *exec = tcw_qemu_agent_exec (f->agent, &options, LIMIT, NULL, &error);

  g_assert_no_error (error);
  return exec;
}

static void
test_exec (AgentFixture *f, gconstpointer data)
{
  const char *flood[] = { "flood", "3000000", NULL };
  g_autoptr (GString) text = g_string_new (NULL);
  Sink out = { .check = TRUE }, err = { .text = text };
  TcwQemuAgentExecOptions options = { .argv = flood, .out = take, .out_data = &out, .err = take, .err_data = &err };
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuAgentExec) exec = tcw_qemu_agent_exec (f->agent, &options, LIMIT, NULL, &error);
  TcwQemuAgentExit end;

  g_assert_no_error (error);
  g_assert_cmpuint (tcw_qemu_agent_exec_get_pid (exec), ==, 4711);
  g_assert_true (tcw_qemu_agent_exec_wait (exec, LIMIT, NULL, &end, &error));
  g_assert_cmpint (end.kind, ==, TCW_WIRE_EXIT_EXITED);
  g_assert_cmpint (end.code, ==, 3);
  g_assert_cmpuint (end.user_us, ==, 5);
  g_assert_cmpuint (out.length, ==, 3000000);
  g_assert_cmpstr (text->str, ==, "on stderr\n");
  g_assert_true (tcw_qemu_agent_exec_is_done (exec));
  g_assert_cmpuint (tcw_qemu_agent_exec_get_delivered (exec, 1), ==, 3000000);
}

static void
test_exec_refused (AgentFixture *f, gconstpointer data)
{
  const char *argv[] = { "missing", NULL };
  TcwQemuAgentExecOptions options = { .argv = argv };
  g_autoptr (GError) error = NULL;

  g_assert_null (tcw_qemu_agent_exec (f->agent, &options, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "starting missing in the guest: missing : no such command");
}

static void
test_stdin (AgentFixture *f, gconstpointer data)
{
  const gsize total = 2000000;
  g_autofree guint8 *bytes = g_malloc (total);
  Sink out = { .check = TRUE };
  g_autoptr (TcwQemuAgentExec) exec = start (f, "cat", NULL, &out);
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < total; i++)
    bytes[i] = fake_agent_pattern (i);
  g_assert_true (tcw_qemu_agent_exec_write_stdin (exec, bytes, total / 2, LIMIT, NULL, &error));
  g_assert_true (g_output_stream_write_all (tcw_qemu_agent_exec_get_stdin (exec), bytes + total / 2, total / 2, NULL, NULL, &error));
  tcw_qemu_agent_exec_close_stdin (exec);
  g_assert_true (tcw_qemu_agent_exec_wait (exec, LIMIT, NULL, NULL, &error));
  g_assert_cmpuint (out.length, ==, total);
  g_assert_false (tcw_qemu_agent_exec_write_stdin (exec, bytes, 1, SECONDS (1), NULL, &error));
}

/* One whose output is paused stops neither others nor itself for good. */
static void
test_pause (AgentFixture *f, gconstpointer data)
{
  Sink paused = { .check = TRUE }, other = { .check = TRUE };
  g_autoptr (TcwQemuAgentExec) first = start (f, "flood", "2000000", &paused);
  g_autoptr (TcwQemuAgentExec) second = NULL;
  g_autoptr (GError) error = NULL;
  guint64 before;

  tcw_qemu_agent_exec_pause_output (first, 1, TRUE);
  before = paused.length;
  second = start (f, "flood", "3000000", &other);
  g_assert_true (tcw_qemu_agent_exec_wait (second, LIMIT, NULL, NULL, &error));
  g_assert_cmpuint (other.length, ==, 3000000);
  g_assert_cmpuint (paused.length, ==, before);
  g_assert_false (tcw_qemu_agent_exec_wait (first, g_get_monotonic_time () + 50000, NULL, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_TIMEOUT);
  g_clear_error (&error);
  tcw_qemu_agent_exec_pause_output (first, 1, FALSE);
  g_assert_true (tcw_qemu_agent_exec_wait (first, LIMIT, NULL, NULL, &error));
  g_assert_cmpuint (paused.length, ==, 2000000);
}

static void
test_sink_error (AgentFixture *f, gconstpointer data)
{
  Sink out = { .fail = TRUE };
  g_autoptr (TcwQemuAgentExec) exec = start (f, "flood", "1000000", &out);
  g_autoptr (GError) error = NULL;

  g_assert_false (tcw_qemu_agent_exec_wait (exec, LIMIT, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

static void
test_kill (AgentFixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuAgentExec) exec = start (f, "never", NULL, NULL);
  TcwQemuAgentExec *dropped = start (f, "never", NULL, NULL);
  g_autoptr (GError) error = NULL;
  TcwQemuAgentExit end;

  g_assert_true (tcw_qemu_agent_exec_signal (exec, 15, TRUE, LIMIT, NULL, &error));
  g_assert_true (tcw_qemu_agent_exec_kill (exec, LIMIT, NULL, &error));
  g_assert_true (tcw_qemu_agent_exec_wait (exec, LIMIT, NULL, &end, &error));
  g_assert_cmpint (end.kind, ==, TCW_WIRE_EXIT_SIGNALLED);
  g_assert_cmpint (end.code, ==, 9);
  g_assert_true (tcw_qemu_agent_exec_kill (exec, LIMIT, NULL, &error)); /* ended already */
  g_assert_cmpuint (f->fake->n_kills, ==, 2);
  g_object_unref (dropped);
  g_assert_true (tcw_qemu_agent_sync (f->agent, LIMIT, NULL, &error));
  g_assert_cmpuint (f->fake->n_kills, ==, 3);
}

/* --- breaks --- */

static void
test_resume (AgentFixture *f, gconstpointer data)
{
  Sink out = { .check = TRUE };
  g_autoptr (TcwQemuAgentExec) exec = NULL;
  g_autoptr (GError) error = NULL;
  guint breaks = 0;

  exec = start (f, "flood", "4000000", &out);
  for (;;)
    {
      f->fake->cut_after = f->fake->connection >= 0 && breaks < 10 ? 300000 : 0;
      if (tcw_qemu_agent_exec_wait (exec, LIMIT, NULL, NULL, &error))
        break;
      g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LINK_CLOSED);
      g_clear_error (&error);
      g_assert_false (tcw_qemu_agent_is_connected (f->agent));
      breaks++;
      g_assert_true (tcw_qemu_agent_connect (f->agent, f->fake->path, LIMIT, NULL, &error));
      g_assert_false (tcw_qemu_agent_is_fresh (f->agent));
    }
  g_assert_cmpuint (out.length, ==, 4000000);
  g_assert_cmpuint (breaks, >, 5);
  g_assert_cmpuint (f->n_closed, ==, breaks);
}

static void
test_session_lost (AgentFixture *f, gconstpointer data)
{
  Sink out = { 0 };
  g_autoptr (TcwQemuAgentExec) exec = start (f, "cat", NULL, &out);
  g_autoptr (GError) error = NULL;

  fake_agent_restart (f->fake);
  g_assert_true (tcw_qemu_agent_connect (f->agent, f->fake->path, LIMIT, NULL, &error));
  g_assert_true (tcw_qemu_agent_is_fresh (f->agent));
  g_assert_false (tcw_qemu_agent_exec_wait (exec, LIMIT, NULL, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_SESSION_LOST);
  g_clear_error (&error);
  /* It can be used again. */
  g_clear_object (&exec);
  exec = start (f, "true", NULL, &out);
  g_assert_true (tcw_qemu_agent_exec_wait (exec, LIMIT, NULL, NULL, &error));
}

/* Another process takes over: nothing is lost, nothing comes twice. */
static void
test_reattach (AgentFixture *f, gconstpointer data)
{
  Sink out = { .check = TRUE }, again = { .check = TRUE };
  g_autoptr (TcwQemuAgentExec) exec = start (f, "flood", "3000000", &out);
  g_autoptr (TcwQemuAgent) successor = tcw_qemu_agent_new (tcw_qemu_agent_get_session (f->agent));
  g_autoptr (TcwQemuAgentExec) taken = NULL;
  g_autoptr (GArray) list = NULL;
  g_autoptr (GError) error = NULL;
  const char *none[] = { "", NULL };
  TcwQemuAgentExecOptions options = { .argv = none, .out = take, .out_data = &again };
  TcwQemuAgentExit end;

  f->fake->cut_after = 900000;
  g_assert_false (tcw_qemu_agent_exec_wait (exec, LIMIT, NULL, NULL, &error));
  g_clear_error (&error);
  again.length = tcw_qemu_agent_exec_get_delivered (exec, 1);
  g_assert_cmpuint (again.length, ==, out.length);
  g_assert_true (tcw_qemu_agent_reattach (successor, f->fake->path, LIMIT, NULL, &error));
  list = tcw_qemu_agent_list (successor, LIMIT, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (list->len, ==, 1);
  taken = tcw_qemu_agent_attach_exec (successor, &g_array_index (list, TcwWireExecInfo, 0), &options, again.length, 0, &error);
  g_assert_no_error (error);
  g_assert_true (tcw_qemu_agent_exec_wait (taken, LIMIT, NULL, &end, &error));
  g_assert_cmpint (end.code, ==, 3);
  g_assert_cmpuint (again.length, ==, 3000000);
}

/* --- hostile --- */

static void
test_hostile_records (void)
{
  static const struct
  {
    guint16 type;
    guint8 bytes[16];
    gsize length;
  } cases[] = {
    { TCW_WIRE_REPLY, "\x00\x00", 2 },
    { TCW_WIRE_REPLY, "\x63\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 13 }, /* status 99 */
    { TCW_WIRE_EXIT, "\x01\x00\x00\x00\x07", 5 },
    { TCW_WIRE_CONNECT, "\x01\x00\x00\x00\x07\x00\x00\x00", 8 }, /* not an agent's stream */
    { TCW_WIRE_LOG, "\x09\x00\x00\x00\x00\x00", 6 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      AgentFixture f = { 0 };
      g_autoptr (GError) error = NULL;

      agent_fixture_set_up (&f, NULL);
      fake_agent_send (f.fake, cases[i].type, 1, cases[i].bytes, cases[i].length);
      g_assert_false (tcw_qemu_agent_sync (f.agent, LIMIT, NULL, &error));
      g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL);
      agent_fixture_tear_down (&f, NULL);
    }
}

static void
test_hostile_bytes (AgentFixture *f, gconstpointer data)
{
  guint8 header[TCW_WIRE_RECORD_HEADER_SIZE];
  g_autoptr (GError) error = NULL;

  /* Garbage between frames: the link heals by itself. */
  g_byte_array_append (f->fake->out, (const guint8 *) "garbage TCW1 garbage that is no frame at all", 45);
  fake_agent_flush (f->fake);
  g_assert_true (tcw_qemu_agent_sync (f->agent, LIMIT, NULL, &error));
  g_assert_no_error (error);
  /* A record of 4 GiB is never waited for. */
  tcw_wire_record_header_encode (TCW_WIRE_REPLY, 1, G_MAXUINT32, header);
  tcw_wire_stream_write (tcw_wire_link_get_stream (f->fake->link, 0), header, sizeof header);
  fake_agent_flush (f->fake);
  g_assert_false (tcw_qemu_agent_sync (f->agent, LIMIT, NULL, &error));
  g_assert_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, "a record is too long"));
}

#define ADD(name, func) g_test_add ("/qemu/agent/" name, AgentFixture, NULL, agent_fixture_set_up, func, agent_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("machine", test_machine);
  g_test_add_func ("/qemu/agent/connect-errors", test_connect_errors);
  ADD ("exec", test_exec);
  ADD ("exec-refused", test_exec_refused);
  ADD ("stdin", test_stdin);
  ADD ("pause", test_pause);
  ADD ("sink-error", test_sink_error);
  ADD ("kill", test_kill);
  ADD ("resume", test_resume);
  ADD ("session-lost", test_session_lost);
  ADD ("reattach", test_reattach);
  g_test_add_func ("/qemu/agent/hostile-records", test_hostile_records);
  ADD ("hostile-bytes", test_hostile_bytes);
  return tcw_test_run ();
}
