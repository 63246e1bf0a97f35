/*
 * SEARCH and CYCLE of a recursive query: columns that its terms carry along. The first term has them for the rows that it begins with,
 * the step makes them from the row it came from (the WORK_TABLE's) and its own outputs:
 *
 *   SEARCH DEPTH FIRST     the rows on the way, as an array of records: array_append(column, ROW(outputs))
 *   SEARCH BREADTH FIRST   a record of the depth and the outputs: ROW((column).depth + 1, outputs)
 *   CYCLE                  whether ROW(outputs) is on the way already, and the way; what came from such a row goes no further
 */
#include "planner/sql/bind.h"

#include <string.h>

static bool has_columns(const struct spk_cte *cte) { return cte->cte->search_clause || cte->cte->cycle_clause; }

/* --- names --- */

static int column_named(const struct spk_schema *s, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(s->field[i].name, name) == 0)
			return i;
	return -1;
}

static spk_status check_list(const struct spk_binder *b, const struct spk_cte *cte, PgQuery__Node *const *list, size_t n, const char *what, int location, spk_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const char *name = spk_node_string(list[i]);

		if (column_named(cte->work, cte->plain, name) < 0)
			return spk_binder_fail(b, location, SPK_BIND, err, "%s column \"%s\" not in WITH query column list", what, name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(spk_node_string(list[k]), name) == 0)
				return spk_binder_fail(b, location, SPK_BIND, err, "%s column \"%s\" specified more than once", what, name);
	}
	return SPK_OK;
}

static spk_status check_new(const struct spk_binder *b, const struct spk_cte *cte, const char *name, const char *what, int location, spk_error *err)
{
	return column_named(cte->work, cte->plain, name) < 0 ? SPK_OK : spk_binder_fail(b, location, SPK_BIND, err, "%s name \"%s\" already used in WITH query column list", what, name);
}

static spk_status check_clauses(const struct spk_binder *b, const struct spk_cte *cte, spk_error *err)
{
	const PgQuery__CTESearchClause *s = cte->cte->search_clause;
	const PgQuery__CTECycleClause *c = cte->cte->cycle_clause;

	if (s) {
		SPK_TRY(check_list(b, cte, s->search_col_list, s->n_search_col_list, "search", s->location, err));
		SPK_TRY(check_new(b, cte, s->search_seq_column, "search sequence column", s->location, err));
	}
	if (!c)
		return SPK_OK;
	SPK_TRY(check_list(b, cte, c->cycle_col_list, c->n_cycle_col_list, "cycle", c->location, err));
	SPK_TRY(check_new(b, cte, c->cycle_mark_column, "cycle mark column", c->location, err));
	SPK_TRY(check_new(b, cte, c->cycle_path_column, "cycle path column", c->location, err));
	if (strcmp(c->cycle_mark_column, c->cycle_path_column) == 0)
		return spk_binder_fail(b, c->location, SPK_BIND, err, "cycle mark column name and cycle path column name are the same");
	if (s && strcmp(s->search_seq_column, c->cycle_mark_column) == 0)
		return spk_binder_fail(b, s->location, SPK_BIND, err, "search sequence column name and cycle mark column name are the same");
	if (s && strcmp(s->search_seq_column, c->cycle_path_column) == 0)
		return spk_binder_fail(b, s->location, SPK_BIND, err, "search sequence column name and cycle path column name are the same");
	return SPK_OK;
}

/* --- the values --- */

/* What the columns are made of: a term's outputs, and in the step the same columns of the row before. */
struct term {
	struct spk_binder *b;
	const struct spk_cte *cte;
	struct spk_expr **output;
	struct spk_expr **before;      /* NULL: the first term */
	int count;
	struct spk_field field[3];     /* the columns */
	struct spk_expr *value[3];
};

static spk_status add(struct term *t, const char *name, struct spk_expr *e)
{
	t->field[t->count] = (struct spk_field){ name, e->type, true };
	t->value[t->count++] = e;
	return SPK_OK;
}

