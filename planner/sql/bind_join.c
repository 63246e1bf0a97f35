/*
 * Joins: several items of FROM beside each other, JOIN ... ON, USING, NATURAL.
 *
 * The plan's columns are always left ++ right; what a join shows under its own names (USING's columns once and first) are a range of
 * its own over them, and the ranges of its sides can then only be named with their tables. A USING column that is neither side's as it
 * is (FULL JOIN, sides of different types) is computed by a PROJECT over the join.
 */
#include "planner/sql/bind.h"

#include <string.h>

struct join {
	struct spk_binder *b;
	const PgQuery__JoinExpr *j;     /* NULL: a comma */
	enum spk_join_type type;
	struct spk_scope left, right, both;
	int location;
	int names;                      /* USING */
	bool asof;                      /* the last of them is compared: left >= right */
	const char **name;
	int *left_at, *right_at, *at;   /* by name: places in `both` */
};

static enum spk_join_type join_type(PgQuery__JoinType type)
{
	switch (type) {
	case PG_QUERY__JOIN_TYPE__JOIN_LEFT: return SPK_JOIN_LEFT;
	case PG_QUERY__JOIN_TYPE__JOIN_RIGHT: return SPK_JOIN_RIGHT;
	case PG_QUERY__JOIN_TYPE__JOIN_FULL: return SPK_JOIN_FULL;
	default: return SPK_JOIN_INNER;
	}
}

static bool fills_left(enum spk_join_type t) { return t == SPK_JOIN_RIGHT || t == SPK_JOIN_FULL; }
static bool fills_right(enum spk_join_type t) { return t == SPK_JOIN_LEFT || t == SPK_JOIN_FULL; }

/* --- scopes --- */

static struct spk_schema *copy_schema(struct spk_arena *arena, const struct spk_schema *s, bool nullable)
{
	struct spk_schema *copy = spk_schema_new(arena, s->count);

	for (int i = 0; copy && i < s->count; i++) {
		copy->field[i] = s->field[i];
		copy->field[i].nullable = s->field[i].nullable || nullable;
	}
	return copy;
}

static spk_status add_ranges(const struct join *w, const struct spk_scope *from, int shift, bool nullable, struct spk_scope *to, spk_error *err)
{
	for (int k = 0; k < from->count; k++) {
		struct spk_range *r = &to->range[to->count++];
		int *at;

		*r = from->range[k];
		r->first += shift;
		r->present += r->present ? shift : 0;
		r->filled = r->filled || nullable;
		if (nullable)
			SPK_TRY_PTR(r->schema = copy_schema(w->b->arena, r->schema, true), err);
		if (!r->at || !shift)
			continue;
		at = SPK_NEW_ARRAY(w->b->arena, int, r->schema->count + 1);
		SPK_TRY_PTR(at, err);
		for (int i = 0; i < r->schema->count; i++)
			at[i] = r->at[i] + shift;
		r->at = at;
	}
	return SPK_OK;
}

/* Where the item's name or alias is written, as far as the tree tells. */
static int alias_location(const PgQuery__Node *n) { return spk_node_location(n); }

static spk_status check_names(const struct join *w, const PgQuery__Node *right, spk_error *err)
{
	for (int i = 0; i < w->left.count; i++)
		for (int k = 0; k < w->right.count; k++) {
			const struct spk_range *l = &w->left.range[i], *r = &w->right.range[k];

			if (!l->alias || !r->alias || l->hidden_name || r->hidden_name || strcmp(l->alias, r->alias) != 0)
				continue;
			spk_binder_fail(w->b, alias_location(right), SPK_BIND, err, "table name \"%s\" specified more than once", r->alias);
			return spk_hint(err, "Give one of them an alias: ... AS %s2.", r->alias);
		}
	return SPK_OK;
}

/* --- the node --- */

