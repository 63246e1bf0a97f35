/*
 * Rows out of sets: for every row the elements of one or more arrays side by side, the shorter ones filled up with NULL.
 *
 *   input   any rows
 *   output  the input's columns, then each set's element (its fields, when sets are to be expanded), then the element's number
 *   state   none: order, weights and the source's order stay
 *
 * A row whose sets are all empty gives none, or with `outer` one with NULLs for the elements.
 */
#include "batch/operator/operator.h"

#include "core/columnar/list.h"

struct unnest { struct spk_op base; };

/* One set-returning expression over the batch at hand. */
struct set {
	struct spk_vector array;
	struct spk_reader r;
	const int32_t *offset;
	const struct spk_vector *child;
	int32_t *element;                /* by output row: a row of `child`, -1 NULL */
};

struct unnesting {
	struct spk_op *op;
	const struct spk_batch *in;
	struct spk_arena *arena;         /* of the sets; holds the input's */
	struct set *set;
	int rows;                        /* of the output so far */
	int32_t *row;                    /* by output row: the input's */
	int64_t *number;                 /* by output row, from 1; 0: none */
};

static int set_range(const struct set *s, int row, int32_t *first)
{
	uint32_t slot = spk_reader_slot(&s->r, row);

	if (!spk_reader_valid(&s->r, slot))
		return 0;
	*first = s->offset[slot];
	return s->offset[slot + 1] - *first;
}

/* --- output --- */

static spk_status number_column(const struct unnesting *u, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_init(out, spk_type(SPK_TYPE_BIGINT), u->rows, arena, err));
	for (int i = 0; i < u->rows; i++) {
		spk_vector_i64(out)[i] = u->number[i];
		if (u->number[i])
			continue;
		SPK_TRY(spk_vector_need_valid(out, u->rows, arena, err));
		spk_bit_clear(out->valid, i);
	}
	return SPK_OK;
}

/* The fields of a record, each a column. */
static spk_status field_columns(const struct unnesting *u, const struct set *s, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(s->child);
	int32_t *slot = spk_arena_alloc(arena, sizeof *slot * (size_t)SPK_MAX(u->rows, 1));

	SPK_TRY_PTR(slot, err);
	for (int i = 0; i < u->rows; i++) {
		uint32_t at = s->element[i] < 0 ? 0 : spk_reader_slot(&r, s->element[i]);

		slot[i] = s->element[i] < 0 || !spk_reader_valid(&r, at) ? -1 : (int32_t)at;
	}
	for (int f = 0; f < s->child->type.children->count; f++)
		SPK_TRY(spk_vector_take(&out[f], &spk_vector_children(s->child)[f], slot, u->rows, NULL, u->rows, arena, err));
	return SPK_OK;
}

static spk_status fill(const struct unnesting *u, struct spk_batch *out, spk_error *err)
{
	const struct spk_physical *plan = u->op->plan;
	int column = u->in->columns;
	int32_t *weight;

	for (int c = 0; c < u->in->columns; c++)
		SPK_TRY(spk_vector_take(&out->column[c], &u->in->column[c], u->row, u->rows, NULL, u->rows, out->arena, err));
	for (int k = 0; k < plan->expr_count; k++) {
		const struct set *s = &u->set[k];

		if (plan->logical->expand && s->child->type.id == SPK_TYPE_ROW) {
			SPK_TRY(field_columns(u, s, &out->column[column], out->arena, err));
			column += s->child->type.children->count;
		} else {
			SPK_TRY(spk_vector_take(&out->column[column++], s->child, s->element, u->rows, NULL, u->rows, out->arena, err));
		}
	}
	if (plan->logical->ordinality)
		SPK_TRY(number_column(u, &out->column[column], out->arena, err));
	if (!u->in->weight)
		return SPK_OK;
	weight = spk_arena_alloc(out->arena, sizeof *weight * (size_t)u->rows);
	SPK_TRY_PTR(weight, err);
	for (int i = 0; i < u->rows; i++)
		weight[i] = u->in->weight[u->row[i]];
	out->weight = weight;
	return SPK_OK;
}

