#include "core/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/check.h"
#include "core/base/memory.h"
#include "core/base/utf8.h"

enum { SMALLEST = 64 };

void spk_buffer_release(struct spk_buffer *b)
{
	spk_free(b->account, b->data, b->capacity);
	b->data = NULL;
	b->size = b->capacity = 0;
}

spk_status spk_buffer_reserve_slow(struct spk_buffer *b, size_t more, spk_error *err)
{
	size_t need, capacity;
	char *data = NULL;

	if (__builtin_add_overflow(b->size, more, &need) || need > SIZE_MAX / 2)
		return spk_fail(err, SPK_NO_MEMORY, "a buffer of %zu bytes cannot grow by %zu", b->size, more);
	capacity = SPK_MAX(SPK_MAX(b->capacity * 2, (size_t)SMALLEST), need);
	data = spk_realloc(b->account, b->data, b->capacity, capacity);
	/* Doubling is a wish, `need` is not: under a tight budget take less and less beyond it, so that not every append has to grow. */
	for (int shift = 3; !data && capacity > need; shift += 3) {
		capacity = need + (shift < 12 ? need >> shift : 0);
		data = spk_realloc(b->account, b->data, b->capacity, capacity);
	}
	SPK_TRY_PTR(data, err);
	b->data = data;
	b->capacity = capacity;
	return SPK_OK;
}

spk_status spk_buffer_printf(struct spk_buffer *b, spk_error *err, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		return spk_fail(err, SPK_INTERNAL, "cannot format '%s'", format);
	SPK_TRY(spk_buffer_reserve(b, (size_t)length + 1, err));
	va_start(args, format);
	vsnprintf(b->data + b->size, (size_t)length + 1, format, args);
	va_end(args);
	b->size += (size_t)length;
	return SPK_OK;
}

const char *spk_buffer_cstr(struct spk_buffer *b)
{
	if (spk_buffer_reserve(b, 1, NULL))
		return NULL;
	b->data[b->size] = '\0';
	return b->data;
}

/* Everything but the quotes: runs that need no escape in one piece. */
static spk_status append_escaped(struct spk_buffer *b, const char *text, size_t size, spk_error *err)
{
	static const char letter[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
	size_t run = 0, n = 0;

	for (size_t at = 0; at < size; at += n ? n : 1, run = at) {
		unsigned char c;

		while (at < size && (n = spk_utf8_sequence(text + at, size - at)) > 0 && (unsigned char)text[at] >= 0x20 && !strchr("\"\\\x7f", text[at]))
			at += n;
		SPK_TRY(spk_buffer_append(b, text + run, at - run, err));
		if (at == size)
			return SPK_OK;
		c = (unsigned char)text[at];
		if (n == 0)
			SPK_TRY(spk_buffer_append_str(b, "\\ufffd", err));
		else if (c == '"' || c == '\\' || (c < sizeof letter && letter[c]))
			SPK_TRY(spk_buffer_printf(b, err, "\\%c", c < sizeof letter ? letter[c] : c));
		else
			SPK_TRY(spk_buffer_printf(b, err, "\\u%04x", c));
	}
	return SPK_OK;
}

spk_status spk_buffer_append_json(struct spk_buffer *b, const char *text, size_t size, spk_error *err)
{
	size_t before = b->size;
	spk_status status = spk_buffer_append(b, "\"", 1, err);

	if (status == SPK_OK)
		status = append_escaped(b, text, size, err);
	if (status == SPK_OK)
		status = spk_buffer_append(b, "\"", 1, err);
	if (status != SPK_OK)
		b->size = before;
	return status;
}
