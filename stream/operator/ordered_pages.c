/* Pages of ordered rows: their form in the state table, reading and writing. See ordered_rows.h. */
#include "stream/operator/ordered_pages.h"

#include "core/base/memory.h"

/* Before the entries. `pages`: of the root alone. */
struct head { uint32_t level, pages; };
struct entry_head { uint32_t size, order; int64_t weight; };
_Static_assert(sizeof(struct entry_head) == 16, "as spk_ordered_entry_bytes has it");

static spk_status corrupt(spk_error *err)
{
	return spk_fail(err, SPK_CORRUPT, "a page of ordered rows does not have the form that it was written in");
}

spk_status spk_ordered_page_new(struct spk_ordered_tree *tree, uint32_t level, struct spk_ordered_page **out, spk_error *err)
{
	*out = SPK_NEW(tree->arena, struct spk_ordered_page);
	SPK_TRY_PTR(*out, err);
	**out = (struct spk_ordered_page){ .number = tree->pages++, .level = level, .dirty = true };
	return SPK_OK;
}

spk_status spk_ordered_page_gone(struct spk_ordered_tree *tree, uint32_t number, spk_error *err)
{
	if (tree->gone_count == tree->gone_capacity) {
		const uint32_t capacity = SPK_MAX(2 * tree->gone_capacity, 16u);
		uint32_t *grown = SPK_NEW_ARRAY(tree->arena, uint32_t, capacity);

		SPK_TRY_PTR(grown, err);
		if (tree->gone_count)
			memcpy(grown, tree->gone, tree->gone_count * sizeof *grown);
		tree->gone = grown;
		tree->gone_capacity = capacity;
	}
	tree->gone[tree->gone_count++] = number;
	return SPK_OK;
}

/* --- from bytes --- */

static uint32_t count_entries(const char *at, const char *end)
{
	uint32_t n = 0;

	while ((size_t)(end - at) >= sizeof(struct entry_head)) {
		struct entry_head h;

		memcpy(&h, at, sizeof h);
		if (h.size > (size_t)(end - at) - sizeof h)
			return UINT32_MAX;
		at += sizeof h + h.size;
		n++;
	}
	return at == end ? n : UINT32_MAX;
}

/* The bytes stay where they are: they must outlive the tree. */
static spk_status read_page(struct spk_ordered_tree *tree, uint32_t number, const char *value, uint32_t size, struct spk_ordered_page **out, spk_error *err)
{
	struct spk_ordered_page *p = SPK_NEW(tree->arena, struct spk_ordered_page);
	const char *at = value + sizeof(struct head);
	struct head head;
	uint32_t n;

	SPK_TRY_PTR(p, err);
	if (size < sizeof head || (n = count_entries(at, value + size)) == UINT32_MAX)
		return corrupt(err);
	memcpy(&head, value, sizeof head);
	*p = (struct spk_ordered_page){ .number = number, .level = head.level, .count = n, .capacity = n + 4, .bytes = size - (uint32_t)sizeof head };
	SPK_TRY_PTR(p->entry = SPK_NEW_ARRAY(tree->arena, struct spk_ordered_entry, p->capacity), err);
	for (uint32_t i = 0; i < n; i++) {
		struct entry_head h;

		memcpy(&h, at, sizeof h);
		at += sizeof h;
		p->entry[i] = (struct spk_ordered_entry){ .bytes = at, .size = h.size, .weight = h.weight };
		*(head.level ? &p->entry[i].number : &p->entry[i].order) = h.order;
		at += h.size;
	}
	if (number == 0)
		tree->pages = head.pages;
	*out = p;
	return SPK_OK;
}

static spk_status read_copy(struct spk_ordered_tree *tree, uint32_t number, const struct spk_state_value *v, struct spk_ordered_page **out, spk_error *err)
{
	const char *own = spk_arena_copy(tree->arena, v->data, v->size);

	SPK_TRY_PTR(own, err);
	return read_page(tree, number, own, v->size, out, err);
}

/* --- from the table --- */

/* Pages of a key are in its shard, but not in one place of the cache's table. */
static uint64_t page_hash(uint64_t hash, uint32_t page)
{
	const uint64_t shard = ~(uint64_t)0 << 58;

	return page ? (hash & shard) | ((hash + page * 0x9e3779b97f4a7c15ull) & ~shard) : hash;
}

