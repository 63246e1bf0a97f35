/* The table over a join's build side. See join_table.h. */
#include "batch/operator/join_table.h"

#include "core/columnar/hash.h"

enum {
	AHEAD = 16,                      /* rows between asking for a slot and using it */
	PREFETCH_FROM = 1 << 15,         /* slots: smaller tables are in the cache anyway */
	DIRECT_PER_ROW = 16,             /* values per row up to which an array by value is the better table... */
	DIRECT_ALWAYS = 1 << 16,         /* ... and as many values are always fine */
};

/* --- columns --- */

/* Room for all rows. A key that is a column is that one; others are computed beside. */
static spk_status make_columns(struct spk_join_table *t, const struct spk_join_input *in, spk_error *err)
{
	int capacity = (int)t->rows + in->null_row;

	t->column = SPK_NEW_ARRAY(t->arena, struct spk_vector, t->columns);
	t->key = SPK_NEW_ARRAY(t->arena, struct spk_join_key, t->keys);
	SPK_TRY_PTR(t->column && t->key, err);
	for (int c = 0; c < t->columns; c++)
		SPK_TRY(spk_vector_init(&t->column[c], in->schema->field[c].type, capacity, t->arena, err));
	for (int k = 0; k < t->keys; k++) {
		const struct spk_expr *e = in->key[k];

		t->key[k] = (struct spk_join_key){ .type = spk_join_key_type(e->type), .null_safe = in->null_safe[k] };
		if (e->kind == SPK_EXPR_COLUMN && e->column < t->columns) {
			t->key[k].vector = &t->column[e->column];
			continue;
		}
		t->key[k].vector = SPK_NEW(t->arena, struct spk_vector);
		SPK_TRY_PTR(t->key[k].vector, err);
		SPK_TRY(spk_vector_init(t->key[k].vector, e->type, (int)t->rows, t->arena, err));
	}
	return SPK_OK;
}

static bool is_computed(const struct spk_join_table *t, int k)
{
	return t->key[k].vector < t->column || t->key[k].vector >= t->column + t->columns;
}

static spk_status add_keys(struct spk_join_table *t, const struct spk_join_input *in, struct spk_batch *b, int at, struct spk_arena *work, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(in->op, work, NULL);

	for (int k = 0; k < t->keys; k++) {
		struct spk_vector computed;

		if (!is_computed(t, k))
			continue;
		SPK_TRY(spk_expr_eval(in->key[k], b, b->sel, b->selected, &ev, &computed, err));
		SPK_TRY(spk_vector_gather(t->key[k].vector, at, (int)t->rows, &computed, b->sel, b->selected, true, t->arena, err));
	}
	return SPK_OK;
}

static spk_status add_batch(struct spk_join_table *t, const struct spk_join_input *in, struct spk_batch *b, int at, struct spk_arena *work, spk_error *err)
{
	int capacity = (int)t->rows + in->null_row;

	for (int c = 0; c < t->columns; c++)
		SPK_TRY(spk_vector_gather(&t->column[c], at, capacity, &b->column[c], b->sel, b->selected, true, t->arena, err));
	spk_arena_clear(work);
	return add_keys(t, in, b, at, work, err);
}

static spk_status add_null_row(struct spk_join_table *t, const struct spk_join_input *in, spk_error *err)
{
	int capacity = (int)t->rows + 1;

	for (int c = 0; c < t->columns && in->null_row; c++) {
		struct spk_vector null;

		SPK_TRY(spk_vector_init_constant(&null, t->column[c].type, NULL, t->arena, err));
		SPK_TRY(spk_vector_gather(&t->column[c], capacity - 1, capacity, &null, NULL, 1, false, t->arena, err));
	}
	return SPK_OK;
}

static spk_status fill_columns(struct spk_join_table *t, const struct spk_join_input *in, spk_error *err)
{
	struct spk_arena *work = spk_arena_new(in->op->pipeline->account);
	struct spk_batch *b;
	int64_t at = 0;
	spk_status status;

	SPK_TRY_PTR(work, err);
	while ((status = in->source.next(in->source.user, &b, err)) == SPK_OK && b) {
		SPK_ASSERT(at + b->selected <= in->rows, "more rows than were counted");
		status = add_batch(t, in, b, (int)at, work, err);
		if (status != SPK_OK)
			break;
		at += b->selected;
	}
	spk_arena_unref(work);
	SPK_TRY(status);
	SPK_ASSERT(at == in->rows, "fewer rows than were counted");
	return add_null_row(t, in, err);
}

