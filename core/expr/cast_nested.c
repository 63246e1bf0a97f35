/*
 * Casts of arrays and records: to text and back by text.h, and of one into another element by element. The elements of all
 * rows are cast as one column; what fails there fails the row it belongs to.
 */
#include "core/expr/cast.h"

spk_status spk_cast_nested_text(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	struct spk_buffer text = { 0 };
	spk_status status = SPK_OK;

	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		int row = spk_call_row(call, i);
		size_t size;

		spk_buffer_clear(&text);
		status = spk_text_append(&text, &call->arg[0], spk_reader_slot(&r, row), call->ev->timezone, err);
		size = text.size;
		if (status == SPK_OK && !spk_cast_fit_length(call->expr, text.data, &size))
			status = spk_call_fail(call, out, row, SPK_DATA, err, "value too long for type character varying(%d)", call->expr->type.precision);
		else if (status == SPK_OK)
			status = spk_call_text(call, out, row, text.data, size, err);
	}
	spk_buffer_release(&text);
	return status;
}

/* Rows from..to (excluded) hold nothing. */
static spk_status leave_empty(const struct spk_call *call, struct spk_vector *out, int from, int to, spk_error *err)
{
	for (int row = from; row < to; row++)
		SPK_TRY(spk_text_put_null(out, row, call->rows, call->ev->arena, err));
	return SPK_OK;
}

spk_status spk_cast_text_nested(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	spk_error local = { 0 };
	int next = 0;

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		spk_status status;

		SPK_TRY(leave_empty(call, out, next, row, err));
		next = row + 1;
		status = spk_text_put(out, row, call->rows, spk_view_data(v), v->length, call->ev->timezone, call->ev->arena, &local);
		if (status == SPK_OK)
			continue;
		SPK_TRY(spk_text_put_null(out, row, call->rows, call->ev->arena, err));
		SPK_TRY(spk_call_fail(call, out, row, status, err, "%s", local.message));
	}
	return leave_empty(call, out, next, call->rows, err);
}

/* --- element by element --- */

/* Casts rows sel[0..n) of a column; *out is as the evaluator would have it. Failing rows are left in *errors when it is given. */
static spk_status cast_column(const struct spk_call *outer, const struct spk_vector *in, int rows, const int32_t *sel, int n, struct spk_type to, struct spk_row_errors *errors, struct spk_vector *out, spk_error *err)
{
	const struct spk_cast *cast = spk_cast_find(in->type, to);
	const struct spk_expr e = { .kind = SPK_EXPR_CAST, .type = to, .args = 1, .assignment = outer->expr->assignment, .position = outer->expr->position };
	struct spk_eval ev = *outer->ev;
	struct spk_call call = { .expr = &e, .arg = in, .args = 1, .rows = rows, .sel = sel, .n = n, .ev = &ev };
	uint64_t *valid;

	if (spk_cast_is_noop(in->type, to)) {
		*out = *in;
		out->type = to;
		return SPK_OK;
	}
	SPK_ASSERT(cast, "an element's cast that is none");
	ev.errors = outer->ev->errors ? errors : NULL;
	SPK_TRY(spk_rows_narrow(in, 1, rows, &call.sel, &call.n, &valid, ev.arena, err));
	SPK_TRY(spk_vector_init(out, to, rows, ev.arena, err));
	out->valid = valid;
	if (in->layout == SPK_CONSTANT && in->valid && !spk_bit(in->valid, 0))
		return spk_vector_init_constant(out, to, NULL, ev.arena, err);
	return call.n ? cast->kernel(&call, out, err) : SPK_OK;
}

/* The row that element `e` belongs to. */
static int row_of(const int32_t *offset, int rows, int32_t e)
{
	int low = 0, high = rows;

	while (low + 1 < high) {
		int middle = (low + high) / 2;

		if (offset[middle] <= e)
			low = middle;
		else
			high = middle;
	}
	return low;
}

spk_status spk_cast_array_array(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const int32_t *offset = r.data;
	struct spk_row_errors errors = { 0 };
	struct spk_list_builder b;
	struct spk_vector same;
	int last = -1;

	SPK_TRY(spk_vector_init(&same, call->arg[0].type, call->rows, call->ev->arena, err));
	b = spk_list_builder(&same, call->rows, spk_vector_children(&call->arg[0]), 1, call->ev->arena);
	SPK_EACH_CALL_ROW(call, row) {
		uint32_t slot = spk_reader_slot(&r, row);

		SPK_TRY(spk_list_pick(&b, 0, offset[slot], offset[slot + 1], err));
		spk_list_end(&b, row);
	}
	SPK_TRY(spk_list_finish(&b, err));
	out->data = same.data;
	SPK_TRY(cast_column(call, same.child, b.count, NULL, b.count, spk_type_element(out->type), &errors, out->child, err));
	for (int i = 0; i < errors.count; i++) {
		int row = row_of(same.data, call->rows, errors.list[i].row);

		if (row > last)
			SPK_TRY(spk_call_fail(call, out, row, errors.list[i].code, err, "%s", errors.list[i].message));
		last = SPK_MAX(last, row);
	}
	return SPK_OK;
}

spk_status spk_cast_row_row(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_vector flat;

	SPK_TRY(spk_vector_flatten(&call->arg[0], call->rows, call->ev->arena, &flat, err));
	for (int c = 0; c < out->type.children->count; c++) {
		struct spk_row_errors errors = { 0 };

		SPK_TRY(cast_column(call, &flat.child[c], call->rows, call->sel, call->n, out->type.children->field[c].type, &errors, &out->child[c], err));
		for (int i = 0; i < errors.count; i++)
			if (!out->valid || spk_bit(out->valid, errors.list[i].row))
				SPK_TRY(spk_call_fail(call, out, errors.list[i].row, errors.list[i].code, err, "%s", errors.list[i].message));
	}
	return SPK_OK;
}
