/* The agent object and its connections; see tcw-qemu-agent.h. */
#include "tcw-qemu-agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tcw-qemu-agent-private.h"

G_DEFINE_QUARK (tcw-qemu-agent-error-quark, tcw_qemu_agent_error)
G_DEFINE_TYPE (TcwQemuAgent, tcw_qemu_agent, G_TYPE_OBJECT)

/* --- connecting --- */

/* Connects to a UNIX socket whose path may be longer than an address can hold. Returns a descriptor, or -1 with @error. */
static int
connect_socket (const char *path, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int dir = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int length = g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir, name);
  int errsv = 0;

  if (length >= (int) sizeof address.sun_path)
    errsv = ENAMETOOLONG;
  else if (fd < 0 || dir < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    errsv = errno;
  if (dir >= 0)
    close (dir);
  if (errsv == 0)
    return fd;
  if (fd >= 0)
    close (fd);
  g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LINK_CLOSED, "cannot connect to the guest's agent at %s: %s", path,
               g_strerror (errsv));
  return -1;
}

static gboolean
is_welcomed (gpointer data)
{
  TcwQemuAgent *self = data;

  return self->welcomed && tcw_wire_link_is_connected (self->link);
}

static gboolean
connect_with (TcwQemuAgent *self, const char *socket_path, unsigned flags, const TcwQemuAgentWait *wait, GError **error)
{
  GSource *source;

  tcw_qemu_agent_disconnect (self);
  self->fd = connect_socket (socket_path, error);
  if (self->fd < 0)
    return FALSE;
  g_clear_error (&self->closed);
  self->hello_flags = flags;
  self->n_resyncs = 0;
  source = tcw_qemu_agent_new_source ();
  self->fd_tag = g_source_add_unix_fd (source, self->fd, G_IO_IN);
  tcw_qemu_agent_attach_source (self, &self->source, source, tcw_qemu_agent_on_socket);
  tcw_qemu_agent_greet (self);
  if (tcw_qemu_agent_wait (self, wait, is_welcomed, self, error))
    return TRUE;
  tcw_qemu_agent_close_link (self, TCW_QEMU_AGENT_ERROR_LINK_CLOSED, "there is no link to the guest's agent");
  return FALSE;
}

gboolean
tcw_qemu_agent_connect (TcwQemuAgent *self, const char *socket_path, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "waiting for its hello" };

  return connect_with (self, socket_path, self->began ? TCW_WIRE_HELLO_RESUME : 0, &wait, error);
}

gboolean
tcw_qemu_agent_reattach (TcwQemuAgent *self, const char *socket_path, gint64 deadline, GCancellable *cancellable, GError **error)
{
  TcwQemuAgentWait wait = { deadline, cancellable, "waiting for its hello" };

  if (!connect_with (self, socket_path, TCW_WIRE_HELLO_RESUME | (self->began ? 0 : TCW_WIRE_HELLO_ATTACH), &wait, error))
    return FALSE;
  if (!self->fresh)
    return TRUE;
  g_set_error (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_SESSION_LOST, "the guest's agent knows nothing of the session any more");
  return FALSE;
}

void
tcw_qemu_agent_disconnect (TcwQemuAgent *self)
{
  if (self->fd < 0)
    return;
  /* As far as the guest takes it, so that whoever connects next finds the agent between frames. */
  tcw_qemu_agent_flush (self);
  tcw_qemu_agent_close_link (self, TCW_QEMU_AGENT_ERROR_LINK_CLOSED, "there is no link to the guest's agent");
}

/* --- the object --- */

static void
tcw_qemu_agent_init (TcwQemuAgent *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->link = tcw_wire_link_new (TCW_WIRE_HOST, TCW_WIRE_CONTROL_WINDOW);
  if (self->link == NULL)
    g_error ("out of memory");
  tcw_wire_record_reader_init (&self->records, TCW_WIRE_RECORD_AGENT_MAX);
  /* Answers to a former process, which come again after a re-attach, must not be taken for answers to this one. */
  self->last_number = g_random_int ();
  self->fd = -1;
  self->closed = g_error_new (TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_LINK_CLOSED, "there is no link to the guest's agent");
  self->read_buffer = g_malloc (TCW_QEMU_AGENT_READ_SIZE);
  self->write_buffer = g_malloc (TCW_WIRE_FRAME_MAX);
  self->version = g_strdup ("");
  self->capabilities = g_strdup ("");
  self->control = g_byte_array_new ();
  self->calls = g_hash_table_new (NULL, NULL);
  self->execs = g_hash_table_new (NULL, NULL);
  self->listeners = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->ports = g_hash_table_new (NULL, NULL);
  self->unknown = g_hash_table_new (NULL, NULL);
}

static void
tcw_qemu_agent_finalize (GObject *object)
{
  TcwQemuAgent *self = TCW_QEMU_AGENT (object);

  tcw_qemu_agent_disconnect (self);
  tcw_wire_link_free (self->link);
  tcw_wire_record_reader_clear (&self->records);
  g_main_context_unref (self->context);
  g_clear_error (&self->closed);
  g_free (self->read_buffer);
  g_free (self->write_buffer);
  g_free (self->version);
  g_free (self->capabilities);
  g_byte_array_unref (self->control);
  g_hash_table_unref (self->calls);
  g_hash_table_unref (self->execs);
  g_hash_table_unref (self->listeners);
  g_hash_table_unref (self->ports);
  g_hash_table_unref (self->unknown);
  G_OBJECT_CLASS (tcw_qemu_agent_parent_class)->finalize (object);
}

static void
tcw_qemu_agent_class_init (TcwQemuAgentClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = tcw_qemu_agent_finalize;
  g_signal_new ("closed", TCW_TYPE_QEMU_AGENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

TcwQemuAgent *
tcw_qemu_agent_new (const guint8 *session)
{
  TcwQemuAgent *self = g_object_new (TCW_TYPE_QEMU_AGENT, NULL);

  if (session != NULL)
    memcpy (self->session, session, sizeof self->session);
  else if (getrandom (self->session, sizeof self->session, 0) != sizeof self->session)
    g_error ("getrandom: %s", g_strerror (errno));
  return self;
}

const guint8 *
tcw_qemu_agent_get_session (TcwQemuAgent *self)
{
  return self->session;
}

gboolean
tcw_qemu_agent_is_connected (TcwQemuAgent *self)
{
  return self->fd >= 0 && is_welcomed (self);
}

gboolean
tcw_qemu_agent_is_fresh (TcwQemuAgent *self)
{
  return self->fresh;
}

gboolean
tcw_qemu_agent_needs_identity (TcwQemuAgent *self)
{
  return self->needs_identity;
}

const char *
tcw_qemu_agent_get_version (TcwQemuAgent *self)
{
  return self->version;
}

const char *
tcw_qemu_agent_get_capabilities (TcwQemuAgent *self)
{
  return self->capabilities;
}
