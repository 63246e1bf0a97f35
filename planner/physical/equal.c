/*
 * What is computed twice in a job is computed once: a relation that is the same as one that was built before takes its rows from that. So INSERTs share what
 * they have in common, and so do the uses of a view within one. (Scans are shared by source.c, whatever their columns.)
 *
 * Only where it comes out the same each time; and not in batch, where one that feeds both sides of a join would have to be kept whole.
 */
#include "planner/physical/build.h"

struct spk_built { struct spk_built *next; const struct spk_logical *l; struct spk_ports ports; };

static spk_status look(struct spk_expr **e, void *user, spk_error *err)
{
	bool *steady = user;

	(void)err;
	*steady = *steady && spk_expr_deterministic(*e);
	return SPK_OK;
}

static bool is_steady(const struct spk_logical *l)
{
	struct spk_logical copy = *l;  /* nothing is replaced */
	bool steady = true;

	(void)spk_logical_each_expr(&copy, look, &steady, NULL);
	for (int i = 0; i < l->inputs && steady; i++)
		steady = is_steady(l->input[i]);
	return steady;
}

bool spk_build_find_equal(const struct spk_build *b, const struct spk_logical *l, struct spk_ports *out)
{
	for (const struct spk_built *at = b->built; at; at = at->next)
		if (spk_logical_same(at->l, l, NULL)) {
			*out = at->ports;
			return true;
		}
	return false;
}

spk_status spk_build_remember(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *ports, spk_error *err)
{
	struct spk_built *built;

	if (!b->options->streaming || !l->inputs || !is_steady(l))
		return SPK_OK;
	built = SPK_NEW(b->arena, struct spk_built);
	SPK_TRY_PTR(built, err);
	*built = (struct spk_built){ b->built, l, *ports };
	b->built = built;
	return SPK_OK;
}
