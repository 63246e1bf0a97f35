/*
 * What a job has in its state: a checkpoint, cloned into a folder of its own and opened, so that neither the job nor its checkpoints are touched. Tables are
 * listed whatever is in them; those that hold rows (materialized views, and what is kept to compute it again) become tables of the session, to be asked by SQL.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "session/materialize.h"
#include "state/state.h"
#include "stream/operator/row_changes.h"

enum { SHARDS = 64 };

struct spk_job_state {
	struct spk_session *session;
	struct spk_job_files files;
	char folder[SPK_JOB_DIR_BYTES + 64];
	struct spk_store *store;
	int64_t epoch;
};

/* --- opening --- */

static spk_status choose_epoch(struct spk_job_state *state, const char *job, int64_t wanted, spk_error *err)
{
	struct spk_checkpoint_store *c = state->files.checkpoints;
	char all[256] = "";
	int64_t *epoch;
	size_t used = 0;
	int count;

	SPK_TRY(c->type->list(c, state->session->arena, &epoch, &count, err));
	if (count == 0)
		return spk_fail(err, SPK_NOT_FOUND, "job %s has no checkpoint yet", job);
	state->epoch = wanted ? wanted : epoch[count - 1];
	for (int i = 0; i < count; i++) {
		if (epoch[i] == state->epoch)
			return SPK_OK;
		if (used + 32 < sizeof all)
			used += (size_t)snprintf(all + used, sizeof all - used, "%s%" PRId64, i ? ", " : "", epoch[i]);
	}
	spk_fail(err, SPK_NOT_FOUND, "job %s has no checkpoint at the end of epoch %" PRId64, job, wanted);
	return spk_hint(err, "There are: %s", all);
}

spk_status spk_job_state_open(struct spk_session *session, const char *job, const char *dir, int64_t epoch, struct spk_job_state **out, spk_error *err)
{
	struct spk_job_state *state = calloc(1, sizeof *state);
	const struct spk_store_options options = { 0 };
	spk_status status;

	SPK_TRY_PTR(state, err);
	state->session = session;
	status = spk_session_open_checkpoints(session, job, dir, &state->files, err);
	if (status == SPK_OK)
		status = choose_epoch(state, job, epoch, err);
	if (status == SPK_OK) {
		snprintf(state->folder, sizeof state->folder, "%s/looked-at.%d", state->files.dir, (int)getpid());
		status = state->files.checkpoints->type->clone(state->files.checkpoints, state->epoch, state->folder, err);
	}
	if (status == SPK_OK)
		status = spk_store_open(&state->store, state->folder, &options, err);
	if (status != SPK_OK) {
		spk_job_state_close(state);
		return status;
	}
	*out = state;
	return SPK_OK;
}

int64_t spk_job_state_epoch(const struct spk_job_state *state) { return state->epoch; }

void spk_job_state_close(struct spk_job_state *state)
{
	if (!state)
		return;
	spk_store_close(state->store);
	if (state->folder[0])
		(void)spk_dir_remove(state->folder, NULL);
	spk_session_close_job(&state->files);
	free(state);
}

/* --- its tables --- */

/* In the session's arena: the store's own names go when a table is added. */
struct tables { struct spk_job_state *state; struct spk_state_summary *table; int count, capacity; };

static spk_status note_table(void *user, const char *name, enum spk_table_kind kind, int version, const char *fingerprint, bool added, spk_error *err)
{
	struct tables *t = user;
	struct spk_arena *arena = t->state->session->arena;

	(void)added;
	if (t->count == t->capacity) {
		int capacity = SPK_MAX(2 * t->capacity, 16);
		struct spk_state_summary *grown = SPK_NEW_ARRAY(arena, struct spk_state_summary, capacity);

		SPK_TRY_PTR(grown, err);
		if (t->count)
			memcpy(grown, t->table, sizeof *grown * (size_t)t->count);
		t->table = grown;
		t->capacity = capacity;
	}
	t->table[t->count++] = (struct spk_state_summary){ .name = spk_arena_strdup(arena, name), .bucketed = kind == SPK_TABLE_BUCKETED, .version = version, .meaning = spk_arena_strdup(arena, fingerprint) };
	return t->table[t->count - 1].name && t->table[t->count - 1].meaning ? SPK_OK : spk_fail_memory(err);
}

