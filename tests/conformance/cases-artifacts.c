/* Cases of what is extracted: ArtifactTestCase. */
#include "base/tcw-error.h"
#include "conformance-collector.h"
#include "conformance-task.h"

static ConformanceTask *
run_files (Conformance *conformance)
{
  ConformanceTask *task = conformance_task_new (conformance, CONFORMANCE_FILES);

  g_assert_true (conformance_task_run (task));
  return task;
}

static void
dispose (ConformanceTask *task)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (tcw_result_set_dispose (task->results, &error));
  g_assert_no_error (error);
}

static void
extract_text_file (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = run_files (conformance);

  conformance_extract_file (task->results, conformance->entry->text_file, conformance->entry->text);
  /* As often as one likes. */
  conformance_extract_file (task->results, conformance->entry->text_file, conformance->entry->text);
  dispose (task);
}

static void
extract_file_not_found (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = run_files (conformance);

  conformance_extract_nothing (task->results, TCW_ENTRY_FILE, conformance->entry->no_file);
  conformance_extract_nothing (task->results, TCW_ENTRY_FILE, conformance->entry->folder);
  /* What was not found changes nothing. */
  conformance_extract_file (task->results, conformance->entry->text_file, conformance->entry->text);
  dispose (task);
}

static void
extract_folder_not_found (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = run_files (conformance);

  conformance_extract_nothing (task->results, TCW_ENTRY_FOLDER, conformance->entry->no_folder);
  conformance_extract_nothing (task->results, TCW_ENTRY_FOLDER, conformance->entry->text_file);
  conformance_extract_file (task->results, conformance->entry->text_file, conformance->entry->text);
  dispose (task);
}

static void
extract_nested_folder_path (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = run_files (conformance);

  conformance_extract_folder (task->results, conformance->entry->folder, conformance->entry->folder_files, conformance->entry->text);
  dispose (task);
}

/* A visitor that fails in any of its callbacks gets its own error back, nothing more is shown to it, and the results are as before. */
static void
extract_folder_handler_interrupt (Conformance *conformance)
{
  g_autoptr (ConformanceTask) task = run_files (conformance);

  for (ConformanceCallback at = CONFORMANCE_BEGIN_FILE; at <= CONFORMANCE_END_FILE; at++)
    conformance_extract_interrupted (task->results, conformance->entry->folder, at);
  conformance_extract_folder (task->results, conformance->entry->folder, conformance->entry->folder_files, conformance->entry->text);
  dispose (task);
}

const ConformanceCase conformance_artifact_cases[] = {
  { "ArtifactTestCase/TestExtractTextFile", CONFORMANCE_FILES, extract_text_file },
  { "ArtifactTestCase/TestExtractFileNotFound", CONFORMANCE_FILES, extract_file_not_found },
  { "ArtifactTestCase/TestExtractFolderNotFound", CONFORMANCE_FILES, extract_folder_not_found },
  { "ArtifactTestCase/TestExtractNestedFolderPath", CONFORMANCE_FILES, extract_nested_folder_path },
  { "ArtifactTestCase/TestExtractFolderHandlerInterrupt", CONFORMANCE_FILES, extract_folder_handler_interrupt },
  { NULL },
};
