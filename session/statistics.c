/* Statistics of the tables that a query reads: from ANALYZE, else what can be told of them at no cost. */
#include "planner/logical/statistics.h"
#include "session/internal.h"

static spk_status estimate_table(struct spk_session *s, const struct spk_table *t, spk_error *err)
{
	struct spk_table_statistics *known = SPK_NEW(s->arena, struct spk_table_statistics);
	bool analyzed;

	/* Asked each time: files may have changed. */
	spk_table_set_statistics(t, NULL);
	SPK_TRY_PTR(known, err);
	SPK_TRY(spk_session_analyzed(s, t, s->arena, known, &analyzed, err));
	if (!analyzed)
		known->rows = t->rows ? (double)spk_cached_rows(t->rows) : spk_connector_estimate(t, s->conf).rows;
	if (known->rows >= 0)
		spk_table_set_statistics(t, known);
	return SPK_OK;
}

spk_status spk_session_estimate_tables(struct spk_session *s, const struct spk_logical *l, spk_error *err)
{
	if (l->kind == SPK_LOGICAL_SCAN)
		SPK_TRY(estimate_table(s, l->table, err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(spk_session_estimate_tables(s, l->input[i], err));
	return SPK_OK;
}
