/*
 * Stepping down from root: the worker needs no privilege, so started as root it becomes its own user before it does anything.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/*
 * Looks up @user. Errors: TCW_ERROR_USAGE with how to make it.
 */
gboolean tcw_privileges_look_up (const char *user, uid_t *uid, gid_t *gid, GError **error);

/*
 * Becomes @user with its groups, for good, and gives up every capability. Call it before any thread is started. Errors:
 * TCW_ERROR_FATAL.
 */
gboolean tcw_privileges_step_down (const char *user, GError **error);

G_END_DECLS
