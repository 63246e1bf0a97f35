/*
 * LIMIT, OFFSET and FETCH over a query's rows. Numbers known now make a LIMIT node. WITH TIES, and numbers that are known only as the query
 * runs (subqueries), number the rows by row_number() and rank() in the query's order and filter by those.
 */
#include "planner/sql/bind.h"

#include <string.h>

struct limit {
	struct spk_binder *b;
	const PgQuery__SelectStmt *s;
	const struct spk_scope *scope;
	const struct spk_limit_order *order;
	struct spk_sublinks sublinks;
	bool ties;
	struct spk_expr *limit, *offset;     /* as bigint; NULL: none */
};

static bool has_column(const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_COLUMN)
		return true;
	for (int i = 0; i < e->args; i++)
		if (has_column(e->arg[i]))
			return true;
	return false;
}

static spk_status bind_number(struct limit *w, const PgQuery__Node *n, const char *clause, struct spk_expr **out, spk_error *err)
{
	static const struct spk_scope none;
	struct spk_exprs x = { .b = w->b, .scope = w->scope ? w->scope : &none, .clause = clause };
	struct spk_sublinks *sublinks = w->b->sublinks;
	bool correlated = false;
	spk_status status;

	*out = NULL;
	if (!n)
		return SPK_OK;
	w->b->sublinks = &w->sublinks;
	status = spk_binder_expr(&x, n, out, err);
	w->b->sublinks = sublinks;
	SPK_TRY(status);
	for (int i = 0; i < w->sublinks.count; i++)
		correlated = correlated || w->sublinks.sublink[i].used;
	if (has_column(*out) || correlated)
		return spk_binder_fail(w->b, spk_node_location(n), SPK_BIND, err, "argument of %s must not contain variables", clause);
	return spk_expr_cast(w->b->arena, *out, spk_type(SPK_TYPE_BIGINT), false, spk_binder_at(w->b, spk_node_location(n)), out, err);
}

/* The number, if it is known now; *known. NULL: `none`. */
static spk_status constant_number(const struct limit *w, const struct spk_expr *e, const PgQuery__Node *n, const char *clause, int64_t none, int64_t *out, bool *known, spk_error *err)
{
	struct spk_eval ev = { .arena = w->b->arena };
	struct spk_value v = { .null = true };

	*out = none;
	*known = !e || spk_expr_foldable(e);
	if (!e || !*known)
		return SPK_OK;
	if (spk_expr_constant_value(e, &ev, &v, err) != SPK_OK) {
		if (err)
			err->position = spk_binder_at(w->b, spk_node_location(n));
		return SPK_BIND;
	}
	if (!v.null && v.i64 < 0)
		return spk_binder_fail(w->b, spk_node_location(n), SPK_BIND, err, "%s must not be negative", clause);
	*out = v.null ? none : v.i64;
	return SPK_OK;
}

static spk_status add_node(const struct limit *w, int64_t limit, int64_t offset, struct spk_logical **plan, spk_error *err)
{
	const PgQuery__Node *at = w->s->limit_count ? w->s->limit_count : w->s->limit_offset;
	struct spk_logical *l;

	if (limit < 0 && !offset)
		return SPK_OK;
	l = spk_logical_new(w->b->arena, SPK_LOGICAL_LIMIT, (*plan)->schema, plan, 1);
	SPK_TRY_PTR(l, err);
	l->limit = limit;
	l->offset = offset;
	l->position = spk_binder_at(w->b, spk_node_location(at));
	*plan = l;
	return SPK_OK;
}

/* --- by numbers of rows --- */

enum { NUMBER, RANK, ADDED };

static spk_status number_rows(const struct limit *w, struct spk_logical **plan, spk_error *err)
{
	static const struct spk_field added[ADDED] = { { "?number?", { .id = SPK_TYPE_BIGINT }, false }, { "?rank?", { .id = SPK_TYPE_BIGINT }, false } };
	static const enum spk_window_function function[ADDED] = { SPK_WINDOW_FUNCTION_ROW_NUMBER, SPK_WINDOW_FUNCTION_RANK };
	const struct spk_schema *in = (*plan)->schema;
	struct spk_schema *schema = spk_schema_new(w->b->arena, in->count + ADDED);
	struct spk_logical *l = spk_logical_new(w->b->arena, SPK_LOGICAL_OVER, schema, plan, 1);

	SPK_TRY_PTR(schema && l, err);
	memcpy(schema->field, in->field, sizeof *in->field * (size_t)in->count);
	memcpy(schema->field + in->count, added, sizeof added);
	l->sort = w->order->key;
	l->sort_count = w->order->keys;
	l->calls = ADDED;
	SPK_TRY_PTR(l->call = SPK_NEW_ARRAY(w->b->arena, struct spk_window_call, ADDED), err);
	for (int i = 0; i < ADDED; i++)
		l->call[i] = (struct spk_window_call){ .function = function[i], .frame = { .end = SPK_FRAME_CURRENT }, .type = added[i].type, .name = spk_window_function_name(function[i]) };
	*plan = l;
	return SPK_OK;
}

