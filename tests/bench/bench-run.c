/* What all figures share: templates, forks, floors; see bench-run.h. */
#include "bench-run.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/tcw-fs.h"

#define MAX_FLOORS 2
#define MAX_NUMBER 16
#define INIT_NAME "bench-init"
#define HOST_NAME "bench"

/* A way to start QEMUs, several of which can live at once, each in a folder of its own. */
typedef struct
{
  BenchRawSpec spec;
  char *state_path;
  char *folders[MAX_NUMBER];
  char **argv[MAX_NUMBER];
} Floor;

struct _BenchRun
{
  BenchPlan plan;
  TcwQemuImage *image;
  TcwQemuMachine machine;
  TcwQemuTemplate *template;
  char *folder;
  char *initrd;
  char *plain_ram;
  Floor floors[MAX_FLOORS];
};

/* --- The initramfs of the plain guest: the image's, and an archive after it with one more file. ----------------------- */

/* An entry of the "newc" format: see the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. */
static void
append_entry (GByteArray *archive, const char *name, guint mode, const char *content, gsize length)
{
  g_autofree char *header = g_strdup_printf ("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 1u, mode, 0u, 0u, 1u, 0u,
                                             (guint) length, 0u, 0u, 0u, 0u, (guint) strlen (name) + 1, 0u);
  static const guint8 zeros[4] = { 0 };

  g_byte_array_append (archive, (const guint8 *) header, (guint) strlen (header));
  g_byte_array_append (archive, (const guint8 *) name, (guint) strlen (name) + 1);
  g_byte_array_append (archive, zeros, (4 - archive->len % 4) % 4);
  g_byte_array_append (archive, (const guint8 *) content, (guint) length);
  g_byte_array_append (archive, zeros, (4 - archive->len % 4) % 4);
}

static gboolean
write_initrd (BenchRun *self, const char *guest, GError **error)
{
  static const guint8 zeros[4] = { 0 };
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autofree char *base = NULL;
  g_autofree char *program = NULL;
  gsize base_length;
  gsize program_length;

  if (!g_file_get_contents (tcw_qemu_image_get_initrd_path (self->image), &base, &base_length, error)
      || !g_file_get_contents (guest, &program, &program_length, error))
    return FALSE;
  g_byte_array_append (all, (const guint8 *) base, (guint) base_length);
  g_byte_array_append (all, zeros, (4 - all->len % 4) % 4);
  append_entry (all, INIT_NAME, S_IFREG | 0755, program, program_length);
  append_entry (all, "TRAILER!!!", 0, "", 0);
  return g_file_set_contents (self->initrd, (const char *) all->data, (gssize) all->len, error);
}

/* --- Floors. ---------------------------------------------------------------------------------------------------------- */

static void
floor_clear (Floor *floor)
{
  for (guint i = 0; i < MAX_NUMBER; i++)
    {
      g_free (floor->folders[i]);
      g_strfreev (floor->argv[i]);
    }
  g_free (floor->state_path);
}

BenchRaw *
bench_run_make_raw (BenchRun *self, BenchFloor which, guint number, GError **error)
{
  Floor *floor = &self->floors[which];

  g_return_val_if_fail (number < MAX_NUMBER, NULL);
  floor->spec.folder = floor->folders[number];
  if (floor->argv[number] == NULL)
    {
      floor->folders[number] = g_strdup_printf ("%s/%u-%u", self->folder, (guint) which, number);
      floor->spec.folder = floor->folders[number];
      if (!tcw_fs_make_folder (floor->folders[number], 0755, error))
        return NULL;
      floor->argv[number] = bench_raw_prepare (&floor->spec, error);
    }
  return floor->argv[number] != NULL ? bench_raw_new (&floor->spec, floor->argv[number], error) : NULL;
}

gboolean
bench_run_wake_raw (BenchRun *self, BenchFloor which, BenchRaw *raw, GError **error)
{
  return (which == BENCH_FLOOR_AGENT || bench_raw_connect_port (raw, error)) && bench_raw_load (raw, self->floors[which].state_path, error)
         && bench_raw_resume (raw, error);
}

/* Boots the plain guest and freezes it, with the port connected and the program waiting for a line. */
static gboolean
freeze_plain (BenchRun *self, GError **error)
{
  BenchRawSpec spec = self->floors[BENCH_FLOOR_PLAIN].spec;
  g_auto (GStrv) argv = NULL;
  g_autoptr (BenchRaw) raw = NULL;

  spec.folder = self->folder;
  spec.ram_shared = TRUE;
  spec.incoming = FALSE;
  argv = bench_raw_prepare (&spec, error);
  raw = argv != NULL ? bench_raw_new (&spec, argv, error) : NULL;
  return raw != NULL && bench_raw_connect_port (raw, error) && bench_raw_resume (raw, error) && bench_raw_expect (raw, '*', error)
         && bench_raw_execute (raw, "/bin/true", NULL, NULL, error)
         && bench_raw_save (raw, self->floors[BENCH_FLOOR_PLAIN].state_path, error);
}

