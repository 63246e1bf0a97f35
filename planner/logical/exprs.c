/* All expressions of a node, whatever its kind: the one place that knows where they are. */
#include "core/base/check.h"
#include "planner/logical/logical.h"

static spk_status each(struct spk_expr **list, int count, spk_logical_change change, void *user, spk_error *err)
{
	for (int i = 0; i < count; i++)
		if (list[i])
			SPK_TRY(change(&list[i], user, err));
	return SPK_OK;
}

static spk_status each_of_aggregate(struct spk_aggregate_call *c, spk_logical_change change, void *user, spk_error *err)
{
	SPK_TRY(each(c->input, c->inputs, change, user, err));
	return each(&c->filter, 1, change, user, err);
}

static spk_status each_of_window(struct spk_window_call *c, spk_logical_change change, void *user, spk_error *err)
{
	struct spk_window_frame *f = &c->frame;
	struct spk_expr **frame[] = { &f->start_offset, &f->end_offset, &f->range_key, &f->start_edge, &f->end_edge };

	SPK_TRY(each_of_aggregate(&c->aggregate, change, user, err));
	SPK_TRY(each(c->arg, c->args, change, user, err));
	for (size_t i = 0; i < SPK_COUNT_OF(frame); i++)
		SPK_TRY(each(frame[i], 1, change, user, err));
	return SPK_OK;
}

spk_status spk_logical_each_expr(struct spk_logical *l, spk_logical_change change, void *user, spk_error *err)
{
	SPK_TRY(each(&l->filter, 1, change, user, err));
	SPK_TRY(each(l->expr, l->expr_count, change, user, err));
	if (l->value_rows)
		SPK_TRY(each(l->value, l->value_rows * l->schema->count, change, user, err));
	for (int i = 0; i < l->aggregate_count; i++)
		SPK_TRY(each_of_aggregate(&l->aggregate[i], change, user, err));
	for (int i = 0; i < l->sort_count; i++)
		SPK_TRY(each(&l->sort[i].expr, 1, change, user, err));
	for (int i = 0; i < l->calls; i++)
		SPK_TRY(each_of_window(&l->call[i], change, user, err));
	return SPK_OK;
}

/* Makes a list of the copy its own. */
#define OWN(owner, list, count) ((count) == 0 || ((owner)->list = spk_arena_copy(arena, (owner)->list, sizeof *(owner)->list * (size_t)(count))))

struct spk_logical *spk_logical_clone(struct spk_arena *arena, const struct spk_logical *l)
{
	struct spk_logical *copy = spk_arena_copy(arena, l, sizeof *l);

	if (!copy || !OWN(copy, input, l->inputs) || !OWN(copy, expr, l->expr_count) || !OWN(copy, value, l->value_rows * l->schema->count))
		return NULL;
	if (!OWN(copy, aggregate, l->aggregate_count) || !OWN(copy, sort, l->sort_count) || !OWN(copy, call, l->calls))
		return NULL;
	for (int i = 0; i < l->aggregate_count; i++)
		if (!OWN(&copy->aggregate[i], input, l->aggregate[i].inputs))
			return NULL;
	for (int i = 0; i < l->calls; i++)
		if (!OWN(&copy->call[i].aggregate, input, l->call[i].aggregate.inputs))
			return NULL;
	return copy;
}
