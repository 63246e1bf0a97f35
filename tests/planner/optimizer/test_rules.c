/* What the rules make of plans. That the rows stay the same is tested where plans are run. */
#include "tests/planner/corpus.h"
#include "tests/planner/support.h"

static const struct optimized { const char *sql, *plan; } optimized[] = {
	{ "SELECT price + 1 FROM bid WHERE price > 1 + 2 * 3 AND true",
	  "Project (price + 1) AS ?column?\n"
	  " -> Scan bid (price) where (price > 7)\n" },
	{ "SELECT price FROM bid WHERE false",
	  "Values\n" },
	{ "SELECT price FROM bid WHERE NULL",
	  "Values\n" },
	{ "SELECT price FROM bid WHERE 1 = 2 OR channel = 'a' OR 2 = 2",
	  "Scan bid (price)\n" },
	{ "SELECT price FROM bid WHERE 1 / 0 = 1 AND price > 1",
	  "Scan bid (price) where (((1 / 0) = 1) AND (price > 1))\n" },
	{ "SELECT price FROM bid WHERE 10 / price > 1 AND false",
	  "Scan bid (price) where (((10 / price) > 1) AND false)\n" },
	{ "SELECT price FROM bid WHERE false AND 10 / price > 1",
	  "Values\n" },
	{ "SELECT CASE WHEN false THEN 1 WHEN true THEN 2 ELSE price END, CASE WHEN price > 1 THEN 1 WHEN 1 = 2 THEN 2 END, COALESCE(NULL, price, 1, 2), COALESCE(1, price), 1 IS NULL, count FROM (SELECT price, count(*) AS count FROM bid GROUP BY price)",
	  "Project 2 AS price, CASE WHEN (price > 1) THEN 1 END AS case, COALESCE(price, 1) AS coalesce, 1 AS coalesce, false AS ?column?, count\n"
	  " -> Aggregate count(*) group by price\n"
	  "    -> Scan bid (price)\n" },
	{ "SELECT count(*) FROM (SELECT count(*) AS c FROM bid) WHERE c IS NOT NULL",
	  "Aggregate count(*)\n"
	  " -> Aggregate count(*)\n"
	  "    -> Scan bid ()\n" },
	{ "SELECT now() > timestamp '2020-01-01 00:00:00'",
	  "Project (now() > '2020-01-01 00:00:00'::timestamp without time zone::timestamp with time zone) AS ?column?\n"
	  " -> Values ()\n" },
	{ "SELECT a FROM (SELECT price * 2 AS a, channel AS b FROM bid) WHERE a > 10 AND b LIKE 'x%'",
	  "Project (price * 2) AS a\n"
	  " -> Scan bid (price, channel) where (((price * 2) > 10) AND (channel LIKE 'x%'))\n" },
	{ "SELECT a FROM (SELECT random() AS a, price AS b FROM bid) WHERE a > 0.5 AND b > 1",
	  "Filter (a > 0.5)\n"
	  " -> Project random() AS a\n"
	  "    -> Scan bid (price) where (price > 1)\n" },
	{ "SELECT p FROM (SELECT price AS p, channel FROM bid UNION ALL SELECT auction, url FROM bid) AS u WHERE p > 5 AND channel = 'x'",
	  "Union\n"
	  " -> Project price AS p\n"
	  "    -> Scan bid (price, channel) where ((price > 5) AND (channel = 'x'))\n"
	  " -> Project auction\n"
	  "    -> Scan bid (auction, url) where ((auction > 5) AND (url = 'x'))\n" },
	{ "SELECT price FROM (SELECT price, window_end, auction FROM tumble(bid, ts, interval '1 hour')) WHERE price > 1 AND window_end > timestamp '2020-01-01 00:00:00'",
	  "Project price\n"
	  " -> Filter (window_end > '2020-01-01 00:00:00'::timestamp without time zone)\n"
	  "    -> Window tumble(ts, size 01:00:00)\n"
	  "       -> Scan bid (price, ts) where (price > 1)\n" },
	{ "SELECT * FROM (SELECT bidder, price, window_end FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(ts), INTERVAL '1' MINUTE))) WHERE bidder = 5 AND price > 1",
	  "Project bidder, price, window_end\n"
	  " -> Filter (price > 1)\n"
	  "    -> Window session(ts, gap 00:01:00, partition by bidder)\n"
	  "       -> Scan bid (bidder, price, ts) where (bidder = 5)\n" },
	{ "SELECT k, c FROM (SELECT auction % 10 AS k, channel, count(*) AS c FROM bid GROUP BY 1, 2) WHERE k = 3 AND c > 2 AND channel = 'x'",
	  "Project k, count AS c\n"
	  " -> Filter (count > 2)\n"
	  "    -> Aggregate count(*) group by (auction % 10), channel\n"
	  "       -> Scan bid (auction, channel) where (((auction % 10) = 3) AND (channel = 'x'))\n" },
	{ "SELECT k FROM (SELECT price AS k, count(*) AS c FROM bid GROUP BY price) WHERE c > 1 AND 10 / k > 1",
	  "Project price AS k\n"
	  " -> Filter ((count > 1) AND ((10 / price) > 1))\n"
	  "    -> Aggregate count(*) group by price\n"
	  "       -> Scan bid (price)\n" },
	{ "SELECT k FROM (SELECT price AS k, count(*) AS c FROM bid GROUP BY price) WHERE 10 / k > 1 AND k > 5",
	  "Project price AS k\n"
	  " -> Filter ((10 / price) > 1)\n"
	  "    -> Aggregate distinct price\n"
	  "       -> Scan bid (price) where (price > 5)\n" },
	{ "SELECT c FROM (SELECT count(*) AS c FROM bid) WHERE now() > timestamp '2020-01-01 00:00:00'",
	  "Project count AS c\n"
	  " -> Filter (now() > '2020-01-01 00:00:00'::timestamp without time zone::timestamp with time zone)\n"
	  "    -> Aggregate count(*)\n"
	  "       -> Scan bid ()\n" },
	{ "SELECT price FROM (SELECT price FROM bid ORDER BY auction) WHERE price > 1",
	  "Project price\n"
	  " -> Sort ?order?\n"
	  "    -> Project price, auction AS ?order?\n"
	  "       -> Scan bid (auction, price) where (price > 1)\n" },
	{ "SELECT price FROM (SELECT price FROM bid LIMIT 5) WHERE price > 1",
	  "Filter (price > 1)\n"
	  " -> Limit 5\n"
	  "    -> Scan bid (price)\n" },
	{ "SELECT price FROM (SELECT DISTINCT price, channel FROM bid) WHERE price > 1",
	  "Project price\n"
	  " -> Aggregate distinct price, channel\n"
	  "    -> Scan bid (price, channel) where (price > 1)\n" },
	{ "SELECT a + a FROM (SELECT price * 3 AS a FROM bid)",
	  "Project (a + a) AS ?column?\n"
	  " -> Project (price * 3) AS a\n"
	  "    -> Scan bid (price)\n" },
	{ "SELECT a + 1 FROM (SELECT price * 3 AS a, auction FROM bid)",
	  "Project ((price * 3) + 1) AS ?column?\n"
	  " -> Scan bid (price)\n" },
	{ "SELECT b FROM (SELECT a AS b FROM (SELECT price AS a FROM bid))",
	  "Project price AS b\n"
	  " -> Scan bid (price)\n" },
	{ "SELECT price AS p FROM (SELECT price FROM bid)",
	  "Project price AS p\n"
	  " -> Scan bid (price)\n" },
	{ "SELECT count(*) FROM bid",
	  "Aggregate count(*)\n"
	  " -> Scan bid ()\n" },
	{ "SELECT count(*) FROM (SELECT price * 2 AS x FROM bid) AS q",
	  "Aggregate count(*)\n"
	  " -> Scan bid ()\n" },
	{ "SELECT 1 FROM (SELECT auction, count(*) AS c, sum(price) AS s FROM bid GROUP BY auction)",
	  "Project 1 AS ?column?\n"
	  " -> Aggregate distinct auction\n"
	  "    -> Scan bid (auction)\n" },
	{ "SELECT 1 FROM (SELECT count(*) AS c, sum(price) AS s FROM bid)",
	  "Project 1 AS ?column?\n"
	  " -> Aggregate sum(price)\n"
	  "    -> Scan bid (price)\n" },
	{ "SELECT s FROM (SELECT auction, count(*) AS c, sum(price) AS s FROM bid WHERE bidder > 1 GROUP BY auction) ORDER BY auction",
	  "Project s\n"
	  " -> Sort ?order?\n"
	  "    -> Project sum AS s, auction AS ?order?\n"
	  "       -> Aggregate sum(price) group by auction\n"
	  "          -> Scan bid (auction, bidder, price) where (bidder > 1)\n" },
	{ "SELECT c FROM (SELECT auction AS a, price AS b, channel AS c FROM bid UNION ALL SELECT price, auction, url FROM bid WHERE bidder = 1)",
	  "Union\n"
	  " -> Scan bid (channel)\n"
	  " -> Project url\n"
	  "    -> Scan bid (bidder, url) where (bidder = 1)\n" },
	{ "SELECT y FROM (VALUES (1, 2, 3), (4, 5, 6)) AS v (x, y, z) WHERE z > 1",
	  "Project column2 AS y\n"
	  " -> Filter (column3 > 1)\n"
	  "    -> Values (2, 3), (5, 6)\n" },
	{ "SELECT max(price) FROM (SELECT * FROM hop(bid, ts, interval '1 minute', interval '1 hour')) GROUP BY window_start, window_end",
	  "Project max\n"
	  " -> Aggregate max(price) group by window_start, window_end\n"
	  "    -> Window hop(ts, size 01:00:00, slide 00:01:00)\n"
	  "       -> Scan bid (price, ts)\n" },
	{ "SELECT price FROM bid WHERE price > 1 UNION ALL SELECT price FROM bid WHERE false",
	  "Union\n"
	  " -> Scan bid (price) where (price > 1)\n" },
	{ "SELECT price FROM bid LIMIT 0",
	  "Values\n" },
	{ "SELECT twice FROM meta WHERE twice > 4",
	  "Scan meta (twice) where (twice > 4)\n" },
	{ "INSERT INTO sink (at, total) SELECT ts, price * 1.5 FROM bid WHERE channel = 'a'",
	  "Sink sink (at, total)\n"
	  " -> Project ts AS at, (price::numeric(19,0) * 1.5)::double precision AS total\n"
	  "    -> Scan bid (price, channel, ts) where (channel = 'a')\n" },
	{ "SELECT x FROM file WHERE x::text::integer > 1 AND y",
	  "Project x\n"
	  " -> Scan file (x, y) where ((x::text::integer > 1) AND y)\n" },
	{ "SELECT price FROM (SELECT price, channel::integer AS n FROM bid WHERE channel LIKE '1%') WHERE n > 1 AND price > 2",
	  "Project price\n"
	  " -> Scan bid (price, channel) where ((channel LIKE '1%') AND (channel::integer > 1) AND (price > 2))\n" },
	{ "SELECT auction FROM (SELECT auction FROM bid ORDER BY price LIMIT 3) WHERE true",
	  "Project auction\n"
	  " -> Limit 3\n"
	  "    -> Sort price\n"
	  "       -> Scan bid (auction, price)\n" },
};