static spk_status make_node(struct join *w, int dependent, spk_error *err)
{
	const struct spk_schema *l, *r;
	struct spk_logical *input[2];
	struct spk_schema *schema;

	if (fills_left(w->type))
		SPK_TRY(spk_binder_mark_present(w->b, &w->left, err));
	if (fills_right(w->type))
		SPK_TRY(spk_binder_mark_present(w->b, &w->right, err));
	l = w->left.plan->schema;
	r = w->right.plan->schema;
	input[0] = w->left.plan;
	input[1] = w->right.plan;
	SPK_TRY_PTR(schema = spk_schema_new(w->b->arena, l->count + r->count), err);
	for (int i = 0; i < schema->count; i++) {
		schema->field[i] = i < l->count ? l->field[i] : r->field[i - l->count];
		schema->field[i].nullable = schema->field[i].nullable || (i < l->count ? fills_left(w->type) : fills_right(w->type));
	}
	w->both = (struct spk_scope){ .plan = spk_logical_new(w->b->arena, SPK_LOGICAL_JOIN, schema, input, 2) };
	SPK_TRY_PTR(w->both.plan, err);
	w->both.plan->join = w->type;
	w->both.plan->hint = spk_binder_hint_of(w->b, &w->left, &w->right);
	w->both.plan->dependent = dependent;
	w->both.plan->position = spk_binder_at(w->b, w->location);
	w->both.range = SPK_NEW_ARRAY(w->b->arena, struct spk_range, w->left.count + w->right.count + 2);
	SPK_TRY_PTR(w->both.range, err);
	SPK_TRY(add_ranges(w, &w->left, 0, fills_left(w->type), &w->both, err));
	return add_ranges(w, &w->right, l->count, fills_right(w->type), &w->both, err);
}

/* The right item, which may look at the left one when it is LATERAL, and the two side by side. */
static spk_status bind_right(struct join *w, const PgQuery__Node *right, spk_error *err)
{
	struct spk_outer side = { .scope = &w->left, .number = ++*w->b->dependents, .barred = fills_left(w->type), .next = w->b->outer };
	const char *barrier = w->b->barrier;
	spk_status status;

	w->b->outer = &side;
	w->b->barrier = fills_right(w->type) ? "an outer join" : barrier;
	status = w->j && spk_is_as_of(right) ? spk_binder_as_of_table(w->b, right, &w->right, err) : spk_binder_from_item(w->b, right, &w->right, err);
	w->b->barrier = barrier;
	w->b->outer = side.next;
	SPK_TRY(status);
	SPK_TRY(check_names(w, right, err));
	return make_node(w, side.used ? side.number : 0, err);
}

static spk_status bind_left(struct join *w, spk_error *err)
{
	const char *barrier = w->b->barrier;
	spk_status status;

	w->b->barrier = fills_left(w->type) ? "an outer join" : barrier;
	status = spk_binder_from_item(w->b, w->j->larg, &w->left, err);
	w->b->barrier = barrier;
	return status;
}

spk_status spk_binder_cross(struct spk_binder *b, struct spk_scope *left, const PgQuery__Node *right, spk_error *err)
{
	struct join w = { .b = b, .type = SPK_JOIN_INNER, .left = *left, .location = spk_node_location(right) };

	SPK_TRY(bind_right(&w, right, err));
	*left = w.both;
	return SPK_OK;
}

/* --- ON --- */

/*
 * From the join's columns to its right side's, the left ones being OUTER references; subqueries see the right side alone then. `swapped`: to its left
 * side's, and so on.
 */
struct to_right { struct join *w; int left, number, sublink; bool swapped; };

static spk_status to_right_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	struct to_right *t = user;
	bool own = e->kind == SPK_EXPR_COLUMN, through = e->kind == SPK_EXPR_OUTER && t->sublink && e->outer == t->sublink;

	if (!own && !through)
		return SPK_OK;
	SPK_TRY_PTR(*out = spk_arena_copy(t->w->b->arena, e, sizeof *e), err);
	(*out)->column -= e->column >= t->left ? t->left : 0;
	if ((e->column >= t->left) != t->swapped)
		return SPK_OK;
	(*out)->kind = SPK_EXPR_OUTER;
	(*out)->outer = t->number;
	return SPK_OK;
}

