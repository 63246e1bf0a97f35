#!/usr/bin/env python3
"""Cases of expressions whose answers a real PostgreSQL 15 gives; make.sh runs this against a throw-away server.

Each family becomes a file NAME.tsv with lines
    name <tab> type:value ... <tab> -> <tab> type of the result <tab> text of the result, or !message
Lines named sql hold an expression, those named query a query whose rows are joined by bars. Values are escaped as in COPY; the type '?' is an untyped literal. `cases.py --sql` writes the script for psql.
"""
import itertools
import sys

import cases_functions
import cases_nested
import cases_random
import cases_sql

NULL = None
OPERATORS = set('+-*/%^=<>!~&|#@?')
WORDS = {'is distinct from', 'is not distinct from', 'like', 'ilike', 'similar to', 'AND', 'OR'}


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def sql_arg(arg):
    type_, value = arg
    literal = 'NULL' if value is NULL else quote(value)
    return literal if type_ == '?' else f'CAST({literal} AS {type_})'


def sql_of(name, args):
    a = [sql_arg(x) for x in args]
    if name.startswith('cast '):
        return f'CAST({a[0]} AS {name[5:]})'
    if name == 'CASE':
        pairs = ''.join(f' WHEN {a[i]} THEN {a[i + 1]}' for i in range(0, len(a) - 1, 2))
        return f'CASE{pairs} ELSE {a[-1]} END'
    if name in ('IN', 'NOT IN'):
        return f'({a[0]} {name} ({", ".join(a[1:])}))'
    if name in ('IS NULL', 'IS NOT NULL'):
        return f'({a[0]} {name})'
    if name == 'NOT':
        return f'(NOT {a[0]})'
    if name in WORDS or set(name) <= OPERATORS:
        if len(a) == 1:
            return f'({name} {a[0]})'
        if len(a) == 3:
            return f'({a[0]} {name} {a[1]} ESCAPE {a[2]})'
        return f'({a[0]} {name} {a[1]})'
    if name in ('extract', 'position', 'overlay', 'substring'):
        return f'pg_catalog.{name}({", ".join(a)})'
    if name == 'trim':
        name = 'btrim'
    return f'{name}({", ".join(a)})'


def escape(text):
    return text.replace('\\', '\\\\').replace('\t', '\\t').replace('\n', '\\n').replace('\r', '\\r')


def line_of(name, args):
    return '\t'.join([name] + [f'{t}:' + ('\\N' if v is NULL else escape(v)) for t, v in args])


FILES = {}


def add(file, name, *args):
    FILES.setdefault(file, {})[line_of(name, args)] = sql_of(name, args)


def cross(file, names, *lists):
    """Every name with every combination of arguments; a list is (type, [values])."""
    for name in names:
        for combo in itertools.product(*[[(t, v) for v in values] for t, values in lists]):
            add(file, name, *combo)


SMALL = ['0', '1', '-1', '7', '-7', '32767', '-32768', NULL]
INT = ['0', '1', '-1', '10', '-3', '2147483647', '-2147483648', NULL]
BIG = ['0', '1', '-1', '100', '9223372036854775807', '-9223372036854775808', NULL]
REAL = ['0', '1.5', '-2.25', '3.4e38', '1e-45', 'NaN', 'Infinity', NULL]
DOUBLE = ['0', '-0', '1', '0.1', '-2.5', '1e308', '1e-308', '123456789.125', 'NaN', 'Infinity', '-Infinity', NULL]
NUM = ['0', '1', '-1', '0.10', '123.456', '-99999.99', '12345678901234567890', '0.000001', NULL]
TEXT = ['', 'a', 'abc', 'ABC', 'hello world', 'héllo wörld €', '日本語テキスト', 'a%b_c\\d', '  padded  ', 'longer than twelve bytes', NULL]
DATES = ['1970-01-01', '2000-02-29', '1999-12-31', '2024-03-10', '0044-03-15 BC', '9999-12-31', '1582-10-15', 'infinity', NULL]
STAMPS = ['1970-01-01 00:00:00', '2000-02-29 12:34:56.789', '1999-12-31 23:59:59.999999', '2024-03-10 02:30:00', '0001-01-01 00:00:00',
          '0044-03-15 01:02:03 BC', '9999-12-31 23:59:59', 'infinity', '-infinity', NULL]
SPANS = ['1 day', '-1 day', '1 month', '1 year 2 months 3 days 04:05:06.789', '-1 year 3 days -00:00:01', '36 hours', '0', '100 years', NULL]
TIMES = ['00:00:00', '12:34:56.789', '23:59:59.999999', '24:00:00', NULL]
COMPARE = ['=', '<>', '<', '<=', '>', '>=', 'is distinct from', 'is not distinct from']
ARITHMETIC = ['+', '-', '*', '/']


def comparisons():
    f = 'compare'
    for t, values in [('boolean', ['t', 'f', NULL]), ('smallint', SMALL[:5] + [NULL]), ('integer', INT), ('bigint', BIG), ('real', REAL),
                      ('double precision', DOUBLE), ('numeric', NUM), ('numeric(10,2)', ['0', '1.5', '-99999.99', NULL]), ('text', TEXT),
                      ('bytea', ['', '\\x00', '\\x0001', '\\xff', NULL]), ('date', DATES), ('time', TIMES), ('timestamp', STAMPS),
                      ('timestamptz', STAMPS[:6] + [NULL]), ('interval', SPANS + ['30 days', '24 hours'])]:
        cross(f, ['=', '<', '>=', 'is distinct from'], (t, values), (t, values))
        cross(f, COMPARE, (t, values[:4]), (t, values[1:3]))
    for a, b in [('smallint', 'bigint'), ('integer', 'numeric'), ('bigint', 'double precision'), ('real', 'double precision'), ('real', 'integer'),
                 ('numeric', 'double precision'), ('numeric(10,2)', 'numeric(10,4)'), ('numeric(10,2)', 'numeric')]:
        cross(f, ['=', '<', '<>'], (a, ['0', '1', '-2', NULL]), (b, ['0', '1', '-2', '3']))
    cross(f, ['=', '<'], ('date', ['2000-01-01', '2024-03-10']), ('timestamp', ['2000-01-01 00:00:00', '2000-01-01 00:00:01']))
    cross(f, ['=', '<'], ('timestamp', ['2000-01-01']), ('timestamptz', ['2000-01-01 00:00:00+00', '2000-01-01 00:00:00+02']))
    cross(f, COMPARE, ('integer', ['1']), ('?', ['1', '2', 'x', NULL]))
    cross(f, COMPARE, ('text', ['1']), ('?', ['1', '2', 'x', NULL]))
    cross(f, ['greatest', 'least'], ('integer', ['1', NULL]), ('bigint', ['2', NULL]), ('numeric', ['1.5', NULL]))
    cross(f, ['greatest', 'least'], ('text', ['b', NULL]), ('?', ['a', 'c', NULL]))
    cross(f, ['nullif'], ('integer', ['1', '2', NULL]), ('integer', ['1', NULL]))
    cross(f, ['nullif'], ('text', ['a', 'b', NULL]), ('?', ['a', NULL]))