static void each_plan_has_its_best_form(void)
{
	for (size_t i = 0; i < sizeof optimized / sizeof optimized[0]; i++) {
		struct session *s = session_new();
		char *plan = bind_text(s, optimized[i].sql, true, false);

		if (!CHECK_EQ_STR(plan, optimized[i].plan))
			fprintf(stderr, "in: %s\n", optimized[i].sql);
		free(plan);
		session_free(s);
	}
}

static struct spk_logical *bind_last(struct session *s, const char *sql)
{
	struct spk_script script;
	spk_error err;

	if (!CHECK_OK(session_bind(s, sql, &script, &err), err) || !script.count)
		return NULL;
	return script.statement[script.count - 1].plan;
}

static void a_skipped_rule_does_nothing(void)
{
	static const char sql[] = "SELECT price FROM (SELECT price, 1 + 1 AS two FROM bid) WHERE price > 1";
	static const struct { const char *skip[6], *plan; } list[] = {
		{ { "predicate-pushdown" }, "Filter (price > 1)\n -> Scan bid (price)\n" },
		{ { "column-pruning", "project-merge" },
		  "Project price\n -> Project price, 2 AS two\n    -> Scan bid (auction, bidder, price, channel, url, ts, extra) where (price > 1)\n" },
		{ { "constant-folding", "column-pruning", "project-merge", "predicate-pushdown", "filter-simplify" },
		  "Project price\n -> Filter (price > 1)\n    -> Project price, (1 + 1) AS two\n       -> Scan bid (auction, bidder, price, channel, url, ts, extra)\n" },
	};

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
		struct session *s = session_new();
		struct spk_logical *plan = bind_last(s, sql);
		spk_error err = { 0 };
		char *text;

		REQUIRE_OK(spk_optimize(s->arena, plan, list[i].skip, &plan, &err), err);
		text = plan_text(plan, false);
		CHECK_EQ_STR(text, list[i].plan);
		free(text);
		session_free(s);
	}
}

