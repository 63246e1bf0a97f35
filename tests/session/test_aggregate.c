/* Aggregates of a session, registered from C and made by CREATE AGGREGATE, against built-in ones that do the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/engine.h"
#include "sparklet/frame.h"
#include "sparklet/function.h"
#include "tests/support/test.h"

static struct spk_session *session;
static spk_error err;

/* --- total(bigint), mean(double): plain states --- */

struct total { int64_t sum, rows; };

static spk_status total_update(struct spk_function_context *c, void *const *state, const struct spk_sql_column *column, int rows, spk_error *e)
{
	(void)c;
	for (int i = 0; i < rows; i++) {
		struct total *t = state[i];

		if (column[0].integer[i] == 13)
			return spk_fail(e, SPK_DATA, "13 brings bad luck");
		t->sum += column[0].integer[i];
		t->rows++;
	}
	return SPK_OK;
}

static spk_status total_merge(struct spk_function_context *c, void *into, const void *from, spk_error *e)
{
	struct total *t = into;
	const struct total *o = from;

	(void)c;
	(void)e;
	t->sum += o->sum;
	t->rows += o->rows;
	return SPK_OK;
}

static spk_status total_final(struct spk_function_context *c, const void *state, struct spk_sql_value *result, spk_error *e)
{
	const struct total *t = state;

	(void)c;
	(void)e;
	result->null = t->rows == 0;
	result->integer = t->sum;
	return SPK_OK;
}

/* --- rows_seen(*): begins at what user says, never NULL --- */

static spk_status rows_init(struct spk_function_context *c, void *state, spk_error *e)
{
	(void)e;
	((struct total *)state)->rows = *(const int64_t *)spk_function_user(c);
	return SPK_OK;
}

static spk_status rows_update(struct spk_function_context *c, void *const *state, const struct spk_sql_column *column, int rows, spk_error *e)
{
	(void)c;
	(void)column;
	(void)e;
	for (int i = 0; i < rows; i++)
		((struct total *)state[i])->rows++;
	return SPK_OK;
}

static spk_status rows_merge(struct spk_function_context *c, void *into, const void *from, spk_error *e)
{
	(void)e;
	((struct total *)into)->rows += ((const struct total *)from)->rows - *(const int64_t *)spk_function_user(c);
	return SPK_OK;
}

static spk_status rows_final(struct spk_function_context *c, const void *state, struct spk_sql_value *result, spk_error *e)
{
	(void)c;
	(void)e;
	result->integer = ((const struct total *)state)->rows;
	return SPK_OK;
}

/* --- glue(text, text): states that own memory --- */

struct glue { char *text; size_t size, room; };

static spk_status glue_add(struct spk_function_context *c, struct glue *g, const char *text, size_t size, spk_error *e)
{
	if (g->size + size > g->room) {
		char *grown = spk_function_resize(c, g->text, g->room, 2 * (g->size + size), e);

		if (!grown)
			return e->code;
		g->text = grown;
		g->room = 2 * (g->size + size);
	}
	if (size)
		memcpy(g->text + g->size, text, size);
	g->size += size;
	return SPK_OK;
}

static spk_status glue_update(struct spk_function_context *c, void *const *state, const struct spk_sql_column *column, int rows, spk_error *e)
{
	for (int i = 0; i < rows; i++) {
		if (column[0].null && column[0].null[i])
			SPK_TRY(glue_add(c, state[i], "?", 1, e));
		else
			SPK_TRY(glue_add(c, state[i], column[0].text[i].data, column[0].text[i].size, e));
		SPK_TRY(glue_add(c, state[i], column[1].text[i].data, column[1].text[i].size, e));
	}
	return SPK_OK;
}

static spk_status glue_merge(struct spk_function_context *c, void *into, const void *from, spk_error *e)
{
	const struct glue *o = from;

	return glue_add(c, into, o->text, o->size, e);
}

static spk_status glue_final(struct spk_function_context *c, const void *state, struct spk_sql_value *result, spk_error *e)
{
	const struct glue *g = state;

	(void)c;
	(void)e;
	result->text = (struct spk_text){ g->text, g->size };
	return SPK_OK;
}

static spk_status glue_serialize(struct spk_function_context *c, const void *state, struct spk_text *bytes, spk_error *e)
{
	const struct glue *g = state;

	if (spk_function_user(c))
		return spk_fail(e, SPK_DATA, "no way to write this");
	*bytes = (struct spk_text){ g->text, g->size };
	return SPK_OK;
}

