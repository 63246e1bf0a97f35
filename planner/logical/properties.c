/*
 * What the planner knows of every node's output, derived from the leaves up. The reading is the streaming one: what holds
 * while rows keep coming. A plan whose sources are all bounded may be run as a batch, and then only final rows come out,
 * whatever `append_only` says; the physical planner decides.
 *
 * Windows count only over a watermark: window_start and window_end are -1 in what comes from a window over a column that
 * has none, since such windows never close.
 */
#include "planner/logical/logical.h"

#include <string.h>

#include "core/base/check.h"
#include "planner/logical/changes.h"

static void forget_others(struct spk_properties *p)
{
	p->other = p->either[0] = p->either[1] = (struct spk_other_times){ -1, -1, -1 };
}

static void forget_times(struct spk_properties *p)
{
	p->time_column = p->window_start = p->window_end = -1;
	forget_others(p);
}

/* State: grows with the number of groups, or goes with the windows that close. */
static struct spk_properties none(void)
{
	struct spk_properties p = { .append_only = true, .bounded = true };

	forget_times(&p);
	return p;
}

static bool option_is(const struct spk_table *t, const char *key, const char *value)
{
	const char *v = spk_table_option(t, key);

	return v && strcmp(v, value) == 0;
}

/* By Flink's option names: files unless they are watched, topics up to given offsets, generators with a number of rows. */
static bool table_bounded(const struct spk_table *t)
{
	if (t->rows || (t->connector && strcmp(t->connector, "checkpoint") == 0))
		return true;
	if (!t->connector || strcmp(t->connector, "filesystem") == 0)
		return !spk_table_option(t, "source.monitor-interval");
	if (strcmp(t->connector, "kafka") == 0 || strcmp(t->connector, "upsert-kafka") == 0)
		return spk_table_option(t, "scan.bounded.mode") && !option_is(t, "scan.bounded.mode", "unbounded");
	return spk_table_option(t, "number-of-rows") || spk_table_option(t, "events.num") || spk_table_option(t, "events") || spk_table_option(t, "nexmark.events");
}

/* Output column that is input column `column`, or -1. */
static int find_column(struct spk_expr *const *expr, int count, int column)
{
	for (int i = 0; column >= 0 && i < count; i++)
		if (expr[i]->kind == SPK_EXPR_COLUMN && expr[i]->column == column)
			return i;
	return -1;
}

/* The input's key in output columns; none when a column of it is missing. */
static spk_status move_key(struct spk_arena *arena, const struct spk_properties *in, struct spk_expr *const *expr, int count, struct spk_properties *p, spk_error *err)
{
	int *key;

	p->key_count = 0;
	p->key = NULL;
	if (!in->key_count)
		return SPK_OK;
	key = SPK_NEW_ARRAY(arena, int, in->key_count);
	SPK_TRY_PTR(key, err);
	for (int i = 0; i < in->key_count; i++) {
		key[i] = find_column(expr, count, in->key[i]);
		if (key[i] < 0)
			return SPK_OK;
	}
	p->key = key;
	p->key_count = in->key_count;
	return SPK_OK;
}

static spk_status first_columns(struct spk_arena *arena, int count, struct spk_properties *p, spk_error *err)
{
	int *key = SPK_NEW_ARRAY(arena, int, count);

	SPK_TRY_PTR(key, err);
	for (int i = 0; i < count; i++)
		key[i] = i;
	p->key = key;
	p->key_count = count;
	return SPK_OK;
}

static int scan_column(const struct spk_logical *l, int table_column)
{
	for (int i = 0; table_column >= 0 && i < l->schema->count; i++)
		if (l->column[i] == table_column)
			return i;
	return -1;
}

static spk_status derive_scan(struct spk_arena *arena, struct spk_logical *l, struct spk_properties *p, spk_error *err)
{
	const struct spk_table *t = l->table;
	int *key;

	p->append_only = spk_table_changes(t) == SPK_CHANGES_NONE || l->history;
	p->bounded = table_bounded(t);
	p->time_column = scan_column(l, t->time_column);
	if (!t->key_count || l->history)
		return SPK_OK;
	key = SPK_NEW_ARRAY(arena, int, t->key_count);
	SPK_TRY_PTR(key, err);
	for (int i = 0; i < t->key_count; i++) {
		key[i] = scan_column(l, t->key[i]);
		if (key[i] < 0)
			return SPK_OK;
	}
	p->key = key;
	p->key_count = t->key_count;
	return SPK_OK;
}

