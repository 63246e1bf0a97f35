"""Cases of functions by family beside those of cases.py: regular expressions, mathematics, bytes, texts."""


def regex(add, cross, NULL):
    f = 'regex_parts'
    texts = ['', 'a', 'abc', 'abcabc', 'foobarbequebaz', 'hello  world', '日本語テキスト', 'a1b22c333', 'aaa', 'x,y,,z', 'first\nsecond', 'ABC', NULL]
    patterns = ['', 'a', 'b', '(b)(c)', '(b)|(x)', 'ba.', '(bar)(beque)', '\\s*', '\\s+', ',', '[0-9]+', '([a-z])([0-9]+)', '^', '$', '^a', 'z$', '本.', 'q', 'a*', '(?:b)c', '(', '.', NULL]
    cross(f, ['regexp_match', 'regexp_split_to_array', 'regexp_substr', 'regexp_instr', 'regexp_count', 'regexp_like'], ('text', texts), ('text', patterns))
    cross(f, ['regexp_match', 'regexp_split_to_array', 'regexp_like'], ('text', ['ABCabc', 'a\nb', NULL]), ('text', ['b', 'B(c)', '^b', 'x  y', '']), ('text', ['', 'i', 'g', 'n', 'x', 'ig', 'q', NULL]))
    cross(f, ['regexp_count', 'regexp_substr', 'regexp_instr'], ('text', ['abcabc', '日本日本', '']), ('text', ['b', '本', 'a|', '']), ('integer', ['1', '2', '3', '6', '7', '8', '0', '-1', NULL]))
    cross(f, ['regexp_substr', 'regexp_instr'], ('text', ['abcabcabc', '日本日本']), ('text', ['b(c)', '(日)(本)']), ('integer', ['1', '3']), ('integer', ['1', '2', '4', '0', NULL]))
    cross(f, ['regexp_instr'], ('text', ['abcabcabc']), ('text', ['b(c)', 'B']), ('integer', ['1', '3']), ('integer', ['1', '2']), ('integer', ['0', '1', '2', '-1', NULL]))
    cross(f, ['regexp_instr'], ('text', ['abcABCabc']), ('text', ['(B)(c)?', 'B']), ('integer', ['1']), ('integer', ['1', '2']), ('integer', ['0', '1']), ('text', ['i', 'c', 'g', 'z', '', NULL]))
    cross(f, ['regexp_instr'], ('text', ['abcABCabd']), ('text', ['(B)(c)?']), ('integer', ['1']), ('integer', ['1', '3']), ('integer', ['0', '1']), ('text', ['i']), ('integer', ['0', '1', '2', '3', '-1', NULL]))
    cross(f, ['regexp_substr'], ('text', ['abcABCabd']), ('text', ['(B)(c)?', 'b']), ('integer', ['1']), ('integer', ['1', '3']), ('text', ['i', 'g', 'z', '', NULL]))
    cross(f, ['regexp_substr'], ('text', ['abcABCabd']), ('text', ['(B)(c)?']), ('integer', ['1', '2']), ('integer', ['1', '3']), ('text', ['i']), ('integer', ['0', '1', '2', '3', '-1', NULL]))
    cross(f, ['regexp_count'], ('text', ['abcABC']), ('text', ['B']), ('integer', ['1']), ('text', ['i', 'g', 'z', '', NULL]))
    cross(f, ['regexp_replace'], ('text', ['abcABC', '日本日本', NULL]), ('text', ['b', '本', '(b)(c)']), ('text', ['<\\1>', 'x', NULL]), ('integer', ['1', '2', '0', NULL]), ('integer', ['0', '1', '2', '-1']), ('text', ['', 'i', 'g', '1', NULL]))
    cross(f, ['regexp_replace'], ('text', ['abcABC']), ('text', ['b']), ('text', ['x']), ('text', ['1', 'i', 'gi', 'q', NULL]))
    cross(f, ['substring'], ('text', ['foobar', 'abcdefg', '', NULL]), ('text', ['%#"o_b#"%', '#"o_b#"%', 'a#"%#"g', 'a#"b%#"g', '%#"(b|c)%#"g', 'abcdefg', 'a%', 'x%', '#"a%', 'a#"b#"c#"d', '', NULL]), ('text', ['#', '', 'ab', NULL]))
    cross(f, ['similar to'], ('text', ['abc', 'a%c', 'a.c', 'xyz', 'a(b', '', NULL]), ('text', ['a#%c', 'a.c', '(a|x)%', '[ax]%', 'a##c', '_{3}', '%b#(%', 'a#(b', '[[:alpha:]]+', '']), ('text', ['#', '', NULL]))