def logic():
    f = 'logic'
    three = ('boolean', ['t', 'f', NULL])
    cross(f, ['AND', 'OR'], three, three)
    cross(f, ['NOT', 'IS NULL', 'IS NOT NULL'], three)
    cross(f, ['CASE'], three, ('integer', ['1']), three, ('bigint', ['2', NULL]), ('numeric', ['3.50']))
    cross(f, ['CASE'], three, ('?', ['x']), ('text', ['y', NULL]))
    cross(f, ['CASE'], three, ('numeric', ['1.5']), ('integer', ['0']))
    cross(f, ['CASE'], three, ('date', ['2000-01-01']), ('timestamp', ['2000-01-01 10:00:00']))
    cross(f, ['coalesce'], ('integer', ['1', NULL]), ('bigint', ['2', NULL]), ('integer', ['3', NULL]))
    cross(f, ['coalesce'], ('text', ['a', NULL]), ('?', ['b', NULL]))
    cross(f, ['IN', 'NOT IN'], ('integer', ['1', '5', NULL]), ('integer', ['1', '2']), ('integer', ['3', NULL]), ('integer', ['4', '5']))
    cross(f, ['IN', 'NOT IN'], ('text', ['a', 'this is a long text', NULL]), ('?', ['a', 'b']), ('?', ['this is a long text', NULL]))
    cross(f, ['IN'], ('numeric(10,2)', ['1.50', '2', NULL]), ('numeric', ['1.5', '2.000']), ('integer', ['2']))
    cross(f, ['IN'], ('double precision', ['1.5', 'NaN']), ('double precision', ['NaN', '1.5']))
    cross(f, ['IN'], ('bigint', ['1']), ('integer', ['1', '2']), ('numeric', ['1.0', '3']))
    cross(f, ['IN'], ('date', ['2000-01-01']), ('?', ['2000-01-01', '2000-01-02']))


def arithmetic():
    f = 'arithmetic'
    cross(f, ARITHMETIC + ['%'], ('smallint', SMALL), ('smallint', SMALL))
    cross(f, ARITHMETIC + ['%'], ('integer', INT), ('integer', INT))
    cross(f, ARITHMETIC + ['%'], ('bigint', BIG), ('bigint', BIG))
    cross(f, ARITHMETIC, ('real', REAL), ('real', REAL))
    cross(f, ARITHMETIC, ('double precision', DOUBLE), ('double precision', DOUBLE))
    cross(f, ARITHMETIC + ['%'], ('smallint', ['5', '-5', NULL]), ('bigint', ['3', '0', NULL]))
    cross(f, ARITHMETIC, ('bigint', ['5', '-5', NULL]), ('real', ['3', '0', NULL]))
    cross(f, ARITHMETIC, ('integer', ['5', '-5', NULL]), ('double precision', ['3', '0', NULL]))
    cross(f, ARITHMETIC, ('real', ['5.5']), ('double precision', ['3.3', '0']))
    cross(f, ['&', '|', '#'], ('integer', INT), ('integer', ['5', '-1', NULL]))
    cross(f, ['<<', '>>'], ('integer', ['1', '-8', NULL]), ('integer', ['0', '3', '31']))
    cross(f, ['<<', '>>'], ('bigint', ['1', '-8', NULL]), ('integer', ['0', '3', '63']))
    for t, values in [('smallint', SMALL), ('integer', INT), ('bigint', BIG), ('real', REAL), ('double precision', DOUBLE), ('numeric', NUM)]:
        cross(f, ['-', '+', 'abs', '@'], (t, values))
    cross(f, ['~'], ('integer', INT))
    cross(f, ARITHMETIC, ('integer', ['5']), ('?', ['3', 'x', NULL]))
    cross(f, ['^', 'power'], ('integer', ['2', '-3', '0']), ('integer', ['3', '0', '-1']))
    cross(f, ['gcd', 'lcm'], ('integer', ['12', '-18', '0', '2147483647', '-2147483648']), ('integer', ['8', '0', '-4', '-2147483648']))
    cross(f, ['gcd', 'lcm'], ('bigint', ['12', '9223372036854775807']), ('bigint', ['8', '0', '6']))
    cross(f, ['mod'], ('integer', ['7', '-7']), ('integer', ['3', '-3', '0']))