static spk_status glue_deserialize(struct spk_function_context *c, void *state, struct spk_text bytes, spk_error *e) { return glue_add(c, state, bytes.data, bytes.size, e); }

static void glue_release(struct spk_function_context *c, void *state)
{
	struct glue *g = state;

	spk_function_resize(c, g->text, g->room, 0, NULL);
}

static const struct spk_aggregate_spec total = { .name = "total", .arguments = "bigint", .returns = "bigint", .state_size = sizeof(struct total), .update = total_update, .merge = total_merge, .final = total_final };
static const struct spk_aggregate_spec glue = { .name = "glue", .arguments = "text, text", .returns = "text", .state_size = sizeof(struct glue), .called_on_null = true, .update = glue_update,
	.merge = glue_merge, .final = glue_final, .serialize = glue_serialize, .deserialize = glue_deserialize, .release = glue_release };
static const int64_t hundred = 100;

static spk_status reg(struct spk_aggregate_spec spec)
{
	err = (spk_error){ 0 };
	return spk_session_register_aggregate(session, &spec, &err);
}

static void begin(void)
{
	struct spk_aggregate_spec late = total;

	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_new(&session, &err), err);
	REQUIRE_OK(reg(total), err);
	REQUIRE_OK(reg(glue), err);
	late.name = "total_at_end";   /* without merge: groups keep their rows */
	late.merge = NULL;
	REQUIRE_OK(reg(late), err);
	REQUIRE_OK(reg((struct spk_aggregate_spec){ .name = "rows_seen", .arguments = "", .returns = "bigint", .state_size = sizeof(struct total), .init = rows_init, .update = rows_update, .merge = rows_merge,
		.final = rows_final, .user = (void *)(uintptr_t)&hundred }), err);
	REQUIRE_OK(spk_session_execute(session, "CREATE VIEW t AS SELECT i % 7 AS g, i, CASE WHEN i % 5 > 0 THEN i * 37 % 101 + 100 END AS n, 's' || i AS s FROM generate_series(1, 500) AS x (i)", &err), err);
}

static void end(void) { spk_session_free(session); }

static char *rows_of(const char *query)
{
	char *text = NULL;

	if (!CHECK_OK(spk_frame_show(spk_frame_sql(session, query), 100000, &text, &err), err))
		printf("in %s\n", query);
	return text;
}

/* Both queries give the same rows, and some. */
static void same(const char *query, const char *as)
{
	char *a = rows_of(query), *b = rows_of(as);

	if (a && b && !CHECK_EQ_STR(a, b))
		printf("in %s\n", query);
	CHECK(a && !strstr(a, "(0 rows)"));
	free(a);
	free(b);
}

static void check_error(const char *query, spk_status code, const char *message)
{
	char *text = NULL;

	err = (spk_error){ 0 };
	CHECK_FAILS(spk_frame_show(spk_frame_sql(session, query), 10, &text, &err), code, err);
	CHECK_HOLDS(err.message, message);
	free(text);
}

static void check_sql(const char *sql, spk_status code, const char *message)
{
	err = (spk_error){ 0 };
	CHECK_FAILS(spk_session_execute(session, sql, &err), code, err);
	CHECK_HOLDS(err.message, message);
}

/* --- what built-in ones can --- */