/* The old tree is as it was, a second time changes nothing, and every rule alone is fine too. */
static void rules_build_anew_and_come_to_rest(void)
{
	int rules;
	const struct spk_rule *rule = spk_rules(&rules);

	CHECK(rules >= 5);
	for (size_t i = 0; i < sizeof optimized / sizeof optimized[0] + sizeof corpus_good / sizeof corpus_good[0]; i++) {
		size_t tables = sizeof optimized / sizeof optimized[0];
		struct session *s = session_new();
		struct spk_logical *plan = bind_last(s, i < tables ? optimized[i].sql : corpus_good[i - tables]), *best, *again;
		char *before, *after, *first, *second;
		spk_error err = { 0 };

		REQUIRE(plan);
		before = plan_text(plan, false);
		for (int k = 0; k < rules; k++) {
			struct spk_logical *one;

			CHECK_OK(rule[k].apply(s->arena, plan, &one, &err), err);
			free(plan_text(one, false));
		}
		CHECK_OK(spk_optimize(s->arena, plan, NULL, &best, &err), err);
		after = plan_text(plan, false);
		CHECK_EQ_STR(after, before);
		first = plan_text(best, true);
		for (int k = 0; k < rules; k++) {
			struct spk_logical *one;

			CHECK_OK(rule[k].apply(s->arena, best, &one, &err), err);
			CHECK(one == best);
		}
		CHECK_OK(spk_optimize(s->arena, best, NULL, &again, &err), err);
		second = plan_text(again, true);
		CHECK_EQ_STR(second, first);
		free(before);
		free(after);
		free(first);
		free(second);
		session_free(s);
	}
}