def mathematics(add, cross, NULL):
    f = 'mathematics'
    angles = ['0', '15', '30', '45', '60', '75', '89.999', '90', '120', '135', '150', '180', '210', '225', '240', '270', '300', '330', '360', '405', '1e10', '1', '-1', '-30', '-45', '-90', '-135', '-180', '-270', '-720', 'NaN', 'Infinity', '-Infinity', NULL]
    cross(f, ['sind', 'cosd', 'tand', 'cotd', 'atand', 'sin', 'cos', 'radians'], ('double precision', angles))
    parts = ['0', '0.1', '0.25', '0.5', '0.5000001', '0.7071067811865476', '0.75', '0.9', '1', '-0.1', '-0.5', '-0.75', '-1', '1.0000001', '-2', 'NaN', 'Infinity', NULL]
    cross(f, ['asind', 'acosd', 'atand', 'asin', 'acos', 'atan'], ('double precision', parts))
    cross(f, ['atan2d', 'atan2'], ('double precision', ['0', '1', '-1', '2.5', 'NaN', 'Infinity', '-0']), ('double precision', ['0', '1', '-1', '-0', '0.5', 'Infinity', NULL]))
    numbers = ['0', '1', '1.5', '-2.25', '12', '-18', '0.000', '99999999999999999999', '100', NULL]
    cross(f, ['gcd', 'lcm', 'div', 'mod'], ('numeric', numbers), ('numeric', numbers))
    cross(f, ['gcd', 'lcm'], ('numeric(10,2)', ['1.50', '12', '0']), ('numeric', ['2.25', '0', '1e20']))
    cross(f, ['gcd', 'lcm', 'mod'], ('integer', ['0', '12', '-18', '2147483647', '-2147483648', NULL]), ('integer', ['0', '8', '-27', '-2147483648']))
    cross(f, ['gcd', 'lcm'], ('bigint', ['0', '12', '-9223372036854775808', '9223372036854775807']), ('bigint', ['0', '18', '-9223372036854775808', '2']))
    cross(f, ['gcd', 'lcm'], ('integer', ['12']), ('numeric', ['1.5']))
    cross(f, ['factorial'], ('bigint', ['0', '1', '2', '5', '20', '21', '30', '33', '-1', '-9223372036854775808', NULL]))
    cross(f, ['factorial'], ('integer', ['10']))
    values = ['-1', '0', '0.024', '5.35', '9.99', '10', '10.06', '11', '3.3333333333', NULL]
    for t in ('numeric', 'double precision'):
        cross(f, ['width_bucket'], (t, values), (t, ['0.024', '10']), (t, ['10.06', '0', '10']), ('integer', ['5', '3', '1', '0', '-1', '2147483647', NULL]))
    cross(f, ['width_bucket'], ('integer', ['3']), ('integer', ['0']), ('integer', ['9']), ('integer', ['3']))
    cross(f, ['trim_scale', 'scale', 'min_scale', 'sign', 'abs', 'ceil', 'floor', 'round', 'trunc'], ('numeric', ['0', '0.00', '1.50', '-1.50', '120', '1e-10', '-0.5', '0.5', '2.5', '99999999999999999999.99', NULL]))
    cross(f, ['round', 'trunc'], ('numeric', ['1234.5678', '-1234.5678', '0.5', '-0.5', '0.05', '999.999', '5', NULL]), ('integer', ['-5', '-3', '-1', '0', '1', '2', '3', '10', NULL]))
    cross(f, ['cast numeric', 'cast numeric(38,10)', 'cast numeric(5,2)', 'cast text', 'cast integer', 'cast bigint', 'cast smallint', 'cast double precision', 'cast real'],
          ('numeric', ['0', '0.5', '1.5', '2.5', '-0.5', '-1.5', '999.994', '999.995', '1234567', '0.00125', '1e18', '9223372036854775807', '9223372036854775808', '32767.4', '32767.5', '1e-20', NULL]))
    wide = ['99999999999999999999999999999999999999', '12345678901234567890.123456789', '1e-18', '-99999999999999999999999999', '0.1', '3', NULL]
    cross(f, ['+', '-', '*', '/', '%', '=', '<'], ('numeric', wide[1:]), ('numeric', wide[1:]))
    cross(f, ['+', '-', '*', '/', '%'], ('numeric(38,0)', ['1', '99999999999999999999999999999999999999', '-5']), ('numeric(38,0)', ['1', '2', '-99999999999999999999999999999999999998', '0']))
    cross(f, ['+', '-', '*', '/', '%'], ('numeric(10,2)', ['1.25', '-99999999.99', '0']), ('numeric(20,6)', ['0.000001', '3.5', '-12345678901234.123456', '0']))
    cross(f, ['@', '-', '+', '|/', '||/', 'sqrt', 'exp', 'ln', 'log', 'cbrt'], ('double precision', ['0', '4', '-4', '27', 'NaN', 'Infinity', '-Infinity', '1e-300', '800', NULL]))
    cross(f, ['sqrt', 'ln', 'log', 'exp'], ('numeric', ['0', '1', '2', '4', '10', '100', '0.5', '1.21', '-1', NULL]))
    cross(f, ['power', '^'], ('numeric', ['0', '1', '2', '-2', '1.5', '0.5', NULL]), ('numeric', ['0', '1', '2', '-1', '0.5', '10', '1.5']))
    cross(f, ['&', '|', '#', '<<', '>>'], ('integer', ['0', '5', '-1', '2147483647', NULL]), ('integer', ['0', '3', '31', NULL]))
    cross(f, ['~'], ('integer', ['0', '5', '-1', NULL]))
    cross(f, ['~'], ('bigint', ['0', '5', '-1', NULL]))
    cross(f, ['&', '|', '#'], ('bigint', ['0', '5', '-1', '9223372036854775807']), ('bigint', ['3', '-8']))


