/*
 * approx_count_distinct: HyperLogLog (Flajolet et al. 2007) over the 64-bit hashes of the values, with 4,096 registers: a standard error of
 * 1.04 / sqrt(4096) = 1.6 %. The estimator is Ertl's (2017, "New cardinality estimation algorithms for HyperLogLog sketches"), which needs
 * no tables and no switch between ranges. Up to SPARSE_MOST distinct values the hashes themselves are kept, and the count is exact.
 *
 * What is kept depends only on the set of hashes, so merging in any order and grouping gives the same estimate.
 */
#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "core/expr/aggregate_internal.h"

enum { INDEX_BITS = 12, REGISTERS = 1 << INDEX_BITS, RANKS = 64 - INDEX_BITS + 1, SPARSE_MOST = 256, SPARSE_FIRST = 8 };

/*
 * Sparse: count hashes, ascending. Dense (count is DENSE): one byte a register. `data` has room for `capacity` hashes, or REGISTERS bytes.
 */
enum { DENSE = -1 };
struct sketch { void *data; int32_t count, capacity; };

static size_t bytes_of(const struct sketch *s) { return s->count == DENSE ? REGISTERS : (size_t)s->capacity * sizeof(uint64_t); }

static void add_dense(uint8_t *registers, uint64_t hash)
{
	const uint32_t index = (uint32_t)(hash >> (64 - INDEX_BITS));
	const uint64_t rest = hash << INDEX_BITS | 1ull << (INDEX_BITS - 1);
	const uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);

	if (rank > registers[index])
		registers[index] = rank;
}

static spk_status make_dense(const struct spk_aggregate_call *call, struct sketch *s, spk_error *err)
{
	uint8_t *registers = spk_calloc(call->account, REGISTERS);
	const uint64_t *hash = s->data;

	SPK_TRY_PTR(registers, err);
	for (int32_t i = 0; i < s->count; i++)
		add_dense(registers, hash[i]);
	spk_free(call->account, s->data, bytes_of(s));
	*s = (struct sketch){ registers, DENSE, 0 };
	return SPK_OK;
}

