/* A pretended agent; see fake-agent.h. */
#include "fake-agent.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WINDOW TCW_WIRE_WINDOW_DEFAULT

typedef enum { JOB_CAT, JOB_FLOOD, JOB_NEVER, JOB_TREE_OUT, JOB_TREE_IN, JOB_ECHO } JobKind;

typedef struct
{
  JobKind kind;
  TcwWireExecInfo info; /* exec 0: no command */
  guint32 request;      /* of a PUT */
  guint64 total;        /* FLOOD, TREE_OUT */
  guint64 written;
  TcwWireTreeDecoder decoder;
} Job;

guint8
fake_agent_pattern (guint64 offset)
{
  return (guint8) (((offset + 1) * 0x9e3779b97f4a7c15u) >> 56);
}

/* --- connection --- */

static void drop_connection (FakeAgent *fake);
static void handle_events (FakeAgent *fake);

static gboolean
on_writable (int fd, GIOCondition condition, gpointer data)
{
  FakeAgent *fake = data;

  fake->out_source = 0;
  fake_agent_flush (fake);
  return G_SOURCE_REMOVE;
}

void
fake_agent_flush (FakeAgent *fake)
{
  g_autofree guint8 *buffer = g_malloc (TCW_WIRE_FRAME_MAX);

  while (fake->connection >= 0)
    {
      gsize wanted;
      gssize n;

      if (fake->out->len == 0)
        {
          gsize pulled = tcw_wire_link_pull (fake->link, buffer, TCW_WIRE_FRAME_MAX);

          if (pulled == 0)
            return;
          g_byte_array_append (fake->out, buffer, (guint) pulled);
        }
      wanted = fake->cut_after > 0 ? MIN (fake->out->len, fake->cut_after) : fake->out->len;
      n = send (fake->connection, fake->out->data, wanted, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0)
        {
          if (errno == EAGAIN && fake->out_source == 0)
            fake->out_source = g_unix_fd_add (fake->connection, G_IO_OUT, on_writable, fake);
          return;
        }
      g_byte_array_remove_range (fake->out, 0, (guint) n);
      if (fake->cut_after > 0 && (fake->cut_after -= (gsize) n) == 0)
        drop_connection (fake); /* whatever is on the way beyond is lost */
    }
}

static void
drop_connection (FakeAgent *fake)
{
  g_clear_handle_id (&fake->in_source, g_source_remove);
  g_clear_handle_id (&fake->out_source, g_source_remove);
  if (fake->connection >= 0)
    close (fake->connection);
  fake->connection = -1;
  g_byte_array_set_size (fake->out, 0);
  tcw_wire_link_disconnect (fake->link);
}

void
fake_agent_cut (FakeAgent *fake)
{
  drop_connection (fake);
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer data)
{
  FakeAgent *fake = data;
  g_autofree guint8 *buffer = g_malloc (65536);
  gssize n = recv (fd, buffer, 65536, MSG_DONTWAIT);

  if (n <= 0)
    {
      fake->in_source = 0;
      drop_connection (fake);
      return G_SOURCE_REMOVE;
    }
  if (!fake->silent)
    {
      tcw_wire_link_push (fake->link, buffer, (gsize) n);
      handle_events (fake);
      fake_agent_flush (fake);
    }
  return G_SOURCE_CONTINUE;
}

static gboolean
on_connect (int fd, GIOCondition condition, gpointer data)
{
  FakeAgent *fake = data;
  struct sockaddr_un peer;
  socklen_t length = sizeof peer;

  drop_connection (fake);
  fake->connection = accept4 (fd, (struct sockaddr *) &peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
  g_assert_cmpint (fake->connection, >=, 0);
  fake->n_connects++;
  fake->in_source = g_unix_fd_add (fake->connection, G_IO_IN, on_readable, fake);
  return G_SOURCE_CONTINUE;
}

FakeAgent *
fake_agent_new (void)
{
  FakeAgent *fake = g_new0 (FakeAgent, 1);
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  fake->folder = g_dir_make_tmp ("tcw-fake-agent-XXXXXX", NULL);
  fake->path = g_build_filename (fake->folder, "socket", NULL);
  g_strlcpy (address.sun_path, fake->path, sizeof address.sun_path);
  fake->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (fake->listener, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fake->listener, 5), ==, 0);
  fake->listener_source = g_unix_fd_add (fake->listener, G_IO_IN, on_connect, fake);
  fake->connection = -1;
  fake->out = g_byte_array_new ();
  fake->link = tcw_wire_link_new (TCW_WIRE_AGENT, TCW_WIRE_CONTROL_WINDOW);
  tcw_wire_record_reader_init (&fake->records, TCW_WIRE_RECORD_MAX);
  fake->jobs = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  fake->tree = g_byte_array_new ();
  fake->received = g_string_new (NULL);
  return fake;
}

