/*
 * One virtual machine for tests in C: steps down from root, opens the engine's host in TCW_TEST_STATE, runs the main loop in the main
 * thread and the tests in another, and forks a guest of the image tiny for them.
 */
#pragma once

#include "tcw-qemu-guest.h"

G_BEGIN_DECLS

typedef struct
{
  TcwQemuHost *host;
  TcwQemuGuest *guest;
  TcwQemuAgent *agent;
} VmFixture;

/* A deadline @seconds from now. */
gint64 vm_deadline (guint seconds);

/*
 * Runs @add_tests, which adds tests with g_test_add_data_func() and a VmFixture as data, and the tests. Returns the exit status of
 * main().
 */
int vm_fixture_main (int argc, char **argv, void (*add_tests) (VmFixture *fixture));

/* Forks a guest of tiny, with an identity. */
TcwQemuGuest *vm_fork (TcwQemuHost *host);

G_END_DECLS
