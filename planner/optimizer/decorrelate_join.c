/* The join of a left side with a right side whose conditions were pulled up, for every type of dependent join. */
#include <string.h>

#include "core/expr/function.h"
#include "planner/optimizer/decorrelate.h"

struct join {
	struct spk_pull p;
	const struct spk_logical *l;
	struct spk_pulled r;
	int nl;
	struct spk_move right;     /* from the pulled node and OUTER to left ++ right */
	struct spk_move condition; /* from the join's left ++ right to left ++ (outputs over the pulled node) */
};

/* Everything over left ++ pulled node. */
static spk_status place(struct join *w, spk_error *err)
{
	const struct spk_schema *ls = w->l->input[0]->schema, *rs = w->l->input[1]->schema;
	struct spk_expr **by, **column;

	SPK_TRY(spk_column_exprs(w->p.arena, ls, 0, &by, err));
	w->right = (struct spk_move){ .arena = w->p.arena, .shift = w->nl, .outer = w->p.outer, .by = by };
	for (int i = 0; i < w->r.conditions; i++)
		SPK_TRY(spk_move_expr(&w->right, w->r.condition[i], &w->r.condition[i], err));
	SPK_TRY_PTR(column = SPK_NEW_ARRAY(w->p.arena, struct spk_expr *, w->nl + rs->count + 1), err);
	memcpy(column, by, sizeof(*by) * (size_t)w->nl);
	for (int i = 0; i < rs->count; i++)
		SPK_TRY(spk_move_expr(&w->right, w->r.out[i], &column[w->nl + i], err));
	w->condition = (struct spk_move){ .arena = w->p.arena, .column = column };
	if (w->r.having)
		SPK_TRY(spk_move_expr(&w->right, w->r.having, &w->r.having, err));
	return SPK_OK;
}

/* The join's own condition, over the pulled node; NULL: none. */
static spk_status own_condition(const struct join *w, struct spk_expr **out, spk_error *err)
{
	*out = NULL;
	return w->l->filter ? spk_move_expr(&w->condition, w->l->filter, out, err) : SPK_OK;
}

static spk_status conjoin_pulled(const struct join *w, struct spk_expr *own, struct spk_expr **out, spk_error *err)
{
	*out = NULL;
	for (int i = 0; i < w->r.conditions; i++)
		SPK_TRY(spk_conjoin(w->p.arena, *out, w->r.condition[i], out, err));
	return spk_conjoin(w->p.arena, *out, own, out, err);
}

/* A condition that is false where it was NULL: pulled ones only let rows through, which MARK must not take for "unknown". */
static spk_status two_valued(const struct join *w, struct spk_expr **e, spk_error *err)
{
	struct spk_expr *pair[2] = { *e, spk_expr_literal(w->p.arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN) }) };

	SPK_TRY_PTR(pair[1], err);
	return (*e)->nullable ? spk_expr_make(w->p.arena, SPK_EXPR_COALESCE, pair, 2, false, (*e)->position, e, err) : SPK_OK;
}

struct sides { int from, until; };

static void note_side(int column, void *user)
{
	struct sides *s = user;

	s->from = SPK_MIN(s->from, column);
	s->until = SPK_MAX(s->until, column);
}

/* -1: left columns only (or none), 1: right ones only, 0: both. */
static int side_of(const struct spk_expr *e, int left)
{
	struct sides s = { .from = INT32_MAX, .until = -1 };

	spk_expr_columns(e, note_side, &s);
	return s.until < left ? -1 : s.from >= left;
}

/* An equality is made null-safe, which a hash join can do, over rows whose side of it is not NULL. */
static spk_status two_valued_equality(struct join *w, struct spk_expr **e, spk_error *err)
{
	const struct spk_move back = { .arena = w->p.arena, .shift = -w->nl };
	bool equality = (*e)->kind == SPK_EXPR_CALL && strcmp((*e)->function->name, "=") == 0;
	int first = equality ? side_of((*e)->arg[0], w->nl) : 0, second = equality ? side_of((*e)->arg[1], w->nl) : 0;
	struct spk_expr *not_null;

	if (first * second != -1 || !(*e)->nullable)
		return two_valued(w, e, err);
	SPK_TRY(spk_move_expr(&back, (*e)->arg[first == 1 ? 0 : 1], &not_null, err));
	SPK_TRY(spk_expr_make(w->p.arena, SPK_EXPR_IS_NULL, &not_null, 1, true, 0, &not_null, err));
	SPK_TRY_PTR(w->r.node = spk_filter_node(w->p.arena, not_null, w->r.node), err);
	return spk_expr_call(w->p.arena, "is not distinct from", (*e)->arg, 2, (*e)->position, e, err);
}

