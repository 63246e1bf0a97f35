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
	spk_delta_rows_init(&i->delta, op->pipeline->account);
	i->sorted.bytes.account = op->pipeline->account;
	return spk_epoch_keys_init(&i->keys, op, arena, err);
}

void spk_ordered_input_clear(struct spk_ordered_input *i)
{
	spk_epoch_keys_clear(&i->keys);
	spk_delta_rows_clear(&i->delta);
}

void spk_ordered_input_release(struct spk_ordered_input *i)
{
	spk_epoch_keys_release(&i->keys);
	spk_delta_rows_release(&i->delta);
	spk_row_keys_release(&i->sorted);
}

spk_status spk_ordered_input_push(struct spk_ordered_input *i, const struct spk_op *op, const struct spk_batch *in, spk_error *err)
{
	uint32_t number[SPK_BATCH_ROWS];

	SPK_TRY(spk_epoch_keys_put(&i->keys, op, in, number, err));
	SPK_TRY(spk_row_keys_encode(&i->sorted, in, i->order, op->plan->sort_count, false, err));
	SPK_EACH_ROW(in, k, row) {
		uint32_t size;
		const char *order = spk_row_key(&i->sorted, k, &size);

		SPK_TRY(spk_delta_rows_encode_ordered(&i->delta, order, size, in, row, err));
		SPK_TRY(spk_delta_rows_add(&i->delta, number[k], spk_batch_weight(in, row), err));
	}
	return SPK_OK;
}

struct spk_ordered_tree spk_ordered_input_tree(const struct spk_ordered_input *i, uint32_t key, struct spk_arena *arena)
{
	struct spk_ordered_tree tree = { .hash = spk_epoch_key_hash(&i->keys, key), .bucket = spk_epoch_key_bucket(&i->keys, key), .arena = arena };

	tree.key = spk_epoch_key(&i->keys, key, &tree.key_size);
	return tree;
}
