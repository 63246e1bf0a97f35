/*
 * What a join's condition says of event time: that the rows of a pair are in one window, or how far apart their times may be. What is found
 * may be wider than the condition (a month has 28 to 31 days), never narrower: it tells how long rows must be kept, the condition itself is still computed.
 */
#include "planner/logical/logical.h"

#include <string.h>

#include "core/base/check.h"
#include "core/columnar/type.h"
#include "core/expr/function.h"

static const int64_t HOUR = 3600ll * 1000000, DAY = 24ll * 3600 * 1000000;

/* Kept rows lie in buckets of a part of the time for which they are kept, but not of less than this. */
enum { PARTS = 4, BUCKET_LEAST = 1000000 };

/* A point of event time in a condition: a time column of one side, shifted by an amount from `least` to `most`. */
struct point { int side, column; int64_t least, most; };

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;

	if (a == INT64_MAX || __builtin_add_overflow(a, b, &sum))
		return INT64_MAX;
	return sum;
}

static bool is_interval(const struct spk_expr *e)
{
	return e->kind == SPK_EXPR_CONSTANT && e->type.id == SPK_TYPE_INTERVAL && !e->value.null;
}

/* What adding the interval to a time moves it by, in any month and, where the zone has other hours, on any day. */
static void shift_range(struct spk_interval v, bool zoned, int64_t *least, int64_t *most)
{
	const int64_t slack = zoned && (v.days || v.months) ? 2 * HOUR : 0;
	const int64_t fixed = (int64_t)v.days * DAY + v.micros;

	*least = fixed + (int64_t)v.months * (v.months < 0 ? 31 : 28) * DAY - slack;
	*most = fixed + (int64_t)v.months * (v.months < 0 ? 28 : 31) * DAY + slack;
}

/* Intervals beyond some centuries are none that anybody keeps rows for; what is below cannot overflow. */
static bool is_sane(struct spk_interval v)
{
	const int64_t most = 1000000 * DAY;

	return v.months > -12000 && v.months < 12000 && v.days > -1000000 && v.days < 1000000 && v.micros > -most && v.micros < most;
}

/* The end of a window will do as well: a row comes out before the watermark has passed it, or in the epoch in which that happens. */
static bool is_time_column(const struct spk_logical *l, int side, int column)
{
	const struct spk_properties *p = &l->input[side]->properties;

	return column >= 0 && (column == p->time_column || column == p->other.time || column == p->window_end || column == p->other.window_end);
}

static bool find_point(const struct spk_logical *l, const struct spk_expr *e, struct point *out)
{
	const int left = l->input[0]->schema->count;
	const bool sum = e->kind == SPK_EXPR_CALL && e->args == 2 && strcmp(e->function->name, "+") == 0;
	const bool difference = e->kind == SPK_EXPR_CALL && e->args == 2 && strcmp(e->function->name, "-") == 0;

	if (e->kind == SPK_EXPR_COLUMN) {
		*out = (struct point){ .side = e->column >= left, .column = e->column >= left ? e->column - left : e->column };
		return is_time_column(l, out->side, out->column);
	}
	for (int i = 0; i < 2 && (sum || difference); i++) {
		const struct spk_expr *interval = e->arg[i];
		struct spk_interval v;
		int64_t least, most;

		if (!is_interval(interval) || (difference && i == 0) || !find_point(l, e->arg[!i], out))
			continue;
		v = interval->value.interval;
		if (!is_sane(v))
			return false;
		shift_range(v, e->type.id == SPK_TYPE_TIMESTAMPTZ, &least, &most);
		out->least = plus(out->least, difference ? -most : least);
		out->most = plus(out->most, difference ? -least : most);
		return out->most != INT64_MAX && out->least != INT64_MAX;
	}
	return false;
}

/* The time of side `later` is at most `us` after that of the other side's. */
static void narrow(struct spk_join_time *t, int later, int64_t us)
{
	t->reach_us[!later] = SPK_MIN(t->reach_us[!later], us);
}

/* x <= y, or with `equal` also y <= x. */
static void compare_points(struct spk_join_time *t, const struct point *x, const struct point *y, bool equal)
{
	if (x->side == y->side || (t->column[x->side] >= 0 && t->column[x->side] != x->column) || (t->column[y->side] >= 0 && t->column[y->side] != y->column))
		return;
	t->column[x->side] = x->column;
	t->column[y->side] = y->column;
	narrow(t, x->side, plus(y->most, -x->least));
	if (equal)
		narrow(t, y->side, plus(x->most, -y->least));
}

/* a.time - b.time <= interval (or >=, when `least`), as intervals are compared: a month has 30 days. */
static void compare_difference(const struct spk_logical *l, struct spk_join_time *t, const struct spk_expr *e, const struct spk_expr *limit, bool least, bool equal)
{
	struct point x, y;
	int64_t us;

	if (!is_interval(limit) || !is_sane(limit->value.interval) || e->kind != SPK_EXPR_CALL || e->args != 2 || strcmp(e->function->name, "-") != 0)
		return;
	if (!find_point(l, e->arg[0], &x) || !find_point(l, e->arg[1], &y))
		return;
	us = (int64_t)spk_interval_span(limit->value.interval);
	y.least = plus(y.least, us);
	y.most = plus(y.most, us);
	if (least)
		compare_points(t, &y, &x, equal);
	else
		compare_points(t, &x, &y, equal);
}

