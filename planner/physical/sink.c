/*
 * Sinks: rows in the table's column order; changes only into sinks that can take them; rows of one primary key in one task, so
 * that the last change of an epoch wins.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

static spk_status check_changes(struct spk_build *b, const struct spk_logical *l, bool retracts, bool *upserts, spk_error *err)
{
	const struct spk_table *t = l->table;
	bool deltas = false;

	*upserts = false;
	if (b->options->sink_takes)
		SPK_TRY(b->options->sink_takes(t, upserts, &deltas, b->options->user, err));
	*upserts = *upserts && t->key_count > 0;
	if (!retracts || *upserts || deltas)
		return SPK_OK;
	spk_fail(err, SPK_PLAN, "the query of sink \"%s\" takes rows back (its results change), but the sink only takes new rows", t->name);
	spk_hint(err, "Give \"%s\" a PRIMARY KEY (and 'connector' = 'upsert-kafka' or a Kafka sink) to get upserts, use 'format' = 'debezium-json' for "
		      "before/after envelopes, or aggregate by a window of a table with a WATERMARK, so that results are final.", t->name);
	if (err)
		err->position = l->position;
	return SPK_PLAN;
}

/* All columns of the table in order: missing ones are NULL. *same: the input has just them. */
static spk_status table_columns(struct spk_build *b, const struct spk_logical *l, struct spk_expr ***out, bool *same, spk_error *err)
{
	const struct spk_schema *in = l->input[0]->schema, *want = l->table->schema;
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, want->count);

	SPK_TRY_PTR(expr, err);
	*same = in->count == want->count;
	for (int i = 0; i < in->count; i++) {
		int to = l->column ? l->column[i] : i;

		*same = *same && to == i;
		expr[to] = spk_expr_column(b->arena, i, &in->field[i]);
		SPK_TRY_PTR(expr[to], err);
	}
	for (int i = 0; i < want->count; i++) {
		if (expr[i])
			continue;
		expr[i] = spk_expr_literal(b->arena, (struct spk_value){ .type = want->field[i].type, .null = true });
		SPK_TRY_PTR(expr[i], err);
	}
	*out = expr;
	return SPK_OK;
}

/*
 * True when the rows of a primary key are in one task already: the query's unique key is just that key, and an aggregate brought its
 * rows together. (A key that a source declares says nothing about which partition its rows are in.)
 */
static bool keyed_alike(const struct spk_logical *l)
{
	const struct spk_properties *p = &l->input[0]->properties;
	const struct spk_logical *from = l->input[0];
	const struct spk_table *t = l->table;

	while (from->kind == SPK_LOGICAL_FILTER || from->kind == SPK_LOGICAL_PROJECT)
		from = from->input[0];
	if (from->kind != SPK_LOGICAL_AGGREGATE || p->key_count == 0 || p->key_count != t->key_count)
		return false;
	for (int i = 0; i < p->key_count; i++) {
		int column = l->column ? l->column[p->key[i]] : p->key[i];
		bool found = false;

		for (int k = 0; k < t->key_count; k++)
			found = found || t->key[k] == column;
		if (!found)
			return false;
	}
	return true;
}

spk_status spk_build_sink(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, spk_error *err)
{
	struct spk_ports ports = *in;
	struct spk_physical *node;
	struct spk_expr **expr = NULL;
	bool upserts = false, same = false;

	SPK_TRY(check_changes(b, l, in->retracts, &upserts, err));
	SPK_TRY(table_columns(b, l, &expr, &same, err));
	if (!same)
		SPK_TRY(spk_build_project(b, l, l->table->schema, expr, &ports, err));
	if (upserts && !keyed_alike(l))
		SPK_TRY(spk_build_exchange(b, &ports, l->table->key, l->table->key_count, -1, &ports, err));
	node = spk_build_node(b, SPK_PHYSICAL_SINK, l->table->schema, &ports, l);
	SPK_TRY_PTR(node, err);
	node->sink = b->plan->sinks++;
	if (upserts) {
		node->key_count = l->table->key_count;
		node->key = l->table->key;
	}
	b->plan->sink[node->sink] = (struct spk_plan_sink){ .table = l->table, .schema = l->table->schema, .retracts = in->retracts, .node = node };
	return SPK_OK;
}
