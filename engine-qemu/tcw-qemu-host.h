/*
 * What the engine knows of its host and is configured with: the libvirt connection, the accelerator, the folders, limits and
 * time limits. Made once at start, shared by all threads, immutable.
 */
#pragma once

#include <gio/gio.h>

#include "tcw-qemu-accel.h"
#include "tcw-qemu-connection.h"
#include "tcw-qemu-image-store.h"
#include "tcw-qemu-machine.h"
#include "tcw-qemu-root.h"

G_BEGIN_DECLS

typedef struct
{
  const char *libvirt_uri;      /* "qemu:///embed" or what virConnectOpen() takes */
  const char *accelerator;      /* "auto", "kvm" or "tcg" */
  TcwQemuMachineLimits limits;
  JsonObject *machine;          /* the operator's machine definition, or NULL */
  guint boot_timeout_seconds;   /* from the start of a boot to the agent's answer */
  guint agent_timeout_seconds;  /* for one answer of an agent that is up */
} TcwQemuHostConfig;

typedef struct _TcwQemuHost TcwQemuHost;

/*
 * Opens libvirt and finds out about the host. @root_name: see tcw_qemu_root_acquire(). @kvm_probe: see tcw_qemu_accel_detect(). VMs
 * that a killed process left in this root are ended. Must be called before any thread is started.
 */
TcwQemuHost *tcw_qemu_host_new (const char *state_directory, const char *root_name, const TcwQemuHostConfig *config,
                                const char *const *kvm_probe, GError **error);
TcwQemuHost *tcw_qemu_host_ref (TcwQemuHost *self);
void tcw_qemu_host_unref (TcwQemuHost *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuHost, tcw_qemu_host_unref)

TcwQemuConnection *tcw_qemu_host_get_connection (TcwQemuHost *self);
TcwQemuImageStore *tcw_qemu_host_get_images (TcwQemuHost *self);
const TcwQemuAccelVerdict *tcw_qemu_host_get_accel (TcwQemuHost *self);
const char *tcw_qemu_host_get_template_directory (TcwQemuHost *self);
const TcwQemuMachineLimits *tcw_qemu_host_get_limits (TcwQemuHost *self);
JsonObject *tcw_qemu_host_get_machine (TcwQemuHost *self);
guint tcw_qemu_host_get_boot_timeout (TcwQemuHost *self);
guint tcw_qemu_host_get_agent_timeout (TcwQemuHost *self);

/* A name for a new domain that no other has, and its number. Free with g_free(). */
char *tcw_qemu_host_new_domain_name (TcwQemuHost *self);

/* Makes the folder @name for a VM's sockets and disks; what a killed process leaves there, the next one removes. Free with g_free(). */
char *tcw_qemu_host_make_vm_directory (TcwQemuHost *self, const char *name, GError **error);

G_END_DECLS