void
fake_agent_free (FakeAgent *fake)
{
  drop_connection (fake);
  g_source_remove (fake->listener_source);
  close (fake->listener);
  g_unlink (fake->path);
  g_rmdir (fake->folder);
  tcw_wire_link_free (fake->link);
  tcw_wire_record_reader_clear (&fake->records);
  g_byte_array_unref (fake->out);
  g_byte_array_unref (fake->tree);
  g_hash_table_unref (fake->jobs);
  g_string_free (fake->received, TRUE);
  g_free (fake->host_name);
  g_free (fake->folder);
  g_free (fake->path);
  g_free (fake);
}

void
fake_agent_restart (FakeAgent *fake)
{
  drop_connection (fake);
  tcw_wire_link_free (fake->link);
  fake->link = tcw_wire_link_new (TCW_WIRE_AGENT, TCW_WIRE_CONTROL_WINDOW);
  tcw_wire_record_reader_clear (&fake->records);
  g_hash_table_remove_all (fake->jobs);
}

/* --- what it says --- */

void
fake_agent_send (FakeAgent *fake, guint16 type, guint32 request, const void *body, gsize length)
{
  g_assert_true (tcw_wire_record_send (tcw_wire_link_get_stream (fake->link, 0), type, request, body, (guint32) length));
  fake_agent_flush (fake);
}

static void
reply (FakeAgent *fake, guint32 request, TcwWireStatus status, const char *text, const void *body, gsize length)
{
  TcwWireReply message = { .status = status, .message = text, .body = body, .body_length = (guint32) length };
  guint8 bytes[4096];
  TcwWireWriter writer;

  tcw_wire_writer_init (&writer, bytes, sizeof bytes);
  tcw_wire_reply_encode (&writer, &message);
  g_assert_true (tcw_wire_writer_is_complete (&writer));
  fake_agent_send (fake, TCW_WIRE_REPLY, request, bytes, writer.length);
}

static void
end_job (FakeAgent *fake, Job *job, TcwWireExitKind kind, guint32 code)
{
  TcwWireExit message = { .exec = job->info.exec, .kind = kind, .code = code, .user_us = 5 };
  guint32 outputs[] = { job->info.out, job->info.err };
  guint8 bytes[128];
  TcwWireWriter writer;

  if (job->info.state == TCW_WIRE_EXEC_ENDED)
    return;
  job->info.state = TCW_WIRE_EXEC_ENDED;
  job->info.kind = kind;
  job->info.code = code;
  for (guint i = 0; i < G_N_ELEMENTS (outputs); i++)
    {
      TcwWireStream *stream = outputs[i] == 0 ? NULL : tcw_wire_link_get_stream (fake->link, outputs[i]);

      if (stream != NULL)
        tcw_wire_stream_finish (stream);
    }
  tcw_wire_writer_init (&writer, bytes, sizeof bytes);
  tcw_wire_exit_encode (&writer, &message);
  fake_agent_send (fake, TCW_WIRE_EXIT, 0, bytes, writer.length);
}

/* --- what its jobs do when something moves --- */

static void
echo (TcwWireStream *from, TcwWireStream *to)
{
  const uint8_t *data;
  gsize n;

  while ((n = tcw_wire_stream_peek (from, &data)) > 0 && (n = tcw_wire_stream_write (to, data, n)) > 0)
    tcw_wire_stream_consume (from, n);
  if (tcw_wire_stream_is_at_end (from))
    tcw_wire_stream_finish (to);
}

