/* Retry policies: how often and how long to wait, per type of operation. */
#ifndef SPK_SCHEDULER_RETRY_H
#define SPK_SCHEDULER_RETRY_H

#include <stdint.h>

#include "sparklet/status.h"

/* X(ID, "name", retries, first wait us, longest wait us): defaults per operation type. */
#define SPK_RETRY_LIST(X) \
	X(TASK, "task", 3, 50000, 5000000) \
	X(FETCH, "shuffle fetch", 3, 10000, 1000000) \
	X(BROKER, "broker", -1, 100000, 10000000)       /* -1: for ever */ \
	X(STORE, "checkpoint store", 5, 200000, 10000000)

enum spk_retry_type {
#define SPK_RETRY_ENUM(id, name, retries, first, longest) SPK_RETRY_##id,
	SPK_RETRY_LIST(SPK_RETRY_ENUM)
#undef SPK_RETRY_ENUM
};

struct spk_retry_policy {
	int retries;              /* attempts after the first; -1: no bound */
	int64_t first_us, longest_us;
	uint64_t seed;            /* jitter: the same seed waits the same */
};

struct spk_retry_policy spk_retry_default(enum spk_retry_type type);
/* Wait before retry number `retry` (0 = the first): first * 2^retry, capped, times 0.5..1.0 drawn from seed and retry. */
int64_t spk_retry_wait_us(const struct spk_retry_policy *policy, int retry);
/* True when attempt number `attempt` (0 = the first) that failed with *error may be followed by another. */
bool spk_retry_again(const struct spk_retry_policy *policy, int attempt, const spk_error *error);

#endif
