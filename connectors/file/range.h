/*
 * Ranges of a file: where the rows begin that a task reads which starts somewhere in the middle.
 *
 * A row belongs to the range that its first byte lies in. Whether a line end in CSV ends a row depends on the number of quotes before
 * it, that is, on the whole file. Counting them would cost a pass, so it is judged from what lies around: a quote behind a delimiter and
 * before something else opens, one before a delimiter opens not; and the rows that follow must have as many fields as all have. Where
 * nothing can be said the quotes are counted. What is said is the same for everybody who asks about a place, and whoever reads the range
 * before finds out whether it was right: his last row ends there or it does not (source.c).
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
	/* Quotes counted: there is an odd number of them in [data, at). Guarded by whoever owns this; at == 0: nothing was counted yet. */
	int64_t counted_to;
	bool counted_odd;
};

/*
 * The first row's beginning at or behind byte `at`, or `size`. *counted: quotes were counted for it. `f->counted_*` are only touched then,
 * so a caller that shares f passes `count` false first and, when *unsure comes back, true under its lock.
 */
spk_status spk_range_start(struct spk_range_file *f, struct spk_file_bytes *b, int64_t at, bool count, bool *unsure, int64_t *out, spk_error *err);

#endif
