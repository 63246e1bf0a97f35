/*
 * IN and NOT IN with values that may be NULL, in a stream. The answer is true where a pair is equal, else NULL where a NULL is compared, else false. So beside
 * whether there is an equal value it takes two facts about the right side's rows, in all or, where other equalities go with it, of their keys: whether there
 * are any, and whether one has a NULL. Both change seldom. The MARK join becomes
 *
 *   project [left columns, CASE WHEN found THEN true WHEN has_null OR (value IS NULL AND any) THEN NULL ELSE false]
 *      left join on the keys
 *         mark join: found, never NULL
 *         project [keys, count(*) > 0 AS any, count(*) > count(value) AS has_null] over the right side, grouped by the keys
 */
#include "planner/physical/build.h"

#include "core/expr/function.h"

struct mark {
	struct spk_build *b;
	const struct spk_logical *l;
	const struct spk_join_condition *c;
	int value;                       /* the key that may be NULL */
};

static spk_status literal(const struct mark *m, bool null, bool value, struct spk_expr **out, spk_error *err)
{
	*out = spk_expr_literal(m->b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN), .null = null, .boolean = value });
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* Where other conditions may give NULL as well, the two facts are not enough. */
static bool take_value(struct mark *m)
{
	const struct spk_join_condition *c = m->c;

	m->value = -1;
	for (int k = 0; k < c->keys; k++) {
		if (c->two_valued[k])
			continue;
		if (m->value >= 0)
			return false;
		m->value = k;
	}
	return m->value >= 0 && !c->rest;
}

/* a = b (or IS NOT DISTINCT FROM), of key k; right: over the left columns and those behind them. */
static spk_status equality(const struct mark *m, int k, struct spk_expr *right, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *pair[2] = { m->c->left[k], right };

	return spk_expr_call(m->b->arena, m->c->null_safe[k] ? "is not distinct from" : "=", pair, 2, m->l->position, out, err);
}

static spk_status all_of(const struct mark *m, struct spk_expr **e, int n, struct spk_expr **out, spk_error *err)
{
	*out = n == 1 ? e[0] : NULL;
	return n > 1 ? spk_expr_make(m->b->arena, SPK_EXPR_AND, e, n, false, m->l->position, out, err) : SPK_OK;
}

/* The join that says where there is an equal value: its condition is never NULL. */
static spk_status find(const struct mark *m, struct spk_logical **out, spk_error *err)
{
	const struct spk_schema *left = m->l->input[0]->schema, *right = m->l->input[1]->schema;
	struct spk_expr **by = SPK_NEW_ARRAY(m->b->arena, struct spk_expr *, right->count + 1), **e = SPK_NEW_ARRAY(m->b->arena, struct spk_expr *, m->c->keys + 1);

	SPK_TRY_PTR(by && e && (*out = spk_logical_clone(m->b->arena, m->l)), err);
	for (int i = 0; i < right->count; i++)
		SPK_TRY_PTR(by[i] = spk_expr_column(m->b->arena, left->count + i, &right->field[i]), err);
	for (int k = 0; k < m->c->keys; k++) {
		struct spk_expr *other = spk_expr_substitute(m->b->arena, m->c->right[k], by), *sure[2];

		SPK_TRY_PTR(other, err);
		SPK_TRY(equality(m, k, other, &sure[0], err));
		e[k] = sure[0];
		if (k != m->value)
			continue;
		SPK_TRY(literal(m, false, false, &sure[1], err));
		SPK_TRY(spk_expr_make(m->b->arena, SPK_EXPR_COALESCE, sure, 2, false, m->l->position, &e[k], err));
	}
	return all_of(m, e, m->c->keys, &(*out)->filter, err);
}