/* --- rows without a key --- */

/* Whether some strict key of the row is NULL. */
static inline bool lacks_key(const struct spk_join_table *t, uint32_t row)
{
	for (int k = 0; k < t->keys; k++)
		if (!t->key[k].null_safe && t->key[k].vector->valid && !spk_bit(t->key[k].vector->valid, (int)row))
			return true;
	return false;
}

static bool may_lack_keys(const struct spk_join_table *t)
{
	for (int k = 0; k < t->keys; k++)
		if (!t->key[k].null_safe && t->key[k].vector->valid)
			return true;
	return false;
}

/* --- direct --- */

#define EACH_INTEGER(X) X(int16_t, i16) X(int32_t, i32) X(int64_t, i64)

#define INTEGER_KERNELS(ctype, suffix) \
	/* Least and greatest value; false when there is none. */ \
	static bool bounds_##suffix(const struct spk_vector *v, uint32_t rows, int64_t *least, int64_t *greatest) \
	{ \
		const ctype *data = v->data; \
		ctype low = 0, high = 0; \
		bool any = false; \
		\
		for (uint32_t i = 0; i < rows; i++) { \
			if (v->valid && !spk_bit(v->valid, (int)i)) \
				continue; \
			low = !any || data[i] < low ? data[i] : low; \
			high = !any || data[i] > high ? data[i] : high; \
			any = true; \
		} \
		*least = low; \
		*greatest = high; \
		return any; \
	} \
	/* From the last row to the first, so that chains are in the rows' order. Returns whether some chain has two rows. */ \
	static bool insert_##suffix(struct spk_join_table *t, uint32_t *next) \
	{ \
		const struct spk_vector *v = t->key[0].vector; \
		const ctype *data = v->data; \
		bool chained = false; \
		\
		for (uint32_t i = t->rows; i-- > 0;) { \
			uint32_t *head; \
			\
			if (v->valid && !spk_bit(v->valid, (int)i)) { \
				t->any_null = true; \
				next[i] = SPK_NO_ROW; \
				continue; \
			} \
			head = &t->direct[(uint64_t)(int64_t)data[i] - (uint64_t)t->first]; \
			chained |= *head != 0; \
			next[i] = *head - 1; \
			*head = i + 1; \
		} \
		return chained; \
	} \
	static void find_##suffix(const struct spk_join_table *t, const struct spk_vector *probe, const int32_t *sel, int n, uint32_t *row) \
	{ \
		const struct spk_reader r = spk_vector_reader(probe); \
		const ctype *data = r.data; \
		const uint32_t *direct = t->direct; \
		const uint64_t first = (uint64_t)t->first, range = t->range; \
		\
		if (probe->layout == SPK_FLAT && !probe->valid) { \
			for (int i = 0; i < n; i++) { \
				uint64_t at = (uint64_t)(int64_t)data[sel ? sel[i] : i] - first; \
				row[i] = direct[at < range ? at : range] - 1; \
			} \
			return; \
		} \
		for (int i = 0; i < n; i++) { \
			uint32_t slot = spk_reader_slot(&r, sel ? sel[i] : i); \
			uint64_t at = (uint64_t)(int64_t)data[slot] - first; \
			row[i] = direct[at < range && spk_reader_valid(&r, slot) ? at : range] - 1; \
		} \
	}
EACH_INTEGER(INTEGER_KERNELS)

