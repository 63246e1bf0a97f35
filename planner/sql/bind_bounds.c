/*
 * Windows as values: a record (start, end) that a query with a window in GROUP BY gives, and that queries around it group by, partition by or join by.
 * What closes with a window is known by its bounds as columns, so these go along beside the record, behind the columns that a query in FROM shows,
 * and stand in its place in keys.
 *
 * Event times likewise: a window whose time is not said goes by the watermark of the one table below, whether or not a subquery shows that column.
 */
#include "planner/sql/bind.h"

#include <string.h>

#include "core/expr/function.h"

static bool is_bound_type(struct spk_type t) { return t.id == SPK_TYPE_TIMESTAMP || t.id == SPK_TYPE_TIMESTAMPTZ; }

static bool is_window_type(struct spk_type t)
{
	const struct spk_schema *s = t.id == SPK_TYPE_ROW ? t.children : NULL;

	return s && s->count == 2 && is_bound_type(s->field[0].type) && is_bound_type(s->field[1].type) && strcmp(s->field[0].name, "start") == 0 && strcmp(s->field[1].name, "end") == 0;
}

/* A record that is made of two columns here. */
static bool is_made(const struct spk_expr *e)
{
	return e->kind == SPK_EXPR_CALL && is_window_type(e->type) && strcmp(e->function->name, "row of") == 0 && e->arg[0]->kind == SPK_EXPR_COLUMN && e->arg[1]->kind == SPK_EXPR_COLUMN;
}

static int find_output(struct spk_expr *const *expr, int count, int column)
{
	for (int i = 0; i < count; i++)
		if (expr[i]->kind == SPK_EXPR_COLUMN && expr[i]->column == column)
			return i;
	return -1;
}

static bool find_bounds(const struct spk_logical *l, int column, int at[2]);

/* Where the bounds of such an expression over the input are among `expr`. */
static bool outputs_of(const struct spk_logical *l, const struct spk_expr *e, struct spk_expr *const *expr, int count, int at[2])
{
	int below[2] = { -1, -1 };

	if (is_made(e))
		memcpy(below, (int[2]){ e->arg[0]->column, e->arg[1]->column }, sizeof below);
	else if (e->kind != SPK_EXPR_COLUMN || !find_bounds(l->input[0], e->column, below))
		return false;
	for (int i = 0; i < 2; i++)
		at[i] = find_output(expr, count, below[i]);
	return at[0] >= 0 && at[1] >= 0;
}

/* The columns of a node that are the bounds of the record in another. */
static bool find_bounds(const struct spk_logical *l, int column, int at[2])
{
	int left;

	if (column >= l->schema->count || !is_window_type(l->schema->field[column].type))
		return false;
	switch (l->kind) {
	case SPK_LOGICAL_PROJECT:
		return outputs_of(l, l->expr[column], l->expr, l->expr_count, at);
	case SPK_LOGICAL_AGGREGATE:
		return column < l->expr_count && outputs_of(l, l->expr[column], l->expr, l->expr_count, at);
	case SPK_LOGICAL_FILTER:
	case SPK_LOGICAL_OVER:
	case SPK_LOGICAL_WINDOW:
		return column < l->input[0]->schema->count && find_bounds(l->input[0], column, at);
	case SPK_LOGICAL_JOIN:
		left = l->input[0]->schema->count;
		if (column < left)
			return find_bounds(l->input[0], column, at);
		if (l->inputs < 2 || !find_bounds(l->input[1], column - left, at))
			return false;
		at[0] += left;
		at[1] += left;
		return true;
	default:
		return false;
	}
}

/* The bounds of an output of a PROJECT, over its input; false: it is no window, or shows them anyway. */
static bool missing_bounds(const struct spk_logical *l, int output, int at[2])
{
	const struct spk_expr *e = l->expr[output];
	int shown[2];

	if (!is_window_type(e->type) || find_bounds(l, output, shown))
		return false;
	if (e->kind == SPK_EXPR_COLUMN)
		return find_bounds(l->input[0], e->column, at);
	if (is_made(e))
		memcpy(at, (int[2]){ e->arg[0]->column, e->arg[1]->column }, sizeof(int[2]));
	return is_made(e);
}

/* `l` with columns of its input, by number, behind its own. */
static spk_status append_columns(const struct spk_binder *b, const struct spk_logical *l, const int *column, int more, struct spk_logical **out, spk_error *err)
{
	struct spk_schema *schema = spk_schema_new(b->arena, l->schema->count + more);
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, l->expr_count + more + 1);

	SPK_TRY_PTR(schema && expr, err);
	memcpy(schema->field, l->schema->field, sizeof *schema->field * (size_t)l->schema->count);
	if (l->expr_count)
		memcpy(expr, l->expr, sizeof *expr * (size_t)l->expr_count);
	for (int i = 0; i < more; i++) {
		const struct spk_field *f = &l->input[0]->schema->field[column[i]];

		schema->field[l->schema->count + i] = *f;
		SPK_TRY_PTR(expr[l->expr_count + i] = spk_expr_column(b->arena, column[i], f), err);
	}
	SPK_TRY_PTR(*out = spk_arena_copy(b->arena, l, sizeof *l), err);
	(*out)->schema = schema;
	(*out)->expr = expr;
	(*out)->expr_count = l->expr_count + more;
	return SPK_OK;
}

spk_status spk_binder_show_bounds(const struct spk_binder *b, struct spk_scope *scope, spk_error *err)
{
	const struct spk_logical *l = scope->plan;
	int *column, more = 0;

	if (!l || l->kind != SPK_LOGICAL_PROJECT)
		return SPK_OK;
	SPK_TRY_PTR(column = SPK_NEW_ARRAY(b->arena, int, 2 * l->expr_count + 1), err);
	for (int i = 0; i < l->expr_count; i++)
		more += missing_bounds(l, i, &column[more]) ? 2 : 0;
	return more ? append_columns(b, l, column, more, &scope->plan, err) : SPK_OK;
}