static void stand_wherever_aggregates_do(void)
{
	begin();
	same("SELECT g, total(n) AS x FROM t GROUP BY g ORDER BY g", "SELECT g, sum(n) AS x FROM t GROUP BY g ORDER BY g");
	same("SELECT g, total(n) FILTER (WHERE i > 400) AS x, total(DISTINCT n % 10) AS y FROM t GROUP BY g ORDER BY g", "SELECT g, sum(n) FILTER (WHERE i > 400) AS x, sum(DISTINCT n % 10) AS y FROM t GROUP BY g ORDER BY g");
	same("SELECT g, total_at_end(n) AS x, total(n + 1) AS y FROM t GROUP BY g ORDER BY g", "SELECT g, sum(n) AS x, sum(n + 1) AS y FROM t GROUP BY g ORDER BY g");
	same("SELECT g, i % 2 AS h, total(n) AS x FROM t GROUP BY GROUPING SETS ((g, i % 2), (g), ()) ORDER BY 1, 2", "SELECT g, i % 2 AS h, sum(n) AS x FROM t GROUP BY GROUPING SETS ((g, i % 2), (g), ()) ORDER BY 1, 2");
	same("SELECT g, glue(s, '.' ORDER BY i DESC) AS x FROM t GROUP BY g ORDER BY g", "SELECT g, string_agg(s || '.', '' ORDER BY i DESC) AS x FROM t GROUP BY g ORDER BY g");
	same("SELECT g, glue(n::text, ',' ORDER BY i) AS x FROM t WHERE i < 60 GROUP BY g ORDER BY g", "SELECT g, string_agg(coalesce(n::text, '?') || ',', '' ORDER BY i) AS x FROM t WHERE i < 60 GROUP BY g ORDER BY g");
	same("SELECT g FROM t GROUP BY g HAVING total(n) % 3 > 0 ORDER BY total(n)", "SELECT g FROM t GROUP BY g HAVING sum(n) % 3 > 0 ORDER BY sum(n)");
	same("SELECT (SELECT total(n) FROM t AS u WHERE u.i < v.g) AS x FROM (VALUES (1), (3), (9)) AS v (g)", "SELECT (SELECT sum(n) FROM t AS u WHERE u.i < v.g) AS x FROM (VALUES (1), (3), (9)) AS v (g)");
	same("SELECT total(n) AS x, total(n) AS y, total_at_end(n) AS z FROM t WHERE i < 0", "SELECT sum(n) AS x, sum(n) AS y, sum(n) AS z FROM t WHERE i < 0");
	end();
}

static void over_windows(void)
{
	static const char *const frame[] = { "", " ROWS BETWEEN 3 PRECEDING AND CURRENT ROW", " ROWS BETWEEN 2 PRECEDING AND 4 FOLLOWING EXCLUDE CURRENT ROW", " RANGE BETWEEN 20 PRECEDING AND CURRENT ROW",
		" GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING" };
	char query[2][512];

	begin();
	for (size_t i = 0; i < sizeof frame / sizeof *frame; i++) {
		static const char *const f[] = { "total", "sum" };

		for (int k = 0; k < 2; k++)
			snprintf(query[k], sizeof *query, "SELECT i, %s(n) OVER (PARTITION BY g ORDER BY i%s) AS x, %s(n) FILTER (WHERE i %% 3 = 0) OVER (ORDER BY g) AS y FROM t ORDER BY i", f[k], frame[i], f[k]);
		same(query[0], query[1]);
	}
	same("SELECT i, glue(s, ' ') OVER (ORDER BY i ROWS 3 PRECEDING) AS x FROM t ORDER BY i", "SELECT i, string_agg(s || ' ', '') OVER (ORDER BY i ROWS 3 PRECEDING) AS x FROM t ORDER BY i");
	same("SELECT i, total_at_end(n) OVER (ORDER BY i ROWS 3 PRECEDING) AS x FROM t ORDER BY i", "SELECT i, sum(n) OVER (ORDER BY i ROWS 3 PRECEDING) AS x FROM t ORDER BY i");
	same("SELECT g, total(total(n)) OVER (ORDER BY g) AS x FROM t GROUP BY g ORDER BY g", "SELECT g, sum(sum(n)) OVER (ORDER BY g) AS x FROM t GROUP BY g ORDER BY g");
	end();
}

static void states_begin_with_init(void)
{
	begin();
	same("SELECT g, rows_seen(*) AS x FROM t GROUP BY g ORDER BY g", "SELECT g, count(*) + 100 AS x FROM t GROUP BY g ORDER BY g");
	same("SELECT rows_seen(*) AS x, rows_seen(*) FILTER (WHERE i > 9) AS y FROM t WHERE i < 9", "SELECT count(*) + 100 AS x, 100::bigint AS y FROM t WHERE i < 9");
	same("SELECT rows_seen(*) AS x FROM t WHERE i < 0", "SELECT 100::bigint AS x");
	same("SELECT g, (SELECT rows_seen(*) FROM t AS u WHERE u.i < v.g) AS x FROM (VALUES (1), (3), (9)) AS v (g) ORDER BY g", "SELECT g, 99 + g::bigint AS x FROM (VALUES (1), (3), (9)) AS v (g) ORDER BY g");
	same("SELECT glue(s, '') AS x FROM t WHERE i < 0", "SELECT '' AS x");
	end();
}

