"""Cases of arrays and records; see cases.py."""


def arrays(add, cross, NULL):
    f = 'array'
    ints = ['{}', '{1}', '{1,2,3}', '{3,1,2}', '{1,NULL,3}', '{NULL}', '{2,2,1,2}', NULL]
    texts = ['{}', '{a}', '{a,b,c}', '{"a b",NULL,"",c}', '{"longer than twelve bytes","with \\"quotes\\" and \\\\"}', '{héllo,日本語}', NULL]
    bools = ['{t,f}', '{NULL,t}', '{}']
    nums = ['{1.5,2.25}', '{1.50}', '{}', '{NULL,0.001}', NULL]
    for t, values in [('integer[]', ints), ('text[]', texts), ('boolean[]', bools), ('numeric[]', nums), ('double precision[]', ['{0.1,NaN,-Infinity}', '{}']),
                      ('timestamp[]', ['{"2020-01-01 10:00:00",NULL}', '{infinity}']), ('date[]', ['{2020-01-01,"0044-03-15 BC"}']), ('interval[]', ['{1 day,02:00:00}']),
                      ('bytea[]', ['{"\\\\\\\\x00ff",NULL,"\\\\\\\\x"}', '{}'])]:
        cross(f, ['cast text', 'cardinality', 'array_ndims', 'array_dims'], (t, values))
        cross(f, ['array_length', 'array_upper', 'array_lower'], (t, values), ('integer', ['1', '2', '0', NULL]))
        cross(f, ['=', '<>', '<', '<=', '>', '>=', 'is distinct from', '||', 'array_cat'], (t, values), (t, values))
        cross(f, ['@>', '<@', '&&'], (t, values), (t, values))
    literals = ['{}', ' { } ', '{1,2}', '{ 1 , 2 }', '{1,2', '1,2}', '{1,,2}', '{1,2,}', '{,1}', '{"1","2"}', '{"1" , 2 }', '{"1"2}', '{1"2"}', '{\\1}', '{1}x', '{1} ', '{NULL}', '{null}', '{"NULL"}', '{Null,1}', '{a}', '{1 2}', '', 'x',
                '{1}{2}', '[1:2]={1,2}', '[1:3]={1,2}', '[2:1]={}', '{"', '{"a', '{\\', '{"\\', '{1,2}}', '{3000000000}']
    cross(f, ['cast integer[]'], ('?', literals))
    cross(f, ['cast integer[]', 'cast text[]'], ('text', literals))
    cross(f, ['cast text[]'], ('?', literals + ['{a b , c}', '{"a\\"b"}', '{"a\\\\b"}', '{a\\,b}', '{ "x" }', '{\\"x\\"}', '{"a,b",{}', '{n\\ull}']))
    for a, values in [('integer[]', ints), ('text[]', ['{1,2}', '{x}', '{NULL}', '{}', NULL]), ('numeric[]', nums), ('bigint[]', ['{9223372036854775807}', '{1}'])]:
        for b in ['integer[]', 'smallint[]', 'bigint[]', 'numeric[]', 'double precision[]', 'text[]', 'boolean[]']:
            if not (a == 'integer[]' and b == 'boolean[]' or b == 'boolean[]' and a != 'text[]'):
                cross(f, [f'cast {b}'], (a, values))
    cross(f, ['cast timestamp[]', 'cast text[]'], ('date[]', ['{2020-01-01,NULL}', NULL]))
    cross(f, ['array_append'], ('integer[]', ints), ('integer', ['5', NULL]))
    cross(f, ['array_append', '||'], ('integer[]', ['{1,2}', NULL]), ('bigint', ['5', NULL]))
    cross(f, ['array_append', '||'], ('integer[]', ['{1,2}', NULL]), ('numeric', ['5.5', NULL]))
    cross(f, ['array_append', '||'], ('text[]', ['{a}', NULL]), ('?', ['b', NULL]))
    cross(f, ['array_append', '||'], ('integer[]', ['{1}']), ('?', ['b', '2', '{2}', NULL]))
    cross(f, ['||'], ('integer[]', ints), ('integer', ['5', NULL]))
    cross(f, ['array_prepend', '||'], ('integer', ['5', NULL]), ('integer[]', ints))
    cross(f, ['array_prepend', '||'], ('text', ['5', NULL]), ('text[]', texts))
    cross(f, ['array_cat', '||'], ('integer[]', ['{1}', NULL]), ('bigint[]', ['{5}', NULL]))
    cross(f, ['array_remove', 'array_position', 'array_positions'], ('integer[]', ints), ('integer', ['2', '9', NULL]))
    cross(f, ['array_remove', 'array_position', 'array_positions'], ('text[]', texts), ('text', ['a', '', 'longer than twelve bytes', NULL]))
    cross(f, ['array_remove', 'array_position'], ('numeric[]', nums), ('numeric', ['1.5', '1.500']))
    cross(f, ['array_position'], ('integer[]', ints), ('integer', ['2', NULL]), ('integer', ['1', '2', '4', '-1', '100', NULL]))
    cross(f, ['array_replace'], ('integer[]', ints), ('integer', ['2', NULL]), ('integer', ['7', NULL]))
    cross(f, ['array_replace'], ('text[]', texts), ('text', ['a', NULL]), ('text', ['a much longer replacement', NULL]))
    cross(f, ['trim_array'], ('integer[]', ints), ('integer', ['0', '1', '2', '5', '-1', NULL]))
    cross(f, ['array_to_string'], ('integer[]', ints), ('text', [',', '', ' and ', NULL]))
    cross(f, ['array_to_string'], ('text[]', texts), ('text', [',', NULL]), ('text', ['*', '', NULL]))
    cross(f, ['array_to_string'], ('boolean[]', bools), ('text', [',']))
    cross(f, ['array_to_string'], ('numeric[]', nums), ('text', ['; ']))
    cross(f, ['string_to_array'], ('text', ['a,b,c', 'abc', '', 'a--b--c', ',', 'x,,y', '日本語', NULL]), ('text', [',', '--', '', NULL]))
    cross(f, ['string_to_array'], ('text', ['a,b,c', 'x,,y', '', NULL]), ('text', [',', NULL]), ('text', ['b', '', NULL]))
    cross(f, ['array_fill'], ('integer', ['7', NULL]), ('integer[]', ['{3}', '{0}', '{}', '{NULL}', NULL]))
    cross(f, ['array_fill'], ('text', ['x']), ('integer[]', ['{2}']), ('integer[]', ['{1}', NULL]))
    cross(f, ['width_bucket'], ('integer', ['-5', '0', '1', '10', '15', NULL]), ('integer[]', ['{0,10}', '{}', '{1,5,10}', '{1,NULL}', NULL]))
    cross(f, ['width_bucket'], ('numeric', ['5.5']), ('numeric[]', ['{1,5.5,10}']))
    cross(f, ['greatest', 'least', 'coalesce', 'nullif'], ('integer[]', ['{1,2}', '{1}', NULL]), ('integer[]', ['{1,2}', '{2}', NULL]))
    cross(f, ['CASE'], ('boolean', ['t', 'f', NULL]), ('integer[]', ['{1}', NULL]), ('boolean', ['t', 'f']), ('integer[]', ['{2,3}']), ('integer[]', ['{}', NULL]))
    cross(f, ['IN', 'NOT IN'], ('integer[]', ['{1,2}', '{3}', NULL]), ('integer[]', ['{1,2}']), ('integer[]', ['{4}', NULL]))
    cross(f, ['num_nulls', 'num_nonnulls'], ('integer', ['1', NULL]), ('text', ['x', NULL]), ('integer[]', ['{}', NULL]))
    for a in [('integer[]', '{1}'), ('text[]', '{a}'), ('integer', '1'), ('?', '{1}'), ('numeric[]', '{1.5}')]:
        for b in [('integer[]', '{1}'), ('text[]', '{a}'), ('text', 'x'), ('?', '{1}')]:
            for op in ['=', '<', '||', '@>', '&&', '+', 'is distinct from']:
                add(f, op, a, b)
    for name in ['cardinality', 'array_length', 'array_append', 'array_to_string', 'lower']:
        add(f, name, ('integer[]', '{1}'))
        add(f, name, ('?', '{1}'))
        add(f, name, ('integer', '1'), ('integer', '1'))


