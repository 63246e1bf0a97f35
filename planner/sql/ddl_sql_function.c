/*
 * Functions whose body is an expression: CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a + 1', or RETURN a + 1. The body is bound at every call, its
 * arguments standing in it as values, whether they are asked for by name or by number.
 */
#include "planner/sql/bind.h"

#include <string.h>

#include "core/expr/function.h"
#include "planner/sql/parse.h"

struct spk_sql_function {
	const char *name;
	int args;
	const char **arg;                  /* names; NULL: one that has none */
	struct spk_type *type, result;
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
	struct spk_arena *arena = spk_catalog_arena(b->catalog);

	f->args = (int)s->n_parameters;
	SPK_TRY_PTR(f->arg = SPK_NEW_ARRAY(arena, const char *, f->args + 1), err);
	SPK_TRY_PTR(f->type = SPK_NEW_ARRAY(arena, struct spk_type, f->args + 1), err);
	for (int i = 0; i < f->args; i++) {
		const PgQuery__FunctionParameter *p = s->parameters[i]->function_parameter;

		if (p->mode != PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_IN && p->mode != PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_DEFAULT)
			return spk_binder_unsupported(b, -1, "OUT, VARIADIC or a table of results of a function in SQL", err);
		if (p->defexpr)
			return spk_binder_unsupported(b, -1, "DEFAULT of a function in SQL", err);
		SPK_TRY_PTR(f->arg[i] = spk_arena_strdup(arena, p->name ? p->name : ""), err);
		SPK_TRY(spk_binder_type(b, p->arg_type, &f->type[i], err));
	}
	return spk_binder_type(b, s->return_type, &f->result, err);
}

/* --- calls --- */

spk_status spk_binder_sql_function(struct spk_exprs *x, const struct spk_sql_function *f, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err)
{
	enum { NESTED_MAX = 32 };
	struct spk_binder b = *x->b;
	struct spk_exprs inner = { .b = &b, .clause = "a function in SQL", .inside = x->inside, .params = args, .param = arg, .param_name = f->arg };

	if (args != f->args)
		return spk_binder_fail(x->b, location, SPK_BIND, err, "function %s takes %d argument%s, not %d", f->name, f->args, f->args == 1 ? "" : "s", args);
	if (++b.calls > NESTED_MAX)
		return spk_binder_fail(x->b, location, SPK_UNSUPPORTED, err, "functions in SQL call each other more than %d deep: %s", NESTED_MAX, f->name);
	for (int i = 0; i < args; i++)
		SPK_TRY(spk_expr_cast(b.arena, arg[i], f->type[i], false, spk_binder_at(x->b, location), &arg[i], err));
	b.pinned = spk_binder_at(x->b, location);
	b.source = f->source;
	b.outer = NULL;
	b.sublinks = NULL;
	SPK_TRY(spk_binder_count_inlined(x->b, location, f->name, err));
	SPK_TRY(spk_binder_expr(&inner, f->body, out, err));
	return spk_expr_cast(b.arena, *out, f->result, true, b.pinned, out, err);
}

/* --- CREATE FUNCTION --- */

/* What is wrong with the body is said when the function is made: it is bound for NULLs. */
static spk_status try_body(struct spk_binder *b, const struct spk_sql_function *f, spk_error *err)
{
	struct spk_exprs x = { .b = b, .clause = "a function in SQL" };
	struct spk_expr *arg[SPK_FUNCTION_ARGS_MAX], *out;

	for (int i = 0; i < f->args; i++)
		SPK_TRY_PTR(arg[i] = spk_expr_literal(b->arena, (struct spk_value){ .type = f->type[i], .null = true }), err);
	return spk_binder_sql_function(&x, f, arg, f->args, -1, &out, err);
}

spk_status spk_binder_create_sql_function(struct spk_binder *b, const PgQuery__CreateFunctionStmt *s, const char *name, const char *text, spk_error *err)
{
	struct spk_sql_function *f = SPK_NEW(spk_catalog_arena(b->catalog), struct spk_sql_function);
	spk_status status;

	SPK_TRY_PTR(f, err);
	if (!s->return_type || s->return_type->setof)
		return spk_binder_fail(b, -1, SPK_UNSUPPORTED, err, "a function in SQL needs RETURNS and the type of one value");
	SPK_TRY_PTR(f->name = spk_arena_strdup(spk_catalog_arena(b->catalog), name), err);
	SPK_TRY(take_args(b, s, f, err));
	if (!text)
		take_return(b, s->sql_body, f);
	status = text ? parse_body(b, text, f, err) : SPK_OK;
	if (status == SPK_OK)
		status = f->body ? try_body(b, f, err) : refuse_body(b, -1, err);
	if (status != SPK_OK && text && err)
		err->position = 0;  /* places in the body are none in the statement's text */
	SPK_TRY(status);
	return spk_catalog_add_expression(b->catalog, f->name, f, s->replace, err);
}
