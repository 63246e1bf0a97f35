/* a JOIN b WITHIN 15 SECONDS ON x: the event times of both sides, which go without saying, are no further apart than that. */
#include "planner/sql/bind.h"

#include "planner/sql/rewrite.h"

/* time <= other + length, the times being columns of the join. */
static spk_status not_later(struct spk_exprs *x, struct spk_expr *time, struct spk_expr *other, struct spk_expr *length, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *sum[2] = { other, length }, *pair[2] = { time, NULL };

	SPK_TRY(spk_binder_call(x->b, "+", sum, 2, location, &pair[1], err));
	return spk_binder_call(x->b, "<=", pair, 2, location, out, err);
}

spk_status spk_binder_within(struct spk_exprs *x, const PgQuery__FuncCall *f, struct spk_expr **out, spk_error *err)
{
	const struct spk_logical *join = x->scope ? x->scope->plan : NULL;
	struct spk_expr *length[2], *time[2], *both[2];

	if (!join || join->kind != SPK_LOGICAL_JOIN || f->n_args != 2)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "WITHIN belongs between a join's right side and its ON");
	for (int side = 0, first = 0; side < 2; side++) {
		const int column = spk_watermark_column(join->input[side]);

		if (column < 0) {
			spk_binder_fail(x->b, f->location, SPK_BIND, err, "WITHIN goes by the event times of both sides, and the %s one is not one table with a WATERMARK", side ? "right" : "left");
			return spk_hint(err, "Write the times out in the condition: b.ts BETWEEN a.ts - INTERVAL '15' SECOND AND a.ts + INTERVAL '15' SECOND.");
		}
		SPK_TRY(spk_binder_expr(x, f->args[side], &length[side], err));
		SPK_TRY_PTR(time[side] = spk_expr_column(x->b->arena, first + column, &join->schema->field[first + column]), err);
		first += join->input[0]->schema->count;
	}
	SPK_TRY(not_later(x, time[0], time[1], length[0], f->location, &both[0], err));
	SPK_TRY(not_later(x, time[1], time[0], length[1], f->location, &both[1], err));
	return spk_expr_make(x->b->arena, SPK_EXPR_AND, both, 2, false, spk_binder_at(x->b, f->location), out, err);
}
