/*
 * Every kind of expression in every place of a query: a subquery where a window is defined, a set where groups are, and so on. Whatever
 * the answer is, it is a plan that can be optimized or an error with a place; nothing crashes and nothing is "internal".
 */
#include <string.h>

#include "core/base/check.h"
#include "tests/planner/support.h"

#define FROM " FROM (VALUES (1, 'a', 1.5), (2, 'b', NULL), (2, NULL, 0.5)) t (x, s, n)"

/* '@' stands for the expression. */
static const char *const place[] = {
	"SELECT @" FROM, "SELECT t.x, @ AS c, t.s" FROM " ORDER BY 1, 3", "SELECT t.x, @" FROM " GROUP BY t.x", "SELECT DISTINCT @" FROM,
	"SELECT DISTINCT ON (@) t.x" FROM " ORDER BY @, t.x", "SELECT t.x" FROM " WHERE @", "SELECT t.x" FROM " WHERE t.x = 2 OR (@) IS NULL",
	"SELECT t.x" FROM " WHERE CASE WHEN t.x > 1 THEN (@) IS NOT NULL ELSE true END", "SELECT t.x, count(*)" FROM " GROUP BY t.x HAVING (@) IS NOT NULL",
	"SELECT 1" FROM " HAVING (@) IS NULL", "SELECT count(*)" FROM " GROUP BY @", "SELECT @ AS g, count(*)" FROM " GROUP BY g", "SELECT @, count(*)" FROM " GROUP BY 1",
	"SELECT count(*)" FROM " GROUP BY ROLLUP (@, t.x)", "SELECT @ AS g, t.x, count(*)" FROM " GROUP BY GROUPING SETS ((g), (t.x), ())",
	"SELECT t.x, count(*), @" FROM " GROUP BY CUBE (t.x)", "SELECT t.x" FROM " ORDER BY @", "SELECT @ AS o" FROM " ORDER BY o", "SELECT t.x" FROM " GROUP BY t.x ORDER BY @",
	"SELECT t.x" FROM " LIMIT @", "SELECT t.x" FROM " OFFSET @", "SELECT count(*) OVER (PARTITION BY @)" FROM, "SELECT rank() OVER (ORDER BY @)" FROM,
	"SELECT rank() OVER w, count(*) OVER (w)" FROM " WINDOW w AS (PARTITION BY t.s ORDER BY @)", "SELECT t.x" FROM " WINDOW w AS (ORDER BY @)",
	"SELECT sum(t.x) OVER (ORDER BY t.x ROWS @ PRECEDING)" FROM, "SELECT sum(t.x) OVER (ORDER BY t.x RANGE BETWEEN @ PRECEDING AND CURRENT ROW)" FROM,
	"SELECT max(@) OVER (PARTITION BY t.x)" FROM, "SELECT lag(@) OVER (ORDER BY t.x)" FROM, "SELECT lag(t.x, @, 1) OVER (ORDER BY t.x)" FROM,
	"SELECT count(*) FILTER (WHERE (@) IS NOT NULL)" FROM, "SELECT count(*) FILTER (WHERE (@) IS NOT NULL) OVER ()" FROM, "SELECT max(@)" FROM,
	"SELECT count(DISTINCT @)" FROM, "SELECT array_agg(t.x ORDER BY @, t.x)" FROM, "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY @)" FROM,
	"SELECT t.x FROM (VALUES (1)) t (x) JOIN (VALUES (1)) w (y) ON (@) IS NOT NULL AND w.y = t.x", "SELECT t.x FROM (VALUES (1)) t (x) LEFT JOIN (VALUES (1)) w (y) ON (@) IS NOT NULL",
	"SELECT t.x FROM (VALUES (1)) t (x) RIGHT JOIN (VALUES (1)) w (y) ON (@) IS NOT NULL", "SELECT t.x FROM (VALUES (1)) t (x) FULL JOIN (VALUES (1)) w (y) ON (@) IS NOT NULL",
	"SELECT *" FROM ", LATERAL (VALUES (@), (NULL)) v (z)", "VALUES (@), (1)", "SELECT t.x, l.*" FROM ", LATERAL (SELECT @ AS z) l",
	"SELECT t.x, l.*" FROM " LEFT JOIN LATERAL (SELECT 1 AS z WHERE (@) IS NOT NULL) l ON true",
	"SELECT l.*" FROM ", LATERAL (SELECT @ AS z, count(*) FROM (VALUES (1)) q (w) GROUP BY 1) l", "SELECT g" FROM ", generate_series(1, @) g",
	"SELECT g" FROM ", unnest(ARRAY[@]) g", "SELECT g, h" FROM ", ROWS FROM (generate_series(1, 2), unnest(ARRAY[@])) AS f (g, h)", "SELECT CASE WHEN t.x > 1 THEN @ END" FROM,
	"SELECT CASE @ WHEN NULL THEN 1 ELSE 2 END" FROM, "SELECT CASE WHEN (@) IS NULL THEN 1 ELSE 2 END" FROM, "SELECT coalesce(@, NULL)" FROM, "SELECT t.x IN (1, @)" FROM,
	"SELECT (@) IN (1, 2)" FROM, "SELECT (@) IN (SELECT v FROM (VALUES (1)) u (v))" FROM, "SELECT (@) IN (SELECT 1), count(*)" FROM " GROUP BY 1", "SELECT row(@, 1)" FROM,
	"SELECT ARRAY[@]" FROM, "SELECT CAST(@ AS text)" FROM, "SELECT abs(@)" FROM, "SELECT @ + 1" FROM, "SELECT (@) IS NULL" FROM, "SELECT t.x BETWEEN 0 AND @" FROM,
	"SELECT @" FROM " UNION SELECT NULL", "SELECT @" FROM " EXCEPT ALL SELECT NULL", "SELECT t.x" FROM " UNION ALL SELECT 9 ORDER BY @",
	"WITH c AS (SELECT @ AS z" FROM ") SELECT z, count(*) FROM c GROUP BY z", "WITH RECURSIVE c (z) AS (SELECT 1 UNION ALL SELECT z + 1 FROM c, t2 AS t WHERE (@) IS NOT NULL) SELECT * FROM c",
	"SELECT (SELECT @)" FROM, "SELECT t.x" FROM " WHERE EXISTS (SELECT @)", "SELECT (SELECT @ FROM (VALUES (1)) k (kk) GROUP BY kk LIMIT 1)" FROM, "SELECT t.x" FROM " WHERE NOT (@)",
	"SELECT nullif(@, NULL)" FROM, "SELECT greatest(@, NULL)" FROM, "SELECT (@).x" FROM, "SELECT (@).*" FROM, "SELECT (@) IS TRUE" FROM, "SELECT (ARRAY[1, 2])[@]" FROM,
	"SELECT t.x = ANY (@)" FROM, "SELECT (@) = (@)" FROM, "SELECT (@) IS DISTINCT FROM NULL" FROM, "SELECT t.x" FROM " QUALIFY (@) IS NOT NULL",
};

