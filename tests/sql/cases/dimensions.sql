-- Arrays of several dimensions where functions take one, or pairs.
SELECT json_object('{{a,1},{b,2}}'), jsonb_object('{{a,NULL}}'), json_object(ARRAY[['k', 'v'], ['l', 'w']]), jsonb_object('{}'), json_object(NULL::text[]);
SELECT c, json_object(ARRAY[['k', c], ['n', b::text]]) FROM t1 ORDER BY b, a;
SELECT json_object('{{a,b,c}}');
SELECT json_object('{{{a,b}}}');
SELECT jsonb_object('{{a,b}}', '{1}');
SELECT jsonb_object(ARRAY[[c]]) FROM t1;
SELECT json_object('{{NULL,b}}');
SELECT array_position(ARRAY[[1, 2]], 1);
SELECT array_positions('{{1,2}}'::int[], 1);
SELECT array_remove(ARRAY[[1, 2]], 1);
SELECT array_append(ARRAY[[1]], 2);
SELECT array_prepend(2, ARRAY[[1]]);
SELECT array_fill(1, ARRAY[-1]);
SELECT array_fill(1, ARRAY[200000000]);
-- The collation is a part of the expression.
SELECT DISTINCT c COLLATE "C" AS x FROM t1 ORDER BY c COLLATE "C" DESC;
SELECT DISTINCT c FROM t1 ORDER BY c COLLATE "C";
SELECT c FROM t1 GROUP BY c COLLATE "C";
SELECT c COLLATE "C", count(*) FROM t1 GROUP BY c ORDER BY c COLLATE "C" DESC;
SELECT c COLLATE "POSIX", max(b) FROM t1 GROUP BY c COLLATE "POSIX" ORDER BY 2;
SELECT max(c COLLATE "C"), min('a' COLLATE "C") FROM t1 WHERE c COLLATE "C" > 'x';
SELECT c COLLATE "nosuch" FROM t1;
SELECT b COLLATE "C" FROM t1;
-- refused: collation "en_US" is not supported
SELECT c COLLATE "en_US" FROM t1;
-- Names are cut.
SELECT 1 AS a234567890123456789012345678901234567890123456789012345678901234567890;
SELECT a234567890123456789012345678901234567890123456789012345678901234567890 FROM (SELECT 1 AS "a23456789012345678901234567890123456789012345678901234567890123") q;
SELECT a23456789012345678901234567890123456789012345678901234567890é FROM (SELECT 1 AS a23456789012345678901234567890123456789012345678901234567890123éé) q;
SELECT 1 AS a2345678901234567890123456789012345678901234567890123456789012éé;
-- Conditions that are none, rows beside what is none, and midnight.
SELECT 1 IS TRUE;
SELECT a IS NOT UNKNOWN FROM t1;
SELECT b IS NOT FALSE FROM t1;
SELECT * FROM emp WHERE (id, name) IN ((1, 'a'), (2));
SELECT id FROM emp e WHERE (id, name) IN ((1, 'Ada'), (SELECT ROW(2, 'Bert'::text))) ORDER BY id;
SELECT time 'allballs', 'allballs'::time + interval '1 hour', timestamptz '2024-01-01 allballs';
