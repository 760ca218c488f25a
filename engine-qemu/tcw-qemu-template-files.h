/*
 * A template's files on disk: what was recorded when they were frozen, and whether they are still that. A change is seen by size,
 * inode and times, which no writer can leave as they were; the digests decide when those differ, and after each boot of the host.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Names of the files, NULL-terminated; a missing "disk.qcow2" is right for an image without a disk. */
extern const char *const tcw_qemu_template_file_names[];

/*
 * Writes template.json in @folder: @key, @description, and each file's size, times, inode and SHA-256. Syncs all to disk. */
gboolean tcw_qemu_template_files_record (const char *folder, const char *key, const char *description, GCancellable *cancellable,
                                         GError **error);

/*
 * Whether @folder holds the template @key, whole. If not, *why (free with g_free()) says why, for the log. */
gboolean tcw_qemu_template_files_check (const char *folder, const char *key, char **why, GCancellable *cancellable);

/* Takes the record away: the next check fails. The files stay for those who use them. */
void tcw_qemu_template_files_discard (const char *folder);

G_END_DECLS
