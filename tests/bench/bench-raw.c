/* QEMU by hand; see bench-raw.h. */
#include "bench-raw.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tcw-fs.h"
#include "base/tcw-json.h"
#include "bench-socket.h"
#include "tcw-qemu-domain-xml.h"

#define BUFFER_SIZE (256 * 1024)
#define END_BYTE 4
#define CAPABILITIES \
  "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":true}]}}\n"
#define PARAMETERS "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"max-bandwidth\":10737418240}}\n"
#define GET_FD "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\"}}\n"
#define MIGRATE "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"fd:state\"}}\n"
#define MIGRATE_INCOMING "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"fd:state\"}}\n"

struct _BenchRaw
{
  char *monitor_path;
  char *port_path;
  char *console_path;
  GPid pid;
  int monitor;
  int port;
  GString *lines; /* read from the monitor, not yet looked at */
  char *buffer;
};

static char *
path_in (const BenchRawSpec *spec, const char *name)
{
  return g_build_filename (spec->folder, name, NULL);
}

/* --- The command line. ------------------------------------------------------------------------------------------------ */

/* A domain's description, with the strings in it. */
typedef struct
{
  TcwQemuDomainSpec domain;
  char *uuid;
  char *cmdline;
  char *console;
  char *port;
} Description;

static void
description_clear (Description *self)
{
  g_free (self->uuid);
  g_free (self->cmdline);
  g_free (self->console);
  g_free (self->port);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Description, description_clear)

static void
describe (const BenchRawSpec *spec, Description *self)
{
  TcwQemuConnection *connection = tcw_qemu_host_get_connection (spec->host);
  const char *words = tcw_qemu_image_get_cmdline (spec->image);

  self->uuid = g_uuid_string_random ();
  self->cmdline = spec->init != NULL ? g_strdup_printf ("%s rdinit=%s", words, spec->init) : g_strdup (words);
  self->console = path_in (spec, "console");
  self->port = path_in (spec, "port");
  self->domain = (TcwQemuDomainSpec){
    .name = "tcw-bench-floor",
    .uuid = self->uuid,
    .accel = tcw_qemu_host_get_accel (spec->host)->accel,
    .memory_mib = spec->machine.memory_mib,
    .sockets = spec->machine.sockets,
    .cores = spec->machine.cores,
    .threads = spec->machine.threads,
    .emulator = tcw_qemu_connection_get_emulator (connection),
    .kernel = tcw_qemu_image_get_kernel_path (spec->image),
    .initrd = spec->initrd != NULL ? spec->initrd : tcw_qemu_image_get_initrd_path (spec->image),
    .cmdline = self->cmdline,
    .console_socket = self->console,
    .agent_socket = self->port,
    .ram_path = spec->ram_path,
    .ram_shared = spec->ram_shared,
    .incoming = spec->incoming,
  };
}

TcwQemuVm *
bench_raw_make_vm (const BenchRawSpec *spec, GError **error)
{
  g_auto (Description) description = { 0 };

  describe (spec, &description);
  return tcw_qemu_vm_new (tcw_qemu_host_get_connection (spec->host), &description.domain, error);
}

/* The environment that libvirt shows is left out, and the secret for which there is no file. */
static char **
translate (const BenchRawSpec *spec, char **words)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autofree char *monitor = path_in (spec, "monitor");

  while (*words != NULL && (*words)[0] != '/')
    words++;
  for (; *words != NULL; words++)
    {
      if (g_strcmp0 (words[0], "-object") == 0 && words[1] != NULL && strstr (words[1], "masterKey0") != NULL)
        words++;
      else if (g_str_has_prefix (*words, "socket,id=charmonitor"))
        g_ptr_array_add (argv, g_strdup_printf ("socket,id=charmonitor,path=%s,server=on,wait=off", monitor));
      else
        g_ptr_array_add (argv, g_strdup (*words));
    }
  g_ptr_array_add (argv, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&argv), FALSE);
}

