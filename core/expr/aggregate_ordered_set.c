/* Ordered-set aggregates: percentile_cont, percentile_disc, mode. Rows whose sort key is NULL do not count. */
#include "core/expr/aggregate_direct.h"

#include "core/expr/interval.h"
#include "core/expr/percentile.h"

/* What a final function needs: the rows in order, and memory until it is done. */
struct set {
	const struct spk_aggregate_call *call;
	struct spk_arena *arena;
	struct spk_sorted rows;
	struct spk_vector direct;          /* of one row; unused without direct arguments */
	struct spk_vector *out;
	int capacity;
	struct spk_arena *out_arena;
};

/* The value of the i-th row into row `at` of a vector of the sorted type; texts are copied. */
static spk_status put_row(const struct set *s, size_t i, struct spk_vector *out, int at, int capacity, struct spk_arena *arena, spk_error *err)
{
	struct spk_vector one;

	SPK_TRY(spk_vector_init(&one, out->type, 1, s->arena, err));
	SPK_TRY(spk_record_read(s->rows.row[i].record, &one, 1, 0, 1, s->arena, err));
	return spk_vector_gather(out, at, capacity, &one, NULL, 1, true, arena, err);
}

/* The fraction at `row` of the direct argument; *null when it is NULL. */
static spk_status fraction(const struct spk_vector *v, int row, bool *null, double *out, spk_error *err)
{
	const struct spk_value value = spk_vector_value(v, row);

	*null = value.null;
	*out = value.null ? 0 : value.f64;
	if (!value.null && !(*out >= 0 && *out <= 1))
		return spk_fail(err, SPK_DATA, "percentile value %g is not between 0 and 1", *out);
	return SPK_OK;
}

/* --- one value of a fraction --- */

typedef spk_status (*percentile)(const struct set *s, double p, struct spk_vector *out, int at, int capacity, struct spk_arena *arena, spk_error *err);

static spk_status discrete(const struct set *s, double p, struct spk_vector *out, int at, int capacity, struct spk_arena *arena, spk_error *err)
{
	return put_row(s, (size_t)spk_percentile_place(p, (int64_t)s->rows.count), out, at, capacity, arena, err);
}

static spk_status between_intervals(struct spk_interval a, struct spk_interval b, double share, struct spk_interval *out, spk_error *err)
{
	struct spk_interval minus, difference, part;

	if (!spk_interval_negate(a, &minus) || !spk_interval_add(b, minus, &difference) || !spk_interval_scale(difference, share, 0, &part) || !spk_interval_add(a, part, out))
		return spk_fail(err, SPK_DATA, "interval out of range");
	return SPK_OK;
}

spk_status spk_percentile_between(const struct spk_vector *two, double part, struct spk_vector *out, int at, spk_error *err)
{
	if (out->type.id == SPK_TYPE_INTERVAL)
		return between_intervals(spk_vector_interval(two)[0], spk_vector_interval(two)[1], part, spk_vector_interval(out) + at, err);
	spk_vector_f64(out)[at] = spk_vector_f64(two)[0] + part * (spk_vector_f64(two)[1] - spk_vector_f64(two)[0]);
	return SPK_OK;
}

static spk_status continuous(const struct set *s, double p, struct spk_vector *out, int at, int capacity, struct spk_arena *arena, spk_error *err)
{
	const double place = spk_percentile_point(p, (int64_t)s->rows.count), share = place - floor(place);
	struct spk_vector two;

	SPK_TRY(spk_vector_init(&two, out->type, 2, s->arena, err));
	SPK_TRY(put_row(s, (size_t)floor(place), &two, 0, 2, s->arena, err));
	SPK_TRY(put_row(s, (size_t)ceil(place), &two, 1, 2, s->arena, err));
	if (share == 0)
		return spk_vector_gather(out, at, capacity, &two, NULL, 1, false, arena, err);
	return spk_percentile_between(&two, share, out, at, err);
}

/* --- results --- */

/* An array of fractions gives an array of values. */
static spk_status each_fraction(const struct set *s, percentile f, int at, spk_error *err)
{
	const struct spk_vector *fractions = s->direct.child;
	const int32_t first = spk_vector_i32(&s->direct)[0], count = spk_vector_i32(&s->direct)[1] - first;
	struct spk_vector *child = s->out->child;
	int32_t *offset = spk_vector_i32(s->out) + at;
	bool null;
	double p;

	SPK_TRY(spk_vector_grow_child(child, offset[0], count, s->out_arena, err));
	for (int32_t i = 0; i < count; i++) {
		const int to = offset[0] + i, capacity = spk_vector_child_capacity(offset[0] + count);

		SPK_TRY(fraction(fractions, first + i, &null, &p, err));
		if (null)
			SPK_TRY(spk_aggregate_null(child, to, capacity, s->out_arena, err));
		else
			SPK_TRY(f(s, p, child, to, capacity, s->out_arena, err));
	}
	offset[1] = offset[0] + count;
	return SPK_OK;
}

