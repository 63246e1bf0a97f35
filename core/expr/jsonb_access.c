/*
 * Parts of json and jsonb values: -> ->> #> #>> and subscripts, what there is: ? ?| ?& @> <@, kinds and lengths. Results are parts of their
 * argument's bytes.
 */
#include <stdlib.h>

#include "core/expr/families.h"
#include "core/expr/jsonb.h"

/* --- steps --- */

/* A whole number that is all of the text, as C's strtol reads it. */
static bool index_of(const char *s, size_t size, int64_t *out)
{
	char text[24];
	char *end;

	if (!size || size >= sizeof text)
		return false;
	memcpy(text, s, size);
	text[size] = 0;
	*out = strtol(text, &end, 10);
	return end != text && !*end && *out >= INT32_MIN && *out <= INT32_MAX;
}

bool spk_json_step(struct spk_json j, const char *name, size_t size, struct spk_json *out)
{
	int64_t index;

	if (*j.p == '{')
		return spk_jsonb_member(j.p, j.end, name, size, &out->p, &out->end);
	return *j.p == '[' && index_of(name, size, &index) && spk_jsonb_element(j.p, j.end, index, &out->p, &out->end);
}

/* What the type json takes as it is and text cannot hold: \\u0000, halves of surrogate pairs. */
static spk_status check_escapes(struct spk_json part, spk_error *why)
{
	struct spk_json_parser parser = { 0 };
	struct spk_buffer text = { 0 };
	spk_status status = spk_jsonb_parse(&parser, part.p, (size_t)(part.end - part.p), &text, why);

	spk_buffer_release(&text);
	spk_json_parser_release(&parser);
	return status;
}

/* The value itself, or as ->> has it: a string's characters, null as NULL. */
static spk_status put_part(const struct spk_call *call, struct spk_json part, bool text, struct spk_vector *out, int row, spk_error *err)
{
	const char *s = part.p + 1, *end;
	spk_error why = { 0 };
	char *copy;

	if (!text || (*part.p != '"' && *part.p != 'n')) {
		spk_vector_view(out)[row] = spk_json_view(part);
		return SPK_OK;
	}
	if (*part.p == 'n')
		return spk_call_null(call, out, row, err);
	end = spk_jsonb_string_end(part.p, part.end);
	if (!memchr(s, '\\', (size_t)(end - s))) {
		spk_vector_view(out)[row] = spk_view(s, (uint32_t)(end - s));
		return SPK_OK;
	}
	if (call->arg[0].type.id == SPK_TYPE_JSON && check_escapes(part, &why) != SPK_OK) {
		spk_vector_view(out)[row] = (struct spk_view){ 0 };
		return spk_call_fail(call, out, row, SPK_DATA, err, "%s", why.message);
	}
	copy = spk_arena_alloc(call->ev->arena, (size_t)(end - s));
	SPK_TRY_PTR(copy, err);
	spk_vector_view(out)[row] = spk_view(copy, (uint32_t)spk_jsonb_unescape(s, end, copy));
	return SPK_OK;
}

/* jsonb has one member of a name; of json's the last counts. */
static bool member(const struct spk_call *call, struct spk_json j, const struct spk_view *name, struct spk_json *out)
{
	struct spk_jsonb_iterator i;
	bool found = false;

	if (*j.p != '{' || call->arg[0].type.id == SPK_TYPE_JSONB)
		return *j.p == '{' && spk_jsonb_member(j.p, j.end, spk_view_data(name), name->length, &out->p, &out->end);
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i);) {
		if (!spk_jsonb_string_is(i.key, i.key_end, spk_view_data(name), name->length))
			continue;
		*out = (struct spk_json){ i.value, i.value_end };
		found = true;
	}
	return found;
}

static spk_status by_name(const struct spk_call *call, bool text, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]), rn = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *name = &SPK_ARG(struct spk_view, rn, row);
		struct spk_json j = spk_json_at(&rj, row), part;

		if (member(call, j, name, &part))
			SPK_TRY(put_part(call, part, text, out, row, err));
		else
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

/* PostgreSQL takes a scalar jsonb for an array of one element here. */
static bool element_at(const struct spk_call *call, struct spk_json j, int32_t index, struct spk_json *part)
{
	if (*j.p == '[')
		return spk_jsonb_element(j.p, j.end, index, &part->p, &part->end);
	*part = j;
	return call->arg[0].type.id == SPK_TYPE_JSONB && *j.p != '{' && (index == 0 || index == -1);
}

static spk_status by_index(const struct spk_call *call, bool text, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]), ri = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json j = spk_json_at(&rj, row), part;

		if (element_at(call, j, SPK_ARG(int32_t, ri, row), &part))
			SPK_TRY(put_part(call, part, text, out, row, err));
		else
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

