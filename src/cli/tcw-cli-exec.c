/* The verb `exec`: a command in a virtual machine that `run --keep` has kept, through its agent's socket. */
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-i18n.h"
#include "cli/tcw-cli-private.h"
#include "tcw-qemu-agent.h"

#define ANSWER_SECONDS 30
