/* Rows kept in a state. See aggregate_rows.h. */
#define _GNU_SOURCE 1
#include "core/expr/aggregate_rows.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/columnar/plain.h"

enum { KEYS_MAX = 32, CLEAN_LEAST = 4096 };

/* Head of a record. */
struct head { uint32_t key_size, value_size; };

static struct head head_of(const char *record)
{
	struct head h;

	memcpy(&h, record, sizeof h);
	return h;
}

static const char *key_of(const char *record) { return record + sizeof(struct head); }
static size_t size_of(struct head h) { return sizeof h + h.key_size + h.value_size; }

/* --- sorting --- */

/* The eight key bytes behind the marker of the first column as a number: most comparisons end there. */
static uint64_t prefix_of(const char *record)
{
	const struct head h = head_of(record);
	uint64_t p = 0;

	for (uint32_t i = 0; i < 8; i++)
		p = p << 8 | (i < h.key_size ? (unsigned char)key_of(record)[i] : 0);
	return p;
}

static int compare_keys(const char *a, const char *b)
{
	const struct head x = head_of(a), y = head_of(b);
	int order = memcmp(key_of(a), key_of(b), SPK_MIN(x.key_size, y.key_size));

	return order ? order : (x.key_size > y.key_size) - (x.key_size < y.key_size);
}

bool spk_record_same_key(const char *a, const char *b) { return compare_keys(a, b) == 0; }

int spk_record_compare_key(const char *record, const char *key, uint32_t size)
{
	const struct head h = head_of(record);
	int order = memcmp(key_of(record), key, SPK_MIN(h.key_size, size));

	return order ? order : (h.key_size > size) - (h.key_size < size);
}

/* Records lie in the order in which they came, so that their addresses keep equal ones in it. */
static int compare_rows(const void *a, const void *b)
{
	const struct spk_sorted_row *x = a, *y = b;
	int order;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	order = compare_keys(x->record, y->record);
	return order ? order : (x->record > y->record) - (x->record < y->record);
}

static void list_rows(const struct spk_aggregate_call *call, const struct spk_rows *rows, struct spk_sorted *out)
{
	const char *record = rows->bytes.data;

	for (out->count = 0; out->count < rows->count; out->count++) {
		out->row[out->count] = (struct spk_sorted_row){ call->sorts ? prefix_of(record) : 0, record };
		record += size_of(head_of(record));
	}
	if (call->sorts && out->count)
		qsort(out->row, out->count, sizeof *out->row, compare_rows);
	if (!call->distinct || !out->count)
		return;
	out->count = 1;
	for (size_t i = 1; i < rows->count; i++)
		if (compare_keys(out->row[i].record, out->row[out->count - 1].record) != 0)
			out->row[out->count++] = out->row[i];
}

spk_status spk_rows_sort(const struct spk_aggregate_call *call, const struct spk_rows *rows, struct spk_arena *arena, struct spk_sorted *out, spk_error *err)
{
	out->row = spk_arena_alloc(arena, rows->count * sizeof *out->row);
	SPK_TRY_PTR(out->row, err);
	list_rows(call, rows, out);
	return SPK_OK;
}

/* Drops repetitions. Where memory is short it does nothing: the list is right as it is. */
static void clean(const struct spk_aggregate_call *call, struct spk_rows *rows)
{
	struct spk_buffer kept = { .account = rows->bytes.account };
	const size_t room = rows->count * sizeof(struct spk_sorted_row);
	struct spk_sorted sorted = { .row = spk_malloc(call->account, room) };
	size_t size = 0;

	if (!sorted.row)
		return;
	list_rows(call, rows, &sorted);
	for (size_t i = 0; i < sorted.count; i++)
		size += size_of(head_of(sorted.row[i].record));
	if (spk_buffer_reserve(&kept, size, NULL) == SPK_OK) {
		for (size_t i = 0; i < sorted.count; i++)
			(void)spk_buffer_append(&kept, sorted.row[i].record, size_of(head_of(sorted.row[i].record)), NULL);
		spk_buffer_release(&rows->bytes);
		rows->bytes = kept;
		rows->count = sorted.count;
		rows->clean = kept.size;
	}
	spk_free(call->account, sorted.row, room);
}

static void clean_grown(const struct spk_aggregate_call *call, struct spk_rows *rows)
{
	if (call->distinct && rows->bytes.size > 2 * rows->clean + CLEAN_LEAST)
		clean(call, rows);
}

/* --- adding rows --- */

/* Sort keys of the selected rows. */
static spk_status encode_keys(const struct spk_aggregate_call *call, const struct spk_vector *input, const int32_t *sel, int n, struct spk_row_keys *keys, spk_error *err)
{
	struct spk_field field[KEYS_MAX];
	struct spk_schema schema = { call->inputs, field };
	struct spk_batch batch = { .schema = &schema, .columns = call->inputs, .sel = sel, .selected = n };
	struct spk_key_column column[KEYS_MAX];
	struct spk_vector vector[KEYS_MAX];

	if (call->sorts > KEYS_MAX || call->inputs > KEYS_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "%s with more than %d arguments and sort keys", call->aggregate->name, KEYS_MAX);
	for (int i = 0; i < call->inputs; i++) {
		field[i] = (struct spk_field){ call->aggregate->name, input[i].type, true };
		vector[i] = input[i];
	}
	batch.column = vector;
	for (int i = 0; i < call->sorts; i++) {
		const struct spk_aggregate_sort *s = &call->sort[i];

		column[i] = (struct spk_key_column){ s->input, input[s->input].type, s->descending, s->nulls_first };
	}
	keys->bytes.account = call->account;
	return spk_row_keys_encode(keys, &batch, column, call->sorts, false, err);
}

