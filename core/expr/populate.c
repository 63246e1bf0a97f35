/* Records from documents: what json(b)_populate_record is made of. */
#include "core/expr/internal.h"

/* record of document(record, jsonb): a record of the first one's type whose fields are the members of their names; NULL where there is none. */
static spk_status from_document(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[1]);
	int next = 0;

	for (int i = 0; i < call->n; i++) {
		const int row = spk_call_row(call, i);
		spk_error why = { 0 };
		spk_status status;

		for (; next < row; next++)  /* arrays within want every row */
			SPK_TRY(spk_text_put_null(out, next, call->rows, call->ev->arena, err));
		next = row + 1;
		if (spk_arg_is_null(&r, row)) {
			SPK_TRY(spk_text_put_null(out, row, call->rows, call->ev->arena, err));
			continue;
		}
		status = spk_text_put_json(out, row, call->rows, &SPK_ARG(struct spk_view, r, row), call->ev->timezone, call->ev->arena, &why);
		if (status == SPK_DATA)
			SPK_TRY(spk_call_fail_with(call, out, row, &why, err));
		else if (status != SPK_OK) {
			if (err)
				*err = why;
			return status;
		}
	}
	for (; next < call->rows; next++)
		SPK_TRY(spk_text_put_null(out, next, call->rows, call->ev->arena, err));
	return SPK_OK;
}

/* Called only through spk_expr_populate, whence no name to call it by. */
static const struct spk_function function = { .name = "record of document", SPK_ARGS2(ROW, JSONB), SPK_RESULT(ROW), .not_strict = true, .can_fail = true,
	.volatility = SPK_STABLE, .kernel = from_document };

spk_status spk_expr_populate(struct spk_arena *arena, struct spk_expr *base, struct spk_expr *json, int position, struct spk_expr **out, spk_error *err)
{
	const bool none = base->kind == SPK_EXPR_CONSTANT && base->value.null;
	struct spk_expr *pair[2] = { base, NULL };

	SPK_TRY(spk_expr_cast(arena, json, spk_type(SPK_TYPE_JSONB), true, position, &pair[1], err));
	if (!none) {
		/* What the base has counts where the document has no such member; a base that is NULL has nothing. */
		struct spk_expr *both[2], *or_none[2] = { pair[1], spk_expr_unknown(arena, "{}") }, *or_alone[2] = { NULL, pair[1] };

		SPK_TRY_PTR(or_none[1], err);
		SPK_TRY(spk_expr_call(arena, "to_jsonb", &base, 1, position, &both[0], err));
		SPK_TRY(spk_expr_make(arena, SPK_EXPR_COALESCE, or_none, 2, false, position, &both[1], err));
		SPK_TRY(spk_expr_call(arena, "||", both, 2, position, &or_alone[0], err));
		SPK_TRY(spk_expr_make(arena, SPK_EXPR_COALESCE, or_alone, 2, false, position, &pair[1], err));
	}
	SPK_TRY_PTR(*out = spk_expr_node(arena, SPK_EXPR_CALL, base->type, pair, 2, position), err);
	(*out)->function = &function;
	(*out)->nullable = true;
	return SPK_OK;
}