/* Calls the kernel for the key's width. */
#define BY_WIDTH(name, type, ...) \
	(spk_type_width(type) == 2 ? name##_i16(__VA_ARGS__) : spk_type_width(type) == 4 ? name##_i32(__VA_ARGS__) : name##_i64(__VA_ARGS__))

static bool is_dense(const struct spk_join_table *t, int64_t *first, uint64_t *range)
{
	const struct spk_vector *v = t->keys == 1 && !t->key[0].null_safe ? t->key[0].vector : NULL;
	int64_t last;
	uint64_t most = SPK_MAX((uint64_t)t->rows * DIRECT_PER_ROW, (uint64_t)DIRECT_ALWAYS);

	if (!v || !spk_join_key_is_integer(v->type) || !BY_WIDTH(bounds, v->type, v, t->rows, first, &last))
		return false;
	*range = (uint64_t)last - (uint64_t)*first + 1;
	return *range && *range <= most;
}

static spk_status make_direct(struct spk_join_table *t, uint32_t *next, bool *chained, spk_error *err)
{
	size_t bytes = (size_t)(t->range + 1) * sizeof *t->direct;

	t->direct = spk_arena_alloc_vector(t->arena, bytes);
	SPK_TRY_PTR(t->direct, err);
	memset(t->direct, 0, bytes);
	*chained = BY_WIDTH(insert, t->key[0].vector->type, t, next);
	return SPK_OK;
}

/* --- hashed --- */

/* The part [from, from + n) of a FLAT vector; from is a multiple of 64. */
static struct spk_vector slice(const struct spk_vector *v, uint32_t from)
{
	struct spk_vector part = *v;

	part.data = (char *)v->data + (size_t)from * (size_t)spk_type_width(v->type);
	if (v->valid)
		part.valid = v->valid + from / 64;
	return part;
}

static void hash_keys(const struct spk_vector *key, int keys, const int32_t *sel, int n, uint64_t *hash)
{
	spk_hash_column(&key[0], sel, n, hash);
	for (int k = 1; k < keys; k++)
		spk_hash_column_more(&key[k], sel, n, hash);
}

static bool same_key(const struct spk_join_table *t, uint32_t a, uint32_t b)
{
	for (int k = 0; k < t->keys; k++)
		if (!t->key[k].type->same_rows(&t->key[k], a, b))
			return false;
	return true;
}

static bool insert_row(struct spk_join_table *t, uint32_t row, uint64_t hash, uint32_t *next)
{
	uint64_t at = hash & t->mask, held;

	while ((held = t->slot[at]) != 0) {
		if (held >> 32 == hash >> 32 && same_key(t, row, (uint32_t)held - 1))
			break;
		at = (at + 1) & t->mask;
	}
	next[row] = held ? (uint32_t)held - 1 : SPK_NO_ROW;
	t->slot[at] = hash >> 32 << 32 | (row + 1);
	return held != 0;
}

/* Rows [from, from + n), the last one first. */
static bool insert_rows(struct spk_join_table *t, uint32_t from, int n, bool may_lack, uint32_t *next, struct spk_vector *part)
{
	uint64_t hash[SPK_BATCH_ROWS];
	bool chained = false;

	for (int k = 0; k < t->keys; k++)
		part[k] = slice(t->key[k].vector, from);
	hash_keys(part, t->keys, NULL, n, hash);
	for (int i = n - 1; i >= 0; i--) {
		uint32_t row = from + (uint32_t)i;

		if (t->mask >= PREFETCH_FROM && i >= AHEAD)
			__builtin_prefetch(&t->slot[hash[i - AHEAD] & t->mask], 1);
		if (may_lack && lacks_key(t, row)) {
			t->any_null = true;
			next[row] = SPK_NO_ROW;
			continue;
		}
		chained |= insert_row(t, row, hash[i], next);
	}
	return chained;
}

static spk_status make_hashed(struct spk_join_table *t, uint32_t *next, bool *chained, spk_error *err)
{
	struct spk_vector *part = SPK_NEW_ARRAY(t->arena, struct spk_vector, t->keys);
	uint64_t slots = 16;
	bool may_lack = may_lack_keys(t);

	while (slots < 2 * (uint64_t)t->rows)
		slots *= 2;
	t->slot = spk_arena_alloc_vector(t->arena, (size_t)slots * sizeof *t->slot);
	SPK_TRY_PTR(part && t->slot, err);
	memset(t->slot, 0, (size_t)slots * sizeof *t->slot);
	t->mask = slots - 1;
	for (uint32_t end = t->rows; end > 0;) {
		uint32_t from = (end - 1) / SPK_BATCH_ROWS * SPK_BATCH_ROWS;

		*chained |= insert_rows(t, from, (int)(end - from), may_lack, next, part);
		end = from;
	}
	return SPK_OK;
}

/* --- making --- */

static spk_status fill(struct spk_join_table *t, const struct spk_join_input *in, spk_error *err)
{
	uint32_t *next;
	bool chained = false;

	SPK_TRY(make_columns(t, in, err));
	SPK_TRY(fill_columns(t, in, err));
	if (!t->rows || !t->keys)
		return SPK_OK;
	next = spk_arena_alloc_vector(t->arena, t->rows * sizeof *next);
	SPK_TRY_PTR(next, err);
	if (is_dense(t, &t->first, &t->range))
		SPK_TRY(make_direct(t, next, &chained, err));
	else
		SPK_TRY(make_hashed(t, next, &chained, err));
	t->next = chained ? next : NULL;
	return SPK_OK;
}

spk_status spk_join_table_new(struct spk_join_table **out, const struct spk_join_input *in, spk_error *err)
{
	struct spk_arena *arena;
	struct spk_join_table *t;
	spk_status status;

	if (in->rows > SPK_JOIN_ROWS_MAX)
		return spk_fail(err, SPK_MEMORY_LIMIT, "a join's table of more than %d rows", (int)SPK_JOIN_ROWS_MAX);
	arena = spk_arena_new(in->op->pipeline->account);
	SPK_TRY_PTR(arena, err);
	t = SPK_NEW(arena, struct spk_join_table);
	status = t ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK) {
		*t = (struct spk_join_table){ .arena = arena, .rows = (uint32_t)in->rows, .columns = in->schema->count, .null_row = in->null_row, .keys = in->keys };
		status = fill(t, in, err);
	}
	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	*out = t;
	return SPK_OK;
}

