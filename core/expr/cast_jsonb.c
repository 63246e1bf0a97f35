/* Casts to and from json and jsonb. */
#include <stdio.h>

#include "core/expr/cast.h"
#include "core/expr/jsonb.h"

typedef spk_status (*json_reader)(const struct spk_call *call, struct spk_json_parser *parser, struct spk_buffer *text, const struct spk_view *v, struct spk_view *out, spk_error *err);

static spk_status read_jsonb(const struct spk_call *call, struct spk_json_parser *parser, struct spk_buffer *text, const struct spk_view *v, struct spk_view *out, spk_error *err)
{
	return spk_jsonb_make(parser, text, spk_view_data(v), v->length, call->ev->arena, out, err);
}

/* json keeps the text. */
static spk_status read_json(const struct spk_call *call, struct spk_json_parser *parser, struct spk_buffer *text, const struct spk_view *v, struct spk_view *out, spk_error *err)
{
	(void)call;
	*out = *v;
	return spk_json_check(parser, text, spk_view_data(v), v->length, err);
}

static spk_status read_texts(const struct spk_call *call, json_reader read, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	struct spk_json_parser parser = { 0 };
	struct spk_buffer text = { 0 };
	spk_error local = { 0 };
	spk_status status = SPK_OK;

	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		int row = spk_call_row(call, i);
		const struct spk_view v = SPK_ARG(struct spk_view, r, row);

		status = read(call, &parser, &text, &v, &spk_vector_view(out)[row], &local);
		if (status != SPK_OK) {
			spk_vector_view(out)[row] = (struct spk_view){ 0 };
			status = spk_call_fail(call, out, row, status, err, "%s", local.message);
		}
	}
	spk_buffer_release(&text);
	spk_json_parser_release(&parser);
	return status;
}

spk_status spk_cast_text_jsonb(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return read_texts(call, read_jsonb, out, err); }
spk_status spk_cast_text_json(const struct spk_call *call, struct spk_vector *out, spk_error *err) { return read_texts(call, read_json, out, err); }

/* The same bytes, but of another type: texts are compared and hashed as texts. */
spk_status spk_cast_jsonb_text(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	if (out->type.precision > 0)
		return spk_cast_text_text(call, out, err);
	*out = call->arg[0];
	out->type = call->expr->type;
	return SPK_OK;
}

static spk_status no_cast(const struct spk_call *call, struct spk_json j, struct spk_vector *out, int row, spk_error *err)
{
	static const char *const kinds[] = { [SPK_JSONB_NULL] = "null", [SPK_JSONB_STRING] = "string", [SPK_JSONB_NUMBER] = "numeric", [SPK_JSONB_BOOLEAN] = "boolean",
	                                     [SPK_JSONB_ARRAY] = "array", [SPK_JSONB_OBJECT] = "object" };
	char type[64];

	return spk_call_fail(call, out, row, SPK_DATA, err, "cannot cast jsonb %s to type %s", kinds[spk_json_type(j)], spk_type_format(spk_type_bare(out->type), type, sizeof type));
}

spk_status spk_cast_jsonb_bool(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json j = spk_json_at(&r, row);

		if (spk_json_type(j) == SPK_JSONB_BOOLEAN)
			spk_vector_bool(out)[row] = *j.p == 't';
		else
			SPK_TRY(no_cast(call, j, out, row, err));
	}
	return SPK_OK;
}

static bool is_integer(struct spk_type type)
{
	return type.id == SPK_TYPE_SMALLINT || type.id == SPK_TYPE_INTEGER || type.id == SPK_TYPE_BIGINT;
}

/* Numbers go by way of numeric: rounded for integers, as PostgreSQL does. */
static spk_status put_number(const struct spk_call *call, struct spk_json j, struct spk_vector *out, int row, spk_error *err)
{
	static const struct { enum spk_type_id id; int64_t min, max; const char *name; } limits[] = {
		{ SPK_TYPE_SMALLINT, INT16_MIN, INT16_MAX, "smallint" }, { SPK_TYPE_INTEGER, INT32_MIN, INT32_MAX, "integer" }, { SPK_TYPE_BIGINT, INT64_MIN, INT64_MAX, "bigint" },
	};
	void *to = (char *)out->data + (size_t)spk_type_width(out->type) * (size_t)row;
	const char *name = "";
	spk_error local = { 0 };
	spk_int128 v;
	int scale;

	if (!is_integer(out->type)) {
		spk_status status = spk_text_to_value(out->type, j.p, (size_t)(j.end - j.p), NULL, to, &local);

		return status == SPK_OK ? SPK_OK : spk_call_fail(call, out, row, status, err, "%s", local.message);
	}
	if (spk_decimal_parse(j.p, (size_t)(j.end - j.p), &v, &scale) && spk_decimal_rescale(v, scale, 0, &v)) {
		for (size_t i = 0; i < SPK_COUNT_OF(limits); i++) {
			if (limits[i].id != out->type.id)
				continue;
			name = limits[i].name;
			if (v < limits[i].min || v > limits[i].max)
				break;
			memcpy(to, &v, (size_t)spk_type_width(out->type));
			return SPK_OK;
		}
	}
	return spk_call_fail(call, out, row, SPK_DATA, err, "%s out of range", *name ? name : "integer");
}

spk_status spk_cast_jsonb_number(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		struct spk_json j = spk_json_at(&r, row);

		if (spk_json_type(j) == SPK_JSONB_NUMBER)
			SPK_TRY(put_number(call, j, out, row, err));
		else
			SPK_TRY(no_cast(call, j, out, row, err));
	}
	return SPK_OK;
}
