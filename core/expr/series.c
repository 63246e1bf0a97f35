/*
 * Sets of rows from values: generate_series, generate_subscripts, unnest. All give arrays (function.h); a series may also be asked for piece by
 * piece (series.h).
 */
#include "core/expr/series.h"

#include "core/expr/array.h"
#include "core/expr/families.h"
#include "core/expr/interval.h"
#include "core/expr/session.h"

enum { SERIES_MAX = INT32_MAX / 2, PIECE = 1024 };

/* --- beginning --- */

/* How many numbers there are from start to stop by steps; none when the step leads away. */
static int64_t series_length(spk_int128 start, spk_int128 stop, spk_int128 step)
{
	if (step > 0 ? start > stop : start < stop)
		return 0;
	return (int64_t)SPK_MIN((stop - start) / step + 1, (spk_int128)INT64_MAX);
}

static spk_status no_step(spk_error *err) { return spk_fail(err, SPK_DATA, "step size cannot equal zero"); }

static int64_t integer_at(const struct spk_vector *v, int row)
{
	const struct spk_reader r = spk_vector_reader(v);

	return v->type.id == SPK_TYPE_INTEGER ? SPK_ARG(int32_t, r, row) : SPK_ARG(int64_t, r, row);
}

static spk_status begin_whole(struct spk_series *s, const struct spk_vector *arg, int args, int row, spk_error *err)
{
	int64_t start = integer_at(&arg[0], row), step = args == 3 ? integer_at(&arg[2], row) : 1;

	if (!step)
		return no_step(err);
	s->left = series_length(start, integer_at(&arg[1], row), step);
	s->whole.at = (uint64_t)start;
	s->whole.step = (uint64_t)step;
	return SPK_OK;
}

struct number { spk_int128 mantissa; int scale; };

static struct number number_at(const struct spk_vector *v, int row)
{
	const struct spk_reader r = spk_vector_reader(v);
	struct number n;

	spk_decimal_unpack(v->type, SPK_ARG(spk_int128, r, row), &n.mantissa, &n.scale);
	return n;
}

/* All at the greatest scale of the three, as adding up the step would have them; false: too many digits. */
static bool same_scale(struct number *v, int n)
{
	int scale = 0;

	for (int i = 0; i < n; i++)
		scale = SPK_MAX(scale, v[i].scale);
	for (int i = 0; i < n; i++) {
		if (!spk_decimal_rescale(v[i].mantissa, v[i].scale, scale, &v[i].mantissa))
			return false;
		v[i].scale = scale;
	}
	return true;
}

/* The first one is as it was given, those after it have the greater scale of it and the step. */
static spk_status begin_number(struct spk_series *s, const struct spk_vector *arg, int args, int row, spk_error *err)
{
	struct number v[3] = { number_at(&arg[0], row), number_at(&arg[1], row), args == 3 ? number_at(&arg[2], row) : (struct number){ 1, 0 } };
	static const char *const what[] = { "start value", "stop value", "step size" };

	for (int i = 0; i < 3; i++)
		if (spk_decimal_is_special(v[i].mantissa))
			return spk_fail(err, SPK_DATA, "%s cannot be %s", what[i], v[i].mantissa == SPK_DECIMAL_NAN ? "NaN" : "infinity");
	if (!v[2].mantissa)
		return no_step(err);
	s->number.shown = v[0].scale;
	s->number.later = SPK_MAX(v[0].scale, v[2].scale);
	if (!same_scale(v, 3))
		return spk_fail(err, SPK_DATA, "value overflows numeric format");
	s->left = series_length(v[0].mantissa, v[1].mantissa, v[2].mantissa);
	s->number.at = v[0].mantissa;
	s->number.step = v[2].mantissa;
	s->number.scale = v[0].scale;
	return SPK_OK;
}

static spk_status begin_time(struct spk_series *s, const struct spk_vector *arg, int row, const char *timezone, spk_error *err)
{
	const struct spk_reader ra = spk_vector_reader(&arg[0]), rb = spk_vector_reader(&arg[1]), rs = spk_vector_reader(&arg[2]);

	s->counted = false;
	s->time.at = SPK_ARG(int64_t, ra, row);
	s->time.stop = SPK_ARG(int64_t, rb, row);
	s->time.step = SPK_ARG(struct spk_interval, rs, row);
	s->time.zoned = s->type.id == SPK_TYPE_TIMESTAMPTZ;
	if (!spk_interval_span(s->time.step))
		return no_step(err);
	s->time.forward = spk_interval_span(s->time.step) > 0;
	return s->time.zoned ? spk_zone_of_session(timezone, &s->time.zone, err) : SPK_OK;
}

