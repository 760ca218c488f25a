/*
 * A guest: a virtual machine together with its files, its console's tail and the link to the agent in it. Booted cold, or forked
 * from a template. Belongs to one thread and its thread-default main context.
 */
#pragma once

#include <gio/gio.h>

#include "tcw-qemu-agent.h"
#include "tcw-qemu-host.h"
#include "tcw-qemu-image.h"
#include "tcw-qemu-vm.h"

G_BEGIN_DECLS

/* A file system with less room than this is taken for full when something died on it. */
#define TCW_QEMU_FULL_DISK_BYTES (4 * 1024 * 1024)

typedef struct _TcwQemuGuest TcwQemuGuest;

/* What a guest starts from. */
typedef struct
{
  TcwQemuImage *image;
  TcwQemuMachine machine;
  const char *ram_path;   /* backing file of the RAM, or NULL */
  gboolean ram_shared;    /* the file takes the guest's writes: a template in the making */
  const char *state_path; /* device state to load instead of booting, or NULL */
  const char *disk_path;  /* the immutable qcow2 layer to put the guest's own disk on, instead of the image's disk; or NULL */
  const char *overlay_path; /* where to make the guest's own disk; NULL: in the guest's own folder */
} TcwQemuGuestOrigin;

/* How long each phase took, microseconds. */
typedef struct
{
  gint64 create; /* until QEMU was there, paused */
  gint64 load;   /* until the device state was loaded (fork) */
  gint64 agent;  /* until the agent answered */
} TcwQemuGuestTimes;

/* Makes the VM, paused; one with a state waits for tcw_qemu_guest_load(). Ends with TCW_ERROR_CANCELLED when @cancellable is triggered. */
TcwQemuGuest *tcw_qemu_guest_new (TcwQemuHost *host, const TcwQemuGuestOrigin *origin, GCancellable *cancellable, GError **error);

/* Loads the state that the guest was made with, once, before it is started. Errors: as above, and TCW_ERROR_INTERNAL. */
gboolean tcw_qemu_guest_load (TcwQemuGuest *self, GCancellable *cancellable, GError **error);

/* Ends the VM and removes its files. */
void tcw_qemu_guest_free (TcwQemuGuest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuGuest, tcw_qemu_guest_free)

/*
 * Lets it run and waits for the agent's answer, @timeout_seconds at most. Errors: TCW_ERROR_INTERNAL, with the tail of the console
 * in the message, when the agent doesn't answer or the VM ends.
 */
gboolean tcw_qemu_guest_start (TcwQemuGuest *self, guint timeout_seconds, GCancellable *cancellable, GError **error);

/* Gives the guest an identity of its own: random numbers, clock, host name, machine-id. Before anything is executed in it. */
gboolean tcw_qemu_guest_identify (TcwQemuGuest *self, const char *host_name, GCancellable *cancellable, GError **error);

TcwQemuVm *tcw_qemu_guest_get_vm (TcwQemuGuest *self);
TcwQemuAgent *tcw_qemu_guest_get_agent (TcwQemuGuest *self);
const TcwQemuGuestTimes *tcw_qemu_guest_get_times (TcwQemuGuest *self);
/* Path of the UNIX socket that leads to the agent's port; one client at a time. */
const char *tcw_qemu_guest_get_agent_socket (TcwQemuGuest *self);

/*
 * Turns an error of the agent link into one of ours: what became of the VM, if it ended; the console's tail, if that helps. Takes
 * ownership of @error.
 */
GError *tcw_qemu_guest_explain (TcwQemuGuest *self, GError *error, const char *doing);

G_END_DECLS