static void
work_put (FakeAgent *fake, Job *job, TcwWireStream *stream)
{
  const uint8_t *data;
  gsize n;

  while ((n = tcw_wire_stream_peek (stream, &data)) > 0)
    {
      TcwWireTreeItem item;
      size_t used;
      TcwWireTreeResult result = tcw_wire_tree_decoder_feed (&job->decoder, data, n, &used, &item);

      g_assert_cmpint (result, !=, TCW_WIRE_TREE_BROKEN);
      if (result == TCW_WIRE_TREE_ITEM && item.kind == TCW_WIRE_TREE_ENTRY)
        g_string_append_printf (fake->received, "[%d:%s:%o:%s]", (int) item.entry.type, item.entry.path, item.entry.mode, item.entry.link);
      else if (result == TCW_WIRE_TREE_ITEM && item.kind == TCW_WIRE_TREE_DATA)
        g_string_append_len (fake->received, (const char *) item.data, (gssize) MIN (item.length, 100));
      else if (result == TCW_WIRE_TREE_ITEM && item.kind == TCW_WIRE_TREE_HOLE)
        g_string_append_printf (fake->received, "<%" G_GUINT64_FORMAT ">", item.hole);
      else if (result == TCW_WIRE_TREE_ITEM && item.kind == TCW_WIRE_TREE_FINISH)
        reply (fake, job->request, TCW_WIRE_STATUS_OK, "", NULL, 0);
      tcw_wire_stream_consume (stream, used);
    }
}

static void
work_flood (FakeAgent *fake, Job *job, TcwWireStream *stream)
{
  uint8_t *space;
  gsize room;

  while (job->written < job->total && (room = tcw_wire_stream_reserve (stream, &space)) > 0)
    {
      gsize n = MIN (room, job->total - job->written);

      for (gsize i = 0; i < n; i++)
        space[i] = job->kind == JOB_FLOOD ? fake_agent_pattern (job->written + i) : fake->tree->data[job->written + i];
      tcw_wire_stream_commit (stream, n);
      job->written += n;
    }
  if (job->written < job->total)
    return;
  if (job->kind == JOB_FLOOD)
    end_job (fake, job, TCW_WIRE_EXIT_EXITED, 3);
  else
    tcw_wire_stream_finish (stream);
}

static void
work (FakeAgent *fake, TcwWireStream *stream)
{
  Job *job = tcw_wire_stream_get_data (stream);
  TcwWireStream *other;

  if (job == NULL)
    return;
  switch (job->kind)
    {
    case JOB_CAT:
      other = tcw_wire_link_get_stream (fake->link, job->info.in);
      stream = tcw_wire_link_get_stream (fake->link, job->info.out);
      if (other == NULL || stream == NULL)
        return;
      echo (other, stream);
      if (tcw_wire_stream_is_at_end (other))
        end_job (fake, job, TCW_WIRE_EXIT_EXITED, 0);
      return;
    case JOB_ECHO:
      echo (stream, stream);
      return;
    case JOB_FLOOD:
    case JOB_TREE_OUT:
      if (tcw_wire_stream_get_id (stream) == job->info.out)
        work_flood (fake, job, stream);
      return;
    case JOB_TREE_IN:
      work_put (fake, job, stream);
      return;
    case JOB_NEVER:
    default:
      return;
    }
}

/* --- what it is asked for --- */

static TcwWireStream *
open_stream (FakeAgent *fake, guint32 id, Job *job, gboolean in, gboolean out)
{
  TcwWireStream *stream;

  if (id == 0)
    return NULL;
  stream = tcw_wire_stream_open (fake->link, id, (id & TCW_WIRE_STREAM_AGENT) != 0 ? TCW_WIRE_OPEN_INITIATE : TCW_WIRE_OPEN_ACCEPT,
                                 in ? WINDOW : 0, out ? WINDOW : 0);
  g_assert_nonnull (stream);
  tcw_wire_stream_set_data (stream, job);
  return stream;
}

static Job *
new_job (FakeAgent *fake, JobKind kind, guint32 exec)
{
  Job *job = g_new0 (Job, 1);

  job->kind = kind;
  job->info = (TcwWireExecInfo) { .exec = exec, .state = TCW_WIRE_EXEC_RUNNING, .kind = TCW_WIRE_EXIT_EXITED, .pid = 4711 };
  tcw_wire_tree_decoder_init (&job->decoder);
  g_hash_table_insert (fake->jobs, exec != 0 ? GUINT_TO_POINTER (exec) : (gpointer) job, job);
  return job;
}

