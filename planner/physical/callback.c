/* Operators brought from above: with keys, over rows that were brought together and sorted by them. */
#include "planner/physical/build.h"

#include "core/base/check.h"

spk_status spk_build_callback(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	int *key = SPK_NEW_ARRAY(b->arena, int, l->expr_count + 1);
	struct spk_physical *node;

	*out = *in;
	SPK_TRY_PTR(key, err);
	if (l->expr_count) {
		struct spk_sort_key *sort = SPK_NEW_ARRAY(b->arena, struct spk_sort_key, l->expr_count);

		SPK_TRY_PTR(sort, err);
		for (int i = 0; i < l->expr_count; i++) {
			SPK_ASSERT(l->expr[i]->kind == SPK_EXPR_COLUMN, "keys are columns");
			key[i] = l->expr[i]->column;
			sort[i].expr = l->expr[i];
		}
		SPK_TRY(spk_build_exchange(b, out, key, l->expr_count, -1, out, err));
		node = spk_build_node(b, SPK_PHYSICAL_SORT, out->node[0]->schema, out, l);
		SPK_TRY_PTR(node, err);
		node->sort = sort;
		node->sort_count = l->expr_count;
		*out = spk_build_port(b, node, false);
		SPK_TRY_PTR(out->node, err);
	}
	node = spk_build_node(b, SPK_PHYSICAL_CALLBACK, l->schema, out, l);
	SPK_TRY_PTR(node, err);
	node->callback = l->callback;
	*out = spk_build_port(b, node, false);
	SPK_TRY_PTR(out->node, err);
	return SPK_OK;
}
