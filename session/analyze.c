/*
 * ANALYZE: what is known of a table's rows, kept in the session, and in 'statistics.dir' for others, until the files change.
 *
 * One pass, by one query of the engine's own aggregates: counts, NULLs, distinct values (HyperLogLog), bounds, widths; and a sample of about
 * 30,000 rows, taken by the rows' numbers within each task, so that the same rows are in each time. Common values and histograms are the sample's.
 */
#include "session/analyze.h"

#include <stdlib.h>

#include "connectors/connector.h"
#include "core/base/check.h"
#include "core/base/log.h"
#include "session/statistics_file.h"

#define INPUT "analyze input"  /* no user's name has a blank by accident */

/* --- what is kept --- */

static const char *key_of(const struct spk_table *t, struct spk_arena *arena)
{
	const char *path = spk_table_option(t, "path");

	if (t->rows)
		return spk_arena_printf(arena, "rows %p", t->rows);
	return path ? spk_arena_printf(arena, "%s %s", t->connector ? t->connector : "", path) : spk_arena_printf(arena, "table %s", t->name);
}

static struct spk_analyzed **find(const struct spk_session *s, const char *key)
{
	struct spk_analyzed **at = (struct spk_analyzed **)(uintptr_t)&s->analyzed;

	while (*at && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	return at;
}

static uint64_t version_of(const struct spk_session *s, const struct spk_table *t)
{
	return t->rows ? (uint64_t)spk_cached_rows(t->rows) : spk_connector_estimate(t, s->conf).version;
}

void spk_session_free_analyzed(struct spk_session *s)
{
	while (s->analyzed) {
		struct spk_analyzed *a = s->analyzed;

		s->analyzed = a->next;
		spk_arena_unref(a->arena);
	}
}

static const struct spk_analyzed_column *find_column(const struct spk_analyzed *a, const struct spk_field *f)
{
	for (int i = 0; i < a->columns; i++)
		if (strcmp(a->column[i].name, f->name) == 0 && a->column[i].type.id == f->type.id)
			return &a->column[i];
	return NULL;
}

/* Puts it in the place of what is known by its key. */
static void keep(struct spk_session *s, struct spk_analyzed *a)
{
	struct spk_analyzed **old = find(s, a->key);

	if (*old) {
		a->next = (*old)->next;
		spk_arena_unref((*old)->arena);
	}
	*old = a;
}

static spk_status new_analyzed(const struct spk_session *s, const struct spk_table *t, struct spk_analyzed **out, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(spk_memory_account("plan"));
	struct spk_analyzed *a;

	SPK_TRY_PTR(arena, err);
	a = SPK_NEW(arena, struct spk_analyzed);
	if (a)
		*a = (struct spk_analyzed){ .arena = arena, .key = key_of(t, arena), .version = version_of(s, t) };
	if (!a || !a->key) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	*out = a;
	return SPK_OK;
}

/* Where the table's statistics are kept for others; NULL: nowhere. Only files have an identity that outlives the session. */
static const char *folder_of(const struct spk_session *s, const struct spk_table *t)
{
	const char *dir = spk_conf_text(s->conf, SPK_CONF_STATISTICS_DIR);

	return *dir && !t->rows && spk_table_option(t, "path") ? dir : NULL;
}

/* Looks into 'statistics.dir', once for the files as they are now. What cannot be read is named and left alone: estimates change no result. */
static spk_status look_up(struct spk_session *s, const struct spk_table *t, spk_error *err)
{
	const char *dir = folder_of(s, t);
	struct spk_analyzed *a, *old;
	spk_error why = { 0 };
	spk_status status;

	if (!dir)
		return SPK_OK;
	SPK_TRY(new_analyzed(s, t, &a, err));
	const uint64_t now = a->version;

	old = *find(s, a->key);
	status = spk_statistics_read(dir, t, a, &why);
	if (status != SPK_OK && status != SPK_NOT_FOUND)
		SPK_LOG(WARN, "statistics", "%s; left alone", why.message);
	/* Older figures of the session's own are worth more than none: they tell that they are old. */
	if (status != SPK_OK && old && !old->unusable) {
		spk_arena_unref(a->arena);
		return SPK_OK;
	}
	a->unusable = status != SPK_OK;
	a->told = old && old->told && old->version == a->version;
	if (a->unusable)
		a->version = now;
	keep(s, a);
	return SPK_OK;
}

static void tell_stale(struct spk_analyzed *a, const struct spk_table *t)
{
	if (!a->told)
		SPK_LOG(WARN, "statistics", "table \"%s\": its files have changed since ANALYZE, whose statistics are not used", t->name);
	a->told = true;
}

static spk_status table_statistics(const struct spk_analyzed *a, const struct spk_table *t, struct spk_arena *arena, struct spk_table_statistics *known, spk_error *err)
{
	SPK_TRY(spk_arena_hold(arena, a->arena, err));  /* plans may outlive another ANALYZE */
	SPK_TRY_PTR(known->column = SPK_NEW_ARRAY(arena, struct spk_column_statistics, t->schema->count + 1), err);
	known->rows = a->rows;
	known->analyzed = true;
	for (int i = 0; i < t->schema->count; i++) {
		const struct spk_analyzed_column *c = find_column(a, &t->schema->field[i]);

		if (c)
			known->column[i] = c->statistics;
	}
	return SPK_OK;
}

spk_status spk_session_analyzed(struct spk_session *s, const struct spk_table *t, struct spk_arena *arena, struct spk_table_statistics *out, bool *known, spk_error *err)
{
	struct spk_analyzed *a;
	const char *key;
	uint64_t now;

	*known = false;
	if (!s->analyzed && !*spk_conf_text(s->conf, SPK_CONF_STATISTICS_DIR))
		return SPK_OK;
	SPK_TRY_PTR(key = key_of(t, arena), err);
	now = version_of(s, t);
	a = *find(s, key);
	if (!a || a->version != now) {
		SPK_TRY(look_up(s, t, err));
		a = *find(s, key);
	}
	if (!a || a->unusable)
		return SPK_OK;
	out->stale = a->version != now;
	if (out->stale) {
		tell_stale(a, t);
		return SPK_OK;
	}
	*known = true;
	return table_statistics(a, t, arena, out, err);
}

/* --- the query --- */

static spk_status put_name(struct spk_buffer *text, const char *name, char quote, spk_error *err)
{
	SPK_TRY(spk_buffer_append(text, &quote, 1, err));
	for (; *name; name++) {
		if (*name == quote)
			SPK_TRY(spk_buffer_append(text, &quote, 1, err));
		SPK_TRY(spk_buffer_append(text, name, 1, err));
	}
	return spk_buffer_append(text, &quote, 1, err);
}

static spk_status bind_text(struct spk_session *s, struct spk_buffer *text, struct spk_logical **out, spk_error *err)
{
	struct spk_script script;

	SPK_TRY_PTR(spk_buffer_cstr(text), err);
	SPK_TRY(spk_sql_bind(text->data, s->catalog, s->conf, s->arena, &script, err));
	*out = script.statement[0].plan;
	return SPK_OK;
}

/* The columns of a table or file, all or those that are asked for. */
static spk_status bind_input(struct spk_session *s, const struct spk_analyze_target *t, struct spk_logical **out, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_buffer_append_str(&text, t->columns ? "SELECT " : "SELECT *", err);

	for (int i = 0; i < t->columns && status == SPK_OK; i++) {
		status = i ? spk_buffer_append_str(&text, ", ", err) : SPK_OK;
		if (status == SPK_OK)
			status = put_name(&text, t->column[i], '"', err);
	}
	if (status == SPK_OK)
		status = spk_buffer_append_str(&text, " FROM ", err);
	if (status == SPK_OK)
		status = put_name(&text, t->name, t->file ? '\'' : '"', err);
	if (status == SPK_OK)
		status = bind_text(s, &text, out, err);
	spk_buffer_release(&text);
	if (status != SPK_OK && err)
		err->position = t->position;   /* that in the text above helps nobody */
	return status;
}

/* Rows of the sample as a part of all: by the number that is known before they are read. */
static uint64_t most_of(const struct spk_session *s, const struct spk_table *t)
{
	double rows = t->rows ? (double)spk_cached_rows(t->rows) : spk_connector_estimate(t, s->conf).rows;

	return rows <= 2 * SPK_ANALYZE_ROWS ? UINT64_MAX : (uint64_t)(SPK_ANALYZE_ROWS / rows * 0x1p64);
}

static spk_status add_sampler(struct spk_session *s, const struct spk_table *t, struct spk_logical *input, struct spk_logical **out, spk_error *err)
{
	struct spk_sampler *sampler = SPK_NEW(s->arena, struct spk_sampler);
	struct spk_schema *schema = SPK_NEW(s->arena, struct spk_schema);

	SPK_TRY_PTR(sampler && schema, err);
	schema->count = input->schema->count + 1;
	SPK_TRY_PTR(schema->field = SPK_NEW_ARRAY(s->arena, struct spk_field, schema->count), err);
	memcpy(schema->field, input->schema->field, sizeof *schema->field * (size_t)input->schema->count);
	schema->field[input->schema->count] = (struct spk_field){ "sampled row", spk_type(SPK_TYPE_BOOLEAN), false };
	*sampler = (struct spk_sampler){ .base = { &spk_sampler_type, schema }, .most = most_of(s, t) };
	SPK_TRY_PTR(*out = spk_logical_new(s->arena, SPK_LOGICAL_CALLBACK, schema, &input, 1), err);
	(*out)->callback = &sampler->base;
	return SPK_OK;
}

static spk_status put_column(struct spk_buffer *text, const struct spk_field *f, spk_error *err)
{
	bool number = spk_analyze_is_number(f->type), string = spk_analyze_is_text(f->type);
	static const char *const calls[] = { ", count(", ", approx_count_distinct(", ", min(", ", max(", ", avg(octet_length(", ", array_agg(" };

	for (size_t i = 0; i < SPK_COUNT_OF(calls); i++) {
		if ((i >= 2 && !number && !string) || ((i == 2 || i == 3) && !number) || (i == 4 && !string))
			continue;
		SPK_TRY(spk_buffer_append_str(text, calls[i], err));
		SPK_TRY(put_name(text, f->name, '"', err));
		SPK_TRY(spk_buffer_append_str(text, i == 4 ? "))" : ")", err));
		if (i < 5)
			continue;
		SPK_TRY(spk_buffer_append_str(text, " FILTER (WHERE \"sampled row\" AND ", err));
		SPK_TRY(put_name(text, f->name, '"', err));
		SPK_TRY(spk_buffer_append_str(text, " IS NOT NULL)", err));
	}
	return SPK_OK;
}

static spk_status bind_query(struct spk_session *s, const struct spk_schema *schema, struct spk_logical **out, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_buffer_append_str(&text, "SELECT count(*), count(*) FILTER (WHERE \"sampled row\")", err);

	for (int i = 0; i < schema->count && status == SPK_OK; i++)
		status = put_column(&text, &schema->field[i], err);
	if (status == SPK_OK)
		status = spk_buffer_append_str(&text, " FROM \"" INPUT "\"", err);
	if (status == SPK_OK)
		status = bind_text(s, &text, out, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status keep_row(void *user, struct spk_batch *batch, spk_error *err)
{
	struct spk_batch **row = user;

	return *row ? SPK_OK : spk_batch_compact(row, batch, err);
}

static spk_status run_query(struct spk_session *s, struct spk_logical *query, struct spk_batch **out, spk_error *err)
{
	struct spk_physical_plan *plan;

	*out = NULL;
	SPK_TRY(spk_session_plan_query(s, query, &plan, err));
	return spk_session_run_query(s, plan, keep_row, out, NULL, err);
}

/* --- its answer --- */

/* The next column of the answer's row, as a number; 0 for NULL. */
static double take(const struct spk_batch *row, int *at, bool *there)
{
	struct spk_value v = spk_vector_value(&row->column[(*at)++], 0);
	double number = 0;

	*there = !v.null && spk_statistics_number(&v, &number);
	return number;
}

static spk_status take_column(struct spk_analyzed *a, struct spk_analyzed_column *c, const struct spk_batch *row, double sampled, int *at, spk_error *err)
{
	struct spk_column_statistics *s = &c->statistics;
	bool there[2];

	s->nulls = a->rows > 0 ? 1 - take(row, at, &there[0]) / a->rows : (++*at, 0);
	s->distinct = take(row, at, &there[0]);
	if (spk_analyze_is_number(c->type)) {
		s->low = take(row, at, &there[0]);
		s->high = take(row, at, &there[1]);
		s->ranged = there[0] && there[1];
	} else if (spk_analyze_is_text(c->type)) {
		s->width = take(row, at, &there[0]);
	} else {
		return SPK_OK;
	}
	return spk_analyze_sample(s, &row->column[(*at)++], 0, sampled, a->arena, err);
}

static spk_status take_answer(struct spk_analyzed *a, const struct spk_schema *schema, const struct spk_batch *row, spk_error *err)
{
	double sampled;
	bool there;
	int at = 0;

	a->rows = take(row, &at, &there);
	sampled = take(row, &at, &there);
	SPK_TRY_PTR(a->column = SPK_NEW_ARRAY(a->arena, struct spk_analyzed_column, schema->count + 1), err);
	for (; a->columns < schema->count; a->columns++) {
		struct spk_analyzed_column *c = &a->column[a->columns];

		c->type = spk_type(schema->field[a->columns].type.id);
		SPK_TRY_PTR(c->name = spk_arena_strdup(a->arena, schema->field[a->columns].name), err);
		SPK_TRY(take_column(a, c, row, sampled, &at, err));
	}
	return SPK_OK;
}

/* --- a table --- */

static spk_status put_statistics(const struct spk_analyzed *a, const char *name, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, "%s: %.0f rows\n", name, a->rows));
	for (int i = 0; i < a->columns; i++) {
		const struct spk_column_statistics *s = &a->column[i].statistics;

		SPK_TRY(spk_buffer_printf(out, err, "  %s: %.0f values, %.1f %% NULL", a->column[i].name, s->distinct, 100 * s->nulls));
		if (s->width > 0)
			SPK_TRY(spk_buffer_printf(out, err, ", %.1f bytes", s->width));
		if (s->ranged)
			SPK_TRY(spk_buffer_printf(out, err, ", %.15g to %.15g", s->low, s->high));
		if (s->buckets)
			SPK_TRY(spk_buffer_printf(out, err, ", histogram of %d", s->buckets));
		for (int k = 0; k < SPK_MIN(s->commons, 3); k++) {
			SPK_TRY(spk_buffer_append_str(out, k ? ", " : s->commons > 3 ? "; most common of " : "; ", err));
			if (!k && s->commons > 3)
				SPK_TRY(spk_buffer_printf(out, err, "%d: ", s->commons));
			if (s->common[k].text)
				SPK_TRY(spk_buffer_printf(out, err, "'%.40s' %.1f %%", s->common[k].text, 100 * s->common[k].part));
			else
				SPK_TRY(spk_buffer_printf(out, err, "%.15g %.1f %%", s->common[k].number, 100 * s->common[k].part));
		}
		SPK_TRY(spk_buffer_append_str(out, "\n", err));
	}
	return SPK_OK;
}

static const struct spk_table *table_below(const struct spk_logical *l)
{
	while (l->kind == SPK_LOGICAL_PROJECT)
		l = l->input[0];
	return l->kind == SPK_LOGICAL_SCAN ? l->table : NULL;
}

static spk_status find_out(struct spk_session *s, const struct spk_table *t, struct spk_logical *input, struct spk_analyzed *a, spk_error *err)
{
	struct spk_logical *sampled, *query;
	struct spk_batch *row = NULL;
	spk_status status;

	SPK_TRY(add_sampler(s, t, input, &sampled, err));
	SPK_TRY(spk_session_add_frame(s, INPUT, sampled, true, err));
	status = bind_query(s, input->schema, &query, err);
	spk_catalog_drop(s->catalog, INPUT, true, NULL);
	if (status == SPK_OK)
		status = run_query(s, query, &row, err);
	if (status == SPK_OK)
		status = row ? take_answer(a, input->schema, row, err) : spk_fail(err, SPK_INTERNAL, "ANALYZE got no row");
	spk_batch_unref(row);
	return status;
}

static spk_status analyze_one(struct spk_session *s, const struct spk_analyze_target *target, struct spk_buffer *show, spk_error *err)
{
	const char *dir;
	struct spk_analyzed *a;
	struct spk_logical *input;
	const struct spk_table *t;
	spk_status status;

	SPK_TRY(bind_input(s, target, &input, err));
	t = table_below(input);
	if (!t) {
		spk_fail(err, SPK_USAGE, "\"%s\" is not a table: statistics are of tables and files", target->name);
		if (err)
			err->position = target->position;
		return SPK_USAGE;
	}
	SPK_TRY(new_analyzed(s, t, &a, err));
	status = find_out(s, t, input, a, err);
	if (status == SPK_OK && show)
		status = put_statistics(a, target->name, show, err);
	if (status != SPK_OK) {
		spk_arena_unref(a->arena);
		return status;
	}
	keep(s, a);
	dir = folder_of(s, t);
	if (!dir)
		return SPK_OK;
	status = spk_statistics_write(dir, t, a, err);
	if (status != SPK_OK)
		spk_error_context(err, "statistics of \"%s\" are kept for this session only", target->name);
	return status;
}

/* Every declared table that is finite and can be read; the others are left out, as PostgreSQL leaves out what is not the user's. */
static spk_status analyze_all(struct spk_session *s, struct spk_buffer *show, spk_error *err)
{
	int count, capacity = 64;
	const char **name = NULL;

	do {
		capacity *= 2;
		SPK_TRY_PTR(name = SPK_NEW_ARRAY(s->arena, const char *, capacity), err);
		count = spk_catalog_names(s->catalog, name, capacity);
	} while (count == capacity);
	for (int i = 0; i < count; i++) {
		const struct spk_table *t = spk_catalog_table(s->catalog, name[i]);

		if (t && (t->rows || spk_connector_estimate(t, s->conf).rows >= 0))
			SPK_TRY(analyze_one(s, &(struct spk_analyze_target){ .name = name[i] }, show, err));
	}
	return SPK_OK;
}

spk_status spk_session_analyze(struct spk_session *s, const struct spk_statement *statement, struct spk_buffer *show, spk_error *err)
{
	if (!statement->targets)
		return analyze_all(s, show, err);
	for (int i = 0; i < statement->targets; i++)
		SPK_TRY(analyze_one(s, &statement->target[i], show, err));
	return SPK_OK;
}
