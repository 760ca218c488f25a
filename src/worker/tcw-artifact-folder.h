/*
 * Artifacts into a folder of this machine: what `run --artifacts DIR` keeps. Names become paths below the folder; nothing is ever
 * written outside of it, through a link in it, or half: a file appears when it is whole.
 */
#pragma once

#include "engine/tcw-engine.h"

G_BEGIN_DECLS

typedef struct _TcwArtifactFolder TcwArtifactFolder;

/*
 * @dir_fd: the folder (transfer full), or -1: artifacts are read, so that a missing one is noticed, and dropped. Used by one thread.
 */
TcwArtifactFolder *tcw_artifact_folder_new (int dir_fd);
void tcw_artifact_folder_free (TcwArtifactFolder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwArtifactFolder, tcw_artifact_folder_free)

/* FALSE: what is stored is dropped. */
gboolean tcw_artifact_folder_keeps (TcwArtifactFolder *self);

/*
 * Extracts what is at @path of @results and stores it under @name (a file), or below @name/ (a folder's files). *n_files and *n_bytes
 * (may be NULL) count what was stored. Errors: tcw_result_set_extract()'s; TCW_ERROR_MALFORMED_PAYLOAD for a name that can't be a
 * path; TCW_ERROR_RESOURCE_UNAVAILABLE when the disk is full.
 */
gboolean tcw_artifact_folder_store (TcwArtifactFolder *self, TcwResultSet *results, TcwEntryKind kind, const char *path, const char *name,
                                    guint *n_files, guint64 *n_bytes, GError **error);

G_END_DECLS
