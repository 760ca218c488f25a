/* The mock engine, for the cases; it needs nothing. */
#include "conformance-engines.h"
#include "engine/mock/tcw-mock-engine.h"

TcwEngine *
conformance_mock_open (char **folder, const char **skip)
{
  *folder = g_strdup (g_get_tmp_dir ());
  return TCW_ENGINE (tcw_mock_engine_new ());
}
