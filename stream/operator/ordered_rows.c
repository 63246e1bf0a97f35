/* Rows kept by key and in order. See ordered_rows.h; the state table's side of it is in ordered_pages.c. */
#include "stream/operator/ordered_pages.h"

#include "core/base/check.h"

enum { PAGE_BYTES = 2048 };

int spk_ordered_compare(const struct spk_ordered_entry *a, const struct spk_ordered_entry *b)
{
	int order = memcmp(a->bytes, b->bytes, SPK_MIN(a->size, b->size));

	return order ? order : (a->size > b->size) - (a->size < b->size);
}

bool spk_ordered_peers(const struct spk_ordered_entry *a, const struct spk_ordered_entry *b)
{
	return a->order == b->order && memcmp(a->bytes, b->bytes, a->order) == 0;
}

int64_t spk_ordered_weight(const struct spk_ordered_tree *tree)
{
	int64_t weight = 0;

	for (uint32_t i = 0; tree->root && i < tree->root->count; i++)
		weight += tree->root->entry[i].weight;
	return weight;
}

/* --- places in a page --- */

/* The first entry that is not before `row`; *same: it is that row. */
static uint32_t find_row(const struct spk_ordered_page *p, const struct spk_ordered_entry *row, bool *same)
{
	uint32_t from = 0, to = p->count;

	*same = false;
	while (from < to) {
		const uint32_t middle = from + (to - from) / 2;
		const int order = spk_ordered_compare(&p->entry[middle], row);

		*same = *same || order == 0;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* The child that `row` belongs to: what comes before all bounds belongs to the first. */
static uint32_t find_child(const struct spk_ordered_page *p, const struct spk_ordered_entry *row)
{
	bool same;
	uint32_t at = find_row(p, row, &same);

	return same || at == 0 ? at : at - 1;
}

static spk_status insert_at(struct spk_ordered_tree *tree, struct spk_ordered_page *p, uint32_t at, const struct spk_ordered_entry *entry, spk_error *err)
{
	if (p->count == p->capacity) {
		const uint32_t capacity = SPK_MAX(2 * p->capacity, 8u);
		struct spk_ordered_entry *grown = SPK_NEW_ARRAY(tree->arena, struct spk_ordered_entry, capacity);

		SPK_TRY_PTR(grown, err);
		if (p->count)
			memcpy(grown, p->entry, p->count * sizeof *grown);
		p->entry = grown;
		p->capacity = capacity;
	}
	memmove(p->entry + at + 1, p->entry + at, (p->count - at) * sizeof *p->entry);
	p->entry[at] = *entry;
	p->count++;
	p->bytes += spk_ordered_entry_bytes(entry);
	p->dirty = true;
	return SPK_OK;
}

static void remove_at(struct spk_ordered_page *p, uint32_t at)
{
	p->bytes -= spk_ordered_entry_bytes(&p->entry[at]);
	p->count--;
	memmove(p->entry + at, p->entry + at + 1, (p->count - at) * sizeof *p->entry);
	p->dirty = true;
}

/* --- pages that part and go --- */

/* So many bytes of two neighbours are enough to tell them apart. */
static uint32_t bound_size(const struct spk_ordered_entry *before, const struct spk_ordered_entry *behind)
{
	const uint32_t most = SPK_MIN(before->size, behind->size);
	uint32_t n = 0;

	while (n < most && before->bytes[n] == behind->bytes[n])
		n++;
	return SPK_MIN(n + 1, behind->size);
}

/* Where a page parts: in the middle; or where it grows at its end, as it does when rows come in order, before the last entry. */
static uint32_t parting(const struct spk_ordered_page *p, bool at_end)
{
	uint32_t bytes = 0, i = 0;

	if (at_end)
		return p->count - 1;
	for (; i + 1 < p->count && bytes < p->bytes / 2; i++)
		bytes += spk_ordered_entry_bytes(&p->entry[i]);
	return SPK_MAX(i, 1u);
}

static void sum_up(struct spk_ordered_entry *entry)
{
	entry->weight = 0;
	for (uint32_t i = 0; i < entry->page->count; i++)
		entry->weight += entry->page->entry[i].weight;
}

/* What is behind `at` becomes a page of its own, named by *out. */
static spk_status split(struct spk_ordered_tree *tree, struct spk_ordered_page *p, uint32_t at, struct spk_ordered_entry *out, spk_error *err)
{
	const uint32_t size = bound_size(&p->entry[at - 1], &p->entry[at]);
	struct spk_ordered_page *page;

	SPK_TRY(spk_ordered_page_new(tree, p->level, &page, err));
	for (uint32_t i = at; i < p->count; i++)
		SPK_TRY(insert_at(tree, page, i - at, &p->entry[i], err));
	p->count = at;
	p->bytes -= page->bytes;
	p->dirty = true;
	*out = (struct spk_ordered_entry){ .bytes = page->entry[0].bytes, .size = p->level ? page->entry[0].size : size, .number = page->number, .page = page };
	sum_up(out);
	return SPK_OK;
}

static bool too_large(const struct spk_ordered_page *p) { return p->bytes > PAGE_BYTES && p->count > 1; }

/* The root keeps its name: what was in it goes into two pages below. */
static spk_status split_root(struct spk_ordered_tree *tree, bool at_end, spk_error *err)
{
	struct spk_ordered_page *root = tree->root, *below;
	struct spk_ordered_entry first = { .bytes = "" }, second;

	SPK_TRY(spk_ordered_page_new(tree, root->level, &below, err));
	first.number = below->number;
	first.page = below;
	below->entry = root->entry;
	below->count = root->count;
	below->capacity = root->capacity;
	below->bytes = root->bytes;
	SPK_TRY(split(tree, below, parting(below, at_end), &second, err));
	sum_up(&first);
	root->entry = NULL;
	root->count = root->capacity = root->bytes = 0;
	root->level++;
	SPK_TRY(insert_at(tree, root, 0, &first, err));
	return insert_at(tree, root, 1, &second, err);
}

/* A root with one child takes its place. */
static spk_status pull_up(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, spk_error *err)
{
	while (tree->root->level && tree->root->count <= 1) {
		struct spk_ordered_page *root = tree->root, *child = NULL;

		if (root->count) {
			SPK_TRY(spk_ordered_child(o, tree, root, 0, &child, err));
			SPK_TRY(spk_ordered_page_gone(tree, child->number, err));
		}
		root->level = child ? child->level : 0;
		root->entry = child ? child->entry : NULL;
		root->count = child ? child->count : 0;
		root->capacity = child ? child->capacity : 0;
		root->bytes = child ? child->bytes : 0;
		root->dirty = true;
	}
	return SPK_OK;
}

/* --- adding --- */

static spk_status add_to_leaf(struct spk_ordered_tree *tree, struct spk_ordered_page *p, const struct spk_ordered_entry *row, bool *at_end, spk_error *err)
{
	bool same;
	const uint32_t at = find_row(p, row, &same);

	if (!same) {
		*at_end = at == p->count && p->count;
		return insert_at(tree, p, at, row, err);
	}
	p->dirty = true;
	p->entry[at].weight += row->weight;
	if (!p->entry[at].weight)
		remove_at(p, at);
	return SPK_OK;
}

static spk_status add_below(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, struct spk_ordered_page *p, const struct spk_ordered_entry *row, bool *at_end, spk_error *err)
{
	struct spk_ordered_entry part;
	struct spk_ordered_page *child;
	bool last;
	uint32_t at;

	if (!p->level)
		return add_to_leaf(tree, p, row, at_end, err);
	at = find_child(p, row);
	last = at + 1 == p->count;
	SPK_TRY(spk_ordered_child(o, tree, p, at, &child, err));
	SPK_TRY(add_below(o, tree, child, row, at_end, err));
	*at_end = *at_end && last;
	p->entry[at].weight += row->weight;
	p->dirty = true;
	if (child->count == 0) {
		SPK_TRY(spk_ordered_page_gone(tree, child->number, err));
		remove_at(p, at);
	} else if (too_large(child)) {
		SPK_TRY(split(tree, child, parting(child, *at_end), &part, err));
		p->entry[at].weight -= part.weight;
		SPK_TRY(insert_at(tree, p, at + 1, &part, err));
	}
	return SPK_OK;
}

spk_status spk_ordered_add(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, const struct spk_ordered_entry *row, spk_error *err)
{
	bool at_end = false;

	if (!row->weight)
		return SPK_OK;
	tree->changed = true;
	SPK_TRY(add_below(o, tree, tree->root, row, &at_end, err));
	if (too_large(tree->root))
		SPK_TRY(split_root(tree, at_end, err));
	return pull_up(o, tree, err);
}

/* --- reading --- */

static spk_status walk(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, struct spk_ordered_page *p, bool backwards, spk_ordered_visit visit, void *user, bool *go, spk_error *err)
{
	for (uint32_t i = 0; i < p->count && *go; i++) {
		const uint32_t at = backwards ? p->count - 1 - i : i;
		struct spk_ordered_page *child;

		if (p->level) {
			SPK_TRY(spk_ordered_child(o, tree, p, at, &child, err));
			SPK_TRY(walk(o, tree, child, backwards, visit, user, go, err));
		} else if (p->entry[at].weight > 0) {
			SPK_TRY(visit(user, &p->entry[at], go, err));
		}
	}
	return SPK_OK;
}

spk_status spk_ordered_walk(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, bool backwards, spk_ordered_visit visit, void *user, spk_error *err)
{
	bool go = true;

	return walk(o, tree, tree->root, backwards, visit, user, &go, err);
}

spk_status spk_ordered_at(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, int64_t at, const struct spk_ordered_entry **row, spk_error *err)
{
	struct spk_ordered_page *p = tree->root;

	*row = NULL;
	for (;;) {
		uint32_t i = 0;

		for (; i < p->count && at >= p->entry[i].weight; i++)
			at -= p->entry[i].weight;
		if (i == p->count)
			return SPK_OK;
		if (!p->level) {
			*row = &p->entry[i];
			return SPK_OK;
		}
		SPK_TRY(spk_ordered_child(o, tree, p, i, &p, err));
	}
}

/* --- forgetting --- */

/* A page and all below it. */
static spk_status drop_page(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, struct spk_ordered_page *p, uint32_t at, spk_error *err)
{
	struct spk_ordered_page *child;

	if (p->level > 1) {
		SPK_TRY(spk_ordered_child(o, tree, p, at, &child, err));
		for (uint32_t i = 0; i < child->count; i++)
			SPK_TRY(drop_page(o, tree, child, i, err));
	}
	return spk_ordered_page_gone(tree, p->entry[at].number, err);
}

/* Entries [from, to) of a page. */
static spk_status drop_range(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, struct spk_ordered_page *p, uint32_t from, uint32_t to, spk_error *err)
{
	for (uint32_t i = from; i < to; i++) {
		if (p->level)
			SPK_TRY(drop_page(o, tree, p, i, err));
		p->bytes -= spk_ordered_entry_bytes(&p->entry[i]);
	}
	if (from == to)
		return SPK_OK;
	memmove(p->entry + from, p->entry + to, (p->count - to) * sizeof *p->entry);
	p->count -= to - from;
	p->dirty = true;
	tree->changed = true;
	return SPK_OK;
}

/* What is behind `row`, or before it, goes. */
static spk_status cut_below(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, struct spk_ordered_page *p, const struct spk_ordered_entry *row, bool front, spk_error *err)
{
	struct spk_ordered_page *child;
	uint32_t at;
	bool same;

	if (!p->level) {
		at = find_row(p, row, &same);
		return front ? drop_range(o, tree, p, 0, at, err) : drop_range(o, tree, p, at + same, p->count, err);
	}
	at = find_child(p, row);
	SPK_TRY(front ? drop_range(o, tree, p, 0, at, err) : drop_range(o, tree, p, at + 1, p->count, err));
	at = front ? 0 : at;
	SPK_TRY(spk_ordered_child(o, tree, p, at, &child, err));
	SPK_TRY(cut_below(o, tree, child, row, front, err));
	p->dirty = true;
	sum_up(&p->entry[at]);
	if (child->count)
		return SPK_OK;
	SPK_TRY(spk_ordered_page_gone(tree, child->number, err));
	remove_at(p, at);
	return SPK_OK;
}

spk_status spk_ordered_cut(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, const struct spk_ordered_entry *last, spk_error *err)
{
	if (tree->root->count)
		SPK_TRY(cut_below(o, tree, tree->root, last, false, err));
	return pull_up(o, tree, err);
}

spk_status spk_ordered_cut_front(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, const struct spk_ordered_entry *first, spk_error *err)
{
	if (!first)
		SPK_TRY(drop_range(o, tree, tree->root, 0, tree->root->count, err));
	else if (tree->root->count)
		SPK_TRY(cut_below(o, tree, tree->root, first, true, err));
	return pull_up(o, tree, err);
}
