/*
 * Window functions. As with aggregates, a call first stands as a column of its own in the expressions around it. Once the query's groups
 * are settled, calls with the same partition and order become one OVER node, and the columns are put right.
 */
#include "planner/sql/bind.h"

#include <stdio.h>
#include <string.h>

#include "planner/sql/bind_frame.h"
#include "planner/sql/rewrite.h"

/* --- which window --- */

static const PgQuery__WindowDef *named_window(const struct spk_exprs *x, const char *name)
{
	const PgQuery__SelectStmt *s = x->overs->select;

	for (size_t i = 0; i < s->n_window_clause; i++)
		if (s->window_clause[i]->window_def->name && strcmp(s->window_clause[i]->window_def->name, name) == 0)
			return s->window_clause[i]->window_def;
	return NULL;
}

static bool has_frame(const PgQuery__WindowDef *w) { return w->frame_options & SPK_FRAMEOPTION_NONDEFAULT; }

/* The bounds of a window are no groups of sets: there it stays a record. */
static bool grouped_by_sets(const PgQuery__SelectStmt *s)
{
	for (size_t i = 0; s && i < s->n_group_clause; i++)
		if (s->group_clause[i]->node_case == PG_QUERY__NODE__NODE_GROUPING_SET)
			return true;
	return false;
}

static spk_status bind_definition(struct spk_exprs *x, const PgQuery__WindowDef *w, struct spk_over *out, spk_error *err);

/* OVER (w) takes over what w is, but for its frame; OVER w is w. */
static spk_status copied_frame(const struct spk_exprs *x, const PgQuery__WindowDef *w, spk_error *err)
{
	spk_binder_fail(x->b, w->location, SPK_BIND, err, "cannot copy window \"%s\" because it has a frame clause", w->refname);
	return x->defines_window && w->name && *w->name ? SPK_BIND : spk_hint(err, "Omit the parentheses in this OVER clause.");
}

/* (w ORDER BY ...): a named window, taken over and added to, as PostgreSQL allows it. */
static spk_status extend(struct spk_exprs *x, const PgQuery__WindowDef *w, const PgQuery__WindowDef *base, struct spk_over *out, spk_error *err)
{
	if (w->n_partition_clause)
		return spk_binder_fail(x->b, w->location, SPK_BIND, err, "cannot override PARTITION BY clause of window \"%s\"", w->refname);
	if (w->n_order_clause && base->n_order_clause)
		return spk_binder_fail(x->b, w->location, SPK_BIND, err, "cannot override ORDER BY clause of window \"%s\"", w->refname);
	if (has_frame(base))
		return copied_frame(x, w, err);
	return bind_definition(x, base, out, err);
}

static spk_status bind_order(struct spk_exprs *x, const PgQuery__WindowDef *w, struct spk_over *out, spk_error *err)
{
	out->sort = SPK_NEW_ARRAY(x->b->arena, struct spk_sort_key, w->n_order_clause);
	SPK_TRY_PTR(out->sort, err);
	for (size_t i = 0; i < w->n_order_clause; i++) {
		const PgQuery__SortBy *by = w->order_clause[i]->sort_by;
		struct spk_sort_key *k = &out->sort[out->sorts];

		SPK_TRY(spk_binder_sort_key(x->b, by, k, err));
		SPK_TRY(spk_binder_expr(x, by->node, &k->expr, err));
		SPK_TRY(spk_binder_known(x->b, &k->expr, err));
		SPK_TRY(spk_binder_comparable(x->b, k->expr->type, true, spk_node_location(by->node), err));
		out->sorts++;
	}
	return SPK_OK;
}

