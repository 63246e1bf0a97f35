/* Arrays joined to one text, and texts split into arrays. */
#include "core/expr/array.h"
#include "core/expr/families.h"
#include "core/expr/utf8.h"

/* --- array_to_string --- */

static spk_status join(const struct spk_call *call, const struct spk_array_reader *a, int row, const struct spk_view *by, const struct spk_view *null, struct spk_buffer *text, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(a->child);
	int32_t first, end;
	bool begun = false;

	spk_buffer_clear(text);
	spk_array_row(a, row, &first, &end);
	for (int32_t e = first; e < end; e++) {
		uint32_t slot = spk_reader_slot(&r, e);
		bool valid = spk_reader_valid(&r, slot);

		if (!valid && !null)
			continue;
		if (begun)
			SPK_TRY(spk_buffer_append(text, spk_view_data(by), by->length, err));
		begun = true;
		if (valid)
			SPK_TRY(spk_text_append(text, a->child, slot, call->ev->timezone, err));
		else
			SPK_TRY(spk_buffer_append(text, spk_view_data(null), null->length, err));
	}
	return SPK_OK;
}

static spk_status array_to_string(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_array_reader a = spk_array_reader(&call->arg[0]);
	const struct spk_reader rd = spk_vector_reader(&call->arg[1]), rn = spk_vector_reader(&call->arg[call->args - 1]);
	struct spk_buffer text = { 0 };
	spk_status status = SPK_OK;

	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		int row = spk_call_row(call, i);
		bool null = call->args == 3 && !spk_arg_is_null(&rn, row);

		if (spk_arg_is_null(&a.r, row) || spk_arg_is_null(&rd, row)) {
			status = spk_call_null(call, out, row, err);
			continue;
		}
		status = join(call, &a, row, &SPK_ARG(struct spk_view, rd, row), null ? &SPK_ARG(struct spk_view, rn, row) : NULL, &text, err);
		if (status == SPK_OK)
			status = spk_call_text(call, out, row, text.data, text.size, err);
	}
	spk_buffer_release(&text);
	return status;
}

/* --- string_to_array --- */

/* A part that is equal to `null` (if any) is NULL. */
static spk_status add(struct spk_array_writer *w, const char *s, size_t size, const struct spk_view *null, spk_error *err)
{
	struct spk_view part = spk_view(s, (uint32_t)size);

	if (null && spk_view_equal(null, &part))
		return spk_array_null(w, err);
	SPK_TRY(spk_array_room(w, 1, err));
	if (w->child->valid)
		spk_bit_set(w->child->valid, w->used);
	spk_vector_view(w->child)[w->used++] = part;
	return SPK_OK;
}

/* No delimiter (NULL): into characters. An empty one: the text whole. */
static spk_status split(struct spk_array_writer *w, const struct spk_view *text, const struct spk_view *by, const struct spk_view *null, spk_error *err)
{
	const char *s = spk_view_data(text), *end = s + text->length, *next;

	if (s == end)
		return SPK_OK;
	for (; !by && s < end; s = next) {
		next = spk_utf8_next(s, end);
		SPK_TRY(add(w, s, (size_t)(next - s), null, err));
	}
	if (!by)
		return SPK_OK;
	while (by->length && (next = spk_find(s, (size_t)(end - s), spk_view_data(by), by->length)) != NULL) {
		SPK_TRY(add(w, s, (size_t)(next - s), null, err));
		s = next + by->length;
	}
	return add(w, s, (size_t)(end - s), null, err);
}

static const struct spk_view *view_or_null(const struct spk_reader *r, int row)
{
	return spk_arg_is_null(r, row) ? NULL : &SPK_ARG(struct spk_view, *r, row);
}

static spk_status string_to_array(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rd = spk_vector_reader(&call->arg[1]), rn = spk_vector_reader(&call->arg[call->args - 1]);
	struct spk_array_writer w = spk_array_writer(call, out);

	SPK_EACH_CALL_ROW(call, row) {
		if (spk_arg_is_null(&rs, row))
			SPK_TRY(spk_call_null(call, out, row, err));
		else
			SPK_TRY(split(&w, &SPK_ARG(struct spk_view, rs, row), view_or_null(&rd, row), call->args == 3 ? view_or_null(&rn, row) : NULL, err));
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

/* --- split_parts --- */

/* Of each part between delimiters: the piece before the second delimiter (`which` 1), or behind it (2), NULL where there is none. */
static spk_status split_pieces(struct spk_array_writer *w, const struct spk_view *text, const struct spk_view *by, const struct spk_view *within, int which, spk_error *err)
{
	const char *s = spk_view_data(text), *end = s + text->length, *part, *piece;

	for (; s <= end && text->length; s = part + by->length) {
		part = by->length ? spk_find(s, (size_t)(end - s), spk_view_data(by), by->length) : NULL;
		part = part ? part : end;
		piece = within->length ? spk_find(s, (size_t)(part - s), spk_view_data(within), within->length) : NULL;
		if (which == 1)
			SPK_TRY(add(w, s, (size_t)((piece ? piece : part) - s), NULL, err));
		else if (piece)
			SPK_TRY(add(w, piece + within->length, (size_t)(part - piece) - within->length, NULL, err));
		else
			SPK_TRY(spk_array_null(w, err));
		if (part == end)
			break;
	}
	return SPK_OK;
}

static spk_status split_parts(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader rs = spk_vector_reader(&call->arg[0]), rd = spk_vector_reader(&call->arg[1]), rw = spk_vector_reader(&call->arg[2]), rn = spk_vector_reader(&call->arg[3]);
	struct spk_array_writer w = spk_array_writer(call, out);

	SPK_EACH_CALL_ROW(call, row) {
		SPK_TRY(split_pieces(&w, &SPK_ARG(struct spk_view, rs, row), &SPK_ARG(struct spk_view, rd, row), &SPK_ARG(struct spk_view, rw, row), SPK_ARG(int32_t, rn, row), err));
		spk_array_end(&w, row);
	}
	spk_array_end(&w, call->rows);
	return SPK_OK;
}

#define STRING_TO(name_, ...) \
	{ .name = name_, .doc = "Parts of a text between delimiters (NULL: its characters); those equal to the third argument are NULL", .args_min = 2, .args_max = 3, \
	  .arg = { SPK_T(TEXT), SPK_T(TEXT), SPK_T(TEXT) }, .result = SPK_TA(TEXT), .not_strict = true, .kernel = string_to_array, __VA_ARGS__ }

static const struct spk_function array_text_functions[] = {
	{ .name = "array_to_string", .doc = "Elements as one text with a delimiter between them; NULLs as the third argument, or left out", .args_min = 2, .args_max = 3,
	  .arg = { SPK_T(ARRAY), SPK_T(TEXT), SPK_T(TEXT) }, SPK_RESULT(TEXT), .alike = SPK_ALIKE_SAME, .not_strict = true, .volatility = SPK_STABLE, .kernel = array_to_string },
	STRING_TO("string_to_array"),
	{ .name = "split_parts", .doc = "Of each part between the first delimiters: what is before the second delimiter (1) or behind it (2), NULL where that is not there", .args_min = 4, .args_max = 4,
	  .arg = { SPK_T(TEXT), SPK_T(TEXT), SPK_T(TEXT), SPK_T(INTEGER) }, .result = SPK_TA(TEXT), .kernel = split_parts },
	STRING_TO("string_to_table", .set_returning = true),
};

SPK_FUNCTION_FAMILY(array_text, array_text_functions)
