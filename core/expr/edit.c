/* Strings: joining, padding, replacing. Results are new bytes, put together in a buffer that a call reuses for all its rows. */
#include "core/expr/appender.h"
#include "core/expr/families.h"
#include "core/expr/utf8.h"


spk_status spk_append_rows(const struct spk_call *call, spk_appender append, struct spk_vector *out, spk_error *err)
{
	struct spk_reader *r = spk_arena_alloc(call->ev->arena, sizeof(*r) * (size_t)SPK_MAX(call->args, 1));
	struct spk_buffer buffer = { 0 };
	spk_status status = SPK_OK;
	spk_error local = { 0 };

	SPK_TRY_PTR(r, err);
	for (int k = 0; k < call->args; k++)
		r[k] = spk_vector_reader(&call->arg[k]);
	for (int i = 0; i < call->n && status == SPK_OK; i++) {
		int row = spk_call_row(call, i);
		bool null = false;

		spk_buffer_clear(&buffer);
		status = append(call, r, row, &buffer, &null, &local);
		if (status == SPK_DATA)
			status = spk_call_fail_with(call, out, row, &local, err);
		else if (status != SPK_OK && err)
			*err = local;
		else if (status == SPK_OK && null)
			status = spk_call_null(call, out, row, err);
		else if (status == SPK_OK)
			status = spk_call_text(call, out, row, buffer.data ? buffer.data : "", buffer.size, err);
	}
	spk_buffer_release(&buffer);
	return status;
}

static spk_status append_view(struct spk_buffer *to, const struct spk_view *v, spk_error *err)
{
	return spk_buffer_append(to, spk_view_data(v), v->length, err);
}

/* --- joining --- */

static spk_status append_value(struct spk_buffer *to, const struct spk_call *call, const struct spk_reader *r, int k, int row, spk_error *err)
{
	return spk_text_append(to, &call->arg[k], spk_reader_slot(&r[k], row), call->ev->timezone, err);
}

SPK_APPENDER(concat)
{
	for (int k = 0; k < call->args; k++)
		if (!spk_arg_is_null(&r[k], row))
			SPK_TRY(append_value(to, call, r, k, row, err));
	return SPK_OK;
}

SPK_APPENDER(concat_ws)
{
	bool first = true;

	*null = spk_arg_is_null(&r[0], row);
	for (int k = 1; k < call->args && !*null; k++) {
		if (spk_arg_is_null(&r[k], row))
			continue;
		if (!first)
			SPK_TRY(append_view(to, SPK_ROW_VIEW(0), err));
		first = false;
		SPK_TRY(append_value(to, call, r, k, row, err));
	}
	return SPK_OK;
}

/* a || b: the common case, straight into the arena. */
static spk_status join(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader ra = spk_vector_reader(&call->arg[0]), rb = spk_vector_reader(&call->arg[1]);

	SPK_EACH_CALL_ROW(call, row) {
		const struct spk_view *a = &SPK_ARG(struct spk_view, ra, row), *b = &SPK_ARG(struct spk_view, rb, row);
		size_t size = (size_t)a->length + b->length;
		char small[SPK_VIEW_INLINE], *to = size > SPK_VIEW_INLINE ? spk_arena_alloc(call->ev->arena, size) : small;

		SPK_TRY_PTR(to, err);
		memcpy(to, spk_view_data(a), a->length);
		memcpy(to + a->length, spk_view_data(b), b->length);
		spk_vector_view(out)[row] = spk_view(to, (uint32_t)size);
	}
	return SPK_OK;
}

/* --- padding and repeating --- */

static spk_status pad(const struct spk_reader *r, int row, bool left, const struct spk_view *fill, struct spk_buffer *to, spk_error *err)
{
	const struct spk_view *v = SPK_ROW_VIEW(0);
	const char *s = spk_view_data(v), *end = s + v->length, *f = spk_view_data(fill), *f_end = f + fill->length, *next = f;
	int64_t want = SPK_MAX(SPK_ROW_INT(1), 0), have = (int64_t)spk_utf8_count(s, v->length);

	if (want > SPK_TEXT_LENGTH_MAX)
		return spk_fail(err, SPK_DATA, "requested length too large");
	if (have >= want || fill->length == 0) {
		end = have > want ? spk_utf8_skip(s, end, (size_t)want) : end;
		return spk_buffer_append(to, s, (size_t)(end - s), err);
	}
	if (!left)
		SPK_TRY(append_view(to, v, err));
	for (int64_t i = have; i < want; i++) {
		const char *after;

		if (next == f_end)
			next = f;
		after = spk_utf8_next(next, f_end);
		SPK_TRY(spk_buffer_append(to, next, (size_t)(after - next), err));
		next = after;
	}
	return left ? append_view(to, v, err) : SPK_OK;
}

