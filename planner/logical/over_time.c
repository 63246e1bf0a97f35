/*
 * Window functions in the order of event time. Where rows are only added, and frames look back alone, a row's values are known when the watermark has passed its time.
 */
#include "planner/logical/logical.h"

static bool looks_back(const struct spk_window_call *c)
{
	switch (c->function) {
	case SPK_WINDOW_FUNCTION_ROW_NUMBER:
	case SPK_WINDOW_FUNCTION_RANK:
	case SPK_WINDOW_FUNCTION_DENSE_RANK:
	case SPK_WINDOW_FUNCTION_LAG:
		return true;
	case SPK_WINDOW_FUNCTION_PERCENT_RANK:  /* these ask how many rows there are */
	case SPK_WINDOW_FUNCTION_CUME_DIST:
	case SPK_WINDOW_FUNCTION_NTILE:
	case SPK_WINDOW_FUNCTION_LEAD:
		return false;
	case SPK_WINDOW_FUNCTION_AGGREGATE:
	case SPK_WINDOW_FUNCTION_FIRST_VALUE:
	case SPK_WINDOW_FUNCTION_LAST_VALUE:
	case SPK_WINDOW_FUNCTION_NTH_VALUE:
		break;
	}
	return c->frame.end == SPK_FRAME_PRECEDING || c->frame.end == SPK_FRAME_CURRENT;
}

/* lag(x, 2): a constant that is not negative, or none, which is 1. */
static bool lag_back(const struct spk_window_call *c, int64_t *rows)
{
	const struct spk_expr *e = c->args > 1 ? c->arg[1] : NULL;

	*rows = 1;
	if (!e)
		return true;
	if (e->kind != SPK_EXPR_CONSTANT || e->value.null || (e->type.id != SPK_TYPE_INTEGER && e->type.id != SPK_TYPE_BIGINT))
		return false;
	*rows = e->type.id == SPK_TYPE_INTEGER ? e->value.i32 : e->value.i64;
	return *rows >= 0;
}

/* What rows of a partition are ordered by first: it itself does not order them. */
static const struct spk_sort_key *first_key(const struct spk_logical *l)
{
	for (int i = 0; i < l->sort_count; i++) {
		bool partition = false;

		for (int k = 0; k < l->expr_count; k++)
			partition = partition || spk_expr_same(l->expr[k], l->sort[i].expr);
		if (!partition)
			return &l->sort[i];
	}
	return NULL;
}

int spk_over_time_column(const struct spk_logical *l)
{
	const struct spk_properties *in = &l->input[0]->properties;
	const struct spk_sort_key *first = first_key(l);
	int64_t rows;

	if (!first || !in->append_only || first->expr->kind != SPK_EXPR_COLUMN || first->descending || first->nulls_first)
		return -1;
	if (in->time_column < 0 || (first->expr->column != in->time_column && first->expr->column != in->other.time))
		return -1;
	for (int i = 0; i < l->calls; i++)
		if (!looks_back(&l->call[i]) || (l->call[i].function == SPK_WINDOW_FUNCTION_LAG && !lag_back(&l->call[i], &rows)))
			return -1;
	return first->expr->column;
}

/* --- how far --- */

/* key - interval, in microseconds; -1: it is something else, or has months. */
static int64_t distance(const struct spk_expr *edge)
{
	const struct spk_expr *e = edge;
	const struct spk_interval *interval;
	int64_t us;

	while (e->kind == SPK_EXPR_CAST)
		e = e->arg[0];
	if (e->kind != SPK_EXPR_CALL || e->args != 2 || e->arg[1]->kind != SPK_EXPR_CONSTANT || e->arg[1]->type.id != SPK_TYPE_INTERVAL || e->arg[1]->value.null)
		return -1;
	interval = &e->arg[1]->value.interval;
	if (interval->months || interval->days < 0 || interval->micros < 0 || __builtin_mul_overflow((int64_t)interval->days, 86400000000, &us) || __builtin_add_overflow(us, interval->micros, &us))
		return -1;
	return us;
}

static bool reach_of(const struct spk_window_call *c, struct spk_over_reach *reach)
{
	const struct spk_window_frame *f = &c->frame;
	int64_t back;

	if (c->function == SPK_WINDOW_FUNCTION_LAG && lag_back(c, &back)) {
		reach->rows = SPK_MAX(reach->rows, back);
		return true;
	}
	if (c->function == SPK_WINDOW_FUNCTION_ROW_NUMBER || c->function == SPK_WINDOW_FUNCTION_RANK || c->function == SPK_WINDOW_FUNCTION_DENSE_RANK)
		return false;
	if (f->start == SPK_FRAME_CURRENT)
		return true;  /* its peers have its time: they come with it */
	if (f->start != SPK_FRAME_PRECEDING || f->mode == SPK_FRAME_GROUPS)
		return false;
	if (f->mode == SPK_FRAME_RANGE) {
		back = distance(f->start_edge);
		reach->time_us = SPK_MAX(reach->time_us, back);
		return back >= 0;
	}
	if (f->start_offset->kind != SPK_EXPR_CONSTANT || f->start_offset->type.id != SPK_TYPE_BIGINT || f->start_offset->value.null || f->start_offset->value.i64 < 0)
		return false;
	reach->rows = SPK_MAX(reach->rows, f->start_offset->value.i64);
	return true;
}

bool spk_over_runs(const struct spk_logical *l)
{
	for (int i = 0; i < l->calls; i++) {
		const struct spk_window_call *c = &l->call[i];
		const bool numbers = c->function == SPK_WINDOW_FUNCTION_ROW_NUMBER || c->function == SPK_WINDOW_FUNCTION_RANK || c->function == SPK_WINDOW_FUNCTION_DENSE_RANK;
		const bool goes_on = c->function == SPK_WINDOW_FUNCTION_AGGREGATE && !c->aggregate.distinct && c->aggregate.step == c->aggregate.aggregate && c->aggregate.aggregate->merge;

		if (!numbers && (!goes_on || c->frame.mode == SPK_FRAME_GROUPS || c->frame.start != SPK_FRAME_FIRST || c->frame.end != SPK_FRAME_CURRENT || c->frame.exclude != SPK_EXCLUDE_NONE))
			return false;
	}
	return true;
}

struct spk_over_reach spk_over_reach_of(const struct spk_logical *l)
{
	struct spk_over_reach reach = { .rows = 0, .time_us = -1 };

	for (int i = 0; i < l->calls; i++)
		if (!reach_of(&l->call[i], &reach))
			return (struct spk_over_reach){ .rows = -1, .time_us = -1 };
	return reach;
}
