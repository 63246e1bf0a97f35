/*
 * State that goes when its key has not changed for some time (state.ttl).
 *
 * What is kept of a key lies in one bucket of the table, SPK_EXPIRY_DATA. A change of it files a mark, the key's name, in the bucket of the time at which it would
 * be due; marks are an eighth of the time apart, so a key goes between one and one and an eighth times state.ttl after its last change. When a bucket of marks is
 * due, a key of it that has no later mark is forgotten: whole, and without a word to what is behind.
 *
 * Time is the watermark where the operator's sources have one, else the epoch's own, which its record has. Neither depends on when a replay runs.
 */
#ifndef SPK_STREAM_OPERATOR_EXPIRY_H
#define SPK_STREAM_OPERATOR_EXPIRY_H

#include "batch/operator/operator.h"

/* Where the state itself is; and marks made before there was a watermark. */
#define SPK_EXPIRY_DATA INT64_MAX
#define SPK_EXPIRY_UNDATED (INT64_MAX - 1)

/* A key as the operator named it. side: which of the plan's state_ttl_us it goes by. */
struct spk_expired { const char *key; uint32_t size; uint64_t hash; int side; };

struct spk_expiry {
	const struct spk_op *op;
	struct spk_state_view *view;
	/* Forgets some keys, SPK_BATCH_ROWS at the most, whose bytes last as long as the call. */
	spk_status (*forget)(void *user, const struct spk_expired *key, int n, spk_error *err);
	void *user;
	struct spk_buffer bytes;         /* scratch */
	struct spk_row_keys keys;        /* scratch */
};

void spk_expiry_init(struct spk_expiry *x, const struct spk_op *op, struct spk_state_view *view, spk_status (*forget)(void *user, const struct spk_expired *key, int n, spk_error *err), void *user);
void spk_expiry_release(struct spk_expiry *x);
/* Whether the operator forgets at all. */
static inline bool spk_expires(const struct spk_physical *plan) { return plan->state_ttl_us[0] || plan->state_ttl_us[1]; }
/* In an operator's finish: n <= SPK_BATCH_ROWS keys of a side changed. A side that is kept for good files nothing. */
spk_status spk_expiry_touch(struct spk_expiry *x, int side, const struct spk_view *key, const uint64_t *hash, int n, spk_error *err);
/* At its end: forgets what is due. */
spk_status spk_expiry_run(struct spk_expiry *x, spk_error *err);

#endif