def numeric():
    f = 'numeric'
    cross(f, ARITHMETIC + ['%', 'mod', 'div'], ('numeric', NUM), ('numeric', NUM))
    fixed = [('numeric(10,2)', ['0', '1.25', '-99.99', '12345678.90', NULL]), ('numeric(5,3)', ['0.001', '-1.5', '99.999', NULL]), ('numeric(18,0)', ['7', '-123456789012345678'])]
    for a in fixed:
        for b in fixed:
            cross(f, ARITHMETIC + ['%'], a, b)
        cross(f, ARITHMETIC, a, ('integer', ['3', '-7', '0', NULL]))
        cross(f, ARITHMETIC, ('bigint', ['3', '-7', '0']), a)
        cross(f, ARITHMETIC, a, ('double precision', ['0.5', NULL]))
        cross(f, ARITHMETIC, a, ('numeric', ['1.5', '-0.0001']))
    rounds = ['0', '0.5', '-0.5', '1.5', '2.5', '-2.5', '2.49999', '12345.6789', '-12345.6789', '99.995', '0.005', NULL]
    cross(f, ['round', 'trunc', 'ceil', 'ceiling', 'floor', 'sign', 'abs', 'scale', 'min_scale', 'trim_scale'], ('numeric', rounds))
    cross(f, ['round', 'trunc', 'ceil', 'floor'], ('numeric(12,3)', rounds))
    cross(f, ['round', 'trunc'], ('numeric', rounds), ('integer', ['0', '1', '2', '5', '-1', '-2', '-5', NULL]))
    cross(f, ['round', 'trunc'], ('numeric(12,3)', rounds), ('integer', ['0', '2', '5', '-2', NULL]))
    cross(f, ['sqrt'], ('numeric', ['0', '1', '2', '3', '4', '10', '100', '12345', '0.25', '0.0001', '99999999', '123456789.123456', '-1', NULL]))
    cross(f, ['exp'], ('numeric', ['0', '1', '-1', '2.5', '10', '-5', '0.1', NULL]))
    cross(f, ['ln', 'log', 'log10'], ('numeric', ['1', '2', '10', '100', '0.5', '1.05', '0.001', '12345.678', '0', '-1', NULL]))
    cross(f, ['log'], ('numeric', ['2', '10', '3.5']), ('numeric', ['8', '100', '0.5', '0']))
    cross(f, ['power', '^'], ('numeric', ['2', '10', '1.5', '0.5', '0', '-2']), ('numeric', ['0', '1', '2', '3', '10', '0.5', '-1', '-2']))


