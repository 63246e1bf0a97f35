/*
 * What rows take along when a partial aggregate passes them as they are (batch/operator/partial_aggregate.c): the group expressions, then every
 * call's filter and inputs, each once. The final aggregate's calls over passed rows name them as columns.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

static int find_pass(const struct spk_physical *partial, const struct spk_expr *e, int filter)
{
	for (int i = 0; i < partial->pass_count; i++)
		if (partial->pass[i].filter == filter && spk_expr_same(partial->pass[i].expr, e) && spk_expr_deterministic(e))
			return i;
	return -1;
}

static int add_pass(struct spk_physical *partial, struct spk_expr *e, int filter)
{
	int at = find_pass(partial, e, filter);

	if (at < 0) {
		at = partial->pass_count++;
		partial->pass[at] = (struct spk_pass){ e, filter };
	}
	return at;
}

/* The column behind the partial's own that holds this expression. */
static spk_status passed_column(struct spk_build *b, const struct spk_physical *partial, int pass, int first, struct spk_expr **out, spk_error *err)
{
	const struct spk_expr *e = partial->pass[pass].expr;

	*out = spk_expr_column(b->arena, first + pass, &(struct spk_field){ e->name ? e->name : "", e->type, true });
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

static spk_status pass_call(struct spk_build *b, struct spk_physical *partial, int first, struct spk_aggregate_call *c, spk_error *err)
{
	struct spk_expr **input = SPK_NEW_ARRAY(b->arena, struct spk_expr *, c->inputs + 1);
	int filter = -1;

	SPK_TRY_PTR(input, err);
	if (c->filter) {
		filter = add_pass(partial, c->filter, -1);
		SPK_TRY(passed_column(b, partial, filter, first, &c->filter, err));
	}
	for (int i = 0; i < c->inputs; i++)
		SPK_TRY(passed_column(b, partial, add_pass(partial, c->input[i], filter), first, &input[i], err));
	c->input = input;
	return SPK_OK;
}

spk_status spk_build_pass(struct spk_build *b, struct spk_physical *partial, int first, struct spk_aggregate_call **out, spk_error *err)
{
	const int calls = partial->aggregate_count + partial->hidden_count;
	struct spk_aggregate_call *call = spk_arena_copy(b->arena, partial->aggregate, sizeof *call * (size_t)calls);
	int most = partial->expr_count;

	SPK_TRY_PTR(call, err);
	for (int i = 0; i < calls; i++)
		most += call[i].inputs + 1;
	partial->pass = SPK_NEW_ARRAY(b->arena, struct spk_pass, most + 1);
	SPK_TRY_PTR(partial->pass, err);
	for (int i = 0; i < partial->expr_count; i++)
		partial->pass[partial->pass_count++] = (struct spk_pass){ partial->expr[i], -1 };
	for (int i = 0; i < calls; i++)
		if (!call[i].shared)
			SPK_TRY(pass_call(b, partial, first, &call[i], err));
	*out = call;
	return SPK_OK;
}
