/* jsonb made of other values: to_jsonb, builders of arrays and objects. */
#include "core/expr/families.h"
#include "core/expr/jsonb.h"

/* Brings what was written by spk_json_append_value into jsonb's form if it may not have it. */
static spk_status settle(struct spk_json_work *w, bool loose, spk_error *err)
{
	struct spk_buffer swap = w->text;

	if (!loose)
		return SPK_OK;
	spk_buffer_clear(&w->scratch);
	SPK_TRY(spk_jsonb_parse(&w->parser, w->text.data, w->text.size, &w->scratch, err));
	w->text = w->scratch;
	w->scratch = swap;
	return SPK_OK;
}

/* Argument k's value, null when it is NULL. */
static spk_status append_argument(struct spk_json_work *w, int k, int row, bool *loose, spk_error *err)
{
	const struct spk_vector *v = &w->call->arg[k];
	const struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);

	if (!spk_reader_valid(&r, slot))
		return spk_json_put(&w->text, "null", err);
	return spk_json_append_value(&w->text, v, slot, w->call->ev->timezone, loose, err);
}

static spk_status to_jsonb_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	bool loose = false;

	(void)done;
	SPK_TRY(append_argument(w, 0, row, &loose, err));
	return settle(w, loose, err);
}

static spk_status to_jsonb(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return spk_json_rows(call, out, to_jsonb_row, NULL, err);
}

static spk_status build_array_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	bool loose = false;

	(void)done;
	SPK_TRY(spk_json_put(&w->text, "[", err));
	for (int k = 0; k < w->call->args; k++) {
		if (k)
			SPK_TRY(spk_json_put(&w->text, ", ", err));
		SPK_TRY(append_argument(w, k, row, &loose, err));
	}
	SPK_TRY(spk_json_put(&w->text, "]", err));
	return settle(w, loose, err);
}

static spk_status build_array(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return spk_json_rows(call, out, build_array_row, NULL, err);
}

/* A name: the text of a scalar. */
static spk_status append_name(struct spk_json_work *w, int k, int row, bool *done, spk_error *err)
{
	const struct spk_vector *v = &w->call->arg[k];
	const struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);
	struct spk_buffer text = { 0 };
	spk_status status;
	bool loose;

	*done = !spk_reader_valid(&r, slot);
	if (*done)
		return spk_call_fail(w->call, w->out, row, SPK_DATA, err, "argument %d: key must not be null", k + 1);
	*done = spk_type_is_nested(v->type) || v->type.id == SPK_TYPE_JSONB;
	if (*done)
		return spk_call_fail(w->call, w->out, row, SPK_DATA, err, "key value must be scalar, not array, composite, or json");
	if (v->type.id == SPK_TYPE_TEXT)
		return spk_jsonb_append_string(&w->text, spk_view_data(&SPK_ARG(struct spk_view, r, row)), SPK_ARG(struct spk_view, r, row).length, err);
	if (v->type.id == SPK_TYPE_BOOLEAN)
		return spk_json_put(&w->text, SPK_ARG(uint8_t, r, row) ? "\"true\"" : "\"false\"", err);
	if (v->type.id == SPK_TYPE_DATE || v->type.id == SPK_TYPE_TIMESTAMP || v->type.id == SPK_TYPE_TIMESTAMPTZ)
		return spk_json_append_value(&w->text, v, slot, w->call->ev->timezone, &loose, err);
	status = spk_text_append(&text, v, slot, w->call->ev->timezone, err);
	if (status == SPK_OK)
		status = spk_jsonb_append_string(&w->text, text.data, text.size, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status build_object_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	bool loose = w->call->args > 2;

	if (w->call->args % 2) {
		*done = true;
		return spk_call_fail(w->call, w->out, row, SPK_DATA, err, "argument list must have even number of elements");
	}
	SPK_TRY(spk_json_put(&w->text, "{", err));
	for (int k = 0; k < w->call->args; k += 2) {
		if (k)
			SPK_TRY(spk_json_put(&w->text, ", ", err));
		SPK_TRY(append_name(w, k, row, done, err));
		if (*done)
			return SPK_OK;
		SPK_TRY(spk_json_put(&w->text, ": ", err));
		SPK_TRY(append_argument(w, k + 1, row, &loose, err));
	}
	SPK_TRY(spk_json_put(&w->text, "}", err));
	return settle(w, loose, err);
}

