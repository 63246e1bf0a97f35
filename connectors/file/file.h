/*
 * Files as tables: what the source, the sink and describe.c share.
 */
#ifndef SPK_CONNECTORS_FILE_FILE_H
#define SPK_CONNECTORS_FILE_FILE_H

#include "connectors/connector.h"

extern const struct spk_source_type spk_file_source;
extern const struct spk_sink_type spk_file_sink;

/* Path inside files.root where that is set, options that go together. */
spk_status spk_files_check_table(const struct spk_table *table, const struct spk_conf *conf, spk_error *err);
/* 'source.monitor-interval' in microseconds; 0: the table has none, and its files are what they are when they are opened. */
spk_status spk_files_interval(const struct spk_table *table, int64_t *us, spk_error *err);
/*
 * Fails with USAGE when files.root is set and the path, with symbolic links and '..' resolved as far as it exists, lies outside. A relative
 * path counts from the working directory. Of several paths (SPK_PATH_SEPARATOR) each.
 */
spk_status spk_files_check_path(const char *path, const struct spk_conf *conf, spk_error *err);

struct spk_files { const char **path; int count; };
/*
 * The files that a path, or several with SPK_PATH_SEPARATOR between them, name, sorted and each once: itself, those of a directory and of directories
 * named key=value below it (hidden ones, and names with '_' first, are left out), or those that a pattern matches, in which a name of two stars is
 * any number of directories. NOT_FOUND when there is none (for a directory: an empty list). USAGE when one lies outside of files.root (conf may
 * be NULL).
 */
spk_status spk_files_find(const char *paths, const struct spk_conf *conf, struct spk_arena *arena, struct spk_files *out, spk_error *err);
/* Those of a table's path. Of one that is watched there may be none yet. */
spk_status spk_files_of_table(const struct spk_table *t, const struct spk_conf *conf, struct spk_arena *arena, struct spk_files *out, spk_error *err);

/* Takes out the files whose paths say that the filter is true for none of their rows. `table` has path columns as metadata "path.KEY". */
spk_status spk_files_prune(const struct spk_table *table, const struct spk_row_filter *filter, const struct spk_conf *conf, struct spk_files *files, spk_error *err);
/* How many files a query with that filter reads, of how many; both 0 where no path could say anything. */
spk_status spk_files_count(const struct spk_table *table, const struct spk_row_filter *filter, const struct spk_conf *conf, int *read, int *all, spk_error *err);

/* What a file holds by the ending of its name, behind which one for compression may stand: "csv", "json"; NULL: it does not say. */
const char *spk_files_format(const char *path);

/* watch.c: where the whole rows of a file end by now, that is, behind its last line end. */
spk_status spk_files_whole_rows(const char *path, int64_t size, int64_t *end, spk_error *err);

/* Rows and bytes of a table's files, about; a few reads. */
spk_status spk_files_estimate(const struct spk_table *table, const struct spk_conf *conf, struct spk_source_estimate *out, spk_error *err);

/* --- path_keys.c: columns that stand in paths, year=2013/month=1/x.csv --- */

struct spk_path_keys { const char **key; int count; };
/* The keys that stand in the paths of all files, in the same order, below the part that `path` fixes; none when they differ. */
spk_status spk_path_keys_find(const char *path, const struct spk_files *files, struct spk_arena *arena, struct spk_path_keys *out, spk_error *err);
/* The value of a key in a file's path, *out NULL for a NULL. DATA when the file has no such directory. */
spk_status spk_path_value(const char *file, const char *key, struct spk_arena *arena, const char **out, size_t *length, spk_error *err);
/* The same as a CONSTANT vector. */
spk_status spk_path_column(const char *file, const char *key, struct spk_type type, const char *timezone, struct spk_vector *v, struct spk_arena *arena, spk_error *err);

/* --- bytes.c: what a file holds, uncompressed --- */

/* An open file, read at offsets of what it holds uncompressed. One thread at a time. */
struct spk_file_bytes;
enum spk_compression { SPK_COMPRESSION_NONE, SPK_COMPRESSION_GZIP, SPK_COMPRESSION_ZSTD };
/* By the ending of the name. *plain_length: without that ending. */
enum spk_compression spk_file_compression(const char *path, size_t *plain_length);
/* Opens nothing yet: the first read does. `path` is borrowed. */
spk_status spk_file_bytes_new(struct spk_file_bytes **out, const char *path, spk_error *err);
/* Bytes from `at` on into out; *got < size only where the file ends. Of a compressed file, reading on where the last read began or later is
 * cheap; going back starts over. CORRUPT where its bytes are not what they should be. */
spk_status spk_file_bytes_read(struct spk_file_bytes *b, char *out, size_t size, int64_t at, size_t *got, spk_error *err);
void spk_file_bytes_close(struct spk_file_bytes *b);  /* NULL is fine */
/* Bytes of the file itself for each that it holds, as far as it was read; 1 for one that is not compressed. */
double spk_file_bytes_ratio(const struct spk_file_bytes *b);
/* The first bytes of a file, up to `most`, appended to *out. */
spk_status spk_files_head(const char *path, size_t most, struct spk_buffer *out, spk_error *err);

#endif