/* The first one within little memory. */
static void spilled_same(const char *query, const char *as)
{
	char *b = rows_of(as), *a;

	CHECK_OK(spk_session_set(session, "memory.limit", "64MiB", &err), err);
	a = rows_of(query);
	CHECK(spk_session_profile(session)->spilled_bytes > 0);
	CHECK_OK(spk_session_set(session, "memory.limit", "1GiB", &err), err);
	if (a && b && !CHECK_EQ_STR(a, b))
		printf("in %s\n", query);
	free(a);
	free(b);
}

static void run_in_parts_and_spill(void)
{
	char query[2][800];
	uint64_t seed = spk_test_seed();
	int groups = 20000 + (int)(seed % 20000);

	begin();
	CHECK_OK(spk_session_set(session, "parallelism", "4", &err), err);
	for (int k = 0; k < 2; k++)
		snprintf(query[k], sizeof *query, "SELECT count(*) AS groups, md5(string_agg(md5(x), '' ORDER BY g)) AS h, sum(y * (g %% 1009)) AS z, sum(w * (g %% 13)) AS v FROM (SELECT i * %" PRIu64 " %% %d AS g, %s AS x, %s(i + 20) AS y, "
			"%s(i %% 1000 + 20) AS w FROM (SELECT k * 1000 + j AS i FROM generate_series(0, 399) AS a (k), generate_series(1, 1000) AS b (j)) AS s GROUP BY 1) AS q", seed % 1000 * 2 + 1, groups,
			k ? "string_agg('a text that is long enough to fill the memory: ' || i || ';', '' ORDER BY i)" : "glue('a text that is long enough to fill the memory: ' || i, ';' ORDER BY i)", k ? "sum" : "total", k ? "sum" : "total_at_end");
	spilled_same(query[0], query[1]);
	for (int k = 0; k < 2; k++)
		snprintf(query[k], sizeof *query, "SELECT count(*) AS groups, sum(length(x)) AS l, sum(y * (g %% 1009)) AS z FROM (SELECT i * %" PRIu64 " %% %d AS g, %s AS x, %s(i + 20) AS y "
			"FROM (SELECT k * 1000 + j AS i FROM generate_series(0, 399) AS a (k), generate_series(1, 1000) AS b (j)) AS s GROUP BY 1) AS q", seed % 1000 * 2 + 1, groups, k ? "string_agg('a text that is long enough to fill the memory: ' || i || ';', '')" : "glue('a text that is long enough to fill the memory: ' || i, ';')", k ? "sum" : "total");
	spilled_same(query[0], query[1]);
	end();
}

/* --- errors --- */

static void errors_are_told(void)
{
	struct spk_aggregate_spec bad = glue;
	char query[400];

	begin();
	check_error("SELECT total(n) FROM (VALUES (13)) AS v (n)", SPK_DATA, "aggregate total: 13 brings bad luck");
	check_error("SELECT total_at_end(n) FROM (VALUES (13)) AS v (n)", SPK_DATA, "aggregate total_at_end: 13 brings bad luck");
	check_error("SELECT total(n) OVER () FROM (VALUES (13)) AS v (n)", SPK_DATA, "aggregate total: 13 brings bad luck");
	check_error("SELECT total(true)", SPK_BIND, "function total(boolean) does not exist");
	check_error("SELECT total()", SPK_BIND, "function total() does not exist");
	check_error("SELECT rows_seen()", SPK_BIND, "rows_seen(*) must be used to call a parameterless aggregate function");
	check_error("SELECT total(i) WITHIN GROUP (ORDER BY i) FROM t", SPK_BIND, "function total(integer, integer) does not exist");
	check_error("SELECT i FROM t WHERE total(i) > 1", SPK_BIND, "aggregate functions are not allowed in WHERE");
	bad.name = "unwritable";
	bad.user = &bad;
	CHECK_OK(reg(bad), err);
	CHECK_OK(spk_session_set(session, "memory.limit", "32MiB", &err), err);
	snprintf(query, sizeof query, "SELECT i %% 150000, unwritable('a text that is long enough to fill the memory: ' || i, '') FROM (SELECT k * 1000 + j AS i FROM generate_series(0, 399) AS a (k), generate_series(1, 1000) AS b (j)) AS s GROUP BY 1");
	check_error(query, SPK_DATA, "aggregate unwritable: no way to write this");
	CHECK_FAILS(reg(total), SPK_EXISTS, err);
	bad = total;
	bad.name = "sum";
	CHECK_FAILS(reg(bad), SPK_EXISTS, err);
	bad.name = "other";
	bad.final = NULL;
	CHECK_FAILS(reg(bad), SPK_USAGE, err);
	bad.final = total_final;
	bad.state_size = 0;
	CHECK_FAILS(reg(bad), SPK_USAGE, err);
	bad.state_size = 8192;
	CHECK_FAILS(reg(bad), SPK_USAGE, err);
	bad.state_size = 16;
	bad.release = glue_release;
	CHECK_FAILS(reg(bad), SPK_USAGE, err);
	bad.release = NULL;
	bad.arguments = "int, int, int, int, int";
	CHECK_FAILS(reg(bad), SPK_UNSUPPORTED, err);
	bad.arguments = "int[]";
	CHECK_FAILS(reg(bad), SPK_UNSUPPORTED, err);
	bad.arguments = "int";
	bad.returns = "int, int";
	CHECK_FAILS(reg(bad), SPK_USAGE, err);
	end();
}

