-- Calls of functions: VARIADIC arrays, operators by the names of their functions.
SELECT concat(VARIADIC '{1,2,3}'::int[]), concat_ws(',', VARIADIC NULL::int[]), format('%s-%s', VARIADIC ARRAY[1, 2]), format('Hello', VARIADIC NULL::int[]), num_nulls(VARIADIC '{1,NULL,2}'::int[]), num_nonnulls(VARIADIC '{}'::int[]);
SELECT jsonb_build_array(VARIADIC '{{1,2},{3,4}}'::int[][]), json_build_array(VARIADIC NULL::text[]), jsonb_build_object(VARIADIC '{a,b,c,d}'::text[]);
SELECT x, concat_ws('-', VARIADIC a), concat(VARIADIC a), num_nulls(VARIADIC a), json_build_array(VARIADIC a), format('>%s<', VARIADIC a || 'z'::text)
FROM (VALUES (1, ARRAY['a', 'b']), (2, NULL), (3, ARRAY['c', 'd', 'e', 'f']), (4, '{}'), (5, ARRAY['x', NULL])) v (x, a) ORDER BY x;
SELECT a, concat_ws(c, VARIADIC ARRAY[a, b, a + b]), jsonb_extract_path(jsonb_build_object(c, a), VARIADIC ARRAY[c]) FROM t1;
SELECT concat_ws('-', VARIADIC ARRAY[c, 'x']), count(*) FROM t1 GROUP BY concat_ws('-', VARIADIC ARRAY[c, 'x']);
SELECT concat_ws(',', VARIADIC 10);
SELECT concat_ws(',', 'k', VARIADIC '{a}'::text[]);
SELECT jsonb_build_object(VARIADIC '{a,b,c}'::text[]);
SELECT x, jsonb_build_object(VARIADIC a) FROM (VALUES (1, ARRAY['a', 'b']), (2, ARRAY['a', 'b', 'c'])) v (x, a);
SELECT jsonb_contains('{"a":"b", "b":1}', '{"a":"b"}'), jsonb_contained('{"a":"b"}', '{"a":1}'), jsonb_exists('{"a":null}', 'a'), jsonb_exists_any('{"a":1}', ARRAY['c', 'a']);
SELECT int4mul(2, 3), int48pl(1, 2), booleq(true, false), float8div(1, 4), numeric_add(1.5, 2), texteq('a', 'a'), int4um(5), date_mi('2020-01-02', '2020-01-01');
SELECT jsonb_delete('{"a":1 , "b":2}'::jsonb, 'a'), jsonb_delete_path('{"a": {"b": 1}}', '{a,b}'), jsonb_concat('[1]', '[2]'), array_eq(ARRAY[1], ARRAY[1]), textcat('a', 'b');
SELECT 'a' ~<~ 'b', 'B' ~>=~ 'a';
SELECT int4mul('a', 3);
SELECT int4mul(1.5, 3);
SELECT concat(VARIADIC '{}'::int[]) = '', concat_ws(',', VARIADIC '{}'::text[]) = '', concat_ws(NULL, VARIADIC '{}'::text[]), num_nulls(VARIADIC '{}'::int[]), format('x', VARIADIC '{}'::int[]);
SELECT jsonb_extract_path('{"a": 1}', VARIADIC '{}'::text[]), json_extract_path_text('"x"', VARIADIC '{}'::text[]), jsonb_build_array(VARIADIC '{}'::int[]);
SELECT pg_typeof('x'), pg_typeof(NULL), pg_typeof('x'::text), pg_typeof(1);
