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
/*
 * Fails with USAGE when files.root is set and the path, with symbolic links and '..' resolved as far as it exists, lies outside. A relative
 * path counts from the working directory.
 */
spk_status spk_files_check_path(const char *path, const struct spk_conf *conf, spk_error *err);

struct spk_files { const char **path; int count; };
/*
 * The files that a path names, sorted: itself, those of a directory (hidden ones and directories are left out), or those
 * that a pattern matches. NOT_FOUND when there is none (for a directory: an empty list).
 */
spk_status spk_files_find(const char *path, struct spk_arena *arena, struct spk_files *out, spk_error *err);
/* The first bytes of a file, up to `most`, appended to *out. */
spk_status spk_files_head(const char *path, size_t most, struct spk_buffer *out, spk_error *err);

#endif
