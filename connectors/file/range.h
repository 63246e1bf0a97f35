/*
 * Ranges of a file: where the rows begin that a task reads which starts somewhere in the middle.
 *
 * A row belongs to the range that its first byte lies in. Whether a line end in CSV ends a row depends on the number of quotes before
 * it, that is, on the whole file. Counting them would cost a pass, so it is judged from what lies around: a quote behind a delimiter and
 * before something else opens, one before a delimiter opens not; and the rows that follow must have as many fields as all have. Where
 * nothing can be said the quotes are counted. What is said is the same for everybody who asks about a place, and whoever reads the range
 * before finds out whether it was right: his last row ends there or it does not (read.c).
 */
#ifndef SPK_CONNECTORS_FILE_RANGE_H
#define SPK_CONNECTORS_FILE_RANGE_H

#include "connectors/file/file.h"
#include "connectors/format/csv.h"

/* What is known of a file that falls into ranges. */
struct spk_range_file {
	int64_t data, size;            /* where rows begin; the end of the file */
	const struct spk_csv_options *csv;  /* NULL: rows end with their lines */
	int fields;                    /* of a CSV row */
};

/* How far the quotes of a file were counted: their number in [data, to) is odd or not. Zeroed: nothing was counted yet. */
struct spk_quote_count { int64_t to; bool odd; };

/*
 * The first row's beginning at or behind byte `at`, or `size`. Without `quotes` it is judged, and *unsure comes back where nothing can be said.
 * With `quotes`, which go on from where they were left, they are counted: a caller that shares them holds its lock.
 */
spk_status spk_range_start(const struct spk_range_file *f, struct spk_file_bytes *b, int64_t at, struct spk_quote_count *quotes, bool *unsure, int64_t *out, spk_error *err);

#endif
