/*
 * UNION, INTERSECT, EXCEPT.
 *
 * INTERSECT and EXCEPT count: the rows of both sides in one relation with a column that tells from which side a row is, grouped by all
 * columns, so that NULLs are equal. With ALL the equal rows of each side are numbered first, and the number is one column more.
 */
#include "planner/sql/bind.h"

#include <string.h>

static const char *set_name(const PgQuery__SelectStmt *s)
{
	switch (s->op) {
	case PG_QUERY__SET_OPERATION__SETOP_INTERSECT: return "INTERSECT";
	case PG_QUERY__SET_OPERATION__SETOP_EXCEPT: return "EXCEPT";
	default: return "UNION";
	}
}

/* A chain of UNION ALL leans to the left; its own ORDER BY, LIMIT or WITH would end it. Other operations have two branches. */
static bool flattens(const PgQuery__SelectStmt *s, const PgQuery__SelectStmt *top)
{
	return top->op == PG_QUERY__SET_OPERATION__SETOP_UNION && s->op == top->op && s->all == top->all && !s->n_sort_clause && !s->limit_count && !s->limit_offset && !s->with_clause;
}

static int count_branches(const PgQuery__SelectStmt *s, const PgQuery__SelectStmt *top)
{
	int n = 1;

	for (; flattens(s, top); s = s->larg)
		n++;
	return n;
}

/* Column `i` of all branches as one type, found from left to right: two untyped literals are text before a third is seen. */
static spk_status common_type(struct spk_binder *b, struct spk_logical *const *branch, const PgQuery__SelectStmt *const *stmt, const char *name, int count, int i, struct spk_type *out, spk_error *err)
{
	struct spk_type t = spk_type(SPK_TYPE_UNKNOWN);

	for (int k = 0; k < count; k++) {
		struct spk_type with = branch[k]->schema->field[i].type;

		if (k == 2 && t.id == SPK_TYPE_UNKNOWN)
			t = spk_type(SPK_TYPE_TEXT);
		if (with.id == SPK_TYPE_UNKNOWN)
			continue;
		if (t.id == SPK_TYPE_UNKNOWN) {
			t = with;
		} else if (spk_expr_common_type(t, with, &t, spk_binder_at(b, spk_select_location(stmt[k])), err) != SPK_OK) {
			spk_no_common_type(name, t, with, spk_binder_at(b, spk_select_location(stmt[k])), err);
			return spk_hint(err, "Cast one of them: they are column \"%s\".", branch[0]->schema->field[i].name);
		}
	}
	*out = t.id == SPK_TYPE_UNKNOWN ? spk_type(SPK_TYPE_TEXT) : t;
	return SPK_OK;
}

/* The branch with its columns cast to the union's; its schema takes the union's names. */
static spk_status cast_branch(struct spk_binder *b, struct spk_logical **branch, const struct spk_schema *schema, int location, spk_error *err)
{
	struct spk_logical *in = *branch;
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, schema->count);
	bool same = true;

	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < schema->count; i++) {
		struct spk_field *f = &in->schema->field[i];

		if (f->type.id == SPK_TYPE_UNKNOWN)
			SPK_TRY(spk_binder_retype(b, in, i, schema->field[i].type, location, err));
		expr[i] = spk_expr_column(b->arena, i, f);
		SPK_TRY_PTR(expr[i], err);
		same = same && spk_type_same(f->type, schema->field[i].type);
		SPK_TRY(spk_expr_cast(b->arena, expr[i], schema->field[i].type, true, spk_binder_at(b, location), &expr[i], err));
	}
	if (same)
		return SPK_OK;
	*branch = spk_binder_project(b, in, expr, schema);
	SPK_TRY_PTR(*branch, err);
	return SPK_OK;
}

/* Where a recursive query must not refer to itself: there more rows can mean less. */
static bool is_barred(const PgQuery__SelectStmt *s, int branch)
{
	if (s->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT)
		return s->all;
	return s->op == PG_QUERY__SET_OPERATION__SETOP_EXCEPT && (s->all || branch == 1);
}

static spk_status bind_branches(struct spk_binder *b, const PgQuery__SelectStmt *s, int count, struct spk_logical **branch, const PgQuery__SelectStmt **stmt, spk_error *err)
{
	const PgQuery__SelectStmt *top = s;
	const char *name = set_name(s);

	for (int k = count - 1; k >= 0; k--) {
		stmt[k] = k ? s->rarg : s;
		s = s->larg;
	}
	for (int k = 0; k < count; k++) {
		const char *barrier = b->barrier;
		spk_status status;

		b->barrier = is_barred(top, k) ? name : barrier;
		status = spk_binder_query(b, stmt[k], true, &branch[k], err);
		b->barrier = barrier;
		SPK_TRY(status);
		if (branch[k]->schema->count == branch[0]->schema->count)
			continue;
		spk_binder_fail(b, spk_select_location(stmt[k]), SPK_BIND, err, "each %s query must have the same number of columns", name);
		return spk_hint(err, "The first has %d, this one has %d.", branch[0]->schema->count, branch[k]->schema->count);
	}
	return SPK_OK;
}

