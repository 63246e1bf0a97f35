/*
 * Changes of open windows at an interval of their own (SET emit.interval beside emit = 'on-update'): PACED_CHANGES behind what makes them. Only behind all of an operation: its parts
 * must see every epoch's changes, so that what comes out is what there was at some time.
 */
#include "planner/physical/build.h"

static spk_status put_meaning(const struct spk_physical *node, struct spk_buffer *text, spk_error *err)
{
	char type[64];

	SPK_TRY(spk_buffer_printf(text, err, "changes that are held for up to %lld us", (long long)node->emit_interval_us));
	for (int i = 0; i < node->schema->count; i++)
		SPK_TRY(spk_buffer_printf(text, err, ", %s %s", node->schema->field[i].name, spk_type_format(node->schema->field[i].type, type, sizeof type)));
	SPK_TRY(spk_buffer_append_str(text, "; by", err));
	for (int i = 0; i < node->key_count; i++)
		SPK_TRY(spk_buffer_printf(text, err, " %d", node->key[i]));
	return SPK_OK;
}

spk_status spk_build_pace(struct spk_build *b, const struct spk_logical *l, const int *key, int keys, struct spk_closing closing, struct spk_ports *ports, spk_error *err)
{
	struct spk_buffer text = { 0 };
	struct spk_physical *node;
	spk_status status;

	if (closing.key < 0 || !ports->retracts || b->options->emit != SPK_EMIT_ON_UPDATE || !b->options->emit_interval_us)
		return SPK_OK;
	SPK_TRY_PTR(node = spk_build_node(b, SPK_PHYSICAL_PACED_CHANGES, ports->node[0]->schema, ports, l), err);
	node->left = node->schema;
	SPK_TRY_PTR(node->key = spk_arena_copy(b->arena, key, sizeof *key * (size_t)keys), err);
	node->key_count = keys;
	node->window_key = closing.key;
	/* The window's end: what is late comes out at once. */
	node->window_add_us = closing.add_us - b->options->lateness_us;
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