static spk_status narrow_final(struct spk_function_context *c, const void *state, struct spk_sql_value *result, spk_error *e)
{
	const struct total *t = state;

	(void)c;
	if (t->rows > 2)
		return spk_fail(e, SPK_DATA, "more than two");
	result->integer = t->sum;
	return SPK_OK;
}

static void results_must_fit(void)
{
	struct spk_aggregate_spec narrow = total;

	begin();
	narrow.name = "narrow";
	narrow.returns = "smallint";
	narrow.final = narrow_final;
	CHECK_OK(reg(narrow), err);
	check_error("SELECT narrow(n) FROM (VALUES (70000)) AS v (n)", SPK_DATA, "aggregate narrow gave 70000, which does not fit its type");
	check_error("SELECT narrow(n) FROM (VALUES (1), (2), (3)) AS v (n)", SPK_DATA, "aggregate narrow: more than two");
	end();
}

/* --- CREATE AGGREGATE --- */

static spk_status add(struct spk_function_context *c, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	(void)c;
	if (arg[1].integer == 13)
		return spk_fail(e, SPK_DATA, "13 brings bad luck");
	result->integer = arg[0].integer + arg[1].integer;
	return SPK_OK;
}

static spk_status count_nulls(struct spk_function_context *c, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	(void)c;
	(void)e;
	result->integer = (arg[0].null ? 0 : arg[0].integer) + arg[1].null;
	return SPK_OK;
}

static spk_status append(struct spk_function_context *c, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	char *text = spk_function_memory(c, arg[0].text.size + arg[1].text.size, e);

	if (!text)
		return e->code;
	if (arg[0].text.size)
		memcpy(text, arg[0].text.data, arg[0].text.size);
	if (arg[1].text.size)
		memcpy(text + arg[0].text.size, arg[1].text.data, arg[1].text.size);
	result->text = (struct spk_text){ text, arg[0].text.size + arg[1].text.size };
	return SPK_OK;
}

static spk_status half(struct spk_function_context *c, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	(void)c;
	(void)e;
	result->null = arg[0].integer == 4242;
	result->real = (double)arg[0].integer / 2;
	return SPK_OK;
}

static spk_status first_part(struct spk_function_context *c, const struct spk_sql_value *arg, struct spk_sql_value *result, spk_error *e)
{
	(void)c;
	(void)e;
	result->text = (struct spk_text){ arg[0].text.data, arg[0].text.size / 2 };
	return SPK_OK;
}

static void begin_sql(void)
{
	static const struct spk_function_spec list[] = {
		{ .name = "add", .arguments = "bigint, bigint", .returns = "bigint", .call = add },
		{ .name = "add_int", .arguments = "bigint, integer", .returns = "bigint", .call = add },
		{ .name = "count_nulls", .arguments = "bigint, integer", .returns = "bigint", .called_on_null = true, .call = count_nulls },
		{ .name = "append", .arguments = "text, text", .returns = "text", .call = append },
		{ .name = "half", .arguments = "bigint", .returns = "double precision", .call = half },
		{ .name = "first_part", .arguments = "text", .returns = "text", .call = first_part },
	};

	begin();
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		REQUIRE_OK(spk_session_register_function(session, &list[i], &err), err);
}

