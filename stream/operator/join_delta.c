/*
 * What an epoch's changes of both sides change of a join, key by key.
 *
 * Of a pair of rows a and b, whose weights go from a0 to a1 and from b0 to b1, a1 b1 - a0 b0 comes out. With what is taken from the
 * kept rows known first, it is enough to look at each kept row once:
 *
 *   rows taken back here  x  rows kept there, as before          rows kept here, as left  x  rows taken back there
 *   rows added here       x  rows kept there, as left            rows kept here, as left  x  rows added there
 *   rows added here       x  rows added there
 *
 * A row that comes out alone (LEFT and the like) depends on how much it meets. Without a condition beside the keys that is the other
 * side's total, else it is counted by row while pairs are decided. Where the other side's keys are forgotten (state.ttl) it is also counted
 * by row: what has met something, and came out so, does not begin anew with the total.
 */
#include "stream/operator/stream_join.h"

/* The pairs that wait as a batch of left ++ right. */
static spk_status pairs_batch(const struct spk_join_delta *d, struct spk_batch **out, spk_error *err)
{
	const struct spk_join_setup *s = d->setup;
	const struct spk_physical *plan = s->op->plan;
	const struct spk_kept_row *row[SPK_BATCH_ROWS] = { NULL };
	spk_status status;

	*out = NULL;
	status = spk_kept_rows_begin(s->op, &s->both, d->changes->arena, d->pairs, out, err);
	for (int side = 0; side < 2 && status == SPK_OK; side++) {
		for (int i = 0; i < d->pairs; i++)
			row[i] = side ? d->pair[i].right : d->pair[i].left;
		status = spk_kept_rows_read(*out, side ? plan->left->count : 0, side ? plan->right : plan->left, row, d->pairs, err);
	}
	if (status == SPK_OK)
		return SPK_OK;
	spk_batch_unref(*out);
	*out = NULL;
	return status;
}

/* Those of them that meet the condition, into keep[0..kept). A pair for which it fails does not meet it, and is told of. */
static spk_status filter_pairs(const struct spk_join_delta *d, struct spk_batch *batch, int32_t *keep, int *kept, spk_error *err)
{
	struct spk_op *op = d->setup->op;
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = spk_op_eval(op, batch->arena, &errors);

	SPK_TRY(spk_expr_filter(op->plan->filter, batch, NULL, d->pairs, &ev, keep, kept, err));
	for (int i = 0; i < errors.count; i++)
		SPK_TRY(spk_op_dead_letter(op, batch, errors.list[i].row, errors.list[i].code, false, 0, errors.list[i].message, err));
	return SPK_OK;
}

spk_status spk_join_delta_flush(struct spk_join_delta *d, spk_error *err)
{
	const struct spk_join_setup *s = d->setup;
	struct spk_batch *batch = NULL;
	int32_t *keep = NULL;
	int kept = d->pairs;
	spk_status status = SPK_OK;

	if (!d->pairs)
		return SPK_OK;
	SPK_TRY(spk_op_check_cancelled(s->op, err));
	if (s->op->plan->filter) {
		SPK_TRY(pairs_batch(d, &batch, err));
		batch->repeats = d->again;
		keep = spk_arena_alloc(batch->arena, sizeof *keep * (size_t)d->pairs);
		status = keep ? filter_pairs(d, batch, keep, &kept, err) : spk_fail_memory(err);
	}
	for (int k = 0; k < kept && status == SPK_OK; k++) {
		const struct spk_join_pair *p = &d->pair[keep ? keep[k] : k];

		p->left->met += p->left_meets;
		p->right->met += p->right_meets;
		if (s->pairs && !d->again)
			status = spk_row_changes_add(d->changes, (struct spk_row_change){ .left = p->left, .right = p->right, .weight = p->weight }, err);
	}
	spk_batch_unref(batch);
	d->pairs = 0;
	return status;
}

/* `mine` is a row of side `side`; meets: what that adds to how much `mine` and `other` meet. */
static spk_status add_pair(struct spk_join_delta *d, int side, struct spk_kept_row *mine, struct spk_kept_row *other, int64_t weight, int64_t mine_meets, int64_t other_meets, spk_error *err)
{
	struct spk_join_pair p = { .weight = weight };

	p.left = side ? other : mine;
	p.right = side ? mine : other;
	p.left_meets = side ? other_meets : mine_meets;
	p.right_meets = side ? mine_meets : other_meets;
	d->pair[d->pairs++] = p;
	return d->pairs < d->setup->op->pipeline->batch_rows ? SPK_OK : spk_join_delta_flush(d, err);
}

/* The side's changed rows with what is kept of the other one. */
static spk_status changed_with_kept(struct spk_join_delta *d, struct spk_join_key *key, int side, spk_error *err)
{
	struct spk_row_group *g = key->group[!side];

	for (uint32_t i = 0; i < g->rows; i++) {
		struct spk_kept_row *kept = &g->row[i];
		/* Pairs of rows taken back on both sides are counted with the left one's. */
		const int64_t weight = side ? kept->weight : kept->weight_before;

		for (int t = 0; t < key->taken[side].count && weight; t++)
			SPK_TRY(add_pair(d, side, &key->taken[side].row[t], kept, key->taken[side].row[t].weight * weight, 0, key->taken[side].row[t].weight, err));
		for (int a = 0; a < key->added[side].count && kept->weight; a++)
			SPK_TRY(add_pair(d, side, &key->added[side].row[a], kept, key->added[side].row[a].weight * kept->weight, kept->weight, key->added[side].row[a].weight, err));
	}
	return SPK_OK;
}

