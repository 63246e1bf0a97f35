/*
 * Changes of open windows at an interval of their own (SET emit.interval beside emit = 'on-update'): PACED_CHANGES behind what makes them. Only behind all of an operation: its parts
 * must see every epoch's changes, so that what comes out is what there was at some time.
 */
#include "planner/physical/build.h"

#include <string.h>

static bool asked_for(const struct spk_build *b, const struct spk_ports *ports)
{
	return ports->retracts && b->options->emit == SPK_EMIT_ON_UPDATE && b->options->emit_interval_us;
}

static spk_status put_meaning(const struct spk_physical *node, struct spk_buffer *text, spk_error *err)
{
	char type[64];

	SPK_TRY(spk_buffer_printf(text, err, "changes%s that are held for up to %lld us", node->window == SPK_WINDOW_SESSION ? " of sessions" : "", (long long)node->emit_interval_us));
	for (int i = 0; i < node->schema->count; i++)
		SPK_TRY(spk_buffer_printf(text, err, ", %s %s", node->schema->field[i].name, spk_type_format(node->schema->field[i].type, type, sizeof type)));
	SPK_TRY(spk_buffer_append_str(text, "; by", err));
	for (int i = 0; i < node->key_count; i++)
		SPK_TRY(spk_buffer_printf(text, err, " %d", node->key[i]));
	return SPK_OK;
}

/* end: column of the windows' ends, less add_us. */
static spk_status build(struct spk_build *b, const struct spk_logical *l, const int *key, int keys, int end, int64_t add_us, enum spk_window_kind window, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *node = spk_build_node(b, SPK_PHYSICAL_PACED_CHANGES, ports->node[0]->schema, ports, l);
	struct spk_buffer text = { 0 };
	spk_status status;

	SPK_TRY_PTR(node, err);
	node->left = node->schema;
	node->key = keys ? spk_arena_copy(b->arena, key, sizeof *key * (size_t)keys) : NULL;
	SPK_TRY_PTR(node->key || !keys, err);
	node->key_count = keys;
	node->window_key = end;
	node->window_add_us = add_us;
	node->window = window;
	node->emit_interval_us = b->options->emit_interval_us;
	node->bound = SPK_BOUND_TIME;
	node->retracts = true;
	spk_build_time(b, l, node);
	status = put_meaning(node, &text, err);
	if (status == SPK_OK)
		status = spk_build_state(b, node, "paced", &text, err);
	spk_buffer_release(&text);
	SPK_TRY(status);
	*ports = spk_build_port(b, node, true);
	return ports->node ? SPK_OK : spk_fail_memory(err);
}

spk_status spk_build_pace(struct spk_build *b, const struct spk_logical *l, const int *key, int keys, struct spk_closing closing, struct spk_ports *ports, spk_error *err)
{
	if (closing.key < 0 || !asked_for(b, ports))
		return SPK_OK;
	/* The window's end: what is late comes out at once. */
	return build(b, l, key, keys, closing.key, closing.add_us - b->options->lateness_us, SPK_WINDOW_TUMBLE, ports, err);
}

spk_status spk_build_pace_sessions(struct spk_build *b, const struct spk_logical *l, const int *key, int keys, int end, struct spk_ports *ports, spk_error *err)
{
	return asked_for(b, ports) ? build(b, l, key, keys, end, 0, SPK_WINDOW_SESSION, ports, err) : SPK_OK;
}

/* --- joins --- */

/* The join's columns as they are. */
static spk_status keep_columns(struct spk_build *b, const struct spk_schema *schema, struct spk_expr **expr, spk_error *err)
{
	for (int i = 0; i < schema->count; i++)
		SPK_TRY_PTR(expr[i] = spk_expr_column(b->arena, i, &schema->field[i]), err);
	return SPK_OK;
}

/* Puts the end of the window behind the columns: that of whichever side is there. */
static spk_status add_end(struct spk_build *b, const struct spk_logical *l, const int end[2], struct spk_ports *ports, spk_error *err)
{
	const struct spk_schema *in = l->schema;
	struct spk_schema *schema = SPK_NEW(b->arena, struct spk_schema);
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, in->count + 1), *either[2];

	SPK_TRY_PTR(schema && expr && (schema->field = SPK_NEW_ARRAY(b->arena, struct spk_field, in->count + 1)), err);
	SPK_TRY(keep_columns(b, in, expr, err));
	either[0] = expr[end[0]];
	either[1] = expr[end[1]];
	SPK_TRY(spk_expr_make(b->arena, SPK_EXPR_COALESCE, either, 2, false, l->position, &expr[in->count], err));
	memcpy(schema->field, in->field, sizeof *in->field * (size_t)in->count);
	schema->field[in->count] = (struct spk_field){ "window's end", expr[in->count]->type, true };
	schema->count = in->count + 1;
	return spk_build_project(b, l, schema, expr, ports, err);
}

static spk_status drop_end(struct spk_build *b, const struct spk_logical *l, struct spk_ports *ports, spk_error *err)
{
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, l->schema->count);

	SPK_TRY_PTR(expr, err);
	SPK_TRY(keep_columns(b, l->schema, expr, err));
	return spk_build_project(b, l, l->schema, expr, ports, err);
}

/* All columns that can be hashed: what takes a row back is where the row is. */
static int hashed_columns(const struct spk_schema *schema, int *key)
{
	int keys = 0;

	for (int i = 0; i < schema->count; i++)
		if (!spk_type_is_json(schema->field[i].type) && !spk_type_is_nested(schema->field[i].type))
			key[keys++] = i;
	return keys;
}

spk_status spk_build_pace_join(struct spk_build *b, const struct spk_logical *l, const int end[2], struct spk_ports *ports, spk_error *err)
{
	int *key = SPK_NEW_ARRAY(b->arena, int, l->schema->count + 1), keys, column = end[0] < 0 ? end[1] : end[0];
	const bool either = end[0] >= 0 && end[1] >= 0;

	if (!asked_for(b, ports))
		return SPK_OK;
	SPK_TRY_PTR(key, err);
	if (either) {
		SPK_TRY(add_end(b, l, end, ports, err));
		column = l->schema->count;
	}
	keys = hashed_columns(ports->node[0]->schema, key);
	SPK_TRY(spk_build_exchange(b, ports, key, keys, -1, ports, err));
	SPK_TRY(build(b, l, key, keys, column, 0, SPK_WINDOW_TUMBLE, ports, err));
	return either ? drop_end(b, l, ports, err) : SPK_OK;
}