/* Pages that are read or written together. */
struct spk_ordered_requests {
	int n;
	struct spk_view key[SPK_BATCH_ROWS];
	uint64_t hash[SPK_BATCH_ROWS];
	int64_t bucket[SPK_BATCH_ROWS];
	struct spk_state_value value[SPK_BATCH_ROWS];
	uint32_t end[SPK_BATCH_ROWS];    /* writing: of the value in `bytes` */
};

/* None yet; NULL when memory is out. */
static struct spk_ordered_requests *no_requests(struct spk_ordered_rows *o)
{
	if (!o->requests)
		o->requests = spk_malloc(o->account, sizeof *o->requests);
	if (o->requests)
		o->requests->n = 0;
	return o->requests;
}

static spk_status name_page(struct spk_ordered_rows *o, const struct spk_ordered_tree *tree, uint32_t page, spk_error *err)
{
	struct spk_ordered_requests *r = o->requests;
	const uint32_t size = tree->key_size + 1 + (page ? 4 : 0), number = __builtin_bswap32(page);
	char *key = spk_arena_alloc(tree->arena, size);

	SPK_TRY_PTR(key, err);
	if (tree->key_size)
		memcpy(key, tree->key, tree->key_size);
	key[tree->key_size] = o->side;
	if (page)
		memcpy(key + tree->key_size + 1, &number, sizeof number);
	r->hash[r->n] = page_hash(tree->hash, page);
	r->bucket[r->n] = tree->bucket;
	r->key[r->n++] = spk_view(key, size);
	return SPK_OK;
}

static spk_status ask(struct spk_ordered_rows *o, bool put, spk_error *err)
{
	struct spk_ordered_requests *r = o->requests;
	const int64_t *bucket = o->bucketed ? r->bucket : NULL;
	struct spk_row_keys keys = { 0 };
	spk_status status = spk_row_keys_views(&keys, r->key, r->n, err);

	if (status == SPK_OK)
		status = put ? spk_state_put(o->view, &keys, r->hash, bucket, r->value, err) : spk_state_get(o->view, &keys, r->hash, bucket, r->value, err);
	spk_row_keys_release(&keys);
	return status;
}

spk_status spk_ordered_open(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, int n, spk_error *err)
{
	struct spk_ordered_requests *r = no_requests(o);

	SPK_TRY_PTR(r, err);
	for (int i = 0; i < n; i++)
		SPK_TRY(name_page(o, &tree[i], 0, err));
	if (n)
		SPK_TRY(ask(o, false, err));
	for (int i = 0; i < n; i++) {
		tree[i].stored = spk_state_found(&r->value[i]);
		SPK_TRY(tree[i].stored ? read_copy(&tree[i], 0, &r->value[i], &tree[i].root, err) : spk_ordered_page_new(&tree[i], 0, &tree[i].root, err));
	}
	return SPK_OK;
}

static spk_status get_page(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, uint32_t number, struct spk_ordered_page **out, spk_error *err)
{
	struct spk_ordered_requests *r = no_requests(o);

	SPK_TRY_PTR(r, err);
	if (tree->gathered)
		return number < tree->pages && tree->gathered[number].data ? read_page(tree, number, tree->gathered[number].data, tree->gathered[number].size, out, err) : corrupt(err);
	SPK_TRY(name_page(o, tree, number, err));
	SPK_TRY(ask(o, false, err));
	return spk_state_found(&r->value[0]) ? read_copy(tree, number, &r->value[0], out, err) : corrupt(err);
}

spk_status spk_ordered_child(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, struct spk_ordered_page *p, uint32_t at, struct spk_ordered_page **out, spk_error *err)
{
	struct spk_ordered_entry *e = &p->entry[at];

	if (!e->page) {
		SPK_TRY(get_page(o, tree, e->number, &e->page, err));
		if (e->page->level + 1 != p->level)
			return corrupt(err);
	}
	*out = e->page;
	return SPK_OK;
}

/* --- writing --- */

static spk_status flush(struct spk_ordered_rows *o, spk_error *err)
{
	struct spk_ordered_requests *r = o->requests;
	spk_status status = SPK_OK;

	for (int i = 0; i < r->n; i++) {
		const uint32_t from = i ? r->end[i - 1] : 0;

		if (r->value[i].size != UINT32_MAX)
			r->value[i] = (struct spk_state_value){ o->bytes.data + from, r->end[i] - from };
	}
	if (r->n)
		status = ask(o, true, err);
	spk_buffer_clear(&o->bytes);
	r->n = 0;
	return status;
}

