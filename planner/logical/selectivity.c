/* How much of a relation meets a condition. See statistics.h. */
#include "core/base/check.h"
#include "core/columnar/decimal.h"
#include "core/expr/function.h"
#include "planner/logical/statistics.h"

#include <math.h>
#include <string.h>

/* Where nothing is known. */
static const double EQUAL = 0.05, RANGE = 0.3, LIKE = 0.1, OTHER = 0.33;

bool spk_statistics_number(const struct spk_value *v, double *out)
{
	spk_int128 mantissa;
	int scale;

	if (v->null)
		return false;
	switch (v->type.id) {
	case SPK_TYPE_SMALLINT: *out = v->i16; return true;
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_DATE: *out = v->i32; return true;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIME:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: *out = (double)v->i64; return true;
	case SPK_TYPE_REAL: *out = (double)v->f32; return true;
	case SPK_TYPE_DOUBLE: *out = v->f64; return true;
	case SPK_TYPE_DECIMAL:
		spk_decimal_unpack(v->type, v->i128, &mantissa, &scale);
		*out = spk_decimal_to_double(mantissa, scale);
		return true;
	default: return false;
	}
}

/* Through casts that keep the order: the column they are about; NULL when it is none. */
static const struct spk_expr *as_column(const struct spk_expr *e)
{
	while (e->kind == SPK_EXPR_CAST)
		e = e->arg[0];
	return e->kind == SPK_EXPR_COLUMN ? e : NULL;
}

/* A day is 86,400,000,000 microseconds: a date compared with a timestamp has been cast to one. */
static double in_units_of(double value, struct spk_type have, struct spk_type want)
{
	bool days = want.id == SPK_TYPE_DATE, micros = have.id == SPK_TYPE_TIMESTAMP || have.id == SPK_TYPE_TIMESTAMPTZ;

	return days && micros ? value / 86400e6 : value;
}

/* Part of a column's values that lie below `value`. */
static double below(const struct spk_column_statistics *s, double value)
{
	if (value <= s->low)
		return 0;
	if (value >= s->high)
		return 1;
	for (int i = 0; i < s->buckets; i++) {
		double from = s->bound[i], to = s->bound[i + 1];

		if (value > to)
			continue;
		return (i + (to > from ? (value - from) / (to - from) : 0.5)) / s->buckets;
	}
	return (value - s->low) / (s->high - s->low);
}

static double equal_constant(const struct spk_column_estimate *c)
{
	if (c->base && c->base->distinct > 0)
		return 1 / c->base->distinct;
	return EQUAL;
}

/* column op constant; `less`: the column is below it. */
static double range(const struct spk_expr *column, const struct spk_expr *constant, const struct spk_column_estimate *c, bool less)
{
	double value, part;

	if (constant->kind != SPK_EXPR_CONSTANT || !c->base || !c->base->ranged || !spk_statistics_number(&constant->value, &value))
		return RANGE;
	part = below(c->base, in_units_of(value, constant->type, column->type));
	return SPK_MIN(SPK_MAX(less ? part : 1 - part, 1e-4), 1) * (1 - c->base->nulls);
}

static double compare(const struct spk_expr *e, const struct spk_estimate *in)
{
	const struct spk_expr *left = as_column(e->arg[0]), *right = as_column(e->arg[1]);
	const char *name = e->function->name;
	bool less = name[0] == '<';

	if (left && right && left->column < in->columns && right->column < in->columns) {
		double part = spk_estimate_equality(&in->column[left->column], &in->column[right->column]);

		return strcmp(name, "=") == 0 ? part : strcmp(name, "<>") == 0 ? 1 - part : RANGE;
	}
	if (!left && !right)
		return strcmp(name, "=") == 0 ? EQUAL : RANGE;
	if ((left ? left : right)->column >= in->columns)
		return strcmp(name, "=") == 0 ? EQUAL : RANGE;

	const struct spk_column_estimate *c = &in->column[(left ? left : right)->column];

	if (strcmp(name, "=") == 0)
		return equal_constant(c);
	if (strcmp(name, "<>") == 0)
		return 1 - equal_constant(c);
	return range(left ? left : right, left ? e->arg[1] : e->arg[0], c, left ? less : !less);
}

