-- What modifiers of types do: columns and casts that round, positions of errors apart.
SELECT * FROM rounded ORDER BY id;
SELECT id FROM rounded WHERE at = '2024-01-02' OR zoned = '2024-01-01' OR clock >= '23:59:59.99' OR took < '-2 s' ORDER BY id;
SELECT at, count(*) FROM rounded GROUP BY at ORDER BY at NULLS FIRST;
SELECT a.id, b.id FROM rounded a JOIN rounded b ON a.at - b.at > interval '1 day' ORDER BY 1, 2;
SELECT max(zoned), min(clock), sum(took) FROM rounded;
SELECT 1234.5678::numeric(10, -2) AS a, 149.5::numeric(5, -2) AS b, 99949.9::numeric(3, -2) AS c, (-55)::numeric(2, -1) AS d, '149.5'::numeric(2, -2) AS e, NULL::numeric(2, -1) AS f;
SELECT id, (salary / 3)::numeric(6, -1) AS tens, CAST(salary AS numeric(3, -3)) AS thousands FROM emp ORDER BY id;
SELECT 99960::numeric(2, -2);
SELECT 1::numeric(0, -1);
SELECT 1::numeric(3, -1001);
SELECT 1::numeric(3, 1001);
SELECT 0.00012::numeric(3, 5) AS a, 0.009994::numeric(3, 5) AS b;
SELECT 0.01::numeric(3, 5);
-- refused: NUMERIC scale -1 is not supported but in casts
SELECT '{15}'::numeric(3, -1)[];
-- refused: NUMERIC scale 40 is not supported: values have 38 digits at the most
SELECT 1::numeric(50, 40);
SELECT (interval '1 day 02:03:04')::interval day to hour AS a, x::interval(0) AS b, x::interval minute AS c FROM (VALUES (interval '1 day 02:03:04.6')) t(x);
