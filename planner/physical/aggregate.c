/*
 * Aggregation: rows are folded per task before the exchange (PARTIAL), then merged by key behind it. In a stream the merging
 * side keeps state: by window when the group has a window bound of a watermarked source (final rows at the close), else by key
 * (changes every epoch).
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

/* Index of the group expression that is a window bound of the input, and what to add to it to get the window's end; -1: none. */
static int find_window_key(const struct spk_logical *l, int64_t *add_us)
{
	const struct spk_properties *p = &l->input[0]->properties;
	const struct spk_logical *w = l->input[0];

	for (int i = 0; i < l->expr_count; i++) {
		if (l->expr[i]->kind != SPK_EXPR_COLUMN || p->window_end < 0)
			continue;
		if (l->expr[i]->column == p->window_end) {
			*add_us = 0;
			return i;
		}
	}
	while (w->kind != SPK_LOGICAL_WINDOW && w->inputs)
		w = w->input[0];
	for (int i = 0; i < l->expr_count; i++)
		if (l->expr[i]->kind == SPK_EXPR_COLUMN && p->window_start >= 0 && l->expr[i]->column == p->window_start &&
		    w->kind == SPK_LOGICAL_WINDOW) {
			*add_us = w->window_size_us;
			return i;
		}
	return -1;
}

/* What PARTIAL hands on: the encoded group, its hash and the state row; only the emitting side decodes the group again. */
static struct spk_schema *partial_schema(struct spk_build *b)
{
	static const struct { const char *name; enum spk_type_id type; } column[] = {
		{ "key", SPK_TYPE_BYTEA }, { "hash", SPK_TYPE_BIGINT }, { "state", SPK_TYPE_BYTEA },
	};
	struct spk_schema *s = SPK_NEW(b->arena, struct spk_schema);

	if (!s || !(s->field = SPK_NEW_ARRAY(b->arena, struct spk_field, SPK_COUNT_OF(column))))
		return NULL;
	for (size_t i = 0; i < SPK_COUNT_OF(column); i++)
		s->field[s->count++] = (struct spk_field){ column[i].name, spk_type(column[i].type), false };
	return s;
}

static void copy_aggregates(struct spk_physical *node, const struct spk_logical *l, struct spk_aggregate_call *calls, int state_size)
{
	node->expr_count = l->expr_count;
	node->expr = l->expr;
	node->aggregate_count = l->aggregate_count;
	node->aggregate = calls;
	node->empty_sets = l->empty_sets;
	node->empty_set = l->empty_set;
	node->state_size = state_size;
}

/* What a stream cannot keep up to date. */
static spk_status check_calls(const struct spk_logical *l, bool streaming, bool retracting, spk_error *err)
{
	for (int i = 0; i < l->aggregate_count; i++) {
		const struct spk_aggregate_call *c = &l->aggregate[i];

		if (streaming && c->distinct) {
			spk_fail(err, SPK_UNSUPPORTED, "%s(DISTINCT ...) in a stream is not supported yet", c->aggregate->name);
			spk_hint(err, "Group by the value in a subquery first, then aggregate its rows.");
		} else if (streaming && c->step != c->aggregate) {
			spk_fail(err, SPK_UNSUPPORTED, "%s(... ORDER BY ...) in a stream is not supported yet", c->aggregate->name);
		} else if (retracting && !c->step->retract) {
			spk_fail(err, SPK_UNSUPPORTED, "%s over rows that can be taken back (its input is an updating query) is not supported yet", c->aggregate->name);
			spk_hint(err, "count, sum and avg can take rows back; or aggregate by window, so that the input is final.");
		} else {
			continue;
		}
		if (err)
			err->position = c->position;
		return SPK_UNSUPPORTED;
	}
	return SPK_OK;
}

static spk_status put_call(const struct spk_aggregate_call *c, struct spk_buffer *out, spk_error *err)
{
	char type[64];

	SPK_TRY(spk_buffer_append_str(out, "; ", err));
	SPK_TRY(spk_aggregate_format(c, out, err));
	if (c->filter) {
		SPK_TRY(spk_buffer_append_str(out, " filter (", err));
		SPK_TRY(spk_expr_format(c->filter, out, err));
		SPK_TRY(spk_buffer_append_str(out, ")", err));
	}
	for (int i = 0; i < c->inputs; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s%s", i ? ", " : " ", spk_type_format(c->input[i]->type, type, sizeof type)));
	return SPK_OK;
}

/* What the state means, for the verdict when a job starts with another query: how it is kept, groups and aggregates with their types. */
static spk_status put_meaning(const struct spk_physical *node, const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	char type[64];

	SPK_TRY(spk_buffer_append_str(out, node->window_key >= 0 ? "by window, group " : "group ", err));
	for (int i = 0; i < l->expr_count; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? ", " : "", err));
		SPK_TRY(spk_expr_format(l->expr[i], out, err));
		SPK_TRY(spk_buffer_printf(out, err, " %s", spk_type_format(l->expr[i]->type, type, sizeof type)));
	}
	for (int i = 0; i < l->aggregate_count; i++)
		SPK_TRY(put_call(&l->aggregate[i], out, err));
	return SPK_OK;
}

