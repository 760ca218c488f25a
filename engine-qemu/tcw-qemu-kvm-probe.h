/*
 * Does /dev/kvm run an ordinary 64-bit guest natively? It can exist, open and create VMs and still emulate every instruction,
 * slower than TCG (a host that is itself paravirtualised). Only running a guest and timing it tells.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The guest loop takes about 20 ms natively; beyond this the host emulates. */
#define TCW_QEMU_KVM_PROBE_LIMIT_SECONDS 0.25

/*
 * Runs a tiny long-mode guest (a loop of stores and page table reloads, then HLT) directly on /dev/kvm and stores how many seconds
 * it took. Can hang where KVM is broken: call it in a process of its own with a time limit (tcw_qemu_accel_detect() does).
 * Errors: TCW_ERROR_RESOURCE_UNAVAILABLE, saying which step failed.
 */
gboolean tcw_qemu_kvm_probe_run (double *seconds, GError **error);

G_END_DECLS
