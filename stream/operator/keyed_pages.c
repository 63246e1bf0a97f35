/* Rows kept by key: the state table's side of it. See keyed_rows.h. */
#include "stream/operator/keyed_pages.h"

#include "core/base/check.h"
#include "core/base/memory.h"

enum { HEAD_BYTES = 16 };

/* By hash, where there are several pages, the bytes of all rows follow. */
struct head { int64_t total; uint32_t pages, zero; };
_Static_assert(sizeof(struct head) == HEAD_BYTES, "the head of page 0");

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
struct spk_rows_requests *spk_rows_requests(struct spk_keyed_rows *k)
{
	if (!k->requests)
		k->requests = spk_malloc(k->account, sizeof *k->requests);
	if (k->requests)
		k->requests->n = 0;
	return k->requests;
}

void spk_rows_requests_release(struct spk_keyed_rows *k)
{
	spk_free(k->account, k->requests, k->requests ? sizeof *k->requests : 0);
	k->requests = NULL;
}

/* The pages of a key are in its shard, but not in one place of the cache's table. */
static uint64_t page_hash(uint64_t hash, uint32_t page)
{
	const uint64_t shard = ~(uint64_t)0 << 58;

	return page ? (hash & shard) | ((hash + page * 0x9e3779b97f4a7c15ull) & ~shard) : hash;
}

/* The key and its side, with room for a page's number. */
static char *side_name(const struct spk_keyed_rows *k, const struct spk_row_group *g, struct spk_arena *arena)
{
	char *key = spk_arena_alloc(arena, g->key_size + 1 + 4);

	if (key && g->key_size)
		memcpy(key, g->key, g->key_size);
	if (key)
		key[g->key_size] = k->side;
	return key;
}

spk_status spk_keyed_rows_name(const struct spk_keyed_rows *k, const struct spk_row_group *g, struct spk_arena *arena, struct spk_view *out, spk_error *err)
{
	const char *name = side_name(k, g, arena);

	SPK_TRY_PTR(name, err);
	*out = spk_view(name, g->key_size + 1);
	return SPK_OK;
}

static spk_status name_page(const struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t page, struct spk_arena *arena, spk_error *err)
{
	const uint32_t size = g->key_size + 1 + (page ? 4 : 0), number = __builtin_bswap32(page);
	char *key = side_name(k, g, arena);

	SPK_TRY_PTR(key, err);
	if (page)
		memcpy(key + g->key_size + 1, &number, sizeof number);
	p->at[p->n].group = g;
	p->at[p->n].page = page;
	p->hash[p->n] = page_hash(g->hash, page);
	p->bucket[p->n] = g->bucket;
	p->key[p->n++] = spk_view(key, size);
	return SPK_OK;
}

/* --- pages at hand --- */

