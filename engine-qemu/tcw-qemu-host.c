/* The engine's view of its host; see tcw-qemu-host.h. */
#include "tcw-qemu-host.h"

#include <string.h>
#include <unistd.h>

#include "base/tcw-fs.h"

/* A UNIX socket's path has 107 bytes; what comes below the VM's folder needs these. */
#define MAX_SOCKET_PATH 107
#define SOCKET_NAME_RESERVE 16

struct _TcwQemuHost
{
  gatomicrefcount refs;
  TcwQemuRoot *root;
  TcwQemuConnection *connection;
  TcwQemuImageStore *images;
  TcwQemuAccelVerdict accel;
  char *template_directory;
  TcwQemuMachineLimits limits;
  JsonObject *machine;
  guint boot_timeout_seconds;
  guint agent_timeout_seconds;
  int last_number;
};

TcwQemuHost *
tcw_qemu_host_ref (TcwQemuHost *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
tcw_qemu_host_unref (TcwQemuHost *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_object (&self->connection);
  g_clear_pointer (&self->images, tcw_qemu_image_store_unref);
  g_clear_pointer (&self->root, tcw_qemu_root_free);
  g_clear_pointer (&self->machine, json_object_unref);
  tcw_qemu_accel_verdict_clear (&self->accel);
  g_free (self->template_directory);
  g_free (self);
}

/* Ends what a killed process left in this root: its domains, then their files. */
static gboolean
clean_up_leftovers (TcwQemuHost *self, GError **error)
{
  const char *folder = tcw_qemu_root_get_vm_directory (self->root);
  g_autoptr (GDir) dir = NULL;
  const char *name;
  guint ended = 0;

  if (tcw_qemu_connection_is_embedded (self->connection))
    ended = tcw_qemu_connection_destroy_all (self->connection, "tcw-");
  if (ended > 0)
    g_message ("ended %u virtual machines that a killed worker had left", ended);
  dir = g_dir_open (folder, 0, error);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      tcw_qemu_connection_remove_log (self->connection, name);
      if (!tcw_fs_remove_tree (path, NULL, error))
        return FALSE;
    }
  return dir != NULL;
}

static gboolean
check_path_length (TcwQemuHost *self, GError **error)
{
  const char *folder = tcw_qemu_root_get_vm_directory (self->root);

  if (strlen (folder) + SOCKET_NAME_RESERVE + strlen ("/tcw-1234567-12345678") <= MAX_SOCKET_PATH)
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "the state directory's path is too long for sockets in it (%s); choose a shorter one",
               folder);
  return FALSE;
}

static void
apply_config (TcwQemuHost *self, const TcwQemuHostConfig *config)
{
  self->limits = config->limits;
  self->machine = config->machine != NULL ? json_object_ref (config->machine) : NULL;
  self->boot_timeout_seconds = config->boot_timeout_seconds;
  self->agent_timeout_seconds = config->agent_timeout_seconds;
}

TcwQemuHost *
tcw_qemu_host_new (const char *state_directory, const char *root_name, const TcwQemuHostConfig *config, const char *const *kvm_probe,
                   GError **error)
{
  g_autoptr (TcwQemuHost) self = g_new0 (TcwQemuHost, 1);
  g_autofree char *images = g_build_filename (state_directory, "images", NULL);

  g_atomic_ref_count_init (&self->refs);
  apply_config (self, config);
  self->template_directory = g_build_filename (state_directory, "templates", NULL);
  self->root = tcw_qemu_root_acquire (state_directory, root_name, error);
  if (self->root != NULL)
    tcw_qemu_root_export_environment (self->root);
  if (self->root == NULL || !check_path_length (self, error) || !tcw_fs_make_folder (self->template_directory, 0755, error))
    return NULL;
  self->images = tcw_qemu_image_store_new (images, error);
  if (self->images == NULL)
    return NULL;
  if (!tcw_qemu_accel_detect (state_directory, config->accelerator, kvm_probe, &self->accel, error))
    return NULL;
  self->connection = tcw_qemu_connection_open (config->libvirt_uri, self->root, error);
  if (self->connection == NULL || !clean_up_leftovers (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

TcwQemuConnection *
tcw_qemu_host_get_connection (TcwQemuHost *self)
{
  return self->connection;
}

TcwQemuImageStore *
tcw_qemu_host_get_images (TcwQemuHost *self)
{
  return self->images;
}

const TcwQemuAccelVerdict *
tcw_qemu_host_get_accel (TcwQemuHost *self)
{
  return &self->accel;
}

const char *
tcw_qemu_host_get_template_directory (TcwQemuHost *self)
{
  return self->template_directory;
}

const TcwQemuMachineLimits *
tcw_qemu_host_get_limits (TcwQemuHost *self)
{
  return &self->limits;
}

JsonObject *
tcw_qemu_host_get_machine (TcwQemuHost *self)
{
  return self->machine;
}

guint
tcw_qemu_host_get_boot_timeout (TcwQemuHost *self)
{
  return self->boot_timeout_seconds;
}

guint
tcw_qemu_host_get_agent_timeout (TcwQemuHost *self)
{
  return self->agent_timeout_seconds;
}

char *
tcw_qemu_host_new_domain_name (TcwQemuHost *self)
{
  return g_strdup_printf ("tcw-%d-%d", (int) getpid (), g_atomic_int_add (&self->last_number, 1) + 1);
}

char *
tcw_qemu_host_make_vm_directory (TcwQemuHost *self, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (tcw_qemu_root_get_vm_directory (self->root), name, NULL);

  /* Other users of this host have no business with a task's disk and log. */
  return tcw_fs_make_folder (path, 0700, error) ? g_steal_pointer (&path) : NULL;
}