static spk_status count_entry(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err)
{
	struct spk_state_summary *s = user;

	(void)bucket, (void)key, (void)value, (void)err;
	s->entries++;
	s->bytes += (int64_t)key_size + value_size;
	return SPK_OK;
}

/* A view over all of a table; `table` says what kind it is. */
static spk_status open_view(struct spk_job_state *state, const struct spk_state_summary *table, struct spk_state_view **out, spk_error *err)
{
	SPK_TRY(spk_store_add_table(state->store, table->name, table->bucketed ? SPK_TABLE_BUCKETED : SPK_TABLE_KEYED, table->version, table->meaning, err));
	return spk_state_view_open(out, state->store, table->name, 0, SHARDS, err);
}

spk_status spk_job_state_tables(struct spk_job_state *state, const struct spk_state_summary **out, int *count, spk_error *err)
{
	struct tables t = { .state = state };

	SPK_TRY(spk_store_each_table(state->store, note_table, &t, err));
	for (int i = 0; i < t.count; i++) {
		struct spk_state_view *view;
		spk_status status;

		SPK_TRY(open_view(state, &t.table[i], &view, err));
		status = spk_state_scan(view, count_entry, &t.table[i], err);
		spk_state_view_close(view);
		SPK_TRY(status);
	}
	*out = t.table;
	*count = t.count;
	return SPK_OK;
}

/* --- rows --- */

struct rows {
	const struct spk_schema *schema;
	struct spk_keyed_rows kept;
	struct spk_cached *into;
	/* the key at hand; its rows lie in `arena` */
	struct spk_arena *arena;
	struct spk_row_group group;
	/* rows that fill a batch */
	const struct spk_kept_row *row[SPK_BATCH_ROWS];
	int n;
};

static spk_status hand_on(struct rows *r, spk_error *err)
{
	struct spk_batch *batch;
	spk_status status;

	if (!r->n)
		return SPK_OK;
	SPK_TRY(spk_batch_new(&batch, r->schema, NULL, err));
	batch->rows = batch->selected = r->n;
	status = spk_kept_rows_read(batch, 0, r->schema, r->row, r->n, err);
	if (status == SPK_OK)
		status = spk_cached_add(r->into, 0, batch, err);
	spk_batch_unref(batch);
	r->n = 0;
	return status;
}

static spk_status end_key(struct rows *r, spk_error *err)
{
	for (uint32_t i = 0; i < r->group.rows; i++)
		for (int64_t weight = r->group.row[i].weight; weight > 0; weight--) {
			r->row[r->n++] = &r->group.row[i];
			if (r->n == SPK_BATCH_ROWS)
				SPK_TRY(hand_on(r, err));
		}
	SPK_TRY(hand_on(r, err));
	spk_arena_unref(r->arena);
	r->arena = NULL;
	r->group = (struct spk_row_group){ 0 };
	return SPK_OK;
}

static spk_status take_entry(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err)
{
	const struct spk_state_entry entry = { key, key_size, value, value_size };
	struct rows *r = user;
	bool same = false;

	(void)bucket;
	if (r->arena)
		SPK_TRY(spk_keyed_rows_gather(&r->kept, &r->group, &entry, &same, r->arena, err));
	if (same)
		return SPK_OK;
	SPK_TRY(end_key(r, err));
	SPK_TRY_PTR(r->arena = spk_arena_new(NULL), err);
	return spk_keyed_rows_gather(&r->kept, &r->group, &entry, &same, r->arena, err);
}

