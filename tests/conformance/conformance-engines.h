/* The engines that the cases run with: how each is opened. */
#pragma once

#include "conformance.h"

G_BEGIN_DECLS

/* As ConformanceEngine.open says. */
TcwEngine *conformance_mock_open (char **folder, const char **skip);
TcwEngine *conformance_qemu_open (char **folder, const char **skip);

/* Folders of virtual machines of this process in the state directory @folder. */
guint conformance_qemu_count_live (const char *folder);

G_END_DECLS