/* The page whose bytes, if it is there, are the last ones. */
static spk_status put_value(struct spk_ordered_rows *o, const struct spk_ordered_tree *tree, uint32_t number, bool there, spk_error *err)
{
	struct spk_ordered_requests *r = o->requests;

	r->end[r->n] = (uint32_t)o->bytes.size;
	r->value[r->n] = (struct spk_state_value){ NULL, there ? 0 : UINT32_MAX };
	SPK_TRY(name_page(o, tree, number, err));
	return r->n == SPK_BATCH_ROWS || o->bytes.size > UINT32_MAX / 4 ? flush(o, err) : SPK_OK;
}

static spk_status put_page(struct spk_ordered_rows *o, const struct spk_ordered_tree *tree, const struct spk_ordered_page *p, spk_error *err)
{
	const struct head head = { .level = p->level, .pages = p->number ? 0 : tree->pages };
	struct spk_buffer *out = &o->bytes;

	SPK_TRY(spk_buffer_append(out, &head, sizeof head, err));
	for (uint32_t i = 0; i < p->count; i++) {
		const struct spk_ordered_entry *e = &p->entry[i];
		const struct entry_head h = { .size = e->size, .order = p->level ? e->number : e->order, .weight = e->weight };

		SPK_TRY(spk_buffer_append(out, &h, sizeof h, err));
		SPK_TRY(spk_buffer_append(out, e->bytes, e->size, err));
	}
	return put_value(o, tree, p->number, true, err);
}

/* Below a page that is as it was nothing has changed. */
static spk_status put_dirty(struct spk_ordered_rows *o, const struct spk_ordered_tree *tree, const struct spk_ordered_page *p, spk_error *err)
{
	if (!p->dirty)
		return SPK_OK;
	for (uint32_t i = 0; p->level && i < p->count; i++)
		if (p->entry[i].page)
			SPK_TRY(put_dirty(o, tree, p->entry[i].page, err));
	return put_page(o, tree, p, err);
}

static spk_status write_tree(struct spk_ordered_rows *o, const struct spk_ordered_tree *tree, spk_error *err)
{
	for (uint32_t i = 0; i < tree->gone_count; i++)
		SPK_TRY(put_value(o, tree, tree->gone[i], false, err));
	if (tree->root->count == 0 && !o->stays)
		return tree->stored ? put_value(o, tree, 0, false, err) : SPK_OK;
	return put_dirty(o, tree, tree->root, err);
}

spk_status spk_ordered_write(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, int n, spk_error *err)
{
	SPK_TRY_PTR(no_requests(o), err);
	spk_buffer_clear(&o->bytes);
	for (int i = 0; i < n; i++)
		if (tree[i].changed)
			SPK_TRY(write_tree(o, &tree[i], err));
	return flush(o, err);
}

/* --- whole, from a bucket --- */

/* The root has the key's name, and that of another page is it with the page's number behind: no other key begins so. */
spk_status spk_ordered_gather(struct spk_ordered_tree *tree, const struct spk_state_entry *entry, bool *same, spk_error *err)
{
	const char *own;
	uint32_t page;

	*same = !tree->key || (entry->key_size == tree->key_size + sizeof page && memcmp(entry->key, tree->key, tree->key_size) == 0);
	if (!*same)
		return SPK_OK;
	own = spk_arena_copy(tree->arena, entry->value, entry->value_size);
	SPK_TRY_PTR(own, err);
	if (!tree->key) {
		SPK_TRY_PTR(tree->key = spk_arena_copy(tree->arena, entry->key, entry->key_size), err);
		tree->key_size = entry->key_size;
		SPK_TRY(read_page(tree, 0, own, entry->value_size, &tree->root, err));
		return (tree->gathered = SPK_NEW_ARRAY(tree->arena, struct spk_state_value, tree->pages + 1)) ? SPK_OK : spk_fail_memory(err);
	}
	memcpy(&page, entry->key + tree->key_size, sizeof page);
	page = __builtin_bswap32(page);
	if (page >= tree->pages)
		return corrupt(err);
	tree->gathered[page] = (struct spk_state_value){ own, entry->value_size };
	return SPK_OK;
}

void spk_ordered_release(struct spk_ordered_rows *o)
{
	spk_free(o->account, o->requests, o->requests ? sizeof *o->requests : 0);
	o->requests = NULL;
	spk_buffer_release(&o->bytes);
}
