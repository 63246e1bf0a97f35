/*
 * Hashing of columns.
 *
 * A fixed-width value becomes one or two 64-bit words, which a bijective mix (add, multiply, xor-shift) spreads over all bits:
 * different 64-bit values never collide in a column hash. Strings of up to 12 bytes are two words as they lie in their view,
 * longer ones XXH3's 64 bits. Further columns are mixed in with the hash so far as the seed, so that order matters.
 *
 * Shards of stored state depend on every constant here: none may ever change (tests/core/columnar/test_hash.c holds golden
 * values). Words are read little-endian.
 */
#include "core/columnar/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/columnar/decimal.h"
#include "core/columnar/jsonb.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "views are hashed as words");

#define SEED UINT64_C(0x9e3779b97f4a7c15)
#define NULL_WORD UINT64_C(0x51d4b7e36f0ca289)
#define CHAIN UINT64_C(0xd1342543de82ef95)

/* A word or two that stand for a value; `two` is known at compile time in every loop. */
struct words { uint64_t first, second; };

/* moremur (Pelle Evensen 2019): a bijection of 64 bits whose every output bit depends on every input bit. */
static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 27;
	x *= UINT64_C(0x3c79ac492ba7b653);
	x ^= x >> 33;
	x *= UINT64_C(0x1c69b3f74ac4ae35);
	return x ^ x >> 27;
}

static inline uint64_t mix_words(struct words w, bool two, uint64_t seed)
{
	uint64_t h = mix(w.first + seed);

	return two ? mix(w.second + h * CHAIN) : h;
}

/* --- a value's words, by type --- */

static inline struct words load_u8(const void *data, uint32_t slot, int scale)
{
	(void)scale;
	return (struct words){ ((const uint8_t *)data)[slot], 0 };
}

/* Integers of all widths hash alike: a smallint 7 as a bigint 7. */
#define LOAD_INTEGER(name, ctype) \
	static inline struct words load_##name(const void *data, uint32_t slot, int scale) \
	{ \
		(void)scale; \
		return (struct words){ (uint64_t)(int64_t)((const ctype *)data)[slot], 0 }; \
	}
LOAD_INTEGER(i16, int16_t)
LOAD_INTEGER(i32, int32_t)
LOAD_INTEGER(i64, int64_t)

static inline struct words double_words(double v)
{
	uint64_t bits;

	v += 0.0;  /* -0.0 becomes 0.0 */
	memcpy(&bits, &v, 8);
	return (struct words){ v != v ? UINT64_C(0x7ff8000000000000) : bits, 0 };
}

static inline struct words load_f32(const void *data, uint32_t slot, int scale)
{
	(void)scale;
	return double_words((double)((const float *)data)[slot]);
}

static inline struct words load_f64(const void *data, uint32_t slot, int scale)
{
	(void)scale;
	return double_words(((const double *)data)[slot]);
}

static inline struct words decimal_words(spk_int128 mantissa, int scale)
{
	int exponent;
	unsigned __int128 normal = (unsigned __int128)spk_decimal_normal(mantissa, scale, &exponent);

	return (struct words){ (uint64_t)normal + (uint64_t)(int64_t)exponent * SEED, (uint64_t)(normal >> 64) };
}

static inline struct words load_decimal(const void *data, uint32_t slot, int scale)
{
	return decimal_words(((const spk_int128 *)data)[slot], scale);
}

static inline struct words load_numeric(const void *data, uint32_t slot, int scale)
{
	spk_int128 mantissa;

	spk_decimal_unpack(spk_type(SPK_TYPE_DECIMAL), ((const spk_int128 *)data)[slot], &mantissa, &scale);
	return decimal_words(mantissa, scale);
}

static inline struct words load_uuid(const void *data, uint32_t slot, int scale)
{
	const unsigned __int128 v = ((const unsigned __int128 *)data)[slot];

	(void)scale;
	return (struct words){ (uint64_t)v, (uint64_t)(v >> 64) };
}

static inline struct words load_interval(const void *data, uint32_t slot, int scale)
{
	const struct spk_interval *v = (const struct spk_interval *)data + slot;
	unsigned __int128 span = (unsigned __int128)spk_interval_span(*v);

	(void)scale;
	return (struct words){ (uint64_t)span, (uint64_t)(span >> 64) };
}