def texts(add, cross, NULL):
    f = 'texts'
    any_text = ['', 'a', "it's", 'back\\slash', 'two\nlines', 'Mixed Case', 'select', 'user', 'name', 'year', '9a', 'a9_$', 'ä', '"q"', NULL]
    cross(f, ['quote_literal', 'quote_ident', 'quote_nullable', 'initcap', 'upper', 'lower', 'reverse', 'length', 'bit_length', 'octet_length', 'ascii'], ('text', any_text + ['hello wORLD-foo_bar 1a', "o'neil", 'ÄRGER éclair']))
    for t, v in [('integer', '5'), ('boolean', 't'), ('double precision', '0.1'), ('date', '2020-01-01'), ('integer[]', '{1,NULL}'), ('jsonb', '{"a":"\'"}'), ('bytea', '\\x00ff'), ('interval', '1 day'), ('timestamp', '2020-01-01')]:
        cross(f, ['quote_literal', 'quote_nullable', 'concat'], (t, [v, NULL]))
        cross(f, ['concat', 'concat_ws', 'format'], ('text', ['%s|%I|%L', ',', NULL]), (t, [v, NULL]))
        cross(f, ['format'], ('text', ['%s %s %s', '%2$s', '%L|%1$10s|%-10L|', '%*s']), (t, [v]), ('text', ['x', NULL]))
    cross(f, ['format'], ('text', ['%1$s %3$s %2$s', '%3$L', '%4$s', '%0$s', '%1$', '%s%s%s%s', 'a%%b', '%1$I', '%*1$s', '%', '%-s', '%5', '%x', '%5%', '%1$%']), ('text', ['a']), ('text', ['b c']), ('text', ['c', NULL]))
    cross(f, ['format'], ('text', ['%*s|', '%-*s|', '%*2$s|', '%1$*2$s|']), ('integer', ['5', '-5', '0', NULL]), ('text', ['ab']))
    cross(f, ['format'], ('text', ['no arguments', '%s', '%%', '', NULL]))
    cross(f, ['unistr'], ('text', ['', 'plain', 'd\\0061t\\+000061', '\\u0441\\U00000444', '\\D83D\\DE00', '\\uD83D\\uDE00', '\\\\', '\\', '\\d', '\\00', '\\u00', '\\U0011FFFF', '\\0000', '\\D83D', '\\D83Dx', '\\DE00', '\\D83D\\\\', '\\D83D\\0041', '\\+110000', 'a\\u0062c', NULL]))
    cross(f, ['parse_ident'], ('text', ['a', 'a.b', 'A.B', '"A"."b c"', ' a . b ', 'a..b', '.a', 'a.', 'a b', '"a', '""', 'a."x""y"', '9a', 'a9', 'ä.ö', 'a()', 'a.b.c.d', '', ' ', 'a$b', '-', NULL]))
    cross(f, ['parse_ident'], ('text', ['a b', 'a()', 'a.b[1]', '1', 'a.']), ('boolean', ['t', 'f', NULL]))
    cross(f, ['left', 'right'], ('text', ['héllo', '', NULL]), ('integer', ['2', '-2', '0', '10', '-10', '2147483647', '-2147483648', NULL]))
    cross(f, ['split_part'], ('text', ['a,b,c', 'a||b||c', '']), ('text', [',', '||', '|', '']), ('integer', ['1', '3', '-1', '-3', '4', '-4', '0']))
    cross(f, ['substr', 'substring'], ('text', ['héllo wörld', '', NULL]), ('integer', ['-1', '0', '1', '3', '100', '2147483647', '-2147483648']), ('integer', ['0', '3', '-1', '100', '2147483647', NULL]))
    cross(f, ['lpad', 'rpad'], ('text', ['hi', 'héllo', '']), ('integer', ['5', '0', '1', '-1', '12']), ('text', ['xy', '', 'é', NULL]))
    cross(f, ['btrim', 'ltrim', 'rtrim'], ('text', ['xxhixx', 'ééaé', '', NULL]), ('text', ['x', 'xé', '', 'hix', NULL]))
    cross(f, ['translate'], ('text', ['12345', 'héllo', '']), ('text', ['143', 'él', '', 'aa']), ('text', ['ax', 'é', '', 'xyz']))
    cross(f, ['overlay'], ('text', ['Txxxxas']), ('text', ['hom']), ('integer', ['2', '8', '9', '0', '-1']), ('integer', ['4', '0', '-1', '-3', '100', '2147483647']))
    cross(f, ['repeat'], ('text', ['Pg', '']), ('integer', ['4', '0', '-4', NULL]))
    cross(f, ['chr'], ('integer', ['65', '228', '8364', '128512', '1114112', '0', '-5', '2147483647']))
    cross(f, ['ascii'], ('text', ['x', 'é', '€', '😀', '', NULL]))
    cross(f, ['to_hex'], ('bigint', ['0', '2147483647', '-1', '9223372036854775807', NULL]))
    cross(f, ['md5'], ('text', ['', 'abc', 'x' * 55, 'x' * 56, 'x' * 63, 'x' * 64, 'x' * 65, 'é', NULL]))
    cross(f, ['string_to_array'], ('text', ['xx~~yy~~zz', 'a,b', '']), ('text', ['~~', ',', '~', NULL, '']), ('text', ['yy', 'a', '', NULL]))
    cross(f, ['^@', 'starts_with'], ('text', ['alphabet', 'é', '']), ('text', ['alph', 'é', '', 'alphabets', NULL]))
    cross(f, ['position', 'strpos'], ('text', ['high', 'éhigh', '']), ('text', ['ig', 'h', '', 'é', 'x']))


