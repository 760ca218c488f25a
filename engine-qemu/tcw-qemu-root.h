/*
 * The root folder of libvirt's embedded driver. One process at a time may use a root, so each `run` takes a free one of a
 * numbered set and the daemon one of its own name; what is dear, libvirt's cache of QEMU's capabilities, is shared by all.
 *
 *   STATE/libvirt/capabilities/   the shared capability cache
 *   STATE/libvirt/NAME/           a root: etc/ lib/ run/ cache/, written by libvirt, and lock, held while it is in use
 *   STATE/vm/NAME/                the files of the VMs that this root runs (short: socket paths have 107 bytes at most)
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _TcwQemuRoot TcwQemuRoot;

/*
 * Takes the root @name below @state_directory, or, if @name is NULL, the first numbered one that nobody uses. Writes its
 * configuration. Errors: TCW_ERROR_RESOURCE_UNAVAILABLE when the root is in use by another process, TCW_ERROR_INTERNAL.
 */
TcwQemuRoot *tcw_qemu_root_acquire (const char *state_directory, const char *name, GError **error);

/* Gives the root up; its folder stays. */
void tcw_qemu_root_free (TcwQemuRoot *self);

/* Absolute path of the root, for `qemu:///embed?root=`. */
const char *tcw_qemu_root_get_path (TcwQemuRoot *self);

/* Absolute path of the folder for this root's VMs; it exists. */
const char *tcw_qemu_root_get_vm_directory (TcwQemuRoot *self);

/*
 * libvirt puts some files into the user's home and XDG folders even in embedded mode; this points them into the root, and
 * its log into the root's own file. Changes the process environment: call it before any thread is started.
 */
void tcw_qemu_root_export_environment (TcwQemuRoot *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuRoot, tcw_qemu_root_free)

G_END_DECLS
