/* Random numbers. See draw.h; mixed as splitmix64 does. */
#include "core/expr/draw.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/check.h"
#include "core/expr/function.h"

enum { UNLISTED = 4 };                 /* room for calls that nobody lists; if there are more they share the last one's numbers */

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t step(uint64_t seed, uint64_t n) { return mix(seed + (n + 1) * 0x9e3779b97f4a7c15ull); }

static bool draws(const struct spk_expr *e) { return e->kind == SPK_EXPR_CALL && e->function->volatility == SPK_VOLATILE; }

struct spk_draws *spk_draws_new(int calls)
{
	struct spk_draws *d = calloc(1, sizeof *d + sizeof *d->call * (size_t)(calls + UNLISTED));

	if (d)
		d->room = calls + UNLISTED;
	return d;
}

int spk_draws_list(const struct spk_expr *e, struct spk_draws *d)
{
	int n = e && draws(e);

	if (n && d) {
		SPK_ASSERT(d->calls < d->room, "room for every call that is listed");
		d->call[d->calls++].call = e;
	}
	for (int i = 0; e && i < e->args; i++)
		n += spk_draws_list(e->arg[i], d);
	return n;
}

void spk_draws_begin(struct spk_draws *d, uint64_t high, uint64_t low)
{
	d->seed[0] = high;
	d->seed[1] = low;
	for (int i = 0; i < d->calls; i++)
		d->call[i].drawn = 0;
}

static int find(struct spk_draws *d, const struct spk_expr *call)
{
	for (int i = 0; i < d->calls; i++)
		if (d->call[i].call == call)
			return i;
	if (d->calls < d->room)
		d->call[d->calls++].call = call;
	return d->calls - 1;
}

void spk_call_draw(const struct spk_call *call, uint64_t out[2])
{
	static atomic_uint_fast64_t sequence;
	struct spk_draws *d = call->ev->draws;
	uint64_t n;
	int i;

	if (!d) {
		n = atomic_fetch_add_explicit(&sequence, 1, memory_order_relaxed);
		out[0] = step((uint64_t)call->ev->now_us, n);
		out[1] = step(out[0], n);
		return;
	}
	i = find(d, call->expr);
	n = d->call[i].drawn++;
	for (int half = 0; half < 2; half++)
		out[half] = step(step(d->seed[half], (uint64_t)i), n);
}
