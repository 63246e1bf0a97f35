/*
 * Window functions in the order of event time, in a stream: rows are held until the watermark has passed their time (HOLD), then they are computed once, with what is kept of
 * those before them (TIME_OVER), or from the values of the row before (RUNNING_OVER). The first rows of partitions in that order need but the hold: what comes later never displaces them (top_n.c).
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

bool spk_build_goes_by_time(const struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in)
{
	return b->options->emit != SPK_EMIT_ON_UPDATE && !in->retracts && spk_over_time_column(l) >= 0;
}

static spk_status put_columns(const struct spk_schema *in, const struct spk_over_keys *keys, struct spk_buffer *text, spk_error *err)
{
	char type[64];

	for (int i = 0; i < in->count; i++)
		SPK_TRY(spk_buffer_printf(text, err, "%s %s %s", i ? "," : "", in->field[i].name, spk_type_format(in->field[i].type, type, sizeof type)));
	SPK_TRY(spk_buffer_append_str(text, "; by", err));
	for (int i = 0; i < keys->count; i++)
		SPK_TRY(spk_buffer_printf(text, err, " %d", keys->column[i]));
	return SPK_OK;
}

static spk_status put_call(const struct spk_window_call *c, struct spk_buffer *text, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(text, err, "; %s %s", c->frame.mode == SPK_FRAME_ROWS ? "rows" : "range", c->function == SPK_WINDOW_FUNCTION_AGGREGATE ? "" : spk_window_function_name(c->function)));
	return c->function == SPK_WINDOW_FUNCTION_AGGREGATE ? spk_build_call_meaning(&c->aggregate, text, err) : SPK_OK;
}

static spk_status name_state(struct spk_build *b, struct spk_physical *node, const char *what, const struct spk_over_keys *keys, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_buffer_append_str(&text, node->kind == SPK_PHYSICAL_HOLD ? "rows by time" : "rows before, by time", err);

	if (status == SPK_OK)
		status = put_columns(node->input[0]->schema, keys, &text, err);
	if (status == SPK_OK && node->kind == SPK_PHYSICAL_HOLD)
		status = spk_buffer_printf(&text, err, "; time %d", node->time_column);
	if (status == SPK_OK && node->inner)
		status = spk_buffer_printf(&text, err, "; %lld rows, %lld us; ", (long long)node->limit, (long long)node->window_size_us);
	if (status == SPK_OK && node->inner)
		status = spk_physical_format_chain(node->inner, &text, err);
	for (int i = 0; i < node->calls && status == SPK_OK; i++)
		status = put_call(&node->call[i], &text, err);
	if (status == SPK_OK)
		status = spk_build_state(b, node, what, &text, err);
	spk_buffer_release(&text);
	return status;
}

spk_status spk_build_hold(struct spk_build *b, const struct spk_logical *l, const struct spk_over_keys *keys, struct spk_ports *ports, spk_error *err)
{
	const struct spk_schema *schema = ports->node[0]->schema;
	const int column = spk_over_time_column(l);
	struct spk_physical *node;

	SPK_TRY(spk_build_late(b, l, column, 0, true, ports, err));
	SPK_TRY(spk_build_exchange(b, ports, keys->column, keys->count, -1, ports, err));
	node = spk_build_node(b, SPK_PHYSICAL_HOLD, schema, ports, l);
	SPK_TRY_PTR(node, err);
	node->left = schema;
	node->key = keys->column;
	node->key_count = keys->count;
	node->time_column = column;
	node->bound = SPK_BOUND_TIME;
	spk_build_time(b, l, node);
	SPK_TRY(name_state(b, node, "hold", keys, err));
	*ports = spk_build_port(b, node, false);
	return ports->node ? SPK_OK : spk_fail_memory(err);
}

/* The node over the input's columns and whether a row is new. */
static spk_status over_flagged(struct spk_build *b, const struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	const struct spk_schema *in = l->input[0]->schema;
	struct spk_schema *below = SPK_NEW(b->arena, struct spk_schema), *above = SPK_NEW(b->arena, struct spk_schema);
	struct spk_logical *n = spk_logical_clone(b->arena, l);

	SPK_TRY_PTR(below && above && n, err);
	*below = (struct spk_schema){ in->count + 1, SPK_NEW_ARRAY(b->arena, struct spk_field, in->count + 1) };
	*above = (struct spk_schema){ l->schema->count + 1, SPK_NEW_ARRAY(b->arena, struct spk_field, l->schema->count + 1) };
	SPK_TRY_PTR(below->field && above->field && (n->input[0] = spk_logical_clone(b->arena, l->input[0])), err);
	memcpy(below->field, in->field, sizeof *in->field * (size_t)in->count);
	below->field[in->count] = (struct spk_field){ "new", spk_type(SPK_TYPE_BOOLEAN), false };
	memcpy(above->field, below->field, sizeof *in->field * (size_t)below->count);
	memcpy(above->field + below->count, l->schema->field + in->count, sizeof *in->field * (size_t)l->calls);
	n->input[0]->schema = below;
	n->schema = above;
	*out = n;
	return SPK_OK;
}

/* With what is kept of the rows before. */
static spk_status look_back(struct spk_build *b, const struct spk_logical *n, struct spk_over_reach reach, struct spk_physical *node, spk_error *err)
{
	struct spk_logical *flagged = NULL;
	const struct spk_schema *schema;

	SPK_TRY(over_flagged(b, n, &flagged, err));
	node->limit = reach.rows;
	node->window_size_us = reach.time_us;
	node->bound = reach.rows < 0 ? SPK_BOUND_NOTHING : SPK_BOUND_KEY;
	return spk_build_inner_plan(b, flagged, spk_build_over, flagged->input[0]->schema, &node->inner, &schema, err);
}

spk_status spk_build_time_over(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	const struct spk_over_reach reach = spk_over_reach_of(l);
	const bool runs = reach.rows < 0 && spk_over_runs(l);
	struct spk_logical *n = NULL;
	struct spk_over_keys keys;
	struct spk_physical *node;

	*out = *in;
	SPK_TRY(spk_build_over_columns(b, l, out, &n, &keys, err));
	SPK_TRY(spk_build_hold(b, l, &keys, out, err));
	node = spk_build_node(b, runs ? SPK_PHYSICAL_RUNNING_OVER : SPK_PHYSICAL_TIME_OVER, n->schema, out, l);
	SPK_TRY_PTR(node, err);
	node->left = node->schema;
	node->key = keys.column;
	node->key_count = keys.count;
	node->call = n->call;
	node->calls = n->calls;
	node->bound = SPK_BOUND_KEY;
	if (!runs)
		SPK_TRY(look_back(b, n, reach, node, err));
	SPK_TRY(spk_build_order(b, n, node, err));
	SPK_TRY(name_state(b, node, runs ? "running" : "over", &keys, err));
	*out = spk_build_port(b, node, false);
	SPK_TRY_PTR(out->node, err);
	return n->schema->count > l->schema->count ? spk_build_over_drop(b, l, out, err) : SPK_OK;
}
