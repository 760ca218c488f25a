/* The files that a mock command leaves behind. */
#pragma once

#include "engine/tcw-engine.h"

G_BEGIN_DECLS

typedef struct _TcwMockFiles TcwMockFiles;

/*
 * A file "Hello World" at each of @paths, which blanks separate. Errors: TCW_ERROR_MALFORMED_PAYLOAD when one can't be a path, or there
 * would have to be a file and a folder of the same name.
 */
TcwMockFiles *tcw_mock_files_new (const char *paths, GError **error);
void tcw_mock_files_free (TcwMockFiles *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwMockFiles, tcw_mock_files_free)

/* As tcw_result_set_extract(), which says the errors too; files of a folder come in the order of their names. */
gboolean tcw_mock_files_extract (TcwMockFiles *self, TcwEntryKind kind, const char *path, const TcwEntryVisitor *visitor,
                                 gpointer user_data, GError **error);

G_END_DECLS
