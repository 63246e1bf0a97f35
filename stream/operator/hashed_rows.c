/*
 * Kept rows whose page is said by their hash. See keyed_rows.h.
 *
 * Of n pages, 2^l <= n < 2^(l+1), a row is in the page that the last l + 1 bits of its hash number, or, where there is no such page yet, the last l. So page n, when
 * it is made, gets its rows from one page (its source), the one with its number without the first bit; and gives them back to that.
 */
#include "stream/operator/keyed_pages.h"

#include <stdlib.h>

#include "core/base/check.h"
#include "core/columnar/hash.h"

/* Bytes of rows for each page: with more there will be one more page, with less one less. */
enum { MOST = SPK_ROWS_PAGE_BYTES * 3 / 4, LEAST = SPK_ROWS_PAGE_BYTES / 4 };

static uint32_t first_bit(uint32_t n) { return 1u << (31 - (uint32_t)__builtin_clz(n)); }

static uint32_t page_of(uint64_t hash, uint32_t pages)
{
	const uint32_t mask = pages > 1 ? 2 * first_bit(pages - 1) - 1 : 0, page = (uint32_t)hash & mask;

	return page < pages ? page : page & (mask >> 1);
}

static uint32_t page_of_row(const struct spk_kept_row *row, uint32_t pages) { return page_of(spk_hash_bytes(row->bytes, row->size), pages); }

/* Of page n > 0. */
static uint32_t source_of(uint32_t page) { return page & ~first_bit(page); }

uint32_t spk_row_group_page(const struct spk_row_group *g, const char *bytes, uint32_t size)
{
	return g->stored > 1 ? page_of(spk_hash_bytes(bytes, size), g->stored) : 0;
}

/* --- what must be read --- */

static spk_status ask(struct spk_row_group *g, uint32_t page, struct spk_arena *arena, spk_error *err)
{
	if (g->asks == g->ask_capacity) {
		const uint32_t capacity = SPK_MAX(2 * g->ask_capacity, 8u);
		uint32_t *grown = spk_arena_alloc(arena, capacity * sizeof *grown);

		SPK_TRY_PTR(grown, err);
		if (g->asks)
			memcpy(grown, g->asked, g->asks * sizeof *grown);
		g->asked = grown;
		g->ask_capacity = capacity;
	}
	g->asked[g->asks++] = page;
	return SPK_OK;
}

spk_status spk_row_group_ask(const struct spk_keyed_rows *k, struct spk_row_group *g, const char *bytes, uint32_t size, bool adds, struct spk_arena *arena, spk_error *err)
{
	SPK_ASSERT(k->by_hash, "rows are asked for where their hash says where they are");
	if (adds)
		g->coming += spk_kept_row_bytes(k, size);
	else
		g->going++;
	return g->stored > 1 ? ask(g, spk_row_group_page(g, bytes, size), arena, err) : SPK_OK;
}

