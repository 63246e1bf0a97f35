/* How long state is kept of rows that do not change: a table's option 'state.ttl', else what the job is told. */
#ifndef SPK_PLANNER_LOGICAL_STATE_TTL_H
#define SPK_PLANNER_LOGICAL_STATE_TTL_H

#include "planner/logical/logical.h"

#define SPK_STATE_TTL_OPTION "state.ttl"

/* The longest of all tables below, in microseconds; 0: for good. `preset`: of those that say nothing. */
int64_t spk_logical_state_ttl(const struct spk_logical *l, int64_t preset);

#endif
