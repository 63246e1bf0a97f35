/*
 * Rows out of sets: for every row the elements of one or more arrays side by side, the shorter ones filled up with NULL.
 *
 *   input   any rows
 *   output  the input's columns, then each set's element (its fields, when sets are to be expanded), then the element's number
 *   state   none: order, weights and the source's order stay
 *
 * A row whose sets are all empty gives none, or with `outer` one with NULLs for the elements. In batch a series is never an array: its values are
 * made a batch at a time, as many as are asked for. Where the plan says so (node->tasks), each task makes its part of the one series.
 */
#include "batch/operator/operator.h"

#include "core/columnar/list.h"
#include "core/expr/series.h"

struct unnest { struct spk_op base; };

/* One set-returning expression over the batch at hand. */
struct set {
	const struct spk_expr *expr;
	int column;                      /* the first of the output that is its */
	struct spk_vector array;         /* or, of a series, its arguments and what is left of the row's */
	struct spk_reader r;
	const int32_t *offset;
	const struct spk_vector *child;
	int32_t *element;                /* by output row: a row of `child`, -1 NULL */
	bool is_series, over;
	struct spk_vector *arg;
	struct spk_series series;
	int32_t next, end;               /* of an array: elements of the row at hand that are left */
	int made;                        /* rows of the piece at hand */
};

struct unnesting {
	struct spk_op *op;
	const struct spk_batch *in;
	struct spk_arena *arena;         /* of the sets; holds the input's */
	struct set *set;
	struct spk_batch *out;           /* NULL: no rows */
	int rows;                        /* of the output so far */
	int32_t *row;                    /* by output row: the input's */
	int64_t *number;                 /* by output row, from 1; 0: none */
};

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

static spk_status fill(const struct unnesting *u, spk_error *err)
{
	const struct spk_physical *plan = u->op->plan;
	struct spk_batch *out = u->out;
	int32_t *weight;

	for (int c = 0; c < u->in->columns; c++)
		SPK_TRY(spk_vector_take(&out->column[c], &u->in->column[c], u->row, u->rows, NULL, u->rows, out->arena, err));
	for (int k = 0; k < plan->expr_count; k++) {
		const struct set *s = &u->set[k];

		if (s->is_series)
			continue;
		if (plan->logical->expand && s->child->type.id == SPK_TYPE_ROW)
			SPK_TRY(field_columns(u, s, &out->column[s->column], out->arena, err));
		else
			SPK_TRY(spk_vector_take(&out->column[s->column], s->child, s->element, u->rows, NULL, u->rows, out->arena, err));
	}
	if (plan->logical->ordinality)
		SPK_TRY(number_column(u, &out->column[plan->schema->count - 1], out->arena, err));
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
	struct spk_batch *out = u->out;
	spk_status status;

	if (!u->rows)
		return SPK_OK;
	out->rows = out->selected = u->rows;
	status = spk_arena_hold(out->arena, u->arena, err);  /* text is shared */
	if (status == SPK_OK)
		status = fill(u, err);
	if (status == SPK_OK)
		status = spk_op_emit(u->op, out, err);
	spk_batch_unref(out);
	u->out = NULL;
	u->rows = 0;
	return status;
}

/* --- a row's sets, piece by piece --- */

static spk_status begin_output(struct unnesting *u, spk_error *err)
{
	if (u->out)
		return SPK_OK;
	SPK_TRY(spk_batch_new(&u->out, u->op->plan->schema, u->op->pipeline->account, err));
	for (int k = 0; k < u->op->plan->expr_count; k++)
		if (u->set[k].is_series)
			SPK_TRY(spk_vector_init(&u->out->column[u->set[k].column], u->set[k].series.type, u->op->pipeline->batch_rows, u->out->arena, err));
	return SPK_OK;
}

/* This task's part of the only series there is; *first is how many values come before it. */
static void take_part(const struct unnesting *u, struct spk_series *s, int64_t *first)
{
	const struct spk_pipeline *p = u->op->pipeline;
	const int64_t each = s->left / p->partitions + 1;

	*first = SPK_MIN(each * p->partition, s->left);
	spk_series_skip(s, *first);
	s->left = SPK_MIN(s->left, each);
}

static spk_status begin_series(const struct unnesting *u, struct set *s, int row, int64_t *first, spk_error *err)
{
	spk_status status;

	s->over = false;
	for (int k = 0; k < s->expr->args && !s->over; k++) {
		const struct spk_reader r = spk_vector_reader(&s->arg[k]);

		s->over = !spk_reader_valid(&r, spk_reader_slot(&r, row));
	}
	if (s->over)
		return SPK_OK;
	status = spk_series_begin(&s->series, s->expr, s->arg, row, u->op->pipeline->run->timezone, err);
	if (status != SPK_OK && err)
		err->position = s->expr->position;
	if (status == SPK_OK && u->op->plan->tasks > 1)
		take_part(u, &s->series, first);
	return status;
}

static spk_status begin_set(const struct unnesting *u, struct set *s, int row, int64_t *first, spk_error *err)
{
	uint32_t slot;

	if (s->is_series)
		return begin_series(u, s, row, first, err);
	slot = spk_reader_slot(&s->r, row);
	s->next = s->end = 0;
	if (spk_reader_valid(&s->r, slot)) {
		s->next = s->offset[slot];
		s->end = s->offset[slot + 1];
	}
	return SPK_OK;
}

