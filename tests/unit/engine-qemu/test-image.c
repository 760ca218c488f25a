/* Manifests, images and their damages, and the store with its versions and locks; with made-up images. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tcw-error.h"
#include "base/tcw-fs.h"
#include "image-fixture.h"
#include "tcw-qemu-image-manifest.h"
#include "tcw-qemu-image-store.h"
#include "tcw-test.h"

/* Makes an image with a kernel of the given content; @more is put into the manifest, with a comma at its end. */
static char *
make_image (Fixture *f, const char *name, const char *kernel, const char *more)
{
  char *folder = g_build_filename (f->folder, "source", name, NULL);
  g_autofree char *sha = g_compute_checksum_for_string (G_CHECKSUM_SHA256, kernel, -1);
  g_autofree char *text = NULL;
  g_autofree char *kernel_path = NULL;
  g_autofree char *manifest_path = NULL;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  text = g_strdup_printf ("{\"version\": 1, \"name\": \"%s\", \"created\": \"2026-01-02T03:04:05Z\", "
                          "\"boot\": {\"kernel\": \"vmlinuz\"}, %s"
                          "\"files\": {\"vmlinuz\": {\"size\": %zu, \"sha256\": \"%s\"}}}",
                          name, more, strlen (kernel), sha);
  kernel_path = write_file (folder, "vmlinuz", kernel);
  manifest_path = write_file (folder, "image.json", text);
  return folder;
}

static TcwQemuImageStore *
open_store (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  TcwQemuImageStore *store = tcw_qemu_image_store_new (f->store_folder, &error);

  g_assert_no_error (error);
  return store;
}

/* Makes and imports an image. */
static TcwQemuImage *
add_image (Fixture *f, TcwQemuImageStore *store, const char *name, const char *kernel)
{
  g_autofree char *folder = make_image (f, name, kernel, "");
  g_autoptr (GError) error = NULL;
  TcwQemuImage *image = tcw_qemu_image_store_import (store, folder, NULL, &error);

  g_assert_no_error (error);
  return image;
}

#define FILES "\"files\": {\"k\": {\"size\": 1, \"sha256\": \"0000000000000000000000000000000000000000000000000000000000000000\"}}"
#define HEAD "{\"version\": 1, \"name\": \"x\", \"created\": \"2026-01-02T03:04:05Z\", "

