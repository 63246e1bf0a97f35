/* Numbers of bytes as people write them: pg_size_pretty and pg_size_bytes. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "core/expr/appender.h"
#include "core/expr/families.h"

static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB", "PB" };

/* --- to text --- */

static spk_int128 half_rounded(spk_int128 n) { return (n + (n < 0 ? -1 : 1)) / 2; }

/*
 * `m` at `scale`, as PostgreSQL rounds it: below 10 kB as it is, then in the smallest unit of which there are less than 10240. Half units
 * are kept until the last one is known, so that each value is rounded once.
 */
static int pretty(spk_int128 m, int scale, char *out, size_t size)
{
	const int last = (int)SPK_COUNT_OF(units) - 1;
	char number[48];
	spk_int128 n;
	int unit = 0;

	if (spk_decimal_is_special(m)) {
		number[spk_decimal_format(m, 0, number)] = 0;
		return snprintf(out, size, "%s %s", number, units[last]);
	}
	n = m / spk_pow10(scale);
	if ((n < 0 ? -n : n) < 10 * 1024) {
		number[spk_decimal_format(m, scale, number)] = 0;
		return snprintf(out, size, "%s %s", number, units[0]);
	}
	for (n /= 512, unit = 1; unit < last && (n < 0 ? -n : n) >= 20 * 1024 - 1; unit++)
		n /= 1024;
	number[spk_decimal_format(half_rounded(n), 0, number)] = 0;
	return snprintf(out, size, "%s %s", number, units[unit]);
}

static spk_status size_pretty(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(&call->arg[0]);
	const struct spk_type type = call->arg[0].type;

	SPK_EACH_CALL_ROW(call, row) {
		spk_int128 m;
		int scale = 0, size;
		char text[64];

		if (type.id == SPK_TYPE_BIGINT)
			m = SPK_ARG(int64_t, r, row);
		else
			spk_decimal_unpack(type, SPK_ARG(spk_int128, r, row), &m, &scale);
		size = pretty(m, scale, text, sizeof text);
		SPK_TRY(spk_call_text(call, out, row, text, (size_t)size, err));
	}
	return SPK_OK;
}

/* --- from text --- */

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && isdigit((unsigned char)*at))
		at++;
	return at;
}

/* The end of the number at `at`, NULL when there is none. */
static const char *number_end(const char *at, const char *end)
{
	const char *digits, *point, *power;

	at += at < end && (*at == '-' || *at == '+');
	digits = at;
	at = skip_digits(at, end);
	point = at;
	if (at < end && *at == '.')
		at = skip_digits(at + 1, end);
	if (at - digits <= (at > point))
		return NULL;
	if (at == end || (*at | 0x20) != 'e')
		return at;
	power = at + 1;
	power += power < end && (*power == '-' || *power == '+');
	return power < end && isdigit((unsigned char)*power) ? skip_digits(power, end) : at;
}

/* Powers of two of the unit, -1: there is no such unit. */
static int unit_bits(const char *s, size_t size)
{
	if (!size)
		return 0;
	for (int i = 0; i < (int)SPK_COUNT_OF(units); i++)
		if (strlen(units[i]) == size && strncasecmp(units[i], s, size) == 0)
			return i * 10;
	return -1;
}

/* Times 2^bits, rounded to a whole number; false when a bigint does not hold it. */
static bool to_bytes(spk_int128 m, int scale, int bits, int64_t *out)
{
	enum { KEPT = 20 };              /* digits behind the point that leave room for 2^50 */
	spk_int128 whole = m / spk_pow10(scale), rest = m % spk_pow10(scale), bytes;

	if (whole > INT64_MAX || whole < INT64_MIN)
		return false;
	for (; scale > KEPT; scale--)
		rest /= 10;
	rest *= (spk_int128)1 << bits;
	bytes = whole * ((spk_int128)1 << bits) + (rest + (rest < 0 ? -1 : 1) * spk_pow10(scale) / 2) / spk_pow10(scale);
	*out = (int64_t)bytes;
	return bytes <= INT64_MAX && bytes >= INT64_MIN;
}

static spk_status parse_size(const char *s, size_t size, int64_t *out, spk_error *err)
{
	const char *at = s, *end = s + size, *number;
	spk_int128 m;
	int scale, bits;

	while (at < end && isspace((unsigned char)*at))
		at++;
	number = at;
	at = number_end(at, end);
	if (!at)
		return spk_fail(err, SPK_DATA, "invalid size: \"%.*s\"", (int)size, s);
	if (!spk_decimal_parse(number, (size_t)(at - number), &m, &scale))
		return spk_fail(err, SPK_DATA, "bigint out of range");
	while (at < end && isspace((unsigned char)*at))
		at++;
	while (end > at && isspace((unsigned char)end[-1]))
		end--;
	bits = unit_bits(at, (size_t)(end - at));
	if (bits < 0) {
		spk_fail(err, SPK_DATA, "invalid size: \"%.*s\"", (int)size, s);
		spk_hint(err, "Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".");
		return SPK_DATA;
	}
	return to_bytes(m, scale, bits, out) ? SPK_OK : spk_fail(err, SPK_DATA, "bigint out of range");
}

static spk_status size_bytes(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	const struct spk_reader r[1] = { spk_vector_reader(&call->arg[0]) };
	spk_error local;

	SPK_EACH_CALL_ROW(call, row) {
		if (parse_size(spk_view_data(SPK_ROW_VIEW(0)), SPK_ROW_VIEW(0)->length, &spk_vector_i64(out)[row], &local) != SPK_OK)
			SPK_TRY(spk_call_fail_with(call, out, row, &local, err));
	}
	return SPK_OK;
}

static const struct spk_function sizes_functions[] = {
	{ .name = "pg_size_pretty", .doc = "A number of bytes in bytes, kB, MB, GB, TB or PB", SPK_ARGS1(BIGINT), SPK_RESULT(TEXT), .kernel = size_pretty },
	{ .name = "pg_size_pretty", .doc = "A number of bytes in bytes, kB, MB, GB, TB or PB", SPK_ARGS1(DECIMAL), SPK_RESULT(TEXT), .kernel = size_pretty },
	{ .name = "pg_size_bytes", .doc = "Bytes of such a text", SPK_ARGS1(TEXT), SPK_RESULT(BIGINT), .can_fail = true, .kernel = size_bytes },
};

SPK_FUNCTION_FAMILY(sizes, sizes_functions)
