/* What the files of session/ share. Not for others. */
#ifndef SPK_SESSION_INTERNAL_H
#define SPK_SESSION_INTERNAL_H

#include "core/base/memory.h"
#include "planner/optimizer/optimizer.h"
#include "session/engine.h"

#ifndef SPK_VERSION
#define SPK_VERSION "0.1.0"
#endif

struct spk_session {
	struct spk_arena *arena;       /* catalog entries' plans and all that was bound */
	struct spk_conf *conf;
	struct spk_catalog *catalog;
	_Atomic(struct spk_job *) job; /* running now, for stop */
	_Atomic int cancels;           /* asked while no job ran */
	int cancel_fd;                 /* eventfd: wakes a running query to look at `cancels` */
};

#endif
