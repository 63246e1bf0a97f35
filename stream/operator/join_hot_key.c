/*
 * One key of a join, in pieces. See join_hot_key.h.
 *
 * What is really there to be taken back is found first, since every row that is kept must know it (join_delta.c). Then either side's pages are gone through once, and what is
 * added is met with what is added on the other side, and stored at the end, with the totals.
 */
#include "stream/operator/join_hot_key.h"

#include <stdlib.h>

enum { PIECE_MAX = 256 };

/* A batch of 4096 rows has about as many bytes as 256 pages. */
uint32_t spk_join_piece(const struct spk_join_op *j)
{
	return SPK_MIN(SPK_MAX((uint32_t)j->base.pipeline->batch_rows / 16, 1u), (uint32_t)PIECE_MAX);
}

/* Rows of the lists are in no page's chain: `next` is the page in which they are, or will be, kept; so each page is read and written once. */
#define PAGE(row) ((row)->next)

struct hot {
	struct spk_join_op *j;
	struct spk_join_delta *d;
	uint32_t number, piece[2];       /* piece: pages or rows of a side that are worked off together */
	const struct spk_row_group *open[2];
	struct spk_join_rows added[2], taken[2];
	int at[2];                       /* those before it are taken */
	int64_t before[2], now[2];       /* weight of all rows */
	int64_t freed[2];                /* bytes of rows that went whole */
	struct spk_row_group none[2];    /* without rows, for a side that is not at hand */
	struct spk_arena *arena;         /* of all this */
};

/* The key's group, not read yet. */
static struct spk_row_group group_of(const struct hot *h, int side)
{
	const struct spk_row_group *g = h->open[side];

	return (struct spk_row_group){ .key = g->key, .key_size = g->key_size, .hash = g->hash, .bucket = g->bucket };
}

/* A piece has an arena of its own, which what is emitted of it holds. */
static spk_status in_piece(struct hot *h, spk_status (*work)(struct hot *h, int side, uint32_t from, struct spk_arena *arena, spk_error *err), int side, uint32_t from, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(h->j->base.pipeline->account);
	spk_status status = arena ? spk_arena_hold(arena, h->arena, err) : spk_fail_memory(err);

	h->d->changes->arena = arena;
	if (status == SPK_OK)
		status = spk_op_check_cancelled(&h->j->base, err);
	if (status == SPK_OK)
		status = work(h, side, from, arena, err);
	h->d->changes->arena = h->arena;
	spk_arena_unref(arena);
	return status;
}

/* --- what is there to be taken back --- */

static spk_status list_rows(struct hot *h, int side, spk_error *err)
{
	const struct spk_delta_rows *d = &h->j->in.side[side];
	const int rows = spk_delta_rows_sum(d, h->number).rows;

	SPK_TRY_PTR(h->added[side].row = SPK_NEW_ARRAY(h->arena, struct spk_kept_row, rows + 1), err);
	SPK_TRY_PTR(h->taken[side].row = SPK_NEW_ARRAY(h->arena, struct spk_kept_row, rows + 1), err);
	for (uint32_t i = d->first[h->number]; i; i = d->next[i - 1]) {
		struct spk_kept_row row = { .weight = d->weight[i - 1] };
		struct spk_join_rows *list = row.weight < 0 && !h->j->kept[side].totals_only ? &h->taken[side] : &h->added[side];

		SPK_TRY(spk_delta_row_own(d, i - 1, h->arena, &row, err));
		list->row[list->count++] = row;
	}
	return SPK_OK;
}

/* Some of the rows that are to be taken: how many are there. The others are taken back before they came, and added with their negative weights. */
static spk_status look_up(struct hot *h, int side, uint32_t from, struct spk_arena *arena, spk_error *err)
{
	struct spk_row_group g = group_of(h, side);
	const enum spk_rows_wanted asked = SPK_ROWS_ASKED;
	struct spk_keyed_rows *k = &h->j->kept[side];
	const uint32_t to = SPK_MIN(from + h->piece[side], (uint32_t)h->taken[side].count);

	SPK_TRY(spk_keyed_rows_open(k, &g, 1, arena, err));
	for (uint32_t i = from; i < to; i++)
		SPK_TRY(spk_row_group_ask(k, &g, h->taken[side].row[i].bytes, h->taken[side].row[i].size, false, arena, err));
	SPK_TRY(spk_keyed_rows_load(k, &g, &asked, 1, arena, err));
	for (uint32_t i = from; i < to; i++) {
		struct spk_kept_row *row = &h->taken[side].row[i];
		int64_t taken;

		SPK_TRY(spk_row_group_take(k, &g, row->bytes, row->size, -row->weight, &taken, arena, err));
		if (row->weight + taken)
			h->added[side].row[h->added[side].count++] = (struct spk_kept_row){ .bytes = row->bytes, .size = row->size, .weight = row->weight + taken };
		row->weight = -taken;
	}
	return SPK_OK;
}

