/* A hash table of groups. See group_table.h. */
#include "batch/operator/group_table.h"

#include <stdlib.h>

#include "core/base/large.h"

enum {
	HEAD = 16,                      /* hash and note */
	SMALL_CHUNK = 64,               /* rows at first */
	SMALL_SLOTS = 128,
	CHUNK_BYTES = SPK_LARGE_BLOCK,  /* about, of a full one */
	FIRST_KEYS = 16 * 1024,         /* bytes of the first block of long keys */
	KEPT_BYTES = 256 * 1024,        /* what clear keeps */
	STRIP = 256,                    /* keys that are looked up together */
	AHEAD = 16,
	COUNT_MAX = INT32_MAX,
};

/*
 * What a slot says of a hash, and where it belongs: 32 bits from the middle. The upper ones say which task owns the group, so that they are
 * the same for many; and that the place follows from what is in the slot spares looking at the rows when slots are moved.
 */
static inline uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 26); }

/* A key that varies: its size, then it, or its first bytes and where the rest is. */
struct varying_key { uint32_t size; char inlined[SPK_GROUP_KEY_INLINE]; };
enum { PREFIX = 20 };

struct spk_key_block { struct spk_key_block *next; size_t size; };

static const char *rest_of(const struct varying_key *k)
{
	const char *rest;

	memcpy(&rest, k->inlined + PREFIX, sizeof rest);
	return rest;
}

void spk_group_table_init(struct spk_group_table *t, uint32_t key_size, uint32_t payload, struct spk_memory_account *account)
{
	const uint32_t key = key_size == SPK_KEY_VARIES ? (uint32_t)sizeof(struct varying_key) : key_size;
	uint32_t shift = 0;

	*t = (struct spk_group_table){ .account = account, .key_size = key_size, .payload_at = (HEAD + key + 15) / 16 * 16 };
	t->row_size = t->payload_at + payload;
	while (((size_t)2 << shift) * t->row_size <= CHUNK_BYTES)
		shift++;
	/* A chunk of few rows would make more of a row's address than of the row. */
	t->shift = SPK_MAX(shift, 6);
}

static size_t chunk_bytes(const struct spk_group_table *t, uint32_t i)
{
	return (i == 0 ? (size_t)t->first : (size_t)1 << t->shift) * t->row_size;
}

static void free_chunks(struct spk_group_table *t)
{
	for (uint32_t i = 0; i < t->chunks; i++)
		spk_large_free(t->account, t->chunk[i], chunk_bytes(t, i));
	spk_free(t->account, t->chunk, t->chunk_capacity * sizeof(*t->chunk));
	t->chunk = NULL;
	t->chunks = t->chunk_capacity = t->first = 0;
}

static void free_slots(struct spk_group_table *t)
{
	spk_large_free(t->account, t->slot, t->capacity * sizeof(*t->slot));
	t->slot = NULL;
	t->capacity = 0;
}

static void free_keys(struct spk_group_table *t)
{
	for (struct spk_key_block *b = t->key_block, *next; b; b = next) {
		next = b->next;
		spk_large_free(t->account, b, b->size);
	}
	t->key_block = NULL;
	t->key_next = t->key_end = NULL;
}

void spk_group_table_release(struct spk_group_table *t)
{
	free_chunks(t);
	free_slots(t);
	free_keys(t);
	t->count = 0;
}

void spk_group_table_clear(struct spk_group_table *t)
{
	if (t->chunks > 1 || (size_t)t->first * t->row_size > KEPT_BYTES || t->capacity * sizeof(*t->slot) > KEPT_BYTES) {
		free_chunks(t);
		free_slots(t);
		t->usual = t->count;
	} else if (t->count < t->capacity / 16) {
		/* Few groups: theirs are the only slots that are taken. */
		for (uint32_t n = 0; n < t->count; n++) {
			uint32_t at = tag_of(spk_group_hash(spk_group_row(t, n))) & (t->capacity - 1);

			while ((uint32_t)t->slot[at] != n + 1)
				at = (at + 1) & (t->capacity - 1);
			t->slot[at] = 0;
		}
	} else if (t->slot) {
		memset(t->slot, 0, t->capacity * sizeof(*t->slot));
	}
	free_keys(t);
	t->count = 0;
}

/* --- room --- */

static bool is_full(uint32_t count, uint32_t capacity) { return count > capacity / 10 * 7; }