spk_status spk_binder_window_bounds(const struct spk_binder *b, const struct spk_logical *plan, const struct spk_expr *e, struct spk_expr *bound[2], bool *found, spk_error *err)
{
	int at[2];

	*found = is_made(e) || (e->kind == SPK_EXPR_COLUMN && plan && find_bounds(plan, e->column, at));
	for (int i = 0; *found && i < 2; i++) {
		bound[i] = is_made(e) ? e->arg[i] : spk_expr_column(b->arena, at[i], &plan->schema->field[at[i]]);
		SPK_TRY_PTR(bound[i], err);
	}
	return SPK_OK;
}

/* --- keys --- */

spk_status spk_binder_open_windows(const struct spk_binder *b, const struct spk_logical *plan, struct spk_expr ***expr, int *count, spk_error *err)
{
	struct spk_expr **made = SPK_NEW_ARRAY(b->arena, struct spk_expr *, 2 * *count + 1), *bound[2];
	int n = 0;

	SPK_TRY_PTR(made, err);
	for (int i = 0; i < *count; i++) {
		bool found = false;

		SPK_TRY(spk_binder_window_bounds(b, plan, (*expr)[i], bound, &found, err));
		made[n++] = found ? bound[0] : (*expr)[i];
		if (found)
			made[n++] = bound[1];
	}
	*expr = made;
	*count = n;
	return SPK_OK;
}

spk_status spk_binder_join_windows(const struct spk_binder *b, const struct spk_logical *plan, struct spk_expr **on, spk_error *err)
{
	struct spk_expr *side[2][2], *equal[2], *e = *on;
	bool found[2] = { false, false };

	if (e->kind == SPK_EXPR_AND) {
		SPK_TRY_PTR(e = spk_arena_copy(b->arena, e, sizeof *e), err);
		SPK_TRY_PTR(e->arg = spk_arena_copy(b->arena, e->arg, sizeof *e->arg * (size_t)e->args), err);
		for (int i = 0; i < e->args; i++)
			SPK_TRY(spk_binder_join_windows(b, plan, &e->arg[i], err));
		*on = e;
		return SPK_OK;
	}
	if (e->kind != SPK_EXPR_CALL || e->args != 2 || strcmp(e->function->name, "=") != 0)
		return SPK_OK;
	for (int i = 0; i < 2; i++)
		SPK_TRY(spk_binder_window_bounds(b, plan, e->arg[i], side[i], &found[i], err));
	if (!found[0] || !found[1])
		return SPK_OK;
	for (int i = 0; i < 2; i++) {
		struct spk_expr *pair[2] = { side[0][i], side[1][i] };

		SPK_TRY(spk_binder_call(b, "=", pair, 2, -1, &equal[i], err));
	}
	return spk_expr_make(b->arena, SPK_EXPR_AND, equal, 2, false, e->position, on, err);
}

/* --- event times that a subquery does not show --- */

/* All inputs have their event time in one place: as a column of theirs, or behind them all. */
static spk_status show_times(const struct spk_binder *b, struct spk_logical **plan, int *column, spk_error *err)
{
	struct spk_logical *l, **input = SPK_NEW_ARRAY(b->arena, struct spk_logical *, (*plan)->inputs);
	int at = -1, each = -1;

	SPK_TRY_PTR(input, err);
	for (int i = 0; i < (*plan)->inputs; i++) {
		input[i] = (*plan)->input[i];
		SPK_TRY(spk_binder_show_time(b, &input[i], &each, err));
		if (each < 0 || (i && each != at) || (i && input[i]->schema->count != input[0]->schema->count))
			return SPK_OK;
		at = each;
	}
	SPK_TRY_PTR(l = spk_arena_copy(b->arena, *plan, sizeof *l), err);
	l->input = input;
	if (at >= l->schema->count) {
		struct spk_schema *schema = spk_schema_new(b->arena, at + 1);

		SPK_TRY_PTR(schema, err);
		memcpy(schema->field, l->schema->field, sizeof *schema->field * (size_t)at);
		schema->field[at] = input[0]->schema->field[at];
		l->schema = schema;
	}
	*plan = l;
	*column = at;
	return SPK_OK;
}

spk_status spk_binder_show_time(const struct spk_binder *b, struct spk_logical **plan, int *column, spk_error *err)
{
	struct spk_logical *l = *plan, *input;
	int below = -1;

	*column = spk_watermark_column(l);
	if (*column < 0 && l->kind == SPK_LOGICAL_UNION)
		return show_times(b, plan, column, err);
	if (*column >= 0 || (l->kind != SPK_LOGICAL_PROJECT && l->kind != SPK_LOGICAL_FILTER))
		return SPK_OK;
	input = l->input[0];
	SPK_TRY(spk_binder_show_time(b, &input, &below, err));
	if (below < 0)
		return SPK_OK;
	SPK_TRY_PTR(l = spk_arena_copy(b->arena, l, sizeof *l), err);
	SPK_TRY_PTR(l->input = SPK_NEW(b->arena, struct spk_logical *), err);
	l->input[0] = input;
	if (l->kind == SPK_LOGICAL_FILTER) {
		l->schema = input->schema;
		*column = below;
	} else {
		SPK_TRY(append_columns(b, l, &below, 1, &l, err));
		*column = l->schema->count - 1;
	}
	*plan = l;
	return SPK_OK;
}
