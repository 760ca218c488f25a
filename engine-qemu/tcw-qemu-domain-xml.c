/* Writes libvirt's domain XML; see tcw-qemu-domain-xml.h and libvirt's documentation of the format. */
#include "tcw-qemu-domain-xml.h"

#include <libxml/xmlwriter.h>

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"
#define RAM_ID "tcw-ram"

/* Slots on pcie.0, fixed for good: a device that comes later takes a new one. Slots 0 and 0x1f are the chipset's. */
#define SLOT_SERIAL_CONTROLLER 2
#define SLOT_ROOT_DISK 3

static const xmlChar *
to_xml (const char *text)
{
  return (const xmlChar *) text;
}

static void
open_element (xmlTextWriterPtr writer, const char *name)
{
  xmlTextWriterStartElement (writer, to_xml (name));
}

static void
close_element (xmlTextWriterPtr writer)
{
  xmlTextWriterEndElement (writer);
}

static void
attribute (xmlTextWriterPtr writer, const char *name, const char *value)
{
  xmlTextWriterWriteAttribute (writer, to_xml (name), to_xml (value));
}

static void
attribute_uint (xmlTextWriterPtr writer, const char *name, guint value)
{
  g_autofree char *text = g_strdup_printf ("%u", value);

  attribute (writer, name, text);
}

static void
text_element (xmlTextWriterPtr writer, const char *name, const char *text)
{
  xmlTextWriterWriteElement (writer, to_xml (name), to_xml (text));
}

/* An element with up to two attributes; @name2 may be NULL. */
static void
empty_element (xmlTextWriterPtr writer, const char *element, const char *name1, const char *value1, const char *name2, const char *value2)
{
  open_element (writer, element);
  if (name1 != NULL)
    attribute (writer, name1, value1);
  if (name2 != NULL)
    attribute (writer, name2, value2);
  close_element (writer);
}

static void
pci_address (xmlTextWriterPtr writer, guint slot)
{
  g_autofree char *text = g_strdup_printf ("0x%02x", slot);

  open_element (writer, "address");
  attribute (writer, "type", "pci");
  attribute (writer, "domain", "0x0000");
  attribute (writer, "bus", "0x00");
  attribute (writer, "slot", text);
  attribute (writer, "function", "0x0");
  close_element (writer);
}

static void
write_cpu (xmlTextWriterPtr writer, const TcwQemuDomainSpec *spec)
{
  open_element (writer, "cpu");
  if (spec->accel == TCW_QEMU_ACCEL_KVM)
    {
      attribute (writer, "mode", "host-passthrough");
      attribute (writer, "check", "none");
      attribute (writer, "migratable", "on");
    }
  else
    attribute (writer, "mode", "maximum");
  open_element (writer, "topology");
  attribute_uint (writer, "sockets", spec->sockets);
  attribute_uint (writer, "dies", 1);
  attribute_uint (writer, "cores", spec->cores);
  attribute_uint (writer, "threads", spec->threads);
  close_element (writer);
  if (spec->accel == TCW_QEMU_ACCEL_KVM)
    {
      /* A task gets no hypervisor of its own. */
      empty_element (writer, "feature", "policy", "disable", "name", "vmx");
      empty_element (writer, "feature", "policy", "disable", "name", "svm");
    }
  else
    /* Guests copy memory by string instructions where the processor claims to be fast at them; TCG carries those out byte by byte. */
    empty_element (writer, "feature", "policy", "disable", "name", "erms");
  close_element (writer);
}

static void
write_os (xmlTextWriterPtr writer, const TcwQemuDomainSpec *spec)
{
  open_element (writer, "os");
  open_element (writer, "type");
  attribute (writer, "arch", "x86_64");
  attribute (writer, "machine", "q35");
  xmlTextWriterWriteString (writer, to_xml ("hvm"));
  close_element (writer);
  text_element (writer, "kernel", spec->kernel);
  if (spec->initrd != NULL)
    text_element (writer, "initrd", spec->initrd);
  if (spec->cmdline != NULL)
    text_element (writer, "cmdline", spec->cmdline);
  close_element (writer);
}

/* The chain is written out to its end, an empty backingStore, so that libvirt reads no header. */
static void
write_backing_chain (xmlTextWriterPtr writer, const TcwQemuDomainLayer *layer)
{
  open_element (writer, "backingStore");
  if (layer->path != NULL)
    {
      attribute (writer, "type", "file");
      empty_element (writer, "format", "type", layer->format, NULL, NULL);
      empty_element (writer, "source", "file", layer->path, NULL, NULL);
      write_backing_chain (writer, layer + 1);
    }
  close_element (writer);
}

static void
write_root_disk (xmlTextWriterPtr writer, const TcwQemuDomainSpec *spec)
{
  open_element (writer, "disk");
  attribute (writer, "type", "file");
  attribute (writer, "device", "disk");
  open_element (writer, "driver");
  attribute (writer, "name", "qemu");
  attribute (writer, "type", spec->disk->format);
  /* A task's disk lives as long as its VM: the host's page cache may keep it. A full host disk stops the VM, not the task. */
  attribute (writer, "cache", "unsafe");
  attribute (writer, "error_policy", "stop");
  attribute (writer, "discard", "unmap");
  close_element (writer);
  empty_element (writer, "source", "file", spec->disk->path, NULL, NULL);
  write_backing_chain (writer, spec->disk + 1);
  empty_element (writer, "target", "dev", "vda", "bus", "virtio");
  text_element (writer, "serial", "root");
  pci_address (writer, SLOT_ROOT_DISK);
  close_element (writer);
}

