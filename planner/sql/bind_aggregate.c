/*
 * Calls of aggregates: where they may stand, and what is in their brackets (DISTINCT, ORDER BY), behind them (FILTER, WITHIN GROUP). A
 * call stands in the expression around it as a column behind the input's; bind_group.c turns it over.
 */
#include "planner/sql/bind.h"

#include <string.h>

spk_status spk_aggregates_add(const struct spk_binder *b, struct spk_aggregates *a, const struct spk_aggregate_call *call, int *out, spk_error *err)
{
	for (*out = 0; *out < a->count; ++*out)
		if (spk_aggregate_same(&a->call[*out], call))
			return SPK_OK;
	if (a->count == a->capacity) {
		int capacity = a->capacity ? a->capacity * 2 : 8;
		struct spk_aggregate_call *grown = SPK_NEW_ARRAY(b->arena, struct spk_aggregate_call, capacity);

		SPK_TRY_PTR(grown, err);
		if (a->count)
			memcpy(grown, a->call, sizeof *grown * (size_t)a->count);
		a->call = grown;
		a->capacity = capacity;
	}
	a->call[a->count++] = *call;
	return SPK_OK;
}

static spk_status check_place(const struct spk_exprs *x, const PgQuery__FuncCall *f, spk_error *err)
{
	if (x->inside_aggregate)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "aggregate function calls cannot be nested");
	if (x->aggregates)
		return SPK_OK;
	spk_binder_fail(x->b, f->location, SPK_BIND, err, "aggregate functions are not allowed in %s", x->clause);
	return strcmp(x->clause, "WHERE") == 0 ? spk_hint(err, "Conditions on aggregates belong in HAVING.") : SPK_BIND;
}

static spk_status check_form(const struct spk_exprs *x, const PgQuery__FuncCall *f, spk_error *err)
{
	for (size_t i = 0; i < f->n_args; i++)
		if (f->args[i]->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR)
			return spk_binder_unsupported(x->b, spk_node_location(f->args[i]), "an argument by name", err);
	return f->func_variadic ? spk_binder_unsupported(x->b, f->location, "VARIADIC", err) : SPK_OK;
}

static spk_status bind_order(struct spk_exprs *x, const PgQuery__FuncCall *f, struct spk_aggregate_syntax *syntax, spk_error *err)
{
	syntax->orders = (int)f->n_agg_order;
	syntax->order = SPK_NEW_ARRAY(x->b->arena, struct spk_sort_key, syntax->orders + 1);
	SPK_TRY_PTR(syntax->order, err);
	for (size_t i = 0; i < f->n_agg_order; i++) {
		const PgQuery__SortBy *by = f->agg_order[i]->sort_by;

		SPK_TRY(spk_binder_sort_key(x->b, by, &syntax->order[i], err));
		SPK_TRY(spk_binder_expr(x, by->node, &syntax->order[i].expr, err));
		SPK_TRY(spk_binder_comparable(x->b, syntax->order[i].expr->type, true, spk_node_location(by->node), err));
	}
	return SPK_OK;
}

bool spk_binder_aggregate_known(const struct spk_binder *b, const char *name)
{
	return spk_aggregate_known(name) || spk_catalog_aggregate(b->catalog, name);
}

spk_status spk_binder_aggregate_call(const struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_aggregate_call *out, spk_error *err)
{
	struct spk_exprs inside = *x;
	const struct spk_user_aggregate *own = spk_catalog_aggregate(x->b->catalog, name);
	struct spk_aggregate_syntax syntax = { .name = name, .own = own ? &own->base : NULL, .args = (int)f->n_args, .distinct = f->agg_distinct, .within_group = f->agg_within_group,
		.star = f->agg_star, .position = spk_binder_at(x->b, f->location) };

	SPK_TRY(check_form(x, f, err));
	SPK_TRY(spk_binder_exprs(&inside, f->args, f->n_args, &syntax.arg, err));
	SPK_TRY(bind_order(&inside, f, &syntax, err));
	for (int i = 0; i < syntax.args && syntax.distinct; i++)
		SPK_TRY(spk_binder_comparable(x->b, syntax.arg[i]->type, false, spk_node_location(f->args[i]), err));
	if (f->agg_filter) {
		inside.clause = "FILTER";
		inside.aggregates = NULL;
		inside.overs = NULL;
		inside.inside_aggregate = inside.inside_window = inside.sets_ok = false;
		SPK_TRY(spk_binder_condition(&inside, f->agg_filter, &syntax.filter, err));
	}
	SPK_TRY(spk_aggregate_resolve(x->b->arena, &syntax, out, err));
	out->name = name;
	return SPK_OK;
}

/* --- aggregates of a query around --- */

/* An aggregate belongs to the innermost query that its arguments take columns from; *out NULL: to this one. */
static spk_status bind_outer(struct spk_exprs *x, const PgQuery__FuncCall *f, struct spk_aggregate_call *call, struct spk_expr **out, spk_error *err)
{
	struct spk_level level = { 0 };
	struct spk_field field = { call->name, call->type, true };
	int at;

	*out = NULL;
	SPK_TRY(spk_binder_level(x->b, call->input, call->inputs, &level, err));
	SPK_TRY(spk_binder_level(x->b, &call->filter, call->filter != NULL, &level, err));
	if (level.local || !level.nearest)
		return SPK_OK;
	if (level.nested)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "aggregate function calls cannot be nested");
	if (!level.nearest->exprs)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "aggregate functions are not allowed in FROM clause of their own query level");
	SPK_TRY(check_place(level.nearest->exprs, f, err));
	SPK_TRY(spk_binder_to_level(x->b, level.nearest, call->input, call->inputs, err));
	SPK_TRY(spk_binder_to_level(x->b, level.nearest, &call->filter, call->filter != NULL, err));
	SPK_TRY(spk_aggregates_add(x->b, level.nearest->exprs->aggregates, call, &at, err));
	SPK_TRY_PTR(*out = spk_expr_outer(x->b->arena, level.nearest->number, SPK_AGGREGATE_COLUMN + at, &field), err);
	(*out)->position = call->position;
	return SPK_OK;
}

spk_status spk_binder_aggregate(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **out, spk_error *err)
{
	struct spk_exprs inside = *x;
	struct spk_aggregate_call call = { 0 };
	struct spk_field field;
	int at;

	if (x->inside_aggregate || !x->b->outer)
		SPK_TRY(check_place(x, f, err));
	inside.inside_aggregate = true;
	inside.overs = NULL;
	SPK_TRY(spk_binder_aggregate_call(&inside, f, name, &call, err));
	SPK_TRY(bind_outer(x, f, &call, out, err));
	if (*out)
		return SPK_OK;
	SPK_TRY(check_place(x, f, err));
	SPK_TRY(spk_aggregates_add(x->b, x->aggregates, &call, &at, err));
	field = (struct spk_field){ .name = name, .type = call.type, .nullable = spk_aggregate_nullable(&call) };
	*out = spk_expr_column(x->b->arena, SPK_AGGREGATE_COLUMN + at, &field);
	SPK_TRY_PTR(*out, err);
	(*out)->position = call.position;
	return SPK_OK;
}