static spk_status bind_definition(struct spk_exprs *x, const PgQuery__WindowDef *w, struct spk_over *out, spk_error *err)
{
	const PgQuery__WindowDef *base;

	if (w->refname && *w->refname) {
		base = named_window(x, w->refname);
		if (!base || base == w)
			return spk_binder_fail(x->b, w->location, SPK_BIND, err, "window \"%s\" does not exist", w->refname);
		SPK_TRY(extend(x, w, base, out, err));
	}
	if (w->n_partition_clause) {
		SPK_TRY(spk_binder_exprs(x, w->partition_clause, w->n_partition_clause, &out->expr, err));
		out->exprs = (int)w->n_partition_clause;
		for (int i = 0; i < out->exprs; i++) {
			SPK_TRY(spk_binder_known(x->b, &out->expr[i], err));
			SPK_TRY(spk_binder_comparable(x->b, out->expr[i]->type, false, spk_node_location(w->partition_clause[i]), err));
		}
		if (!grouped_by_sets(x->overs->select))
			SPK_TRY(spk_binder_open_windows(x->b, x->scope ? x->scope->plan : NULL, &out->expr, &out->exprs, err));
	}
	return w->n_order_clause ? bind_order(x, w, out, err) : SPK_OK;
}

/* OVER w, or OVER (...). The frame is the named window's own, or that in the brackets. */
static spk_status bind_window(struct spk_exprs *x, const PgQuery__WindowDef *w, int location, struct spk_over *out, spk_error *err)
{
	struct spk_exprs here = *x;
	const char *name = w->name && *w->name ? w->name : NULL;

	here.overs = &(struct spk_overs){ .select = x->overs->select };
	here.clause = "window definitions";
	here.inside_window = here.defines_window = true;
	if (name) {
		location = w->location >= 0 ? w->location : location;
		w = named_window(x, name);
		if (!w)
			return spk_binder_fail(x->b, location, SPK_BIND, err, "window \"%s\" does not exist", name);
	}
	SPK_TRY(bind_definition(&here, w, out, err));
	here.sets_ok = false;
	return spk_binder_frame(&here, w, out, err);
}

/* --- which function --- */

struct signature { const char *name; enum spk_window_function function; int least, most; };

