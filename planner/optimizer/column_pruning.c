/*
 * Columns that nobody reads are not made, and scans do not read them: from the root down, each node is told which of its columns
 * are needed and gives a node with those (and at times others) and where they are now.
 *
 * count(*) needs none, so a scan may have no columns at all; its batches still have rows.
 */
#include "planner/optimizer/column_pruning.h"

#include <string.h>

/* --- sets and maps --- */

static void need(int column, void *user) { ((bool *)user)[column] = true; }

static bool *no_columns(struct spk_arena *arena, const struct spk_logical *l)
{
	return SPK_NEW_ARRAY(arena, bool, l->schema->count + 1);
}

static bool is_same(const struct spk_logical *old, const struct spk_pruned *p)
{
	return p->node == old;
}

static spk_status keep_all(struct spk_arena *arena, struct spk_logical *l, struct spk_pruned *out, spk_error *err)
{
	out->node = l;
	out->at = SPK_NEW_ARRAY(arena, int, l->schema->count + 1);
	SPK_TRY_PTR(out->at, err);
	for (int i = 0; i < l->schema->count; i++)
		out->at[i] = i;
	return SPK_OK;
}

/* Numbers the kept columns in order and makes a schema of them; NULL *schema: all are kept. */
static spk_status keep_some(struct spk_arena *arena, const struct spk_logical *l, const bool *kept, struct spk_schema **schema, int **at, spk_error *err)
{
	int n = 0;

	*at = SPK_NEW_ARRAY(arena, int, l->schema->count + 1);
	SPK_TRY_PTR(*at, err);
	for (int i = 0; i < l->schema->count; i++)
		(*at)[i] = kept[i] ? n++ : -1;
	*schema = NULL;
	if (n == l->schema->count)
		return SPK_OK;
	*schema = SPK_NEW(arena, struct spk_schema);
	SPK_TRY_PTR(*schema, err);
	(*schema)->count = n;
	(*schema)->field = SPK_NEW_ARRAY(arena, struct spk_field, n + 1);
	SPK_TRY_PTR((*schema)->field, err);
	for (int i = 0; i < l->schema->count; i++)
		if (kept[i])
			(*schema)->field[(*at)[i]] = l->schema->field[i];
	return SPK_OK;
}

/* Column expressions over the pruned node, by old column. */
static spk_status moved_columns(struct spk_arena *arena, const struct spk_logical *old, const struct spk_pruned *p, struct spk_expr ***out, spk_error *err)
{
	struct spk_expr **by = SPK_NEW_ARRAY(arena, struct spk_expr *, old->schema->count + 1);

	SPK_TRY_PTR(by, err);
	for (int i = 0; i < old->schema->count; i++)
		if (p->at[i] >= 0)
			SPK_TRY_PTR(by[i] = spk_expr_column(arena, p->at[i], &old->schema->field[i]), err);
	*out = by;
	return SPK_OK;
}

static spk_status move_exprs(struct spk_arena *arena, struct spk_expr ***list, int count, struct spk_expr **by, spk_error *err)
{
	struct spk_expr **made = SPK_NEW_ARRAY(arena, struct spk_expr *, count + 1);

	SPK_TRY_PTR(made, err);
	for (int i = 0; i < count; i++)
		SPK_TRY_PTR(made[i] = spk_expr_substitute(arena, (*list)[i], by), err);
	*list = made;
	return SPK_OK;
}

/* --- one function per kind of node --- */

static spk_status prune_scan(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	bool *kept = no_columns(arena, l);
	struct spk_schema *schema;
	struct spk_expr **by;

	SPK_TRY_PTR(kept, err);
	memcpy(kept, needed, sizeof *kept * (size_t)l->schema->count);
	if (l->filter)
		spk_expr_columns(l->filter, need, kept);
	SPK_TRY(keep_some(arena, l, kept, &schema, &out->at, err));
	out->node = l;
	if (!schema)
		return SPK_OK;
	out->node = spk_arena_copy(arena, l, sizeof *l);
	SPK_TRY_PTR(out->node, err);
	out->node->schema = schema;
	out->node->column = SPK_NEW_ARRAY(arena, int, schema->count + 1);
	SPK_TRY_PTR(out->node->column, err);
	for (int i = 0; i < l->schema->count; i++)
		if (kept[i])
			out->node->column[out->at[i]] = l->column[i];
	if (!l->filter)
		return SPK_OK;
	SPK_TRY(moved_columns(arena, l, out, &by, err));
	SPK_TRY_PTR(out->node->filter = spk_expr_substitute(arena, l->filter, by), err);
	return SPK_OK;
}

