/* Rows by the wall clock: for sources that make rows and could make them faster than is wanted. */
#ifndef SPK_CONNECTORS_NEXMARK_PACE_H
#define SPK_CONNECTORS_NEXMARK_PACE_H

#include <stdint.h>

#include "sparklet/status.h"

struct spk_pace {
	int64_t rate;              /* rows per second; 0: as many as are taken */
	int timer;                 /* becomes readable now and then; -1 without a rate */
	int64_t started_us;
	_Atomic int64_t given;     /* rows given out since; partitions may be fetched side by side */
};

spk_status spk_pace_init(struct spk_pace *p, int64_t rate, spk_error *err);
void spk_pace_release(struct spk_pace *p);
/* Begins anew: nothing is owed for the time before. */
void spk_pace_restart(struct spk_pace *p);
/* How many rows may be given out now; waits at most wait_us for the first. Quiets the timer. */
int64_t spk_pace_allowed(struct spk_pace *p, int64_t wait_us);

#endif