static int compare_numbers(const void *x, const void *y)
{
	const uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

/* The one that a page, which there is not yet, will get its rows from. */
static uint32_t stored_source(const struct spk_row_group *g, uint32_t page)
{
	while (page >= g->stored)
		page = source_of(page);
	return page;
}

spk_status spk_hashed_rows_settle(struct spk_row_group *g, struct spk_arena *arena, spk_error *err)
{
	uint32_t n = 0, last = g->stored;

	if (g->stored <= 1)
		return SPK_OK;
	for (uint32_t page = g->stored; (int64_t)page * MOST < g->bytes + g->coming && page - g->stored < g->stored; page++)
		SPK_TRY(ask(g, stored_source(g, page), arena, err));
	/* Two for each row that goes: pages become fewer faster than rows do. */
	for (uint64_t i = 0; i < 2 * (uint64_t)g->going && last > 1 && g->bytes < (int64_t)last * LEAST; i++) {
		SPK_TRY(ask(g, --last, arena, err));
		SPK_TRY(ask(g, source_of(last), arena, err));
	}
	if (g->asks)
		qsort(g->asked, g->asks, sizeof *g->asked, compare_numbers);
	for (uint32_t i = 0; i < g->asks; i++)
		if (!n || g->asked[i] != g->asked[n - 1])
			g->asked[n++] = g->asked[i];
	g->asks = n;
	return SPK_OK;
}

/* --- pages that part and become one --- */

/* Puts the rows of a page where they belong now: there, or into `other`. */
static void part(const struct spk_keyed_rows *k, struct spk_row_group *g, struct spk_rows_page *p, struct spk_rows_page *other)
{
	uint32_t row = p->first, next;

	*p = (struct spk_rows_page){ .number = p->number, .dirty = true };
	for (; row; row = next) {
		next = g->row[row - 1].next;
		spk_rows_link(k, g, page_of_row(&g->row[row - 1], g->pages) == p->number ? p : other, row - 1);
	}
}

/* A page more, unless its source is not at hand, which more rows may make up for. */
static spk_status grow(const struct spk_keyed_rows *k, struct spk_row_group *g, struct spk_arena *arena, spk_error *err)
{
	const uint32_t source = source_of(g->pages);
	struct spk_rows_page *added;

	if (!spk_rows_page(g, source))
		return SPK_OK;
	SPK_TRY(spk_rows_page_new(g, g->pages, arena, &added, err));
	added->dirty = true;
	g->pages++;
	part(k, g, spk_rows_page(g, source), added);
	return SPK_OK;
}

void spk_hashed_rows_shrink(const struct spk_keyed_rows *k, struct spk_row_group *g)
{
	while (g->pages > 1 && g->bytes < (int64_t)g->pages * LEAST) {
		struct spk_rows_page *last = spk_rows_page(g, g->pages - 1), *source = spk_rows_page(g, source_of(g->pages - 1));

		if (!last || !source)
			return;
		for (uint32_t row = last->first, next; row; row = next) {
			next = g->row[row - 1].next;
			spk_rows_link(k, g, source, row - 1);
		}
		source->dirty = true;
		g->pages--;
		g->loaded--;             /* the last one is the last of those at hand */
	}
}

/* --- rows --- */

/* From row `at` - 1 of a page on. */
static struct spk_kept_row *find(const struct spk_row_group *g, uint32_t at, const char *bytes, uint32_t size)
{
	for (uint32_t row = at; row; row = g->row[row - 1].next)
		if (g->row[row - 1].size == size && memcmp(g->row[row - 1].bytes, bytes, size) == 0)
			return &g->row[row - 1];
	return NULL;
}

/* A row with nothing left takes no room. */
static void weigh(const struct spk_keyed_rows *k, struct spk_row_group *g, struct spk_kept_row *row, int64_t weight)
{
	g->bytes += (weight ? (int64_t)spk_kept_row_bytes(k, row->size) : 0) - (row->weight ? (int64_t)spk_kept_row_bytes(k, row->size) : 0);
	row->weight = weight;
}

spk_status spk_hashed_rows_add(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err)
{
	const uint64_t hash = spk_hash_bytes(row->bytes, row->size);
	struct spk_rows_page *p = NULL;
	struct spk_kept_row *same;

	if (!g->pages) {
		SPK_TRY(spk_rows_page_new(g, 0, arena, &p, err));
		g->pages = 1;
	}
	p = spk_rows_page(g, page_of(hash, g->pages));
	SPK_ASSERT(p, "a row is added to a page that was asked for");
	/* Where keys of the other side are forgotten, of two same rows one may have met something that the other did not. */
	same = find(g, p->first, row->bytes, row->size);
	while (same && k->met && same->weight && same->met != row->met)
		same = find(g, same->next, row->bytes, row->size);
	if (same) {
		same->met = same->weight ? same->met : row->met;
		weigh(k, g, same, same->weight + row->weight);
		return SPK_OK;
	}
	p->dirty = true;
	SPK_TRY(spk_rows_append(g, row, arena, err));
	spk_rows_link(k, g, p, g->rows - 1);
	g->bytes += spk_kept_row_bytes(k, row->size);
	return g->bytes > (int64_t)g->pages * MOST ? grow(k, g, arena, err) : SPK_OK;
}

void spk_hashed_rows_take(const struct spk_keyed_rows *k, struct spk_row_group *g, const char *bytes, uint32_t size, int64_t weight, int64_t *taken)
{
	const struct spk_rows_page *p = g->pages ? spk_rows_page(g, page_of(spk_hash_bytes(bytes, size), g->pages)) : NULL;
	struct spk_kept_row *row;

	SPK_ASSERT(p || !g->pages, "a row is taken from a page that was asked for");
	*taken = 0;
	for (row = p ? find(g, p->first, bytes, size) : NULL; row && *taken < weight; row = find(g, row->next, bytes, size)) {
		const int64_t here = SPK_MIN(weight - *taken, SPK_MAX(row->weight, 0));

		if (here)
			weigh(k, g, row, row->weight - here);
		*taken += here;
	}
}