static void created_by_sql(void)
{
	begin_sql();
	CHECK_OK(spk_session_execute(session, "CREATE AGGREGATE my_sum(bigint) (SFUNC = add, STYPE = bigint, COMBINEFUNC = add);"
		"CREATE AGGREGATE my_sum_init(integer) (SFUNC = add_int, STYPE = bigint, INITCOND = '1000');"
		"CREATE AGGREGATE my_half(integer) (SFUNC = add_int, STYPE = int8, FINALFUNC = half, COMBINEFUNC = add, INITCOND = 0, PARALLEL = SAFE);"
		"CREATE AGGREGATE nulls(integer) (SFUNC = count_nulls, STYPE = bigint);"
		"CREATE AGGREGATE joined(text) (SFUNC = append, STYPE = text, COMBINEFUNC = append);"
		"CREATE AGGREGATE front(text) (SFUNC = append, STYPE = text, INITCOND = 'a long beginning of all: ', FINALFUNC = first_part)", &err), err);
	same("SELECT g, my_sum(n) AS x FROM t GROUP BY g ORDER BY g", "SELECT g, sum(n) AS x FROM t GROUP BY g ORDER BY g");
	same("SELECT my_sum(n) AS x FROM t WHERE n IS NULL", "SELECT NULL AS x");
	same("SELECT g, my_sum_init(n) AS x FROM t GROUP BY g ORDER BY g", "SELECT g, 1000 + sum(n) AS x FROM t GROUP BY g ORDER BY g");
	same("SELECT my_sum_init(n) AS x FROM t WHERE i < 0", "SELECT 1000 AS x");
	same("SELECT g, my_half(n) AS x FROM t GROUP BY g ORDER BY g", "SELECT g, sum(n) / 2.0::double precision AS x FROM t GROUP BY g ORDER BY g");
	same("SELECT g, nulls(n) AS x FROM t GROUP BY g ORDER BY g", "SELECT g, count(*) - count(n) AS x FROM t GROUP BY g ORDER BY g");
	same("SELECT g, joined(s ORDER BY i) AS x, joined(DISTINCT s) AS y FROM t GROUP BY g ORDER BY g", "SELECT g, string_agg(s, '' ORDER BY i) AS x, string_agg(DISTINCT s, '') AS y FROM t GROUP BY g ORDER BY g");
	same("SELECT i, joined(s) OVER (ORDER BY i ROWS 4 PRECEDING) AS x FROM t ORDER BY i", "SELECT i, string_agg(s, '') OVER (ORDER BY i ROWS 4 PRECEDING) AS x FROM t ORDER BY i");
	same("SELECT g, front(s ORDER BY i) AS x FROM t GROUP BY g ORDER BY g",
		"SELECT g, left(a, length(a) / 2) AS x FROM (SELECT g, 'a long beginning of all: ' || string_agg(s, '' ORDER BY i) AS a FROM t GROUP BY g) AS q ORDER BY g");
	same("SELECT front(s) AS x FROM t WHERE i < 0", "SELECT 'a long begin' AS x");
	check_error("SELECT my_sum(n) FROM (VALUES (1), (13)) AS v (n)", SPK_DATA, "aggregate my_sum: function add: 13 brings bad luck");
	/* NULL of a group with rows is not the value over no rows. */
	same("SELECT g, (SELECT my_half(n) FROM (VALUES (1, 4242), (2, 8)) AS u (k, n) WHERE u.k = v.g) AS x FROM (VALUES (1), (2), (3)) AS v (g) ORDER BY g",
		"SELECT * FROM (VALUES (1, NULL), (2, 4), (3, 0)) AS v (g, x) ORDER BY g");
	same("SELECT g, (SELECT my_half(n) FROM (VALUES (1, 4242), (2, 8)) AS u (k, n) WHERE u.k < v.g) AS x FROM (VALUES (1), (2), (3)) AS v (g) ORDER BY g",
		"SELECT * FROM (VALUES (1, 0), (2, NULL), (3, 2125)) AS v (g, x) ORDER BY g");
	end();
}

