/*
 * What volatile functions draw their numbers from where they must be the same when it is done again: the n-th draw of a call is the hash of a seed, the call's number, and n. So rows
 * that come in the same order draw the same, however they are cut into batches.
 *
 * Calls have numbers in the order in which they are listed, before anything is evaluated: which is met first depends on the rows. Those that were not
 * listed take the places that are left, as they come. One thread's.
 */
#ifndef SPK_CORE_EXPR_DRAW_H
#define SPK_CORE_EXPR_DRAW_H

#include "core/expr/expr.h"

struct spk_draw_call { const struct spk_expr *call; uint64_t drawn; };

struct spk_draws {
	uint64_t seed[2];
	int calls, room;
	struct spk_draw_call call[];
};

/* With room for so many calls that will be listed, and some more; from malloc, for free. NULL: out of memory. */
struct spk_draws *spk_draws_new(int calls);
/* Lists the volatile calls of an expression (NULL: none), and gives their number; d NULL: only that. */
int spk_draws_list(const struct spk_expr *e, struct spk_draws *d);
/* From the first numbers of this seed on; a seed has 128 bits, as a UUID has. */
void spk_draws_begin(struct spk_draws *d, uint64_t high, uint64_t low);

#endif
