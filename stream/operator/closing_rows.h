/*
 * Kept rows (keyed_rows.h) of buckets whose time is over: taken out of a bucketed table whole, in order of time, shard and key, some keys at a time.
 */
#ifndef SPK_STREAM_OPERATOR_CLOSING_ROWS_H
#define SPK_STREAM_OPERATOR_CLOSING_ROWS_H

#include "stream/operator/keyed_rows.h"

struct spk_closing_rows {
	struct spk_op *op;
	struct spk_state_view *view;
	struct spk_keyed_rows *kept;     /* how rows lie in the table, by side */
	int sides;
	/*
	 * Gets groups of one bucket, all sides of a key among them, the first one's first: those of whom there is none are not. Everything lies in `arena`,
	 * which may be kept by a reference.
	 */
	spk_status (*take)(void *user, struct spk_row_group *group, int groups, struct spk_arena *arena, spk_error *err);
	void *user;
	bool stays;                      /* buckets up to `from` came before; those behind them stay where they are */
	int64_t from;
	bool later;                      /* `take` uses the view: it gets all groups of a bucket when that is gone, and these lie in memory together until then */
};

/* Takes the buckets up to `watermark` (that one included), or shows them. After a failure a bucket is there or gone whole. */
spk_status spk_closing_rows_take(const struct spk_closing_rows *c, int64_t watermark, spk_error *err);
/* Which of the sides a group is of: the last byte of its name says it. */
int spk_closing_rows_side(const struct spk_closing_rows *c, const struct spk_row_group *group);

#endif