bool spk_is_series(const struct spk_expr *e)
{
	return e->kind == SPK_EXPR_CALL && e->function->set_returning && strcmp(e->function->name, "generate_series") == 0;
}

spk_status spk_series_begin(struct spk_series *s, const struct spk_expr *e, const struct spk_vector *arg, int row, const char *timezone, spk_error *err)
{
	*s = (struct spk_series){ .type = e->type.children->field[0].type, .counted = true };
	switch (s->type.id) {
	case SPK_TYPE_DECIMAL: return begin_number(s, arg, e->args, row, err);
	case SPK_TYPE_INTEGER:
	case SPK_TYPE_BIGINT: return begin_whole(s, arg, e->args, row, err);
	default: return begin_time(s, arg, row, timezone, err);
	}
}

/* --- going on --- */

static void next_whole(struct spk_series *s, struct spk_vector *out, int at, int n)
{
	uint64_t v = s->whole.at;

	if (s->type.id == SPK_TYPE_INTEGER)
		for (int i = 0; i < n; i++, v += s->whole.step)
			spk_vector_i32(out)[at + i] = (int32_t)v;
	else
		for (int i = 0; i < n; i++, v += s->whole.step)
			spk_vector_i64(out)[at + i] = (int64_t)v;
	s->whole.at = v;
}

static spk_status next_numbers(struct spk_series *s, struct spk_vector *out, int at, int n, spk_error *err)
{
	for (int i = 0; i < n; i++) {
		spk_int128 m = s->number.at;

		if (!spk_decimal_rescale(m, s->number.scale, s->number.shown, &m) || !spk_decimal_store(out->type, m, s->number.shown, &spk_vector_i128(out)[at + i]))
			return spk_fail(err, SPK_DATA, "value overflows numeric format");
		s->number.at += s->number.step;
		s->number.shown = s->number.later;
	}
	return SPK_OK;
}

static spk_status next_times(struct spk_series *s, struct spk_vector *out, int at, int n, int *made, spk_error *err)
{
	int i = 0;

	for (; i < n && (s->time.forward ? s->time.at <= s->time.stop : s->time.at >= s->time.stop); i++) {
		spk_vector_i64(out)[at + i] = s->time.at;
		if (!spk_timestamp_finite(s->time.at))
			return spk_fail(err, SPK_UNSUPPORTED, "a series from infinity");
		if (!(s->time.zoned ? spk_timestamptz_add(s->time.at, s->time.step, s->time.zone, &s->time.at) : spk_timestamp_add(s->time.at, s->time.step, &s->time.at)))
			return spk_fail(err, SPK_DATA, "timestamp out of range");
	}
	*made = i;
	return SPK_OK;
}

spk_status spk_series_next(struct spk_series *s, struct spk_vector *out, int at, int n, int *made, spk_error *err)
{
	if (!s->counted)
		return next_times(s, out, at, n, made, err);
	*made = n = (int)SPK_MIN((int64_t)n, s->left);
	s->left -= n;
	if (s->type.id == SPK_TYPE_DECIMAL)
		return next_numbers(s, out, at, n, err);
	next_whole(s, out, at, n);
	return SPK_OK;
}

void spk_series_skip(struct spk_series *s, int64_t n)
{
	n = SPK_MIN(n, s->left);
	s->left -= n;
	if (s->type.id == SPK_TYPE_DECIMAL) {
		s->number.at += n * s->number.step;
		s->number.shown = n ? s->number.later : s->number.shown;
	} else {
		s->whole.at += (uint64_t)n * s->whole.step;
	}
}

/* --- over constants --- */

static bool constant_number(const struct spk_expr *e, double *out)
{
	spk_int128 mantissa;
	int scale;

	if (e->kind != SPK_EXPR_CONSTANT || e->value.null)
		return false;
	switch (e->type.id) {
	case SPK_TYPE_INTEGER: *out = e->value.i32; return true;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ: *out = (double)e->value.i64; return true;
	case SPK_TYPE_INTERVAL: *out = (double)spk_interval_span(e->value.interval); return true;
	case SPK_TYPE_DECIMAL:
		spk_decimal_unpack(e->type, e->value.i128, &mantissa, &scale);
		*out = spk_decimal_to_double(mantissa, scale);
		return true;
	default: return false;
	}
}

