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