static void what_sql_cannot_create(void)
{
	begin_sql();
	check_sql("CREATE AGGREGATE a(int) (STYPE = bigint)", SPK_BIND, "aggregate sfunc must be specified");
	check_sql("CREATE AGGREGATE a(int) (SFUNC = add_int)", SPK_BIND, "aggregate stype must be specified");
	check_sql("CREATE AGGREGATE a(int) (SFUNC = none, STYPE = bigint)", SPK_BIND, "function none does not exist");
	check_sql("CREATE AGGREGATE a(int) (SFUNC = lower, STYPE = bigint)", SPK_UNSUPPORTED, "the built-in function lower as sfunc of an aggregate is not supported");
	check_sql("CREATE AGGREGATE a(text) (SFUNC = add_int, STYPE = bigint)", SPK_BIND, "function add_int(bigint, text) does not exist");
	check_sql("CREATE AGGREGATE a(int) (SFUNC = add_int, STYPE = int)", SPK_BIND, "function add_int(integer, integer) does not exist");
	check_sql("CREATE AGGREGATE a(int) (SFUNC = add_int, STYPE = bigint)", SPK_BIND, "must not omit initial value when transition function is strict and transition type is not compatible with input type");
	check_sql("CREATE AGGREGATE a(int) (SFUNC = add_int, STYPE = bigint, INITCOND = 'x')", SPK_BIND, "invalid input syntax for type bigint: \"x\"");
	check_sql("CREATE AGGREGATE a(bigint) (SFUNC = add, STYPE = bigint, COMBINEFUNC = half)", SPK_BIND, "function half(bigint, bigint) does not exist");
	check_sql("CREATE AGGREGATE a(bigint) (SFUNC = add, STYPE = bigint, FINALFUNC = append)", SPK_BIND, "function append(bigint) does not exist");
	check_sql("CREATE AGGREGATE a(bigint) (SFUNC = add, STYPE = bigint, SORTOP = '<')", SPK_UNSUPPORTED, "aggregate attribute \"sortop\" is not supported");
	check_sql("CREATE AGGREGATE a(bigint) (SFUNC = add, STYPE = bigint, NONSENSE = 1)", SPK_BIND, "aggregate attribute \"nonsense\" not recognized");
	check_sql("CREATE AGGREGATE a(BASETYPE = bigint, SFUNC = add, STYPE = bigint)", SPK_UNSUPPORTED, "BASETYPE");
	check_sql("CREATE AGGREGATE a(ORDER BY bigint) (SFUNC = add, STYPE = bigint)", SPK_UNSUPPORTED, "ordered-set aggregates");
	check_sql("CREATE AGGREGATE sum(bigint) (SFUNC = add, STYPE = bigint)", SPK_EXISTS, "built in");
	check_sql("CREATE AGGREGATE add(bigint) (SFUNC = add, STYPE = bigint)", SPK_EXISTS, "function \"add\" already exists");
	check_sql("CREATE TYPE a AS ENUM ('x')", SPK_UNSUPPORTED, "not supported");
	end();
}

/* A job over files, with updates of a group in several epochs. */
static void in_a_stream(void)
{
	char *dir = spk_test_dir("aggregate-stream"), sql[2048];
	struct spk_job_options options = { .name = "sums", .once = true };
	char job[1024];

	begin_sql();
	spk_test_run(NULL, "mkdir -p %s/in && seq 101 3100 | awk '{ printf \"{\\\"k\\\": %%d, \\\"v\\\": %%d}\\n\", $1 %% 3, $1 }' > %s/in/a.json", dir, dir);
	snprintf(sql, sizeof sql, "SET \"epoch.max.rows\" = 700; CREATE AGGREGATE my_sum(bigint) (SFUNC = add, STYPE = bigint, COMBINEFUNC = add);"
		"CREATE AGGREGATE joined(text) (SFUNC = append, STYPE = text, COMBINEFUNC = append);"
		"CREATE TABLE src (k INT, v BIGINT) WITH ('connector' = 'filesystem', 'path' = '%s/in', 'format' = 'json');"
		"CREATE TABLE dst (k INT, s BIGINT, t BIGINT, l INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '%s/out', 'format' = 'debezium-json');"
		"INSERT INTO dst SELECT k, my_sum(v), total(v + 20) - count(*) * 20, length(joined(v::text)) FROM src GROUP BY k", dir, dir);
	snprintf(job, sizeof job, "%s/job", dir);
	options.dir = job;
	CHECK_OK(spk_session_run(session, sql, &options, &err), err);
	for (int k = 0; k < 3; k++) {
		int64_t sum = 0, length = 0;

		for (int64_t v = 101; v <= 3100; v++) {
			sum += v % 3 == k ? v : 0;
			length += v % 3 == k ? (v > 999 ? 4 : 3) : 0;
		}
		CHECK_EQ_INT(spk_test_run(NULL, "cat %s/out/* | grep '\"after\":{\"k\":%d,' | tail -n 1 | grep -q '\"after\":{\"k\":%d,\"s\":%" PRId64 ",\"t\":%" PRId64 ",\"l\":%" PRId64 "}'", dir, k, k, sum, sum, length), 0);
	}
	/* States that cannot be merged: the rows are kept. */
	snprintf(sql, sizeof sql, "CREATE AGGREGATE late(bigint) (SFUNC = add, STYPE = bigint); CREATE TABLE alone (k INT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'filesystem', "
		"'path' = '%s/alone', 'format' = 'debezium-json'); INSERT INTO alone SELECT k, late(v) FROM src GROUP BY k", dir);
	snprintf(job, sizeof job, "%s/job-alone", dir);
	options.name = "alone";
	CHECK_OK(spk_session_run(session, sql, &options, &err), err);
	for (int k = 0; k < 3; k++)
		CHECK_EQ_INT(spk_test_run(NULL, "cat %s/alone/* | grep '\"after\":{\"k\":%d,' | tail -n 1 | grep -q '\"s\":%d}'", dir, k, k == 0 ? 1600500 : k == 1 ? 1601500 : 1599500), 0);
	end();
	free(dir);
}

