/*
 * Lookup joins: a row meets what the other side has in the epoch in which it comes, and never anything else.
 *
 *   input   0 the left rows, only added; 1 the right ones, which may be taken back; by the hash of the keys
 *   output  pairs, and left rows that meet nothing (LEFT); append-only, whatever becomes of the right side
 *   state   bucketed: READY the right side's rows by key (keyed_rows.h), WAITING left rows that came before the right side was there
 *
 * An epoch's changes of the right side come before its left rows. Where the right side has an end (files) it is looked up when that is there: until then
 * left rows wait, by key.
 */
#include "stream/operator/closing_rows.h"
#include "stream/operator/join_op.h"
#include "stream/operator/stream_operators.h"

enum { KEYS_AT_ONCE = 256, WAITING = 0, READY = 1 };

static spk_status lookup_join_open(struct spk_op *op, spk_error *err)
{
	return spk_join_op_open(op, true, false, false, err);
}

/* --- some keys and their rows --- */

struct slice {
	struct spk_arena *arena;
	int keys;
	struct spk_row_group right[KEYS_AT_ONCE], left[KEYS_AT_ONCE];  /* left: when rows are put to those that wait, else empty */
	enum spk_rows_wanted wanted[KEYS_AT_ONCE];
	struct spk_join_rows rows[KEYS_AT_ONCE];                      /* left ones that look up */
};

/* The epoch's rows of a key on that side. */
static spk_status new_rows(struct spk_join_op *j, int side, uint32_t key, struct spk_join_rows *rows, struct spk_arena *arena, spk_error *err)
{
	const struct spk_delta_rows *d = &j->in.side[side];

	SPK_TRY_PTR(rows->row = SPK_NEW_ARRAY(arena, struct spk_kept_row, spk_delta_rows_sum(d, key).rows + 1), err);
	for (uint32_t i = d->first[key]; i; i = d->next[i - 1]) {
		struct spk_kept_row *row = &rows->row[rows->count++];

		row->weight = d->weight[i - 1];
		SPK_TRY(spk_delta_row_own(d, i - 1, arena, row, err));
	}
	return SPK_OK;
}

/* Pairs of the left rows with what the right side has now, and those that meet nothing. */
static spk_status look_up(struct spk_join_op *j, struct slice *s, spk_error *err)
{
	struct spk_row_changes changes = { .op = &j->base, .arena = s->arena };
	struct spk_join_delta d = { .setup = &j->setup, .changes = &changes, .pair = j->pair };
	struct spk_row_group *nobody = SPK_NEW(s->arena, struct spk_row_group);
	spk_status status = nobody ? SPK_OK : spk_fail_memory(err);

	for (int i = 0; i < s->keys && status == SPK_OK; i++) {
		struct spk_join_key key = { .group = { nobody, &s->right[i] }, .added = { s->rows[i] } };

		status = spk_join_delta_key(&d, &key, err);
	}
	if (status == SPK_OK)
		status = spk_join_delta_flush(&d, err);
	for (int i = 0; i < s->keys && status == SPK_OK && spk_join_comes_alone(j->setup.type, 0); i++) {
		const struct spk_join_key key = { .group = { nobody, &s->right[i] }, .added = { s->rows[i] } };

		status = spk_join_delta_alone(&d, &key, err);
	}
	if (status == SPK_OK)
		status = spk_row_changes_emit(&changes, err);
	spk_row_changes_release(&changes);
	return status;
}

/* --- an epoch's changes --- */

static spk_status change_right(struct spk_join_op *j, struct slice *s, int at, uint32_t key, spk_error *err)
{
	struct spk_join_rows rows = { 0 };

	SPK_TRY(new_rows(j, 1, key, &rows, s->arena, err));
	/* First what goes: what comes is put behind what is left. */
	for (int comes = 0; comes < 2; comes++)
		for (int i = 0; i < rows.count; i++) {
			struct spk_kept_row *row = &rows.row[i];
			int64_t taken = 0;

			if ((row->weight > 0) != comes)
				continue;
			if (!comes)
				SPK_TRY(spk_row_group_take(&j->kept[1], &s->right[at], row->bytes, row->size, -row->weight, &taken, s->arena, err));
			row->weight += taken;
			if (row->weight)
				SPK_TRY(spk_row_group_add(&j->kept[1], &s->right[at], row, s->arena, err));
		}
	return SPK_OK;
}

static spk_status wait(struct spk_join_op *j, struct slice *s, spk_error *err)
{
	for (int i = 0; i < s->keys; i++)
		s->wanted[i] = SPK_ROWS_LAST;
	SPK_TRY(spk_keyed_rows_open(&j->kept[0], s->left, s->keys, s->arena, err));
	SPK_TRY(spk_keyed_rows_load(&j->kept[0], s->left, s->wanted, s->keys, s->arena, err));
	for (int i = 0; i < s->keys; i++)
		for (int a = 0; a < s->rows[i].count; a++) {
			struct spk_kept_row row = s->rows[i].row[a];

			SPK_TRY_PTR(row.bytes = spk_join_row_with(&row, (int64_t)s->left[i].hash, s->arena), err);
			row.size += sizeof(int64_t);
			SPK_TRY(spk_row_group_add(&j->kept[0], &s->left[i], &row, s->arena, err));
		}
	return spk_keyed_rows_write(&j->kept[0], s->left, s->keys, s->arena, err);
}

