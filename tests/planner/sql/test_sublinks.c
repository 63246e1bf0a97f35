/* Subqueries in expressions: the joins that they are bound to, and what is wrong with them. */
#include "tests/planner/support.h"

#define BID "Scan bid (auction, bidder, price, channel, url, ts, extra)\n"
#define PERSON "Scan person (id, name, emailAddress, dateTime, amount)\n"
#define FILE_ "Scan file (x, y)\n"

static const struct bound { const char *sql, *plan; } bound[] = {
	{ "SELECT (SELECT name FROM person WHERE id = bidder) FROM bid",
	  "Project name\n"
	  " -> Join single dependent\n"
	  "    -> " BID
	  "    -> Project name\n"
	  "       -> Filter (id = outer.bidder)\n"
	  "          -> " PERSON },
	{ "SELECT EXISTS (SELECT 1 FROM file), 1 IN (SELECT x FROM file)",
	  "Project ?mark? AS exists, ?mark? AS ?column?\n"
	  " -> Join mark on (1 = x)\n"
	  "    -> Join mark\n"
	  "       -> Values ()\n"
	  "       -> Project 1 AS ?column?\n"
	  "          -> " FILE_
	  "    -> Project x\n"
	  "       -> " FILE_ },
	{ "SELECT price FROM bid WHERE EXISTS (SELECT 1 FROM person WHERE id = bidder) AND price > 3",
	  "Project price\n"
	  " -> Join semi dependent\n"
	  "    -> Filter (price > 3)\n"
	  "       -> " BID
	  "    -> Project 1 AS ?column?\n"
	  "       -> Filter (id = outer.bidder)\n"
	  "          -> " PERSON },
	{ "SELECT price FROM bid WHERE NOT EXISTS (SELECT 1 FROM file) AND price NOT IN (SELECT x FROM file)",
	  "Project price\n"
	  " -> Filter NOT ?mark?\n"
	  "    -> Join mark on (price = x::bigint)\n"
	  "       -> Join anti\n"
	  "          -> " BID
	  "          -> Project 1 AS ?column?\n"
	  "             -> " FILE_
	  "       -> Project x\n"
	  "          -> " FILE_ },
	{ "SELECT id FROM person WHERE id NOT IN (SELECT id FROM person)",   /* neither side can be NULL */
	  "Project id\n"
	  " -> Join anti on (id = id)\n"
	  "    -> " PERSON
	  "    -> Project id\n"
	  "       -> " PERSON },
	{ "SELECT x FROM file WHERE x > ALL (SELECT x FROM file) OR x <> ANY (SELECT 1)",
	  "Project x\n"
	  " -> Filter (NOT ?mark? OR ?mark?)\n"
	  "    -> Join mark on (x <> ?column?)\n"
	  "       -> Join mark on (x <= x)\n"
	  "          -> " FILE_
	  "          -> Project x\n"
	  "             -> " FILE_
	  "       -> Project 1 AS ?column?\n"
	  "          -> Values ()\n" },
	{ "SELECT 1 FROM file WHERE (x, 2) < (SELECT x, 1 FROM file)",
	  "Project 1 AS ?column?\n"
	  " -> Filter ((x < x) OR ((x = x) AND (2 < ?column?)))\n"
	  "    -> Join single\n"
	  "       -> " FILE_
	  "       -> Project x, 1 AS ?column?\n"
	  "          -> " FILE_ },
	{ "SELECT sum((SELECT id FROM person WHERE id = price)) FROM bid GROUP BY (SELECT 1)",
	  "Project sum\n"
	  " -> Aggregate sum(id) group by ?column?\n"
	  "    -> Join single dependent\n"
	  "       -> Join single\n"
	  "          -> " BID
	  "          -> Project 1 AS ?column?\n"
	  "             -> Values ()\n"
	  "       -> Project id\n"
	  "          -> Filter (id = outer.price)\n"
	  "             -> " PERSON },
	{ "SELECT auction, (SELECT max(x) FROM file WHERE x = auction) FROM bid GROUP BY auction HAVING count(*) > (SELECT 1)",
	  "Project auction, max\n"
	  " -> Join single dependent\n"
	  "    -> Filter (count > ?column?::bigint)\n"
	  "       -> Join single\n"
	  "          -> Aggregate count(*) group by auction\n"
	  "             -> " BID
	  "          -> Project 1 AS ?column?\n"
	  "             -> Values ()\n"
	  "    -> Project max\n"
	  "       -> Aggregate max(x)\n"
	  "          -> Filter (x::bigint = outer.auction)\n"
	  "             -> " FILE_ },
	{ "SELECT (SELECT (SELECT auction + id + x FROM file) FROM person) AS z FROM bid",
	  "Project ?column? AS z\n"
	  " -> Join single dependent\n"
	  "    -> " BID
	  "    -> Project ?column?\n"
	  "       -> Join single dependent\n"
	  "          -> " PERSON
	  "          -> Project ((outer.auction + outer.id) + x::bigint) AS ?column?\n"
	  "             -> " FILE_ },
};

static void subqueries_are_bound_to_these_plans(void)
{
	for (size_t i = 0; i < sizeof bound / sizeof bound[0]; i++) {
		struct session *s = session_new();
		char *text = bind_text(s, bound[i].sql, false, false);

		if (!CHECK_EQ_STR(text, bound[i].plan))
			fprintf(stderr, "in: %s\n", bound[i].sql);
		free(text);
		session_free(s);
	}
}

static const struct wrong { const char *sql; int column; const char *message; } wrong[] = {
	{ "SELECT (SELECT 1, 2)", 8, "subquery must return only one column" },
	{ "SELECT 1 IN (SELECT 1, 2)", 10, "subquery has too many columns" },
	{ "SELECT (1, 2) IN (SELECT 1)", 15, "subquery has too few columns" },
	{ "SELECT 1 + ANY (SELECT 1)", 10, "row comparison operator must yield type boolean, not type integer" },
	{ "SELECT auction, (SELECT name FROM person WHERE id = b.price) FROM bid b GROUP BY auction", 53, "subquery uses ungrouped column \"b.price\" from outer query" },
	{ "SELECT price IN (SELECT 1) FROM bid GROUP BY auction", 8, "column \"bid.price\" must appear in the GROUP BY clause or be used in an aggregate function" },
	{ "SELECT x FROM file WHERE x IN (SELECT true)", 28, "operator does not exist: integer = boolean" },
	{ "CREATE TABLE t (a int, b AS a + (SELECT 1)) WITH ('connector' = 'x')", 33, "cannot use subquery in a computed column" },
};

static void what_is_wrong_with_subqueries(void)
{
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct session *s = session_new();
		struct spk_script script;
		spk_error err;

		if (!CHECK_EQ_INT(session_bind(s, wrong[i].sql, &script, &err), SPK_BIND) || !CHECK_EQ_INT(err.column, wrong[i].column) || !CHECK_EQ_STR(err.message, wrong[i].message))
			fprintf(stderr, "in: %s\n", wrong[i].sql);
		session_free(s);
	}
}

SPK_TEST_SUITE("sql sublinks", { "subqueries are bound to these plans", subqueries_are_bound_to_these_plans }, { "what is wrong with subqueries", what_is_wrong_with_subqueries })