static const struct signature *find_function(const char *name)
{
	static const struct signature list[] = {
#define SIGNATURE(id, name, least, most) { name, SPK_WINDOW_FUNCTION_##id, least, most },
		SPK_WINDOW_FUNCTION_LIST(SIGNATURE)
#undef SIGNATURE
	};

	for (size_t i = 1; i < SPK_COUNT_OF(list); i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

bool spk_window_function_known(const char *name) { return find_function(name) != NULL; }

static spk_status cast_arg(struct spk_exprs *x, struct spk_window_call *c, int i, enum spk_type_id type, spk_error *err)
{
	return i < c->args ? spk_expr_cast(x->b->arena, c->arg[i], spk_type(type), false, c->arg[i]->position, &c->arg[i], err) : SPK_OK;
}

/* lag(value, offset, default): value and default have one type. */
static spk_status type_offset_call(struct spk_exprs *x, struct spk_window_call *c, spk_error *err)
{
	SPK_TRY(cast_arg(x, c, 1, SPK_TYPE_INTEGER, err));
	if (c->args == 3) {
		SPK_TRY(spk_expr_common_type(c->arg[0]->type, c->arg[2]->type, &c->type, c->position, err));
		SPK_TRY(spk_expr_cast(x->b->arena, c->arg[2], c->type, false, c->position, &c->arg[2], err));
		SPK_TRY(spk_expr_cast(x->b->arena, c->arg[0], c->type, false, c->position, &c->arg[0], err));
	}
	return SPK_OK;
}

static spk_status type_call(struct spk_exprs *x, struct spk_window_call *c, spk_error *err)
{
	if (c->args && c->args < 3 && c->function != SPK_WINDOW_FUNCTION_NTILE && c->arg[0]->type.id == SPK_TYPE_UNKNOWN) {
		spk_fail(err, SPK_BIND, "could not determine polymorphic type because input has type unknown");
		if (err)
			err->position = c->position;
		return SPK_BIND;
	}
	if (c->args && c->function != SPK_WINDOW_FUNCTION_NTILE)
		SPK_TRY(spk_binder_known(x->b, &c->arg[0], err));
	c->type = c->args ? c->arg[0]->type : spk_type(SPK_TYPE_BIGINT);
	switch (c->function) {
	case SPK_WINDOW_FUNCTION_PERCENT_RANK:
	case SPK_WINDOW_FUNCTION_CUME_DIST:
		c->type = spk_type(SPK_TYPE_DOUBLE);
		return SPK_OK;
	case SPK_WINDOW_FUNCTION_NTILE:
		c->type = spk_type(SPK_TYPE_INTEGER);
		return cast_arg(x, c, 0, SPK_TYPE_INTEGER, err);
	case SPK_WINDOW_FUNCTION_LAG:
	case SPK_WINDOW_FUNCTION_LEAD:
		return type_offset_call(x, c, err);
	case SPK_WINDOW_FUNCTION_NTH_VALUE:
		return cast_arg(x, c, 1, SPK_TYPE_INTEGER, err);
	default:
		return SPK_OK;
	}
}

static spk_status wrong_count(struct spk_exprs *x, const PgQuery__FuncCall *f, const struct signature *s, struct spk_expr **arg, spk_error *err)
{
	char types[512] = "", t[64];
	size_t at = 0;

	for (size_t i = 0; i < f->n_args && at < sizeof types; i++)
		at += (size_t)snprintf(types + at, sizeof types - at, "%s%s", i ? ", " : "", spk_type_format_bare(arg[i]->type, t, sizeof t));
	spk_binder_fail(x->b, f->location, SPK_BIND, err, "function %s(%s) does not exist", s->name, types);
	return spk_hint(err, s->least == s->most ? "%s takes %d." : "%s takes %d to %d.", s->name, s->least, s->most);
}

/* There may be a function of that name that is nothing to be asked OVER a window. */
static spk_status not_a_window_call(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, spk_error *err)
{
	struct spk_expr **arg, *ignored;

	SPK_TRY(spk_binder_exprs(x, f->args, f->n_args, &arg, err));
	SPK_TRY(spk_binder_call(x->b, name, arg, (int)f->n_args, f->location, &ignored, err));
	return spk_binder_fail(x->b, f->location, SPK_BIND, err, "OVER specified, but %s is not a window function nor an aggregate function", name);
}

static spk_status bind_call(struct spk_exprs *x, const PgQuery__FuncCall *f, const struct signature *s, struct spk_window_call *c, spk_error *err)
{
	struct spk_expr **arg;

	if (f->agg_distinct || f->agg_star || f->n_agg_order)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "%s is not an aggregate: it takes no DISTINCT, * or ORDER BY", s->name);
	if (f->agg_filter)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "FILTER is not implemented for non-aggregate window functions");
	SPK_TRY(spk_binder_exprs(x, f->args, f->n_args, &arg, err));
	if ((int)f->n_args < s->least || (int)f->n_args > s->most)
		return wrong_count(x, f, s, arg, err);
	c->function = s->function;
	c->args = (int)f->n_args;
	memcpy(c->arg, arg, sizeof(*arg) * f->n_args);
	return type_call(x, c, err);
}

static spk_status bind_aggregate(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_window_call *c, spk_error *err)
{
	if (f->agg_distinct)
		return spk_binder_fail(x->b, f->location, SPK_UNSUPPORTED, err, "DISTINCT is not implemented for window functions");
	if (f->agg_within_group)
		return spk_binder_fail(x->b, f->location, SPK_UNSUPPORTED, err, "OVER is not supported for ordered-set aggregate %s", name);
	if (f->n_agg_order)
		return spk_binder_fail(x->b, f->location, SPK_UNSUPPORTED, err, "aggregate ORDER BY is not implemented for window functions");
	SPK_TRY(spk_binder_aggregate_call(x, f, name, &c->aggregate, err));
	c->type = c->aggregate.type;
	return SPK_OK;
}

