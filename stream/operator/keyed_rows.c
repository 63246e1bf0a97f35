/* Rows kept by key, in pages. See keyed_rows.h. */
#include "stream/operator/keyed_rows.h"

#include "core/base/memory.h"
#include "core/columnar/hash.h"

/* INDEXED: rows from which on looking for one goes by their hash. */
enum { PAGE_BYTES = 2048, INDEXED = 24, HEAD_BYTES = 16 };

struct head { int64_t total; uint32_t pages, zero; };
_Static_assert(sizeof(struct head) == HEAD_BYTES, "the head of page 0");

static uint32_t row_bytes(const struct spk_keyed_rows *k, uint32_t size)
{
	return (uint32_t)(sizeof size + sizeof(int64_t) * (k->met ? 2 : 1)) + size;
}

static spk_status corrupt(spk_error *err)
{
	return spk_fail(err, SPK_CORRUPT, "a page of kept rows does not have the form that it was written in");
}

/* --- requests: pages of several groups at once --- */

struct spk_rows_requests {
	int n;
	struct { struct spk_row_group *group; uint32_t page; } at[SPK_BATCH_ROWS];
	struct spk_view key[SPK_BATCH_ROWS];
	uint64_t hash[SPK_BATCH_ROWS];
	int64_t bucket[SPK_BATCH_ROWS];
	struct spk_state_value value[SPK_BATCH_ROWS];
	uint32_t end[SPK_BATCH_ROWS];    /* writing: of the value in `bytes` */
};

/* None yet; NULL when memory is out. */
static struct spk_rows_requests *no_requests(struct spk_keyed_rows *k)
{
	if (!k->requests)
		k->requests = spk_malloc(k->account, sizeof *k->requests);
	if (k->requests)
		k->requests->n = 0;
	return k->requests;
}

/* The pages of a key are in its shard, but not in one place of the cache's table. */
static uint64_t page_hash(uint64_t hash, uint32_t page)
{
	const uint64_t shard = ~(uint64_t)0 << 58;

	return page ? (hash & shard) | ((hash + page * 0x9e3779b97f4a7c15ull) & ~shard) : hash;
}

static spk_status name_page(const struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t page, struct spk_arena *arena, spk_error *err)
{
	const uint32_t size = g->key_size + 1 + (page ? 4 : 0), number = __builtin_bswap32(page);
	char *key = spk_arena_alloc(arena, size);

	SPK_TRY_PTR(key, err);
	if (g->key_size)
		memcpy(key, g->key, g->key_size);
	key[g->key_size] = k->side;
	if (page)
		memcpy(key + g->key_size + 1, &number, sizeof number);
	p->at[p->n].group = g;
	p->at[p->n].page = page;
	p->hash[p->n] = page_hash(g->hash, page);
	p->bucket[p->n] = g->bucket;
	p->key[p->n++] = spk_view(key, size);
	return SPK_OK;
}

static spk_status encode_keys(const struct spk_rows_requests *p, struct spk_row_keys *keys, spk_error *err)
{
	const struct spk_vector v = { .type = spk_type(SPK_TYPE_BYTEA), .layout = SPK_FLAT, .data = (void *)(uintptr_t)p->key };

	return spk_row_keys_copy(keys, &v, NULL, p->n, err);
}

/* --- reading --- */

static spk_status grow_rows(struct spk_row_group *g, struct spk_arena *arena, spk_error *err)
{
	uint32_t capacity = SPK_MAX(2 * g->row_capacity, 8u);
	struct spk_kept_row *grown;

	if (g->rows < g->row_capacity)
		return SPK_OK;
	grown = SPK_NEW_ARRAY(arena, struct spk_kept_row, capacity);
	SPK_TRY_PTR(grown, err);
	if (g->rows)
		memcpy(grown, g->row, g->rows * sizeof *grown);
	g->row = grown;
	g->row_capacity = capacity;
	return SPK_OK;
}