/* Columns of both sides that the conjunct says are equal and that are ends of windows. */
static bool find_windows(const struct spk_logical *l, struct spk_join_time *t, const struct spk_expr *e)
{
	const struct spk_properties *left = &l->input[0]->properties, *right = &l->input[1]->properties;
	const int columns = l->input[0]->schema->count;

	if (e->arg[0]->kind != SPK_EXPR_COLUMN || e->arg[1]->kind != SPK_EXPR_COLUMN)
		return false;
	for (int i = 0; i < 2; i++) {
		const int a = e->arg[i]->column, b = e->arg[!i]->column - columns;

		if (a >= columns || b < 0 || (a != left->window_end && a != left->other.window_end) || (b != right->window_end && b != right->other.window_end))
			continue;
		t->kind = SPK_JOIN_BY_WINDOW;
		t->column[0] = a;
		t->column[1] = b;
		return true;
	}
	return false;
}

static void look_at(const struct spk_logical *l, struct spk_join_time *t, const struct spk_expr *e)
{
	const char *op = e->kind == SPK_EXPR_CALL && e->args == 2 ? e->function->name : "";
	const bool equal = strcmp(op, "=") == 0, less = op[0] == '<' && strcmp(op, "<>") != 0 && strcmp(op, "<@") != 0, more = strcmp(op, ">") == 0 || strcmp(op, ">=") == 0;
	struct point x, y;

	/* A window's end is never NULL. */
	if (strcmp(op, "is not distinct from") == 0 && t->kind != SPK_JOIN_BY_WINDOW)
		find_windows(l, t, e);
	if (e->kind == SPK_EXPR_AND)
		for (int i = 0; i < e->args; i++)
			look_at(l, t, e->arg[i]);
	if (t->kind == SPK_JOIN_BY_WINDOW || (!equal && !less && !more) || (equal && find_windows(l, t, e)))
		return;
	if (find_point(l, e->arg[0], &x) && find_point(l, e->arg[1], &y)) {
		if (more)
			compare_points(t, &y, &x, false);
		else
			compare_points(t, &x, &y, equal);
		return;
	}
	compare_difference(l, t, e->arg[0], e->arg[1], more, equal);
	compare_difference(l, t, e->arg[1], e->arg[0], less, equal);
}

bool spk_join_shows_right(enum spk_join_type join)
{
	return join != SPK_JOIN_SEMI && join != SPK_JOIN_ANTI && join != SPK_JOIN_MARK;
}

bool spk_join_extends_with_null(enum spk_join_type join, int side)
{
	return join == SPK_JOIN_FULL || (side == 0 ? join == SPK_JOIN_RIGHT : join == SPK_JOIN_LEFT || join == SPK_JOIN_SINGLE || join == SPK_JOIN_ASOF_LEFT || join == SPK_JOIN_LOOKUP_LEFT);
}

bool spk_join_comes_alone(enum spk_join_type join, int side)
{
	if (side)
		return join == SPK_JOIN_RIGHT || join == SPK_JOIN_FULL;
	return join != SPK_JOIN_INNER && join != SPK_JOIN_RIGHT && join != SPK_JOIN_SEMI && join != SPK_JOIN_ASOF && join != SPK_JOIN_LOOKUP;
}

/* Some side goes, and no row waits for ever to come out alone. */
static bool interval_helps(const struct spk_logical *l, const struct spk_join_time *t)
{
	if (l->join == SPK_JOIN_MARK || l->join == SPK_JOIN_SINGLE || (t->reach_us[0] == INT64_MAX && t->reach_us[1] == INT64_MAX))
		return false;
	for (int s = 0; s < 2; s++)
		if (spk_join_comes_alone(l->join, s) && t->reach_us[s] == INT64_MAX)
			return false;
	return true;
}

struct spk_join_time spk_join_time_of(const struct spk_logical *l)
{
	const struct spk_join_time none = { .column = { -1, -1 }, .reach_us = { INT64_MAX, INT64_MAX } };
	struct spk_join_time t = none;
	int64_t span = 0;

	if (spk_join_is_asof(l->join) || spk_join_is_lookup(l->join) || !l->filter || !l->input[0]->properties.append_only || !l->input[1]->properties.append_only)
		return none;
	look_at(l, &t, l->filter);
	if (t.kind == SPK_JOIN_BY_WINDOW)
		return t;
	if (!interval_helps(l, &t))
		return none;
	t.kind = SPK_JOIN_BY_INTERVAL;
	for (int s = 0; s < 2; s++)
		span += t.reach_us[s] == INT64_MAX ? 0 : t.reach_us[s];
	t.bucket_us = SPK_MAX(span / PARTS, BUCKET_LEAST);
	return t;
}
