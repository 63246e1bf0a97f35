/*
 * Functions whose body is an expression: CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a + 1', or RETURN a + 1. The body is bound at every call, its
 * arguments standing in it as values, whether they are asked for by name or by number.
 */
#include "planner/sql/bind.h"

#include <string.h>

#include "core/expr/function.h"
#include "planner/sql/parse.h"

struct spk_sql_function {
	struct spk_function base;          /* what is known of it; there is no kernel */
	const char *arg[SPK_FUNCTION_ARGS_MAX];  /* names; "": one that has none */
	bool strict;                       /* NULL for any argument that is NULL, whatever the body says */
	const PgQuery__Node *body;
	const struct spk_source *source;   /* of the body */
};

static spk_status refuse_body(const struct spk_binder *b, int location, spk_error *err)
{
	spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "the body of a function in SQL must be one expression");
	return spk_hint(err, "Write AS 'SELECT expression' without FROM or other clauses, or RETURN expression; make a view of what reads tables."), SPK_UNSUPPORTED;
}

/* The one output of a SELECT that has nothing else. */
static const PgQuery__Node *only_output(const PgQuery__Node *n)
{
	const PgQuery__SelectStmt *s = n->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ? n->select_stmt : NULL;
	const bool alone = s && s->n_target_list == 1 && !s->n_from_clause && !s->where_clause && !s->n_group_clause && !s->having_clause && !s->n_window_clause && !s->with_clause && !s->n_values_lists &&
	                   !s->n_sort_clause && !s->n_distinct_clause && !s->limit_count && !s->limit_offset && !s->larg && !s->into_clause;

	return alone ? s->target_list[0]->res_target->val : NULL;
}

static spk_status parse_body(const struct spk_binder *b, const char *text, struct spk_sql_function *f, spk_error *err)
{
	struct spk_arena *arena = spk_catalog_arena(b->catalog);
	struct spk_source *source = SPK_NEW(arena, struct spk_source);
	PgQuery__ParseResult *parsed = NULL;

	SPK_TRY_PTR(source, err);
	SPK_TRY(spk_sql_read(source, text, arena, &parsed, err));
	f->source = source;
	f->body = parsed->n_stmts == 1 ? only_output(parsed->stmts[0]->stmt) : NULL;
	return SPK_OK;
}

/* RETURN e: it is of the statement's own tree, which the catalog's arena holds. */
static void take_return(const struct spk_binder *b, const PgQuery__Node *body, struct spk_sql_function *f)
{
	f->source = b->source;
	f->body = body->node_case == PG_QUERY__NODE__NODE_RETURN_STMT ? body->return_stmt->returnval : NULL;
}

static spk_status take_args(struct spk_binder *b, const PgQuery__CreateFunctionStmt *s, struct spk_sql_function *f, spk_error *err)
{
	struct spk_binder kept = *b;

	if (s->n_parameters > SPK_FUNCTION_ARGS_MAX)
		return spk_binder_fail(b, -1, SPK_UNSUPPORTED, err, "a function takes %d arguments at the most", SPK_FUNCTION_ARGS_MAX);
	kept.arena = spk_catalog_arena(b->catalog);
	f->base.args_min = f->base.args_max = (int)s->n_parameters;
	for (int i = 0; i < f->base.args_max; i++) {
		const PgQuery__FunctionParameter *p = s->parameters[i]->function_parameter;

		if (p->mode != PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_IN && p->mode != PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_DEFAULT)
			return spk_binder_unsupported(b, -1, "OUT, VARIADIC or a table of results of a function in SQL", err);
		if (p->defexpr)
			return spk_binder_unsupported(b, -1, "DEFAULT of a function in SQL", err);
		SPK_TRY_PTR(f->arg[i] = spk_arena_strdup(kept.arena, p->name ? p->name : ""), err);
		for (int k = 0; k < i; k++)
			if (*f->arg[i] && strcmp(f->arg[i], f->arg[k]) == 0)
				return spk_binder_fail(b, -1, SPK_BIND, err, "two arguments are called \"%s\"", f->arg[i]);
		SPK_TRY(spk_binder_type(&kept, p->arg_type, &f->base.arg[i], err));
	}
	return spk_binder_type(&kept, s->return_type, &f->base.result, err);
}

/* --- calls --- */

static int uses(const struct spk_expr *e, const struct spk_expr *arg)
{
	int n = e == arg;

	for (int i = 0; i < e->args && e != arg; i++)
		n += uses(e->arg[i], arg);
	return n;
}

spk_status spk_binder_check_repeats(const struct spk_binder *b, const char *name, struct spk_expr *const *arg, int args, const struct spk_expr *body, int location, spk_error *err)
{
	for (int i = 0; i < args; i++) {
		if (spk_expr_deterministic(arg[i]) || uses(body, arg[i]) < 2)
			continue;
		spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "argument %d of %s, which the function uses more than once, must have the same value each time", i + 1, name);
		return spk_hint(err, "Give it a name in a query below: SELECT %s(x) FROM (SELECT random() AS x ...).", name), SPK_UNSUPPORTED;
	}
	return SPK_OK;
}

