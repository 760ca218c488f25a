/* A virtual machine for tests in C; see vm-fixture.h. */
#include "vm-fixture.h"

#include <unistd.h>

#include "host/tcw-privileges.h"
#include "tcw-qemu-template.h"
#include "tcw-test.h"

#define USER "taskcluster-worker"

typedef struct
{
  VmFixture fixture;
  GMainLoop *loop;
  GThread *thread; /* that of the tests */
  void (*add_tests) (VmFixture *fixture);
  int status;
} Run;

gint64
vm_deadline (guint seconds)
{
  return g_get_monotonic_time () + seconds * G_TIME_SPAN_SECOND;
}

TcwQemuGuest *
vm_fork (TcwQemuHost *host)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImage) image = tcw_qemu_image_store_lookup (tcw_qemu_host_get_images (host), "tiny", NULL, &error);
  g_autoptr (TcwQemuTemplate) template = NULL;
  TcwQemuGuestOrigin origin = { .image = image };
  JsonObject *definition;
  TcwQemuGuest *guest;

  g_assert_no_error (error);
  definition = tcw_qemu_image_get_machine (image);
  g_assert_true (tcw_qemu_machine_resolve (&definition, 1, tcw_qemu_host_get_limits (host), &origin.machine, &error));
  template = tcw_qemu_template_require (host, image, &origin.machine, NULL, NULL, &error);
  g_assert_no_error (error);
  origin.ram_path = tcw_qemu_template_get_ram_path (template);
  origin.state_path = tcw_qemu_template_get_state_path (template);
  guest = tcw_qemu_guest_new (host, &origin, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (tcw_qemu_guest_load (guest, NULL, &error));
  g_assert_true (tcw_qemu_guest_start (guest, 60, NULL, &error));
  g_assert_true (tcw_qemu_guest_identify (guest, "test", NULL, &error));
  g_assert_no_error (error);
  return guest;
}

static gpointer
run_tests (gpointer data)
{
  Run *run = data;
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  run->fixture.guest = vm_fork (run->fixture.host);
  run->fixture.agent = tcw_qemu_guest_get_agent (run->fixture.guest);
  run->add_tests (&run->fixture);
  run->status = g_test_run ();
  tcw_qemu_guest_free (run->fixture.guest);
  g_main_context_pop_thread_default (context);
  g_main_loop_quit (run->loop);
  return NULL;
}

static TcwQemuHost *
open_host (const char *state)
{
  const char *const no_probe[] = { "false", NULL };
  const TcwQemuHostConfig config = {
    .libvirt_uri = "qemu:///embed",
    .accelerator = "tcg",
    .limits = { .max_memory_mib = 1024, .max_cpus = 1, .default_threads = 1 },
    .boot_timeout_seconds = 120,
    .agent_timeout_seconds = 60,
  };
  g_autoptr (GError) error = NULL;
  TcwQemuHost *host = tcw_qemu_host_new (state, NULL, &config, no_probe, &error);

  g_assert_no_error (error);
  return host;
}

int
vm_fixture_main (int argc, char **argv, void (*add_tests) (VmFixture *fixture))
{
  Run run = { .add_tests = add_tests };
  const char *folder = g_getenv ("TCW_TEST_STATE");
  g_autofree char *state = folder != NULL ? g_build_filename (folder, "state", NULL) : NULL;
  g_autoptr (GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  /* GLib's tests print debug messages too, and libvirt-glib has one for each turn of the loop. */
  g_log_set_default_handler (g_log_default_handler, NULL);
  if (state == NULL)
    {
      g_print ("1..0 # SKIP TCW_TEST_STATE names no state directory with the image tiny\n");
      return 0;
    }
  if (getuid () == 0)
    tcw_privileges_step_down (USER, &error);
  g_assert_no_error (error);
  run.fixture.host = open_host (state);
  run.loop = g_main_loop_new (NULL, FALSE);
  run.thread = g_thread_new ("tests", run_tests, &run);
  g_main_loop_run (run.loop);
  g_thread_join (run.thread);
  g_main_loop_unref (run.loop);
  tcw_qemu_host_unref (run.fixture.host);
  return run.status;
}