/* Output column that is the one, else the other input column; what is left of the other one goes to *rest. */
static int find_either(struct spk_expr *const *expr, int count, int one, int other, int *rest)
{
	const int first = find_column(expr, count, one), second = find_column(expr, count, other);

	*rest = first >= 0 ? second : -1;
	return first >= 0 ? first : second;
}

/* The input's time columns in output columns. */
static void move_times(const struct spk_properties *in, struct spk_expr *const *expr, int count, struct spk_properties *p)
{
	p->time_column = find_either(expr, count, in->time_column, in->other.time, &p->other.time);
	p->window_start = find_either(expr, count, in->window_start, in->other.window_start, &p->other.window_start);
	p->window_end = find_either(expr, count, in->window_end, in->other.window_end, &p->other.window_end);
	p->lag_us = in->lag_us;
	for (int s = 0; s < 2; s++) {
		const struct spk_other_times *from = &in->either[s];

		p->either[s] = (struct spk_other_times){ find_column(expr, count, from->time), find_column(expr, count, from->window_start), find_column(expr, count, from->window_end) };
	}
}

/* Output column that is coalesce() of these two input columns, in either order, or -1. */
static int find_coalesce(struct spk_expr *const *expr, int count, int a, int b)
{
	for (int i = 0; a >= 0 && b >= 0 && i < count; i++) {
		const struct spk_expr *e = expr[i];

		if (e->kind != SPK_EXPR_COALESCE || e->args != 2 || e->arg[0]->kind != SPK_EXPR_COLUMN || e->arg[1]->kind != SPK_EXPR_COLUMN)
			continue;
		if ((e->arg[0]->column == a && e->arg[1]->column == b) || (e->arg[0]->column == b && e->arg[1]->column == a))
			return i;
	}
	return -1;
}

/* What is a time, or a bound, of whichever side of a FULL JOIN is there. */
static void find_eithers(const struct spk_properties *in, struct spk_expr *const *expr, int count, struct spk_properties *p)
{
	if (p->time_column < 0)
		p->time_column = find_coalesce(expr, count, in->either[0].time, in->either[1].time);
	if (p->window_start < 0)
		p->window_start = find_coalesce(expr, count, in->either[0].window_start, in->either[1].window_start);
	if (p->window_end < 0)
		p->window_end = find_coalesce(expr, count, in->either[0].window_end, in->either[1].window_end);
}

static spk_status derive_project(struct spk_arena *arena, struct spk_logical *l, struct spk_properties *p, spk_error *err)
{
	const struct spk_properties *in = &l->input[0]->properties;

	*p = *in;
	move_times(in, l->expr, l->expr_count, p);
	find_eithers(in, l->expr, l->expr_count, p);
	return move_key(arena, in, l->expr, l->expr_count, p, err);
}

/* The window's columns come after the input's: window_start, window_end, window_time. */
static void derive_window(struct spk_logical *l, struct spk_properties *p)
{
	const struct spk_properties *in = &l->input[0]->properties;
	int columns = l->input[0]->schema->count;

	*p = *in;
	p->key_count = 0;  /* a row may lie in several windows; with the window's end it would be a key again */
	if (l->window == SPK_WINDOW_TUMBLE)
		p->key_count = in->key_count;
	forget_others(p);
	/* Sessions close when no row of theirs is taken back; else their bounds are columns like others. */
	if (l->time_column >= 0 && (l->time_column == in->time_column || l->time_column == in->other.time) && (in->append_only || l->window != SPK_WINDOW_SESSION)) {
		p->window_start = columns;
		p->window_end = columns + 1;
		p->time_column = columns + 2;
		p->bound = l->window == SPK_WINDOW_SESSION ? SPK_BOUND_TIME : SPK_BOUND_STATELESS;
		p->lag_us += l->window == SPK_WINDOW_SESSION;  /* a row at its very end still belongs to a session */
	} else {
		forget_times(p);
		p->bound = l->window == SPK_WINDOW_SESSION ? SPK_BOUND_KEY : SPK_BOUND_STATELESS;
	}
	if (l->window == SPK_WINDOW_SESSION)
		p->append_only = in->append_only && p->window_end >= 0;  /* a session's end is known when it is over */
}

