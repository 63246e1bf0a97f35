/*
 * Arguments of function calls: in their places, by name (make_interval(days => 3)), and what WITHIN GROUP has.
 */
#include "planner/sql/bind.h"

#include <string.h>

/* PostgreSQL's names of the arguments of functions that people call by them, in order, with what stands for one that is left out. */
static const struct named { const char *function, *names, *left_out; } named[] = {
	{ "make_interval", "years months weeks days hours mins secs", "0" },
	{ "make_date", "year month day", NULL },
	{ "make_time", "hour min sec", NULL },
	{ "make_timestamp", "year month mday hour min sec", NULL },
	{ "make_timestamptz", "year month mday hour min sec timezone", NULL },
	{ "jsonb_set", "jsonb_in path replacement create_if_missing", NULL },
	{ "jsonb_set_lax", "jsonb_in path replacement create_if_missing null_value_treatment", "true" },
	{ "jsonb_insert", "jsonb_in path replacement insert_after", NULL },
	{ "jsonb_path_exists", "target path vars silent", "{}" },
	{ "jsonb_path_match", "target path vars silent", "{}" },
	{ "jsonb_path_query", "target path vars silent", "{}" },
	{ "jsonb_path_query_array", "target path vars silent", "{}" },
	{ "jsonb_path_query_first", "target path vars silent", "{}" },
	{ "jsonb_each", "from_json key value", NULL },
	{ "jsonb_array_elements", "from_json value", NULL },
	{ "parse_ident", "str strict", NULL },
};

static const struct named *find_named(const char *function)
{
	for (size_t i = 0; i < SPK_COUNT_OF(named); i++)
		if (strcmp(named[i].function, function) == 0)
			return &named[i];
	return NULL;
}

/* Which of the blank-separated names it is; -1: none. */
static int place_of(const char *names, const char *name)
{
	const size_t size = strlen(name);
	int place = 0;

	for (const char *p = names; p; p = strchr(p, ' '), place++) {
		p += *p == ' ';
		if (strncmp(p, name, size) == 0 && (p[size] == ' ' || !p[size]))
			return place;
	}
	return -1;
}

static bool is_named(const PgQuery__Node *n) { return n->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR; }

static bool any_named(const PgQuery__FuncCall *f)
{
	for (size_t i = 0; i < f->n_args; i++)
		if (is_named(f->args[i]))
			return true;
	return false;
}

enum { PLACES_MAX = 16 };

/* No argument has that name. */
static spk_status no_such(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *function, const char *names, spk_error *err)
{
	char type[64];
	const char *list = "";
	struct spk_expr *e;

	for (size_t i = 0; i < f->n_args; i++) {
		const PgQuery__NamedArgExpr *named_arg = is_named(f->args[i]) ? f->args[i]->named_arg_expr : NULL;

		SPK_TRY(spk_binder_expr(x, named_arg ? named_arg->arg : f->args[i], &e, err));
		list = spk_arena_printf(x->b->arena, "%s%s%s%s%s", list, i ? ", " : "", named_arg ? named_arg->name : "", named_arg ? " => " : "", spk_type_format_bare(e->type, type, sizeof type));
		SPK_TRY_PTR(list, err);
	}
	spk_binder_fail(x->b, f->location, SPK_BIND, err, "function %s(%s) does not exist", function, list);
	return spk_hint(err, "The names of its arguments are: %s.", names);
}

/* Every argument to its place. */
static spk_status place_args(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *function, const struct named *names, const PgQuery__Node **at, int *count, spk_error *err)
{
	*count = 0;
	for (size_t i = 0; i < f->n_args; i++) {
		const PgQuery__Node *n = f->args[i];
		int place = is_named(n) ? place_of(names->names, n->named_arg_expr->name) : (int)i;

		if (!is_named(n) && i && is_named(f->args[i - 1]))
			return spk_binder_fail(x->b, spk_node_location(n), SPK_BIND, err, "positional argument cannot follow named argument");
		if (place < 0 || place >= PLACES_MAX || at[place])
			return no_such(x, f, function, names->names, err);
		at[place] = is_named(n) ? n->named_arg_expr->arg : n;
		*count = SPK_MAX(*count, place + 1);
	}
	return SPK_OK;
}

static spk_status bind_named(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *function, struct spk_expr ***out, int *count, spk_error *err)
{
	const struct named *names = find_named(function);
	const PgQuery__Node *at[PLACES_MAX] = { 0 };

	if (!names)
		return spk_binder_unsupported(x->b, f->location, "an argument by name", err);
	SPK_TRY(place_args(x, f, function, names, at, count, err));
	SPK_TRY_PTR(*out = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, *count + 1), err);
	for (int i = 0; i < *count; i++) {
		if (!at[i] && !names->left_out) {
			spk_binder_fail(x->b, f->location, SPK_BIND, err, "function %s needs an argument that is not given", function);
			return spk_hint(err, "Its arguments are: %s.", names->names);
		}
		if (at[i])
			SPK_TRY(spk_binder_expr(x, at[i], &(*out)[i], err));
		else
			SPK_TRY_PTR((*out)[i] = spk_expr_unknown(x->b->arena, names->left_out), err);
	}
	return SPK_OK;
}

spk_status spk_binder_args(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *function, struct spk_expr ***out, int *count, spk_error *err)
{
	PgQuery__Node **all = SPK_NEW_ARRAY(x->b->arena, PgQuery__Node *, f->n_args + f->n_agg_order + 1);
	size_t n = 0;

	SPK_TRY_PTR(all, err);
	if (any_named(f))
		return bind_named(x, f, function, out, count, err);
	for (size_t i = 0; i < f->n_args; i++)
		all[n++] = f->args[i];
	for (size_t i = 0; f->agg_within_group && i < f->n_agg_order; i++)  /* they count when the function is looked for */
		all[n++] = f->agg_order[i]->sort_by->node;
	*count = (int)n;
	return spk_binder_exprs(x, all, n, out, err);
}