static int by_page(const void *x, const void *y)
{
	const struct spk_kept_row *a = x, *b = y;
	const int order = memcmp(a->bytes, b->bytes, SPK_MIN(a->size, b->size));

	if (PAGE(a) != PAGE(b))
		return PAGE(a) < PAGE(b) ? -1 : 1;
	return order ? order : (a->size > b->size) - (a->size < b->size);
}

static void sort_by_page(const struct spk_row_group *g, struct spk_join_rows *rows)
{
	for (int i = 0; i < rows->count; i++)
		PAGE(&rows->row[i]) = spk_row_group_page(g, rows->row[i].bytes, rows->row[i].size);
	if (rows->count)
		qsort(rows->row, (size_t)rows->count, sizeof *rows->row, by_page);
}

static spk_status find_taken(struct hot *h, int side, spk_error *err)
{
	struct spk_join_rows *t = &h->taken[side];
	const uint32_t rows = (uint32_t)t->count;

	for (uint32_t from = 0; from < rows; from += h->piece[side])
		SPK_TRY(in_piece(h, look_up, side, from, err));
	h->before[side] = h->now[side] = h->open[side]->total_before;
	t->count = 0;
	for (uint32_t i = 0; i < rows; i++) {
		if (!t->row[i].weight)
			continue;
		h->now[side] += t->row[i].weight;
		t->row[t->count++] = t->row[i];
	}
	sort_by_page(h->open[side], t);
	for (int i = 0; i < h->added[side].count; i++)
		h->now[side] += h->added[side].row[i].weight;
	return SPK_OK;
}

/* --- what is kept --- */

/* Some pages, from which the taken rows first, first + 1, ..., end - 1 go. */
static spk_status go_through(struct hot *h, int side, const uint32_t *page, uint32_t pages, int first, int end, struct spk_arena *arena, spk_error *err)
{
	struct spk_keyed_rows *k = &h->j->kept[side];
	struct spk_join_key key = { 0 };
	struct spk_row_group g;

	SPK_TRY(spk_keyed_rows_piece(k, &g, h->open[side], page, pages, arena, err));
	for (int i = first; i < end; i++) {
		const struct spk_kept_row *row = &h->taken[side].row[i];
		int64_t taken;

		SPK_TRY(spk_row_group_take(k, &g, row->bytes, row->size, -row->weight, &taken, arena, err));
	}
	h->freed[side] += g.bytes_before - g.bytes;
	key.group[side] = &g;
	key.group[!side] = &h->none[!side];
	key.added[!side] = h->added[!side];
	key.taken[!side] = h->taken[!side];
	SPK_TRY(spk_join_delta_key(h->d, &key, err));
	SPK_TRY(spk_join_delta_flush(h->d, err));
	SPK_TRY(spk_join_delta_alone_rows(h->d, side, g.row, g.rows, h->before[!side], h->now[!side], err));
	SPK_TRY(spk_row_changes_emit(h->d->changes, err));
	return spk_keyed_rows_write(k, &g, 1, arena, err);
}

/* Pages from, from + 1, ... */
static spk_status go_through_all(struct hot *h, int side, uint32_t from, struct spk_arena *arena, spk_error *err)
{
	const struct spk_join_rows *t = &h->taken[side];
	const uint32_t pages = SPK_MIN(h->open[side]->stored - from, h->piece[side]);
	const int first = h->at[side];
	uint32_t page[PIECE_MAX];

	for (uint32_t i = 0; i < pages; i++)
		page[i] = from + i;
	while (h->at[side] < t->count && PAGE(&t->row[h->at[side]]) < from + pages)
		h->at[side]++;
	return go_through(h, side, page, pages, first, h->at[side], arena, err);
}

/* The pages of taken rows from, from + 1, ... */
static spk_status go_through_taken(struct hot *h, int side, uint32_t from, struct spk_arena *arena, spk_error *err)
{
	const struct spk_join_rows *t = &h->taken[side];
	const uint32_t to = SPK_MIN(from + h->piece[side], (uint32_t)t->count);
	uint32_t page[PIECE_MAX], pages = 0;

	for (uint32_t i = from; i < to; i++)
		if (!pages || page[pages - 1] != PAGE(&t->row[i]))
			page[pages++] = PAGE(&t->row[i]);
	return go_through(h, side, page, pages, (int)from, (int)to, arena, err);
}

