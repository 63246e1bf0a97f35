/* Statements over the tables of support.h: what randomized tests start from. */
#ifndef SPK_TESTS_PLANNER_CORPUS_H
#define SPK_TESTS_PLANNER_CORPUS_H

static const char *const corpus_good[] = {
	"SELECT auction, price * 2 AS twice, b.price + 1 FROM bid AS b WHERE b.price > 10 AND channel = 'x y' OR NOT b.extra IS NULL",
	"SELECT emailaddress, `dateTime`, \"amount\" FROM Person p WHERE p.name LIKE 'a%' AND id IN (1, 2, 3) AND amount BETWEEN 1.5 AND 2e1",
	"SELECT auction, count(*), sum(price) AS s, count(*) FILTER (WHERE price > 10), max(price) - min(price) FROM bid GROUP BY auction HAVING count(*) > 2 ORDER BY s DESC NULLS LAST, 1 LIMIT 10 OFFSET 1",
	"SELECT DISTINCT upper(channel) || '!' AS u FROM bid ORDER BY u",
	"SELECT price FROM bid UNION ALL SELECT 1.5 UNION ALL (SELECT NULL UNION SELECT 2)",
	"WITH a AS (SELECT price FROM bid), b (q) AS (SELECT price + 1 FROM a) SELECT q, CASE WHEN q > 1 THEN 'a' ELSE 'b' END FROM b WHERE q > 1",
	"SELECT window_start, window_end, count(*) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end",
	"SELECT w.price FROM hop(bid, ts, interval '2 seconds', interval '10 seconds') AS w WHERE w.window_end > timestamp '2020-01-01 00:00:00'",
	"SELECT bidder, count(*) FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) GROUP BY bidder, window_start, window_end",
	"SELECT * FROM (SELECT a, b FROM 'x.csv') WHERE a > 1",
	"INSERT INTO sink SELECT auction, channel, CAST(price AS double precision), ts FROM bid",
	"INSERT INTO sink (total, name) VALUES ('1.5', 5), (2, NULL), (DEFAULT, E'a\\'b')",
	"EXPLAIN ANALYZE SELECT price::text, coalesce(price, 0), nullif(price, 1) FROM bid",
	"CREATE TABLE t (a BIGINT NOT NULL, `b c` STRING, d ARRAY<ROW<x INT, y ARRAY<STRING>>>, ts TIMESTAMP(3), e AS a * 2, f INT METADATA FROM 'k' VIRTUAL, "
		"WATERMARK FOR ts AS ts - INTERVAL '4' SECOND, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'kafka', 'a.b' = 'c'); SELECT e, d, f FROM t WHERE a > 1",
	"CREATE VIEW v (a, b) AS SELECT auction, price FROM bid WHERE price > 1; CREATE VIEW IF NOT EXISTS w AS SELECT b FROM v AS q; SELECT w.b, w.b * 2 FROM w",
	"BEGIN STATEMENT SET; INSERT INTO sink (id) VALUES (1); INSERT INTO sink (id) SELECT price FROM bid; END; SELECT 1",
	"SELECT interval '1' day, date '2020-01-02', - 5, + 6, 2 IS DISTINCT FROM 3, $$text$$, /* c */ 1 -- end",
	"SELECT b.*, name FROM bid AS b LEFT JOIN person AS p ON b.bidder = p.id AND p.amount > 1, file CROSS JOIN (VALUES (1)) AS v (x) WHERE v.x = file.x",
	"SELECT x, f.y, g.y FROM file AS f FULL JOIN file AS g USING (x) NATURAL JOIN (SELECT 1 AS x, 2 AS z) AS h",
	"SELECT p FROM bid AS b JOIN LATERAL (SELECT b.price + x AS p FROM file WHERE x < b.auction) AS q ON q.p > b.price",
	"VALUES (1, 'a'), (2.5, NULL) ORDER BY column1 DESC LIMIT 2",
};

/* Each is wrong at one token. */
static const char *const corpus_wrong[] = {
	"SELECT auction, prise FROM bid",
	"SELECT b.auction, b.prise FROM bid b",
	"SELECT price FROM bids WHERE price > 1",
	"SELECT price FROM bid WHERE price > 1 AND lowr(channel) = 'x'",
	"SELECT price, count(*) FROM bid GROUP BY auction",
	"SELECT price FROM bid ORDER BY 4",
	"SELECT price FROM bid LIMIT 'x'",
	"SELECT price :: intgr FROM bid",
	"SELECT price + channel FROM bid",
	"SELECT * FROM bid, bid",
	"SELECT price FROM bid LEFT JOIN person ON nam = 'x'",
	"SELECT price FROM bid JOIN person USING (id)",
	"SELECT a.price FROM bid AS a, (SELECT a.price) AS b",
	"SELECT 1 INTERSECT SELECT 2",
	"SELECT price FROM bid WHERE price IN (SELECT 1)",
	"SELECT row_number() OVER (ORDER BY pricee) FROM bid",
	"SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`tss`), INTERVAL '10' SECOND))",
	"SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '1' MONTH))",
	"SELECT a FROM 'missing.csv'",
	"INSERT INTO sink (id, nam) SELECT 1, 2",
	"INSERT INTO sink SELECT auction, channel, price, price FROM bid",
	"INSERT INTO narrow VALUES (1, 'abcd')",
	"CREATE TABLE t (a int, b AS a + c) WITH ('connector' = 'x')",
	"CREATE TABLE t (a timestamp, WATERMARK FOR a AS a - INTERVAL 'x' SECOND) WITH ('connector' = 'x')",
	"CREATE TABLE t (a int, ts AS `b` * 2, WATERMARK FOR ts AS ts) WITH ('connector' = 'x')",
	"CREATE TABLE t (a int) WITH ('connector' = 'kafka', 'topik' = 'x')",
	"SELECT price FORM bid",
	"SELECT price, FROM bid",
	"SELECT price FROM bid WHERE price = = 1",
	"SELECT * FROM bid QUALIFY pricee = 1",
	"CREATE VIEW v AS SELECT 1 AS a; SELECT b FROM v",
	"SET paralelism = 3",
	"DROP TABLE nope",
};

#endif
