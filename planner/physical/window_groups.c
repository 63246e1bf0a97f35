/* What aggregates have in common that are made of windows as they grow, and not of rows that windows were given to: session.c, panes.c. */
#include "planner/physical/build.h"

#include <string.h>

struct own_columns { int columns; bool all; };

static void check_column(int column, void *user)
{
	struct own_columns *o = user;

	o->all = o->all && column < o->columns;
}

bool spk_build_looks_at_rows(const struct spk_logical *w, const struct spk_logical *l)
{
	struct own_columns o = { w->input[0]->schema->count, true };

	for (int i = 0; i < l->aggregate_count; i++) {
		for (int k = 0; k < l->aggregate[i].inputs; k++)
			spk_expr_columns(l->aggregate[i].input[k], check_column, &o);
		if (l->aggregate[i].filter)
			spk_expr_columns(l->aggregate[i].filter, check_column, &o);
	}
	return o.all;
}

bool spk_build_only_appends(const struct spk_logical *l)
{
	bool only = l->properties.append_only && (l->kind == SPK_LOGICAL_SCAN || l->kind == SPK_LOGICAL_FILTER || l->kind == SPK_LOGICAL_PROJECT || l->kind == SPK_LOGICAL_UNION ||
						  l->kind == SPK_LOGICAL_UNNEST || l->kind == SPK_LOGICAL_WINDOW || l->kind == SPK_LOGICAL_AGGREGATE);

	for (int i = 0; i < l->inputs; i++)
		only = only && spk_build_only_appends(l->input[i]);
	return only;
}

/* What changes where windows do: aggregates of them, and which of them a row is in. */
static bool has_changing_windows(const struct spk_logical *l)
{
	if (l->kind == SPK_LOGICAL_AGGREGATE || (l->kind == SPK_LOGICAL_WINDOW && l->window == SPK_WINDOW_SESSION))
		return true;
	for (int i = 0; i < l->inputs; i++)
		if (has_changing_windows(l->input[i]))
			return true;
	return false;
}

bool spk_build_only_adds(const struct spk_build *b, const struct spk_logical *l)
{
	return spk_build_only_appends(l) && !(spk_build_windows_change(b) && has_changing_windows(l));
}

spk_status spk_build_onto_window(struct spk_build *b, const struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *n = spk_logical_clone(b->arena, l);

	SPK_TRY_PTR(n, err);
	n->input = spk_arena_copy(b->arena, l->input, sizeof(*l->input));
	SPK_TRY_PTR(n->input, err);
	n->expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, l->expr_count + 1);
	n->aggregate = spk_arena_copy(b->arena, l->aggregate, sizeof *l->aggregate * (size_t)l->aggregate_count);
	SPK_TRY_PTR(n->expr && (n->aggregate || !l->aggregate_count), err);
	memcpy(n->expr, l->expr, sizeof(*l->expr) * (size_t)l->expr_count);
	for (; n->input[0]->kind == SPK_LOGICAL_PROJECT; n->input[0] = n->input[0]->input[0]) {
		struct spk_expr *const *by = n->input[0]->expr;

		for (int i = 0; i < n->expr_count; i++)
			SPK_TRY_PTR(n->expr[i] = spk_expr_substitute(b->arena, n->expr[i], by), err);
		for (int i = 0; i < n->aggregate_count; i++) {
			struct spk_aggregate_call *call = &n->aggregate[i];
			struct spk_expr **input = SPK_NEW_ARRAY(b->arena, struct spk_expr *, call->inputs + 1);

			SPK_TRY_PTR(input, err);
			for (int k = 0; k < call->inputs; k++)
				SPK_TRY_PTR(input[k] = spk_expr_substitute(b->arena, call->input[k], by), err);
			call->input = input;
			if (call->filter)
				SPK_TRY_PTR(call->filter = spk_expr_substitute(b->arena, call->filter, by), err);
		}
	}
	*out = n;
	return SPK_OK;
}
