/* From a payload to a running command in a VM of its own; see tcw-qemu-sandbox-builder.h. */
#include "tcw-qemu-sandbox-builder.h"

#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json-util.h"
#include "tcw-qemu-guest.h"
#include "tcw-qemu-image-store.h"
#include "tcw-qemu-sandbox.h"
#include "tcw-qemu-template.h"

#define TCW_QEMU_TYPE_SANDBOX_BUILDER (tcw_qemu_sandbox_builder_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuSandboxBuilder, tcw_qemu_sandbox_builder, TCW_QEMU, SANDBOX_BUILDER, GObject)

struct _TcwQemuSandboxBuilder
{
  GObject parent_instance;
  TcwQemuHost *host;
  TcwTaskContext *context;
  TcwQemuImage *image;
  TcwQemuMachine machine;
  JsonObject *payload;
  GHashTable *environment; /* name → value, of the task */
};

static void tcw_qemu_sandbox_builder_iface_init (TcwSandboxBuilderInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TcwQemuSandboxBuilder, tcw_qemu_sandbox_builder, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (TCW_TYPE_SANDBOX_BUILDER, tcw_qemu_sandbox_builder_iface_init))

static void
release (TcwQemuSandboxBuilder *self)
{
  g_clear_pointer (&self->image, tcw_qemu_image_unref);
  g_clear_pointer (&self->payload, json_object_unref);
  g_clear_pointer (&self->environment, g_hash_table_unref);
  g_clear_pointer (&self->context, tcw_task_context_unref);
  g_clear_pointer (&self->host, tcw_qemu_host_unref);
}

/* POSIX: letters, digits and underscores, no digit first. */
static gboolean
is_variable_name (const char *name)
{
  if (!g_ascii_isalpha (name[0]) && name[0] != '_')
    return FALSE;
  for (const char *c = name; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c) && *c != '_')
      return FALSE;
  return TRUE;
}

static gboolean
set_environment_variable (TcwSandboxBuilder *builder, const char *name, const char *value, GError **error)
{
  TcwQemuSandboxBuilder *self = TCW_QEMU_SANDBOX_BUILDER (builder);

  if (!is_variable_name (name))
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD,
                   "“%s” can't be a variable's name: it must be letters, digits and underscores, no digit first", name);
      return FALSE;
    }
  if (g_hash_table_contains (self->environment, name))
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD,
                   "the variable %s is set already (the worker sets TASK_ID and RUN_ID)", name);
      return FALSE;
    }
  g_hash_table_insert (self->environment, g_strdup (name), g_strdup (value));
  return TRUE;
}

/* The image's variables, then the task's, which win. Free with g_strfreev(). */
static char **
make_environ (TcwQemuSandboxBuilder *self)
{
  g_autoptr (GPtrArray) environ = g_ptr_array_new ();
  const char *const *defaults = tcw_qemu_image_get_exec_environ (self->image);
  GHashTableIter iter;
  gpointer name;
  gpointer value;

  for (; *defaults != NULL; defaults++)
    {
      g_autofree char *key = g_strndup (*defaults, strcspn (*defaults, "="));

      if (!g_hash_table_contains (self->environment, key))
        g_ptr_array_add (environ, g_strdup (*defaults));
    }
  g_hash_table_iter_init (&iter, self->environment);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_ptr_array_add (environ, g_strdup_printf ("%s=%s", (const char *) name, (const char *) value));
  g_ptr_array_add (environ, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&environ), FALSE);
}

/* The image's entry point, then the task's command. Free with g_strfreev(). */
static char **
make_argv (TcwQemuSandboxBuilder *self)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  JsonArray *command = json_object_get_array_member (self->payload, "command");

  for (const char *const *part = tcw_qemu_image_get_exec_entrypoint (self->image); *part != NULL; part++)
    g_ptr_array_add (argv, g_strdup (*part));
  for (guint i = 0; i < json_array_get_length (command); i++)
    g_ptr_array_add (argv, g_strdup (json_array_get_string_element (command, i)));
  g_ptr_array_add (argv, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&argv), FALSE);
}

