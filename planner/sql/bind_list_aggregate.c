/*
 * Aggregates of other engines that are functions of all values of a group:
 *   TOPK(x, n), TOPKDISTINCT(x, n)                  (array_agg([DISTINCT] x ORDER BY x DESC) FILTER (WHERE x IS NOT NULL))[1:n]
 *   NTH_VALUE(x, n ORDER BY y)                      (array_agg(x ORDER BY y))[n]
 *   HISTOGRAM(x), COLLECT(x)                        value_counts(array_agg(x))
 *   COUNT(DISTINCT x) OVER w                        how many values array_agg(x) OVER w has, each once
 */
#include "planner/sql/bind.h"

#include <string.h>

#include "planner/sql/rewrite.h"

/* function: what is made of the array, its other arguments being those of the call; NULLs are left out unless they are `kept`. */
static const struct list_aggregate { const char *name; int args; bool over, distinct, descending, kept; const char *function; } list_aggregates[] = {
	{ "topk", 2, false, false, true, false, SPK_MARK_FIRST_OF },
	{ "topkdistinct", 2, false, true, true, false, SPK_MARK_FIRST_OF },
	{ "nth_value", 2, false, false, false, true, "array_element" },
	{ "histogram", 1, false, false, false, false, "value_counts" },
	{ "collect", 1, false, false, false, false, "value_counts" },
	{ "count", 1, true, false, false, false, SPK_MARK_COUNT_VALUES },
};

static const struct list_aggregate *find(const PgQuery__FuncCall *f, const char *name)
{
	for (size_t i = 0; i < SPK_COUNT_OF(list_aggregates); i++) {
		const struct list_aggregate *a = &list_aggregates[i];

		if (strcmp(a->name, name) == 0 && a->args == (int)f->n_args && a->over == (f->over != NULL) && (!a->over || f->agg_distinct))
			return a;
	}
	return NULL;
}

bool spk_is_list_aggregate(const PgQuery__FuncCall *f, const char *name) { return find(f, name) != NULL; }

/* FILTER (WHERE x IS NOT NULL AND what is there already). */
struct filter { PgQuery__NullTest test; PgQuery__BoolExpr and; PgQuery__Node known, both, *sides[2]; };

static PgQuery__Node *only_known(const PgQuery__FuncCall *f, struct filter *t)
{
	pg_query__null_test__init(&t->test);
	pg_query__bool_expr__init(&t->and);
	pg_query__node__init(&t->known);
	pg_query__node__init(&t->both);
	t->test.arg = f->args[0];
	t->test.nulltesttype = PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL;
	t->test.location = f->location;
	t->known.node_case = PG_QUERY__NODE__NODE_NULL_TEST;
	t->known.null_test = &t->test;
	t->sides[0] = &t->known;
	t->sides[1] = f->agg_filter;
	t->and.boolop = PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
	t->and.args = t->sides;
	t->and.n_args = 2;
	t->and.location = f->location;
	t->both.node_case = PG_QUERY__NODE__NODE_BOOL_EXPR;
	t->both.bool_expr = &t->and;
	return f->agg_filter ? &t->both : &t->known;
}

/* ORDER BY x DESC. */
struct order { PgQuery__SortBy sort; PgQuery__Node by, *list[1]; };

static PgQuery__Node **largest_first(const PgQuery__FuncCall *f, struct order *o)
{
	pg_query__sort_by__init(&o->sort);
	pg_query__node__init(&o->by);
	o->sort.node = f->args[0];
	o->sort.sortby_dir = PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
	o->sort.sortby_nulls = PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT;
	o->sort.location = f->location;
	o->by.node_case = PG_QUERY__NODE__NODE_SORT_BY;
	o->by.sort_by = &o->sort;
	o->list[0] = &o->by;
	return o->list;
}

/* What is made of the array: the argument behind the aggregated one is none of the group's rows, so it must be the same for all of them. */
static spk_status finish(struct spk_exprs *x, const PgQuery__FuncCall *f, const struct list_aggregate *a, struct spk_expr *array, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arg[2] = { array };

	if (a->args == 2) {
		SPK_TRY(spk_binder_expr(x, f->args[1], &arg[1], err));
		if (arg[1]->kind != SPK_EXPR_CONSTANT)
			return spk_binder_fail(x->b, f->location, SPK_UNSUPPORTED, err, "the second argument of %s must be a constant", a->name);
		SPK_TRY(spk_expr_cast(x->b->arena, arg[1], spk_type(SPK_TYPE_INTEGER), false, spk_binder_at(x->b, f->location), &arg[1], err));
	}
	if (spk_is_macro(a->function, arg, a->args))
		return spk_binder_macro(x, a->function, arg, a->args, f->location, out, err);
	return spk_binder_call(x->b, a->function, arg, a->args, f->location, out, err);
}

spk_status spk_binder_list_aggregate(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **out, spk_error *err)
{
	const struct list_aggregate *a = find(f, name);
	PgQuery__FuncCall call = *f;
	PgQuery__Node text = PG_QUERY__NODE__INIT, *names[1] = { &text };
	PgQuery__String word = PG_QUERY__STRING__INIT;
	struct filter filter;
	struct order order;
	struct spk_expr *array;

	if (a->descending && f->n_agg_order)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "%s has an order of its own and takes no ORDER BY", a->name);
	word.sval = (char *)(uintptr_t)"array_agg";
	text.node_case = PG_QUERY__NODE__NODE_STRING;
	text.string = &word;
	call.funcname = names;
	call.n_funcname = 1;
	call.n_args = 1;
	call.agg_distinct = a->distinct || (f->agg_distinct && !a->over);
	if (!a->kept)
		call.agg_filter = only_known(f, &filter);
	if (a->descending) {
		call.agg_order = largest_first(f, &order);
		call.n_agg_order = 1;
	}
	SPK_TRY(spk_binder_function(x, &call, &array, err));
	return finish(x, f, a, array, out, err);
}
