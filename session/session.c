/* Sessions: configuration, catalog and what is bound in them. See include/sparklet/session.h and engine.h. */
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/wake.h"
#include "session/materialize.h"
#include "session/profile.h"

const char *spk_version(void) { return SPK_VERSION; }

static spk_status build(struct spk_session *s, spk_error *err)
{
	struct spk_catalog_hooks hooks = { .check_table = spk_connector_check_table, .describe_file = spk_connector_describe_file, .load_function = spk_session_load_function };

	s->arena = spk_arena_new(spk_memory_account("plan"));
	s->conf = spk_conf_new();
	s->cancel_fd = spk_wake_new();
	SPK_TRY_PTR(s->arena && s->conf && s->cancel_fd >= 0, err);
	SPK_TRY(spk_conf_load_environment(s->conf, err));
	hooks.user = s->conf;
	hooks.make_rows = spk_session_make_rows;
	hooks.rows_user = s;
	return spk_catalog_new(&s->catalog, &hooks, err);
}

spk_status spk_session_new(struct spk_session **out, spk_error *err)
{
	struct spk_session *s = calloc(1, sizeof *s);
	spk_status status;

	SPK_TRY_PTR(s, err);
	s->cancel_fd = -1;
	status = build(s, err);
	if (status != SPK_OK) {
		spk_session_free(s);
		return status;
	}
	*out = s;
	return SPK_OK;
}

void spk_session_free(struct spk_session *s)
{
	if (!s)
		return;
	spk_session_free_jobs(s);
	spk_session_end_streams(s);
	spk_reporter_close(s->reporter);
	spk_session_drop_profile(s);
	spk_session_free_frames(s);
	spk_session_free_materialized(s);
	spk_session_free_tables(s);
	spk_session_free_analyzed(s);
	spk_cache_free(s->cache);
	spk_catalog_free(s->catalog);
	spk_conf_free(s->conf);
	spk_arena_unref(s->arena);
	if (s->cancel_fd >= 0)
		close(s->cancel_fd);
	free(s);
}

spk_status spk_session_set(struct spk_session *s, const char *key, const char *value, spk_error *err)
{
	if (!key || !value)
		return spk_fail(err, SPK_USAGE, "spk_session_set: %s is NULL", key ? "the value" : "the key");
	return spk_conf_set(s->conf, key, value, err);
}

spk_status spk_session_load_configuration(struct spk_session *s, const char *path, spk_error *err)
{
	return path ? spk_conf_load_file(s->conf, path, err) : spk_fail(err, SPK_USAGE, "spk_session_load_configuration: the path is NULL");
}

spk_status spk_session_cache(struct spk_session *s, struct spk_cache **out, spk_error *err)
{
	size_t bytes = (size_t)spk_conf_int(s->conf, SPK_CONF_MEMORY_LIMIT) / 100 * (size_t)spk_conf_int(s->conf, SPK_CONF_CACHE_PERCENT);

	if (!s->cache)
		SPK_TRY(spk_cache_new(&s->cache, spk_conf_text(s->conf, SPK_CONF_SPILL_DIR), bytes, err));
	*out = s->cache;
	return SPK_OK;
}

struct spk_conf *spk_session_conf(struct spk_session *s) { return s->conf; }
struct spk_arena *spk_session_arena(struct spk_session *s) { return s->arena; }
struct spk_catalog *spk_session_catalog(struct spk_session *s) { return s->catalog; }

spk_status spk_session_bind(struct spk_session *s, const char *text, struct spk_script *out, spk_error *err)
{
	if (!text)
		return spk_fail(err, SPK_USAGE, "the SQL text is NULL");
	SPK_TRY(spk_sql_bind(text, s->catalog, s->conf, s->arena, out, err));
	s->text = out->text;
	spk_memory_set_limit((size_t)spk_conf_int(s->conf, SPK_CONF_MEMORY_LIMIT));
	return SPK_OK;
}

spk_status spk_session_forget(struct spk_session *s, spk_error *err)
{
	struct spk_arena *fresh;

	if (s->streams)
		return SPK_OK;
	spk_session_free_materialized(s);
	if (s->frames || s->cache)   /* theirs is among it */
		return SPK_OK;
	fresh = spk_arena_new(spk_memory_account("plan"));
	SPK_TRY_PTR(fresh, err);
	spk_arena_unref(s->arena);
	s->arena = fresh;
	s->text = NULL;
	return SPK_OK;
}

