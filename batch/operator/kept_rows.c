/* Rows in memory, and their order. See kept_rows.h. */
#include "batch/operator/kept_rows.h"

#include <sys/mman.h>

enum {
	FIRST_ROWS = 64,
	FIRST_BLOCK = 16 * 1024,
	PAGE = 4096,
	BLOCK = 2 << 20,                 /* a large page: rows are read in any order */
	SLOTS_MOST = 1 << (32 - SPK_SLOT_BITS),
	DIFFER_WORDS = 8,
	ITEM_PARTS = 2,                  /* sorting takes as much again as the items */
};

spk_status spk_kept_rows_init(struct spk_kept_rows *k, const struct spk_schema *schema, uint32_t key_size, struct spk_memory_account *account, struct spk_arena *arena, spk_error *err)
{
	*k = (struct spk_kept_rows){ .account = account, .key_size = key_size };
	k->nullable = SPK_NEW_ARRAY(arena, bool, schema->count + 1);
	SPK_TRY_PTR(k->nullable, err);
	return spk_row_layout_init(&k->layout, schema, key_size == 0 || key_size > SPK_SORT_KEY_BYTES, arena, err);
}

size_t spk_kept_rows_bytes(const struct spk_kept_rows *k)
{
	return k->block_bytes + ITEM_PARTS * k->capacity * sizeof *k->item + k->block_capacity * sizeof *k->block + k->slot_capacity * sizeof(*k->base) +
	       (k->nested ? spk_arena_bytes(k->nested) : 0);
}

size_t spk_kept_rows_guess(const struct spk_kept_rows *k, int n)
{
	size_t rows = k->rows, more = (size_t)n, growth = rows + more > k->capacity ? k->capacity : 0, bytes;
	const struct spk_kept_block *last = k->blocks ? &k->block[k->blocks - 1] : NULL;

	if (!last)
		return 0;
	/* Blocks come whole. */
	bytes = k->block_bytes / rows * more;
	if (bytes > last->size - last->used)
		bytes = SPK_MAX(bytes, SPK_MIN(2 * last->size, (size_t)BLOCK));
	else
		bytes = 0;
	return bytes + growth * sizeof *k->item;
}

int spk_kept_rows_piece(const struct spk_kept_rows *k, size_t bytes)
{
	size_t each = SPK_MAX(spk_kept_rows_bytes(k) / SPK_MAX(k->rows, (size_t)1), (size_t)1);

	return (int)SPK_MIN(SPK_MAX(bytes / each, (size_t)1), (size_t)SPK_BATCH_ROWS);
}

/* --- room --- */

/* Grows an array to `count` elements at least, by halves: what is kept in reserve is not there for rows. */
static spk_status grow(struct spk_kept_rows *k, void *array, size_t *capacity, size_t count, size_t first, size_t size, spk_error *err)
{
	size_t more = SPK_MAX(SPK_MAX(*capacity + *capacity / 2, count), first);
	void *old, *grown;

	if (count <= *capacity)
		return SPK_OK;
	memcpy(&old, array, sizeof old);
	grown = spk_realloc(k->account, old, *capacity * size, more * size);
	SPK_TRY_PTR(grown, err);
	memcpy(array, &grown, sizeof grown);
	*capacity = more;
	return SPK_OK;
}

static spk_status grow_small(struct spk_kept_rows *k, void *array, uint32_t *capacity, uint32_t count, size_t size, spk_error *err)
{
	size_t wide = *capacity;
	spk_status status = grow(k, array, &wide, count, 16, size, err);

	*capacity = (uint32_t)wide;
	return status;
}