static const char *const expression[] = {
	"(SELECT 1)", "(SELECT t.x + 1)", "(SELECT max(v) FROM (VALUES (1), (3)) u (v) WHERE v >= t.x)", "EXISTS (SELECT 1 FROM (VALUES (1)) u (v) WHERE v = t.x)",
	"t.x IN (SELECT v FROM (VALUES (1), (NULL)) u (v))", "t.x NOT IN (SELECT v FROM (VALUES (1)) u (v))", "t.x >= ALL (SELECT v FROM (VALUES (1)) u (v))",
	"(t.x, 1) IN (SELECT 1, 2)", "generate_series(1, 2)", "unnest(ARRAY[t.x, 5])", "generate_series(1, (SELECT 2))", "generate_series(1, generate_series(1, 2))", "count(*)", "sum(t.x)",
	"sum((SELECT t.x))", "string_agg(t.s, ',' ORDER BY (SELECT t.x), t.s)", "count(*) FILTER (WHERE (SELECT t.x > 1))", "row_number() OVER (ORDER BY t.x, t.s)",
	"sum(t.x) OVER (PARTITION BY t.s)", "sum(t.x) OVER (ORDER BY (SELECT t.x))", "sum(count(*)) OVER ()", "row(t.x, t.s)", "t", "row((SELECT 1), t.x)", "NULL", "ARRAY[t.x, (SELECT 2)]",
	"ARRAY(SELECT v FROM (VALUES (2), (1)) u (v) ORDER BY v)", "CASE WHEN EXISTS (SELECT 1) THEN t.x ELSE (SELECT 7) END", "GROUPING(t.x)", "(SELECT sum(t.x))",
	"(SELECT count(t.x) FROM (VALUES (1), (2)) u (v))", "(SELECT generate_series(1, 2) LIMIT 1)", "(row_number() OVER ()) IN (SELECT 1)",
};

static void fill(char *out, size_t size, const char *query, const char *with)
{
	size_t n = 0;

	for (; *query && n + 1 < size; query++) {
		if (*query == '@')
			n += (size_t)snprintf(out + n, size - n, "%s", with);
		else
			out[n++] = *query;
	}
	out[SPK_MIN(n, size - 1)] = 0;
}

static void check(const char *text)
{
	struct session *s = session_new();
	struct spk_script script;
	struct spk_logical *plan;
	spk_error err;
	spk_status status = session_bind(s, text, &script, &err);

	if (status != SPK_OK) {
		if (!CHECK(status == SPK_BIND || status == SPK_SYNTAX || status == SPK_UNSUPPORTED || status == SPK_DATA) || !CHECK(err.position > 0 && err.line > 0))
			fprintf(stderr, "in: %s\n%s\n", text, err.message);
	} else if (!CHECK_OK(spk_optimize(s->arena, script.statement[0].plan, NULL, &plan, &err), err)) {
		fprintf(stderr, "in: %s\n", text);
	} else {
		free(plan_text(plan, true));
	}
	session_free(s);
}

static void every_expression_in_every_place(void)
{
	char text[2048];

	for (size_t p = 0; p < SPK_COUNT_OF(place); p++) {
		for (size_t e = 0; e < SPK_COUNT_OF(expression); e++) {
			fill(text, sizeof text, place[p], expression[e]);
			check(text);
		}
	}
}

SPK_TEST_SUITE("sql crossings", { "every expression in every place", every_expression_in_every_place })
