/* Random numbers: the hash of where they are drawn and how many were drawn there before (splitmix64's). See struct spk_draws. */
#include <stdatomic.h>

#include "core/base/check.h"
#include "core/expr/function.h"

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t step(uint64_t seed, uint64_t n) { return mix(seed + (n + 1) * 0x9e3779b97f4a7c15ull); }

/* Where the call's numbers are counted; those beyond the last share its place. */
static int find(struct spk_draws *d, const struct spk_expr *call)
{
	uint64_t namesakes = 0;

	for (int i = 0; i < d->calls; i++) {
		if (d->call[i].call == call)
			return i;
		namesakes += d->call[i].call->position == call->position;
	}
	if (d->calls == SPK_DRAW_CALLS)
		return d->calls - 1;
	/* By its place in the text, as calls are not always met in one order; a view's are met as often as it is used. */
	d->call[d->calls].call = call;
	d->call[d->calls].seed = step(step(d->seed, (uint64_t)call->position), namesakes);
	d->call[d->calls].drawn = 0;
	return d->calls++;
}

uint64_t spk_call_draw(const struct spk_call *call)
{
	static atomic_uint_fast64_t sequence;
	struct spk_draws *d = call->ev->draws;
	int i;

	if (!d)
		return step((uint64_t)call->ev->now_us, atomic_fetch_add_explicit(&sequence, 1, memory_order_relaxed));
	i = find(d, call->expr);
	return step(d->call[i].seed, d->call[i].drawn++);
}
