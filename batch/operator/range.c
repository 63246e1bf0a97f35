/* Ranges of a sort key. See range.h. */
#include "batch/operator/range.h"

#include <stdlib.h>

/* What the samples are: a key, and how many rows come before it. The last of a producer has no key and the number of all its rows. */
static struct spk_field sample_field[] = { { .name = "key", .type = { .id = SPK_TYPE_BYTEA } }, { .name = "row", .type = { .id = SPK_TYPE_BIGINT } } };
static const struct spk_schema sample_schema = { .count = 2, .field = sample_field };

/* A range of fewer rows is not worth a task. */
enum { LEAST_ROWS = 4 * SPK_RANGE_SAMPLE };

/* --- the writing end --- */

spk_status spk_range_sampler_init(struct spk_range_sampler *s, const struct spk_op *op, spk_error *err)
{
	s->op = op;
	s->keys.bytes.account = s->bytes.account = op->pipeline->account;
	SPK_TRY_PTR(s->arena = spk_arena_new(op->pipeline->account), err);
	return spk_sort_order_init(&s->order, op->plan->sort, op->plan->sort_count, s->arena, err);
}

void spk_range_sampler_begin(struct spk_range_sampler *s)
{
	s->rows = s->count = 0;
	s->bytes.size = 0;
}

static spk_status add_key(struct spk_range_sampler *s, const char *data, uint32_t size, int64_t row, spk_error *err)
{
	if (s->count == s->capacity) {
		int capacity = SPK_MAX(2 * s->capacity, 64);
		struct spk_range_key *grown = spk_realloc(s->op->pipeline->account, s->key, (size_t)s->capacity * sizeof *grown, (size_t)capacity * sizeof *grown);

		SPK_TRY_PTR(grown, err);
		s->key = grown;
		s->capacity = capacity;
	}
	s->key[s->count] = (struct spk_range_key){ s->bytes.size, size, row };
	SPK_TRY(spk_buffer_append(&s->bytes, data, size, err));
	s->count++;
	return SPK_OK;
}

spk_status spk_range_sampler_add(struct spk_range_sampler *s, struct spk_batch *in, spk_error *err)
{
	int32_t sel[SPK_BATCH_ROWS / SPK_RANGE_SAMPLE + 1];
	int64_t first = (s->rows + SPK_RANGE_SAMPLE - 1) / SPK_RANGE_SAMPLE * SPK_RANGE_SAMPLE;
	struct spk_batch some = *in;
	int n = 0;

	for (int64_t row = first; row < s->rows + in->selected; row += SPK_RANGE_SAMPLE)
		sel[n++] = spk_batch_row(in, (int)(row - s->rows));
	s->rows += in->selected;
	if (!n)
		return SPK_OK;
	some.sel = sel;
	some.selected = n;
	SPK_TRY(spk_sort_order_keys(&s->order, s->op, &some, &s->keys, err));
	for (int i = 0; i < n; i++) {
		uint32_t size;
		const char *key = spk_row_key(&s->keys, i, &size);

		SPK_TRY(add_key(s, key, size, first + (int64_t)i * SPK_RANGE_SAMPLE, err));
	}
	return SPK_OK;
}

/* Keys from, ... from + n - 1 as a batch. */
static spk_status fill(const struct spk_range_sampler *s, int from, int n, struct spk_batch *out, spk_error *err)
{
	const char *bytes = spk_arena_copy(out->arena, s->bytes.data ? s->bytes.data : "", s->bytes.size + !s->bytes.size);
	struct spk_view *view;

	SPK_TRY_PTR(bytes, err);
	SPK_TRY(spk_vector_init(&out->column[0], sample_field[0].type, n, out->arena, err));
	SPK_TRY(spk_vector_init(&out->column[1], sample_field[1].type, n, out->arena, err));
	view = spk_vector_view(&out->column[0]);
	for (int i = 0; i < n; i++) {
		view[i] = spk_view(bytes + s->key[from + i].at, s->key[from + i].size);
		spk_vector_i64(&out->column[1])[i] = s->key[from + i].row;
	}
	out->rows = out->selected = n;
	return SPK_OK;
}

spk_status spk_range_sampler_write(struct spk_range_sampler *s, int to, spk_error *err)
{
	SPK_TRY(add_key(s, "", 0, s->rows, err));
	for (int from = 0; from < s->count; from += SPK_BATCH_ROWS) {
		struct spk_batch *out;
		spk_status status;

		SPK_TRY(spk_batch_new(&out, &sample_schema, s->op->pipeline->account, err));
		status = fill(s, from, SPK_MIN(s->count - from, SPK_BATCH_ROWS), out, err);
		if (status == SPK_OK)
			status = spk_task_write(s->op->pipeline->task_handle, to, out, err);
		spk_batch_unref(out);
		SPK_TRY(status);
	}
	return SPK_OK;
}