static spk_status flush(struct unnesting *u, spk_error *err)
{
	struct spk_batch *out;
	spk_status status;

	if (!u->rows)
		return SPK_OK;
	SPK_TRY(spk_batch_new(&out, u->op->plan->schema, u->op->pipeline->account, err));
	out->rows = out->selected = u->rows;
	status = spk_arena_hold(out->arena, u->arena, err);  /* text is shared */
	if (status == SPK_OK)
		status = fill(u, out, err);
	if (status == SPK_OK)
		status = spk_op_emit(u->op, out, err);
	spk_batch_unref(out);
	u->rows = 0;
	return status;
}

/* --- input --- */

static spk_status open_set(struct unnesting *u, struct set *s, const struct spk_expr *e, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(u->op, u->arena, errors);

	SPK_TRY(spk_expr_eval(e, u->in, u->in->sel, u->in->selected, &ev, &s->array, err));
	s->r = spk_vector_reader(&s->array);
	s->offset = s->r.data;
	s->child = spk_vector_children(&s->array);
	s->element = SPK_NEW_ARRAY(u->arena, int32_t, u->op->pipeline->batch_rows);
	SPK_TRY_PTR(s->element, err);
	return SPK_OK;
}

static spk_status add_row(struct unnesting *u, int32_t row, const int32_t *first, const int *count, int64_t number, spk_error *err)
{
	if (u->rows == u->op->pipeline->batch_rows)
		SPK_TRY(flush(u, err));
	for (int k = 0; k < u->op->plan->expr_count; k++)
		u->set[k].element[u->rows] = number && number <= count[k] ? first[k] + (int32_t)number - 1 : -1;
	u->row[u->rows] = row;
	u->number[u->rows++] = number;
	return SPK_OK;
}

static spk_status add_rows(struct unnesting *u, const int32_t *sel, int n, spk_error *err)
{
	int sets = u->op->plan->expr_count, *count = SPK_NEW_ARRAY(u->arena, int, sets);
	int32_t *first = SPK_NEW_ARRAY(u->arena, int32_t, sets);

	SPK_TRY_PTR(count && first, err);
	for (int i = 0; i < n && !u->op->done; i++) {
		int row = sel ? sel[i] : i, most = 0;

		for (int k = 0; k < sets; k++) {
			count[k] = set_range(&u->set[k], row, &first[k]);
			most = SPK_MAX(most, count[k]);
		}
		if (!most && u->op->plan->logical->outer)
			SPK_TRY(add_row(u, row, first, count, 0, err));
		for (int e = 1; e <= most && !u->op->done; e++)
			SPK_TRY(add_row(u, row, first, count, e, err));
	}
	return flush(u, err);
}

static spk_status unnest(struct unnesting *u, spk_error *err)
{
	const struct spk_physical *plan = u->op->plan;
	struct spk_row_errors errors = { 0 };
	const int32_t *sel = u->in->sel;
	int n = u->in->selected;

	u->set = SPK_NEW_ARRAY(u->arena, struct set, plan->expr_count);
	u->row = SPK_NEW_ARRAY(u->arena, int32_t, u->op->pipeline->batch_rows);
	u->number = SPK_NEW_ARRAY(u->arena, int64_t, u->op->pipeline->batch_rows);
	SPK_TRY_PTR(u->set && u->row && u->number, err);
	for (int k = 0; k < plan->expr_count; k++)
		SPK_TRY(open_set(u, &u->set[k], plan->expr[k], &errors, err));
	if (errors.count) {
		int32_t *kept = spk_op_selection(u->in, u->arena);

		SPK_TRY_PTR(kept, err);
		SPK_TRY(spk_op_reject(u->op, u->in, &errors, kept, &n, err));
		sel = kept;
	}
	return add_rows(u, sel, n, err);
}

static spk_status unnest_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct unnesting u = { .op = op, .in = in };
	struct spk_batch *scratch;
	spk_status status;

	(void)input;
	SPK_TRY(spk_batch_derive(&scratch, in, in->schema, err));
	u.arena = scratch->arena;
	status = unnest(&u, err);
	spk_batch_unref(scratch);
	return status;
}

const struct spk_op_type spk_op_unnest = { .name = "unnest", .size = sizeof(struct unnest), .push = unnest_push };
