/* Results in a VM; see tcw-qemu-result-set.h. */
#include "tcw-qemu-result-set.h"

#include "base/tcw-error.h"

#define EXTRACT_LIMIT_SECONDS 3600

#define TCW_QEMU_TYPE_RESULT_SET (tcw_qemu_result_set_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuResultSet, tcw_qemu_result_set, TCW_QEMU, RESULT_SET, GObject)

struct _TcwQemuResultSet
{
  GObject parent_instance;
  TcwQemuHost *host;
  TcwTaskContext *context;
  TcwQemuGuest *guest;
  gboolean success;
};

static void tcw_qemu_result_set_iface_init (TcwResultSetInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TcwQemuResultSet, tcw_qemu_result_set, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (TCW_TYPE_RESULT_SET, tcw_qemu_result_set_iface_init))

static gboolean
get_success (TcwResultSet *results)
{
  return TCW_QEMU_RESULT_SET (results)->success;
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

TcwResultSet *
tcw_qemu_result_set_new (TcwQemuHost *host, TcwTaskContext *context, TcwQemuGuest *guest, gboolean success)
{
  TcwQemuResultSet *self = g_object_new (TCW_QEMU_TYPE_RESULT_SET, NULL);

  self->host = tcw_qemu_host_ref (host);
  self->context = tcw_task_context_ref (context);
  self->guest = guest;
  self->success = success;
  return TCW_RESULT_SET (self);
}