/* The branches' columns as they come out, and each branch cast to them. */
static spk_status match_branches(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_logical **branch, const PgQuery__SelectStmt **stmt, int count, struct spk_schema **out, spk_error *err)
{
	struct spk_schema *schema = spk_schema_new(b->arena, branch[0]->schema->count);

	SPK_TRY_PTR(schema, err);
	for (int i = 0; i < schema->count; i++) {
		schema->field[i].name = branch[0]->schema->field[i].name;
		SPK_TRY(common_type(b, branch, stmt, set_name(s), count, i, &schema->field[i].type, err));
		for (int k = 0; k < count; k++)
			schema->field[i].nullable = schema->field[i].nullable || branch[k]->schema->field[i].nullable;
	}
	for (int i = 0; i < schema->count && !(s->op == PG_QUERY__SET_OPERATION__SETOP_UNION && s->all); i++)
		SPK_TRY(spk_binder_comparable(b, schema->field[i].type, false, spk_select_location(stmt[0]), err));
	for (int k = 0; k < count; k++)
		SPK_TRY(cast_branch(b, &branch[k], schema, spk_select_location(stmt[k]), err));
	*out = schema;
	return SPK_OK;
}

/* --- INTERSECT and EXCEPT --- */

enum { LEFT_TAG, RIGHT_TAG, TAGS };

static spk_status all_columns(const struct spk_binder *b, const struct spk_schema *s, int extra, struct spk_expr ***out, spk_error *err)
{
	*out = SPK_NEW_ARRAY(b->arena, struct spk_expr *, s->count + extra + 1);
	SPK_TRY_PTR(*out, err);
	for (int i = 0; i < s->count; i++)
		SPK_TRY_PTR((*out)[i] = spk_expr_column(b->arena, i, &s->field[i]), err);
	return SPK_OK;
}

static struct spk_schema *wider(const struct spk_binder *b, const struct spk_schema *s, const struct spk_field *more, int count)
{
	struct spk_schema *wide = spk_schema_new(b->arena, s->count + count);

	if (!wide)
		return NULL;
	memcpy(wide->field, s->field, sizeof *s->field * (size_t)s->count);
	memcpy(wide->field + s->count, more, sizeof *more * (size_t)count);
	return wide;
}

/* The rows with the number of each among its equals. */
static spk_status number_equals(const struct spk_binder *b, struct spk_logical **branch, spk_error *err)
{
	static const struct spk_field number = { "?number?", { .id = SPK_TYPE_BIGINT }, false };
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_OVER, wider(b, (*branch)->schema, &number, 1), branch, 1);

	SPK_TRY_PTR(l && l->schema, err);
	SPK_TRY(all_columns(b, (*branch)->schema, 0, &l->expr, err));
	l->expr_count = (*branch)->schema->count;
	l->calls = 1;
	l->call = SPK_NEW(b->arena, struct spk_window_call);
	SPK_TRY_PTR(l->call, err);
	l->call[0] = (struct spk_window_call){ .function = SPK_WINDOW_FUNCTION_ROW_NUMBER, .frame = { .end = SPK_FRAME_CURRENT }, .type = number.type, .name = "row_number" };
	*branch = l;
	return SPK_OK;
}

/* The rows with two columns more, of which the branch's own is 1 and the other NULL. */
static spk_status tag(const struct spk_binder *b, struct spk_logical **branch, int own, const struct spk_schema *schema, spk_error *err)
{
	struct spk_expr **expr;

	SPK_TRY(all_columns(b, (*branch)->schema, TAGS, &expr, err));
	for (int i = 0; i < TAGS; i++)
		SPK_TRY_PTR(expr[schema->count - TAGS + i] = spk_expr_literal(b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_INTEGER), .null = i != own, .i32 = i == own }), err);
	SPK_TRY_PTR(*branch = spk_binder_project(b, *branch, expr, schema), err);
	return SPK_OK;
}

static spk_status count_tag(const struct spk_binder *b, const struct spk_schema *in, int column, struct spk_aggregate_call *call, spk_error *err)
{
	struct spk_expr *arg = spk_expr_column(b->arena, column, &in->field[column]);
	struct spk_aggregate_syntax syntax = { .name = "count", .args = 1, .arg = &arg };

	SPK_TRY_PTR(arg, err);
	SPK_TRY(spk_aggregate_resolve(b->arena, &syntax, call, err));
	call->name = in->field[column].name;
	return SPK_OK;
}

