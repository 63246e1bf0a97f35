/*
 * Which casts there are, and when they happen by themselves; the kernels are in cast_number.c, cast_text.c and cast_time.c.
 *
 * The table is PostgreSQL's pg_cast for our types. Every type goes to text on assignment and from text when asked for.
 */
#include "core/expr/cast.h"

#define IMPLICIT SPK_CAST_IMPLICIT
#define ASSIGNMENT SPK_CAST_ASSIGNMENT
#define EXPLICIT SPK_CAST_EXPLICIT
#define CAST(from_, to_, context_, fails_, kernel_) \
	{ .from = SPK_TYPE_##from_, .to = SPK_TYPE_##to_, .context = context_, .can_fail = fails_, .kernel = kernel_ },
#define STABLE(from_, to_, context_, fails_, kernel_) \
	{ .from = SPK_TYPE_##from_, .to = SPK_TYPE_##to_, .context = context_, .can_fail = fails_, .stable = true, .kernel = kernel_ },

#define TEXT_CASTS(T) \
	CAST(T, TEXT, ASSIGNMENT, true, spk_cast_to_text) \
	CAST(TEXT, T, EXPLICIT, true, spk_cast_from_text)

static const struct spk_cast casts[] = {
	CAST(SMALLINT, INTEGER, IMPLICIT, false, spk_cast_i16_i32)
	CAST(SMALLINT, BIGINT, IMPLICIT, false, spk_cast_i16_i64)
	CAST(SMALLINT, REAL, IMPLICIT, false, spk_cast_i16_f32)
	CAST(SMALLINT, DOUBLE, IMPLICIT, false, spk_cast_i16_f64)
	CAST(SMALLINT, DECIMAL, IMPLICIT, true, spk_cast_i16_decimal)
	CAST(INTEGER, SMALLINT, ASSIGNMENT, true, spk_cast_i32_i16)
	CAST(INTEGER, BIGINT, IMPLICIT, false, spk_cast_i32_i64)
	CAST(INTEGER, REAL, IMPLICIT, false, spk_cast_i32_f32)
	CAST(INTEGER, DOUBLE, IMPLICIT, false, spk_cast_i32_f64)
	CAST(INTEGER, DECIMAL, IMPLICIT, true, spk_cast_i32_decimal)
	CAST(INTEGER, BOOLEAN, EXPLICIT, false, spk_cast_i32_bool)
	CAST(BOOLEAN, INTEGER, EXPLICIT, false, spk_cast_bool_i32)
	CAST(BIGINT, SMALLINT, ASSIGNMENT, true, spk_cast_i64_i16)
	CAST(BIGINT, INTEGER, ASSIGNMENT, true, spk_cast_i64_i32)
	CAST(BIGINT, REAL, IMPLICIT, false, spk_cast_i64_f32)
	CAST(BIGINT, DOUBLE, IMPLICIT, false, spk_cast_i64_f64)
	CAST(BIGINT, DECIMAL, IMPLICIT, true, spk_cast_i64_decimal)
	CAST(REAL, SMALLINT, ASSIGNMENT, true, spk_cast_f32_i16)
	CAST(REAL, INTEGER, ASSIGNMENT, true, spk_cast_f32_i32)
	CAST(REAL, BIGINT, ASSIGNMENT, true, spk_cast_f32_i64)
	CAST(REAL, DOUBLE, IMPLICIT, false, spk_cast_f32_f64)
	CAST(REAL, DECIMAL, ASSIGNMENT, true, spk_cast_f32_decimal)
	CAST(DOUBLE, SMALLINT, ASSIGNMENT, true, spk_cast_f64_i16)
	CAST(DOUBLE, INTEGER, ASSIGNMENT, true, spk_cast_f64_i32)
	CAST(DOUBLE, BIGINT, ASSIGNMENT, true, spk_cast_f64_i64)
	CAST(DOUBLE, REAL, ASSIGNMENT, true, spk_cast_f64_f32)
	CAST(DOUBLE, DECIMAL, ASSIGNMENT, true, spk_cast_f64_decimal)
	CAST(DECIMAL, SMALLINT, ASSIGNMENT, true, spk_cast_decimal_i16)
	CAST(DECIMAL, INTEGER, ASSIGNMENT, true, spk_cast_decimal_i32)
	CAST(DECIMAL, BIGINT, ASSIGNMENT, true, spk_cast_decimal_i64)
	CAST(DECIMAL, REAL, IMPLICIT, true, spk_cast_decimal_f32)
	CAST(DECIMAL, DOUBLE, IMPLICIT, false, spk_cast_decimal_f64)
	CAST(DECIMAL, DECIMAL, IMPLICIT, true, spk_cast_decimal_decimal)
	CAST(TEXT, TEXT, IMPLICIT, true, spk_cast_text_text)
	CAST(DATE, TIMESTAMP, IMPLICIT, true, spk_cast_date_timestamp)
	STABLE(DATE, TIMESTAMPTZ, IMPLICIT, true, spk_cast_date_timestamptz)
	CAST(TIME, INTERVAL, IMPLICIT, false, spk_cast_time_interval)
	CAST(TIMESTAMP, DATE, ASSIGNMENT, false, spk_cast_timestamp_date)
	CAST(TIMESTAMP, TIME, ASSIGNMENT, true, spk_cast_timestamp_time)
	STABLE(TIMESTAMP, TIMESTAMPTZ, IMPLICIT, true, spk_cast_timestamp_timestamptz)
	STABLE(TIMESTAMPTZ, DATE, ASSIGNMENT, false, spk_cast_timestamptz_date)
	STABLE(TIMESTAMPTZ, TIME, ASSIGNMENT, true, spk_cast_timestamptz_time)
	STABLE(TIMESTAMPTZ, TIMESTAMP, ASSIGNMENT, false, spk_cast_timestamptz_timestamp)
	CAST(INTERVAL, TIME, ASSIGNMENT, false, spk_cast_interval_time)
	TEXT_CASTS(BOOLEAN)
	TEXT_CASTS(SMALLINT)
	TEXT_CASTS(INTEGER)
	TEXT_CASTS(BIGINT)
	TEXT_CASTS(REAL)
	TEXT_CASTS(DOUBLE)
	TEXT_CASTS(DECIMAL)
	TEXT_CASTS(DATE)
	TEXT_CASTS(TIME)
	TEXT_CASTS(TIMESTAMP)
	TEXT_CASTS(INTERVAL)
	TEXT_CASTS(UUID)
	CAST(BYTEA, TEXT, ASSIGNMENT, true, spk_cast_bytea_text)
	CAST(TEXT, BYTEA, EXPLICIT, true, spk_cast_text_bytea)
	CAST(JSONB, TEXT, ASSIGNMENT, true, spk_cast_jsonb_text)
	CAST(TEXT, JSONB, EXPLICIT, true, spk_cast_text_jsonb)
	CAST(JSON, TEXT, ASSIGNMENT, true, spk_cast_jsonb_text)
	CAST(TEXT, JSON, EXPLICIT, true, spk_cast_text_json)
	CAST(JSON, JSONB, ASSIGNMENT, true, spk_cast_text_jsonb)
	CAST(JSONB, JSON, ASSIGNMENT, false, spk_cast_jsonb_text)
	CAST(JSONB, BOOLEAN, EXPLICIT, true, spk_cast_jsonb_bool)
	CAST(JSONB, SMALLINT, EXPLICIT, true, spk_cast_jsonb_number)
	CAST(JSONB, INTEGER, EXPLICIT, true, spk_cast_jsonb_number)
	CAST(JSONB, BIGINT, EXPLICIT, true, spk_cast_jsonb_number)
	CAST(JSONB, REAL, EXPLICIT, true, spk_cast_jsonb_number)
	CAST(JSONB, DOUBLE, EXPLICIT, true, spk_cast_jsonb_number)
	CAST(JSONB, DECIMAL, EXPLICIT, true, spk_cast_jsonb_number)
	CAST(ARRAY, TEXT, ASSIGNMENT, true, spk_cast_nested_text)
	CAST(ROW, TEXT, ASSIGNMENT, true, spk_cast_nested_text)
	CAST(TEXT, ARRAY, EXPLICIT, true, spk_cast_text_nested)
	CAST(TEXT, ROW, EXPLICIT, true, spk_cast_text_nested)
	CAST(ARRAY, ARRAY, IMPLICIT, false, spk_cast_array_array)
	CAST(ROW, ROW, ASSIGNMENT, false, spk_cast_row_row)
	STABLE(TIMESTAMPTZ, TEXT, ASSIGNMENT, true, spk_cast_to_text)
	STABLE(TEXT, TIMESTAMPTZ, EXPLICIT, true, spk_cast_from_text)
};

enum { SPK_VARYING_DIGITS = 36 };  /* of a numeric that carries its scale */

static const struct spk_cast *entry(enum spk_type_id from, enum spk_type_id to)
{
	for (size_t i = 0; i < SPK_COUNT_OF(casts); i++)
		if (casts[i].from == from && casts[i].to == to)
			return &casts[i];
	return NULL;
}

/* Elements and fields pair by pair; false when there is none such or their numbers differ. */
static bool pair(struct spk_type from, struct spk_type to, int i, struct spk_type *a, struct spk_type *b)
{
	if (i == from.children->count)
		return false;
	*a = from.children->field[i].type;
	*b = to.children->field[i].type;
	return true;
}

static bool both_nested(struct spk_type from, struct spk_type to)
{
	return from.id == to.id && spk_type_is_nested(from);
}

/* Maps become arrays of their entries; arrays do not become maps so, and keys that are cast must stay apart. */
static bool breaks_map(struct spk_type from, struct spk_type to)
{
	struct spk_type a, b;

	if (!spk_type_is_map(to) || from.id != SPK_TYPE_ARRAY)
		return false;
	if (!spk_type_is_map(from))
		return true;
	a = spk_type_element(from).children->field[0].type;
	b = spk_type_element(to).children->field[0].type;
	return !spk_cast_is_noop(a, b) && !(spk_type_is_integer(a) && spk_type_is_integer(b));
}

const struct spk_cast *spk_cast_find(struct spk_type from, struct spk_type to)
{
	const struct spk_cast *cast = breaks_map(from, to) ? NULL : entry(from.id, to.id);
	struct spk_type a, b;

	if (!cast || !both_nested(from, to))
		return cast;
	if (!from.children || !to.children || from.children->count != to.children->count)
		return NULL;
	for (int i = 0; pair(from, to, i, &a, &b); i++)
		if (!spk_cast_is_noop(a, b) && !spk_cast_find(a, b))
			return NULL;
	return cast;
}

enum spk_cast_context spk_cast_context(const struct spk_cast *cast, struct spk_type from, struct spk_type to)
{
	enum spk_cast_context context = cast->context;
	struct spk_type a, b;

	for (int i = 0; both_nested(from, to) && pair(from, to, i, &a, &b); i++)
		if (!spk_cast_is_noop(a, b))
			context = SPK_MAX(context, spk_cast_context(spk_cast_find(a, b), a, b));
	return context;
}

/* Whether any type within is one whose text depends on the session's zone. */
bool spk_type_has_zone(struct spk_type type)
{
	bool found = type.id == SPK_TYPE_TIMESTAMPTZ;

	for (int i = 0; type.children && i < type.children->count && !found; i++)
		found = spk_type_has_zone(type.children->field[i].type);
	return found;
}

bool spk_cast_is_stable(const struct spk_cast *cast, struct spk_type from, struct spk_type to)
{
	bool stable = cast->stable;
	struct spk_type a, b;

	for (int i = 0; both_nested(from, to) && pair(from, to, i, &a, &b); i++)
		if (!spk_cast_is_noop(a, b))
			stable = stable || spk_cast_is_stable(spk_cast_find(a, b), a, b);
	if (spk_type_is_nested(from) != spk_type_is_nested(to))
		stable = stable || spk_type_has_zone(from) || spk_type_has_zone(to);
	return stable;
}

struct spk_type spk_numeric_type_of(struct spk_type from)
{
	switch (from.id) {
	case SPK_TYPE_SMALLINT: return spk_type_decimal(5, 0);
	case SPK_TYPE_INTEGER: return spk_type_decimal(10, 0);
	case SPK_TYPE_BIGINT: return spk_type_decimal(19, 0);
	case SPK_TYPE_DECIMAL: return from;
	default: return spk_type(SPK_TYPE_DECIMAL);
	}
}

bool spk_cast_may_fail(const struct spk_cast *cast, struct spk_type from, struct spk_type to)
{
	struct spk_type a, b;

	for (int i = 0; both_nested(from, to) && pair(from, to, i, &a, &b); i++)
		if (!spk_cast_is_noop(a, b) && spk_cast_may_fail(spk_cast_find(a, b), a, b))
			return true;
	if (to.id == SPK_TYPE_TEXT)
		return to.precision > 0;
	if (to.id == SPK_TYPE_DECIMAL && (spk_type_is_integer(from) || from.id == SPK_TYPE_DECIMAL)) {
		from = spk_numeric_type_of(from);
		if (to.scale < 0)
			return from.scale >= 0 && from.precision > SPK_VARYING_DIGITS;
		return from.scale < 0 || ((to.scale < from.scale || to.precision - to.scale < from.precision - from.scale));
	}
	return cast->can_fail;
}

bool spk_cast_is_noop(struct spk_type from, struct spk_type to)
{
	struct spk_type a, b;

	if (spk_type_same(from, to))
		return true;
	if (breaks_map(from, to))
		return false;
	if (both_nested(from, to)) {
		bool noop = from.children && to.children && from.children->count == to.children->count;

		for (int i = 0; noop && pair(from, to, i, &a, &b); i++)
			noop = spk_cast_is_noop(a, b);
		return noop;
	}
	if (from.id != to.id)
		return false;
	if (to.id == SPK_TYPE_TEXT)
		return (to.precision == 0 || (from.precision > 0 && from.precision <= to.precision)) && (!spk_type_is_padded(to) || spk_type_is_padded(from));
	if (to.id == SPK_TYPE_DECIMAL)
		return from.scale >= 0 && from.scale == to.scale && from.precision > 0 && from.precision <= to.precision;
	return true;
}