static spk_status join_mark(struct join *w, struct spk_logical **out, spk_error *err)
{
	struct spk_expr *own, *on;

	for (int i = 0; i < w->r.conditions; i++)
		SPK_TRY(two_valued_equality(w, &w->r.condition[i], err));
	SPK_TRY(own_condition(w, &own, err));
	SPK_TRY(conjoin_pulled(w, own, &on, err));
	return spk_join_node(w->p.arena, SPK_JOIN_MARK, w->l->input[0], w->r.node, on, w->l->position, out, err);
}

/* CASE WHEN condition THEN value ELSE otherwise END; condition NULL: the value. */
static spk_status when(const struct join *w, struct spk_expr *condition, struct spk_expr *value, struct spk_value otherwise, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *arm[3] = { condition, value, spk_expr_literal(w->p.arena, otherwise) };

	*out = value;
	SPK_TRY_PTR(arm[2], err);
	return condition ? spk_expr_make(w->p.arena, SPK_EXPR_CASE, arm, 3, false, value->position, out, err) : SPK_OK;
}

static bool is_right_column(const struct join *w, const struct spk_expr *e) { return e->kind == SPK_EXPR_COLUMN && e->column >= w->nl; }

/* The pulled node with one column more, which is true. */
static spk_status add_matched(struct join *w, spk_error *err)
{
	struct spk_columns c = { .arena = w->p.arena };
	struct spk_expr *yes = spk_expr_literal(w->p.arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN), .boolean = true });

	SPK_TRY_PTR(yes, err);
	SPK_TRY(spk_columns_add_all(&c, w->r.node->schema, 0, w->r.node->schema->count, err));
	SPK_TRY(spk_columns_add(&c, yes, "matched", err));
	return spk_columns_project(&c, w->r.node, &w->r.node, err);
}

/* Outputs above a join that fills its right side with NULLs: whatever is no plain column there must be NULL, too. */
static spk_status fill_outputs(struct join *w, struct spk_expr *on, struct spk_logical **out, spk_error *err)
{
	struct spk_columns c = { .arena = w->p.arena };
	int last = w->nl + w->r.node->schema->count;
	struct spk_logical *join;
	struct spk_expr *matched = NULL, *e;
	bool plain = true;

	for (int i = w->nl; i < w->l->schema->count; i++)
		plain = plain && is_right_column(w, w->condition.column[i]);
	if (!plain)
		SPK_TRY(add_matched(w, err));
	SPK_TRY(spk_join_node(w->p.arena, w->l->join, w->l->input[0], w->r.node, on, w->l->position, &join, err));
	join->hint = w->l->hint;
	if (!plain)
		SPK_TRY_PTR(matched = spk_expr_column(w->p.arena, last, &join->schema->field[last]), err);
	SPK_TRY(spk_columns_add_all(&c, join->schema, 0, w->nl, err));
	for (int i = w->nl; i < w->l->schema->count; i++) {
		e = w->condition.column[i];
		if (is_right_column(w, e))
			SPK_TRY_PTR(e = spk_expr_column(w->p.arena, e->column, &join->schema->field[e->column]), err);
		else
			SPK_TRY(when(w, matched, e, (struct spk_value){ .type = e->type, .null = true }, &e, err));
		SPK_TRY(spk_columns_add(&c, e, w->l->schema->field[i].name, err));
	}
	return spk_columns_project(&c, join, out, err);
}

static spk_status project_outputs(struct join *w, struct spk_logical *join, struct spk_logical **out, spk_error *err)
{
	struct spk_columns c = { .arena = w->p.arena };

	SPK_TRY(spk_columns_add_all(&c, join->schema, 0, w->nl, err));
	for (int i = w->nl; i < w->l->schema->count; i++)
		SPK_TRY(spk_columns_add(&c, w->condition.column[i], w->l->schema->field[i].name, err));
	return spk_columns_project(&c, join, out, err);
}

static spk_status join_rows(struct join *w, struct spk_logical **out, spk_error *err)
{
	struct spk_expr *own, *on;

	SPK_TRY(own_condition(w, &own, err));
	SPK_TRY(conjoin_pulled(w, own, &on, err));
	if (w->l->join == SPK_JOIN_LEFT || w->l->join == SPK_JOIN_SINGLE)
		return fill_outputs(w, on, out, err);
	SPK_TRY(spk_join_node(w->p.arena, w->l->join, w->l->input[0], w->r.node, on, w->l->position, out, err));
	(*out)->hint = w->l->hint;
	return w->l->join == SPK_JOIN_INNER ? project_outputs(w, *out, out, err) : SPK_OK;
}