def bytes_(add, cross, NULL):
    f = 'bytea'
    some = ['\\x', '\\x00', '\\x01020304', '\\xff00ff', 'abc', 'a\\\\b\\000\\377', '\\x' + '0123456789abcdef' * 3, NULL]
    cross(f, ['length', 'octet_length', 'bit_length', 'bit_count', 'md5', 'sha224', 'sha256', 'sha384', 'sha512', 'cast text'], ('bytea', some))
    for n in (54, 55, 56, 63, 64, 65, 110, 111, 112, 119, 127, 128, 129, 1000):
        cross(f, ['sha224', 'sha256', 'sha384', 'sha512', 'md5'], ('bytea', ['x' * n]))
    cross(f, ['get_byte'], ('bytea', some), ('integer', ['0', '1', '3', '4', '-1', '2147483647', NULL]))
    cross(f, ['get_bit'], ('bytea', some), ('bigint', ['0', '1', '7', '8', '15', '31', '32', '-1', '9223372036854775807', NULL]))
    cross(f, ['set_byte'], ('bytea', some), ('integer', ['0', '2', '-1', NULL]), ('integer', ['0', '64', '255', '256', '-1', NULL]))
    cross(f, ['set_bit'], ('bytea', some), ('bigint', ['0', '5', '23', '-1', NULL]), ('integer', ['0', '1', '2', '-1', NULL]))
    cross(f, ['substring', 'substr'], ('bytea', some), ('integer', ['1', '2', '0', '-2', '100', '2147483647', NULL]))
    cross(f, ['substring', 'substr'], ('bytea', some), ('integer', ['1', '2', '0', '-2', '100']), ('integer', ['0', '2', '100', '-1', '2147483647', NULL]))
    cross(f, ['overlay'], ('bytea', some), ('bytea', ['\\xaabb', '\\x', NULL]), ('integer', ['1', '2', '10', '0', '-1']))
    cross(f, ['overlay'], ('bytea', some), ('bytea', ['\\xaabb']), ('integer', ['1', '3', '0']), ('integer', ['0', '1', '-1', '100', '2147483647', NULL]))
    cross(f, ['btrim', 'ltrim', 'rtrim'], ('bytea', some), ('bytea', ['\\x00', '\\xff00', '\\x', 'a', NULL]))
    cross(f, ['position'], ('bytea', some), ('bytea', ['\\x00', '\\x', '\\x03', 'bc', '\\x00ff', NULL]))
    cross(f, ['||', '=', '<>', '<', '<=', '>', '>=', 'is distinct from'], ('bytea', some), ('bytea', some))
    cross(f, ['like', '!~~'], ('bytea', some + ['a%b', 'a_b']), ('bytea', ['', '%', 'a%', '%c', 'a_c', '\\x01%04', 'a\\\\%b', 'a\\\\_b', 'a\\\\', '_', '%%', NULL]))
    cross(f, ['like'], ('bytea', ['a%b', 'a#b']), ('bytea', ['a#%b', 'a##b', 'a#', '#']), ('bytea', ['#', '', '##', NULL]))
    cross(f, ['encode'], ('bytea', some), ('text', ['hex', 'HEX', 'base64', 'escape', 'x', '', NULL]))
    for text in ['', '00ff', '0', '0g', '  00  ', 'AQID', 'AQ==', 'AQI=', 'A', 'AQ=', '====', 'AQ\nID', 'A*==', 'abc', 'a\\\\b', 'a\\000', '\\8', '\\', NULL]:
        cross(f, ['decode'], ('text', [text]), ('text', ['hex', 'base64', 'escape']))
    cross(f, ['cast bytea'], ('text', ['', '\\x', '\\x00', '\\x0', '\\xzz', '\\x 00 ff', 'abc', 'a\\\\', 'a\\', '\\000', '\\400', '\\8', '\\x\\', 'é', NULL]))
    cross(f, ['cast bytea'], ('?', ['', '\\x', '\\x0g', '\\x 0 0', 'a\\', '\\377', '\\1', '\\x123']))
    cross(f, ['convert_from'], ('bytea', ['abc', '\\xc3a4', '\\xe4', '\\xff', '\\xe282', '\\xe28228', '\\xf0288cbc', '\\x00', '\\xc0af', '\\xeda080', '', NULL]), ('text', ['UTF8', 'utf-8', 'LATIN1', 'iso-8859-1', NULL]))
    cross(f, ['convert_to'], ('text', ['abc', 'ä', '€', '日本', '', NULL]), ('text', ['UTF8', 'latin1', NULL]))


