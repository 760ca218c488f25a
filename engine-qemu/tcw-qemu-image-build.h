/*
 * Building an image: runs the recipe's steps (images/build.sh) as a process with a clean environment and completes the result to an image
 * that tcw_qemu_image_store_import() takes.
 */
#pragma once

#include <gio/gio.h>

#include "base/tcw-file-lock.h"
#include "tcw-qemu-image-recipe.h"

G_BEGIN_DECLS

/* Where the parts of a build are. All absolute. */
typedef struct {
  char *recipes;    /* folder of the recipes that come with the program */
  char *script;     /* build.sh */
  char *agent;      /* the guest agent */
  char *agent_unit; /* its systemd unit */
} TcwQemuImageTools;

/* The parts that belong to the program at @program: of the source and build tree if it was built there, otherwise as installed. */
TcwQemuImageTools *tcw_qemu_image_tools_new (const char *program) G_GNUC_WARN_UNUSED_RESULT;
void tcw_qemu_image_tools_free (TcwQemuImageTools *tools);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TcwQemuImageTools, tcw_qemu_image_tools_free)

/*
 * Builds an image in a new folder. Progress and the output of the steps go to stderr. Runs the thread-default main context while it
 * waits, so that the caller's sources (signals that cancel, say) are served; a failed or cancelled build's processes are terminated,
 * which is quickest when the caller is their subreaper.
 *
 * Returns (transfer full) the path of the folder, which has the image in its sub-folder "image"; remove all of it with
 * tcw_fs_remove_tree() afterwards. @lock (transfer full) is to be held until then: a later build removes what has no holder. Nothing
 * is left after a failure.
 *
 * Errors: TCW_ERROR_INTERNAL naming the step that failed and what to do; TCW_ERROR_CANCELLED; TCW_ERROR_USAGE when a part is missing;
 * or as in tcw-fs.h.
 */
char *tcw_qemu_image_build (TcwQemuImageRecipe *recipe, const TcwQemuImageTools *tools, TcwFileLock **lock, GCancellable *cancellable,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
