/* What is known of a plan's rows: appended or taken back, bounded, unique, timed; what bounds the state. */
#include "tests/planner/support.h"

static const char tables[] =
	"CREATE TABLE files (a int, b text, PRIMARY KEY (a)) WITH (connector = 'filesystem');"
	"CREATE TABLE watched (a int) WITH (connector = 'filesystem', 'source.monitor-interval' = '1s');"
	"CREATE TABLE topic (a int, b text, ts timestamp, t2 timestamp, WATERMARK FOR ts AS ts, PRIMARY KEY (a, b)) WITH (connector = 'kafka');"
	"CREATE TABLE part (a int) WITH (connector = 'kafka', 'scan.bounded.mode' = 'latest-offset');"
	"CREATE TABLE unpart (a int) WITH (connector = 'kafka', 'scan.bounded.mode' = 'unbounded');"
	"CREATE TABLE changes (a int, b text, PRIMARY KEY (a)) WITH (connector = 'kafka', format = 'debezium-json');"
	"CREATE TABLE latest (a int, b text, PRIMARY KEY (a)) WITH (connector = 'upsert-kafka');"
	"CREATE TABLE made (a int) WITH (connector = 'datagen', 'number-of-rows' = '5');";

/* The first line of the plan before optimization: the root and its properties. */
static const struct known { const char *sql, *properties; } known[] = {
	{ "SELECT a FROM files", "[#1 append-only, bounded, key a]" },
	{ "SELECT b FROM files", "[#1 append-only, bounded]" },
	{ "SELECT a FROM watched", "[#1 append-only, unbounded]" },
	{ "SELECT a FROM part", "[#1 append-only, bounded]" },
	{ "SELECT a FROM unpart", "[#1 append-only, unbounded]" },
	{ "SELECT a FROM made", "[#1 append-only, bounded]" },
	{ "SELECT b, a FROM changes", "[#1 updating, unbounded, key a]" },
	{ "SELECT * FROM latest", "[#1 updating, unbounded, key a]" },
	{ "SELECT * FROM topic", "[#1 append-only, unbounded, key a, b, time ts]" },
	{ "SELECT ts AS x, a FROM topic WHERE a > 1", "[#1 append-only, unbounded, time x]" },
	{ "SELECT t2 FROM topic", "[#1 append-only, unbounded]" },
	{ "SELECT ts + interval '1 s' FROM topic", "[#1 append-only, unbounded]" },
	{ "SELECT count(*) FROM topic", "[#1 updating, unbounded]" },
	{ "SELECT a, count(*) FROM topic GROUP BY a", "[#1 updating, unbounded, key a]" },
	{ "SELECT count(*), b FROM topic GROUP BY b, a", "[#1 updating, unbounded]" },
	{ "SELECT DISTINCT a, b FROM topic", "[#1 append-only, unbounded, key a, b, state bounded by key]" },
	{ "SELECT * FROM tumble(topic, ts, '1 min')", "[#1 append-only, unbounded, key a, b, time window_time, window start window_start, window end window_end]" },
	{ "SELECT * FROM hop(topic, ts, '1 min', '2 min')", "[#1 append-only, unbounded, time window_time, window start window_start, window end window_end]" },
	{ "SELECT * FROM tumble(topic, t2, '1 min')", "[#1 append-only, unbounded, key a, b]" },
	{ "SELECT window_end, count(*) FROM tumble(topic, ts, '1 min') GROUP BY window_start, window_end", "[#1 append-only, unbounded, window end window_end]" },
	{ "SELECT window_end AS e, count(*) FROM tumble(topic, ts, '1 min') GROUP BY window_end", "[#1 append-only, unbounded, key e, window end e]" },
	{ "SELECT window_start, count(*) FROM tumble(topic, ts, '1 min') GROUP BY window_start", "[#1 append-only, unbounded, key window_start, window start window_start]" },
	{ "SELECT window_start, count(*) FROM cumulate(topic, ts, '1 min', '2 min') GROUP BY window_start", "[#1 updating, unbounded, key window_start, window start window_start]" },
	{ "SELECT window_end, count(*) FROM tumble(topic, t2, '1 min') GROUP BY window_end", "[#1 updating, unbounded, key window_end]" },
	{ "SELECT a, window_start, window_end, window_time FROM tumble(topic, ts, '1 min') GROUP BY a, window_start, window_end, window_time",
	  "[#1 append-only, unbounded, key a, window_start, window_end, window_time, time window_time, window start window_start, window end window_end]" },
	{ "SELECT max(c), window_end FROM (SELECT a, window_end, count(*) AS c FROM tumble(topic, ts, '1 min') GROUP BY a, window_start, window_end) GROUP BY window_end",
	  "[#1 append-only, unbounded, key window_end, window end window_end]" },
	{ "SELECT a FROM files UNION ALL SELECT a FROM topic", "[#1 append-only, unbounded]" },
	{ "SELECT a FROM files UNION ALL SELECT a FROM latest", "[#1 updating, unbounded]" },
	{ "SELECT ts, a FROM topic UNION ALL SELECT ts, 1 FROM topic", "[#1 append-only, unbounded, time ts]" },
	{ "SELECT ts, a FROM topic UNION ALL SELECT t2, 1 FROM topic", "[#1 append-only, unbounded]" },
	{ "SELECT a FROM topic ORDER BY a", "[#1 updating, unbounded, state bounded by nothing]" },
	{ "SELECT a FROM files ORDER BY a", "[#1 append-only, bounded, key a, state bounded by nothing]" },
	{ "SELECT a FROM topic LIMIT 3", "[#1 append-only, unbounded]" },
	{ "SELECT a, row_number() OVER (PARTITION BY a ORDER BY ts DESC) FROM topic", "[#1 updating, unbounded]" },
	{ "SELECT a, b, lead(a) OVER (PARTITION BY a ORDER BY ts) FROM topic", "[#1 updating, unbounded, key a, b]" },
	{ "SELECT a, ts, row_number() OVER (PARTITION BY a ORDER BY ts) FROM topic", "[#1 append-only, unbounded, time ts]" },
	{ "SELECT a, b, sum(a) OVER (PARTITION BY a ORDER BY a, ts, b ROWS 2 PRECEDING) FROM topic", "[#1 append-only, unbounded, key a, b]" },
	{ "SELECT a, sum(a) OVER (ORDER BY ts ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM topic", "[#1 updating, unbounded]" },
	{ "SELECT a, sum(a) OVER (PARTITION BY b ORDER BY t2) FROM topic", "[#1 updating, unbounded]" },
	{ "SELECT a, lag(a, a) OVER (ORDER BY ts) FROM topic", "[#1 updating, unbounded]" },
	{ "SELECT a, row_number() OVER (ORDER BY ts) FROM (SELECT ts, count(*) AS a FROM topic GROUP BY ts) x", "[#1 updating, unbounded]" },
	{ "SELECT window_end, b, row_number() OVER (PARTITION BY window_end, a ORDER BY b) FROM tumble(topic, ts, '1 min')", "[#1 append-only, unbounded, window end window_end]" },
	{ "SELECT window_start, b, row_number() OVER (PARTITION BY window_start, a ORDER BY b) FROM cumulate(topic, ts, '1 min', '2 min')", "[#1 updating, unbounded]" },
	{ "SELECT x.a, y.ts, x.ts AS t FROM topic x JOIN topic y ON x.a = y.a AND x.ts BETWEEN y.ts - interval '1 min' AND y.ts", "[#1 append-only, unbounded, time t]" },
	{ "SELECT x.a, y.ts FROM topic x JOIN topic y ON x.ts BETWEEN y.ts - interval '1 min' AND y.ts", "[#1 append-only, unbounded, time ts]" },
	{ "SELECT x.ts, y.ts AS y FROM topic x LEFT JOIN topic y ON x.ts BETWEEN y.ts - interval '1 min' AND y.ts", "[#1 append-only, unbounded, time ts]" },
	{ "SELECT x.ts, y.ts AS y FROM topic x FULL JOIN topic y ON x.ts BETWEEN y.ts - interval '1 min' AND y.ts", "[#1 append-only, unbounded]" },
	{ "SELECT x.ts, y.ts AS y FROM topic x JOIN topic y ON x.ts >= y.ts", "[#1 append-only, unbounded, time ts]" },
	{ "SELECT x.ts FROM topic x JOIN latest y ON x.a = y.a", "[#1 updating, unbounded]" },
	{ "SELECT y.window_end AS e, x.a FROM tumble(topic, ts, '1 min') x JOIN tumble(topic, ts, '1 min') y ON x.window_end = y.window_end", "[#1 append-only, unbounded, window end e]" },
	{ "VALUES (1)", "[#1 append-only, bounded]" },
	{ "SELECT a, window_end FROM TABLE(SESSION(TABLE topic PARTITION BY a, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY a, window_end", "[#1 append-only, unbounded, key a, window_end, window end window_end]" },
};