static spk_status work_off(struct spk_join_op *j, struct slice *s, const uint32_t *number, bool ready, spk_error *err)
{
	for (int i = 0; i < s->keys; i++) {
		const struct spk_delta_sum left = spk_delta_rows_sum(&j->in.side[0], number[i]), right = spk_delta_rows_sum(&j->in.side[1], number[i]);

		s->right[i] = (struct spk_row_group){ .hash = j->in.keys.hash[number[i]], .bucket = READY };
		s->right[i].key = spk_keymap_key(&j->in.keys, number[i], &s->right[i].key_size);
		s->left[i] = s->right[i];
		s->left[i].bucket = WAITING;
		s->wanted[i] = (left.rows && ready) || right.takes ? SPK_ROWS_ALL : right.rows ? SPK_ROWS_LAST : SPK_ROWS_NONE;
		s->rows[i] = (struct spk_join_rows){ 0 };
		SPK_TRY(new_rows(j, 0, number[i], &s->rows[i], s->arena, err));
	}
	SPK_TRY(spk_keyed_rows_open(&j->kept[1], s->right, s->keys, s->arena, err));
	SPK_TRY(spk_keyed_rows_load(&j->kept[1], s->right, s->wanted, s->keys, s->arena, err));
	for (int i = 0; i < s->keys; i++)
		SPK_TRY(change_right(j, s, i, number[i], err));
	SPK_TRY(ready ? look_up(j, s, err) : wait(j, s, err));
	return spk_keyed_rows_write(&j->kept[1], s->right, s->keys, s->arena, err);
}

static spk_status with_arena(struct spk_join_op *j, struct slice *s, const uint32_t *number, bool ready, spk_error *err)
{
	spk_status status;

	s->arena = spk_arena_new(j->base.pipeline->account);
	SPK_TRY_PTR(s->arena, err);
	status = work_off(j, s, number, ready, err);
	spk_arena_unref(s->arena);
	s->keys = 0;
	return status;
}

static spk_status work_off_keys(struct spk_join_op *j, struct slice *s, bool ready, spk_error *err)
{
	uint32_t number[KEYS_AT_ONCE];

	for (uint32_t k = 0; k < j->in.keys.count; k++) {
		if (!j->in.side[0].first[k] && !j->in.side[1].first[k])
			continue;
		number[s->keys++] = k;
		if (s->keys == KEYS_AT_ONCE)
			SPK_TRY(with_arena(j, s, number, ready, err));
	}
	return s->keys ? with_arena(j, s, number, ready, err) : SPK_OK;
}

/* --- rows that waited --- */

static spk_status look_up_late(void *user, struct spk_row_group *group, int groups, struct spk_arena *arena, spk_error *err)
{
	struct spk_join_op *j = user;
	struct slice *s = SPK_NEW(arena, struct slice);

	SPK_TRY_PTR(s, err);
	s->arena = arena;
	for (int from = 0; from < groups; from += KEYS_AT_ONCE) {
		s->keys = SPK_MIN(groups - from, KEYS_AT_ONCE);
		for (int i = 0; i < s->keys; i++) {
			struct spk_row_group *g = &group[from + i];

			/* The name of a group ends in its side, and its rows in their hash. */
			s->right[i] = (struct spk_row_group){ .key = g->key, .key_size = g->key_size - 1, .bucket = READY };
			s->right[i].hash = (uint64_t)spk_join_row_number(g->row[0].bytes, g->row[0].size);
			s->wanted[i] = SPK_ROWS_ALL;
			for (uint32_t r = 0; r < g->rows; r++)
				g->row[r].weight_before = 0;
			s->rows[i] = (struct spk_join_rows){ g->row, (int)g->rows };
		}
		SPK_TRY(spk_keyed_rows_open(&j->kept[1], s->right, s->keys, arena, err));
		SPK_TRY(spk_keyed_rows_load(&j->kept[1], s->right, s->wanted, s->keys, arena, err));
		SPK_TRY(look_up(j, s, err));
	}
	return SPK_OK;
}

static spk_status lookup_join_finish(struct spk_op *op, spk_error *err)
{
	struct spk_join_op *j = spk_join_op_of(op);
	const bool ready = !op->plan->waits || spk_run_watermark_after(op->pipeline->run, op->plan->time_sources) == SPK_WATERMARK_END;
	const struct spk_closing_rows waited = { .op = op, .view = j->view, .kept = j->kept, .sides = 2, .take = look_up_late, .user = j, .later = true };
	struct spk_arena *work = spk_arena_new(op->pipeline->account);
	struct slice *s = work ? SPK_NEW(work, struct slice) : NULL;
	spk_status status = s ? spk_join_input_chain(&j->in, work, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = work_off_keys(j, s, ready, err);
	if (status == SPK_OK)
		status = spk_join_op_emit_keyless(j, err);
	if (status == SPK_OK && ready)
		status = spk_closing_rows_take(&waited, WAITING, err);
	spk_arena_unref(work);
	spk_join_input_clear(&j->in);
	return status;
}

const struct spk_op_type spk_op_lookup_join = {
	.name = "lookup join",
	.size = sizeof(struct spk_join_op),
	.open = lookup_join_open,
	.begin = spk_join_op_begin,
	.push = spk_join_op_push,
	.finish = lookup_join_finish,
	.close = spk_join_op_close,
};