/* The right side's rows and values, counted by the other keys. */
static spk_status count(const struct mark *m, struct spk_logical **out, spk_error *err)
{
	struct spk_arena *arena = m->b->arena;
	struct spk_expr **value = SPK_NEW_ARRAY(arena, struct spk_expr *, 1), **key = SPK_NEW_ARRAY(arena, struct spk_expr *, m->c->keys);
	const struct spk_aggregate_syntax syntax[2] = { { .name = "count", .star = true, .position = m->l->position }, { .name = "count", .args = 1, .arg = value, .position = m->l->position } };
	struct spk_aggregate_call *call = SPK_NEW_ARRAY(arena, struct spk_aggregate_call, 2);
	struct spk_schema *schema = SPK_NEW(arena, struct spk_schema);
	struct spk_logical *l;

	SPK_TRY_PTR(value && key && call && schema && (schema->field = SPK_NEW_ARRAY(arena, struct spk_field, m->c->keys + 1)), err);
	value[0] = m->c->right[m->value];
	for (int k = 0; k < m->c->keys; k++) {
		if (k == m->value)
			continue;
		key[schema->count] = m->c->right[k];
		schema->field[schema->count++] = (struct spk_field){ "key", m->c->right[k]->type, m->c->right[k]->nullable };
	}
	SPK_TRY_PTR(l = spk_logical_new(arena, SPK_LOGICAL_AGGREGATE, schema, &m->l->input[1], 1), err);
	l->expr = key;
	l->expr_count = schema->count;
	for (int i = 0; i < 2; i++) {
		SPK_TRY(spk_aggregate_resolve(arena, &syntax[i], &call[i], err));
		schema->field[schema->count++] = (struct spk_field){ i ? "values" : "rows", call[i].type, false };
	}
	l->aggregate = call;
	l->aggregate_count = 2;
	l->position = m->l->position;
	*out = l;
	return SPK_OK;
}

/* keys, any, has_null */
static spk_status facts(const struct mark *m, struct spk_logical **out, spk_error *err)
{
	struct spk_arena *arena = m->b->arena;
	struct spk_schema *schema = SPK_NEW(arena, struct spk_schema);
	struct spk_expr **e = SPK_NEW_ARRAY(arena, struct spk_expr *, m->c->keys + 1), *pair[2];
	const int keys = m->c->keys - 1;
	struct spk_logical *counted, *l;

	SPK_TRY(count(m, &counted, err));
	SPK_TRY_PTR(e && schema && (schema->field = SPK_NEW_ARRAY(arena, struct spk_field, keys + 2)), err);
	for (; schema->count < keys; schema->count++) {
		schema->field[schema->count] = counted->schema->field[schema->count];
		SPK_TRY_PTR(e[schema->count] = spk_expr_column(arena, schema->count, &counted->schema->field[schema->count]), err);
	}
	for (int i = 0; i < 2; i++) {
		SPK_TRY_PTR(pair[0] = spk_expr_column(arena, keys, &counted->schema->field[keys]), err);
		if (i)
			pair[1] = spk_expr_column(arena, keys + 1, &counted->schema->field[keys + 1]);
		else
			pair[1] = spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BIGINT) });
		SPK_TRY_PTR(pair[1], err);
		SPK_TRY(spk_expr_call(arena, ">", pair, 2, m->l->position, &e[schema->count], err));
		schema->field[schema->count++] = (struct spk_field){ i ? "has null" : "any", spk_type(SPK_TYPE_BOOLEAN), false };
	}
	SPK_TRY_PTR(l = spk_logical_new(arena, SPK_LOGICAL_PROJECT, schema, &counted, 1), err);
	l->expr = e;
	l->expr_count = schema->count;
	*out = l;
	return SPK_OK;
}

