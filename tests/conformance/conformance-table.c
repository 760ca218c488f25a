/* The table of engines and the payloads that make their sandboxes do what the cases need; see conformance.h. */
#include <string.h>

#include "conformance-engines.h"

#define TINY(command) "{\"image\":\"tiny\",\"command\":[\"/bin/sh\",\"-c\",\"" command "\"]}"
#define MOCK(function, argument) "{\"delay\":0,\"function\":\"" function "\",\"argument\":\"" argument "\"}"

static const char *const folder_files[] = { "b/c.txt", "b/d/e.txt", "hello.txt", NULL };
static const char *const mock_invalid_names[] = { "", "a b", " ", "a=b", "=", NULL };
static const char *const qemu_invalid_names[] = { "#=#", "", "a b", "a=b", "1A", "A-B", "Ä", NULL };

static const ConformanceEngine engines[] = {
  {
    .name = "mock",
    .open = conformance_mock_open,
    .payloads = {
      [CONFORMANCE_LOG] = { MOCK ("write-log", CONFORMANCE_TARGET) },
      [CONFORMANCE_LOG_FAILING] = { MOCK ("write-error-log", CONFORMANCE_TARGET) },
      [CONFORMANCE_SILENT] = { MOCK ("true", CONFORMANCE_TARGET) },
      [CONFORMANCE_FAILING] = { MOCK ("false", CONFORMANCE_TARGET) },
      [CONFORMANCE_PRINT_VARIABLE] = { MOCK ("print-env-var", CONFORMANCE_VARIABLE) },
      [CONFORMANCE_MANY_VARIABLES] = { MOCK ("print-env-var", "MANY_2999") },
      [CONFORMANCE_FILES] = { MOCK ("write-files", "text.txt folder/hello.txt folder/b/c.txt folder/b/d/e.txt folders/other.txt") },
      [CONFORMANCE_LONG] = { "{\"delay\":300000,\"function\":\"true\",\"argument\":\"\"}" },
      [CONFORMANCE_LONG_TARGET] = { MOCK ("write-log-sleep", CONFORMANCE_TARGET) },
      [CONFORMANCE_MALFORMED] = { MOCK ("malformed-payload-after-start", "") },
    },
    .invalid_names = mock_invalid_names,
    .text = "Hello World",
    .text_file = "text.txt",
    .no_file = "no-such-file.txt",
    .no_folder = "no-such-folder",
    .folder = "folder",
    .folder_files = folder_files,
    .early_file = NULL, /* no function writes files and goes on */
  },
  {
    .name = "qemu",
    .open = conformance_qemu_open,
    .count_live = conformance_qemu_count_live,
    .n_open_files = 8,
    .payloads = {
      [CONFORMANCE_LOG] = { TINY ("echo " CONFORMANCE_TARGET) },
      [CONFORMANCE_LOG_FAILING] = { TINY ("echo " CONFORMANCE_TARGET "; exit 7") },
      [CONFORMANCE_SILENT] = { TINY ("true") },
      [CONFORMANCE_FAILING] = { TINY ("false") },
      [CONFORMANCE_PRINT_VARIABLE] = { TINY ("printf '%s\\\\n' \\\"$" CONFORMANCE_VARIABLE "\\\"") },
      [CONFORMANCE_MANY_VARIABLES]
      = { TINY ("echo \\\"$MANY_2999\\\"; test $(env | grep -c '^MANY_[0-9]*=value-[0-9]*$') = 3000") },
      [CONFORMANCE_FILES] = { TINY ("mkdir -p folder/b/d folders; for f in text.txt folder/hello.txt folder/b/c.txt folder/b/d/e.txt "
                                    "folders/other.txt; do printf 'Hello World' >$f; done") },
      [CONFORMANCE_LONG] = { TINY ("sleep 300") },
      [CONFORMANCE_LONG_TARGET] = { TINY ("printf 'Hello World' >early.txt; echo " CONFORMANCE_TARGET "; sleep 300") },
      [CONFORMANCE_MALFORMED] = { "{\"image\":\"tiny\",\"command\":[\"/no/such/program\"]}" },
    },
    .invalid_names = qemu_invalid_names,
    .text = "Hello World",
    .text_file = "text.txt",
    .no_file = "no-such-file.txt",
    .no_folder = "no-such-folder",
    .folder = "folder",
    .folder_files = folder_files,
    .early_file = "early.txt",
  },
};

const ConformanceEngine *
conformance_engine_find (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (engines); i++)
    if (strcmp (engines[i].name, name) == 0)
      return &engines[i];
  return NULL;
}
