/*
 * Sets of rows from values: generate_series, generate_subscripts, unnest. All give arrays (function.h).
 *
 * A series is counted first and then written, so that its memory is asked for at once.
 */
#include "core/expr/array.h"
#include "core/expr/families.h"
#include "core/expr/interval.h"
#include "core/expr/session.h"

enum { SERIES_MAX = INT32_MAX / 2 };

static spk_status too_long(const struct spk_call *call, struct spk_vector *out, int row, spk_error *err)
{
	return spk_call_fail(call, out, row, SPK_UNSUPPORTED, err, "a series of more than %d rows", SERIES_MAX);
}

static spk_status no_step(const struct spk_call *call, struct spk_vector *out, int row, spk_error *err)
{
	return spk_call_fail(call, out, row, SPK_DATA, err, "step size cannot equal zero");
}

/* --- whole numbers --- */

/* How many numbers there are from start to stop by steps; none when the step leads away. */
static int64_t series_length(spk_int128 start, spk_int128 stop, spk_int128 step)
{
	if (step > 0 ? start > stop : start < stop)
		return 0;
	return (int64_t)SPK_MIN((stop - start) / step + 1, (spk_int128)INT64_MAX);
}

#define INTEGER_SERIES(name, ctype) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[1]); \
		const struct spk_reader rs = spk_vector_reader(&call->arg[call->args - 1]); \
		struct spk_array_writer w = spk_array_writer(call, out); \
		SPK_EACH_CALL_ROW(call, row) { \
			ctype start = SPK_ARG(ctype, ra, row), stop = SPK_ARG(ctype, rb, row), step = call->args == 3 ? SPK_ARG(ctype, rs, row) : 1; \
			int64_t n = step ? series_length(start, stop, step) : 0; \
			uint64_t v = (uint64_t)(int64_t)start; \
			if (!step) \
				SPK_TRY(no_step(call, out, row, err)); \
			if (n > SERIES_MAX) { \
				SPK_TRY(too_long(call, out, row, err)); \
				n = 0; \
			} \
			SPK_TRY(spk_array_room(&w, (int)n, err)); \
			for (int64_t i = 0; i < n; i++, v += (uint64_t)(int64_t)step) \
				((ctype *)w.child->data)[w.used++] = (ctype)v; \
			spk_array_end(&w, row); \
		} \
		spk_array_end(&w, call->rows); \
		return SPK_OK; \
	}
INTEGER_SERIES(series_integer, int32_t)
INTEGER_SERIES(series_bigint, int64_t)

/* --- numerics --- */

struct number { spk_int128 mantissa; int scale; };

static struct number number_at(const struct spk_call *call, int k, int row)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[k]);
	struct number v;

	spk_decimal_unpack(call->arg[k].type, SPK_ARG(spk_int128, r, row), &v.mantissa, &v.scale);
	return v;
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
static spk_status write_numbers(struct spk_array_writer *w, struct number start, struct number stop, struct number step, int row, spk_error *err)
{
	const int first_scale = start.scale, scale = SPK_MAX(start.scale, step.scale);
	struct number v[3] = { start, stop, step };
	int64_t n;

	if (!same_scale(v, 3))
		return spk_call_fail(w->call, w->out, row, SPK_DATA, err, "value overflows numeric format");
	n = series_length(v[0].mantissa, v[1].mantissa, v[2].mantissa);
	if (n > SERIES_MAX)
		return too_long(w->call, w->out, row, err);
	SPK_TRY(spk_array_room(w, (int)n, err));
	for (int64_t i = 0; i < n; i++) {
		spk_int128 m = v[0].mantissa + i * v[2].mantissa;
		int shown = i ? scale : first_scale;

		if (!spk_decimal_rescale(m, v[0].scale, shown, &m) || !spk_decimal_store(w->child->type, m, shown, &spk_vector_i128(w->child)[w->used]))
			return spk_call_fail(w->call, w->out, row, SPK_DATA, err, "value overflows numeric format");
		w->used++;
	}
	return SPK_OK;
}

