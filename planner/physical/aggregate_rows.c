/*
 * Aggregates that cannot go on from their last state, in a stream: DISTINCT and ORDER BY inside the call, those whose states do not merge, and over
 * rows that may be taken back those that cannot give a row back (min, max, array_agg, ...). The rows of a group are kept, and computed again when
 * the group changes (recompute.c). Only what the calls look at is kept: groups, arguments, filters.
 */
#include "planner/physical/build.h"

bool spk_aggregate_needs_rows(const struct spk_logical *l, bool retracts)
{
	for (int i = 0; i < l->aggregate_count; i++) {
		const struct spk_aggregate_call *c = &l->aggregate[i];

		if (c->distinct || !c->aggregate->merge || c->step != c->aggregate || (retracts && !c->step->retract))
			return true;
	}
	return false;
}

spk_status spk_call_columns_init(struct spk_call_columns *c, struct spk_build *b, const struct spk_logical *l, int more, spk_error *err)
{
	int most = more;

	for (int i = 0; i < l->aggregate_count; i++)
		most += l->aggregate[i].inputs + 1;
	*c = (struct spk_call_columns){ .b = b, .expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, most + 1), .field = SPK_NEW_ARRAY(b->arena, struct spk_field, most + 1) };
	SPK_TRY_PTR(c->expr && c->field, err);
	return SPK_OK;
}

spk_status spk_call_columns_add(struct spk_call_columns *c, struct spk_expr *e, bool fresh, struct spk_expr **out, spk_error *err)
{
	int at = 0;

	while (at < c->count && (fresh || !spk_expr_same(c->expr[at], e) || !spk_expr_deterministic(e)))
		at++;
	if (at == c->count) {
		c->expr[at] = e;
		c->field[at] = (struct spk_field){ e->name ? e->name : spk_arena_printf(c->b->arena, "argument %d", at), e->type, true };
		SPK_TRY_PTR(c->field[at].name, err);
		c->count++;
	}
	*out = spk_expr_column(c->b->arena, at, &c->field[at]);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* An argument is only computed for rows that FILTER lets through: others may fail. */
static spk_status where_true(struct spk_build *b, struct spk_expr *filter, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arm[3] = { filter, e, spk_expr_literal(b->arena, (struct spk_value){ .type = e->type, .null = true }) };

	SPK_TRY_PTR(arm[2], err);
	return spk_expr_make(b->arena, SPK_EXPR_CASE, arm, 3, false, e->position, out, err);
}

spk_status spk_call_columns_take(struct spk_call_columns *c, struct spk_aggregate_call *call, spk_error *err)
{
	struct spk_expr **input = SPK_NEW_ARRAY(c->b->arena, struct spk_expr *, call->inputs + 1), *filter = call->filter;

	SPK_TRY_PTR(input, err);
	if (filter)
		SPK_TRY(spk_call_columns_add(c, filter, false, &call->filter, err));
	for (int i = 0; i < call->inputs; i++) {
		struct spk_expr *e = call->input[i];

		if (filter && spk_expr_can_fail(e))
			SPK_TRY(where_true(c->b, filter, e, &e, err));
		SPK_TRY(spk_call_columns_add(c, e, false, &input[i], err));
	}
	call->input = input;
	return SPK_OK;
}

/* The node over the projection's columns: groups first, then arguments and filters. */
static spk_status over_columns(struct spk_call_columns *c, const struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *project = spk_logical_new(c->b->arena, SPK_LOGICAL_PROJECT, NULL, l->input, 1), *n = spk_logical_clone(c->b->arena, l);
	struct spk_schema *schema = SPK_NEW(c->b->arena, struct spk_schema);

	SPK_TRY_PTR(project && n && schema, err);
	n->input = SPK_NEW_ARRAY(c->b->arena, struct spk_logical *, 1);
	n->expr = SPK_NEW_ARRAY(c->b->arena, struct spk_expr *, l->expr_count + 1);
	n->aggregate = spk_arena_copy(c->b->arena, l->aggregate, sizeof *l->aggregate * (size_t)l->aggregate_count);
	SPK_TRY_PTR(n->input && n->expr && n->aggregate, err);
	for (int i = 0; i < l->expr_count; i++)
		SPK_TRY(spk_call_columns_add(c, l->expr[i], true, &n->expr[i], err));
	for (int i = 0; i < l->aggregate_count; i++)
		SPK_TRY(spk_call_columns_take(c, &n->aggregate[i], err));
	*schema = (struct spk_schema){ c->count, c->field };
	project->schema = schema;
	project->expr = c->expr;
	project->expr_count = c->count;
	project->properties = l->input[0]->properties;
	project->position = l->position;
	n->input[0] = project;
	*out = n;
	return SPK_OK;
}

spk_status spk_build_aggregate_columns(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, struct spk_logical **out, spk_error *err)
{
	struct spk_call_columns c;

	SPK_TRY(spk_call_columns_init(&c, b, l, l->expr_count, err));
	SPK_TRY(over_columns(&c, l, out, err));
	return spk_build_project(b, (*out)->input[0], (*out)->input[0]->schema, c.expr, ports, err);
}

spk_status spk_build_rows_aggregate(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_closing closing, spk_build_inner inner, struct spk_ports *out, spk_error *err)
{
	int *key = SPK_NEW_ARRAY(b->arena, int, l->expr_count + 1);
	struct spk_recompute r = { .key = key, .keys = l->expr_count, .inner = inner, .closing = closing, .what = "aggregate" };
	struct spk_logical *n = NULL;
	struct spk_ports ports = *in;

	SPK_TRY_PTR(key, err);
	for (int i = 0; i < l->expr_count; i++)
		key[i] = i;
	SPK_TRY(spk_build_aggregate_columns(b, l, &ports, &n, err));
	r.l = n;
	SPK_TRY(spk_build_recompute(b, &r, &ports, out, err));
	return spk_build_pace(b, l, key, r.keys, closing, out, err);
}