def special_numbers(add, cross, NULL):
    """Numerics that are NaN or infinite."""
    f = 'special_numbers'
    mixed = ('numeric', ['NaN', 'Infinity', '-inf', '0', '1', '-1', '2.5', '-3', NULL])
    cross(f, ['+', '-', '*', '/', '%', 'div', '=', '<', '>=', 'is distinct from', 'power', 'greatest', 'least', 'gcd', 'lcm', 'log'], mixed, mixed)
    cross(f, ['-', '+', 'abs', 'sign', 'scale', 'min_scale', 'trim_scale', 'ceil', 'floor', 'round', 'trunc', 'sqrt', 'exp', 'ln', 'log', 'to_json', 'to_jsonb'], mixed)
    cross(f, ['round', 'trunc'], mixed, ('integer', ['2', '-1']))
    cross(f, ['cast smallint', 'cast integer', 'cast bigint', 'cast real', 'cast double precision', 'cast text', 'cast numeric(6,2)', 'cast numeric(38,3)'], mixed)
    cross(f, ['cast numeric'], ('numeric(6,2)', ['NaN', '1']))
    fixed = ('numeric(6,2)', ['NaN', '1.25', '-7', '0'])
    cross(f, ['+', '-', '*', '/', '%', '=', '<'], fixed, fixed)
    cross(f, ['+', '-', '*', '/', '%', '=', '<'], fixed, ('numeric(5,3)', ['NaN', '2.5']))
    cross(f, ['+', '-', '*', '/', '='], fixed, ('numeric', ['NaN', 'Infinity', '2']))
    cross(f, ['cast numeric'], ('?', [' nan ', '+Infinity', '-INF', 'infinit', '+nan', 'Infinity1']))
    cross(f, ['to_char'], ('numeric', ['NaN', 'Infinity', '-Infinity']), ('text', ['999.99', '999', '9999999999.99', '9.99EEEE', 'FM999', 'FM9999999990.0', '99.99']))
    cross(f, ['to_char'], ('double precision', ['NaN', 'Infinity', '-Infinity']), ('text', ['999.99', '999', '9999999999.99', '9.99EEEE', 'FM9999999990.0']))
    cross(f, ['width_bucket'], ('numeric', ['NaN', 'Infinity', '3']), ('numeric', ['0', 'NaN', '-Infinity']), ('numeric', ['5']), ('integer', ['4']))
    cross(f, ['IN'], ('numeric', ['NaN', 'Infinity', '2']), ('numeric', ['NaN', '2']), ('numeric', ['-Infinity', 'Infinity']))


