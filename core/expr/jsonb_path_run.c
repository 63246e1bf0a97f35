/*
 * Running jsonpath. A step is applied to one value at a time and goes on with the next step for every value that it leads to, so
 * that a question for existence stops at the first.
 *
 * In lax mode steps into members look into the elements of an array that is in their place, and subscripts take anything else for
 * an array of one element; what is not there is nothing. In strict mode all that is an error. Errors inside of predicates make
 * them unknown.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/columnar/decimal.h"
#include "core/expr/jsonb_path.h"
#include "core/expr/jsonb_path_time.h"
#include "core/expr/text.h"

enum { DEPTH_MAX = 2000 };

typedef struct spk_path_node node;
typedef struct spk_path_run run;
typedef struct spk_path_list list;
typedef enum spk_path_result result;

/* Truth of a predicate. */
enum truth { NO, YES, UNKNOWN };

static const char *const names[] = {
#define NAME(id, text) text,
	SPK_PATH_NODE_LIST(NAME)
#undef NAME
};

static result apply(run *r, const node *n, struct spk_json j, bool unwrap, list *out);
static enum truth predicate(run *r, const node *n, struct spk_json j);

/* Of a date or time: a string, which it will become. */
static enum spk_jsonb_type kind_of(struct spk_json j)
{
	return spk_json_is_time(j) ? SPK_JSONB_STRING : spk_json_type(j);
}

static const struct spk_path_time *time_of(struct spk_json j)
{
	return (const struct spk_path_time *)(const void *)j.p;
}

/* --- results --- */

static result no_memory(run *r)
{
	if (!r->failure.code)
		spk_fail_memory(&r->failure);
	return SPK_PATH_ERROR;
}

static result SPK_PRINTF(2, 3) wrong(run *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->message, sizeof r->message, format, args);
	va_end(args);
	return SPK_PATH_ERROR;
}

/* An error that what is around it cannot make good. */
static bool fatal(const run *r)
{
	return r->failure.code || r->hard;
}

static result add(run *r, list *out, struct spk_json j)
{
	if (out->count == out->capacity) {
		int capacity = out->capacity ? out->capacity * 2 : 8;
		struct spk_json *item = spk_arena_alloc(r->arena, sizeof(*item) * (size_t)capacity);

		if (!item)
			return no_memory(r);
		if (out->count)
			memcpy(item, out->item, sizeof(*item) * (size_t)out->count);
		out->item = item;
		out->capacity = capacity;
	}
	out->item[out->count++] = j;
	return SPK_PATH_OK;
}

/* A value that is made; in the arena. */
static bool made(run *r, const char *s, size_t size, struct spk_json *out)
{
	const char *copy = spk_arena_copy(r->arena, s, size);

	if (!copy) {
		no_memory(r);
		return false;
	}
	*out = (struct spk_json){ copy, copy + size };
	return true;
}

/* On with the step behind this one, or the value is one of the results. */
static result go_on(run *r, const node *n, struct spk_json j, list *out)
{
	if (n->next)
		return apply(r, n->next, j, r->path->lax, out);
	return out ? add(r, out, j) : SPK_PATH_OK;
}

static result go_on_made(run *r, const node *n, const char *s, size_t size, list *out)
{
	struct spk_json j;

	return made(r, s, size, &j) ? go_on(r, n, j, out) : SPK_PATH_ERROR;
}

/* Whether to stop after this: at an error, or at the first value when only existence is asked. */
static bool stops(result one, const list *out)
{
	return one == SPK_PATH_ERROR || (one == SPK_PATH_OK && !out);
}

/* --- going over elements and members --- */

/* Applies `n` (NULL: results as they are) to the values in a container, down to depths first..last. */
static result each(run *r, const node *n, struct spk_json j, uint32_t depth, uint32_t first, uint32_t last, bool loose, bool unwrap, list *out)
{
	struct spk_jsonb_iterator i = spk_jsonb_iterator(j.p, j.end);
	result all = SPK_PATH_NOT_FOUND;
	bool was_loose = r->loose;

	while (spk_jsonb_next(&i)) {
		struct spk_json value = { i.value, i.value_end };
		bool leaf = !spk_json_is_container(value);
		result one = SPK_PATH_NOT_FOUND;

		if (depth >= first || (first == UINT32_MAX && last == UINT32_MAX && leaf)) {
			r->loose = r->loose || loose;
			one = n ? apply(r, n, value, unwrap, out) : out ? add(r, out, value) : SPK_PATH_OK;
			r->loose = was_loose;
			all = one == SPK_PATH_OK ? one : all;
			if (stops(one, out))
				return one;
		}
		if (depth < last && !leaf) {
			one = each(r, n, value, depth + 1, first, last, loose, unwrap, out);
			all = one == SPK_PATH_OK ? one : all;
			if (stops(one, out))
				return one;
		}
	}
	return all;
}