/* Where a page of that number is among those at hand, or would be. */
static uint32_t place_of(const struct spk_row_group *g, uint32_t number)
{
	uint32_t from = 0, to = g->loaded;

	if (to && g->page[to - 1].number < number)
		return to;
	while (from < to) {
		const uint32_t middle = from + (to - from) / 2;

		if (g->page[middle].number < number)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct spk_rows_page *spk_rows_page(const struct spk_row_group *g, uint32_t number)
{
	const uint32_t at = place_of(g, number);

	return at < g->loaded && g->page[at].number == number ? &g->page[at] : NULL;
}

spk_status spk_rows_page_new(struct spk_row_group *g, uint32_t number, struct spk_arena *arena, struct spk_rows_page **out, spk_error *err)
{
	const uint32_t at = place_of(g, number);

	if (g->loaded == g->page_capacity) {
		const uint32_t capacity = SPK_MAX(2 * g->page_capacity, 1u);
		struct spk_rows_page *grown = spk_arena_alloc(arena, capacity * sizeof *grown);

		SPK_TRY_PTR(grown, err);
		if (g->loaded)
			memcpy(grown, g->page, g->loaded * sizeof *grown);
		g->page = grown;
		g->page_capacity = capacity;
	}
	memmove(g->page + at + 1, g->page + at, (g->loaded - at) * sizeof *g->page);
	g->loaded++;
	*out = &g->page[at];
	**out = (struct spk_rows_page){ .number = number };
	return SPK_OK;
}

spk_status spk_rows_append(struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err)
{
	if (g->rows == g->row_capacity) {
		const uint32_t capacity = SPK_MAX(2 * g->row_capacity, 8u);
		struct spk_kept_row *grown = spk_arena_alloc(arena, sizeof *grown * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		if (g->rows)
			memcpy(grown, g->row, g->rows * sizeof *grown);
		g->row = grown;
		g->row_capacity = capacity;
	}
	g->row[g->rows++] = *row;
	return SPK_OK;
}

void spk_rows_link(const struct spk_keyed_rows *k, struct spk_row_group *g, struct spk_rows_page *p, uint32_t row)
{
	g->row[row].next = 0;
	if (p->last)
		g->row[p->last - 1].next = row + 1;
	else
		p->first = row + 1;
	p->last = row + 1;
	p->bytes += spk_kept_row_bytes(k, g->row[row].size);
}

/* --- reading --- */

/* The bytes stay where they are. */
static spk_status read_rows(const struct spk_keyed_rows *k, struct spk_row_group *g, uint32_t number, const char *at, const char *end, struct spk_arena *arena, spk_error *err)
{
	const uint32_t head = spk_kept_row_bytes(k, 0);
	struct spk_rows_page *page;

	SPK_TRY(spk_rows_page_new(g, number, arena, &page, err));
	while (at < end) {
		struct spk_kept_row row = { 0 };

		if ((size_t)(end - at) < head)
			return corrupt(err);
		memcpy(&row.size, at, sizeof row.size);
		memcpy(&row.weight, at + 4, sizeof row.weight);
		if (k->met)
			memcpy(&row.met, at + 12, sizeof row.met);
		at += head;
		if (row.size > (size_t)(end - at))
			return corrupt(err);
		row.bytes = at;
		row.weight_before = row.weight;
		row.met_before = row.met;
		at += row.size;
		SPK_TRY(spk_rows_append(g, &row, arena, err));
		spk_rows_link(k, g, page, g->rows - 1);
	}
	return SPK_OK;
}

static spk_status read_head(const struct spk_keyed_rows *k, struct spk_row_group *g, const char *value, uint32_t size, struct spk_arena *arena, spk_error *err)
{
	const char *at = value + sizeof(struct head), *end = value + size;
	struct head head;

	if (size < sizeof head)
		return corrupt(err);
	memcpy(&head, value, sizeof head);
	g->bytes = end - at;
	if (head.pages == 0 || (k->by_hash && head.pages > 1 && g->bytes < (int64_t)sizeof g->bytes))
		return corrupt(err);
	if (k->by_hash && head.pages > 1) {
		memcpy(&g->bytes, at, sizeof g->bytes);
		at += sizeof g->bytes;
	}
	g->bytes_before = g->bytes;
	g->total = g->total_before = head.total;
	g->stored = g->pages = head.pages;
	return read_rows(k, g, 0, at, end, arena, err);
}

spk_status spk_rows_get(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_arena *arena, spk_error *err)
{
	struct spk_row_keys keys = { 0 };
	spk_status status = p->n ? spk_row_keys_views(&keys, p->key, p->n, err) : SPK_OK;

	if (status == SPK_OK && p->n)
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

spk_status spk_rows_request(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t page, struct spk_arena *arena, spk_error *err)
{
	if (p->n == SPK_BATCH_ROWS)
		SPK_TRY(spk_rows_get(k, p, arena, err));
	return name_page(k, p, g, page, arena, err);
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

/* --- writing --- */

static spk_status put_row(struct spk_keyed_rows *k, const struct spk_kept_row *row, spk_error *err)
{
	SPK_TRY(spk_buffer_append(&k->bytes, &row->size, sizeof row->size, err));
	SPK_TRY(spk_buffer_append(&k->bytes, &row->weight, sizeof row->weight, err));
	if (k->met)
		SPK_TRY(spk_buffer_append(&k->bytes, &row->met, sizeof row->met, err));
	return spk_buffer_append(&k->bytes, row->bytes, row->size, err);
}

static spk_status put_rows(struct spk_keyed_rows *k, const struct spk_row_group *g, const struct spk_rows_page *p, spk_error *err)
{
	for (uint32_t r = p->first; r; r = g->row[r - 1].next)
		if (g->row[r - 1].weight)
			SPK_TRY(put_row(k, &g->row[r - 1], err));
	return SPK_OK;
}

spk_status spk_rows_put(struct spk_keyed_rows *k, struct spk_rows_requests *p, spk_error *err)
{
	struct spk_row_keys keys = { 0 };
	spk_status status = spk_row_keys_views(&keys, p->key, p->n, err);

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

/* Room for one more value, which begins where `bytes` end. */
static spk_status make_room(struct spk_keyed_rows *k, struct spk_rows_requests *p, spk_error *err)
{
	return p->n == SPK_BATCH_ROWS || k->bytes.size > UINT32_MAX / 4 ? spk_rows_put(k, p, err) : SPK_OK;
}

static spk_status end_page(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t number, struct spk_arena *arena, spk_error *err)
{
	p->end[p->n] = (uint32_t)k->bytes.size;
	p->value[p->n] = (struct spk_state_value){ NULL, 0 };
	return name_page(k, p, g, number, arena, err);
}

spk_status spk_rows_put_page(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t number, const struct spk_rows_page *page, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(make_room(k, p, err));
	if (number == 0) {
		const struct head head = { .total = g->piece ? g->total_before : g->total, .pages = SPK_MAX(g->pages, 1u) };

		SPK_TRY(spk_buffer_append(&k->bytes, &head, sizeof head, err));
		if (k->by_hash && g->pages > 1)
			SPK_TRY(spk_buffer_append(&k->bytes, g->piece ? &g->bytes_before : &g->bytes, sizeof g->bytes, err));
	}
	if (page)
		SPK_TRY(put_rows(k, g, page, err));
	return end_page(k, p, g, number, arena, err);
}

spk_status spk_rows_put_first(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, const struct spk_kept_row *row, struct spk_arena *arena, spk_error *err)
{
	const struct head head = { .total = row->weight, .pages = 1 };

	SPK_TRY(make_room(k, p, err));
	SPK_TRY(spk_buffer_append(&k->bytes, &head, sizeof head, err));
	if (!k->totals_only)
		SPK_TRY(put_row(k, row, err));
	return end_page(k, p, g, 0, arena, err);
}

spk_status spk_rows_put_gone(struct spk_keyed_rows *k, struct spk_rows_requests *p, struct spk_row_group *g, uint32_t number, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(make_room(k, p, err));
	p->end[p->n] = (uint32_t)k->bytes.size;
	p->value[p->n] = (struct spk_state_value){ NULL, UINT32_MAX };
	return name_page(k, p, g, number, arena, err);
}
