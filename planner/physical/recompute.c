/*
 * What a stream keeps up to date by computing it again: the rows are kept by key, and for a key that changes the operators of a batch plan give
 * what was and what is; the difference comes out. So everything that a batch can do with the rows of a key a stream can do, at the price of
 * going over all rows of a key when one of them changes.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

/* --- the plan inside --- */

spk_status spk_build_inner_plan(struct spk_build *b, const struct spk_logical *l, spk_build_inner build, const struct spk_schema *schema, const struct spk_physical_plan **plan, const struct spk_schema **out, spk_error *err)
{
	struct spk_physical_options options = { .streaming = false };
	struct spk_build inner = { .arena = b->arena, .options = &options, .root_name = b->root_name };
	struct spk_ports in, ports = { 0 };

	*plan = inner.plan = SPK_NEW(b->arena, struct spk_physical_plan);
	SPK_TRY_PTR(inner.plan, err);
	in.node = NULL;
	in = spk_build_port(&inner, spk_build_node(&inner, SPK_PHYSICAL_INPUT, schema, NULL, NULL), false);
	SPK_TRY_PTR(in.node && in.node[0], err);
	ports = in;
	if (build)
		SPK_TRY(build(&inner, l, &in, &ports, err));
	SPK_ASSERT(inner.plan->exchanges == 0 && ports.count == 1, "all rows of a key are in one task");
	for (int i = 1; i < inner.plan->nodes; i++)
		SPK_ASSERT(inner.plan->node[i]->inputs == 1 && inner.plan->node[i]->input[0] == inner.plan->node[i - 1], "an inner plan is a chain");
	*out = ports.node[0]->schema;
	return SPK_OK;
}

/* --- what its state means --- */

static spk_status put_meaning(const struct spk_physical *node, const struct spk_schema *in, struct spk_buffer *text, spk_error *err)
{
	char type[64];

	SPK_TRY(spk_build_window_meaning(node, text, err));
	SPK_TRY(spk_buffer_append_str(text, node->window_key >= 0 ? "rows by window" : "rows", err));
	for (int i = 0; i < in->count; i++)
		SPK_TRY(spk_buffer_printf(text, err, "%s %s %s", i ? "," : "", in->field[i].name, spk_type_format(in->field[i].type, type, sizeof type)));
	SPK_TRY(spk_buffer_append_str(text, "; by", err));
	for (int i = 0; i < node->key_count; i++)
		SPK_TRY(spk_buffer_printf(text, err, " %d", node->key[i]));
	SPK_TRY(spk_buffer_append_str(text, "; ", err));
	return spk_physical_format_chain(node->inner, text, err);
}

spk_status spk_build_recompute(struct spk_build *b, const struct spk_recompute *r, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	const bool by_window = r->closing.key >= 0;
	struct spk_buffer text = { 0 };
	const struct spk_physical_plan *inner;
	const struct spk_schema *schema = NULL;
	struct spk_physical *node;
	struct spk_ports ports;
	spk_status status;

	SPK_TRY(spk_build_exchange(b, in, r->key, r->keys, -1, &ports, err));
	SPK_TRY(spk_build_inner_plan(b, r->l, r->inner, ports.node[0]->schema, &inner, &schema, err));
	node = spk_build_node(b, SPK_PHYSICAL_RECOMPUTE, schema, &ports, r->l);
	SPK_TRY_PTR(node, err);
	node->inner = inner;
	node->left = schema;
	node->key = r->keys ? spk_arena_copy(b->arena, r->key, sizeof *r->key * (size_t)r->keys) : NULL;
	node->key_count = r->keys;
	if (by_window)
		spk_build_by_window(b, r->l, r->closing, node);
	node->complete = r->complete;
	spk_build_standing(r->l, node);
	node->retracts = r->keeps ? in->retracts : (!by_window || r->closing.changes) && !r->complete;
	node->bound = by_window ? SPK_BOUND_TIME : r->keeps && r->l->input[0]->properties.key_count ? SPK_BOUND_KEY : SPK_BOUND_NOTHING;
	SPK_TRY_PTR(node->key || !r->keys, err);
	status = put_meaning(node, ports.node[0]->schema, &text, err);
	if (status == SPK_OK)
		status = spk_build_state(b, node, r->what, &text, err);
	spk_buffer_release(&text);
	SPK_TRY(status);
	*out = spk_build_port(b, node, node->retracts);
	SPK_TRY_PTR(out->node, err);
	return SPK_OK;
}