static spk_status one_percentile(const struct set *s, percentile f, int at, spk_error *err)
{
	const bool array = s->direct.type.id == SPK_TYPE_ARRAY;
	bool null;
	double p;

	if (array) {
		spk_vector_i32(s->out)[at + 1] = spk_vector_i32(s->out)[at];
		if (spk_vector_is_null(&s->direct, 0) || !s->rows.count)
			return spk_aggregate_null(s->out, at, s->capacity, s->out_arena, err);
		return each_fraction(s, f, at, err);
	}
	SPK_TRY(fraction(&s->direct, 0, &null, &p, err));
	if (null || !s->rows.count)
		return spk_aggregate_null(s->out, at, s->capacity, s->out_arena, err);
	return f(s, p, s->out, at, s->capacity, s->out_arena, err);
}

/* The first of the values that are there most often. */
static spk_status most_frequent(const struct set *s, int at, spk_error *err)
{
	size_t best = 0, most = 0;

	for (size_t i = 0, n; i < s->rows.count; i += n) {
		for (n = 1; i + n < s->rows.count && spk_record_same_key(s->rows.row[i].record, s->rows.row[i + n].record);)
			n++;
		if (n > most) {
			most = n;
			best = i;
		}
	}
	if (!most)
		return spk_aggregate_null(s->out, at, s->capacity, s->out_arena, err);
	return put_row(s, best, s->out, at, s->capacity, s->out_arena, err);
}

static spk_status one_group(struct set *s, const struct spk_ordered_set *state, percentile f, int at, spk_error *err)
{
	spk_arena_clear(s->arena);
	SPK_TRY(spk_rows_sort(s->call, &state->rows, s->arena, &s->rows, err));
	if (!f)
		return most_frequent(s, at, err);
	SPK_TRY(spk_direct_values(s->call, state, s->arena, &s->direct, err));
	return one_percentile(s, f, at, err);
}

static spk_status each_group(const struct spk_aggregate_call *call, char *const *state, int n, percentile f, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err)
{
	struct set s = { .call = call, .arena = spk_arena_new(call->account), .out = out, .capacity = rows, .out_arena = arena };
	spk_status status = SPK_OK;

	SPK_TRY_PTR(s.arena, err);
	for (int i = 0; i < n && status == SPK_OK; i++)
		status = one_group(&s, SPK_STATE(spk_ordered_set, state, i), f, at + i, err);
	spk_arena_unref(s.arena);
	return status;
}

SPK_AGGREGATE_FINAL(final_cont) { return each_group(call, state, n, continuous, out, at, rows, arena, err); }
SPK_AGGREGATE_FINAL(final_disc) { return each_group(call, state, n, discrete, out, at, rows, arena, err); }
SPK_AGGREGATE_FINAL(final_mode) { return each_group(call, state, n, NULL, out, at, rows, arena, err); }

/* --- the table --- */

SPK_RESULT_OF(type_of_second) { return spk_type_of_arg(arg + 1, arena); }
SPK_RESULT_OF(array_of_second) { return spk_type_array_of_arg(arg + 1, arena); }

#define CONT "Value at that fraction of the sorted values, between two of them where none lies there"
#define DISC "First value at or behind that fraction of the sorted values"
#define SET(name_, doc_, direct_, result_, final_, ...) \
	{ .name = name_, .doc = doc_, .kind = SPK_AGGREGATE_ORDERED_SET, .args = direct_ + 1, .direct = direct_, .arg = { __VA_ARGS__ }, .result_of = result_, \
	  SPK_ORDERED_SET_STATE, .final = final_ }

static const struct spk_aggregate aggregates[] = {
	SET("percentile_cont", CONT, 1, type_of_second, final_cont, SPK_T(DOUBLE), SPK_T(DOUBLE)),
	SET("percentile_cont", CONT, 1, type_of_second, final_cont, SPK_T(DOUBLE), SPK_T(INTERVAL)),
	SET("percentile_cont", CONT, 1, array_of_second, final_cont, SPK_TA(DOUBLE), SPK_T(DOUBLE)),
	SET("percentile_cont", CONT, 1, array_of_second, final_cont, SPK_TA(DOUBLE), SPK_T(INTERVAL)),
	SET("percentile_disc", DISC, 1, type_of_second, final_disc, SPK_T(DOUBLE), SPK_T(UNKNOWN)),
	SET("percentile_disc", DISC, 1, array_of_second, final_disc, SPK_TA(DOUBLE), SPK_T(UNKNOWN)),
	SET("mode", "Most frequent value; the first of several in the order", 0, spk_type_of_arg, final_mode, SPK_T(UNKNOWN)),
};

SPK_AGGREGATE_FAMILY(ordered_set, aggregates)