static spk_status build_object(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return spk_json_rows(call, out, build_object_row, NULL, err);
}

/* --- objects of texts --- */

static spk_status append_text_element(struct spk_json_work *w, const struct spk_reader *r, int32_t e, spk_error *err)
{
	const struct spk_view *v = &SPK_ARG(struct spk_view, *r, e);

	if (spk_arg_is_null(r, e))
		return spk_json_put(&w->text, "null", err);
	return spk_jsonb_append_string(&w->text, spk_view_data(v), v->length, err);
}

/* Names and values alternate in one array, or lie in two. */
static spk_status object_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	const struct spk_array_reader names = spk_array_reader(&w->call->arg[0]), values = spk_array_reader(&w->call->arg[w->call->args - 1]);
	const struct spk_reader rn = spk_vector_reader(names.child), rv = spk_vector_reader(values.child);
	int32_t first, end, from, to, step = w->call->args == 1 ? 2 : 1;
	const char *wrong = NULL;

	spk_array_row(&names, row, &first, &end);
	spk_array_row(&values, row, &from, &to);
	if (step == 2 && (end - first) % 2)
		wrong = "array must have even number of elements";
	else if (step == 1 && (end == first) != (to == from))
		wrong = "wrong number of array subscripts";
	else if (step == 1 && end - first != to - from)
		wrong = "mismatched array dimensions";
	for (int32_t e = first; e < end && !wrong; e += step)
		if (spk_arg_is_null(&rn, e))
			wrong = "null value not allowed for object key";
	*done = wrong != NULL;
	if (wrong)
		return spk_call_fail(w->call, w->out, row, SPK_DATA, err, "%s", wrong);
	SPK_TRY(spk_json_put(&w->text, "{", err));
	for (int32_t e = first; e < end; e += step) {
		if (e > first)
			SPK_TRY(spk_json_put(&w->text, ", ", err));
		SPK_TRY(append_text_element(w, &rn, e, err));
		SPK_TRY(spk_json_put(&w->text, ": ", err));
		SPK_TRY(append_text_element(w, &rv, step == 2 ? e + 1 : from + e - first, err));
	}
	SPK_TRY(spk_json_put(&w->text, "}", err));
	return settle(w, true, err);
}

static spk_status object(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return spk_json_rows(call, out, object_row, NULL, err);
}

/* --- the table --- */

#define TO_JSON(name_, doc_) { .name = name_, .doc = doc_, SPK_ARGS1(UNKNOWN), SPK_RESULT(JSONB), .alike = SPK_ALIKE_SAME, .volatility = SPK_STABLE, .kernel = to_jsonb }
#define BUILD_ARRAY(name_) \
	{ .name = name_, .doc = "An array of the arguments", .args_min = 0, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(JSONB), .not_strict = true, .volatility = SPK_STABLE, .kernel = build_array }
#define BUILD_OBJECT(name_) \
	{ .name = name_, .doc = "An object of names and values, which alternate", .args_min = 0, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(JSONB), .not_strict = true, \
	  .can_fail = true, .volatility = SPK_STABLE, .kernel = build_object }
#define OBJECT(name_) \
	{ .name = name_, .doc = "An object of texts: names and values alternate in one array, or lie in two", .args_min = 1, .args_max = 2, .arg = { SPK_TA(TEXT), SPK_TA(TEXT) }, \
	  SPK_RESULT(JSONB), .can_fail = true, .kernel = object }

static const struct spk_function jsonb_build_functions[] = {
	TO_JSON("to_jsonb", "Any value as jsonb"),
	TO_JSON("to_json", "As to_jsonb"),
	{ .name = "array_to_json", .doc = "An array as jsonb", SPK_ARGS1(ARRAY), SPK_RESULT(JSONB), .alike = SPK_ALIKE_SAME, .volatility = SPK_STABLE, .kernel = to_jsonb },
	{ .name = "row_to_json", .doc = "A record as jsonb", SPK_ARGS1(ROW), SPK_RESULT(JSONB), .volatility = SPK_STABLE, .kernel = to_jsonb },
	BUILD_ARRAY("jsonb_build_array"),
	BUILD_ARRAY("json_build_array"),
	BUILD_OBJECT("jsonb_build_object"),
	BUILD_OBJECT("json_build_object"),
	OBJECT("jsonb_object"),
	OBJECT("json_object"),
};

SPK_FUNCTION_FAMILY(jsonb_build, jsonb_build_functions)