static void check_below(const struct spk_logical *l, bool *sound);

/* Columns of expressions are there and have the type that the input gives. */
static void check_expr(const struct spk_expr *e, const struct spk_schema *in, bool *sound)
{
	if (e->kind == SPK_EXPR_COLUMN)
		*sound = *sound && e->column >= 0 && e->column < in->count && e->type.id == in->field[e->column].type.id;
	for (int i = 0; i < e->args; i++)
		check_expr(e->arg[i], in, sound);
}

/* What the expressions of a node are over. */
static const struct spk_schema *inputs_of(const struct spk_logical *l, struct spk_schema *both)
{
	static struct spk_field field[256];

	if (l->inputs == 0)
		return l->schema;
	if (l->kind != SPK_LOGICAL_JOIN)
		return l->input[0]->schema;
	*both = (struct spk_schema){ .field = field };
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < l->input[k]->schema->count; i++)
			field[both->count++] = l->input[k]->schema->field[i];
	return both;
}

static void check_node(const struct spk_logical *l, bool *sound)
{
	struct spk_schema both;
	const struct spk_schema *in = inputs_of(l, &both);

	if (l->filter)
		check_expr(l->filter, in, sound);
	for (int i = 0; i < l->expr_count; i++) {
		check_expr(l->expr[i], in, sound);
		*sound = *sound && (l->kind != SPK_LOGICAL_PROJECT && l->kind != SPK_LOGICAL_AGGREGATE ? true : l->expr[i]->type.id == l->schema->field[i].type.id);
	}
	for (int i = 0; i < l->aggregate_count; i++) {
		for (int k = 0; k < l->aggregate[i].inputs; k++)
			check_expr(l->aggregate[i].input[k], in, sound);
		if (l->aggregate[i].filter)
			check_expr(l->aggregate[i].filter, in, sound);
		*sound = *sound && l->aggregate[i].type.id == l->schema->field[l->expr_count + i].type.id;
	}
	for (int i = 0; i < l->sort_count; i++)
		check_expr(l->sort[i].expr, in, sound);
	if (l->kind == SPK_LOGICAL_UNION)
		for (int k = 0; k < l->inputs; k++)
			for (int i = 0; i < l->schema->count; i++)
				*sound = *sound && l->input[k]->schema->count == l->schema->count && l->input[k]->schema->field[i].type.id == l->schema->field[i].type.id;
	check_below(l, sound);
}

