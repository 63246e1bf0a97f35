/* How many rows come out of every kind of node, and how many values its columns have. See statistics.h. */
#include "core/base/check.h"
#include "core/expr/series.h"
#include "planner/logical/statistics.h"

#include <math.h>

static const double UNKNOWN_ROWS = 1e6;      /* of a table whose size nobody could tell */
static const double UNKNOWN_ELEMENTS = 4;    /* of a set */

static spk_status make_columns(struct spk_arena *arena, const struct spk_logical *l, struct spk_estimate *out, spk_error *err)
{
	out->columns = l->schema->count;
	out->column = SPK_NEW_ARRAY(arena, struct spk_column_estimate, out->columns + 1);
	SPK_TRY_PTR(out->column, err);
	return SPK_OK;
}

/* No column has more values than there are rows. */
static void cap(struct spk_estimate *e)
{
	e->rows = SPK_MAX(e->rows, 1);
	for (int i = 0; i < e->columns; i++)
		e->column[i].distinct = SPK_MIN(e->column[i].distinct, e->rows);
}

static spk_status of_scan(struct spk_arena *arena, const struct spk_logical *l, struct spk_estimate *out, spk_error *err)
{
	const struct spk_table_statistics *s = l->table->statistics;

	SPK_TRY(make_columns(arena, l, out, err));
	out->rows = s ? s->rows : UNKNOWN_ROWS;
	for (int i = 0; i < out->columns; i++) {
		const struct spk_column_statistics *c = s && s->column ? &s->column[l->column[i]] : NULL;
		bool key = l->table->key_count == 1 && l->table->key[0] == l->column[i];

		out->column[i] = (struct spk_column_estimate){ .distinct = key ? out->rows : c ? c->distinct : 0, .domain = c && c->distinct > 0 ? c->distinct : out->rows, .base = c };
	}
	if (l->filter)
		out->rows *= spk_estimate_selectivity(l->filter, out);
	return SPK_OK;
}

/* Columns that are the input's keep what is known of them. */
static spk_status of_project(struct spk_arena *arena, const struct spk_logical *l, const struct spk_estimate *in, struct spk_estimate *out, spk_error *err)
{
	SPK_TRY(make_columns(arena, l, out, err));
	out->rows = in->rows;
	for (int i = 0; i < l->expr_count; i++)
		if (l->expr[i]->kind == SPK_EXPR_COLUMN)
			out->column[i] = in->column[l->expr[i]->column];
	return SPK_OK;
}

/* The product of the groups' values, no more than a part of the rows; of unknown columns, a tenth of the rows. */
static double groups_of(const struct spk_logical *l, const struct spk_estimate *in)
{
	double groups = 1;

	for (int i = 0; i < l->expr_count; i++) {
		const struct spk_expr *e = l->expr[i];
		double distinct = e->kind == SPK_EXPR_COLUMN ? in->column[e->column].distinct : 0;

		groups *= distinct > 0 ? distinct : SPK_MAX(in->rows / 10, 1);
	}
	return l->expr_count ? SPK_MIN(groups, in->rows) : 1;
}

static spk_status of_aggregate(struct spk_arena *arena, const struct spk_logical *l, const struct spk_estimate *in, struct spk_estimate *out, spk_error *err)
{
	SPK_TRY(make_columns(arena, l, out, err));
	out->rows = groups_of(l, in);
	for (int i = 0; i < l->expr_count; i++) {
		if (l->expr[i]->kind == SPK_EXPR_COLUMN)
			out->column[i] = in->column[l->expr[i]->column];
		if (l->expr_count == 1)
			out->column[i].distinct = out->rows;
	}
	return SPK_OK;
}

/* Rows of the left side that have a partner. */
static double matched(const struct spk_logical *l, const struct spk_estimate *left, const struct spk_estimate *right)
{
	double pairs = spk_estimate_pairs(l->filter, left, right);

	return SPK_MIN(left->rows, SPK_MAX(pairs, 1));
}

static spk_status of_join(struct spk_arena *arena, const struct spk_logical *l, const struct spk_estimate *left, const struct spk_estimate *right, struct spk_estimate *out, spk_error *err)
{
	double pairs = spk_estimate_pairs(l->filter, left, right);

	SPK_TRY(make_columns(arena, l, out, err));
	for (int i = 0; i < out->columns; i++)
		if (i < left->columns)
			out->column[i] = left->column[i];
		else if (i - left->columns < right->columns)
			out->column[i] = right->column[i - left->columns];
	switch (l->join) {
	case SPK_JOIN_INNER: out->rows = pairs; break;
	case SPK_JOIN_LEFT: out->rows = SPK_MAX(left->rows, pairs); break;
	case SPK_JOIN_RIGHT: out->rows = SPK_MAX(right->rows, pairs); break;
	case SPK_JOIN_FULL: out->rows = SPK_MAX(left->rows + right->rows, pairs); break;
	case SPK_JOIN_SEMI: out->rows = matched(l, left, right); break;
	case SPK_JOIN_ANTI: out->rows = SPK_MAX(left->rows - matched(l, left, right), left->rows / 10); break;
	case SPK_JOIN_MARK:
	case SPK_JOIN_SINGLE:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT: out->rows = left->rows; break;
	}
	return SPK_OK;
}