/* #> and #>>: the path is an array of texts; a NULL in it leads nowhere. */
static spk_status by_path(const struct spk_call *call, bool text, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]);
	const struct spk_array_reader path = spk_array_reader(&call->arg[1]);
	const struct spk_reader rp = spk_vector_reader(path.child);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json part = spk_json_at(&rj, row);
		bool found = true;

		spk_array_row(&path, row, &first, &end);
		for (int32_t e = first; e < end && found; e++) {
			const struct spk_view *step = &SPK_ARG(struct spk_view, rp, e);

			found = !spk_arg_is_null(&rp, e) && spk_json_step(part, spk_view_data(step), step->length, &part);
		}
		if (found)
			SPK_TRY(put_part(call, part, text, out, row, err));
		else
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

/* jsonb_extract_path(j, 'a', 'b', ...), and one subscript. */
static spk_status by_steps(const struct spk_call *call, bool text, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json part = spk_json_at(&rj, row);
		bool found = true;

		for (int k = 1; k < call->args && found; k++) {
			const struct spk_reader r = spk_vector_reader(&call->arg[k]);
			const struct spk_view *step = &SPK_ARG(struct spk_view, r, row);

			found = spk_json_step(part, spk_view_data(step), step->length, &part);
		}
		if (found)
			SPK_TRY(put_part(call, part, text, out, row, err));
		else
			SPK_TRY(spk_call_null(call, out, row, err));
	}
	return SPK_OK;
}

#define BOTH(name, how) \
	static spk_status name##_json(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		return how(call, false, out, err); \
	} \
	static spk_status name##_text(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		return how(call, true, out, err); \
	}
BOTH(name, by_name)
BOTH(index, by_index)
BOTH(path, by_path)
BOTH(steps, by_steps)

/* --- what there is --- */

/* A member's name, a string among the elements, or the string itself. */
static bool exists(struct spk_json j, const struct spk_view *name)
{
	const char *s = spk_view_data(name), *value, *value_end;
	struct spk_jsonb_iterator i;

	if (*j.p == '{')
		return spk_jsonb_member(j.p, j.end, s, name->length, &value, &value_end);
	if (*j.p == '"')
		return spk_jsonb_string_is(j.p + 1, spk_jsonb_string_end(j.p, j.end), s, name->length);
	if (*j.p != '[')
		return false;
	for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i);)
		if (*i.value == '"' && spk_jsonb_string_is(i.value + 1, spk_jsonb_string_end(i.value, i.value_end), s, name->length))
			return true;
	return false;
}

static spk_status has(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]), rn = spk_vector_reader(&call->arg[1]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_bool(out)[row] = exists(spk_json_at(&rj, row), &SPK_ARG(struct spk_view, rn, row));
	return SPK_OK;
}

/* ?| and ?&: NULLs among the names do not count. */
static spk_status has_names(const struct spk_call *call, bool all, struct spk_vector *out)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]);
	const struct spk_array_reader names = spk_array_reader(&call->arg[1]);
	const struct spk_reader rn = spk_vector_reader(names.child);
	int32_t first, end;

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json j = spk_json_at(&rj, row);
		bool found = all;

		spk_array_row(&names, row, &first, &end);
		for (int32_t e = first; e < end && found == all; e++)
			if (!spk_arg_is_null(&rn, e))
				found = exists(j, &SPK_ARG(struct spk_view, rn, e));
		spk_vector_bool(out)[row] = found;
	}
	return SPK_OK;
}

static spk_status has_any(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return has_names(call, false, out);
}

static spk_status has_all(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	(void)err;
	return has_names(call, true, out);
}

/* --- @> --- */

static bool same_scalar(struct spk_json a, struct spk_json b)
{
	struct spk_view x = spk_json_view(a), y = spk_json_view(b);

	return spk_jsonb_equal(&x, &y);
}

static bool contains_value(struct spk_json whole, struct spk_json part)
{
	if (spk_json_type(whole) != spk_json_type(part))
		return false;
	return spk_json_is_container(whole) ? spk_json_contains(whole, part) : same_scalar(whole, part);
}

static bool holds_element(struct spk_json whole, struct spk_json part)
{
	struct spk_jsonb_iterator i = spk_jsonb_iterator(whole.p, whole.end);

	while (spk_jsonb_next(&i))
		if (contains_value((struct spk_json){ i.value, i.value_end }, part))
			return true;
	return false;
}

/* Both are objects or arrays here; the one exception, a scalar in an array, only counts at the top. */
bool spk_json_contains(struct spk_json whole, struct spk_json part)
{
	struct spk_jsonb_iterator i;

	if (!spk_json_is_container(part)) {
		if (*whole.p == '[')
			return holds_element(whole, part);
		return !spk_json_is_container(whole) && spk_json_type(whole) == spk_json_type(part) && same_scalar(whole, part);
	}
	if (*whole.p != *part.p)
		return false;
	for (i = spk_jsonb_iterator(part.p, part.end); spk_jsonb_next(&i);) {
		struct spk_json wanted = { i.value, i.value_end }, found;

		if (!i.object) {
			if (!holds_element(whole, wanted))
				return false;
			continue;
		}
		/* Names are compared as they lie: one name has one form. */
		if (!spk_json_member_raw(whole, i.key, i.key_end, &found) || !contains_value(found, wanted))
			return false;
	}
	return true;
}

