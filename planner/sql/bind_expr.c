/* Expressions: one entry for every kind of node. */
#include "planner/sql/bind.h"

#include <string.h>

#include "planner/sql/rewrite.h"

spk_status spk_binder_exprs(struct spk_exprs *x, PgQuery__Node *const *n, size_t count, struct spk_expr ***out, spk_error *err)
{
	struct spk_expr **list = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, count + 1);

	SPK_TRY_PTR(list, err);
	for (size_t i = 0; i < count; i++)
		SPK_TRY(spk_binder_expr(x, n[i], &list[i], err));
	*out = list;
	return SPK_OK;
}

static spk_status make(struct spk_exprs *x, enum spk_expr_kind kind, struct spk_expr **arg, int args, bool negated, int location, struct spk_expr **out, spk_error *err)
{
	return spk_expr_make(x->b->arena, kind, arg, args, negated, spk_binder_at(x->b, location), out, err);
}

spk_status spk_binder_boolean(const struct spk_binder *b, const char *what, int location, struct spk_expr **e, spk_error *err)
{
	char type[64];

	if ((*e)->type.id == SPK_TYPE_UNKNOWN)
		SPK_TRY(spk_expr_cast(b->arena, *e, spk_type(SPK_TYPE_BOOLEAN), true, (*e)->position, e, err));
	if ((*e)->type.id == SPK_TYPE_BOOLEAN)
		return SPK_OK;
	return spk_binder_fail(b, location, SPK_BIND, err, "argument of %s must be type boolean, not type %s", what, spk_type_format_bare((*e)->type, type, sizeof type));
}

spk_status spk_binder_condition(struct spk_exprs *x, const PgQuery__Node *n, struct spk_expr **out, spk_error *err)
{
	SPK_TRY(spk_binder_expr(x, n, out, err));
	return spk_binder_boolean(x->b, x->clause, spk_node_location(n), out, err);
}

static spk_status bind_bool(struct spk_exprs *x, const PgQuery__BoolExpr *e, struct spk_expr **out, spk_error *err)
{
	enum spk_expr_kind kind = e->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR ? SPK_EXPR_AND : e->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR ? SPK_EXPR_OR : SPK_EXPR_NOT;
	struct spk_expr **arg;

	SPK_TRY(spk_binder_exprs(x, e->args, e->n_args, &arg, err));
	return make(x, kind, arg, (int)e->n_args, false, e->location, out, err);
}

static spk_status bind_null_test(struct spk_exprs *x, const PgQuery__NullTest *e, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arg;

	SPK_TRY(spk_binder_expr(x, e->arg, &arg, err));
	if (arg->type.id == SPK_TYPE_ROW)
		return spk_binder_call(x->b, e->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL ? "row is not null" : "row is null", &arg, 1, e->location, out, err);
	return make(x, SPK_EXPR_IS_NULL, &arg, 1, e->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL, e->location, out, err);
}

static const char *boolean_test(PgQuery__BoolTestType t)
{
	switch (t) {
	case PG_QUERY__BOOL_TEST_TYPE__IS_TRUE: return "IS TRUE";
	case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE: return "IS NOT TRUE";
	case PG_QUERY__BOOL_TEST_TYPE__IS_FALSE: return "IS FALSE";
	case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE: return "IS NOT FALSE";
	case PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN: return "IS UNKNOWN";
	default: return "IS NOT UNKNOWN";
	}
}

/* x IS TRUE is COALESCE(x, false), and so on: no third value comes out. */
static spk_status bind_boolean_test(struct spk_exprs *x, const PgQuery__BooleanTest *e, struct spk_expr **out, spk_error *err)
{
	PgQuery__BoolTestType t = e->booltesttype;
	bool negate = t == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE || t == PG_QUERY__BOOL_TEST_TYPE__IS_FALSE;
	bool when_null = t == PG_QUERY__BOOL_TEST_TYPE__IS_FALSE || t == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE;
	struct spk_exprs here = *x;
	struct spk_expr *arg[2];

	here.clause = boolean_test(t);
	SPK_TRY(spk_binder_condition(&here, e->arg, &arg[0], err));
	if (t == PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN || t == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN)
		return make(x, SPK_EXPR_IS_NULL, arg, 1, t == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN, e->location, out, err);
	arg[1] = spk_expr_literal(x->b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN), .boolean = when_null });
	SPK_TRY_PTR(arg[1], err);
	SPK_TRY(make(x, SPK_EXPR_COALESCE, arg, 2, false, e->location, out, err));
	return negate ? make(x, SPK_EXPR_NOT, out, 1, false, e->location, out, err) : SPK_OK;
}