/* The step itself, applied to every element of an array in its place. */
static result unwrap_for(run *r, const node *n, struct spk_json j, list *out)
{
	return each(r, n, j, 1, 1, 1, false, false, out);
}

/* The results of a tree with arrays among them taken apart, as operands of predicates and arithmetic are. */
static result operands(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	list raw = { 0 };
	result got = apply(r, n, j, r->path->lax, &raw);

	if (got == SPK_PATH_ERROR)
		return got;
	for (int i = 0; i < raw.count; i++) {
		result one = unwrap && r->path->lax && *raw.item[i].p == '[' ? each(r, NULL, raw.item[i], 1, 1, 1, false, false, out) : add(r, out, raw.item[i]);

		if (one == SPK_PATH_ERROR)
			return one;
	}
	return SPK_PATH_OK;
}

/* --- numbers --- */

struct number { spk_int128 mantissa; int scale; };

static bool number_of(run *r, struct spk_json j, struct number *out)
{
	if (spk_decimal_parse(j.p, (size_t)(j.end - j.p), &out->mantissa, &out->scale))
		return true;
	wrong(r, "value overflows numeric format");
	return false;
}

static result put_number(run *r, const node *n, struct number v, list *out)
{
	char text[64];

	return go_on_made(r, n, text, (size_t)spk_decimal_format(v.mantissa, v.scale, text), out);
}

/* The remainder has the sign of the dividend and the greater scale. */
static bool remainder_of(struct number a, struct number b, struct number *out)
{
	int scale = SPK_MAX(a.scale, b.scale);

	if (!spk_decimal_rescale(a.mantissa, a.scale, scale, &a.mantissa) || !spk_decimal_rescale(b.mantissa, b.scale, scale, &b.mantissa))
		return false;
	*out = (struct number){ a.mantissa % b.mantissa, scale };
	return true;
}

static bool single_number(run *r, const node *n, const node *operand, const char *side, struct spk_json j, struct number *out)
{
	list values = { 0 };

	if (operands(r, operand, j, true, &values) == SPK_PATH_ERROR)
		return false;
	if (values.count == 1 && kind_of(values.item[0]) == SPK_JSONB_NUMBER)
		return number_of(r, values.item[0], out);
	wrong(r, "%s operand of jsonpath operator %s is not a single numeric value", side, names[n->kind]);
	return false;
}

static result arithmetic(run *r, const node *n, struct spk_json j, list *out)
{
	struct number a, b, v = { 0, 0 };
	bool ok;

	if (!single_number(r, n, n->left, "left", j, &a) || !single_number(r, n, n->right, "right", j, &b))
		return SPK_PATH_ERROR;
	if ((n->kind == SPK_PATH_DIVIDE || n->kind == SPK_PATH_MODULO) && !b.mantissa)
		return wrong(r, "division by zero");
	switch (n->kind) {
	case SPK_PATH_ADD: ok = spk_decimal_add(a.mantissa, a.scale, b.mantissa, b.scale, &v.mantissa, &v.scale); break;
	case SPK_PATH_SUBTRACT: ok = spk_decimal_add(a.mantissa, a.scale, -b.mantissa, b.scale, &v.mantissa, &v.scale); break;
	case SPK_PATH_MULTIPLY: ok = spk_decimal_multiply(a.mantissa, a.scale, b.mantissa, b.scale, &v.mantissa, &v.scale); break;
	case SPK_PATH_DIVIDE: ok = spk_decimal_divide(a.mantissa, a.scale, b.mantissa, b.scale, &v.mantissa, &v.scale); break;
	default: ok = remainder_of(a, b, &v);
	}
	return ok ? put_number(r, n, v, out) : wrong(r, "value overflows numeric format");
}

