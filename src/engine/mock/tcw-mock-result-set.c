/* The mock results; see tcw-mock-result-set.h. */
#include "engine/mock/tcw-mock-result-set.h"

#include "base/tcw-error.h"

#define TCW_MOCK_TYPE_RESULT_SET (tcw_mock_result_set_get_type ())
G_DECLARE_FINAL_TYPE (TcwMockResultSet, tcw_mock_result_set, TCW_MOCK, RESULT_SET, GObject)

struct _TcwMockResultSet
{
  GObject parent_instance;
  TcwMockFiles *files; /* NULL once somebody else has the machine, or it is disposed */
  gboolean success;
};

static void tcw_mock_result_set_iface_init (TcwResultSetInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TcwMockResultSet, tcw_mock_result_set, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (TCW_TYPE_RESULT_SET, tcw_mock_result_set_iface_init))

static gboolean
get_success (TcwResultSet *results)
{
  return TCW_MOCK_RESULT_SET (results)->success;
}

static gboolean
extract (TcwResultSet *results, TcwEntryKind kind, const char *path, const TcwEntryVisitor *visitor, gpointer user_data, GError **error)
{
  TcwMockResultSet *self = TCW_MOCK_RESULT_SET (results);

  if (self->files != NULL)
    return tcw_mock_files_extract (self->files, kind, path, visitor, user_data, error);
  g_set_error (error, TCW_ERROR, TCW_ERROR_INTERNAL, "%s: the mock sandbox was given away or disposed", path);
  return FALSE;
}

/* There is nothing to reach. */
static char *
open_access (TcwResultSet *results)
{
  g_clear_pointer (&TCW_MOCK_RESULT_SET (results)->files, tcw_mock_files_free);
  return NULL;
}

static gboolean
dispose_results (TcwResultSet *results, GError **error)
{
  g_clear_pointer (&TCW_MOCK_RESULT_SET (results)->files, tcw_mock_files_free);
  return TRUE;
}

static void
tcw_mock_result_set_iface_init (TcwResultSetInterface *iface)
{
  iface->get_success = get_success;
  iface->extract = extract;
  iface->open_access = open_access;
  iface->dispose = dispose_results;
}

static void
tcw_mock_result_set_finalize (GObject *object)
{
  g_clear_pointer (&TCW_MOCK_RESULT_SET (object)->files, tcw_mock_files_free);
  G_OBJECT_CLASS (tcw_mock_result_set_parent_class)->finalize (object);
}

static void
tcw_mock_result_set_class_init (TcwMockResultSetClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_mock_result_set_finalize;
}

static void
tcw_mock_result_set_init (TcwMockResultSet *self)
{
}

TcwResultSet *
tcw_mock_result_set_new (TcwMockFiles *files, gboolean success)
{
  TcwMockResultSet *self = g_object_new (TCW_MOCK_TYPE_RESULT_SET, NULL);

  self->files = files;
  self->success = success;
  return TCW_RESULT_SET (self);
}
