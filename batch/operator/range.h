/*
 * An exchange by ranges of a sort key: every producer's rows are sorted, and beside them it hands on the keys of every so-many-th row. From those each
 * reader task finds the same bounds, and reads of every producer the rows between two of them. Rows with equal keys are in one range.
 *
 * A row's number among the sorted rows of its producer and its key are the same whenever that runs again, however it cuts its batches: so bounds are.
 */
#ifndef SPK_BATCH_OPERATOR_RANGE_H
#define SPK_BATCH_OPERATOR_RANGE_H

#include "batch/operator/sorter.h"

enum { SPK_RANGE_SAMPLE = 512 };     /* rows from one key to the next */

/* --- the writing end --- */

struct spk_range_key { size_t at; uint32_t size; int64_t row; };

struct spk_range_sampler {
	const struct spk_op *op;
	struct spk_arena *arena;
	struct spk_sort_order order;
	struct spk_row_keys keys;        /* scratch */
	struct spk_buffer bytes;
	struct spk_range_key *key;
	int count, capacity;
	int64_t rows;                    /* that came so far */
};

/* Zeroed before; of the order of op's plan. */
spk_status spk_range_sampler_init(struct spk_range_sampler *s, const struct spk_op *op, spk_error *err);
void spk_range_sampler_begin(struct spk_range_sampler *s);
spk_status spk_range_sampler_add(struct spk_range_sampler *s, struct spk_batch *in, spk_error *err);
/* Writes what was sampled to partition `to` of the stage's output. */
spk_status spk_range_sampler_write(struct spk_range_sampler *s, int to, spk_error *err);
void spk_range_sampler_release(struct spk_range_sampler *s);

/* --- the reading end --- */

/* low <= key < high; data NULL: no bound. */
struct spk_range { struct spk_key_ref low, high; bool nothing; int producers; int64_t *skip; };

/* The range of the task, of `tasks`, from the samples at input `input`; *out lies in `arena`. skip: by producer, rows that are below it in any case. */
spk_status spk_range_find(const struct spk_op *op, int input, int tasks, struct spk_arena *arena, struct spk_range *out, spk_error *err);
/* Rows from, ... to - 1 of n sorted ones are in the range. */
void spk_range_rows(const struct spk_range *r, const struct spk_row_keys *keys, int n, int *from, int *to);

#endif
