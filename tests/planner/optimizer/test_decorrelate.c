/* What decorrelation makes of subqueries. That the rows are right is tested where plans are run. */
#include "tests/planner/support.h"

static const struct optimized { const char *sql, *plan; } optimized[] = {
	{ "SELECT price FROM bid WHERE EXISTS (SELECT 1 FROM person WHERE id = bidder)",
	  "Project price\n"
	  " -> Join semi on (id = bidder)\n"
	  "    -> Scan bid (bidder, price)\n"
	  "    -> Scan person (id)\n" },
	{ "SELECT price FROM bid AS b WHERE NOT EXISTS (SELECT 1 FROM file WHERE x = b.auction AND x < b.price AND y)",
	  "Project price\n"
	  " -> Join anti on ((x::bigint = auction) AND (x::bigint < price))\n"
	  "    -> Scan bid AS b (auction, price)\n"
	  "    -> Scan file (x, y) where y\n" },
	{ "SELECT (SELECT name FROM person WHERE id = bidder) FROM bid",
	  "Project name\n"
	  " -> Join single on (id = bidder)\n"
	  "    -> Scan bid (bidder)\n"
	  "    -> Scan person (id, name)\n" },
	{ "SELECT price FROM bid WHERE price = (SELECT max(id) FROM person WHERE id = bidder)",
	  "Project price\n"
	  " -> Join inner on ((id = bidder) AND (price = max))\n"
	  "    -> Scan bid (bidder, price)\n"
	  "    -> Aggregate max(id) group by id\n"
	  "       -> Scan person (id)\n" },
	{ "SELECT auction, (SELECT count(*) + 1 FROM file WHERE x = auction) FROM bid",
	  "Project auction, (COALESCE(count, 0) + 1) AS ?column?\n"
	  " -> Join left on (group = auction)\n"
	  "    -> Scan bid (auction)\n"
	  "    -> Aggregate count(*) group by x::bigint\n"
	  "       -> Scan file (x)\n" },
	{ "SELECT auction FROM bid WHERE (SELECT count(*) FROM file WHERE x = auction AND y) = 0",
	  "Project auction\n"
	  " -> Filter (COALESCE(count, 0) = 0)\n"
	  "    -> Join left on (group = auction)\n"
	  "       -> Scan bid (auction)\n"
	  "       -> Aggregate count(*) group by x::bigint\n"
	  "          -> Scan file (x, y) where y\n" },
	{ "SELECT price NOT IN (SELECT id FROM person WHERE amount = auction AND name = channel) FROM bid",
	  "Project NOT ?mark? AS ?column?\n"
	  " -> Join mark on ((amount::numeric IS NOT DISTINCT FROM auction::numeric(19,0)::numeric) AND (name IS NOT DISTINCT FROM channel) AND (price = id))\n"
	  "    -> Scan bid (auction, price, channel)\n"
	  "    -> Scan person (id, name, amount) where ((amount IS NOT NULL) AND (name IS NOT NULL))\n" },
	{ "SELECT price > (SELECT avg(price) FROM bid) FROM bid",
	  "Project (price::numeric(19,0) > avg) AS ?column?\n"
	  " -> Join inner\n"
	  "    -> Scan bid (price)\n"
	  "    -> Aggregate avg(price)\n"
	  "       -> Scan bid (price)\n" },
	{ "SELECT x FROM file AS f WHERE EXISTS (SELECT count(*) FROM person WHERE id = f.x HAVING count(*) > 2)",
	  "Project x\n"
	  " -> Filter CASE WHEN (COALESCE(count, 0) > 2) THEN true ELSE false END\n"
	  "    -> Join left on (id = x::bigint)\n"
	  "       -> Scan file AS f (x)\n"
	  "       -> Aggregate count(*) group by id\n"
	  "          -> Scan person (id)\n" },
	{ "SELECT x FROM file AS f WHERE NOT EXISTS (SELECT count(*) FROM person WHERE id = f.x)",
	  "Values\n" },
	{ "SELECT x, (SELECT min(id) FROM person WHERE id > f.x) FROM file AS f",
	  "Project x, min\n"
	  " -> Join single on (x IS NOT DISTINCT FROM x)\n"
	  "    -> Scan file AS f (x)\n"
	  "    -> Project x, min\n"
	  "       -> Join left on (x IS NOT DISTINCT FROM x)\n"
	  "          -> Aggregate distinct x\n"
	  "             -> Scan file AS f (x)\n"
	  "          -> Aggregate min(id) group by x\n"
	  "             -> Join inner on (id > x::bigint)\n"
	  "                -> Aggregate distinct x\n"
	  "                   -> Scan file AS f (x)\n"
	  "                -> Scan person (id)\n" },
	{ "SELECT x FROM file AS f WHERE x IN (SELECT id FROM person WHERE name = 'a' UNION ALL SELECT auction FROM bid WHERE price > f.x)",
	  "Join semi on ((x IS NOT DISTINCT FROM x) AND (x::bigint = id))\n"
	  " -> Scan file AS f (x)\n"
	  " -> Union\n"
	  "    -> Join inner\n"
	  "       -> Aggregate distinct x\n"
	  "          -> Scan file AS f (x)\n"
	  "       -> Project id\n"
	  "          -> Scan person (id, name) where (name = 'a')\n"
	  "    -> Project x, auction\n"
	  "       -> Join inner on (price > x::bigint)\n"
	  "          -> Aggregate distinct x\n"
	  "             -> Scan file AS f (x)\n"
	  "          -> Scan bid (auction, price)\n" },
	{ "SELECT f.x, q.z FROM file AS f, LATERAL (SELECT f.x + 1 AS z) AS q WHERE z > 3",
	  "Project x, (x + 1) AS z\n"
	  " -> Scan file AS f (x) where ((x + 1) > 3)\n" },
	{ "SELECT f.x, q.z FROM file AS f, LATERAL (VALUES (f.x), (2)) AS q (z)",
	  "Project x, column1 AS z\n"
	  " -> Join inner on (x IS NOT DISTINCT FROM x)\n"
	  "    -> Scan file AS f (x)\n"
	  "    -> Union\n"
	  "       -> Project x, x AS column1\n"
	  "          -> Aggregate distinct x\n"
	  "             -> Scan file AS f (x)\n"
	  "       -> Project x, 2 AS column1\n"
	  "          -> Aggregate distinct x\n"
	  "             -> Scan file AS f (x)\n" },
	{ "SELECT f.x, q.z FROM file AS f LEFT JOIN LATERAL (SELECT id * f.x AS z, amount FROM person WHERE id = f.x) AS q ON true",
	  "Project x, CASE WHEN matched THEN (id * x::bigint) END AS z\n"
	  " -> Join left on (id = x::bigint)\n"
	  "    -> Scan file AS f (x)\n"
	  "    -> Project id, true AS matched\n"
	  "       -> Scan person (id)\n" },
	{ "SELECT f.x, q.id FROM file AS f CROSS JOIN LATERAL (SELECT id FROM person WHERE id = f.x ORDER BY amount DESC LIMIT 2 OFFSET 1) AS q",
	  "Join inner on (id = x::bigint)\n"
	  " -> Scan file AS f (x)\n"
	  " -> Project id\n"
	  "    -> Filter ((row_number > 1) AND (row_number <= 3))\n"
	  "       -> Over row_number() partition by id order by amount DESC\n"
	  "          -> Scan person (id, amount)\n" },
	{ "SELECT f.x, q.id FROM file AS f CROSS JOIN LATERAL (SELECT id FROM person WHERE id < f.x ORDER BY amount DESC LIMIT 2) AS q",
	  "Project x, id\n"
	  " -> Join inner on (x IS NOT DISTINCT FROM x)\n"
	  "    -> Scan file AS f (x)\n"
	  "    -> Project x, id\n"
	  "       -> Filter (row_number <= 2)\n"
	  "          -> Over row_number() partition by x order by amount DESC\n"
	  "             -> Join inner on (id < x::bigint)\n"
	  "                -> Aggregate distinct x\n"
	  "                   -> Scan file AS f (x)\n"
	  "                -> Scan person (id, amount)\n" },
	{ "SELECT f.x, q.r FROM file AS f CROSS JOIN LATERAL (SELECT rank() OVER (PARTITION BY name ORDER BY amount) AS r FROM person WHERE id = f.x) AS q",
	  "Project x, rank AS r\n"
	  " -> Join inner on (id = x::bigint)\n"
	  "    -> Scan file AS f (x)\n"
	  "    -> Over rank() partition by name, id order by amount\n"
	  "       -> Scan person (id, name, amount)\n" },
	{ "SELECT x FROM file AS f WHERE EXISTS (SELECT 1 FROM person AS p LEFT JOIN bid AS b ON p.id = b.bidder AND b.price > f.x)",
	  "Join semi on (x IS NOT DISTINCT FROM x)\n"
	  " -> Scan file AS f (x)\n"
	  " -> Join left on ((id = bidder) AND (price > x::bigint))\n"
	  "    -> Join inner\n"
	  "       -> Aggregate distinct x\n"
	  "          -> Scan file AS f (x)\n"
	  "       -> Scan person AS p (id)\n"
	  "    -> Scan bid AS b (bidder, price)\n" },
	{ "SELECT x FROM file AS f WHERE x = (SELECT max(id) FROM person AS p FULL JOIN bid AS b ON p.id = b.bidder AND b.price > f.x)",
	  "Project x\n"
	  " -> Filter (x::bigint = max)\n"
	  "    -> Join single on (x IS NOT DISTINCT FROM x)\n"
	  "       -> Scan file AS f (x)\n"
	  "       -> Project x, max\n"
	  "          -> Join inner on (x IS NOT DISTINCT FROM x)\n"
	  "             -> Aggregate distinct x\n"
	  "                -> Scan file AS f (x)\n"
	  "             -> Aggregate max(id) group by x\n"
	  "                -> Project COALESCE(x, x) AS x, id\n"
	  "                   -> Join full on ((x IS NOT DISTINCT FROM x) AND (id = bidder) AND (price > x::bigint))\n"
	  "                      -> Join inner\n"
	  "                         -> Aggregate distinct x\n"
	  "                            -> Scan file AS f (x)\n"
	  "                         -> Scan person AS p (id)\n"
	  "                      -> Join inner\n"
	  "                         -> Aggregate distinct x\n"
	  "                            -> Scan file AS f (x)\n"
	  "                         -> Scan bid AS b (bidder, price)\n" },
	{ "SELECT (SELECT (SELECT x + id FROM person WHERE id = b.price) FROM file WHERE x = b.auction) FROM bid AS b",
	  "Project ?column?\n"
	  " -> Join single on ((auction IS NOT DISTINCT FROM auction) AND (price IS NOT DISTINCT FROM price))\n"
	  "    -> Scan bid AS b (auction, price)\n"
	  "    -> Project auction, price, CASE WHEN matched THEN (x::bigint + id) END AS ?column?\n"
	  "       -> Join single on ((auction IS NOT DISTINCT FROM auction) AND (price IS NOT DISTINCT FROM price))\n"
	  "          -> Join inner on (x::bigint = auction)\n"
	  "             -> Aggregate distinct auction, price\n"
	  "                -> Scan bid AS b (auction, price)\n"
	  "             -> Scan file (x)\n"
	  "          -> Project auction, price, id, true AS matched\n"
	  "             -> Join inner on (id = price)\n"
	  "                -> Aggregate distinct auction, price\n"
	  "                   -> Scan bid AS b (auction, price)\n"
	  "                -> Scan person (id)\n" },
	{ "SELECT x FROM file AS f WHERE EXISTS (SELECT 1 FROM person AS p WHERE EXISTS (SELECT 1 FROM bid WHERE bidder = p.id AND price = f.x))",
	  "Join semi on (x IS NOT DISTINCT FROM x)\n"
	  " -> Scan file AS f (x)\n"
	  " -> Join semi on ((x IS NOT DISTINCT FROM x) AND (bidder = id))\n"
	  "    -> Join inner\n"
	  "       -> Aggregate distinct x\n"
	  "          -> Scan file AS f (x)\n"
	  "       -> Scan person AS p (id)\n"
	  "    -> Join inner on (price = x::bigint)\n"
	  "       -> Aggregate distinct x\n"
	  "          -> Scan file AS f (x)\n"
	  "       -> Scan bid (bidder, price)\n" },
	{ "SELECT DISTINCT x FROM file AS f WHERE x > ALL (SELECT DISTINCT id FROM person WHERE id <> f.x)",
	  "Aggregate distinct x\n"
	  " -> Project x\n"
	  "    -> Filter NOT ?mark?\n"
	  "       -> Join mark on (COALESCE((id <> x::bigint), false) AND (x::bigint <= id))\n"
	  "          -> Scan file AS f (x)\n"
	  "          -> Aggregate distinct id\n"
	  "             -> Scan person (id)\n" },
};