static spk_status prune_values(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	struct spk_schema *schema;

	SPK_TRY(keep_some(arena, l, needed, &schema, &out->at, err));
	out->node = l;
	if (!schema)
		return SPK_OK;
	out->node = spk_arena_copy(arena, l, sizeof *l);
	SPK_TRY_PTR(out->node, err);
	out->node->schema = schema;
	out->node->value = SPK_NEW_ARRAY(arena, struct spk_expr *, (size_t)l->value_rows * (size_t)schema->count + 1);
	SPK_TRY_PTR(out->node->value, err);
	for (int r = 0; r < l->value_rows; r++)
		for (int i = 0; i < l->schema->count; i++)
			if (needed[i])
				out->node->value[r * schema->count + out->at[i]] = l->value[r * l->schema->count + i];
	return SPK_OK;
}

/* The input's columns under the names that the node gave them: at the top they are the result's. */
static spk_status renamed(struct spk_arena *arena, const struct spk_schema *in, const struct spk_schema *names, const int *at, const struct spk_schema **out, spk_error *err)
{
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);

	SPK_TRY_PTR(s, err);
	s->count = in->count;
	s->field = spk_arena_copy(arena, in->field, sizeof *in->field * (size_t)in->count);
	SPK_TRY_PTR(s->field, err);
	for (int i = 0; i < names->count; i++)
		if (at[i] >= 0)
			s->field[at[i]].name = names->field[i].name;
	*out = s;
	return SPK_OK;
}

/* FILTER, SORT, LIMIT: the input's columns and nothing else. */
static spk_status prune_through(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	struct spk_logical *in = l->input[0], *made;
	bool *below = no_columns(arena, in);
	struct spk_expr **by;

	SPK_TRY_PTR(below, err);
	memcpy(below, needed, sizeof *below * (size_t)in->schema->count);
	if (l->filter)
		spk_expr_columns(l->filter, need, below);
	for (int i = 0; i < l->sort_count; i++)
		spk_expr_columns(l->sort[i].expr, need, below);
	SPK_TRY(spk_prune(arena, in, below, out, err));
	if (is_same(in, out)) {
		out->node = l;
		return SPK_OK;
	}
	made = spk_logical_with(arena, l, &out->node);
	SPK_TRY_PTR(made, err);
	SPK_TRY(moved_columns(arena, in, out, &by, err));
	SPK_TRY(renamed(arena, out->node->schema, l->schema, out->at, &made->schema, err));
	if (l->filter)
		SPK_TRY_PTR(made->filter = spk_expr_substitute(arena, l->filter, by), err);
	if (l->sort_count) {
		made->sort = spk_arena_copy(arena, l->sort, sizeof *l->sort * (size_t)l->sort_count);
		SPK_TRY_PTR(made->sort, err);
	}
	for (int i = 0; i < l->sort_count; i++)
		SPK_TRY_PTR(made->sort[i].expr = spk_expr_substitute(arena, l->sort[i].expr, by), err);
	out->node = made;
	return SPK_OK;
}

static spk_status prune_project(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	struct spk_logical *in = l->input[0];
	bool *below = no_columns(arena, in);
	struct spk_schema *schema;
	struct spk_pruned p;
	struct spk_expr **by;
	int n = 0;

	SPK_TRY_PTR(below, err);
	for (int i = 0; i < l->expr_count; i++)
		if (needed[i])
			spk_expr_columns(l->expr[i], need, below);
	SPK_TRY(keep_some(arena, l, needed, &schema, &out->at, err));
	SPK_TRY(spk_prune(arena, in, below, &p, err));
	if (schema && schema->count == 0) {  /* rows are all that is wanted */
		out->node = p.node;
		return SPK_OK;
	}
	if (!schema && is_same(in, &p)) {
		out->node = l;
		return SPK_OK;
	}
	out->node = spk_arena_copy(arena, l, sizeof *l);
	SPK_TRY_PTR(out->node, err);
	out->node->input = spk_arena_copy(arena, &p.node, sizeof p.node);
	SPK_TRY_PTR(out->node->input, err);
	if (schema) {
		out->node->schema = schema;
		out->node->expr_count = schema->count;
		out->node->expr = SPK_NEW_ARRAY(arena, struct spk_expr *, schema->count);
		SPK_TRY_PTR(out->node->expr, err);
		for (int i = 0; i < l->expr_count; i++)
			if (needed[i])
				out->node->expr[n++] = l->expr[i];
	}
	SPK_TRY(moved_columns(arena, in, &p, &by, err));
	return move_exprs(arena, &out->node->expr, out->node->expr_count, by, err);
}