/* ROW(head, the columns of the list), its fields called as they are. */
static spk_status record(const struct term *t, struct spk_expr *head, PgQuery__Node *const *list, size_t n, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **arg = SPK_NEW_ARRAY(t->b->arena, struct spk_expr *, n + 1);
	struct spk_schema *names = spk_schema_new(t->b->arena, (int)n + (head != NULL));
	int args = 0;

	SPK_TRY_PTR(arg && names, err);
	if (head) {
		names->field[args] = (struct spk_field){ "*DEPTH*", head->type, true };
		arg[args++] = head;
	}
	for (size_t i = 0; i < n; i++, args++) {
		const int column = column_named(t->cte->work, t->cte->plain, spk_node_string(list[i]));

		SPK_TRY(spk_expr_cast(t->b->arena, t->output[column], t->cte->work->field[column].type, true, 0, &arg[args], err));
		names->field[args] = (struct spk_field){ t->cte->work->field[column].name, arg[args]->type, true };
	}
	SPK_TRY(spk_binder_call(t->b, "row of", arg, args, location, out, err));
	(*out)->type.children = names;
	return SPK_OK;
}

/* The way with one more row. */
static spk_status extend(const struct term *t, struct spk_expr *row, int location, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *pair[2] = { t->before ? t->before[t->count] : row, row };

	return t->before ? spk_binder_call(t->b, "array_append", pair, 2, location, out, err) : spk_binder_call(t->b, "array of", pair, 1, location, out, err);
}

static spk_status add_search(struct term *t, const PgQuery__CTESearchClause *s, spk_error *err)
{
	struct spk_expr *depth[2] = { NULL, spk_expr_literal(t->b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BIGINT), .i64 = t->before ? 1 : 0 }) }, *e;

	SPK_TRY_PTR(depth[1], err);
	if (s->search_breadth_first && t->before) {
		SPK_TRY(spk_expr_field(t->b->arena, t->before[t->count], 0, 0, &depth[0], err));
		SPK_TRY(spk_binder_call(t->b, "+", depth, 2, s->location, &depth[1], err));
	}
	SPK_TRY(record(t, s->search_breadth_first ? depth[1] : NULL, s->search_col_list, s->n_search_col_list, s->location, &e, err));
	if (!s->search_breadth_first)
		SPK_TRY(extend(t, e, s->location, &e, err));
	return add(t, s->search_seq_column, e);
}

/* The mark's two values, of one type. */
static spk_status bind_marks(struct spk_binder *b, const PgQuery__CTECycleClause *c, struct spk_expr *mark[2], spk_error *err)
{
	struct spk_exprs x = { .b = b, .clause = "CYCLE" };
	struct spk_type type;

	SPK_TRY(spk_binder_expr(&x, c->cycle_mark_value, &mark[0], err));
	SPK_TRY(spk_binder_expr(&x, c->cycle_mark_default, &mark[1], err));
	SPK_TRY(spk_expr_common_type(mark[0]->type, mark[1]->type, &type, spk_binder_at(b, c->location), err));
	if (type.id == SPK_TYPE_UNKNOWN)
		type = spk_type(SPK_TYPE_TEXT);
	for (int i = 0; i < 2; i++)
		SPK_TRY(spk_expr_cast(b->arena, mark[i], type, true, spk_binder_at(b, c->location), &mark[i], err));
	return SPK_OK;
}

static spk_status add_cycle(struct term *t, const PgQuery__CTECycleClause *c, spk_error *err)
{
	struct spk_expr *mark[2], *row, *arm[3], *path;

	SPK_TRY(bind_marks(t->b, c, mark, err));
	SPK_TRY(record(t, NULL, c->cycle_col_list, c->n_cycle_col_list, c->location, &row, err));
	arm[1] = mark[0];
	arm[2] = mark[1];
	if (t->before) {
		SPK_TRY(spk_expr_quantified(t->b->arena, "=", row, t->before[t->count + 1], false, spk_binder_at(t->b, c->location), &arm[0], err));
		SPK_TRY(spk_expr_make(t->b->arena, SPK_EXPR_CASE, arm, 3, false, spk_binder_at(t->b, c->location), &arm[2], err));
	}
	SPK_TRY(add(t, c->cycle_mark_column, arm[2]));
	SPK_TRY(extend(t, row, c->location, &path, err));
	return add(t, c->cycle_path_column, path);
}

