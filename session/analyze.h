/* What ANALYZE keeps, and how a column's statistics are made of a sample. For session/. */
#ifndef SPK_SESSION_ANALYZE_H
#define SPK_SESSION_ANALYZE_H

#include "planner/logical/callback.h"
#include "planner/logical/statistics.h"
#include "session/internal.h"

enum {
	SPK_ANALYZE_ROWS = 30000,      /* rows of the sample, about: PostgreSQL's 300 times its statistics target of 100 */
	SPK_ANALYZE_COMMONS = 64,      /* most common values at the most */
	SPK_ANALYZE_BUCKETS = 100,     /* of a histogram */
};

struct spk_analyzed_column { const char *name; struct spk_type type; struct spk_column_statistics statistics; };

/* Of one table: its own arena holds it. */
struct spk_analyzed {
	struct spk_analyzed *next;
	struct spk_arena *arena;
	const char *key;               /* connector and path, or which kept relation */
	uint64_t version;              /* of what was there then */
	bool unusable;                 /* what 'statistics.dir' has of that version is damaged, or there is nothing */
	bool told;                     /* it was said that they are out of date */
	double rows;
	int columns;
	struct spk_analyzed_column *column;
};

/* Whether the sample tells more than a count of values: numbers, dates, times and text. */
bool spk_analyze_is_number(struct spk_type type);
bool spk_analyze_is_text(struct spk_type type);

/*
 * Fills in common values and histogram: `values` is the sample, an ARRAY of one value a row without NULLs, of `sampled` rows in all. distinct, nulls
 * and bounds are known already. What is kept lies in `arena`.
 */
spk_status spk_analyze_sample(struct spk_column_statistics *s, const struct spk_vector *values, int row, double sampled, struct spk_arena *arena, spk_error *err);

/* Passes all rows on with one more column, boolean: whether the row is of the sample. Rows of a task are numbered, so that the same are in each time. */
struct spk_sampler { struct spk_callback base; uint64_t most; };
extern const struct spk_callback_type spk_sampler_type;

#endif
