/* json and jsonb made of other values: to_json, to_jsonb, builders of arrays and objects. */
#include "core/expr/families.h"
#include "core/expr/jsonb.h"

static bool writes_json(const struct spk_call *call) { return call->expr->type.id == SPK_TYPE_JSON; }
static const char *colon(const struct spk_call *call) { return writes_json(call) ? " : " : ": "; }

static struct spk_json_form form_of(const struct spk_call *call) { return (struct spk_json_form){ .json = writes_json(call) }; }

/* Brings what was written by spk_json_append_value into jsonb's form if it may not have it. */
static spk_status settle(struct spk_json_work *w, const struct spk_json_form *form, spk_error *err)
{
	struct spk_buffer swap = w->text;

	if (form->json || !form->loose)
		return SPK_OK;
	spk_buffer_clear(&w->scratch);
	SPK_TRY(spk_jsonb_parse(&w->parser, w->text.data, w->text.size, &w->scratch, err));
	w->text = w->scratch;
	w->scratch = swap;
	return SPK_OK;
}

/* Argument k's value, null when it is NULL. */
static spk_status append_argument(struct spk_json_work *w, int k, int row, struct spk_json_form *form, spk_error *err)
{
	const struct spk_vector *v = &w->call->arg[k];
	const struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);

	if (!spk_reader_valid(&r, slot))
		return spk_json_put(&w->text, "null", err);
	return spk_json_append_value(&w->text, v, slot, w->call->ev->timezone, form, err);
}

static spk_status to_jsonb_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	struct spk_json_form form = form_of(w->call);

	(void)done;
	SPK_TRY(append_argument(w, 0, row, &form, err));
	return settle(w, &form, err);
}

/* array_to_json and row_to_json: the second argument asks for lines. */
static spk_status to_lines_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	struct spk_json_form form = form_of(w->call);
	const struct spk_reader r = spk_vector_reader(&w->call->arg[1]);

	(void)done;
	form.lines = SPK_ARG(uint8_t, r, row);
	return append_argument(w, 0, row, &form, err);
}

static spk_status to_lines(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return spk_json_rows(call, out, call->args > 1 ? to_lines_row : to_jsonb_row, NULL, err);
}

static spk_status to_jsonb(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return spk_json_rows(call, out, to_jsonb_row, NULL, err);
}

static spk_status build_array_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	struct spk_json_form form = form_of(w->call);

	(void)done;
	SPK_TRY(spk_json_put(&w->text, "[", err));
	for (int k = 0; k < w->call->args; k++) {
		if (k)
			SPK_TRY(spk_json_put(&w->text, ", ", err));
		SPK_TRY(append_argument(w, k, row, &form, err));
	}
	SPK_TRY(spk_json_put(&w->text, "]", err));
	return settle(w, &form, err);
}

static spk_status build_array(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return spk_json_rows(call, out, build_array_row, NULL, err);
}

/* A name: the text of a scalar. */
static spk_status append_name(struct spk_json_work *w, int k, int row, bool *done, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&w->call->arg[k]);
	uint32_t slot = spk_reader_slot(&r, row);
	const char *wrong = NULL;

	*done = !spk_reader_valid(&r, slot);
	if (*done)
		return spk_call_fail(w->call, w->out, row, SPK_DATA, err, writes_json(w->call) ? "argument %d cannot be null" : "argument %d: key must not be null", k + 1);
	SPK_TRY(spk_json_append_name(&w->text, &w->call->arg[k], slot, w->call->ev->timezone, &wrong, err));
	*done = wrong != NULL;
	return wrong ? spk_call_fail(w->call, w->out, row, SPK_DATA, err, "%s", wrong) : SPK_OK;
}

static spk_status build_object_row(struct spk_json_work *w, int row, bool *done, spk_error *err)
{
	struct spk_json_form form = form_of(w->call);

	form.loose = w->call->args > 2;
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
		SPK_TRY(spk_json_put(&w->text, colon(w->call), err));
		SPK_TRY(append_argument(w, k + 1, row, &form, err));
	}
	SPK_TRY(spk_json_put(&w->text, "}", err));
	return settle(w, &form, err);
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
		SPK_TRY(spk_json_put(&w->text, colon(w->call), err));
		SPK_TRY(append_text_element(w, &rv, step == 2 ? e + 1 : from + e - first, err));
	}
	SPK_TRY(spk_json_put(&w->text, "}", err));
	return settle(w, &(struct spk_json_form){ .json = writes_json(w->call), .loose = true }, err);
}

static spk_status object(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	return spk_json_rows(call, out, object_row, NULL, err);
}

/* --- the table --- */

#define TO_JSON(name_, T, doc_) { .name = name_, .doc = doc_, SPK_ARGS1(UNKNOWN), SPK_RESULT(T), .alike = SPK_ALIKE_SAME, .volatility = SPK_STABLE, .kernel = to_jsonb }
#define TO_LINES(name_, T, doc_, ...) \
	{ .name = name_, .doc = doc_, .args_min = 1, .args_max = 2, .arg = { SPK_T(T), SPK_T(BOOLEAN) }, SPK_RESULT(JSON), .volatility = SPK_STABLE, .kernel = to_lines, __VA_ARGS__ }
#define BUILD_ARRAY(name_, T) \
	{ .name = name_, .doc = "An array of the arguments", .args_min = 0, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(T), .not_strict = true, .volatility = SPK_STABLE, .kernel = build_array }
#define BUILD_OBJECT(name_, T) \
	{ .name = name_, .doc = "An object of names and values, which alternate", .args_min = 0, .args_max = -1, .arg = { SPK_T(UNKNOWN) }, SPK_RESULT(T), .not_strict = true, \
	  .can_fail = true, .volatility = SPK_STABLE, .kernel = build_object }
#define OBJECT(name_, T) \
	{ .name = name_, .doc = "An object of texts: names and values alternate in one array, or lie in two", .args_min = 1, .args_max = 2, .arg = { SPK_TA(TEXT), SPK_TA(TEXT) }, \
	  SPK_RESULT(T), .can_fail = true, .kernel = object }

static const struct spk_function jsonb_build_functions[] = {
	TO_JSON("to_jsonb", JSONB, "Any value as jsonb"),
	TO_JSON("to_json", JSON, "Any value as json"),
	TO_LINES("array_to_json", ARRAY, "An array as json; the second argument asks for its elements on lines", .alike = SPK_ALIKE_SAME),
	TO_LINES("row_to_json", ROW, "A record as json; the second argument asks for its fields on lines"),
	BUILD_ARRAY("jsonb_build_array", JSONB),
	BUILD_ARRAY("json_build_array", JSON),
	BUILD_OBJECT("jsonb_build_object", JSONB),
	BUILD_OBJECT("json_build_object", JSON),
	OBJECT("jsonb_object", JSONB),
	OBJECT("json_object", JSON),
};

SPK_FUNCTION_FAMILY(jsonb_build, jsonb_build_functions)
