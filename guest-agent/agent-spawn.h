/*
 * The forked child's way from the agent's code to the command: terminal, user, folder, environment, exec. Whatever fails is
 * told as a step and an errno, so that the host can say in words why a command did not start.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
  AGENT_SPAWN_OK,
  AGENT_SPAWN_SETUP,       /* the agent's own resources: pipes, processes, memory */
  AGENT_SPAWN_USER,        /* look-up of the user */
  AGENT_SPAWN_BECOME,      /* taking the user's identity */
  AGENT_SPAWN_TERMINAL,    /* the controlling terminal */
  AGENT_SPAWN_FOLDER,      /* entering the working directory */
  AGENT_SPAWN_SEARCH,      /* the command is not in PATH */
  AGENT_SPAWN_EXEC,        /* execve itself */
  AGENT_SPAWN_INTERPRETER, /* the command is there, and what its first line or its ELF header asks for is not */
} agent_spawn_step;

/* Borrowed by whoever gets it. Strings are NUL-terminated, arrays end with NULL. */
typedef struct {
  char *const *argv;  /* at least argv[0] */
  char *const *env;   /* NAME=VALUE each */
  const char *folder; /* "" or NULL: the user's home, or / where that does not exist */
  const char *user;   /* name or number; "" or NULL: the agent's own */
  const char *cgroup; /* folder of a cgroup v2 that is the tree's own, or NULL; agent-tree puts the command there */
  bool clean;         /* @env is all of the environment; otherwise what every user has is added */
  bool terminal;      /* descriptor 0 is a terminal that becomes the controlling one */
} agent_spawn_spec;

typedef struct {
  agent_spawn_step step;
  int error; /* errno */
} agent_spawn_failure;

/* Turns the calling child, whose descriptors 0, 1 and 2 are set, into the command. Returns only when that failed. */
agent_spawn_failure agent_spawn_become (const agent_spawn_spec *spec);

/* Writes a sentence on @failure into @text of @size bytes. */
void agent_spawn_explain (const agent_spawn_spec *spec, agent_spawn_failure failure, char *text, size_t size);
