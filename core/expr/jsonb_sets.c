/* json and jsonb values taken apart into rows: each, array_elements, object_keys. They give arrays (function.h). */
#include <stdio.h>

#include "core/expr/families.h"
#include "core/expr/jsonb.h"

static spk_status put_text(const struct spk_call *call, struct spk_json part, struct spk_view *out, spk_error *err)
{
	const char *s = part.p, *end = part.end;
	char *copy;

	if (*s == '"') {
		s++;
		end = spk_jsonb_string_end(part.p, part.end);
	}
	if (*part.p != '"' || !memchr(s, '\\', (size_t)(end - s))) {
		*out = spk_view(s, (uint32_t)(end - s));
		return SPK_OK;
	}
	copy = spk_arena_alloc(call->ev->arena, (size_t)(end - s));
	SPK_TRY_PTR(copy, err);
	*out = spk_view(copy, (uint32_t)spk_jsonb_unescape(s, end, copy));
	return SPK_OK;
}

/* A name: what stands between its quotes. */
static spk_status put_name(const struct spk_call *call, const struct spk_jsonb_iterator *i, struct spk_view *out, spk_error *err)
{
	return put_text(call, (struct spk_json){ i->key - 1, i->key_end + 1 }, out, err);
}

/* Element `at` of a column of values: as jsonb, or as text, where null is NULL. */
static spk_status put_value(const struct spk_call *call, const struct spk_jsonb_iterator *i, bool text, struct spk_vector *column, int at, spk_error *err)
{
	struct spk_json part = { i->value, i->value_end };

	if (text && *part.p == 'n')
		return spk_text_put_null(column, at, spk_vector_child_capacity(at + 1), call->ev->arena, err);
	if (column->valid)
		spk_bit_set(column->valid, at);
	if (text)
		return put_text(call, part, &spk_vector_view(column)[at], err);
	spk_vector_view(column)[at] = spk_json_view(part);
	return SPK_OK;
}

enum what { KEYS, ELEMENTS, ELEMENTS_TEXT, EACH, EACH_TEXT };

/* The binder calls functions of records by this and the name that a person wrote. */
static const char objects_of[] = "objects of ";

static spk_status put_element(struct spk_array_writer *w, const struct spk_jsonb_iterator *i, enum what what, spk_error *err)
{
	bool text = what == ELEMENTS_TEXT || what == EACH_TEXT;

	SPK_TRY(spk_array_room(w, 1, err));
	if (w->child->valid)
		spk_bit_set(w->child->valid, w->used);
	if (what == KEYS) {
		SPK_TRY(put_name(w->call, i, &spk_vector_view(w->child)[w->used], err));
	} else if (what == ELEMENTS || what == ELEMENTS_TEXT) {
		SPK_TRY(put_value(w->call, i, text, w->child, w->used, err));
	} else {
		SPK_TRY(put_name(w->call, i, &spk_vector_view(&w->child->child[0])[w->used], err));
		SPK_TRY(put_value(w->call, i, text, &w->child->child[1], w->used, err));
	}
	w->used++;
	return SPK_OK;
}

/* PostgreSQL's message when the value is not of the kind that is taken apart; NULL: it is. */
static const char *wrong_kind(struct spk_json j, enum what what, bool json)
{
	bool elements = what == ELEMENTS || what == ELEMENTS_TEXT;

	if (*j.p == (elements ? '[' : '{'))
		return NULL;
	if (json && elements)
		return *j.p == '{' ? "cannot call %s on a non-array" : "cannot call %s on a scalar";
	if (json && what != KEYS)
		return *j.p == '[' ? "cannot deconstruct an array as an object" : "cannot deconstruct a scalar";
	if (elements)
		return *j.p == '{' ? "cannot extract elements from an object" : "cannot extract elements from a scalar";
	if (what == KEYS)
		return *j.p == '[' ? "cannot call %s on an array" : "cannot call %s on a scalar";
	return "cannot call %s on a non-object";
}

/* --- objects that become records --- */

/* What is wrong with a set of records, at its first element that is none. */
static spk_status check_objects(const struct spk_call *call, struct spk_vector *out, int row, struct spk_json j, bool *right, spk_error *err)
{
	const char *name = call->expr->function->name + sizeof objects_of - 1;
	struct spk_jsonb_iterator i;

	*right = *j.p == '[';
	if (!*right && strncmp(name, "jsonb", 5) == 0)
		return spk_call_fail(call, out, row, SPK_DATA, err, "cannot call %s on a non-array", name);
	if (!*right)
		return spk_call_fail(call, out, row, SPK_DATA, err, "cannot call %s on %s", name, *j.p == '{' ? "an object" : "a scalar");
	for (i = spk_jsonb_iterator(j.p, j.end); *right && spk_jsonb_next(&i);)
		*right = *i.value == '{';
	return *right ? SPK_OK : spk_call_fail(call, out, row, SPK_DATA, err, "argument of %s must be an array of objects", name);
}

static spk_status objects(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]);
	struct spk_array_writer w = spk_array_writer(call, out);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json j = spk_json_at(&rj, row);
		bool right;

		SPK_TRY(check_objects(call, out, row, j, &right, err));
		for (struct spk_jsonb_iterator i = spk_jsonb_iterator(j.p, j.end); right && spk_jsonb_next(&i);)
			SPK_TRY(put_element(&w, &i, ELEMENTS, err));
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

