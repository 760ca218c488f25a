/* Requests to the agent and their answers, ports, and the requests that concern the machine. */
#include <string.h>
#include <time.h>

#include "tcw-qemu-agent-private.h"

/* --- ports --- */

void
tcw_qemu_agent_port_adopt (TcwQemuAgentPort *self, TcwQemuAgent *agent, TcwWireStream *stream)
{
  self->agent = agent;
  self->stream = stream;
  self->lost = FALSE;
  tcw_wire_stream_set_data (stream, self);
  g_hash_table_add (agent->ports, self);
}

gboolean
tcw_qemu_agent_port_open (TcwQemuAgentPort *self, TcwQemuAgent *agent, guint32 id, gsize receive, gsize send, GError **error)
{
  TcwWireOpen how = id == 0 ? TCW_WIRE_OPEN_INITIATE : TCW_WIRE_OPEN_ACCEPT;
  TcwWireStream *stream = tcw_wire_stream_open (agent->link, id == 0 ? ++agent->last_stream : id, how, receive, send);

  if (stream == NULL)
    {
      g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LIMIT, "the link to the guest's agent has no room for another stream");
      return FALSE;
    }
  tcw_qemu_agent_port_adopt (self, agent, stream);
  return TRUE;
}

void
tcw_qemu_agent_port_close (TcwQemuAgentPort *self, guint32 code)
{
  if (self->stream == NULL)
    return;
  g_hash_table_remove (self->agent->ports, self);
  tcw_wire_stream_close (self->stream, code);
  self->stream = NULL;
  tcw_qemu_agent_flush (self->agent);
}

guint32
tcw_qemu_agent_port_get_id (const TcwQemuAgentPort *self)
{
  return self->stream == NULL ? 0 : tcw_wire_stream_get_id (self->stream);
}

/* --- calls --- */

struct _TcwQemuAgentCall
{
  TcwQemuAgent *agent;
  guint32 number;
  gboolean done;
  guint32 status;
  char *message;
  GBytes *body;
};

void
tcw_qemu_agent_queue_record (TcwQemuAgent *self, TcwWireMessage type, guint32 request, const GByteArray *body)
{
  guint8 header[TCW_WIRE_RECORD_HEADER_SIZE];
  guint length = body == NULL ? 0 : body->len;

  tcw_wire_record_header_encode ((uint16_t) type, request, length, header);
  g_byte_array_append (self->control, header, sizeof header);
  if (length > 0)
    g_byte_array_append (self->control, body->data, length);
}

guint32
tcw_qemu_agent_next_number (TcwQemuAgent *self)
{
  if (++self->last_number == 0)
    self->last_number = 1; /* 0 is for events */
  return self->last_number;
}

TcwQemuAgentCall *
tcw_qemu_agent_call_new (TcwQemuAgent *self, TcwWireMessage type, const GByteArray *body, GError **error)
{
  TcwQemuAgentCall *call;

  if (body != NULL && body->len > TCW_WIRE_RECORD_MAX)
    {
      g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LIMIT, "a request of %u bytes is over the limit of %d", body->len,
                   TCW_WIRE_RECORD_MAX);
      return NULL;
    }
  if (self->closed != NULL)
    {
      if (error != NULL)
        *error = g_error_copy (self->closed);
      return NULL;
    }
  call = g_new0 (TcwQemuAgentCall, 1);
  call->agent = self;
  call->number = tcw_qemu_agent_next_number (self);
  g_hash_table_insert (self->calls, GUINT_TO_POINTER (call->number), call);
  tcw_qemu_agent_queue_record (self, type, call->number, body);
  tcw_qemu_agent_flush (self);
  return call;
}

void
tcw_qemu_agent_call_free (TcwQemuAgentCall *self)
{
  if (self == NULL)
    return;
  g_hash_table_remove (self->agent->calls, GUINT_TO_POINTER (self->number));
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self->message);
  g_free (self);
}

gboolean
tcw_qemu_agent_call_is_done (TcwQemuAgentCall *self)
{
  return self->done;
}