static void
handle_exec (FakeAgent *fake, const TcwWireRecord *record)
{
  TcwWireExec exec;
  TcwWireStrings argv;
  const char *name;
  const char *count;
  Job *job;
  TcwWireStream *out, *err;
  guint8 pid[4];

  g_assert_true (tcw_wire_exec_decode (record->body, record->length, &exec));
  argv = exec.argv;
  name = tcw_wire_strings_next (&argv);
  count = tcw_wire_strings_next (&argv);
  if (g_str_equal (name, "missing"))
    {
      reply (fake, record->request, TCW_WIRE_STATUS_NOT_FOUND, "missing\001: no such command\n", NULL, 0);
      return;
    }
  job = new_job (fake, g_str_equal (name, "cat") ? JOB_CAT : g_str_equal (name, "flood") ? JOB_FLOOD : JOB_NEVER, exec.exec);
  job->total = count == NULL ? 0 : g_ascii_strtoull (count, NULL, 10);
  job->info.in = exec.in;
  job->info.out = exec.out;
  job->info.err = exec.err;
  open_stream (fake, exec.in, job, TRUE, FALSE);
  out = open_stream (fake, exec.out, job, FALSE, TRUE);
  err = open_stream (fake, exec.err, job, FALSE, TRUE);
  tcw_wire_put_u32 (pid, 4711);
  reply (fake, record->request, TCW_WIRE_STATUS_OK, "", pid, sizeof pid);
  if (err != NULL && job->kind == JOB_FLOOD)
    tcw_wire_stream_write (err, "on stderr\n", 10);
  if (g_str_equal (name, "true") || (job->kind == JOB_FLOOD && out == NULL))
    end_job (fake, job, TCW_WIRE_EXIT_EXITED, 0);
  else if (out != NULL)
    work (fake, out);
}

static void
handle_kill (FakeAgent *fake, const TcwWireRecord *record)
{
  TcwWireKill message;
  Job *job;

  g_assert_true (tcw_wire_kill_decode (record->body, record->length, &message));
  fake->n_kills++;
  job = g_hash_table_lookup (fake->jobs, GUINT_TO_POINTER (message.exec));
  if (job == NULL || job->info.state == TCW_WIRE_EXEC_ENDED)
    {
      reply (fake, record->request, TCW_WIRE_STATUS_NOT_FOUND, "it has ended", NULL, 0);
      return;
    }
  reply (fake, record->request, TCW_WIRE_STATUS_OK, "", NULL, 0);
  end_job (fake, job, TCW_WIRE_EXIT_SIGNALLED, 9);
}

static void
handle_files (FakeAgent *fake, const TcwWireRecord *record)
{
  TcwWireGet get;
  TcwWirePut put;
  Job *job;

  if (record->type == TCW_WIRE_GET)
    {
      g_assert_true (tcw_wire_get_decode (record->body, record->length, &get));
      if (g_str_equal (get.path, "/missing"))
        {
          reply (fake, record->request, TCW_WIRE_STATUS_NOT_FOUND, "", NULL, 0);
          return;
        }
      job = new_job (fake, JOB_TREE_OUT, 0);
      job->info.out = get.stream;
      job->total = fake->tree->len;
      reply (fake, record->request, TCW_WIRE_STATUS_OK, "", NULL, 0);
      work (fake, open_stream (fake, get.stream, job, FALSE, TRUE));
      return;
    }
  g_assert_true (tcw_wire_put_decode (record->body, record->length, &put));
  if (g_str_equal (put.path, "/denied"))
    {
      reply (fake, record->request, TCW_WIRE_STATUS_PERMISSION, "not here", NULL, 0);
      return;
    }
  job = new_job (fake, JOB_TREE_IN, 0);
  job->request = record->request;
  open_stream (fake, put.stream, job, TRUE, FALSE);
}

static void
handle_tunnels (FakeAgent *fake, const TcwWireRecord *record)
{
  TcwWireListen listener;
  TcwWireConnectOut out;
  guint8 bytes[8];

  if (record->type == TCW_WIRE_LISTEN)
    {
      g_assert_true (tcw_wire_listen_decode (record->body, record->length, &listener));
      tcw_wire_put_u16 (bytes, 4242);
      reply (fake, record->request, TCW_WIRE_STATUS_OK, "", bytes, 2);
      /* Somebody connects at once. */
      tcw_wire_put_u32 (bytes, listener.listener);
      tcw_wire_put_u32 (bytes + 4, TCW_WIRE_STREAM_AGENT | ++fake->last_stream);
      open_stream (fake, TCW_WIRE_STREAM_AGENT | fake->last_stream, new_job (fake, JOB_ECHO, 0), TRUE, TRUE);
      fake_agent_send (fake, TCW_WIRE_CONNECT, 0, bytes, sizeof bytes);
      return;
    }
  g_assert_true (tcw_wire_connect_out_decode (record->body, record->length, &out));
  if (out.port == 1)
    {
      reply (fake, record->request, TCW_WIRE_STATUS_REFUSED, "", NULL, 0);
      return;
    }
  open_stream (fake, out.stream, new_job (fake, JOB_ECHO, 0), TRUE, TRUE);
  reply (fake, record->request, TCW_WIRE_STATUS_OK, "", NULL, 0);
}

