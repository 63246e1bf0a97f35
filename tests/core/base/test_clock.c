#include "core/base/clock.h"

#include "tests/support/test.h"

static void monotonic_never_goes_back(void)
{
	int64_t last = spk_clock_monotonic_us();

	for (int i = 0; i < 1000; i++) {
		int64_t now = spk_clock_monotonic_us();

		if (now < last)
			CU_FAIL("went back");
		last = now;
	}
	CHECK(last > 0);
}

static void wall_is_of_this_age(void)
{
	CHECK(spk_clock_wall_us() > 1600000000LL * 1000000);
	CHECK(spk_clock_wall_us() < 32503680000LL * 1000000);
}

static void cpu_grows_with_work(void)
{
	int64_t process = spk_clock_process_cpu_us(), thread = spk_clock_thread_cpu_us();

	while (spk_clock_thread_cpu_us() == thread) {
	}
	CHECK(spk_clock_thread_cpu_us() > thread);
	CHECK(spk_clock_process_cpu_us() >= process);
}

SPK_TEST_SUITE("clock",
	{"monotonic never goes back", monotonic_never_goes_back},
	{"wall is of this age", wall_is_of_this_age},
	{"cpu time grows with work", cpu_grows_with_work})