char **
bench_raw_prepare (const BenchRawSpec *spec, GError **error)
{
  virConnectPtr connection = tcw_qemu_connection_get_handle (tcw_qemu_host_get_connection (spec->host));
  g_auto (Description) description = { 0 };
  g_autofree char *xml = NULL;
  g_auto (GStrv) words = NULL;
  gboolean parsed;
  char *line;

  describe (spec, &description);
  xml = tcw_qemu_domain_xml_new (&description.domain);
  line = virConnectDomainXMLToNative (connection, "qemu-argv", xml, 0);
  if (line == NULL)
    {
      tcw_qemu_set_libvirt_error (error, TCW_ERROR_INTERNAL, "cannot get QEMU's command line");
      return NULL;
    }
  parsed = g_shell_parse_argv (line, NULL, &words, error);
  free (line);
  return parsed ? translate (spec, words) : NULL;
}

/* --- The monitor. ----------------------------------------------------------------------------------------------------- */

/* Takes the next line; NULL with @error. */
static char *
read_line (BenchRaw *self, GError **error)
{
  for (;;)
    {
      char *end = strchr (self->lines->str, '\n');
      char piece[4096];
      gsize n;

      if (end != NULL)
        {
          char *line = g_strndup (self->lines->str, (gsize) (end - self->lines->str));

          g_string_erase (self->lines, 0, end + 1 - self->lines->str);
          return line;
        }
      n = bench_socket_read (self->monitor, piece, sizeof piece, error);
      if (n == 0)
        return NULL;
      g_string_append_len (self->lines, piece, (gssize) n);
    }
}

/* What the next answer says under "return"; events are passed over. (transfer full) */
static JsonNode *
read_answer (BenchRaw *self, GError **error)
{
  for (;;)
    {
      g_autofree char *line = read_line (self, error);
      g_autoptr (JsonNode) node = line != NULL ? tcw_json_parse (line, -1, "QEMU's monitor", NULL, error) : NULL;
      JsonObject *object;

      if (node == NULL)
        return NULL;
      object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      if (object != NULL && json_object_has_member (object, "return"))
        return json_node_ref (json_object_get_member (object, "return"));
      if (object == NULL || json_object_has_member (object, "error"))
        {
          g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "QEMU's monitor: %s", line);
          return NULL;
        }
    }
}

static JsonNode *
ask (BenchRaw *self, const char *command, int fd, GError **error)
{
  return bench_socket_write (self->monitor, command, strlen (command), fd, error) ? read_answer (self, error) : NULL;
}

static gboolean
tell (BenchRaw *self, const char *command, int fd, GError **error)
{
  g_autoptr (JsonNode) answer = ask (self, command, fd, error);

  return answer != NULL;
}

/* Asks until "status" is none of @pending; TRUE when it is then @wanted. */
static gboolean
wait_for_status (BenchRaw *self, const char *query, const char *const *pending, const char *wanted, GError **error)
{
  for (;;)
    {
      g_autoptr (JsonNode) answer = ask (self, query, -1, error);
      const char *status;

      if (answer == NULL)
        return FALSE;
      status = JSON_NODE_HOLDS_OBJECT (answer) ? tcw_json_get_string_or (json_node_get_object (answer), "status", "none") : "none";
      if (g_strcmp0 (status, wanted) == 0)
        return TRUE;
      if (!g_strv_contains (pending, status))
        {
          g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "a QEMU of the floor is “%s”, not “%s”", status, wanted);
          return FALSE;
        }
    }
}

gboolean
bench_raw_load (BenchRaw *self, const char *state_path, GError **error)
{
  static const char *const pending[] = { "inmigrate", NULL };
  int fd = open (state_path, O_RDONLY | O_CLOEXEC);
  gboolean begun;

  if (fd < 0)
    return tcw_fs_fail (error, errno, "cannot open %s", state_path);
  begun = tell (self, GET_FD, fd, error) && tell (self, MIGRATE_INCOMING, -1, error);
  close (fd);
  return begun && wait_for_status (self, "{\"execute\":\"query-status\"}\n", pending, "paused", error);
}

gboolean
bench_raw_resume (BenchRaw *self, GError **error)
{
  return tell (self, "{\"execute\":\"cont\"}\n", -1, error);
}

