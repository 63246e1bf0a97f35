/*
 * Materialized views of a job: a named changelog in the middle of it. The view's rows are kept as state under its name, where `sparklet state` finds them, and what
 * changes of them goes to all that read it. State of the operators inside is named by the view, too.
 */
#include "planner/physical/build.h"

/* By its unique key; where none is known by whole rows. */
static spk_status choose_key(struct spk_build *b, const struct spk_logical *l, struct spk_recompute *r, spk_error *err)
{
	const struct spk_properties *p = &l->input[0]->properties;
	int *all;

	r->key = p->key;
	r->keys = p->key_count;
	if (r->keys)
		return SPK_OK;
	r->keys = l->schema->count;
	r->key = all = SPK_NEW_ARRAY(b->arena, int, r->keys + 1);
	SPK_TRY_PTR(all, err);
	for (int i = 0; i < r->keys; i++)
		all[i] = i;
	return SPK_OK;
}

spk_status spk_build_view(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err)
{
	struct spk_recompute r = { .l = l, .closing = { .key = -1 }, .keeps = true, .what = "view" };
	const char *root = b->root_name;
	struct spk_ports in;

	if (!b->options->streaming)
		return spk_build_relation(b, l->input[0], out, err);
	b->root_name = l->alias;
	SPK_TRY(spk_build_relation(b, l->input[0], &in, err));
	SPK_TRY(choose_key(b, l, &r, err));
	SPK_TRY(spk_build_recompute(b, &r, &in, out, err));
	b->root_name = root;
	return SPK_OK;
}
