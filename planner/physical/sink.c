/*
 * Sinks: rows in the table's column order; changes only into sinks that can take them; rows of one primary key in one task, so
 * that the last change of an epoch wins.
 *
 * 'sink.output-mode' says which of them a table wants: append (new rows only), update (by key), delta (rows with weights), complete (the whole result
 * of an epoch that changed it; kept as state by RECOMPUTE, without operators inside). Without it: by key where the sink can, else as weighted rows.
 */
#include "planner/physical/build.h"

#include <string.h>

#include "core/base/check.h"

/* What a sink can take, and what is asked for. */
struct takes { const char *mode; bool upserts, deltas; };

static bool mode_is(const struct takes *takes, const char *mode) { return takes->mode && strcmp(takes->mode, mode) == 0; }

static spk_status plan_error(const struct spk_logical *l, spk_error *err)
{
	if (err)
		err->position = l->position;
	return SPK_PLAN;
}

/* The mode as far as the sink can do it. */
static spk_status ask_sink(struct spk_build *b, const struct spk_logical *l, struct takes *out, spk_error *err)
{
	const struct spk_table *t = l->table;

	*out = (struct takes){ .mode = spk_table_option(t, "sink.output-mode") };
	if (b->options->sink_takes)
		SPK_TRY(b->options->sink_takes(t, &out->upserts, &out->deltas, b->options->user, err));
	out->upserts = out->upserts && t->key_count > 0;
	if (mode_is(out, "update") && !out->upserts) {
		spk_fail(err, SPK_PLAN, "sink \"%s\" cannot take changes by key ('sink.output-mode' = 'update')", t->name);
		spk_hint(err, t->key_count ? "Connector '%s' only adds rows: leave the mode out, or use 'upsert-kafka'." : "Give it a PRIMARY KEY.", t->connector);
		return plan_error(l, err);
	}
	if (mode_is(out, "delta") && !out->deltas) {
		spk_fail(err, SPK_PLAN, "sink \"%s\" cannot take rows with weights ('sink.output-mode' = 'delta')", t->name);
		spk_hint(err, "'format' = 'debezium-json' can: an envelope says whether its row comes or goes.");
		return plan_error(l, err);
	}
	if (mode_is(out, "append") || mode_is(out, "delta"))
		out->upserts = false;
	if (mode_is(out, "append") || mode_is(out, "update"))
		out->deltas = false;
	return SPK_OK;
}

static spk_status check_changes(const struct spk_logical *l, bool retracts, const struct takes *takes, spk_error *err)
{
	const struct spk_table *t = l->table;

	if (!retracts || takes->upserts || takes->deltas)
		return SPK_OK;
	spk_fail(err, SPK_PLAN, "the query of sink \"%s\" takes rows back (its results change), but the sink only takes new rows", t->name);
	if (t->key_count)
		spk_hint(err, "Connector '%s' does not write by key: use 'upsert-kafka', 'format' = 'debezium-json' for before/after envelopes, 'sink.output-mode' = 'complete' for the whole result, "
			      "or aggregate by a window of a table with a WATERMARK, so that results are final.", t->connector);
	else
		spk_hint(err, "Give \"%s\" a PRIMARY KEY (and 'connector' = 'upsert-kafka' or a Kafka sink) to get upserts, use 'format' = 'debezium-json' for "
			      "before/after envelopes, or aggregate by a window of a table with a WATERMARK, so that results are final.", t->name);
	return plan_error(l, err);
}

/* --- the whole result of every epoch that changes it --- */

static spk_status build_complete(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, spk_error *err)
{
	const struct spk_recompute r = { .l = l, .closing = { .key = -1 }, .complete = true, .what = "complete" };
	const struct spk_ports in = *ports;

	return spk_build_recompute(b, &r, &in, ports, err);
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

/* What changes of each key, netted and together. */
static spk_status build_fold(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *node = spk_build_node(b, SPK_PHYSICAL_FOLD_CHANGES, l->table->schema, ports, l);

	SPK_TRY_PTR(node, err);
	node->key_count = l->table->key_count;
	node->key = l->table->key;
	*ports = spk_build_port(b, node, true);
	SPK_TRY_PTR(ports->node, err);
	return SPK_OK;
}

spk_status spk_build_sink(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, spk_error *err)
{
	struct spk_ports ports = *in;
	struct spk_physical *node;
	struct spk_expr **expr = NULL;
	struct takes takes;
	bool same = false, complete, nets;

	SPK_TRY(ask_sink(b, l, &takes, err));
	complete = mode_is(&takes, "complete") && b->options->streaming;
	SPK_TRY(table_columns(b, l, &expr, &same, err));
	if (!same)
		SPK_TRY(spk_build_project(b, l, l->table->schema, expr, &ports, err));
	if (complete)
		SPK_TRY(build_complete(b, l, &ports, err));
	SPK_TRY(check_changes(l, ports.retracts, &takes, err));
	takes.upserts = takes.upserts && !complete;
	nets = !takes.upserts && ports.retracts && l->table->key_count > 0 && b->options->streaming;
	if ((takes.upserts || nets) && !keyed_alike(l))
		SPK_TRY(spk_build_exchange(b, &ports, l->table->key, l->table->key_count, -1, &ports, err));
	if (nets)
		SPK_TRY(build_fold(b, l, &ports, err));
	node = spk_build_node(b, SPK_PHYSICAL_SINK, l->table->schema, &ports, l);
	SPK_TRY_PTR(node, err);
	node->sink = b->plan->sinks++;
	if (takes.upserts) {
		node->key_count = l->table->key_count;
		node->key = l->table->key;
	}
	b->plan->sink[node->sink] = (struct spk_plan_sink){ .table = l->table, .schema = l->table->schema, .retracts = ports.retracts, .node = node };
	return SPK_OK;
}
