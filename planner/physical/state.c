/* State tables of a streaming plan: their names, and what is in them. */
#include "planner/physical/build.h"

#include <stdio.h>
#include <string.h>

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

spk_status spk_build_state(struct spk_build *b, struct spk_physical *node, const char *what, const struct spk_buffer *meaning, spk_error *err)
{
	node->fingerprint = spk_arena_strndup(b->arena, meaning->data, meaning->size);
	node->state_table = name_table(b, what);
	return node->fingerprint && node->state_table ? SPK_OK : spk_fail_memory(err);
}
