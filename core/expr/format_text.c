/* format(): a text with %[n$][-][width]kind replaced by arguments; the width may be * or *n$, that is an argument too. */
#include <stdlib.h>

#include "core/expr/appender.h"
#include "core/expr/families.h"
#include "core/expr/utf8.h"

enum { NONE = -1, NEXT = 0 };    /* where an argument is not wanted, or the one behind the last one is */

struct directive {
	const char *s, *end;         /* what is still to be read */
	int32_t position, width_from, width;
	bool left;                   /* - : spaces behind the value */
	char kind;
};

static spk_status unterminated(spk_error *err)
{
	spk_fail(err, SPK_DATA, "unterminated format() type specifier");
	return spk_hint(err, "For a single \"%%\" use \"%%%%\".");
}

static spk_status advance(struct directive *d, spk_error *err)
{
	d->s++;
	return d->s == d->end ? unterminated(err) : SPK_OK;
}

/* A number, when there is one. */
static spk_status read_digits(struct directive *d, bool *any, int32_t *n, spk_error *err)
{
	*any = *d->s >= '0' && *d->s <= '9';
	*n = 0;
	while (*d->s >= '0' && *d->s <= '9') {
		if (__builtin_mul_overflow(*n, 10, n) || __builtin_add_overflow(*n, *d->s - '0', n))
			return spk_fail(err, SPK_DATA, "number is out of range");
		SPK_TRY(advance(d, err));
	}
	return SPK_OK;
}

/* What stands before a $. */
static spk_status end_position(struct directive *d, int32_t n, spk_error *err)
{
	if (n == 0)
		return spk_fail(err, SPK_DATA, "format specifies argument 0, but arguments are numbered from 1");
	return advance(d, err);
}

static spk_status read_width(struct directive *d, spk_error *err)
{
	bool any;

	if (*d->s != '*')
		return read_digits(d, &any, &d->width, err);
	SPK_TRY(advance(d, err));
	SPK_TRY(read_digits(d, &any, &d->width_from, err));
	if (any && *d->s != '$')
		return spk_fail(err, SPK_DATA, "width argument position must be ended by \"$\"");
	return any ? end_position(d, d->width_from, err) : SPK_OK;
}

/* Behind the % and up to the kind. */
static spk_status read_directive(struct directive *d, spk_error *err)
{
	bool any;

	d->position = d->width_from = NONE;
	d->width = 0;
	d->left = false;
	SPK_TRY(read_digits(d, &any, &d->width, err));
	if (!any || *d->s == '$') {
		if (any) {
			d->position = d->width;
			d->width = 0;
			SPK_TRY(end_position(d, d->position, err));
		}
		while (*d->s == '-') {
			d->left = true;
			SPK_TRY(advance(d, err));
		}
		SPK_TRY(read_width(d, err));
	}
	d->kind = *d->s++;
	if (d->kind && strchr("sIL", d->kind))
		return SPK_OK;
	spk_fail(err, SPK_DATA, "unrecognized format() type specifier \"%.*s\"", (int)spk_utf8_size(d->kind), d->s - 1);
	return spk_hint(err, "For a single \"%%\" use \"%%%%\".");
}

static spk_status append_value(struct spk_buffer *to, const struct spk_call *call, const struct spk_reader *r, int k, int row, spk_error *err)
{
	return spk_text_append(to, &call->arg[k], spk_reader_slot(&r[k], row), call->ev->timezone, err);
}