static void each_subquery_becomes_joins(void)
{
	for (size_t i = 0; i < sizeof optimized / sizeof optimized[0]; i++) {
		struct session *s = session_new();
		char *text = bind_text(s, optimized[i].sql, true, false);

		if (!CHECK_EQ_STR(text, optimized[i].plan))
			fprintf(stderr, "in: %s\n", optimized[i].sql);
		free(text);
		session_free(s);
	}
}

static void what_cannot_be_computed_twice_is_refused(void)
{
	static const struct { const char *sql, *message; } refused[] = {
		{ "SELECT x FROM file AS f WHERE EXISTS (SELECT 1 FROM (SELECT id + random() AS r FROM person WHERE id > f.x) AS p WHERE EXISTS (SELECT 1 FROM bid WHERE price < p.r UNION ALL SELECT 1 FROM bid WHERE auction = p.r))",
		  "a subquery that refers to the query around it from rows that a second computation might not repeat (a volatile function, a LIMIT), is not supported yet" },
	};

	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct session *s = session_new();
		char *text = bind_text(s, refused[i].sql, true, false);

		CHECK_EQ_STR(text, refused[i].message);
		free(text);
		session_free(s);
	}
}

SPK_TEST_SUITE("decorrelation", { "each subquery becomes joins", each_subquery_becomes_joins }, { "what cannot be computed twice is refused", what_cannot_be_computed_twice_is_refused })
