/*
 * libvirt's domain XML for our virtual machines, from a plain description. Everything that decides how a guest sees its
 * machine is written out (addresses, formats, backing chains), so that a fork's devices are those of its template and
 * nothing is ever probed from a file that a guest could have written.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  TCW_QEMU_ACCEL_TCG,
  TCW_QEMU_ACCEL_KVM,
} TcwQemuAccel;

/* One file of a disk's backing chain, the topmost first. */
typedef struct
{
  const char *path;
  const char *format; /* "qcow2" or "raw" */
} TcwQemuDomainLayer;

typedef struct
{
  const char *name;
  const char *uuid;
  TcwQemuAccel accel;
  guint memory_mib;
  guint sockets;
  guint cores;
  guint threads;

  const char *emulator;
  const char *kernel;
  const char *initrd;  /* or NULL */
  const char *cmdline; /* or NULL */

  const TcwQemuDomainLayer *disk; /* the root disk's chain, ended by a NULL path; or NULL: no disk */

  const char *console_socket; /* UNIX socket that QEMU makes for the serial console */
  const char *agent_socket;   /* UNIX socket that QEMU makes for the agent's port */

  const char *ram_path;  /* file that backs the guest's RAM, or NULL: anonymous memory */
  gboolean ram_shared;   /* TRUE: writes go to the file (a template in the making); FALSE: private copy-on-write (a fork) */
  gboolean incoming;     /* TRUE: QEMU waits for a device state to load */

  gboolean has_dac_label; /* only where libvirt is root: QEMU is to run as @uid and @gid */
  guint uid;
  guint gid;
} TcwQemuDomainSpec;

/* The port that the guest agent opens. */
#define TCW_QEMU_AGENT_PORT "org.taskcluster.agent.0"

/* The document, UTF-8, indented. Free with g_free(). Strings of @spec that aren't valid in XML are a programmer's error. */
char *tcw_qemu_domain_xml_new (const TcwQemuDomainSpec *spec);

G_END_DECLS
