/* The agent link at work: its socket, greeting, records and waiting. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcw-qemu-agent-private.h"

enum {
  /* HELLO again after so long, at first and at last. Every so many times with padding. */
  RETRY_FIRST_MS = 50,
  RETRY_LAST_MS = 1000,
  RETRY_PAD = 8,
  RESYNCS_MAX = 32, /* in one connection */
};

/* --- the end of a connection --- */

void
tcw_qemu_agent_close_link (TcwQemuAgent *self, TcwQemuAgentError code, const char *format, ...)
{
  gboolean was_open = self->fd >= 0;
  va_list args;

  tcw_wire_link_disconnect (self->link);
  g_clear_pointer (&self->source, g_source_destroy);
  g_clear_pointer (&self->retry, g_source_destroy);
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  self->write_length = self->write_done = 0;
  g_clear_error (&self->closed);
  va_start (args, format);
  self->closed = g_error_new_valist (TCW_QEMU_AGENT_ERROR, (int) code, format, args);
  va_end (args);
  if (was_open)
    g_signal_emit_by_name (self, "closed");
}

/* As close_link, after a system call failed. */
static void
close_by_errno (TcwQemuAgent *self, const char *doing, int errsv)
{
  tcw_qemu_agent_close_link (self, TCW_QEMU_AGENT_ERROR_LINK_CLOSED, "the link to the guest's agent broke: %s: %s", doing,
                             g_strerror (errsv));
}

static void
close_by_protocol (TcwQemuAgent *self, const char *what)
{
  tcw_qemu_agent_close_link (self, TCW_QEMU_AGENT_ERROR_PROTOCOL, "the guest's agent broke the protocol: %s", what);
}

/* --- sending --- */

/* Moves waiting records into the control stream. */
static void
fill_control (TcwQemuAgent *self)
{
  gsize n;

  if (self->control->len == 0 || !tcw_wire_link_is_connected (self->link))
    return;
  n = tcw_wire_stream_write (tcw_wire_link_get_stream (self->link, 0), self->control->data, self->control->len);
  g_byte_array_remove_range (self->control, 0, (guint) n);
}

/* Writes what can be written. FALSE: the connection is gone; the caller closes it with errno. */
static gboolean
write_out (TcwQemuAgent *self)
{
  for (;;)
    {
      gssize n;

      if (self->write_done == self->write_length)
        {
          fill_control (self);
          self->write_done = 0;
          self->write_length = tcw_wire_link_pull (self->link, self->write_buffer, TCW_WIRE_FRAME_MAX);
          if (self->write_length == 0)
            return TRUE;
        }
      n = send (self->fd, self->write_buffer + self->write_done, self->write_length - self->write_done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0)
        return errno == EAGAIN || errno == EINTR;
      self->write_done += (gsize) n;
    }
}

void
tcw_qemu_agent_flush (TcwQemuAgent *self)
{
  gboolean blocked;

  if (self->fd < 0 || self->flushing)
    return;
  if (!write_out (self))
    {
      close_by_errno (self, "cannot write", errno);
      return;
    }
  blocked = self->write_done < self->write_length;
  g_source_modify_unix_fd (self->source, self->fd_tag, G_IO_IN | (blocked ? G_IO_OUT : 0));
}

/* --- greeting --- */

static gboolean
new_epoch (TcwQemuAgent *self)
{
  do
    if (getrandom (&self->epoch, sizeof self->epoch, 0) != sizeof self->epoch)
      return FALSE;
  while (self->epoch == 0);
  return TRUE;
}

