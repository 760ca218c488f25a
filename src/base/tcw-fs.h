/*
 * Small file helpers on top of POSIX. All block on disk only and can be called from any thread.
 * Errors: TCW_ERROR_RESOURCE_UNAVAILABLE when the disk is full or a limit of the system is reached, TCW_ERROR_CANCELLED, otherwise
 * TCW_ERROR_INTERNAL; the message names the action, the path and the reason. @cancellable may be NULL everywhere.
 */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Sets @error from errno value @errsv, with @format's text and ": reason". Always returns FALSE. */
gboolean tcw_fs_fail (GError **error, int errsv, const char *format, ...) G_GNUC_PRINTF (3, 4);

/*
 * Makes @path have exactly @len bytes of @data (-1: NUL-terminated) and @mode, or leaves it as it was: a temporary file in the same
 * folder, fsync, rename, fsync of the folder. A symbolic link at @path is replaced.
 */
gboolean tcw_fs_write_atomic (const char *path, const void *data, gssize len, mode_t mode, GError **error);

/* Opens a regular file for reading (a FIFO is never waited for) and fills @st. Returns the descriptor, or -1. */
int tcw_fs_open_regular (const char *path, struct stat *st, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Returns (transfer full) the content of a regular file, with a NUL added that @len (may be NULL) doesn't count. Fails when it isn't
 * a regular file (a FIFO is never waited for) or is over @max_bytes, of which no more is read.
 */
char *tcw_fs_read (const char *path, gsize max_bytes, gsize *len, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Removes @path and all below it. Never follows a symbolic link, also when somebody changes the tree meanwhile, and never crosses into
 * another mounted file system. A folder without write permission of our own is made writable. TRUE if there was nothing.
 */
gboolean tcw_fs_remove_tree (const char *path, GCancellable *cancellable, GError **error);

/* Makes a folder and its missing parents, all with @mode; one that is there keeps its mode. */
gboolean tcw_fs_make_folder (const char *path, mode_t mode, GError **error);

/* Returns (transfer full) the path of a new folder with mode 0700, "@parent/@prefix" and random characters. */
char *tcw_fs_make_temp_folder (const char *parent, const char *prefix, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Copies a regular file to a new file @to with @mode: shared extents where the file system can, holes kept as holes. Fails if @to
 * exists; removes what was begun if it fails. Data is on disk (fsync) when it returns.
 */
gboolean tcw_fs_copy (const char *from, const char *to, mode_t mode, GCancellable *cancellable, GError **error);

/* Returns (transfer full) the SHA-256 of a regular file's content as 64 lower-case hexadecimal digits. */
char *tcw_fs_sha256 (const char *path, GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The bytes that an unprivileged user can still write to the file system of @folder. */
gboolean tcw_fs_free_space (const char *folder, guint64 *bytes, GError **error);

/* The bytes that a file, or a folder with all below it, occupies on disk (allocated blocks; a hard link counts each time). */
gboolean tcw_fs_real_size (const char *path, guint64 *bytes, GCancellable *cancellable, GError **error);

/* fsync of a file or folder by path. */
gboolean tcw_fs_sync (const char *path, GError **error);

G_END_DECLS
