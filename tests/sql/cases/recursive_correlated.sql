-- Recursive queries that refer to the query around them.
SELECT n, (WITH RECURSIVE f(i, p) AS (SELECT 1, 1::numeric UNION ALL SELECT i + 1, p * (i + 1) FROM f WHERE i < n) SELECT max(p) FROM f) AS fact FROM generate_series(1, 6) n;
SELECT n.id, x.path FROM emp n, LATERAL (WITH RECURSIVE up AS (SELECT id, boss, name AS path FROM emp WHERE id = n.id UNION ALL SELECT p.id, p.boss, p.name || '/' || up.path FROM emp p JOIN up ON up.boss = p.id) SELECT path FROM up WHERE boss IS NULL) x ORDER BY 1;
SELECT n.id, (WITH RECURSIVE d AS (SELECT n.id AS i UNION SELECT c.id FROM emp c, d WHERE c.boss = d.i) SELECT count(*) FROM d) AS size, (WITH RECURSIVE d AS (SELECT id, salary FROM emp WHERE id = n.id UNION ALL SELECT c.id, c.salary FROM d JOIN emp c ON c.boss = d.id) SELECT sum(salary) FROM d) AS total FROM emp n ORDER BY 1;
SELECT n.id, l.* FROM emp n LEFT JOIN LATERAL (WITH RECURSIVE d(i, lvl) AS (SELECT id, 0 FROM emp WHERE boss = n.id UNION ALL SELECT c.id, lvl + 1 FROM emp c LEFT JOIN LATERAL (SELECT 1) z ON true JOIN d ON c.boss = d.i) SELECT i, lvl FROM d ORDER BY lvl DESC, i LIMIT 2) l ON true ORDER BY 1, 2;
SELECT id FROM emp n WHERE EXISTS (WITH RECURSIVE d AS (SELECT n.id AS i UNION ALL SELECT c.id FROM emp c JOIN d ON c.boss = d.i) SELECT 1 FROM d JOIN emp x ON x.id = d.i WHERE x.salary > 6000 AND x.id <> n.id) ORDER BY 1;
SELECT n, (WITH RECURSIVE f(i) AS (SELECT n UNION ALL SELECT i - 1 FROM f WHERE i > 0) SELECT array_agg(i ORDER BY i) FROM f WHERE i % 2 = n % 2) FROM generate_series(0, 3) n;
SELECT a.n, (WITH RECURSIVE f(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM f WHERE i < a.n) SELECT sum((SELECT count(*) FROM emp WHERE salary <= f.i + a.n)) FROM f) FROM (VALUES (1), (3), (3), (NULL)) a(n) ORDER BY 1;
SELECT n.id, g.* FROM emp n, LATERAL (WITH RECURSIVE g AS (SELECT n.id AS i UNION ALL SELECT boss FROM emp, g WHERE id = i AND boss IS NOT NULL) CYCLE i SET c USING p SELECT i, c FROM g) g WHERE n.id > 6 ORDER BY 1, 2;
-- refused: inside WITH RECURSIVE under a LIMIT without ORDER BY
SELECT n, x.i FROM generate_series(1, 2) n, LATERAL (WITH RECURSIVE f(i) AS (SELECT n UNION ALL SELECT i + 1 FROM f) SELECT i FROM f LIMIT 3) x;
SELECT n, (WITH RECURSIVE f(i) AS (SELECT n UNION ALL SELECT i / (i - 2) FROM f WHERE i < 3) SELECT max(i) FROM f) FROM generate_series(2, 3) n;