/* The width that an argument gives; NULL is none. */
static spk_status width_of(const struct spk_call *call, const struct spk_reader *r, int k, int row, int32_t *width, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status;

	*width = 0;
	if (spk_arg_is_null(&r[k], row))
		return SPK_OK;
	status = append_value(&text, call, r, k, row, err);
	if (status == SPK_OK)
		status = spk_text_to_value(spk_type(SPK_TYPE_INTEGER), text.data ? text.data : "", text.size, NULL, width, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status append_padded(struct spk_buffer *to, const struct directive *d, const struct spk_call *call, const struct spk_reader *r, int k, int row, spk_error *err)
{
	bool null = spk_arg_is_null(&r[k], row), left = d->left || d->width < 0;
	size_t from = to->size;
	struct spk_buffer text = { 0 };
	spk_status status = SPK_OK;
	int64_t missing;

	if (!null)
		status = append_value(&text, call, r, k, row, err);
	if (status == SPK_OK && null && d->kind == 'I')
		status = spk_fail(err, SPK_DATA, "null values cannot be formatted as an SQL identifier");
	else if (status == SPK_OK && null)
		status = d->kind == 'L' ? spk_buffer_append_str(to, "NULL", err) : SPK_OK;
	else if (status == SPK_OK && d->kind == 's')
		status = spk_buffer_append(to, text.data, text.size, err);
	else if (status == SPK_OK)
		status = (d->kind == 'I' ? spk_append_identifier : spk_append_literal)(to, text.data ? text.data : "", text.size, err);
	spk_buffer_release(&text);
	SPK_TRY(status);
	if (d->width == INT32_MIN)
		return spk_fail(err, SPK_DATA, "number is out of range");
	missing = labs(d->width) - (long)spk_utf8_count(to->data ? to->data + from : "", to->size - from);
	if (missing <= 0)
		return SPK_OK;
	if (missing > SPK_TEXT_LENGTH_MAX)
		return spk_fail(err, SPK_DATA, "requested length too large");
	for (int64_t i = 0; i < missing; i++)
		SPK_TRY(spk_buffer_append(to, " ", 1, err));
	if (!left) {
		memmove(to->data + from + missing, to->data + from, to->size - from - (size_t)missing);
		memset(to->data + from, ' ', (size_t)missing);
	}
	return SPK_OK;
}

/* The next argument, or the one asked for. */
static spk_status take(const struct spk_call *call, int32_t asked, int *next, int *k, spk_error *err)
{
	if (asked > NEXT)
		*next = asked;
	if (*next >= call->args)
		return spk_fail(err, SPK_DATA, "too few arguments for format()");
	*k = (*next)++;
	return SPK_OK;
}

SPK_APPENDER(format)
{
	struct directive d = { 0 };
	int next = 1, k = 0;

	*null = spk_arg_is_null(&r[0], row);
	if (*null)
		return SPK_OK;
	d.s = spk_view_data(SPK_ROW_VIEW(0));
	d.end = d.s + SPK_ROW_VIEW(0)->length;
	while (d.s < d.end) {
		if (*d.s != '%') {
			SPK_TRY(spk_buffer_append(to, d.s++, 1, err));
			continue;
		}
		SPK_TRY(advance(&d, err));
		if (*d.s == '%') {
			SPK_TRY(spk_buffer_append(to, d.s++, 1, err));
			continue;
		}
		SPK_TRY(read_directive(&d, err));
		if (d.width_from != NONE) {
			SPK_TRY(take(call, d.width_from, &next, &k, err));
			SPK_TRY(width_of(call, r, k, row, &d.width, err));
		}
		SPK_TRY(take(call, d.position, &next, &k, err));
		SPK_TRY(append_padded(to, &d, call, r, k, row, err));
	}
	return SPK_OK;
}

static const struct spk_function format_text_functions[] = {
	{ .name = "format", .doc = "Text without arguments to put in", SPK_ARGS1(TEXT), SPK_RESULT(TEXT), .can_fail = true, .not_strict = true, .volatility = SPK_STABLE, .kernel = format },
	{ .name = "format", .doc = "Text with %s, %I (identifier) and %L (literal) replaced by the arguments", .args_min = 2, .args_max = -1,
	  .arg = { SPK_T(TEXT), SPK_T(UNKNOWN) }, SPK_RESULT(TEXT), .can_fail = true, .not_strict = true, .volatility = SPK_STABLE, .kernel = format },
};

SPK_FUNCTION_FAMILY(format_text, format_text_functions)
