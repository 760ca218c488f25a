/*
 * Which accelerator QEMU is to use. "auto" takes KVM only where a probe has shown that it runs a guest natively, and says why
 * when it doesn't; the verdict is kept until the host boots another kernel.
 */
#pragma once

#include <gio/gio.h>

#include "tcw-qemu-domain-xml.h"

G_BEGIN_DECLS

typedef struct
{
  TcwQemuAccel accel;
  char *reason; /* for people: why this one */
} TcwQemuAccelVerdict;

void tcw_qemu_accel_verdict_clear (TcwQemuAccelVerdict *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TcwQemuAccelVerdict, tcw_qemu_accel_verdict_clear)

/* "tcg" or "kvm". Static. */
const char *tcw_qemu_accel_to_string (TcwQemuAccel accel);

/*
 * Decides for @wanted ("auto", "kvm" or "tcg"). The probe runs as the command @probe_argv (NULL-terminated), which must print
 * the seconds that the guest took, or fail with the reason on stderr, within a few seconds. The verdict is cached in @state_directory.
 * Errors: TCW_ERROR_USAGE when "kvm" is wanted and doesn't work.
 */
gboolean tcw_qemu_accel_detect (const char *state_directory, const char *wanted, const char *const *probe_argv,
                                TcwQemuAccelVerdict *verdict, GError **error);

G_END_DECLS