def jsonb(add, cross, NULL):
    f = 'jsonb'
    scalars = ['null', 'true', '1', '1.50', '-2', '"a"', '"x y"', '""']
    containers = ['[]', '{}', '[1,2,3]', '[1,"a",null,true,[5,6],{"k":1}]', '{"a":1,"b":"x","cc":null}', '{"a":{"b":{"c":[10,20,{"d":"deep"}]}}}', '{"b":1,"aa":2,"a":3,"":4}', '[{"a":1},{"a":2}]', '{"a":"quote\\"back\\\\slash\\nnew\\u00e9"}', '{"日本":"語","é":1.0}']
    js = scalars + containers
    texts = js + ['', ' ', '{', '}', '[1,2', '{"a":}', '{a:1}', "{'a':1}", '[1,]', '{"a":1,}', 'nul', 'True', '1e3', '1.5e-2', '-0', '-0.0', '01', '1.', '.5', '+1', '1e400', '"\\ud83d\\ude00"', '"\\u0000"', '"\\ud800"', '"tab\there"', '"\\x"', '{"a":1,"a":2}', '{"b":1,"a":1,"b":3}', ' { "a" : [ 1 , 2 ] } ', '[1] x', '"unterminated', 'NaN', '{"a":1 "b":2}', '[1 2]', '{"bb":1,"a":2,"ab":3,"c":4}',
                  '12345678901234567890123456789012345678901234567890.123', '0.00000000000000000000000000000000000000000000001', '[[[[[[]]]]]]', '"\\b\\f\\n\\r\\t\\/\\\\\\""', '"\\u0041\\u00e9"', '1e2', '[1.0,1.00,1]', NULL]
    cross(f, ['cast jsonb'], ('?', texts))
    cross(f, ['cast jsonb'], ('text', texts))
    cross(f, ['cast text', 'jsonb_typeof', 'jsonb_array_length', 'jsonb_strip_nulls', 'jsonb_pretty', 'to_jsonb'], ('jsonb', js + [NULL, '{"a":null,"b":[null,{"c":null}]}', '[null]']))
    cross(f, [f'cast {t}' for t in ['boolean', 'smallint', 'integer', 'bigint', 'real', 'double precision', 'numeric', 'numeric(5,1)']], ('jsonb', js + ['2.5', '-2.5', '40000', '3000000000', '1e20', '1e30', '0.1', NULL]))
    cross(f, ['->', '->>'], ('jsonb', js + [NULL]), ('text', ['a', 'b', 'k', '', '0', 'zz', 'cc', NULL]))
    cross(f, ['->', '->>'], ('jsonb', js), ('integer', ['0', '1', '2', '5', '-1', '-6', '-7', NULL]))
    cross(f, ['->', '->>'], ('jsonb', ['{"a":1}', '[1]']), ('?', ['a', '0']))
    cross(f, ['->', '->>'], ('jsonb', ['{"日本":"語","é":1.0}', '{"a":"quote\\"back\\\\slash\\nnew\\u00e9"}', '{"x\\ny":5}']), ('text', ['日本', 'é', 'a', 'x\ny']))
    cross(f, ['#>', '#>>'], ('jsonb', js + [NULL]), ('text[]', ['{}', '{a}', '{a,b,c}', '{a,b,c,0}', '{a,b,c,2,d}', '{a,b,c,-1,d}', '{4,1}', '{5,k}', '{0}', '{x}', '{NULL}', '{1x}', NULL]))
    cross(f, ['?'], ('jsonb', js + [NULL]), ('text', ['a', 'x y', '', 'cc', '1', NULL]))
    cross(f, ['?|', '?&'], ('jsonb', js), ('text[]', ['{}', '{a}', '{a,b}', '{zz,a}', '{NULL,a}', '{NULL}', NULL]))
    cross(f, ['=', '<>', '<', '>', '<=', '>=', '||'], ('jsonb', js), ('jsonb', js))
    cross(f, ['=', '<'], ('jsonb', ['1', '1.0', '[1.00]', '[1]', '"1"', '{"a":1.0}', '{"a":1}', '[]', '[[]]', '[null]', '{}', NULL]), ('jsonb', ['1.00', '[1.0]', '{"a":1.00}', '[]', 'null', '[[]]', '""']))
    contains = ['[1,2,3]', '[1,[2,3]]', '{"a":1,"b":{"c":[1,2,{"d":1}]}}', '"a"', '1', '[]', '{}', '["a","b"]', '[{"a":1,"b":2}]', '{"a":[1,2]}', 'null', '[null]']
    parts = ['[1]', '1', '[2,3]', '[[2]]', '[[3,2]]', '{"b":{}}', '{"b":{"c":[2]}}', '{"b":{"c":[{"d":1}]}}', '"a"', '["a"]', '[]', '{}', '[{"a":1}]', '{"a":1}', '{"a":[2]}', '{"a":2}', 'null', '[1,1]', '1.0', '[[]]', '{"a":[1,2,3]}']
    cross(f, ['@>', '<@'], ('jsonb', contains), ('jsonb', parts))
    cross(f, ['@>'], ('jsonb', parts), ('jsonb', contains + [NULL]))
    cross(f, ['-'], ('jsonb', js + ['["a","b","a"]']), ('text', ['a', 'x y', '', NULL]))
    cross(f, ['-'], ('jsonb', js), ('integer', ['0', '-1', '2', '100', '-100', NULL]))
    cross(f, ['-'], ('jsonb', js + ['["a","b","a",1]']), ('text[]', ['{a,b}', '{}', '{NULL,a}', NULL]))
    cross(f, ['-'], ('jsonb', ['{"a":1}', '[1]']), ('?', ['a', '0', '{a}']))
    paths = ['{}', '{a}', '{a,b}', '{a,b,c,1}', '{a,b,c,-1}', '{a,b,c,9}', '{a,b,c,-9}', '{0}', '{1}', '{-1}', '{99}', '{-99}', '{4,0}', '{5,new}', '{x,y}', '{NULL}', '{a,NULL}', '{new}', '{0,a}', '{a,b,c,x}']
    cross(f, ['#-'], ('jsonb', js), ('text[]', paths + [NULL]))
    cross(f, ['jsonb_set', 'jsonb_insert'], ('jsonb', js), ('text[]', paths), ('jsonb', ['9', '{"n":[1]}']))
    cross(f, ['jsonb_set', 'jsonb_insert'], ('jsonb', js), ('text[]', paths), ('jsonb', ['"v"']), ('boolean', ['t', 'f']))
    cross(f, ['jsonb_set', 'jsonb_insert'], ('jsonb', ['[]', NULL]), ('text[]', ['{0}', NULL]), ('jsonb', ['1', NULL]))
    cross(f, ['jsonb_set_lax'], ('jsonb', ['{"a":1,"b":[1]}', '5', NULL]), ('text[]', ['{a}', '{b,0}', '{new}', NULL]), ('jsonb', ['7', NULL]), ('boolean', ['t', 'f', NULL]))
    cross(f, ['jsonb_set_lax'], ('jsonb', ['{"a":1,"b":[1]}']), ('text[]', ['{a}', '{new}']), ('jsonb', ['7', NULL]), ('boolean', ['t']), ('text', ['use_json_null', 'raise_exception', 'delete_key', 'return_target', 'nope', '', NULL]))
    cross(f, ['jsonb_extract_path', 'jsonb_extract_path_text'], ('jsonb', ['{"a":{"b":[1,"x"]}}', NULL]), ('text', ['a']), ('text', ['b', 'z']), ('text', ['1', '-1', 'k']))
    cross(f, ['jsonb_extract_path', 'jsonb_extract_path_text'], ('jsonb', ['{"a":{"b":[1,"x"]}}']), ('text', ['a', NULL]))
    cross(f, ['coalesce', 'nullif'], ('jsonb', ['1', '{"a":1.0}', NULL]), ('jsonb', ['1.0', '{"a":1}', NULL]))
    cross(f, ['IN', 'NOT IN'], ('jsonb', ['1', '{"a":1}', NULL]), ('jsonb', ['1.0', '{"a":1.0}']), ('jsonb', ['2', NULL]))
    for t, values in [('boolean', ['t', 'f']), ('integer', ['5', '-5', NULL]), ('bigint', ['9223372036854775807']), ('numeric', ['1.50', '-0.001', '12345678901234567890']), ('double precision', ['0.1', '1e20', '1e-7', '-0', 'NaN', 'Infinity', '-Infinity', '123456789.125']), ('real', ['0.1', '1e10']),
                      ('text', ['a', 'quote"d', 'tab\tnl\n', '', '日本', NULL]), ('date', ['2020-01-01', '0044-03-15 BC', 'infinity']), ('timestamp', ['2020-01-01 10:00:00', '2020-01-01 10:00:00.123', '0044-03-15 01:02:03 BC', 'infinity', '-infinity']), ('timestamptz', ['2020-01-01 10:00:00+00', 'infinity']),
                      ('time', ['10:00:00']), ('interval', ['1 day 02:00:00']), ('bytea', ['\\x00ff', '']), ('integer[]', ['{1,NULL,3}', '{}']), ('text[]', ['{a,"b c",NULL}']), ('jsonb', ['{"a":1}'])]:
        cross(f, ['to_jsonb', 'jsonb_build_array'], (t, values))
        cross(f, ['jsonb_build_object'], ('text', ['k']), (t, values))
        cross(f, ['jsonb_build_object'], (t, values), ('integer', ['1']))
    add(f, 'jsonb_build_array')
    add(f, 'jsonb_build_object')
    cross(f, ['jsonb_build_array'], ('integer', ['1', NULL]), ('text', ['x', NULL]), ('jsonb', ['{"b":1,"a":2}', NULL]))
    cross(f, ['jsonb_build_object'], ('text', ['b', NULL]), ('integer', ['1', NULL]), ('text', ['a', 'b']), ('text', ['x', NULL]))
    cross(f, ['jsonb_build_object'], ('text', ['b']), ('integer', ['1']), ('text', ['a']))
    cross(f, ['jsonb_build_object'], ('jsonb', ['"x"', '5', '[1]', '{}']), ('integer', ['1']))
    cross(f, ['jsonb_object'], ('text[]', ['{}', '{a,1,b,2}', '{b,1,a,NULL}', '{a}', '{NULL,1}', '{a,1,a,2}', NULL]))
    cross(f, ['jsonb_object'], ('text[]', ['{}', '{a,b}', '{a,NULL}', '{a}', NULL]), ('text[]', ['{}', '{1,2}', '{1,NULL}', NULL]))
    for a in [('jsonb', '{"a":1}'), ('text', 'a'), ('integer', '1'), ('?', '[1]'), ('integer[]', '{1}'), ('text[]', '{a}')]:
        for b in [('jsonb', '{"a":1}'), ('text', 'a'), ('integer', '1'), ('?', '[1]'), ('integer[]', '{1}')]:
            for op in ['->', '->>', '@>', '?', '||', '-', '=', '#>', '#-', '<']:
                add(f, op, a, b)


