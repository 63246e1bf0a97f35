#include "scheduler/retry.h"
#include "tests/support/test.h"

static void waits_double(void)
{
	struct spk_retry_policy p = { .retries = -1, .first_us = 1000, .longest_us = 20000, .seed = 5 };
	int64_t full = 1000;

	for (int retry = 0; retry < 60; retry++) {
		int64_t wait = spk_retry_wait_us(&p, retry);

		CHECK(wait >= full / 2 && wait <= full);
		CHECK_EQ_INT(spk_retry_wait_us(&p, retry), wait);
		full = full * 2 > 20000 ? 20000 : full * 2;
	}
}

static void seeds_differ(void)
{
	struct spk_retry_policy a = { .first_us = 1000000, .longest_us = 1000000, .seed = 1 }, b = a;
	int same = 0;

	b.seed = 2;
	for (int retry = 0; retry < 20; retry++)
		same += spk_retry_wait_us(&a, retry) == spk_retry_wait_us(&b, retry);
	CHECK(same < 5);
}

static void extremes(void)
{
	struct spk_retry_policy none = { 0 }, huge = { .first_us = INT64_MAX / 2, .longest_us = INT64_MAX };

	CHECK_EQ_INT(spk_retry_wait_us(&none, 10), 0);
	CHECK(spk_retry_wait_us(&huge, 100) > INT64_MAX / 4);
}

static void bounds(void)
{
	struct spk_retry_policy p = spk_retry_default(SPK_RETRY_TASK), for_ever = spk_retry_default(SPK_RETRY_BROKER);
	spk_error transient = { .code = SPK_IO, .retriable = true }, hard = { .code = SPK_DATA };
	spk_error fatal = { .code = SPK_FENCED, .retriable = true, .fatal = true };

	CHECK_EQ_INT(p.retries, 3);
	for (int attempt = 0; attempt < 5; attempt++) {
		CHECK_EQ_INT(spk_retry_again(&p, attempt, &transient), attempt < 3);
		CHECK(!spk_retry_again(&p, attempt, &hard));
		CHECK(!spk_retry_again(&p, attempt, &fatal));
	}
	CHECK(spk_retry_again(&for_ever, 1 << 20, &transient));
}

SPK_TEST_SUITE("scheduler/retry",
	{ "waits double up to the longest, with jitter below", waits_double },
	{ "different seeds wait differently", seeds_differ },
	{ "zero and huge waits", extremes },
	{ "retries end where the policy says, hard errors at once", bounds })
