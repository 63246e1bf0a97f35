-- json(b)_populate_record(set) in FROM.
SELECT e.id, x.* FROM emp e, jsonb_populate_record(e, '{"salary": 5, "name": null}') x WHERE e.id < 4 ORDER BY 1;
SELECT * FROM jsonb_populate_recordset((SELECT e FROM emp e WHERE id = 2), '[{"salary": 5}, {"id": 7, "boss": "3"}]');
SELECT e.id, x.salary FROM emp e LEFT JOIN LATERAL json_populate_recordset(e, '[{"boss": 1}, {}]') AS x ON x.boss > 1 ORDER BY 1, 2;
SELECT * FROM json_populate_record((SELECT e FROM emp e WHERE id = 99), '{"id": 3}') AS t;
SELECT * FROM json_populate_record((SELECT e FROM emp e WHERE id = 99), NULL) AS t;
SELECT x.id, x.a FROM emp e, jsonb_populate_record(e, NULL) AS x (id, a) WHERE e.id = 1;
SELECT * FROM jsonb_populate_record(NULL::emp, '{"id": 3, "hired": "2024-01-02"}') AS t (a, b);
SELECT e.id, (SELECT sum(x.salary) FROM jsonb_populate_recordset(e, '[{}, {"salary": 1}]') x) FROM emp e ORDER BY 1;
SELECT (jsonb_populate_record(e, '{"id": 0}')).id FROM emp e WHERE id = 1;
SELECT * FROM jsonb_populate_record(1, '{}');
SELECT * FROM jsonb_populate_record(ROW(1, 2), '{}');
SELECT * FROM jsonb_populate_record(NULL, '{}');
SELECT * FROM jsonb_populate_record(NULL::nosuch, '{}');
SELECT x.id FROM emp e, jsonb_populate_record(e, '{"id": "a"}') x;