static gboolean
say_hello_again (gpointer data)
{
  TcwQemuAgent *self = data;
  gint64 delay = MIN ((gint64) RETRY_FIRST_MS << MIN (self->n_hellos, 8u), RETRY_LAST_MS);

  if (self->welcomed || self->fd < 0)
    {
      self->retry = NULL;
      return G_SOURCE_REMOVE;
    }
  g_source_set_ready_time (self->retry, g_get_monotonic_time () + delay * 1000);
  /* When the guest takes nothing, there is no use in sending more. */
  if (self->write_done == self->write_length)
    {
      self->n_hellos++;
      tcw_wire_link_hello (self->link, self->session, self->epoch, self->hello_flags, self->n_hellos % RETRY_PAD == 1);
      tcw_qemu_agent_flush (self);
    }
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_plain (GSource *source, GSourceFunc callback, gpointer user_data)
{
  if (callback == NULL)
    {
      g_source_set_ready_time (source, -1);
      return G_SOURCE_CONTINUE;
    }
  return callback (user_data);
}

static const GSourceFuncs plain_funcs = { .dispatch = dispatch_plain };

GSource *
tcw_qemu_agent_new_source (void)
{
  /* GLib's parameter is not const, and nothing is written there. */
  return g_source_new ((GSourceFuncs *) (guintptr) &plain_funcs, sizeof (GSource));
}

void
tcw_qemu_agent_attach_source (TcwQemuAgent *self, GSource **place, GSource *source, GSourceFunc func)
{
  g_source_set_callback (source, func, self, NULL);
  g_source_set_can_recurse (source, TRUE);
  g_source_attach (source, self->context);
  *place = source;
  g_source_unref (source); /* the context's own reference keeps it */
}

/* Says hello under a new epoch, and goes on saying it. */
void
tcw_qemu_agent_greet (TcwQemuAgent *self)
{
  GSource *source;

  self->welcomed = FALSE;
  self->n_hellos = 0;
  if (!new_epoch (self))
    {
      close_by_errno (self, "cannot get random numbers", errno);
      return;
    }
  tcw_wire_link_hello (self->link, self->session, self->epoch, self->hello_flags, FALSE);
  g_clear_pointer (&self->retry, g_source_destroy);
  source = tcw_qemu_agent_new_source ();
  g_source_set_ready_time (source, g_get_monotonic_time () + RETRY_FIRST_MS * 1000);
  tcw_qemu_agent_attach_source (self, &self->retry, source, say_hello_again);
  tcw_qemu_agent_flush (self);
}

/* All streams are gone; whoever has one is told. */
static void
lose_streams (TcwQemuAgent *self)
{
  g_autoptr (GList) ports = g_hash_table_get_keys (self->ports);

  g_byte_array_set_size (self->control, 0);
  tcw_wire_record_reader_clear (&self->records);
  g_hash_table_remove_all (self->listeners);
  tcw_qemu_agent_lose_calls (self);
  tcw_qemu_agent_lose_execs (self);
  for (GList *at = ports; at != NULL; at = at->next)
    {
      TcwQemuAgentPort *port = at->data;

      if (!g_hash_table_remove (self->ports, port))
        continue; /* closed by what another one's owner did */
      port->stream = NULL;
      port->lost = TRUE;
      port->changed (port->owner);
    }
}

static void
handle_welcome (TcwQemuAgent *self, const TcwWireEvent *event)
{
  self->protocol = event->peer_version;
  if (self->protocol == 0)
    {
      tcw_qemu_agent_close_link (self, TCW_QEMU_AGENT_ERROR_NOT_SUPPORTED,
                                 "the guest's agent (%s) speaks no version of the protocol that this worker speaks", event->version);
      return;
    }
  self->welcomed = TRUE;
  self->fresh = event->fresh;
  self->needs_identity = event->identity_needed;
  self->last_stream = MAX (self->last_stream, event->last_stream);
  g_free (self->version);
  g_free (self->capabilities);
  self->version = g_strdup (event->version);
  self->capabilities = g_strdup (event->capabilities);
  if (event->fresh && (self->hello_flags & TCW_WIRE_HELLO_RESUME) != 0)
    lose_streams (self);
  self->began = TRUE;
  self->hello_flags = TCW_WIRE_HELLO_RESUME;
}

/* --- receiving --- */

static gboolean
handle_record (TcwQemuAgent *self, const TcwWireRecord *record)
{
  g_autofree char *text = NULL;
  TcwWireLog log;

  switch (record->type)
    {
    case TCW_WIRE_REPLY:
      return tcw_qemu_agent_handle_reply (self, record);
    case TCW_WIRE_EXIT:
      return tcw_qemu_agent_handle_exit (self, record);
    case TCW_WIRE_CONNECT:
      return tcw_qemu_agent_handle_connect (self, record);
    case TCW_WIRE_LOG:
      if (!tcw_wire_log_decode (record->body, record->length, &log))
        return FALSE;
      text = tcw_qemu_agent_clean_text (log.text);
      g_debug ("guest's agent: %s", text);
      return TRUE;
    default: /* of a later version */
      return TRUE;
    }
}

static void
read_records (TcwQemuAgent *self)
{
  TcwWireRecord record;

  for (;;)
    {
      TcwWireStream *control = tcw_wire_link_get_stream (self->link, 0);
      TcwWireRecordResult result = tcw_wire_record_receive (&self->records, control, &record);
      g_autofree char *what = NULL;

      if (result == TCW_WIRE_RECORD_NONE)
        return;
      if (result != TCW_WIRE_RECORD_COMPLETE)
        {
          close_by_protocol (self, "a record is too long");
          return;
        }
      tcw_wire_stream_acknowledge (control);
      if (handle_record (self, &record))
        continue;
      what = g_strdup_printf ("a record of type %u is broken", record.type);
      close_by_protocol (self, what);
      return;
    }
}

static void
handle_stream (TcwQemuAgent *self, const TcwWireEvent *event)
{
  TcwQemuAgentPort *port = tcw_wire_stream_get_data (event->stream);

  if (event->id == 0)
    read_records (self);
  else if (port != NULL)
    port->changed (port->owner);
}

static void
handle_events (TcwQemuAgent *self)
{
  TcwWireEvent event;

  while (tcw_wire_link_next_event (self->link, &event))
    switch (event.type)
      {
      case TCW_WIRE_EVENT_WELCOME:
        handle_welcome (self, &event);
        break;
      case TCW_WIRE_EVENT_STREAM:
        handle_stream (self, &event);
        break;
      case TCW_WIRE_EVENT_PONG:
        self->pinged = FALSE;
        break;
      case TCW_WIRE_EVENT_RESYNC:
        if (self->fd >= 0 && ++self->n_resyncs <= RESYNCS_MAX)
          tcw_qemu_agent_greet (self);
        else
          close_by_protocol (self, event.text);
        break;
      case TCW_WIRE_EVENT_FAILED:
        close_by_protocol (self, event.text);
        break;
      case TCW_WIRE_EVENT_UNKNOWN: /* attached when somebody asks for the command that it belongs to */
        g_hash_table_add (self->unknown, GUINT_TO_POINTER (event.id));
        break;
      case TCW_WIRE_EVENT_HELLO:
      default:
        break;
      }
}

/* Something can be read or written. */
gboolean
tcw_qemu_agent_on_socket (gpointer data)
{
  g_autoptr (TcwQemuAgent) self = g_object_ref (data);
  gssize n;

  if (self->fd < 0)
    return G_SOURCE_REMOVE;
  n = recv (self->fd, self->read_buffer, TCW_QEMU_AGENT_READ_SIZE, MSG_DONTWAIT);
  if (n > 0)
    {
      tcw_wire_link_push (self->link, self->read_buffer, (gsize) n);
      handle_events (self);
    }
  else if (n == 0)
    tcw_qemu_agent_close_link (self, TCW_QEMU_AGENT_ERROR_LINK_CLOSED,
                               "the link to the guest's agent was closed: the virtual machine is gone");
  else if (errno != EAGAIN && errno != EINTR)
    close_by_errno (self, "cannot read", errno);
  tcw_qemu_agent_flush (self);
  return self->fd >= 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* --- waiting --- */

/* A source that wakes the context at @wait's deadline, or when it is cancelled. */
static GSource *
new_waker (TcwQemuAgent *self, const TcwQemuAgentWait *wait)
{
  GSource *waker = tcw_qemu_agent_new_source ();

  if (wait->deadline != G_MAXINT64)
    g_source_set_ready_time (waker, wait->deadline);
  if (wait->cancellable != NULL)
    {
      g_autoptr (GSource) child = g_cancellable_source_new (wait->cancellable);

      g_source_set_dummy_callback (child);
      g_source_add_child_source (waker, child);
    }
  g_source_attach (waker, self->context);
  return waker;
}

static gboolean
check_wait (TcwQemuAgent *self, const TcwQemuAgentWait *wait, GError **error)
{
  if (g_cancellable_set_error_if_cancelled (wait->cancellable, error))
    {
      g_prefix_error (error, "%s: ", wait->what);
      return FALSE;
    }
  if (self->closed != NULL)
    {
      if (error != NULL)
        *error = g_error_copy (self->closed);
      g_prefix_error (error, "%s: ", wait->what);
      return FALSE;
    }
  if (g_get_monotonic_time () < wait->deadline)
    return TRUE;
  g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_TIMEOUT, "the guest's agent did not answer in time: %s", wait->what);
  return FALSE;
}

gboolean
tcw_qemu_agent_wait (TcwQemuAgent *self, const TcwQemuAgentWait *wait, TcwQemuAgentReadyFunc ready, gpointer data, GError **error)
{
  g_autoptr (TcwQemuAgent) keep = g_object_ref (self);
  GSource *waker = NULL;
  gboolean done;

  tcw_qemu_agent_flush (self);
  while (!(done = ready (data)) && check_wait (self, wait, error))
    {
      if (waker == NULL)
        waker = new_waker (self, wait);
      g_main_context_iteration (self->context, TRUE);
      tcw_qemu_agent_flush (self);
    }
  if (waker != NULL)
    {
      g_source_destroy (waker);
      g_source_unref (waker);
    }
  return done;
}
