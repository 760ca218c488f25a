/* Users of the guest; see agent-user.h. */
#include "agent-user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent-util.h"

static bool
copy_text (char *to, const char *from)
{
  size_t length = strlen (from);

  if (length >= AGENT_USER_TEXT)
    return false;
  memcpy (to, from, length + 1);
  return true;
}

/* A user that no file knows. */
static int
make_numeric (uid_t uid, agent_user *user)
{
  user->uid = uid;
  user->gid = (gid_t) uid;
  snprintf (user->name, sizeof user->name, "%u", (unsigned) uid);
  copy_text (user->home, uid == 0 ? "/root" : "/");
  copy_text (user->shell, "/bin/sh");
  user->groups[0] = user->gid;
  user->n_groups = 1;
  return 0;
}

int
agent_user_find (const char *name, agent_user *user)
{
  char buffer[4096];
  struct passwd entry;
  struct passwd *found = NULL;
  uint64_t number = geteuid ();
  bool numeric = name == NULL || *name == '\0' || agent_parse_number (name, UINT32_MAX - 1, &number);
  int result;

  memset (user, 0, sizeof *user);
  if (numeric)
    result = getpwuid_r ((uid_t) number, &entry, buffer, sizeof buffer, &found);
  else
    result = getpwnam_r (name, &entry, buffer, sizeof buffer, &found);
  if (found == NULL && numeric)
    return make_numeric ((uid_t) number, user);
  if (found == NULL)
    return result == 0 ? ENOENT : result;
  user->uid = found->pw_uid;
  user->gid = found->pw_gid;
  if (!copy_text (user->name, found->pw_name) || !copy_text (user->home, *found->pw_dir == '\0' ? "/" : found->pw_dir)
      || !copy_text (user->shell, *found->pw_shell == '\0' ? "/bin/sh" : found->pw_shell))
    return ENAMETOOLONG;
  user->n_groups = AGENT_USER_GROUPS;
  if (getgrouplist (user->name, user->gid, user->groups, &user->n_groups) < 0)
    user->n_groups = AGENT_USER_GROUPS; /* more groups than we carry: the first ones */
  return 0;
}

int
agent_user_become (const agent_user *user)
{
  if (geteuid () != 0)
    return geteuid () == user->uid ? 0 : EPERM;
  if (setgroups ((size_t) user->n_groups, user->groups) < 0 || setresgid (user->gid, user->gid, user->gid) < 0
      || setresuid (user->uid, user->uid, user->uid) < 0)
    return errno;
  return 0;
}
