/* What tests of the planner share: a session over a few tables, and plans as text. */
#ifndef SPK_TESTS_PLANNER_SUPPORT_H
#define SPK_TESTS_PLANNER_SUPPORT_H

#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "planner/optimizer/optimizer.h"
#include "planner/sql/sql.h"
#include "tests/support/test.h"

struct session {
	struct spk_catalog *catalog;
	struct spk_conf *conf;
	struct spk_arena *arena;
	int files;                   /* how often describe_file was asked */
	char last_file[64], last_format[16], last_options[128];
};

/* Refuses one option by name, as a connector would. */
static inline spk_status session_check_table(const struct spk_table *table, void *user, spk_error *err)
{
	(void)user;
	for (int i = 0; i < table->option_count; i++) {
		if (strcmp(table->option[i].key, "topik") != 0)
			continue;
		spk_fail(err, SPK_BIND, "unknown option 'topik' of connector '%s'", table->connector);
		spk_hint(err, "Did you mean 'topic'?");
		if (err)
			err->position = table->option[i].position;
		return SPK_BIND;
	}
	return SPK_OK;
}

/* Any path but "missing.csv" is a table of two columns. */
static inline spk_status session_describe_file(const struct spk_file_request *file, struct spk_arena *arena, struct spk_table **out, void *user, spk_error *err)
{
	static struct spk_field field[] = { { "a", { .id = SPK_TYPE_BIGINT }, true }, { "b", { .id = SPK_TYPE_TEXT }, true } };
	static const struct spk_schema schema = { .count = 2, .field = field };
	struct session *s = user;
	struct spk_table *t = SPK_NEW(arena, struct spk_table);

	s->files++;
	snprintf(s->last_file, sizeof s->last_file, "%s", file->path);
	snprintf(s->last_format, sizeof s->last_format, "%s", file->format ? file->format : "-");
	s->last_options[0] = '\0';
	for (int i = 0; i < file->options; i++)
		snprintf(s->last_options + strlen(s->last_options), sizeof s->last_options - strlen(s->last_options), "%s=%s;", file->option[i].key, file->option[i].value);
	if (strcmp(file->path, "missing.csv") == 0)
		return spk_fail(err, SPK_NOT_FOUND, "no file \"%s\"", file->path);
	SPK_TRY_PTR(t, err);
	t->name = "file";
	t->connector = "filesystem";
	t->schema = file->schema ? file->schema : &schema;
	t->computed = SPK_NEW_ARRAY(arena, struct spk_expr *, 2);
	t->metadata = SPK_NEW_ARRAY(arena, const char *, 2);
	t->time_column = -1;
	*out = t;
	return SPK_OK;
}

static const char session_tables[] =
	"CREATE TABLE bid (auction bigint, bidder bigint, price bigint, channel text, url text, ts timestamp, extra text,\n"
	"  WATERMARK FOR ts AS ts - INTERVAL '4' SECOND) WITH ('connector' = 'kafka', 'topic' = 'bid');\n"
	"CREATE TABLE person (id bigint NOT NULL, name STRING, emailAddress STRING, `dateTime` TIMESTAMP(3), amount DECIMAL(10, 2),\n"
	"  PRIMARY KEY (id) NOT ENFORCED) WITH (connector = 'upsert-kafka', topic = 'p');\n"
	"CREATE TABLE sink (id bigint, name text, total double precision, at timestamp) WITH (connector = 'print');\n"
	"CREATE TABLE narrow (n smallint, t varchar(3) NOT NULL) WITH (connector = 'print');\n"
	"CREATE TABLE meta (k bigint, ts timestamp, twice AS k * 2, off bigint METADATA FROM 'offset' VIRTUAL,\n"
	"  PRIMARY KEY (k) NOT ENFORCED) WITH (connector = 'kafka');\n"
	"CREATE TABLE file (x integer, y boolean) WITH (connector = 'filesystem', path = 'f.csv');\n";

static inline spk_status session_bind(struct session *s, const char *text, struct spk_script *out, spk_error *err)
{
	*err = (spk_error){ 0 };
	return spk_sql_bind(text, s->catalog, s->conf, s->arena, out, err);
}

/* A session without tables. */
static inline struct session *session_empty(void)
{
	struct session *s = calloc(1, sizeof *s);
	struct spk_catalog_hooks hooks = { .user = s, .check_table = session_check_table, .describe_file = session_describe_file };
	spk_error err = { 0 };

	if (!s || !(s->arena = spk_arena_new(NULL)) || !(s->conf = spk_conf_new()) || spk_catalog_new(&s->catalog, &hooks, &err) != SPK_OK)
		abort();
	return s;
}

static inline struct session *session_new(void)
{
	struct session *s = session_empty();
	struct spk_script script;
	spk_error err;

	if (session_bind(s, session_tables, &script, &err) != SPK_OK) {
		fprintf(stderr, "%d:%d: %s\n", err.line, err.column, err.message);
		abort();
	}
	return s;
}

static inline void session_free(struct session *s)
{
	spk_arena_unref(s->arena);
	spk_catalog_free(s->catalog);
	spk_conf_free(s->conf);
	free(s);
}

/* A plan's tree; the caller frees it. */
static inline char *plan_text(const struct spk_logical *plan, bool verbose)
{
	struct spk_buffer b = { 0 };
	spk_error err = { 0 };
	char *copy;

	if (spk_logical_format(plan, verbose, &b, &err) != SPK_OK)
		abort();
	copy = strdup(spk_buffer_cstr(&b));
	spk_buffer_release(&b);
	return copy;
}

/* The last statement's plan as text, or the error's message; `optimized`: after all rules, with properties when `verbose`. */
static inline char *bind_text(struct session *s, const char *text, bool optimized, bool verbose)
{
	struct spk_script script;
	struct spk_logical *plan;
	spk_error err;

	if (session_bind(s, text, &script, &err) != SPK_OK)
		return spk_test_format("%d:%d: %s", err.line, err.column, err.message);
	if (!script.count || !(plan = script.statement[script.count - 1].plan))
		return strdup("");
	if (optimized && spk_optimize(s->arena, plan, NULL, &plan, &err) != SPK_OK)
		return strdup(err.message);
	return plan_text(plan, verbose);
}

#endif
