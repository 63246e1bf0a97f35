/*
 * min and max. Values of fixed width lie in the state; strings are owned by it, and travel by write and read. Neither takes
 * values back: over retracting input operators keep an ordered multiset instead.
 */
#include "core/expr/aggregate_internal.h"

/* `is_max` comes from the aggregate's name, so both share their functions. */
static inline bool is_max(const struct spk_aggregate_call *call)
{
	return call->aggregate->name[1] == 'a';
}

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

struct string_extreme { struct spk_buffer bytes; int64_t set; };

/* True when the bytes go before (min) or after (max) what is held. */
static bool better(const struct string_extreme *s, const char *data, size_t size, bool max)
{
	size_t shared = SPK_MIN(size, s->bytes.size);
	int c;

	if (!s->set)
		return true;
	c = shared ? memcmp(data, s->bytes.data, shared) : 0;
	if (c == 0)
		c = (size > s->bytes.size) - (size < s->bytes.size);
	return max ? c > 0 : c < 0;
}

static spk_status take(struct string_extreme *s, const char *data, size_t size, spk_error *err)
{
	spk_buffer_clear(&s->bytes);
	SPK_TRY(spk_buffer_append(&s->bytes, data, size, err));
	s->set = 1;
	return SPK_OK;
}

SPK_AGGREGATE_UPDATE(update_string)
{
	const bool max = is_max(call);

	SPK_AGGREGATE_LOOP(string_extreme, struct spk_view, {
		const char *data = spk_view_data(v);

		if (w > 0 && better(s, data, v->length, max))
			SPK_TRY(take(s, data, v->length, err));
	});
	return SPK_OK;
}

SPK_AGGREGATE_MERGE(merge_string)
{
	for (int i = 0; i < n; i++) {
		struct string_extreme *a = SPK_STATE(string_extreme, into, i);
		const struct string_extreme *b = SPK_STATE(string_extreme, from, i);

		if (b->set && better(a, b->bytes.data, b->bytes.size, is_max(call)))
			SPK_TRY(take(a, b->bytes.data, b->bytes.size, err));
	}
	return SPK_OK;
}

SPK_AGGREGATE_FINAL(final_string)
{
	for (int i = 0; i < n; i++) {
		const struct string_extreme *s = SPK_STATE(string_extreme, state, i);
		const char *copy;

		if (!s->set) {
			spk_vector_view(out)[at + i] = (struct spk_view){ 0 };
			SPK_TRY(spk_aggregate_null(out, at + i, rows, arena, err));
			continue;
		}
		copy = spk_arena_copy(arena, s->bytes.data ? s->bytes.data : "", s->bytes.size);
		SPK_TRY_PTR(copy, err);
		spk_vector_view(out)[at + i] = spk_view(copy, (uint32_t)s->bytes.size);
	}
	return SPK_OK;
}

/* A byte that says whether there is a value, its length, its bytes. */
static spk_status write_string(const struct spk_aggregate_call *call, const char *state, struct spk_buffer *out, spk_error *err)
{
	const struct string_extreme *s = (const struct string_extreme *)(const void *)state;
	const uint8_t set = s->set != 0;
	const uint32_t size = (uint32_t)s->bytes.size;

	(void)call;
	SPK_TRY(spk_buffer_append(out, &set, 1, err));
	if (!set)
		return SPK_OK;
	SPK_TRY(spk_buffer_append(out, &size, sizeof size, err));
	return spk_buffer_append(out, s->bytes.data, size, err);
}

static spk_status read_string(const struct spk_aggregate_call *call, char *state, const char **from, const char *end, spk_error *err)
{
	struct string_extreme *s = (struct string_extreme *)(void *)state;
	uint32_t size;

	if (*from >= end)
		return spk_fail(err, SPK_CORRUPT, "aggregate state of %s is cut off", call->aggregate->name);
	spk_buffer_clear(&s->bytes);
	s->set = *(*from)++ != 0;
	if (!s->set)
		return SPK_OK;
	if (end - *from < (ptrdiff_t)sizeof size)
		return spk_fail(err, SPK_CORRUPT, "aggregate state of %s is cut off", call->aggregate->name);
	memcpy(&size, *from, sizeof size);
	*from += sizeof size;
	if (end - *from < (ptrdiff_t)size)
		return spk_fail(err, SPK_CORRUPT, "aggregate state of %s is cut off", call->aggregate->name);
	SPK_TRY(take(s, *from, size, err));
	*from += size;
	return SPK_OK;
}

static void release_string(const struct spk_aggregate_call *call, char *state)
{
	(void)call;
	struct string_extreme *s = (struct string_extreme *)(void *)state;

	spk_buffer_release(&s->bytes);
	*s = (struct string_extreme){ .set = 0 };
}

/* --- the table --- */

#define FIXED(name_, doc_, T, update_) \
	{ .name = name_, .doc = doc_, .args = 1, .arg = { SPK_T(T) }, .result_of = spk_type_of_arg, .state_size = (int)sizeof(struct extreme), \
	  .update = update_, .merge = merge_fixed, .final = final_fixed },
#define STRING(name_, doc_, T) \
	{ .name = name_, .doc = doc_, .args = 1, .arg = { SPK_T(T) }, .result_of = spk_type_of_arg, .state_size = (int)sizeof(struct string_extreme), \
	  .update = update_string, .merge = merge_string, .final = final_string, .write = write_string, .read = read_string, .release = release_string },
#define ALL_TYPES(name_, doc_) \
	FIXED(name_, doc_, SMALLINT, update_i16) \
	FIXED(name_, doc_, INTEGER, update_i32) \
	FIXED(name_, doc_, BIGINT, update_i64) \
	FIXED(name_, doc_, REAL, update_f32) \
	FIXED(name_, doc_, DOUBLE, update_f64) \
	FIXED(name_, doc_, DECIMAL, update_i128) \
	STRING(name_, doc_, TEXT) \
	FIXED(name_, doc_, DATE, update_i32) \
	FIXED(name_, doc_, TIME, update_i64) \
	FIXED(name_, doc_, TIMESTAMP, update_i64) \
	FIXED(name_, doc_, TIMESTAMPTZ, update_i64) \
	FIXED(name_, doc_, INTERVAL, update_interval)

static const struct spk_aggregate aggregates[] = {
	ALL_TYPES("min", "Smallest value")
	ALL_TYPES("max", "Largest value")
};

SPK_AGGREGATE_FAMILY(order, aggregates)
