"""Expressions and queries of one column in SQL, for tests/session/test_expected_sql.c: what lines of names and arguments cannot say; see cases.py."""


def arrays(sql, query):
    f = 'sql_array'
    for e in ["ARRAY[1,2,3]", "ARRAY[1,NULL]", "ARRAY['a','b']", "ARRAY[1,2.5]", "ARRAY[1,2::bigint]", "ARRAY[NULL]", "ARRAY['1',2]", "ARRAY['x',2]", "ARRAY[]", "ARRAY[]::int[]", "ARRAY[]::text[]",
              "ARRAY['1','2']::int[]", "ARRAY[1.5,2.5]::int[]", "ARRAY[1,true]", "ARRAY[date '2020-01-01', timestamp '2020-01-01 10:00']", "ARRAY[1,2]::text[]", "ARRAY[1,2]::text", "'{1,2}'::int[]::text[]",
              "ARRAY[1.50,2.5]::numeric(5,1)[]", "'{abcdef,b}'::varchar(3)[]", "ARRAY['abcdef']::varchar(3)[]", "'{1.25,3}'::numeric(4,1)[]", "'{99999}'::numeric(4,1)[]", "ARRAY[interval '1 day', '2 hours']",
              "ARRAY[ROW(1,'a'),ROW(2,'b c')]", "ARRAY[ROW(1,NULL)]"]:
        sql(f, e)
    a = "(ARRAY[10,20,30])"
    for i in ['1', '3', '0', '4', '-1', 'NULL', "'2'", '1.4', '2::bigint', '1:2', '2:', ':2', ':', '3:1', '0:1', '-5:100', 'NULL:2', '2:NULL', "'1':'2'", '5:9', 'true', "'x'"]:
        sql(f, f'{a}[{i}]')
    for e in ["(ARRAY[(ARRAY_APPEND(ARRAY[1],2))[1],3])[2]", "('{a,b}'::text[])[2]", "(string_to_array('a b c',' '))[2]", "(NULL::int[])[1]", "(NULL::int[])[1:2]", "('{}'::int[])[1:2]", "(1)[1]", "('x'::text)[1]", "('x'::text)[1]"]:
        sql(f, e)
    for x in ['1', '3', 'NULL', '2.0', "'2'", '1::bigint']:
        for arr in ["ARRAY[1,2]", "ARRAY[1,NULL]", "'{}'", "'{1,2}'", "NULL::int[]", "ARRAY[NULL]::int[]", "ARRAY[1.0,2.5]"]:
            for op in ['=', '<>', '<', '>=']:
                sql(f, f'{x} {op} ANY ({arr})')
                sql(f, f'{x} {op} ALL ({arr})')
    for e in ["'a' LIKE ANY (ARRAY['%a','b%'])", "'c' LIKE ANY (ARRAY['%a','b%'])", "'abc' NOT LIKE ALL (ARRAY['%z','b%'])", "'abc' ~ ANY ('{^a,z}')", "'ABC' ILIKE ANY (ARRAY['abc'])", "1 = ANY (5)", "1 + ANY (ARRAY[1])", "'x' = ANY (ARRAY[1])",
              "date '2020-01-01' = ANY ('{2020-01-01}')", "ARRAY[1] = ANY (ARRAY[1])", "3 IN (1,2,3)", "1.5 = SOME (ARRAY[1.5])", "'1 day' = ANY (ARRAY[interval '24 hours'])",
              "10 / ANY (ARRAY[0]) IS NULL", "5 > ALL (ARRAY[1,2,3])", "NULL = ANY (ARRAY[1])", "NULL = ALL ('{}'::int[])"]:
        sql(f, e)
    rows = ['(1,2)', '(1,NULL)', '(2,1)', '(NULL,1)', "('1',2)", 'ROW(1,2)']
    for left in rows:
        for right in rows:
            for op in ['=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM']:
                sql(f, f'{left} {op} {right}')
    for e in ["(1,2) IN ((1,2),(3,4))", "(1,NULL) IN ((1,2))", "(2,NULL) IN ((1,2))", "(1,2) NOT IN ((1,2),(3,4))", "(1,2) NOT IN ((3,4))", "(1,2,3) = (1,2)", "(1,2) = (1,'x')", "(1,2) BETWEEN (1,1) AND (1,3)", "ROW(1) = ROW(1)", "(1,'a',true) < (1,'b',false)",
              "ROW() IS NULL", "ROW(NULL,NULL) IS NULL", "ROW(1,NULL) IS NULL", "ROW(1,NULL) IS NOT NULL", "ROW(1,2) IS NOT NULL", "NOT (ROW(1,NULL) IS NULL)", "ROW(NULL, ROW(NULL)) IS NULL",
              "ROW(1,'foo')", "ROW(1,'a b',NULL,true,1.50)", "ROW('', '\"', 'a\\b', '(', ')', ',', ' ')", "ROW(ROW(1,2),3)", "ROW(ARRAY[1,2],'x')", "ROW()", "ROW(NULL)", "(ROW(1,'foo'::text)).f2", "(ROW(1,'foo')).f1 + 1", "(ROW(1,2)).f3", "(ROW(1,2)).x",
              "(1).x", "ARRAY[ROW(1,2)]", "(ARRAY[ROW(1,'a'),ROW(2,'b')])[2]", "ROW(1,2) = ROW(1,2.0)", "ROW(1,2)::text", "ROW(date '2020-01-01', timestamp '2020-01-01 10:00:00', interval '1 day', '\\x00ff'::bytea)",
              "coalesce(ROW(1,2), ROW(3,4))"]:
        sql(f, e)
    for e in ["cardinality(ARRAY[1,2])", "array_length('{1,2}'::int[], 1)", "array_length('{1,2}', 1)", "array_append(NULL, 1)", "array_append(NULL::int[], NULL)", "array_cat(NULL, NULL)", "array_fill('x', ARRAY[2])", 
              "greatest(ARRAY[1,2],ARRAY[1,3])", "ARRAY[1,2] || ARRAY[3.5]", "ARRAY[1,2] || NULL", "NULL || ARRAY[1]", "'a' || ARRAY['b']", "'a'::text || ARRAY['b']", "ARRAY['b'] || 'a'", "ARRAY['b'] || '{a}'", "ARRAY[1] || 'x'::text",
              "1 || ARRAY[2] || 3", "ARRAY[1,4,3] @> ARRAY[3,1,3]", "ARRAY[1,4,3] && ARRAY[2,1]", "ARRAY[1,2] < ARRAY[1,2,3]", "ARRAY[1,2] = '{1,2}'", "ARRAY[1,2] = ARRAY[1.0,2]", "ARRAY[NULL::int] = ARRAY[NULL::int]", "ARRAY[1,NULL] < ARRAY[1,5]",
              "array_to_string(ARRAY[1.50,NULL,2], ',')", "array_to_string(ARRAY[true,false], ',')", "array_to_string(ARRAY[timestamp '2020-01-01'], ',')", "pg_typeof(ARRAY[1,2.5])::text", "pg_typeof(ROW(1))::text", "pg_typeof(1.5::numeric(5,2))::text", "pg_typeof('x'::varchar(3))::text",
              "num_nulls(1,NULL,2)", "num_nonnulls(1,NULL,'x')", "CASE WHEN true THEN ARRAY[1] ELSE ARRAY[2.5] END", "coalesce(NULL, ARRAY[1])", "nullif(ARRAY[1], ARRAY[1])", "ARRAY[1,2] IN (ARRAY[1,2], ARRAY[3])", "ARRAY[1] IS DISTINCT FROM NULL", "trim_array(ARRAY[1,2,3], 2)", "trim_array(ARRAY[1,2,3], 4)"]:
        sql(f, e)
    for q in ["SELECT r::text FROM (SELECT ROW(1,'x') r) s", "SELECT (r IS NULL)::text FROM (VALUES (ROW(NULL::int,NULL::text)), (ROW(1,NULL)), (NULL)) s(r)",
              "SELECT a::text FROM (VALUES (ARRAY[3,1]), ('{}'), (NULL), (ARRAY[3]), (ARRAY[1,NULL]), (ARRAY[1,2])) v(a) ORDER BY a", "SELECT a::text FROM (VALUES (ARRAY[3,1]), ('{}'), (NULL), (ARRAY[3]), (ARRAY[1,NULL]), (ARRAY[1,2])) v(a) ORDER BY a DESC NULLS LAST",
              "SELECT a::text || count(*) FROM (VALUES (ARRAY['x','y']), ('{}'), ('{x,y}'), (NULL), (ARRAY['']), ('{}')) v(a) GROUP BY a HAVING a IS NOT NULL ORDER BY a", "SELECT DISTINCT a::text FROM (VALUES (ARRAY[1.5]), ('{1.5}'), (ARRAY[2.5])) v(a) ORDER BY 1",
              "SELECT r::text FROM (VALUES (ROW(2,'a'::text)), (ROW(1,'b'::text)), (ROW(1,NULL::text)), (ROW(NULL::int,'z'::text))) v(r) ORDER BY r", "SELECT a[i]::text FROM (VALUES (ARRAY[1,2,3],2), ('{7}',1), (NULL,1), ('{5}',9), ('{6}',NULL)) v(a,i)",
              "SELECT a[i:j]::text FROM (VALUES (ARRAY[1,2,3],2,3), ('{7}',1,1), (NULL,1,1), ('{5}',9,10), ('{6}',NULL,1), ('{1,2,3,4}',2,3)) v(a,i,j)", "SELECT (x = ANY (a))::text FROM (VALUES (1,ARRAY[1,2]), (3,'{1,2}'), (3,'{NULL}'), (NULL,'{1}'), (1,NULL), (NULL,'{}')) v(x,a)",
              "SELECT (x < ALL (a))::text FROM (VALUES (1,ARRAY[1,2]), (0,'{1,2}'), (3,'{NULL}'), (NULL,'{1}'), (1,NULL), (NULL,'{}'), (5,'{}')) v(x,a)", "SELECT ARRAY[x,y,x+y]::text FROM (VALUES (1,2),(NULL,3),(4,NULL)) v(x,y)", "SELECT (a || x)::text FROM (VALUES (ARRAY[1,2],3),(NULL,3),('{4}',NULL)) v(a,x)",
              "SELECT (CASE WHEN x > 1 THEN a ELSE b END)::text FROM (VALUES (1,ARRAY[1,2],ARRAY[9]),(2,NULL,'{3}'),(3,'{4}',NULL),(NULL,'{5}','{6}')) v(x,a,b)", "SELECT coalesce(a,b)::text FROM (VALUES (ARRAY[1,2],ARRAY[9]),(NULL,'{3}'),(NULL,NULL)) v(a,b)",
              "SELECT greatest(a,b)::text FROM (VALUES (ARRAY[1,2],ARRAY[9]),(NULL,'{3}'),('{5,1}','{5}')) v(a,b)", "SELECT x::text FROM (VALUES (1,2),(3,4),(5,NULL)) v(x,y) WHERE (x,y) IN ((1,2),(5,6))", "SELECT x::text FROM (VALUES (1,2),(3,4),(5,NULL)) v(x,y) WHERE (x,y) > (1,2)",
              "SELECT a::text FROM (VALUES (ARRAY[1,2]),('{3}')) v(a) WHERE a @> ARRAY[3]",
              "SELECT array_to_string(a, '-') FROM (VALUES (ARRAY[1,NULL,2]),('{}'),(NULL)) v(a)", "SELECT string_to_array(a, ',')::text FROM (VALUES ('a,b'),(''),(NULL),('x')) v(a)", "SELECT a::int[]::text FROM (VALUES ('{1,2}'),(NULL),('{NULL}')) v(a)",
              "SELECT a::int[]::text FROM (VALUES ('{1,2}'),('{x}')) v(a)", "SELECT a::text[]::text FROM (VALUES (ARRAY[1,2]),(NULL),('{NULL,5}')) v(a)", "SELECT a::smallint[]::text FROM (VALUES (ARRAY[1,2]),(ARRAY[70000])) v(a)"]:
        query(f, q)