static inline struct words load_view(const void *data, uint32_t slot, int scale)
{
	const struct spk_view *v = (const struct spk_view *)data + slot;
	struct words w;

	(void)scale;
	if (v->length > SPK_VIEW_INLINE)
		return (struct words){ XXH3_64bits(v->ref.pointer, v->length), v->length };
	memcpy(&w, v, 16);
	return w;
}

/* jsonb by its normal form (jsonb.h), which most values are in: then as a text. */
struct normal { XXH3_state_t *state; struct spk_view first; size_t size; };

static void add_piece(const char *s, size_t size, void *user)
{
	struct normal *n = user;

	if (n->size + size <= SPK_VIEW_INLINE)
		memcpy(n->first.inlined + n->size, s, size);
	n->size += size;
	if (n->state)
		XXH3_64bits_update(n->state, s, size);
}

static inline struct words load_jsonb(const void *data, uint32_t slot, int scale)
{
	const struct spk_view *v = (const struct spk_view *)data + slot;
	struct normal n = { 0 };
	XXH3_state_t state;
	struct words w;

	if (!memchr(spk_view_data(v), '.', v->length))
		return load_view(data, slot, scale);
	XXH3_64bits_reset(&state);
	n.state = &state;
	spk_jsonb_normal(spk_view_data(v), v->length, add_piece, &n);
	if (n.size > SPK_VIEW_INLINE)
		return (struct words){ XXH3_64bits_digest(&state), n.size };
	n.first.length = (uint32_t)n.size;
	memcpy(&w, &n.first, 16);
	return w;
}

/* --- loops --- */

static inline __attribute__((always_inline)) void hash_loop(const struct spk_reader *r, const int32_t *sel, int n, uint64_t *restrict hash, bool more, bool dense, bool two, int scale, struct words (*load)(const void *data, uint32_t slot, int scale))
{
	for (int i = 0; i < n; i++) {
		uint64_t seed = more ? hash[i] * CHAIN : SEED;
		uint32_t slot = dense ? (uint32_t)i : spk_reader_slot(r, sel ? sel[i] : i);
		struct words w = load(r->data, slot, scale);
		uint64_t h = mix_words(w, two, seed);

		if (!dense && !spk_reader_valid(r, slot))
			h = mix(NULL_WORD + seed);
		hash[i] = h;
	}
}

