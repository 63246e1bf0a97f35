/* Casts to and from text, by the formats of text.h. */
#include "core/expr/cast.h"

bool spk_cast_fit_length(const struct spk_expr *e, const char *s, size_t *size)
{
	size_t characters = 0, i = 0;
	const size_t limit = (size_t)e->type.precision;

	*size = spk_text_kept(e->type, s, *size);
	if (limit == 0 || *size <= limit)
		return true;
	for (; i < *size && (characters < limit || (s[i] & 0xc0) == 0x80); i++)
		characters += (s[i] & 0xc0) != 0x80;
	for (size_t k = i; e->assignment && k < *size; k++)
		if (s[k] != ' ')
			return false;
	*size = spk_text_kept(e->type, s, i);
	return true;
}

static spk_status too_long(const struct spk_call *call, struct spk_vector *out, int row, spk_error *err)
{
	char type[64];

	return spk_call_fail(call, out, row, SPK_DATA, err, "value too long for type %s", spk_type_format(call->expr->type, type, sizeof type));
}

spk_status spk_cast_to_text(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_type from = call->arg[0].type;
	const size_t width = (size_t)spk_type_width(from);

	SPK_EACH_CALL_ROW(call, row) {
		char text[SPK_TEXT_MAX];
		const void *value = (const char *)r.data + width * spk_reader_slot(&r, row);
		size_t size = (size_t)spk_text_from_value(from, value, call->ev->timezone, text);

		if (!spk_cast_fit_length(call->expr, text, &size))
			SPK_TRY(too_long(call, out, row, err));
		else
			SPK_TRY(spk_call_text(call, out, row, text, size, err));
	}
	return SPK_OK;
}

spk_status spk_cast_from_text(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_type to = call->expr->type;
	const size_t width = (size_t)spk_type_width(to);
	spk_error local = { 0 };

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		void *value = (char *)out->data + width * (size_t)row;
		spk_status status = spk_text_to_value(to, spk_view_data(v), v->length, call->ev->timezone, value, &local);

		if (status != SPK_OK)
			SPK_TRY(spk_call_fail(call, out, row, status, err, "%s", local.message));
	}
	return SPK_OK;
}

spk_status spk_cast_text_text(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		size_t size = v->length;

		if (!spk_cast_fit_length(call->expr, spk_view_data(v), &size))
			SPK_TRY(too_long(call, out, row, err));
		else
			spk_vector_view(out)[row] = size == v->length ? *v : spk_view(spk_view_data(v), (uint32_t)size);
	}
	return SPK_OK;
}

spk_status spk_cast_bytea_text(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	static const char hex[] = "0123456789abcdef";
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		const unsigned char *s = (const unsigned char *)spk_view_data(v);
		size_t size = 2 + 2 * (size_t)v->length;
		char *text = spk_arena_alloc(call->ev->arena, size);

		SPK_TRY_PTR(text, err);
		text[0] = '\\';
		text[1] = 'x';
		for (uint32_t i = 0; i < v->length; i++) {
			text[2 + 2 * i] = hex[s[i] >> 4];
			text[3 + 2 * i] = hex[s[i] & 15];
		}
		if (!spk_cast_fit_length(call->expr, text, &size))
			SPK_TRY(too_long(call, out, row, err));
		else
			spk_vector_view(out)[row] = spk_view(text, (uint32_t)size);
	}
	return SPK_OK;
}

spk_status spk_cast_text_bytea(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	spk_error local = { 0 };

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *v = &SPK_ARG(struct spk_view, r, row);
		char *bytes = spk_arena_alloc(call->ev->arena, SPK_MAX(v->length, 1u));
		size_t length;

		SPK_TRY_PTR(bytes, err);
		if (spk_text_decode_bytes(spk_view_data(v), v->length, bytes, &length, &local) != SPK_OK)
			SPK_TRY(spk_call_fail(call, out, row, SPK_DATA, err, "%s", local.message));
		else
			spk_vector_view(out)[row] = spk_view(bytes, (uint32_t)length);
	}
	return SPK_OK;
}