static spk_status no_window_here(const struct spk_exprs *x, const PgQuery__FuncCall *f, spk_error *err)
{
	if (x->inside_window && !x->defines_window)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "window function calls cannot be nested");
	if (x->inside_window)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "window functions are not allowed in window definitions");
	if (x->inside_aggregate)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "aggregate function calls cannot contain window function calls");
	spk_binder_fail(x->b, f->location, SPK_BIND, err, "window functions are not allowed in %s", x->clause);
	return spk_hint(err, "Put the query into FROM, or filter with QUALIFY.");
}

/* --- the call --- */

static spk_status add_over(struct spk_exprs *x, const struct spk_over *over, spk_error *err)
{
	struct spk_overs *o = x->overs;

	if (o->count == o->capacity) {
		int capacity = o->capacity ? o->capacity * 2 : 8;
		struct spk_over *grown = SPK_NEW_ARRAY(x->b->arena, struct spk_over, capacity);

		SPK_TRY_PTR(grown, err);
		if (o->count)
			memcpy(grown, o->over, sizeof *grown * (size_t)o->count);
		o->over = grown;
		o->capacity = capacity;
	}
	o->over[o->count++] = *over;
	return SPK_OK;
}

static bool same_window(const struct spk_over *a, const struct spk_over *b)
{
	if (a->exprs != b->exprs || a->sorts != b->sorts)
		return false;
	for (int i = 0; i < a->exprs; i++)
		if (!spk_expr_same(a->expr[i], b->expr[i]))
			return false;
	for (int i = 0; i < a->sorts; i++)
		if (a->sort[i].descending != b->sort[i].descending || a->sort[i].nulls_first != b->sort[i].nulls_first || !spk_expr_same(a->sort[i].expr, b->sort[i].expr))
			return false;
	return true;
}

static bool same_or_none(const struct spk_expr *a, const struct spk_expr *b)
{
	return !a || !b ? a == b : spk_expr_same(a, b);
}

static bool same_frame(const struct spk_window_frame *a, const struct spk_window_frame *b)
{
	return a->mode == b->mode && a->start == b->start && a->end == b->end && a->exclude == b->exclude && same_or_none(a->start_offset, b->start_offset) &&
	       same_or_none(a->end_offset, b->end_offset) && same_or_none(a->start_edge, b->start_edge) && same_or_none(a->end_edge, b->end_edge);
}

/* The same call in ORDER BY and among the outputs is one; the number of calls when there is none such. */
static int find_over(const struct spk_overs *list, const struct spk_over *over)
{
	int i = 0;

	for (; i < list->count; i++) {
		const struct spk_window_call *a = &list->over[i].call, *b = &over->call;
		bool same = a->function == b->function && a->args == b->args && same_frame(&a->frame, &b->frame) && same_window(&list->over[i], over);

		for (int k = 0; same && k < a->args; k++)
			same = spk_expr_same(a->arg[k], b->arg[k]) && spk_expr_deterministic(a->arg[k]);
		if (same && (a->function != SPK_WINDOW_FUNCTION_AGGREGATE || spk_aggregate_same(&a->aggregate, &b->aggregate)))
			break;
	}
	return i;
}