static spk_status grow_pages(struct spk_row_group *g, uint32_t pages, struct spk_arena *arena, spk_error *err)
{
	uint32_t capacity = SPK_MAX(2 * g->page_capacity, pages);
	struct spk_rows_page *grown;

	if (pages <= g->page_capacity)
		return SPK_OK;
	grown = SPK_NEW_ARRAY(arena, struct spk_rows_page, capacity);
	SPK_TRY_PTR(grown, err);
	if (g->pages)
		memcpy(grown, g->page, g->pages * sizeof *grown);
	g->page = grown;
	g->page_capacity = capacity;
	return SPK_OK;
}

/* The rows of a page behind those that are there. The bytes stay where they are. */
static spk_status read_rows(const struct spk_keyed_rows *k, struct spk_row_group *g, uint32_t page, const char *at, const char *end, struct spk_arena *arena, spk_error *err)
{
	struct spk_rows_page *p = &g->page[page];

	*p = (struct spk_rows_page){ .first = g->rows, .bytes = (uint32_t)(end - at), .loaded = true };
	while (at < end) {
		struct spk_kept_row row = { 0 };

		if ((size_t)(end - at) < row_bytes(k, 0))
			return corrupt(err);
		memcpy(&row.size, at, sizeof row.size);
		memcpy(&row.weight, at + 4, sizeof row.weight);
		if (k->met)
			memcpy(&row.met, at + 12, sizeof row.met);
		at += row_bytes(k, 0);
		if (row.size > (size_t)(end - at))
			return corrupt(err);
		row.bytes = at;
		row.weight_before = row.weight;
		row.met_before = row.met;
		at += row.size;
		SPK_TRY(grow_rows(g, arena, err));
		g->row[g->rows++] = row;
		p->rows++;
	}
	return SPK_OK;
}

static spk_status read_head(const struct spk_keyed_rows *k, struct spk_row_group *g, const char *value, uint32_t size, struct spk_arena *arena, spk_error *err)
{
	struct head head;

	if (size < sizeof head)
		return corrupt(err);
	memcpy(&head, value, sizeof head);
	if (head.pages == 0)
		return corrupt(err);
	g->total = g->total_before = head.total;
	SPK_TRY(grow_pages(g, head.pages, arena, err));
	g->stored = g->pages = head.pages;
	return read_rows(k, g, 0, value + sizeof head, value + size, arena, err);
}

static spk_status get_pages(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_arena *arena, spk_error *err)
{
	struct spk_row_keys keys = { 0 };
	spk_status status = encode_keys(p, &keys, err);

	if (status == SPK_OK)
		status = spk_state_get(k->view, &keys, p->hash, k->bucketed ? p->bucket : NULL, p->value, err);
	spk_row_keys_release(&keys);
	for (int i = 0; i < p->n && status == SPK_OK; i++) {
		struct spk_state_value *v = &p->value[i];
		const char *own = spk_state_found(v) ? spk_arena_copy(arena, v->data, v->size) : NULL;

		if (!spk_state_found(v)) {
			status = p->at[i].page ? corrupt(err) : SPK_OK;
			continue;
		}
		if (!own)
			status = spk_fail_memory(err);
		else if (p->at[i].page)
			status = read_rows(k, p->at[i].group, p->at[i].page, own, own + v->size, arena, err);
		else
			status = read_head(k, p->at[i].group, own, v->size, arena, err);
	}
	p->n = 0;
	return status;
}

spk_status spk_keyed_rows_open(struct spk_keyed_rows *k, struct spk_row_group *group, int n, struct spk_arena *arena, spk_error *err)
{
	struct spk_rows_requests *p = no_requests(k);

	SPK_TRY_PTR(p, err);
	for (int i = 0; i < n; i++)
		SPK_TRY(name_page(k, p, &group[i], 0, arena, err));
	return n ? get_pages(k, p, arena, err) : SPK_OK;
}

