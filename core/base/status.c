/* Status codes and the error value (include/sparklet/status.h). Everything here is pure: no state, no allocation. */
#include "sparklet/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME(name, text) #name,
#define TEXT(name, text) text,
static const char *const names[] = { SPK_STATUS_LIST(NAME) };
static const char *const texts[] = { SPK_STATUS_LIST(TEXT) };

static bool is_known(spk_status code)
{
	return (unsigned)code < sizeof(names) / sizeof(names[0]);
}

const char *spk_status_name(spk_status code)
{
	return is_known(code) ? names[code] : "UNKNOWN";
}

const char *spk_status_text(spk_status code)
{
	return is_known(code) ? texts[code] : "unknown error";
}

/* A text that filled its buffer may end inside a UTF-8 sequence: cut back to the last whole character. */
static void drop_torn_character(char *text, size_t capacity)
{
	size_t end = strlen(text), start = end;
	size_t need;
	unsigned char lead;

	if (end + 1 < capacity)
		return;
	while (start > 0 && end - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return;
	lead = (unsigned char)text[start - 1];
	need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (end - start + 1 < need)
		text[start - 1] = '\0';
}

static void format_into(char *text, size_t capacity, const char *format, va_list args)
{
	if (vsnprintf(text, capacity, format, args) < 0)
		snprintf(text, capacity, "%s", format);
	drop_torn_character(text, capacity);
}

spk_status spk_fail(spk_error *err, spk_status code, const char *format, ...)
{
	char text[sizeof(err->message)];
	va_list args;

	if (!err)
		return code;
	/* By way of `text`: the arguments may point into the very message that is replaced. */
	va_start(args, format);
	format_into(text, sizeof(text), format, args);
	va_end(args);
	memset(err, 0, sizeof(*err));
	err->code = code;
	err->retriable = code == SPK_UNAVAILABLE || code == SPK_TIMEOUT;
	err->fatal = code == SPK_FENCED;
	memcpy(err->message, text, sizeof(text));
	return code;
}

spk_status spk_hint(spk_error *err, const char *format, ...)
{
	char text[sizeof(err->hint)];
	va_list args;

	if (!err)
		return SPK_INTERNAL;
	va_start(args, format);
	format_into(text, sizeof(text), format, args);
	va_end(args);
	memcpy(err->hint, text, sizeof(text));
	return err->code;
}

spk_status spk_error_context(spk_error *err, const char *format, ...)
{
	char text[sizeof(err->message)];
	size_t used, room;
	va_list args;

	if (!err)
		return SPK_INTERNAL;
	va_start(args, format);
	format_into(text, sizeof(text), format, args);
	va_end(args);
	used = strlen(text);
	room = sizeof(text) - used;
	if (room > 1)
		snprintf(text + used, room, ": %.*s", (int)room, err->message);
	drop_torn_character(text, sizeof(text));
	memcpy(err->message, text, sizeof(text));
	return err->code;
}
