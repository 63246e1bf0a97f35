/*
 * UUIDs. One lies in memory as a number of 128 bits in the byte order that it is written in, with the highest bit turned, so that signed
 * comparison orders UUIDs as PostgreSQL does, by their bytes.
 */
#include <errno.h>
#include <sys/random.h>

#include "core/base/file.h"
#include "core/expr/families.h"
#include "core/expr/internal.h"
#include "core/expr/text_parse.h"

enum { UUID_BYTES = 16 };

static const unsigned __int128 TOP = (unsigned __int128)1 << 127;

static int digit(char c)
{
	const char low = (char)(c | 0x20);

	return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Two digits a byte, a hyphen behind any two bytes, all of it in braces or not. */
spk_status spk_text_parse_uuid(const char *s, size_t size, spk_int128 *out, spk_error *err)
{
	const char *at = s, *end = s + size;
	const bool braces = size && *at == '{';
	unsigned __int128 v = 0;

	at += braces;
	for (int i = 0; i < UUID_BYTES; i++) {
		if (end - at < 2 || digit(at[0]) < 0 || digit(at[1]) < 0)
			return spk_text_syntax("uuid", s, size, err);
		v = v << 8 | (unsigned)(digit(at[0]) << 4 | digit(at[1]));
		at += 2;
		at += at < end && *at == '-' && i % 2 == 1 && i < UUID_BYTES - 1;
	}
	if (braces && (at == end || *at++ != '}'))
		return spk_text_syntax("uuid", s, size, err);
	if (at != end)
		return spk_text_syntax("uuid", s, size, err);
	*out = (spk_int128)(v ^ TOP);
	return SPK_OK;
}

int spk_text_uuid(spk_int128 value, char *out)
{
	const unsigned __int128 v = (unsigned __int128)value ^ TOP;
	int n = 0;

	for (int i = 0; i < UUID_BYTES; i++) {
		const unsigned byte = (unsigned)(v >> (8 * (UUID_BYTES - 1 - i))) & 0xff;

		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[n++] = '-';
		out[n++] = "0123456789abcdef"[byte >> 4];
		out[n++] = "0123456789abcdef"[byte & 15];
	}
	return n;
}

/* Where nothing is computed again they are the system's, which nobody can guess; in a job each epoch must give the same again. */
static spk_status random_bits(const struct spk_call *call, unsigned __int128 *out, spk_error *err)
{
	uint64_t bits[2];

	if (call->ev->draws) {
		spk_call_draw(call, bits);
		*out = (unsigned __int128)bits[0] << 64 | bits[1];
		return SPK_OK;
	}
	if (getentropy(out, sizeof *out) != 0)
		return spk_fail_errno(err, errno, "cannot get random bytes for gen_random_uuid()");
	return SPK_OK;
}

/* Version 4: random but for the version and the variant. */
static spk_status random_uuid(const struct spk_call *call, struct spk_vector *out, spk_error *err)
{
	SPK_EACH_CALL_ROW(call, row) {
		unsigned __int128 v;

		SPK_TRY(random_bits(call, &v, err));
		v = (v & ~((unsigned __int128)0xf << 76)) | (unsigned __int128)4 << 76;
		v = (v & ~((unsigned __int128)3 << 62)) | (unsigned __int128)2 << 62;
		spk_vector_i128(out)[row] = (spk_int128)(v ^ TOP);
	}
	return SPK_OK;
}

static const struct spk_function uuid_functions[] = {
	{ .name = "gen_random_uuid", .doc = "A random UUID (version 4), another for every row", SPK_ARGS0, SPK_RESULT(UUID), .volatility = SPK_VOLATILE, .can_fail = true, .kernel = random_uuid },
};

SPK_FUNCTION_FAMILY(uuid, uuid_functions)
