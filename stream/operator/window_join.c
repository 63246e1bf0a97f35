/*
 * Joins of rows that are in windows with one end: a window's rows are joined when the watermark closes it.
 *
 *   input   0 the left rows, 1 the right ones, by the hash of the keys, the window's end among them; only added, of windows that are open
 *   output  what the join of a closed window's rows is, once, windows in order of their ends
 *   state   bucketed by the window's end: both sides' rows by key (keyed_rows.h); it goes with the window
 */
#include "stream/operator/closing_rows.h"
#include "stream/operator/join_op.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256 };

static spk_status window_join_open(struct spk_op *op, spk_error *err)
{
	SPK_TRY(spk_join_op_open(op, false, true, false, err));
	return spk_join_op_filter(spk_join_op_of(op), err);
}

/* --- an epoch's rows, put to the others of their windows --- */

/* A key's group on one side; its rows, all of one window, are those of the epoch. */
static spk_status add_rows(struct spk_join_op *j, int side, uint32_t key, struct spk_row_group *g, struct spk_arena *arena, spk_error *err)
{
	const struct spk_delta_rows *d = &j->in.side[side];

	for (uint32_t i = d->first[key]; i; i = d->next[i - 1]) {
		struct spk_kept_row row = { .weight = d->weight[i - 1] };

		SPK_TRY(spk_delta_row_own(d, i - 1, arena, &row, err));
		SPK_TRY(spk_row_group_add(&j->kept[side], g, &row, arena, err));
	}
	return SPK_OK;
}

static spk_status store_side(struct spk_join_op *j, int side, const uint32_t *number, int n, struct spk_arena *arena, spk_error *err)
{
	const struct spk_delta_rows *d = &j->in.side[side];
	struct spk_row_group *group = SPK_NEW_ARRAY(arena, struct spk_row_group, n + 1);
	enum spk_rows_wanted *wanted = SPK_NEW_ARRAY(arena, enum spk_rows_wanted, n + 1);

	SPK_TRY_PTR(group && wanted, err);
	for (int i = 0; i < n; i++) {
		uint32_t size;
		const char *row = spk_delta_row(d, d->first[number[i]] - 1, &size);

		group[i] = (struct spk_row_group){ .hash = j->in.keys.hash[number[i]], .bucket = spk_join_row_number(row, size) };
		group[i].key = spk_keymap_key(&j->in.keys, number[i], &group[i].key_size);
		wanted[i] = SPK_ROWS_LAST;
	}
	SPK_TRY(spk_keyed_rows_open(&j->kept[side], group, n, arena, err));
	if (!j->kept[side].totals_only)
		SPK_TRY(spk_keyed_rows_load(&j->kept[side], group, wanted, n, arena, err));
	for (int i = 0; i < n; i++)
		SPK_TRY(add_rows(j, side, number[i], &group[i], arena, err));
	return spk_keyed_rows_write(&j->kept[side], group, n, arena, err);
}

static spk_status store_some(struct spk_join_op *j, int side, const uint32_t *number, int n, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(j->base.pipeline->account);
	spk_status status;

	SPK_TRY_PTR(arena, err);
	status = store_side(j, side, number, n, arena, err);
	spk_arena_unref(arena);
	return status;
}

static spk_status store(struct spk_join_op *j, spk_error *err)
{
	uint32_t number[KEYS_AT_ONCE];

	for (int side = 0; side < 2; side++) {
		int n = 0;

		for (uint32_t k = 0; k < j->in.keys.count; k++) {
			if (!j->in.side[side].first[k])
				continue;
			number[n++] = k;
			if (n < KEYS_AT_ONCE)
				continue;
			SPK_TRY(store_some(j, side, number, n, err));
			n = 0;
		}
		if (n)
			SPK_TRY(store_some(j, side, number, n, err));
	}
	return SPK_OK;
}

/* --- windows that close --- */

struct closing { struct spk_join_op *j; const struct spk_closing_rows *rows; };

/* All of a key's rows of a side are new to the one that looks at them now. Of a side that is counted, the count is. */
static void take_side(const struct spk_join_op *j, struct spk_join_key *key, int side, struct spk_row_group *g)
{
	key->group[side] = g;
	g->total_before = 0;
	if (j->kept[side].totals_only)
		return;
	key->added[side] = (struct spk_join_rows){ g->row, (int)g->rows };
	for (uint32_t i = 0; i < g->rows; i++)
		g->row[i].weight_before = g->row[i].met_before = 0;
	g->rows = 0;
	g->total = 0;
}

static spk_status join_group(struct spk_join_delta *d, struct spk_join_key *key, int keys, spk_error *err)
{
	for (int i = 0; i < keys; i++)
		SPK_TRY(spk_join_delta_key(d, &key[i], err));
	SPK_TRY(spk_join_delta_flush(d, err));
	for (int i = 0; i < keys; i++)
		SPK_TRY(spk_join_delta_alone(d, &key[i], err));
	return spk_row_changes_emit(d->changes, err);
}

static spk_status join_keys(void *user, struct spk_row_group *group, int groups, struct spk_arena *arena, spk_error *err)
{
	const struct closing *c = user;
	struct spk_join_op *j = c->j;
	struct spk_row_changes changes = { .op = &j->base, .arena = arena };
	struct spk_join_delta d = { .setup = &j->setup, .changes = &changes, .pair = j->pair };
	struct spk_join_key *key = SPK_NEW_ARRAY(arena, struct spk_join_key, groups + 1);
	struct spk_row_group *nobody = SPK_NEW(arena, struct spk_row_group);
	spk_status status;
	int keys = 0;

	SPK_TRY_PTR(key && nobody, err);
	for (int i = 0; i < groups; i++) {
		const bool goes_on = i && group[i].key_size == group[i - 1].key_size && memcmp(group[i].key, group[i - 1].key, group[i].key_size - 1) == 0;

		if (!goes_on)
			key[keys++] = (struct spk_join_key){ .group = { nobody, nobody } };
		take_side(j, &key[keys - 1], spk_closing_rows_side(c->rows, &group[i]), &group[i]);
	}
	status = join_group(&d, key, keys, err);
	spk_row_changes_release(&changes);
	return status;
}

static spk_status window_join_finish(struct spk_op *op, spk_error *err)
{
	struct spk_join_op *j = spk_join_op_of(op);
	struct closing closing = { .j = j };
	const struct spk_closing_rows rows = { .op = op, .view = j->view, .kept = j->kept, .sides = 2, .take = join_keys, .user = &closing };
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	spk_status status = work ? spk_join_input_chain(&j->in, work, err) : spk_fail_memory(err);

	closing.rows = &rows;
	if (status == SPK_OK)
		status = store(j, err);
	if (status == SPK_OK)
		status = spk_join_op_emit_keyless(j, err);
	if (status == SPK_OK)
		status = spk_closing_rows_take(&rows, spk_op_watermark_after(op), err);
	spk_arena_unref(work);
	spk_join_input_clear(&j->in);
	return status;
}

const struct spk_op_type spk_op_window_join = {
	.name = "window join",
	.size = sizeof(struct spk_join_op),
	.open = window_join_open,
	.begin = spk_join_op_begin,
	.push = spk_join_op_push,
	.finish = window_join_finish,
	.close = spk_join_op_close,
};