/* One row for every group of equal rows: the columns, then how many of each side. */
static spk_status count_sides(const struct spk_binder *b, struct spk_logical **plan, spk_error *err)
{
	static const struct spk_field counts[TAGS] = { { "?left?", { .id = SPK_TYPE_BIGINT }, false }, { "?right?", { .id = SPK_TYPE_BIGINT }, false } };
	const struct spk_schema *in = (*plan)->schema;
	struct spk_schema keys = { in->count - TAGS, in->field };
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_AGGREGATE, wider(b, &keys, counts, TAGS), plan, 1);

	SPK_TRY_PTR(l && l->schema, err);
	l->expr_count = keys.count;
	SPK_TRY(all_columns(b, &keys, 0, &l->expr, err));
	l->aggregate_count = TAGS;
	SPK_TRY_PTR(l->aggregate = SPK_NEW_ARRAY(b->arena, struct spk_aggregate_call, TAGS), err);
	for (int i = 0; i < TAGS; i++)
		SPK_TRY(count_tag(b, in, keys.count + i, &l->aggregate[i], err));
	*plan = l;
	return spk_binder_show_keys(b, plan, err);
}

/* Groups that have rows on the left and (INTERSECT) or but (EXCEPT) none on the right. */
static spk_status keep_groups(const struct spk_binder *b, bool intersect, struct spk_logical **plan, spk_error *err)
{
	const struct spk_schema *in = (*plan)->schema;
	struct spk_expr *both[TAGS];
	struct spk_logical *l;

	for (int i = 0; i < TAGS; i++) {
		int at = in->count - TAGS + i;
		struct spk_expr *pair[2] = { spk_expr_column(b->arena, at, &in->field[at]), spk_expr_literal(b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BIGINT) }) };

		SPK_TRY_PTR(pair[0] && pair[1], err);
		SPK_TRY(spk_expr_call(b->arena, i == LEFT_TAG || intersect ? ">" : "=", pair, 2, 0, &both[i], err));
	}
	SPK_TRY_PTR(l = spk_logical_new(b->arena, SPK_LOGICAL_FILTER, in, plan, 1), err);
	SPK_TRY(spk_expr_make(b->arena, SPK_EXPR_AND, both, TAGS, false, 0, &l->filter, err));
	*plan = l;
	return SPK_OK;
}

static spk_status combine(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_logical **branch, const struct spk_schema *schema, struct spk_logical **out, spk_error *err)
{
	static const struct spk_field tags[TAGS] = { { "?left?", { .id = SPK_TYPE_INTEGER }, true }, { "?right?", { .id = SPK_TYPE_INTEGER }, true } };
	struct spk_schema *tagged = NULL;
	struct spk_expr **expr;

	for (int k = 0; k < 2; k++) {
		if (s->all)
			SPK_TRY(number_equals(b, &branch[k], err));
		SPK_TRY_PTR(tagged = tagged ? tagged : wider(b, branch[k]->schema, tags, TAGS), err);
		for (int i = 0; i < schema->count; i++)
			tagged->field[i] = schema->field[i];
		SPK_TRY(tag(b, &branch[k], k, tagged, err));
	}
	SPK_TRY_PTR(*out = spk_logical_new(b->arena, SPK_LOGICAL_UNION, tagged, branch, 2), err);
	SPK_TRY(count_sides(b, out, err));
	SPK_TRY(keep_groups(b, s->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT, out, err));
	SPK_TRY(all_columns(b, schema, 0, &expr, err));
	SPK_TRY_PTR(*out = spk_binder_project(b, *out, expr, schema), err);
	return SPK_OK;
}

spk_status spk_binder_set_operation(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_logical **out, spk_error *err)
{
	bool is_union = s->op == PG_QUERY__SET_OPERATION__SETOP_UNION;
	int count = 1 + count_branches(s->larg, s);
	struct spk_logical **branch = SPK_NEW_ARRAY(b->arena, struct spk_logical *, count);
	const PgQuery__SelectStmt **stmt = SPK_NEW_ARRAY(b->arena, const PgQuery__SelectStmt *, count);
	struct spk_schema *schema = NULL;

	SPK_TRY_PTR(branch, err);
	SPK_TRY_PTR(stmt, err);
	SPK_TRY(bind_branches(b, s, count, branch, stmt, err));
	SPK_TRY(match_branches(b, s, branch, stmt, count, &schema, err));
	if (is_union)
		SPK_TRY_PTR(*out = spk_logical_new(b->arena, SPK_LOGICAL_UNION, schema, branch, count), err);
	else
		SPK_TRY(combine(b, s, branch, schema, out, err));
	if (is_union && !s->all)
		SPK_TRY(spk_binder_distinct(b, out, 0, err));
	return spk_binder_order_output(b, s, out, err);
}
