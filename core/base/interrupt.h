/*
 * Asking work to stop from within, however deep: in one call of a function that makes millions of values, while a plan is made.
 *
 * Whoever runs work that may be cancelled says for its thread how to find that out; whatever may take long asks now and then. So do all reservations of
 * memory (memory.h), which whatever makes much needs sooner or later: only loops that reserve nothing have to ask by themselves.
 * Cheap: a load when nobody has said anything, else a call.
 */
#ifndef SPK_CORE_BASE_INTERRUPT_H
#define SPK_CORE_BASE_INTERRUPT_H

#include <stdbool.h>
#include <stddef.h>

#include "sparklet/status.h"

/* asked NULL: never. Called on the thread that it was set for. */
struct spk_interrupt { bool (*asked)(void *user); void *user; };

/* Of this thread, from now on; returns what held before, to be set again afterwards. */
struct spk_interrupt spk_interrupt_set(struct spk_interrupt now);
bool spk_interrupted(void);
/* CANCELLED when the work is to stop. */
spk_status spk_check_interrupt(spk_error *err);

#endif
