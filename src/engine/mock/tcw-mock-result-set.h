/* What a mock command leaves behind. Implements TcwResultSet. */
#pragma once

#include "engine/mock/tcw-mock-files.h"
#include "engine/tcw-engine.h"

G_BEGIN_DECLS

/* @files: transfer full. */
TcwResultSet *tcw_mock_result_set_new (TcwMockFiles *files, gboolean success);

G_END_DECLS
