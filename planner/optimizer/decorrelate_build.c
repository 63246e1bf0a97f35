/* What decorrelation builds plans from. */
#include <string.h>

#include "planner/optimizer/decorrelate.h"

/* --- references --- */

bool spk_expr_has_outer(const struct spk_expr *e, int outer)
{
	if (e->kind == SPK_EXPR_OUTER)
		return !outer || e->outer == outer;
	for (int i = 0; i < e->args; i++)
		if (spk_expr_has_outer(e->arg[i], outer))
			return true;
	return false;
}

struct search { int outer; bool found; };

static spk_status search_expr(struct spk_expr **e, void *user, spk_error *err)
{
	struct search *s = user;

	(void)err;
	s->found = s->found || spk_expr_has_outer(*e, s->outer);
	return SPK_OK;
}

bool spk_node_has_outer(const struct spk_logical *l, int outer)
{
	struct search s = { .outer = outer };
	struct spk_logical copy = *l;  /* nothing is replaced */

	(void)spk_logical_each_expr(&copy, search_expr, &s, NULL);
	return s.found;
}

bool spk_tree_has_outer(const struct spk_logical *l, int outer)
{
	if (spk_node_has_outer(l, outer))
		return true;
	for (int i = 0; i < l->inputs; i++)
		if (spk_tree_has_outer(l->input[i], outer))
			return true;
	return false;
}

/* --- moving --- */

static spk_status move_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	const struct spk_move *m = user;

	if (e->kind == SPK_EXPR_OUTER) {
		if (m->outer && e->outer == m->outer)
			*out = m->by[e->column];
		return SPK_OK;
	}
	if (m->column) {
		*out = m->column[e->column];
		return SPK_OK;
	}
	if (!m->shift)
		return SPK_OK;
	*out = spk_arena_copy(m->arena, e, sizeof *e);
	SPK_TRY_PTR(*out, err);
	(*out)->column += m->shift;
	return SPK_OK;
}

spk_status spk_move_expr(const struct spk_move *m, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	return spk_expr_rewrite(m->arena, e, move_leaf, (void *)(uintptr_t)m, out, err);
}

static spk_status move_change(struct spk_expr **e, void *user, spk_error *err)
{
	return spk_move_expr(user, *e, e, err);
}

spk_status spk_move_node(const struct spk_move *m, const struct spk_logical *l, struct spk_logical *const *input, const struct spk_schema *schema, struct spk_logical **out, spk_error *err)
{
	*out = spk_logical_clone(m->arena, l);
	SPK_TRY_PTR(*out, err);
	if (l->inputs)
		memcpy((*out)->input, input, sizeof *input * (size_t)l->inputs);
	SPK_TRY(spk_logical_each_expr(*out, move_change, (void *)(uintptr_t)m, err));
	if (schema)
		(*out)->schema = schema;
	return SPK_OK;
}

/* --- projections --- */

spk_status spk_columns_add(struct spk_columns *c, struct spk_expr *e, const char *name, spk_error *err)
{
	if (!c->schema)
		SPK_TRY_PTR(c->schema = SPK_NEW(c->arena, struct spk_schema), err);
	if (c->count == c->capacity) {
		int capacity = c->capacity ? c->capacity * 2 : 16;
		struct spk_expr **expr = SPK_NEW_ARRAY(c->arena, struct spk_expr *, capacity);
		struct spk_field *field = SPK_NEW_ARRAY(c->arena, struct spk_field, capacity);

		SPK_TRY_PTR(expr && field, err);
		if (c->count) {
			memcpy(expr, c->expr, sizeof(*expr) * (size_t)c->count);
			memcpy(field, c->schema->field, sizeof *field * (size_t)c->count);
		}
		c->expr = expr;
		c->schema->field = field;
		c->capacity = capacity;
	}
	c->schema->field[c->count] = (struct spk_field){ name, e->type, e->nullable };
	c->expr[c->count++] = e;
	c->schema->count = c->count;
	return SPK_OK;
}