/* Where the hash is or belongs. */
static int32_t find(const uint64_t *hash, int32_t count, uint64_t wanted)
{
	int32_t low = 0, high = count;

	while (low < high) {
		const int32_t middle = (low + high) / 2;

		if (hash[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static spk_status insert_sparse(const struct spk_aggregate_call *call, struct sketch *s, int32_t at, uint64_t hash, spk_error *err)
{
	uint64_t *list = s->data;

	if (s->count == s->capacity) {
		const int32_t capacity = s->capacity ? s->capacity * 2 : SPARSE_FIRST;

		list = spk_realloc(call->account, list, bytes_of(s), (size_t)capacity * sizeof *list);
		SPK_TRY_PTR(list, err);
		s->data = list;
		s->capacity = capacity;
	}
	memmove(list + at + 1, list + at, (size_t)(s->count - at) * sizeof *list);
	list[at] = hash;
	s->count++;
	return SPK_OK;
}

static spk_status add(const struct spk_aggregate_call *call, struct sketch *s, uint64_t hash, spk_error *err)
{
	int32_t at;

	if (s->count != DENSE) {
		at = find(s->data, s->count, hash);
		if (at < s->count && ((const uint64_t *)s->data)[at] == hash)
			return SPK_OK;
		if (s->count < SPARSE_MOST)
			return insert_sparse(call, s, at, hash, err);
		SPK_TRY(make_dense(call, s, err));
	}
	add_dense(s->data, hash);
	return SPK_OK;
}

SPK_AGGREGATE_UPDATE(update)
{
	const struct spk_reader r = spk_vector_reader(input);
	uint64_t hash[SPK_BATCH_ROWS];

	(void)weight;
	spk_hash_column(input, sel, n, hash);
	for (int i = 0; i < n; i++)
		if (!spk_arg_is_null(&r, sel ? sel[i] : i))
			SPK_TRY(add(call, SPK_STATE(sketch, state, i), hash[i], err));
	return SPK_OK;
}

static spk_status merge_one(const struct spk_aggregate_call *call, struct sketch *a, const struct sketch *b, spk_error *err)
{
	uint8_t *to;

	if (b->count != DENSE) {
		for (int32_t i = 0; i < b->count; i++)
			SPK_TRY(add(call, a, ((const uint64_t *)b->data)[i], err));
		return SPK_OK;
	}
	if (a->count != DENSE)
		SPK_TRY(make_dense(call, a, err));
	to = a->data;
	for (int i = 0; i < REGISTERS; i++)
		to[i] = SPK_MAX(to[i], ((const uint8_t *)b->data)[i]);
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(merge)
{
	for (int i = 0; i < n; i++)
		SPK_TRY(merge_one(call, SPK_STATE(sketch, into, i), SPK_STATE(sketch, from, i), err));
	return SPK_OK;
}

/* --- the estimate --- */

/* x + sum of 2^(k-1) x^(2^k), k = 1, 2, ... */
static double sigma(double x)
{
	double y = 1, z = x, before;

	if (x == 1)
		return INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

/* (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3 */
static double tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x == 0 || x == 1)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

static int64_t estimate(const struct sketch *s)
{
	const double m = REGISTERS;
	int count[RANKS + 1] = { 0 };
	double z;

	if (s->count != DENSE)
		return s->count;
	for (int i = 0; i < REGISTERS; i++)
		count[((const uint8_t *)s->data)[i]]++;
	z = m * tau(1 - count[RANKS] / m);
	for (int k = RANKS - 1; k >= 1; k--)
		z = 0.5 * (z + count[k]);
	z += m * sigma(count[0] / m);
	return llround(m * m / (2 * M_LN2 * z));
}

SPK_AGGREGATE_FINAL(final)
{
	(void)rows;
	(void)arena;
	(void)err;
	for (int i = 0; i < n; i++)
		spk_vector_i64(out)[at + i] = estimate(SPK_STATE(sketch, state, i));
	return SPK_OK;
}

/* --- as bytes --- */

SPK_AGGREGATE_WRITE(write)
{
	const struct sketch *s = (const struct sketch *)(const void *)state;

	(void)call;
	SPK_TRY(spk_buffer_append(out, &s->count, sizeof s->count, err));
	return spk_buffer_append(out, s->data, s->count == DENSE ? REGISTERS : (size_t)s->count * sizeof(uint64_t), err);
}

static void release(const struct spk_aggregate_call *call, char *state)
{
	struct sketch *s = (struct sketch *)(void *)state;

	spk_free(call->account, s->data, bytes_of(s));
	*s = (struct sketch){ .count = 0 };
}

static bool well_formed(const struct sketch *s)
{
	const uint64_t *hash = s->data;

	for (int i = 0; s->count == DENSE && i < REGISTERS; i++)
		if (((const uint8_t *)s->data)[i] > RANKS)
			return false;
	for (int32_t i = 1; i < s->count; i++)
		if (hash[i - 1] >= hash[i])
			return false;
	return true;
}

SPK_AGGREGATE_READ(read)
{
	struct sketch *s = (struct sketch *)(void *)state;
	int32_t count;
	size_t size;

	if (end - *from < (ptrdiff_t)sizeof count)
		return spk_aggregate_cut_off(call, err);
	memcpy(&count, *from, sizeof count);
	*from += sizeof count;
	if (count < DENSE || count > SPARSE_MOST)
		return spk_fail(err, SPK_CORRUPT, "the aggregate state of %s is damaged", call->aggregate->name);
	size = count == DENSE ? REGISTERS : (size_t)count * sizeof(uint64_t);
	if ((size_t)(end - *from) < size)
		return spk_aggregate_cut_off(call, err);
	release(call, state);
	if (!size)
		return SPK_OK;
	s->data = spk_malloc(call->account, size);
	SPK_TRY_PTR(s->data, err);
	memcpy(s->data, *from, size);
	s->count = count;
	s->capacity = SPK_MAX(count, 0);
	*from += size;
	return well_formed(s) ? SPK_OK : spk_fail(err, SPK_CORRUPT, "the aggregate state of %s is damaged", call->aggregate->name);
}

static const struct spk_aggregate aggregates[] = {
	{ .name = "approx_count_distinct", .doc = "Number of distinct values that are not NULL: exact up to 256, beyond with a standard error of 1.6 % (HyperLogLog)",
	  .args = 1, .arg = { SPK_T(UNKNOWN) }, .result_of = spk_type_bigint, .state_size = (int)sizeof(struct sketch), .never_null = true, .unordered = true,
	  .idempotent = true, .update = update, .merge = merge, .final = final, .write = write, .read = read, .release = release },
};

SPK_AGGREGATE_FAMILY(approximate, aggregates)
