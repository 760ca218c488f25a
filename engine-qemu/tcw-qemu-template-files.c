/* Recording and checking a template's files; see tcw-qemu-template-files.h. */
#include "tcw-qemu-template-files.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"
#include "base/tcw-json.h"

#define RECORD "template.json"
#define RECORD_VERSION 1
#define OPTIONAL_FILE "disk.qcow2"

/* A tick of the kernel's file times is 10 ms at most; a time from the future is not waited for. */
#define TICK_WAIT_ROUNDS 50
#define TICK_WAIT_US 1000

const char *const tcw_qemu_template_file_names[] = { "ram", "state", OPTIONAL_FILE, NULL };

static char *
current_boot_id (void)
{
  char *text = NULL;

  if (!g_file_get_contents ("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
    return g_strdup ("unknown");
  return g_strchomp (text);
}

/* Whether a change of the file made now could still get the time that it has. */
static gboolean
is_of_this_tick (const struct stat *st)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec == st->st_ctim.tv_sec && now.tv_nsec <= st->st_ctim.tv_nsec;
}

/* Size, inode and times in one string: equal means untouched. */
static char *
file_stamp (const char *path)
{
  struct stat st;

  for (int i = 0; lstat (path, &st) == 0 && is_of_this_tick (&st) && i < TICK_WAIT_ROUNDS; i++)
    g_usleep (TICK_WAIT_US);
  if (lstat (path, &st) != 0 || !S_ISREG (st.st_mode))
    return NULL;
  return g_strdup_printf ("%" G_GINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld %" G_GINT64_FORMAT ".%09ld",
                          (gint64) st.st_size, (guint64) st.st_ino, (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                          (gint64) st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

static gboolean
write_record (const char *folder, JsonObject *object, GError **error)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *path = g_build_filename (folder, RECORD, NULL);
  g_autofree char *text = NULL;
  g_autofree char *boot_id = current_boot_id ();

  json_object_set_string_member (object, "checkedInBoot", boot_id);
  json_node_set_object (node, object);
  text = tcw_json_to_string (node, TCW_JSON_PRETTY);
  return tcw_fs_write_atomic (path, text, -1, 0644, error);
}

static gboolean
record_file (JsonObject *files, const char *folder, const char *name, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *stamp = NULL;
  g_autofree char *digest = NULL;
  JsonObject *entry;

  if (!g_file_test (path, G_FILE_TEST_EXISTS) && g_strcmp0 (name, OPTIONAL_FILE) == 0)
    return TRUE;
  if (!tcw_fs_sync (path, error))
    return FALSE;
  /* In this order: what changes meanwhile has another stamp later. */
  stamp = file_stamp (path);
  digest = tcw_fs_sha256 (path, cancellable, error);
  if (digest == NULL)
    return FALSE;
  entry = json_object_new ();
  json_object_set_string_member (entry, "stamp", stamp != NULL ? stamp : "");
  json_object_set_string_member (entry, "sha256", digest);
  json_object_set_object_member (files, name, entry);
  return TRUE;
}

gboolean
tcw_qemu_template_files_record (const char *folder, const char *key, const char *description, GCancellable *cancellable, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *created = g_date_time_format_iso8601 (now);
  JsonObject *files = json_object_new ();

  json_object_set_int_member (object, "version", RECORD_VERSION);
  json_object_set_string_member (object, "key", key);
  json_object_set_string_member (object, "description", description);
  json_object_set_string_member (object, "created", created);
  json_object_set_object_member (object, "files", files);
  for (const char *const *name = tcw_qemu_template_file_names; *name != NULL; name++)
    if (!record_file (files, folder, *name, cancellable, error))
      return FALSE;
  return write_record (folder, object, error);
}

void
tcw_qemu_template_files_discard (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, RECORD, NULL);

  if (unlink (path) != 0 && errno != ENOENT)
    g_warning ("cannot remove %s: %s", path, g_strerror (errno));
}

typedef enum {
  FILE_UNTOUCHED,
  FILE_SAME_CONTENT, /* touched, but with the recorded digest; its new stamp is in the record now */
  FILE_WRONG,
} FileState;

static FileState
check_file (JsonObject *entry, const char *path, gboolean read_all, GCancellable *cancellable)
{
  g_autofree char *stamp = file_stamp (path);
  g_autofree char *digest = NULL;

  if (stamp == NULL)
    return FILE_WRONG;
  if (!read_all && g_strcmp0 (stamp, tcw_json_get_string_or (entry, "stamp", "")) == 0)
    return FILE_UNTOUCHED;
  digest = tcw_fs_sha256 (path, cancellable, NULL);
  if (digest == NULL || g_strcmp0 (digest, tcw_json_get_string_or (entry, "sha256", "")) != 0)
    return FILE_WRONG;
  json_object_set_string_member (entry, "stamp", stamp);
  return FILE_SAME_CONTENT;
}

/* Checks each file that is on record, and that those which must be there are on record. */
static gboolean
check_files (const char *folder, JsonObject *object, gboolean read_all, gboolean *changed, char **why, GCancellable *cancellable)
{
  JsonObject *files = tcw_json_get_object (object, "files", NULL);

  for (const char *const *name = tcw_qemu_template_file_names; *name != NULL; name++)
    {
      g_autofree char *path = g_build_filename (folder, *name, NULL);
      JsonNode *entry = files != NULL ? json_object_get_member (files, *name) : NULL;
      FileState state = FILE_UNTOUCHED;

      if (entry != NULL && JSON_NODE_HOLDS_OBJECT (entry))
        state = check_file (json_node_get_object (entry), path, read_all, cancellable);
      else if (entry != NULL || g_strcmp0 (*name, OPTIONAL_FILE) != 0)
        state = FILE_WRONG;
      if (state == FILE_WRONG)
        {
          *why = g_strdup_printf ("its file %s is not what was frozen", *name);
          return FALSE;
        }
      *changed = *changed || state == FILE_SAME_CONTENT;
    }
  return TRUE;
}

gboolean
tcw_qemu_template_files_check (const char *folder, const char *key, char **why, GCancellable *cancellable)
{
  g_autofree char *path = g_build_filename (folder, RECORD, NULL);
  g_autofree char *boot_id = current_boot_id ();
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  gboolean changed = FALSE;
  gboolean read_all;
  JsonObject *object;

  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    {
      *why = g_strdup ("there is none");
      return FALSE;
    }
  node = tcw_json_load_file (path, NULL, &error);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    {
      *why = g_strdup_printf ("its record can't be read (%s)", error != NULL ? error->message : "no object");
      return FALSE;
    }
  object = json_node_get_object (node);
  if (tcw_json_get_int_or (object, "version", 0) != RECORD_VERSION || g_strcmp0 (tcw_json_get_string_or (object, "key", ""), key) != 0)
    {
      *why = g_strdup ("its record is another template's");
      return FALSE;
    }
  read_all = g_strcmp0 (tcw_json_get_string_or (object, "checkedInBoot", ""), boot_id) != 0;
  if (!check_files (folder, object, read_all, &changed, why, cancellable))
    return FALSE;
  if ((changed || read_all) && !write_record (folder, object, &error))
    g_info ("the template's check isn't recorded: %s", error->message);
  return TRUE;
}