gboolean
tcw_qemu_agent_handle_reply (TcwQemuAgent *self, const TcwWireRecord *record)
{
  TcwQemuAgentCall *call = g_hash_table_lookup (self->calls, GUINT_TO_POINTER (record->request));
  TcwWireReply reply;

  if (!tcw_wire_reply_decode (record->body, record->length, &reply))
    return FALSE;
  if (call == NULL || call->done)
    return TRUE; /* nobody waits any more */
  call->done = TRUE;
  call->status = reply.status;
  call->message = tcw_qemu_agent_clean_text (reply.message);
  call->body = g_bytes_new (reply.body, reply.body_length);
  return TRUE;
}

void
tcw_qemu_agent_lose_calls (TcwQemuAgent *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->calls);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      TcwQemuAgentCall *call = value;

      if (call->done)
        continue;
      call->done = TRUE;
      call->status = TCW_QEMU_AGENT_ERROR_SESSION_LOST;
      call->message = g_strdup ("the guest's agent began anew");
    }
}

char *
tcw_qemu_agent_clean_text (const char *text)
{
  char *clean = g_utf8_make_valid (text, -1);

  for (char *at = clean; *at != '\0'; at = g_utf8_next_char (at))
    if (g_ascii_iscntrl (*at))
      *at = ' ';
    else if (g_unichar_iscntrl (g_utf8_get_char (at)))
      at[0] = at[1] = ' '; /* U+0080 to U+009F, two bytes each: terminals obey some of them as they obey escapes */
  return g_strchomp (clean);
}

gboolean
tcw_qemu_agent_refuse (guint32 status, const char *message, const char *what, GError **error)
{
  const char *reason = message[0] != '\0' ? message : tcw_wire_status_to_string (status);

  if (what == NULL)
    g_set_error (error, TCW_QEMU_AGENT_ERROR, (int) status, "%s", reason);
  else
    g_set_error (error, TCW_QEMU_AGENT_ERROR, (int) status, "%s: %s", what, reason);
  return FALSE;
}

gboolean
tcw_qemu_agent_call_get_result (TcwQemuAgentCall *self, const char *what, GError **error)
{
  return self->status == TCW_WIRE_STATUS_OK || tcw_qemu_agent_refuse (self->status, self->message, what, error);
}

static gboolean
call_is_done (gpointer data)
{
  return tcw_qemu_agent_call_is_done (data);
}

GBytes *
tcw_qemu_agent_call_wait (TcwQemuAgentCall *self, const TcwQemuAgentWait *wait, GError **error)
{
  if (!tcw_qemu_agent_wait (self->agent, wait, call_is_done, self, error))
    return NULL;
  return tcw_qemu_agent_call_get_result (self, wait->what, error) ? self->body : NULL;
}

GBytes *
tcw_qemu_agent_request (TcwQemuAgent *self, TcwWireMessage type, const GByteArray *body, const TcwQemuAgentWait *wait, GError **error)
{
  g_autoptr (TcwQemuAgentCall) call = tcw_qemu_agent_call_new (self, type, body, error);
  GBytes *answer;

  if (call == NULL)
    {
      g_prefix_error (error, "%s: ", wait->what);
      return NULL;
    }
  answer = tcw_qemu_agent_call_wait (call, wait, error);
  return answer == NULL ? NULL : g_bytes_ref (answer);
}

/* A request whose answer has no body. */
static gboolean
request_plain (TcwQemuAgent *self, TcwWireMessage type, const GByteArray *body, const TcwQemuAgentWait *wait, GError **error)
{
  g_autoptr (GBytes) answer = tcw_qemu_agent_request (self, type, body, wait, error);

  return answer != NULL;
}

/* The agent said yes, and what it said besides makes no sense. */
static gboolean
fail_answer (const char *what, GError **error)
{
  g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL, "%s: the agent's answer is broken", what);
  return FALSE;
}

/* --- the machine --- */

static guint
count_strings (const char *const *strings)
{
  return strings == NULL ? 0 : g_strv_length ((char **) (guintptr) strings);
}