/* The start alone tells the end when the windows have one fixed length; by a zone's local time a day may have 23 hours. */
static bool fixed_length_below(const struct spk_logical *l)
{
	while (l->kind != SPK_LOGICAL_WINDOW && l->inputs)
		l = l->input[0];
	return l->kind == SPK_LOGICAL_WINDOW && !l->zone && (l->window == SPK_WINDOW_TUMBLE || l->window == SPK_WINDOW_HOP);
}

/*
 * Grouped by the end of watermarked windows (or the start, where they have one length): a group is final when the watermark
 * passes it, so rows are only appended and state goes with time. Any other grouping keeps one state per group: KEY. That is
 * bounded by the number of distinct groups and by nothing else; when the groups themselves keep coming (an id, a timestamp),
 * so does the state. NOTHING is for state that grows with the rows.
 */
static spk_status derive_aggregate(struct spk_arena *arena, struct spk_logical *l, struct spk_properties *p, spk_error *err)
{
	const struct spk_properties *in = &l->input[0]->properties;
	bool closes;

	p->bounded = in->bounded;
	move_times(in, l->expr, l->expr_count, p);
	closes = p->window_end >= 0 || (p->window_start >= 0 && fixed_length_below(l->input[0]));
	/* Without a call (DISTINCT) a group that has come stays as it is. */
	p->append_only = in->append_only && (closes || (l->expr_count && !l->aggregate_count));
	p->bound = closes ? SPK_BOUND_TIME : SPK_BOUND_KEY;
	if (!closes)
		p->time_column = p->other.time = -1;
	return first_columns(arena, l->expr_count, p, err);
}

/* Nothing is known of the output but whether it ends. */
static void derive_nothing(struct spk_logical *l, struct spk_properties *p)
{
	for (int i = 0; i < l->inputs; i++) {
		p->append_only = p->append_only && l->input[i]->properties.append_only && l->input[i]->properties.bounded;
		p->bounded = p->bounded && l->input[i]->properties.bounded;
	}
	p->bound = SPK_BOUND_NOTHING;
}

/* A side's time columns in those of the join. */
static struct spk_other_times times_of(const struct spk_logical *l, int side)
{
	const struct spk_properties *in = &l->input[side]->properties;
	const int first = side ? l->input[0]->schema->count : 0;

	return (struct spk_other_times){ in->time_column < 0 ? -1 : first + in->time_column, in->window_start < 0 ? -1 : first + in->window_start, in->window_end < 0 ? -1 : first + in->window_end };
}

/* A side's time columns as the join's. */
static void show_times(const struct spk_logical *l, int side, struct spk_properties *p)
{
	const struct spk_other_times own = times_of(l, side);

	if (p->time_column < 0 && p->window_end < 0) {
		p->time_column = own.time;
		p->window_start = own.window_start;
		p->window_end = own.window_end;
	} else {
		p->other = own;
	}
}

/* Rows of both sides come out when their window closes. Where either side may be missing the windows of both are one. */
static void derive_window_join(const struct spk_logical *l, struct spk_properties *p)
{
	p->bound = SPK_BOUND_TIME;
	for (int s = 0; s < 2 && l->join == SPK_JOIN_FULL; s++)
		p->either[s] = times_of(l, s);
	for (int s = 0; s < 2; s++)
		if (!spk_join_extends_with_null(l->join, s) && (s == 0 || spk_join_shows_right(l->join)))
			show_times(l, s, p);
}

/*
 * Partitioned by the windows of its input a row is final when its window is; in the order of event time when the watermark has passed it: rows come out then. Any
 * other row may get another value when more come.
 */
static void derive_over(struct spk_logical *l, struct spk_properties *p)
{
	const struct spk_properties *in = &l->input[0]->properties;
	const int start = find_column(l->expr, l->expr_count, in->window_start), end = find_column(l->expr, l->expr_count, in->window_end);

	if (end >= 0 || (start >= 0 && fixed_length_below(l->input[0]))) {
		*p = *in;
		p->bound = SPK_BOUND_TIME;
		return;
	}
	if (spk_over_time_column(l) >= 0) {
		*p = *in;
		p->bound = spk_over_reach_of(l).rows < 0 && !spk_over_runs(l) ? SPK_BOUND_NOTHING : SPK_BOUND_KEY;
		return;
	}
	derive_nothing(l, p);
	p->key_count = in->key_count;
	p->key = in->key;
}

