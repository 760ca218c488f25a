/* The serial console's tail; see tcw-qemu-console.h. */
#include "tcw-qemu-console.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib-unix.h>
#include <string.h>

#define KEPT_BYTES (16 * 1024)
/* A guest that never stops writing doesn't keep us for longer. */
#define TAIL_READS 256

struct _TcwQemuConsole
{
  GSocket *socket;
  GSource *source;
  GString *text;
};

static void
keep (GString *text, const char *data, gsize length)
{
  g_string_append_len (text, data, (gssize) length);
  if (text->len > KEPT_BYTES)
    g_string_erase (text, 0, (gssize) (text->len - KEPT_BYTES));
}

/* Reads what is there. Returns its bytes, 0 at the end (QEMU is gone), -1 when there is nothing now. */
static gssize
read_some (TcwQemuConsole *self)
{
  char buffer[4096];
  gssize n = g_socket_receive_with_blocking (self->socket, buffer, sizeof buffer, FALSE, NULL, NULL);

  if (n > 0)
    keep (self->text, buffer, (gsize) n);
  return n;
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer data)
{
  gssize n = read_some (data);

  return n > 0 || (n < 0 && (condition & (G_IO_HUP | G_IO_ERR)) == 0) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

TcwQemuConsole *
tcw_qemu_console_new (const char *path, GMainContext *context)
{
  TcwQemuConsole *self = g_new0 (TcwQemuConsole, 1);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);

  self->text = g_string_new (NULL);
  if (socket == NULL || !g_socket_connect (socket, address, NULL, NULL))
    return self;
  g_socket_set_blocking (socket, FALSE);
  self->socket = g_steal_pointer (&socket);
  self->source = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->source, context);
  return self;
}

void
tcw_qemu_console_free (TcwQemuConsole *self)
{
  if (self == NULL)
    return;
  if (self->source != NULL)
    {
      g_source_destroy (self->source);
      g_source_unref (self->source);
    }
  g_clear_object (&self->socket);
  g_string_free (self->text, TRUE);
  g_free (self);
}

char *
tcw_qemu_console_tail (TcwQemuConsole *self, guint max_lines, const char *indent)
{
  g_autoptr (GString) clean = g_string_new (NULL);
  g_autoptr (GString) result = g_string_new (NULL);
  g_auto (GStrv) lines = NULL;
  guint n;

  for (int i = 0; i < TAIL_READS && self->socket != NULL && read_some (self) > 0; i++)
    continue;
  for (gsize i = 0; i < self->text->len; i++)
    {
      char c = self->text->str[i];

      if (c == '\n' || c == '\t' || (guchar) c >= 0x20)
        g_string_append_c (clean, c == 0x7f || (guchar) c >= 0x80 ? '?' : c);
    }
  lines = g_strsplit (g_strstrip (clean->str), "\n", -1);
  n = g_strv_length (lines);
  for (guint i = n > max_lines ? n - max_lines : 0; i < n; i++)
    g_string_append_printf (result, "%s%s%s", result->len > 0 ? "\n" : "", indent, lines[i]);
  return n == 0 || clean->str[0] == '\0' ? NULL : g_strdup (result->str);
}