/* Expression i of a list of sets as the n-th of the new one; what sets share they still share. */
static spk_status move_shared(struct spk_arena *arena, struct spk_expr **to, int n, int to_columns, struct spk_expr *const *from, int i, int columns, struct spk_expr **by, spk_error *err)
{
	for (int k = i % columns, at = n % to_columns; k < i; k += columns, at += to_columns)
		if (from[k] == from[i]) {
			to[n] = to[at];
			return SPK_OK;
		}
	to[n] = spk_expr_substitute(arena, from[i], by);
	return to[n] ? SPK_OK : spk_fail_memory(err);
}

static spk_status prune_expand(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	struct spk_logical *in = l->input[0], *made;
	const int columns = l->schema->count;
	bool *below = no_columns(arena, in);
	struct spk_schema *schema;
	struct spk_pruned p;
	struct spk_expr **by;
	int n = 0;

	SPK_TRY_PTR(below, err);
	for (int i = 0; i < l->value_rows * columns; i++)
		if (needed[i % columns])
			spk_expr_columns(l->value[i], need, below);
	SPK_TRY(keep_some(arena, l, needed, &schema, &out->at, err));
	SPK_TRY(spk_prune(arena, in, below, &p, err));
	out->node = l;
	if (!schema && is_same(in, &p))
		return SPK_OK;
	out->node = made = spk_arena_copy(arena, l, sizeof *l);
	SPK_TRY_PTR(made, err);
	made->input = spk_arena_copy(arena, &p.node, sizeof p.node);
	SPK_TRY_PTR(made->input, err);
	made->schema = schema ? schema : l->schema;
	made->value = SPK_NEW_ARRAY(arena, struct spk_expr *, l->value_rows * columns);
	SPK_TRY_PTR(made->value, err);
	SPK_TRY(moved_columns(arena, in, &p, &by, err));
	for (int i = 0; i < l->value_rows * columns; i++)
		if (needed[i % columns])
			SPK_TRY(move_shared(arena, made->value, n++, made->schema->count, l->value, i, columns, by, err));
	return SPK_OK;
}

static spk_status prune_window(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	struct spk_logical *in = l->input[0], *made;
	int columns = in->schema->count;
	bool *kept = no_columns(arena, l);
	struct spk_schema *schema;
	struct spk_pruned p;

	SPK_TRY_PTR(kept, err);
	memcpy(kept, needed, sizeof *kept * (size_t)columns);
	kept[l->time_column] = true;
	for (int i = 0; i < l->partition_count; i++)
		kept[l->partition[i]] = true;
	SPK_TRY(spk_prune(arena, in, kept, &p, err));
	if (is_same(in, &p))
		return keep_all(arena, l, out, err);
	for (int i = 0; i < columns; i++)
		kept[i] = p.at[i] >= 0;
	for (int i = columns; i < columns + 3; i++)
		kept[i] = true;
	SPK_TRY(keep_some(arena, l, kept, &schema, &out->at, err));
	made = spk_logical_with(arena, l, &p.node);
	SPK_TRY_PTR(made, err);
	if (schema)
		made->schema = schema;
	made->time_column = p.at[l->time_column];
	made->partition = SPK_NEW_ARRAY(arena, int, l->partition_count + 1);
	SPK_TRY_PTR(made->partition, err);
	for (int i = 0; i < l->partition_count; i++)
		made->partition[i] = p.at[l->partition[i]];
	for (int i = 0; i < columns; i++)
		out->at[i] = p.at[i];
	for (int i = 0; i < 3; i++)
		out->at[columns + i] = p.node->schema->count + i;
	out->node = made;
	return SPK_OK;
}

/* Groups make the rows, so they stay; of a group without columns one aggregate does. */
static void choose_aggregates(const struct spk_logical *l, const bool *needed, bool *kept, bool *below)
{
	int n = 0;

	for (int i = 0; i < l->expr_count; i++) {
		kept[i] = true;
		spk_expr_columns(l->expr[i], need, below);
	}
	for (int i = 0; i < l->aggregate_count; i++) {
		bool keep = needed[l->expr_count + i] || (n == 0 && l->expr_count == 0 && i + 1 == l->aggregate_count);

		kept[l->expr_count + i] = keep;
		for (int k = 0; keep && k < l->aggregate[i].inputs; k++)
			spk_expr_columns(l->aggregate[i].input[k], need, below);
		if (keep && l->aggregate[i].filter)
			spk_expr_columns(l->aggregate[i].filter, need, below);
		n += keep;
	}
}

