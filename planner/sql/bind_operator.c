/* Operators, and the predicates that the parser writes as operators: IN, BETWEEN, LIKE, IS DISTINCT FROM, NULLIF, ANY. */
#include "planner/sql/bind.h"

#include <string.h>

static const char *operator_name(const PgQuery__AExpr *e)
{
	const char *name = e->n_name ? spk_node_string(e->name[e->n_name - 1]) : NULL;

	if (name && strcmp(name, "!=") == 0)
		return "<>";
	return name ? name : "?";
}

static spk_status negate(struct spk_exprs *x, bool really, int location, struct spk_expr **e, spk_error *err)
{
	return really ? spk_expr_make(x->b->arena, SPK_EXPR_NOT, e, 1, false, spk_binder_at(x->b, location), e, err) : SPK_OK;
}

spk_status spk_binder_call(const struct spk_binder *b, const char *name, struct spk_expr **arg, int args, int location, struct spk_expr **out, spk_error *err)
{
	return spk_expr_call(b->arena, name, arg, args, spk_binder_at(b, location), out, err);
}

/* A text left of -> and ->> is a document, as other engines have it: NULL where it is none. */
static spk_status read_document(const struct spk_binder *b, const char *name, struct spk_expr **e, int location, spk_error *err)
{
	if ((*e)->type.id != SPK_TYPE_TEXT || (strcmp(name, "->") != 0 && strcmp(name, "->>") != 0))
		return SPK_OK;
	return spk_binder_try_cast(b, *e, spk_type(SPK_TYPE_JSONB), location, e, err);
}

/* r->field, as ksqlDB has it. */
static bool is_field(const char *name, const struct spk_expr *left, const PgQuery__AExpr *e)
{
	return left->type.id == SPK_TYPE_ROW && strcmp(name, "->") == 0 && e->rexpr && e->rexpr->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && e->rexpr->column_ref->n_fields == 1;
}

/* a + b, where one of them is a text and the other one may be: joined, as ksqlDB has it. */
static bool joins_texts(struct spk_expr *const *arg)
{
	const bool text[2] = { arg[0]->type.id == SPK_TYPE_TEXT, arg[1]->type.id == SPK_TYPE_TEXT }, open[2] = { arg[0]->type.id == SPK_TYPE_UNKNOWN, arg[1]->type.id == SPK_TYPE_UNKNOWN };

	return (text[0] && (text[1] || open[1])) || (open[0] && text[1]);
}

static spk_status bind_plain(struct spk_exprs *x, const PgQuery__AExpr *e, const char *name, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arg[2];
	int args = 0;

	if (spk_is_row(e->lexpr) && spk_is_row(e->rexpr))
		return spk_binder_row_operator(x, name, e->lexpr->row_expr, e->rexpr->row_expr, e->location, out, err);
	if (e->lexpr)
		SPK_TRY(spk_binder_expr(x, e->lexpr, &arg[args++], err));
	if (args && is_field(name, arg[0], e) && spk_node_string(e->rexpr->column_ref->fields[0])) {
		*out = arg[0];
		return spk_binder_field(x, e->lexpr, spk_node_string(e->rexpr->column_ref->fields[0]), e->location, out, err);
	}
	if (e->rexpr)
		SPK_TRY(spk_binder_expr(x, e->rexpr, &arg[args++], err));
	if (args == 1 && strcmp(name, "+") == 0 && spk_type_is_number(arg[0]->type)) {
		*out = arg[0];
		return SPK_OK;
	}
	if (args == 2 && strcmp(name, "+") == 0 && joins_texts(arg))
		name = "||";
	if (args == 2)
		SPK_TRY(read_document(x->b, name, &arg[0], e->location, err));
	return spk_binder_call(x->b, name, arg, args, e->location, out, err);
}

/* What cannot be compared is told as for "=". */
static spk_status bind_nullif(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arg[2], *pair[2], *ignored;

	SPK_TRY(spk_binder_expr(x, e->lexpr, &arg[0], err));
	SPK_TRY(spk_binder_expr(x, e->rexpr, &arg[1], err));
	memcpy(pair, arg, sizeof pair);
	SPK_TRY(spk_binder_call(x->b, "=", pair, 2, e->location, &ignored, err));
	return spk_binder_call(x->b, "nullif", arg, 2, e->location, out, err);
}

/* Values without a common type are compared one by one, which says what is wrong. */
static spk_status compare_each(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **arg, int items, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **each = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, items);
	const bool negated = strcmp(operator_name(e), "<>") == 0;

	SPK_TRY_PTR(each, err);
	for (int i = 0; i < items; i++) {
		struct spk_expr *pair[2] = { arg[0], arg[i + 1] };

		SPK_TRY(spk_binder_call(x->b, operator_name(e), pair, 2, e->location, &each[i], err));
	}
	return spk_expr_make(x->b->arena, negated ? SPK_EXPR_AND : SPK_EXPR_OR, each, items, false, spk_binder_at(x->b, e->location), out, err);
}

static bool has_common_type(struct spk_expr *const *arg, int count)
{
	struct spk_type type = arg[0]->type;

	for (int i = 1; i < count; i++)
		if (arg[i]->type.id != SPK_TYPE_UNKNOWN && spk_expr_common_type(type, arg[i]->type, &type, 0, NULL) != SPK_OK)
			return false;
	return true;
}