static void
handle_list (FakeAgent *fake, const TcwWireRecord *record)
{
  TcwWireExecInfo items[16];
  TcwWireExecList list = { .items = items };
  guint8 bytes[2048];
  TcwWireWriter writer;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, fake->jobs);
  while (g_hash_table_iter_next (&iter, NULL, &value) && list.count < G_N_ELEMENTS (items))
    if (((Job *) value)->info.exec != 0)
      items[list.count++] = ((Job *) value)->info;
  tcw_wire_writer_init (&writer, bytes, sizeof bytes);
  tcw_wire_exec_list_encode (&writer, &list);
  reply (fake, record->request, TCW_WIRE_STATUS_OK, "", bytes, writer.length);
}

static void
handle_identity (FakeAgent *fake, const TcwWireRecord *record)
{
  TcwWireIdentity identity;

  g_assert_true (tcw_wire_identity_decode (record->body, record->length, &identity));
  g_free (fake->host_name);
  fake->host_name = g_strdup_printf ("%s/%s/%s", identity.host_name, identity.network.mac, identity.network.address4);
  reply (fake, record->request, TCW_WIRE_STATUS_OK, "", NULL, 0);
}

static void
handle_record (FakeAgent *fake, const TcwWireRecord *record)
{
  TcwWireStats stats = { .uptime_ms = 1, .cpus = 11 };
  guint8 bytes[128];
  TcwWireWriter writer;

  switch (record->type)
    {
    case TCW_WIRE_IDENTITY:
      handle_identity (fake, record);
      return;
    case TCW_WIRE_EXEC:
      handle_exec (fake, record);
      return;
    case TCW_WIRE_KILL:
      handle_kill (fake, record);
      return;
    case TCW_WIRE_GET:
    case TCW_WIRE_PUT:
      handle_files (fake, record);
      return;
    case TCW_WIRE_LISTEN:
    case TCW_WIRE_CONNECT_OUT:
      handle_tunnels (fake, record);
      return;
    case TCW_WIRE_LIST:
      handle_list (fake, record);
      return;
    case TCW_WIRE_STATS:
      tcw_wire_writer_init (&writer, bytes, sizeof bytes);
      tcw_wire_stats_encode (&writer, &stats);
      reply (fake, record->request, TCW_WIRE_STATUS_OK, "", bytes, writer.length);
      return;
    case TCW_WIRE_SYNC:
    case TCW_WIRE_UNLISTEN:
    case TCW_WIRE_SIGNAL:
    case TCW_WIRE_POWER_OFF:
      reply (fake, record->request, TCW_WIRE_STATUS_OK, "", NULL, 0);
      return;
    default:
      reply (fake, record->request, TCW_WIRE_STATUS_NOT_SUPPORTED, "", NULL, 0);
      return;
    }
}

static void
handle_events (FakeAgent *fake)
{
  TcwWireEvent event;
  TcwWireRecord record;

  while (tcw_wire_link_next_event (fake->link, &event))
    {
      if (event.type == TCW_WIRE_EVENT_HELLO)
        {
          if (event.fresh || event.attach)
            tcw_wire_record_reader_clear (&fake->records);
          if (event.fresh)
            g_hash_table_remove_all (fake->jobs);
          tcw_wire_link_welcome (fake->link, event.fresh, "fake\n1", "exec tree");
        }
      if (event.type != TCW_WIRE_EVENT_STREAM)
        continue;
      if (event.id != 0)
        work (fake, event.stream);
      while (event.id == 0
             && tcw_wire_record_receive (&fake->records, tcw_wire_link_get_stream (fake->link, 0), &record) == TCW_WIRE_RECORD_COMPLETE)
        handle_record (fake, &record);
    }
}
