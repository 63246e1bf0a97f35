/* Column pruning through joins: each side keeps what is needed above, and what the condition looks at. */
#include "planner/optimizer/column_pruning.h"

#include <string.h>

static void need(int column, void *user) { ((bool *)user)[column] = true; }

static bool shows_right(const struct spk_logical *l)
{
	return l->join != SPK_JOIN_SEMI && l->join != SPK_JOIN_ANTI && l->join != SPK_JOIN_MARK;
}

/* Where the sides' old columns, left ++ right, are now; and MARK's own. */
static spk_status place(struct spk_arena *arena, const struct spk_logical *l, const struct spk_pruned side[2], int **out, spk_error *err)
{
	int left = l->input[0]->schema->count, right = l->input[1]->schema->count, shift = side[0].node->schema->count;
	int *at = SPK_NEW_ARRAY(arena, int, left + right + 1);

	SPK_TRY_PTR(at, err);
	for (int i = 0; i < left; i++)
		at[i] = side[0].at[i];
	for (int i = 0; i < right; i++)
		at[left + i] = side[1].at[i] < 0 ? -1 : shift + side[1].at[i];
	*out = at;
	return SPK_OK;
}

static spk_status move_condition(struct spk_arena *arena, const struct spk_logical *l, const int *at, struct spk_expr **out, spk_error *err)
{
	const struct spk_schema *side[2] = { l->input[0]->schema, l->input[1]->schema };
	struct spk_expr **by = SPK_NEW_ARRAY(arena, struct spk_expr *, side[0]->count + side[1]->count + 1);

	SPK_TRY_PTR(by, err);
	for (int i = 0; i < side[0]->count + side[1]->count; i++) {
		const struct spk_field *field = i < side[0]->count ? &side[0]->field[i] : &side[1]->field[i - side[0]->count];

		if (at[i] >= 0)
			SPK_TRY_PTR(by[i] = spk_expr_column(arena, at[i], field), err);
	}
	*out = spk_expr_substitute(arena, l->filter, by);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* The join's columns: its sides' in their new places, under the names that the join gave them. */
static spk_status make_schema(struct spk_arena *arena, const struct spk_logical *l, const struct spk_pruned side[2], const int *at, struct spk_schema **out, spk_error *err)
{
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);
	int left = side[0].node->schema->count, right = shows_right(l) ? side[1].node->schema->count : 0, mark = l->join == SPK_JOIN_MARK;

	SPK_TRY_PTR(s && (s->field = SPK_NEW_ARRAY(arena, struct spk_field, left + right + mark + 1)), err);
	s->count = left + right + mark;
	for (int i = 0; i < left; i++)
		s->field[i] = side[0].node->schema->field[i];
	for (int i = 0; i < right; i++)
		s->field[left + i] = side[1].node->schema->field[i];
	for (int i = 0; i < l->schema->count - mark; i++)
		if (at[i] >= 0)
			s->field[at[i]] = l->schema->field[i];
	if (mark)
		s->field[left] = l->schema->field[l->schema->count - 1];
	*out = s;
	return SPK_OK;
}

static spk_status rebuild(struct spk_arena *arena, const struct spk_logical *l, const struct spk_pruned side[2], struct spk_pruned *out, spk_error *err)
{
	struct spk_logical *made = spk_arena_copy(arena, l, sizeof *made), *input[2] = { side[0].node, side[1].node };
	struct spk_schema *schema = NULL;
	int *at = NULL;

	SPK_TRY_PTR(made, err);
	made->input = spk_arena_copy(arena, input, sizeof input);
	SPK_TRY_PTR(made->input, err);
	SPK_TRY(place(arena, l, side, &at, err));
	SPK_TRY(make_schema(arena, l, side, at, &schema, err));
	made->schema = schema;
	if (l->filter)
		SPK_TRY(move_condition(arena, l, at, &made->filter, err));
	if (l->join == SPK_JOIN_MARK)
		at[l->schema->count - 1] = side[0].node->schema->count;
	*out = (struct spk_pruned){ made, at };
	return SPK_OK;
}

/* A subquery that nobody looks at: its join gives every left row once, whatever it finds. PostgreSQL does not run it either. */
static bool is_unread(const struct spk_logical *l, const bool *needed)
{
	if (l->join != SPK_JOIN_SINGLE && l->join != SPK_JOIN_MARK)
		return false;
	for (int i = l->input[0]->schema->count; i < l->schema->count; i++)
		if (needed[i])
			return false;
	return true;
}

static spk_status prune_to_left(struct spk_arena *arena, const struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	struct spk_pruned left;

	SPK_TRY(spk_prune(arena, l->input[0], needed, &left, err));
	out->node = left.node;
	SPK_TRY_PTR(out->at = SPK_NEW_ARRAY(arena, int, l->schema->count + 1), err);
	for (int i = 0; i < l->schema->count; i++)
		out->at[i] = i < l->input[0]->schema->count ? left.at[i] : -1;
	return SPK_OK;
}

spk_status spk_prune_join(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	int left = l->input[0]->schema->count, right = l->input[1]->schema->count;
	bool *kept = SPK_NEW_ARRAY(arena, bool, left + right + 1);
	struct spk_pruned side[2];

	SPK_TRY_PTR(kept, err);
	if (is_unread(l, needed))
		return prune_to_left(arena, l, needed, out, err);
	memcpy(kept, needed, sizeof *kept * (size_t)(shows_right(l) ? left + right : left));
	if (l->filter)
		spk_expr_columns(l->filter, need, kept);
	/* What the right side looks at of the left one is not known here. */
	for (int i = 0; i < left && l->dependent; i++)
		kept[i] = true;
	for (int s = 0; s < 2; s++)
		SPK_TRY(spk_prune(arena, l->input[s], kept + (s ? left : 0), &side[s], err));
	if (side[0].node != l->input[0] || side[1].node != l->input[1])
		return rebuild(arena, l, side, out, err);
	out->node = l;
	out->at = SPK_NEW_ARRAY(arena, int, left + right + 1);
	SPK_TRY_PTR(out->at, err);
	for (int i = 0; i < l->schema->count; i++)
		out->at[i] = i;
	return SPK_OK;
}
