/* What is wrong with a statement: code, place, message and hint, for statements that are wrong in one way each. */
#include "tests/planner/support.h"

static const struct wrong {
	const char *sql;
	spk_status code;
	int line, column;
	const char *message, *hint;   /* parts */
} wrong[] = {
	{ "SELECT prise FROM bid",
	  SPK_BIND, 1, 8, "column \"prise\" does not exist", "Did you mean \"price\"?" },
	{ "SELECT b.prise FROM bid b",
	  SPK_BIND, 1, 8, "column b.prise does not exist", "Did you mean \"price\"?" },
	{ "SELECT x.price FROM bid b",
	  SPK_BIND, 1, 8, "missing FROM-clause entry for table \"x\"", "FROM has: b." },
	{ "SELECT price FROM bids",
	  SPK_BIND, 1, 19, "relation \"bids\" does not exist", "Did you mean \"bid\"?" },
	{ "SELECT price FORM bid",
	  SPK_SYNTAX, 1, 19, "syntax error at or near \"bid\"", "Did you mean FROM?" },
	{ "SELCT price FROM bid",
	  SPK_SYNTAX, 1, 1, "syntax error at or near \"SELCT\"", "Did you mean SELECT?" },
	{ "SELECT price, FROM bid",
	  SPK_SYNTAX, 1, 15, "syntax error at or near \"FROM\"", "Is the comma before it one too many?" },
	{ "SELECT (price FROM bid",
	  SPK_SYNTAX, 1, 15, "syntax error at or near \"FROM\"", "The \"(\" in line 1 is not closed." },
	{ "SELECT price) FROM bid",
	  SPK_SYNTAX, 1, 13, "syntax error at or near \")\"", "that it closes." },
	{ "SELECT price FROM bid WHERE",
	  SPK_SYNTAX, 1, 28, "syntax error at end of input", "" },
	{ "SELECT price FROM bid WHERE price",
	  SPK_BIND, 1, 29, "argument of WHERE must be type boolean, not type bigint", "" },
	{ "SELECT price FROM bid WHERE count(*) > 1",
	  SPK_BIND, 1, 29, "aggregate functions are not allowed in WHERE", "Conditions on aggregates belong in HAVING." },
	{ "SELECT price, count(*) FROM bid",
	  SPK_BIND, 1, 8, "column \"bid.price\" must appear in the GROUP BY clause or be used in an aggregate function", "Add it to GROUP BY, or say which of a group's values is meant: max(price)." },
	{ "SELECT price + 1, count(*) FROM bid GROUP BY auction",
	  SPK_BIND, 1, 8, "column \"bid.price\" must appear in the GROUP BY clause or be used in an aggregate function", "Add it to GROUP BY, or say which of a group's values is meant: max(price)." },
	{ "SELECT sum(count(*)) FROM bid",
	  SPK_BIND, 1, 12, "aggregate function calls cannot be nested", "" },
	{ "SELECT count() FROM bid",
	  SPK_BIND, 1, 8, "count(*) must be used to call a parameterless aggregate function", "Write count(*) to count rows." },
	{ "SELECT sum(price, 2) FROM bid",
	  SPK_BIND, 1, 8, "function sum(bigint, integer) does not exist", "" },
	{ "SELECT sum(channel) FROM bid",
	  SPK_BIND, 1, 8, "function sum(text) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts." },
	{ "SELECT price FROM bid WHERE unnest(ARRAY[true])",
	  SPK_BIND, 1, 29, "set-returning functions are not allowed in WHERE", "" },
	{ "SELECT lowr(channel) FROM bid",
	  SPK_BIND, 1, 8, "function lowr(text) does not exist", "Did you mean lower?" },
	{ "SELECT row_number() FROM bid",
	  SPK_BIND, 1, 8, "window function row_number requires an OVER clause", "" },
	{ "SELECT price FROM bid WHERE row_number() OVER (ORDER BY price) = 1",
	  SPK_BIND, 1, 29, "window functions are not allowed in WHERE", "Put the query into FROM, or filter with QUALIFY." },
	{ "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT price FROM bid'",
	  SPK_UNSUPPORTED, 1, 1, "the body of a function in SQL must be one expression", "make a view of what reads tables" },
	{ "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELEC x'",
	  SPK_SYNTAX, 1, 1, "syntax error at or near \"SELEC\"", "Did you mean SELECT?" },
	{ "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql RETURN x + y",
	  SPK_BIND, 1, 62, "a function in SQL cannot have columns: \"y\"", "" },
	{ "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT (SELECT x)'",
	  SPK_BIND, 1, 1, "cannot use subquery in a function in SQL", "" },
	{ "CREATE FUNCTION f(x int) RETURNS SETOF int LANGUAGE sql AS 'SELECT x'",
	  SPK_UNSUPPORTED, 1, 1, "a function in SQL needs RETURNS and the type of one value", "" },
	{ "CREATE FUNCTION f(x int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT x'",
	  SPK_UNSUPPORTED, 1, 1, "DEFAULT of a function in SQL is not supported yet", "" },
	{ "CREATE FUNCTION f(int, int, int, int, int, int, int, int, int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
	  SPK_UNSUPPORTED, 1, 1, "a function takes 8 arguments at the most", "" },
	{ "CREATE FUNCTION f(OUT x int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
	  SPK_UNSUPPORTED, 1, 1, "OUT, VARIADIC or a table of results of a function in SQL is not supported yet", "" },
	{ "CREATE FUNCTION f(x int, x int) RETURNS int LANGUAGE sql AS 'SELECT x'",
	  SPK_BIND, 1, 1, "two arguments are called \"x\"", "" },
	{ "CREATE FUNCTION f(x double precision) RETURNS double precision LANGUAGE sql AS 'SELECT x - x'; SELECT f(random())",
	  SPK_UNSUPPORTED, 1, 103, "argument 1 of f, which the function uses more than once, must have the same value each time", "SELECT f(x) FROM (SELECT random() AS x ...)" },
	{ "SELECT pmod(4, (random() * 9)::int + 1)",
	  SPK_UNSUPPORTED, 1, 8, "argument 2 of pmod, which the function uses more than once, must have the same value each time", "SELECT pmod(x) FROM (SELECT random() AS x ...)" },
	{ "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT x'; SELECT f(1, 2)",
	  SPK_BIND, 1, 73, "function f takes 1 argument, not 2", "" },
	{ "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT x'; CREATE OR REPLACE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT f(x) + 1'; SELECT f(1)",
	  SPK_UNSUPPORTED, 1, 156, "functions in SQL call each other more than 32 deep: f", "" },
	{ "SELECT ROW(1)[1]",
	  SPK_BIND, 1, 8, "cannot subscript type record because it does not support subscripting", "record['field']" },
	{ "SELECT row_time() FROM (VALUES (1)) AS v (a)",
	  SPK_BIND, 1, 8, "row_time() is the event time of FROM, which is not one table with a WATERMARK", "Name the column that it is." },
	{ "SELECT topk(price, 2 ORDER BY price) FROM bid",
	  SPK_BIND, 1, 8, "topk has an order of its own and takes no ORDER BY", "" },
	{ "SELECT sum(DISTINCT price) OVER () FROM bid",
	  SPK_UNSUPPORTED, 1, 8, "DISTINCT is not implemented for window functions", "" },
	{ "SELECT sum(price) OVER (ORDER BY channel RANGE 1 PRECEDING) FROM bid",
	  SPK_BIND, 1, 48, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type text", "" },
	{ "SELECT sum(price) OVER (ROWS price PRECEDING) FROM bid",
	  SPK_BIND, 1, 30, "argument of ROWS must not contain variables", "" },
	{ "SELECT sum(rank() OVER (ORDER BY price)) FROM bid",
	  SPK_BIND, 1, 12, "aggregate function calls cannot contain window function calls", "" },
	{ "SELECT lower(channel) OVER () FROM bid",
	  SPK_BIND, 1, 8, "OVER specified, but lower is not a window function nor an aggregate function", "" },
	{ "SELECT * FROM bid ASOF JOIN person ON true",
	  SPK_BIND, 1, 39, "the condition of an ASOF JOIN must be equalities and one comparison", "Put what looks at one side alone into a subquery" },
	{ "SELECT * FROM bid a ASOF LEFT JOIN bid b ON a.ts >= b.ts AND a.price < b.price",
	  SPK_BIND, 1, 45, "the condition of an ASOF JOIN must be equalities and one comparison", "" },
	{ "SELECT * FROM bid a ASOF LEFT JOIN bid b ON a.ts >= b.ts AND a.price > 3",
	  SPK_BIND, 1, 45, "the condition of an ASOF JOIN must be equalities and one comparison", "into a subquery" },
	{ "SELECT * FROM bid a ASOF FULL JOIN bid b ON a.ts >= b.ts",
	  SPK_UNSUPPORTED, 1, 45, "ASOF JOIN is not supported as RIGHT or FULL JOIN", "with LEFT" },
	{ "SELECT * FROM bid a ASOF JOIN bid b ON a.ts >= b.ts AND EXISTS (SELECT 1)",
	  SPK_UNSUPPORTED, 1, 40, "nor with subqueries in its condition", "" },
	{ "SELECT * FROM bid a ASOF JOIN bid b",
	  SPK_UNSUPPORTED, 1, 21, "ASOF JOIN without a condition is not supported", "USING (k, ts)" },
	{ "SELECT * FROM bid a LEFT ASOF JOIN bid b MATCH_CONDITION (a.ts >= b.ts) USING (auction)",
	  SPK_UNSUPPORTED, 1, 26, "nor MATCH_CONDITION beside USING", "Write it out" },
	{ "SELECT * FROM bid a ASOF RIGHT JOIN bid b USING (auction, ts)",
	  SPK_UNSUPPORTED, 1, 37, "ASOF JOIN is not supported as RIGHT or FULL JOIN", "with LEFT" },
	{ "SELECT * FROM bid a ASOF JOIN bid b USING (auction, nothing)",
	  SPK_BIND, 1, 31, "column \"nothing\" specified in USING clause does not exist in left table", "" },
	{ "SELECT 1, 2 UNION ALL SELECT 1",
	  SPK_BIND, 1, 30, "each UNION query must have the same number of columns", "The first has 2, this one has 1." },
	{ "SELECT 1 UNION ALL SELECT true",
	  SPK_BIND, 1, 27, "UNION types integer and boolean cannot be matched", "Cast one of them" },
	{ "SELECT price FROM bid GROUP BY 2",
	  SPK_BIND, 1, 32, "GROUP BY position 2 is not in select list", "" },
	{ "SELECT price FROM bid ORDER BY 4",
	  SPK_BIND, 1, 32, "ORDER BY position 4 is not in select list", "" },
	{ "SELECT price FROM bid ORDER BY 'x'",
	  SPK_BIND, 1, 32, "non-integer constant in ORDER BY", "" },
	{ "SELECT DISTINCT price FROM bid ORDER BY auction",
	  SPK_BIND, 1, 41, "for SELECT DISTINCT, ORDER BY expressions must appear in select list", "" },
	{ "SELECT price FROM bid LIMIT -1",
	  SPK_BIND, 1, 29, "LIMIT must not be negative", "" },
	{ "SELECT price FROM bid LIMIT price",
	  SPK_BIND, 1, 29, "argument of LIMIT must not contain variables", "" },
	{ "SELECT price FROM bid LIMIT 'x'",
	  SPK_BIND, 1, 29, "invalid input syntax for type bigint: \"x\"", "" },
	{ "SELECT DISTINCT ON (price) price FROM bid ORDER BY auction",
	  SPK_BIND, 1, 21, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions", "" },
	{ "SELECT auction, GROUPING(price) FROM bid GROUP BY ROLLUP (auction)",
	  SPK_BIND, 1, 26, "arguments to GROUPING must be grouping expressions of the associated query level", "" },
	{ "SELECT 1 FROM bid WHERE GROUPING(price) = 1",
	  SPK_BIND, 1, 25, "grouping operations are not allowed in WHERE", "" },
	{ "SELECT order FROM bid",
	  SPK_SYNTAX, 1, 14, "syntax error at or near \"FROM\"", "\"order\" is a reserved word; as a name it must be quoted." },
	{ "SELECT 'abc",
	  SPK_SYNTAX, 1, 8, "unterminated quoted string at or near \"'abc\"", "A quote inside a string is written twice: 'it''s'." },
	{ "SELECT 100ms",
	  SPK_SYNTAX, 1, 8, "trailing junk after numeric literal at or near \"100ms\"", "A number with a unit is written in quotes: '100ms'." },
	{ "SELECT \"apple\" FROM bid",
	  SPK_BIND, 1, 8, "column \"apple\" does not exist", "A string is written in single quotes: 'apple'." },
	{ "SELECT price::intgr FROM bid",
	  SPK_BIND, 1, 15, "type \"intgr\" does not exist", "Did you mean \"int\"?" },
	{ "SELECT 'x'::integer",
	  SPK_BIND, 1, 8, "invalid input syntax for type integer: \"x\"", "" },
	{ "SELECT CAST(price AS MULTISET<INT>) FROM bid",
	  SPK_UNSUPPORTED, 1, 22, "type MULTISET is not supported yet", "" },
	{ "SELECT CAST(price AS MAP<INT, INT>) FROM bid",
	  SPK_BIND, 1, 8, "cannot cast type bigint to map<integer, integer>", "" },
	{ "SELECT CAST(ARRAY[ROW('a', 1)] AS MAP<STRING, INT>) FROM bid",
	  SPK_BIND, 1, 8, "cannot cast type record[] to map<text, integer>", "" },
	{ "SELECT CAST(NULL AS MAP<ARRAY<INT>, INT>)",
	  SPK_BIND, 1, 21, "keys of a map must be scalar values, not integer[]", "MAP<STRING, ...>" },
	{ "SELECT CAST(NULL AS ARRAY<MAP<STRING, INT>>)",
	  SPK_UNSUPPORTED, 1, 21, "an array of maps is not supported", "ARRAY<ROW<m MAP<STRING, INT>>>" },
	{ "SELECT ARRAY[MAP['a', 1]]",
	  SPK_UNSUPPORTED, 1, 1, "an array of maps is not supported", "ARRAY<ROW<m MAP<STRING, INT>>>" },
	{ "SELECT MAP['a', ARRAY[1]]",
	  SPK_UNSUPPORTED, 1, 8, "MAP[...] with arrays, records or maps in it is not supported", "MAP<STRING, ARRAY<INT>>" },
	{ "SELECT MAP['a', 1, 'b']",
	  SPK_BIND, 1, 8, "MAP[...] needs a value for every key", "MAP['a', 1, 'b', 2]" },
	{ "SELECT MAP['a', 1][1:2]",
	  SPK_BIND, 1, 8, "maps have no slices", "" },
	{ "SELECT map_keys(ARRAY[1])",
	  SPK_BIND, 1, 8, "map_keys takes a map", "" },
	{ "SELECT map_from_arrays(ARRAY[ROW(1)], ARRAY[1])",
	  SPK_BIND, 1, 8, "keys of a map must be scalar values", "" },
	{ "SELECT map_from_arrays('{a}', '{1}')",
	  SPK_BIND, 1, 8, "could not determine polymorphic type because input has type unknown", "" },
	{ "CREATE TABLE t (a timestamp LATENESS INTERVAL '1' DAY WATERMARK INTERVAL) WITH (connector = 'x')",
	  SPK_BIND, 1, 65, "column \"interval\" does not exist", "" },
	{ "SELECT MAP['a', 1] = MAP['a', 1]",
	  SPK_BIND, 1, 20, "operator does not exist: map<text, integer> = map<text, integer>", "" },
	{ "SELECT DISTINCT MAP['a', 1]",
	  SPK_BIND, 1, 17, "could not identify an equality operator for type map<text, integer>", "to_jsonb(...) of it has both." },
	{ "SELECT JSON_VALUE(price RETURNING",
	  SPK_SYNTAX, 1, 25, "syntax error at or near \"RETURNING\"", "" },
	{ "SELECT DISTINCT ROW(MAP['a', 1])",
	  SPK_BIND, 1, 17, "could not identify an equality operator for type record", "Maps have no order" },
	{ "WITH RECURSIVE t (m) AS (SELECT MAP['a', 1] UNION SELECT m FROM t) SELECT * FROM t",
	  SPK_BIND, 1, 16, "could not identify an equality operator for type map<text, integer>", "to_jsonb(...)" },
	{ "CREATE TABLE t (m MAP<STRING, INT>, PRIMARY KEY (m)) WITH (connector = 'x')",
	  SPK_BIND, 1, 37, "could not identify an equality operator for type map<text, integer>", "to_jsonb(...)" },
	{ "SELECT a = b FROM (SELECT ROW(MAP['a', 1]) AS a, ROW(MAP['a', 1]) AS b) AS t",
	  SPK_BIND, 1, 10, "operator does not exist: record = record", "Maps have no order" },
	{ "SELECT array_sort(ARRAY[ROW(MAP['a', 1])])",
	  SPK_BIND, 1, 8, "function array_sort(record[]) does not exist", "Maps have no order" },
	{ "SELECT ROW(MAP['a', 1]) = ANY (ARRAY[ROW(MAP['a', 1])])",
	  SPK_BIND, 1, 25, "operator does not exist: record = record", "Maps have no order" },
	{ "SELECT arg_max(1, MAP['a', 1])",
	  SPK_UNSUPPORTED, 1, 8, "arg_max over type map<text, integer> is not supported", "to_jsonb(...)" },
	{ "SELECT approx_count_distinct(ROW(MAP['a', 1]))",
	  SPK_UNSUPPORTED, 1, 8, "approx_count_distinct over type record is not supported", "There is a map in it" },
	{ "SELECT array_agg(MAP['a', 1])",
	  SPK_UNSUPPORTED, 1, 8, "array_agg over type map<text, integer> is not supported", "to_jsonb(...)" },
	{ "SELECT CAST(price AS ARRAY<FOO>) FROM bid",
	  SPK_BIND, 1, 22, "type \"FOO\" does not exist", "" },
	{ "SELECT * FROM tumble(bid, price, interval '1 second')",
	  SPK_BIND, 1, 27, "the time of window function tumble must be a timestamp; \"price\" is bigint", "" },
	{ "SELECT * FROM tumble(bid, tt, interval '1 second')",
	  SPK_BIND, 1, 27, "column \"tt\" does not exist", "Columns here: auction, bidder, price, channel, url, ts, extra." },
	{ "SELECT * FROM tumble(bid, ts, interval '1 month')",
	  SPK_BIND, 1, 31, "the size of the window must have a fixed length; months do not", "Give it in days." },
	{ "SELECT * FROM tumble(bid, ts, interval '0 second')",
	  SPK_BIND, 1, 31, "the size of the window must be more than zero", "" },
	{ "SELECT * FROM tumble(bid, ts)",
	  SPK_BIND, 1, 15, "wrong arguments of window function tumble", "It is called as tumble(table, time, size [, offset])." },
	{ "SELECT * FROM hop(bid, ts, interval '3 seconds', interval '10 seconds')",
	  SPK_BIND, 1, 50, "the size of window function hop must be a multiple of its slide", "" },
	{ "SELECT * FROM tumbl(bid, ts, interval '3 seconds')",
	  SPK_BIND, 1, 15, "function tumbl cannot be used in FROM", "Did you mean \"tumble\"?" },
	{ "SELECT * FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))",
	  SPK_BIND, 1, 34, "relation \"bids\" does not exist", "Did you mean \"bid\"?" },
	{ "SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`tss`), INTERVAL '10' SECOND))",
	  SPK_BIND, 1, 50, "column \"tss\" does not exist", "Did you mean \"ts\"?" },
	{ "SELECT * FROM 'missing.csv'",
	  SPK_NOT_FOUND, 1, 15, "no file \"missing.csv\"", "" },
	{ "INSERT INTO nothing SELECT 1",
	  SPK_BIND, 1, 13, "relation \"nothing\" does not exist", "Tables and views: bid, person, sink, narrow, meta, file." },
	{ "INSERT INTO person (id, nam) SELECT 1, 2",
	  SPK_BIND, 1, 25, "column \"nam\" of relation \"person\" does not exist", "Did you mean \"name\"?" },
	{ "INSERT INTO meta (k, twice) SELECT 1, 2",
	  SPK_BIND, 1, 22, "cannot insert into column \"twice\": it is computed", "" },
	{ "INSERT INTO meta (k, off) SELECT 1, 2",
	  SPK_BIND, 1, 22, "cannot insert into column \"off\": it is metadata", "" },
	{ "INSERT INTO person (id, id) SELECT 1, 2",
	  SPK_BIND, 1, 25, "column \"id\" specified more than once", "" },
	{ "INSERT INTO person (id, name) SELECT 1",
	  SPK_BIND, 1, 25, "INSERT has more target columns than expressions: 2 for 1", "Nothing is given for column \"name\"." },
	{ "INSERT INTO person (id, name) SELECT 1, 'x', 3",
	  SPK_BIND, 1, 46, "INSERT has more expressions than target columns: 3 for the 2 of \"person\"", "Nothing takes output column \"?column?\"." },
	{ "INSERT INTO person (id, name) VALUES (1, 'x'), (2)",
	  SPK_BIND, 1, 49, "VALUES lists must all be the same length", "The first has 2, this one has 1." },
	{ "INSERT INTO person (id, \"dateTime\") SELECT auction, price FROM bid",
	  SPK_BIND, 1, 53, "column \"dateTime\" is of type timestamp without time zone but expression is of type bigint", "Cast it: CAST(... AS timestamp without time zone)." },
	{ "INSERT INTO person (name) SELECT channel FROM bid",
	  SPK_BIND, 1, 13, "column \"id\" of \"person\" must not be NULL, and nothing is given for it", "INSERT gives 1 of 5 columns." },
	{ "INSERT INTO person (id) VALUES ('abc')",
	  SPK_BIND, 1, 33, "column \"id\": invalid input syntax for type bigint: \"abc\"", "" },
	{ "INSERT INTO person (id) SELECT 1 ON CONFLICT DO NOTHING",
	  SPK_UNSUPPORTED, 1, 34, "ON CONFLICT is not supported yet", "A sink with a PRIMARY KEY takes every row as an upsert." },
	{ "INSERT INTO person (id) SELECT 1 RETURNING id",
	  SPK_UNSUPPORTED, 1, 44, "RETURNING is not supported yet", "" },
	{ "CREATE TABLE bid (a int) WITH (connector = 'x')",
	  SPK_EXISTS, 1, 14, "relation \"bid\" already exists", "" },
	{ "CREATE TABLE t (a int, a text) WITH (connector = 'x')",
	  SPK_BIND, 1, 24, "column \"a\" specified more than once", "" },
	{ "CREATE TABLE t (a int) WITH (format = 'json')",
	  SPK_BIND, 1, 14, "table \"t\" has no 'connector'", "Say where its rows are: WITH ('connector' = 'kafka', 'topic' = ..., ...), 'filesystem', 'print', ..." },
	{ "CREATE TABLE t (a int, WATERMARK FOR a AS a) WITH (connector = 'x')",
	  SPK_BIND, 1, 38, "the watermark's column \"a\" must be a timestamp, not integer", "Declare a computed column of it, such as ts AS to_timestamp(a), and give that the watermark." },
	{ "CREATE TABLE t (a timestamp, WATERMARK FOR b AS b) WITH (connector = 'x')",
	  SPK_BIND, 1, 44, "column \"b\" does not exist", "Columns here: a." },
	{ "CREATE TABLE t (a timestamp, WATERMARK FOR a AS a + INTERVAL '4' SECOND) WITH (connector = 'x')",
	  SPK_BIND, 1, 49, "a watermark's delay must be zero or more", "WATERMARK FOR ts AS ts - INTERVAL '4' SECOND" },
	{ "CREATE TABLE t (a timestamp, b timestamp, WATERMARK FOR a AS b - INTERVAL '4' SECOND) WITH (connector = 'x')",
	  SPK_UNSUPPORTED, 1, 62, "a watermark must be its column, or its column minus a constant interval", "WATERMARK FOR ts AS ts - INTERVAL '4' SECOND" },
	{ "CREATE TABLE t (a timestamp, WATERMARK FOR a a) WITH (connector = 'x')",
	  SPK_SYNTAX, 1, 30, "a watermark needs a column and an expression", "WATERMARK FOR ts AS ts - INTERVAL '4' SECOND" },
	{ "CREATE TABLE t (a timestamp, WATERMARK FOR a AS a - INTERVAL '4' SECOND, WATERMARK FOR a AS a) WITH (connector = 'x')",
	  SPK_BIND, 1, 74, "a table has one watermark, not several", "" },
	{ "CREATE TABLE t (a int, PRIMARY KEY (b)) WITH (connector = 'x')",
	  SPK_BIND, 1, 24, "column \"b\" named in key does not exist", "" },
	{ "CREATE TABLE t (a int primary key, PRIMARY KEY (a)) WITH (connector = 'x')",
	  SPK_BIND, 1, 36, "multiple primary keys for table \"t\" are not allowed", "" },
	{ "CREATE TABLE t (a int CHECK (a > 1)) WITH (connector = 'x')",
	  SPK_UNSUPPORTED, 1, 23, "a CHECK, UNIQUE or IDENTITY constraint is not supported yet", "" },
	{ "CREATE TABLE t (a int, b int DEFAULT a) WITH (connector = 'x')",
	  SPK_BIND, 1, 38, "DEFAULT cannot have columns: \"a\"", "" },
	{ "CREATE TABLE t (a int DEFAULT true) WITH (connector = 'x')",
	  SPK_BIND, 1, 31, "cannot cast type boolean to integer", "" },
	{ "CREATE TABLE t (a int DEFAULT 'x') WITH (connector = 'x')",
	  SPK_BIND, 1, 31, "invalid input syntax for type integer: \"x\"", "" },
	{ "CREATE TABLE t (a int, b AS a + c) WITH (connector = 'x')",
	  SPK_BIND, 1, 33, "column \"c\" does not exist", "Columns here: a." },
	{ "CREATE TABLE t (a int, b AS sum(a)) WITH (connector = 'x')",
	  SPK_BIND, 1, 29, "aggregate functions are not allowed in a computed column", "" },
	{ "CREATE TABLE t (a strin) WITH (connector = 'x')",
	  SPK_BIND, 1, 19, "type \"strin\" does not exist", "Did you mean string?" },
	{ "CREATE TABLE t (a int) WITH (connector = 'x', connector = 'y')",
	  SPK_BIND, 1, 47, "option 'connector' is given twice", "" },
	{ "CREATE TABLE t (a int) WITH (connector 'x')",
	  SPK_SYNTAX, 1, 40, "syntax error at or near \"'x'\"", "" },
	{ "CREATE TABLE t () WITH (connector = 'x')",
	  SPK_BIND, 1, 14, "table \"t\" has no columns", "" },
	{ "CREATE TABLE s.t (a int) WITH (connector = 'x')",
	  SPK_BIND, 1, 14, "relation \"s.t\" does not exist", "There is one schema, public. Quote the name if the dot is part of it: \"s.t\"." },
	{ "SELECT r.z FROM (SELECT CAST(ROW(1) AS ROW<a int>) AS r) AS t",
	  SPK_BIND, 1, 8, "could not identify column \"z\" in record data type", "" },
	{ "SELECT t.p.z FROM (SELECT 1 AS p) AS t",
	  SPK_BIND, 1, 8, "missing FROM-clause entry for table \"p\"", "" },
	{ "CREATE TEMPORARY FUNCTION count_char AS 'com.example.CountChar' LANGUAGE JAVA",
	  SPK_UNSUPPORTED, 1, 38, "a function that is a class of the JVM is not supported", "RETURNS bigint LANGUAGE c" },
	{ "CREATE FUNCTION count_char AS 'com.example.CountChar'",
	  SPK_UNSUPPORTED, 1, 28, "a function that is a class of the JVM is not supported", "RETURNS bigint LANGUAGE c" },
	{ "CREATE TABLE t (a int, b int) PARTITIONED BY (c) WITH (connector = 'x')",
	  SPK_BIND, 1, 47, "column \"c\" named in PARTITIONED BY does not exist", "" },
	{ "CREATE TABLE t (a timestamp(3), b int) PARTITIONED BY (a) WITH (connector = 'x')",
	  SPK_UNSUPPORTED, 1, 56, "column \"a\" in PARTITIONED BY with a type that rounds is not supported", "Declare it without the digits, as timestamp." },
	{ "CREATE TABLE t (a numeric(5, -2)) WITH (connector = 'x')",
	  SPK_UNSUPPORTED, 1, 19, "NUMERIC scale -2 is not supported but in casts", "" },
	{ "SELECT ARRAY[1, true]",
	  SPK_BIND, 1, 17, "ARRAY types integer and boolean cannot be matched", "" },
	{ "SELECT sum(price) OVER w FROM bid",
	  SPK_BIND, 1, 24, "window \"w\" does not exist", "" },
	{ "SELECT price + $1 FROM bid",
	  SPK_BIND, 1, 16, "there is no parameter $1", "" },
	{ "SELECT channel::inet FROM bid",
	  SPK_UNSUPPORTED, 1, 17, "type inet is not supported", "" },
	{ "SELECT 1_000 + 1",
	  SPK_SYNTAX, 1, 8, "trailing junk after numeric literal at or near \"1_000\"", "A number with a unit is written in quotes" },
	{ "SET timezone = 'Mars'",
	  SPK_BIND, 1, 16, "invalid value for parameter \"TimeZone\": \"Mars\"", "A zone is a name as Europe/Berlin" },
	{ "SELECT * FROM generate_series(1, 2) AS t(a int)",
	  SPK_BIND, 1, 42, "a column definition list is only allowed for functions returning \"record\"", "" },
	{ "CREATE TYPE t AS (a int, b text, a int)",
	  SPK_BIND, 1, 34, "column \"a\" specified more than once", "" },
	{ "CREATE TYPE t AS (a int, b nosuch)",
	  SPK_BIND, 1, 28, "type \"nosuch\" does not exist", "" },
	{ "CREATE TYPE bid AS (a int)",
	  SPK_EXISTS, 1, 1, "type \"bid\" already exists", "" },
	{ "CREATE TYPE date AS (a int)",
	  SPK_EXISTS, 1, 1, "type \"date\" already exists", "" },
	{ "CREATE TYPE t AS (a int); CREATE TYPE t AS (b int)",
	  SPK_EXISTS, 1, 27, "type \"t\" already exists", "" },
	{ "CREATE TYPE t AS (a int); DROP TYPE t; SELECT NULL::t",
	  SPK_BIND, 1, 53, "type \"t\" does not exist", "" },
	{ "DROP TYPE nope",
	  SPK_BIND, 1, 1, "type \"nope\" does not exist", "" },
	{ "DROP TYPE s.t",
	  SPK_UNSUPPORTED, 1, 1, "schemas are not supported", "" },
	{ "CREATE TYPE mood AS ENUM ('sad', 'ok')",
	  SPK_UNSUPPORTED, 1, 1, "CREATE TYPE ... AS ENUM is not supported", "" },
	{ "CREATE TABLE t (a int, b int) PARTITIONED BY (a, a) WITH (connector = 'x')",
	  SPK_BIND, 1, 50, "column \"a\" appears twice in PARTITIONED BY", "" },
	{ "CREATE TABLE t (a int, b int) PARTITIONED BY (a, b) WITH (connector = 'x')",
	  SPK_BIND, 1, 31, "partitioned by all of its columns", "" },
	{ "CREATE TABLE t (a int, b AS a + 1) PARTITIONED BY (b) WITH (connector = 'x')",
	  SPK_BIND, 1, 52, "column \"b\" in PARTITIONED BY is computed", "" },
	{ "CREATE TABLE t (a int, b int) PARTITIONED BY ((a + 1)) WITH (connector = 'x')",
	  SPK_UNSUPPORTED, 1, 47, "an expression in PARTITIONED BY is not supported", "names the columns" },
	{ "CREATE TABLE t (a int, b int) PARTITION BY RANGE (a) WITH (connector = 'x')",
	  SPK_UNSUPPORTED, 1, 31, "PARTITION BY RANGE or HASH of a table is not supported", "PARTITIONED BY (column, ...)" },
	{ "CREATE TABLE t AS SELECT 1",
	  SPK_UNSUPPORTED, 1, 14, "CREATE TABLE AS without WITH ('connector' = ...) (here) is not supported yet", "" },
	{ "CREATE TABLE t (a, b) AS SELECT 1 AS x",
	  SPK_BIND, 1, 14, "too many column names were specified", "" },
	{ "CREATE TABLE t WITH ('connector' = 'print') AS SELECT 1 AS x, 2 AS x",
	  SPK_BIND, 1, 14, "column \"x\" specified more than once", "" },
	{ "CREATE TABLE t AS EXECUTE q",
	  SPK_UNSUPPORTED, 1, 14, "CREATE TABLE AS anything but a query is not supported yet", "" },
	{ "SHOW paralelism",
	  SPK_USAGE, 1, 6, "unrecognized configuration parameter \"paralelism\"", "did you mean 'parallelism'?" },
	{ "SELECT * FROM bid AS b TABLESAMPLE nope (10)",
	  SPK_BIND, 1, 36, "tablesample method nope does not exist", "" },
	{ "CREATE VIEW bid AS SELECT 1",
	  SPK_EXISTS, 1, 13, "relation \"bid\" already exists", "" },
	{ "CREATE VIEW v AS SELECT * FROM v",
	  SPK_BIND, 1, 32, "relation \"v\" does not exist", "Tables and views: bid, person, sink, narrow, meta, file." },
	{ "CREATE VIEW v (a, b) AS SELECT 1",
	  SPK_BIND, 1, 13, "CREATE VIEW specifies more column names than columns: 2 for 1", "" },
	{ "CREATE VIEW v AS SELECT 1, 2",
	  SPK_BIND, 1, 13, "column \"?column?\" specified more than once", "Name the columns: CREATE VIEW v (a, b, ...) AS ..., or use AS." },
	{ "CREATE MATERIALIZED VIEW v AS SELECT 1 WITH NO DATA",
	  SPK_UNSUPPORTED, 1, 26, "CREATE MATERIALIZED VIEW ... WITH NO DATA is not supported yet", "" },
	{ "CREATE MATERIALIZED VIEW v (a, b) AS SELECT 1",
	  SPK_BIND, 1, 26, "CREATE VIEW specifies more column names than columns: 2 for 1", "" },
	{ "DROP TABLE nope",
	  SPK_BIND, 1, 12, "table \"nope\" does not exist", "Tables and views: bid, person, sink, narrow, meta, file." },
	{ "DROP VIEW bid",
	  SPK_BIND, 1, 11, "\"bid\" is not a view", "Use DROP TABLE." },
	{ "SET paralelism = 3",
	  SPK_USAGE, 1, 5, "unrecognized configuration parameter \"paralelism\"", "did you mean 'parallelism'?" },
	{ "SET parallelism = 'x'",
	  SPK_USAGE, 1, 19, "parallelism: 'x' is not a whole number of 64 bits", "" },
	{ "SET parallelism = 3, 4",
	  SPK_SYNTAX, 1, 1, "SET parallelism takes one value", "" },
	{ "UPDATE bid SET price = 1",
	  SPK_UNSUPPORTED, 1, 1, "UPDATE is not supported", "" },
	{ "DELETE FROM bid",
	  SPK_UNSUPPORTED, 1, 1, "DELETE is not supported", "" },
	{ "BEGIN",
	  SPK_UNSUPPORTED, 1, 1, "a transaction statement is not supported", "" },
	{ "SELECT * FROM bid QUALIFY row_number() OVER (ORDER BY pricee) = 1",
	  SPK_BIND, 1, 55, "column \"pricee\" does not exist", "Did you mean \"price\"?" },
	{ "SELECT * FROM bid FOR SYSTEM_TIME AS OF x",
	  SPK_BIND, 1, 15, "FOR SYSTEM_TIME AS OF belongs to the right side of a JOIN", "" },
	{ "SELECT * FROM bid a JOIN bid FOR SYSTEM_TIME AS OF now() AS b ON a.price = b.price",
	  SPK_UNSUPPORTED, 1, 30, "FOR SYSTEM_TIME AS OF takes a table before it and a time column behind it", "PROCTIME()" },
	{ "SELECT * FROM bid a JOIN bid FOR SYSTEM_TIME AS OF a.prise AS b ON a.price = b.price",
	  SPK_BIND, 1, 52, "column a.prise does not exist", "Did you mean" },
	{ "SELECT * FROM bid a JOIN bid FOR SYSTEM_TIME AS OF a.ts AS b ON a.price = b.price",
	  SPK_BIND, 1, 26, "needs a table with a PRIMARY KEY and a WATERMARK", "PROCTIME()" },
	{ "WITH r AS (SELECT 1), r AS (SELECT 2) SELECT * FROM r",
	  SPK_BIND, 1, 23, "WITH query name \"r\" specified more than once", "" },
	{ "WITH r AS (SELECT prise FROM bid) SELECT 1",
	  SPK_BIND, 1, 19, "column \"prise\" does not exist", "Did you mean \"price\"?" },
	{ "SELECT * FROM bid b (x, y, z, a, b, c, d, e)",
	  SPK_BIND, 1, 15, "table \"b\" has 7 columns available but 8 columns specified", "" },
	{ "SELECT CASE WHEN price THEN 1 END FROM bid",
	  SPK_BIND, 1, 18, "argument of CASE/WHEN must be type boolean, not type bigint", "" },
	{ "SELECT price + channel FROM bid",
	  SPK_BIND, 1, 14, "operator does not exist: bigint + text", "No operator matches the given name and argument types. You might need to add explicit type casts." },
	{ "SELECT '{{{{{{{1}}}}}}}'::int[]",
	  SPK_BIND, 1, 8, "number of array dimensions (7) exceeds the maximum allowed (6)", "" },
	{ "SELECT ARRAY[]",
	  SPK_BIND, 1, 8, "cannot determine type of empty array", "Explicitly cast to the desired type, for example ARRAY[]::integer[]." },
	{ "SELECT ARRAY[1, 'x']",
	  SPK_BIND, 1, 17, "invalid input syntax for type integer: \"x\"", "" },
	{ "SELECT '{1'::int[]",
	  SPK_BIND, 1, 8, "malformed array literal: \"{1\"", "" },
	{ "SELECT '[0:1]={1,2}'::int[]",
	  SPK_UNSUPPORTED, 1, 8, "arrays whose first subscript is not 1 are not supported", "" },
	{ "SELECT price[1] FROM bid",
	  SPK_BIND, 1, 8, "cannot subscript type bigint because it does not support subscripting", "" },
	{ "SELECT (ARRAY[1])[true]",
	  SPK_BIND, 1, 19, "array subscript must have type integer", "" },
	{ "SELECT (price).x FROM bid",
	  SPK_BIND, 1, 9, "column notation .x applied to type bigint, which is not a composite type", "" },
	{ "SELECT (ROW(1, 2)).f3",
	  SPK_BIND, 1, 9, "could not identify column \"f3\" in record data type", "" },
	{ "SELECT (1, 2) = (1, 2, 3)",
	  SPK_BIND, 1, 15, "unequal number of entries in row expressions", "" },
	{ "SELECT (1, 2) + (1, 2)",
	  SPK_BIND, 1, 15, "could not determine interpretation of row comparison operator +", "Row comparison operators must be associated with btree operator families." },
	{ "SELECT 1 = ANY (2)",
	  SPK_BIND, 1, 10, "op ANY/ALL (array) requires array on right side", "" },
	{ "SELECT 1 + ANY (ARRAY[2])",
	  SPK_BIND, 1, 10, "op ANY/ALL (array) requires operator to yield boolean", "" },
	{ "SELECT a.b.c FROM bid",
	  SPK_BIND, 1, 8, "missing FROM-clause entry for table \"b\"", "" },
	{ "SELECT `price FROM bid",
	  SPK_SYNTAX, 1, 8, "unterminated backquoted identifier", "" },
	{ "SELECT 1 FROM bid HAVING price > 1",
	  SPK_BIND, 1, 26, "column \"bid.price\" must appear in the GROUP BY clause or be used in an aggregate function", "Add it to GROUP BY, or say which of a group's values is meant: max(price)." },
	{ "EXPLAIN CREATE TABLE x (a int)",
	  SPK_SYNTAX, 1, 27, "syntax error at or near \"int\"", "" },
	{ "EXPLAIN (FORMAT json) SELECT 1",
	  SPK_UNSUPPORTED, 1, 10, "EXPLAIN option \"format\" is not supported", "" },
	{ "SELECT price FROM bid INSERT INTO x SELECT 1",
	  SPK_SYNTAX, 1, 30, "syntax error at or near \"INTO\"", "Is a semicolon missing before \"INSERT\"?" },
	{ "SELECT count(*) FILTER (WHERE price) FROM bid",
	  SPK_BIND, 1, 31, "argument of FILTER must be type boolean, not type bigint", "" },
	{ "SELECT sum(DISTINCT price ORDER BY auction) FROM bid",
	  SPK_BIND, 1, 36, "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list", "" },
	{ "SELECT count(DISTINCT price, auction) FROM bid",
	  SPK_BIND, 1, 8, "function count(bigint, bigint) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts." },
	{ "SELECT sum(price) WITHIN GROUP (ORDER BY price) FROM bid",
	  SPK_BIND, 1, 8, "function sum(bigint, bigint) does not exist", "" },
	{ "SELECT sum(*) FROM bid",
	  SPK_BIND, 1, 8, "function sum() does not exist", "" },
	{ "SELECT sum(NULL) FROM bid",
	  SPK_BIND, 1, 8, "function sum(unknown) is not unique", "Could not choose a best candidate function. You might need to add explicit type casts." },
	{ "SELECT count(*) FILTER (WHERE max(price) > 1) FROM bid",
	  SPK_BIND, 1, 31, "aggregate functions are not allowed in FILTER", "" },
	{ "SELECT 1 WHERE price > 1",
	  SPK_BIND, 1, 16, "column \"price\" does not exist", "" },
	{ "SELECT lower(DISTINCT channel) FROM bid",
	  SPK_BIND, 1, 8, "DISTINCT specified, but lower is not an aggregate function", "" },
	{ "SELECT foo.lower(channel) FROM bid",
	  SPK_BIND, 1, 8, "schema \"foo\" does not exist", "" },
	{ "SELECT * ",
	  SPK_BIND, 1, 8, "SELECT * with no tables specified is not valid", "" },
	{ "SELECT current_user",
	  SPK_UNSUPPORTED, 1, 8, "CURRENT_USER, CURRENT_SCHEMA or their like is not supported yet", "" },
	{ "SELECT price,\n  -- a comment\n  sum(prise) AS \"Summe\"\nFROM bid\nGROUP BY price",
	  SPK_BIND, 3, 7, "column \"prise\" does not exist", "Did you mean \"price\"?" },
	{ "SELECT 'äöü€', prise FROM bid",
	  SPK_BIND, 1, 16, "column \"prise\" does not exist", "Did you mean \"price\"?" },
	{ "SELECT `auction`, `pri``ce` FROM bid",
	  SPK_BIND, 1, 19, "column \"pri`ce\" does not exist", "Did you mean \"price\"?" },
	{ "CREATE TABLE t (a int) WITH ('connector' = 'kafka', 'topik' = 'x')",
	  SPK_BIND, 1, 53, "unknown option 'topik' of connector 'kafka'", "Did you mean 'topic'?" },
	{ "CREATE VIEW a AS SELECT 1 AS x; CREATE VIEW b AS SELECT x FROM a; CREATE OR REPLACE VIEW a AS SELECT x FROM b",
	  SPK_BIND, 1, 109, "in view \"b\": view \"a\" refers to itself", "" },
	{ "CREATE TABLE t (a ARRAY<INT, b int) WITH (connector = 'x')",
	  SPK_SYNTAX, 1, 24, "the \"<\" of this type is not closed", "" },
	{ "CREATE TABLE t (a ROW<INT>) WITH (connector = 'x')",
	  SPK_SYNTAX, 1, 19, "malformed type near \">\"", "Types are written like ARRAY<STRING>, ROW<name STRING, price BIGINT> and MAP<STRING, INT>." },
	{ "CREATE TABLE t (a int, WATERMARK FOR a AS a - INTERVAL '1' SECOND) WITH (connector = 'x')",
	  SPK_BIND, 1, 38, "the watermark's column \"a\" must be a timestamp, not integer", "Declare a computed column of it, such as ts AS to_timestamp(a), and give that the watermark." },
	{ "CREATE TABLE t (a timestamp, WATERMARK FOR a AS a - INTERVAL '1' MONTH) WITH (connector = 'x')",
	  SPK_BIND, 1, 49, "a watermark's delay must have a fixed length; months do not", "Give it in days." },
	{ "CREATE TABLE t (a timestamp, WATERMARK FOR a AS a - INTERVAL '-1' SECOND) WITH (connector = 'x')",
	  SPK_BIND, 1, 49, "a watermark's delay must be zero or more", "" },
	{ "CREATE TABLE t (a int, b AS a +) WITH (connector = 'x')",
	  SPK_SYNTAX, 1, 32, "syntax error at or near \")\"", "" },
	{ "CREATE TABLE t (a int, LIKE bid) WITH (connector = 'x')",
	  SPK_UNSUPPORTED, 1, 29, "LIKE behind other columns is not supported", "" },
	{ "CREATE TABLE t (a MAP<INT>) WITH (connector = 'x')",
	  SPK_SYNTAX, 1, 19, "malformed type near \">\"", "MAP<STRING, INT>" },
	{ "INSERT INTO narrow VALUES (1, 'abcd')",
	  SPK_BIND, 1, 31, "column \"t\": value too long for type character varying(3)", "" },
	{ "INSERT INTO narrow (n) VALUES (1)",
	  SPK_BIND, 1, 13, "column \"t\" of \"narrow\" must not be NULL, and nothing is given for it", "INSERT gives 1 of 2 columns." },
	{ "INSERT INTO narrow VALUES (true, 'a')",
	  SPK_BIND, 1, 28, "column \"n\" is of type smallint but expression is of type boolean", "Cast it: CAST(... AS smallint)." },
	{ "INSERT INTO sink VALUES (1, 'a', 1, now(), 5)",
	  SPK_BIND, 1, 44, "INSERT has more expressions than target columns: 5 for the 4 of \"sink\"", "Nothing takes output column \"column5\"." },
	{ "CREATE VIEW vv AS SELECT 1 AS a; INSERT INTO vv SELECT 1",
	  SPK_BIND, 1, 46, "cannot insert into view \"vv\"", "" },
	{ "SELECT upper(price, 1) FROM bid",
	  SPK_BIND, 1, 8, "function upper(bigint, integer) does not exist", "There is" },
	{ "SELECT price FROM bid GROUP BY sum(price)",
	  SPK_BIND, 1, 32, "aggregate functions are not allowed in GROUP BY", "" },
	{ "SELECT sum(price) AS s FROM bid GROUP BY s",
	  SPK_BIND, 1, 8, "aggregate functions are not allowed in GROUP BY", "" },
	{ "SELECT price AS a, auction AS a FROM bid ORDER BY a",
	  SPK_BIND, 1, 51, "ORDER BY \"a\" is ambiguous", "" },
	{ "SELECT price FROM bid UNION ALL SELECT auction FROM bid ORDER BY price + 1",
	  SPK_BIND, 1, 66, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause", "move the UNION into a FROM clause" },
	{ "SELECT 1 ORDER BY 1 USING +",
	  SPK_BIND, 1, 19, "operator + is not a valid ordering operator", "Ordering operators must be" },
	{ "SELECT price FROM bid FETCH FIRST 1 ROW WITH TIES",
	  SPK_SYNTAX, 1, 1, "WITH TIES cannot be specified without ORDER BY clause", "" },
	{ "SELECT a FROM (SELECT 1 AS a, 2 AS A) AS q",
	  SPK_BIND, 1, 8, "column reference \"a\" is ambiguous", "" },
	{ "SELECT EXTRACT(hour FROM channel) FROM bid",
	  SPK_BIND, 1, 8, "function pg_catalog.extract(unknown, text) does not exist", "There is" },
	{ "SELECT interval 'abc'",
	  SPK_BIND, 1, 17, "invalid input syntax for type interval: \"abc\"", "" },
	{ "SELECT price::varchar(3)::timestamp::boolean FROM bid",
	  SPK_BIND, 1, 36, "cannot cast type timestamp without time zone to boolean", "" },
	{ "SELECT B'102'",
	  SPK_BIND, 1, 8, "\"2\" is not a valid binary digit", "" },
	{ "CREATE TABLE t (a int, b bit(3)) WITH (connector = 'x')",
	  SPK_UNSUPPORTED, 1, 26, "a column of bit strings is not supported", "" },
	{ "SELECT 99999999999999999999999999999999999999999",
	  SPK_BIND, 1, 8, "the number 99999999999999999999999999999999999999999 does not fit in a numeric of 38 digits", "Write it as a double: '99999999999999999999999999999999999999999'::double precision." },
	{ "SET emit = sometimes",
	  SPK_USAGE, 1, 12, "emit: 'sometimes' is not one of auto|on-close|on-update", "" },
	{ "RESET ALL",
	  SPK_UNSUPPORTED, 1, 7, "this form of SET or RESET is not supported; SET key = value is", "" },
	{ "SELECT price FROM bid; SELECT x FROM bid",
	  SPK_BIND, 1, 31, "column \"x\" does not exist", "Columns here: auction, bidder, price, channel, url, ts, extra." },
	{ "SELECT count(*) FROM tumble(bid, ts, interval '10 s') GROUP BY window_strat",
	  SPK_BIND, 1, 64, "column \"window_strat\" does not exist", "Did you mean \"window_start\"?" },
	{ "DROP SCHEMA x",
	  SPK_UNSUPPORTED, 1, 1, "only tables, views, functions and aggregates can be dropped", "" },
	{ "SELECT abs()",
	  SPK_BIND, 1, 8, "function abs() does not exist", "There is" },
	{ "SELECT bid.price, sum(bid.auction) FROM bid GROUP BY bid.price + 1",
	  SPK_BIND, 1, 8, "column \"bid.price\" must appear in the GROUP BY clause or be used in an aggregate function", "Add it to GROUP BY, or say which of a group's values is meant: max(price)." },
	{ "SELECT price FROM bid WHERE channel = 5",
	  SPK_BIND, 1, 37, "operator does not exist: text = integer", "No operator matches the given name and argument types. You might need to add explicit type casts." },
	{ "SELECT sum(price) OVER v FROM bid WINDOW w AS (PARTITION BY auction)",
	  SPK_BIND, 1, 24, "window \"v\" does not exist", "" },
	{ "SELECT * FROM (SELECT price INTO x FROM bid) q",
	  SPK_UNSUPPORTED, 1, 34, "SELECT INTO within a query is not supported yet", "" },
	{ "SELECT € FROM bid",
	  SPK_BIND, 1, 8, "column \"€\" does not exist", "Columns here: auction, bidder, price, channel, url, ts, extra." },
};

static void each_says_what_and_where(void)
{
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const struct wrong *w = &wrong[i];
		struct session *s = session_new();
		struct spk_script script;
		spk_error err;

		if (!CHECK_EQ_INT(session_bind(s, w->sql, &script, &err), w->code) || !CHECK_HOLDS(err.message, w->message) ||
		    !CHECK_EQ_INT(err.line, w->line) || !CHECK_EQ_INT(err.column, w->column) || !CHECK_HOLDS(err.hint, w->hint))
			fprintf(stderr, "in: %s\n", w->sql);
		CHECK_EQ_INT(err.code, w->code);
		CHECK(err.position > 0 && err.position <= (int)strlen(w->sql) + 1);
		session_free(s);
	}
}

static void statements_before_the_error_hold(void)
{
	struct session *s = session_empty();
	struct spk_script script = { .count = 7 };
	spk_error err;

	CHECK_FAILS(session_bind(s, "CREATE TABLE t (a int) WITH (connector = 'print'); SET parallelism = 3; SELECT b FROM t", &script, &err), SPK_BIND, err);
	CHECK(spk_catalog_table(s->catalog, "t") != NULL);
	CHECK_EQ_INT(spk_conf_int(s->conf, SPK_CONF_PARALLELISM), 3);
	CHECK_EQ_INT(script.count, 7);  /* left as it was */
	session_free(s);
}

static void deep_nesting_is_refused_before_the_parser(void)
{
	enum { DEPTH = 20000 };
	static const struct { const char *start, *more, *middle, *end; } shape[] = {
		{ "SELECT ", "(", "1", ")" }, { "SELECT ", "1 + ", "1", "" }, { "SELECT ", "NOT ", "true", "" }, { "SELECT ", "- ", "1", "" },
		{ "SELECT ", "CASE WHEN true THEN ", "1", " END" }, { "SELECT ", "abs(", "1", ")" }, { "", "SELECT 1 UNION ALL ", "SELECT 1", "" },
		{ "SELECT * FROM ", "(SELECT * FROM ", "bid", ") AS q" }, { "SELECT 1", "::integer", "", "" }, { "", "EXPLAIN ", "SELECT 1", "" },
		{ "SELECT ", "ARRAY[", "1", "]" }, { "SELECT 1 FROM bid", " JOIN bid ON true", "", "" }, { "SELECT x", ".x", "", "" },
		{ "SELECT x", " COLLATE \"C\"", "", "" }, { "SELECT x", " IS NULL", "", "" }, { "SELECT x", " AT TIME ZONE 'UTC'", "", "" },
	};

	for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++) {
		size_t size = strlen(shape[i].start) + strlen(shape[i].middle) + (strlen(shape[i].more) + strlen(shape[i].end)) * DEPTH + 1;
		char *text = malloc(size), *at = text;
		struct session *s = session_new();
		struct spk_script script;
		spk_error err;

		at = stpcpy(at, shape[i].start);
		for (int k = 0; k < DEPTH; k++)
			at = stpcpy(at, shape[i].more);
		at = stpcpy(at, shape[i].middle);
		for (int k = 0; k < DEPTH; k++)
			at = stpcpy(at, shape[i].end);
		CHECK_FAILS(session_bind(s, text, &script, &err), SPK_UNSUPPORTED, err);
		CHECK_HOLDS(err.message, "nested too deeply");
		session_free(s);
		free(text);
	}
}

static void long_lists_are_fine(void)
{
	enum { ITEMS = 20000 };
	char *text = malloc(ITEMS * 24 + 100), *at = text;
	struct session *s = session_new();
	struct spk_script script;
	spk_error err;

	at = stpcpy(at, "SELECT price FROM bid WHERE price IN (0");
	for (int i = 1; i < ITEMS; i++)
		at += sprintf(at, ", %d", i);
	at = stpcpy(at, ")");
	for (int i = 0; i < 1000; i++)
		at = stpcpy(at, " AND price <> 1");
	CHECK_OK(session_bind(s, text, &script, &err), err);
	session_free(s);
	free(text);
}

static void views_that_double_are_stopped(void)
{
	struct session *s = session_new();
	struct spk_script script;
	spk_error err;

	CHECK_OK(session_bind(s, "CREATE VIEW v0 AS SELECT price FROM bid", &script, &err), err);
	for (int i = 1; i < 30; i++) {
		char *text = spk_test_format("CREATE VIEW v%d AS SELECT price FROM v%d UNION ALL SELECT price FROM v%d", i, i - 1, i - 1);
		spk_status status = session_bind(s, text, &script, &err);

		free(text);
		if (i < 5)
			CHECK_OK(status, err);
		if (status == SPK_OK)
			continue;
		CHECK_EQ_INT(status, SPK_UNSUPPORTED);
		CHECK_HOLDS(err.message, "more than 1000 times");
		session_free(s);
		return;
	}
	CHECK(!"unlimited");
	session_free(s);
}

static void names_and_bytes_are_checked(void)
{
	char name[128] = "CREATE TABLE t (";
	struct session *s = session_new();
	struct spk_script script;
	spk_error err;

	memset(name + 16, 'x', 70);
	memcpy(name + 86, " int)", 5);
	CHECK_FAILS(session_bind(s, name, &script, &err), SPK_BIND, err);
	CHECK_HOLDS(err.message, "longer than 63 bytes");
	CHECK_FAILS(session_bind(s, "SELECT 'a\xff'", &script, &err), SPK_SYNTAX, err);
	CHECK_HOLDS(err.message, "not valid UTF-8");
	CHECK_EQ_INT(err.position, 10);
	CHECK_OK(session_bind(s, "", &script, &err), err);
	CHECK_EQ_INT(script.count, 0);
	CHECK_OK(session_bind(s, " ;; -- nothing\n ;", &script, &err), err);
	CHECK_EQ_INT(script.count, 0);
	session_free(s);
}

static void errors_in_views_of_other_texts_are_at_their_use(void)
{
	struct session *s = session_new();
	struct spk_script script;
	spk_error err;

	CHECK_OK(session_bind(s, "CREATE TABLE t (a int) WITH (connector = 'print');\n\n\nCREATE VIEW v AS SELECT a FROM t", &script, &err), err);
	CHECK_OK(session_bind(s, "SELECT a FROM v", &script, &err), err);
	CHECK_EQ_INT(script.statement[0].plan->input[0]->input[0]->position, 15);  /* the scan's place is that of the view's name */
	CHECK_OK(session_bind(s, "DROP TABLE t", &script, &err), err);
	CHECK_FAILS(session_bind(s, "SELECT a\nFROM v", &script, &err), SPK_BIND, err);
	CHECK_HOLDS(err.message, "in view \"v\": relation \"t\" does not exist");
	CHECK_EQ_INT(err.line, 2);
	CHECK_EQ_INT(err.column, 6);
	session_free(s);
}

static void a_person_can_read_it(void)
{
	struct session *s = session_new();
	struct spk_buffer out = { 0 };
	struct spk_script script;
	spk_error err, ignored = { 0 };
	static const char text[] = "SELECT price\nFROM bid\nWHERE\t'ä' = channel AND\tprise > 1";

	CHECK_FAILS(session_bind(s, text, &script, &err), SPK_BIND, err);
	CHECK_OK(spk_sql_format_error("jobs/x.sql", text, &err, &out, &ignored), ignored);
	CHECK_EQ_STR(spk_buffer_cstr(&out),
		"jobs/x.sql:3:25: error: column \"prise\" does not exist\n"
		"  3 | WHERE 'ä' = channel AND prise > 1\n"
		"    |                         ^^^^^\n"
		"hint: Did you mean \"price\"?\n");
	spk_buffer_clear(&out);
	err = (spk_error){ .code = SPK_IO, .message = "disk full" };
	CHECK_OK(spk_sql_format_error(NULL, NULL, &err, &out, &ignored), ignored);
	CHECK_EQ_STR(spk_buffer_cstr(&out), "error: disk full\n");
	spk_buffer_release(&out);
	session_free(s);
}

static void long_lines_are_cut_around_the_place(void)
{
	struct session *s = session_new();
	struct spk_buffer out = { 0 };
	struct spk_script script;
	char text[2000], *caret;
	spk_error err, ignored = { 0 };

	memset(text, ' ', sizeof text);
	memcpy(text, "SELECT", 6);
	memcpy(text + 1000, "prise FROM bid", 14);
	text[sizeof text - 1] = 0;
	CHECK_FAILS(session_bind(s, text, &script, &err), SPK_BIND, err);
	CHECK_OK(spk_sql_format_error(NULL, text, &err, &out, &ignored), ignored);
	caret = strchr(spk_buffer_cstr(&out), '^');
	CHECK(out.size < 600);
	CHECK(caret && strncmp(caret, "^^^^^\n", 6) == 0);
	spk_buffer_release(&out);
	session_free(s);
}

SPK_TEST_SUITE("sql errors", { "each says what and where", each_says_what_and_where },
	{ "statements before the error hold", statements_before_the_error_hold },
	{ "deep nesting is refused before the parser", deep_nesting_is_refused_before_the_parser },
	{ "long lists are fine", long_lists_are_fine }, { "views that double are stopped", views_that_double_are_stopped },
	{ "names and bytes are checked", names_and_bytes_are_checked },
	{ "errors in views of other texts are at their use", errors_in_views_of_other_texts_are_at_their_use },
	{ "a person can read it", a_person_can_read_it }, { "long lines are cut around the place", long_lines_are_cut_around_the_place })
