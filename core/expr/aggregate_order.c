/*
 * min and max. Values of fixed width lie in the state; strings are owned by it, and travel by write and read. Neither takes
 * values back: over retracting input operators keep an ordered multiset instead.
 */
#include "core/expr/aggregate_held.h"

static inline bool is_max(const struct spk_aggregate_call *call) { return call->step->largest; }

/* --- fixed width --- */

struct extreme { union { int16_t i16; int32_t i32; int64_t i64; float f32; double f64; spk_int128 i128; struct spk_interval interval; } value; int64_t set; };

/* Types whose order is that of the machine: a loop without calls. */
#define PLAIN_UPDATE(T, member) \
	SPK_AGGREGATE_UPDATE(update_##member) \
	{ \
		(void)err; \
		if (is_max(call)) { \
			SPK_AGGREGATE_LOOP(extreme, T, { \
				if (w > 0 && (!s->set || *v > s->value.member)) { \
					s->value.member = *v; \
					s->set = 1; \
				} \
			}); \
		} else { \
			SPK_AGGREGATE_LOOP(extreme, T, { \
				if (w > 0 && (!s->set || *v < s->value.member)) { \
					s->value.member = *v; \
					s->set = 1; \
				} \
			}); \
		} \
		return SPK_OK; \
	}
PLAIN_UPDATE(int16_t, i16)
PLAIN_UPDATE(int32_t, i32)
PLAIN_UPDATE(int64_t, i64)

/* Floats (NaN), numerics and intervals by their order; of equal ones (0 and -0, 1.0 and 1.00) the last, as in PostgreSQL. */
#define ORDERED_UPDATE(T, member) \
	SPK_AGGREGATE_UPDATE(update_##member) \
	{ \
		const spk_value_compare compare = spk_value_comparer(input->type); \
		const int sign = is_max(call) ? 1 : -1; \
		(void)err; \
		SPK_AGGREGATE_LOOP(extreme, T, { \
			if (w > 0 && (!s->set || compare(input->type, v, &s->value.member) * sign >= 0)) { \
				s->value.member = *v; \
				s->set = 1; \
			} \
		}); \
		return SPK_OK; \
	}
ORDERED_UPDATE(float, f32)
ORDERED_UPDATE(double, f64)
ORDERED_UPDATE(spk_int128, i128)
ORDERED_UPDATE(struct spk_interval, interval)

SPK_AGGREGATE_MERGE(merge_fixed)
{
	const struct spk_type type = call->arg_type;
	const spk_value_compare compare = spk_value_comparer(type);
	const int sign = is_max(call) ? 1 : -1;

	(void)err;
	for (int i = 0; i < n; i++) {
		struct extreme *a = SPK_STATE(extreme, into, i);
		const struct extreme *b = SPK_STATE(extreme, from, i);

		if (b->set && (!a->set || compare(type, &b->value, &a->value) * sign >= 0))
			*a = *b;
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(final_fixed)
{
	const size_t width = (size_t)spk_type_width(out->type);

	for (int i = 0; i < n; i++) {
		const struct extreme *s = SPK_STATE(extreme, state, i);

		memcpy((char *)out->data + width * (size_t)(at + i), &s->value, width);
		if (!s->set)
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
	}
	return SPK_OK;
}

/* --- strings --- */

/* True when the bytes go before (min) or after (max) what is held. */
static bool better(const struct spk_held *h, const char *data, size_t size, bool max)
{
	int c;

	if (!spk_held_any(h))
		return true;
	c = spk_held_compare(h, data, size);
	return max ? c < 0 : c > 0;
}

SPK_AGGREGATE_UPDATE(update_string)
{
	const bool max = is_max(call);

	SPK_AGGREGATE_LOOP(spk_held, struct spk_view, {
		const char *data = spk_view_data(v);

		if (w > 0 && better(s, data, v->length, max))
			SPK_TRY(spk_held_set(call, s, data, v->length, err));
	});
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(merge_string)
{
	for (int i = 0; i < n; i++) {
		struct spk_held *a = SPK_STATE(spk_held, into, i);
		const struct spk_held *b = SPK_STATE(spk_held, from, i);

		if (spk_held_any(b) && better(a, spk_held_data(b), spk_held_size(b), is_max(call)))
			SPK_TRY(spk_held_copy(call, a, b, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(final_string)
{
	for (int i = 0; i < n; i++) {
		const struct spk_held *s = SPK_STATE(spk_held, state, i);
		const char *copy;

		if (!spk_held_any(s)) {
			spk_vector_view(out)[at + i] = (struct spk_view){ 0 };
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
			continue;
		}
		copy = spk_held_size(s) > SPK_VIEW_INLINE ? spk_arena_copy(arena, spk_held_data(s), spk_held_size(s)) : spk_held_data(s);
		SPK_TRY_PTR(copy, err);
		spk_vector_view(out)[at + i] = spk_view(copy, spk_held_size(s));
	}
	return SPK_OK;
}

SPK_AGGREGATE_WRITE(write_string)
{
	(void)call;
	return spk_held_write((const struct spk_held *)(const void *)state, out, err);
}

SPK_AGGREGATE_READ(read_string)
{
	return spk_held_read(call, (struct spk_held *)(void *)state, from, end, err);
}

static void release_string(const struct spk_aggregate_call *call, char *state)
{
	spk_held_release(call, (struct spk_held *)(void *)state);
}

/* --- the table --- */

#define FIXED(name_, doc_, max, T, update_) \
	{ .name = name_, .largest = max, .doc = doc_, .args = 1, .arg = { SPK_T(T) }, .result_of = spk_type_of_arg, .state_size = (int)sizeof(struct extreme), \
	  .unordered = true, .idempotent = true, .update = update_, .merge = merge_fixed, .final = final_fixed },
#define STRING(name_, doc_, max, T) \
	{ .name = name_, .largest = max, .doc = doc_, .args = 1, .arg = { SPK_T(T) }, .result_of = spk_type_of_arg, .state_size = (int)sizeof(struct spk_held), \
	  .unordered = true, .idempotent = true, .update = update_string, .merge = merge_string, .final = final_string, \
	  .write = write_string, .read = read_string, .release = release_string },
#define ALL_TYPES(name_, doc_, max) \
	FIXED(name_, doc_, max, SMALLINT, update_i16) \
	FIXED(name_, doc_, max, INTEGER, update_i32) \
	FIXED(name_, doc_, max, BIGINT, update_i64) \
	FIXED(name_, doc_, max, REAL, update_f32) \
	FIXED(name_, doc_, max, DOUBLE, update_f64) \
	FIXED(name_, doc_, max, DECIMAL, update_i128) \
	STRING(name_, doc_, max, TEXT) \
	STRING(name_, doc_, max, BYTEA) \
	FIXED(name_, doc_, max, DATE, update_i32) \
	FIXED(name_, doc_, max, TIME, update_i64) \
	FIXED(name_, doc_, max, TIMESTAMP, update_i64) \
	FIXED(name_, doc_, max, TIMESTAMPTZ, update_i64) \
	FIXED(name_, doc_, max, INTERVAL, update_interval)

static const struct spk_aggregate aggregates[] = {
	ALL_TYPES("min", "Smallest value", false)
	ALL_TYPES("max", "Largest value", true)
};

SPK_AGGREGATE_FAMILY(order, aggregates)