/* --- one row for every left row --- */

static struct spk_value boolean(bool value) { return (struct spk_value){ .type = spk_type(SPK_TYPE_BOOLEAN), .boolean = value }; }

/* Whether the one row is there and meets the join's condition. */
static spk_status scalar_mark(struct join *w, struct spk_logical *join, struct spk_logical **out, spk_error *err)
{
	struct spk_columns c = { .arena = w->p.arena };
	struct spk_expr *own, *mark;

	SPK_TRY(own_condition(w, &own, err));
	if (!own)
		SPK_TRY_PTR(own = spk_expr_literal(w->p.arena, boolean(true)), err);
	SPK_TRY(when(w, w->r.having, own, boolean(false), &mark, err));
	SPK_TRY(spk_columns_add_all(&c, join->schema, 0, w->nl, err));
	SPK_TRY(spk_columns_add(&c, mark, "?mark?", err));
	return spk_columns_project(&c, join, out, err);
}

static spk_status scalar_semi(struct join *w, struct spk_logical *join, struct spk_logical **out, spk_error *err)
{
	struct spk_columns c = { .arena = w->p.arena };
	struct spk_logical *marked, *kept;
	struct spk_expr *mark;

	SPK_TRY(scalar_mark(w, join, &marked, err));
	SPK_TRY_PTR(mark = spk_expr_column(w->p.arena, w->nl, &marked->schema->field[w->nl]), err);
	if (w->l->join == SPK_JOIN_ANTI) {
		SPK_TRY(two_valued(w, &mark, err));
		SPK_TRY(spk_expr_make(w->p.arena, SPK_EXPR_NOT, &mark, 1, false, 0, &mark, err));
	}
	SPK_TRY_PTR(kept = spk_filter_node(w->p.arena, mark, marked), err);
	SPK_TRY(spk_columns_add_all(&c, kept->schema, 0, w->nl, err));
	return spk_columns_project(&c, kept, out, err);
}

static spk_status scalar_values(struct join *w, struct spk_logical *join, struct spk_logical **out, spk_error *err)
{
	struct spk_columns c = { .arena = w->p.arena };
	struct spk_expr *own, *there;

	SPK_TRY(own_condition(w, &own, err));
	SPK_TRY(spk_conjoin(w->p.arena, w->r.having, own, &there, err));
	if (w->l->join == SPK_JOIN_INNER) {
		if (there)
			SPK_TRY_PTR(join = spk_filter_node(w->p.arena, there, join), err);
		return project_outputs(w, join, out, err);
	}
	SPK_TRY(spk_columns_add_all(&c, join->schema, 0, w->nl, err));
	for (int i = w->nl; i < w->l->schema->count; i++) {
		struct spk_expr *e = w->condition.column[i];

		SPK_TRY(when(w, there, e, (struct spk_value){ .type = e->type, .null = true }, &e, err));
		SPK_TRY(spk_columns_add(&c, e, w->l->schema->field[i].name, err));
	}
	return spk_columns_project(&c, join, out, err);
}

/* The groups are one for each left row at most, so this LEFT join gives each left row once. */
static spk_status join_scalar(struct join *w, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *join;
	struct spk_expr *on;

	SPK_TRY(conjoin_pulled(w, NULL, &on, err));
	SPK_TRY(spk_join_node(w->p.arena, SPK_JOIN_LEFT, w->l->input[0], w->r.node, on, w->l->position, &join, err));
	join->hint = w->l->hint;
	switch (w->l->join) {
	case SPK_JOIN_SEMI:
	case SPK_JOIN_ANTI: return scalar_semi(w, join, out, err);
	case SPK_JOIN_MARK: return scalar_mark(w, join, out, err);
	default: return scalar_values(w, join, out, err);
	}
}

spk_status spk_decorrelate_pull(struct spk_arena *arena, const struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct join w = { .p = { .arena = arena, .outer = l->dependent }, .l = l, .nl = l->input[0]->schema->count };

	*out = NULL;
	SPK_TRY(spk_pull(&w.p, l->input[1], &w.r, err));
	if (!w.r.node)
		return SPK_OK;
	SPK_TRY(place(&w, err));
	if (w.r.scalar)
		return join_scalar(&w, out, err);
	return l->join == SPK_JOIN_MARK ? join_mark(&w, out, err) : join_rows(&w, out, err);
}