static spk_status add_record(const struct spk_aggregate_call *call, struct spk_rows *rows, const char *key, uint32_t key_size, const struct spk_vector *input, int row, spk_error *err)
{
	const size_t start = rows->bytes.size;
	struct head h = { .key_size = key_size };
	spk_status status;

	rows->bytes.account = call->account;
	status = spk_buffer_append(&rows->bytes, &h, sizeof h, err);
	if (status == SPK_OK)
		status = spk_buffer_append(&rows->bytes, key, key_size, err);
	for (int i = call->aggregate->kind == SPK_AGGREGATE_PLAIN ? 0 : call->args - call->sorts; i < call->args && status == SPK_OK; i++)
		status = spk_plain_write(&input[i], row, &rows->bytes, err);
	if (status == SPK_OK && rows->bytes.size - start > UINT32_MAX)
		status = spk_fail(err, SPK_MEMORY_LIMIT, "a row of more than 4 GiB in %s", call->aggregate->name);
	if (status != SPK_OK) {
		rows->bytes.size = start;
		return status;
	}
	h.value_size = (uint32_t)(rows->bytes.size - start - sizeof h - key_size);
	memcpy(rows->bytes.data + start, &h, sizeof h);
	rows->count++;
	return SPK_OK;
}

static bool left_out(const struct spk_aggregate_call *call, const struct spk_vector *input, int row)
{
	if (call->aggregate->kind != SPK_AGGREGATE_ORDERED_SET)
		return false;
	for (int i = 0; i < call->sorts; i++)
		if (spk_vector_is_null(&input[call->sort[i].input], row))
			return true;
	return false;
}

spk_status spk_rows_update(const struct spk_aggregate_call *call, char *const *state, const struct spk_vector *input, const int32_t *sel, int n, const int32_t *weight, spk_error *err)
{
	struct spk_row_keys keys = { 0 };
	spk_status status = call->sorts ? encode_keys(call, input, sel, n, &keys, err) : SPK_OK;

	for (int i = 0; i < n && status == SPK_OK; i++) {
		const int row = sel ? sel[i] : i;
		struct spk_rows *rows = SPK_STATE(spk_rows, state, i);
		uint32_t size = 0;
		const char *key = call->sorts ? spk_row_key(&keys, i, &size) : NULL;

		if (left_out(call, input, row))
			continue;
		for (int32_t w = weight ? weight[row] : 1; w > 0 && status == SPK_OK; w--)
			status = add_record(call, rows, key, size, input, row, err);
		clean_grown(call, rows);
	}
	spk_row_keys_release(&keys);
	return status;
}

spk_status spk_rows_merge(const struct spk_aggregate_call *call, char *const *into, char *const *from, int n, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		struct spk_rows *a = SPK_STATE(spk_rows, into, i);
		const struct spk_rows *b = SPK_STATE(spk_rows, from, i);

		if (!b->count)
			continue;
		if (!a->count)
			a->clean = b->clean;
		a->bytes.account = call->account;
		SPK_TRY(spk_buffer_append(&a->bytes, b->bytes.data, b->bytes.size, err));
		a->count += b->count;
		clean_grown(call, a);
	}
	return SPK_OK;
}

/* --- as bytes --- */

struct stored { uint64_t size, count, clean; };

spk_status spk_rows_write(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err)
{
	const struct spk_rows *rows = (const struct spk_rows *)(const void *)state;
	const struct stored s = { rows->bytes.size, rows->count, rows->clean };

	(void)call;
	SPK_TRY(spk_buffer_append(out, &s, sizeof s, err));
	return spk_buffer_append(out, rows->bytes.data, rows->bytes.size, err);
}

/* Whether the bytes are that many whole records. */
static bool well_formed(const char *p, uint64_t size, uint64_t count)
{
	const char *end = p + size;

	for (uint64_t i = 0; i < count; i++) {
		if (end - p < (ptrdiff_t)sizeof(struct head) || (size_t)(end - p) < size_of(head_of(p)))
			return false;
		p += size_of(head_of(p));
	}
	return p == end;
}

spk_status spk_rows_read(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err)
{
	struct spk_rows *rows = (struct spk_rows *)(void *)state;
	struct stored s;

	if (end - *from < (ptrdiff_t)sizeof s)
		return spk_aggregate_cut_off(call, err);
	memcpy(&s, *from, sizeof s);
	*from += sizeof s;
	if (s.size > (uint64_t)(end - *from))
		return spk_aggregate_cut_off(call, err);
	if (!well_formed(*from, s.size, s.count))
		return spk_fail(err, SPK_CORRUPT, "the rows in the aggregate state of %s are damaged", call->aggregate->name);
	spk_buffer_clear(&rows->bytes);
	rows->bytes.account = call->account;
	SPK_TRY(spk_buffer_append(&rows->bytes, *from, s.size, err));
	rows->count = s.count;
	rows->clean = s.clean;
	*from += s.size;
	return SPK_OK;
}

void spk_rows_release(const struct spk_aggregate_call *call, char *state)
{
	struct spk_rows *rows = (struct spk_rows *)(void *)state;

	(void)call;
	spk_buffer_release(&rows->bytes);
	*rows = (struct spk_rows){ .count = 0 };
}

spk_status spk_record_read(const char *record, struct spk_vector *vector, int count, int row, int capacity, struct spk_arena *arena, spk_error *err)
{
	const struct head h = head_of(record);
	const char *from = key_of(record) + h.key_size, *end = from + h.value_size;

	for (int i = 0; i < count; i++)
		SPK_TRY(spk_plain_read(&from, end, &vector[i], row, capacity, arena, err));
	return SPK_OK;
}
