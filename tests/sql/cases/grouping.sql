-- Grouping sets.
SELECT dept_id, count(*), rank(dept_id) WITHIN GROUP (ORDER BY boss), percent_rank(dept_id + 1) WITHIN GROUP (ORDER BY boss NULLS FIRST), cume_dist(coalesce(dept_id, 2)) WITHIN GROUP (ORDER BY boss), percentile_cont(dept_id / 100.0) WITHIN GROUP (ORDER BY salary) AS p FROM emp GROUP BY ROLLUP (dept_id) ORDER BY 1, 2;
SELECT dept_id % 2 AS odd, name > 'H' AS late, dense_rank(dept_id % 2, 'x') WITHIN GROUP (ORDER BY boss, name), rank(dept_id % 2) WITHIN GROUP (ORDER BY dept_id % 2 DESC) FROM emp GROUP BY CUBE (dept_id % 2, name > 'H') ORDER BY 1, 2, 3;
SELECT a, rank(a + 1, c) WITHIN GROUP (ORDER BY b DESC, c) AS r, count(*) FROM t1 GROUP BY GROUPING SETS ((a, c), (c), (a), ()) ORDER BY a NULLS LAST, count(*), r;
SELECT dept_id, rank(dept_id) WITHIN GROUP (ORDER BY boss) FILTER (WHERE salary > 4000) AS r, rank(dept_id) WITHIN GROUP (ORDER BY id) AS s FROM emp GROUP BY ROLLUP (dept_id) HAVING rank(dept_id) WITHIN GROUP (ORDER BY id) > 1 ORDER BY 1, 2;
SELECT rank(a) WITHIN GROUP (ORDER BY b) FROM nothing GROUP BY ROLLUP (a);
SELECT rank(b) WITHIN GROUP (ORDER BY a) FROM t1 GROUP BY ROLLUP (a);
-- What is asked of the groups is asked of the row over no rows, too.
SELECT dept_id, count(*) FROM emp GROUP BY ROLLUP (dept_id) HAVING dept_id > 10 ORDER BY 1;
SELECT * FROM (SELECT dept_id, count(*) AS n FROM emp GROUP BY ROLLUP (dept_id)) t WHERE dept_id IS NOT NULL ORDER BY 1;
SELECT * FROM (SELECT dept_id, GROUPING(dept_id) AS g, count(*) AS n FROM emp GROUP BY ROLLUP (dept_id)) t WHERE g = 1;
SELECT dept_id, boss, GROUPING(dept_id, boss), count(*) FROM emp GROUP BY CUBE (dept_id, boss) HAVING GROUPING(dept_id, boss) = 3 OR dept_id = 20 ORDER BY 1, 2, 3;
SELECT a, b, GROUPING(a, b) AS g, count(*) FROM nothing GROUP BY GROUPING SETS ((a), (b), (), ()) HAVING coalesce(a, 7) = 7 ORDER BY 3;
SELECT a, count(*) FROM nothing GROUP BY ROLLUP (a) HAVING a IS NOT NULL;
