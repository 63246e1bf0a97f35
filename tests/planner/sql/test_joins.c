/* FROM of several items: plans, what can be named where, and what is wrong. */
#include "tests/planner/support.h"

#define A "Scan file AS a (x, y)\n"
#define B "Scan file AS b (x, y)\n"

static const struct bound { const char *sql, *plan; } bound[] = {
	{ "SELECT a.x, b.* FROM file a, file b WHERE a.x = b.x",
	  "Project x, x, y\n"
	  " -> Filter (x = x)\n"
	  "    -> Join inner\n"
	  "       -> " A
	  "       -> " B },
	{ "SELECT * FROM file a LEFT JOIN file b ON a.x = b.x AND b.y",
	  "Project x, y, x, y\n"
	  " -> Join left on ((x = x) AND y)\n"
	  "    -> " A
	  "    -> " B },
	{ "SELECT * FROM file a RIGHT JOIN file b USING (y)",
	  "Project y, x, x\n"
	  " -> Join right on (y = y)\n"
	  "    -> " A
	  "    -> " B },
	{ "SELECT x, a.x, b.x FROM file a FULL JOIN file b USING (x)",
	  "Project x, x, x\n"
	  " -> Project x, y, x, y, COALESCE(x, x) AS x\n"
	  "    -> Join full on (x = x)\n"
	  "       -> " A
	  "       -> " B },
	{ "SELECT * FROM file a NATURAL JOIN file b",
	  "Project x, y\n"
	  " -> Join inner on ((x = x) AND (y = y))\n"
	  "    -> " A
	  "    -> " B },
	{ "SELECT * FROM (VALUES (1::smallint, 2)) v (x, z) JOIN file b USING (x)",
	  "Project x, z, y\n"
	  " -> Join inner on (column1::integer = x)\n"
	  "    -> Values (1, 2)\n"
	  "    -> " B },
	{ "SELECT * FROM file a CROSS JOIN file b",
	  "Project x, y, x, y\n"
	  " -> Join inner\n"
	  "    -> " A
	  "    -> " B },
	{ "SELECT * FROM (file a JOIN file b USING (x)) AS j (k, m) WHERE k > 1",
	  "Project k, m, y\n"
	  " -> Filter (k > 1)\n"
	  "    -> Join inner on (x = x)\n"
	  "       -> " A
	  "       -> " B },
	{ "SELECT u.x, * FROM file a JOIN file b USING (x) AS u",
	  "Project x, x, y, y\n"
	  " -> Join inner on (x = x)\n"
	  "    -> " A
	  "    -> " B },
	{ "SELECT q.z FROM file a LEFT JOIN LATERAL (SELECT a.x + b.x AS z FROM file b WHERE b.x < a.x) q ON q.z > a.x",
	  "Project z\n"
	  " -> Join left dependent on (z > x)\n"
	  "    -> " A
	  "    -> Project (outer.x + x) AS z\n"
	  "       -> Filter (x < outer.x)\n"
	  "          -> " B },
	{ "SELECT v.* FROM file a, LATERAL (VALUES (a.x), (a.x + 1)) v (z)",
	  "Project z\n"
	  " -> Join inner dependent\n"
	  "    -> " A
	  "    -> Values (outer.x), ((outer.x + 1))\n" },
	{ "SELECT public.file.x FROM public.file",
	  "Project x\n"
	  " -> Scan file (x, y)\n" },
};

static void joins_are_bound_to_these_plans(void)
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

