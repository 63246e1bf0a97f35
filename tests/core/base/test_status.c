#include "tests/support/test.h"

#include <stdio.h>

static void names_and_texts(void)
{
	CHECK_EQ_STR(spk_status_name(SPK_OK), "OK");
	CHECK_EQ_STR(spk_status_name(SPK_MEMORY_LIMIT), "MEMORY_LIMIT");
	CHECK_EQ_STR(spk_status_text(SPK_DATA), "bad data");
	CHECK_EQ_STR(spk_status_name((spk_status)999), "UNKNOWN");
	CHECK_EQ_STR(spk_status_text((spk_status)-1), "unknown error");
}

static void fail_fills_everything(void)
{
	spk_error err;

	memset(&err, 0x5a, sizeof(err));
	CHECK_EQ_INT(spk_fail(&err, SPK_DATA, "value %d", 7), SPK_DATA);
	CHECK_EQ_INT(err.code, SPK_DATA);
	CHECK_EQ_STR(err.message, "value 7");
	CHECK_EQ_STR(err.hint, "");
	CHECK(!err.retriable && !err.fatal);
	CHECK_EQ_INT(err.line + err.column + err.position, 0);
}

static void flags_follow_the_code(void)
{
	spk_error err;

	spk_fail(&err, SPK_UNAVAILABLE, "x");
	CHECK(err.retriable && !err.fatal);
	spk_fail(&err, SPK_TIMEOUT, "x");
	CHECK(err.retriable);
	spk_fail(&err, SPK_FENCED, "x");
	CHECK(err.fatal && !err.retriable);
}

static void hint_and_context(void)
{
	spk_error err;

	spk_fail(&err, SPK_IO, "disk gone");
	CHECK_EQ_INT(spk_hint(&err, "plug it in, %s", "please"), SPK_IO);
	CHECK_EQ_INT(spk_error_context(&err, "epoch %d", 3), SPK_IO);
	CHECK_EQ_STR(err.message, "epoch 3: disk gone");
	CHECK_EQ_STR(err.hint, "plug it in, please");
}

static void arguments_may_be_the_message(void)
{
	spk_error err;

	spk_fail(&err, SPK_IO, "inner");
	CHECK_EQ_INT(spk_fail(&err, SPK_DATA, "outer (%s)", err.message), SPK_DATA);
	CHECK_EQ_STR(err.message, "outer (inner)");
	spk_error_context(&err, "%s again", err.message);
	CHECK_EQ_STR(err.message, "outer (inner) again: outer (inner)");
}

static void null_error_still_fails(void)
{
	CHECK_EQ_INT(spk_fail(NULL, SPK_BIND, "x"), SPK_BIND);
	CHECK(spk_hint(NULL, "x") != SPK_OK);
	CHECK(spk_error_context(NULL, "x") != SPK_OK);
}

static bool ends_whole(const char *text)
{
	size_t size = strlen(text), at = 0;

	while (at < size) {
		unsigned char lead = (unsigned char)text[at];

		at += lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	}
	return at == size;
}

/* A cut must not fall into a character: whatever is printed must stay UTF-8. */
static void cuts_at_characters(void)
{
	static const char *const characters[] = { "x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\x8d" };
	spk_error err;
	char text[2 * sizeof(err.message)];

	for (size_t c = 0; c < 4; c++) {
		size_t width = strlen(characters[c]);

		for (size_t shift = 0; shift < 4; shift++) {
			size_t size;

			memset(text, 'a', shift);
			for (size = shift; size < sizeof(text) - 8; size += width)
				memcpy(text + size, characters[c], width);
			text[size] = '\0';
			spk_fail(&err, SPK_DATA, "%s", text);
			CHECK(ends_whole(err.message));
			CHECK(strlen(err.message) + width >= sizeof(err.message));
			spk_error_context(&err, "%s", text);
			CHECK(ends_whole(err.message));
		}
	}
}

SPK_TEST_SUITE("status",
	{"names and texts", names_and_texts},
	{"fail fills everything", fail_fills_everything},
	{"flags follow the code", flags_follow_the_code},
	{"hint and context", hint_and_context},
	{"arguments may be the message", arguments_may_be_the_message},
	{"a NULL error is still a failure", null_error_still_fails},
	{"a cut falls between characters", cuts_at_characters})