spk_status spk_columns_add_all(struct spk_columns *c, const struct spk_schema *s, int from, int count, spk_error *err)
{
	for (int i = from; i < from + count; i++) {
		struct spk_expr *e = spk_expr_column(c->arena, i, &s->field[i]);

		SPK_TRY_PTR(e, err);
		SPK_TRY(spk_columns_add(c, e, s->field[i].name, err));
	}
	return SPK_OK;
}

spk_status spk_columns_project(const struct spk_columns *c, struct spk_logical *input, struct spk_logical **out, spk_error *err)
{
	static struct spk_field none;
	static const struct spk_schema empty = { .field = &none };

	*out = spk_logical_new(c->arena, SPK_LOGICAL_PROJECT, c->schema ? c->schema : &empty, &input, 1);
	SPK_TRY_PTR(*out, err);
	(*out)->expr = c->expr;
	(*out)->expr_count = c->count;
	return SPK_OK;
}

spk_status spk_column_exprs(struct spk_arena *arena, const struct spk_schema *s, int shift, struct spk_expr ***out, spk_error *err)
{
	*out = SPK_NEW_ARRAY(arena, struct spk_expr *, s->count + 1);
	SPK_TRY_PTR(*out, err);
	for (int i = 0; i < s->count; i++)
		SPK_TRY_PTR((*out)[i] = spk_expr_column(arena, i + shift, &s->field[i]), err);
	return SPK_OK;
}

/* --- joins --- */

static bool fills(enum spk_join_type join, bool left)
{
	return join == SPK_JOIN_FULL || (left ? join == SPK_JOIN_RIGHT : join == SPK_JOIN_LEFT || join == SPK_JOIN_SINGLE);
}

spk_status spk_join_node(struct spk_arena *arena, enum spk_join_type join, struct spk_logical *left, struct spk_logical *right, struct spk_expr *condition, int position, struct spk_logical **out, spk_error *err)
{
	bool semi = join == SPK_JOIN_SEMI || join == SPK_JOIN_ANTI, mark = join == SPK_JOIN_MARK;
	const struct spk_schema *l = left->schema, *r = right->schema;
	struct spk_logical *input[2] = { left, right };
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);

	SPK_TRY_PTR(s, err);
	s->field = SPK_NEW_ARRAY(arena, struct spk_field, l->count + r->count + 1);
	SPK_TRY_PTR(s->field, err);
	for (int i = 0; i < l->count; i++) {
		s->field[s->count] = l->field[i];
		s->field[s->count++].nullable |= fills(join, true);
	}
	for (int i = 0; i < r->count && !semi && !mark; i++) {
		s->field[s->count] = r->field[i];
		s->field[s->count++].nullable |= fills(join, false);
	}
	if (mark)
		s->field[s->count++] = (struct spk_field){ "?mark?", spk_type(SPK_TYPE_BOOLEAN), condition && condition->nullable };
	*out = spk_logical_new(arena, SPK_LOGICAL_JOIN, semi ? l : s, input, 2);
	SPK_TRY_PTR(*out, err);
	(*out)->join = join;
	(*out)->filter = condition;
	(*out)->position = position ? position : (*out)->position;
	return SPK_OK;
}

spk_status spk_null_safe_equal(struct spk_arena *arena, struct spk_expr *a, struct spk_expr *b, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *pair[2] = { a, b };

	return spk_expr_call(arena, a->nullable || b->nullable ? "is not distinct from" : "=", pair, 2, a->position, out, err);
}

/* --- aggregates over nothing --- */

