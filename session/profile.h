/* How the session's last query went. For session/query.c. */
#ifndef SPK_SESSION_PROFILE_H
#define SPK_SESSION_PROFILE_H

#include "core/base/spillfile.h"
#include "session/internal.h"

/* What a profile is made of; all borrowed. */
struct spk_profiled {
	const struct spk_physical_plan *plan;
	const struct spk_exec *exec;
	struct spk_dag_scheduler *dag;
	const struct spk_dag_result *result;
	const struct spk_spill_area *spill;
	int64_t wall_us, elapsed_us, rows;
};

/* Puts it in the place of the one before. A query is none the worse when there is no memory for it: then there is none. */
void spk_session_keep_profile(struct spk_session *s, const struct spk_profiled *p);
void spk_session_drop_profile(struct spk_session *s);

#endif
