/*
 * Small helpers for files that must be there, whole, after a crash. Errors name the path and the system's reason:
 * NOT_FOUND when there is no such file, else IO, retriable when time may cure it (no space, no descriptors).
 *
 * Fault points: file.write before each write, file.sync before each fsync (of files and folders), file.rename.
 * Threads: any, but not two that copy to the same path. Folders are made 0700, files 0600.
 */
#ifndef SPK_CORE_BASE_FILE_H
#define SPK_CORE_BASE_FILE_H

#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buffer.h"

enum { SPK_FILE_HASH_SIZE = 33 };  /* 32 hex digits and a NUL */

struct spk_dir_entries { const char **name; int count; };

/* Fails with "<format>: <text of the errno value>" and the code that fits it. */
spk_status spk_fail_errno(spk_error *err, int error, const char *format, ...) SPK_PRINTF(3, 4);

/* Appends the whole file to `out`. */
spk_status spk_file_read_all(const char *path, struct spk_buffer *out, spk_error *err);
/* Replaces `path` by these bytes, or leaves it as it was: temporary file (path.<random>.tmp), fsync, rename, fsync of the folder. */
spk_status spk_file_write_atomic(const char *path, const void *data, size_t size, spk_error *err);
/* Copies the bytes and syncs the file, not its folder (spk_dir_sync, once for many); a failed copy is removed. */
spk_status spk_file_copy(const char *from, const char *to, spk_error *err);
/* For files that are written piece by piece: all of the bytes at the file's place; what is written to the disk. `path` is for errors. */
spk_status spk_file_append(int fd, const char *path, const void *data, size_t size, spk_error *err);
spk_status spk_file_sync(int fd, const char *path, spk_error *err);
spk_status spk_file_size(const char *path, int64_t *out, spk_error *err);
/* XXH3 128 of the contents, in canonical (big-endian) hex. */
spk_status spk_file_hash(const char *path, char out[SPK_FILE_HASH_SIZE], spk_error *err);

/* Makes a folder with all above it; one that is there already is fine. */
spk_status spk_dir_create(const char *path, spk_error *err);
/* Removes a folder and all in it, following no symbolic links; one that is not there is fine. */
spk_status spk_dir_remove(const char *path, spk_error *err);
/* The names in a folder (without . and ..) in byte order; the memory is the arena's. */
spk_status spk_dir_list(const char *path, struct spk_arena *arena, struct spk_dir_entries *out, spk_error *err);
/* Makes the names in a folder durable. */
spk_status spk_dir_sync(const char *path, spk_error *err);

#endif