static spk_status grow_slots(struct spk_group_table *t, uint32_t count, spk_error *err)
{
	uint32_t capacity = t->capacity ? t->capacity : SMALL_SLOTS;
	uint64_t *slot;

	while (is_full(count, capacity))
		capacity *= 2;
	if (capacity == t->capacity)
		return SPK_OK;
	slot = spk_large_alloc(t->account, capacity * sizeof(*slot));
	SPK_TRY_PTR(slot, err);
	memset(slot, 0, capacity * sizeof(*slot));
	for (uint32_t i = 0; i < t->capacity; i++) {
		uint32_t at = (uint32_t)(t->slot[i] >> 32) & (capacity - 1);

		if (!t->slot[i])
			continue;
		while (slot[at])
			at = (at + 1) & (capacity - 1);
		slot[at] = t->slot[i];
	}
	free_slots(t);
	t->slot = slot;
	t->capacity = capacity;
	return SPK_OK;
}

/* The first chunk, which moves as it grows. */
static spk_status grow_first(struct spk_group_table *t, uint32_t count, spk_error *err)
{
	uint32_t rows = SPK_MAX(t->first, (uint32_t)SMALL_CHUNK);
	char *moved;

	while (rows < count && rows < 1u << t->shift)
		rows *= 2;
	if (rows == t->first)
		return SPK_OK;
	moved = spk_large_alloc(t->account, (size_t)rows * t->row_size);
	SPK_TRY_PTR(moved, err);
	if (t->count)
		memcpy(moved, t->chunk[0], (size_t)SPK_MIN(t->count, t->first) * t->row_size);
	if (t->chunks)
		spk_large_free(t->account, t->chunk[0], chunk_bytes(t, 0));
	t->chunk[0] = moved;
	t->chunks = SPK_MAX(t->chunks, 1);
	t->first = rows;
	return SPK_OK;
}

static spk_status grow_chunks(struct spk_group_table *t, uint32_t count, spk_error *err)
{
	const uint32_t needed = (count + (1u << t->shift) - 1) >> t->shift;

	if (needed > t->chunk_capacity) {
		const uint32_t capacity = SPK_MAX(SPK_MAX(2 * t->chunk_capacity, needed), 4);
		char **chunk = spk_realloc(t->account, t->chunk, t->chunk_capacity * sizeof(*chunk), capacity * sizeof(*chunk));

		SPK_TRY_PTR(chunk, err);
		t->chunk = chunk;
		t->chunk_capacity = capacity;
	}
	SPK_TRY(grow_first(t, count, err));
	while (t->chunks < needed) {
		t->chunk[t->chunks] = spk_large_alloc(t->account, (size_t)t->row_size << t->shift);
		SPK_TRY_PTR(t->chunk[t->chunks], err);
		t->chunks++;
	}
	return SPK_OK;
}

/* Room for all keys of a put, most of which it may not need: what is left is there for the next one. */
static spk_status grow_keys(struct spk_group_table *t, uint64_t bytes, spk_error *err)
{
	const size_t size = SPK_MAX((size_t)bytes + sizeof(struct spk_key_block), t->key_block ? (size_t)SPK_LARGE_BLOCK : (size_t)FIRST_KEYS);
	struct spk_key_block *b;

	if (t->key_size != SPK_KEY_VARIES || (uint64_t)(t->key_end - t->key_next) >= bytes)
		return SPK_OK;
	b = spk_large_alloc(t->account, size);
	SPK_TRY_PTR(b, err);
	*b = (struct spk_key_block){ t->key_block, size };
	t->key_block = b;
	t->key_next = (char *)(b + 1);
	t->key_end = (char *)b + size;
	return SPK_OK;
}

/* As much as there was before the table was cleared, which spares growing to it step by step. Not a need: the budget may refuse. */
static void grow_to_usual(struct spk_group_table *t)
{
	const uint32_t count = t->usual;

	t->usual = 0;
	if (grow_chunks(t, count, NULL) == SPK_OK)
		(void)grow_slots(t, count, NULL);
}

spk_status spk_group_table_room(struct spk_group_table *t, int more, uint64_t bytes, spk_error *err)
{
	/* Of a batch whose rows are all late, say. */
	if (!more)
		return SPK_OK;
	if (t->usual > 0)
		grow_to_usual(t);
	if (more > COUNT_MAX - (int64_t)t->count)
		return spk_fail(err, SPK_MEMORY_LIMIT, "more than %d groups in one task", COUNT_MAX);
	SPK_TRY(grow_chunks(t, t->count + (uint32_t)more, err));
	SPK_TRY(grow_slots(t, t->count + (uint32_t)more, err));
	return grow_keys(t, bytes, err);
}

/* --- keys --- */