/* The document itself, which must be an object. */
static spk_status object(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json j = spk_json_at(&rj, row);

		spk_vector_view(out)[row] = SPK_ARG(struct spk_view, rj, row);
		if (*j.p != '{')
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "cannot call populate_composite on %s", *j.p == '[' ? "an array" : "a scalar"));
	}
	return SPK_OK;
}

/* --- sets --- */

static spk_status take_apart(const struct spk_call *call, enum what what, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rj = spk_vector_reader(&call->arg[0]);
	struct spk_array_writer w = spk_array_writer(call, out);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json j = spk_json_at(&rj, row);
		const char *wrong = wrong_kind(j, what, call->arg[0].type.id == SPK_TYPE_JSON);
		struct spk_jsonb_iterator i;
		char message[128];

		if (wrong) {
			snprintf(message, sizeof message, "%.*s%s%s", (int)strcspn(wrong, "%"), wrong, strchr(wrong, '%') ? call->expr->function->name : "", strchr(wrong, '%') ? strchr(wrong, '%') + 2 : "");
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", message));
		} else {
			for (i = spk_jsonb_iterator(j.p, j.end); spk_jsonb_next(&i);)
				SPK_TRY(put_element(&w, &i, what, err));
		}
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

#define KERNEL(name, what) \
	static spk_status name(const struct spk_call *call, struct spk_vector *out, spk_error *err) \
	{ \
		return take_apart(call, what, out, err); \
	}
KERNEL(object_keys, KEYS)
KERNEL(elements, ELEMENTS)
KERNEL(elements_text, ELEMENTS_TEXT)
KERNEL(each, EACH)
KERNEL(each_text, EACH_TEXT)

/* Records of a name and a value. */
#define PAIRS(id, T) \
	static const struct spk_field id##_fields[] = { { "key", SPK_T(TEXT), false }, { "value", SPK_T(T), true } }; \
	static const struct spk_schema id##_record = { 2, (struct spk_field *)id##_fields }; \
	static const struct spk_field id##_element[] = { { "element", { SPK_TYPE_ROW, 0, 0, &id##_record }, false } }; \
	static const struct spk_schema id##_array = { 1, (struct spk_field *)id##_element };
PAIRS(each, JSONB)
PAIRS(each_json, JSON)
PAIRS(each_text, TEXT)

#define SET(name_, J, kernel_, doc_, ...) { .name = name_, .doc = doc_, SPK_ARGS1(J), .result = __VA_ARGS__, .set_returning = true, .can_fail = true, .kernel = kernel_ }
#define OBJECT(name_, J) { .name = name_, .doc = "A document that is an object", SPK_ARGS1(J), SPK_RESULT(J), .can_fail = true, .kernel = object }
#define RECORDS(schema) { SPK_TYPE_ARRAY, 0, 0, &schema }

static const struct spk_function jsonb_sets_functions[] = {
	SET("jsonb_object_keys", JSONB, object_keys, "The names of an object's members", SPK_TA(TEXT)),
	SET("json_object_keys", JSON, object_keys, "The names of an object's members", SPK_TA(TEXT)),
	SET("jsonb_array_elements", JSONB, elements, "The elements of an array", SPK_TA(JSONB)),
	{ .name = "json_to_array", .doc = "The elements of an array of a document, as an array", SPK_ARGS1(JSONB), .result = SPK_TA(JSONB), .can_fail = true, .kernel = elements },
	{ .name = "json_to_array", .doc = "The elements of an array of a document, as an array", SPK_ARGS1(JSON), .result = SPK_TA(JSON), .can_fail = true, .kernel = elements },
	SET("json_array_elements", JSON, elements, "The elements of an array", SPK_TA(JSON)),
	SET("jsonb_array_elements_text", JSONB, elements_text, "The elements of an array as texts", SPK_TA(TEXT)),
	SET("json_array_elements_text", JSON, elements_text, "The elements of an array as texts", SPK_TA(TEXT)),
	SET("jsonb_each", JSONB, each, "An object's members: key and value", RECORDS(each_array)),
	SET("json_each", JSON, each, "An object's members: key and value", RECORDS(each_json_array)),
	SET("jsonb_each_text", JSONB, each_text, "An object's members: key and value as texts", RECORDS(each_text_array)),
	SET("json_each_text", JSON, each_text, "An object's members: key and value as texts", RECORDS(each_text_array)),
	SET("objects of jsonb_to_recordset", JSONB, objects, "The elements of an array of objects", SPK_TA(JSONB)),
	SET("objects of json_to_recordset", JSON, objects, "The elements of an array of objects", SPK_TA(JSON)),
	SET("objects of jsonb_populate_recordset", JSONB, objects, "The elements of an array of objects", SPK_TA(JSONB)),
	SET("objects of json_populate_recordset", JSON, objects, "The elements of an array of objects", SPK_TA(JSON)),
	OBJECT("object of jsonb_to_record", JSONB),
	OBJECT("object of json_to_record", JSON),
	OBJECT("object of jsonb_populate_record", JSONB),
	OBJECT("object of json_populate_record", JSON),
};

SPK_FUNCTION_FAMILY(jsonb_sets, jsonb_sets_functions)
