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

static double common_parts(const struct spk_column_statistics *s)
{
	double sum = 0;

	for (int i = 0; i < s->commons; i++)
		sum += s->common[i].part;
	return sum;
}

/* Rows that are neither NULL nor have a common value, as a part of all; and how many values they have. */
static double rest_part(const struct spk_column_statistics *s) { return SPK_MAX(1 - s->nulls - common_parts(s), 0); }
static double rest_values(const struct spk_column_statistics *s) { return SPK_MAX(s->distinct - s->commons, 1); }

/* Part of the values that are not common ones that lie below `value`. */
static double rest_below(const struct spk_column_statistics *s, double value)
{
	/* Common values may lie beyond the histogram's bounds. */
	if (value <= (s->buckets ? s->bound[0] : s->low))
		return 0;
	if (value >= (s->buckets ? s->bound[s->buckets] : s->high))
		return 1;
	for (int i = 0; i < s->buckets; i++) {
		double from = s->bound[i], to = s->bound[i + 1];

		if (value > to)
			continue;
		return (i + (to > from ? (value - from) / (to - from) : 0.5)) / s->buckets;
	}
	return (value - s->low) / (s->high - s->low);
}

/* Part of all rows that lie below `value`, or are equal to it (`equal`). */
static double below(const struct spk_column_statistics *s, double value, bool equal)
{
	double part = rest_below(s, value) * rest_part(s);

	for (int i = 0; i < s->commons; i++)
		if (!s->common[i].text && (s->common[i].number < value || (equal && s->common[i].number == value)))
			part += s->common[i].part;
	return part;
}

/* The part of rows with a common value, -1: it is none of them. */
static double common_part(const struct spk_column_statistics *s, const struct spk_expr *constant, struct spk_type type)
{
	const struct spk_value *v = &constant->value;
	bool text = spk_type_is_view(v->type);
	double number;

	if (v->null || (!text && !spk_statistics_number(v, &number)))
		return -1;
	if (!text)
		number = in_units_of(number, constant->type, type);
	for (int i = 0; i < s->commons; i++) {
		const struct spk_common_value *c = &s->common[i];

		if (text ? c->text && strlen(c->text) == v->view.length && memcmp(c->text, spk_view_data(&v->view), v->view.length) == 0 : !c->text && c->number == number)
			return c->part;
	}
	return -1;
}

/* column = other, where `other` may be a constant. */
static double equal_constant(const struct spk_column_estimate *c, const struct spk_expr *column, const struct spk_expr *other)
{
	const struct spk_column_statistics *s = c->base;
	double part;

	if (!s || s->distinct <= 0)
		return EQUAL;
	while (other->kind == SPK_EXPR_CAST)
		other = other->arg[0];
	if (other->kind != SPK_EXPR_CONSTANT || !s->commons)
		return (1 - s->nulls) / s->distinct;
	part = common_part(s, other, column->type);
	return part >= 0 ? part : rest_part(s) / rest_values(s);
}

/* column op constant; `less`: the column is below it. */
static double range(const struct spk_expr *column, const struct spk_expr *constant, const struct spk_column_estimate *c, bool less, bool equal)
{
	double value, part;

	if (constant->kind != SPK_EXPR_CONSTANT || !c->base || !c->base->ranged || !spk_statistics_number(&constant->value, &value))
		return RANGE;
	value = in_units_of(value, constant->type, column->type);
	part = less ? below(c->base, value, equal) : 1 - c->base->nulls - below(c->base, value, !equal);
	return SPK_MIN(SPK_MAX(part, 1e-4), 1);
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

	const struct spk_expr *column = left ? left : right, *other = left ? e->arg[1] : e->arg[0];

	if (strcmp(name, "=") == 0)
		return equal_constant(c, column, other);
	if (strcmp(name, "<>") == 0)
		return SPK_MAX(1 - (c->base ? c->base->nulls : 0) - equal_constant(c, column, other), 0);
	return range(column, other, c, left ? less : !less, name[1] == '=');
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
	double part = 0;

	for (int i = 1; i < e->args; i++)
		part += column && column->column < in->columns ? equal_constant(&in->column[column->column], column, e->arg[i]) : EQUAL;
	part = SPK_MIN(part, 0.95);

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

static bool same_common(const struct spk_common_value *a, const struct spk_common_value *b)
{
	return a->text && b->text ? strcmp(a->text, b->text) == 0 : !a->text && !b->text && a->number == b->number;
}

/* Common values that both have meet as often as they are there; the rest meets as if every value was as common as any other. */
static double equal_columns(const struct spk_column_statistics *a, const struct spk_column_statistics *b)
{
	double both = 0, alone[2] = { common_parts(a), common_parts(b) };

	for (int i = 0; i < a->commons; i++)
		for (int k = 0; k < b->commons; k++) {
			if (!same_common(&a->common[i], &b->common[k]))
				continue;
			both += a->common[i].part * b->common[k].part;
			alone[0] -= a->common[i].part;
			alone[1] -= b->common[k].part;
		}
	return both + SPK_MAX(alone[0], 0) * rest_part(b) / rest_values(b) + SPK_MAX(alone[1], 0) * rest_part(a) / rest_values(a) +
	       rest_part(a) * rest_part(b) / SPK_MAX(rest_values(a), rest_values(b));
}

double spk_estimate_equality(const struct spk_column_estimate *left, const struct spk_column_estimate *right)
{
	double a = left->base && left->base->distinct > 0 ? left->base->distinct : 0, b = right->base && right->base->distinct > 0 ? right->base->distinct : 0;

	if (a > 0 && b > 0 && left->base->commons && right->base->commons)
		return equal_columns(left->base, right->base);
	if (a > 0 && b > 0)
		return (1 - left->base->nulls) * (1 - right->base->nulls) / SPK_MAX(a, b);
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
