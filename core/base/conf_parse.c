/* Texts of configuration values to numbers, substitution of ${...}, and the nearest name. No table, no state: see conf.c. */
#include "core/base/conf.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/log.h"

enum {
	FRACTION_DIGITS_MAX = 9,
	NAME_LENGTH_MAX = 63,           /* longer names have no nearest one */
	SECRET_SIZE_MAX = 64 * 1024,
};

struct unit { const char *name; int64_t scale; };

static const struct unit byte_units[] = {
	{ "b", 1 }, { "k", 1LL << 10 }, { "kib", 1LL << 10 }, { "m", 1LL << 20 }, { "mib", 1LL << 20 },
	{ "g", 1LL << 30 }, { "gib", 1LL << 30 }, { "t", 1LL << 40 }, { "tib", 1LL << 40 }, { NULL, 0 },
};

static const struct unit time_units[] = {
	{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { "min", 60000000LL }, { "h", 3600000000LL }, { "d", 86400000000LL },
	{ "second", 1000000 }, { "seconds", 1000000 }, { "minute", 60000000LL }, { "minutes", 60000000LL }, { "hour", 3600000000LL }, { "hours", 3600000000LL },
	{ "day", 86400000000LL }, { "days", 86400000000LL }, { NULL, 0 },
};

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

static bool at_end(const char *s)
{
	return *skip_blanks(s) == '\0';
}

static int64_t find_unit(const struct unit *units, const char *name, size_t size)
{
	for (; units->name; units++) {
		if (strlen(units->name) == size && strncasecmp(units->name, name, size) == 0)
			return units->scale;
	}
	return 0;
}

struct decimal { int64_t whole, fraction, fraction_scale; };

/* Unsigned digits with an optional fraction; false when there are none or they do not fit. */
static bool read_decimal(const char **at, struct decimal *out)
{
	const char *s = *at;
	int digits = 0;

	*out = (struct decimal){ .fraction_scale = 1 };
	for (; isdigit((unsigned char)*s); s++, digits++) {
		if (__builtin_mul_overflow(out->whole, 10, &out->whole) ||
		    __builtin_add_overflow(out->whole, *s - '0', &out->whole))
			return false;
	}
	if (digits > 0 && *s == '.' && isdigit((unsigned char)s[1])) {
		for (s++; isdigit((unsigned char)*s); s++) {
			if (out->fraction_scale == 1000000000LL)
				return false;
			out->fraction = out->fraction * 10 + *s - '0';
			out->fraction_scale *= 10;
		}
	}
	*at = s;
	return digits > 0;
}

/* whole * scale + fraction * scale, exactly or not at all. fraction < 10^9 and the largest scale 2^40 need 128 bits. */
static bool scale_decimal(const struct decimal *d, int64_t scale, int64_t *out)
{
	__int128 part = (__int128)d->fraction * scale;
	int64_t whole;

	if (part % d->fraction_scale != 0 || __builtin_mul_overflow(d->whole, scale, &whole))
		return false;
	return !__builtin_add_overflow(whole, (int64_t)(part / d->fraction_scale), out);
}

static spk_status parse_scaled(const char *text, const struct unit *units, int64_t bare, const char *what,
                               const char *known, int64_t *out, spk_error *err)
{
	const char *at = skip_blanks(text), *name;
	int64_t scale = bare, value;
	struct decimal d;
	size_t size;

	if (!read_decimal(&at, &d))
		return spk_fail(err, SPK_USAGE, "'%s' is not %s", text, what);
	name = skip_blanks(at);
	size = strcspn(name, " \t");
	if (size)
		scale = find_unit(units, name, size);
	if (!scale || !at_end(name + size)) {
		spk_fail(err, SPK_USAGE, "'%s' is not %s: unknown unit '%s'", text, what, name);
		spk_hint(err, "units are %s", known);
		return SPK_USAGE;
	}
	if (!scale_decimal(&d, scale, &value))
		return spk_fail(err, SPK_USAGE, "'%s' is too large, or finer than the smallest unit", text);
	*out = value;
	return SPK_OK;
}

spk_status spk_conf_parse_bytes(const char *text, int64_t *out, spk_error *err)
{
	return parse_scaled(text, byte_units, 1, "a number of bytes", "B, KiB, MiB, GiB and TiB", out, err);
}

spk_status spk_conf_parse_duration(const char *text, int64_t unit_us, int64_t *out, spk_error *err)
{
	return parse_scaled(text, time_units, unit_us, "a duration", "us, ms, s, min, h and d", out, err);
}

spk_status spk_conf_parse_int(const char *text, int64_t *out, spk_error *err)
{
	const char *at = skip_blanks(text);
	bool negative = *at == '-';
	struct decimal d;

	at += *at == '-' || *at == '+';
	if (!read_decimal(&at, &d) || d.fraction_scale != 1 || !at_end(at))
		return spk_fail(err, SPK_USAGE, "'%s' is not a whole number of 64 bits", text);
	*out = negative ? -d.whole : d.whole;
	return SPK_OK;
}

spk_status spk_conf_parse_double(const char *text, double *out, spk_error *err)
{
	/* An embedding program may have set a locale with a decimal comma; configuration has none. */
	locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	char *end;
	double value;

	SPK_TRY_PTR(plain, err);
	value = strtod_l(text, &end, plain);
	freelocale(plain);
	if (end == text || !at_end(end) || !isfinite(value))
		return spk_fail(err, SPK_USAGE, "'%s' is not a finite number", text);
	*out = value;
	return SPK_OK;
}

spk_status spk_conf_parse_bool(const char *text, int64_t *out, spk_error *err)
{
	static const char *const words[] = { "false", "true", "off", "on", "no", "yes" };
	const char *at = skip_blanks(text);
	size_t size = strcspn(at, " \t");

	for (size_t i = 0; i < SPK_COUNT_OF(words); i++) {
		if (strlen(words[i]) == size && strncasecmp(words[i], at, size) == 0 && at_end(at + size)) {
			*out = i % 2;
			return SPK_OK;
		}
	}
	return spk_fail(err, SPK_USAGE, "'%s' is not true or false (also on, off, yes, no)", text);
}

/* ---- Substitution ---------------------------------------------------------------------------------------------------- */

/* Replaces what follows `before` by its text form; a secret is registered as one. */
static spk_status settle(struct spk_buffer *out, size_t before, bool secret, spk_error *err)
{
	const char *value;

	/* Editors end files in a newline, which is no part of a password. */
	while (out->size > before && (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r'))
		out->size--;
	if (out->size == before)
		return SPK_OK;
	if (memchr(out->data + before, '\0', out->size - before))
		return spk_fail(err, SPK_USAGE, "the value has a NUL byte in it");
	value = spk_buffer_cstr(out);
	SPK_TRY_PTR(value, err);
	if (secret)
		spk_log_redact(value + before);
	return SPK_OK;
}

static spk_status put_file(const char *path, struct spk_buffer *out, spk_error *err)
{
	int64_t size;

	SPK_TRY(spk_file_size(path, &size, err));
	if (size > SECRET_SIZE_MAX)
		return spk_fail(err, SPK_USAGE, "%s is larger than %d bytes", path, SECRET_SIZE_MAX);
	return spk_file_read_all(path, out, err);
}

static spk_status put_reference(const char *reference, bool secret, struct spk_buffer *out, spk_error *err)
{
	size_t before = out->size;
	spk_status status;

	if (strncmp(reference, "file:", 5) == 0) {
		status = put_file(reference + 5, out, err);
	} else if (strncmp(reference, "env:", 4) == 0) {
		const char *value = getenv(reference + 4);

		status = value ? spk_buffer_append_str(out, value, err)
		               : spk_fail(err, SPK_USAGE, "environment variable %s is not set", reference + 4);
	} else {
		status = spk_fail(err, SPK_USAGE, "only file: and env: are known; write $${ for a plain ${");
	}
	if (!status)
		status = settle(out, before, secret, err);
	if (status) {
		out->size = before;
		spk_error_context(err, "${%s}", reference);
	}
	return status;
}

static spk_status substitute(const char *text, bool secret, struct spk_buffer *out, spk_error *err)
{
	const char *at = text;

	for (;;) {
		const char *dollar = strstr(at, "${"), *end;
		char *reference;
		spk_status status;

		if (!dollar)
			return spk_buffer_append_str(out, at, err);
		if (dollar > at && dollar[-1] == '$') {
			SPK_TRY(spk_buffer_append(out, at, (size_t)(dollar - at), err));
			SPK_TRY(spk_buffer_append(out, "{", 1, err));
			at = dollar + 2;
			continue;
		}
		SPK_TRY(spk_buffer_append(out, at, (size_t)(dollar - at), err));
		end = strchr(dollar, '}');
		if (!end)
			return spk_fail(err, SPK_USAGE, "'%s' has no } for its ${", text);
		reference = strndup(dollar + 2, (size_t)(end - dollar - 2));
		SPK_TRY_PTR(reference, err);
		status = put_reference(reference, secret, out, err);
		free(reference);
		SPK_TRY(status);
		at = end + 1;
	}
}

static spk_status substitute_whole(const char *text, bool secret, struct spk_buffer *out, spk_error *err)
{
	size_t before = out->size;
	spk_status status = substitute(text, secret, out, err);

	if (status)
		out->size = before;
	return status;
}

spk_status spk_conf_substitute(const char *text, struct spk_buffer *out, spk_error *err)
{
	return substitute_whole(text, true, out, err);
}

spk_status spk_conf_substitute_plain(const char *text, struct spk_buffer *out, spk_error *err)
{
	return substitute_whole(text, false, out, err);
}

/* ---- The nearest name ------------------------------------------------------------------------------------------------ */

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edits (insert, delete, replace, swap of neighbours) from `a` to `b`: optimal string alignment, row by row. */
static int edit_distance(const char *a, const char *b)
{
	int row[3][NAME_LENGTH_MAX + 2];
	int length = (int)strlen(b);

	for (int j = 0; j <= length; j++)
		row[0][j] = j;
	for (int i = 1; a[i - 1]; i++) {
		int *now = row[i % 3], *above = row[(i + 2) % 3], *twice = row[(i + 1) % 3];

		now[0] = i;
		for (int j = 1; j <= length; j++) {
			int best = above[j - 1] + !same_letter(a[i - 1], b[j - 1]);

			best = SPK_MIN(best, above[j] + 1);
			best = SPK_MIN(best, now[j - 1] + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
				best = SPK_MIN(best, twice[j - 2] + 1);
			now[j] = best;
		}
	}
	return row[strlen(a) % 3][length];
}

const char *spk_closest_name(const char *name, const char *const *names, int count)
{
	size_t length = strlen(name);
	int best = (int)(SPK_MIN(length, (size_t)NAME_LENGTH_MAX) / 3) + 1;
	const char *closest = NULL;

	for (int i = 0; i < count && length <= NAME_LENGTH_MAX; i++) {
		int distance = strlen(names[i]) <= NAME_LENGTH_MAX ? edit_distance(name, names[i]) : best;

		if (distance < best) {
			best = distance;
			closest = names[i];
		}
	}
	return closest;
}
