/* Extraction with checks; see conformance-collector.h. */
#include "conformance-collector.h"

#include <string.h>

#include "base/tcw-error.h"

/* No file of a case is longer. */
#define MAX_HOLE 65536

typedef struct
{
  TcwEntryKind kind;
  GTree *files;  /* path → content, of those that ended */
  char *path;    /* of the file under way */
  GString *text; /* of the file under way */
  gboolean fails;
  ConformanceCallback fails_at;
  gboolean failed;
} Collector;

static gint
compare (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

static void
collector_clear (Collector *self)
{
  g_tree_unref (self->files);
  g_free (self->path);
  if (self->text != NULL)
    g_string_free (self->text, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Collector, collector_clear)

/* Asserts that a visitor that failed is left alone; then fails, if this is the place. */
static gboolean
pass (Collector *self, ConformanceCallback at, GError **error)
{
  g_assert_false (self->failed);
  if (!self->fails || at != self->fails_at)
    return TRUE;
  self->failed = TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "the visitor fails at %d", (int) at);
  return FALSE;
}

static void
check_path (Collector *self, const char *path)
{
  g_auto (GStrv) components = g_strsplit (path, "/", -1);

  if (self->kind == TCW_ENTRY_FILE)
    g_assert_cmpstr (path, ==, "");
  else
    g_assert_nonnull (components[0]);
  for (char **component = components; *component != NULL; component++)
    {
      g_assert_cmpstr (*component, !=, "");
      g_assert_cmpstr (*component, !=, ".");
      g_assert_cmpstr (*component, !=, "..");
    }
}

static gboolean
begin_file (gpointer user_data, const char *path, guint64 size, GError **error)
{
  Collector *self = user_data;

  g_assert_null (self->path);
  check_path (self, path);
  if (!pass (self, CONFORMANCE_BEGIN_FILE, error))
    return FALSE;
  self->path = g_strdup (path);
  self->text = g_string_new (NULL);
  return TRUE;
}

static gboolean
take_data (gpointer user_data, const guint8 *data, gsize length, GError **error)
{
  Collector *self = user_data;

  g_assert_nonnull (self->path);
  g_string_append_len (self->text, (const char *) data, (gssize) length);
  return pass (self, CONFORMANCE_DATA, error);
}

static gboolean
take_hole (gpointer user_data, guint64 length, GError **error)
{
  Collector *self = user_data;

  g_assert_nonnull (self->path);
  g_assert_cmpuint (length, <=, MAX_HOLE);
  for (guint64 i = 0; i < length; i++)
    g_string_append_c (self->text, '\0');
  return pass (self, CONFORMANCE_DATA, error);
}

static gboolean
end_file (gpointer user_data, GError **error)
{
  Collector *self = user_data;

  g_assert_nonnull (self->path);
  g_assert_null (g_tree_lookup (self->files, self->path));
  g_tree_insert (self->files, g_steal_pointer (&self->path), g_string_free (g_steal_pointer (&self->text), FALSE));
  return pass (self, CONFORMANCE_END_FILE, error);
}

static gboolean
extract (Collector *self, TcwResultSet *results, const char *path, GError **error)
{
  static const TcwEntryVisitor visitor = { .begin_file = begin_file, .data = take_data, .hole = take_hole, .end_file = end_file };

  self->files = g_tree_new_full (compare, NULL, g_free, g_free);
  return tcw_result_set_extract (results, self->kind, path, &visitor, self, error);
}

void
conformance_extract_file (TcwResultSet *results, const char *path, const char *text)
{
  g_auto (Collector) self = { .kind = TCW_ENTRY_FILE };
  g_autoptr (GError) error = NULL;

  g_assert_true (extract (&self, results, path, &error));
  g_assert_no_error (error);
  g_assert_null (self.path);
  g_assert_cmpint (g_tree_nnodes (self.files), ==, 1);
  g_assert_cmpstr (g_tree_lookup (self.files, ""), ==, text);
}

void
conformance_extract_folder (TcwResultSet *results, const char *path, const char *const *names, const char *text)
{
  g_auto (Collector) self = { .kind = TCW_ENTRY_FOLDER };
  g_autoptr (GError) error = NULL;
  GTreeNode *node;

  g_assert_true (extract (&self, results, path, &error));
  g_assert_no_error (error);
  g_assert_null (self.path);
  node = g_tree_node_first (self.files);
  for (; *names != NULL; names++, node = g_tree_node_next (node))
    {
      g_assert_nonnull (node);
      g_assert_cmpstr (g_tree_node_key (node), ==, *names);
      g_assert_cmpstr (g_tree_node_value (node), ==, text);
    }
  g_assert_null (node);
}

void
conformance_extract_nothing (TcwResultSet *results, TcwEntryKind kind, const char *path)
{
  g_auto (Collector) self = { .kind = kind };
  g_autoptr (GError) error = NULL;

  g_assert_false (extract (&self, results, path, &error));
  g_assert_error (error, TCW_ERROR, TCW_ERROR_TASK_FAILED);
  g_assert_null (self.path);
  g_assert_cmpint (g_tree_nnodes (self.files), ==, 0);
}

void
conformance_extract_interrupted (TcwResultSet *results, const char *path, ConformanceCallback at)
{
  g_auto (Collector) self = { .kind = TCW_ENTRY_FOLDER, .fails = TRUE, .fails_at = at };
  g_autoptr (GError) error = NULL;
  g_autofree char *message = g_strdup_printf ("the visitor fails at %d", (int) at);

  g_assert_false (extract (&self, results, path, &error));
  g_assert_true (self.failed);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_cmpstr (error->message, ==, message);
}