gboolean
bench_raw_save (BenchRaw *self, const char *state_path, GError **error)
{
  static const char *const pending[] = { "none", "setup", "active", "device", NULL };
  int fd = open (state_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  gboolean begun;

  if (fd < 0)
    return tcw_fs_fail (error, errno, "cannot make %s", state_path);
  begun = tell (self, "{\"execute\":\"stop\"}\n", -1, error) && tell (self, PARAMETERS, -1, error) && tell (self, GET_FD, fd, error)
          && tell (self, MIGRATE, -1, error);
  close (fd);
  return begun && wait_for_status (self, "{\"execute\":\"query-migrate\"}\n", pending, "completed", error);
}

/* --- The process. ----------------------------------------------------------------------------------------------------- */

BenchRaw *
bench_raw_new (const BenchRawSpec *spec, char **argv, GError **error)
{
  g_autoptr (BenchRaw) self = g_new0 (BenchRaw, 1);
  const GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_STDOUT_TO_DEV_NULL;
  g_autofree char *greeting = NULL;

  self->monitor = self->port = -1;
  self->monitor_path = path_in (spec, "monitor");
  self->port_path = path_in (spec, "port");
  self->console_path = path_in (spec, "console");
  self->lines = g_string_new (NULL);
  self->buffer = g_malloc (BUFFER_SIZE);
  if (!g_spawn_async (NULL, argv, NULL, flags, NULL, NULL, &self->pid, error))
    return NULL;
  self->monitor = bench_socket_connect (self->monitor_path, error);
  if (self->monitor < 0 || (greeting = read_line (self, error)) == NULL)
    return NULL;
  if (!tell (self, "{\"execute\":\"qmp_capabilities\"}\n", -1, error) || !tell (self, CAPABILITIES, -1, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
bench_raw_free (BenchRaw *self)
{
  if (self == NULL)
    return;
  if (self->pid > 0)
    {
      kill (self->pid, SIGKILL);
      waitpid (self->pid, NULL, 0);
    }
  if (self->monitor >= 0)
    close (self->monitor);
  if (self->port >= 0)
    close (self->port);
  unlink (self->monitor_path);
  unlink (self->port_path);
  unlink (self->console_path);
  g_free (self->monitor_path);
  g_free (self->port_path);
  g_free (self->console_path);
  g_string_free (self->lines, TRUE);
  g_free (self->buffer);
  g_free (self);
}

int
bench_raw_get_pid (BenchRaw *self)
{
  return self->pid;
}

const char *
bench_raw_get_port_path (BenchRaw *self)
{
  return self->port_path;
}

/* --- The plain program in the guest. ---------------------------------------------------------------------------------- */

gboolean
bench_raw_connect_port (BenchRaw *self, GError **error)
{
  self->port = bench_socket_connect (self->port_path, error);
  return self->port >= 0;
}

gboolean
bench_raw_expect (BenchRaw *self, char what, GError **error)
{
  gsize n = bench_socket_read (self->port, self->buffer, BUFFER_SIZE, error);

  if (n == 1 && self->buffer[0] == what)
    return TRUE;
  if (n > 0)
    g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "the floor's guest sent %" G_GSIZE_FORMAT " bytes, not a byte %d", n, what);
  return FALSE;
}

gboolean
bench_raw_execute (BenchRaw *self, const char *line, gint64 *first, guint64 *length, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%s\n", line);
  guint64 total = 0;
  gsize n;

  if (!bench_socket_write (self->port, text, strlen (text), -1, error))
    return FALSE;
  do
    {
      n = bench_socket_read (self->port, self->buffer, BUFFER_SIZE, error);
      if (n == 0)
        return FALSE;
      if (total == 0 && first != NULL)
        *first = g_get_monotonic_time ();
      total += n;
    }
  while (self->buffer[n - 1] != END_BYTE);
  if (length != NULL)
    *length = total - 1;
  return TRUE;
}

gboolean
bench_raw_give (BenchRaw *self, const void *piece, gsize piece_size, guint64 length, GError **error)
{
  g_autofree char *line = g_strdup_printf ("<%" G_GUINT64_FORMAT "\n", length);

  if (!bench_socket_write (self->port, line, strlen (line), -1, error) || !bench_raw_expect (self, '+', error))
    return FALSE;
  while (length > 0)
    {
      gsize n = (gsize) MIN (length, piece_size);

      if (!bench_socket_write (self->port, piece, n, -1, error))
        return FALSE;
      length -= n;
    }
  return bench_raw_expect (self, END_BYTE, error);
}