spk_status spk_binder_over(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **out, spk_error *err)
{
	const struct signature *s = find_function(name);
	struct spk_over over = { .call = { .name = name, .position = spk_binder_at(x->b, f->location) } };
	struct spk_exprs inside = *x;
	int at;

	if (spk_is_list_aggregate(f, name))
		return spk_binder_list_aggregate(x, f, name, out, err);
	if (!x->overs || x->inside_window || x->inside_aggregate) {
		struct spk_expr **ignored;

		SPK_TRY(spk_binder_exprs(x, f->args, f->n_args, &ignored, err));  /* what is wrong with them comes first in PostgreSQL */
		return no_window_here(x, f, err);
	}
	inside.inside_window = true;
	if (!s && !spk_binder_aggregate_known(x->b, name))
		return not_a_window_call(&inside, f, name, err);
	SPK_TRY(s ? bind_call(&inside, f, s, &over.call, err) : bind_aggregate(&inside, f, name, &over.call, err));
	SPK_TRY(bind_window(x, f->over, f->location, &over, err));
	at = find_over(x->overs, &over);
	if (at == x->overs->count)
		SPK_TRY(add_over(x, &over, err));
	*out = spk_expr_column(x->b->arena, SPK_OVER_COLUMN + at, &(struct spk_field){ .name = name, .type = over.call.type, .nullable = true });
	SPK_TRY_PTR(*out, err);
	(*out)->position = over.call.position;
	return SPK_OK;
}

/* Named windows are checked also when nobody uses them. */
spk_status spk_query_check_windows(struct spk_query *q, spk_error *err)
{
	struct spk_exprs x = { .b = q->b, .scope = &q->scope, .aggregates = &q->aggregates, .overs = &q->overs, .sets_ok = true, .clause = "SELECT" };
	const PgQuery__SelectStmt *s = q->select;

	for (size_t i = 0; i < s->n_window_clause; i++) {
		const PgQuery__WindowDef *w = s->window_clause[i]->window_def;
		struct spk_over ignored = { 0 };

		for (size_t k = 0; k < i; k++)
			if (strcmp(s->window_clause[k]->window_def->name, w->name) == 0)
				return spk_binder_fail(q->b, w->location, SPK_BIND, err, "window \"%s\" is already defined", w->name);
		if (strcmp(w->name, SPK_MARK_QUALIFY) != 0)
			SPK_TRY(bind_window(&x, w, w->location, &ignored, err));
	}
	return SPK_OK;
}

/* --- over the groups --- */

/* Every expression of a window function but its frame's constant offsets. */
static spk_status each_expr(struct spk_query *q, struct spk_over *o, const struct spk_schema *schema, spk_error *err)
{
	struct spk_window_frame *f = &o->call.frame;
	struct spk_expr **list[] = { &o->call.aggregate.filter, &f->range_key, &f->start_edge, &f->end_edge };

	for (int i = 0; i < o->exprs; i++)
		SPK_TRY(spk_query_turn_over(q, schema, &o->expr[i], err));
	for (int i = 0; i < o->sorts; i++)
		SPK_TRY(spk_query_turn_over(q, schema, &o->sort[i].expr, err));
	for (int i = 0; i < o->call.args; i++)
		SPK_TRY(spk_query_turn_over(q, schema, &o->call.arg[i], err));
	for (int i = 0; i < o->call.aggregate.inputs; i++)
		SPK_TRY(spk_query_turn_over(q, schema, &o->call.aggregate.input[i], err));
	for (size_t i = 0; i < SPK_COUNT_OF(list); i++)
		if (*list[i])
			SPK_TRY(spk_query_turn_over(q, schema, list[i], err));
	return SPK_OK;
}

spk_status spk_query_turn_over_windows(struct spk_query *q, const struct spk_schema *aggregated, spk_error *err)
{
	for (int i = 0; i < q->overs.count; i++)
		SPK_TRY(each_expr(q, &q->overs.over[i], aggregated, err));
	return SPK_OK;
}

/* --- nodes --- */