static spk_status prune_aggregate(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	struct spk_logical *in = l->input[0], *made;
	bool *below = no_columns(arena, in), *kept = no_columns(arena, l);
	struct spk_schema *schema;
	struct spk_pruned p;
	struct spk_expr **by;

	SPK_TRY_PTR(below, err);
	SPK_TRY_PTR(kept, err);
	choose_aggregates(l, needed, kept, below);
	SPK_TRY(keep_some(arena, l, kept, &schema, &out->at, err));
	SPK_TRY(spk_prune(arena, in, below, &p, err));
	out->node = l;
	if (!schema && is_same(in, &p))
		return SPK_OK;
	out->node = made = spk_arena_copy(arena, l, sizeof *l);
	SPK_TRY_PTR(made, err);
	made->input = spk_arena_copy(arena, &p.node, sizeof p.node);
	made->aggregate = SPK_NEW_ARRAY(arena, struct spk_aggregate_call, l->aggregate_count + 1);
	SPK_TRY_PTR(made->input, err);
	SPK_TRY_PTR(made->aggregate, err);
	if (schema)
		made->schema = schema;
	SPK_TRY(moved_columns(arena, in, &p, &by, err));
	SPK_TRY(move_exprs(arena, &made->expr, made->expr_count, by, err));
	made->aggregate_count = 0;
	for (int i = 0; i < l->aggregate_count; i++) {
		struct spk_aggregate_call *c = &made->aggregate[made->aggregate_count];

		if (!kept[l->expr_count + i])
			continue;
		*c = l->aggregate[i];
		SPK_TRY(move_exprs(arena, &c->input, c->inputs, by, err));
		if (c->filter)
			SPK_TRY_PTR(c->filter = spk_expr_substitute(arena, c->filter, by), err);
		made->aggregate_count++;
	}
	return SPK_OK;
}

/* Elements make the rows, so all sets stay; of the input's columns those that are needed. */
static spk_status prune_unnest(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	struct spk_logical *in = l->input[0], *made;
	int columns = in->schema->count;
	bool *kept = no_columns(arena, l);
	struct spk_schema *schema;
	struct spk_expr **by;
	struct spk_pruned p;

	SPK_TRY_PTR(kept, err);
	memcpy(kept, needed, sizeof *kept * (size_t)columns);
	for (int i = 0; i < l->expr_count; i++)
		spk_expr_columns(l->expr[i], need, kept);
	SPK_TRY(spk_prune(arena, in, kept, &p, err));
	if (is_same(in, &p))
		return keep_all(arena, l, out, err);
	for (int i = 0; i < l->schema->count; i++)
		kept[i] = i >= columns || p.at[i] >= 0;
	SPK_TRY(keep_some(arena, l, kept, &schema, &out->at, err));
	made = spk_logical_with(arena, l, &p.node);
	SPK_TRY_PTR(made, err);
	if (schema)
		made->schema = schema;
	SPK_TRY(moved_columns(arena, in, &p, &by, err));
	SPK_TRY(move_exprs(arena, &made->expr, l->expr_count, by, err));
	for (int i = 0; i < l->schema->count; i++)
		out->at[i] = i < columns ? p.at[i] : p.node->schema->count + i - columns;
	out->node = made;
	return SPK_OK;
}

/* A branch with just the kept columns in their order. */
static spk_status select_kept(struct spk_arena *arena, const struct spk_logical *old, const struct spk_pruned *p, const struct spk_schema *schema, const bool *kept, struct spk_logical **out, spk_error *err)
{
	struct spk_expr **by, **expr = SPK_NEW_ARRAY(arena, struct spk_expr *, schema->count + 1);
	bool same = p->node->schema->count == schema->count;
	int n = 0;

	SPK_TRY_PTR(expr, err);
	SPK_TRY(moved_columns(arena, old, p, &by, err));
	for (int i = 0; i < old->schema->count; i++) {
		if (!kept[i])
			continue;
		same = same && p->at[i] == n;
		expr[n++] = by[i];
	}
	*out = p->node;
	if (same)
		return SPK_OK;
	*out = spk_logical_new(arena, SPK_LOGICAL_PROJECT, schema, &p->node, 1);
	SPK_TRY_PTR(*out, err);
	(*out)->expr = expr;
	(*out)->expr_count = schema->count;
	return SPK_OK;
}