static spk_status to_right_expr(struct spk_expr **e, void *user, spk_error *err)
{
	struct to_right *t = user;

	return spk_expr_rewrite(t->w->b->arena, *e, to_right_leaf, user, e, err);
}

static spk_status to_right_outers(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	return e->kind == SPK_EXPR_OUTER ? to_right_leaf(e, user, out, err) : SPK_OK;
}

static spk_status to_right_plan_expr(struct spk_expr **e, void *user, spk_error *err)
{
	struct to_right *t = user;

	return spk_expr_rewrite(t->w->b->arena, *e, to_right_outers, user, e, err);
}

static spk_status to_right_plan(struct spk_logical *l, struct to_right *t, spk_error *err)
{
	SPK_TRY(spk_logical_each_expr(l, to_right_plan_expr, t, err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(to_right_plan(l->input[i], t, err));
	return SPK_OK;
}

/* --- a subquery in the condition of a RIGHT or FULL JOIN --- */

/* Which sides' columns it takes, over left ++ right; both, if it takes what another subquery gives. */
struct sides { struct spk_arena *arena; int left, number, own; bool uses[2]; };

static spk_status note_side(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	struct sides *s = user;

	(void)out, (void)err;
	if (s->number ? e->kind == SPK_EXPR_OUTER && e->outer == s->number : e->kind == SPK_EXPR_COLUMN)
		s->uses[e->column >= s->left] = true;
	if (e->kind == SPK_EXPR_OUTER && e->outer < 0 && -e->outer != s->own)
		s->uses[0] = s->uses[1] = true;
	return SPK_OK;
}

static spk_status note_sides(struct spk_expr **e, void *user, spk_error *err)
{
	struct sides *s = user;
	struct spk_expr *same;

	return spk_expr_rewrite(s->arena, *e, note_side, s, &same, err);
}

static spk_status note_plan_sides(struct spk_logical *l, struct sides *s, spk_error *err)
{
	SPK_TRY(spk_logical_each_expr(l, note_sides, s, err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(note_plan_sides(l->input[i], s, err));
	return SPK_OK;
}

/* From the join's columns to those of its wider sides, and from subqueries to what they gave there. */
struct to_sides { struct join *w; const struct spk_sublinks *sublinks; const bool *right; int left, wide; };

static spk_status to_sides_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	const struct to_sides *t = user;
	const bool sublink = e->kind == SPK_EXPR_OUTER && e->outer < 0;

	if (e->kind != SPK_EXPR_COLUMN && !sublink)
		return SPK_OK;
	SPK_TRY_PTR(*out = spk_arena_copy(t->w->b->arena, e, sizeof *e), err);
	(*out)->kind = SPK_EXPR_COLUMN;
	if (sublink)
		(*out)->column += t->sublinks->sublink[-e->outer - 1].column + (t->right[-e->outer - 1] ? t->wide : 0);
	else if (e->column >= t->left)
		(*out)->column += t->wide - t->left;
	return SPK_OK;
}

static spk_status find_sides(struct join *w, struct spk_sublinks *s, int id, bool uses[2], spk_error *err)
{
	struct spk_sublink *link = &s->sublink[id - 1];
	const int left = w->left.plan->schema->count;
	struct sides own = { .arena = w->b->arena, .left = left, .own = id }, below = { .arena = w->b->arena, .left = left, .number = link->number };

	if (link->condition)
		SPK_TRY(note_sides(&link->condition, &own, err));
	SPK_TRY(note_plan_sides(link->plan, &below, err));
	uses[0] = own.uses[0] || below.uses[0];
	uses[1] = own.uses[1] || below.uses[1];
	return SPK_OK;
}

/* Whether a subquery looks at both sides; else right[i]: subquery i looks at the right one. */
static spk_status look_at_both(struct join *w, struct spk_sublinks *s, bool *right, bool *both, spk_error *err)
{
	*both = false;
	for (int i = 0; i < s->count; i++) {
		bool uses[2];

		SPK_TRY(find_sides(w, s, i + 1, uses, err));
		right[i] = uses[1];
		*both = *both || (uses[0] && uses[1]);
	}
	return SPK_OK;
}

/* Joins the subquery to the one side that it looks at. */
static spk_status attach_to_side(struct join *w, struct spk_sublinks *s, int id, bool right, spk_error *err)
{
	struct spk_logical *join = w->both.plan;
	struct spk_sublink *link = &s->sublink[id - 1];
	struct to_right t = { .w = w, .left = w->left.plan->schema->count };
	struct spk_expr *stand_in = spk_expr_outer(w->b->arena, -id, 0, &link->plan->schema->field[0]);

	SPK_TRY_PTR(stand_in, err);
	if (right && link->condition)
		SPK_TRY(to_right_expr(&link->condition, &t, err));
	t.sublink = link->number;
	if (right)
		SPK_TRY(to_right_plan(link->plan, &t, err));
	return spk_sublinks_attach(w->b, s, &join->input[right], &stand_in, err);
}

static spk_status join_wide_sides(struct join *w, struct spk_sublinks *s, const bool *right, struct spk_expr *on, spk_error *err)
{
	struct spk_logical *join = w->both.plan;
	const struct spk_schema *narrow = join->schema;
	struct to_sides t = { .w = w, .sublinks = s, .right = right, .left = w->left.plan->schema->count };
	struct spk_schema *schema;
	struct spk_expr **expr = SPK_NEW_ARRAY(w->b->arena, struct spk_expr *, narrow->count + 1);
	int rights;

	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < s->count; i++)
		SPK_TRY(attach_to_side(w, s, i + 1, right[i], err));
	t.wide = join->input[0]->schema->count;
	rights = join->input[1]->schema->count;
	SPK_TRY_PTR(schema = spk_schema_new(w->b->arena, t.wide + rights), err);
	for (int i = 0; i < schema->count; i++) {
		schema->field[i] = i < t.wide ? join->input[0]->schema->field[i] : join->input[1]->schema->field[i - t.wide];
		schema->field[i].nullable = true;
	}
	SPK_TRY(spk_expr_rewrite(w->b->arena, on, to_sides_leaf, &t, &join->filter, err));
	join->schema = schema;
	for (int i = 0; i < narrow->count; i++)
		SPK_TRY_PTR(expr[i] = spk_expr_column(w->b->arena, i < t.left ? i : i - t.left + t.wide, &narrow->field[i]), err);
	SPK_TRY_PTR(w->both.plan = spk_binder_project(w->b, join, expr, narrow), err);
	return SPK_OK;
}

/* The rows of the one side filtered by the condition, which looks at a row of the other; `t` leads there. */
static spk_status filter_side(struct join *w, struct spk_sublinks *s, struct spk_expr *on, struct to_right *t, struct spk_logical **side, spk_error *err)
{
	const struct spk_schema *columns = (*side)->schema;

	SPK_TRY(to_right_expr(&on, t, err));
	for (int i = 0; i < s->count; i++) {
		struct spk_sublink *link = &s->sublink[i];

		t->sublink = 0;
		if (link->condition)
			SPK_TRY(to_right_expr(&link->condition, t, err));
		t->sublink = link->number;
		SPK_TRY(to_right_plan(link->plan, t, err));
	}
	SPK_TRY(spk_sublinks_filter(w->b, s, side, on, err));
	return spk_binder_first_columns(w->b, columns, side, err);
}

/* a RIGHT JOIN b is b LEFT JOIN a, with the columns put back. */
static spk_status swap_sides(struct join *w, spk_error *err)
{
	struct spk_logical *join = w->both.plan, *left = join->input[1];
	const struct spk_schema *narrow = join->schema;
	const int lefts = left->schema->count, rights = narrow->count - lefts;
	struct spk_schema *schema = spk_schema_new(w->b->arena, narrow->count);
	struct spk_expr **expr = SPK_NEW_ARRAY(w->b->arena, struct spk_expr *, narrow->count + 1);

	SPK_TRY_PTR(schema && expr, err);
	join->input[1] = join->input[0];
	join->input[0] = left;
	join->join = SPK_JOIN_LEFT;
	join->schema = schema;
	for (int i = 0; i < narrow->count; i++)
		schema->field[i] = narrow->field[i < lefts ? rights + i : i - lefts];
	for (int i = 0; i < narrow->count; i++)
		SPK_TRY_PTR(expr[i] = spk_expr_column(w->b->arena, i < rights ? lefts + i : i - rights, &narrow->field[i]), err);
	SPK_TRY_PTR(w->both.plan = spk_binder_project(w->b, join, expr, narrow), err);
	return SPK_OK;
}

/*
 * A condition with subqueries. For an inner join it is a filter over it. For a left one it filters the right side, row by row of the left:
 * LEFT JOIN LATERAL (SELECT ... WHERE condition) ON true; for a right one the left side, where a subquery looks at both.
 */
static spk_status join_by_subquery(struct join *w, struct spk_sublinks *s, struct spk_expr *on, spk_error *err)
{
	struct spk_logical *join = w->both.plan;
	struct to_right t = { .w = w, .left = join->input[0]->schema->count, .swapped = w->type == SPK_JOIN_RIGHT };
	bool *right = SPK_NEW_ARRAY(w->b->arena, bool, s->count), both;

	SPK_TRY_PTR(right, err);
	if (w->type == SPK_JOIN_INNER)
		return spk_sublinks_filter(w->b, s, &w->both.plan, on, err);
	SPK_TRY(look_at_both(w, s, right, &both, err));
	if (w->type != SPK_JOIN_LEFT && !both)
		return join_wide_sides(w, s, right, on, err);
	if (w->type == SPK_JOIN_FULL)
		return spk_binder_unsupported(w->b, spk_node_location(w->j->quals), "a subquery that looks at both sides in the condition of a FULL JOIN", err);
	t.number = join->dependent ? join->dependent : ++*w->b->dependents;
	SPK_TRY(filter_side(w, s, on, &t, &join->input[!t.swapped], err));
	join->dependent = t.number;
	return t.swapped ? swap_sides(w, err) : SPK_OK;
}

static spk_status bind_on(struct join *w, const PgQuery__Node *quals, spk_error *err)
{
	struct spk_exprs x = { .b = w->b, .scope = &w->both, .clause = "JOIN conditions" };
	struct spk_sublinks sublinks = { 0 }, *around = w->b->sublinks;
	struct spk_expr *on;
	spk_status status;

	w->b->sublinks = &sublinks;
	status = spk_binder_expr(&x, quals, &on, err);
	w->b->sublinks = around;
	SPK_TRY(status);
	SPK_TRY(spk_binder_boolean(w->b, "JOIN/ON", spk_node_location(quals), &on, err));
	if (sublinks.count)
		return join_by_subquery(w, &sublinks, on, err);
	SPK_TRY(spk_binder_join_windows(w->b, w->both.plan, &on, err));
	w->both.plan->filter = on;
	return SPK_OK;
}

/* --- USING and NATURAL --- */

/* The columns of a side that can be named alone: how many are called `name`, one of them in *range and *column. */
static int find_using(const struct spk_scope *s, const char *name, const struct spk_range **range, int *column)
{
	int found = 0;

	for (int exact = 1; exact >= 0 && !found; exact--)
		for (int k = 0; k < s->count; k++) {
			const struct spk_range *r = &s->range[k];

			for (int i = 0; !r->hidden_columns && i < r->schema->count; i++) {
				if (!spk_name_fits(r->schema->field[i].name, name, exact))
					continue;
				*range = r;
				*column = i;
				found++;
			}
		}
	return found;
}

static spk_status using_column(const struct join *w, const struct spk_scope *side, const char *which, const char *name, int *at, const char **spelt, spk_error *err)
{
	const struct spk_range *range = NULL;
	int column = 0, found = find_using(side, name, &range, &column);

	if (found == 1) {
		*at = spk_range_at(range, column);
		*spelt = range->schema->field[column].name;
		return SPK_OK;
	}
	if (found)
		return spk_binder_fail(w->b, w->location, SPK_BIND, err, "common column name \"%s\" appears more than once in %s table", name, which);
	return spk_binder_fail(w->b, w->location, SPK_BIND, err, "column \"%s\" specified in USING clause does not exist in %s table", name, which);
}

/* NATURAL: the names that both sides have, in the left one's order. */
static spk_status natural_names(struct join *w, spk_error *err)
{
	const struct spk_range *range;
	int columns = 0, column;

	for (int k = 0; k < w->left.count; k++)
		columns += w->left.range[k].schema->count;
	SPK_TRY_PTR(w->name = SPK_NEW_ARRAY(w->b->arena, const char *, columns + 1), err);
	for (int k = 0; k < w->left.count; k++) {
		const struct spk_range *r = &w->left.range[k];

		for (int i = 0; !r->hidden_columns && i < r->schema->count; i++)
			if (find_using(&w->right, r->schema->field[i].name, &range, &column))
				w->name[w->names++] = r->schema->field[i].name;
	}
	return SPK_OK;
}

static spk_status using_names(struct join *w, spk_error *err)
{
	if (w->j->is_natural)
		return natural_names(w, err);
	SPK_TRY_PTR(w->name = SPK_NEW_ARRAY(w->b->arena, const char *, w->j->n_using_clause + 1), err);
	for (size_t i = w->asof; i < w->j->n_using_clause; i++) {
		const char *name = spk_node_string(w->j->using_clause[i]);

		for (int k = 0; k < w->names; k++)
			if (strcmp(w->name[k], name) == 0)
				return spk_binder_fail(w->b, w->location, SPK_BIND, err, "column name \"%s\" appears more than once in USING clause", name);
		w->name[w->names++] = name;
	}
	return SPK_OK;
}

/* left = right of column i (of an ASOF join's last one >=), and the one column that stands for both in *merged. */
static spk_status merge_column(struct join *w, int i, struct spk_expr **equal, struct spk_expr **merged, spk_error *err)
{
	const struct spk_schema *in = w->both.plan->schema;
	struct spk_expr *pair[2] = { spk_expr_column(w->b->arena, w->left_at[i], &in->field[w->left_at[i]]), spk_expr_column(w->b->arena, w->right_at[i], &in->field[w->right_at[i]]) };
	const bool nearest = w->asof && i == w->names - 1;
	int position = spk_binder_at(w->b, w->location);
	struct spk_expr *cast[2];
	struct spk_type type;

	SPK_TRY_PTR(pair[0] && pair[1], err);
	if (spk_expr_common_type(pair[0]->type, pair[1]->type, &type, position, err) != SPK_OK) {
		char l[64], r[64];

		return spk_binder_fail(w->b, w->location, SPK_BIND, err, "JOIN/USING types %s and %s cannot be matched",
			spk_type_format_bare(pair[0]->type, l, sizeof l), spk_type_format_bare(pair[1]->type, r, sizeof r));
	}
	SPK_TRY(spk_binder_call(w->b, nearest ? ">=" : "=", pair, 2, w->location, equal, err));
	for (int k = 0; k < 2; k++)
		SPK_TRY(spk_expr_cast(w->b->arena, pair[k], type, true, position, &cast[k], err));
	if (w->type == SPK_JOIN_FULL)
		return spk_expr_make(w->b->arena, SPK_EXPR_COALESCE, cast, 2, false, position, merged, err);
	if (w->type == SPK_JOIN_RIGHT)
		*merged = cast[1];
	else
		*merged = w->type == SPK_JOIN_INNER && !nearest && cast[0] != pair[0] && cast[1] == pair[1] ? cast[1] : cast[0];
	return SPK_OK;
}

/* Columns that are neither side's come behind all others. */
static spk_status place_merged(struct join *w, struct spk_expr *const *merged, spk_error *err)
{
	struct spk_logical *join = w->both.plan;
	struct spk_schema *schema = spk_schema_new(w->b->arena, join->schema->count + w->names);
	struct spk_expr **expr = SPK_NEW_ARRAY(w->b->arena, struct spk_expr *, join->schema->count + w->names + 1);
	int n = join->schema->count;

	SPK_TRY_PTR(schema && expr, err);
	for (int i = 0; i < n; i++) {
		schema->field[i] = join->schema->field[i];
		SPK_TRY_PTR(expr[i] = spk_expr_column(w->b->arena, i, &schema->field[i]), err);
	}
	for (int i = 0; i < w->names; i++) {
		if (merged[i]->kind == SPK_EXPR_COLUMN) {
			w->at[i] = merged[i]->column;
			continue;
		}
		w->at[i] = n;
		expr[n] = merged[i];
		schema->field[n++] = (struct spk_field){ w->name[i], merged[i]->type, merged[i]->nullable };
	}
	schema->count = n;
	if (n == join->schema->count)
		return SPK_OK;
	w->both.plan = spk_binder_project(w->b, join, expr, schema);
	SPK_TRY_PTR(w->both.plan, err);
	w->both.plan->position = join->position;
	return SPK_OK;
}

static spk_status bind_using(struct join *w, spk_error *err)
{
	struct spk_expr **equal, **merged;

	SPK_TRY(using_names(w, err));
	w->left_at = SPK_NEW_ARRAY(w->b->arena, int, w->names + 1);
	w->right_at = SPK_NEW_ARRAY(w->b->arena, int, w->names + 1);
	w->at = SPK_NEW_ARRAY(w->b->arena, int, w->names + 1);
	equal = SPK_NEW_ARRAY(w->b->arena, struct spk_expr *, w->names + 1);
	merged = SPK_NEW_ARRAY(w->b->arena, struct spk_expr *, w->names + 1);
	SPK_TRY_PTR(w->left_at && w->right_at && w->at && equal && merged, err);
	for (int i = 0; i < w->names; i++) {
		const char *name = w->name[i], *ignored;

		SPK_TRY(using_column(w, &w->left, "left", name, &w->left_at[i], &w->name[i], err));
		SPK_TRY(using_column(w, &w->right, "right", name, &w->right_at[i], &ignored, err));
		w->right_at[i] += w->left.plan->schema->count;
		SPK_TRY(merge_column(w, i, &equal[i], &merged[i], err));
	}
	if (w->names)
		SPK_TRY(spk_expr_make(w->b->arena, SPK_EXPR_AND, equal, w->names, false, equal[0]->position, &w->both.plan->filter, err));
	if (w->asof)
		SPK_TRY(spk_binder_asof(w->b, w->both.plan, w->location, err));
	return place_merged(w, merged, err);
}

/* --- what the join shows --- */

static bool is_merged(const struct join *w, int at)
{
	for (int i = 0; i < w->names; i++)
		if (w->left_at[i] == at || w->right_at[i] == at)
			return true;
	return false;
}

/* Adds a side's columns that can be named alone to the join's own range. */
static void show_side(const struct join *w, int from, int count, struct spk_schema *schema, int *at)
{
	for (int k = from; k < from + count; k++) {
		const struct spk_range *r = &w->both.range[k];

		for (int i = 0; !r->hidden_columns && i < r->schema->count; i++) {
			int place = spk_range_at(r, i);

			if (is_merged(w, place))
				continue;
			at[schema->count] = place;
			schema->field[schema->count++] = r->schema->field[i];
		}
	}
}

static spk_status show(struct join *w, spk_error *err)
{
	const struct spk_schema *in = w->both.plan->schema;
	const char *alias = w->j->alias && w->j->alias->aliasname && *w->j->alias->aliasname ? w->j->alias->aliasname : NULL;
	struct spk_range *own;
	struct spk_schema *schema;
	int *at, sides = w->both.count, capacity = w->names;

	for (int k = 0; k < sides; k++)
		capacity += w->both.range[k].schema->count;
	schema = spk_schema_new(w->b->arena, capacity);
	at = SPK_NEW_ARRAY(w->b->arena, int, capacity + 1);
	SPK_TRY_PTR(schema && at, err);
	schema->count = w->names;
	for (int i = 0; i < w->names; i++) {
		at[i] = w->at[i];
		schema->field[i] = in->field[w->at[i]];
		schema->field[i].name = w->name[i];
	}
	show_side(w, 0, w->left.count, schema, at);
	show_side(w, w->left.count, w->right.count, schema, at);
	for (int k = 0; k < sides; k++) {
		w->both.range[k].hidden_columns = true;
		w->both.range[k].hidden_name = w->both.range[k].hidden_name || alias;
	}
	own = &w->both.range[w->both.count++];
	*own = (struct spk_range){ .alias = alias, .schema = schema, .at = at };
	return alias && w->j->alias->n_colnames ? spk_binder_rename(w->b, w->j->alias, "join expression", w->location, own, err) : SPK_OK;
}

/* USING (...) AS name: the merged columns under a name of their own. */
static spk_status show_using(struct join *w, spk_error *err)
{
	const PgQuery__Alias *alias = w->j->join_using_alias;
	struct spk_range *r = &w->both.range[w->both.count];
	struct spk_schema *schema;

	if (!alias || !alias->aliasname || !*alias->aliasname)
		return SPK_OK;
	for (int k = 0; k < w->both.count; k++)
		if (w->both.range[k].alias && !w->both.range[k].hidden_name && strcmp(w->both.range[k].alias, alias->aliasname) == 0)
			return spk_binder_fail(w->b, w->location, SPK_BIND, err, "table name \"%s\" specified more than once", alias->aliasname);
	schema = spk_schema_new(w->b->arena, w->names);
	SPK_TRY_PTR(schema, err);
	for (int i = 0; i < w->names; i++) {
		schema->field[i] = w->both.plan->schema->field[w->at[i]];
		schema->field[i].name = w->name[i];
	}
	*r = (struct spk_range){ .alias = alias->aliasname, .schema = schema, .at = w->at, .hidden_columns = true };
	w->both.count++;
	return SPK_OK;
}

spk_status spk_binder_join(struct spk_binder *b, const PgQuery__JoinExpr *j, struct spk_scope *out, spk_error *err)
{
	struct join w = { .b = b, .j = j, .type = join_type(j->jointype), .location = spk_node_location(j->rarg) };
	const PgQuery__Node *asof = spk_asof_condition(j->quals);

	w.asof = spk_asof_using(j);
	SPK_TRY(bind_left(&w, err));
	SPK_TRY(bind_right(&w, j->rarg, err));
	if (j->is_natural || j->n_using_clause)
		SPK_TRY(bind_using(&w, err));
	else if (j->quals)
		SPK_TRY(bind_on(&w, asof ? asof : j->quals, err));
	if (asof)
		SPK_TRY(spk_binder_asof(b, w.both.plan, spk_node_location(asof), err));
	if (spk_is_as_of(j->rarg))
		SPK_TRY(spk_binder_as_of(b, j->rarg, &w.left, w.both.plan, err));
	SPK_TRY(show(&w, err));
	SPK_TRY(show_using(&w, err));
	*out = w.both;
	return SPK_OK;
}
