/*
 * Window functions: rows of one partition come together in one task, sorted by partition and order, and OVER goes along them.
 * Partition expressions that are no columns are computed in front and taken off behind.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

/* Columns of the partition; computed ones are appended to `node`'s output by a projection. */
static spk_status partition_columns(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, int *column, spk_error *err)
{
	const struct spk_schema *in = l->input[0]->schema;
	struct spk_schema *schema = SPK_NEW(b->arena, struct spk_schema);
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, in->count + l->expr_count);

	SPK_TRY_PTR(schema && expr, err);
	schema->field = SPK_NEW_ARRAY(b->arena, struct spk_field, in->count + l->expr_count);
	SPK_TRY_PTR(schema->field, err);
	for (; schema->count < in->count; schema->count++) {
		schema->field[schema->count] = in->field[schema->count];
		SPK_TRY_PTR(expr[schema->count] = spk_expr_column(b->arena, schema->count, &in->field[schema->count]), err);
	}
	for (int i = 0; i < l->expr_count; i++) {
		column[i] = l->expr[i]->kind == SPK_EXPR_COLUMN ? l->expr[i]->column : schema->count;
		if (column[i] < schema->count)
			continue;
		schema->field[schema->count] = (struct spk_field){ spk_arena_printf(b->arena, "partition%d", i + 1), l->expr[i]->type, true };
		SPK_TRY_PTR(schema->field[schema->count].name, err);
		expr[schema->count++] = l->expr[i];
	}
	return schema->count == in->count ? SPK_OK : spk_build_project(b, l, schema, expr, ports, err);
}

/* Sorted by partition, then by the window's order. */
static spk_status sort_input(struct spk_build *b, const struct spk_logical *l, struct spk_expr *const *partition, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *node;

	if (l->expr_count + l->sort_count == 0)
		return SPK_OK;
	node = spk_build_node(b, SPK_PHYSICAL_SORT, ports->node[0]->schema, ports, l);
	SPK_TRY_PTR(node, err);
	node->sort = SPK_NEW_ARRAY(b->arena, struct spk_sort_key, l->expr_count + l->sort_count);
	SPK_TRY_PTR(node->sort, err);
	for (int i = 0; i < l->expr_count; i++)
		node->sort[node->sort_count++] = (struct spk_sort_key){ .expr = partition[i] };
	for (int i = 0; i < l->sort_count; i++)
		node->sort[node->sort_count++] = l->sort[i];
	*ports = spk_build_port(b, node, false);
	SPK_TRY_PTR(ports->node, err);
	return SPK_OK;
}

spk_status spk_build_over_drop(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, spk_error *err)
{
	int before = l->input[0]->schema->count, more = ports->node[0]->schema->count - l->schema->count;
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, l->schema->count);

	SPK_TRY_PTR(expr, err);
	for (int i = 0; i < l->schema->count; i++)
		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, i < before ? i : i + more, &l->schema->field[i]), err);
	return spk_build_project(b, l, l->schema, expr, ports, err);
}

static spk_status over_schema(struct spk_build *b, const struct spk_logical *l, const struct spk_schema *in, const struct spk_schema **out, spk_error *err)
{
	struct spk_schema *s = SPK_NEW(b->arena, struct spk_schema);

	*out = l->schema;
	if (in->count + l->calls == l->schema->count)
		return SPK_OK;
	SPK_TRY_PTR(s, err);
	s->count = in->count + l->calls;
	s->field = SPK_NEW_ARRAY(b->arena, struct spk_field, s->count);
	SPK_TRY_PTR(s->field, err);
	memcpy(s->field, in->field, sizeof *in->field * (size_t)in->count);
	memcpy(s->field + in->count, l->schema->field + l->schema->count - l->calls, sizeof *s->field * (size_t)l->calls);
	*out = s;
	return SPK_OK;
}

/*
 * Brings the rows of a partition together. Those that are on one task already need no exchange. *known: which rows are together then, as far as the
 * partition is made of the input's columns.
 */
static spk_status bring_together(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, const int *column, struct spk_ports *ports, struct spk_partitioning *known, spk_error *err)
{
	int *order = SPK_NEW_ARRAY(b->arena, int, in->partitioned.keys + 1);
	struct spk_partition_key *key = SPK_NEW_ARRAY(b->arena, struct spk_partition_key, l->expr_count + 1);
	bool single = spk_build_is_single(b, ports);

	SPK_TRY_PTR(order && key, err);
	*known = in->partitioned;
	known->sort_count = 0;
	if (single || (l->expr_count && spk_partitioned_within(&in->partitioned, l->expr, l->expr_count, order)))
		return SPK_OK;
	for (int i = 0; i < l->expr_count; i++)
		key[i] = (struct spk_partition_key){ 1, column + i };
	*known = (struct spk_partitioning){ .keys = l->expr_count, .key = key };
	return spk_build_exchange(b, ports, column, l->expr_count, -1, ports, err);
}

spk_status spk_build_over(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	int *column = SPK_NEW_ARRAY(b->arena, int, l->expr_count + 1);
	struct spk_expr **partition = SPK_NEW_ARRAY(b->arena, struct spk_expr *, l->expr_count + 1);
	const struct spk_schema *schema;
	struct spk_partitioning known;
	struct spk_physical *node;

	*out = *in;
	SPK_TRY_PTR(column && partition, err);
	SPK_TRY(partition_columns(b, l, out, column, err));
	SPK_TRY(bring_together(b, l, in, column, out, &known, err));
	for (int i = 0; i < l->expr_count; i++)
		SPK_TRY_PTR(partition[i] = spk_expr_column(b->arena, column[i], &out->node[0]->schema->field[column[i]]), err);
	SPK_TRY(sort_input(b, l, partition, out, err));
	SPK_TRY(over_schema(b, l, out->node[0]->schema, &schema, err));
	node = spk_build_node(b, SPK_PHYSICAL_OVER, schema, out, l);
	SPK_TRY_PTR(node, err);
	node->expr = partition;
	node->expr_count = l->expr_count;
	node->sort = l->sort;
	node->sort_count = l->sort_count;
	node->call = l->call;
	node->calls = l->calls;
	*out = spk_build_port(b, node, false);
	SPK_TRY_PTR(out->node, err);
	if (schema == l->schema)
		out->partitioned = known;
	return schema == l->schema ? SPK_OK : spk_build_over_drop(b, l, out, err);
}
