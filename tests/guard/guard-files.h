/* The files of a test: its scratch folder, and the folders that it must leave as they were. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns (transfer full) the set of all paths below @folder (transfer full strings), empty when there is no such folder. */
GHashTable *tcw_guard_files_list (const char *folder);

/* Returns (transfer full) the sorted paths below @folder that are not in @before (as listed earlier). */
GPtrArray *tcw_guard_files_added (const char *folder, GHashTable *before);

/* Removes @folder and all below it; symbolic links are removed, not followed. FALSE if something is left. */
gboolean tcw_guard_files_remove (const char *folder);

G_END_DECLS