static spk_status of_union(struct spk_arena *arena, const struct spk_logical *l, struct spk_estimate *out, spk_error *err)
{
	SPK_TRY(make_columns(arena, l, out, err));
	for (int k = 0; k < l->inputs; k++) {
		struct spk_estimate in;

		SPK_TRY(spk_estimate(arena, l->input[k], &in, err));
		out->rows += in.rows;
	}
	return SPK_OK;
}

/* The input's columns come first, unchanged; `more` columns behind them are not known. */
static spk_status widen(struct spk_arena *arena, const struct spk_logical *l, const struct spk_estimate *in, struct spk_estimate *out, spk_error *err)
{
	SPK_TRY(make_columns(arena, l, out, err));
	out->rows = in->rows;
	for (int i = 0; i < SPK_MIN(in->columns, out->columns); i++)
		out->column[i] = in->column[i];
	return SPK_OK;
}

/* A series over constants is known, of other sets nothing is. */
static spk_status of_unnest(struct spk_arena *arena, const struct spk_logical *l, const struct spk_estimate *in, struct spk_estimate *out, spk_error *err)
{
	struct spk_series_facts facts;
	struct spk_column_statistics *base;

	SPK_TRY(widen(arena, l, in, out, err));
	if (l->expr_count != 1 || !spk_series_known(l->expr[0], &facts)) {
		out->rows *= UNKNOWN_ELEMENTS;
		return SPK_OK;
	}
	SPK_TRY_PTR(base = SPK_NEW(arena, struct spk_column_statistics), err);
	*base = (struct spk_column_statistics){ .distinct = facts.count, .ranged = true, .low = facts.low, .high = facts.high };
	out->column[in->columns] = (struct spk_column_estimate){ .distinct = facts.count, .domain = facts.count, .base = base };
	out->rows *= facts.count;
	return SPK_OK;
}

static spk_status of_node(struct spk_arena *arena, const struct spk_logical *l, const struct spk_estimate *in, struct spk_estimate *out, spk_error *err)
{
	switch (l->kind) {
	case SPK_LOGICAL_PROJECT:
		return of_project(arena, l, in, out, err);
	case SPK_LOGICAL_AGGREGATE:
		return of_aggregate(arena, l, in, out, err);
	case SPK_LOGICAL_FILTER:
		SPK_TRY(widen(arena, l, in, out, err));
		out->rows *= spk_estimate_selectivity(l->filter, in);
		return SPK_OK;
	case SPK_LOGICAL_LIMIT:
		SPK_TRY(widen(arena, l, in, out, err));
		out->rows = l->limit >= 0 ? SPK_MIN(in->rows, (double)l->limit) : in->rows;
		return SPK_OK;
	case SPK_LOGICAL_UNNEST:
		return of_unnest(arena, l, in, out, err);
	default:
		return widen(arena, l, in, out, err);
	}
}

spk_status spk_estimate(struct spk_arena *arena, const struct spk_logical *l, struct spk_estimate *out, spk_error *err)
{
	struct spk_estimate in = { 0 }, right;

	*out = (struct spk_estimate){ 0 };
	switch (l->kind) {
	case SPK_LOGICAL_SCAN:
		SPK_TRY(of_scan(arena, l, out, err));
		break;
	case SPK_LOGICAL_VALUES:
	case SPK_LOGICAL_WORK_TABLE:
		SPK_TRY(make_columns(arena, l, out, err));
		out->rows = l->kind == SPK_LOGICAL_VALUES ? l->value_rows : UNKNOWN_ROWS;
		break;
	case SPK_LOGICAL_UNION:
		SPK_TRY(of_union(arena, l, out, err));
		break;
	case SPK_LOGICAL_JOIN:
		SPK_TRY(spk_estimate(arena, l->input[0], &in, err));
		SPK_TRY(spk_estimate(arena, l->input[1], &right, err));
		SPK_TRY(of_join(arena, l, &in, &right, out, err));
		break;
	default:
		SPK_TRY(spk_estimate(arena, l->input[0], &in, err));
		SPK_TRY(of_node(arena, l, &in, out, err));
	}
	cap(out);
	return SPK_OK;
}