def jsonb(sql, query):
    f = 'sql_jsonb'
    j = """('{"a":{"b":[1,"x",{"c":null}]},"k":"v"}'::jsonb)"""
    for i in ["['a']", "['a']['b']", "['a']['b'][1]", "['a']['b'][-1]['c']", "['a']['b']['1']", "['z']", "[0]", "['k']['x']", "['a']['b'][9]", "[NULL]", "['a'][1:2]", "[1.5]", "[true]", "['a']['b'][1::bigint]", "['a']['b'][2]['c'] IS NULL", "['k'] = '\"v\"'"]:
        sql(f, j + i)
    for e in ["""'{"a":1}'::jsonb -> 'a'""", """'{"a":{"b":2}}'::jsonb -> 'a' ->> 'b'""", """('{"a":1}'::jsonb ->> 'a')::int + 1""", """'[1,2]'::jsonb -> 0""", """'[1,2]'::jsonb -> '0'""", """'{"a":[1,2]}'::jsonb #> '{a,1}'""", """'{"a":[1,2]}'::jsonb #>> ARRAY['a','1']""",
              """'{"a":1}'::jsonb ? 'a'""", """'{"a":1}'::jsonb ?| ARRAY['x','a']""", """'{"a":1}'::jsonb ?& ARRAY['x','a']""", """'{"a":1,"b":2}'::jsonb @> '{"b":2}'""", """'{"b":2}' <@ '{"a":1,"b":2}'::jsonb""", """'{"a":1}'::jsonb || '{"b":2}'""", """'{"a":1}'::jsonb - 'a'""", """'[1,2,3]'::jsonb - 1""",
              """'{"a":1,"b":2}'::jsonb - ARRAY['a','b']""", """'{"a":{"b":1}}'::jsonb #- '{a,b}'""", "'[1]'::jsonb || '2'", "'1'::jsonb || '2'::jsonb", "jsonb '[1]' = jsonb '[1.0]'", "'{\"b\":1,\"a\":2}'::json::text", "json '[1, 2]' -> 1", "to_json(1)", "to_jsonb('x'::text)", "to_jsonb('x')", "to_jsonb(NULL::int)", "to_jsonb(ROW(1,'a'))",
              "to_jsonb(ARRAY[1,2])", "to_jsonb(ARRAY[ROW(1,2)])", "to_jsonb(1.10)", "jsonb_build_object('b',1,'a',ARRAY[1,2],'c',NULL)", "jsonb_build_object('a')", "jsonb_build_array(1,'x',NULL,true,1.5)", "jsonb_build_object(NULL,1)", "jsonb_build_object(1,2)", "jsonb_build_object(true,2)",
              "jsonb_extract_path('{\"a\":{\"b\":1}}', 'a', 'b')", "jsonb_typeof('1')", "jsonb_array_length('[1,2]')", "jsonb_set('{\"a\":1}', '{b}', '2')", "jsonb_set('{\"a\":1}', '{b}', '2', false)", "jsonb_insert('[1,2]', '{0}', '0')", "'{\"a\":1}'::jsonb::text", "'[1,2]'::jsonb::text::jsonb", "'5'::jsonb::int", "'\"5\"'::jsonb::int", "'null'::jsonb::int",
              "'t'::jsonb", "'{\"a\":'::jsonb", "(1)::jsonb", "jsonb_pretty('{\"a\":[1,{\"b\":2}]}')", "jsonb_strip_nulls('{\"a\":null,\"b\":1}')", "row_to_json(ROW(1,2))::jsonb", "array_to_json(ARRAY[1,2])::jsonb", "'{\"a\":1}'::jsonb -> NULL", "NULL::jsonb -> 'a'", "'{\"a\":\"x\"}'::jsonb ->> 'a' || 'y'",
              "'[1,2,3]'::jsonb @> ANY (ARRAY['[5]','[1]']::jsonb[])", "ARRAY['{\"b\":1, \"a\":2}','null']::jsonb[]", "'{\"[1]\",NULL}'::jsonb[]", "('{\"a\":\"1\"}'::jsonb -> 'a') = '\"1\"'", "greatest('1'::jsonb, '\"a\"', '[]')", "'{}'::jsonb = '{ }'", "CASE WHEN '{\"a\":1}'::jsonb ? 'a' THEN 'yes' ELSE 'no' END"]:
        sql(f, e)
    for q in ["SELECT j->>'a' FROM (VALUES ('{\"a\":1}'::jsonb),('{\"a\":\"longer than twelve bytes\"}'),('[]'),(NULL),('{\"a\":null}')) v(j)", "SELECT j::text FROM (VALUES ('1'::jsonb),('\"a\"'),('[]'),(NULL),('{}'),('null'),('true'),('[1]'),('2')) v(j) ORDER BY j",
              "SELECT j::text FROM (VALUES ('{\"a\":1}'::jsonb),('{\"a\":2}'),('{\"b\":0}'),('{\"a\":1,\"b\":1}')) v(j) ORDER BY j DESC", "SELECT count(*)::text FROM (VALUES ('1'::jsonb),('1'),('1'),('2')) v(j) GROUP BY j ORDER BY j", "SELECT DISTINCT j::text FROM (VALUES ('[1, 2]'::jsonb),('[1,2]'),('{}')) v(j) ORDER BY 1",
              "SELECT (j @> '{\"k\":1}')::text FROM (VALUES ('{\"k\":1,\"x\":2}'::jsonb),('{}'),(NULL)) v(j)", "SELECT jsonb_set(j, ARRAY['a'], to_jsonb(x))::text FROM (VALUES ('{\"b\":1}'::jsonb, 5),('{\"a\":1}', 6),('{}', NULL)) v(j,x)", "SELECT (j - 'a')::text FROM (VALUES ('{\"a\":1,\"b\":2}'::jsonb),('[\"a\"]')) v(j)",
              "SELECT (j->'a')::int::text FROM (VALUES ('{\"a\":1}'::jsonb),('{\"a\":\"x\"}')) v(j)", "SELECT to_jsonb(r)::text FROM (VALUES (ROW(1,'x'::text)),(ROW(2,NULL::text))) v(r)", "SELECT jsonb_build_object('x',x,'y',y)::text FROM (VALUES (1,'a'),(2,NULL)) v(x,y)", "SELECT x::text FROM (VALUES ('{\"a\":1}'::jsonb),('{\"a\":5}')) v(x) WHERE (x->>'a')::int > 2",
              "SELECT x::text FROM (VALUES ('{\"a\":1}'::jsonb),('{\"a\":1.0}')) v(x) WHERE x = '{\"a\":1.00}'", "SELECT t::jsonb::text FROM (VALUES ('{\"b\":1,\"a\":2}'),('[1,'),('x')) v(t)"]:
        query(f, q)
