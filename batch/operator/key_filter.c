/* What is known of a join key's values on the build side. See key_filter.h. */
#include "batch/operator/key_filter.h"

#include "core/columnar/hash.h"

enum {
	BITS_PER_ROW = 16,               /* of a Bloom filter, at least */
	EXACT_PER_ROW = 64,              /* values per row up to which a bit for each is better... */
	EXACT_ALWAYS = 1 << 16,          /* ... and as many values are always fine */
	STRIPE = 1024,                   /* rows hashed at once */
};

struct spk_key_filter {
	struct spk_memory_account *account;
	bool integer, exact;
	int64_t min, max;                /* integer; min > max: no value at all */
	uint64_t *word;
	size_t words;                    /* Bloom: a power of two. 0: min and max say it all */
};

/* --- values --- */

static inline int64_t integer_at(const void *data, uint32_t slot, int width)
{
	switch (width) {
	case 2: return ((const int16_t *)data)[slot];
	case 4: return ((const int32_t *)data)[slot];
	default: return ((const int64_t *)data)[slot];
	}
}

/* Three bits of a word, by the low bits of the hash; the word by the high ones. */
static inline uint64_t bloom_bits(uint64_t hash)
{
	return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63) | UINT64_C(1) << (hash >> 12 & 63);
}

static inline size_t bloom_word(const struct spk_key_filter *f, uint64_t hash) { return (size_t)(hash >> 20) & (f->words - 1); }

/* --- making --- */

static void find_range(struct spk_key_filter *f, const struct spk_vector *v, uint32_t rows)
{
	int width = spk_type_width(v->type);

	f->min = INT64_MAX;
	f->max = INT64_MIN;
	for (uint32_t i = 0; i < rows; i++) {
		int64_t x = integer_at(v->data, i, width);

		if (v->valid && !spk_bit(v->valid, (int)i))
			continue;
		f->min = x < f->min ? x : f->min;
		f->max = x > f->max ? x : f->max;
	}
}

/* The size, in words; exact where the values lie close together. */
static void choose_size(struct spk_key_filter *f, uint32_t rows)
{
	uint64_t range = f->integer ? (uint64_t)f->max - (uint64_t)f->min : UINT64_MAX;

	f->exact = f->integer && (range < EXACT_ALWAYS || range < (uint64_t)rows * EXACT_PER_ROW);
	if (f->exact) {
		f->words = (size_t)range / 64 + 1;
		return;
	}
	f->words = 64;
	while (f->words * 64 < (size_t)rows * BITS_PER_ROW)
		f->words *= 2;
}

static void set_exact(struct spk_key_filter *f, const struct spk_vector *v, uint32_t rows)
{
	int width = spk_type_width(v->type);

	for (uint32_t i = 0; i < rows; i++) {
		uint64_t at;

		if (v->valid && !spk_bit(v->valid, (int)i))
			continue;
		at = (uint64_t)integer_at(v->data, i, width) - (uint64_t)f->min;
		f->word[at / 64] |= UINT64_C(1) << at % 64;
	}
}

/* A part of the column's rows: a vector counts from 0. */
static void set_bloom(struct spk_key_filter *f, const struct spk_vector *v, uint32_t rows)
{
	uint64_t hash[STRIPE];
	int32_t sel[STRIPE];

	for (uint32_t from = 0; from < rows; from += STRIPE) {
		int n = 0;

		for (uint32_t i = from; i < SPK_MIN(rows, from + STRIPE); i++)
			if (!v->valid || spk_bit(v->valid, (int)i))
				sel[n++] = (int32_t)i;
		spk_hash_column(v, sel, n, hash);
		for (int i = 0; i < n; i++)
			f->word[bloom_word(f, hash[i])] |= bloom_bits(hash[i]);
	}
}