static spk_status contains(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[1]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_bool(out)[row] = spk_json_contains(spk_json_at(&ra, row), spk_json_at(&rb, row));
	return SPK_OK;
}

static spk_status contained(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[1]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_bool(out)[row] = spk_json_contains(spk_json_at(&rb, row), spk_json_at(&ra, row));
	return SPK_OK;
}

/* --- kinds and lengths --- */

static spk_status type_of(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	static const char *const names[] = {
#define NAME(id, text) text,
		SPK_JSONB_TYPE_LIST(NAME)
#undef NAME
	};
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]);

	(void)err;
	SPK_EACH_CALL_ROW(call, row)
		spk_vector_view(out)[row] = spk_view_str(names[spk_json_type(spk_json_at(&rj, row))]);
	return SPK_OK;
}

static spk_status array_length(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json j = spk_json_at(&rj, row);

		if (*j.p == '[')
			spk_vector_i32(out)[row] = spk_jsonb_count(j.p, j.end);
		else
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "cannot get array length of a %s", *j.p == '{' ? "non-array" : "scalar"));
	}
	return SPK_OK;
}

/* --- the table --- */

#define PART(name_, J, T, result_, kernel_, doc_) { .name = name_, .doc = doc_, SPK_ARGS2(J, T), SPK_RESULT(result_), .kernel = kernel_ }
#define PATH(name_, J, result_, kernel_, doc_) { .name = name_, .doc = doc_, .args_min = 2, .args_max = 2, .arg = { SPK_T(J), SPK_TA(TEXT) }, SPK_RESULT(result_), .kernel = kernel_ }
#define STEPS(name_, J, result_, kernel_, doc_) \
	{ .name = name_, .doc = doc_, .args_min = 2, .args_max = -1, .arg = { SPK_T(J), SPK_T(TEXT) }, SPK_RESULT(result_), .kernel = kernel_ }
#define TYPE_OF(name_, J) { .name = name_, .doc = "null, string, number, boolean, array or object", SPK_ARGS1(J), SPK_RESULT(TEXT), .kernel = type_of }
#define LENGTH(name_, J) { .name = name_, .doc = "Number of elements of an array", SPK_ARGS1(J), SPK_RESULT(INTEGER), .can_fail = true, .kernel = array_length }
#define BOTH_WAYS(J, fails) \
	{ .name = "->", .doc = STEP_DOC, SPK_ARGS2(J, TEXT), SPK_RESULT(J), .can_fail = fails, .kernel = name_json }, \
	{ .name = "->", .doc = STEP_DOC, SPK_ARGS2(J, INTEGER), SPK_RESULT(J), .can_fail = fails, .kernel = index_json }, \
	{ .name = "->>", .doc = "As ->, as text; null is NULL", SPK_ARGS2(J, TEXT), SPK_RESULT(TEXT), .can_fail = fails, .kernel = name_text }, \
	{ .name = "->>", .doc = "As ->, as text; null is NULL", SPK_ARGS2(J, INTEGER), SPK_RESULT(TEXT), .can_fail = fails, .kernel = index_text }
#define STEP_DOC "Member of an object by its name, or element of an array by its number from 0, from the end when negative"
#define PATH_DOC "What a path of names and numbers leads to"

static const struct spk_function jsonb_access_functions[] = {
	BOTH_WAYS(JSONB, false),
	BOTH_WAYS(JSON, true),
	PATH("#>", JSONB, JSONB, path_json, PATH_DOC),
	PATH("#>", JSON, JSON, path_json, PATH_DOC),
	PATH("#>>", JSONB, TEXT, path_text, PATH_DOC ", as text"),
	PATH("#>>", JSON, TEXT, path_text, PATH_DOC ", as text"),
	STEPS("jsonb subscript", JSONB, JSONB, steps_json, "j['a'][0]: what names and numbers lead to"),
	STEPS("jsonb_extract_path", JSONB, JSONB, steps_json, PATH_DOC),
	STEPS("json_extract_path", JSON, JSON, steps_json, PATH_DOC),
	STEPS("jsonb_extract_path_text", JSONB, TEXT, steps_text, PATH_DOC ", as text"),
	STEPS("json_extract_path_text", JSON, TEXT, steps_text, PATH_DOC ", as text"),
	PART("?", JSONB, TEXT, BOOLEAN, has, "Whether there is a member of that name, or such a string among the elements"),
	PATH("?|", JSONB, BOOLEAN, has_any, "Whether ? holds for any of these"),
	PATH("?&", JSONB, BOOLEAN, has_all, "Whether ? holds for all of these"),
	PART("@>", JSONB, JSONB, BOOLEAN, contains, "Whether the first value contains the second"),
	PART("<@", JSONB, JSONB, BOOLEAN, contained, "Whether the second value contains the first"),
	TYPE_OF("jsonb_typeof", JSONB),
	TYPE_OF("json_typeof", JSON),
	LENGTH("jsonb_array_length", JSONB),
	LENGTH("json_array_length", JSON),
};

SPK_FUNCTION_FAMILY(jsonb_access, jsonb_access_functions)
