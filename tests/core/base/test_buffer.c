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

/* Near the limit the buffer takes what it needs, not double. */
static void tight_budget(void)
{
	struct spk_buffer b = { 0 };
	size_t limit = spk_memory_limit();
	spk_error err = { 0 };

	spk_memory_set_limit(spk_memory_used() + 1000);
	CHECK_OK(spk_buffer_reserve(&b, 600, &err), err);
	b.size = 600;
	CHECK_OK(spk_buffer_reserve(&b, 300, &err), err);
	CHECK_EQ_INT(b.capacity, 900);
	spk_memory_set_limit(limit);
	spk_buffer_release(&b);
}

SPK_TEST_SUITE("buffer",
	{"grows and keeps", grows_and_keeps},
	{"texts", texts},
	{"a refusal leaves it whole", refusal_leaves_it_whole},
	{"a tight budget", tight_budget})