def jsonpath(add, cross, NULL):
    f = 'jsonpath'
    docs = ['{"a":1,"b":{"c":[1,2,{"d":"x"}]},"arr":[3,1,2],"s":"Hello","n":null,"t":true}', '[1,"a",null,[2,3],{"k":5}]', '5', '"str"', '{}', '[]', '{"a":[{"b":1},{"b":2},{"c":3}]}', '{"x":[1.5,-2.25,"3.5","y"],"a b":7,"é":8}']
    paths = ['$', '$.a', '$.b.c', '$.b.c[0]', '$.b.c[*]', '$.b.c[last]', '$.b.c[last-1]', '$.b.c[0 to 1]', '$.b.c[0,2]', '$.b.c[9]', '$.b.c[-1]', '$.arr[*] ? (@ > 1)', '$.arr[*] ? (@ >= 1 && @ < 3)', '$.arr ? (@ > 2)', '$.*', '$.**', '$.**{1}', '$.**{0 to 1}', '$.**{last}', '$.**.d', '$[*]', '$[0]', '$[1 to last]', '$[*] ? (@.type() == "number")',
             '$.a.type()', '$.*.type()', '$.arr.size()', '$.size()', '$.a.size()', '$[*].size()', '$.a + 1', '$.a - 0.5', '$.a * 2.50', '$.a / 3', '7 % 3', '-$.a', '+$.arr[*]', '-$.arr', '$.arr[0] + $.arr[1]', '$.s + 1', '1 / 0', '$.arr[*] + 1', '(1 + 2) * 3', '1 + 2 * 3', '-1.5', '2 - -3', '$.x[*].floor()', '$.x[0].ceiling()', '$.x[1].abs()', '$.x[1].ceiling()', '$.x[2].double()', '$.x[3].double()', '$.x.double()',
             '$.x[0 to 1].abs()', '$.s starts with "He"', '$.s like_regex "^h"', '$.s like_regex "^h" flag "i"', '$.* ? (@ like_regex "l+")', '$.s like_regex "[" ', '$.s like_regex "H.llo" flag "q"', '$.s like_regex "a" flag "x"', '$.s like_regex "a" flag "z"', '$.a == 1', '$.a != 1', '$.a <> 2', '$.n == null', '$.a == null', '$.a != null', '$.t == true', '$.s == "Hello"', '$.a == "1"', '$.s > "A"', '$.b == $.b', '$.a < 2 || $.zz > 1', '!($.a == 1)', '($.zz > 1) is unknown', '($.a == "x") is unknown',
             'exists($.a)', 'exists($.zz)', '$ ? (exists(@.b.c))', '$.a ? (@ == 1).type()', '$.zz', '$.a.zz', '$.a[0]', '$.a[1]', 'strict $.zz', 'strict $.a.zz', 'strict $.a[0]', 'strict $.arr.b', 'strict $.b.c[9]', 'strict $.arr[*]', 'strict $.arr ? (@ > 1)', 'strict $.**', 'strict $.**.d', 'lax $.a', 'strict $.*', 'strict $[*]', 'strict $.a.size()', '$.a.b', '$.a[*].b', '$.a[*] ? (@.b == 2)', '$.a[*] ? (exists(@.c))', '$.a[*].b ? (@ > 1)',
             '$."a b"', '$.é', '$."\\u00e9"', '$.a ? (@.b > 1)', '$.keyvalue()', '$.keyvalue().key', '$.keyvalue().value', '$.arr.keyvalue()', '$v', '$.arr[*] ? (@ > $v)', '$"v"', '$.arr[$v]', 'null', 'true', '"lit"', '1.50', '1e2', '.5', '$.arr[1.7]', '$.arr["a"]', '$.arr[$.zz]', '$.b.c[*] ? (@.type() == "object").d', '$.b.c[2].d.type()', '$.arr[*] ? (@ == 1 || @ == 3)', '$ ? (@.a == 1 && @.t == true).s', '$.arr[*] ? (@ > 1) ? (@ < 3)', '$.x[*] ? (@.double() > 1)', 'last', '@', '$.arr[last ? (@ > 1)]', '$[last]', '$[last + 1]', '$[-1]',
             '$.a.type().type()', '$.s.double()', '$.n.double()', '$.n.abs()', '$.t.floor()', '$.arr.floor()', '$.arr.type()', '$.**{2 to last}', '$.**{3}.type()', '((($.a)))', '($.a > 0) && ($.t == true)', '($.arr[*] > 2) is unknown', '$.s starts with $v', '"abc" starts with "a"', '$.a == 1.0', '1 == 1.00', '"a" < "b"', '$.arr[0 to last]', '$.arr[2 to 0]', '$.arr[*] ? (@ % 2 == 1)']
    bad = ['', ' ', '$.', '$a', '$.a.', '$[', '$[]', '$[1', '$.a ? (', '$.a ? @ > 1', '$.a ? (1)', '$ +', '1 +', '$.a = 1', '$..a', '$.a b', '@.a', '$ ? (last > 1)', '$.a && $.b', '!$.a', '$.foo()', '$.a.size(', 'exists $.a', '"unterminated', '$."x', '$.a ? (@ like_regex 1)', '$.a[1 to]', '$.**{', '1a', '$.a[*', '$.1', '($.a', '$.a)', '#', '$.a starts "x"', '$.a || 1', '"\\u00"', '1 == 2 == 3']
    cross(f, ['jsonb_path_query_array', 'jsonb_path_exists', '@?', '@@', 'jsonb_path_query_first'], ('jsonb', docs), ('jsonpath', paths))
    cross(f, ['jsonb_path_match'], ('jsonb', docs[:3]), ('jsonpath', paths))
    cross(f, ['jsonb_path_query_array', '@?'], ('jsonb', ['{"a":1}']), ('jsonpath', bad))
    cross(f, ['jsonb_path_query_array', 'jsonb_path_exists', 'jsonb_path_match', 'jsonb_path_query_first'], ('jsonb', docs[:2]), ('jsonpath', [p for p in paths if '$v' in p or '"v"' in p or 'strict' in p or 'double' in p or '/ 0' in p]), ('jsonb', ['{"v":1}', '{"v":"He"}', '[1]']), ('boolean', ['t', 'f']))
    cross(f, ['jsonb_path_query_array', 'jsonb_path_exists'], ('jsonb', docs[:1]), ('jsonpath', ['$v', '$.arr[*] ? (@ > $v)', 'strict $.zz']), ('jsonb', ['{"v":1}', '{}', '5', NULL]))
    cross(f, ['jsonb_path_query_array', '@?', '@@'], ('jsonb', [NULL, '1']), ('jsonpath', ['$', NULL]))


