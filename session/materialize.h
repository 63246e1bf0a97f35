/* WITH queries that are computed before the query that uses them. Private to session. */
#ifndef SPK_SESSION_MATERIALIZE_H
#define SPK_SESSION_MATERIALIZE_H

#include "session/internal.h"

/* A recursive query: `rows` is filled with the rows of all rounds, `work` with those of the last one and the next, in turn. */
struct spk_recursion {
	struct spk_cached *rows, *work[2];
	const struct spk_logical *node;
	struct spk_logical *first;
	struct spk_logical *step;         /* over a scan of table[0] */
	struct spk_table *table[2];       /* of `work` */
	int64_t limit;                    /* rows that are enough, -1: all */
};

/* Puts scans of kept relations in place of SHARED and RECURSIVE nodes of an optimized batch query. */
spk_status spk_session_materialize(struct spk_session *s, struct spk_logical *root, struct spk_logical **out, spk_error *err);
/* What fills the relation; NULL: its plan. */
const struct spk_recursion *spk_session_recursion(const struct spk_session *s, const struct spk_cached *rows);
/* Runs the rounds of a recursive query. */
spk_status spk_session_recurse(struct spk_session *s, const struct spk_recursion *r, spk_error *err);
/* The query is over: its rows go, the relations stay for another run of the plan. */
void spk_session_drop_materialized(struct spk_session *s);
void spk_session_free_materialized(struct spk_session *s);

#endif