def regex_constraints(add, cross, NULL):
    """Look-around, back references, what takes no character."""
    f = 'regex_constraints'
    texts = ('text', ['', 'a', 'foobar', 'foobaz', 'barfoo', 'aXbaXb', 'abab', 'abcabc', 'aaaa', 'ABab', 'hello', 'tel 555-555', '日本日本', 'x1y22', 'abba', NULL])
    patterns = ['(?=b)', 'foo(?=bar)', 'foo(?!bar)', '(?<=foo)bar', '(?<!foo)ba', '(?<=a)b|(?<!o)o', '^(?=.*b)(?=.*a)', '(?!a).', '(?=(a))', '(?<=(?:a|b)+)b', '(?=a*)b', '(?!(?=a)a)[a-z]', '[a-z]+(?=\\d\\d)', '(?<=^|X)b', '(?<=\\m)a',
                '(.)\\1', '^(..)\\1$', '(a(.)b)\\1', '(.)(.)\\2\\1', '(\\d{3})-\\1', '(a*)\\1', '^(a*)*\\1$', '(?:(a)|b)*\\1', '(a|ab)\\1', '(.+)\\1', '(.+?)\\1', '(.)\\1*', '([ab])(c|\\1)', '(本?日)\\1', '(a)\\2', '\\1(a)', '(a\\1)',
                '(?=(a))\\1', '(a)(?=\\1)', '(?=a)*b', '^*', '$+', '\\y*a', '(?', '(?=', '(?<', '(?<=a', '(?P<x>a)', '(?#note)a', 'a(?#note)b', '[[:<:]]b', 'o[[:>:]]', '***=a', '***=(', '***:a', '***?a', '(?q)a.b', '\\10', '(a)\\10']
    cross(f, ['~', '~*', 'substring'], texts, ('text', patterns))
    cross(f, ['regexp_match'], texts, ('text', patterns[:32]))
    cross(f, ['regexp_replace'], texts, ('text', patterns[:30]), ('text', ['<\\1>']), ('text', ['g']))
