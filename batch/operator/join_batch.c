/* Batches of pairs, and of rows without a match. See join_batch.h. */
#include "batch/operator/join_batch.h"

static void look_at(int column, void *user) { ((bool *)user)[column] = true; }

/* Which rows come out is a matter of the logical join and of which side is kept. */
static void choose_output(struct spk_joiner *j)
{
	bool left_kept = j->type == SPK_JOIN_LEFT || j->type == SPK_JOIN_FULL || j->type == SPK_JOIN_SINGLE;
	bool right_kept = j->type == SPK_JOIN_RIGHT || j->type == SPK_JOIN_FULL;

	j->shows_pairs = j->type != SPK_JOIN_SEMI && j->type != SPK_JOIN_ANTI && j->type != SPK_JOIN_MARK;
	j->keeps_probe = j->build_left ? right_kept : left_kept;
	j->keeps_build = j->build_left ? left_kept : right_kept;
}

spk_status spk_joiner_init(struct spk_joiner *j, struct spk_op *op, struct spk_arena *arena, spk_error *err)
{
	const struct spk_physical *plan = op->plan;
	int left = plan->left->count, right = plan->right->count;

	*j = (struct spk_joiner){ .op = op, .type = plan->join, .build_left = plan->build_left };
	j->probe = plan->build_left ? plan->right : plan->left;
	j->build = plan->build_left ? plan->left : plan->right;
	j->probe_first = plan->build_left ? left : 0;
	j->build_first = plan->build_left ? 0 : left;
	j->pairs = (struct spk_schema){ left + right, SPK_NEW_ARRAY(arena, struct spk_field, left + right) };
	j->looked_at = SPK_NEW_ARRAY(arena, bool, left + right);
	SPK_TRY_PTR(j->pairs.field && j->looked_at, err);
	memcpy(j->pairs.field, plan->left->field, sizeof *plan->left->field * (size_t)left);
	memcpy(j->pairs.field + left, plan->right->field, sizeof *plan->right->field * (size_t)right);
	if (plan->filter)
		spk_expr_columns(plan->filter, look_at, j->looked_at);
	choose_output(j);
	return SPK_OK;
}

/* --- pairs --- */

/* Columns of one batch often share their index; what comes of it is then made once. */
struct composed { const uint32_t *from, *to; };

static spk_status pick_probe(struct spk_vector *out, const struct spk_vector *in, const uint32_t *index, int n, struct composed *last, struct spk_arena *arena, spk_error *err)
{
	if (in->layout == SPK_CONSTANT) {
		*out = *in;
		return SPK_OK;
	}
	*out = (struct spk_vector){ .type = in->type, .layout = SPK_DICTIONARY, .index = index, .dictionary = in };
	if (in->layout == SPK_FLAT)
		return SPK_OK;
	if (last->from != in->index) {
		uint32_t *made = spk_arena_alloc_vector(arena, sizeof *made * (size_t)n);

		SPK_TRY_PTR(made, err);
		for (int i = 0; i < n; i++)
			made[i] = in->index[index[i]];
		*last = (struct composed){ in->index, made };
	}
	out->index = last->to;
	out->dictionary = in->dictionary;
	return SPK_OK;
}

static uint32_t *copy_index(const void *row, int n, struct spk_arena *arena)
{
	uint32_t *index = spk_arena_alloc_vector(arena, sizeof *index * (size_t)n);

	return index ? memcpy(index, row, sizeof *index * (size_t)n) : NULL;
}

static spk_status fill_pairs(const struct spk_joiner *j, const struct spk_batch *in, const int32_t *probe_row, const struct spk_join_table *t, const uint32_t *build_row, int n, bool all, struct spk_batch *out, spk_error *err)
{
	uint32_t *from_probe = copy_index(probe_row, n, out->arena), *from_build = copy_index(build_row, n, out->arena);
	struct composed last = { 0 };

	SPK_TRY_PTR(from_probe && from_build, err);
	SPK_TRY(spk_arena_hold(out->arena, t->arena, err));
	for (int c = 0; c < j->probe->count; c++)
		if (all || j->looked_at[j->probe_first + c])
			SPK_TRY(pick_probe(&out->column[j->probe_first + c], &in->column[c], from_probe, n, &last, out->arena, err));
	for (int c = 0; c < j->build->count; c++)
		if (all || j->looked_at[j->build_first + c])
			out->column[j->build_first + c] = (struct spk_vector){ .type = t->column[c].type, .layout = SPK_DICTIONARY, .index = from_build, .dictionary = &t->column[c] };
	return SPK_OK;
}

