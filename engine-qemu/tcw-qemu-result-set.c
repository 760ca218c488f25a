/* Results in a VM; see tcw-qemu-result-set.h. */
#include "tcw-qemu-result-set.h"

#include "base/tcw-error.h"

/* For all that is taken from one guest: each item by itself would let it hold us for as many times that. */
#define EXTRACT_LIMIT_SECONDS 3600

#define TCW_QEMU_TYPE_RESULT_SET (tcw_qemu_result_set_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuResultSet, tcw_qemu_result_set, TCW_QEMU, RESULT_SET, GObject)

struct _TcwQemuResultSet
{
  GObject parent_instance;
  TcwQemuHost *host;
  TcwTaskContext *context;
  TcwQemuGuest *guest;
  char *home; /* where relative paths begin */
  gboolean success;
  gint64 deadline; /* of all extractions; 0 before the first one */
};

static void tcw_qemu_result_set_iface_init (TcwResultSetInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TcwQemuResultSet, tcw_qemu_result_set, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (TCW_TYPE_RESULT_SET, tcw_qemu_result_set_iface_init))

static gboolean
get_success (TcwResultSet *results)
{
  return TCW_QEMU_RESULT_SET (results)->success;
}

/* --- Extraction: the agent's tree items become the visitor's calls. ---------------------------------------------------- */

typedef struct
{
  TcwTaskLog *log;
  TcwEntryKind kind;
  const TcwEntryVisitor *visitor;
  gpointer user_data;
  GError *error; /* the visitor's own, which is passed on as it is */
} Extraction;

/* A failure of the visitor is kept apart from the agent's. */
static gboolean
keep_error (Extraction *extraction, gboolean done, GError **error)
{
  if (!done)
    g_propagate_error (error, g_error_copy (extraction->error));
  return done;
}

/* Folders come by themselves with their files, and links are left out: they would point into a machine that is gone. */
static gboolean
begin_entry (const TcwWireTreeEntry *entry, gpointer user_data, GError **error)
{
  Extraction *extraction = user_data;
  const TcwEntryVisitor *visitor = extraction->visitor;
  TcwWireTreeType wanted = extraction->kind == TCW_ENTRY_FILE ? TCW_WIRE_TREE_FILE : TCW_WIRE_TREE_FOLDER;

  /* The agent has checked that, if it is ours. */
  if (entry->path[0] == '\0' && entry->type != wanted)
    {
      g_set_error_literal (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PROTOCOL, "the guest sent something else than was asked for");
      return FALSE;
    }
  if (entry->type == TCW_WIRE_TREE_FILE)
    return keep_error (extraction, visitor->begin_file (extraction->user_data, entry->path, entry->size, &extraction->error), error);
  if (entry->type == TCW_WIRE_TREE_LINK)
    tcw_task_log_message (extraction->log, "Left out: %s is a symbolic link.", entry->path);
  return TRUE;
}

static gboolean
take_data (const guint8 *data, gsize length, gpointer user_data, GError **error)
{
  Extraction *extraction = user_data;

  return keep_error (extraction, extraction->visitor->data (extraction->user_data, data, length, &extraction->error), error);
}

static gboolean
take_hole (guint64 length, gpointer user_data, GError **error)
{
  Extraction *extraction = user_data;

  return keep_error (extraction, extraction->visitor->hole (extraction->user_data, length, &extraction->error), error);
}

static gboolean
end_entry (gpointer user_data, GError **error)
{
  Extraction *extraction = user_data;

  return keep_error (extraction, extraction->visitor->end_file (extraction->user_data, &extraction->error), error);
}

static void
take_warning (const char *message, gpointer user_data)
{
  Extraction *extraction = user_data;

  tcw_task_log_message (extraction->log, "Left out: %s.", message);
}

static const TcwQemuAgentVisitor agent_visitor
    = { .begin_entry = begin_entry, .data = take_data, .hole = take_hole, .end_entry = end_entry, .warning = take_warning };