/* One kernel per kind of value, in four forms: first or further column, plain rows or any layout. */
#define HASH_KERNEL(name, two) \
	static void hash_##name(const struct spk_reader *r, const int32_t *sel, int n, uint64_t *hash, bool more, bool dense, int scale) \
	{ \
		if (dense && more) \
			hash_loop(r, sel, n, hash, true, true, two, scale, load_##name); \
		else if (dense) \
			hash_loop(r, sel, n, hash, false, true, two, scale, load_##name); \
		else if (more) \
			hash_loop(r, sel, n, hash, true, false, two, scale, load_##name); \
		else \
			hash_loop(r, sel, n, hash, false, false, two, scale, load_##name); \
	}
HASH_KERNEL(u8, false)
HASH_KERNEL(i16, false)
HASH_KERNEL(i32, false)
HASH_KERNEL(i64, false)
HASH_KERNEL(f32, false)
HASH_KERNEL(f64, false)
HASH_KERNEL(decimal, true)
HASH_KERNEL(numeric, true)
HASH_KERNEL(interval, true)
HASH_KERNEL(uuid, true)
HASH_KERNEL(view, true)
HASH_KERNEL(jsonb, true)

static void hash_any(const struct spk_vector *v, const int32_t *sel, int n, uint64_t *hash, bool more);

/* Children are hashed row by row of the parent: an array as its elements in order, started with their number. */
static void hash_array(const struct spk_vector *v, const int32_t *sel, int n, uint64_t *hash, bool more)
{
	struct spk_reader r = spk_vector_reader(v);
	const struct spk_vector *child = spk_vector_children(v);
	const int32_t *offset = r.data;

	for (int i = 0; i < n; i++) {
		uint32_t slot = spk_reader_slot(&r, sel ? sel[i] : i);
		uint64_t seed = more ? hash[i] * CHAIN : SEED;

		if (!spk_reader_valid(&r, slot)) {
			hash[i] = mix(NULL_WORD + seed);
			continue;
		}
		hash[i] = mix((uint64_t)(offset[slot + 1] - offset[slot]) + seed);
		for (int32_t e = offset[slot]; e < offset[slot + 1]; e++)
			hash_any(child, &e, 1, &hash[i], true);
	}
}

static void hash_row(const struct spk_vector *v, const int32_t *sel, int n, uint64_t *hash, bool more)
{
	struct spk_reader r = spk_vector_reader(v);
	const struct spk_vector *child = spk_vector_children(v);

	for (int i = 0; i < n; i++) {
		int32_t slot = (int32_t)spk_reader_slot(&r, sel ? sel[i] : i);
		uint64_t seed = more ? hash[i] * CHAIN : SEED;

		hash[i] = mix((spk_reader_valid(&r, (uint32_t)slot) ? 0 : NULL_WORD) + seed);
		for (int c = 0; spk_reader_valid(&r, (uint32_t)slot) && c < v->type.children->count; c++)
			hash_any(&child[c], &slot, 1, &hash[i], true);
	}
}

static void hash_any(const struct spk_vector *v, const int32_t *sel, int n, uint64_t *hash, bool more)
{
	struct spk_reader r = spk_vector_reader(v);
	bool dense = v->layout == SPK_FLAT && !sel && !v->valid;

	switch (v->type.id) {
	case SPK_TYPE_BOOLEAN: hash_u8(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_SMALLINT: hash_i16(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: hash_i32(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: hash_i64(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_REAL: hash_f32(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_DOUBLE: hash_f64(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_DECIMAL:
		if (v->type.scale >= 0)
			hash_decimal(&r, sel, n, hash, more, dense, v->type.scale);
		else
			hash_numeric(&r, sel, n, hash, more, dense, 0);
		break;
	case SPK_TYPE_UNKNOWN:
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA:
	case SPK_TYPE_JSON: hash_view(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_JSONB: hash_jsonb(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_UUID: hash_uuid(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_INTERVAL: hash_interval(&r, sel, n, hash, more, dense, 0); break;
	case SPK_TYPE_ARRAY: hash_array(v, sel, n, hash, more); break;
	case SPK_TYPE_ROW: hash_row(v, sel, n, hash, more); break;
	case SPK_TYPE_COUNT: SPK_ASSERT(false, "a type that is none");
	}
}

void spk_hash_column(const struct spk_vector *v, const int32_t *sel, int n, uint64_t *hash)
{
	/* A constant is hashed once. */
	bool once = v->layout == SPK_CONSTANT && n > 0;

	hash_any(v, sel, once ? 1 : n, hash, false);
	for (int i = 1; once && i < n; i++)
		hash[i] = hash[0];
}

void spk_hash_column_more(const struct spk_vector *v, const int32_t *sel, int n, uint64_t *hash)
{
	hash_any(v, sel, n, hash, true);
}

void spk_hash_columns(const struct spk_batch *batch, const int *key, int keys, uint64_t *hash)
{
	/* Without a key all rows are one group and belong to one shard. */
	for (int i = 0; !keys && i < batch->selected; i++)
		hash[i] = mix(SEED);
	for (int k = 0; k < keys; k++) {
		SPK_ASSERT(key[k] >= 0 && key[k] < batch->columns, "a key that is not a column");
		if (k)
			spk_hash_column_more(&batch->column[key[k]], batch->sel, batch->selected, hash);
		else
			spk_hash_column(&batch->column[key[k]], batch->sel, batch->selected, hash);
	}
}

uint64_t spk_hash_bytes(const void *data, size_t size)
{
	struct words w = { 0, 0 };
	struct spk_view v;

	if (size > SPK_VIEW_INLINE) {
		w = (struct words){ XXH3_64bits(data, size), size };
	} else {
		v = spk_view(data, (uint32_t)size);
		memcpy(&w, &v, 16);
	}
	return mix_words(w, true, SEED);
}

/* Tasks own runs of shards whose lengths differ by one at most. */
void spk_shard_range(int task, int tasks, int *first, int *end)
{
	SPK_ASSERT(tasks > 0 && task >= 0 && task < tasks, "a task that is none");
	*first = task * SPK_SHARDS / tasks;
	*end = (task + 1) * SPK_SHARDS / tasks;
}

/* The task t with t * 64 / tasks <= shard < (t + 1) * 64 / tasks. */
int spk_shard_task(struct spk_shard_id shard, int tasks)
{
	SPK_ASSERT(tasks > 0 && shard.value >= 0 && shard.value < SPK_SHARDS, "a shard that is none");
	return ((shard.value + 1) * tasks - 1) / SPK_SHARDS;
}