bool spk_series_known(const struct spk_expr *e, struct spk_series_facts *out)
{
	double start, stop, step = 1, last;

	if (!spk_is_series(e) || !constant_number(e->arg[0], &start) || !constant_number(e->arg[1], &stop))
		return false;
	if ((e->args == 3 && !constant_number(e->arg[2], &step)) || step == 0)
		return false;
	out->counted = e->args < 3 || e->arg[2]->type.id != SPK_TYPE_INTERVAL;
	out->count = (step > 0 ? start > stop : start < stop) ? 0 : __builtin_floor((stop - start) / step) + 1;
	last = start + step * (out->count > 0 ? out->count - 1 : 0);
	out->low = SPK_MIN(start, last);
	out->high = SPK_MAX(start, last);
	return true;
}

/* --- as arrays --- */

static spk_status write_series(struct spk_series *s, struct spk_array_writer *w, spk_error *err)
{
	for (;;) {
		int n = s->counted ? (int)SPK_MIN(s->left, (int64_t)SERIES_MAX + 1) : PIECE, made;

		if (n > SERIES_MAX - w->used)
			return spk_fail(err, SPK_UNSUPPORTED, "an array of a series of more than %d values", SERIES_MAX);
		SPK_TRY(spk_array_room(w, n, err));
		SPK_TRY(spk_series_next(s, w->child, w->used, n, &made, err));
		w->used += made;
		if (s->counted || made < n)
			return SPK_OK;
	}
}

static spk_status series(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_array_writer w = spk_array_writer(call, out);

	SPK_EACH_CALL_ROW(call, row) {
		const int before = w.used;
		struct spk_series s;
		spk_error why = { 0 };
		spk_status status = spk_series_begin(&s, call->expr, call->arg, row, call->ev->timezone, &why);

		if (status == SPK_OK)
			status = write_series(&s, &w, &why);
		if (status == SPK_DATA || status == SPK_UNSUPPORTED) {
			w.used = before;
			SPK_TRY(spk_call_fail_with(call, out, row, &why, err));
		} else if (status != SPK_OK) {
			if (err)
				*err = why;
			return status;
		}
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

/* --- arrays --- */

static spk_status unnest(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	*out = call->arg[0];
	return SPK_OK;
}

static spk_status generate_subscripts(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rd = spk_vector_reader(&call->arg[1]), rr = spk_vector_reader(&call->arg[call->args - 1]);
	struct spk_array_writer w = spk_array_writer(call, out);

	SPK_EACH_CALL_ROW(call, row) {
		bool down = call->args == 3 && SPK_ARG(uint8_t, rr, row);
		int32_t dim[SPK_ARRAY_DIMS_MAX], d = SPK_ARG(int32_t, rd, row);
		int32_t n = d >= 1 && d <= spk_array_shape(&call->arg[0], row, dim) ? dim[d - 1] : 0;

		SPK_TRY(spk_array_room(&w, n, err));
		for (int32_t i = 1; i <= n; i++)
			spk_vector_i32(w.child)[w.used++] = down ? n - i + 1 : i;
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

/* --- the table --- */

#define SERIES(T) \
	{ .name = "generate_series", .doc = "Numbers or times from the first to the second by steps (of 1)", .args_min = 2, .args_max = 3, \
	  .arg = { SPK_T(T), SPK_T(T), SPK_T(T) }, .result = SPK_TA(T), .set_returning = true, .can_fail = true, .kernel = series }
#define TIME_SERIES(T, volatility_) \
	{ .name = "generate_series", .doc = "Numbers or times from the first to the second by steps (of 1)", SPK_ARGS3(T, T, INTERVAL), .result = SPK_TA(T), \
	  .set_returning = true, .can_fail = true, .volatility = volatility_, .kernel = series }

static const struct spk_function series_functions[] = {
	SERIES(INTEGER),
	SERIES(BIGINT),
	SERIES(DECIMAL),
	TIME_SERIES(TIMESTAMP, SPK_IMMUTABLE),
	TIME_SERIES(TIMESTAMPTZ, SPK_STABLE),
	{ .name = "unnest", .doc = "The elements of an array", SPK_ARGS1(ARRAY), SPK_RESULT(ARRAY), .alike = SPK_ALIKE_SAME, .set_returning = true, .kernel = unnest },
	{ .name = "generate_subscripts", .doc = "The subscripts of an array's dimension, in reverse if the third argument says so", .args_min = 2, .args_max = 3,
	  .arg = { SPK_T(ARRAY), SPK_T(INTEGER), SPK_T(BOOLEAN) }, .result = SPK_TA(INTEGER), .alike = SPK_ALIKE_SAME, .set_returning = true, .kernel = generate_subscripts },
};

SPK_FUNCTION_FAMILY(series, series_functions)
