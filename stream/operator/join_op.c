/* What all joins in a stream are made of. See join_op.h. */
#include "stream/operator/join_op.h"

#include "core/columnar/hash.h"

spk_status spk_join_op_open(struct spk_op *op, bool by_row, bool timed, bool met, spk_error *err)
{
	static const char sides[] = { 'l', 'r', 'm' };
	struct spk_join_op *j = spk_join_op_of(op);
	int first, end;

	SPK_ASSERT(op->pipeline->store && op->plan->state_table, "a stateful operator has a store");
	SPK_TRY_PTR(j->arena = spk_arena_new(op->pipeline->account), err);
	SPK_TRY(spk_join_setup_init(&j->setup, op, by_row, j->arena, err));
	SPK_TRY(spk_join_input_init(&j->in, &j->setup, timed, j->arena, err));
	SPK_TRY_PTR(j->pair = SPK_NEW_ARRAY(j->arena, struct spk_join_pair, op->pipeline->batch_rows), err);
	spk_shard_range(op->pipeline->partition, op->pipeline->partitions, &first, &end);
	SPK_TRY(spk_state_view_open(&j->view, op->pipeline->store, op->plan->state_table, first, end, err));
	for (size_t s = 0; s < SPK_COUNT_OF(sides); s++)
		j->kept[s] = (struct spk_keyed_rows){ .view = j->view, .account = op->pipeline->account, .side = sides[s], .bucketed = spk_physical_has_buckets(op->plan),
			.met = met && s < 2 && j->setup.role[s].met, .totals_only = s == 1 && spk_join_counts_right(&j->setup),
			.by_hash = s < 2 && op->plan->takes[s], .bytes.account = op->pipeline->account };
	return SPK_OK;
}

spk_status spk_join_op_filter(struct spk_join_op *j, spk_error *err)
{
	for (int s = 0; s < 2; s++) {
		j->filter[s].account = j->base.pipeline->account;
		j->kept[s].filter = &j->filter[s];
		for (int64_t b = spk_state_first_bucket(j->view); b != INT64_MAX; b = spk_state_next_bucket(j->view, b + 1))
			SPK_TRY(spk_bucket_filter_unknown(&j->filter[s], b, err));
	}
	return SPK_OK;
}

spk_status spk_join_op_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_join_input_clear(&spk_join_op_of(op)->in);
	return SPK_OK;
}

spk_status spk_join_op_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	return spk_join_input_push(&spk_join_op_of(op)->in, input, in, err);
}

void spk_join_op_close(struct spk_op *op)
{
	struct spk_join_op *j = spk_join_op_of(op);

	for (size_t s = 0; s < SPK_COUNT_OF(j->kept); s++)
		spk_keyed_rows_release(&j->kept[s]);
	for (int s = 0; s < 2; s++)
		spk_bucket_filter_release(&j->filter[s]);
	spk_join_input_release(&j->in);
	spk_state_view_close(j->view);
	spk_arena_unref(j->arena);
}

int64_t spk_join_window(const struct spk_join_op *j, uint32_t number)
{
	const struct spk_delta_rows *d = &j->in.side[j->in.side[0].first[number] ? 0 : 1];
	uint32_t size;
	const char *row = spk_delta_row(d, d->first[number] - 1, &size);

	return spk_join_row_number(row, size);
}

static void put(struct spk_join_rows *rows, const struct spk_kept_row *row, int64_t weight)
{
	if (weight)
		rows->row[rows->count++] = (struct spk_kept_row){ .bytes = row->bytes, .size = row->size, .weight = weight };
}

spk_status spk_join_take_rows(struct spk_join_op *j, uint32_t number, int side, struct spk_join_key *key, struct spk_arena *arena, spk_error *err)
{
	const struct spk_delta_rows *d = &j->in.side[side];
	const int rows = spk_delta_rows_sum(d, number).rows;

	SPK_TRY_PTR(key->added[side].row = SPK_NEW_ARRAY(arena, struct spk_kept_row, rows + 1), err);
	SPK_TRY_PTR(key->taken[side].row = SPK_NEW_ARRAY(arena, struct spk_kept_row, rows + 1), err);
	for (uint32_t i = d->first[number]; i; i = d->next[i - 1]) {
		int64_t weight = d->weight[i - 1], taken = 0;
		struct spk_kept_row row = { 0 };

		SPK_TRY(spk_delta_row_own(d, i - 1, arena, &row, err));
		if (weight < 0 && !j->kept[side].totals_only)
			SPK_TRY(spk_row_group_take(&j->kept[side], key->group[side], row.bytes, row.size, -weight, &taken, arena, err));
		put(&key->taken[side], &row, -taken);
		put(&key->added[side], &row, weight + taken);
	}
	return SPK_OK;
}

spk_status spk_join_op_emit_keyless(struct spk_join_op *j, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(j->base.pipeline->account);
	struct spk_row_changes changes = { .op = &j->base, .arena = arena };
	struct spk_join_delta d = { .setup = &j->setup, .changes = &changes };
	spk_status status = arena ? SPK_OK : spk_fail_memory(err);

	for (int side = 0; side < 2 && status == SPK_OK; side++)
		status = spk_join_delta_keyless(&d, side, &j->in.side[side], err);
	if (status == SPK_OK)
		status = spk_row_changes_emit(&changes, err);
	spk_row_changes_release(&changes);
	spk_arena_unref(arena);
	return status;
}
