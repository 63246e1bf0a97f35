/*
 * Statistics of ANALYZE in files, for the next process: one per table in 'statistics.dir', named by a hash of what it is (connector, place, columns).
 * A file says of which files, by names, sizes and times, its figures are; its last line is a hash of all before it.
 */
#ifndef SPK_SESSION_STATISTICS_FILE_H
#define SPK_SESSION_STATISTICS_FILE_H

#include "session/analyze.h"

/* The path of the table's file; freed by the caller, NULL when memory is out. */
char *spk_statistics_path(const char *dir, const struct spk_table *t);
/* Replaces the file at once, or leaves it as it was. The folder is made if it is not there. */
spk_status spk_statistics_write(const char *dir, const struct spk_table *t, const struct spk_analyzed *a, spk_error *err);
/* Fills version, rows and columns of *a, in its arena. NOT_FOUND: there is none. CORRUPT: it is not what was written. Errors name the file. */
spk_status spk_statistics_read(const char *dir, const struct spk_table *t, struct spk_analyzed *a, spk_error *err);

#endif