static const struct spk_view blank = { .length = 1, .inlined = " " };

SPK_APPENDER(lpad)
{
	return pad(r, row, true, call->args > 2 ? SPK_ROW_VIEW(2) : &blank, to, err);
}

SPK_APPENDER(rpad)
{
	return pad(r, row, false, call->args > 2 ? SPK_ROW_VIEW(2) : &blank, to, err);
}

SPK_APPENDER(repeat)
{
	int64_t n = SPK_MAX(SPK_ROW_INT(1), 0);

	if (n * (int64_t)SPK_ROW_VIEW(0)->length > SPK_TEXT_LENGTH_MAX)
		return spk_fail(err, SPK_DATA, "requested length too large");
	for (; n > 0; n--)
		SPK_TRY(append_view(to, SPK_ROW_VIEW(0), err));
	return SPK_OK;
}

static spk_status append_spaces(struct spk_buffer *to, int64_t n, spk_error *err)
{
	if (n > SPK_TEXT_LENGTH_MAX)
		return spk_fail(err, SPK_DATA, "requested length too large");
	for (; n > 0; n--)
		SPK_TRY(spk_buffer_append(to, " ", 1, err));
	return SPK_OK;
}

SPK_APPENDER(space)
{
	return append_spaces(to, SPK_ROW_INT(0), err);
}

/* --- changing --- */

SPK_APPENDER(replace)
{
	const struct spk_view *from = SPK_ROW_VIEW(1);
	const char *s = spk_view_data(SPK_ROW_VIEW(0)), *end = s + SPK_ROW_VIEW(0)->length, *at;

	while (from->length && (at = spk_find(s, (size_t)(end - s), spk_view_data(from), from->length)) != NULL) {
		SPK_TRY(spk_buffer_append(to, s, (size_t)(at - s), err));
		SPK_TRY(append_view(to, SPK_ROW_VIEW(2), err));
		s = at + from->length;
	}
	return spk_buffer_append(to, s, (size_t)(end - s), err);
}

SPK_APPENDER(reverse)
{
	const char *s = spk_view_data(SPK_ROW_VIEW(0)), *end = s + SPK_ROW_VIEW(0)->length;

	while (end > s) {
		const char *p = spk_utf8_back(s, end, 1);

		SPK_TRY(spk_buffer_append(to, p, (size_t)(end - p), err));
		end = p;
	}
	return SPK_OK;
}

SPK_APPENDER(translate)
{
	const char *s = spk_view_data(SPK_ROW_VIEW(0)), *end = s + SPK_ROW_VIEW(0)->length, *next;
	const char *from = spk_view_data(SPK_ROW_VIEW(1)), *from_end = from + SPK_ROW_VIEW(1)->length;
	const char *by = spk_view_data(SPK_ROW_VIEW(2)), *by_end = by + SPK_ROW_VIEW(2)->length;

	for (; s < end; s = next) {
		const char *f = from, *b = by, *f_next, *b_next;

		next = spk_utf8_next(s, end);
		for (; f < from_end; f = f_next, b = b_next) {
			f_next = spk_utf8_next(f, from_end);
			b_next = b < by_end ? spk_utf8_next(b, by_end) : b;
			if (f_next - f == next - s && memcmp(f, s, (size_t)(next - s)) == 0)
				break;
		}
		if (f == from_end)
			SPK_TRY(spk_buffer_append(to, s, (size_t)(next - s), err));
		else if (b < by_end)
			SPK_TRY(spk_buffer_append(to, b, (size_t)(spk_utf8_next(b, by_end) - b), err));
	}
	return SPK_OK;
}