/* - and + over every value. */
static result signs(run *r, const node *n, struct spk_json j, list *out)
{
	list values = { 0 };
	result all = SPK_PATH_NOT_FOUND;

	if (operands(r, n->left, j, true, &values) == SPK_PATH_ERROR)
		return SPK_PATH_ERROR;
	for (int i = 0; i < values.count; i++) {
		struct number v;
		result one;

		if (kind_of(values.item[i]) != SPK_JSONB_NUMBER) {
			if (!out && !n->next)
				continue;
			return wrong(r, "operand of unary jsonpath operator %s is not a numeric value", names[n->kind]);
		}
		if (!number_of(r, values.item[i], &v))
			return SPK_PATH_ERROR;
		if (n->kind == SPK_PATH_MINUS)
			v.mantissa = -v.mantissa;
		one = put_number(r, n, v, out);
		if (stops(one, out))
			return one;
		all = one == SPK_PATH_OK ? one : all;
	}
	return all;
}

/* --- methods --- */

static result rounding(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	struct number v;
	spk_int128 unit, whole;

	if (unwrap && *j.p == '[')
		return unwrap_for(r, n, j, out);
	if (kind_of(j) != SPK_JSONB_NUMBER)
		return wrong(r, "jsonpath item method .%s() can only be applied to a numeric value", names[n->kind]);
	if (!number_of(r, j, &v))
		return SPK_PATH_ERROR;
	if (n->kind == SPK_PATH_ABS) {
		v.mantissa = v.mantissa < 0 ? -v.mantissa : v.mantissa;
		return put_number(r, n, v, out);
	}
	unit = spk_pow10(v.scale);
	whole = v.mantissa / unit;
	if (v.mantissa % unit && (n->kind == SPK_PATH_CEILING) == (v.mantissa > 0))
		whole += v.mantissa > 0 ? 1 : -1;
	return put_number(r, n, (struct number){ whole, 0 }, out);
}

/* Digits of a double as numeric takes them: 15 that count, no exponent. */
static result put_double(run *r, const node *n, double v, list *out)
{
	struct spk_json_parser parser = { 0 };
	struct spk_buffer text = { 0 };
	char digits[64];
	result got;

	snprintf(digits, sizeof digits, "%.15g", v);
	if (spk_jsonb_parse(&parser, digits, strlen(digits), &text, &r->failure) == SPK_OK)
		got = go_on_made(r, n, text.data, text.size, out);
	else
		got = SPK_PATH_ERROR;
	spk_buffer_release(&text);
	spk_json_parser_release(&parser);
	return got;
}

static result to_double(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	enum spk_jsonb_type type = kind_of(j);
	const char *s = j.p;
	size_t size = (size_t)(j.end - j.p);
	double v;

	if (unwrap && type == SPK_JSONB_ARRAY)
		return unwrap_for(r, n, j, out);
	if (type != SPK_JSONB_NUMBER && type != SPK_JSONB_STRING)
		return wrong(r, "jsonpath item method .double() can only be applied to a string or numeric value");
	if (type == SPK_JSONB_STRING) {
		s++;
		size = (size_t)(spk_jsonb_string_end(j.p, j.end) - s);
	}
	if (spk_text_to_value(spk_type(SPK_TYPE_DOUBLE), s, size, NULL, &v, NULL) != SPK_OK || !isfinite(v)) {
		if (type == SPK_JSONB_NUMBER)
			return wrong(r, "numeric argument of jsonpath item method .double() is out of range for type double precision");
		return wrong(r, "string argument of jsonpath item method .double() is not a valid representation of a double precision number");
	}
	return put_double(r, n, v, out);
}

static result to_time(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	struct spk_path_time *v = SPK_NEW(r->arena, struct spk_path_time);
	const char *s = j.p + 1, *end;
	spk_error why = { 0 };

	if (!v)
		return no_memory(r);
	if (unwrap && *j.p == '[')
		return unwrap_for(r, n, j, out);
	if (*j.p != '"')
		return wrong(r, "jsonpath item method .datetime() can only be applied to a string");
	end = spk_jsonb_string_end(j.p, j.end);
	if (spk_path_time_parse(s, (size_t)(end - s), n->template, v, &why) != SPK_OK)
		return wrong(r, "%s", why.message);
	return go_on(r, n, (struct spk_json){ (const char *)v, (const char *)(v + 1) }, out);
}

