/* The agent's event loop; see agent-loop.h. */
#include "agent-loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-util.h"

enum { BATCH = 64 };

struct agent_loop {
  int epoll;
  bool quit;
  bool again;
  int n_pending;
  struct epoll_event pending[BATCH]; /* of the running round; a removed watch is set to NULL here */
  agent_timer *timers;
  agent_timer_func turn;
  void *turn_data;
};

agent_loop *
agent_loop_new (void)
{
  agent_loop *loop = calloc (1, sizeof *loop);

  if (loop == NULL)
    return NULL;
  loop->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (loop->epoll < 0)
    {
      free (loop);
      return NULL;
    }
  return loop;
}

void
agent_loop_free (agent_loop *loop)
{
  if (loop == NULL)
    return;
  agent_clear_fd (&loop->epoll);
  free (loop);
}

bool
agent_watch_add (agent_watch *watch, agent_loop *loop, int fd, uint32_t events, agent_watch_func func, void *data)
{
  struct epoll_event event = { .events = events, .data.ptr = watch };

  agent_watch_remove (watch);
  if (events != 0 && epoll_ctl (loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
    return false;
  *watch = (agent_watch) { .loop = loop, .fd = fd, .events = events, .func = func, .data = data };
  return true;
}

static void
forget_pending (agent_loop *loop, const agent_watch *watch)
{
  for (int i = 0; i < loop->n_pending; i++)
    if (loop->pending[i].data.ptr == watch)
      loop->pending[i].data.ptr = NULL;
}

void
agent_watch_set (agent_watch *watch, uint32_t events)
{
  struct epoll_event event = { .events = events, .data.ptr = watch };
  int operation = EPOLL_CTL_MOD;

  if (watch->loop == NULL || watch->events == events)
    return;
  if (events == 0)
    operation = EPOLL_CTL_DEL;
  else if (watch->events == 0)
    operation = EPOLL_CTL_ADD;
  if (epoll_ctl (watch->loop->epoll, operation, watch->fd, &event) < 0)
    agent_log ("epoll_ctl: %s", strerror (errno));
  if (events == 0)
    forget_pending (watch->loop, watch);
  watch->events = events;
}

void
agent_watch_remove (agent_watch *watch)
{
  if (watch->loop == NULL)
    return;
  if (watch->events != 0)
    epoll_ctl (watch->loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
  forget_pending (watch->loop, watch);
  watch->loop = NULL;
}

void
agent_timer_start (agent_timer *timer, agent_loop *loop, uint64_t delay_ms, agent_timer_func func, void *data)
{
  agent_timer **link = &loop->timers;

  agent_timer_stop (timer);
  *timer = (agent_timer) { .loop = loop, .when_ms = agent_now_ms () + delay_ms, .func = func, .data = data };
  while (*link != NULL && (*link)->when_ms <= timer->when_ms)
    link = &(*link)->next;
  timer->next = *link;
  *link = timer;
}

void
agent_timer_stop (agent_timer *timer)
{
  if (timer->loop == NULL)
    return;
  for (agent_timer **link = &timer->loop->timers; *link != NULL; link = &(*link)->next)
    if (*link == timer)
      {
        *link = timer->next;
        break;
      }
  timer->loop = NULL;
  timer->next = NULL;
}

void
agent_loop_set_turn (agent_loop *loop, agent_timer_func func, void *data)
{
  loop->turn = func;
  loop->turn_data = data;
}

void
agent_loop_again (agent_loop *loop)
{
  loop->again = true;
}

void
agent_loop_quit (agent_loop *loop)
{
  loop->quit = true;
}

/* Milliseconds until the first timer, for epoll_wait. */
static int
wait_time (const agent_loop *loop)
{
  uint64_t now;

  if (loop->again || loop->quit)
    return 0;
  if (loop->timers == NULL)
    return -1;
  now = agent_now_ms ();
  if (loop->timers->when_ms <= now)
    return 0;
  return loop->timers->when_ms - now > 3600000 ? 3600000 : (int) (loop->timers->when_ms - now);
}

static void
run_timers (agent_loop *loop)
{
  uint64_t now;

  if (loop->timers == NULL)
    return;
  now = agent_now_ms ();
  while (loop->timers != NULL && loop->timers->when_ms <= now)
    {
      agent_timer *timer = loop->timers;

      agent_timer_stop (timer);
      timer->func (timer->data);
    }
}

void
agent_loop_run (agent_loop *loop)
{
  while (!loop->quit)
    {
      int timeout = wait_time (loop);

      loop->again = false;
      loop->n_pending = epoll_wait (loop->epoll, loop->pending, BATCH, timeout);
      if (loop->n_pending < 0)
        loop->n_pending = 0;
      for (int i = 0; i < loop->n_pending; i++)
        {
          const agent_watch *watch = loop->pending[i].data.ptr;

          if (watch != NULL)
            watch->func (watch->data, loop->pending[i].events);
        }
      loop->n_pending = 0;
      run_timers (loop);
      if (loop->turn != NULL)
        loop->turn (loop->turn_data);
    }
}
