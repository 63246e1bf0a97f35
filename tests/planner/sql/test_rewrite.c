/* What the rewrite makes of a text before PostgreSQL's parser sees it. */
#include "planner/sql/source.h"
#include "tests/support/test.h"

static const struct rewrite { const char *text, *sql; } rewrites[] = {
	/* What PostgreSQL knows stays, to the byte. */
	{ "SELECT a, 'b`c', \"d`e\", $$f`g$$ FROM t WHERE x = ANY (ARRAY[1]) AND map < 5", NULL },
	{ "CREATE TABLE t (a int PRIMARY KEY, b text NOT NULL) WITH (k = 'v', \"a.b\" = 1)", NULL },
	{ "SELECT EXTRACT(year FROM 'x'), TRIM(FROM 'y'), a IS DISTINCT FROM 'z' FROM t", NULL },
	{ "SELECT * FROM tumble(t, ts, interval '1 s')", NULL },
	{ "SET a = 1", NULL },
	{ "SELECT count(*) OVER (PARTITION BY (a)[1]) FROM t GROUP BY (a)[1] ORDER BY (a)[1] FETCH FIRST (a)[1] ROWS ONLY", NULL },
	{ "SELECT a BETWEEN (b)[1] AND (c)[1], a NOT BETWEEN SYMMETRIC (b)[1] AND 2, x LIKE (b)[1] ESCAPE (c)[1], ts AT TIME ZONE (b)[1]", NULL },
	{ "SELECT a::character varying(3)[2], CAST(b AS bit varying (3)[2]), c::interval second(3)[2], d::numeric(3, 1)[1]", NULL },
	{ "CREATE TABLE t (a numeric(3)[2], b character varying(3)[2], c timestamp(3) without time zone[2])", NULL },
	/* Names and comments. */
	{ "SELECT `a b` /* x */, `c``d`, `e\"f` -- y", "SELECT \"a b\"        , \"c`d\", \"e\"\"f\"     " },
	/* DDL. */
	{ "CREATE SOURCE t (a int)", "CREATE TABLE t (a int)" },
	{ "CREATE SINK TABLE t (a int)", "CREATE  TABLE t (a int)" },
	{ "CREATE TABLE t (x AS a + 1, WATERMARK FOR ts AS ts - 1)",
	  "CREATE TABLE t (x \"sparklet computed\" GENERATED ALWAYS AS ( a + 1) STORED, CONSTRAINT \"sparklet watermark\" CHECK (ROW( ts , ts - 1)))" },
	{ "CREATE TABLE t (o bigint METADATA FROM 'offset' VIRTUAL, p int NOT NULL METADATA, `it's` int METADATA)",
	  "CREATE TABLE t (o bigint CONSTRAINT \"sparklet metadata\" DEFAULT 'offset' , p int NOT NULL CONSTRAINT \"sparklet metadata\" DEFAULT 'p', "
	  "\"it's\" int CONSTRAINT \"sparklet metadata\" DEFAULT 'it''s')" },
	{ "CREATE TABLE t (a int COMMENT 'x', PRIMARY KEY (a) NOT ENFORCED) COMMENT 'y' WITH ('a.b' = 'c', d.e-f = 'g', \"h\" = 1)",
	  "CREATE TABLE t (a int , PRIMARY KEY (a) )  WITH (\"a.b\" = 'c', \"d.e-f\" = 'g', \"h\" = 1)" },
	{ "CREATE TABLE t WITH (k = 'v')", "CREATE TABLE t () WITH (k = 'v')" },
	{ "CREATE TABLE t (a ARRAY<MAP<INT, STRING>> NOT NULL, b ROW<x INT, y DECIMAL(5, 2)>, c TIMESTAMP(3) WITH LOCAL TIME ZONE)",
	  "CREATE TABLE t (a \"sparklet type\"('ARRAY<MAP<INT, STRING>>') NOT NULL, b \"sparklet type\"('ROW<x INT, y DECIMAL(5, 2)>'), c TIMESTAMP(3) WITH  TIME ZONE)" },
	{ "SELECT CAST(a AS ARRAY<INT>), b::ROW<x INT>", "SELECT CAST(a AS \"sparklet type\"('ARRAY<INT>')), b::\"sparklet type\"('ROW<x INT>')" },
	{ "CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1", NULL },
	{ "CREATE VIEW IF NOT EXISTS v AS SELECT 1", "CREATE VIEW  v AS SELECT 1" },
	{ "DROP TEMPORARY TABLE t; DROP SINK s", "DROP  TABLE t; DROP TABLE s" },
	/* SET. */
	{ "SET 'a.b-c' = 'd'; SET a.b-c = on-close; SET a = -1; RESET 'a.b'; SET \"x\".y TO z",
	  "SET \"a.b-c\" = 'd'; SET \"a.b-c\" = 'on-close'; SET a = -1; RESET \"a.b\"; SET \"x.y\" TO z" },
	/* FROM. */
	{ "SELECT * FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), 1, 2)) AS h", "SELECT * FROM HOP( t, ts, 1, 2) AS h" },
	{ "SELECT * FROM TUMBLE(TABLE t, DESCRIPTOR(`ts`), 1)", "SELECT * FROM TUMBLE( t, \"ts\", 1)" },
	{ "SELECT * FROM TABLE(SESSION(TABLE t PARTITION BY a, b, DESCRIPTOR(ts), 1))", "SELECT * FROM SESSION( t , \"sparklet partition\" => ROW( a, b), ts, 1)" },
	{ "SELECT * FROM 'x.csv' WHERE a IN (SELECT b FROM 'y.csv')", "SELECT * FROM \"sparklet file\"('x.csv') WHERE a IN (SELECT b FROM \"sparklet file\"('y.csv'))" },
	{ "SELECT * FROM (SELECT 1) WHERE true", "SELECT * FROM (SELECT 1) AS \"sparklet subquery\" WHERE true" },
	{ "SELECT * FROM (SELECT * FROM (VALUES (1))) AS q", "SELECT * FROM (SELECT * FROM (VALUES (1)) AS \"sparklet subquery\") AS q" },
	/* Subscripts. */
	{ "SELECT f(x)[1], pg_catalog.f (x)[1], CAST(x AS int[])[1] + coalesce(y, z)[2] ORDER BY f(x)[1]",
	  "SELECT (f(x))[1], (pg_catalog.f (x))[1], (CAST(x AS int[]))[1] + (coalesce(y, z))[2] ORDER BY (f(x))[1]" },
	{ "SELECT a BETWEEN f(x)[1] AND f(y)[1], ts AT TIME ZONE f(x)[1]", "SELECT a BETWEEN (f(x))[1] AND (f(y))[1], ts AT TIME ZONE (f(x))[1]" },
	/* Statements. */
	{ "EXPLAIN PLAN FOR SELECT 1", "EXPLAIN  SELECT 1" },
	{ "BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END; END", "; INSERT INTO a SELECT 1; ; END" },
};

static void each_text_becomes_what_the_parser_knows(void)
{
	for (size_t i = 0; i < sizeof rewrites / sizeof rewrites[0]; i++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_source s = { .text = rewrites[i].text, .size = strlen(rewrites[i].text) };
		spk_error err = { 0 };

		CHECK_OK(spk_sql_backquotes(&s, arena, &err), err);
		CHECK_OK(spk_sql_scan(&s, arena, &err), err);
		CHECK_OK(spk_sql_rewrite(&s, arena, &err), err);
		CHECK_EQ_STR(s.sql, rewrites[i].sql ? rewrites[i].sql : rewrites[i].text);
		spk_arena_unref(arena);
	}
}

SPK_TEST_SUITE("sql rewrite", { "each text becomes what the parser knows", each_text_becomes_what_the_parser_knows })
