/* Rows in memory, and their order. See kept_rows.h. */
#include "batch/operator/kept_rows.h"

enum { FIRST_ROWS = 64, CHUNKS_MOST = 1 << (32 - SPK_SLOT_BITS), DIFFER_WORDS = 8, ITEM_PARTS = 2 };

void spk_kept_rows_init(struct spk_kept_rows *k, const struct spk_schema *schema, uint32_t key_size, struct spk_memory_account *account)
{
	*k = (struct spk_kept_rows){ .schema = schema, .account = account, .key_size = key_size };
}

void spk_kept_rows_clear(struct spk_kept_rows *k)
{
	spk_free(k->account, k->item, k->capacity * sizeof *k->item);
	spk_free(k->account, k->chunk, k->chunk_capacity * sizeof *k->chunk);
	spk_free(k->account, k->key, k->chunk_capacity * sizeof *k->key);
	spk_arena_unref(k->arena);
	spk_kept_rows_init(k, k->schema, k->key_size, k->account);
}

size_t spk_kept_rows_bytes(const struct spk_kept_rows *k)
{
	return (k->arena ? spk_arena_bytes(k->arena) : 0) + ITEM_PARTS * k->capacity * sizeof *k->item + k->chunk_capacity * (sizeof *k->chunk + sizeof *k->key);
}

size_t spk_kept_rows_guess(const struct spk_kept_rows *k, int n)
{
	size_t rows = k->rows, more = (size_t)n, growth = rows + more > k->capacity ? k->capacity : 0;

	return (rows ? spk_kept_rows_bytes(k) / rows * more : 0) + growth * sizeof *k->item;
}

/* --- adding --- */

static spk_status grow_items(struct spk_kept_rows *k, size_t rows, spk_error *err)
{
	/* By halves: what is kept in reserve is not there for rows. */
	size_t capacity = SPK_MAX(SPK_MAX(k->capacity + k->capacity / 2, rows), (size_t)FIRST_ROWS);
	spk_sort_item *item;

	if (rows <= k->capacity)
		return SPK_OK;
	item = spk_realloc(k->account, k->item, k->capacity * sizeof *item, capacity * sizeof *item);
	SPK_TRY_PTR(item, err);
	k->item = item;
	k->capacity = capacity;
	return SPK_OK;
}

static spk_status grow_chunks(struct spk_kept_rows *k, spk_error *err)
{
	uint32_t capacity = SPK_MAX(2 * k->chunk_capacity, 16u);
	struct spk_kept_chunk *chunk;
	const struct spk_key_ref **key;

	if (k->chunks < k->chunk_capacity)
		return SPK_OK;
	chunk = spk_malloc(k->account, capacity * sizeof *chunk);
	key = spk_malloc(k->account, capacity * sizeof *key);
	if (!chunk || !key) {
		spk_status status = spk_fail_memory(err);

		spk_free(k->account, chunk, capacity * sizeof *chunk);
		spk_free(k->account, key, capacity * sizeof *key);
		return status;
	}
	if (k->chunks) {
		memcpy(chunk, k->chunk, k->chunks * sizeof *chunk);
		memcpy(key, k->key, k->chunks * sizeof *key);
	}
	spk_free(k->account, k->chunk, k->chunk_capacity * sizeof *chunk);
	spk_free(k->account, k->key, k->chunk_capacity * sizeof *key);
	k->chunk = chunk;
	k->key = key;
	k->chunk_capacity = capacity;
	return SPK_OK;
}

/* A chunk for `rows` rows at least, if they fit one; small at first, so that a few rows take little. */
static spk_status add_chunk(struct spk_kept_rows *k, int rows, spk_error *err)
{
	int capacity = k->chunks ? SPK_SLOT_ROWS : SPK_MAX(rows, FIRST_ROWS);
	struct spk_kept_chunk c = { .capacity = SPK_MIN(capacity, (int)SPK_SLOT_ROWS) };

	if (k->chunks == CHUNKS_MOST)
		return spk_fail(err, SPK_MEMORY_LIMIT, "more than %d batches of rows to be sorted at once", CHUNKS_MOST);
	if (!k->arena)
		k->arena = spk_arena_new(k->account);
	SPK_TRY_PTR(k->arena, err);
	SPK_TRY(grow_chunks(k, err));
	c.column = SPK_NEW_ARRAY(k->arena, struct spk_vector, k->schema->count + 1);
	SPK_TRY_PTR(c.column, err);
	for (int i = 0; i < k->schema->count; i++)
		SPK_TRY(spk_vector_init(&c.column[i], k->schema->field[i].type, c.capacity, k->arena, err));
	if (spk_kept_rows_have_keys(k)) {
		c.key = spk_arena_alloc(k->arena, (size_t)c.capacity * sizeof *c.key);
		SPK_TRY_PTR(c.key, err);
	}
	k->key[k->chunks] = c.key;
	k->chunk[k->chunks++] = c;
	return SPK_OK;
}

