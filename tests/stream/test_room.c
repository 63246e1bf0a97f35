/* The bound of state caches as it follows what the process has in memory. */
#include "stream/room.h"

#include "core/base/check.h"
#include "tests/support/test.h"

enum { MIB = 1 << 20 };

static const struct spk_room room = { .limit = (size_t)256 * MIB, .most = (size_t)128 * MIB, .least = (size_t)4 * MIB };

static size_t bound(size_t now, size_t cached, size_t resident)
{
	return spk_room_bound(&room, now * MIB, cached * MIB, resident * MIB) / MIB;
}

static void goes_down_by_what_is_too_much(void)
{
	CHECK_EQ_INT(spk_room_line(&room) / MIB, 208);
	CHECK_EQ_INT(bound(128, 100, 200), 128);
	/* By what the caches hold: to be allowed more helps nobody. */
	CHECK_EQ_INT(bound(128, 100, 218), 90);
	CHECK_EQ_INT(bound(128, 60, 258), 10);
	CHECK_EQ_INT(bound(128, 60, 400), 4);
	CHECK_EQ_INT(bound(4, 4, 400), 4);
}

static void begins_with_what_an_epoch_leaves(void)
{
	CHECK_EQ_INT(spk_room_begin(&room, 44 * MIB) / MIB, 100);
	CHECK_EQ_INT(spk_room_begin(&room, 10 * MIB) / MIB, 128);
	CHECK_EQ_INT(spk_room_begin(&room, 300 * MIB) / MIB, 4);
}

/* Caches that were told to give way, and did not yet, are not told twice. */
static void waits_for_what_was_told(void)
{
	CHECK_EQ_INT(bound(90, 100, 218), 90);
	CHECK_EQ_INT(bound(90, 100, 223), 85);
}

static void comes_back_where_there_is_room(void)
{
	CHECK_EQ_INT(bound(20, 20, 136), 30);
	CHECK_EQ_INT(bound(120, 20, 100), 128);
	CHECK_EQ_INT(bound(20, 20, 190), 20);
}

/* A process that needs so much beside its caches: where these end up, whatever they began with. */
static void settles(void)
{
	const size_t beside[] = { 50, 150, 200, 300 }, least[] = { 122, 22, 4, 4 };

	for (size_t i = 0; i < SPK_COUNT_OF(beside); i++)
		for (size_t b = 4; b <= 128; b += 31) {
			size_t now = b;

			for (int epoch = 0; epoch < 100; epoch++)
				now = bound(now, now, beside[i] + now);
			CHECK(now >= least[i]);
			CHECK(now + beside[i] <= 208 || now == 4);
		}
}

SPK_TEST_SUITE("room",
	{"goes down by what is too much", goes_down_by_what_is_too_much},
	{"begins with what an epoch leaves", begins_with_what_an_epoch_leaves},
	{"waits for what was told", waits_for_what_was_told},
	{"comes back where there is room", comes_back_where_there_is_room},
	{"settles", settles})