/* The next `n` elements at the most, to the end of the output. */
static spk_status next_elements(const struct unnesting *u, struct set *s, int n, spk_error *err)
{
	spk_status status;

	s->made = 0;
	if (!s->is_series) {
		s->made = SPK_MIN(n, s->end - s->next);
		for (int i = 0; i < s->made; i++)
			s->element[u->rows + i] = s->next++;
		return SPK_OK;
	}
	if (s->over)
		return SPK_OK;
	status = spk_series_next(&s->series, &u->out->column[s->column], u->rows, n, &s->made, err);
	if (status != SPK_OK && err)
		err->position = s->expr->position;
	s->over = s->made < n;
	return status;
}

/* NULL for the rows from, from + 1, ... below `to` of the output. */
static spk_status pad(const struct unnesting *u, struct set *s, int from, int to, spk_error *err)
{
	if (!s->is_series) {
		for (int i = from; i < to; i++)
			s->element[i] = -1;
		return SPK_OK;
	}
	if (from < to)
		SPK_TRY(spk_vector_need_valid(&u->out->column[s->column], u->op->pipeline->batch_rows, u->out->arena, err));
	for (int i = from; i < to; i++)
		spk_bit_clear(u->out->column[s->column].valid, i);
	return SPK_OK;
}

/* Rows of the output for the elements that were just made; `most` of the longest set. */
static spk_status add_piece(struct unnesting *u, int32_t row, int most, int64_t number, spk_error *err)
{
	for (int k = 0; k < u->op->plan->expr_count; k++)
		SPK_TRY(pad(u, &u->set[k], u->rows + u->set[k].made, u->rows + most, err));
	for (int i = 0; i < most; i++) {
		u->row[u->rows + i] = row;
		u->number[u->rows + i] = number + i;
	}
	u->rows += most;
	return SPK_OK;
}

static spk_status add_elements(struct unnesting *u, int32_t row, spk_error *err)
{
	int64_t number = 1;
	int room, most;

	for (int k = 0; k < u->op->plan->expr_count; k++) {
		int64_t first = 0;

		SPK_TRY(begin_set(u, &u->set[k], row, &first, err));
		number += first;
	}
	do {
		SPK_TRY(begin_output(u, err));
		room = u->op->pipeline->batch_rows - u->rows;
		most = 0;
		for (int k = 0; k < u->op->plan->expr_count; k++) {
			SPK_TRY(next_elements(u, &u->set[k], room, err));
			most = SPK_MAX(most, u->set[k].made);
		}
		if (!most && number == 1 && u->op->plan->logical->outer) {
			SPK_TRY(add_piece(u, row, 1, 0, err));
			number = 2;
		}
		SPK_TRY(add_piece(u, row, most, number, err));
		number += most;
		if (u->rows == u->op->pipeline->batch_rows)
			SPK_TRY(flush(u, err));
	} while (most == room && !u->op->done);
	return SPK_OK;
}

/* --- input --- */

static spk_status open_array(struct unnesting *u, struct set *s, struct spk_eval *ev, spk_error *err)
{
	SPK_TRY(spk_expr_eval(s->expr, u->in, u->in->sel, u->in->selected, ev, &s->array, err));
	s->r = spk_vector_reader(&s->array);
	s->offset = s->r.data;
	s->child = spk_vector_children(&s->array);
	s->element = SPK_NEW_ARRAY(u->arena, int32_t, u->op->pipeline->batch_rows);
	SPK_TRY_PTR(s->element, err);
	return SPK_OK;
}

static spk_status open_series(struct unnesting *u, struct set *s, struct spk_eval *ev, spk_error *err)
{
	s->series.type = s->expr->type.children->field[0].type;
	s->arg = SPK_NEW_ARRAY(u->arena, struct spk_vector, s->expr->args);
	SPK_TRY_PTR(s->arg, err);
	for (int k = 0; k < s->expr->args; k++)
		SPK_TRY(spk_expr_eval(s->expr->arg[k], u->in, u->in->sel, u->in->selected, ev, &s->arg[k], err));
	return SPK_OK;
}

static spk_status open_sets(struct unnesting *u, struct spk_row_errors *errors, spk_error *err)
{
	const struct spk_physical *plan = u->op->plan;
	int column = u->in->columns;

	for (int k = 0; k < plan->expr_count; k++) {
		struct spk_eval ev = spk_op_eval(u->op, u->arena, errors);
		struct set *s = &u->set[k];
		struct spk_type element = plan->expr[k]->type.children->field[0].type;

		/* In a stream a row whose series fails is a dead letter as a whole: it must be known before the first of its rows goes on. */
		*s = (struct set){ .expr = plan->expr[k], .column = column, .is_series = !u->op->pipeline->run->streaming && spk_is_series(plan->expr[k]) };
		column += plan->logical->expand && element.id == SPK_TYPE_ROW ? element.children->count : 1;
		SPK_TRY(s->is_series ? open_series(u, s, &ev, err) : open_array(u, s, &ev, err));
	}
	return SPK_OK;
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
	SPK_TRY(open_sets(u, &errors, err));
	if (errors.count) {
		int32_t *kept = spk_op_selection(u->in, u->arena);

		SPK_TRY_PTR(kept, err);
		SPK_TRY(spk_op_reject(u->op, u->in, &errors, kept, &n, err));
		sel = kept;
	}
	for (int i = 0; i < n && !u->op->done; i++)
		SPK_TRY(add_elements(u, sel ? sel[i] : i, err));
	return flush(u, err);
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
	spk_batch_unref(u.out);
	spk_batch_unref(scratch);
	return status;
}

const struct spk_op_type spk_op_unnest = { .name = "unnest", .size = sizeof(struct unnest), .push = unnest_push };