static result type_of(run *r, const node *n, struct spk_json j, list *out)
{
	static const char *const types[] = {
#define TYPE(id, text) "\"" text "\"",
		SPK_JSONB_TYPE_LIST(TYPE)
#undef TYPE
	};
	const char *type = spk_json_is_time(j) ? spk_path_time_type(time_of(j)->kind) : types[kind_of(j)];

	return go_on(r, n, (struct spk_json){ type, type + strlen(type) }, out);
}

static result size_of(run *r, const node *n, struct spk_json j, list *out)
{
	char text[24];

	if (*j.p != '[' && !r->path->lax && !r->loose)
		return wrong(r, "jsonpath item method .size() can only be applied to an array");
	return go_on_made(r, n, text, (size_t)spk_text_bigint(*j.p == '[' ? spk_jsonb_count(j.p, j.end) : 1, text), out);
}

/* {"id", "key", "value"} for every member; the id says which object: its place in the text. */
static result key_values(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	struct spk_jsonb_iterator i;
	result all = SPK_PATH_NOT_FOUND;

	if (unwrap && *j.p == '[')
		return unwrap_for(r, n, j, out);
	if (*j.p != '{')
		return wrong(r, "jsonpath item method .keyvalue() can only be applied to an object");
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i);) {
		bool inside = j.p >= r->root.p && j.p < r->root.end;
		struct spk_buffer text = { 0 };
		result one = SPK_PATH_ERROR;

		if (spk_buffer_printf(&text, &r->failure, "{\"id\": %d, \"key\": \"%.*s\", \"value\": %.*s}", inside ? (int)(j.p - r->root.p) : 0, (int)(i.key_end - i.key), i.key,
		                      (int)(i.value_end - i.value), i.value) == SPK_OK)
			one = go_on_made(r, n, text.data, text.size, out);
		spk_buffer_release(&text);
		if (stops(one, out))
			return one;
		all = one == SPK_PATH_OK ? one : all;
	}
	return all;
}

/* --- steps --- */

static result by_key(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	struct spk_json value;

	if (*j.p == '{') {
		if (spk_jsonb_member(j.p, j.end, n->name, n->name_size, &value.p, &value.end))
			return go_on(r, n, value, out);
		return r->loose ? SPK_PATH_NOT_FOUND : wrong(r, "JSON object does not contain key \"%.*s\"", (int)n->name_size, n->name);
	}
	if (unwrap && *j.p == '[')
		return unwrap_for(r, n, j, out);
	return r->loose ? SPK_PATH_NOT_FOUND : wrong(r, "jsonpath member accessor can only be applied to an object");
}

static result any_key(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	if (*j.p == '{')
		return each(r, n->next, j, 1, 1, 1, false, r->path->lax, out);
	if (unwrap && *j.p == '[')
		return unwrap_for(r, n, j, out);
	return r->loose ? SPK_PATH_NOT_FOUND : wrong(r, "jsonpath wildcard member accessor can only be applied to an object");
}

static result any_element(run *r, const node *n, struct spk_json j, list *out)
{
	if (*j.p == '[')
		return each(r, n->next, j, 1, 1, 1, false, r->path->lax, out);
	if (r->path->lax)
		return go_on(r, n, j, out);
	return r->loose ? SPK_PATH_NOT_FOUND : wrong(r, "jsonpath wildcard array accessor can only be applied to an array");
}

static bool subscript(run *r, const node *n, struct spk_json j, int64_t *out)
{
	list values = { 0 };
	struct number v;

	if (apply(r, n, j, r->path->lax, &values) == SPK_PATH_ERROR)
		return false;
	if (values.count != 1 || kind_of(values.item[0]) != SPK_JSONB_NUMBER) {
		wrong(r, "jsonpath array subscript is not a single numeric value");
		return false;
	}
	if (!number_of(r, values.item[0], &v))
		return false;
	v.mantissa /= spk_pow10(v.scale);
	*out = (int64_t)v.mantissa;
	if (v.mantissa >= INT32_MIN && v.mantissa <= INT32_MAX)
		return true;
	wrong(r, "jsonpath array subscript is out of integer range");
	return false;
}