static spk_status execute(struct spk_session *s, const char *sql, spk_error *err)
{
	struct spk_script script;

	SPK_TRY(spk_session_bind(s, sql, &script, err));
	for (int i = 0; i < script.count; i++)
		if (script.statement[i].kind == SPK_STATEMENT_ANALYZE)
			SPK_TRY(spk_session_analyze(s, &script.statement[i], NULL, err));
	return SPK_OK;
}

spk_status spk_session_execute(struct spk_session *s, const char *sql, spk_error *err)
{
	struct spk_statement_time time;

	spk_session_begin_statement(s, &time);
	return spk_session_end_statement(s, &time, execute(s, sql, err), err);
}

spk_status spk_session_optimize(struct spk_session *s, struct spk_logical *bound, struct spk_logical **out, spk_error *err)
{
	SPK_TRY(spk_session_estimate_tables(s, bound, err));
	return spk_optimize(s->arena, bound, NULL, out, err);
}

/* --- planning --- */

static spk_status check_sources(const struct spk_physical_plan *plan, spk_error *err)
{
	for (int i = 0; i < plan->nodes; i++) {
		const struct spk_physical *n = plan->node[i];
		const struct spk_table *t = n->kind == SPK_PHYSICAL_SCAN ? plan->source[n->source].table : NULL;

		if (!t || t->rows || spk_source_type(t->connector))
			continue;
		spk_fail(err, SPK_PLAN, "table \"%s\": connector '%s' cannot be read from", t->name, t->connector);
		if (err && n->logical)
			err->position = n->logical->position;
		return spk_hint(err, "It only takes rows: read from the table that the rows of \"%s\" come from.", t->name);
	}
	return SPK_OK;
}

static spk_status sink_takes(const struct spk_table *table, bool *upserts, bool *deltas, void *user, spk_error *err)
{
	(void)user;
	return spk_connector_sink_takes(table, upserts, deltas, err);
}

static const struct spk_table *find_unbounded(const struct spk_logical *l)
{
	if (l->kind == SPK_LOGICAL_SCAN && !l->properties.bounded)
		return l->table;
	for (int i = 0; i < l->inputs; i++) {
		const struct spk_table *t = find_unbounded(l->input[i]);

		if (t)
			return t;
	}
	return NULL;
}

/* For EXPLAIN. */
static void count_files(const struct spk_logical *scan, int *read, int *all, void *user)
{
	const struct spk_session *s = user;
	struct spk_row_filter filter = { scan->filter, scan->column, scan->schema->count };

	*read = *all = 0;
	if (!scan->table->rows)
		spk_connector_files(scan->table, &filter, s->conf, read, all);
}

static spk_status plan_query(struct spk_session *s, struct spk_logical *bound, bool keep, struct spk_physical_plan **out, spk_error *err)
{
	struct spk_physical_options options = { .sink_takes = sink_takes, .files = count_files, .user = s, .keep = keep, .runtime_filters = (enum spk_runtime_filters)spk_conf_int(s->conf, SPK_CONF_RUNTIME_FILTERS),
		.sort_ranges = (enum spk_sort_ranges)spk_conf_int(s->conf, SPK_CONF_SORT_RANGES), .adaptive_joins = spk_conf_int(s->conf, SPK_CONF_ADAPTIVE_JOINS) != 0, .broadcast_bytes = spk_conf_int(s->conf, SPK_CONF_BROADCAST_BYTES), .estimate = s->timed || *spk_conf_text(s->conf, SPK_CONF_HISTORY_DIR) };
	const struct spk_table *unbounded;
	struct spk_logical *root;

	SPK_TRY(spk_session_optimize(s, bound, &root, err));
	unbounded = find_unbounded(root);
	if (unbounded) {
		spk_fail(err, SPK_PLAN, "table \"%s\" has no end (connector '%s'), so a query over it would never finish", unbounded->name, unbounded->connector);
		return spk_hint(err, "Run it as a job with `sparklet run`, or give the table an end: 'scan.bounded.mode' = 'latest-offset' for Kafka.");
	}
	SPK_TRY(spk_session_materialize(s, root, &root, err));
	SPK_TRY(spk_physical_plan_make(s->arena, &root, 1, &options, out, err));
	return check_sources(*out, err);
}

spk_status spk_session_plan_query(struct spk_session *s, struct spk_logical *bound, struct spk_physical_plan **out, spk_error *err)
{
	return plan_query(s, bound, false, out, err);
}

