/* Users of the guest: by name or number, their groups, home and shell. Called in forked children only: a look-up may block. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { AGENT_USER_GROUPS = 64, AGENT_USER_TEXT = 256 };

typedef struct {
  uid_t uid;
  gid_t gid;
  char name[AGENT_USER_TEXT];
  char home[AGENT_USER_TEXT];
  char shell[AGENT_USER_TEXT];
  gid_t groups[AGENT_USER_GROUPS];
  int n_groups;
} agent_user;

/*
 * Fills @user from the password and group files. @name is a name or a number; "" or NULL is the user that the agent runs as. A number that
 * no
 * entry has is a user of its own, with the group of the same number and the home "/". Returns 0 or an errno: ENOENT is no such user.
 */
int agent_user_find (const char *name, agent_user *user);

/* Becomes @user for good, groups included; nothing happens when the process is that user already and not root. Returns 0 or an errno. */
int agent_user_become (const agent_user *user);