static void derive_union(struct spk_logical *l, struct spk_properties *p)
{
	*p = l->input[0]->properties;
	for (int i = 1; i < l->inputs; i++) {
		const struct spk_properties *in = &l->input[i]->properties;

		p->append_only = p->append_only && in->append_only;
		p->bounded = p->bounded && in->bounded;
		p->lag_us = SPK_MAX(p->lag_us, in->lag_us);
		if (in->time_column != p->time_column)
			p->time_column = -1;
		if (in->window_start != p->window_start)
			p->window_start = -1;
		if (in->window_end != p->window_end)
			p->window_end = -1;
	}
	forget_others(p);
	p->key_count = l->inputs == 1 ? p->key_count : 0;
}

/*
 * A row that comes out has a time that is at most its reach behind the watermark: its partner may come as late as that. One that comes out alone does
 * so when the rest of its bucket does, too. Windows that the input had are over by then. Where either side may be missing, the one that is there has such a time.
 */
static void derive_interval_join(const struct spk_logical *l, const struct spk_join_time *t, struct spk_properties *p)
{
	int64_t behind = 0;

	p->bound = t->reach_us[0] < INT64_MAX && t->reach_us[1] < INT64_MAX ? SPK_BOUND_TIME : SPK_BOUND_NOTHING;
	for (int s = 0; s < 2; s++) {
		const int64_t alone = spk_join_comes_alone(l->join, s) ? t->bucket_us : 0;
		const int column = t->column[s] + (s ? l->input[0]->schema->count : 0);
		const bool full = l->join == SPK_JOIN_FULL;

		if ((spk_join_extends_with_null(l->join, s) && !full) || (s && !spk_join_shows_right(l->join)) || t->reach_us[s] == INT64_MAX)
			continue;
		behind = SPK_MAX(behind, SPK_MAX(t->reach_us[s], 0) + alone);
		if (full)
			p->either[s].time = column;
		else if (p->time_column < 0)
			p->time_column = column;
		else
			p->other.time = column;
	}
	p->lag_us += behind;
}

/*
 * Left rows come out once and for all. LOOKUP: when they come, and their times are what they were (with a right side that has an end, they wait for it: no
 * time is left to go by). ASOF: when the watermark has passed their time, in buckets; what is kept of the right side is a row for each key. Forward in time they wait
 * for a right row, which may take any time: only the times of an inner join's right rows are left to go by, and what waits is not bounded.
 */
static void derive_one_way(const struct spk_logical *l, struct spk_properties *p)
{
	const bool asof = spk_join_is_asof(l->join);
	struct spk_asof by;

	p->append_only = l->input[0]->properties.append_only && (!asof || l->input[1]->properties.append_only);
	p->bound = asof || l->input[1]->properties.bounded ? SPK_BOUND_KEY : SPK_BOUND_NOTHING;
	if (!asof && l->input[1]->properties.bounded)
		return;
	if (asof && spk_join_asof(l, &by) && !by.backward) {
		p->bound = SPK_BOUND_NOTHING;
		if (l->join == SPK_JOIN_ASOF)
			show_times(l, 1, p);
	} else {
		show_times(l, 0, p);
	}
	p->lag_us += asof ? SPK_ASOF_BUCKET_US : 0;
	if (asof)
		p->window_start = p->window_end = -1;
}

/*
 * Rows may come out long after they came in, when what they meet comes: no time is left to go by, unless the condition bounds it. While rows are only
 * added, pairs and rows that have met something stay; what is kept grows with the rows.
 */
static spk_status derive_join(struct spk_arena *arena, struct spk_logical *l, struct spk_properties *p, spk_error *err)
{
	const struct spk_properties *left = &l->input[0]->properties, *right = &l->input[1]->properties;
	const struct spk_join_time time = spk_join_time_of(l);
	const bool both = spk_join_shows_right(l->join);
	const int keys = left->key_count + (both ? right->key_count : 0);
	int *key;

	p->bounded = left->bounded && right->bounded;
	p->append_only = left->append_only && right->append_only && (p->bounded || time.kind || l->join == SPK_JOIN_INNER || l->join == SPK_JOIN_SEMI);
	p->bound = SPK_BOUND_NOTHING;
	p->lag_us = SPK_MAX(left->lag_us, right->lag_us);
	if (spk_join_is_asof(l->join) || spk_join_is_lookup(l->join))
		derive_one_way(l, p);
	else if (time.kind == SPK_JOIN_BY_WINDOW)
		derive_window_join(l, p);
	else if (time.kind == SPK_JOIN_BY_INTERVAL)
		derive_interval_join(l, &time, p);
	if (!left->key_count || (both && !right->key_count))
		return SPK_OK;
	key = SPK_NEW_ARRAY(arena, int, keys);
	SPK_TRY_PTR(key, err);
	for (int i = 0; i < keys; i++)
		key[i] = i < left->key_count ? left->key[i] : l->input[0]->schema->count + right->key[i - left->key_count];
	p->key = key;
	p->key_count = keys;
	return SPK_OK;
}

