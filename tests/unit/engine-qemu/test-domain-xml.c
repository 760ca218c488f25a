/* The domain XML against golden files; with TCW_REGENERATE=1 in the environment it writes them instead. */
#include <libxml/parser.h>
#include <string.h>

#include "tcw-qemu-domain-xml.h"
#include "tcw-test.h"

static const TcwQemuDomainLayer fork_disk[] = {
  { .path = "/state/vm/0/tcw-1-2/disk.qcow2", .format = "qcow2" },
  { .path = "/state/templates/0123456789abcdef/disk.qcow2", .format = "qcow2" },
  { .path = "/state/images/debian-12/1/disk.qcow2", .format = "qcow2" },
  { .path = NULL },
};

static TcwQemuDomainSpec
common_spec (void)
{
  TcwQemuDomainSpec spec = {
    .name = "tcw-1-2",
    .uuid = "52bab607-10f1-4049-a0f8-ee4725cb715b",
    .accel = TCW_QEMU_ACCEL_TCG,
    .memory_mib = 256,
    .sockets = 1,
    .cores = 2,
    .threads = 1,
    .emulator = "/usr/bin/qemu-system-x86_64",
    .kernel = "/state/images/tiny/1/vmlinuz",
    .initrd = "/state/images/tiny/1/initrd.img",
    .cmdline = "console=ttyS0 quiet",
    .console_socket = "/state/vm/0/tcw-1-2/console.sock",
    .agent_socket = "/state/vm/0/tcw-1-2/agent.sock",
  };

  return spec;
}

static void
compare_with_golden (const TcwQemuDomainSpec *spec, const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "golden", name, NULL);
  g_autofree char *xml = tcw_qemu_domain_xml_new (spec);
  g_autofree char *golden = NULL;
  g_autoptr (GError) error = NULL;
  xmlDocPtr document;

  if (g_strcmp0 (g_getenv ("TCW_REGENERATE"), "1") == 0)
    {
      g_file_set_contents (path, xml, -1, &error);
      g_assert_no_error (error);
    }
  g_file_get_contents (path, &golden, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (xml, ==, golden);
  document = xmlReadMemory (xml, (int) strlen (xml), name, NULL, XML_PARSE_NONET);
  g_assert_nonnull (document);
  xmlFreeDoc (document);
}

static void
test_boot_tcg (void)
{
  TcwQemuDomainSpec spec = common_spec ();

  compare_with_golden (&spec, "boot-tcg.xml");
}

static void
test_template_kvm (void)
{
  TcwQemuDomainSpec spec = common_spec ();

  spec.accel = TCW_QEMU_ACCEL_KVM;
  spec.ram_path = "/state/templates/0123456789abcdef.new/ram";
  spec.ram_shared = TRUE;
  spec.threads = 2;
  compare_with_golden (&spec, "template-kvm.xml");
}

static void
test_fork_with_disk (void)
{
  TcwQemuDomainSpec spec = common_spec ();

  spec.ram_path = "/state/templates/0123456789abcdef/ram";
  spec.incoming = TRUE;
  spec.disk = fork_disk;
  compare_with_golden (&spec, "fork-disk-tcg.xml");
}

static void
test_system (void)
{
  TcwQemuDomainSpec spec = common_spec ();

  spec.accel = TCW_QEMU_ACCEL_KVM;
  spec.ram_path = "/state/templates/0123456789abcdef/ram";
  spec.incoming = TRUE;
  spec.disk = fork_disk;
  spec.has_dac_label = TRUE;
  spec.uid = 987;
  spec.gid = 986;
  compare_with_golden (&spec, "fork-system-kvm.xml");
}

/* What comes from outside can neither break out of an attribute nor of QEMU's option. */
static void
test_escaping (void)
{
  TcwQemuDomainSpec spec = common_spec ();
  g_autofree char *xml = NULL;

  spec.cmdline = "a=\"<b>&'\" quiet";
  spec.ram_path = "/state/a,share=on/\"><x>";
  xml = tcw_qemu_domain_xml_new (&spec);
  g_assert_nonnull (strstr (xml, "<cmdline>a=&quot;&lt;b&gt;&amp;'&quot; quiet</cmdline>"));
  g_assert_nonnull (strstr (xml, "mem-path=/state/a,,share=on/&quot;&gt;&lt;x&gt;,share=off"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/domain-xml/boot-tcg", test_boot_tcg);
  g_test_add_func ("/domain-xml/template-kvm", test_template_kvm);
  g_test_add_func ("/domain-xml/fork-with-disk", test_fork_with_disk);
  g_test_add_func ("/domain-xml/system", test_system);
  g_test_add_func ("/domain-xml/escaping", test_escaping);
  return tcw_test_run ();
}