/* What a task's path leads to is the task's doing; that the guest or its agent fails is not. */
static GError *
explain (TcwQemuResultSet *self, GError *error)
{
  g_autoptr (GError) owned = error;

  if (g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NOT_FOUND)
      || g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_NO_DIRECTORY)
      || g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_WRONG_TYPE)
      || g_error_matches (error, TCW_QEMU_AGENT_ERROR, TCW_QEMU_AGENT_ERROR_PERMISSION))
    return g_error_new_literal (TCW_ERROR, TCW_ERROR_TASK_FAILED, owned->message);
  return tcw_qemu_guest_explain (self->guest, g_steal_pointer (&owned), "taking results from the guest");
}

static gboolean
extract (TcwResultSet *results, TcwEntryKind kind, const char *path, const TcwEntryVisitor *visitor, gpointer user_data, GError **error)
{
  TcwQemuResultSet *self = TCW_QEMU_RESULT_SET (results);
  Extraction extraction = { .log = tcw_task_context_get_log (self->context), .kind = kind, .visitor = visitor, .user_data = user_data };
  TcwWireGet what = { .flags = TCW_WIRE_GET_FOLLOW | (kind == TCW_ENTRY_FILE ? TCW_WIRE_GET_FILE : TCW_WIRE_GET_FOLDER) };
  g_autofree char *absolute = NULL;
  GError *local = NULL;
  gboolean done;

  if (self->deadline == 0)
    self->deadline = g_get_monotonic_time () + EXTRACT_LIMIT_SECONDS * G_TIME_SPAN_SECOND;
  absolute = g_path_is_absolute (path) ? g_strdup (path) : g_build_filename (self->home, path, NULL);
  what.path = absolute;
  done = tcw_qemu_agent_get (tcw_qemu_guest_get_agent (self->guest), &what, &agent_visitor, &extraction, self->deadline,
                             tcw_task_context_get_cancellable (self->context), &local);
  if (done)
    return TRUE;
  if (extraction.error != NULL)
    {
      g_propagate_error (error, extraction.error);
      g_error_free (local);
    }
  else
    g_propagate_error (error, explain (self, local));
  return FALSE;
}

/* QEMU's socket takes one client: ours makes room. */
static char *
open_access (TcwResultSet *results)
{
  TcwQemuGuest *guest = TCW_QEMU_RESULT_SET (results)->guest;

  tcw_qemu_agent_disconnect (tcw_qemu_guest_get_agent (guest));
  return g_strdup (tcw_qemu_guest_get_agent_socket (guest));
}

static gboolean
dispose_results (TcwResultSet *results, GError **error)
{
  g_clear_pointer (&TCW_QEMU_RESULT_SET (results)->guest, tcw_qemu_guest_free);
  return TRUE;
}

static void
tcw_qemu_result_set_finalize (GObject *object)
{
  TcwQemuResultSet *self = TCW_QEMU_RESULT_SET (object);

  g_clear_pointer (&self->guest, tcw_qemu_guest_free);
  g_clear_pointer (&self->context, tcw_task_context_unref);
  g_clear_pointer (&self->host, tcw_qemu_host_unref);
  g_free (self->home);
  G_OBJECT_CLASS (tcw_qemu_result_set_parent_class)->finalize (object);
}

static void
tcw_qemu_result_set_class_init (TcwQemuResultSetClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_result_set_finalize;
}

static void
tcw_qemu_result_set_init (TcwQemuResultSet *self)
{
}

static void
tcw_qemu_result_set_iface_init (TcwResultSetInterface *iface)
{
  iface->get_success = get_success;
  iface->extract = extract;
  iface->open_access = open_access;
  iface->dispose = dispose_results;
}

TcwResultSet *
tcw_qemu_result_set_new (TcwQemuHost *host, TcwTaskContext *context, TcwQemuGuest *guest, const char *home, gboolean success)
{
  TcwQemuResultSet *self = g_object_new (TCW_QEMU_TYPE_RESULT_SET, NULL);

  self->host = tcw_qemu_host_ref (host);
  self->context = tcw_task_context_ref (context);
  self->guest = guest;
  self->home = g_strdup (home);
  self->success = success;
  return TCW_RESULT_SET (self);
}
