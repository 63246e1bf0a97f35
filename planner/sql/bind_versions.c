/*
 * What FOR SYSTEM_TIME AS OF an event time finds versions in: a table with a key and a watermark, or a view of the newest row of each key,
 *
 *   SELECT k, x, ts FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY ts DESC) AS n FROM t) WHERE n = 1
 *
 * of whose table every row was the newest one for a while: then its rows are the versions, the view's key is theirs, and there is nothing to number. A table that is a
 * changelog gives every row that a key ever had instead of the last one.
 */
#include "planner/sql/bind.h"

#include <string.h>

#include "core/expr/function.h"
#include "planner/logical/changes.h"

static bool is_one(const struct spk_expr *e)
{
	return e->kind == SPK_EXPR_CONSTANT && !e->value.null && ((e->type.id == SPK_TYPE_INTEGER && e->value.i32 == 1) || (e->type.id == SPK_TYPE_BIGINT && e->value.i64 == 1));
}

/* The column that a condition n = 1, or n <= 1, asks for; -1: it is another one. */
static int numbered(const struct spk_expr *e)
{
	if (e->kind != SPK_EXPR_CALL || e->args != 2 || (strcmp(e->function->name, "=") != 0 && strcmp(e->function->name, "<=") != 0))
		return -1;
	return e->arg[0]->kind == SPK_EXPR_COLUMN && is_one(e->arg[1]) ? e->arg[0]->column : -1;
}

/* The node below projections, and what `column` of the uppermost one is there; -1: no column of it. */
static const struct spk_logical *below_projections(const struct spk_logical *l, int *column)
{
	for (; l->kind == SPK_LOGICAL_PROJECT; l = l->input[0])
		if (*column >= 0)
			*column = l->expr[*column]->kind == SPK_EXPR_COLUMN ? l->expr[*column]->column : -1;
	return l;
}

/* Of what is taken back it is not known since when it was valid. */
static bool is_only_added_to(const struct spk_logical *l)
{
	if (l->kind == SPK_LOGICAL_SCAN)
		return spk_table_changes(l->table) == SPK_CHANGES_NONE;
	for (int i = 0; i < l->inputs; i++)
		if (!is_only_added_to(l->input[i]))
			return false;
	return true;
}

/* Whether an OVER numbers the rows of each key, the newest first by the time that the watermark of its one table is of. */
static bool numbers_newest(const struct spk_logical *over)
{
	const struct spk_logical *in = over->input[0];

	if (over->kind != SPK_LOGICAL_OVER || over->calls != 1 || over->call->function != SPK_WINDOW_FUNCTION_ROW_NUMBER || !over->expr_count || over->sort_count != 1)
		return false;
	for (int i = 0; i < over->expr_count; i++)
		if (over->expr[i]->kind != SPK_EXPR_COLUMN)
			return false;
	return is_only_added_to(in) && over->sort[0].descending && over->sort[0].expr->kind == SPK_EXPR_COLUMN && over->sort[0].expr->column == spk_watermark_column(in);
}

/* The FILTER and the OVER of such a view; false: it is none. */
static bool find_view(const struct spk_logical *l, const struct spk_logical **filter, const struct spk_logical **over)
{
	int ignored = -1, number;

	*filter = below_projections(l, &ignored);
	if ((*filter)->kind != SPK_LOGICAL_FILTER)
		return false;
	number = numbered((*filter)->filter);
	*over = below_projections((*filter)->input[0], &number);
	return number >= 0 && numbers_newest(*over) && number == (*over)->input[0]->schema->count;
}

/* The projections of `l` over `to` instead of `from`; a column of the numbers is 1. */
static spk_status put_projections(struct spk_binder *b, const struct spk_logical *l, const struct spk_logical *from, struct spk_logical *to, int number, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *copy, *below;

	*out = to;
	if (l == from)
		return SPK_OK;
	SPK_TRY(put_projections(b, l->input[0], from, to, number, &below, err));
	SPK_TRY_PTR(copy = spk_logical_clone(b->arena, l), err);
	SPK_TRY_PTR(copy->input = spk_arena_copy(b->arena, &below, sizeof(struct spk_logical *)), err);
	SPK_TRY_PTR(copy->expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, l->expr_count + 1), err);
	for (int i = 0; i < l->expr_count; i++) {
		const struct spk_value one = { .type = spk_type(SPK_TYPE_BIGINT), .i64 = 1 };
		const bool is_number = l->input[0] == from && l->expr[i]->kind == SPK_EXPR_COLUMN && l->expr[i]->column == number;

		SPK_TRY_PTR(copy->expr[i] = is_number ? spk_expr_literal(b->arena, one) : l->expr[i], err);
	}
	*out = copy;
	return SPK_OK;
}

/* The column of the view that is column `of` of the OVER; -1: it shows none. */
static int shown(const struct spk_logical *view, int of)
{
	for (int i = 0; i < view->schema->count; i++) {
		int column = i;
		const struct spk_logical *filter = below_projections(view, &column);

		(void)below_projections(filter->input[0], &column);
		if (column == of)
			return i;
	}
	return -1;
}

static spk_status of_view(struct spk_binder *b, struct spk_logical **right, struct spk_versions *out, spk_error *err)
{
	const struct spk_logical *view = *right, *filter, *over;
	struct spk_logical *below;

	if (!find_view(view, &filter, &over))
		return SPK_OK;
	SPK_TRY_PTR(out->key = SPK_NEW_ARRAY(b->arena, int, over->expr_count), err);
	for (int i = 0; i < over->expr_count; i++)
		if ((out->key[out->keys++] = shown(view, over->expr[i]->column)) < 0)
			return SPK_OK;
	out->time = shown(view, over->sort[0].expr->column);
	if (out->time < 0)
		return SPK_OK;
	SPK_TRY(put_projections(b, filter->input[0], over, over->input[0], over->input[0]->schema->count, &below, err));
	SPK_TRY(put_projections(b, view, filter, below, -1, right, err));
	out->found = true;
	return SPK_OK;
}

spk_status spk_binder_versions(struct spk_binder *b, struct spk_logical **right, struct spk_versions *out, spk_error *err)
{
	const struct spk_table *t = (*right)->kind == SPK_LOGICAL_SCAN ? (*right)->table : NULL;

	*out = (struct spk_versions){ .time = -1 };
	if (!t)
		return of_view(b, right, out, err);
	out->found = t->time_column >= 0 && t->key_count;
	out->time = t->time_column;
	out->keys = t->key_count;
	(*right)->history = out->found && spk_table_changes(t) == SPK_CHANGES_BY_KEY;
	SPK_TRY_PTR(out->key = spk_arena_copy(b->arena, t->key, sizeof *t->key * (size_t)SPK_MAX(t->key_count, 0)), err);
	return SPK_OK;
}