const char *spk_group_key(const struct spk_group_table *t, uint32_t number, uint32_t *size)
{
	const char *row = spk_group_row(t, number);
	const struct varying_key *k = (const struct varying_key *)(const void *)(row + HEAD);

	*size = t->key_size;
	if (t->key_size != SPK_KEY_VARIES)
		return row + HEAD;
	*size = k->size;
	return k->size <= SPK_GROUP_KEY_INLINE ? k->inlined : rest_of(k);
}

static inline uint64_t load64(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

/* Up to 16 bytes by words that may overlap, from 8 on. */
static inline bool same_bytes(const char *a, const char *b, uint32_t size)
{
	if (size - 8 <= 8)
		return !((load64(a) ^ load64(b)) | (load64(a + size - 8) ^ load64(b + size - 8)));
	return size == 0 || memcmp(a, b, size) == 0;
}

static inline bool same_key(const struct spk_group_table *t, const char *row, const char *key, uint32_t size)
{
	const struct varying_key *k = (const struct varying_key *)(const void *)(row + HEAD);

	if (t->key_size != SPK_KEY_VARIES)
		return same_bytes(row + HEAD, key, size);
	if (k->size != size)
		return false;
	if (size <= SPK_GROUP_KEY_INLINE)
		return same_bytes(k->inlined, key, size);
	return memcmp(k->inlined, key, PREFIX) == 0 && memcmp(rest_of(k) + PREFIX, key + PREFIX, size - PREFIX) == 0;
}

static void store_key(struct spk_group_table *t, char *row, const char *key, uint32_t size)
{
	struct varying_key *k = (struct varying_key *)(void *)(row + HEAD);
	char *rest;

	if (t->key_size != SPK_KEY_VARIES) {
		memcpy(row + HEAD, key, size);
		return;
	}
	k->size = size;
	if (size <= SPK_GROUP_KEY_INLINE) {
		memcpy(k->inlined, key, size);
		return;
	}
	SPK_ASSERT((size_t)(t->key_end - t->key_next) >= size, "room for a long key");
	rest = memcpy(t->key_next, key, size);
	t->key_next += size;
	memcpy(k->inlined, key, PREFIX);
	memcpy(k->inlined + PREFIX, &rest, sizeof rest);
}

/* --- looking up --- */

static uint32_t add(struct spk_group_table *t, uint32_t at, const char *key, uint32_t size, uint64_t hash)
{
	const uint32_t n = t->count++;
	char *row = spk_group_row(t, n);

	memset(row + t->payload_at, 0, t->row_size - t->payload_at);
	memcpy(row, &hash, sizeof hash);
	*spk_group_note(row) = 0;
	store_key(t, row, key, size);
	t->slot[at] = (uint64_t)tag_of(hash) << 32 | (n + 1);
	return n;
}

/* The group at the slot or behind it, added when there is none. */
static uint32_t probe(struct spk_group_table *t, uint32_t at, const char *key, uint32_t size, uint64_t hash)
{
	for (;; at = (at + 1) & (t->capacity - 1)) {
		const uint64_t held = t->slot[at];

		if (!held)
			return add(t, at, key, size, hash);
		if (held >> 32 == tag_of(hash) && same_key(t, spk_group_row(t, (uint32_t)held - 1), key, size))
			return (uint32_t)held - 1;
	}
}

/* Keys of a strip on their way: first the slots are read and the rows asked for, then the keys are compared. */
struct strip {
	const struct spk_row_keys *keys;
	const int32_t *pick;
	const uint64_t *hash;
	int n;
	uint32_t at[STRIP];             /* the slot that looked right */
};

static inline const char *strip_key(const struct strip *s, int i, uint32_t *size)
{
	return spk_row_key(s->keys, s->pick ? s->pick[i] : i, size);
}

/* number[i]: the group whose slot looks right, or a new one. */
static void find_slots(struct spk_group_table *t, struct strip *s, uint32_t *number, bool *added)
{
	const uint32_t mask = t->capacity - 1;

	for (int i = 0; i < SPK_MIN(s->n, AHEAD); i++)
		__builtin_prefetch(&t->slot[tag_of(s->hash[i]) & mask], 1);
	for (int i = 0; i < s->n; i++) {
		const uint64_t hash = s->hash[i];
		const uint32_t tag = tag_of(hash);
		uint32_t at = tag & mask, size;
		uint64_t held;

		if (i + AHEAD < s->n)
			__builtin_prefetch(&t->slot[tag_of(s->hash[i + AHEAD]) & mask], 1);
		while ((held = t->slot[at]) != 0 && held >> 32 != tag)
			at = (at + 1) & mask;
		s->at[i] = at;
		added[i] = !held;
		if (held) {
			const char *row = spk_group_row(t, (uint32_t)held - 1);

			number[i] = (uint32_t)held - 1;
			__builtin_prefetch(row);
			__builtin_prefetch(row + t->row_size - 1, 1);
		} else {
			const char *key = strip_key(s, i, &size);

			number[i] = add(t, at, key, size, hash);
		}
	}
}

static void check_keys(struct spk_group_table *t, const struct strip *s, uint32_t *number, const bool *added)
{
	for (int i = 0; i < s->n; i++) {
		uint32_t size;
		const char *key;

		if (added[i])
			continue;
		key = strip_key(s, i, &size);
		if (SPK_UNLIKELY(!same_key(t, spk_group_row(t, number[i]), key, size)))
			number[i] = probe(t, (s->at[i] + 1) & (t->capacity - 1), key, size, s->hash[i]);
	}
}

void spk_group_table_put(struct spk_group_table *t, const struct spk_row_keys *keys, const int32_t *pick, int n, const uint64_t *hash, uint32_t *number)
{
	struct strip s = { .keys = keys };
	bool added[STRIP];

	SPK_ASSERT(n == 0 || !is_full(t->count + (uint32_t)n, t->capacity), "room for the groups");
	for (int from = 0; from < n; from += STRIP) {
		struct spk_row_keys rest;

		s.n = SPK_MIN(n - from, STRIP);
		s.pick = pick ? pick + from : NULL;
		s.hash = hash + from;
		if (!pick) {
			rest = *keys;
			rest.offset += from;
			s.keys = &rest;
		}
		find_slots(t, &s, number + from, added);
		check_keys(t, &s, number + from, added);
	}
}

/* --- order --- */

struct item { uint64_t hash; uint32_t number; };

/* One pass of a radix sort, by `bits` bits of the hash from `shift` on. */
static void sort_pass(const struct item *from, struct item *to, uint32_t count, int shift)
{
	uint32_t place[256] = { 0 }, sum = 0;

	for (uint32_t i = 0; i < count; i++)
		place[from[i].hash >> shift & 255]++;
	for (int b = 0; b < 256; b++) {
		const uint32_t n = place[b];

		place[b] = sum;
		sum += n;
	}
	for (uint32_t i = 0; i < count; i++)
		to[place[from[i].hash >> shift & 255]++] = from[i];
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : (x->number > y->number) - (x->number < y->number);
}

static bool key_before(const struct spk_group_table *t, uint32_t a, uint32_t b)
{
	uint32_t x, y;
	const char *p = spk_group_key(t, a, &x), *q = spk_group_key(t, b, &y);
	const int order = memcmp(p, q, SPK_MIN(x, y));

	return order ? order < 0 : x < y;
}

/* Groups of one hash, which hardly ever are, by their keys. */
static void sort_equal(const struct spk_group_table *t, struct item *item, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		for (uint32_t k = i; k > 0 && item[k].hash == item[k - 1].hash && key_before(t, item[k].number, item[k - 1].number); k--) {
			const struct item swap = item[k];

			item[k] = item[k - 1];
			item[k - 1] = swap;
		}
}

/* By the upper bits with few passes, then the rest where these agree, which is little. */
static void sort_items(struct item *item, struct item *spare, uint32_t count)
{
	enum { RADIX_LEAST = 2048, LOWEST = 32 };

	if (count < RADIX_LEAST) {
		qsort(item, count, sizeof *item, compare_items);
		return;
	}
	for (int shift = LOWEST; shift < 64; shift += 16) {
		sort_pass(item, spare, count, shift);
		sort_pass(spare, item, count, shift + 8);
	}
	for (uint32_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && item[end].hash >> LOWEST == item[i].hash >> LOWEST;)
			end++;
		if (end - i > 1)
			qsort(item + i, end - i, sizeof *item, compare_items);
	}
}

spk_status spk_group_table_order(const struct spk_group_table *t, uint32_t *order, spk_error *err)
{
	const size_t bytes = 2 * t->count * sizeof(struct item);
	struct item *item = spk_large_alloc(t->account, bytes);

	SPK_TRY_PTR(item, err);
	for (uint32_t n = 0; n < t->count; n++)
		item[n] = (struct item){ spk_group_hash(spk_group_row(t, n)), n };
	sort_items(item, item + t->count, t->count);
	sort_equal(t, item, t->count);
	for (uint32_t n = 0; n < t->count; n++)
		order[n] = item[n].number;
	spk_large_free(t->account, item, bytes);
	return SPK_OK;
}
