/*
 * Which of an epoch's rows may be among the first `bound` of their key, in some order: of rows that are only added those behind `bound` others of the epoch
 * need not be looked at. What is let through is at most twice the bound, but for rows that stand alike: they are never told apart.
 *
 * Rows are those of a struct spk_delta_rows, each with its order in front.
 */
#ifndef SPK_STREAM_OPERATOR_FIRST_ROWS_H
#define SPK_STREAM_OPERATOR_FIRST_ROWS_H

#include "stream/operator/delta_rows.h"

/* Zero-initialised with a bound and an account it is empty and valid; a bound of 0 lets everything through. */
struct spk_first_rows {
	int64_t bound;
	struct spk_buffer keys;          /* struct first_key, by key */
	struct spk_buffer list;          /* scratch: of one key's rows */
};

void spk_first_rows_clear(struct spk_first_rows *f);
void spk_first_rows_release(struct spk_first_rows *f);
/* Whether a row of the key with that order may be among the first. */
bool spk_first_rows_may(const struct spk_first_rows *f, const struct spk_delta_rows *d, uint32_t key, const char *order, uint32_t size);
/* Takes note of the row that was added to `d` last. Those that turn out not to be among the first lose their weight. */
spk_status spk_first_rows_note(struct spk_first_rows *f, struct spk_delta_rows *d, uint32_t key, spk_error *err);

#endif
