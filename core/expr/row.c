/* Records: made of values, their fields, and whether all fields are NULL. */
#include "core/expr/array.h"
#include "core/expr/families.h"

/* ROW(a, b, ...): row i of a record is row i of its children, so the arguments are the children. */
static spk_status construct(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	for (int k = 0; k < call->args; k++)
		out->child[k] = call->arg[k];
	return SPK_OK;
}

static spk_status prepare_construct(struct spk_arena *arena, struct spk_expr *e, spk_error *err)
{
	struct spk_schema *fields = SPK_NEW(arena, struct spk_schema);

	SPK_TRY_PTR(fields, err);
	fields->count = e->args;
	fields->field = SPK_NEW_ARRAY(arena, struct spk_field, SPK_MAX(e->args, 1));
	SPK_TRY_PTR(fields->field, err);
	for (int i = 0; i < e->args; i++) {
		fields->field[i] = (struct spk_field){ .name = spk_arena_printf(arena, "f%d", i + 1), .type = e->arg[i]->type, .nullable = true };
		SPK_TRY_PTR(fields->field[i].name, err);
	}
	e->type = (struct spk_type){ .id = SPK_TYPE_ROW, .children = fields };
	e->nullable = false;
	return SPK_OK;
}

/* (r).field: which one is in `column` of the node. */
static spk_status field(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_vector *v = &call->arg[0];
	const struct spk_reader r = spk_vector_reader(v);
	int32_t *index;

	if (v->layout == SPK_FLAT && !v->valid && !out->valid) {
		*out = v->child[call->expr->column];
		return SPK_OK;
	}
	index = spk_arena_alloc(call->ev->arena, sizeof(*index) * (size_t)SPK_MAX(call->rows, 1));
	SPK_TRY_PTR(index, err);
	SPK_EACH_CALL_ROW(call, row)
		index[row] = (int32_t)spk_reader_slot(&r, row);
	return spk_vector_take(out, &spk_vector_children(v)[call->expr->column], index, call->rows, call->sel, call->n, call->ev->arena, err);
}

/* A record IS NULL when all its fields are, and IS NOT NULL when none is: both may be false. */
static spk_status all_fields(const struct spk_call *call, bool null, struct spk_vector *out)
{
	const struct spk_vector *v = &call->arg[0], *child = spk_vector_children(v);
	const struct spk_reader r = spk_vector_reader(v);

	SPK_EACH_CALL_ROW(call, row) {
		uint32_t slot = spk_reader_slot(&r, row);
		bool yes = true, known = spk_reader_valid(&r, slot);

		for (int c = 0; known && c < v->type.children->count && yes; c++)
			yes = spk_vector_is_null(&child[c], (int)slot) == null;
		spk_vector_bool(out)[row] = known ? yes : null;
	}
	return SPK_OK;
}

static spk_status is_null(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return all_fields(call, true, out);
}

static spk_status is_not_null(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return all_fields(call, false, out);
}

static const struct spk_function row_functions[] = {
	{ .name = "row of", .doc = "ROW(a, b, ...): a record of these values", .args_min = 0, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(ROW),
	  .not_strict = true, .kernel = construct, .prepare = prepare_construct },
	{ .name = "row is null", .doc = "record IS NULL: whether all its fields are", SPK_ARGS1(ROW), SPK_RESULT(BOOLEAN), .not_strict = true, .kernel = is_null },
	{ .name = "row is not null", .doc = "record IS NOT NULL: whether none of its fields is", SPK_ARGS1(ROW), SPK_RESULT(BOOLEAN), .not_strict = true, .kernel = is_not_null },
};

SPK_FUNCTION_FAMILY(row, row_functions)

/* By whose name a field is chosen; not in the table, because its result depends on more than its arguments' types. */
static const struct spk_function field_function = { .name = "row field", SPK_ARGS1(ROW), SPK_RESULT(UNKNOWN), .kernel = field };

spk_status spk_expr_field(struct spk_arena *arena, struct spk_expr *record, int at, int position, struct spk_expr **out, spk_error *err)
{
	SPK_ASSERT(record->type.id == SPK_TYPE_ROW && at >= 0 && at < record->type.children->count, "a field of a record");
	if (record->kind == SPK_EXPR_CALL && strcmp(record->function->name, "row of") == 0) {
		*out = record->arg[at];
		return SPK_OK;
	}
	*out = spk_expr_node(arena, SPK_EXPR_CALL, record->type.children->field[at].type, &record, 1, position);
	SPK_TRY_PTR(*out, err);
	(*out)->function = &field_function;
	(*out)->column = at;
	return SPK_OK;
}