static result elements(run *r, const node *n, struct spk_json j, int64_t from, int64_t to, list *out)
{
	result all = SPK_PATH_NOT_FOUND;

	for (int64_t at = from; at <= to; at++) {
		struct spk_json value = j;
		result one;

		if (*j.p == '[' && !spk_jsonb_element(j.p, j.end, at, &value.p, &value.end))
			break;
		one = go_on(r, n, value, out);
		if (stops(one, out))
			return one;
		all = one == SPK_PATH_OK ? one : all;
	}
	return all;
}

static result by_index(run *r, const node *n, struct spk_json j, list *out)
{
	int outer = r->last, size = *j.p == '[' ? spk_jsonb_count(j.p, j.end) : 1;
	result all = SPK_PATH_NOT_FOUND;

	if (*j.p != '[' && !r->path->lax)
		return r->loose ? SPK_PATH_NOT_FOUND : wrong(r, "jsonpath array accessor can only be applied to an array");
	for (int k = 0; k < n->ranges; k++) {
		int64_t from, to;
		result one;

		r->last = size;
		if (!subscript(r, n->range[k].from, j, &from))
			return SPK_PATH_ERROR;
		to = from;
		if (n->range[k].to && !subscript(r, n->range[k].to, j, &to))
			return SPK_PATH_ERROR;
		if (!r->loose && (from < 0 || from > to || to >= size))
			return wrong(r, "jsonpath array subscript is out of bounds");
		one = elements(r, n, j, SPK_MAX(from, 0), SPK_MIN(to, (int64_t)size - 1), out);
		r->last = outer;
		if (stops(one, out))
			return one;
		all = one == SPK_PATH_OK ? one : all;
	}
	return all;
}

static result any_depth(run *r, const node *n, struct spk_json j, list *out)
{
	bool was_loose = r->loose;
	result all = SPK_PATH_NOT_FOUND, one;

	if (n->first == 0) {
		r->loose = true;
		all = go_on(r, n, j, out);
		r->loose = was_loose;
		if (stops(all, out))
			return all;
	}
	if (!spk_json_is_container(j) || n->last == 0)
		return all;
	one = each(r, n->next, j, 1, n->first, n->last, true, r->path->lax, out);
	return one == SPK_PATH_NOT_FOUND ? all : one;
}

static result filter(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	enum truth t;

	if (unwrap && *j.p == '[')
		return unwrap_for(r, n, j, out);
	t = predicate(r, n->left, j);
	if (fatal(r))
		return SPK_PATH_ERROR;
	return t == YES ? go_on(r, n, j, out) : SPK_PATH_NOT_FOUND;
}

static result by_variable(run *r, const node *n, list *out)
{
	struct spk_json value;

	r->hard = !r->vars.p || !spk_jsonb_member(r->vars.p, r->vars.end, n->name, n->name_size, &value.p, &value.end);
	if (r->hard)
		return wrong(r, "could not find jsonpath variable \"%.*s\"", (int)n->name_size, n->name);
	return go_on(r, n, value, out);
}

static result by_last(run *r, const node *n, list *out)
{
	char text[24];

	if (r->last < 0)
		return wrong(r, "evaluating jsonpath LAST outside of array subscript");
	return go_on_made(r, n, text, (size_t)spk_text_bigint(r->last - 1, text), out);
}

/* A predicate as a value. */
static result as_value(run *r, const node *n, struct spk_json j, list *out)
{
	static const char *const texts[] = { [NO] = "false", [YES] = "true", [UNKNOWN] = "null" };
	const char *text = texts[predicate(r, n, j)];

	if (fatal(r))
		return SPK_PATH_ERROR;
	return go_on(r, n, (struct spk_json){ text, text + strlen(text) }, out);
}

