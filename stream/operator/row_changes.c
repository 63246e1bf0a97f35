/* Batches of what changes. See row_changes.h. */
#include "stream/operator/row_changes.h"

#include "core/base/memory.h"
#include "core/columnar/plain.h"

/* So many changes are noted before they are emitted. */
enum { CHANGES_MAX = 1 << 18 };

static spk_status read_null(struct spk_vector *v, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	return spk_vector_set(v, row, rows, &(struct spk_value){ .type = v->type, .null = true }, arena, err);
}

spk_status spk_kept_rows_read(struct spk_batch *out, int first, const struct spk_schema *side, const struct spk_kept_row *const *row, int n, spk_error *err)
{
	const char *at[SPK_BATCH_ROWS];

	for (int i = 0; i < n; i++)
		at[i] = row[i] ? row[i]->bytes : NULL;
	for (int c = 0; c < side->count; c++) {
		struct spk_vector *v = &out->column[first + c];

		SPK_TRY(spk_vector_init(v, side->field[c].type, n, out->arena, err));
		for (int i = 0; i < n; i++)
			SPK_TRY(at[i] ? spk_plain_read(&at[i], row[i]->bytes + row[i]->size, v, i, n, out->arena, err) : read_null(v, i, n, out->arena, err));
	}
	return SPK_OK;
}

spk_status spk_kept_rows_begin(const struct spk_op *op, const struct spk_schema *schema, struct spk_arena *arena, int n, struct spk_batch **out, spk_error *err)
{
	SPK_TRY(spk_batch_new(out, schema, op->pipeline->account, err));
	(*out)->rows = (*out)->selected = n;
	return spk_arena_hold((*out)->arena, arena, err);
}

spk_status spk_kept_rows_batch(const struct spk_op *op, const struct spk_schema *schema, struct spk_arena *arena, const struct spk_kept_row *const *row, int n, struct spk_batch **out, spk_error *err)
{
	spk_status status;

	*out = NULL;
	status = spk_kept_rows_begin(op, schema, arena, n, out, err);
	if (status == SPK_OK)
		status = spk_kept_rows_read(*out, 0, schema, row, n, err);
	if (status == SPK_OK)
		return SPK_OK;
	spk_batch_unref(*out);
	*out = NULL;
	return status;
}

/* --- changes --- */

spk_status spk_row_changes_add(struct spk_row_changes *c, struct spk_row_change change, spk_error *err)
{
	if (!change.weight)
		return SPK_OK;
	if (c->count == CHANGES_MAX)
		SPK_TRY(spk_row_changes_emit(c, err));
	if (c->count == c->capacity) {
		size_t capacity = SPK_MAX(2 * c->capacity, (size_t)256);
		struct spk_row_change *grown = spk_realloc(c->op->pipeline->account, c->change, c->capacity * sizeof *grown, capacity * sizeof *grown);

		SPK_TRY_PTR(grown, err);
		c->change = grown;
		c->capacity = capacity;
	}
	c->change[c->count++] = change;
	return SPK_OK;
}

spk_status spk_row_changes_add_ordered(struct spk_row_changes *c, const struct spk_ordered_entry *row, const int64_t *rank, int64_t weight, spk_error *err)
{
	const uint32_t size = row->size - row->order, more = rank ? 1 + (uint32_t)sizeof *rank : 0;
	struct spk_kept_row *kept = weight ? SPK_NEW(c->arena, struct spk_kept_row) : NULL;

	if (!weight)
		return SPK_OK;
	SPK_TRY_PTR(kept, err);
	*kept = (struct spk_kept_row){ .bytes = row->bytes + row->order, .size = size + more };
	if (rank) {
		char *bytes = spk_arena_alloc(c->arena, size + more);

		SPK_TRY_PTR(bytes, err);
		memcpy(bytes, kept->bytes, size);
		bytes[size] = 1;  /* there is a value (plain.h) */
		memcpy(bytes + size + 1, rank, sizeof *rank);
		kept->bytes = bytes;
	}
	return spk_row_changes_add(c, (struct spk_row_change){ .left = kept, .weight = weight }, err);
}

static spk_status fill_mark(struct spk_vector *v, const struct spk_row_change *const *change, int n, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_init(v, spk_type(SPK_TYPE_BOOLEAN), n, arena, err));
	for (int i = 0; i < n; i++)
		spk_vector_bool(v)[i] = change[i]->mark;
	return SPK_OK;
}

static spk_status fill(const struct spk_op *op, const struct spk_row_change *const *change, int n, struct spk_batch *out, spk_error *err)
{
	const struct spk_physical *plan = op->plan;
	const struct spk_kept_row *row[SPK_BATCH_ROWS];
	int32_t *weight = spk_arena_alloc(out->arena, sizeof *weight * (size_t)n);
	bool weighted = false;

	SPK_TRY_PTR(weight, err);
	for (int i = 0; i < n; i++) {
		row[i] = change[i]->left;
		weight[i] = (int32_t)change[i]->weight;
		weighted = weighted || weight[i] != 1;
	}
	out->weight = weighted ? weight : NULL;
	SPK_TRY(spk_kept_rows_read(out, 0, plan->left, row, n, err));
	if (plan->join == SPK_JOIN_MARK)
		return fill_mark(&out->column[plan->left->count], change, n, out->arena, err);
	if (plan->schema->count == plan->left->count)
		return SPK_OK;
	for (int i = 0; i < n; i++)
		row[i] = change[i]->right;
	return spk_kept_rows_read(out, plan->left->count, plan->right, row, n, err);
}

static spk_status emit_batch(struct spk_row_changes *c, const struct spk_row_change *const *change, int n, spk_error *err)
{
	struct spk_batch *out = NULL;
	spk_status status = spk_kept_rows_begin(c->op, c->op->plan->schema, c->arena, n, &out, err);

	if (status == SPK_OK)
		status = fill(c->op, change, n, out, err);
	if (status == SPK_OK)
		status = spk_op_emit(c->op, out, err);
	spk_batch_unref(out);
	return status;
}

static spk_status check_weight(const struct spk_row_change *change, spk_error *err)
{
	if (change->weight > INT32_MAX || change->weight < -INT32_MAX)
		return spk_fail(err, SPK_DATA, "a joined row is there more than %d times", INT32_MAX);
	return SPK_OK;
}

spk_status spk_row_changes_emit(struct spk_row_changes *c, spk_error *err)
{
	const struct spk_row_change *batch[SPK_BATCH_ROWS];
	const int most = c->op->pipeline->batch_rows;
	int n = 0;

	for (int come = 0; come < 2; come++)
		for (size_t i = 0; i < c->count; i++) {
			if ((c->change[i].weight > 0) != come)
				continue;
			SPK_TRY(check_weight(&c->change[i], err));
			batch[n++] = &c->change[i];
			if (n < most)
				continue;
			SPK_TRY(emit_batch(c, batch, n, err));
			n = 0;
		}
	if (n)
		SPK_TRY(emit_batch(c, batch, n, err));
	c->count = 0;
	return SPK_OK;
}

void spk_row_changes_release(struct spk_row_changes *c)
{
	if (c->change)
		spk_free(c->op->pipeline->account, c->change, c->capacity * sizeof *c->change);
	*c = (struct spk_row_changes){ 0 };
}