void spk_range_sampler_release(struct spk_range_sampler *s)
{
	if (!s->op)
		return;
	spk_free(s->op->pipeline->account, s->key, (size_t)s->capacity * sizeof *s->key);
	spk_row_keys_release(&s->keys);
	spk_buffer_release(&s->bytes);
	spk_arena_unref(s->arena);
}

/* --- the reading end --- */

/* A key of some producer. */
struct sample { struct spk_key_ref key; int64_t row; };
struct samples { struct sample *at; int count, capacity; int64_t rows; struct spk_arena *arena; };

static spk_status add_sample(struct samples *s, struct spk_view *key, int64_t row, spk_error *err)
{
	if (s->count == s->capacity) {
		int capacity = SPK_MAX(2 * s->capacity, 64);
		struct sample *grown = SPK_NEW_ARRAY(s->arena, struct sample, capacity);

		SPK_TRY_PTR(grown, err);
		if (s->count)
			memcpy(grown, s->at, (size_t)s->count * sizeof *grown);
		s->at = grown;
		s->capacity = capacity;
	}
	s->at[s->count] = (struct sample){ { spk_arena_copy(s->arena, spk_view_data(key), key->length), key->length }, row };
	SPK_TRY_PTR(s->at[s->count].key.data, err);
	s->count++;
	return SPK_OK;
}

static spk_status read_producer(const struct spk_op *op, int input, int producer, struct samples *s, spk_error *err)
{
	for (;;) {
		struct spk_reader key, row;
		struct spk_batch *batch;
		spk_status status = SPK_OK;

		SPK_TRY(spk_task_fetch_from(op->pipeline->task_handle, input, producer, &batch, err));
		if (!batch)
			return SPK_OK;
		key = spk_vector_reader(&batch->column[0]);
		row = spk_vector_reader(&batch->column[1]);
		SPK_EACH_ROW(batch, i, at) {
			struct spk_view view = ((const struct spk_view *)key.data)[spk_reader_slot(&key, at)];
			int64_t number = ((const int64_t *)row.data)[spk_reader_slot(&row, at)];

			if (view.length == 0)
				s->rows += number;
			else if (status == SPK_OK)
				status = add_sample(s, &view, number, err);
		}
		spk_batch_unref(batch);
		SPK_TRY(status);
	}
}

static int compare(const void *a, const void *b)
{
	return spk_key_compare(&((const struct sample *)a)->key, &((const struct sample *)b)->key);
}

/* Rows of a producer that are below `low`: as many as come before the last of its samples that is. */
static int64_t rows_below(const struct sample *at, int n, const struct spk_key_ref *low)
{
	int64_t rows = 0;

	for (int i = 0; i < n && spk_key_compare(&at[i].key, low) < 0; i++)
		rows = at[i].row;
	return rows;
}

spk_status spk_range_find(const struct spk_op *op, int input, int tasks, struct spk_arena *arena, struct spk_range *out, spk_error *err)
{
	struct samples s = { .arena = arena };
	int task = op->pipeline->partition, *first, ranges;
	struct sample *sorted;

	*out = (struct spk_range){ .producers = spk_task_producers(op->pipeline->task_handle, input) };
	out->skip = SPK_NEW_ARRAY(arena, int64_t, out->producers + 1);
	first = SPK_NEW_ARRAY(arena, int, out->producers + 1);
	SPK_TRY_PTR(out->skip && first, err);
	for (int p = 0; p < out->producers; p++) {
		first[p] = s.count;
		SPK_TRY(read_producer(op, input, p, &s, err));
	}
	first[out->producers] = s.count;
	ranges = (int)SPK_MAX(SPK_MIN(s.rows / LEAST_ROWS, (int64_t)tasks), (int64_t)1);
	out->nothing = task >= ranges || !s.count;
	if (out->nothing)
		return SPK_OK;
	SPK_TRY_PTR(sorted = spk_arena_copy(arena, s.at, (size_t)s.count * sizeof *sorted), err);
	qsort(sorted, (size_t)s.count, sizeof *sorted, compare);
	if (task > 0)
		out->low = sorted[(int64_t)s.count * task / ranges].key;
	if (task + 1 < ranges)
		out->high = sorted[(int64_t)s.count * (task + 1) / ranges].key;
	for (int p = 0; p < out->producers && out->low.data; p++)
		out->skip[p] = rows_below(s.at + first[p], first[p + 1] - first[p], &out->low);
	return SPK_OK;
}

/* How many of n sorted keys are below `bound`. */
static int keys_below(const struct spk_row_keys *keys, int n, const struct spk_key_ref *bound)
{
	int low = 0, high = n;

	while (low < high) {
		int middle = low + (high - low) / 2;
		struct spk_key_ref key;

		key.data = spk_row_key(keys, middle, &key.size);
		if (spk_key_compare(&key, bound) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void spk_range_rows(const struct spk_range *r, const struct spk_row_keys *keys, int n, int *from, int *to)
{
	*from = r->low.data ? keys_below(keys, n, &r->low) : 0;
	*to = r->high.data ? keys_below(keys, n, &r->high) : n;
	*from = SPK_MIN(*from, *to);
}
