/* Cells in the order of their shards and keys. */
#include "core/base/check.h"
#include "core/columnar/hash.h"
#include "state/internal.h"

/* How many bytes all keys have in common at their start. Often many: a window's keys begin with its time. */
static uint32_t common_prefix(const struct spk_sorted_cell *cells, size_t count)
{
	const struct spk_cell *first = cells[0].cell;
	uint32_t common = first->key_size;

	for (size_t i = 1; i < count && common; i++) {
		const struct spk_cell *c = cells[i].cell;
		uint32_t n = SPK_MIN(common, c->key_size), same = 0;

		if (i + SPK_CELLS_AHEAD < count)
			spk_cell_prefetch(cells[i + SPK_CELLS_AHEAD].cell);
		if (c->key_size >= common && memcmp(first->bytes, c->bytes, common) == 0)
			continue;
		while (same < n && first->bytes[same] == c->bytes[same])
			same++;
		common = same;
	}
	return common;
}

int spk_compare_keys(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t common = SPK_MIN(a_size, b_size);
	int c = common ? memcmp(a, b, common) : 0;

	return c ? c : (a_size > b_size) - (a_size < b_size);
}

static int compare_cells(const void *left, const void *right)
{
	const struct spk_sorted_cell *a = left, *b = right;

	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	return spk_compare_keys(a->cell->bytes, a->cell->key_size, b->cell->bytes, b->cell->key_size);
}

/* Below this a comparison sort is as good. */
enum { RADIX_FROM = 256 };

/* One stable pass by a byte of the prefix, or by the shard (byte 8). False, and nothing done, when all have the same. */
static bool radix_pass(const struct spk_sorted_cell *from, struct spk_sorted_cell *to, size_t count, int byte)
{
	size_t start[256] = { 0 }, at = 0;
#define DIGIT(cell) (byte == 8 ? (unsigned)(cell)->shard : (unsigned)((cell)->prefix >> byte * 8 & 255))
	for (size_t i = 0; i < count; i++)
		start[DIGIT(&from[i])]++;
	if (start[DIGIT(&from[0])] == count)
		return false;
	for (int d = 0; d < 256; d++) {
		size_t n = start[d];

		start[d] = at;
		at += n;
	}
	for (size_t i = 0; i < count; i++)
		to[start[DIGIT(&from[i])]++] = from[i];
#undef DIGIT
	return true;
}

static void sort_run(struct spk_sorted_cell *cells, struct spk_sorted_cell *spare, size_t count);

/* By (shard, prefix), least significant byte first; then what is alike in both by the bytes behind these. `spare` has room for all. */
static void radix_sort(struct spk_sorted_cell *cells, struct spk_sorted_cell *spare, size_t count)
{
	struct spk_sorted_cell *from = cells, *to = spare;

	for (int byte = 0; byte <= 8; byte++)
		if (radix_pass(from, to, count, byte)) {
			struct spk_sorted_cell *swap = from;

			from = to;
			to = swap;
		}
	if (from != cells)
		memcpy(cells, from, count * sizeof(*cells));
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && cells[end].prefix == cells[i].prefix && cells[end].shard == cells[i].shard; end++)
			;
		/* All of them again: keys that differ in zeros at their end alone. */
		if (end - i == count)
			qsort(cells, count, sizeof(*cells), compare_cells);
		else if (end - i > 1)
			sort_run(cells + i, spare, end - i);
	}
}

static void sort_run(struct spk_sorted_cell *cells, struct spk_sorted_cell *spare, size_t count)
{
	const uint32_t skip = common_prefix(cells, count);

	for (size_t i = 0; i < count; i++) {
		if (i + SPK_CELLS_AHEAD < count)
			spk_cell_prefetch(cells[i + SPK_CELLS_AHEAD].cell);
		cells[i].prefix = spk_row_key_word(cells[i].cell->bytes, cells[i].cell->key_size, skip);
	}
	if (count >= RADIX_FROM)
		radix_sort(cells, spare, count);
	else
		qsort(cells, count, sizeof(*cells), compare_cells);
}

void spk_sort_cells(struct spk_sorted_cell *cells, struct spk_sorted_cell *spare, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cells[i].shard = spk_shard_of(cells[i].cell->hash).value;
	if (count > 1)
		sort_run(cells, spare, count);
}
