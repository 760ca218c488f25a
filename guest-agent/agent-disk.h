/* Cache disks: found by the serial number that the host gave them, made into a file system when blank, mounted. Blocking: for jobs only. */
#pragma once

#include <stdbool.h>

#include "agent-job.h"

/* Plain data, copied by the fork. */
typedef struct {
  char disk[128];       /* serial number, or a file system label */
  char target[1024];    /* absolute; made when missing */
  char type[16];        /* of the file system; "" is ext4 */
  char owner[256];      /* who the top folder is given to when the file system was made here; "" nobody */
  bool read_only;
  bool make_when_blank; /* write a file system when the disk's beginning holds only zeros */
  unsigned wait_ms;     /* how long to wait for the disk to appear */
} agent_disk_request;

/* agent_job_func with an agent_disk_request. */
int agent_disk_mount (const void *work, char text[AGENT_JOB_TEXT]);

/* agent_job_func with the path of a mount point as a string: flushes, then unmounts. */
int agent_disk_unmount (const void *work, char text[AGENT_JOB_TEXT]);

/* agent_job_func without an argument: everything to the disks. */
int agent_disk_sync (const void *nothing, char text[AGENT_JOB_TEXT]);