static void
test_manifest_bad (void)
{
  const struct
  {
    const char *text;
    const char *part;
  } cases[] = {
    { "", "image.json:1:1" },
    { "[]", "must be" },
    { "{}", "files" },
    { HEAD "\"boot\": {\"kernel\": \"k\"}, \"files\": {}}", "files" },
    { HEAD "\"boot\": {\"kernel\": \"k2\"}, " FILES "}", "boot.kernel: must be one of the image's files" },
    { HEAD "\"boot\": {\"kernel\": \"k\", \"initrd\": \"i\"}, " FILES "}", "boot.initrd" },
    { HEAD "\"boot\": {\"kernel\": \"../k\"}, " FILES "}", "boot.kernel" },
    { HEAD "\"boot\": {\"kernel\": \".k\"}, " FILES "}", "boot.kernel" },
    { HEAD "\"boot\": {\"kernel\": \"k\", \"cmdline\": \"a\\nb\"}, " FILES "}", "boot.cmdline" },
    { HEAD "\"boot\": {\"kernel\": \"k\", \"oops\": 1}, " FILES "}", "oops" },
    { HEAD "\"boot\": {\"kernel\": \"k\"}, \"disk\": {\"file\": \"k\", \"format\": \"vmdk\", \"virtualSize\": 1048576}, " FILES "}",
      "disk.format" },
    { HEAD "\"boot\": {\"kernel\": \"k\"}, \"disk\": {\"file\": \"d\", \"format\": \"raw\", \"virtualSize\": 1048576}, " FILES "}",
      "disk.file" },
    { HEAD "\"boot\": {\"kernel\": \"k\"}, \"machine\": {\"memory\": 0}, " FILES "}", "machine.memory" },
    { HEAD "\"boot\": {\"kernel\": \"k\"}, \"exec\": {\"env\": {\"A=B\": \"\"}}, " FILES "}", "exec.env" },
    { HEAD "\"boot\": {\"kernel\": \"k\"}, \"exec\": {\"workdir\": \"home\"}, " FILES "}", "exec.workdir" },
    { "{\"version\": 2, \"name\": \"x\", \"created\": \"2026-01-02T03:04:05Z\", \"boot\": {\"kernel\": \"k\"}, " FILES "}", "version" },
    { "{\"version\": 1, \"name\": \"X/\", \"created\": \"2026-01-02T03:04:05Z\", \"boot\": {\"kernel\": \"k\"}, " FILES "}", "name" },
    { "{\"version\": 1, \"name\": \"x\", \"created\": \"yesterday\", \"boot\": {\"kernel\": \"k\"}, " FILES "}", "created" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = tcw_qemu_image_manifest_parse (cases[i].text, -1, "image.json", &error);

      g_test_message ("case %zu", i);
      assert_fails (node == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, cases[i].part);
    }
}

static void
test_manifest_names_every_violation (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = tcw_qemu_image_manifest_parse (
      "{\"version\": 3, \"name\": \"\", \"created\": 5, \"boot\": {\"kernel\": \"/k\"}, " FILES "}", -1, "image.json", &error);
  const char *const parts[] = { "image.json.version", "image.json.name", "image.json.created", "image.json.boot.kernel" };

  g_assert_null (node);
  g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    g_assert_nonnull (strstr (error->message, parts[i]));
}

static void
test_values (Fixture *f, gconstpointer data)
{
  g_autofree char *folder = make_image (f, "full", "kernel",
                                        "\"description\": \"text\", \"machine\": {\"memory\": 300},"
                                        "\"exec\": {\"user\": \"task\", \"workdir\": \"/w\", \"entrypoint\": [\"a\", \"b\"],"
                                        "\"env\": {\"A\": \"1\", \"B\": \"x y\"}},");
  g_autofree char *manifest_path = g_build_filename (folder, "image.json", NULL);
  g_autofree char *digest = tcw_fs_sha256 (manifest_path, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImage) image = tcw_qemu_image_open (folder, NULL, NULL, &error);
  g_autofree char *kernel = g_build_filename (folder, "vmlinuz", NULL);

  g_assert_no_error (error);
  g_assert_cmpstr (tcw_qemu_image_get_name (image), ==, "full");
  g_assert_cmpstr (tcw_qemu_image_get_description (image), ==, "text");
  g_assert_cmpstr (tcw_qemu_image_get_digest (image), ==, digest);
  g_assert_cmpstr (tcw_qemu_image_get_kernel_path (image), ==, kernel);
  g_assert_null (tcw_qemu_image_get_initrd_path (image));
  g_assert_null (tcw_qemu_image_get_disk_path (image));
  g_assert_null (tcw_qemu_image_get_disk_format (image));
  g_assert_null (tcw_qemu_image_get_ready_command (image));
  g_assert_cmpuint (tcw_qemu_image_get_size (image), ==, 6);
  g_assert_cmpint (json_object_get_int_member (tcw_qemu_image_get_machine (image), "memory"), ==, 300);
  g_assert_cmpstr (tcw_qemu_image_get_exec_user (image), ==, "task");
  g_assert_cmpstr (tcw_qemu_image_get_exec_workdir (image), ==, "/w");
  g_assert_cmpstr (tcw_qemu_image_get_exec_entrypoint (image)[1], ==, "b");
  g_assert_cmpstr (tcw_qemu_image_get_exec_environ (image)[0], ==, "A=1");
  g_assert_cmpstr (tcw_qemu_image_get_exec_environ (image)[1], ==, "B=x y");
  g_assert_null (tcw_qemu_image_get_exec_environ (image)[2]);
}

static void
test_damage (Fixture *f, gconstpointer data)
{
  g_autofree char *folder = make_image (f, "x", "kernel", "");
  g_autofree char *kernel = g_build_filename (folder, "vmlinuz", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImage) image = tcw_qemu_image_open (folder, NULL, NULL, &error);
  g_autofree char *written = NULL;

  g_assert_no_error (error);
  g_assert_true (tcw_qemu_image_verify (image, NULL, &error));
  /* The same size, and noted as verified before: still seen, because the file is another one. */
  written = write_file (folder, "vmlinuz", "KERNEL");
  assert_fails (tcw_qemu_image_open (folder, NULL, NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "vmlinuz: has another");
  assert_fails (!tcw_qemu_image_verify (image, NULL, &error), &error, TCW_ERROR_MALFORMED_PAYLOAD, "vmlinuz");
  g_free (written);
  written = write_file (folder, "vmlinuz", "kern");
  assert_fails (tcw_qemu_image_open (folder, NULL, NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "has 4 bytes instead of 6");
  g_assert_cmpint (g_unlink (kernel), ==, 0);
  g_assert_cmpint (symlink ("/etc/passwd", kernel), ==, 0);
  assert_fails (tcw_qemu_image_open (folder, NULL, NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "is no regular file");
  g_assert_cmpint (g_unlink (kernel), ==, 0);
  assert_fails (tcw_qemu_image_open (folder, NULL, NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "vmlinuz");
  assert_fails (tcw_qemu_image_open ("/nonexistent/x", NULL, NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "/nonexistent/x");
}

/* A disk whose qcow2 header has one byte changed; @offset 0 with the right byte changes nothing. */
static TcwQemuImage *
open_with_disk (Fixture *f, gsize offset, guint8 byte, GError **error)
{
  guint8 head[104] = { 'Q', 'F', 'I', 0xfb, 0, 0, 0, 3 };
  g_autofree char *folder = make_image (f, "disk", "kernel", "");
  g_autofree char *disk = g_build_filename (folder, "d.qcow2", NULL);
  g_autofree char *sha = NULL;
  g_autofree char *text = NULL;
  g_autofree char *kernel_sha = g_compute_checksum_for_string (G_CHECKSUM_SHA256, "kernel", -1);
  g_autofree char *manifest = NULL;

  head[24 + 5] = 0x10; /* 1 MiB */
  head[offset] = byte;
  sha = g_compute_checksum_for_data (G_CHECKSUM_SHA256, head, sizeof head);
  g_assert_true (tcw_fs_write_atomic (disk, head, sizeof head, 0644, NULL));
  text = g_strdup_printf (HEAD "\"boot\": {\"kernel\": \"vmlinuz\", \"ready\": [\"true\"]},"
                               "\"disk\": {\"file\": \"d.qcow2\", \"format\": \"qcow2\", \"virtualSize\": 1048576},"
                               "\"files\": {\"vmlinuz\": {\"size\": 6, \"sha256\": \"%s\"},"
                               "\"d.qcow2\": {\"size\": 104, \"sha256\": \"%s\"}}}",
                          kernel_sha, sha);
  manifest = write_file (folder, "image.json", text);
  return tcw_qemu_image_open (folder, NULL, NULL, error);
}

static void
test_disk (Fixture *f, gconstpointer data)
{
  const struct
  {
    gsize offset;
    guint8 byte;
    const char *part;
  } cases[] = {
    { 0, 'q', "is no qcow2 file" },           { 7, 2, "is no qcow2 file" }, { 12, 1, "has a backing file" }, { 79, 1, "is marked" },
    { 79, 4, "has its data in another file" }, { 35, 1, "is encrypted" },    { 29, 0x20, "another virtual size" },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImage) image = open_with_disk (f, 0, 'Q', &error);

  g_assert_no_error (error);
  g_assert_cmpstr (tcw_qemu_image_get_disk_format (image), ==, "qcow2");
  g_assert_true (g_str_has_suffix (tcw_qemu_image_get_disk_path (image), "/d.qcow2"));
  g_assert_cmpuint (tcw_qemu_image_get_disk_size (image), ==, 1048576);
  g_assert_cmpstr (tcw_qemu_image_get_ready_command (image)[0], ==, "true");
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_fails (open_with_disk (f, cases[i].offset, cases[i].byte, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, cases[i].part);
}

static void
test_store (Fixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuImageStore) store = open_store (f);
  g_autoptr (TcwQemuImage) two = add_image (f, store, "two", "second");
  g_autoptr (TcwQemuImage) one = add_image (f, store, "one", "first");
  g_autofree char *source = g_build_filename (f->folder, "source", "one", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwQemuImage) found = tcw_qemu_image_store_lookup (store, "one", NULL, &error);
  g_autoptr (TcwQemuImage) in_place = NULL;
  g_auto (GStrv) names = tcw_qemu_image_store_list (store, NULL);
  g_autofree char *joined = g_strjoinv (" ", names);

  g_assert_no_error (error);
  g_assert_cmpstr (joined, ==, "one two");
  g_assert_cmpstr (tcw_qemu_image_get_kernel_path (found), ==, tcw_qemu_image_get_kernel_path (one));
  g_assert_true (g_str_has_prefix (tcw_qemu_image_get_kernel_path (found), f->store_folder));
  in_place = tcw_qemu_image_store_lookup (store, source, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (tcw_qemu_image_get_folder (in_place), ==, source);
  assert_fails (tcw_qemu_image_store_lookup (store, "three", NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "one, two");
  assert_fails (tcw_qemu_image_store_lookup (store, "three", NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "build three");
  assert_fails (tcw_qemu_image_store_lookup (store, "..", NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "there is no image");
  assert_fails (tcw_qemu_image_store_lookup (store, "", NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "there is no image");
}

static void
test_store_remove (Fixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuImageStore) store = open_store (f);
  g_autoptr (TcwQemuImageStore) other = open_store (f);
  g_autoptr (TcwQemuImage) image = add_image (f, store, "one", "first");
  g_autoptr (GError) error = NULL;
  g_autofree char *left = NULL;

  assert_fails (!tcw_qemu_image_store_remove (other, "one", &error), &error, TCW_ERROR_RESOURCE_UNAVAILABLE, "is in use");
  g_assert_true (g_file_test (tcw_qemu_image_get_kernel_path (image), G_FILE_TEST_EXISTS));
  g_clear_pointer (&image, tcw_qemu_image_unref);
  g_assert_true (tcw_qemu_image_store_remove (other, "one", &error));
  g_assert_no_error (error);
  assert_fails (tcw_qemu_image_store_lookup (store, "one", NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "none yet");
  assert_fails (!tcw_qemu_image_store_remove (store, "one", &error), &error, TCW_ERROR_MALFORMED_PAYLOAD, "there is no image");
  left = list_folder (f->store_folder);
  g_assert_cmpstr (left, ==, ".lock");
}

static void
test_store_replace (Fixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuImageStore) store = open_store (f);
  g_autoptr (TcwQemuImage) old = add_image (f, store, "one", "first");
  g_autoptr (TcwQemuImage) new = add_image (f, store, "one", "newer");
  g_autoptr (TcwQemuImage) again = add_image (f, store, "one", "newer");
  g_autoptr (TcwQemuImageStore) restarted = NULL;
  g_autofree char *old_folder = g_strdup (tcw_qemu_image_get_folder (old));
  g_autofree char *content = NULL;

  /* Who has the old one keeps it, paths and all; who asks now gets the new one. */
  g_assert_cmpstr (tcw_qemu_image_get_folder (new), !=, old_folder);
  g_assert_cmpstr (tcw_qemu_image_get_folder (new), ==, tcw_qemu_image_get_folder (again));
  content = tcw_fs_read (tcw_qemu_image_get_kernel_path (old), 100, NULL, NULL);
  g_assert_cmpstr (content, ==, "first");
  g_clear_pointer (&old, tcw_qemu_image_unref);
  restarted = open_store (f);
  g_assert_false (g_file_test (old_folder, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (tcw_qemu_image_get_folder (new), G_FILE_TEST_EXISTS));
}

static void
test_store_sweep (Fixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuImageStore) store = open_store (f);
  g_autofree char *stale = g_build_filename (f->store_folder, ".import-stale1", NULL);
  g_autofree char *busy = g_build_filename (f->store_folder, ".import-busy01", NULL);
  g_autofree char *busy_lock = g_build_filename (busy, ".lock", NULL);
  g_autofree char *file = NULL;
  g_autoptr (TcwFileLock) lock = NULL;
  g_autoptr (TcwQemuImageStore) restarted = NULL;

  g_assert_cmpint (g_mkdir (stale, 0755), ==, 0);
  g_assert_cmpint (g_mkdir (busy, 0755), ==, 0);
  file = write_file (stale, "vmlinuz", "half");
  lock = tcw_file_lock_acquire (busy_lock, TCW_FILE_LOCK_EXCLUSIVE, 0, NULL, NULL);
  g_assert_nonnull (lock);
  restarted = open_store (f);
  g_assert_false (g_file_test (stale, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (busy, G_FILE_TEST_EXISTS));
}

static void
test_store_import_bad (Fixture *f, gconstpointer data)
{
  g_autoptr (TcwQemuImageStore) store = open_store (f);
  g_autofree char *folder = make_image (f, "bad", "kernel", "");
  g_autofree char *written = write_file (folder, "vmlinuz", "KERNEL");
  g_autoptr (GError) error = NULL;
  g_autofree char *left = NULL;

  assert_fails (tcw_qemu_image_store_import (store, folder, NULL, &error) == NULL, &error, TCW_ERROR_MALFORMED_PAYLOAD, "another content");
  left = list_folder (f->store_folder);
  g_assert_cmpstr (left, ==, ".lock");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine-qemu/image/manifest/bad", test_manifest_bad);
  g_test_add_func ("/engine-qemu/image/manifest/every-violation", test_manifest_names_every_violation);
#define ADD(name, function) g_test_add ("/engine-qemu/image/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("values", test_values);
  ADD ("damage", test_damage);
  ADD ("disk", test_disk);
  ADD ("store", test_store);
  ADD ("store/remove", test_store_remove);
  ADD ("store/replace", test_store_replace);
  ADD ("store/sweep", test_store_sweep);
  ADD ("store/import-bad", test_store_import_bad);
#undef ADD
  return tcw_test_run ();
}