static void check_below(const struct spk_logical *l, bool *sound)
{
	for (int i = 0; i < l->schema->count; i++)
		*sound = *sound && l->schema->field[i].type.id != SPK_TYPE_UNKNOWN && l->schema->field[i].name;
	for (int i = 0; i < l->inputs; i++)
		check_node(l->input[i], sound);
}

static void plans_are_sound(void)
{
	for (size_t i = 0; i < sizeof optimized / sizeof optimized[0] + sizeof corpus_good / sizeof corpus_good[0]; i++) {
		size_t tables = sizeof optimized / sizeof optimized[0];
		const char *sql = i < tables ? optimized[i].sql : corpus_good[i - tables];
		struct session *s = session_new();
		struct spk_logical *plan = bind_last(s, sql), *best;
		bool sound = true, still = true;
		spk_error err = { 0 };

		REQUIRE(plan);
		check_node(plan, &sound);
		REQUIRE_OK(spk_optimize(s->arena, plan, NULL, &best, &err), err);
		check_node(best, &still);
		if (!CHECK(sound) || !CHECK(still))
			fprintf(stderr, "in: %s\n", sql);
		/* The result's columns keep their names and types. */
		CHECK_EQ_INT(best->schema->count, plan->schema->count);
		for (int k = 0; k < plan->schema->count; k++) {
			CHECK_EQ_STR(best->schema->field[k].name, plan->schema->field[k].name);
			CHECK(spk_type_same(best->schema->field[k].type, plan->schema->field[k].type));
		}
		session_free(s);
	}
}

SPK_TEST_SUITE("optimizer", { "each plan has its best form", each_plan_has_its_best_form }, { "a skipped rule does nothing", a_skipped_rule_does_nothing },
	{ "rules build anew and come to rest", rules_build_anew_and_come_to_rest }, { "plans are sound", plans_are_sound })