/* CASE WHEN an argument IS NULL THEN NULL ELSE body END. */
static spk_status null_for_nulls(const struct spk_binder *b, const struct spk_function *f, struct spk_expr *const *arg, struct spk_expr **body, spk_error *err)
{
	struct spk_expr *test[SPK_FUNCTION_ARGS_MAX], *arm[3] = { NULL, spk_expr_literal(b->arena, (struct spk_value){ .type = f->result, .null = true }), *body };
	int tests = 0;

	SPK_TRY_PTR(arm[1], err);
	for (int i = 0; i < f->args_max; i++) {
		struct spk_expr *one = arg[i];

		if (one->nullable)
			SPK_TRY(spk_expr_make(b->arena, SPK_EXPR_IS_NULL, &one, 1, false, b->pinned, &test[tests++], err));
	}
	if (tests == 0)
		return SPK_OK;
	arm[0] = test[0];
	if (tests > 1)
		SPK_TRY(spk_expr_make(b->arena, SPK_EXPR_OR, test, tests, false, b->pinned, &arm[0], err));
	return spk_expr_make(b->arena, SPK_EXPR_CASE, arm, 3, false, b->pinned, body, err);
}

spk_status spk_binder_sql_function(struct spk_exprs *x, const struct spk_function *function, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err)
{
	enum { NESTED_MAX = 32 };
	const struct spk_sql_function *f = spk_container_of(function, const struct spk_sql_function, base);
	const int wanted = function->args_max;
	struct spk_binder b = *x->b;
	struct spk_exprs inner = { .b = &b, .clause = "a function in SQL", .inside = x->inside, .params = args, .param = arg, .param_name = f->arg };

	if (args != wanted)
		return spk_binder_fail(x->b, location, SPK_BIND, err, "function %s takes %d argument%s, not %d", function->name, wanted, wanted == 1 ? "" : "s", args);
	if (++b.calls > NESTED_MAX)
		return spk_binder_fail(x->b, location, SPK_UNSUPPORTED, err, "functions in SQL call each other more than %d deep: %s", NESTED_MAX, function->name);
	for (int i = 0; i < args; i++)
		SPK_TRY(spk_expr_cast(b.arena, arg[i], function->arg[i], false, spk_binder_at(x->b, location), &arg[i], err));
	b.pinned = spk_binder_at(x->b, location);
	b.source = f->source;
	b.outer = NULL;
	b.sublinks = NULL;
	SPK_TRY(spk_binder_count_inlined(x->b, location, function->name, err));
	SPK_TRY(spk_binder_expr(&inner, f->body, out, err));
	SPK_TRY(spk_expr_cast(b.arena, *out, function->result, true, b.pinned, out, err));
	if (f->strict)
		SPK_TRY(null_for_nulls(&b, function, arg, out, err));
	return spk_binder_check_repeats(x->b, function->name, arg, args, *out, location, err);
}

/* --- CREATE FUNCTION --- */

/* What is wrong with the body is said when the function is made: it is bound for NULLs. */
static spk_status try_body(struct spk_binder *b, const struct spk_function *f, spk_error *err)
{
	struct spk_exprs x = { .b = b, .clause = "a function in SQL" };
	struct spk_expr *arg[SPK_FUNCTION_ARGS_MAX], *out;

	for (int i = 0; i < f->args_max; i++)
		SPK_TRY_PTR(arg[i] = spk_expr_literal(b->arena, (struct spk_value){ .type = f->arg[i], .null = true }), err);
	return spk_binder_sql_function(&x, f, arg, f->args_max, -1, &out, err);
}

spk_status spk_binder_create_sql_function(struct spk_binder *b, const PgQuery__CreateFunctionStmt *s, const char *name, const char *text, bool strict, spk_error *err)
{
	struct spk_sql_function *f = SPK_NEW(spk_catalog_arena(b->catalog), struct spk_sql_function);
	spk_status status;

	SPK_TRY_PTR(f, err);
	if (!s->return_type || s->return_type->setof)
		return spk_binder_fail(b, -1, SPK_UNSUPPORTED, err, "a function in SQL needs RETURNS and the type of one value");
	SPK_TRY_PTR(f->base.name = spk_arena_strdup(spk_catalog_arena(b->catalog), name), err);
	f->strict = strict;
	f->base.doc = "a function in SQL of this session";
	f->base.volatility = SPK_IMMUTABLE;
	SPK_TRY(take_args(b, s, f, err));
	if (!text)
		take_return(b, s->sql_body, f);
	status = text ? parse_body(b, text, f, err) : SPK_OK;
	if (status == SPK_OK)
		status = f->body ? try_body(b, &f->base, err) : refuse_body(b, -1, err);
	if (status != SPK_OK && text && err)
		err->position = 0;  /* places in the body are none in the statement's text */
	SPK_TRY(status);
	return spk_catalog_add_expression(b->catalog, &f->base, s->replace, err);
}
