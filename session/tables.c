/* Tables that CREATE TABLE AS makes without options: relations kept by the session (batch/cache.h), filled once. */
#include <stdlib.h>

#include "session/materialize.h"

struct spk_session_table { struct spk_session_table *next; struct spk_cached *rows; };

spk_status spk_session_make_rows(struct spk_table *table, void *session, spk_error *err)
{
	struct spk_session *s = session;
	struct spk_session_table *t = calloc(1, sizeof *t);
	struct spk_cache *cache;
	spk_status status;

	SPK_TRY_PTR(t, err);
	status = spk_session_cache(s, &cache, err);
	if (status == SPK_OK)
		status = spk_cached_new(&t->rows, cache, table->schema, SPK_CACHE_BOTH, NULL, err);
	if (status != SPK_OK) {
		free(t);
		return status;
	}
	t->next = s->tables;
	s->tables = t;
	table->connector = "rows";
	table->rows = t->rows;
	return SPK_OK;
}

/* INSERT into such a table: only the first, which is that of its CREATE. */
spk_status spk_session_fill_table(struct spk_session *s, const struct spk_table *table, const struct spk_logical *query, int64_t *rows, spk_error *err)
{
	struct spk_physical_plan *plan;

	if (spk_cached_pin(table->rows)) {
		spk_cached_unpin(table->rows);
		spk_fail(err, SPK_UNSUPPORTED, "INSERT INTO \"%s\" is not supported: a table of CREATE TABLE AS without options has the rows that it was made with", table->name);
		return spk_hint(err, "Make it with options: CREATE TABLE %s WITH ('connector' = 'filesystem', 'path' = ...) AS ...", table->name);
	}
	SPK_TRY(spk_session_plan_kept(s, query, &plan, err));
	SPK_TRY(spk_session_keep(s, plan, table->rows, err));
	spk_session_drop_materialized(s);
	*rows = spk_cached_rows(table->rows);
	return SPK_OK;
}

void spk_session_free_tables(struct spk_session *s)
{
	while (s->tables) {
		struct spk_session_table *t = s->tables;

		s->tables = t->next;
		spk_cached_unref(t->rows);
		free(t);
	}
}
