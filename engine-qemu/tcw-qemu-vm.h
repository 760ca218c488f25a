/*
 * One running virtual machine: a libvirt domain and the QEMU process behind it. Made paused, then booted or loaded with a
 * template's device state; ended by destroy, at the latest when the object goes.
 *
 * Functions may be called from any thread, one at a time; they block for as long as libvirt takes (fractions of a second),
 * unless a deadline is given. Deadlines are absolute, in microseconds of the monotonic clock.
 */
#pragma once

#include <gio/gio.h>

#include "tcw-qemu-connection.h"
#include "tcw-qemu-domain-xml.h"

G_BEGIN_DECLS

typedef enum {
  TCW_QEMU_VM_END_NONE,        /* it runs */
  TCW_QEMU_VM_END_POWERED_OFF, /* the guest powered itself off */
  TCW_QEMU_VM_END_REBOOTED,    /* the guest asked for a reboot; ours don't */
  TCW_QEMU_VM_END_PANICKED,    /* the guest's kernel panicked */
  TCW_QEMU_VM_END_NO_SPACE,    /* the host had no room for what the guest wrote; it was ended for that */
  TCW_QEMU_VM_END_DIED,        /* QEMU ended by itself, or somebody killed it */
} TcwQemuVmEnd;

#define TCW_QEMU_TYPE_VM (tcw_qemu_vm_get_type ())
G_DECLARE_FINAL_TYPE (TcwQemuVm, tcw_qemu_vm, TCW_QEMU, VM, GObject)

/* Starts QEMU as @spec says, paused. Errors: TCW_ERROR_INTERNAL, TCW_ERROR_RESOURCE_UNAVAILABLE (no space or memory). */
TcwQemuVm *tcw_qemu_vm_new (TcwQemuConnection *connection, const TcwQemuDomainSpec *spec, GError **error);

const char *tcw_qemu_vm_get_name (TcwQemuVm *self);

/* The pid of QEMU when it is our child, else 0. */
int tcw_qemu_vm_get_pid (TcwQemuVm *self);

/* Lets the guest's processors run. */
gboolean tcw_qemu_vm_resume (TcwQemuVm *self, GError **error);

/* Stops them. */
gboolean tcw_qemu_vm_suspend (TcwQemuVm *self, GError **error);

/*
 * Writes the device state of a suspended VM, without its RAM where that is a shared file, to the new file @path (mode 0444,
 * synced). The VM can't go on afterwards: destroy it.
 */
gboolean tcw_qemu_vm_save_state (TcwQemuVm *self, const char *path, gint64 deadline, GCancellable *cancellable, GError **error);

/* Loads the device state in @path into a VM that was made with `incoming`; it is paused afterwards. */
gboolean tcw_qemu_vm_load_state (TcwQemuVm *self, const char *path, gint64 deadline, GCancellable *cancellable, GError **error);

/* How it ended, if it has. Waits up to @wait_us microseconds for an end that is under way. */
TcwQemuVmEnd tcw_qemu_vm_get_end (TcwQemuVm *self, gint64 wait_us);

/* A sentence's end that says it, such as "powered itself off". Static. */
const char *tcw_qemu_vm_end_to_string (TcwQemuVmEnd end);

/* Ends the VM at once, whatever it does; returns when QEMU is gone. Can be called again. */
void tcw_qemu_vm_destroy (TcwQemuVm *self);

G_END_DECLS