static spk_status series_numeric(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	struct spk_array_writer w = spk_array_writer(call, out);

	SPK_EACH_CALL_ROW(call, row) {
		struct number step = call->args == 3 ? number_at(call, 2, row) : (struct number){ 1, 0 };

		if (!step.mantissa)
			SPK_TRY(no_step(call, out, row, err));
		else
			SPK_TRY(write_numbers(&w, number_at(call, 0, row), number_at(call, 1, row), step, row, err));
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

/* --- timestamps --- */

static spk_status write_times(struct spk_array_writer *w, int64_t at, int64_t stop, struct spk_interval step, bool zoned, const struct spk_zone *zone, int row, spk_error *err)
{
	bool forward = spk_interval_span(step) > 0;

	while (forward ? at <= stop : at >= stop) {
		if (w->used == SERIES_MAX)
			return too_long(w->call, w->out, row, err);
		SPK_TRY(spk_array_room(w, 1, err));
		spk_vector_i64(w->child)[w->used++] = at;
		if (!spk_timestamp_finite(at))
			return spk_call_fail(w->call, w->out, row, SPK_UNSUPPORTED, err, "a series from infinity");
		if (!(zoned ? spk_timestamptz_add(at, step, zone, &at) : spk_timestamp_add(at, step, &at)))
			return spk_call_fail(w->call, w->out, row, SPK_DATA, err, "timestamp out of range");
	}
	return SPK_OK;
}

static spk_status series_times(const struct spk_call *call, bool zoned, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[1]), rs = spk_vector_reader(&call->arg[2]);
	struct spk_array_writer w = spk_array_writer(call, out);
	const struct spk_zone *zone = NULL;

	if (zoned)
		SPK_TRY(spk_session_zone(call, &zone, err));
	SPK_EACH_CALL_ROW(call, row) {
		struct spk_interval step = SPK_ARG(struct spk_interval, rs, row);

		if (!spk_interval_span(step))
			SPK_TRY(no_step(call, out, row, err));
		else
			SPK_TRY(write_times(&w, SPK_ARG(int64_t, ra, row), SPK_ARG(int64_t, rb, row), step, zoned, zone, row, err));
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

static spk_status series_timestamp(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return series_times(call, false, out, err);
}

static spk_status series_timestamptz(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return series_times(call, true, out, err);
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

#define SERIES(T, kernel_) \
	{ .name = "generate_series", .doc = "Numbers or times from the first to the second by steps (of 1)", .args_min = 2, .args_max = 3, \
	  .arg = { SPK_T(T), SPK_T(T), SPK_T(T) }, .result = SPK_TA(T), .set_returning = true, .can_fail = true, .kernel = kernel_ }
#define TIME_SERIES(T, kernel_, volatility_) \
	{ .name = "generate_series", .doc = "Numbers or times from the first to the second by steps (of 1)", SPK_ARGS3(T, T, INTERVAL), .result = SPK_TA(T), \
	  .set_returning = true, .can_fail = true, .volatility = volatility_, .kernel = kernel_ }

static const struct spk_function series_functions[] = {
	SERIES(INTEGER, series_integer),
	SERIES(BIGINT, series_bigint),
	SERIES(DECIMAL, series_numeric),
	TIME_SERIES(TIMESTAMP, series_timestamp, SPK_IMMUTABLE),
	TIME_SERIES(TIMESTAMPTZ, series_timestamptz, SPK_STABLE),
	{ .name = "unnest", .doc = "The elements of an array", SPK_ARGS1(ARRAY), SPK_RESULT(ARRAY), .alike = SPK_ALIKE_SAME, .set_returning = true, .kernel = unnest },
	{ .name = "generate_subscripts", .doc = "The subscripts of an array's dimension, in reverse if the third argument says so", .args_min = 2, .args_max = 3,
	  .arg = { SPK_T(ARRAY), SPK_T(INTEGER), SPK_T(BOOLEAN) }, .result = SPK_TA(INTEGER), .alike = SPK_ALIKE_SAME, .set_returning = true, .kernel = generate_subscripts },
};

SPK_FUNCTION_FAMILY(series, series_functions)