/* A column that a join may fill with NULL is nullable above it, whatever the table says. */
static void outer_joins_make_columns_nullable(void)
{
	static const struct { const char *sql; bool left, right; } cases[] = {
		{ "SELECT a.id, b.id FROM person a JOIN person b ON true", false, false },
		{ "SELECT a.id, b.id FROM person a LEFT JOIN person b ON true", false, true },
		{ "SELECT a.id, b.id FROM person a RIGHT JOIN person b ON true", true, false },
		{ "SELECT a.id, b.id FROM person a FULL JOIN person b ON true", true, true },
		{ "SELECT id, c.id FROM person a FULL JOIN person b USING (id) LEFT JOIN person c USING (id)", true, true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct session *s = session_new();
		struct spk_script script;
		spk_error err;

		if (CHECK_EQ_INT(session_bind(s, cases[i].sql, &script, &err), SPK_OK)) {
			const struct spk_field *f = script.statement[0].plan->schema->field;

			CHECK_EQ_INT(f[0].nullable, cases[i].left);
			CHECK_EQ_INT(f[1].nullable, cases[i].right);
		}
		session_free(s);
	}
}

static const struct wrong { const char *sql; int column; const char *message, *hint; } wrong[] = {
	{ "SELECT x FROM file a, file b", 8, "column reference \"x\" is ambiguous", "" },
	{ "SELECT * FROM file, file", 21, "table name \"file\" specified more than once", "alias" },
	{ "SELECT file.x FROM file a", 8, "invalid reference to FROM-clause entry for table \"file\"", "Perhaps you meant to reference the table alias \"a\"." },
	{ "SELECT * FROM file a, (SELECT a.x) b", 31, "invalid reference to FROM-clause entry for table \"a\"", "There is an entry for table \"a\", but it cannot be referenced from this part of the query." },
	{ "SELECT * FROM file a, file b JOIN file c ON a.x = c.x", 45, "invalid reference to FROM-clause entry for table \"a\"", "There is an entry for table \"a\"" },
	{ "SELECT * FROM file a RIGHT JOIN LATERAL (SELECT a.x) b ON true", 49, "invalid reference to FROM-clause entry for table \"a\"", "The combining JOIN type must be INNER or LEFT for a LATERAL reference." },
	{ "SELECT a.x FROM (file a JOIN file b ON true) j", 8, "invalid reference to FROM-clause entry for table \"a\"", "cannot be referenced from this part of the query." },
	{ "SELECT * FROM file a JOIN file b ON 1", 37, "argument of JOIN/ON must be type boolean, not type integer", "" },
	{ "SELECT * FROM file a JOIN file b ON count(*) > 1", 37, "aggregate functions are not allowed in JOIN conditions", "" },
	{ "SELECT * FROM file a JOIN bid b USING (x)", 27, "column \"x\" specified in USING clause does not exist in right table", "" },
	{ "SELECT * FROM bid b JOIN file a USING (x)", 26, "column \"x\" specified in USING clause does not exist in left table", "" },
	{ "SELECT * FROM file a JOIN file b USING (x, x)", 27, "column name \"x\" appears more than once in USING clause", "" },
	{ "SELECT * FROM file a JOIN file b ON true JOIN file c USING (x)", 47, "common column name \"x\" appears more than once in left table", "" },
	{ "SELECT * FROM file a JOIN (SELECT true AS x) b USING (x)", 35, "JOIN/USING types integer and boolean cannot be matched", "" },
	{ "SELECT * FROM (file a JOIN file b USING (x)) j (k, l, m, n)", 28, "join expression \"j\" has 3 columns available but 4 columns specified", "" },
	{ "SELECT * FROM file a JOIN file b USING (x) AS a", 27, "table name \"a\" specified more than once", "" },
	{ "SELECT s.file.x FROM file", 8, "invalid reference to FROM-clause entry for table \"file\"", "" },
	{ "SELECT a.s.file.x FROM file", 8, "cross-database references are not implemented: a.s.file.x", "" },
	{ "SELECT a.b.c.d.e FROM file", 8, "improper qualified name (too many dotted names): a.b.c.d.e", "" },
	{ "SELECT y.z FROM file", 8, "missing FROM-clause entry for table \"y\"", "FROM has: file." },
	{ "SELECT * FROM d.public.file", 15, "cross-database references are not implemented: \"d.public.file\"", "" },
};

static void what_is_wrong_with_joins(void)
{
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct session *s = session_new();
		struct spk_script script;
		spk_error err;

		if (!CHECK_EQ_INT(session_bind(s, wrong[i].sql, &script, &err), SPK_BIND) || !CHECK_EQ_INT(err.column, wrong[i].column) || !CHECK_EQ_STR(err.message, wrong[i].message) || !CHECK(strstr(err.hint, wrong[i].hint)))
			fprintf(stderr, "in: %s\n", wrong[i].sql);
		session_free(s);
	}
}

SPK_TEST_SUITE("sql joins", { "joins are bound to these plans", joins_are_bound_to_these_plans }, { "outer joins make columns nullable", outer_joins_make_columns_nullable },
	{ "what is wrong with joins", what_is_wrong_with_joins })
