/*
 * Aggregation: rows are folded per task before the exchange (PARTIAL), then merged by key behind it. In a stream the merging
 * side keeps state: by window when the group has a window bound of a watermarked source (final rows at the close), else by key
 * (changes every epoch).
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

int spk_build_window_key(const struct spk_logical *l, int64_t *add_us)
{
	const struct spk_properties *p = &l->input[0]->properties;
	const struct spk_logical *w = l->input[0];

	for (int i = 0; i < l->expr_count; i++) {
		if (l->expr[i]->kind != SPK_EXPR_COLUMN || p->window_end < 0)
			continue;
		if (l->expr[i]->column == p->window_end || l->expr[i]->column == p->other.window_end) {
			*add_us = 0;
			return i;
		}
	}
	while (w->kind != SPK_LOGICAL_WINDOW && w->inputs)
		w = w->input[0];
	for (int i = 0; i < l->expr_count; i++)
		if (l->expr[i]->kind == SPK_EXPR_COLUMN && p->window_start >= 0 && l->expr[i]->column == p->window_start &&
		    w->kind == SPK_LOGICAL_WINDOW && !w->zone && (w->window == SPK_WINDOW_TUMBLE || w->window == SPK_WINDOW_HOP)) {
			*add_us = w->window_size_us;
			return i;
		}
	return -1;
}

/*
 * What PARTIAL hands on: the group's hash, the group with its states as bytes, the task; and the rows that it passes. In the order of
 * enum spk_partial_column (batch/operator/groups.h).
 */
static const struct { const char *name; enum spk_type_id type; } partial_column[] = {
	{ "hash", SPK_TYPE_BIGINT }, { "state", SPK_TYPE_BYTEA }, { "task", SPK_TYPE_INTEGER },
};
enum { PARTIAL_COLUMNS = SPK_COUNT_OF(partial_column) };

spk_status spk_build_partial_schema(struct spk_build *b, struct spk_physical *partial, spk_error *err)
{
	struct spk_schema *s = SPK_NEW(b->arena, struct spk_schema);

	SPK_TRY_PTR(s && (s->field = SPK_NEW_ARRAY(b->arena, struct spk_field, PARTIAL_COLUMNS + 1 + partial->pass_count)), err);
	for (; s->count < PARTIAL_COLUMNS; s->count++)
		s->field[s->count] = (struct spk_field){ partial_column[s->count].name, spk_type(partial_column[s->count].type), true };
	if (partial->panes)
		s->field[s->count++] = (struct spk_field){ "key", spk_type(SPK_TYPE_BIGINT), true };
	for (int i = 0; i < partial->pass_count; i++)
		s->field[s->count++] = (struct spk_field){ partial->pass[i].expr->name ? partial->pass[i].expr->name : "", partial->pass[i].expr->type, true };
	partial->schema = s;
	return SPK_OK;
}

static void copy_aggregates(struct spk_physical *node, const struct spk_logical *l, const struct spk_physical *from)
{
	node->expr_count = l->expr_count;
	node->expr = l->expr;
	node->aggregate_count = from->aggregate_count;
	node->hidden_count = from->hidden_count;
	node->aggregate = from->aggregate;
	node->group_value = from->group_value;
	node->state_size = from->state_size;
	node->empty_sets = l->empty_sets;
	node->empty_set = l->empty_set;
}

/* Numerics with a scale of their own and intervals: a key gives another that is equal. */
bool spk_key_keeps(struct spk_type type)
{
	if (type.id == SPK_TYPE_INTERVAL || (type.id == SPK_TYPE_DECIMAL && type.scale < 0))
		return false;
	for (int i = 0; spk_type_is_nested(type) && type.children && i < type.children->count; i++)
		if (!spk_key_keeps(type.children->field[i].type))
			return false;
	return true;
}

