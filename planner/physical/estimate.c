/* Sizes of relations, about, for choosing among joins: planner/logical/statistics.h with the sizes of tables that are asked for here. */
#include "planner/physical/build.h"

#include "core/base/check.h"
#include "planner/logical/statistics.h"

/* Of a text: its view, and its bytes when they do not fit into that. */
static double text_bytes(const struct spk_column_statistics *s)
{
	enum { VIEW = 16, INLINE = 12, USUAL = 16 };

	if (!s || s->width <= 0)
		return VIEW + USUAL;
	return s->width > INLINE ? VIEW + s->width : VIEW;
}

double spk_build_row_bytes(const struct spk_build *b, const struct spk_logical *l)
{
	struct spk_estimate e = { 0 };
	bool known = spk_estimate(b->arena, l, &e, NULL) == SPK_OK;
	double bytes = 8;

	for (int i = 0; i < l->schema->count; i++) {
		struct spk_type type = l->schema->field[i].type;

		bytes += spk_type_is_view(type) ? text_bytes(known && i < e.columns ? e.column[i].base : NULL) : spk_type_width(type);
	}
	return bytes;
}

double spk_build_rows(const struct spk_build *b, const struct spk_logical *l)
{
	struct spk_estimate e;

	return spk_estimate(b->arena, l, &e, NULL) == SPK_OK ? e.rows : 1e6;
}
