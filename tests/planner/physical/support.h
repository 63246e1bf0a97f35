/* Jobs and queries in SQL to physical plans and their text. */
#ifndef SPK_TESTS_PLANNER_PHYSICAL_SUPPORT_H
#define SPK_TESTS_PLANNER_PHYSICAL_SUPPORT_H

#include "planner/physical/physical.h"
#include "tests/planner/support.h"

static const char job_tables[] =
	"CREATE TABLE bid (auction bigint, bidder bigint, price bigint, channel text, ts timestamp,\n"
	"  WATERMARK FOR ts AS ts - INTERVAL '4' SECOND) WITH ('connector' = 'kafka', 'topic' = 'bid');\n"
	"CREATE TABLE click (auction bigint, who bigint, ts timestamp, WATERMARK FOR ts AS ts) WITH ('connector' = 'kafka', 'topic' = 'click');\n"
	"CREATE TABLE raw (ms bigint, v text, at AS to_timestamp(ms / 1000), WATERMARK FOR at AS at - INTERVAL '1' MINUTE) WITH ('connector' = 'kafka');\n"
	"CREATE TABLE keyed (k bigint, v text, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'kafka');\n"
	"CREATE TABLE changes (k bigint, v text) WITH ('connector' = 'kafka', 'format' = 'debezium-json');\n"
	"CREATE TABLE meta (a bigint, off bigint METADATA FROM 'offset' VIRTUAL) WITH ('connector' = 'kafka');\n"
	"CREATE TABLE events (at timestamp, v text) WITH ('connector' = 'kafka');\n"
	"CREATE TABLE plain (auction bigint, n bigint) WITH ('connector' = 'kafka', 'topic' = 'plain');\n"
	"CREATE TABLE windows (\"end\" timestamp, auction bigint, n bigint) WITH ('connector' = 'kafka', 'topic' = 'windows');\n"
	"CREATE TABLE upserts (auction bigint, n bigint, PRIMARY KEY (auction) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'u');\n"
	"CREATE TABLE by_n (auction bigint, n bigint, PRIMARY KEY (n) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'n');\n"
	"CREATE TABLE texts (k bigint, v text, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 't');\n"
	"CREATE TABLE shown (auction bigint, n bigint) WITH ('connector' = 'print');\n";

/* As the connectors have it: upsert-kafka takes changes by key, print as +/- rows. */
static inline spk_status sink_takes(const struct spk_table *t, bool *upserts, bool *deltas, void *user, spk_error *err)
{
	(void)user;
	(void)err;
	*upserts = strcmp(t->connector, "upsert-kafka") == 0;
	*deltas = strcmp(t->connector, "print") == 0;
	return SPK_OK;
}

static inline struct session *job_session(void)
{
	struct session *s = session_empty();
	struct spk_script script;
	spk_error err;

	if (session_bind(s, job_tables, &script, &err) != SPK_OK) {
		fprintf(stderr, "%d:%d: %s\n", err.line, err.column, err.message);
		abort();
	}
	return s;
}

/* Binds, optimizes and plans all queries of `text` as one job (or query). */
static inline spk_status plan_job(struct session *s, const char *text, bool streaming, enum spk_emit emit, struct spk_physical_plan **out, spk_error *err)
{
	struct spk_physical_options options = { .streaming = streaming, .emit = emit, .sink_takes = sink_takes };
	struct spk_script script;
	struct spk_logical *root[16];
	int roots = 0;

	SPK_TRY(session_bind(s, text, &script, err));
	for (int i = 0; i < script.count && roots < 16; i++)
		if (script.statement[i].plan)
			SPK_TRY(spk_optimize(s->arena, script.statement[i].plan, NULL, &root[roots++], err));
	return spk_physical_plan_make(s->arena, root, roots, &options, out, err);
}

/* EXPLAIN's text; the caller frees it. */
static inline char *explain(const struct spk_physical_plan *plan)
{
	struct spk_buffer b = { 0 };
	spk_error err = { 0 };
	char *copy;

	REQUIRE_OK(spk_physical_format(plan, NULL, NULL, &b, &err), err);
	copy = strdup(spk_buffer_cstr(&b));
	spk_buffer_release(&b);
	return copy;
}

#endif