static gboolean
set_up_floors (BenchRun *self, const char *guest, GError **error)
{
  BenchRawSpec common = { .host = self->plan.host, .image = self->image, .machine = self->machine, .incoming = TRUE };
  Floor *plain = &self->floors[BENCH_FLOOR_PLAIN];
  Floor *agent = &self->floors[BENCH_FLOOR_AGENT];

  self->initrd = g_build_filename (self->folder, "initrd", NULL);
  self->plain_ram = g_build_filename (self->folder, "ram", NULL);
  plain->spec = common;
  plain->spec.initrd = self->initrd;
  plain->spec.init = "/" INIT_NAME;
  plain->spec.ram_path = self->plain_ram;
  plain->state_path = g_build_filename (self->folder, "state", NULL);
  agent->spec = common;
  agent->spec.ram_path = tcw_qemu_template_get_ram_path (self->template);
  agent->state_path = g_strdup (tcw_qemu_template_get_state_path (self->template));
  return write_initrd (self, guest, error) && freeze_plain (self, error);
}

/* --- The worker's machines. ------------------------------------------------------------------------------------------- */

TcwQemuGuest *
bench_run_make_guest (BenchRun *self, GError **error)
{
  TcwQemuGuestOrigin origin = {
    .image = self->image,
    .machine = self->machine,
    .ram_path = tcw_qemu_template_get_ram_path (self->template),
    .state_path = tcw_qemu_template_get_state_path (self->template),
  };

  return tcw_qemu_guest_new (self->plan.host, &origin, NULL, error);
}

TcwQemuVm *
bench_run_make_vm (BenchRun *self, GError **error)
{
  BenchRawSpec spec = self->floors[BENCH_FLOOR_AGENT].spec;
  g_autofree char *folder = g_build_filename (self->folder, "domain", NULL);

  spec.folder = folder;
  return tcw_fs_make_folder (folder, 0755, error) ? bench_raw_make_vm (&spec, error) : NULL;
}

gboolean
bench_run_wake_guest (TcwQemuGuest *guest, GError **error)
{
  return tcw_qemu_guest_load (guest, NULL, error) && tcw_qemu_guest_start (guest, 60, NULL, error)
         && tcw_qemu_guest_identify (guest, HOST_NAME, NULL, error);
}

BenchRun *
bench_run_new (const BenchPlan *plan, const char *guest, GError **error)
{
  g_autoptr (BenchRun) self = g_new0 (BenchRun, 1);
  JsonObject *definitions[2];

  self->plan = *plan;
  self->image = tcw_qemu_image_store_lookup (tcw_qemu_host_get_images (plan->host), "tiny", NULL, error);
  if (self->image == NULL)
    return NULL;
  definitions[0] = tcw_qemu_image_get_machine (self->image);
  definitions[1] = tcw_qemu_host_get_machine (plan->host);
  if (!tcw_qemu_machine_resolve (definitions, G_N_ELEMENTS (definitions), tcw_qemu_host_get_limits (plan->host), &self->machine, error))
    return NULL;
  self->template = tcw_qemu_template_require (plan->host, self->image, &self->machine, NULL, NULL, error);
  if (self->template == NULL || (self->folder = tcw_qemu_host_make_vm_directory (plan->host, "bench", error)) == NULL)
    return NULL;
  return set_up_floors (self, guest, error) ? g_steal_pointer (&self) : NULL;
}

void
bench_run_free (BenchRun *self)
{
  g_autoptr (GError) error = NULL;

  if (self == NULL)
    return;
  for (guint i = 0; i < MAX_FLOORS; i++)
    floor_clear (&self->floors[i]);
  if (self->folder != NULL && !tcw_fs_remove_tree (self->folder, NULL, &error))
    g_warning ("%s", error->message);
  g_clear_pointer (&self->template, tcw_qemu_template_free);
  g_clear_pointer (&self->image, tcw_qemu_image_unref);
  g_free (self->folder);
  g_free (self->initrd);
  g_free (self->plain_ram);
  g_free (self);
}

const BenchPlan *
bench_run_get_plan (BenchRun *self)
{
  return &self->plan;
}

TcwQemuImage *
bench_run_get_image (BenchRun *self)
{
  return self->image;
}