SPK_APPENDER(overlay)
{
	const char *s = spk_view_data(SPK_ROW_VIEW(0)), *end = s + SPK_ROW_VIEW(0)->length, *from;
	int64_t start = SPK_ROW_INT(2), count = call->args > 3 ? SPK_ROW_INT(3) : (int64_t)spk_utf8_count(spk_view_data(SPK_ROW_VIEW(1)), SPK_ROW_VIEW(1)->length);

	if (start <= 0)
		return spk_fail(err, SPK_DATA, "negative substring length not allowed");
	if (start + count > INT32_MAX)
		return spk_fail(err, SPK_DATA, "integer out of range");
	from = spk_utf8_skip(s, end, (size_t)(start - 1));
	SPK_TRY(spk_buffer_append(to, s, (size_t)(from - s), err));
	SPK_TRY(append_view(to, SPK_ROW_VIEW(1), err));
	from = start - 1 + count > 0 ? spk_utf8_skip(s, end, (size_t)(start - 1 + count)) : s;
	return spk_buffer_append(to, from, (size_t)(end - from), err);
}

SPK_APPENDER(chr)
{
	int32_t c = SPK_ROW_INT(0);
	char text[4];

	if (c < 0)
		return spk_fail(err, SPK_DATA, "character number must be positive");
	if (c == 0)
		return spk_fail(err, SPK_DATA, "null character not permitted");
	if (c > 0x10ffff)
		return spk_fail(err, SPK_DATA, "requested character too large for encoding: %d", c);
	if (c >= 0xd800 && c <= 0xdfff)
		return spk_fail(err, SPK_DATA, "requested character not valid for encoding: %d", c);
	return spk_buffer_append(to, text, spk_utf8_put((uint32_t)c, text), err);
}

/* --- the table --- */

#define ANY_NUMBER .args_max = -1, .not_strict = true

static const struct spk_function edit_functions[] = {
	{ .name = "||", .doc = "One after the other; with one side text, the other is cast to it", SPK_ARGS2(TEXT, TEXT), SPK_RESULT(TEXT), .kernel = join },
	{ .name = "||", .doc = "One after the other", SPK_ARGS2(BYTEA, BYTEA), SPK_RESULT(BYTEA), .kernel = join },
	{ .name = "concat", .doc = "Texts of all arguments that are not NULL, one after the other", .args_min = 1, ANY_NUMBER, .arg = { SPK_T(UNKNOWN) },
	  SPK_RESULT(TEXT), .volatility = SPK_STABLE, .kernel = concat },
	{ .name = "concat_ws", .doc = "As concat, with the first argument in between", .args_min = 2, ANY_NUMBER, .arg = { SPK_T(TEXT), SPK_T(UNKNOWN) },
	  SPK_RESULT(TEXT), .volatility = SPK_STABLE, .kernel = concat_ws },
	{ .name = "lpad", .doc = "Filled up at the start (with spaces or the third argument) or cut to a number of characters", .args_min = 2, .args_max = 3,
	  .arg = { SPK_T(TEXT), SPK_T(INTEGER), SPK_T(TEXT) }, SPK_RESULT(TEXT), .can_fail = true, .kernel = lpad },
	{ .name = "rpad", .doc = "Filled up at the end or cut to a number of characters", .args_min = 2, .args_max = 3,
	  .arg = { SPK_T(TEXT), SPK_T(INTEGER), SPK_T(TEXT) }, SPK_RESULT(TEXT), .can_fail = true, .kernel = rpad },
	{ .name = "repeat", .doc = "The string n times", SPK_ARGS2(TEXT, INTEGER), SPK_RESULT(TEXT), .can_fail = true, .kernel = repeat },
	{ .name = "space", .doc = "n spaces", SPK_ARGS1(INTEGER), SPK_RESULT(TEXT), .can_fail = true, .kernel = space },
	{ .name = "replace", .doc = "With every second argument replaced by the third", SPK_ARGS3(TEXT, TEXT, TEXT), SPK_RESULT(TEXT), .kernel = replace },
	{ .name = "reverse", .doc = "Characters in reverse order", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .kernel = reverse },
	{ .name = "translate", .doc = "Each character of the second argument replaced by that of the third at the same place", SPK_ARGS3(TEXT, TEXT, TEXT),
	  SPK_RESULT(TEXT), .kernel = translate },
	{ .name = "overlay", .doc = "With the second argument laid over from a position", .args_min = 3, .args_max = 4,
	  .arg = { SPK_T(TEXT), SPK_T(TEXT), SPK_T(INTEGER), SPK_T(INTEGER) }, SPK_RESULT(TEXT), .can_fail = true, .kernel = overlay },
	{ .name = "chr", .doc = "The character of a code point", SPK_ARGS1(INTEGER), SPK_RESULT(TEXT), .can_fail = true, .kernel = chr },
};

SPK_FUNCTION_FAMILY(edit, edit_functions)