/* One OVER node for all calls with the window of call `first`; at[i]: the output column of call i. */
static spk_status add_node(struct spk_query *q, int first, int *at, struct spk_logical **plan, spk_error *err)
{
	const struct spk_over *window = &q->overs.over[first];
	int columns = (*plan)->schema->count;
	struct spk_schema *schema = spk_schema_new(q->b->arena, columns + q->overs.count);
	struct spk_logical *l;

	SPK_TRY_PTR(schema, err);
	memcpy(schema->field, (*plan)->schema->field, sizeof *schema->field * (size_t)columns);
	l = spk_logical_new(q->b->arena, SPK_LOGICAL_OVER, schema, plan, 1);
	SPK_TRY_PTR(l, err);
	l->call = SPK_NEW_ARRAY(q->b->arena, struct spk_window_call, q->overs.count);
	SPK_TRY_PTR(l->call, err);
	l->expr = window->expr;
	l->expr_count = window->exprs;
	l->sort = window->sort;
	l->sort_count = window->sorts;
	l->position = window->call.position;
	for (int i = first; i < q->overs.count; i++) {
		const struct spk_window_call *c = &q->overs.over[i].call;

		if (at[i] >= 0 || !same_window(window, &q->overs.over[i]))
			continue;
		at[i] = columns + l->calls;
		schema->field[at[i]] = (struct spk_field){ c->name, c->type, true };
		l->call[l->calls++] = *c;
	}
	schema->count = columns + l->calls;
	*plan = l;
	return SPK_OK;
}

/* Makes the columns that stand for calls those of the OVER nodes. */
static spk_status settle(struct spk_query *q, const int *at, struct spk_expr **e, spk_error *err)
{
	struct spk_expr *copy;

	if ((*e)->kind != SPK_EXPR_COLUMN && (*e)->args == 0)
		return SPK_OK;
	if ((*e)->kind == SPK_EXPR_COLUMN && (*e)->column < SPK_OVER_COLUMN)
		return SPK_OK;
	copy = spk_arena_copy(q->b->arena, *e, sizeof *copy);
	SPK_TRY_PTR(copy, err);
	if (copy->kind == SPK_EXPR_COLUMN)
		copy->column = at[copy->column - SPK_OVER_COLUMN];
	if (copy->args) {
		copy->arg = spk_arena_copy(q->b->arena, (*e)->arg, sizeof(*copy->arg) * (size_t)copy->args);
		SPK_TRY_PTR(copy->arg, err);
	}
	for (int i = 0; i < copy->args; i++)
		SPK_TRY(settle(q, at, &copy->arg[i], err));
	*e = copy;
	return SPK_OK;
}

spk_status spk_query_windows(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	int *at = SPK_NEW_ARRAY(q->b->arena, int, q->overs.count + 1);
	struct spk_logical *l;

	SPK_TRY_PTR(at, err);
	SPK_TRY(spk_query_window_sets(q, plan, err));
	for (int i = 0; i < q->overs.count; i++)
		at[i] = -1;
	for (int i = 0; i < q->overs.count; i++)
		if (at[i] < 0)
			SPK_TRY(add_node(q, i, at, plan, err));
	for (int i = 0; i < q->targets; i++)
		SPK_TRY(settle(q, at, &q->target[i].expr, err));
	for (int i = 0; i < q->sublinks.count; i++)
		if (q->sublinks.sublink[i].column < 0 && q->sublinks.sublink[i].condition)
			SPK_TRY(settle(q, at, &q->sublinks.sublink[i].condition, err));
	if (q->qualify)
		SPK_TRY(settle(q, at, &q->qualify, err));
	SPK_TRY(spk_query_attach_targets(q, SPK_ATTACH_OVER_WINDOWS, plan, err));
	if (!q->qualify)
		return SPK_OK;
	l = spk_logical_new(q->b->arena, SPK_LOGICAL_FILTER, (*plan)->schema, plan, 1);
	SPK_TRY_PTR(l, err);
	l->filter = q->qualify;
	*plan = l;
	return SPK_OK;
}

const PgQuery__Node *spk_query_qualify(const PgQuery__SelectStmt *s)
{
	for (size_t i = 0; i < s->n_window_clause; i++)
		if (strcmp(s->window_clause[i]->window_def->name, SPK_MARK_QUALIFY) == 0)
			return s->window_clause[i]->window_def->partition_clause[0];
	return NULL;
}