/* CASE x WHEN v ...: x is bound anew for every arm, each as its own tree. */
static spk_status bind_case(struct spk_exprs *x, const PgQuery__CaseExpr *e, struct spk_expr **out, spk_error *err)
{
	int args = (int)e->n_args * 2 + 1;
	struct spk_expr **arg = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, args), *subject = NULL;
	struct spk_exprs here = *x;

	SPK_TRY_PTR(arg, err);
	here.inside = here.sets_ok ? "CASE" : here.inside;
	here.sets_ok = false;
	if (e->arg) {
		SPK_TRY(spk_binder_expr(&here, e->arg, &subject, err));
		SPK_TRY(spk_binder_known(x->b, &subject, err));
	}
	for (size_t i = 0; i < e->n_args; i++) {
		const PgQuery__CaseWhen *w = e->args[i]->case_when;

		if (subject) {
			struct spk_expr *pair[2] = { subject };

			SPK_TRY(spk_binder_expr(&here, w->expr, &pair[1], err));
			SPK_TRY(spk_binder_call(x->b, "=", pair, 2, w->location, &arg[2 * i], err));
		} else {
			SPK_TRY(spk_binder_expr(&here, w->expr, &arg[2 * i], err));
			SPK_TRY(spk_binder_boolean(x->b, "CASE/WHEN", spk_node_location(w->expr), &arg[2 * i], err));
		}
		SPK_TRY(spk_binder_expr(&here, w->result, &arg[2 * i + 1], err));
	}
	if (e->defresult)
		SPK_TRY(spk_binder_expr(&here, e->defresult, &arg[args - 1], err));
	else
		SPK_TRY_PTR(arg[args - 1] = spk_expr_unknown(x->b->arena, NULL), err);
	return make(x, SPK_EXPR_CASE, arg, args, false, e->location, out, err);
}

static spk_status bind_coalesce(struct spk_exprs *x, const PgQuery__CoalesceExpr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_exprs here = *x;
	struct spk_expr **arg;

	here.inside = here.sets_ok ? "COALESCE" : here.inside;
	here.sets_ok = false;
	SPK_TRY(spk_binder_exprs(&here, e->args, e->n_args, &arg, err));
	return make(x, SPK_EXPR_COALESCE, arg, (int)e->n_args, false, e->location, out, err);
}

/* GREATEST and LEAST: of the common type. */
static spk_status bind_min_max(struct spk_exprs *x, const PgQuery__MinMaxExpr *e, struct spk_expr **out, spk_error *err)
{
	bool least = e->op == PG_QUERY__MIN_MAX_OP__IS_LEAST;
	struct spk_type type = spk_type(SPK_TYPE_UNKNOWN);
	struct spk_expr **arg;

	SPK_TRY(spk_binder_exprs(x, e->args, e->n_args, &arg, err));
	for (size_t i = 0; i < e->n_args; i++) {
		if (arg[i]->type.id == SPK_TYPE_UNKNOWN)
			continue;
		if (type.id == SPK_TYPE_UNKNOWN)
			type = arg[i]->type;
		if (spk_expr_common_type(type, arg[i]->type, &type, 0, err) != SPK_OK)
			return spk_no_common_type(least ? "LEAST" : "GREATEST", type, arg[i]->type, spk_binder_at(x->b, spk_node_location(e->args[i])), err);
	}
	if (type.id == SPK_TYPE_UNKNOWN)
		type = spk_type(SPK_TYPE_TEXT);
	for (size_t i = 0; i < e->n_args; i++)
		SPK_TRY(spk_expr_cast(x->b->arena, arg[i], type, true, spk_binder_at(x->b, e->location), &arg[i], err));
	return spk_binder_call(x->b, least ? "least" : "greatest", arg, (int)e->n_args, e->location, out, err);
}

static bool is_collatable(struct spk_type type)
{
	while (type.id == SPK_TYPE_ARRAY)
		type = spk_type_element(type);
	return type.id == SPK_TYPE_TEXT || type.id == SPK_TYPE_UNKNOWN;
}

