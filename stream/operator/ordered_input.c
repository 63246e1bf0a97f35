/* An epoch's rows, in order by key. See ordered_input.h. */
#include "stream/operator/ordered_input.h"

spk_status spk_ordered_input_init(struct spk_ordered_input *i, const struct spk_op *op, struct spk_arena *arena, spk_error *err)
{
	const struct spk_physical *plan = op->plan;

	i->order = SPK_NEW_ARRAY(arena, struct spk_key_column, plan->sort_count + 1);
	SPK_TRY_PTR(i->order, err);
	for (int k = 0; k < plan->sort_count; k++) {
		const struct spk_sort_key *s = &plan->sort[k];

		SPK_ASSERT(s->expr->kind == SPK_EXPR_COLUMN, "what rows are ordered by was computed before");
		i->order[k] = (struct spk_key_column){ .column = s->expr->column, .type = s->expr->type, .descending = s->descending, .nulls_first = s->nulls_first };
	}
	spk_delta_rows_init(&i->delta, !plan->input[0]->retracts, op->pipeline->account);
	i->sorted.bytes.account = i->first.keys.account = i->first.list.account = op->pipeline->account;
	return spk_epoch_keys_init(&i->keys, op, arena, err);
}

void spk_ordered_input_clear(struct spk_ordered_input *i)
{
	spk_epoch_keys_clear(&i->keys);
	spk_first_rows_clear(&i->first);
	spk_delta_rows_clear(&i->delta);
}

void spk_ordered_input_release(struct spk_ordered_input *i)
{
	spk_epoch_keys_release(&i->keys);
	spk_first_rows_release(&i->first);
	spk_delta_rows_release(&i->delta);
	spk_row_keys_release(&i->sorted);
}

spk_status spk_ordered_input_push(struct spk_ordered_input *i, const struct spk_op *op, const struct spk_batch *in, spk_error *err)
{
	uint32_t number[SPK_BATCH_ROWS];

	SPK_TRY(spk_epoch_keys_put(&i->keys, op, in, number, err));
	SPK_TRY(spk_row_keys_encode(&i->sorted, in, i->order, op->plan->sort_count, false, err));
	SPK_TRY(spk_delta_rows_begin(&i->delta, in, in->columns, err));
	SPK_EACH_ROW(in, k, row) {
		struct spk_delta_frame frame = { .ordered = true };

		frame.order = spk_row_key(&i->sorted, k, &frame.order_size);
		if (i->first.bound && !spk_first_rows_may(&i->first, &i->delta, number[k], frame.order, frame.order_size))
			continue;
		SPK_TRY(spk_delta_rows_add(&i->delta, row, &frame, number[k], spk_batch_weight(in, row), err));
		if (i->first.bound)
			SPK_TRY(spk_first_rows_note(&i->first, &i->delta, number[k], err));
	}
	return SPK_OK;
}

struct spk_ordered_tree spk_ordered_input_tree(const struct spk_ordered_input *i, uint32_t key, struct spk_arena *arena)
{
	struct spk_ordered_tree tree = { .hash = spk_epoch_key_hash(&i->keys, key), .bucket = spk_epoch_key_bucket(&i->keys, key), .arena = arena };

	tree.key = spk_epoch_key(&i->keys, key, &tree.key_size);
	return tree;
}
