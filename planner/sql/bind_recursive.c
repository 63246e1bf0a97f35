/*
 * WITH RECURSIVE: a query whose second term refers to itself becomes a RECURSIVE node, over whose rows of the last round (WORK_TABLE) that
 * term is bound. Whether it refers to itself shows while it is bound; one that does not is a query like any other.
 */
#include "planner/sql/bind.h"

#include <stdio.h>
#include <string.h>

/* --- the reference --- */

static spk_status misplaced(const struct spk_binder *b, const struct spk_cte *cte, int location, const char *where, spk_error *err)
{
	return spk_binder_fail(b, location, SPK_BIND, err, "recursive reference to query \"%s\" must not appear %s", cte->name, where);
}

/* What SEARCH and CYCLE added is not seen by the query itself. */
static spk_status hide_search(const struct spk_binder *b, const struct spk_cte *cte, struct spk_range *r, spk_error *err)
{
	struct spk_schema *plain = spk_schema_new(b->arena, cte->plain);

	SPK_TRY_PTR(plain, err);
	memcpy(plain->field, cte->work->field, sizeof *plain->field * (size_t)cte->plain);
	r->schema = plain;
	return SPK_OK;
}

spk_status spk_binder_self_reference(struct spk_binder *b, struct spk_cte *cte, const PgQuery__RangeVar *v, struct spk_scope *out, spk_error *err)
{
	struct spk_logical *l;
	char where[64];

	if (b->recursing != cte && b->recursing->seen == cte->seen)
		return spk_binder_fail(b, v->location, SPK_BIND, err, "mutual recursion between WITH items is not implemented");
	if (cte->state == SPK_CTE_WHOLE)
		return spk_binder_fail(b, cte->cte->location, SPK_BIND, err, "recursive query \"%s\" does not have the form non-recursive-term UNION [ALL] recursive-term", cte->name);
	if (cte->state == SPK_CTE_FIRST)
		return misplaced(b, cte, v->location, "within its non-recursive term", err);
	if (b->barrier) {
		snprintf(where, sizeof where, "within %s", b->barrier);
		return misplaced(b, cte, v->location, where, err);
	}
	if (cte->reference && cte->reference != v)
		return misplaced(b, cte, v->location, "more than once", err);
	cte->reference = v;
	cte->referrer = b->selecting;
	SPK_TRY_PTR(l = spk_logical_new(b->arena, SPK_LOGICAL_WORK_TABLE, cte->work, NULL, 0), err);
	l->number = cte->number;
	l->position = spk_binder_at(b, v->location);
	SPK_TRY(spk_binder_one_range(b, l, cte->name, NULL, v->location, out, err));
	out->range->work = true;
	return hide_search(b, cte, out->range, err);
}

spk_status spk_binder_check_recursive(const struct spk_binder *b, const PgQuery__SelectStmt *s, const struct spk_aggregates *aggregates, spk_error *err)
{
	if (!b->recursing || b->recursing->state != SPK_CTE_STEP || b->recursing->referrer != s || !aggregates->count)
		return SPK_OK;
	spk_fail(err, SPK_BIND, "aggregate functions are not allowed in a recursive query's recursive term");
	if (err)
		err->position = aggregates->call[0].position;
	return SPK_BIND;
}

/* --- the query --- */

static spk_status refuse_clauses(const struct spk_binder *b, const PgQuery__SelectStmt *s, spk_error *err)
{
	const char *what = s->n_sort_clause ? "ORDER BY" : s->limit_offset ? "OFFSET" : s->limit_count ? "LIMIT" : s->n_locking_clause ? "FOR UPDATE/SHARE" : NULL;
	const PgQuery__Node *n = s->n_sort_clause ? s->sort_clause[0] : s->limit_offset ? s->limit_offset : s->limit_count;

	return what ? spk_binder_fail(b, spk_node_location(n), SPK_UNSUPPORTED, err, "%s in a recursive query is not implemented", what) : SPK_OK;
}

/* The columns of the first term under the names that the query gives them. Later rounds may make any of them NULL. */
static spk_status work_schema(struct spk_binder *b, struct spk_cte *cte, const struct spk_schema *first, spk_error *err)
{
	struct spk_schema *s = spk_schema_new(b->arena, first->count);

	SPK_TRY_PTR(s, err);
	for (int i = 0; i < s->count; i++) {
		s->field[i] = first->field[i];
		s->field[i].nullable = true;
		if (i < (int)cte->cte->n_aliascolnames)
			s->field[i].name = spk_node_string(cte->cte->aliascolnames[i]);
	}
	cte->work = s;
	return SPK_OK;
}

static spk_status check_type(const struct spk_binder *b, const struct spk_cte *cte, struct spk_type first, struct spk_type step, int column, spk_error *err)
{
	struct spk_type overall = first;
	char have[64], want[64];

	if (step.id == SPK_TYPE_UNKNOWN)
		return SPK_OK;
	if (spk_expr_common_type(first, step, &overall, spk_binder_at(b, cte->cte->location), err) != SPK_OK)
		return spk_no_common_type("UNION", first, step, spk_binder_at(b, cte->cte->location), err);
	if (overall.id == first.id && overall.precision == first.precision && overall.scale == first.scale)
		return SPK_OK;
	if (overall.id == SPK_TYPE_DECIMAL && first.id == SPK_TYPE_DECIMAL)
		return SPK_OK;  /* its scale is the value's */
	spk_binder_fail(b, cte->cte->location, SPK_BIND, err, "recursive query \"%s\" column %d has type %s in non-recursive term but type %s overall", cte->name, column + 1,
		spk_type_format(first, have, sizeof have), spk_type_format(overall, want, sizeof want));
	return spk_hint(err, "Cast the output of the non-recursive term to the correct type.");
}