/* A host name that tells tasks apart: the start of the task's id, made fit for DNS. */
static char *
make_host_name (TcwQemuSandboxBuilder *self)
{
  g_autofree char *id = g_ascii_strdown (tcw_task_context_get_task_id (self->context), -1);

  g_strdelimit (id, "_", '-');
  return g_strdup_printf ("task-%s-%u", id, tcw_task_context_get_run_id (self->context));
}

static void
log_start (TcwQemuSandboxBuilder *self, TcwQemuTemplate *template, const TcwQemuGuestTimes *times, gint64 identity)
{
  TcwTaskLog *log = tcw_task_context_get_log (self->context);
  guint cpus = self->machine.sockets * self->machine.cores * self->machine.threads;
  gint64 build_time = tcw_qemu_template_get_build_time (template);

  tcw_task_log_message (log, "Image %s (sha256:%.12s), %u MiB, %u CPU%s, %s.", tcw_qemu_image_get_name (self->image),
                        tcw_qemu_image_get_digest (self->image), self->machine.memory_mib,
                        cpus, cpus == 1 ? "" : "s", tcw_qemu_accel_to_string (tcw_qemu_host_get_accel (self->host)->accel));
  if (build_time > 0)
    tcw_task_log_message (log, "Template prepared in %.1f s.", (double) build_time / G_TIME_SPAN_SECOND);
  tcw_task_log_message (log, "Virtual machine forked: process %.0f ms, state %.0f ms, agent %.0f ms, identity %.0f ms.",
                        (double) times->create / 1e3, (double) times->load / 1e3, (double) times->agent / 1e3, (double) identity / 1e3);
}

/* A VM with the template's state loaded. *refused: the template is as it was frozen, and yet QEMU doesn't take it. */
static TcwQemuGuest *
load_guest (TcwQemuSandboxBuilder *self, TcwQemuTemplate *template, gboolean *refused, GError **error)
{
  GCancellable *cancellable = tcw_task_context_get_cancellable (self->context);
  TcwQemuGuestOrigin origin = {
    .image = self->image,
    .machine = self->machine,
    .ram_path = tcw_qemu_template_get_ram_path (template),
    .state_path = tcw_qemu_template_get_state_path (template),
    .disk_path = tcw_qemu_template_get_disk_path (template),
  };
  g_autoptr (TcwQemuGuest) guest = tcw_qemu_guest_new (self->host, &origin, cancellable, error);

  *refused = FALSE;
  if (guest == NULL)
    return NULL;
  if (tcw_qemu_guest_load (guest, cancellable, error))
    return g_steal_pointer (&guest);
  *refused = !g_cancellable_is_cancelled (cancellable);
  return NULL;
}

/*
 * As load_guest(), with the template. One that QEMU refuses is made anew, once: what decides on that, such as the firmware that comes
 * with QEMU, isn't all in its key.
 */
static TcwQemuGuest *
load_from_template (TcwQemuSandboxBuilder *self, TcwQemuTemplate **template, GError **error)
{
  TcwTaskLog *log = tcw_task_context_get_log (self->context);
  g_autoptr (GError) local = NULL;
  TcwQemuGuest *guest;
  gboolean refused;

  *template = tcw_qemu_template_require (self->host, self->image, &self->machine, log, tcw_task_context_get_cancellable (self->context),
                                         error);
  if (*template == NULL)
    return NULL;
  guest = load_guest (self, *template, &refused, &local);
  if (guest != NULL)
    return guest;
  if (!refused)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  tcw_task_log_message (log, "The image's template can't be used: %s", local->message);
  tcw_qemu_template_discard (*template);
  g_clear_pointer (template, tcw_qemu_template_free);
  *template = tcw_qemu_template_require (self->host, self->image, &self->machine, log, tcw_task_context_get_cancellable (self->context),
                                         error);
  return *template != NULL ? load_guest (self, *template, &refused, error) : NULL;
}

