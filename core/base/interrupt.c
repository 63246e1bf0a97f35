/* One question per thread. See interrupt.h. */
#include "core/base/interrupt.h"

static _Thread_local struct spk_interrupt current;

struct spk_interrupt spk_interrupt_set(struct spk_interrupt now)
{
	struct spk_interrupt before = current;

	current = now;
	return before;
}

bool spk_interrupted(void) { return current.asked && current.asked(current.user); }

spk_status spk_check_interrupt(spk_error *err)
{
	return spk_interrupted() ? spk_fail(err, SPK_CANCELLED, "the query was cancelled") : SPK_OK;
}