static spk_status fill(struct spk_key_filter *f, const struct spk_vector *v, uint32_t rows, spk_error *err)
{
	f->integer = spk_join_key_is_integer(v->type);
	if (f->integer)
		find_range(f, v, rows);
	if (f->integer && f->min > f->max)
		return SPK_OK;
	choose_size(f, rows);
	f->word = spk_calloc(f->account, f->words * sizeof *f->word);
	SPK_TRY_PTR(f->word, err);
	if (f->exact)
		set_exact(f, v, rows);
	else
		set_bloom(f, v, rows);
	return SPK_OK;
}

void spk_key_filter_free(struct spk_key_filter *f)
{
	if (!f)
		return;
	if (f->word)
		spk_free(f->account, f->word, f->words * sizeof *f->word);
	spk_free(f->account, f, sizeof *f);
}

spk_status spk_key_filter_new(struct spk_key_filter **out, const struct spk_join_table *t, int key, struct spk_memory_account *account, spk_error *err)
{
	struct spk_key_filter *f = spk_calloc(account, sizeof *f);
	spk_error own = { 0 };
	spk_status status;

	*out = NULL;
	if (f)
		f->account = account;
	status = f ? fill(f, t->key[key].vector, t->rows, &own) : spk_fail_memory(&own);
	if (status == SPK_OK) {
		*out = f;
		return SPK_OK;
	}
	spk_key_filter_free(f);
	if (status == SPK_MEMORY_LIMIT)
		return SPK_OK;
	if (err)
		*err = own;
	return status;
}

/* --- asking --- */

/* One loop per width, without a branch but the valid bit's. */
#define KEEP_INTEGERS(type, name) \
	static int name(const struct spk_key_filter *f, const struct spk_reader *r, int32_t *sel, int n) \
	{ \
		const type *data = r->data; \
		const uint64_t range = (uint64_t)f->max - (uint64_t)f->min; \
		int kept = 0; \
		\
		for (int i = 0; i < n; i++) { \
			int32_t row = sel[i]; \
			uint32_t slot = spk_reader_slot(r, row); \
			uint64_t at = (uint64_t)(int64_t)data[slot] - (uint64_t)f->min, in = at <= range ? at : 0; \
			\
			sel[kept] = row; \
			kept += at <= range && (!f->exact || (f->word[in / 64] >> in % 64 & 1)) && spk_reader_valid(r, slot); \
		} \
		return kept; \
	}
KEEP_INTEGERS(int16_t, keep_i16)
KEEP_INTEGERS(int32_t, keep_i32)
KEEP_INTEGERS(int64_t, keep_i64)
#undef KEEP_INTEGERS

static int keep_integers(const struct spk_key_filter *f, const struct spk_vector *v, int32_t *sel, int n)
{
	struct spk_reader r = spk_vector_reader(v);

	switch (spk_type_width(v->type)) {
	case 2: return keep_i16(f, &r, sel, n);
	case 4: return keep_i32(f, &r, sel, n);
	default: return keep_i64(f, &r, sel, n);
	}
}

static int keep_hashes(const struct spk_key_filter *f, const struct spk_vector *v, int32_t *sel, int n)
{
	struct spk_reader r = spk_vector_reader(v);
	uint64_t hash[STRIPE];
	int kept = 0;

	for (int from = 0; from < n; from += STRIPE) {
		int some = SPK_MIN(n - from, STRIPE);

		spk_hash_column(v, sel + from, some, hash);
		for (int i = 0; i < some; i++) {
			int32_t row = sel[from + i];
			uint64_t bits = bloom_bits(hash[i]);

			sel[kept] = row;
			kept += (f->word[bloom_word(f, hash[i])] & bits) == bits && spk_reader_valid(&r, spk_reader_slot(&r, row));
		}
	}
	return kept;
}

int spk_key_filter_keep(const struct spk_key_filter *f, const struct spk_vector *v, int32_t *sel, int n)
{
	if (f->integer && f->min > f->max)
		return 0;
	if (f->integer)
		n = keep_integers(f, v, sel, n);
	return f->exact ? n : keep_hashes(f, v, sel, n);
}