/* The step's columns as the first term's types. */
static spk_status cast_step(struct spk_binder *b, const struct spk_cte *cte, const PgQuery__SelectStmt *s, struct spk_logical **step, spk_error *err)
{
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, cte->work->count + 1);
	int location = spk_select_location(s->rarg);

	SPK_TRY_PTR(expr, err);
	if ((*step)->schema->count != cte->work->count)
		return spk_binder_fail(b, location, SPK_BIND, err, "each UNION query must have the same number of columns");
	for (int i = 0; i < cte->work->count; i++) {
		struct spk_field *f = &(*step)->schema->field[i];

		SPK_TRY(check_type(b, cte, cte->work->field[i].type, f->type, i, err));
		if (f->type.id == SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_binder_retype(b, *step, i, cte->work->field[i].type, location, err));
		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, i, f), err);
		SPK_TRY(spk_expr_cast(b->arena, expr[i], cte->work->field[i].type, true, spk_binder_at(b, location), &expr[i], err));
	}
	SPK_TRY_PTR(*step = spk_binder_project(b, *step, expr, cte->work), err);
	return SPK_OK;
}

/* A numeric's scale may change from round to round. */
static spk_status loosen(struct spk_binder *b, struct spk_cte *cte, struct spk_logical **first, spk_error *err)
{
	struct spk_schema *work = spk_schema_new(b->arena, cte->work->count);
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, cte->work->count + 1);
	bool same = true;

	SPK_TRY_PTR(work && expr, err);
	for (int i = 0; i < work->count; i++) {
		work->field[i] = cte->work->field[i];
		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, i, &(*first)->schema->field[i]), err);
		if (work->field[i].type.id != SPK_TYPE_DECIMAL || work->field[i].type.scale == SPK_SCALE_VARIES)
			continue;
		same = false;
		work->field[i].type = spk_type(SPK_TYPE_DECIMAL);
		SPK_TRY(spk_expr_cast(b->arena, expr[i], work->field[i].type, true, 0, &expr[i], err));
	}
	cte->work = work;
	if (!same)
		SPK_TRY_PTR(*first = spk_binder_project(b, *first, expr, work), err);
	return SPK_OK;
}

static spk_status bind_terms(struct spk_binder *b, struct spk_cte *cte, const PgQuery__SelectStmt *s, struct spk_logical *input[2], spk_error *err)
{
	cte->state = SPK_CTE_FIRST;
	SPK_TRY(spk_binder_query(b, s->larg, false, &input[0], err));
	if ((int)cte->cte->n_aliascolnames > input[0]->schema->count)
		return spk_binder_fail(b, cte->cte->location, SPK_BIND, err, "WITH query \"%s\" has %d columns available but %zu columns specified", cte->name, input[0]->schema->count, cte->cte->n_aliascolnames);
	SPK_TRY(work_schema(b, cte, input[0]->schema, err));
	SPK_TRY(loosen(b, cte, &input[0], err));
	SPK_TRY(spk_binder_search_first(b, cte, &input[0], err));
	cte->state = SPK_CTE_STEP;
	return spk_binder_query(b, s->rarg, true, &input[1], err);
}

/* *out NULL: it does not refer to itself after all. */
static spk_status bind_union(struct spk_binder *b, struct spk_cte *cte, const PgQuery__SelectStmt *s, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *input[2] = { NULL, NULL }, *l;

	*out = NULL;
	SPK_TRY(bind_terms(b, cte, s, input, err));
	if (!cte->reference)
		return SPK_OK;
	if (cte->plain < cte->work->count && cte->referrer != s->rarg)
		return spk_binder_fail(b, cte->reference->location, SPK_BIND, err, "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"%s\" must be at the top level of its right-hand SELECT", cte->name);
	SPK_TRY(refuse_clauses(b, s, err));
	for (int i = 0; i < cte->work->count && !s->all; i++)
		SPK_TRY(spk_binder_comparable(b, cte->work->field[i].type, false, cte->cte->location, err));
	SPK_TRY(cast_step(b, cte, s, &input[1], err));
	SPK_TRY_PTR(l = spk_logical_new(b->arena, SPK_LOGICAL_RECURSIVE, cte->work, input, 2), err);
	l->number = cte->number;
	l->distinct = !s->all;
	l->position = spk_binder_at(b, cte->cte->location);
	*out = l;
	return SPK_OK;
}

static spk_status bind(struct spk_binder *b, struct spk_cte *cte, struct spk_logical **out, spk_error *err)
{
	const PgQuery__SelectStmt *s = cte->cte->ctequery->select_stmt;
	struct spk_cte *outer = b->cte;

	*out = NULL;
	if (s->op == PG_QUERY__SET_OPERATION__SETOP_UNION) {
		if (s->with_clause)
			SPK_TRY(spk_binder_push_with(b, s->with_clause, err));
		SPK_TRY(bind_union(b, cte, s, out, err));
		b->cte = outer;
	}
	if (*out)
		return SPK_OK;
	if (cte->cte->search_clause || cte->cte->cycle_clause)
		return spk_binder_fail(b, cte->cte->location, SPK_BIND, err, "WITH query is not recursive");
	cte->state = SPK_CTE_WHOLE;
	return spk_binder_query(b, s, false, out, err);
}

spk_status spk_binder_recursive(struct spk_binder *b, struct spk_cte *cte, struct spk_logical **out, spk_error *err)
{
	struct spk_cte *recursing = b->recursing;
	const char *barrier = b->barrier;
	spk_status status;

	cte->number = ++*b->dependents;
	b->recursing = cte;
	b->barrier = NULL;
	status = bind(b, cte, out, err);
	cte->state = SPK_CTE_IDLE;
	b->recursing = recursing;
	b->barrier = barrier;
	return status;
}