gboolean
tcw_qemu_agent_identify (TcwQemuAgent *self, const TcwQemuAgentIdentity *identity, gint64 deadline, GCancellable *cancellable,
                         GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "giving the guest its identity" };
  const TcwQemuAgentNetwork *network = identity->network;
  TcwWireIdentity message = { .entropy = identity->entropy, .entropy_length = (guint32) identity->entropy_length,
                              .host_name = identity->host_name, .machine_id = identity->machine_id };
  struct timespec now;

  if (network != NULL)
    {
      message.network = (TcwWireNetwork) { .present = true, .address4 = network->address4, .prefix4 = (guint8) network->prefix4,
                                           .gateway4 = network->gateway4, .address6 = network->address6,
                                           .prefix6 = (guint8) network->prefix6, .gateway6 = network->gateway6,
                                           .dns = { .count = count_strings (network->dns), .items = network->dns } };
      g_strlcpy (message.network.mac, network->mac != NULL ? network->mac : "", sizeof message.network.mac);
    }
  clock_gettime (CLOCK_REALTIME, &now);
  message.clock_ns = (guint64) now.tv_sec * 1000000000u + (guint64) now.tv_nsec;
  TCW_QEMU_AGENT_ENCODE (body, tcw_wire_identity_encode, &message);

  gboolean done = request_plain (self, TCW_WIRE_IDENTITY, body, &wait, error);

  explicit_bzero (body->data, body->len);
  if (done)
    self->needs_identity = FALSE;
  return done;
}

static gboolean
has_pong (gpointer data)
{
  TcwQemuAgent *self = data;

  return !self->pinged;
}

gboolean
tcw_qemu_agent_ping (TcwQemuAgent *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "asking for a sign of life" };

  self->pinged = TRUE;
  tcw_wire_link_ping (self->link, "ping", 4);
  return tcw_qemu_agent_wait (self, &wait, has_pong, self, error);
}

gboolean
tcw_qemu_agent_sync (TcwQemuAgent *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "writing the guest's data to its disks" };

  return request_plain (self, TCW_WIRE_SYNC, NULL, &wait, error);
}

gboolean
tcw_qemu_agent_power_off (TcwQemuAgent *self, gboolean restart, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "powering the guest off" };
  TcwWirePowerOff message = { .restart = restart != FALSE };

  TCW_QEMU_AGENT_ENCODE (body, tcw_wire_power_off_encode, &message);
  return request_plain (self, TCW_WIRE_POWER_OFF, body, &wait, error);
}

gboolean
tcw_qemu_agent_get_stats (TcwQemuAgent *self, TcwWireStats *stats, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "asking for the guest's figures" };
  g_autoptr (GBytes) answer = tcw_qemu_agent_request (self, TCW_WIRE_STATS, NULL, &wait, error);

  if (answer == NULL)
    return FALSE;
  return tcw_wire_stats_decode (g_bytes_get_data (answer, NULL), g_bytes_get_size (answer), stats) || fail_answer (wait.what, error);
}

gboolean
tcw_qemu_agent_mount (TcwQemuAgent *self, const TcwWireMount *mount, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autofree char *what = g_strdup_printf ("mounting %s in the guest", mount->path);
  TcwQemuAgentWait wait = { deadline, cancellable, what };

  TCW_QEMU_AGENT_ENCODE (body, tcw_wire_mount_encode, mount);
  return request_plain (self, TCW_WIRE_MOUNT, body, &wait, error);
}

gboolean
tcw_qemu_agent_unmount (TcwQemuAgent *self, const char *path, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autofree char *what = g_strdup_printf ("unmounting %s in the guest", path);
  TcwQemuAgentWait wait = { deadline, cancellable, what };
  TcwWireUnmount message = { .path = path };

  TCW_QEMU_AGENT_ENCODE (body, tcw_wire_unmount_encode, &message);
  return request_plain (self, TCW_WIRE_UNMOUNT, body, &wait, error);
}

GArray *
tcw_qemu_agent_list (TcwQemuAgent *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "asking for the guest's commands" };
  g_autoptr (GBytes) answer = tcw_qemu_agent_request (self, TCW_WIRE_LIST, NULL, &wait, error);
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (TcwWireExecInfo));
  TcwWireExecList list;
  TcwWireExecInfo item;

  if (answer == NULL)
    return NULL;
  if (!tcw_wire_exec_list_decode (g_bytes_get_data (answer, NULL), g_bytes_get_size (answer), &list))
    {
      fail_answer (wait.what, error);
      return NULL;
    }
  while (tcw_wire_exec_list_next (&list, &item))
    {
      self->last_exec = MAX (self->last_exec, item.exec);
      g_array_append_val (items, item);
    }
  return g_steal_pointer (&items);
}