static spk_status add_weights(struct spk_kept_rows *k, struct spk_kept_chunk *c, const struct spk_batch *in, const int32_t *sel, int n, spk_error *err)
{
	if (!in->weight && !c->weight)
		return SPK_OK;
	if (!c->weight) {
		c->weight = spk_arena_alloc(k->arena, (size_t)c->capacity * sizeof *c->weight);
		SPK_TRY_PTR(c->weight, err);
		for (int i = 0; i < c->rows; i++)
			c->weight[i] = 1;
	}
	for (int i = 0; i < n; i++)
		c->weight[c->rows + i] = spk_batch_weight(in, sel ? sel[i] : i);
	return SPK_OK;
}

/* What is added: physical rows (NULL: 0..n), and where the i-th one's key is. */
struct adding { const struct spk_batch *in; const int32_t *sel, *pick; const struct spk_row_keys *keys; };

static const char *key_at(const struct adding *a, int i, uint32_t *size) { return spk_row_key(a->keys, a->pick ? a->pick[i] : i, size); }

static spk_status add_keys(struct spk_kept_rows *k, struct spk_kept_chunk *c, const struct adding *a, int from, int n, spk_error *err)
{
	size_t bytes = 0;
	uint32_t size;
	char *to;

	for (int i = from; i < from + n; i++) {
		key_at(a, i, &size);
		bytes += size;
	}
	to = spk_arena_alloc(k->arena, bytes);
	SPK_TRY_PTR(to, err);
	for (int i = 0; i < n; i++) {
		const char *key = key_at(a, from + i, &size);

		c->key[c->rows + i] = (struct spk_key_ref){ memcpy(to, key, size), size };
		to += size;
	}
	return SPK_OK;
}

/* Rows [from, from + n) into the last chunk, whose count the caller raises. */
static spk_status add_part(struct spk_kept_rows *k, const struct adding *a, int from, int n, spk_error *err)
{
	struct spk_kept_chunk *c = &k->chunk[k->chunks - 1];
	int32_t list[SPK_BATCH_ROWS];
	const int32_t *sel = a->sel ? a->sel + from : NULL;

	if (!sel && from) {
		for (int i = 0; i < n; i++)
			list[i] = from + i;
		sel = list;
	}
	for (int i = 0; i < k->schema->count; i++)
		SPK_TRY(spk_vector_gather(&c->column[i], c->rows, c->capacity, &a->in->column[i], sel, n, true, k->arena, err));
	SPK_TRY(add_weights(k, c, a->in, sel, n, err));
	return c->key ? add_keys(k, c, a, from, n, err) : SPK_OK;
}

static spk_status add_parts(struct spk_kept_rows *k, const struct adding *a, int n, spk_error *err)
{
	for (int from = 0, part; from < n; from += part) {
		struct spk_kept_chunk *c = k->chunks ? &k->chunk[k->chunks - 1] : NULL;

		if (!c || c->rows == c->capacity) {
			SPK_TRY(add_chunk(k, n - from, err));
			c = &k->chunk[k->chunks - 1];
		}
		part = SPK_MIN(n - from, c->capacity - c->rows);
		SPK_TRY(add_part(k, a, from, part, err));
		for (int i = 0; i < part; i++) {
			uint32_t size, row = spk_row_number(k->chunks - 1, (uint32_t)(c->rows + i));
			const char *key = key_at(a, from + i, &size);

			k->item[k->rows + (size_t)(from + i)] = spk_sort_item_of(key, size, 0, row);
		}
		c->rows += part;
	}
	return SPK_OK;
}