static spk_status add_columns(struct term *t, spk_error *err)
{
	if (t->cte->cte->search_clause)
		SPK_TRY(add_search(t, t->cte->cte->search_clause, err));
	return t->cte->cte->cycle_clause ? add_cycle(t, t->cte->cte->cycle_clause, err) : SPK_OK;
}

/* --- the terms --- */

spk_status spk_binder_search_first(struct spk_binder *b, struct spk_cte *cte, struct spk_logical **first, spk_error *err)
{
	struct term t = { .b = b, .cte = cte };
	struct spk_schema *schema;
	struct spk_expr **expr;

	cte->plain = cte->work->count;
	if (!has_columns(cte))
		return SPK_OK;
	SPK_TRY(check_clauses(b, cte, err));
	SPK_TRY_PTR(schema = spk_schema_new(b->arena, cte->plain + (int)SPK_COUNT_OF(t.field)), err);
	SPK_TRY_PTR(expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, schema->count), err);
	for (int i = 0; i < cte->plain; i++) {
		schema->field[i] = cte->work->field[i];
		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, i, &schema->field[i]), err);
	}
	t.output = expr;
	SPK_TRY(add_columns(&t, err));
	schema->count = cte->plain + t.count;
	for (int i = 0; i < t.count; i++) {
		schema->field[cte->plain + i] = t.field[i];
		expr[cte->plain + i] = t.value[i];
	}
	cte->work = schema;
	SPK_TRY_PTR(*first = spk_binder_project(b, *first, expr, schema), err);
	return SPK_OK;
}

/* Rows that came from a marked one go no further. */
static spk_status stop_at_mark(const struct term *t, struct spk_logical **plan, spk_error *err)
{
	const PgQuery__CTECycleClause *c = t->cte->cte->cycle_clause;
	struct spk_expr *mark[2], *pair[2];
	struct spk_logical *l;

	if (!c)
		return SPK_OK;
	SPK_TRY(bind_marks(t->b, c, mark, err));
	pair[0] = t->before[t->cte->cte->search_clause ? 1 : 0];
	pair[1] = mark[0];
	SPK_TRY_PTR(l = spk_logical_new(t->b->arena, SPK_LOGICAL_FILTER, (*plan)->schema, plan, 1), err);
	SPK_TRY(spk_binder_call(t->b, "<>", pair, 2, c->location, &l->filter, err));
	*plan = l;
	return SPK_OK;
}

spk_status spk_query_search(struct spk_query *q, struct spk_logical **plan, spk_error *err)
{
	const struct spk_cte *cte = q->b->recursing;
	struct spk_expr *before[3], **output;
	struct term t = { .b = q->b, .cte = cte, .before = before };
	const struct spk_range *r = NULL;

	if (!cte || cte->state != SPK_CTE_STEP || !has_columns(cte) || cte->referrer != q->select || q->targets != cte->plain)
		return SPK_OK;  /* another number of columns is an error later on */
	for (int k = 0; k < q->scope.count; k++)
		r = q->scope.range[k].work ? &q->scope.range[k] : r;
	if (!r || q->select != cte->cte->ctequery->select_stmt->rarg)
		return SPK_OK;  /* refused by the recursive query, once it is bound */
	SPK_TRY_PTR(output = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, q->targets + 1), err);
	for (int i = 0; i < q->targets; i++)
		output[i] = q->target[i].expr;
	t.output = output;
	for (int i = cte->plain; i < cte->work->count; i++)
		SPK_TRY_PTR(before[i - cte->plain] = spk_expr_column(q->b->arena, r->first + i, &cte->work->field[i]), err);
	SPK_TRY(stop_at_mark(&t, plan, err));
	SPK_TRY(add_columns(&t, err));
	for (int i = 0; i < t.count; i++)
		SPK_TRY(spk_query_add_target(q, t.value[i], t.field[i].name, 0, err));
	q->visible = q->targets;
	return SPK_OK;
}