spk_status spk_build_calls(struct spk_build *b, const struct spk_logical *l, struct spk_physical *node, spk_error *err)
{
	struct spk_aggregate_call *call = SPK_NEW_ARRAY(b->arena, struct spk_aggregate_call, l->aggregate_count + l->expr_count + 1);
	int *value = SPK_NEW_ARRAY(b->arena, int, l->expr_count + 1);

	SPK_TRY_PTR(call && value, err);
	if (l->aggregate_count)
		memcpy(call, l->aggregate, sizeof *call * (size_t)l->aggregate_count);
	node->aggregate = call;
	node->aggregate_count = l->aggregate_count;
	for (int i = 0; i < l->expr_count; i++) {
		const struct spk_aggregate_syntax first = { .name = "first", .args = 1, .arg = &l->expr[i], .position = l->position };

		value[i] = -1;
		if (b->options->streaming || spk_key_keeps(l->expr[i]->type))
			continue;
		value[i] = node->aggregate_count + node->hidden_count++;
		SPK_TRY(spk_aggregate_resolve(b->arena, &first, &call[value[i]], err));
		node->group_value = value;
	}
	node->state_size = spk_aggregate_layout_shared(call, node->aggregate_count + node->hidden_count);
	return SPK_OK;
}

spk_status spk_build_call_meaning(const struct spk_aggregate_call *c, struct spk_buffer *out, spk_error *err)
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

spk_status spk_build_groups_meaning(const struct spk_physical *node, const struct spk_logical *l, struct spk_buffer *out, spk_error *err)
{
	char type[64];

	SPK_TRY(spk_buffer_append_str(out, node->window_key < 0 ? "group " : node->kind == SPK_PHYSICAL_STREAM_AGGREGATE ? "changing by window, group " : "by window, group ", err));
	for (int i = 0; i < l->expr_count; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? ", " : "", err));
		SPK_TRY(spk_expr_format(l->expr[i], out, err));
		SPK_TRY(spk_buffer_printf(out, err, " %s", spk_type_format(l->expr[i]->type, type, sizeof type)));
	}
	for (int i = 0; i < l->aggregate_count; i++)
		SPK_TRY(spk_build_call_meaning(&l->aggregate[i], out, err));
	return SPK_OK;
}

static spk_status describe_state(struct spk_build *b, struct spk_physical *node, const struct spk_logical *l, bool branches, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = branches ? spk_buffer_append_str(&text, "of branches, ", err) : SPK_OK;

	if (status == SPK_OK)
		status = spk_build_window_meaning(node, &text, err);
	if (status == SPK_OK)
		status = spk_build_groups_meaning(node, l, &text, err);
	if (status == SPK_OK)
		status = spk_build_state(b, node, "aggregate", &text, err);
	spk_buffer_release(&text);
	return status;
}

spk_status spk_build_merging(struct spk_build *b, const struct spk_logical *l, enum spk_physical_kind kind, const struct spk_physical *partial, struct spk_aggregate_call *pass, const struct spk_ports *in, struct spk_physical **out, spk_error *err)
{
	struct spk_physical *node = spk_build_node(b, kind, l->schema, in, l);

	SPK_TRY_PTR(node, err);
	copy_aggregates(node, l, partial);
	node->pass_aggregate = pass;
	node->window_key = partial->window_key;
	node->bound = l->properties.bound;
	node->retracts = false;
	*out = node;
	return SPK_OK;
}

spk_status spk_build_partial(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, int window_key, struct spk_physical **out, struct spk_aggregate_call **pass, spk_error *err)
{
	struct spk_physical *node = spk_build_node(b, SPK_PHYSICAL_PARTIAL_AGGREGATE, l->schema, in, l), made = { 0 };

	SPK_TRY_PTR(node, err);
	SPK_TRY(spk_build_calls(b, l, &made, err));
	copy_aggregates(node, l, &made);
	node->window_key = window_key;
	node->retracts = false;
	*pass = NULL;
	SPK_TRY(spk_build_pass(b, node, PARTIAL_COLUMNS, pass, err));
	*out = node;
	return spk_build_partial_schema(b, node, err);
}

