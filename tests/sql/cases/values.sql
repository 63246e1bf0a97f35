-- Types, casts and functions of values in whole statements: what expressions alone (tests/core/expr) cannot ask.
SELECT timestamp '2024-01-15 10:20:30.987654'::timestamp(3) AS a, timestamp '2024-01-15 10:20:30.987654'::timestamp(0) AS b, '1969-12-31 23:59:59.9996'::timestamp(3) AS c;
SELECT time '10:20:30.55'::time(1) AS a, interval '1.23456 sec'::interval(2) AS b, '2024-01-15 23:59:59.9999'::timestamptz(2) AS c, NULL::timestamp(1) AS d, 'infinity'::timestamp(0) AS e;
SELECT interval '1.27' second(1) AS a, timestamp(2) '2024-01-15 10:20:30.987654' AS b, timestamp '2024-01-15 10:20:30.987654'::timestamp(6) AS c;
SELECT 1e308::float8 * 10;
SELECT 1e-320::float8 AS a, 1e300::float8 AS b, 12345678901234567890123456789012345678901234567890::float8 AS c;
SELECT date 'Jan-08-99' AS a, date 'January/8/1999' AS b, timestamp 'Feb-29-2024 10:00' AS c;
SELECT date 'Jan-32-99';
SELECT * FROM jsonb_populate_record(NULL::emp, '{"id": 5, "name": "n", "salary": "3.456", "hired": "2024-05-05", "x": 1}');
SELECT * FROM json_populate_record(NULL::emp, '{"id": "x"}');
SELECT * FROM jsonb_populate_recordset(NULL::t1, '[{"a": 5, "c": "n"}, {"a": "6", "b": 3}]');
SELECT e.name, p.b FROM emp e, jsonb_populate_record(NULL::t1, jsonb_build_object('b', e.id * 2)) p WHERE e.id < 4 ORDER BY e.id;
SELECT * FROM jsonb_populate_record(NULL::nosuch, '{}');
-- refused: jsonb_populate_record with a first argument other than NULL::table
SELECT * FROM jsonb_populate_record((SELECT t FROM t1 t LIMIT 1), '{}');
SELECT * FROM jsonb_to_record('{"a": [1]}') AS t (a int[]);
SELECT x FROM jsonb_array_elements_text('["a", "b"]') x ORDER BY x;
SELECT x, x IS NULL AS n FROM t1, unnest(ARRAY[a, b]) x WHERE a = 1 ORDER BY x;
SELECT (SELECT max(x) FROM jsonb_array_elements_text(to_jsonb(ARRAY[name, 'a'])) x WHERE x <> name) AS m FROM emp WHERE id < 3 ORDER BY id;
SELECT x, count(*) FROM (VALUES ('NaN'::numeric), ('NaN'), (1.0), (1.00), ('Infinity'), (NULL)) v(x) GROUP BY x ORDER BY x;
SELECT sum(x) AS a, avg(x) AS b, min(x) AS c, max(x) AS d, var_pop(x) AS e, stddev(x) AS f FROM (VALUES ('NaN'::numeric), (1), (2)) v(x);
SELECT sum(x) AS a, avg(x) AS b, sum(x) FILTER (WHERE x > 0) AS c, avg(x::numeric(5, 2)) FILTER (WHERE x <> 'Infinity' AND x <> '-Infinity') AS d FROM (VALUES ('Infinity'::numeric), ('-Infinity'), (2)) v(x);
SELECT x, sum(x) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM (VALUES (1, 1::numeric), (2, 'NaN'), (3, 2), (4, 3)) v(i, x) ORDER BY i;
SELECT a.x FROM (VALUES ('NaN'::numeric), (1.5), ('Infinity')) a(x) JOIN (VALUES ('NaN'::numeric(5, 2)), (1.50)) b(x) ON a.x = b.x ORDER BY a.x;
SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY x) AS p, array_agg(x ORDER BY x DESC) AS a FROM (VALUES ('NaN'::numeric), (1), ('-Infinity')) v(x);
SELECT * FROM generate_series(1, 'NaN'::numeric);
SELECT * FROM generate_series(1, 5, 'Infinity'::numeric);
SELECT to_json('NaN'::numeric) AS a, to_jsonb('-Infinity'::numeric) AS b, json_agg(x) AS c FROM (VALUES ('NaN'::numeric)) v(x);
SELECT 'NaN'::numeric(4, 1)::text AS a, 'NaN'::numeric(4, 1) + 1 AS b, 'NaN'::numeric(4, 1) * 2.5 AS c, ('NaN'::numeric(4, 1) - 1.5)::int AS d;
