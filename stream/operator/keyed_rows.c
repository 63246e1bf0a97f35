/* Rows kept by key, in pages. See keyed_rows.h; the state table's side of it is in keyed_pages.c, what goes by hash in hashed_rows.c. */
#include "stream/operator/keyed_pages.h"

#include "core/base/check.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"

/* Rows from which on looking for one goes by their hash. */
enum { INDEXED = 24 };

/* --- reading --- */

spk_status spk_keyed_rows_open(struct spk_keyed_rows *k, struct spk_row_group *group, int n, struct spk_arena *arena, spk_error *err)
{
	struct spk_rows_requests *p = spk_rows_requests(k);

	SPK_TRY_PTR(p, err);
	for (int i = 0; i < n; i++)
		if (!k->filter || spk_bucket_filter_may(k->filter, group[i].bucket, group[i].hash))
			SPK_TRY(spk_rows_request(k, p, &group[i], 0, arena, err));
	return spk_rows_get(k, p, arena, err);
}

static spk_status request_pages(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t from, uint32_t to, struct spk_arena *arena, spk_error *err)
{
	for (uint32_t page = from; page < to; page++)
		SPK_TRY(spk_rows_request(k, p, g, page, arena, err));
	return SPK_OK;
}

static spk_status request_wanted(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, enum spk_rows_wanted wanted, struct spk_arena *arena, spk_error *err)
{
	switch (wanted) {
	case SPK_ROWS_NONE:
		return SPK_OK;
	case SPK_ROWS_LAST:
		SPK_ASSERT(!k->by_hash, "there is no page that rows are added to");
		return request_pages(k, p, g, SPK_MAX(g->stored, 2u) - 1, g->stored, arena, err);
	case SPK_ROWS_ASKED:
		SPK_TRY(spk_hashed_rows_settle(g, arena, err));
		for (uint32_t i = 0; i < g->asks; i++)
			if (g->asked[i])
				SPK_TRY(spk_rows_request(k, p, g, g->asked[i], arena, err));
		return SPK_OK;
	case SPK_ROWS_ALL:
		break;
	}
	return request_pages(k, p, g, 1, g->stored, arena, err);
}

spk_status spk_keyed_rows_load(struct spk_keyed_rows *k, struct spk_row_group *group, const enum spk_rows_wanted *wanted, int n, struct spk_arena *arena, spk_error *err)
{
	struct spk_rows_requests *p = spk_rows_requests(k);

	SPK_TRY_PTR(p, err);
	for (int i = 0; i < n; i++)
		SPK_TRY(request_wanted(k, p, &group[i], wanted[i], arena, err));
	return spk_rows_get(k, p, arena, err);
}

spk_status spk_keyed_rows_piece(struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_row_group *open, const uint32_t *page, uint32_t pages, struct spk_arena *arena, spk_error *err)
{
	struct spk_rows_requests *p = spk_rows_requests(k);

	SPK_TRY_PTR(p, err);
	*g = (struct spk_row_group){ .key = open->key, .key_size = open->key_size, .hash = open->hash, .bucket = open->bucket, .total_before = open->total_before, .total = open->total_before,
		.stored = open->stored, .pages = open->stored, .bytes = open->bytes, .bytes_before = open->bytes_before, .piece = true };
	for (uint32_t i = 0; i < pages; i++)
		SPK_TRY(spk_rows_request(k, p, g, page[i], arena, err));
	return spk_rows_get(k, p, arena, err);
}

uint32_t spk_row_group_page_weight(const struct spk_keyed_rows *k, const struct spk_row_group *g)
{
	const struct spk_rows_page *first = spk_rows_page(g, 0);
	const int64_t bytes = !first || !g->stored ? 0 : k->by_hash ? g->bytes / g->stored : first->bytes;

	return (uint32_t)SPK_MIN(bytes / SPK_ROWS_PAGE_BYTES + 1, (int64_t)1 << 20);
}

/* --- changing --- */

static bool same_row(const struct spk_kept_row *row, const char *bytes, uint32_t size)
{
	return row->size == size && memcmp(row->bytes, bytes, size) == 0;
}