spk_status spk_empty_aggregate(struct spk_arena *arena, const struct spk_aggregate_call *c, struct spk_expr **out, spk_error *err)
{
	struct spk_value v = { .type = c->type, .null = true };
	const struct spk_aggregate *step = c->step ? c->step : c->aggregate;
	char *state = SPK_NEW_ARRAY(arena, char, step->state_size + 16);
	struct spk_vector one = { 0 };

	SPK_TRY_PTR(state, err);
	if ((c->aggregate->never_null || c->aggregate->null_unlike_none) && spk_type_width(c->type) > 0) {
		SPK_TRY(spk_vector_init(&one, c->type, 1, arena, err));
		SPK_TRY(step->final(c, &state, 1, &one, 0, 1, arena, err));
		v = spk_vector_value(&one, 0);
		v.type = c->type;
	}
	*out = spk_expr_literal(arena, v);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* --- limits --- */

spk_status spk_row_number(struct spk_arena *arena, struct spk_logical *input, struct spk_expr **partition, int partitions, struct spk_sort_key *sort, int sorts, struct spk_logical **out, spk_error *err)
{
	const struct spk_schema *in = input->schema;
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);

	SPK_TRY_PTR(s, err);
	s->count = in->count + 1;
	s->field = SPK_NEW_ARRAY(arena, struct spk_field, s->count);
	SPK_TRY_PTR(s->field, err);
	memcpy(s->field, in->field, sizeof *in->field * (size_t)in->count);
	s->field[in->count] = (struct spk_field){ "row_number", spk_type(SPK_TYPE_BIGINT), false };
	*out = spk_logical_new(arena, SPK_LOGICAL_OVER, s, &input, 1);
	SPK_TRY_PTR(*out, err);
	(*out)->expr = partition;
	(*out)->expr_count = partitions;
	(*out)->sort = sort;
	(*out)->sort_count = sorts;
	(*out)->calls = 1;
	(*out)->call = SPK_NEW(arena, struct spk_window_call);
	SPK_TRY_PTR((*out)->call, err);
	(*out)->call[0] = (struct spk_window_call){ .function = SPK_WINDOW_FUNCTION_ROW_NUMBER, .frame = { .end = SPK_FRAME_CURRENT }, .type = spk_type(SPK_TYPE_BIGINT), .name = "row_number" };
	return SPK_OK;
}

static spk_status number_is(struct spk_arena *arena, const struct spk_schema *s, const char *operator, int64_t bound, struct spk_expr **out, spk_error *err)
{
	int last = s->count - 1;
	struct spk_expr *pair[2] = { spk_expr_column(arena, last, &s->field[last]), spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BIGINT), .i64 = bound }) };

	SPK_TRY_PTR(pair[0] && pair[1], err);
	return spk_expr_call(arena, operator, pair, 2, 0, out, err);
}

spk_status spk_limit_per_partition(struct spk_arena *arena, const struct spk_logical *limit, struct spk_logical *input, struct spk_expr **partition, int partitions, struct spk_sort_key *sort, int sorts, struct spk_logical **out, spk_error *err)
{
	struct spk_columns c = { .arena = arena };
	struct spk_expr *from = NULL, *until = NULL, *both;
	struct spk_logical *over;
	int64_t last;

	SPK_TRY(spk_row_number(arena, input, partition, partitions, sort, sorts, &over, err));
	if (limit->offset)
		SPK_TRY(number_is(arena, over->schema, ">", limit->offset, &from, err));
	if (limit->limit >= 0 && !__builtin_add_overflow(limit->limit, limit->offset, &last))
		SPK_TRY(number_is(arena, over->schema, "<=", last, &until, err));
	SPK_TRY(spk_conjoin(arena, from, until, &both, err));
	if (!both) {
		*out = input;
		return SPK_OK;
	}
	SPK_TRY_PTR(over = spk_filter_node(arena, both, over), err);
	SPK_TRY(spk_columns_add_all(&c, input->schema, 0, input->schema->count, err));
	return spk_columns_project(&c, over, out, err);
}

spk_status spk_decorrelate_unsupported(const struct spk_logical *l, const char *what, spk_error *err)
{
	spk_fail(err, SPK_UNSUPPORTED, "a subquery that refers to the query around it from %s is not supported yet", what);
	if (err)
		err->position = l->position;
	return SPK_UNSUPPORTED;
}