def jsonpath_times(add, cross, NULL):
    """.datetime() with and without templates, comparisons within and across types."""
    f = 'jsonpath_times'
    texts = ['2024-02-29', '2024-2-9', '2024-02-30', '10:20:30', '10:20:30.5', '10:20:30+02', '10:20:30.123456-05:30', '2024-02-29 10:20:30', '2024-02-29T10:20:30.25', '2024-02-29 10:20:30+09', '2024-02-29T10:20:30 -08:00', '2024-02-29 10:20', 'x', '', '25:00:00', '0001-01-01']
    values = ('jsonb', ['"' + t + '"' for t in texts] + ['1', 'null', '["2024-02-29", "10:20:30"]', '{}'])
    for name in ['jsonb_path_query_array', 'jsonb_path_query_array_tz']:
        cross(f, [name], values, ('jsonpath', ['$.datetime()', '$.datetime().type()', 'strict $.datetime()', '$ ? (@.datetime() == "2024-02-29".datetime())', '$ ? (@.datetime() < "2024-02-29 12:00:00".datetime())', '$ ? (@.datetime() >= "2024-02-29 10:00:00+02".datetime())',
                                              '$ ? (@.datetime() > "10:00:00".datetime())', '$ ? (@.datetime() <= "10:20:30+02".datetime())', '$[*] ? (@.datetime() != 1)', '$.datetime().size()']))
    cross(f, ['jsonb_path_query_array'], ('jsonb', ['"29.02.2024"', '"2024-02-29 10:20"', '"10:20 PM"', '"2024-02-29 10:20:30 +02:30"', '"20240229"', '"2024-02-29x"', '"2024"', '"ab"', '"29 Feb 2024"']),
          ('jsonpath', [f'$.datetime("{t}")' for t in ['DD.MM.YYYY', 'YYYY-MM-DD HH24:MI', 'HH:MI PM', 'YYYY-MM-DD HH24:MI:SS TZH:TZM', 'YYYYMMDD', 'YYYY-MM-DD', 'DD Mon YYYY']]))
    cross(f, ['jsonb_path_exists_tz', 'jsonb_path_match_tz', 'jsonb_path_query_first_tz'], ('jsonb', ['["2024-02-29", "2024-03-01 00:00:00+00"]', NULL]), ('jsonpath', ['$[*].datetime() > "2024-02-28".datetime()', '$[*] ? (@.datetime() > "2024-02-29".datetime())', NULL]))