static spk_status make_index(struct spk_row_group *g, struct spk_arena *arena, spk_error *err)
{
	uint32_t capacity = 64;

	while (capacity < 2 * g->rows)
		capacity *= 2;
	g->index = SPK_NEW_ARRAY(arena, uint32_t, capacity);
	SPK_TRY_PTR(g->index, err);
	g->index_mask = capacity - 1;
	for (uint32_t i = 0; i < g->rows; i++) {
		uint32_t at = (uint32_t)spk_hash_bytes(g->row[i].bytes, g->row[i].size) & g->index_mask;

		while (g->index[at])
			at = (at + 1) & g->index_mask;
		g->index[at] = i + 1;
	}
	return SPK_OK;
}

static int64_t take_from(struct spk_row_group *g, uint32_t i, int64_t weight)
{
	int64_t taken = SPK_MIN(weight, SPK_MAX(g->row[i].weight, 0));

	g->row[i].weight -= taken;
	return taken;
}

spk_status spk_row_group_take(const struct spk_keyed_rows *k, struct spk_row_group *g, const char *bytes, uint32_t size, int64_t weight, int64_t *taken, struct spk_arena *arena, spk_error *err)
{
	*taken = 0;
	if (k->by_hash) {
		spk_hashed_rows_take(k, g, bytes, size, weight, taken);
	} else if (g->rows >= INDEXED) {
		if (!g->index)
			SPK_TRY(make_index(g, arena, err));
		for (uint32_t at = (uint32_t)spk_hash_bytes(bytes, size) & g->index_mask; g->index[at] && *taken < weight; at = (at + 1) & g->index_mask)
			if (same_row(&g->row[g->index[at] - 1], bytes, size))
				*taken += take_from(g, g->index[at] - 1, weight - *taken);
	} else {
		for (uint32_t i = 0; i < g->rows && *taken < weight; i++)
			if (same_row(&g->row[i], bytes, size))
				*taken += take_from(g, i, weight - *taken);
	}
	g->total -= *taken;
	g->changed = g->changed || *taken;
	return SPK_OK;
}

/* Behind the others. */
static spk_status add_last(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err)
{
	const uint32_t bytes = spk_kept_row_bytes(k, row->size);
	struct spk_rows_page *last = g->loaded ? &g->page[g->loaded - 1] : NULL;

	SPK_ASSERT(!g->pages || (last && last->number == g->pages - 1), "rows are added to a page that was read");
	if (!last || (last->first && last->bytes + bytes > SPK_ROWS_PAGE_BYTES))
		SPK_TRY(spk_rows_page_new(g, g->pages++, arena, &last, err));
	last->dirty = true;
	SPK_TRY(spk_rows_append(g, row, arena, err));
	spk_rows_link(k, g, last, g->rows - 1);
	return SPK_OK;
}

spk_status spk_row_group_add(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err)
{
	g->changed = true;
	g->total += row->weight;
	if (k->totals_only)
		return SPK_OK;
	return k->by_hash ? spk_hashed_rows_add(k, g, row, arena, err) : add_last(k, g, row, arena, err);
}

/* --- writing --- */

static bool row_changed(const struct spk_keyed_rows *k, const struct spk_kept_row *row)
{
	return row->weight != row->weight_before || (k->met && row->met != row->met_before);
}

/* Marks the pages of rows that changed; the bytes of what is left of those at hand. */
static int64_t find_dirty(const struct spk_keyed_rows *k, struct spk_row_group *g)
{
	int64_t left = 0;

	for (uint32_t i = 0; i < g->loaded; i++)
		for (uint32_t r = g->page[i].first; r; r = g->row[r - 1].next) {
			const struct spk_kept_row *row = &g->row[r - 1];

			g->page[i].dirty = g->page[i].dirty || row_changed(k, row);
			left += row->weight ? spk_kept_row_bytes(k, row->size) : 0;
		}
	return left;
}

/* Puts all rows that are left, of pages that are all at hand, into as few pages as they need. */
static void repack(const struct spk_keyed_rows *k, struct spk_row_group *g)
{
	uint32_t pages = 0;

	for (uint32_t i = 0; i < g->rows; i++) {
		if (!g->row[i].weight)
			continue;
		if (pages == 0 || g->page[pages - 1].bytes + spk_kept_row_bytes(k, g->row[i].size) > SPK_ROWS_PAGE_BYTES) {
			g->page[pages] = (struct spk_rows_page){ .number = pages, .dirty = true };
			pages++;
		}
		spk_rows_link(k, g, &g->page[pages - 1], i);
	}
	g->pages = g->loaded = pages;
}

