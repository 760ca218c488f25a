/*
 * Reaping of the QEMU processes that libvirt's embedded driver daemonises. libvirt polls each 200 ms until a killed QEMU is
 * gone, and PID 1 may be slow to reap it; so this process is their subreaper and reaps them itself. libvirt's own children
 * (it waits for those) are never touched.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Makes this process the reaper of all its orphaned descendants. Once, at start. */
void tcw_qemu_reaper_enable (void);

/*
 * A helper thread that reaps orphaned daemons every few milliseconds while libvirt probes QEMU's capabilities: those
 * processes have no pid that anybody tells us. For a short, bounded section only; free it at the section's end.
 */
typedef struct _TcwQemuReaperSection TcwQemuReaperSection;

TcwQemuReaperSection *tcw_qemu_reaper_section_begin (void);
void tcw_qemu_reaper_section_end (TcwQemuReaperSection *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuReaperSection, tcw_qemu_reaper_section_end)

G_END_DECLS
