/* State tables of a streaming plan: their names, and what is in them. */
#include "planner/physical/build.h"

#include <stdio.h>
#include <string.h>

#include "planner/logical/state_ttl.h"

static const char *name_table(struct spk_build *b, const char *what)
{
	char prefix[512];
	int size = snprintf(prefix, sizeof prefix, "%s.%s-", b->root_name, what), number = 1;

	if (size < 0 || size >= (int)sizeof prefix)
		return NULL;
	for (int i = 0; i < b->plan->nodes; i++) {
		const char *name = b->plan->node[i]->state_table;

		number += name && strncmp(name, prefix, (size_t)size) == 0;
	}
	return spk_arena_printf(b->arena, "%s%d", prefix, number);
}

/* Sets how long keys are kept that do not change. */
static void set_ttl(const struct spk_build *b, struct spk_physical *node)
{
	const struct spk_logical *l = node->logical;
	const bool join = node->kind == SPK_PHYSICAL_STREAM_JOIN;

	if (!spk_physical_may_expire(node))
		return;
	node->state_ttl_us[0] = spk_logical_state_ttl(join ? l->input[0] : l, b->options->state_ttl_us);
	node->state_ttl_us[1] = join ? spk_logical_state_ttl(l->input[1], b->options->state_ttl_us) : 0;
	if (!node->state_ttl_us[0] && !node->state_ttl_us[1])
		return;
	spk_build_time(b, l, node);
	if (node->state_ttl_us[0] && (!join || node->state_ttl_us[1]))
		node->bound = SPK_BOUND_IDLE;
}

/* What is kept means something else when keys are forgotten, or when after another time. */
static spk_status put_ttl(const struct spk_physical *node, struct spk_buffer *out, spk_error *err)
{
	if (!node->state_ttl_us[0] && !node->state_ttl_us[1])
		return SPK_OK;
	return spk_buffer_printf(out, err, "forgotten %lld, %lld us after the last change by %s; %s", (long long)node->state_ttl_us[0], (long long)node->state_ttl_us[1],
				 node->time_sources ? "the watermark" : "the times of epochs", node->kind == SPK_PHYSICAL_STREAM_JOIN ? "rows know how many they met; " : "");
}

spk_status spk_build_state(struct spk_build *b, struct spk_physical *node, const char *what, const struct spk_buffer *meaning, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status;

	set_ttl(b, node);
	status = put_ttl(node, &text, err);
	if (status == SPK_OK)
		status = spk_buffer_append(&text, meaning->data, meaning->size, err);
	node->fingerprint = status == SPK_OK ? spk_arena_strndup(b->arena, text.data, text.size) : NULL;
	spk_buffer_release(&text);
	SPK_TRY(status);
	node->state_table = name_table(b, what);
	return node->fingerprint && node->state_table ? SPK_OK : spk_fail_memory(err);
}