static spk_status fill(struct spk_job_state *state, const struct spk_state_summary *table, const struct spk_schema *schema, struct spk_cached *into, spk_error *err)
{
	struct rows r = { .schema = schema, .into = into, .kept = { .bucketed = table->bucketed } };
	struct spk_state_view *view;
	spk_status status;

	SPK_TRY(open_view(state, table, &view, err));
	status = spk_cached_begin(into, 1, err);
	if (status == SPK_OK)
		status = spk_state_scan(view, take_entry, &r, err);
	if (status == SPK_OK)
		status = end_key(&r, err);
	if (status == SPK_OK)
		spk_cached_finish(into);
	spk_arena_unref(r.arena);
	spk_state_view_close(view);
	return status;
}

/* The columns as whoever reads the view sees them. */
static spk_status name_columns(struct spk_session *s, const struct spk_physical *node, const struct spk_schema **out, spk_error *err)
{
	const struct spk_schema *in = node->input[0]->schema;
	struct spk_script script;
	const char *text;

	*out = in;
	if (node->logical->kind != SPK_LOGICAL_SHARED)
		return SPK_OK;
	text = spk_arena_printf(s->arena, "SELECT * FROM \"%s\"", node->logical->alias);
	SPK_TRY_PTR(text, err);
	SPK_TRY(spk_session_bind(s, text, &script, err));
	*out = script.statement[0].plan->schema;
	return SPK_OK;
}

static spk_status add_rows(struct spk_job_state *state, const struct spk_physical *node, const struct spk_state_summary *from, spk_error *err)
{
	struct spk_session *s = state->session;
	struct spk_arena *arena = spk_catalog_arena(s->catalog);
	const bool view = node->logical->kind == SPK_LOGICAL_SHARED;
	const struct spk_schema *schema;
	struct spk_table *table = SPK_NEW(arena, struct spk_table);

	SPK_TRY(name_columns(s, node, &schema, err));
	SPK_TRY_PTR(table, err);
	*table = (struct spk_table){ .name = spk_arena_strdup(arena, view ? node->logical->alias : node->state_table), .schema = schema, .time_column = -1 };
	SPK_TRY_PTR(table->name, err);
	SPK_TRY(spk_session_make_rows(table, s, err));
	SPK_TRY(fill(state, from, schema, table->rows, err));
	if (view)
		SPK_TRY(spk_catalog_drop(s->catalog, table->name, true, err));
	return spk_catalog_add_table(s->catalog, table, true, err);
}

static spk_status plan_job(struct spk_job_state *state, struct spk_physical_plan **out, spk_error *err)
{
	struct spk_buffer sql = { 0 };
	char path[SPK_JOB_DIR_BYTES + 16];
	struct spk_script script;
	spk_status status;

	snprintf(path, sizeof path, "%s/job.sql", state->files.dir);
	status = spk_file_read_all(path, &sql, err);
	if (status == SPK_OK)
		status = spk_buffer_append(&sql, "", 1, err);
	if (status == SPK_OK)
		status = spk_session_bind(state->session, sql.data, &script, err);
	spk_buffer_release(&sql);
	SPK_TRY(status);
	return spk_session_plan_job(state->session, &script, out, err);
}

spk_status spk_job_state_declare(struct spk_job_state *state, spk_error *err)
{
	const struct spk_state_summary *table;
	struct spk_physical_plan *plan;
	int count;

	SPK_TRY(plan_job(state, &plan, err));
	SPK_TRY(spk_job_state_tables(state, &table, &count, err));
	for (int i = 0; i < plan->nodes; i++)
		for (int t = 0; t < count && plan->node[i]->kind == SPK_PHYSICAL_RECOMPUTE; t++)
			if (strcmp(plan->node[i]->state_table, table[t].name) == 0)
				SPK_TRY(add_rows(state, plan->node[i], &table[t], err));
	return SPK_OK;
}