/* Pages that changed, page 0 in any case: it has the totals. */
static spk_status write_pages(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, struct spk_arena *arena, spk_error *err)
{
	if (!g->piece && !spk_rows_page(g, 0))
		SPK_TRY(spk_rows_put_page(k, p, g, 0, NULL, arena, err));
	for (uint32_t i = 0; i < g->loaded; i++)
		if (g->page[i].dirty || (!g->piece && g->page[i].number == 0))
			SPK_TRY(spk_rows_put_page(k, p, g, g->page[i].number, &g->page[i], arena, err));
	return SPK_OK;
}

static spk_status write_group(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, struct spk_arena *arena, spk_error *err)
{
	const int64_t left = find_dirty(k, g);
	const bool whole = g->loaded == g->pages;
	uint32_t keeps = 0;

	if (g->piece)
		return write_pages(k, p, g, arena, err);
	if (k->by_hash)
		spk_hashed_rows_shrink(k, g);
	else if (whole && g->pages > 1 && left < (int64_t)g->pages * SPK_ROWS_PAGE_BYTES * 2 / 5)
		repack(k, g);
	if (g->total || k->stays || (k->by_hash ? g->bytes > 0 : left || !whole)) {
		keeps = SPK_MAX(g->pages, 1u);
		SPK_TRY(write_pages(k, p, g, arena, err));
	}
	for (uint32_t i = keeps; i < SPK_MAX(g->stored, 1u); i++)
		SPK_TRY(spk_rows_put_gone(k, p, g, i, arena, err));
	return SPK_OK;
}

/* What rows meet may change where they do not: `changed` says nothing of that. */
static bool has_changed(const struct spk_keyed_rows *k, const struct spk_row_group *g)
{
	for (uint32_t i = 0; k->met && i < g->rows && !g->changed; i++)
		if (g->row[i].met != g->row[i].met_before)
			return true;
	return g->changed;
}

spk_status spk_keyed_rows_write(struct spk_keyed_rows *k, struct spk_row_group *group, int n, struct spk_arena *arena, spk_error *err)
{
	struct spk_rows_requests *p = spk_rows_requests(k);

	SPK_TRY_PTR(p, err);
	spk_buffer_clear(&k->bytes);
	for (int i = 0; i < n; i++) {
		if (!has_changed(k, &group[i]))
			continue;
		if (k->filter)
			SPK_TRY(spk_bucket_filter_add(k->filter, group[i].bucket, group[i].hash, err));
		SPK_TRY(write_group(k, p, &group[i], arena, err));
	}
	return spk_rows_put(k, p, err);
}

spk_status spk_keyed_rows_put_first(struct spk_keyed_rows *k, struct spk_row_group *group, const struct spk_kept_row *row, int n, struct spk_arena *arena, spk_error *err)
{
	struct spk_rows_requests *p = spk_rows_requests(k);

	SPK_TRY_PTR(p, err);
	spk_buffer_clear(&k->bytes);
	for (int i = 0; i < n; i++) {
		if (k->filter)
			SPK_TRY(spk_bucket_filter_add(k->filter, group[i].bucket, group[i].hash, err));
		SPK_TRY(spk_rows_put_first(k, p, &group[i], &row[i], arena, err));
	}
	return spk_rows_put(k, p, err);
}

spk_status spk_keyed_rows_forget(struct spk_keyed_rows *k, struct spk_row_group *group, int n, struct spk_arena *arena, spk_error *err)
{
	struct spk_rows_requests *p;

	SPK_TRY(spk_keyed_rows_open(k, group, n, arena, err));
	SPK_TRY_PTR(p = spk_rows_requests(k), err);
	spk_buffer_clear(&k->bytes);
	for (int i = 0; i < n; i++)
		for (uint32_t page = 0; page < group[i].stored; page++)
			SPK_TRY(spk_rows_put_gone(k, p, &group[i], page, arena, err));
	return spk_rows_put(k, p, err);
}

void spk_keyed_rows_release(struct spk_keyed_rows *k)
{
	spk_rows_requests_release(k);
	spk_buffer_release(&k->bytes);
}
