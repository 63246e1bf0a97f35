-- A table's name as the type of its rows; records from documents.
SELECT '(1,2,x)'::t1, ROW(1, 2, 'y')::t1, (ROW(1, 2, 'z')::t1).c, NULL::t1 IS NULL, ('(4,,"a b")'::t1).*, '{1,2}'::_int4, ARRAY['a']::_text;
SELECT t1::t1 FROM t1 ORDER BY 1 LIMIT 1;
SELECT * FROM t1 WHERE t1 IN (ROW(1, 2, 'x')::t1, '(1,10,x)') ORDER BY a;
SELECT '(1,2)'::t1;
-- says: could not identify column "nobody"
SELECT (NULL::t1).nobody;
SELECT t1 = '(1,10,x)' FROM t1;
SELECT jsonb_populate_record(NULL::t1, '{"a":1,"c":"q"}'), jsonb_populate_record(ROW(1, 2, 'z')::t1, '{"a":7}'), json_populate_record(ROW(1, 2), '{"f1": 0}');
SELECT (jsonb_populate_record(t1, jsonb_build_object('b', 0))).* FROM t1 ORDER BY 1, 3;
SELECT i, jsonb_populate_recordset(ROW(i, 50), '[{"f1":"42"},{"f2":"43"}]') FROM (VALUES (1), (2)) v (i);
SELECT json_populate_record(NULL::keyed, NULL), json_populate_record(ROW(1, 'x')::keyed, NULL), jsonb_populate_record(NULL::emp, '{"id":1,"hired":"2020-01-02","salary":"12.345"}');
SELECT jsonb_populate_record(NULL::t1, '{"a":"x"}');
SELECT (jsonb_populate_record(NULL::t1, j)).b FROM (VALUES ('{"b": 3}'::jsonb), (NULL), ('{}')) v (j);