spk_status spk_session_plan_inner(struct spk_session *s, const struct spk_logical *query, struct spk_physical_plan **out, spk_error *err)
{
	struct spk_logical *copy = spk_logical_copy_tree(s->arena, query);

	SPK_TRY_PTR(copy, err);
	return plan_query(s, copy, false, out, err);
}

spk_status spk_session_plan_kept(struct spk_session *s, const struct spk_logical *query, struct spk_physical_plan **out, spk_error *err)
{
	struct spk_logical *copy = spk_logical_copy_tree(s->arena, query);

	SPK_TRY_PTR(copy, err);
	return plan_query(s, copy, true, out, err);
}

static void forget_statistics(const struct spk_logical *l)
{
	if (l->kind == SPK_LOGICAL_SCAN)
		spk_table_set_statistics(l->table, NULL);
	for (int i = 0; i < l->inputs; i++)
		forget_statistics(l->input[i]);
}

/* A job goes on with its state: its plan must not depend on what changes between two starts, as the sizes of its files do and what ANALYZE has seen. */
static spk_status optimize_for_job(struct spk_session *s, struct spk_logical *bound, struct spk_logical **out, spk_error *err)
{
	forget_statistics(bound);
	return spk_optimize(s->arena, bound, NULL, out, err);
}

spk_status spk_session_plan_job(struct spk_session *s, const struct spk_script *script, struct spk_physical_plan **out, spk_error *err)
{
	struct spk_physical_options options = { .streaming = true, .emit = (enum spk_emit)spk_conf_int(s->conf, SPK_CONF_EMIT),
		.lateness_us = spk_conf_int(s->conf, SPK_CONF_EMIT_LATENESS), .emit_interval_us = spk_conf_int(s->conf, SPK_CONF_EMIT_INTERVAL), .state_ttl_us = spk_conf_int(s->conf, SPK_CONF_STATE_TTL), .sink_takes = sink_takes };
	struct spk_logical **root = SPK_NEW_ARRAY(s->arena, struct spk_logical *, script->count);
	int roots = 0, queries = 0;

	SPK_TRY_PTR(root, err);
	for (int i = 0; i < script->count; i++) {
		const struct spk_statement *stated = &script->statement[i];
		struct spk_logical *plan = stated->kind == SPK_STATEMENT_INSERT || stated->kind == SPK_STATEMENT_DDL ? stated->plan : NULL;

		if (stated->late) {
			spk_fail(err, SPK_PLAN, "table \"%s\" has no 'connector', and is read before this INSERT", stated->late);
			spk_hint(err, "A job reads what was inserted before: put the INSERT further up.");
			return err ? err->position = stated->position, SPK_PLAN : SPK_PLAN;
		}
		if (spk_session_prints(script, stated))
			SPK_TRY(spk_session_printed(s, stated, queries++, &plan, err));
		if (plan)
			SPK_TRY(optimize_for_job(s, plan, &root[roots++], err));
	}
	if (roots == 0) {
		spk_fail(err, SPK_USAGE, "there is no INSERT INTO ... SELECT in it, nor a query, so there is nothing to run");
		return spk_hint(err, "A job is one or more INSERT INTO sink SELECT ... statements or materialized views, or queries whose rows are printed.");
	}
	SPK_TRY(spk_physical_plan_make(s->arena, root, roots, &options, out, err));
	return check_sources(*out, err);
}

/* --- metrics --- */

spk_status spk_session_open_reporter(struct spk_session *s, spk_error *err)
{
	if (spk_reporter_fits(s->reporter, s->conf))
		return SPK_OK;
	spk_reporter_close(s->reporter);
	s->reporter = NULL;
	return spk_reporter_open(&s->reporter, s->conf, err);
}

/* --- stopping --- */

void spk_session_cancel(struct spk_session *s)
{
	struct spk_job *job = atomic_load(&s->job);

	if (job) {
		spk_job_stop(job);
		return;
	}
	atomic_fetch_add(&s->cancels, 1);
	spk_wake(s->cancel_fd);
}

void spk_session_on_progress(struct spk_session *s, int every_ms, void (*progress)(void *user, const struct spk_query_progress *now), void *user)
{
	s->progress_ms = every_ms;
	s->progress = progress;
	s->progress_user = user;
}

void spk_session_clear_cancel(struct spk_session *s)
{
	spk_wake_clear(s->cancel_fd);
	atomic_store(&s->cancels, 0);
}

void spk_session_stop(struct spk_session *s) { spk_session_cancel(s); }
