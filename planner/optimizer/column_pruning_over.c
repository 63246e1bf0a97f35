/* Columns that nobody reads, below window functions: what passes through and is not looked at by partition, order and calls is not made. Calls stay. */
#include "planner/optimizer/column_pruning.h"

#include <string.h>

static void need(int column, void *user) { ((bool *)user)[column] = true; }

static spk_status note_columns(struct spk_expr **e, void *user, spk_error *err)
{
	(void)err;
	spk_expr_columns(*e, need, user);
	return SPK_OK;
}

struct move { struct spk_arena *arena; struct spk_expr **by; };

static spk_status move_expr(struct spk_expr **e, void *user, spk_error *err)
{
	const struct move *m = user;

	*e = spk_expr_substitute(m->arena, *e, m->by);
	return *e ? SPK_OK : spk_fail_memory(err);
}

/* The node over `p`, which has other columns than its input. */
static spk_status move_node(struct spk_arena *arena, const struct spk_logical *l, const struct spk_pruned *p, struct spk_pruned *out, spk_error *err)
{
	const int columns = l->input[0]->schema->count, left = p->node->schema->count;
	struct move m = { arena, SPK_NEW_ARRAY(arena, struct spk_expr *, columns + 1) };
	struct spk_schema *schema = SPK_NEW(arena, struct spk_schema);
	struct spk_logical *made = spk_logical_clone(arena, l);

	SPK_TRY_PTR(m.by && schema && made, err);
	for (int i = 0; i < columns; i++)
		if (p->at[i] >= 0)
			SPK_TRY_PTR(m.by[i] = spk_expr_column(arena, p->at[i], &l->input[0]->schema->field[i]), err);
	SPK_TRY(spk_logical_each_expr(made, move_expr, &m, err));
	*schema = (struct spk_schema){ left + l->calls, SPK_NEW_ARRAY(arena, struct spk_field, left + l->calls + 1) };
	SPK_TRY_PTR(schema->field, err);
	memcpy(schema->field, p->node->schema->field, sizeof *schema->field * (size_t)left);
	memcpy(schema->field + left, l->schema->field + columns, sizeof *schema->field * (size_t)l->calls);
	made->schema = schema;
	made->input[0] = p->node;
	out->node = made;
	for (int i = 0; i < l->schema->count; i++)
		out->at[i] = i < columns ? p->at[i] : left + i - columns;
	return SPK_OK;
}

spk_status spk_prune_over(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	const int columns = l->input[0]->schema->count;
	bool *below = SPK_NEW_ARRAY(arena, bool, columns + 1);
	struct spk_logical same = *l;  /* nothing is replaced */
	struct spk_pruned p;

	out->node = l;
	out->at = SPK_NEW_ARRAY(arena, int, l->schema->count + 1);
	SPK_TRY_PTR(below && out->at, err);
	for (int i = 0; i < l->schema->count; i++)
		out->at[i] = i;
	memcpy(below, needed, sizeof *below * (size_t)columns);
	SPK_TRY(spk_logical_each_expr(&same, note_columns, below, err));
	SPK_TRY(spk_prune(arena, l->input[0], below, &p, err));
	return p.node == l->input[0] ? SPK_OK : move_node(arena, l, &p, out, err);
}
