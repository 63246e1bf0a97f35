/*
 * Sorts all rows of the query by row keys; one task, in memory (spilling comes with the batch engine). Stable: rows with equal
 * keys stay in the order in which they came.
 */
#define _GNU_SOURCE 1
#include "batch/operator/operator.h"

#include <stdlib.h>

#include "core/columnar/rowkey.h"

struct sort_row { uint64_t prefix; uint32_t key, key_size; uint32_t batch; int32_t row; };

struct sort {
	struct spk_op base;
	struct spk_key_column *column;
	struct spk_schema key_schema;
	struct spk_arena *arena;
	struct spk_batch **batch;         /* references */
	uint32_t batches, batch_capacity;
	struct sort_row *row;
	size_t rows, row_capacity;
	struct spk_buffer bytes;          /* of all keys */
};

static spk_status sort_open(struct spk_op *op, spk_error *err)
{
	struct sort *s = (struct sort *)op;
	int n = op->plan->sort_count;

	s->arena = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	s->column = SPK_NEW_ARRAY(s->arena, struct spk_key_column, n);
	s->key_schema = (struct spk_schema){ n, SPK_NEW_ARRAY(s->arena, struct spk_field, n) };
	SPK_TRY_PTR(s->column && s->key_schema.field, err);
	for (int i = 0; i < n; i++) {
		const struct spk_sort_key *key = &op->plan->sort[i];

		s->column[i] = (struct spk_key_column){ i, key->expr->type, key->descending, key->nulls_first };
		s->key_schema.field[i] = (struct spk_field){ "", key->expr->type, true };
	}
	s->bytes.account = op->pipeline->account;
	return SPK_OK;
}

static spk_status make_room(struct sort *s, int more, spk_error *err)
{
	struct spk_memory_account *account = s->base.pipeline->account;

	if (s->rows + (size_t)more > s->row_capacity) {
		size_t capacity = SPK_MAX(2 * s->row_capacity, s->rows + SPK_BATCH_ROWS);
		struct sort_row *row = spk_realloc(account, s->row, s->row_capacity * sizeof *row, capacity * sizeof *row);

		SPK_TRY_PTR(row, err);
		s->row = row;
		s->row_capacity = capacity;
	}
	if (s->batches == s->batch_capacity) {
		uint32_t capacity = SPK_MAX(2 * s->batch_capacity, 64);
		struct spk_batch **batch = spk_realloc(account, s->batch, s->batch_capacity * sizeof *batch, capacity * sizeof *batch);

		SPK_TRY_PTR(batch, err);
		s->batch = batch;
		s->batch_capacity = capacity;
	}
	return SPK_OK;
}

/* The first eight key bytes as a number: most comparisons end there. */
static uint64_t prefix_of(const char *key, uint32_t size)
{
	uint64_t p = 0;

	for (uint32_t i = 0; i < 8; i++)
		p = p << 8 | (i < size ? (unsigned char)key[i] : 0);
	return p;
}

static spk_status keep_rows(struct sort *s, struct spk_batch *in, struct spk_batch *keys, struct spk_row_keys *encoded, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(&s->base, keys->arena, NULL);

	for (int i = 0; i < keys->columns; i++)
		SPK_TRY(spk_expr_eval(s->base.plan->sort[i].expr, in, in->sel, in->selected, &ev, &keys->column[i], err));
	SPK_TRY(spk_row_keys_encode(encoded, keys, s->column, keys->columns, false, err));
	SPK_TRY(make_room(s, in->selected, err));
	SPK_EACH_ROW(in, i, row) {
		uint32_t size;
		const char *key = spk_row_key(encoded, i, &size);

		s->row[s->rows++] = (struct sort_row){ prefix_of(key, size), (uint32_t)s->bytes.size, size, s->batches, row };
		SPK_TRY(spk_buffer_append(&s->bytes, key, size, err));
	}
	if (s->bytes.size > UINT32_MAX / 2)
		return spk_fail(err, SPK_MEMORY_LIMIT, "ORDER BY over more than 2 GiB of sort keys is not supported yet");
	s->batch[s->batches++] = spk_batch_ref(in);
	return SPK_OK;
}

static spk_status sort_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct sort *s = (struct sort *)op;
	struct spk_row_keys encoded = { 0 };
	struct spk_batch *keys;
	spk_status status;

	(void)input;
	SPK_TRY(spk_batch_derive(&keys, in, &s->key_schema, err));
	status = keep_rows(s, in, keys, &encoded, err);
	spk_row_keys_release(&encoded);
	spk_batch_unref(keys);
	return status;
}

static int compare_rows(const void *a, const void *b, void *bytes)
{
	const struct sort_row *x = a, *y = b;
	int order;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	order = memcmp((char *)bytes + x->key, (char *)bytes + y->key, SPK_MIN(x->key_size, y->key_size));
	if (order)
		return order;
	if (x->key_size != y->key_size)
		return x->key_size < y->key_size ? -1 : 1;
	if (x->batch != y->batch)
		return x->batch < y->batch ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static spk_status sort_finish(struct spk_op *op, spk_error *err)
{
	struct sort *s = (struct sort *)op;
	struct spk_batch_builder builder = { .schema = op->plan->schema, .account = op->pipeline->account };
	spk_status status = SPK_OK;

	if (s->rows)
		qsort_r(s->row, s->rows, sizeof *s->row, compare_rows, s->bytes.data);
	for (size_t i = 0; i < s->rows && status == SPK_OK; i++) {
		struct spk_batch *full;

		status = spk_builder_append(&builder, s->batch[s->row[i].batch], &s->row[i].row, 1, err);
		if (status != SPK_OK || (spk_builder_room(&builder) > 0 && i + 1 < s->rows))
			continue;
		full = spk_builder_take(&builder);
		status = spk_op_emit(op, full, err);
		spk_batch_unref(full);
	}
	spk_builder_release(&builder);
	return status;
}

static void sort_close(struct spk_op *op)
{
	struct sort *s = (struct sort *)op;
	struct spk_memory_account *account = op->pipeline->account;

	for (uint32_t i = 0; i < s->batches; i++)
		spk_batch_unref(s->batch[i]);
	spk_free(account, s->batch, s->batch_capacity * sizeof *s->batch);
	spk_free(account, s->row, s->row_capacity * sizeof *s->row);
	spk_buffer_release(&s->bytes);
	spk_arena_unref(s->arena);
}

static spk_status sort_begin(struct spk_op *op, spk_error *err)
{
	struct sort *s = (struct sort *)op;

	(void)err;
	for (uint32_t i = 0; i < s->batches; i++)
		spk_batch_unref(s->batch[i]);
	s->batches = 0;
	s->rows = 0;
	spk_buffer_clear(&s->bytes);
	return SPK_OK;
}

const struct spk_op_type spk_op_sort = {
	.name = "sort",
	.size = sizeof(struct sort),
	.open = sort_open,
	.begin = sort_begin,
	.push = sort_push,
	.finish = sort_finish,
	.close = sort_close,
};