/* The last output column that is, in every set, input column `column`: the group rather than what passes through for aggregates. */
static int expanded_column(const struct spk_logical *l, int column)
{
	const int columns = l->schema->count;

	for (int c = columns - 1; column >= 0 && c >= 0; c--) {
		bool same = true;

		for (int k = 0; k < l->value_rows && same; k++) {
			const struct spk_expr *e = l->value[k * columns + c];

			same = e->kind == SPK_EXPR_COLUMN && e->column == column;
		}
		if (same)
			return c;
	}
	return -1;
}

/* A row comes out several times, so no key stays one. */
static void derive_expand(struct spk_logical *l, struct spk_properties *p)
{
	const struct spk_properties *in = &l->input[0]->properties;

	*p = *in;
	p->time_column = expanded_column(l, in->time_column);
	p->window_start = expanded_column(l, in->window_start);
	p->window_end = expanded_column(l, in->window_end);
	forget_others(p);
	p->key_count = 0;
	p->bound = SPK_BOUND_STATELESS;
}

static spk_status derive(struct spk_arena *arena, struct spk_logical *l, spk_error *err)
{
	struct spk_properties p = none();

	switch (l->kind) {
	case SPK_LOGICAL_SCAN:
		SPK_TRY(derive_scan(arena, l, &p, err));
		break;
	case SPK_LOGICAL_VALUES:
		break;
	case SPK_LOGICAL_FILTER:
	case SPK_LOGICAL_SINK:
		p = l->input[0]->properties;
		p.bound = SPK_BOUND_STATELESS;
		break;
	case SPK_LOGICAL_PROJECT:
		SPK_TRY(derive_project(arena, l, &p, err));
		p.bound = SPK_BOUND_STATELESS;
		break;
	case SPK_LOGICAL_WINDOW:
		derive_window(l, &p);
		break;
	case SPK_LOGICAL_AGGREGATE:
		SPK_TRY(derive_aggregate(arena, l, &p, err));
		break;
	case SPK_LOGICAL_UNNEST:  /* a row may come out several times */
		p = l->input[0]->properties;
		p.key_count = 0;
		p.bound = SPK_BOUND_STATELESS;
		break;
	case SPK_LOGICAL_UNION:
		derive_union(l, &p);
		p.bound = SPK_BOUND_STATELESS;
		break;
	case SPK_LOGICAL_SORT:  /* a row that comes later may belong before the others */
		p = l->input[0]->properties;
		p.append_only = p.append_only && p.bounded;
		p.bound = SPK_BOUND_NOTHING;
		break;
	case SPK_LOGICAL_LIMIT:  /* a row that comes in for another one may be of any time */
		p = l->input[0]->properties;
		forget_times(&p);
		p.bound = SPK_BOUND_STATELESS;
		break;
	case SPK_LOGICAL_EXPAND:
		derive_expand(l, &p);
		break;
	case SPK_LOGICAL_JOIN:
		SPK_TRY(derive_join(arena, l, &p, err));
		break;
	case SPK_LOGICAL_OVER:
		derive_over(l, &p);
		break;
	case SPK_LOGICAL_SHARED:
		p = l->input[0]->properties;
		break;
	case SPK_LOGICAL_RECURSIVE:
	case SPK_LOGICAL_WORK_TABLE:
	case SPK_LOGICAL_CALLBACK:
	case SPK_LOGICAL_REPARTITION:
		derive_nothing(l, &p);
		break;
	}
	l->properties = p;
	return SPK_OK;
}

static spk_status finish(struct spk_arena *arena, struct spk_logical *l, int *id, spk_error *err)
{
	l->id = ++*id;
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(finish(arena, l->input[i], id, err));
	return derive(arena, l, err);
}

spk_status spk_logical_finish(struct spk_arena *arena, struct spk_logical *root, spk_error *err)
{
	int id = 0;

	return finish(arena, root, &id, err);
}