static result apply_one(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	switch (n->kind) {
	case SPK_PATH_ROOT: return go_on(r, n, r->root, out);
	case SPK_PATH_CURRENT: return go_on(r, n, j, out);
	case SPK_PATH_LAST: return by_last(r, n, out);
	case SPK_PATH_LITERAL: return go_on(r, n, n->literal, out);
	case SPK_PATH_VARIABLE: return by_variable(r, n, out);
	case SPK_PATH_KEY: return by_key(r, n, j, unwrap, out);
	case SPK_PATH_ANY_KEY: return any_key(r, n, j, unwrap, out);
	case SPK_PATH_ANY_ELEMENT: return any_element(r, n, j, out);
	case SPK_PATH_INDEX: return by_index(r, n, j, out);
	case SPK_PATH_ANY_DEPTH: return any_depth(r, n, j, out);
	case SPK_PATH_FILTER: return filter(r, n, j, unwrap, out);
	case SPK_PATH_TYPE: return type_of(r, n, j, out);
	case SPK_PATH_SIZE: return size_of(r, n, j, out);
	case SPK_PATH_ABS:
	case SPK_PATH_FLOOR:
	case SPK_PATH_CEILING: return rounding(r, n, j, unwrap, out);
	case SPK_PATH_DOUBLE: return to_double(r, n, j, unwrap, out);
	case SPK_PATH_DATETIME: return to_time(r, n, j, unwrap, out);
	case SPK_PATH_KEYVALUE: return key_values(r, n, j, unwrap, out);
	case SPK_PATH_PLUS:
	case SPK_PATH_MINUS: return signs(r, n, j, out);
	case SPK_PATH_ADD:
	case SPK_PATH_SUBTRACT:
	case SPK_PATH_MULTIPLY:
	case SPK_PATH_DIVIDE:
	case SPK_PATH_MODULO: return arithmetic(r, n, j, out);
	default: return as_value(r, n, j, out);
	}
}

static result apply(run *r, const node *n, struct spk_json j, bool unwrap, list *out)
{
	result got;

	if (++r->depth > DEPTH_MAX) {
		r->depth--;
		return wrong(r, "stack depth limit exceeded");
	}
	got = apply_one(r, n, j, unwrap, out);
	r->depth--;
	return got;
}

/* --- predicates --- */

static enum truth of_order(enum spk_path_kind kind, int order)
{
	switch (kind) {
	case SPK_PATH_EQ: return order == 0;
	case SPK_PATH_NE: return order != 0;
	case SPK_PATH_LT: return order < 0;
	case SPK_PATH_LE: return order <= 0;
	case SPK_PATH_GT: return order > 0;
	default: return order >= 0;
	}
}

static enum truth compare_times(run *r, const node *n, const struct spk_path_time *a, const struct spk_path_time *b)
{
	static const char *const types[] = {
		[SPK_PATH_DATE] = "date", [SPK_PATH_TIME] = "time", [SPK_PATH_TIMETZ] = "timetz", [SPK_PATH_TIMESTAMP] = "timestamp", [SPK_PATH_TIMESTAMPTZ] = "timestamptz",
	};
	bool needs_zone;
	int order;

	if (spk_path_time_compare(a, b, r->zoned, r->zone, &order, &needs_zone))
		return of_order(n->kind, order);
	if (needs_zone) {
		/* Not silenced in PostgreSQL either. */
		r->hard = true;
		wrong(r, "cannot convert value from %s to %s without time zone usage", types[SPK_MIN(a->kind, b->kind)], types[SPK_MAX(a->kind, b->kind)]);
	}
	return UNKNOWN;
}

/* Values of different kinds cannot be compared, but for null, which differs from all others. */
static enum truth compare(run *r, const node *n, struct spk_json a, struct spk_json b)
{
	struct spk_view x = spk_json_view(a), y = spk_json_view(b);

	if (spk_json_is_time(a) && spk_json_is_time(b))
		return compare_times(r, n, time_of(a), time_of(b));
	if (spk_json_is_time(a) || spk_json_is_time(b) || kind_of(a) != kind_of(b)) {
		if (*a.p == 'n' || *b.p == 'n')
			return n->kind == SPK_PATH_NE ? YES : NO;
		return UNKNOWN;
	}
	return spk_json_is_container(a) ? UNKNOWN : of_order(n->kind, spk_jsonb_compare(&x, &y));
}

static enum truth starts_with(run *r, const node *n, struct spk_json a, struct spk_json b)
{
	const char *x, *y, *x_end, *y_end;

	(void)r;
	(void)n;
	if (*a.p != '"' || *b.p != '"')
		return UNKNOWN;
	x = a.p + 1;
	y = b.p + 1;
	x_end = spk_jsonb_string_end(a.p, a.end);
	y_end = spk_jsonb_string_end(b.p, b.end);
	/* One character has one form, so the escaped bytes tell as well. */
	return x_end - x >= y_end - y && memcmp(x, y, (size_t)(y_end - y)) == 0;
}

static enum truth like_regex(run *r, const node *n, struct spk_json a, struct spk_json b)
{
	const char *s = a.p + 1, *end = spk_jsonb_string_end(a.p, a.end);
	bool found = false;