/* The left columns and what was found, with the facts of the row's keys, or NULLs where there are no rows. */
static spk_status with_facts(const struct mark *m, struct spk_logical **out, spk_error *err)
{
	struct spk_arena *arena = m->b->arena;
	struct spk_logical *in[2];
	struct spk_schema *schema = SPK_NEW(arena, struct spk_schema);
	struct spk_expr **e = SPK_NEW_ARRAY(arena, struct spk_expr *, m->c->keys + 1);
	int n = 0;

	SPK_TRY(find(m, &in[0], err));
	SPK_TRY(facts(m, &in[1], err));
	SPK_TRY_PTR(e && schema && (schema->field = SPK_NEW_ARRAY(arena, struct spk_field, in[0]->schema->count + in[1]->schema->count)), err);
	for (int i = 0; i < in[0]->schema->count; i++)
		schema->field[schema->count++] = in[0]->schema->field[i];
	for (int k = 0; k < m->c->keys; k++) {
		struct spk_expr *other;

		if (k == m->value)
			continue;
		SPK_TRY_PTR(other = spk_expr_column(arena, in[0]->schema->count + n, &in[1]->schema->field[n]), err);
		SPK_TRY(equality(m, k, other, &e[n++], err));
	}
	for (int i = 0; i < in[1]->schema->count; i++) {
		schema->field[schema->count] = in[1]->schema->field[i];
		schema->field[schema->count++].nullable = true;
	}
	SPK_TRY_PTR(*out = spk_logical_new(arena, SPK_LOGICAL_JOIN, schema, in, 2), err);
	(*out)->join = SPK_JOIN_LEFT;
	(*out)->position = m->l->position;
	return all_of(m, e, n, &(*out)->filter, err);
}

/* CASE WHEN found THEN true WHEN has_null OR (value IS NULL AND any) THEN NULL ELSE false */
static spk_status answer(const struct mark *m, const struct spk_schema *in, struct spk_expr **out, spk_error *err)
{
	struct spk_arena *arena = m->b->arena;
	const int found = m->l->schema->count - 1, first = in->count - 2;
	struct spk_expr *branch[5], *either[2], *both[2];

	SPK_TRY_PTR(branch[0] = spk_expr_column(arena, found, &in->field[found]), err);
	SPK_TRY(literal(m, false, true, &branch[1], err));
	SPK_TRY_PTR(either[0] = spk_expr_column(arena, first + 1, &in->field[first + 1]), err);
	SPK_TRY(spk_expr_make(arena, SPK_EXPR_IS_NULL, &m->c->left[m->value], 1, false, m->l->position, &both[0], err));
	SPK_TRY_PTR(both[1] = spk_expr_column(arena, first, &in->field[first]), err);
	SPK_TRY(spk_expr_make(arena, SPK_EXPR_AND, both, 2, false, m->l->position, &either[1], err));
	SPK_TRY(spk_expr_make(arena, SPK_EXPR_OR, either, 2, false, m->l->position, &branch[2], err));
	SPK_TRY(literal(m, true, false, &branch[3], err));
	SPK_TRY(literal(m, false, false, &branch[4], err));
	return spk_expr_make(arena, SPK_EXPR_CASE, branch, 5, false, m->l->position, out, err);
}

spk_status spk_build_unknown_mark(struct spk_build *b, const struct spk_logical *l, const struct spk_join_condition *c, struct spk_logical **out, spk_error *err)
{
	struct mark m = { .b = b, .l = l, .c = c };
	const int columns = l->schema->count - 1;
	struct spk_expr **e = SPK_NEW_ARRAY(b->arena, struct spk_expr *, columns + 1);
	struct spk_logical *joined;

	*out = NULL;
	if (!take_value(&m))
		return SPK_OK;
	SPK_TRY_PTR(e, err);
	SPK_TRY(with_facts(&m, &joined, err));
	for (int i = 0; i < columns; i++)
		SPK_TRY_PTR(e[i] = spk_expr_column(b->arena, i, &l->schema->field[i]), err);
	SPK_TRY(answer(&m, joined->schema, &e[columns], err));
	SPK_TRY_PTR(*out = spk_logical_new(b->arena, SPK_LOGICAL_PROJECT, l->schema, &joined, 1), err);
	(*out)->expr = e;
	(*out)->expr_count = columns + 1;
	return spk_logical_finish(b->arena, *out, err);
}
