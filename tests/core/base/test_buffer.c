#include "core/base/buffer.h"

#include "core/base/fault.h"
#include "core/base/memory.h"
#include "tests/support/test.h"

static void grows_and_keeps(void)
{
	struct spk_buffer b = { .account = spk_memory_account("buffer") };
	spk_error err = { 0 };

	for (int i = 0; i < 10000; i++) {
		char c = (char)(i % 251);

		CHECK_EQ_INT(spk_buffer_append(&b, &c, 1, &err), SPK_OK);
	}
	CHECK_EQ_INT(b.size, 10000);
	for (int i = 0; i < 10000; i++) {
		if (b.data[i] != (char)(i % 251))
			CU_FAIL("lost a byte");
	}
	CHECK_EQ_INT(spk_memory_account_used(b.account), b.capacity);
	spk_buffer_clear(&b);
	CHECK_EQ_INT(b.size, 0);
	CHECK(b.capacity > 0);
	spk_buffer_release(&b);
	CHECK_EQ_INT(spk_memory_account_used(b.account), 0);
	spk_buffer_release(&b);
}

static void texts(void)
{
	struct spk_buffer b = { 0 };
	char big[500];
	spk_error err = { 0 };

	CHECK_EQ_STR(spk_buffer_cstr(&b), "");
	CHECK_OK(spk_buffer_append(&b, NULL, 0, &err), err);
	CHECK_OK(spk_buffer_append_str(&b, "a", &err), err);
	CHECK_OK(spk_buffer_printf(&b, &err, "%d-%s", 42, "x"), err);
	CHECK_OK(spk_buffer_printf(&b, &err, "%s", ""), err);
	CHECK_EQ_STR(spk_buffer_cstr(&b), "a42-x");
	CHECK_EQ_INT(b.size, 5);
	memset(big, 'q', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	CHECK_OK(spk_buffer_printf(&b, &err, "%s", big), err);
	CHECK_EQ_INT(b.size, 5 + sizeof(big) - 1);
	spk_buffer_release(&b);
}

/* What must be escaped, what may not be, and bytes that are no text. */
static void json_strings(void)
{
	static const struct { const char *text; size_t size; const char *want; } cases[] = {
		{ "", 0, "\"\"" }, { "plain", 5, "\"plain\"" }, { "a\"b\\c", 5, "\"a\\\"b\\\\c\"" }, { "\b\t\n\f\r\x01\x1f\x7f", 8, "\"\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\"" },
		{ "a\0b", 3, "\"a\\u0000b\"" }, { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "\xff" "a\xc3", 3, "\"\\ufffda\\ufffd\"" }, { "\xc0\xaf", 2, "\"\\ufffd\\ufffd\"" }, { "\xed\xa0\x80!", 4, "\"\\ufffd\\ufffd\\ufffd!\"" },
		{ "\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
	};
	struct spk_buffer b = { 0 };
	spk_error err = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		spk_buffer_clear(&b);
		CHECK_OK(spk_buffer_append_str(&b, "x", &err), err);
		CHECK_OK(spk_buffer_append_json(&b, cases[i].text, cases[i].size, &err), err);
		CHECK_EQ_STR(spk_buffer_cstr(&b) + 1, cases[i].want);
	}
	spk_buffer_release(&b);
	REQUIRE_OK(spk_fault_set("malloc:2+", &err), err);
	CHECK_FAILS(spk_buffer_append_json(&b, "0123456789012345678901234567890123456789012345678901234567890123456789", 70, &err), SPK_NO_MEMORY, err);
	spk_fault_set(NULL, NULL);
	CHECK_EQ_INT(b.size, 0);
	spk_buffer_release(&b);
}

static void refusal_leaves_it_whole(void)
{
	struct spk_buffer b = { 0 };
	size_t before = spk_memory_used();
	spk_error err = { 0 };

	REQUIRE_OK(spk_buffer_append_str(&b, "kept", &err), err);
	CHECK_FAILS(spk_buffer_reserve(&b, SIZE_MAX, &err), SPK_NO_MEMORY, err);
	CHECK_FAILS(spk_buffer_reserve(&b, SIZE_MAX / 2, &err), SPK_NO_MEMORY, err);
	CHECK_FAILS(spk_buffer_reserve(&b, (size_t)2 << 30, &err), SPK_MEMORY_LIMIT, err);
	CHECK_EQ_STR(spk_buffer_cstr(&b), "kept");
	spk_buffer_release(&b);
	CHECK_EQ_INT(spk_memory_used(), before);
	REQUIRE_OK(spk_fault_set("malloc:1+", &err), err);
	CHECK(!spk_buffer_cstr(&b));
	CHECK_FAILS(spk_buffer_printf(&b, &err, "%d", 1), SPK_NO_MEMORY, err);
	spk_fault_set(NULL, NULL);
}

/* Near the limit the buffer takes little more than it needs, not double; at it, just that. */
static void tight_budget(void)
{
	struct spk_buffer b = { 0 };
	size_t limit = spk_memory_limit();
	spk_error err = { 0 };

	spk_memory_set_limit(spk_memory_used() + 1000);
	CHECK_OK(spk_buffer_reserve(&b, 600, &err), err);
	b.size = 600;
	CHECK_OK(spk_buffer_reserve(&b, 300, &err), err);
	CHECK(b.capacity >= 900 && b.capacity < 1000);
	b.size = 900;
	CHECK_OK(spk_buffer_reserve(&b, 100, &err), err);
	CHECK_EQ_INT(b.capacity, 1000);
	b.size = 1000;
	CHECK_EQ_INT(spk_buffer_reserve(&b, 1, &err), SPK_MEMORY_LIMIT);
	spk_memory_set_limit(limit);
	spk_buffer_release(&b);
}

SPK_TEST_SUITE("buffer",
	{"grows and keeps", grows_and_keeps},
	{"texts", texts},
	{"JSON strings", json_strings},
	{"a refusal leaves it whole", refusal_leaves_it_whole},
	{"a tight budget", tight_budget})