def mathematics():
    f = 'math'
    values = ('double precision', ['0', '1', '-1', '0.5', '-0.5', '2.5', '3.5', '10', '-123.456', '1e300', 'NaN', 'Infinity', '-Infinity', NULL])
    cross(f, ['abs', 'ceil', 'ceiling', 'floor', 'round', 'trunc', 'sign', 'sqrt', 'cbrt', 'exp', 'ln', 'log', 'log10', 'sin', 'cos', 'tan', 'cot', 'asin', 'acos',
              'atan', 'degrees', 'radians', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh'], values)
    cross(f, ['power', 'atan2'], ('double precision', ['0', '1', '2', '-2', '0.5', 'NaN', 'Infinity']), ('double precision', ['0', '1', '-1', '0.5', '1000', 'NaN', '-Infinity', NULL]))
    cross(f, ['round', 'ceil', 'sqrt', 'trunc', 'sign'], ('integer', ['4', '-4', NULL]))
    cross(f, ['ceil', 'floor', 'round'], ('real', ['1.5', '-2.5']))
    cross(f, ['width_bucket'], ('double precision', ['-1', '0', '2.5', '9.99', '10', '11']), ('double precision', ['0', '10']), ('double precision', ['10', '0']), ('integer', ['4', '0']))
    add(f, 'pi')


def strings():
    f = 'string'
    t = ('text', TEXT)
    cross(f, ['lower', 'upper', 'length', 'char_length', 'character_length', 'octet_length', 'bit_length', 'initcap', 'reverse', 'md5', 'ascii', 'btrim', 'ltrim', 'rtrim',
              'trim', 'quote_literal', 'quote_ident', 'quote_nullable'], t)
    cross(f, ['initcap', 'upper', 'lower'], ('text', ["o'neil mcDONALD x2y", 'ÀÉÎ õü', 'straße', 'ǆ ǅ']))
    cross(f, ['substring', 'substr'], ('text', TEXT), ('integer', ['-1', '0', '1', '3', '100', '2147483647', NULL]))
    cross(f, ['substring', 'substr'], ('text', TEXT[2:8] + [NULL]), ('integer', ['-1', '0', '1', '3', '100']), ('integer', ['-1', '0', '1', '3', '2147483647', NULL]))
    cross(f, ['left', 'right'], t, ('integer', ['0', '1', '3', '-1', '-3', '100', '-100', NULL]))
    cross(f, ['lpad', 'rpad'], ('text', ['', 'a', 'abc', '日本', NULL]), ('integer', ['0', '2', '5', '-1', NULL]))
    cross(f, ['lpad', 'rpad'], ('text', ['', 'a', 'abc', '日本']), ('integer', ['0', '2', '7']), ('text', ['', 'x', 'xy', '語', NULL]))
    cross(f, ['repeat'], ('text', ['', 'ab', '日', NULL]), ('integer', ['0', '1', '3', '-1', NULL]))
    cross(f, ['position', 'strpos'], t, ('text', ['', 'l', 'lo w', 'テ', 'zz', NULL]))
    cross(f, ['starts_with', '^@'], t, ('text', ['', 'a', 'hello', '日本', NULL]))
    cross(f, ['split_part'], ('text', ['a,b,c', ',,', '', 'abc', 'a--b--c', NULL]), ('text', [',', '--', '', NULL]), ('integer', ['1', '2', '4', '-1', '-3', '-4', '0', NULL]))
    cross(f, ['replace'], t, ('text', ['', 'l', 'a', 'ö', NULL]), ('text', ['', 'XX', NULL]))
    cross(f, ['translate'], t, ('text', ['', 'al', 'é日', 'abc']), ('text', ['', 'x', 'xyz']))
    cross(f, ['btrim', 'ltrim', 'rtrim'], ('text', ['xxabcxx', 'xyabcyx', '  a ', '日a日', '', NULL]), ('text', ['x', 'xy', '日', '', ' ', NULL]))
    cross(f, ['overlay'], ('text', ['Txxxxas', '日本語', NULL]), ('text', ['hom', '']), ('integer', ['1', '2', '100', '0']))
    cross(f, ['overlay'], ('text', ['Txxxxas', '日本語']), ('text', ['hom', '']), ('integer', ['2', '1']), ('integer', ['0', '4', '-1', NULL]))
    cross(f, ['concat'], ('text', ['a', NULL]), ('integer', ['1', NULL]), ('boolean', ['t', NULL]))
    cross(f, ['concat'], ('numeric', ['1.50']), ('timestamp', ['2000-01-01']), ('double precision', ['0.1']))
    cross(f, ['concat_ws'], ('text', [',', '', NULL]), ('text', ['a', NULL]), ('integer', ['1', NULL]), ('date', ['2000-01-01', NULL]))
    cross(f, ['||'], ('text', ['a', '', 'longer than twelve', NULL]), ('text', ['b', '', NULL]))
    cross(f, ['||'], ('text', ['a', NULL]), ('integer', ['1', NULL]))
    cross(f, ['||'], ('numeric', ['1.50']), ('text', ['x']))
    cross(f, ['||'], ('?', ['x']), ('integer', ['5']))
    cross(f, ['||'], ('boolean', ['t']), ('text', ['x']))
    cross(f, ['||'], ('bytea', ['\\x01', NULL]), ('bytea', ['\\xff', '\\x']))
    cross(f, ['chr'], ('integer', ['65', '0', '-1', '8364', '128512', '1114112', '55296', NULL]))
    cross(f, ['to_hex'], ('integer', ['0', '255', '-1', NULL]))
    cross(f, ['to_hex'], ('bigint', ['0', '255', '-1']))
    cross(f, ['encode'], ('bytea', ['', '\\x00ff41', '\\x' + '61' * 60, '\\x5c80']), ('text', ['hex', 'base64', 'escape', 'nope']))
    cross(f, ['decode'], ('text', ['', 'AP9B', '00ff41', 'ab\\\\c\\001', 'zz', 'abc']), ('text', ['hex', 'base64', 'escape', 'nope']))
    cross(f, ['length', 'octet_length', 'md5'], ('bytea', ['', '\\x00ff41', NULL]))
    cross(f, ['format'], ('text', ['%s and %s', '%2$s %1$s', '%I=%L', '%%', '%', '%x', '%5s|%-5s|', NULL]), ('text', ['a b', "it's", NULL]), ('integer', ['5']))


def patterns():
    f = 'like'
    t = ('text', ['', 'a', 'abc', 'aXbXc', 'hello world', 'HELLO', 'héllo', 'a%b_c\\d', '日本語', 'aaab', NULL])
    p = ['', '%', '_', 'a%', '%c', '%b%', 'a%c', 'a_c', 'h%o%d', '_%_', '__', '%%', 'HELLO', 'h_llo', '%\\%%', 'a\\%b\\_c\\\\d', '日%', '_本_', '%aab', 'a%a%b', 'a\\', '%_d', NULL]
    cross(f, ['like', 'ilike', '!~~', '~~*'], t, ('text', p))
    cross(f, ['like'], ('text', ['a%b', 'a_b', 'axb', 'a#b']), ('text', ['a#%b', 'a#_b', 'a##b', 'a%b']), ('text', ['#', '', '%', 'xx']))
    f = 'regex'
    r = ['', 'a', '^a', 'c$', '^abc$', 'a.c', 'b*', 'b+', 'x?', '(ab|bc)', '[a-c]+', '[^a-c]', '\\d+', '\\w+', '\\s', '[[:alpha:]]+', '[[:digit:]]', 'a{2}', 'a{1,2}b', '(a|b)*c',
         '^(a|ab)(c|bcd)$', '\\mhello\\M', '\\yworld', 'l+o', '(?i)HELLO', '日.語', '.*', 'a|', '[', '(', '*a', 'a**', '\\', 'a{3,1}', '[z-a]', '[]a]', '[a-]', '(?:ab)+', '\\.', 'h.*o', 'h.*?o', NULL]
    t = ('text', ['', 'a', 'abc', 'aab', 'hello world', 'HELLO', 'abcd', '日本語', 'a1b22', 'a.b', 'x\ny', NULL])
    cross(f, ['~', '~*', '!~'], t, ('text', r))
    cross(f, ['substring'], t, ('text', r))
    cross(f, ['regexp_replace'], t, ('text', ['a', 'b*', '(b)(c)', 'l+', '[aeiou]', '^', '$', '\\w', '(x)|(a)', '日', 'a|ab', '(a|ab)(c|bcd)?']), ('text', ['', '-', '[\\1]', '<\\&>', '\\\\']))
    cross(f, ['regexp_replace'], t, ('text', ['a', 'b*', 'l+', '[aeiou]', '^', '\\w', 'A', 'o']), ('text', ['-', '<\\&>']), ('text', ['g', 'gi', 'i', '', 'z']))
    cross(f, ['regexp_replace'], ('text', ['A PostgreSQL function', 'aaaa']), ('text', ['a|e|i|o|u', 'a']), ('text', ['X']), ('integer', ['1', '2', '0']), ('integer', ['0', '1', '3']), ('text', ['i', 'c']))
    cross(f, ['regexp_like'], t, ('text', ['HELLO', '^A', 'b$']), ('text', ['i', 'c', '']))
    cross(f, ['regexp_count'], t, ('text', ['a', 'l', '.', 'b*']))
    cross(f, ['regexp_count'], ('text', ['abcabc']), ('text', ['A', 'bc']), ('integer', ['1', '3']), ('text', ['i', 'c']))
    cross(f, ['similar to'], ('text', ['abc', 'aabb', 'a.c', '', 'abcd', NULL]), ('text', ['abc', 'a', '%(b|d)%', '(b|c)%', 'a_c', 'a.c', 'a+b+', '[a-b]+', 'a{2}b{2}', '%', NULL]))


def casts():
    f = 'cast'
    numbers = ['0', '1', '-1', '1.5', '2.5', '-2.5', '0.1', '32767', '32768', '-32769', '2147483647', '2147483648', '9223372036854775807', '9223372036854775808', '1e10', '1e20', '123456.789', '-0.0001']
    texts = numbers + ['', ' 12 ', 'abc', '12abc', '+5', '--5', '.5', '5.', '1e', 'NaN', 'Infinity', '-inf', '0x10', '1e400', '1e-400', '99999999999999999999', 't', 'true', 'off', 'yes', 'n', 'maybe', NULL]
    kinds = ['smallint', 'integer', 'bigint', 'real', 'double precision', 'numeric', 'numeric(6,2)', 'numeric(38,10)', 'boolean', 'text', 'varchar(3)']
    for k in kinds:
        cross(f, [f'cast {k}'], ('text', texts))
        cross(f, [f'cast {k}'], ('?', texts[-20:]))
    for source, values in [('smallint', SMALL), ('integer', INT), ('bigint', BIG), ('real', REAL + ['32767.5', '2147483520', '-9.2e18', '1e6', '123456', '1234567', '0.0001', '1e-05', '16777216']),
                           ('double precision', DOUBLE + ['32767.5', '2147483647.5', '9.3e18', '0.5', '1.5', '1e15', '1e14', '123456789012345678', '1e-4', '1e-5', '5e-324', '1.7976931348623157e308', '0.3', '100', '2.2250738585072014e-308', '4.35', '5.684341886080802e-14']),
                           ('numeric', NUM + ['0.5', '1.5', '-0.5', '32767.5', '9223372036854775807.4', '1e20', '1e-10']), ('numeric(6,2)', ['1.50', '-9999.99', '0.5', '0.49']),
                           ('boolean', ['t', 'f', NULL])]:
        cross(f, [f'cast {k}' for k in kinds], (source, values))
    cross(f, ['cast varchar(3)', 'cast text'], ('text', ['abcdef', 'ab', '日本語テ', 'ab   ', NULL]))
    cross(f, ['cast varchar(3)'], ('?', ['abcdef']))
    cross(f, ['cast bytea'], ('?', ['\\x4142', 'abc', 'a\\\\b\\001', '\\x4', '\\xzz', 'a\\b']))
    cross(f, ['cast bytea'], ('text', ['\\x4142', 'abc', '\\x' + 'ab' * 40, '\\x4']))
    cross(f, ['cast text'], ('bytea', ['\\x4142', '', NULL, '\\x' + 'ab' * 40]))
    cross(f, ['cast double precision'], ('text', ['0.1', '123456789012345678', '1.7976931348623157e308', '4.9e-324', '0.30000000000000004', '9007199254740993', '1234.5678e-3', '12345678901234567890.12345']))


def dates():
    f = 'cast_time'
    stamps = ['2024-01-02', '2024-01-02 03:04', '2024-01-02 03:04:05', '2024-01-02T03:04:05', '2024-01-02 03:04:05.1', '2024-01-02 03:04:05.123456', '2024-01-02 03:04:05.1234567', '2024-01-02 03:04:05.9999999',
              '2024-01-02 03:04:05Z', '2024-01-02T03:04:05.5Z', '2024-01-02 03:04:05+02', '2024-01-02 03:04:05-05:30', '2024-01-02 03:04:05 +0530', '2024-01-02 03:04:05 UTC', '2024-01-02 03:04:05 PST', '2024-01-02 03:04:05 America/New_York',
              '2024-07-02 03:04:05 America/New_York', '20240102', '20240102 030405', '20240102T030405', 'Jan 2 2024', '2 January 2024', 'January 2, 2024 3:04 PM', '02-Jan-2024', '1/2/2024', '1/2/24', '1/2/99', '2024/01/02', '2024.01.02', 'Tue Jan 2 03:04:05 2024',
              '2024-01-02 12:00 AM', '2024-01-02 12:30 PM', '2024-01-02 13:00 PM', 'J2451187', '2024.045', '2024-045', 'epoch', 'infinity', '-infinity', '0044-03-15 BC', '0001-01-01', '0001-01-01 BC', '9999-12-31 23:59:59', '2024-02-29', '2023-02-29', '2024-13-01', '2024-00-10', '2024-01-32', '2024-01-02 24:00:00',
              '2024-01-02 25:00:00', '2024-01-02 23:60:00', '2024-01-02 23:59:60', '2024-01-02 23:59:61', 'garbage', '', ' 2024-01-02 ', '2024-01', '10:20:30', '99999-01-01', '4714-11-24 BC', '4714-11-23 BC', '300000-01-01', '2024-01-02 03:04:05+16', '2024-01-02 03:04:05 Nowhere/Land', '1999-1-8', '99-01-08', '19990108', '990108', NULL]
    cross(f, ['cast date', 'cast timestamp', 'cast timestamptz'], ('?', stamps))
    cross(f, ['cast timestamp'], ('text', stamps))
    cross(f, ['cast time'], ('?', ['10:20', '10:20:30', '10:20:30.5', '24:00:00', '24:00:01', '102030', '1020', '10:20 PM', '12:00 AM', '25:00', '10:60', 'x', '', '10:20:30.1234567', '23:59:60', '10:20:30+02', NULL]))
    spans = ['1 day', '1 days', '2 weeks', '1 month', '1 mon', '1 year', '1 y 2 mon 3 d', '1 year 2 months 3 days 4 hours 5 minutes 6 seconds', '-1 day', '1 day ago', '1 year -2 days', '04:05:06', '04:05', '-04:05:06', '1 04:05:06', '1-2', '-1-2', '1-2 3 4:05:06',
             '1.5 days', '1.5 months', '1.5 years', '0.5 weeks', '1.25 hours', '1.5 seconds', '100 ms', '250 us', '1 century', '1 decade', '1 millennium', 'P1Y2M3DT4H5M6S', 'P1W', 'PT1.5H', 'P-1Y', 'PT36H', '@ 1 minute', '@ 1 minute ago', '10', '1.5', '', 'abc', '1 foo', '1 day 1 day', '10:20:30.123456',
             '3000000000 days', '90 min', '1h30m', '+1 day', '- 1 day', '1 day -1 hour', '0', '1 quarter', '12 months', '40 days', '100 hours', '-1 month +1 day', NULL]
    cross(f, ['cast interval'], ('?', spans))
    cross(f, ['cast interval'], ('text', spans[:20]))
    cross(f, ['cast date', 'cast time', 'cast timestamptz', 'cast text'], ('timestamp', STAMPS))
    cross(f, ['cast date', 'cast time', 'cast timestamp', 'cast text'], ('timestamptz', STAMPS))
    cross(f, ['cast timestamp', 'cast timestamptz', 'cast text'], ('date', DATES + ['5874897-12-31']))
    cross(f, ['cast interval', 'cast text'], ('time', TIMES))
    cross(f, ['cast time', 'cast text'], ('interval', SPANS + ['-1 hour', '25 hours', '1 year -1 day +1 hour', '-1 year -2 mons +3 days -04:05:06']))
    f = 'time'
    cross(f, ['+', '-'], ('timestamp', STAMPS), ('interval', SPANS))
    cross(f, ['+', '-'], ('timestamptz', STAMPS), ('interval', SPANS[:5]))
    cross(f, ['+', '-'], ('date', DATES), ('interval', SPANS))
    cross(f, ['+', '-'], ('date', DATES), ('integer', ['0', '1', '-365', '2147483647', NULL]))
    cross(f, ['+'], ('integer', ['1']), ('date', DATES[:3]))
    cross(f, ['-'], ('date', DATES), ('date', DATES))
    cross(f, ['-'], ('timestamp', STAMPS), ('timestamp', STAMPS))
    cross(f, ['-'], ('timestamptz', STAMPS[:5]), ('timestamptz', STAMPS[:5]))
    cross(f, ['+'], ('date', DATES[:4]), ('time', TIMES))
    cross(f, ['+', '-'], ('time', TIMES), ('interval', SPANS))
    cross(f, ['-'], ('time', TIMES), ('time', TIMES))
    cross(f, ['+', '-'], ('interval', SPANS), ('interval', SPANS))
    cross(f, ['*', '/'], ('interval', SPANS + ['1 month 15 days', '100 days']), ('double precision', ['2', '0.5', '-1.5', '0', '0.1', '3', NULL]))
    cross(f, ['*'], ('integer', ['3']), ('interval', SPANS))
    cross(f, ['-', 'justify_hours', 'justify_days', 'justify_interval'], ('interval', SPANS + ['35 days', '1 mon -1 hour', '-35 days 50 hours', '1 year -400 days +30 hours']))
    cross(f, ['-'], ('timestamp', ['2024-03-10']), ('?', ['2024-03-09', '1 day']))
    cross(f, ['-'], ('date', ['2024-03-10']), ('?', ['2024-03-09']))
    cross(f, ['+'], ('timestamp', ['2024-01-31', '2024-02-29', '2023-12-31 23:59:59']), ('interval', ['1 month', '1 year', '-1 month', '13 months', '1 day 1 month']))
    cross(f, ['age'], ('timestamp', STAMPS[:7]), ('timestamp', STAMPS[:7]))
    cross(f, ['age'], ('timestamp', ['2024-03-31', '2024-02-29', '2023-01-31 12:00']), ('timestamp', ['2024-02-29', '2024-03-01 10:00', '2020-12-31']))
    cross(f, ['isfinite'], ('date', DATES))
    cross(f, ['isfinite'], ('timestamp', STAMPS))
    cross(f, ['make_date'], ('integer', ['2024', '-44', '0', NULL]), ('integer', ['2', '13']), ('integer', ['29', '30', '0']))
    cross(f, ['make_time'], ('integer', ['8', '24', '25']), ('integer', ['15', '60', '0']), ('double precision', ['23.5', '0', '60', '-1']))
    cross(f, ['make_timestamp'], ('integer', ['2013', '0']), ('integer', ['7']), ('integer', ['15', '32']), ('integer', ['8']), ('integer', ['15', '61']), ('double precision', ['23.5']))
    add(f, 'make_interval')
    cross(f, ['make_interval'], ('integer', ['1', '-2']), ('integer', ['3', '14']), ('integer', ['1']), ('integer', ['10']), ('integer', ['5']), ('integer', ['6']), ('double precision', ['7.5', '-0.25']))
    cross(f, ['date_bin'], ('interval', ['15 minutes', '1 day', '1 month', '0', '-1 hour']), ('timestamp', ['2020-02-11 15:44:17.71323', '1960-01-01 00:00:01']), ('timestamp', ['2001-01-01', '2030-05-05 00:02:30']))
    f = 'extract'
    fields = ['microseconds', 'milliseconds', 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year', 'decade', 'century', 'millennium', 'epoch', 'dow', 'isodow', 'doy', 'isoyear', 'julian', 'timezone', 'timezone_hour', 'timezone_minute', 'YEAR', 'hours', 'nope', NULL]
    for name in ['extract', 'date_part']:
        cross(f, [name], ('text', fields), ('timestamp', STAMPS))
        cross(f, [name], ('text', fields), ('timestamptz', STAMPS[:4]))
        cross(f, [name], ('text', fields), ('interval', SPANS))
        cross(f, [name], ('text', fields), ('time', TIMES))
        cross(f, [name], ('text', ['year', 'doy', 'week', 'isoyear', 'century', 'decade']), ('timestamp', ['2005-01-01', '2006-01-01', '2008-12-29', '2008-12-31', '2012-12-31', '2021-01-03', '2000-12-31', '2001-01-01', '0001-12-31 BC', '0100-01-01 BC']))
    cross(f, ['extract'], ('text', fields[5:19]), ('date', DATES[:8]))
    units = fields[:13] + ['dow', 'nope']
    cross(f, ['date_trunc'], ('text', units), ('timestamp', STAMPS))
    cross(f, ['date_trunc'], ('text', units), ('interval', SPANS))
    cross(f, ['date_trunc'], ('text', ['hour', 'month']), ('timestamptz', STAMPS[:4]))
    cross(f, ['date_trunc'], ('text', ['hour', 'day', 'month']), ('timestamptz', ['2024-07-04 23:30:00+00', '2024-01-01 03:00:00+00']), ('text', ['America/New_York', 'Asia/Kolkata', 'UTC', 'Nowhere']))
    cross(f, ['date_trunc'], ('?', ['day', 'week']), ('date', ['2024-02-29']))
    cross(f, ['timezone'], ('text', ['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe', 'PST', 'EST5EDT', '+05:30', 'Nowhere']), ('timestamp', ['2024-01-15 12:00:00', '2024-07-15 12:00:00', '2024-03-10 02:30:00', '2024-11-03 01:30:00', '1900-01-01 00:00:00', '2050-07-01 00:00:00', 'infinity']))
    cross(f, ['timezone'], ('text', ['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Pacific/Apia', 'CET']), ('timestamptz', ['2024-01-15 12:00:00+00', '2024-07-15 12:00:00+00', '2024-03-10 07:30:00+00', '2024-11-03 06:30:00+00', '1880-01-01 00:00:00+00', '2100-07-01 00:00:00+00']))
    cross(f, ['timezone'], ('interval', ['02:00', '-05:30', '1 day']), ('timestamp', ['2024-01-15 12:00:00']))
    cross(f, ['to_timestamp'], ('double precision', ['0', '1700000000', '1700000000.123456', '-1.5', 'NaN', 'Infinity', '1e20', NULL]))


def formats():
    f = 'format'
    templates = ['YYYY-MM-DD HH24:MI:SS', 'YYYY-MM-DD"T"HH24:MI:SS.MS', 'Day, DD Month YYYY', 'FMDay, FMDD FMMonth YYYY', 'DAY Dy dy DY', 'MON Mon mon MONTH month', 'HH:MI:SS AM', 'HH12:MI p.m.', 'DDD D ID IDDD', 'WW W IW IYYY IY I', 'Q CC J', 'Y,YYY YYY YY Y', 'US MS FF3 FF6', 'SSSS SSSSS',
                 'RM rm', 'DDth DDTH', 'AD B.C. bc', 'FMHH24:FMMI', '"text" YYYY', 'YYYYMMDDHH24MISS', 'plain', '', 'TZ OF TZH:TZM', 'yyyy-mm-dd', NULL]
    cross(f, ['to_char'], ('timestamp', STAMPS + ['2024-07-04 00:05:09.000123', '2021-01-03 12:00:00']), ('text', templates))
    cross(f, ['to_char'], ('timestamptz', STAMPS[:4]), ('text', ['YYYY-MM-DD HH24:MI:SS TZ', 'OF tz']))
    cross(f, ['to_char'], ('interval', SPANS[:7]), ('text', ['HH24:MI:SS', 'YYYY MM DD', 'DD HH12 MI SS MS']))
    cross(f, ['to_char'], ('date', ['2024-02-29']), ('text', ['YYYY/MM/DD']))
    for t, values in [('integer', ['0', '5', '-5', '485', '-1234', '1234567', NULL]), ('numeric', ['0', '0.1', '-0.1', '12.34', '-12.345', '148.5', '1234567.891', '0.999', NULL]), ('double precision', ['0', '0.5', '-12.345', '1e10', '148.5'])]:
        cross(f, ['to_char'], (t, values), ('text', ['999', '9999', '0000', '9,999', '99.99', 'FM99.99', 'FM990.00', '0999.9', 'S999', '999S', '999MI', 'FM999MI', 'PL999', 'SG999', '999PR', '9 9 9', 'FM9,999,999.99', '999th', '99V9', '"n:"999', 'FM000.009', '.99', '90.9', '9.9']))
    cross(f, ['to_number'], ('text', ['12,454.8-', '-12.5', '1234', ' 99.99', 'abc', '<12>', '0.5']), ('text', ['99G999D9S', 'S99.9', '9999', '99.99', '9,999', '99PR']))
    stamps = [('2024-02-29 13:14:15', 'YYYY-MM-DD HH24:MI:SS'), ('05 Dec 2000', 'DD Mon YYYY'), ('5 december 2000', 'DD month YYYY'), ('20240229131415', 'YYYYMMDDHH24MISS'), ('2024-02-30', 'YYYY-MM-DD'), ('24-2-9', 'YY-MM-DD'), ('2024-060', 'YYYY-DDD'), ('12:30 PM', 'HH:MI AM'), ('13:30 PM', 'HH:MI AM'),
              ('2024-02-29 1:2:3.5', 'YYYY-MM-DD HH24:MI:SS.MS'), ('2024-02-29 1:2:3.123456', 'YYYY-MM-DD HH24:MI:SS.US'), ('2024 09 1', 'IYYY IW ID'), ('J2451187', '"J"J'), ('44-03-15 BC', 'YYYY-MM-DD BC'), ('abc', 'YYYY'), ('2024', 'YYYY'), ('2024-13-01', 'YYYY-MM-DD'), ('2024/02/29', 'YYYY-MM-DD'), ('2024-02-29', 'YYYYMMDD'),
              ('  2024  02  29', 'YYYY MM DD'), ('2024-02-29 10:00:00+05', 'YYYY-MM-DD HH24:MI:SSTZH'), ('2024-02-29 10:00:00-05:30', 'YYYY-MM-DD HH24:MI:SSTZH:TZM'), ('3600', 'SSSS'), ('1st Feb 2024', 'DDth Mon YYYY'), ('XII 2024', 'RM YYYY'), ('', 'YYYY'), ('Monday 2024', 'Day YYYY'), ('99', 'YY'), ('970', 'YYY'), ('21 19', 'CC YY'), ('2024-02-29 25:00', 'YYYY-MM-DD HH24:MI'), ('12/31/2024', 'MM/DD/YYYY')]
    for name in ['to_timestamp', 'to_date']:
        for text, template in stamps:
            add(f, name, ('text', text), ('text', template))
        add(f, name, ('text', NULL), ('text', 'YYYY'))


def zones():
    f = 'zone_new_york'
    stamps = ['2024-01-15 12:00:00', '2024-07-15 12:00:00', '2024-03-10 02:30:00', '2024-03-10 01:59:59', '2024-03-10 03:00:00', '2024-11-03 01:30:00', '2024-11-03 00:59:59', '2024-11-03 02:00:00', '1883-11-18 12:03:57', '2050-07-04 00:00:00', '0044-03-15 BC', 'infinity']
    cross(f, ['cast timestamptz', 'cast text'], ('timestamp', stamps))
    cross(f, ['cast timestamptz'], ('?', stamps + ['2024-07-15 12:00:00Z', '2024-07-15 12:00:00 Europe/Berlin']))
    cross(f, ['cast timestamp', 'cast date', 'cast time', 'cast text'], ('timestamptz', stamps))
    cross(f, ['cast timestamptz'], ('date', ['2024-01-15', '2024-07-15', '2024-03-10']))
    cross(f, ['+', '-'], ('timestamptz', ['2024-03-09 12:00:00', '2024-11-02 12:00:00', '2024-03-10 12:00:00']), ('interval', ['1 day', '24 hours', '1 month', '12 hours']))
    cross(f, ['date_trunc'], ('text', ['hour', 'day', 'month', 'year']), ('timestamptz', stamps[:8]))
    cross(f, ['extract'], ('text', ['hour', 'day', 'epoch', 'timezone', 'timezone_hour', 'dow']), ('timestamptz', stamps[:8]))
    cross(f, ['to_char'], ('timestamptz', stamps[:8]), ('text', ['YYYY-MM-DD HH24:MI:SS TZ OF']))
    cross(f, ['to_timestamp'], ('text', ['2024-07-15 12:00:00', '2024-01-15 12:00:00']), ('text', ['YYYY-MM-DD HH24:MI:SS']))
    cross(f, ['age'], ('timestamptz', stamps[:3]), ('timestamptz', stamps[3:6]))
    cross(f, ['='], ('date', ['2024-07-15']), ('timestamptz', ['2024-07-15 04:00:00+00', '2024-07-15 00:00:00+00']))
    cross(f, ['concat'], ('timestamptz', stamps[:2]))


def resolution():
    f = 'resolve'
    cross(f, ['+', '-', '*', '/', '%', '||', '=', '<'], ('?', ['1']), ('?', ['2']))
    some = [('integer', '1'), ('text', 'x'), ('boolean', 't'), ('date', '2000-01-01'), ('numeric', '1.5'), ('real', '1.5'), ('bytea', '\\x00'), ('interval', '1 day'), ('timestamptz', '2000-01-01'), ('time', '10:00'), ('?', '1')]
    for a in some:
        for b in some:
            for op in ['+', '-', '*', '=', '<', 'is distinct from', 'coalesce', 'like']:
                add(f, op, a, b)
        for name in ['lower', 'abs', 'length', 'upper', 'sqrt', 'date', 'reverse', 'to_char', 'ceil', 'isfinite', 'md5', '-', 'NOT']:
            add(f, name, a)


def aggregates():
    f = 'aggregate'
    lists = [('smallint', [['1', '2', '3'], ['32767', '32767'], ['-5', NULL, '2'], [NULL]]),
             ('integer', [['1', '2', '3', '4'], ['2147483647', '2147483647', '1'], ['7', NULL, '-7'], ['1', '2'], [NULL, NULL]]),
             ('bigint', [['1', '2', '4'], ['9223372036854775807', '9223372036854775807', '10'], ['-1', NULL], [NULL]]),
             ('numeric', [['1.5', '2.25', '3'], ['0.1', '0.20', '0.300'], ['-1', NULL, '1.00'], ['1', '1', '2'], ['123456789012345678', '0.000001'], [NULL]]),
             ('numeric(10,2)', [['1.5', '2.25', '3'], ['99999999.99', '99999999.99', '0.01'], ['-1', NULL, '1.00'], [NULL]]),
             ('real', [['1.5', '2.25'], ['0.1', '0.2', '0.3'], ['1e38', '1e38'], ['NaN', '1'], [NULL]]),
             ('double precision', [['1.5', '2.25', '-3'], ['0.1', '0.2', '0.3'], ['1e16', '1', '-1e16'], ['NaN', '1'], ['Infinity', '5', NULL], ['-0', '0'], [NULL]]),
             ('interval', [['1 day', '2 hours', '1 month'], ['1 month', '1 day 12:00', '-3 days'], ['10 days', NULL], [NULL]]),
             ('text', [['b', 'a', 'c'], ['same', 'same'], ['a much longer string', 'a much longer strinG', ''], ['é', 'z'], [NULL, 'x'], [NULL]]),
             ('date', [['2000-01-01', '1999-12-31', 'infinity'], [NULL]]), ('time', [['10:00', '09:59:59.9'], [NULL]]),
             ('timestamp', [['2000-01-01', '2000-01-01 00:00:01', '-infinity'], [NULL]]), ('timestamptz', [['2000-01-01 00:00+00', '2000-01-01 00:00+01'], [NULL]]),
             ('boolean', [['t', 't'], ['t', 'f'], ['f', 'f', NULL], [NULL]])]
    for t, values in lists:
        for name in ['count', 'sum', 'avg', 'min', 'max', 'bool_and', 'bool_or', 'every']:
            for v in values:
                args = [(t, x) for x in v]
                rows = ', '.join(f'({sql_arg(a)})' for a in args)
                FILES.setdefault(f, {})[line_of(name, args)] = f'(SELECT {name}(x) FROM (VALUES {rows}) v(x))'
    for v in [['1', '2', '4'], ['1.5'], ['1e8', '1e8', '1.00000001e8'], [NULL]]:
        for name in ['variance', 'var_samp', 'var_pop', 'stddev', 'stddev_samp', 'stddev_pop']:
            args = [('double precision', x) for x in v]
            rows = ', '.join(f'({sql_arg(a)})' for a in args)
            FILES.setdefault(f, {})[line_of(name, args)] = f'(SELECT {name}(x) FROM (VALUES {rows}) v(x))'


for build in [aggregates, comparisons, logic, arithmetic, numeric, mathematics, strings, patterns, casts, dates, formats, zones, resolution]:
    build()
for build in [cases_nested.arrays, cases_nested.jsonb, cases_nested.jsonpath, cases_nested.jsonpath_times, cases_functions.regex, cases_functions.mathematics, cases_functions.texts, cases_functions.bytes_,
              cases_functions.special_numbers, cases_functions.regex_constraints, cases_random.random_calls]:
    build(add, cross, NULL)
for build in [cases_sql.arrays, cases_sql.jsonb]:
    build(lambda file, expression: FILES.setdefault(file, {}).update({line_of('sql', [('?', expression)]): expression}),
          lambda file, text: FILES.setdefault(file, {}).update({line_of('query', [('?', text)]): f"(SELECT string_agg(coalesce(v, '\\N'), '|') FROM ({text}) q(v))"}))

if __name__ == '__main__':
    zone = {'zone_new_york': 'America/New_York'}
    print("""CREATE FUNCTION pg_temp.try(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v text; t text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text, format_type(pg_typeof(' || expression || ')::oid, NULL)' INTO v, t;
	v := replace(replace(replace(replace(v, E'\\\\', E'\\\\\\\\'), E'\\t', E'\\\\t'), E'\\n', E'\\\\n'), E'\\r', E'\\\\r');
	RETURN t || E'\\t' || coalesce(v, '\\N');
EXCEPTION WHEN OTHERS THEN
	RETURN '?' || E'\\t!' || replace(SQLERRM, E'\\\\', E'\\\\\\\\');
END $$;
SET client_min_messages = error;
\\pset format unaligned
\\pset tuples_only on""")
    for file, cases in FILES.items():
        print(f"SET timezone = '{zone.get(file, 'UTC')}';\n\\o {sys.argv[1]}/{file}.tsv")
        if file in zone:
            print(f"SELECT '# timezone {zone[file]}';")
        for line, sql in cases.items():
            tag = '$case$'
            print(f"SELECT $line${line}$line$ || E'\\t->\\t' || pg_temp.try({tag}{sql}{tag});")