static spk_status prune_union(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	struct spk_logical **input = SPK_NEW_ARRAY(arena, struct spk_logical *, l->inputs);
	struct spk_schema *schema;
	const struct spk_schema *want;

	SPK_TRY_PTR(input, err);
	SPK_TRY(keep_some(arena, l, needed, &schema, &out->at, err));
	want = schema ? schema : l->schema;
	for (int k = 0; k < l->inputs; k++) {
		struct spk_pruned p;

		SPK_TRY(spk_prune(arena, l->input[k], needed, &p, err));
		SPK_TRY(select_kept(arena, l->input[k], &p, want, needed, &input[k], err));
	}
	out->node = spk_logical_with(arena, l, input);
	SPK_TRY_PTR(out->node, err);
	if (schema && out->node == l) {
		out->node = spk_arena_copy(arena, l, sizeof *l);
		SPK_TRY_PTR(out->node, err);
	}
	if (schema)
		out->node->schema = schema;
	return SPK_OK;
}

/* Inputs stay as wide as they are, but what is below them may shrink: sinks, and nodes that have no rule of their own. */
static spk_status prune_below(struct spk_arena *arena, struct spk_logical *l, struct spk_pruned *out, spk_error *err)
{
	struct spk_logical **input = SPK_NEW_ARRAY(arena, struct spk_logical *, l->inputs + 1);

	SPK_TRY_PTR(input, err);
	for (int k = 0; k < l->inputs; k++) {
		struct spk_logical *in = l->input[k];
		bool *all = no_columns(arena, in);
		struct spk_pruned p;

		SPK_TRY_PTR(all, err);
		for (int i = 0; i < in->schema->count; i++)
			all[i] = true;
		SPK_TRY(spk_prune(arena, in, all, &p, err));
		input[k] = p.node;
	}
	SPK_TRY(keep_all(arena, l, out, err));
	out->node = spk_logical_with(arena, l, input);
	SPK_TRY_PTR(out->node, err);
	return SPK_OK;
}

spk_status spk_prune(struct spk_arena *arena, struct spk_logical *l, const bool *needed, struct spk_pruned *out, spk_error *err)
{
	switch (l->kind) {
	case SPK_LOGICAL_SCAN: return prune_scan(arena, l, needed, out, err);
	case SPK_LOGICAL_VALUES: return prune_values(arena, l, needed, out, err);
	case SPK_LOGICAL_PROJECT: return prune_project(arena, l, needed, out, err);
	case SPK_LOGICAL_WINDOW: return prune_window(arena, l, needed, out, err);
	case SPK_LOGICAL_AGGREGATE: return prune_aggregate(arena, l, needed, out, err);
	case SPK_LOGICAL_UNNEST: return prune_unnest(arena, l, needed, out, err);
	case SPK_LOGICAL_UNION: return prune_union(arena, l, needed, out, err);
	case SPK_LOGICAL_FILTER:
	case SPK_LOGICAL_SORT:
	case SPK_LOGICAL_LIMIT: return prune_through(arena, l, needed, out, err);
	case SPK_LOGICAL_JOIN: return spk_prune_join(arena, l, needed, out, err);
	case SPK_LOGICAL_EXPAND: return prune_expand(arena, l, needed, out, err);
	case SPK_LOGICAL_OVER: return spk_prune_over(arena, l, needed, out, err);
	case SPK_LOGICAL_SINK:
	case SPK_LOGICAL_SHARED:
	case SPK_LOGICAL_RECURSIVE:
	case SPK_LOGICAL_WORK_TABLE:
	case SPK_LOGICAL_CALLBACK:
	case SPK_LOGICAL_REPARTITION: return prune_below(arena, l, out, err);
	}
	return keep_all(arena, l, out, err);
}

spk_status spk_rule_column_pruning(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	bool *all = SPK_NEW_ARRAY(arena, bool, root->schema->count + 1);
	struct spk_pruned p;

	SPK_TRY_PTR(all, err);
	for (int i = 0; i < root->schema->count; i++)
		all[i] = true;
	SPK_TRY(spk_prune(arena, root, all, &p, err));
	*out = p.node;
	return SPK_OK;
}