spk_status spk_kept_rows_add(struct spk_kept_rows *k, const struct spk_batch *in, const int32_t *pick, int n, const struct spk_row_keys *keys, spk_error *err)
{
	uint32_t chunks = k->chunks;
	int last = chunks ? k->chunk[chunks - 1].rows : 0;
	int32_t sel[SPK_BATCH_ROWS];
	struct adding a = { in, in->sel, pick, keys };
	spk_status status;

	SPK_TRY(grow_items(k, k->rows + (size_t)n, err));
	if (pick) {
		for (int i = 0; i < n; i++)
			sel[i] = spk_batch_row(in, pick[i]);
		a.sel = sel;
	}
	status = add_parts(k, &a, n, err);
	if (status == SPK_OK) {
		k->rows += (size_t)n;
		return SPK_OK;
	}
	k->chunks = chunks;
	if (chunks)
		k->chunk[chunks - 1].rows = last;
	return status;
}

/* --- order --- */

/* Which bytes of the keys are not the same in all of them: a bit by position. */
static uint64_t differing(const struct spk_kept_rows *k)
{
	const char *first = k->chunk[0].key[0].data;
	uint64_t differ[DIFFER_WORDS] = { 0 }, bytes = 0;
	uint32_t words = k->key_size / 8, tail = k->key_size % 8;

	for (uint32_t c = 0; c < k->chunks; c++)
		for (int i = 0; i < k->chunk[c].rows; i++) {
			const char *key = k->chunk[c].key[i].data;
			uint64_t a = 0, b = 0;

			for (uint32_t w = 0; w < words; w++) {
				memcpy(&a, key + 8 * w, 8);
				memcpy(&b, first + 8 * w, 8);
				differ[w] |= a ^ b;
			}
			a = b = 0;
			memcpy(&a, key + 8 * words, tail);
			memcpy(&b, first + 8 * words, tail);
			differ[words] |= a ^ b;
		}
	for (uint32_t i = 0; i < k->key_size; i++)
		bytes |= (uint64_t)(((char *)differ)[i] != 0) << i;
	return bytes;
}

/*
 * Keys of one size mostly differ in few bytes: markers are alike, numbers are small. If those fit an item, all is in the items, and no key has
 * to be looked at again.
 */
static bool squeeze(struct spk_kept_rows *k)
{
	uint8_t at[SPK_SORT_KEY_BYTES];
	uint64_t bytes;
	int n = 0;

	if (k->key_size == 0 || k->key_size >= 8 * DIFFER_WORDS)
		return false;
	bytes = differing(k);
	if (__builtin_popcountll(bytes) > SPK_SORT_KEY_BYTES)
		return false;
	for (uint32_t i = 0; i < k->key_size; i++)
		if (bytes >> i & 1)
			at[n++] = (uint8_t)i;
	for (size_t i = 0; i < k->rows; i++) {
		uint32_t row = spk_sort_row(k->item[i]);
		const char *key = k->chunk[row >> SPK_SLOT_BITS].key[row & (SPK_SLOT_ROWS - 1)].data;
		char picked[SPK_SORT_KEY_BYTES] = { 0 };

		for (int b = 0; b < n; b++)
			picked[b] = key[at[b]];
		k->item[i] = spk_sort_item_of(picked, SPK_SORT_KEY_BYTES, 0, row);
	}
	return true;
}

void spk_kept_rows_sort(struct spk_kept_rows *k)
{
	bool whole = !spk_kept_rows_have_keys(k) || (k->rows && squeeze(k));
	size_t size = k->rows * sizeof(spk_sort_item);
	spk_sort_item *spare = k->rows > 1 ? spk_malloc(k->account, size) : NULL;

	spk_sort_items(k->item, k->rows, whole ? NULL : k->key, spare);
	spk_free(k->account, spare, size);
}

spk_status spk_kept_rows_slots(const struct spk_kept_rows *k, struct spk_slots *s, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_slots_init(s, k->schema, k->chunks, arena, err));
	for (uint32_t c = 0; c < k->chunks; c++)
		spk_slots_set(s, c, k->chunk[c].column, k->chunk[c].weight);
	return SPK_OK;
}