static bool needs_pairs(const struct spk_join_setup *s)
{
	return s->pairs || s->by_row || s->op->plan->filter;
}

spk_status spk_join_delta_key(struct spk_join_delta *d, struct spk_join_key *key, spk_error *err)
{
	if (!needs_pairs(d->setup))
		return SPK_OK;
	for (int side = 0; side < 2; side++)
		SPK_TRY(changed_with_kept(d, key, side, err));
	for (int a = 0; a < key->added[0].count; a++)
		for (int b = 0; b < key->added[1].count; b++) {
			struct spk_kept_row *left = &key->added[0].row[a], *right = &key->added[1].row[b];

			SPK_TRY(add_pair(d, 0, left, right, left->weight * right->weight, right->weight, left->weight, err));
		}
	return SPK_OK;
}

/* --- rows that come out alone --- */

static spk_status note_alone(struct spk_join_delta *d, int side, const struct spk_kept_row *row, int64_t weight, bool mark, spk_error *err)
{
	return spk_row_changes_add(d->changes, (struct spk_row_change){ .left = side ? NULL : row, .right = side ? row : NULL, .weight = weight, .mark = mark }, err);
}

static spk_status more_than_one(const struct spk_join_setup *s, spk_error *err)
{
	spk_fail(err, SPK_DATA, "more than one row returned by a subquery used as an expression");
	if (err && s->op->plan->logical)
		err->position = s->op->plan->logical->position;
	return SPK_DATA;
}

/* How a row, which met `before` and meets `now`, comes out. */
static spk_status change_alone(struct spk_join_delta *d, int side, const struct spk_kept_row *row, int64_t before, int64_t now, spk_error *err)
{
	const bool met = before > 0, meets = now > 0;

	switch (d->setup->type) {
	case SPK_JOIN_SINGLE:
		if (now > 1 && row->weight > 0)
			return more_than_one(d->setup, err);
		break;
	case SPK_JOIN_SEMI:
		return note_alone(d, side, row, row->weight * meets - row->weight_before * met, false, err);
	case SPK_JOIN_MARK:
		SPK_TRY(note_alone(d, side, row, row->weight * meets - row->weight_before * met, true, err));
		break;
	case SPK_JOIN_INNER:
	case SPK_JOIN_LEFT:
	case SPK_JOIN_RIGHT:
	case SPK_JOIN_FULL:
	case SPK_JOIN_ANTI:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT:
		break;
	}
	return note_alone(d, side, row, row->weight * !meets - row->weight_before * !met, false, err);
}

spk_status spk_join_delta_alone_rows(struct spk_join_delta *d, int side, struct spk_kept_row *row, uint32_t n, int64_t before, int64_t now, spk_error *err)
{
	const struct spk_join_role *role = &d->setup->role[side];
	const bool counted = role->met && !needs_pairs(d->setup);

	for (uint32_t i = 0; i < n && role->alone; i++) {
		if (counted)
			row[i].met += now - (row[i].weight_before ? before : 0);  /* one that comes now meets all there is */
		SPK_TRY(change_alone(d, side, &row[i], role->met ? row[i].met_before : before, role->met ? row[i].met : now, err));
	}
	return SPK_OK;
}

spk_status spk_join_delta_alone(struct spk_join_delta *d, const struct spk_join_key *key, spk_error *err)
{
	for (int side = 0; side < 2; side++) {
		const struct spk_row_group *g = key->group[side], *other = key->group[!side];
		int64_t now = other->total;

		for (int a = 0; a < key->added[!side].count; a++)
			now += key->added[!side].row[a].weight;
		SPK_TRY(spk_join_delta_alone_rows(d, side, g->row, g->rows, other->total_before, now, err));
		SPK_TRY(spk_join_delta_alone_rows(d, side, key->added[side].row, (uint32_t)key->added[side].count, other->total_before, now, err));
	}
	return SPK_OK;
}

spk_status spk_join_delta_keyless(struct spk_join_delta *d, int side, const struct spk_delta_rows *rows, spk_error *err)
{
	struct spk_arena *arena = d->changes->arena;

	for (uint32_t i = 0; i < rows->count && d->setup->role[side].alone; i++) {
		struct spk_kept_row *row;

		if (rows->key[i] != SPK_DELTA_NO_KEY || !rows->weight[i])
			continue;
		SPK_TRY_PTR(row = SPK_NEW(arena, struct spk_kept_row), err);
		SPK_TRY(spk_delta_row_own(rows, i, arena, row, err));
		row->weight = rows->weight[i];
		SPK_TRY(change_alone(d, side, row, 0, 0, err));
	}
	return SPK_OK;
}