/* In batch. Where rows of a group are on one task already there is nothing to exchange. */
static spk_status build_level(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	int *order = SPK_NEW_ARRAY(b->arena, int, in->partitioned.keys + 1);
	struct spk_aggregate_call *pass;
	struct spk_physical *partial, *node;
	struct spk_ports ports;
	bool together;

	SPK_TRY_PTR(order, err);
	together = spk_build_is_single(b, in) || (l->expr_count && spk_partitioned_within(&in->partitioned, l->expr, l->expr_count, order));
	SPK_TRY(spk_build_partial(b, l, in, -1, &partial, &pass, err));
	partial->passes = together && l->expr_count;
	ports = spk_build_port(b, partial, false);
	SPK_TRY_PTR(ports.node, err);
	if (!together)
		SPK_TRY(spk_build_exchange(b, &ports, NULL, 0, l->expr_count ? 0 : -1, &ports, err));
	SPK_TRY(spk_build_merging(b, l, SPK_PHYSICAL_FINAL_AGGREGATE, partial, pass, &ports, &node, err));
	*out = spk_build_port(b, node, false);
	SPK_TRY_PTR(out->node, err);
	if (together)
		return spk_partitioned_behind(b, &in->partitioned, l->expr, l->expr_count, &out->partitioned, err);
	/* The carried hash is that of the group columns. */
	return spk_partitioned_by_first(b, l->expr_count, &out->partitioned, err);
}

static spk_status build_batch(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	struct spk_logical *lower, *upper;
	struct spk_ports between;

	SPK_TRY(spk_build_distinct_levels(b, l, &lower, &upper, err));
	if (!lower)
		return build_level(b, l, in, out, err);
	SPK_TRY(build_level(b, lower, in, &between, err));
	return build_level(b, upper, &between, out, err);
}

bool spk_build_windows_change(const struct spk_build *b)
{
	return b->options->emit == SPK_EMIT_ON_UPDATE || b->options->lateness_us > 0;
}

void spk_build_by_window(const struct spk_build *b, const struct spk_logical *l, struct spk_closing closing, struct spk_physical *node)
{
	node->window_key = closing.key;
	node->window_add_us = closing.add_us;
	node->lateness_us = b->options->lateness_us;
	node->on_close = b->options->emit != SPK_EMIT_ON_UPDATE;
	spk_build_time(b, l, node);
}

spk_status spk_build_window_meaning(const struct spk_physical *node, struct spk_buffer *out, spk_error *err)
{
	const bool changes = node->time.kind == SPK_JOIN_BY_WINDOW ? node->lateness_us || !node->on_close : node->window_key >= 0 && node->retracts;

	if (!changes)
		return SPK_OK;
	return spk_buffer_printf(out, err, "late by up to %lld us, changing %s, ", (long long)node->lateness_us, node->on_close ? "when they are over" : "from the beginning");
}

/* DISTINCT over rows that are only added: a group comes once, and nothing of it changes. */
static bool only_adds(const struct spk_logical *l, const struct spk_physical *partial)
{
	for (int i = 0; i < partial->inputs; i++)
		if (partial->input[i]->retracts)
			return false;
	return l->expr_count && !l->aggregate_count;
}

void spk_build_standing(const struct spk_logical *l, struct spk_physical *node)
{
	static const int64_t all_rows;
	const bool one = l->kind == SPK_LOGICAL_AGGREGATE && !l->expr_count && l->aggregate_count;

	node->empty_sets = one ? 1 : l->empty_sets;
	node->empty_set = one ? &all_rows : l->empty_set;
}