static spk_status bind_in(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **out, spk_error *err)
{
	const PgQuery__List *list = e->rexpr->list;
	struct spk_expr **arg = SPK_NEW_ARRAY(x->b->arena, struct spk_expr *, list->n_items + 1);

	SPK_TRY_PTR(arg, err);
	if (spk_is_row(e->lexpr))
		return spk_binder_row_in(x, e->lexpr->row_expr, list, strcmp(operator_name(e), "<>") == 0, e->location, out, err);
	SPK_TRY(spk_binder_expr(x, e->lexpr, &arg[0], err));
	for (size_t i = 0; i < list->n_items; i++)
		SPK_TRY(spk_binder_expr(x, list->items[i], &arg[i + 1], err));
	if (!has_common_type(arg, (int)list->n_items + 1))
		return compare_each(x, e, arg, (int)list->n_items, out, err);
	return spk_expr_make(x->b->arena, SPK_EXPR_IN, arg, (int)list->n_items + 1, strcmp(operator_name(e), "<>") == 0, spk_binder_at(x->b, e->location), out, err);
}

/* v BETWEEN bound[0] AND bound[1], bound; rows of values are compared pair by pair, and bound for that. */
struct between { const PgQuery__AExpr *e; struct spk_expr *v, **bound; };

static spk_status compare_bound(struct spk_exprs *x, const struct between *w, const char *name, int which, struct spk_expr **out, spk_error *err)
{
	const PgQuery__Node *left = w->e->lexpr, *right = w->e->rexpr->list->items[which];
	struct spk_expr *pair[2] = { w->v, w->bound[which] };

	if (spk_is_row(left) && spk_is_row(right))
		return spk_binder_row_operator(x, name, left->row_expr, right->row_expr, w->e->location, out, err);
	return spk_binder_call(x->b, name, pair, 2, w->e->location, out, err);
}

/* low <= v AND v <= high */
static spk_status between(struct spk_exprs *x, const struct between *w, int low, int high, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *both[2];

	SPK_TRY(compare_bound(x, w, ">=", low, &both[0], err));
	SPK_TRY(compare_bound(x, w, "<=", high, &both[1], err));
	return spk_expr_make(x->b->arena, SPK_EXPR_AND, both, 2, false, spk_binder_at(x->b, w->e->location), out, err);
}

static spk_status bind_between(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **out, spk_error *err)
{
	bool symmetric = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM || e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
	bool negated = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN || e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
	struct between w = { .e = e };
	struct spk_expr *either[2];

	SPK_TRY(spk_binder_expr(x, e->lexpr, &w.v, err));
	SPK_TRY(spk_binder_exprs(x, e->rexpr->list->items, e->rexpr->list->n_items, &w.bound, err));
	SPK_TRY(between(x, &w, 0, 1, out, err));
	if (symmetric) {
		either[0] = *out;
		SPK_TRY(between(x, &w, 1, 0, &either[1], err));
		SPK_TRY(spk_expr_make(x->b->arena, SPK_EXPR_OR, either, 2, false, spk_binder_at(x->b, e->location), out, err));
	}
	return negate(x, negated, e->location, out, err);
}

/* LIKE and ILIKE; with ESCAPE the parser wraps the pattern in like_escape(pattern, escape). */
static spk_status bind_like(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **out, spk_error *err)
{
	const char *name = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE ? "ilike" : "like";
	struct spk_expr *arg[3];
	int args = 2;

	SPK_TRY(spk_binder_expr(x, e->lexpr, &arg[0], err));
	if (e->rexpr->node_case == PG_QUERY__NODE__NODE_FUNC_CALL && e->rexpr->func_call->n_args == 2 &&
	    e->rexpr->func_call->n_funcname == 2 && strcmp(spk_node_string(e->rexpr->func_call->funcname[1]), "like_escape") == 0) {
		SPK_TRY(spk_binder_expr(x, e->rexpr->func_call->args[0], &arg[1], err));
		SPK_TRY(spk_binder_expr(x, e->rexpr->func_call->args[1], &arg[2], err));
		args = 3;
	} else {
		SPK_TRY(spk_binder_expr(x, e->rexpr, &arg[1], err));
	}
	SPK_TRY(spk_binder_call(x->b, name, arg, args, e->location, out, err));
	return negate(x, operator_name(e)[0] == '!', e->location, out, err);
}

/* SIMILAR TO: the parser gives similar_to_escape(pattern [, escape]). */
static spk_status bind_similar(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **out, spk_error *err)
{
	const PgQuery__FuncCall *f = e->rexpr->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? e->rexpr->func_call : NULL;
	struct spk_expr *arg[3];
	int args = 1;

	SPK_TRY(spk_binder_expr(x, e->lexpr, &arg[0], err));
	for (size_t i = 0; f && i < f->n_args && args < 3; i++)
		SPK_TRY(spk_binder_expr(x, f->args[i], &arg[args++], err));
	SPK_TRY(spk_binder_call(x->b, "similar to", arg, args, e->location, out, err));
	return negate(x, operator_name(e)[0] == '!', e->location, out, err);
}

spk_status spk_binder_operator(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **out, spk_error *err)
{
	switch (e->kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP: return bind_plain(x, e, operator_name(e), out, err);
	case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT: return bind_plain(x, e, "is distinct from", out, err);
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT: return bind_plain(x, e, "is not distinct from", out, err);
	case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF: return bind_nullif(x, e, out, err);
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
		if (e->rexpr->node_case != PG_QUERY__NODE__NODE_LIST)
			return spk_binder_unsupported(x->b, e->location, "IN over anything but a list", err);
		return bind_in(x, e, out, err);
	case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE: return bind_like(x, e, out, err);
	case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR: return bind_similar(x, e, out, err);
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM: return bind_between(x, e, out, err);
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY: return spk_binder_quantified(x, e, operator_name(e), false, out, err);
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL: return spk_binder_quantified(x, e, operator_name(e), true, out, err);
	default: return spk_binder_unsupported(x->b, e->location, "this operator", err);
	}
}
