/*
 * The agent's event loop: one thread, epoll, timers. Watches and timers are embedded in their owners, so that nothing here allocates
 * after agent_loop_new, and both can be removed at any time, also from within any callback.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

typedef struct agent_loop agent_loop;

typedef void (*agent_watch_func) (void *data, uint32_t events);
typedef void (*agent_timer_func) (void *data);

/* Fields are private to agent-loop.c; zero it before the first use. */
typedef struct {
  agent_loop *loop; /* NULL: not watched */
  int fd;
  uint32_t events;
  agent_watch_func func;
  void *data;
} agent_watch;

typedef struct agent_timer {
  agent_loop *loop; /* NULL: not running */
  struct agent_timer *next;
  uint64_t when_ms;
  agent_timer_func func;
  void *data;
} agent_timer;

/* NULL: errno says why. */
agent_loop *agent_loop_new (void);
void agent_loop_free (agent_loop *loop);

/*
 * Calls @func with @data when one of the epoll @events is there; EPOLLERR and EPOLLHUP always count. @fd stays the caller's and must be
 * removed before it is closed. False: errno says why (EPERM: a regular file, which is always ready).
 */
bool agent_watch_add (agent_watch *watch, agent_loop *loop, int fd, uint32_t events, agent_watch_func func, void *data);

/* Changes the events waited for. With 0 the descriptor is taken out altogether, so that a hang-up that nobody can act on costs nothing. */
void agent_watch_set (agent_watch *watch, uint32_t events);

/* Does nothing when @watch is not watched. */
void agent_watch_remove (agent_watch *watch);

/* (Re)starts a one-shot timer @delay_ms from now. */
void agent_timer_start (agent_timer *timer, agent_loop *loop, uint64_t delay_ms, agent_timer_func func, void *data);
void agent_timer_stop (agent_timer *timer);

/* Called once after each round of events; its callee flushes what the round produced. */
void agent_loop_set_turn (agent_loop *loop, agent_timer_func func, void *data);

/* The next round must not wait: somebody has work left. */
void agent_loop_again (agent_loop *loop);

/* Runs until agent_loop_quit. */
void agent_loop_run (agent_loop *loop);
void agent_loop_quit (agent_loop *loop);