static void each_root_has_its_properties(void)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct session *s = session_empty();
		struct spk_script script;
		spk_error err = { 0 };
		char *text, *end;

		REQUIRE_OK(session_bind(s, tables, &script, &err), err);
		if (!CHECK_OK(session_bind(s, known[i].sql, &script, &err), err)) {
			session_free(s);
			continue;
		}
		CHECK_OK(spk_logical_finish(s->arena, script.statement[0].plan, &err), err);
		text = plan_text(script.statement[0].plan, true);
		if ((end = strchr(text, '\n')))
			*end = 0;
		if (!CHECK_EQ_STR(strchr(text, '[') ? strrchr(text, '[') : text, known[i].properties))
			fprintf(stderr, "in: %s\n", known[i].sql);
		free(text);
		session_free(s);
	}
}

static const struct spk_logical *find(const struct spk_logical *l, enum spk_logical_kind kind)
{
	while (l->kind != kind && l->inputs)
		l = l->input[0];
	return l->kind == kind ? l : NULL;
}

static void state_is_bounded_by_time_or_key(void)
{
	static const struct { const char *sql; enum spk_logical_kind kind; enum spk_state_bound bound; } list[] = {
		{ "SELECT a, count(*) FROM topic GROUP BY a", SPK_LOGICAL_AGGREGATE, SPK_BOUND_KEY },
		{ "SELECT count(*) FROM topic", SPK_LOGICAL_AGGREGATE, SPK_BOUND_KEY },
		{ "SELECT count(*) FROM tumble(topic, ts, '1 min') GROUP BY window_end", SPK_LOGICAL_AGGREGATE, SPK_BOUND_TIME },
		{ "SELECT count(*) FROM tumble(topic, t2, '1 min') GROUP BY window_end", SPK_LOGICAL_AGGREGATE, SPK_BOUND_KEY },
		{ "SELECT count(*) FROM tumble(topic, ts, '1 min') GROUP BY a", SPK_LOGICAL_AGGREGATE, SPK_BOUND_KEY },
		{ "SELECT a FROM session(topic, ts, '1 min')", SPK_LOGICAL_WINDOW, SPK_BOUND_TIME },
		{ "SELECT a FROM tumble(topic, ts, '1 min')", SPK_LOGICAL_WINDOW, SPK_BOUND_STATELESS },
		{ "SELECT a FROM topic ORDER BY a", SPK_LOGICAL_SORT, SPK_BOUND_NOTHING },
		{ "SELECT a FROM topic", SPK_LOGICAL_SCAN, SPK_BOUND_STATELESS },
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct session *s = session_empty();
		const struct spk_logical *node;
		struct spk_script script;
		spk_error err = { 0 };

		REQUIRE_OK(session_bind(s, tables, &script, &err), err);
		REQUIRE_OK(session_bind(s, list[i].sql, &script, &err), err);
		CHECK_OK(spk_logical_finish(s->arena, script.statement[0].plan, &err), err);
		node = find(script.statement[0].plan, list[i].kind);
		if (!CHECK(node != NULL) || !CHECK_EQ_INT(node->properties.bound, list[i].bound))
			fprintf(stderr, "in: %s\n", list[i].sql);
		session_free(s);
	}
}

static void nodes_are_numbered_from_the_top(void)
{
	struct session *s = session_new();
	char *text = bind_text(s, "SELECT price FROM bid WHERE price > 1 UNION ALL SELECT max(price) FROM bid", true, true);

	CHECK_HOLDS(text, "Union  [#1");
	CHECK_HOLDS(text, "Scan bid (price) where (price > 1)  [#2");
	CHECK_HOLDS(text, "[#3");
	CHECK_HOLDS(text, "[#4");
	free(text);
	session_free(s);
}

SPK_TEST_SUITE("properties", { "each root has its properties", each_root_has_its_properties },
	{ "state is bounded by time or key", state_is_bounded_by_time_or_key }, { "nodes are numbered from the top", nodes_are_numbered_from_the_top })