/* The VM, forked, with an identity of its own. */
static TcwQemuGuest *
fork_guest (TcwQemuSandboxBuilder *self, GError **error)
{
  GCancellable *cancellable = tcw_task_context_get_cancellable (self->context);
  g_autoptr (TcwQemuTemplate) template = NULL;
  g_autoptr (TcwQemuGuest) guest = load_from_template (self, &template, error);
  g_autofree char *host_name = make_host_name (self);
  gint64 begin;

  if (guest == NULL || !tcw_qemu_guest_start (guest, tcw_qemu_host_get_agent_timeout (self->host), cancellable, error))
    return NULL;
  begin = g_get_monotonic_time ();
  if (!tcw_qemu_guest_identify (guest, host_name, cancellable, error))
    return NULL;
  log_start (self, template, tcw_qemu_guest_get_times (guest), g_get_monotonic_time () - begin);
  return g_steal_pointer (&guest);
}

static TcwSandbox *
start (TcwSandboxBuilder *builder, GError **error)
{
  TcwQemuSandboxBuilder *self = TCW_QEMU_SANDBOX_BUILDER (builder);
  g_autoptr (TcwQemuGuest) guest = fork_guest (self, error);
  g_auto (GStrv) argv = make_argv (self);
  g_auto (GStrv) environ = make_environ (self);
  TcwQemuCommand command = {
    .argv = (const char *const *) argv,
    .environ = (const char *const *) environ,
    .user = tcw_qemu_image_get_exec_user (self->image),
    .workdir = tcw_qemu_image_get_exec_workdir (self->image),
  };
  TcwSandbox *sandbox = NULL;

  if (guest != NULL)
    sandbox = tcw_qemu_sandbox_start (self->host, self->context, g_steal_pointer (&guest), &command, error);
  release (self);
  return sandbox;
}

static void
discard (TcwSandboxBuilder *builder)
{
  release (TCW_QEMU_SANDBOX_BUILDER (builder));
}

static void
tcw_qemu_sandbox_builder_iface_init (TcwSandboxBuilderInterface *iface)
{
  iface->set_environment_variable = set_environment_variable;
  iface->start = start;
  iface->discard = discard;
}

static void
tcw_qemu_sandbox_builder_finalize (GObject *object)
{
  release (TCW_QEMU_SANDBOX_BUILDER (object));
  G_OBJECT_CLASS (tcw_qemu_sandbox_builder_parent_class)->finalize (object);
}

static void
tcw_qemu_sandbox_builder_class_init (TcwQemuSandboxBuilderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = tcw_qemu_sandbox_builder_finalize;
}

static void
tcw_qemu_sandbox_builder_init (TcwQemuSandboxBuilder *self)
{
  self->environment = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static gboolean
resolve (TcwQemuSandboxBuilder *self, GError **error)
{
  JsonNode *machine = json_object_get_member (self->payload, "machine");
  JsonObject *definitions[3];

  self->image = tcw_qemu_image_store_lookup (tcw_qemu_host_get_images (self->host), json_object_get_string_member (self->payload, "image"),
                                             tcw_task_context_get_cancellable (self->context), error);
  if (self->image == NULL)
    return FALSE;
  definitions[0] = machine != NULL ? json_node_get_object (machine) : NULL;
  definitions[1] = tcw_qemu_image_get_machine (self->image);
  definitions[2] = tcw_qemu_host_get_machine (self->host);
  if (tcw_qemu_machine_resolve (definitions, G_N_ELEMENTS (definitions), tcw_qemu_host_get_limits (self->host), &self->machine, error))
    return TRUE;
  g_prefix_error (error, "task.payload.");
  return FALSE;
}

TcwSandboxBuilder *
tcw_qemu_sandbox_builder_new (TcwQemuHost *host, TcwTaskContext *context, JsonObject *payload, GError **error)
{
  g_autoptr (TcwQemuSandboxBuilder) self = g_object_new (TCW_QEMU_TYPE_SANDBOX_BUILDER, NULL);

  self->host = tcw_qemu_host_ref (host);
  self->context = tcw_task_context_ref (context);
  self->payload = json_object_ref (payload);
  if (!resolve (self, error))
    return NULL;
  return TCW_SANDBOX_BUILDER (g_steal_pointer (&self));
}
