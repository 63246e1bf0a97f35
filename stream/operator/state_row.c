/*
 * State rows of aggregates as the table's values. Most of their words are small counts, or padding, so each is written without its leading zero
 * bytes: in pairs, the lengths of both in one byte (the first one's in its low half), then their bytes, little-endian. States that are no plain words
 * follow the count as spk_groups_write_states has them.
 */
#include "stream/operator/stream_operators.h"

enum { WORD = 8 };

static int significant(uint64_t word) { return word ? WORD - __builtin_clzll(word) / 8 : 0; }

/* Most bytes of so many words; each is stored whole before the next one is put over its end. */
static size_t room_for(size_t words) { return words * WORD + (words + 1) / 2 + WORD; }

static char *put_word(char *to, uint64_t word, int size)
{
	memcpy(to, &word, sizeof word);
	return to + size;
}

/* The first of the words stands alone, the others lie behind each other in `rest`. */
static char *pack(char *to, uint64_t first, const char *rest, size_t words)
{
	for (size_t i = 0; i < words; i += 2) {
		uint64_t a = first, b = 0;
		int a_size, b_size;

		if (i)
			memcpy(&a, rest + (i - 1) * WORD, sizeof a);
		if (i + 1 < words)
			memcpy(&b, rest + i * WORD, sizeof b);
		a_size = significant(a);
		b_size = significant(b);
		*to++ = (char)(a_size | b_size << 4);
		to = put_word(put_word(to, a, a_size), b, b_size);
	}
	return to;
}

static bool take_word(const char **at, const char *end, int size, uint64_t *word)
{
	const ptrdiff_t left = end - *at;

	*word = 0;
	if (size > WORD || size > left)
		return false;
	if (left >= WORD && size) {
		memcpy(word, *at, sizeof *word);
		*word &= UINT64_MAX >> (64 - 8 * size);
	} else {
		memcpy(word, *at, (size_t)size);
	}
	*at += size;
	return true;
}

static bool unpack(const char **at, const char *end, uint64_t *first, char *rest, size_t words)
{
	for (size_t i = 0; i < words; i += 2) {
		uint64_t a, b;
		int sizes;

		if (*at == end)
			return false;
		sizes = (unsigned char)*(*at)++;
		if (!take_word(at, end, sizes & 15, &a) || !take_word(at, end, sizes >> 4, &b))
			return false;
		if (i)
			memcpy(rest + (i - 1) * WORD, &a, sizeof a);
		else
			*first = a;
		if (i + 1 < words)
			memcpy(rest + i * WORD, &b, sizeof b);
	}
	return true;
}

static size_t words_of(const struct spk_groups *g) { return g->plain ? 1 + (size_t)g->plan->state_size / WORD : 1; }

spk_status spk_state_row_write(const struct spk_groups *g, int64_t count, const char *states, struct spk_buffer *out, spk_error *err)
{
	const size_t words = words_of(g);

	SPK_TRY(spk_buffer_reserve(out, room_for(words), err));
	out->size = (size_t)(pack(out->data + out->size, (uint64_t)count, states, words) - out->data);
	return g->plain ? SPK_OK : spk_groups_write_states(g, states, out, err);
}

spk_status spk_state_row_split(const struct spk_groups *g, const char **value, uint32_t *size, int64_t *count, char *states, spk_error *err)
{
	const char *at = *value, *end = at + *size;
	uint64_t first;

	if (!unpack(&at, end, &first, states, words_of(g)))
		return spk_fail(err, SPK_CORRUPT, "state of an aggregate has %u bytes, too few", *size);
	*count = (int64_t)first;
	*size = (uint32_t)(end - at);
	*value = at;
	if (g->plain && *size)
		return spk_fail(err, SPK_CORRUPT, "state of an aggregate has %u bytes too many", *size);
	return SPK_OK;
}