static spk_status go_through_side(struct hot *h, int side, bool all, spk_error *err)
{
	if (all)
		for (uint32_t from = 0; from < h->open[side]->stored; from += h->piece[side])
			SPK_TRY(in_piece(h, go_through_all, side, from, err));
	else
		for (uint32_t from = 0; from < (uint32_t)h->taken[side].count; from += h->piece[side])
			SPK_TRY(in_piece(h, go_through_taken, side, from, err));
	return SPK_OK;
}

/* --- what comes --- */

static spk_status meet_added(struct hot *h, spk_error *err)
{
	struct spk_join_key key = { .group = { &h->none[0], &h->none[1] }, .added = { h->added[0], h->added[1] } };

	SPK_TRY(spk_join_delta_key(h->d, &key, err));
	SPK_TRY(spk_join_delta_flush(h->d, err));
	for (int side = 0; side < 2; side++)
		SPK_TRY(spk_join_delta_alone_rows(h->d, side, h->added[side].row, (uint32_t)h->added[side].count, h->before[!side], h->now[!side], err));
	return spk_row_changes_emit(h->d->changes, err);
}

/* Some of the rows that come; with the first of them the totals lose what was taken. */
static spk_status store(struct hot *h, int side, uint32_t from, struct spk_arena *arena, spk_error *err)
{
	struct spk_row_group g = group_of(h, side);
	struct spk_keyed_rows *k = &h->j->kept[side];
	const enum spk_rows_wanted wanted = k->totals_only ? SPK_ROWS_NONE : k->by_hash ? SPK_ROWS_ASKED : SPK_ROWS_LAST;
	const struct spk_join_rows *added = &h->added[side], *taken = &h->taken[side];
	const uint32_t to = SPK_MIN(from + h->piece[side], (uint32_t)added->count);

	SPK_TRY(spk_keyed_rows_open(k, &g, 1, arena, err));
	for (int i = 0; i < taken->count && from == 0; i++)
		g.total += taken->row[i].weight;
	if (from == 0 && taken->count) {
		g.bytes -= h->freed[side];
		g.going = (uint32_t)taken->count;
		g.changed = true;
	}
	for (uint32_t i = from; i < to && wanted == SPK_ROWS_ASKED; i++)
		SPK_TRY(spk_row_group_ask(k, &g, added->row[i].bytes, added->row[i].size, true, arena, err));
	SPK_TRY(spk_keyed_rows_load(k, &g, &wanted, 1, arena, err));
	for (uint32_t i = from; i < to; i++)
		SPK_TRY(spk_row_group_add(k, &g, &added->row[i], arena, err));
	return spk_keyed_rows_write(k, &g, 1, arena, err);
}

static spk_status work_off(struct hot *h, const enum spk_rows_wanted wanted[2], spk_error *err)
{
	for (int side = 0; side < 2; side++) {
		SPK_TRY(list_rows(h, side, err));
		SPK_TRY(find_taken(h, side, err));
	}
	for (int side = 0; side < 2; side++)
		SPK_TRY(go_through_side(h, side, wanted[side] == SPK_ROWS_ALL, err));
	SPK_TRY(meet_added(h, err));
	for (int side = 0; side < 2; side++) {
		uint32_t from = 0;

		if (h->j->kept[side].by_hash)
			sort_by_page(h->open[side], &h->added[side]);
		do
			SPK_TRY(in_piece(h, store, side, from, err));
		while ((from += h->piece[side]) < (uint32_t)h->added[side].count);
	}
	return SPK_OK;
}

spk_status spk_join_hot_key(struct spk_join_op *j, struct spk_join_delta *d, uint32_t number, const struct spk_row_group *const open[2], const enum spk_rows_wanted wanted[2], spk_error *err)
{
	struct hot h = { .j = j, .d = d, .number = number, .open = { open[0], open[1] }, .arena = d->changes->arena };

	for (int side = 0; side < 2; side++)
		h.piece[side] = SPK_MAX(spk_join_piece(j) / spk_row_group_page_weight(&j->kept[side], open[side]), 1u);
	return work_off(&h, wanted, err);
}

spk_status spk_join_ask(const struct spk_keyed_rows *k, struct spk_row_group *g, const struct spk_delta_rows *d, uint32_t number, struct spk_arena *arena, spk_error *err)
{
	for (uint32_t i = d->first[number]; i; i = d->next[i - 1]) {
		uint32_t size;
		const char *bytes = spk_delta_row(d, i - 1, &size);

		SPK_TRY(spk_row_group_ask(k, g, bytes, size, d->weight[i - 1] > 0, arena, err));
	}
	return SPK_OK;
}