static void
write_devices (xmlTextWriterPtr writer, const TcwQemuDomainSpec *spec)
{
  open_element (writer, "devices");
  text_element (writer, "emulator", spec->emulator);

  open_element (writer, "controller");
  attribute (writer, "type", "virtio-serial");
  attribute (writer, "index", "0");
  attribute (writer, "ports", "4");
  pci_address (writer, SLOT_SERIAL_CONTROLLER);
  close_element (writer);
  empty_element (writer, "controller", "type", "usb", "model", "none");

  if (spec->disk != NULL)
    write_root_disk (writer, spec);

  open_element (writer, "serial");
  attribute (writer, "type", "unix");
  empty_element (writer, "source", "mode", "bind", "path", spec->console_socket);
  empty_element (writer, "target", "port", "0", NULL, NULL);
  close_element (writer);

  open_element (writer, "channel");
  attribute (writer, "type", "unix");
  empty_element (writer, "source", "mode", "bind", "path", spec->agent_socket);
  empty_element (writer, "target", "type", "virtio", "name", TCW_QEMU_AGENT_PORT);
  open_element (writer, "address");
  attribute (writer, "type", "virtio-serial");
  attribute (writer, "controller", "0");
  attribute (writer, "bus", "0");
  attribute (writer, "port", "1");
  close_element (writer);
  close_element (writer);

  empty_element (writer, "memballoon", "model", "none", NULL, NULL);
  close_element (writer);
}

static void
qemu_argument (xmlTextWriterPtr writer, const char *value)
{
  open_element (writer, "qemu:arg");
  attribute (writer, "value", value);
  close_element (writer);
}

/* QEMU's option syntax escapes a comma by doubling it. */
static char *
escape_option (const char *value)
{
  g_auto (GStrv) parts = g_strsplit (value, ",", -1);

  return g_strjoinv (",,", parts);
}

/* What libvirt has no words for: RAM that is a file of ours (a later -machine merges with libvirt's), and a deferred start. */
static void
write_qemu_arguments (xmlTextWriterPtr writer, const TcwQemuDomainSpec *spec)
{
  open_element (writer, "qemu:commandline");
  if (spec->ram_path != NULL)
    {
      g_autofree char *path = escape_option (spec->ram_path);
      g_autofree char *object
          = g_strdup_printf ("memory-backend-file,id=" RAM_ID ",mem-path=%s,share=%s,size=%" G_GUINT64_FORMAT, path,
                             spec->ram_shared ? "on" : "off", (guint64) spec->memory_mib * 1024 * 1024);

      qemu_argument (writer, "-object");
      qemu_argument (writer, object);
      qemu_argument (writer, "-machine");
      qemu_argument (writer, "memory-backend=" RAM_ID);
    }
  if (spec->incoming)
    {
      qemu_argument (writer, "-incoming");
      qemu_argument (writer, "defer");
    }
  close_element (writer);
}

static void
write_domain (xmlTextWriterPtr writer, const TcwQemuDomainSpec *spec)
{
  g_autofree char *memory = g_strdup_printf ("%u", spec->memory_mib);
  g_autofree char *vcpus = g_strdup_printf ("%u", spec->sockets * spec->cores * spec->threads);

  open_element (writer, "domain");
  attribute (writer, "type", spec->accel == TCW_QEMU_ACCEL_KVM ? "kvm" : "qemu");
  attribute (writer, "xmlns:qemu", QEMU_NAMESPACE);
  text_element (writer, "name", spec->name);
  text_element (writer, "uuid", spec->uuid);
  open_element (writer, "memory");
  attribute (writer, "unit", "MiB");
  xmlTextWriterWriteString (writer, to_xml (memory));
  close_element (writer);
  text_element (writer, "vcpu", vcpus);
  write_os (writer, spec);
  open_element (writer, "features");
  empty_element (writer, "acpi", NULL, NULL, NULL, NULL);
  empty_element (writer, "apic", NULL, NULL, NULL, NULL);
  close_element (writer);
  write_cpu (writer, spec);
  empty_element (writer, "clock", "offset", "utc", NULL, NULL);
  /* A guest that ends itself ends its task; a kept, crashed or rebooted one would only hide that. */
  text_element (writer, "on_poweroff", "destroy");
  text_element (writer, "on_reboot", "destroy");
  text_element (writer, "on_crash", "destroy");
  write_devices (writer, spec);
  if (spec->has_dac_label)
    {
      g_autofree char *label = g_strdup_printf ("+%u:+%u", spec->uid, spec->gid);

      open_element (writer, "seclabel");
      attribute (writer, "type", "static");
      attribute (writer, "model", "dac");
      attribute (writer, "relabel", "yes");
      text_element (writer, "label", label);
      close_element (writer);
    }
  if (spec->ram_path != NULL || spec->incoming)
    write_qemu_arguments (writer, spec);
  close_element (writer);
}

char *
tcw_qemu_domain_xml_new (const TcwQemuDomainSpec *spec)
{
  xmlBufferPtr buffer = xmlBufferCreate ();
  xmlTextWriterPtr writer = xmlNewTextWriterMemory (buffer, 0);
  char *result;

  g_assert (spec->disk == NULL || spec->disk->path != NULL);
  xmlTextWriterSetIndent (writer, 1);
  xmlTextWriterSetIndentString (writer, to_xml ("  "));
  write_domain (writer, spec);
  xmlTextWriterFlush (writer);
  result = g_strdup ((const char *) xmlBufferContent (buffer));
  xmlFreeTextWriter (writer);
  xmlBufferFree (buffer);
  return result;
}