/* Tables are numbered by root, so that an INSERT more or less does not rename those of the others; two INSERTs may have one target. */
static const char *name_state(struct spk_build *b)
{
	size_t n = strlen(b->root_name);
	int number = 1;

	for (int i = 0; i < b->plan->nodes; i++) {
		const char *name = b->plan->node[i]->state_table;

		number += name && strncmp(name, b->root_name, n) == 0 && strncmp(name + n, ".aggregate-", 11) == 0;
	}
	return spk_arena_printf(b->arena, "%s.aggregate-%d", b->root_name, number);
}

static spk_status describe_state(struct spk_build *b, struct spk_physical *node, const struct spk_logical *l, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = put_meaning(node, l, &text, err);

	if (status == SPK_OK) {
		node->fingerprint = spk_arena_strndup(b->arena, text.data, text.size);
		node->state_table = name_state(b);
		if (!node->fingerprint || !node->state_table)
			status = spk_fail_memory(err);
	}
	spk_buffer_release(&text);
	return status;
}

static spk_status add_late_filter(struct spk_build *b, const struct spk_logical *l, int window_key, int64_t add_us, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *late = spk_build_node(b, SPK_PHYSICAL_LATE, l->input[0]->schema, ports, l);

	SPK_TRY_PTR(late, err);
	late->window_key = l->expr[window_key]->column;
	late->window_add_us = add_us;
	late->time_sources = spk_build_time_sources(b, l);
	*ports = spk_build_port(b, late, ports->retracts);
	SPK_TRY_PTR(ports->node, err);
	return SPK_OK;
}

spk_status spk_build_aggregate(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	struct spk_aggregate_call *calls = spk_arena_copy(b->arena, l->aggregate, sizeof *calls * (size_t)l->aggregate_count);
	bool streaming = b->options->streaming;
	int64_t add_us = 0;
	int window_key = streaming ? find_window_key(l, &add_us) : -1;
	bool watermarked = window_key >= 0 && l->properties.bound == SPK_BOUND_TIME;
	bool on_close = watermarked && b->options->emit != SPK_EMIT_ON_UPDATE;
	struct spk_ports ports = *in;
	struct spk_physical *node;
	int state_size;

	SPK_TRY_PTR(calls, err);
	SPK_TRY(check_calls(l, streaming, in->retracts, err));
	state_size = spk_aggregate_layout(calls, l->aggregate_count);
	if (on_close)
		SPK_TRY(add_late_filter(b, l, window_key, add_us, &ports, err));

	struct spk_schema *partial = partial_schema(b);

	SPK_TRY_PTR(partial, err);
	node = spk_build_node(b, SPK_PHYSICAL_PARTIAL_AGGREGATE, partial, &ports, l);
	SPK_TRY_PTR(node, err);
	copy_aggregates(node, l, calls, state_size);
	node->window_key = on_close ? window_key : -1;
	node->retracts = false;
	ports = spk_build_port(b, node, false);
	SPK_TRY_PTR(ports.node, err);
	SPK_TRY(spk_build_exchange(b, &ports, NULL, 0, l->expr_count ? 1 : -1, &ports, err));

	node = spk_build_node(b, !streaming ? SPK_PHYSICAL_FINAL_AGGREGATE : on_close ? SPK_PHYSICAL_WINDOW_AGGREGATE : SPK_PHYSICAL_STREAM_AGGREGATE, l->schema, &ports, l);
	SPK_TRY_PTR(node, err);
	copy_aggregates(node, l, calls, state_size);
	node->window_key = on_close ? window_key : -1;
	node->window_add_us = add_us;
	node->time_sources = on_close ? spk_build_time_sources(b, l) : 0;
	node->retracts = streaming && !on_close;
	/* Only the operator that closes windows drops their state. */
	node->bound = streaming && !on_close && l->properties.bound == SPK_BOUND_TIME ? SPK_BOUND_KEY : l->properties.bound;
	if (streaming)
		SPK_TRY(describe_state(b, node, l, err));
	*out = spk_build_port(b, node, node->retracts);
	SPK_TRY_PTR(out->node, err);
	/* The carried hash is that of the group columns. */
	return streaming ? SPK_OK : spk_partitioned_by_first(b, l->expr_count, &out->partitioned, err);
}
