/* Statistics of the tables that a query reads: from ANALYZE, else what can be told of them at no cost. */
#include <sys/stat.h>

#include "planner/logical/statistics.h"
#include "session/internal.h"

/* A text file's rows by its size: about six bytes a number, more where there are letters. Negative: not known. */
static double file_rows(const struct spk_table *t)
{
	const char *path = spk_table_option(t, "path");
	double width = 2;
	struct stat st;

	if (!path || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return -1;
	for (int i = 0; i < t->schema->count; i++)
		width += spk_type_is_view(t->schema->field[i].type) ? 16 : 7;
	return (double)st.st_size / width;
}

static spk_status estimate_table(struct spk_session *s, const struct spk_table *t, spk_error *err)
{
	double rows = t->rows ? (double)spk_cached_rows(t->rows) : file_rows(t);
	struct spk_table_statistics *known;

	if (rows < 0)
		return SPK_OK;
	known = SPK_NEW(s->arena, struct spk_table_statistics);
	SPK_TRY_PTR(known, err);
	known->rows = rows;
	spk_table_set_statistics(t, known);
	return SPK_OK;
}

spk_status spk_session_estimate_tables(struct spk_session *s, const struct spk_logical *l, spk_error *err)
{
	if (l->kind == SPK_LOGICAL_SCAN && (!l->table->statistics || !l->table->statistics->analyzed))
		SPK_TRY(estimate_table(s, l->table, err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(spk_session_estimate_tables(s, l->input[i], err));
	return SPK_OK;
}