static spk_status call(const struct limit *w, const char *name, struct spk_expr *a, struct spk_expr *b, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arg[2] = { a, b };

	return spk_expr_call(w->b->arena, name, arg, b ? 2 : 1, a->position, out, err);
}

static spk_status or_else(const struct limit *w, struct spk_expr *e, struct spk_value otherwise, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arg[2] = { e, spk_expr_literal(w->b->arena, otherwise) };

	SPK_TRY_PTR(arg[1], err);
	return spk_expr_make(w->b->arena, SPK_EXPR_COALESCE, arg, 2, false, e->position, out, err);
}

/* number > offset AND (number, or with ties rank) <= offset + limit; a NULL limit is none. */
static spk_status number_condition(const struct limit *w, const struct spk_schema *in, struct spk_expr **out, spk_error *err)
{
	int at = in->count - ADDED;
	struct spk_expr *number = spk_expr_column(w->b->arena, at + NUMBER, &in->field[at + NUMBER]), *last = number, *both[3], *offset = NULL, *sum;
	int count = 0;

	SPK_TRY_PTR(number, err);
	if (w->offset) {
		SPK_TRY(call(w, "offset_rows", w->offset, NULL, &offset, err));
		SPK_TRY(or_else(w, offset, (struct spk_value){ .type = spk_type(SPK_TYPE_BIGINT) }, &offset, err));
		SPK_TRY(call(w, ">", number, offset, &both[count++], err));
	}
	if (w->limit) {
		SPK_TRY(call(w, "limit_rows", w->limit, NULL, &sum, err));
		if (offset)
			SPK_TRY(call(w, "+", offset, sum, &sum, err));
		if (w->ties)
			SPK_TRY_PTR(last = spk_expr_column(w->b->arena, at + RANK, &in->field[at + RANK]), err);
		SPK_TRY(call(w, "<=", last, sum, &sum, err));
		SPK_TRY(or_else(w, sum, (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN), .boolean = true }, &both[count++], err));
	}
	return spk_expr_make(w->b->arena, SPK_EXPR_AND, both, count, false, both[0]->position, out, err);
}

static spk_status by_numbers(struct limit *w, struct spk_logical **plan, spk_error *err)
{
	const struct spk_schema *schema = (*plan)->schema, *numbered;
	struct spk_expr *condition;

	SPK_TRY(number_rows(w, plan, err));
	numbered = (*plan)->schema;
	SPK_TRY(number_condition(w, numbered, &condition, err));
	SPK_TRY(spk_sublinks_filter(w->b, &w->sublinks, plan, condition, err));
	SPK_TRY(spk_binder_first_columns(w->b, schema, plan, err));
	return spk_binder_sort(w->b, w->order->key, w->order->keys, w->order->position, plan, err);
}

spk_status spk_binder_limit(struct spk_binder *b, const PgQuery__SelectStmt *s, const struct spk_scope *scope, const struct spk_limit_order *order, struct spk_logical **plan, spk_error *err)
{
	struct limit w = { .b = b, .s = s, .scope = scope, .order = order, .ties = s->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES };
	int64_t limit, offset;
	bool known[2];

	SPK_TRY(bind_number(&w, s->limit_count, "LIMIT", &w.limit, err));
	SPK_TRY(bind_number(&w, s->limit_offset, "OFFSET", &w.offset, err));
	if (w.ties && !order->keys)
		return spk_binder_fail(b, spk_node_location(s->limit_count), SPK_SYNTAX, err, "WITH TIES cannot be specified without ORDER BY clause");
	SPK_TRY(constant_number(&w, w.limit, s->limit_count, "LIMIT", -1, &limit, &known[0], err));
	SPK_TRY(constant_number(&w, w.offset, s->limit_offset, "OFFSET", 0, &offset, &known[1], err));
	if (known[0] && known[1] && (!w.ties || limit <= 0)) {
		SPK_TRY(spk_binder_sort(b, order->key, order->keys, order->position, plan, err));
		return add_node(&w, limit, offset, plan, err);
	}
	return by_numbers(&w, plan, err);
}