/* Rows are in the order of their pages, so page 0 gives way to nothing: what is read comes behind it, page by page. */
spk_status spk_keyed_rows_load(struct spk_keyed_rows *k, struct spk_row_group *group, const enum spk_rows_wanted *wanted, int n, struct spk_arena *arena, spk_error *err)
{
	struct spk_rows_requests *p = no_requests(k);

	SPK_TRY_PTR(p, err);
	for (int i = 0; i < n; i++) {
		const uint32_t last = group[i].pages ? group[i].pages - 1 : 0;

		for (uint32_t page = wanted[i] == SPK_ROWS_ALL ? 1 : SPK_MAX(last, 1u); wanted[i] != SPK_ROWS_NONE && page <= last; page++) {
			if (p->n == SPK_BATCH_ROWS)
				SPK_TRY(get_pages(k, p, arena, err));
			SPK_TRY(name_page(k, p, &group[i], page, arena, err));
		}
	}
	return p->n ? get_pages(k, p, arena, err) : SPK_OK;
}

/* Page 0 has the key's name, and that of a later page is it with the page's number behind: no other key begins so. */
spk_status spk_keyed_rows_gather(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_state_entry *entry, bool *same, struct spk_arena *arena, spk_error *err)
{
	const char *own;
	uint32_t page;

	*same = !g->key || (entry->key_size == g->key_size + sizeof page && memcmp(entry->key, g->key, g->key_size) == 0);
	if (!*same)
		return SPK_OK;
	own = spk_arena_copy(arena, entry->value, entry->value_size);
	SPK_TRY_PTR(own, err);
	if (!g->key) {
		SPK_TRY_PTR(g->key = spk_arena_copy(arena, entry->key, entry->key_size), err);
		g->key_size = entry->key_size;
		return read_head(k, g, own, entry->value_size, arena, err);
	}
	memcpy(&page, entry->key + g->key_size, sizeof page);
	page = __builtin_bswap32(page);
	return page < g->pages ? read_rows(k, g, page, own, own + entry->value_size, arena, err) : corrupt(err);
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

spk_status spk_row_group_take(struct spk_row_group *g, const char *bytes, uint32_t size, int64_t weight, int64_t *taken, struct spk_arena *arena, spk_error *err)
{
	*taken = 0;
	if (g->rows >= INDEXED) {
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

spk_status spk_row_group_add(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err)
{
	const uint32_t bytes = row_bytes(k, row->size);
	struct spk_rows_page *last;

	g->changed = true;
	g->total += row->weight;
	if (k->totals_only)
		return SPK_OK;
	SPK_TRY(grow_pages(g, g->pages + 1, arena, err));
	if (g->pages == 0 || (g->page[g->pages - 1].rows && g->page[g->pages - 1].bytes + bytes > PAGE_BYTES))
		g->page[g->pages++] = (struct spk_rows_page){ .first = g->rows, .loaded = true };
	SPK_TRY(grow_rows(g, arena, err));
	last = &g->page[g->pages - 1];
	SPK_ASSERT(last->loaded, "rows are added to a page that was read");
	last->dirty = true;
	last->rows++;
	last->bytes += bytes;
	g->row[g->rows++] = *row;
	return SPK_OK;
}

/* --- writing --- */

/* Marks the pages of rows that changed; the bytes of what is left of all pages, and whether they were all read. */
static size_t find_dirty(const struct spk_keyed_rows *k, struct spk_row_group *g, bool *whole)
{
	size_t left = 0;

	*whole = true;
	for (uint32_t i = 0; i < g->pages; i++) {
		struct spk_rows_page *p = &g->page[i];

		*whole = *whole && p->loaded;
		for (uint32_t r = p->first; p->loaded && r < p->first + p->rows; r++) {
			const struct spk_kept_row *row = &g->row[r];

			p->dirty = p->dirty || row->weight != row->weight_before || (k->met && row->met != row->met_before);
			left += row->weight ? row_bytes(k, row->size) : 0;
		}
	}
	return left;
}

/* Puts all rows that are left into as few pages as they need. */
static void repack(const struct spk_keyed_rows *k, struct spk_row_group *g)
{
	uint32_t rows = 0, pages = 0;

	for (uint32_t i = 0; i < g->rows; i++) {
		const uint32_t bytes = row_bytes(k, g->row[i].size);

		if (!g->row[i].weight)
			continue;
		if (pages == 0 || g->page[pages - 1].bytes + bytes > PAGE_BYTES)
			g->page[pages++] = (struct spk_rows_page){ .first = rows, .loaded = true, .dirty = true };
		g->page[pages - 1].rows++;
		g->page[pages - 1].bytes += bytes;
		g->row[rows++] = g->row[i];
	}
	g->rows = rows;
	g->pages = pages;
}

static spk_status put_rows(struct spk_keyed_rows *k, const struct spk_row_group *g, uint32_t page, spk_error *err)
{
	const struct spk_rows_page *p = &g->page[page];

	for (uint32_t r = p->first; r < p->first + p->rows; r++) {
		const struct spk_kept_row *row = &g->row[r];

		if (!row->weight)
			continue;
		SPK_TRY(spk_buffer_append(&k->bytes, &row->size, sizeof row->size, err));
		SPK_TRY(spk_buffer_append(&k->bytes, &row->weight, sizeof row->weight, err));
		if (k->met)
			SPK_TRY(spk_buffer_append(&k->bytes, &row->met, sizeof row->met, err));
		SPK_TRY(spk_buffer_append(&k->bytes, row->bytes, row->size, err));
	}
	return SPK_OK;
}

static spk_status flush(struct spk_keyed_rows *k, struct spk_rows_requests *p, spk_error *err)
{
	struct spk_row_keys keys = { 0 };
	spk_status status = encode_keys(p, &keys, err);

	for (int i = 0; i < p->n && status == SPK_OK; i++) {
		const uint32_t from = i ? p->end[i - 1] : 0;

		if (p->value[i].size != UINT32_MAX)
			p->value[i] = (struct spk_state_value){ k->bytes.data + from, p->end[i] - from };
	}
	if (status == SPK_OK && p->n)
		status = spk_state_put(k->view, &keys, p->hash, k->bucketed ? p->bucket : NULL, p->value, err);
	spk_row_keys_release(&keys);
	spk_buffer_clear(&k->bytes);
	p->n = 0;
	return status;
}

static spk_status put_page(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t page, bool there, struct spk_arena *arena, spk_error *err)
{
	if (p->n == SPK_BATCH_ROWS || k->bytes.size > UINT32_MAX / 4)
		SPK_TRY(flush(k, p, err));
	if (there && page == 0) {
		const struct head head = { .total = g->total, .pages = SPK_MAX(g->pages, 1u) };

		SPK_TRY(spk_buffer_append(&k->bytes, &head, sizeof head, err));
	}
	if (there && page < g->pages)
		SPK_TRY(put_rows(k, g, page, err));
	p->end[p->n] = (uint32_t)k->bytes.size;
	p->value[p->n] = (struct spk_state_value){ NULL, there ? 0 : UINT32_MAX };
	return name_page(k, p, g, page, arena, err);
}

static spk_status write_group(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, struct spk_arena *arena, spk_error *err)
{
	bool whole, there;
	size_t left = find_dirty(k, g, &whole);

	if (whole && g->pages > 1 && left < (size_t)g->pages * PAGE_BYTES * 2 / 5)
		repack(k, g);
	there = g->total || left || !whole || k->stays;
	for (uint32_t i = 0; i < SPK_MAX(g->pages, 1u); i++)
		if (i == 0 || !there || g->page[i].dirty)
			SPK_TRY(put_page(k, p, g, i, there, arena, err));
	for (uint32_t i = SPK_MAX(g->pages, 1u); i < g->stored; i++)
		SPK_TRY(put_page(k, p, g, i, false, arena, err));
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
	struct spk_rows_requests *p = no_requests(k);

	SPK_TRY_PTR(p, err);
	spk_buffer_clear(&k->bytes);
	for (int i = 0; i < n; i++)
		if (has_changed(k, &group[i]))
			SPK_TRY(write_group(k, p, &group[i], arena, err));
	return flush(k, p, err);
}

void spk_keyed_rows_release(struct spk_keyed_rows *k)
{
	spk_free(k->account, k->requests, k->requests ? sizeof *k->requests : 0);
	k->requests = NULL;
	spk_buffer_release(&k->bytes);
}
