#include "core/base/resident.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

enum { BLOCK = 64 << 10, BLOCKS = 1024 };

static void counts_what_is_touched(void)
{
	const size_t before = spk_resident_bytes();
	const char *sanitizer = getenv("SPARKLET_SANITIZER");
	char *block[BLOCKS];

	CHECK(before > 0);
	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(BLOCK);
		REQUIRE(block[i] != NULL);
		memset(block[i], i, BLOCK);
	}
	const size_t held = spk_resident_bytes();

	CHECK(held > before + (size_t)BLOCK * BLOCKS * 9 / 10);
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
	/* Sanitizers' malloc keeps what is freed. */
	spk_resident_trim();
	CHECK((sanitizer && *sanitizer) || spk_resident_bytes() < held - (size_t)BLOCK * BLOCKS / 2);
}

/* A program says so; a library in somebody else's process does not. */
static void is_owned_by_programs(void)
{
	CHECK(!spk_resident_owned());
	spk_resident_own();
	CHECK(spk_resident_owned());
}

SPK_TEST_SUITE("resident",
	{"counts what is touched, gives back what is free", counts_what_is_touched},
	{"is owned by programs", is_owned_by_programs})
