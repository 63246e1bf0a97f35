/* Percentiles by places in a counted tree. See percentile.h. */
#include "stream/operator/percentile.h"

#include "core/columnar/plain.h"
#include "core/expr/percentile.h"
#include "stream/operator/row_changes.h"

static spk_status row_at(struct spk_ordered_rows *o, struct spk_ordered_tree *tree, int64_t at, struct spk_kept_row *out, bool *any, spk_error *err)
{
	const struct spk_ordered_entry *row;

	SPK_TRY(spk_ordered_at(o, tree, at, &row, err));
	*any = row;
	if (row)
		*out = (struct spk_kept_row){ .bytes = row->bytes + row->order, .size = row->size - row->order };
	return SPK_OK;
}

/* Row 0 of the batch as bytes. */
static spk_status write_row(const struct spk_batch *batch, struct spk_buffer *scratch, struct spk_arena *arena, struct spk_kept_row *out, spk_error *err)
{
	spk_buffer_clear(scratch);
	for (int c = 0; c < batch->columns; c++)
		SPK_TRY(spk_plain_write(&batch->column[c], 0, scratch, err));
	*out = (struct spk_kept_row){ .bytes = spk_arena_copy(arena, scratch->data, scratch->size), .size = (uint32_t)scratch->size };
	return out->bytes ? SPK_OK : spk_fail_memory(err);
}

/* *a becomes what lies between both. */
static spk_status between(const struct spk_op *op, struct spk_buffer *scratch, struct spk_kept_row *a, const struct spk_kept_row *b, double part, struct spk_arena *arena, spk_error *err)
{
	struct spk_batch *batch;
	struct spk_vector *value;
	spk_status status;

	SPK_TRY(spk_kept_rows_batch(op, op->plan->schema, arena, (const struct spk_kept_row *const[]){ a, b }, 2, &batch, err));
	value = &batch->column[batch->columns - 1];
	status = spk_percentile_between(value, part, value, 0, err);
	if (status == SPK_OK)
		status = write_row(batch, scratch, arena, a, err);
	spk_batch_unref(batch);
	return status;
}

spk_status spk_percentile_row(const struct spk_op *op, struct spk_ordered_rows *o, struct spk_ordered_tree *tree, struct spk_ordered_entry *out, bool *any, spk_error *err)
{
	const struct spk_percentile *p = &op->plan->percentile;
	const int64_t n = spk_ordered_weight(tree);
	const double point = spk_percentile_point(p->share, n), part = p->between ? point - floor(point) : 0;
	struct spk_kept_row row, next;

	*any = false;
	if (n <= 0)
		return SPK_OK;
	SPK_TRY(row_at(o, tree, p->between ? (int64_t)floor(point) : spk_percentile_place(p->share, n), &row, any, err));
	if (*any && part > 0)
		SPK_TRY(row_at(o, tree, (int64_t)floor(point) + 1, &next, any, err));
	if (*any && part > 0)
		SPK_TRY(between(op, &o->bytes, &row, &next, part, tree->arena, err));
	if (*any)
		*out = (struct spk_ordered_entry){ .bytes = row.bytes, .size = row.size, .weight = 1 };
	return SPK_OK;
}
