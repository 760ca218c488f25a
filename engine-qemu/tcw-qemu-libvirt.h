/*
 * Small bridge to libvirt's C API: autoptr for its handles and conversion of its thread-local error into ours.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/tcw-error.h"

G_BEGIN_DECLS

static inline void
tcw_qemu_vir_domain_unref (virDomain *domain)
{
  virDomainFree (domain);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (virDomain, tcw_qemu_vir_domain_unref)

/*
 * Sets @error (in TCW_ERROR, with @code) to the formatted text, ": " and the last error that libvirt recorded in this thread.
 * Always returns FALSE, so that a caller can return its result.
 */
gboolean tcw_qemu_set_libvirt_error (GError **error, TcwError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