/* Several tasks compute parts of every group. */
static void by_several_tasks(void)
{
	struct spk_frame *f, *sums[2];
	char *text[2] = { NULL, NULL };

	begin();
	CHECK_OK(spk_session_set(session, "parallelism", "4", &err), err);
	f = spk_frame_repartition(spk_frame_table(session, "t"), 4, NULL);
	sums[0] = spk_frame_agg(spk_frame_group_by(f, "g"), "total(n) AS x, length(glue(s, '')) AS l, rows_seen(*) AS c");
	sums[1] = spk_frame_agg(spk_frame_group_by(f, "g"), "sum(n) AS x, sum(length(s)) AS l, count(*) + 100 AS c");
	for (int i = 0; i < 2; i++)
		CHECK_OK(spk_frame_show(spk_frame_sort(sums[i], "g"), 10, &text[i], &err), err);
	CHECK_EQ_STR(text[0], text[1]);
	free(text[0]);
	free(text[1]);
	end();
}

static void replaced_and_dropped(void)
{
	begin_sql();
	CHECK_OK(spk_session_execute(session, "CREATE AGGREGATE a(bigint) (SFUNC = add, STYPE = bigint)", &err), err);
	check_sql("CREATE AGGREGATE a(bigint) (SFUNC = add, STYPE = bigint)", SPK_EXISTS, "aggregate \"a\" already exists");
	CHECK_OK(spk_session_execute(session, "CREATE OR REPLACE AGGREGATE a(bigint) (SFUNC = add, STYPE = bigint, INITCOND = '7')", &err), err);
	same("SELECT a(n) AS x FROM (VALUES (1), (2)) AS v (n)", "SELECT 10 AS x");
	check_sql("DROP FUNCTION a", SPK_BIND, "function a does not exist");
	CHECK_OK(spk_session_execute(session, "DROP AGGREGATE a(bigint)", &err), err);
	check_sql("DROP AGGREGATE a(bigint)", SPK_BIND, "aggregate a does not exist");
	CHECK_OK(spk_session_execute(session, "DROP AGGREGATE IF EXISTS a(bigint); DROP FUNCTION add_int, half", &err), err);
	check_error("SELECT half(1)", SPK_BIND, "function half(integer) does not exist");
	check_sql("DROP FUNCTION lower(text)", SPK_BIND, "cannot drop function lower because it is required by the database system");
	end();
}

SPK_TEST_SUITE("aggregates of a session",
	{"they stand wherever aggregates do, and give the same", stand_wherever_aggregates_do},
	{"over windows", over_windows},
	{"states begin with init", states_begin_with_init},
	{"they run in parts and spill", run_in_parts_and_spill},
	{"several tasks compute parts", by_several_tasks},
	{"errors are told with the aggregate's name", errors_are_told},
	{"results must fit", results_must_fit},
	{"created by SQL, with PostgreSQL's rules for NULLs", created_by_sql},
	{"what SQL cannot create", what_sql_cannot_create},
	{"in a stream", in_a_stream},
	{"replaced and dropped", replaced_and_dropped})
