/* Who reaps daemonised QEMU processes; see tcw-qemu-reaper.h. */
#include "tcw-qemu-reaper.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECTION_INTERVAL_US (10 * G_TIME_SPAN_MILLISECOND)

struct _TcwQemuReaperSection
{
  GThread *thread;
  GMutex mutex;
  GCond wake;
  gboolean stop;
};

void
tcw_qemu_reaper_enable (void)
{
  prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/*
 * A daemonised process has left our session without leading the one that it is in (double fork around setsid), and only
 * such ones become our children by re-parenting. libvirt's direct children are in our session or lead their own.
 */
static void
reap_if_orphaned_daemon (pid_t pid)
{
  pid_t session = getsid (pid);

  if (session > 0 && session != getsid (0) && session != pid)
    waitpid (pid, NULL, WNOHANG);
}

static void
reap_orphaned_daemons (void)
{
  g_autoptr (GDir) threads = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;

  while (threads != NULL && (name = g_dir_read_name (threads)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "children", NULL);
      g_autofree char *text = NULL;
      g_auto (GStrv) pids = NULL;

      if (!g_file_get_contents (path, &text, NULL, NULL))
        continue;
      pids = g_strsplit (g_strstrip (text), " ", -1);
      for (char **pid = pids; *pid != NULL; pid++)
        {
          gint64 number = g_ascii_strtoll (*pid, NULL, 10);

          if (number > 1 && number <= G_MAXINT)
            reap_if_orphaned_daemon ((pid_t) number);
        }
    }
}

static gpointer
section_run (gpointer data)
{
  TcwQemuReaperSection *self = data;

  g_mutex_lock (&self->mutex);
  while (!self->stop)
    {
      g_cond_wait_until (&self->wake, &self->mutex, g_get_monotonic_time () + SECTION_INTERVAL_US);
      reap_orphaned_daemons ();
    }
  g_mutex_unlock (&self->mutex);
  return NULL;
}

TcwQemuReaperSection *
tcw_qemu_reaper_section_begin (void)
{
  TcwQemuReaperSection *self = g_new0 (TcwQemuReaperSection, 1);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->wake);
  self->thread = g_thread_new ("reaper", section_run, self);
  return self;
}

void
tcw_qemu_reaper_section_end (TcwQemuReaperSection *self)
{
  g_mutex_lock (&self->mutex);
  self->stop = TRUE;
  g_cond_signal (&self->wake);
  g_mutex_unlock (&self->mutex);
  g_thread_join (self->thread);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->wake);
  g_free (self);
}