spk_status spk_build_stream_merging(struct spk_build *b, const struct spk_logical *l, const struct spk_physical *partial, struct spk_aggregate_call *pass, const struct spk_ports *in, struct spk_closing closing, struct spk_ports *out, spk_error *err)
{
	const bool closes = spk_build_says_once(closing);
	struct spk_physical *node;
	struct spk_ports ports;

	SPK_TRY(spk_build_exchange(b, in, NULL, 0, l->expr_count ? 0 : -1, &ports, err));
	SPK_TRY(spk_build_merging(b, l, closes ? SPK_PHYSICAL_WINDOW_AGGREGATE : SPK_PHYSICAL_STREAM_AGGREGATE, partial, pass, &ports, &node, err));
	if (closing.key >= 0)
		spk_build_by_window(b, l, closing, node);
	else
		spk_build_standing(l, node);
	node->retracts = !closes && !only_adds(l, partial);
	/* Only what is by window drops its state. */
	if (closing.key < 0 && l->properties.bound == SPK_BOUND_TIME)
		node->bound = SPK_BOUND_KEY;
	SPK_TRY(describe_state(b, node, l, in->count > 1, err));
	*out = spk_build_port(b, node, node->retracts);
	return out->node ? SPK_OK : spk_fail_memory(err);
}

spk_status spk_build_stream_level(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_closing closing, struct spk_ports *out, spk_error *err)
{
	struct spk_aggregate_call *pass;
	struct spk_physical *partial;
	struct spk_ports ports;

	SPK_TRY(spk_build_partial(b, l, in, closing.key, &partial, &pass, err));
	ports = spk_build_port(b, partial, false);
	SPK_TRY_PTR(ports.node, err);
	return spk_build_stream_merging(b, l, partial, pass, &ports, closing, out, err);
}

bool spk_build_bounds_change(const struct spk_build *b, const struct spk_logical *l)
{
	if (b->options->emit != SPK_EMIT_ON_UPDATE)
		return false;
	if (l->kind == SPK_LOGICAL_WINDOW && l->window == SPK_WINDOW_SESSION && !spk_build_session_is_by_time(b, l))
		return true;
	for (int i = 0; i < l->inputs; i++)
		if (spk_build_bounds_change(b, l->input[i]))
			return true;
	return false;
}

static bool any_gathers(const struct spk_logical *l)
{
	for (int i = 0; i < l->aggregate_count; i++)
		if (spk_aggregate_gathers(&l->aggregate[i]))
			return true;
	return false;
}

/* Groups change at an interval of their own; they are hashed by the window's bound first. */
static spk_status pace_groups(struct spk_build *b, const struct spk_logical *l, struct spk_closing closing, struct spk_ports *ports, spk_error *err)
{
	int *key = SPK_NEW_ARRAY(b->arena, int, l->expr_count + 1), keys = 0;

	SPK_TRY_PTR(key, err);
	if (closing.key >= 0)
		key[keys++] = closing.key;
	for (int i = 0; i < l->expr_count; i++)
		if (i != closing.key)
			key[keys++] = i;
	return spk_build_pace(b, l, key, keys, closing, ports, err);
}

static spk_status build_stream(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	struct spk_closing closing = { .key = -1 };
	int64_t add_us = 0;
	int window_key = spk_build_window_key(l, &add_us);
	struct spk_ports ports = *in;
	bool built;

	if (window_key >= 0 && l->properties.bound == SPK_BOUND_TIME && !spk_build_bounds_change(b, l)) {
		closing = (struct spk_closing){ window_key, add_us + b->options->lateness_us, spk_build_windows_change(b) };
		SPK_TRY(spk_build_late(b, l, l->expr[window_key]->column, closing.add_us, false, &ports, err));
	}
	built = !spk_aggregate_needs_rows(l, in->retracts) && (spk_build_says_once(closing) || !any_gathers(l));
	if (built)
		SPK_TRY(spk_build_stream_level(b, l, &ports, closing, out, err));
	else
		SPK_TRY(spk_build_aggregate_branches(b, l, &ports, closing, out, &built, err));
	return built ? pace_groups(b, l, closing, out, err) : spk_build_rows_aggregate(b, l, &ports, closing, build_batch, out, err);
}

spk_status spk_build_aggregate(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	struct spk_ports ports = *in;

	return b->options->streaming ? build_stream(b, l, in, out, err) : build_batch(b, l, &ports, out, err);
}
