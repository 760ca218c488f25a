/* Cache disks; see agent-disk.h. */
#include "agent-disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent-user.h"
#include "agent-util.h"

enum { BLANK_BYTES = 1 << 20, POLL_MS = 5 };

/* A SCSI disk tells its serial number in page 0x80: four bytes of header, then text. */
static bool
scsi_serial_is (int block, const char *name, const char *serial)
{
  char path[300];
  char page[260];
  agent_autofd int fd = -1;
  ssize_t n;

  snprintf (path, sizeof path, "%.200s/device/vpd_pg80", name);
  fd = openat (block, path, O_RDONLY | O_CLOEXEC);
  n = fd < 0 ? -1 : read (fd, page, sizeof page - 1);
  if (n <= 4)
    return false;
  page[n] = '\0';
  while (n > 4 && (page[n - 1] == ' ' || page[n - 1] == '\0'))
    page[--n] = '\0';
  return strcmp (page + 4 + strspn (page + 4, " "), serial) == 0;
}

/* Virtio disks carry at most 20 bytes of what the host said. */
static bool
serial_is (int block, const char *name, const char *serial)
{
  char path[300];
  char text[128];

  snprintf (path, sizeof path, "%.200s/serial", name);
  if (agent_read_text (block, path, text, sizeof text) > 0 && strncmp (text, serial, 20) == 0 && strlen (text) <= strlen (serial))
    return true;
  snprintf (path, sizeof path, "%.200s/device/serial", name);
  if (agent_read_text (block, path, text, sizeof text) > 0 && strcmp (text, serial) == 0)
    return true;
  return scsi_serial_is (block, name, serial);
}

/* The label of an ext2/3/4 file system: 16 bytes at 0x478, with the magic number at 0x438. */
static bool
label_is (const char *device, const char *label)
{
  agent_autofd int fd = open (device, O_RDONLY | O_CLOEXEC);
  unsigned char block[1024];

  if (fd < 0 || pread (fd, block, sizeof block, 1024) != (ssize_t) sizeof block || block[0x38] != 0x53 || block[0x39] != 0xef)
    return false;
  return strlen (label) <= 16 && strncmp ((const char *) block + 0x78, label, 16) == 0;
}

/* Makes sure that /dev/NAME is there, also where nothing makes device nodes. */
static bool
have_node (int block, const char *name, char device[64])
{
  char path[300];
  char text[64];
  dev_t number;

  if (strlen (name) > 40)
    return false;
  snprintf (device, 64, "/dev/%.40s", name);
  if (access (device, F_OK) == 0)
    return true;
  snprintf (path, sizeof path, "%.200s/dev", name);
  return agent_read_text (block, path, text, sizeof text) > 0 && agent_parse_device (text, &number)
         && mknod (device, S_IFBLK | 0600, number) == 0;
}

/* Looks once through all disks. */
static bool
find_disk (const char *disk, char device[64])
{
  DIR *folder = opendir ("/sys/block");
  const struct dirent *entry;
  bool found = false;

  if (folder == NULL)
    return false;
  while (!found && (entry = readdir (folder)) != NULL)
    if (entry->d_name[0] != '.' && have_node (dirfd (folder), entry->d_name, device))
      found = serial_is (dirfd (folder), entry->d_name, disk) || label_is (device, disk);
  closedir (folder);
  return found;
}

static bool
wait_for_disk (const agent_disk_request *request, char device[64])
{
  uint64_t end = agent_now_ms () + request->wait_ms;
  struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };

  while (!find_disk (request->disk, device))
    {
      if (agent_now_ms () >= end)
        return false;
      nanosleep (&pause, NULL);
    }
  return true;
}

static bool
is_blank (const char *device)
{
  agent_autofd int fd = open (device, O_RDONLY | O_CLOEXEC);
  char zeros[4096] = { 0 };
  char bytes[4096];

  if (fd < 0)
    return false;
  for (off_t at = 0; at < BLANK_BYTES; at += (off_t) sizeof bytes)
    {
      ssize_t n = pread (fd, bytes, sizeof bytes, at);

      if (n < 0 || memcmp (bytes, zeros, (size_t) n) != 0)
        return false;
      if (n < (ssize_t) sizeof bytes)
        break;
    }
  return true;
}

/* Returns 0 or an errno with a text. */
static int
make_file_system (const char *device, const char *type, char text[AGENT_JOB_TEXT])
{
  char tool[32];
  const char *ext4[] = { tool, "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", device, NULL };
  const char *other[] = { tool, device, NULL };
  int status;

  snprintf (tool, sizeof tool, "mkfs.%s", type);
  status = agent_job_run_tool (strncmp (type, "ext", 3) == 0 ? ext4 : other);
  if (status == 0)
    return 0;
  if (status == 127)
    {
      snprintf (text, AGENT_JOB_TEXT, "the disk is blank, and this image has no %s", tool);
      return ENOENT;
    }
  snprintf (text, AGENT_JOB_TEXT, "%s %s ended with status %d", tool, device, status);
  return EIO;
}

static void
make_folders (const char *target)
{
  char path[1024];
  size_t length = strlen (target);

  if (length >= sizeof path)
    return;
  memcpy (path, target, length + 1);
  for (size_t i = 1; i <= length; i++)
    if (path[i] == '/' || path[i] == '\0')
      {
        char kept = path[i];

        path[i] = '\0';
        mkdir (path, 0755);
        path[i] = kept;
      }
}

/* A file system fresh from us belongs to the user of the task. */
static void
give_to (const char *target, const char *owner)
{
  agent_user user;

  if (*owner != '\0' && agent_user_find (owner, &user) == 0 && chown (target, user.uid, user.gid) < 0)
    agent_log ("chown %s: %s", target, strerror (errno));
}

int
agent_disk_mount (const void *work, char text[AGENT_JOB_TEXT])
{
  const agent_disk_request *request = work;
  const char *type = *request->type == '\0' ? "ext4" : request->type;
  char device[64];
  bool made = false;
  int error;

  if (!wait_for_disk (request, device))
    {
      snprintf (text, AGENT_JOB_TEXT, "no disk has the serial number or label %s", request->disk);
      return ENOENT;
    }
  if (request->make_when_blank && is_blank (device))
    {
      error = make_file_system (device, type, text);
      if (error != 0)
        return error;
      made = true;
    }
  make_folders (request->target);
  if (mount (device, request->target, type, MS_NOSUID | MS_NODEV | (request->read_only ? MS_RDONLY : 0UL), NULL) < 0)
    {
      error = errno;
      snprintf (text, AGENT_JOB_TEXT, "mount %s (%s) on %.512s: %s", device, type, request->target, strerror (error));
      return error;
    }
  if (made)
    give_to (request->target, request->owner);
  snprintf (text, AGENT_JOB_TEXT, "%s", device);
  return 0;
}

int
agent_disk_unmount (const void *work, char text[AGENT_JOB_TEXT])
{
  const char *target = work;
  int error = 0;

  if (umount2 (target, UMOUNT_NOFOLLOW) < 0)
    {
      error = errno;
      snprintf (text, AGENT_JOB_TEXT, "unmount %.512s: %s", target, strerror (error));
    }
  return error;
}

int
agent_disk_sync (const void *nothing, char text[AGENT_JOB_TEXT])
{
  (void) nothing;
  (void) text;
  sync ();
  return 0;
}
