/*
 * Joins of rows that are in windows with one end: a window's rows are joined when the watermark closes it.
 *
 *   input   0 the left rows, 1 the right ones, by the hash of the keys, the window's end among them; of windows that are open, or take late rows
 *   output  what the join of a closed window's rows is, once, windows in order of their ends; then what late rows change of it
 *   state   bucketed by the window's end: both sides' rows by key (keyed_rows.h); it goes with the window, or plan->lateness_us behind it
 *
 * How many others a row meets, where that tells whether it comes out alone, is counted when the first late row comes to its key and window, and kept from then on.
 */
#include "stream/operator/closing_rows.h"
#include "stream/operator/epoch_windows.h"
#include "stream/operator/join_op.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256 };
/* What a row meets was not counted. */
static const int64_t NOT_COUNTED = -1;

static spk_status window_join_open(struct spk_op *op, spk_error *err)
{
	SPK_TRY(spk_join_op_open(op, false, true, op->plan->lateness_us > 0, err));
	return spk_join_op_filter(spk_join_op_of(op), err);
}

/* --- an epoch's rows, put to the others of their windows --- */

/* A key's group on one side; its rows, all of one window, are those of the epoch. Those that are taken back are there, or go before they came. */
static spk_status change_rows(struct spk_join_op *j, int side, uint32_t key, struct spk_row_group *g, struct spk_arena *arena, spk_error *err)
{
	struct spk_join_key rows = { 0 };

	rows.group[side] = g;
	SPK_TRY(spk_join_take_rows(j, key, side, &rows, arena, err));
	for (int i = 0; i < rows.added[side].count; i++) {
		rows.added[side].row[i].met = NOT_COUNTED;
		SPK_TRY(spk_row_group_add(&j->kept[side], g, &rows.added[side].row[i], arena, err));
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
		wanted[i] = spk_delta_rows_sum(d, number[i]).takes ? SPK_ROWS_ALL : SPK_ROWS_LAST;
	}
	SPK_TRY(spk_keyed_rows_open(&j->kept[side], group, n, arena, err));
	if (!j->kept[side].totals_only)
		SPK_TRY(spk_keyed_rows_load(&j->kept[side], group, wanted, n, arena, err));
	for (int i = 0; i < n; i++)
		SPK_TRY(change_rows(j, side, number[i], &group[i], arena, err));
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

/* Its window has come out. */
static bool is_late(const struct spk_join_op *j, uint32_t key)
{
	return j->base.plan->lateness_us && spk_join_window(j, key) <= spk_op_watermark_before(&j->base);
}

/* passes: by key, whether its rows are joined where they are. */
static spk_status store(struct spk_join_op *j, const bool *passes, spk_error *err)
{
	uint32_t number[KEYS_AT_ONCE];

	for (int side = 0; side < 2; side++) {
		int n = 0;

		for (uint32_t k = 0; k < j->in.keys.count; k++) {
			if (!j->in.side[side].first[k] || is_late(j, k) || passes[k])
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

static spk_status join_group(struct spk_join_delta *d, struct spk_join_key *key, int keys, spk_error *err)
{
	for (int i = 0; i < keys; i++)
		SPK_TRY(spk_join_delta_key(d, &key[i], err));
	SPK_TRY(spk_join_delta_flush(d, err));
	for (int i = 0; i < keys; i++)
		SPK_TRY(spk_join_delta_alone(d, &key[i], err));
	return spk_row_changes_emit(d->changes, err);
}

/* --- windows that have come out --- */

static spk_status open_late(struct spk_join_op *j, const uint32_t *number, int n, struct spk_join_key *key, struct spk_row_group *const group[2], struct spk_arena *arena, spk_error *err)
{
	enum spk_rows_wanted *wanted = SPK_NEW_ARRAY(arena, enum spk_rows_wanted, n + 1);

	SPK_TRY_PTR(wanted, err);
	for (int side = 0; side < 2; side++) {
		for (int i = 0; i < n; i++) {
			struct spk_row_group *g = &group[side][i];

			*g = (struct spk_row_group){ .hash = j->in.keys.hash[number[i]], .bucket = spk_join_window(j, number[i]) };
			g->key = spk_keymap_key(&j->in.keys, number[i], &g->key_size);
			wanted[i] = j->kept[side].totals_only ? SPK_ROWS_NONE : SPK_ROWS_ALL;
			key[i].group[side] = g;
		}
		SPK_TRY(spk_keyed_rows_open(&j->kept[side], group[side], n, arena, err));
		SPK_TRY(spk_keyed_rows_load(&j->kept[side], group[side], wanted, n, arena, err));
	}
	return SPK_OK;
}

static bool is_counted(const struct spk_join_op *j, const struct spk_join_key *key)
{
	for (int side = 0; side < 2; side++)
		for (uint32_t r = 0; j->kept[side].met && r < key->group[side]->rows; r++)
			if (key->group[side]->row[r].met == NOT_COUNTED)
				return false;
	return true;
}

/* The rows of a side as they were before this epoch: they know what they meet, and that will be written. */
static void settle(struct spk_row_group *g)
{
	for (uint32_t r = 0; r < g->rows; r++)
		g->row[r].met_before = g->row[r].met;
	for (uint32_t p = 0; p < g->loaded; p++)
		g->page[p].dirty = true;
	g->changed = g->changed || g->loaded;
}

/* Finds how much each kept row meets, where rows that come out alone are told by it and it was not found before. */
static spk_status count_met(struct spk_join_op *j, const struct spk_join_key *key, int n, spk_error *err)
{
	bool counts[KEYS_AT_ONCE] = { false };
	struct spk_row_group nobody = { 0 };
	struct spk_row_changes none = { .op = &j->base, .arena = spk_arena_new(j->base.pipeline->account) };
	struct spk_join_delta d = { .setup = &j->setup, .changes = &none, .pair = j->pair, .again = true };
	spk_status status = none.arena ? SPK_OK : spk_fail_memory(err);

	for (int i = 0; i < n && status == SPK_OK; i++) {
		struct spk_join_key all = { .group = { &nobody, &nobody } };

		counts[i] = !is_counted(j, &key[i]);
		for (int side = 0; side < 2 && counts[i]; side++) {
			struct spk_row_group *g = key[i].group[side];

			for (uint32_t r = 0; r < g->rows; r++)
				g->row[r].met = 0;
			all.added[side] = (struct spk_join_rows){ g->row, (int)g->rows };
		}
		if (counts[i])
			status = spk_join_delta_key(&d, &all, err);
	}
	if (status == SPK_OK)
		status = spk_join_delta_flush(&d, err);
	for (int i = 0; i < n && status == SPK_OK; i++)
		for (int side = 0; side < 2 && counts[i]; side++)
			if (j->kept[side].met)
				settle(key[i].group[side]);
	spk_arena_unref(none.arena);
	return status;
}

/* What the rows of these keys change of the join of their windows; then they are kept with the others. */
static spk_status join_late(struct spk_join_op *j, const uint32_t *number, int n, struct spk_row_changes *changes, spk_error *err)
{
	struct spk_arena *arena = changes->arena;
	struct spk_join_delta d = { .setup = &j->setup, .changes = changes, .pair = j->pair };
	struct spk_join_key *key = SPK_NEW_ARRAY(arena, struct spk_join_key, n + 1);
	struct spk_row_group *group[2] = { SPK_NEW_ARRAY(arena, struct spk_row_group, n + 1), SPK_NEW_ARRAY(arena, struct spk_row_group, n + 1) };

	SPK_TRY_PTR(key && group[0] && group[1], err);
	SPK_TRY(open_late(j, number, n, key, group, arena, err));
	if (j->setup.role[0].met || j->setup.role[1].met)
		SPK_TRY(count_met(j, key, n, err));
	for (int i = 0; i < n; i++)
		for (int side = 0; side < 2; side++)
			SPK_TRY(spk_join_take_rows(j, number[i], side, &key[i], arena, err));
	SPK_TRY(join_group(&d, key, n, err));
	for (int side = 0; side < 2; side++) {
		for (int i = 0; i < n; i++)
			for (int a = 0; a < key[i].added[side].count; a++)
				SPK_TRY(spk_row_group_add(&j->kept[side], &group[side][i], &key[i].added[side].row[a], arena, err));
		SPK_TRY(spk_keyed_rows_write(&j->kept[side], group[side], n, arena, err));
	}
	return SPK_OK;
}

static spk_status join_late_some(struct spk_join_op *j, const uint32_t *number, int n, spk_error *err)
{
	struct spk_row_changes changes = { .op = &j->base, .arena = spk_arena_new(j->base.pipeline->account) };
	spk_status status = changes.arena ? join_late(j, number, n, &changes, err) : spk_fail_memory(err);

	spk_arena_unref(changes.arena);
	spk_row_changes_release(&changes);
	return status;
}

static spk_status join_all_late(struct spk_join_op *j, spk_error *err)
{
	uint32_t number[KEYS_AT_ONCE];
	int n = 0;

	for (uint32_t k = 0; k < j->in.keys.count && j->base.plan->lateness_us; k++) {
		if ((!j->in.side[0].first[k] && !j->in.side[1].first[k]) || !is_late(j, k))
			continue;
		number[n++] = k;
		if (n < KEYS_AT_ONCE)
			continue;
		SPK_TRY(join_late_some(j, number, n, err));
		n = 0;
	}
	return n ? join_late_some(j, number, n, err) : SPK_OK;
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
		g->row[i].weight_before = g->row[i].met_before = g->row[i].met = 0;
	g->rows = 0;
	g->total = 0;
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

/* --- windows that begin and end within the epoch --- */

/* The next keys of a window: *key goes on behind them. */
static spk_status join_some_passing(struct spk_join_op *j, const struct spk_epoch_windows *p, uint32_t *key, struct spk_row_changes *changes, spk_error *err)
{
	struct spk_join_delta d = { .setup = &j->setup, .changes = changes, .pair = j->pair };
	struct spk_join_key *met = SPK_NEW_ARRAY(changes->arena, struct spk_join_key, KEYS_AT_ONCE);
	struct spk_row_group *nobody = SPK_NEW(changes->arena, struct spk_row_group);
	int n = 0;

	SPK_TRY_PTR(met && nobody, err);
	for (; *key && n < KEYS_AT_ONCE; *key = p->next[*key - 1], n++) {
		met[n] = (struct spk_join_key){ .group = { nobody, nobody } };
		for (int side = 0; side < 2; side++)
			SPK_TRY(spk_join_take_rows(j, *key - 1, side, &met[n], changes->arena, err));
	}
	return join_group(&d, met, n, err);
}

static spk_status join_passing(struct spk_join_op *j, const struct spk_epoch_windows *p, const struct spk_epoch_window *w, spk_error *err)
{
	for (uint32_t key = w->first; key;) {
		struct spk_row_changes changes = { .op = &j->base, .arena = spk_arena_new(j->base.pipeline->account) };
		spk_status status = changes.arena ? join_some_passing(j, p, &key, &changes, err) : spk_fail_memory(err);

		spk_arena_unref(changes.arena);
		spk_row_changes_release(&changes);
		SPK_TRY(status);
	}
	return SPK_OK;
}

/* Keys whose window ends in this epoch while nothing of it is kept: then it need not be, if no late rows are to meet it. */
static spk_status find_passing(struct spk_join_op *j, struct spk_epoch_windows *p, bool **passes, spk_error *err)
{
	const int64_t after = spk_op_watermark_after(&j->base);

	SPK_TRY_PTR(*passes = SPK_NEW_ARRAY(p->arena, bool, (size_t)j->in.keys.count + 1), err);
	for (uint32_t k = 0; k < j->in.keys.count && !j->base.plan->lateness_us; k++) {
		int64_t end;

		if (!j->in.side[0].first[k] && !j->in.side[1].first[k])
			continue;
		end = spk_join_window(j, k);
		(*passes)[k] = end <= after && spk_state_next_bucket(j->view, end) != end;
		if ((*passes)[k])
			SPK_TRY(spk_epoch_windows_add(p, k, end, err));
	}
	return SPK_OK;
}

/* All windows that close, in order of their ends. */
static spk_status close_windows(struct spk_join_op *j, const struct spk_closing_rows *rows, const struct spk_epoch_windows *p, spk_error *err)
{
	for (int i = 0; i < p->n; i++) {
		if (spk_state_first_bucket(j->view) < p->at[i].end)
			SPK_TRY(spk_closing_rows_take(rows, p->at[i].end, err));
		SPK_TRY(join_passing(j, p, &p->at[i], err));
	}
	return spk_closing_rows_take(rows, spk_op_watermark_after(&j->base), err);
}

static spk_status window_join_finish(struct spk_op *op, spk_error *err)
{
	struct spk_join_op *j = spk_join_op_of(op);
	struct closing closing = { .j = j };
	const int64_t before = spk_op_watermark_before(op), after = spk_op_watermark_after(op);
	const struct spk_closing_rows rows = { .op = op, .view = j->view, .kept = j->kept, .sides = 2, .take = join_keys, .user = &closing, .stays = op->plan->lateness_us > 0, .from = before };
	const struct spk_closing_rows gone = { .op = op, .view = j->view, .kept = j->kept, .sides = 2 };
	const int64_t over = after == SPK_WATERMARK_END || after == SPK_WATERMARK_NONE ? after : after - op->plan->lateness_us;
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct spk_epoch_windows passing = { 0 };
	bool *passes = NULL;
	spk_status status = work ? spk_join_input_chain(&j->in, work, err) : spk_fail_memory(err);

	closing.rows = &rows;
	if (status == SPK_OK)
		status = spk_epoch_windows_begin(&passing, j->in.keys.count, work, err);
	if (status == SPK_OK)
		status = find_passing(j, &passing, &passes, err);
	if (status == SPK_OK)
		status = store(j, passes, err);
	if (status == SPK_OK)
		status = join_all_late(j, err);
	if (status == SPK_OK)
		status = spk_join_op_emit_keyless(j, err);
	if (status == SPK_OK)
		status = close_windows(j, &rows, &passing, err);
	if (status == SPK_OK && rows.stays)
		status = spk_closing_rows_take(&gone, over, err);
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
