-- Errors, and what looks like one.
SELECT p, 'abc' LIKE p AS a, 'x' LIKE p AS x, '' LIKE p AS nothing FROM (VALUES ('abc\'), ('ab'), ('%abc\')) AS t (p);
SELECT 'abcd' LIKE 'abc\';
SELECT 'abc' NOT LIKE 'x\' AS a, 'abc' ILIKE 'ABC\' AS b, 'abc' LIKE 'abc!' ESCAPE '!' AS c;
SELECT 'abc' LIKE '__\';
SELECT 'abc' LIKE '%\';
SELECT 'abc' LIKE '%b\';
SELECT 'abc' LIKE '%c\' AS a, '' LIKE '\' AS b, '' LIKE '%\' AS c, 'abc' LIKE '%x%\' AS d, '\xab'::bytea LIKE '\xab5c'::bytea AS e;
SELECT '\xabcd'::bytea LIKE '\xab5c'::bytea;
SELECT name LIKE c || '\' FROM emp, (VALUES ('Ad')) AS v (c) ORDER BY id;
SELECT a.b.c.d.e FROM emp;
SELECT * FROM generate_series(1, 2) AS t (a int);
SELECT * FROM jsonb_to_recordset('[]') WITH ORDINALITY AS t (a int);
SELECT $3;
SELECT 12abc;
