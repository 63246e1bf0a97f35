/* A small cache in front of a table of groups. See group_cache.h. */
#include "batch/operator/group_cache.h"

enum { ENTRY_BITS = 10, ENTRIES = 1 << ENTRY_BITS, PAUSE = 64, TRIAL_ROWS = 1024 };

/* Words that a value takes; 0: it cannot be packed. */
static int words_of(struct spk_type type)
{
	switch (type.id) {
	case SPK_TYPE_BOOLEAN:
	case SPK_TYPE_SMALLINT:
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_DATE:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: return 1;
	case SPK_TYPE_DECIMAL: return type.scale >= 0 ? 2 : 0;
	case SPK_TYPE_TEXT:
	case SPK_TYPE_BYTEA: return 2;
	default: return 0;
	}
}

spk_status spk_group_cache_init(struct spk_group_cache *c, const struct spk_type *type, int columns, struct spk_arena *arena, spk_error *err)
{
	int words = 1;

	*c = (struct spk_group_cache){ .columns = columns };
	for (int i = 0; i < columns; i++) {
		if (!words_of(type[i]))
			return SPK_OK;
		words += words_of(type[i]);
	}
	if (columns == 0 || columns > 64 || words > SPK_CACHE_WORDS)
		return SPK_OK;
	c->entry = SPK_NEW_ARRAY(arena, uint64_t, ENTRIES * words);
	c->number = SPK_NEW_ARRAY(arena, uint32_t, ENTRIES);
	SPK_TRY_PTR(c->entry && c->number, err);
	c->words = words;
	spk_group_cache_clear(c);
	return SPK_OK;
}

void spk_group_cache_clear(struct spk_group_cache *c)
{
	if (c->words)
		memset(c->number, 0xff, ENTRIES * sizeof *c->number);
	c->pause = 0;
}

bool spk_group_cache_begin(struct spk_group_cache *c)
{
	c->rows = c->misses = 0;
	if (c->words == 0 || c->pause > 0) {
		c->pause -= c->pause > 0;
		return false;
	}
	return true;
}

/* --- packing --- */

struct strip { const struct spk_reader *r; const int32_t *sel; int from, n; uint64_t *nulls; uint64_t bit; };

/* Loops over a strip; `v` is the value's address. NULLs are noted, and pack as zeros. */
#define PACK(T, BODY) \
	do { \
		for (int i = 0; i < s->n; i++) { \
			const uint32_t slot = spk_reader_slot(s->r, s->sel ? s->sel[i] : s->from + i); \
			const bool valid = spk_reader_valid(s->r, slot); \
			const T *v = (const T *)s->r->data + slot; \
			const uint64_t keep = valid ? ~0ull : 0; \
			\
			s->nulls[i] |= valid ? 0 : s->bit; \
			BODY \
		} \
	} while (0)

static void pack_one(const struct strip *s, enum spk_type_id id, uint64_t *a)
{
	switch (id) {
	case SPK_TYPE_BOOLEAN: PACK(uint8_t, { a[i] = *v & keep; }); break;
	case SPK_TYPE_SMALLINT: PACK(int16_t, { a[i] = (uint64_t)*v & keep; }); break;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: PACK(int32_t, { a[i] = (uint64_t)*v & keep; }); break;
	default: PACK(int64_t, { a[i] = (uint64_t)*v & keep; });
	}
}

struct two_words { uint64_t a, b; };

/* Numerics, and texts that lie in their views whole: padded with zeros. False: there is a longer one. */
static bool pack_two(const struct strip *s, bool text, uint64_t *a, uint64_t *b)
{
	uint64_t longest = 0;

	PACK(struct two_words, {
		const uint64_t length = (uint32_t)v->a & keep;

		longest |= length > SPK_VIEW_INLINE;
		a[i] = v->a & keep;
		b[i] = v->b & keep;
	});
	return !text || !longest;
}

bool spk_group_cache_pack(struct spk_group_cache *c, const struct spk_batch *keys, const int32_t *sel, int from, int n, struct spk_packed *p)
{
	int w = 1;

	memset(p->word[0], 0, sizeof(p->word[0][0]) * (size_t)n);
	for (int k = 0; k < c->columns; k++) {
		const struct spk_reader r = spk_vector_reader(&keys->column[k]);
		const struct strip s = { &r, sel, from, n, p->word[0], 1ull << k };
		const struct spk_type type = keys->column[k].type;

		if (words_of(type) == 1) {
			pack_one(&s, type.id, p->word[w++]);
			continue;
		}
		if (!pack_two(&s, spk_type_is_view(type), p->word[w], p->word[w + 1])) {
			c->pause = PAUSE;
			return false;
		}
		w += 2;
	}
	return true;
}

/* --- looking up --- */

static void choose_entries(const struct spk_group_cache *c, struct spk_packed *p, int n)
{
	uint64_t mixed[SPK_CACHE_STRIP] = { 0 };

	for (int w = 0; w < c->words; w++)
		for (int i = 0; i < n; i++)
			mixed[i] = ((mixed[i] << 31 | mixed[i] >> 33) ^ p->word[w][i]) * 0x9e3779b97f4a7c15ull;
	for (int i = 0; i < n; i++)
		p->entry[i] = (uint32_t)(mixed[i] >> (64 - ENTRY_BITS));
}

int spk_group_cache_find(struct spk_group_cache *c, struct spk_packed *p, int n, uint32_t *number, int32_t *miss)
{
	int misses = 0;

	choose_entries(c, p, n);
	for (int i = 0; i < n; i++) {
		const uint64_t *entry = c->entry + (size_t)p->entry[i] * (size_t)c->words;
		uint64_t differs = 0;

		for (int w = 0; w < c->words; w++)
			differs |= entry[w] ^ p->word[w][i];
		number[i] = c->number[p->entry[i]];
		if (differs || number[i] == UINT32_MAX)
			miss[misses++] = i;
	}
	c->rows += n;
	c->misses += misses;
	return misses;
}

void spk_group_cache_put(struct spk_group_cache *c, const struct spk_packed *p, int i, uint32_t number)
{
	for (int w = 0; w < c->words; w++)
		c->entry[(size_t)p->entry[i] * (size_t)c->words + (size_t)w] = p->word[w][i];
	c->number[p->entry[i]] = number;
}

bool spk_group_cache_pays(struct spk_group_cache *c)
{
	if (c->rows < TRIAL_ROWS || c->misses * 2 < c->rows)
		return true;
	c->pause = PAUSE;
	return false;
}
