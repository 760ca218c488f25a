/* Stepping down from root; see tcw-privileges.h. */
#include "host/tcw-privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/tcw-error.h"

gboolean
tcw_privileges_look_up (const char *user, uid_t *uid, gid_t *gid, GError **error)
{
  struct passwd entry;
  struct passwd *found = NULL;
  char buffer[4096];

  getpwnam_r (user, &entry, buffer, sizeof buffer, &found);
  if (found == NULL)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE,
                   "the worker's user “%s” does not exist; make it with `useradd --system --user-group %s`, or name another one as “user” "
                   "in the configuration",
                   user, user);
      return FALSE;
    }
  if (found->pw_uid == 0)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_USAGE, "the worker's user “%s” is root; name another one as “user” in the configuration",
                   user);
      return FALSE;
    }
  *uid = found->pw_uid;
  *gid = found->pw_gid;
  return TRUE;
}

gboolean
tcw_privileges_step_down (const char *user, GError **error)
{
  uid_t uid;
  gid_t gid;

  if (!tcw_privileges_look_up (user, &uid, &gid, error))
    return FALSE;
  if (initgroups (user, gid) != 0 || setresgid (gid, gid, gid) != 0 || setresuid (uid, uid, uid) != 0)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_FATAL, "cannot become the user %s: %s", user, g_strerror (errno));
      return FALSE;
    }
  return TRUE;
}
