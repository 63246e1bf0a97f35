/*
 * Aggregates that a session brings: include/sparklet/function.h. They are aggregates like those of the table, found through the catalog.
 *
 * A state is a mark whether it was begun, then the user's bytes: a zeroed one is that of no rows, whatever the user's init makes of it.
 */
#ifndef SPK_CORE_EXPR_USER_AGGREGATE_H
#define SPK_CORE_EXPR_USER_AGGREGATE_H

#include "core/expr/aggregate.h"
#include "core/expr/user_function.h"

struct spk_user_aggregate {
	struct spk_aggregate base;
	struct spk_aggregate_spec spec;    /* its texts are not kept */
	struct spk_type result;
};

/* Fills `a`; what name, types and spec.user point to is borrowed. UNSUPPORTED for types without a place, USAGE for a spec that lacks something. */
spk_status spk_user_aggregate_init(struct spk_user_aggregate *a, const char *name, const struct spk_type *arg, int args, struct spk_type result, const struct spk_aggregate_spec *spec,
				   spk_error *err);
struct spk_type spk_user_aggregate_result(const struct spk_user_aggregate *a);

/*
 * CREATE AGGREGATE: a state of an SQL type that functions of the session take from row to row. init NULL: it begins as NULL. final and combine
 * may be NULL. BIND with PostgreSQL's messages when the types do not go together. Everything is borrowed but `init`, whose text is copied into `arena`.
 */
struct spk_sql_aggregate_spec {
	const char *name;
	int args;
	struct spk_type arg[SPK_AGGREGATE_ARGS_MAX];
	struct spk_type state;
	const struct spk_user_function *step, *final, *combine;
	const struct spk_value *init;
};
spk_status spk_sql_aggregate_make(struct spk_arena *arena, const struct spk_sql_aggregate_spec *spec, struct spk_user_aggregate **out, spk_error *err);

#endif