static bool is_comparison(const char *name)
{
	static const char *const names[] = { "=", "<>", "<", "<=", ">", ">=" };

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static double call(const struct spk_expr *e, const struct spk_estimate *in)
{
	const char *name = e->function->name;

	if (e->args == 2 && is_comparison(name))
		return compare(e, in);
	if (strstr(name, "like") || strchr(name, '~'))
		return strstr(name, "not") || strchr(name, '!') ? 1 - LIKE : LIKE;
	return OTHER;
}

static double in_list(const struct spk_expr *e, const struct spk_estimate *in)
{
	const struct spk_expr *column = as_column(e->arg[0]);
	double one = column && column->column < in->columns ? equal_constant(&in->column[column->column]) : EQUAL;
	double part = SPK_MIN(one * (e->args - 1), 0.9);

	return e->negated ? 1 - part : part;
}

double spk_estimate_selectivity(const struct spk_expr *e, const struct spk_estimate *in)
{
	const struct spk_expr *column;
	double part = 1;

	switch (e->kind) {
	case SPK_EXPR_AND:
		for (int i = 0; i < e->args; i++)
			part *= spk_estimate_selectivity(e->arg[i], in);
		return part;
	case SPK_EXPR_OR:
		for (int i = 0; i < e->args; i++)
			part *= 1 - spk_estimate_selectivity(e->arg[i], in);
		return 1 - part;
	case SPK_EXPR_NOT:
		return 1 - spk_estimate_selectivity(e->arg[0], in);
	case SPK_EXPR_CONSTANT:
		return !e->value.null && e->value.boolean ? 1 : 0;
	case SPK_EXPR_IN:
		return in_list(e, in);
	case SPK_EXPR_IS_NULL:
		column = as_column(e->arg[0]);
		part = column && column->column < in->columns && in->column[column->column].base ? in->column[column->column].base->nulls : 0.05;
		return e->negated ? 1 - part : part;
	case SPK_EXPR_CALL:
		return call(e, in);
	default:
		return 0.5;
	}
}

double spk_estimate_equality(const struct spk_column_estimate *left, const struct spk_column_estimate *right)
{
	double a = left->base && left->base->distinct > 0 ? left->base->distinct : 0, b = right->base && right->base->distinct > 0 ? right->base->distinct : 0;

	if (a > 0 && b > 0)
		return 1 / SPK_MAX(a, b);
	/* Of two tables that are joined, the smaller one mostly has the key: its rows are the values that there are. */
	a = a > 0 ? a : left->domain;
	b = b > 0 ? b : right->domain;
	if (a > 0 && b > 0)
		return 1 / SPK_MIN(a, b);
	return a + b > 0 ? 1 / (a + b) : EQUAL;
}

/* One conjunct of a join's condition. */
static double pair_part(const struct spk_expr *e, const struct spk_estimate *both)
{
	return spk_estimate_selectivity(e, both);
}

double spk_estimate_pairs(const struct spk_expr *condition, const struct spk_estimate *left, const struct spk_estimate *right)
{
	struct spk_column_estimate column[512];
	struct spk_estimate both = { .columns = SPK_MIN(left->columns + right->columns, 512), .column = column };
	double part[64], rows = left->rows * right->rows, exponent = 1;
	int parts = 0;

	if (!condition)
		return rows;
	for (int i = 0; i < both.columns; i++)
		column[i] = i < left->columns ? left->column[i] : right->column[i - left->columns];
	if (condition->kind != SPK_EXPR_AND)
		return rows * pair_part(condition, &both);
	for (int i = 0; i < condition->args && parts < 64; i++)
		part[parts++] = pair_part(condition->arg[i], &both);
	for (int i = 1; i < parts; i++)  /* the most selective first */
		for (int k = i; k > 0 && part[k] < part[k - 1]; k--) {
			double swap = part[k];

			part[k] = part[k - 1];
			part[k - 1] = swap;
		}
	for (int i = 0; i < parts; i++, exponent /= 2)
		rows *= pow(part[i], exponent);
	return rows;
}