spk_status spk_joiner_pairs(const struct spk_joiner *j, struct spk_batch *in, const int32_t *probe_row, const struct spk_join_table *t, const uint32_t *build_row, int n, bool all, struct spk_batch **out, spk_error *err)
{
	struct spk_batch *made;
	spk_status status;

	SPK_TRY(spk_batch_derive(&made, in, j->shows_pairs ? j->op->plan->schema : &j->pairs, err));
	made->rows = made->selected = n;
	made->sel = NULL;
	made->weight = NULL;
	made->origin = NULL;
	status = fill_pairs(j, in, probe_row, t, build_row, n, all, made, err);
	if (status != SPK_OK) {
		spk_batch_unref(made);
		return status;
	}
	*out = made;
	return SPK_OK;
}

/* --- rows of one side --- */

static spk_status null_columns(struct spk_batch *out, const struct spk_schema *schema, int first, spk_error *err)
{
	for (int c = 0; c < schema->count; c++)
		SPK_TRY(spk_vector_init_constant(&out->column[first + c], schema->field[c].type, NULL, out->arena, err));
	return SPK_OK;
}

spk_status spk_joiner_emit_probe(const struct spk_joiner *j, struct spk_batch *in, const int32_t *sel, int n, spk_error *err)
{
	struct spk_batch *out;
	spk_status status = SPK_OK;

	if (n == 0)
		return SPK_OK;
	SPK_TRY(spk_batch_derive(&out, in, j->op->plan->schema, err));
	memcpy(&out->column[j->shows_pairs ? j->probe_first : 0], in->column, sizeof *in->column * (size_t)j->probe->count);
	out->sel = spk_arena_copy(out->arena, sel, sizeof *sel * (size_t)n);
	out->selected = n;
	if (!out->sel)
		status = spk_fail_memory(err);
	if (status == SPK_OK && j->shows_pairs)
		status = null_columns(out, j->build, j->build_first, err);
	if (status == SPK_OK)
		status = spk_op_emit(j->op, out, err);
	spk_batch_unref(out);
	return status;
}

/* n build rows as a batch of the output's schema. */
static spk_status emit_build_rows(const struct spk_joiner *j, const struct spk_join_table *t, const uint32_t *row, int n, spk_error *err)
{
	struct spk_batch *out;
	uint32_t *index;
	spk_status status;

	SPK_TRY(spk_batch_new(&out, j->op->plan->schema, j->op->pipeline->account, err));
	out->rows = out->selected = n;
	index = copy_index(row, n, out->arena);
	status = index ? spk_arena_hold(out->arena, t->arena, err) : spk_fail_memory(err);
	for (int c = 0; c < j->build->count; c++)
		out->column[(j->shows_pairs ? j->build_first : 0) + c] = (struct spk_vector){ .type = t->column[c].type, .layout = SPK_DICTIONARY, .index = index, .dictionary = &t->column[c] };
	if (status == SPK_OK && j->shows_pairs)
		status = null_columns(out, j->probe, j->probe_first, err);
	if (status == SPK_OK)
		status = spk_op_emit(j->op, out, err);
	spk_batch_unref(out);
	return status;
}

spk_status spk_joiner_emit_build(const struct spk_joiner *j, const struct spk_join_table *t, const uint8_t *matched, uint8_t want, spk_error *err)
{
	uint32_t row[SPK_BATCH_ROWS];
	int n = 0;

	for (uint32_t i = 0; i < t->rows; i++) {
		if (matched[i] != want)
			continue;
		row[n++] = i;
		if (n < j->op->pipeline->batch_rows)
			continue;
		SPK_TRY(emit_build_rows(j, t, row, n, err));
		n = 0;
	}
	return n ? emit_build_rows(j, t, row, n, err) : SPK_OK;
}

spk_status spk_joiner_more_than_one(const struct spk_joiner *j, spk_error *err)
{
	spk_fail(err, SPK_DATA, "more than one row returned by a subquery used as an expression");
	if (err && j->op->plan->logical)
		err->position = j->op->plan->logical->position;
	return SPK_DATA;
}