void spk_join_table_unref(struct spk_join_table *t)
{
	if (t)
		spk_arena_unref(t->arena);
}

/* --- looking up --- */

/* The first row from slot *at on whose hash agrees so far, SPK_NO_ROW: none. */
static inline uint32_t next_candidate(const struct spk_join_table *t, uint64_t hash, uint64_t *at)
{
	uint64_t held;

	while ((held = t->slot[*at]) != 0) {
		*at = (*at + 1) & t->mask;
		if (held >> 32 == hash >> 32)
			return (uint32_t)held - 1;
	}
	return SPK_NO_ROW;
}

/* Leaves out of at[0..n) the probe rows with a NULL in a strict key. */
static int with_keys(const struct spk_join_table *t, const struct spk_vector *probe, const int32_t *sel, int32_t *at, int n)
{
	for (int k = 0; k < t->keys; k++) {
		struct spk_reader r = spk_vector_reader(&probe[k]);
		int kept = 0;

		if (t->key[k].null_safe || !r.valid)
			continue;
		for (int j = 0; j < n; j++) {
			int32_t i = at[j];

			at[kept] = i;
			kept += spk_reader_valid(&r, spk_reader_slot(&r, sel ? sel[i] : i));
		}
		n = kept;
	}
	return n;
}

/* First candidates of at[0..n); those without one are left out. */
static int candidates(const struct spk_join_table *t, const uint64_t *hash, uint64_t *place, int32_t *at, int n, uint32_t *row)
{
	bool prefetch = t->mask >= PREFETCH_FROM;
	int kept = 0;

	for (int j = 0; j < n; j++) {
		int32_t i = at[j];

		if (prefetch && j + AHEAD < n)
			__builtin_prefetch(&t->slot[hash[at[j + AHEAD]] & t->mask]);
		row[i] = next_candidate(t, hash[i], &place[i]);
		at[kept] = i;
		kept += row[i] != SPK_NO_ROW;
	}
	return kept;
}

static void find_hashed(const struct spk_join_table *t, const struct spk_vector *probe, const int32_t *sel, int n, uint32_t *row)
{
	uint64_t hash[SPK_BATCH_ROWS], place[SPK_BATCH_ROWS];
	int32_t at[SPK_BATCH_ROWS], other[SPK_BATCH_ROWS];

	hash_keys(probe, t->keys, sel, n, hash);
	for (int i = 0; i < n; i++) {
		place[i] = hash[i] & t->mask;
		row[i] = SPK_NO_ROW;
		at[i] = i;
	}
	n = with_keys(t, probe, sel, at, n);
	while ((n = candidates(t, hash, place, at, n, row)) > 0) {
		int others = 0;

		for (int k = 0; k < t->keys; k++)
			n = t->key[k].type->same(&t->key[k], &probe[k], sel, at, n, row, other, &others);
		/* What was not the same looks further. */
		memcpy(at, other, sizeof *at * (size_t)others);
		n = others;
	}
}

void spk_join_table_find(const struct spk_join_table *t, const struct spk_vector *probe, const int32_t *sel, int n, uint32_t *row)
{
	if (t->direct)
		BY_WIDTH(find, t->key[0].vector->type, t, &probe[0], sel, n, row);
	else if (t->slot)
		find_hashed(t, probe, sel, n, row);
	else
		for (int i = 0; i < n; i++)
			row[i] = SPK_NO_ROW;
}