/* Large pages where there are any: fewer misses when memory is read in any order. Advice, so it may fail. */
static void advise_large_pages(void *data, size_t size)
{
	uintptr_t from = ((uintptr_t)data + BLOCK - 1) & ~(uintptr_t)(BLOCK - 1), to = ((uintptr_t)data + size) & ~(uintptr_t)(BLOCK - 1);

	if (to > from)
		(void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

/*
 * Large blocks are mapped: aligned for large pages, and really gone when they are freed. malloc would cut them out of a heap that they leave full
 * of holes.
 */
static void *map_block(size_t size)
{
	size_t room = size + BLOCK;
	char *all = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *data;

	if (all == MAP_FAILED)
		return NULL;
	data = (char *)(((uintptr_t)all + BLOCK - 1) & ~(uintptr_t)(BLOCK - 1));
	if (data > all)
		munmap(all, (size_t)(data - all));
	if (data + size < all + room)
		munmap(data + size, (size_t)(all + room - data) - size);
	advise_large_pages(data, size);
	return data;
}

static void *block_alloc(struct spk_kept_rows *k, size_t size)
{
	void *data;

	if (size < BLOCK)
		return spk_malloc(k->account, size);
	if (spk_memory_reserve(k->account, size, NULL) != SPK_OK)
		return NULL;
	data = map_block(size);
	if (!data)
		spk_memory_unreserve(k->account, size);
	return data;
}

static void block_free(struct spk_kept_rows *k, void *data, size_t size)
{
	if (size < BLOCK) {
		spk_free(k->account, data, size);
		return;
	}
	munmap(data, size);
	spk_memory_unreserve(k->account, size);
}

static void drop_blocks(struct spk_kept_rows *k, uint32_t keep)
{
	while (k->blocks > keep) {
		struct spk_kept_block *b = &k->block[--k->blocks];

		k->slots = b->slot;
		k->block_bytes -= b->size;
		block_free(k, b->data, b->size);
	}
}

void spk_kept_rows_clear(struct spk_kept_rows *k)
{
	struct spk_kept_rows empty = { .layout = k->layout, .account = k->account, .key_size = k->key_size, .nullable = k->nullable };

	drop_blocks(k, 0);
	spk_free(k->account, k->block, k->block_capacity * sizeof *k->block);
	spk_free(k->account, k->base, k->slot_capacity * sizeof(*k->base));
	spk_free(k->account, k->item, k->capacity * sizeof *k->item);
	spk_free(k->account, k->side, k->side_capacity * sizeof *k->side);
	spk_arena_unref(k->nested);
	if (k->nullable)
		memset(k->nullable, 0, (size_t)k->layout.schema->count * sizeof *k->nullable);
	*k = empty;
}

/* A block larger than usual holds one record: one slot will do. */
static uint32_t block_slots(size_t size) { return size > BLOCK ? 1 : (uint32_t)((size + SPK_SLOT_BYTES - 1) / SPK_SLOT_BYTES); }

/* A block with room for a record of `size` bytes: small ones first, so that a few rows take little. */
static spk_status add_block(struct spk_kept_rows *k, size_t size, spk_error *err)
{
	size_t last = k->blocks ? k->block[k->blocks - 1].size : FIRST_BLOCK / 2, page = PAGE;
	struct spk_kept_block b = { .size = SPK_MAX(SPK_MIN(2 * last, (size_t)BLOCK), (size + page - 1) & ~(page - 1)), .slot = k->slots };

	if (k->slots + block_slots(b.size) > SLOTS_MOST)
		return spk_fail(err, SPK_MEMORY_LIMIT, "more than 64 GiB of rows to be sorted at once");
	SPK_TRY(grow_small(k, &k->block, &k->block_capacity, k->blocks + 1, sizeof *k->block, err));
	SPK_TRY(grow_small(k, &k->base, &k->slot_capacity, k->slots + block_slots(b.size), sizeof(*k->base), err));
	b.data = block_alloc(k, b.size);
	/* The first rows may take what there is; with others kept it is better to let go of those. */
	while (!b.data && k->rows == 0 && b.size / 2 >= SPK_MAX(size, page)) {
		b.size = b.size / 2 & ~(page - 1);
		b.data = block_alloc(k, b.size);
	}
	SPK_TRY_PTR(b.data, err);
	for (uint32_t i = 0; i < block_slots(b.size); i++)
		k->base[k->slots++] = b.data + (size_t)i * SPK_SLOT_BYTES;
	k->block_bytes += b.size;
	k->block[k->blocks++] = b;
	return SPK_OK;
}

/* An address and a number for each of n records. */
static spk_status place_rows(struct spk_kept_rows *k, const size_t *size, int n, char **at, uint32_t *number, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		struct spk_kept_block *b = k->blocks ? &k->block[k->blocks - 1] : NULL;
		size_t whole = (size[i] + SPK_SLOT_UNIT - 1) & ~(size_t)(SPK_SLOT_UNIT - 1);

		/* Beyond a usual block's end no slot begins. */
		if (!b || b->size - b->used < whole || b->used >= BLOCK) {
			SPK_TRY(add_block(k, whole, err));
			b = &k->block[k->blocks - 1];
		}
		at[i] = b->data + b->used;
		number[i] = spk_row_number(b->slot + (uint32_t)(b->used / SPK_SLOT_BYTES), (uint32_t)(b->used % SPK_SLOT_BYTES / SPK_SLOT_UNIT));
		b->used += whole;
	}
	return SPK_OK;
}

/* --- arrays and records --- */

static spk_status add_side(struct spk_kept_rows *k, spk_error *err)
{
	const struct spk_schema *schema = k->layout.schema;
	struct spk_kept_side s = { 0 };

	if (!k->nested)
		k->nested = spk_arena_new(k->account);
	SPK_TRY_PTR(k->nested, err);
	SPK_TRY(grow_small(k, &k->side, &k->side_capacity, k->sides + 1, sizeof *k->side, err));
	s.column = SPK_NEW_ARRAY(k->nested, struct spk_vector, schema->count);
	SPK_TRY_PTR(s.column, err);
	for (int c = 0; c < schema->count; c++)
		if (spk_type_is_nested(schema->field[c].type))
			SPK_TRY(spk_vector_init(&s.column[c], schema->field[c].type, SPK_BATCH_ROWS, k->nested, err));
	k->side[k->sides++] = s;
	return SPK_OK;
}

/* Keeps the nested columns of the rows; their numbers go on from those there are. */
static spk_status add_nested(struct spk_kept_rows *k, const struct spk_row_input *rows, spk_error *err)
{
	const struct spk_schema *schema = k->layout.schema;
	int32_t sel[SPK_BATCH_ROWS];

	for (int i = 0; i < rows->n; i++)
		sel[i] = rows->sel ? rows->sel[i] : i;
	for (int from = 0, n; from < rows->n; from += n) {
		struct spk_kept_side *s = k->sides ? &k->side[k->sides - 1] : NULL;

		if (!s || s->rows == SPK_BATCH_ROWS) {
			SPK_TRY(add_side(k, err));
			s = &k->side[k->sides - 1];
		}
		n = SPK_MIN(rows->n - from, SPK_BATCH_ROWS - s->rows);
		for (int c = 0; c < schema->count; c++)
			if (spk_type_is_nested(schema->field[c].type))
				SPK_TRY(spk_vector_gather(&s->column[c], s->rows, SPK_BATCH_ROWS, &rows->in->column[c], sel + from, n, true, k->nested, err));
		s->rows += n;
	}
	return SPK_OK;
}

static spk_status gather_nested(const struct spk_kept_rows *k, int column, char *const *at, int n, struct spk_batch *out, spk_error *err)
{
	int32_t place[SPK_BATCH_ROWS];

	/* Neighbours of one chunk at a time. */
	for (int from = 0, to; from < n; from = to) {
		uint32_t chunk = spk_row_side(&k->layout, at[from]) / SPK_BATCH_ROWS;

		for (to = from; to < n && spk_row_side(&k->layout, at[to]) / SPK_BATCH_ROWS == chunk; to++)
			place[to] = (int32_t)(spk_row_side(&k->layout, at[to]) % SPK_BATCH_ROWS);
		SPK_TRY(spk_vector_gather(&out->column[column], from, n, &k->side[chunk].column[column], place + from, to - from, true, out->arena, err));
	}
	return SPK_OK;
}

/* --- adding --- */

static spk_status add_rows(struct spk_kept_rows *k, const struct spk_row_input *rows, const struct spk_row_keys *keys, spk_error *err)
{
	size_t size[SPK_BATCH_ROWS];
	uint32_t number[SPK_BATCH_ROWS];
	char *at[SPK_BATCH_ROWS];

	SPK_TRY(grow(k, &k->item, &k->capacity, k->rows + (size_t)rows->n, FIRST_ROWS, sizeof *k->item, err));
	spk_row_layout_sizes(&k->layout, rows, size);
	SPK_TRY(place_rows(k, size, rows->n, at, number, err));
	if (k->layout.nested)
		SPK_TRY(add_nested(k, rows, err));
	spk_row_layout_write(&k->layout, rows, at, (uint32_t)k->rows, k->nullable);
	for (int i = 0; i < rows->n; i++) {
		uint32_t length;
		const char *key = spk_row_key(keys, rows->pick ? rows->pick[i] : i, &length);

		k->item[k->rows + (size_t)i] = spk_sort_item_of(key, length, 0, number[i]);
	}
	k->weighted = k->weighted || rows->in->weight;
	k->rows += (size_t)rows->n;
	return SPK_OK;
}

spk_status spk_kept_rows_add(struct spk_kept_rows *k, const struct spk_batch *in, const int32_t *pick, int n, const struct spk_row_keys *keys, spk_error *err)
{
	uint32_t blocks = k->blocks, sides = k->sides;
	size_t used = blocks ? k->block[blocks - 1].used : 0;
	int side_rows = sides ? k->side[sides - 1].rows : 0;
	struct spk_row_input rows = { in, in->sel, n, keys, pick };
	int32_t sel[SPK_BATCH_ROWS];
	spk_status status;

	for (int i = 0; pick && i < n; i++)
		sel[i] = spk_batch_row(in, pick[i]);
	if (pick)
		rows.sel = sel;
	status = add_rows(k, &rows, keys, err);
	if (status == SPK_OK)
		return SPK_OK;
	drop_blocks(k, blocks);
	if (blocks)
		k->block[blocks - 1].used = used;
	k->sides = sides;
	if (sides)
		k->side[sides - 1].rows = side_rows;
	return status;
}

/* --- order --- */

/* Which bytes of the keys are not the same in all of them: a bit by position. */
static uint64_t differing(const struct spk_kept_rows *k)
{
	const char *first = spk_kept_key(k, k->item[0]).data;
	uint64_t differ[DIFFER_WORDS] = { 0 }, bytes = 0;
	uint32_t words = k->key_size / 8, tail = k->key_size % 8;

	for (size_t i = 0; i < k->rows; i++) {
		const char *key = spk_kept_key(k, k->item[i]).data;
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
		const char *key = spk_kept_key(k, k->item[i]).data;
		char picked[SPK_SORT_KEY_BYTES] = { 0 };

		for (int b = 0; b < n; b++)
			picked[b] = key[at[b]];
		k->item[i] = spk_sort_item_of(picked, SPK_SORT_KEY_BYTES, 0, spk_sort_row(k->item[i]));
	}
	return true;
}

void spk_kept_rows_sort(struct spk_kept_rows *k)
{
	struct spk_sort_keys keys = { k->base, k->layout.fixed };
	bool whole = !spk_kept_rows_keyed(k) || (k->rows && squeeze(k));
	size_t size = k->rows * sizeof(spk_sort_item);
	spk_sort_item *spare = k->rows > 1 ? spk_malloc(k->account, size) : NULL;

	advise_large_pages(k->item, size);
	if (spare)
		advise_large_pages(spare, size);
	spk_sort_items(k->item, k->rows, whole ? NULL : &keys, spare);
	spk_free(k->account, spare, size);
}

spk_status spk_kept_rows_gather(const struct spk_kept_rows *k, size_t from, int n, struct spk_batch **out, spk_error *err)
{
	char *at[SPK_BATCH_ROWS];
	struct spk_batch *batch;
	spk_status status;

	for (int i = 0; i < n; i++)
		at[i] = spk_kept_record(k, k->item[from + (size_t)i]);
	SPK_TRY(spk_batch_new(&batch, k->layout.schema, k->account, err));
	batch->rows = batch->selected = n;
	status = spk_row_layout_read(&k->layout, at, n, k->nullable, k->weighted, batch, err);
	for (int c = 0; c < batch->columns && k->layout.nested && status == SPK_OK; c++)
		if (spk_type_is_nested(k->layout.schema->field[c].type))
			status = gather_nested(k, c, at, n, batch, err);
	if (status != SPK_OK) {
		spk_batch_unref(batch);
		return status;
	}
	*out = batch;
	return SPK_OK;
}