/* All collations here order by bytes; the expression is another one than its argument all the same (GROUP BY, DISTINCT), and so a COALESCE of it alone. */
static spk_status bind_collate(struct spk_exprs *x, const PgQuery__CollateClause *c, struct spk_expr **out, spk_error *err)
{
	const char *name = c->n_collname ? spk_node_string(c->collname[c->n_collname - 1]) : "";
	char type[64];

	if (!name || (strcmp(name, "C") != 0 && strcmp(name, "POSIX") != 0 && strcmp(name, "ucs_basic") != 0 && strcmp(name, "default") != 0)) {
		if (name && (strstr(name, "-x-icu") || strchr(name, '_') || strcmp(name, "unicode") == 0))
			spk_binder_fail(x->b, c->location, SPK_UNSUPPORTED, err, "collation \"%s\" is not supported", name);
		else
			spk_binder_fail(x->b, c->location, SPK_BIND, err, "collation \"%s\" for encoding \"UTF8\" does not exist", name ? name : "");
		return spk_hint(err, "Text is compared by its bytes, as with COLLATE \"C\".");
	}
	SPK_TRY(spk_binder_expr(x, c->arg, out, err));
	if (!is_collatable((*out)->type))
		return spk_binder_fail(x->b, c->location, SPK_BIND, err, "collations are not supported by type %s", spk_type_format_bare((*out)->type, type, sizeof type));
	SPK_TRY(spk_binder_known(x->b, out, err));
	return make(x, SPK_EXPR_COALESCE, out, 1, false, c->location, out, err);
}

static spk_status bind_param(struct spk_exprs *x, const PgQuery__ParamRef *p, struct spk_expr **out, spk_error *err)
{
	if (p->number < 1 || p->number > x->params)
		return spk_binder_fail(x->b, p->location, SPK_BIND, err, "there is no parameter $%d", p->number);
	*out = x->param[p->number - 1];
	return SPK_OK;
}

/* IS JSON, which the rewrite calls IS DOCUMENT. */
static spk_status bind_document(struct spk_exprs *x, const PgQuery__XmlExpr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arg;

	if (e->op != PG_QUERY__XML_EXPR_OP__IS_DOCUMENT)
		return spk_binder_unsupported(x->b, e->location, "XML", err);
	SPK_TRY(spk_binder_expr(x, e->args[0], &arg, err));
	return spk_binder_macro(x, SPK_MARK_IS_JSON, &arg, 1, e->location, out, err);
}

spk_status spk_binder_expr(struct spk_exprs *x, const PgQuery__Node *n, struct spk_expr **out, spk_error *err)
{
	if (!n)
		return spk_fail(err, SPK_INTERNAL, "the parse tree has no expression where one belongs");
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF: return spk_binder_column(x, n->column_ref, out, err);
	case PG_QUERY__NODE__NODE_A_CONST: return spk_binder_literal(x, n->a_const, out, err);
	case PG_QUERY__NODE__NODE_TYPE_CAST: return spk_binder_cast(x, n->type_cast, out, err);
	case PG_QUERY__NODE__NODE_A_EXPR:
		if (spk_is_row_sublink(n->a_expr))
			return spk_binder_row_sublink(x, n->a_expr, out, err);
		return spk_binder_operator(x, n->a_expr, out, err);
	case PG_QUERY__NODE__NODE_FUNC_CALL: return spk_binder_function(x, n->func_call, out, err);
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: return spk_binder_value_function(x, n->sqlvalue_function, out, err);
	case PG_QUERY__NODE__NODE_BOOL_EXPR: return bind_bool(x, n->bool_expr, out, err);
	case PG_QUERY__NODE__NODE_NULL_TEST: return bind_null_test(x, n->null_test, out, err);
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST: return bind_boolean_test(x, n->boolean_test, out, err);
	case PG_QUERY__NODE__NODE_CASE_EXPR: return bind_case(x, n->case_expr, out, err);
	case PG_QUERY__NODE__NODE_COALESCE_EXPR: return bind_coalesce(x, n->coalesce_expr, out, err);
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: return bind_min_max(x, n->min_max_expr, out, err);
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return bind_collate(x, n->collate_clause, out, err);
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return spk_binder_array(x, n->a_array_expr, NULL, out, err);
	case PG_QUERY__NODE__NODE_A_INDIRECTION: return spk_binder_indirection(x, n->a_indirection, out, err);
	case PG_QUERY__NODE__NODE_ROW_EXPR: return spk_binder_row(x, n->row_expr, out, err);
	case PG_QUERY__NODE__NODE_GROUPING_FUNC: return spk_binder_grouping(x, n->grouping_func, out, err);
	case PG_QUERY__NODE__NODE_SUB_LINK: return spk_binder_sublink(x, n->sub_link, out, err);
	case PG_QUERY__NODE__NODE_PARAM_REF: return bind_param(x, n->param_ref, out, err);
	case PG_QUERY__NODE__NODE_XML_EXPR: return bind_document(x, n->xml_expr, out, err);
	default: return spk_binder_unsupported(x->b, spk_node_location(n), spk_node_what(n), err);
	}
}