	(void)b;
	if (*a.p != '"')
		return UNKNOWN;
	if (memchr(s, '\\', (size_t)(end - s))) {
		char *copy = spk_arena_alloc(r->arena, (size_t)(end - s));

		if (!copy) {
			no_memory(r);
			return UNKNOWN;
		}
		end = copy + spk_jsonb_unescape(s, end, copy);
		s = copy;
	}
	if (spk_regex_find(&r->matcher, n->regex, s, end, s, &found, NULL, &r->failure) != SPK_OK)
		return UNKNOWN;
	return found ? YES : NO;
}

/* Any pair of the operands' values: in lax mode the first that is true decides; one that is unknown makes the rest unknown. */
static enum truth pairs(run *r, const node *n, struct spk_json j, bool unwrap_right, enum truth (*test)(run *, const node *, struct spk_json, struct spk_json))
{
	list left = { 0 }, right = { 0 };
	bool unknown = false, found = false;

	if (operands(r, n->left, j, true, &left) == SPK_PATH_ERROR || (n->right && operands(r, n->right, j, unwrap_right, &right) == SPK_PATH_ERROR))
		return UNKNOWN;
	for (int i = 0; i < left.count; i++) {
		for (int k = 0; k < (n->right ? right.count : 1); k++) {
			enum truth t = test(r, n, left.item[i], n->right ? right.item[k] : left.item[i]);

			if (t == UNKNOWN && !r->path->lax)
				return UNKNOWN;
			if (t == YES && r->path->lax)
				return YES;
			unknown = unknown || t == UNKNOWN;
			found = found || t == YES;
		}
	}
	return found ? YES : unknown ? UNKNOWN : NO;
}

static enum truth exists(run *r, const node *n, struct spk_json j)
{
	list values = { 0 };
	result got = apply(r, n->left, j, r->path->lax, r->path->lax ? NULL : &values);

	if (got == SPK_PATH_ERROR)
		return UNKNOWN;
	return r->path->lax ? (got == SPK_PATH_OK ? YES : NO) : values.count ? YES : NO;
}

static enum truth predicate(run *r, const node *n, struct spk_json j)
{
	enum truth a, b;

	switch (n->kind) {
	case SPK_PATH_AND:
		a = predicate(r, n->left, j);
		if (a == NO || fatal(r))
			return NO;
		b = predicate(r, n->right, j);
		return b == YES ? a : b;
	case SPK_PATH_OR:
		a = predicate(r, n->left, j);
		if (a == YES || fatal(r))
			return YES;
		b = predicate(r, n->right, j);
		return b == NO ? a : b;
	case SPK_PATH_NOT:
		a = predicate(r, n->left, j);
		return a == UNKNOWN ? UNKNOWN : a == YES ? NO : YES;
	case SPK_PATH_IS_UNKNOWN: return predicate(r, n->left, j) == UNKNOWN ? YES : NO;
	case SPK_PATH_EXISTS: return exists(r, n, j);
	case SPK_PATH_STARTS_WITH: return pairs(r, n, j, false, starts_with);
	case SPK_PATH_LIKE_REGEX: return pairs(r, n, j, false, like_regex);
	default: return pairs(r, n, j, true, compare);
	}
}

/* Dates and times among the results as strings. */
static result as_strings(run *r, list *out)
{
	char text[64];

	for (int i = 0; i < out->count; i++)
		if (spk_json_is_time(out->item[i]) && !made(r, text, (size_t)spk_path_time_format(time_of(out->item[i]), text), &out->item[i]))
			return SPK_PATH_ERROR;
	return SPK_PATH_OK;
}

enum spk_path_result spk_path_run(run *r, list *out)
{
	list all = { 0 };
	result got;

	r->loose = r->path->lax;
	r->last = -1;
	r->depth = 0;
	r->message[0] = 0;
	r->hard = false;
	if (out || r->path->lax) {
		got = apply(r, r->path->root, r->root, r->path->lax, out);
		return out && as_strings(r, out) == SPK_PATH_ERROR ? SPK_PATH_ERROR : got;
	}
	/* In strict mode the whole sequence is needed to know that it has no error. */
	got = apply(r, r->path->root, r->root, false, &all);
	return got == SPK_PATH_ERROR ? got : all.count ? SPK_PATH_OK : SPK_PATH_NOT_FOUND;
}
