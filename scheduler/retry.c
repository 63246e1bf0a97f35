#include "scheduler/retry.h"

#include "core/base/check.h"

static const struct spk_retry_policy defaults[] = {
#define RETRY_DEFAULT(id, name, max, first, longest) \
	[SPK_RETRY_##id] = { .retries = (max), .first_us = (first), .longest_us = (longest) },
	SPK_RETRY_LIST(RETRY_DEFAULT)
#undef RETRY_DEFAULT
};

struct spk_retry_policy spk_retry_default(enum spk_retry_type type)
{
	SPK_ASSERT((size_t)type < SPK_COUNT_OF(defaults), "a retry type of the list");
	return defaults[type];
}

/* splitmix64's finaliser: one well mixed word of (seed, n). */
static uint64_t draw(uint64_t seed, uint64_t n)
{
	uint64_t z = seed + (n + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int64_t spk_retry_wait_us(const struct spk_retry_policy *policy, int retry)
{
	int64_t wait = SPK_MIN(policy->first_us, policy->longest_us);

	SPK_ASSERT(retry >= 0, "retries count from 0");
	for (int i = 0; i < retry && wait > 0 && wait < policy->longest_us; i++)
		wait = wait > policy->longest_us / 2 ? policy->longest_us : wait * 2;
	if (wait <= 0)
		return 0;
	/* 0.5 .. 1.0 of it, in 1/1024: integers wait alike on every machine. */
	int64_t share = 512 + (int64_t)(draw(policy->seed, (uint64_t)retry) % 513);

	return wait / 1024 * share + wait % 1024 * share / 1024;
}

bool spk_retry_again(const struct spk_retry_policy *policy, int attempt, const spk_error *error)
{
	if (!error->retriable || error->fatal)
		return false;
	return policy->retries < 0 || attempt < policy->retries;
}
