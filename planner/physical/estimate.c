/*
 * How many rows a node gives, about: rules of thumb as long as nothing is known of the tables' contents. Used to choose which side of a
 * join is kept, and whether every task gets all of it. Statistics belong here.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"
#include "core/expr/function.h"

static const double UNKNOWN_ROWS = 1e6;      /* of a table whose size nobody could tell */

/* Part of the rows that meet a condition. */
static double selectivity(const struct spk_expr *e)
{
	double part = 1;

	switch (e->kind) {
	case SPK_EXPR_AND:
		for (int i = 0; i < e->args; i++)
			part *= selectivity(e->arg[i]);
		return part;
	case SPK_EXPR_OR:
		for (int i = 0; i < e->args; i++)
			part *= 1 - selectivity(e->arg[i]);
		return 1 - part;
	case SPK_EXPR_NOT:
		return 1 - selectivity(e->arg[0]);
	case SPK_EXPR_IN:
		part = SPK_MIN(0.05 * (e->args - 1), 0.5);
		return e->negated ? 1 - part : part;
	case SPK_EXPR_IS_NULL:
		return e->negated ? 0.95 : 0.05;
	case SPK_EXPR_CALL:
		if (strcmp(e->function->name, "=") == 0)
			return 0.05;
		return strcmp(e->function->name, "<>") == 0 ? 0.95 : 0.4;
	default:
		return 0.5;
	}
}

double spk_build_row_bytes(const struct spk_logical *l)
{
	double bytes = 8;

	for (int i = 0; i < l->schema->count; i++)
		bytes += spk_type_is_view(l->schema->field[i].type) ? 32 : spk_type_width(l->schema->field[i].type);
	return bytes;
}

static double table_rows(const struct spk_build *b, const struct spk_table *t)
{
	int64_t bytes = b->options->table_bytes ? b->options->table_bytes(t, b->options->user) : -1;
	double row = 2;

	if (bytes < 0)
		return UNKNOWN_ROWS;
	/* As text: about six bytes a number, more where there are letters. */
	for (int i = 0; i < t->schema->count; i++)
		row += spk_type_is_view(t->schema->field[i].type) ? 16 : 7;
	return (double)bytes / row;
}

static double join_rows(const struct spk_build *b, const struct spk_logical *l)
{
	double left = spk_build_rows(b, l->input[0]), right = spk_build_rows(b, l->input[1]);
	double pairs = l->filter ? SPK_MAX(left, right) : left * right;

	switch (l->join) {
	case SPK_JOIN_INNER: return pairs;
	case SPK_JOIN_LEFT: return SPK_MAX(left, pairs);
	case SPK_JOIN_RIGHT: return SPK_MAX(right, pairs);
	case SPK_JOIN_FULL: return SPK_MAX(left + right, pairs);
	case SPK_JOIN_SEMI:
	case SPK_JOIN_ANTI: return left / 2;
	case SPK_JOIN_MARK:
	case SPK_JOIN_SINGLE: break;
	}
	return left;
}

double spk_build_rows(const struct spk_build *b, const struct spk_logical *l)
{
	double rows = 0;

	switch (l->kind) {
	case SPK_LOGICAL_SCAN:
		return table_rows(b, l->table) * (l->filter ? selectivity(l->filter) : 1);
	case SPK_LOGICAL_VALUES:
		return l->value_rows;
	case SPK_LOGICAL_FILTER:
		return spk_build_rows(b, l->input[0]) * selectivity(l->filter);
	case SPK_LOGICAL_AGGREGATE:
		return l->expr_count ? SPK_MAX(spk_build_rows(b, l->input[0]) / 5, 1) : 1;
	case SPK_LOGICAL_LIMIT:
		rows = spk_build_rows(b, l->input[0]);
		return l->limit >= 0 ? SPK_MIN(rows, (double)l->limit) : rows;
	case SPK_LOGICAL_JOIN:
		return join_rows(b, l);
	case SPK_LOGICAL_UNNEST:
		return 4 * spk_build_rows(b, l->input[0]);
	case SPK_LOGICAL_WORK_TABLE:
		return UNKNOWN_ROWS;
	default:
		for (int i = 0; i < l->inputs; i++)
			rows += spk_build_rows(b, l->input[i]);
		return rows;
	}
}
