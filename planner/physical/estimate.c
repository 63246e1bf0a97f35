/* Sizes of relations, about, for choosing among joins: planner/logical/statistics.h with the sizes of tables that are asked for here. */
#include "planner/physical/build.h"

#include "core/base/check.h"
#include "planner/logical/statistics.h"

double spk_build_row_bytes(const struct spk_logical *l)
{
	double bytes = 8;

	for (int i = 0; i < l->schema->count; i++)
		bytes += spk_type_is_view(l->schema->field[i].type) ? 32 : spk_type_width(l->schema->field[i].type);
	return bytes;
}

double spk_build_rows(const struct spk_build *b, const struct spk_logical *l)
{
	struct spk_estimate e;

	return spk_estimate(b->arena, l, &e, NULL) == SPK_OK ? e.rows : 1e6;
}
