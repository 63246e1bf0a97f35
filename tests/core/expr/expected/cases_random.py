"""Calls with random values of every deterministic function and operator that docs/functions.md lists (which is made from the function table), as
far as its argument types are plain ones. SPARKLET_SEED draws others than those whose answers are stored; make.sh shows the seed."""
import os
import pathlib
import random
import re
import sys

SEED = int(os.environ.get('SPARKLET_SEED', '20241127'))
CALLS = 12
ROOT = pathlib.Path(__file__).resolve().parents[4]
# What depends on the moment or the session, makes large values, gives sets, is a word of the grammar, or is not PostgreSQL's; and templates, which random texts are not.
OTHERS = {'timestamp', 'time', 'interval', 'contains', 'instr', 'space', 'log2', 'in_sample', 'limit_rows', 'offset_rows', 'to_char', 'to_number', 'to_date', 'to_timestamp', 'json_each_text', 'jsonb_each',
          'jsonb_each_text', 'json_each', 'json_array_elements', 'jsonb_array_elements', 'json_array_elements_text', 'jsonb_array_elements_text', 'json_object_keys', 'jsonb_object_keys', 'lpad', 'rpad', 'factorial', 'generate_series', 'range', 'now', 'current_timestamp', 'random', 'clock_timestamp', 'statement_timestamp', 'transaction_timestamp', 'timeofday', 'gen_random_uuid', 'repeat', 'pg_sleep', 'age', 'uuid', 'current_setting', 'set_config', 'json_compact', 'json_to_array'}
ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata', 'nowhere']


def number(r, digits, scale):
    v = str(r.randint(0, 10 ** r.randint(1, digits)))
    s = r.randint(0, scale)
    return ('-' if r.random() < 0.4 else '') + (v if s == 0 else v + '.' + ''.join(r.choice('0123456789') for _ in range(s)))


def word(r):
    letters = 'abcABC xyz019,.-_%äß日語'
    return ''.join(r.choice(letters) for _ in range(r.choice([0, 1, 2, 3, 5, 8, 13, 21])))


def date(r):
    return f'{r.choice([r.randint(1, 9999), r.randint(1900, 2100)]):04}-{r.randint(1, 12):02}-{r.randint(1, 28):02}'


def clock(r):
    return f'{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}' + r.choice(['', '.5', f'.{r.randint(0, 999999):06}'])


def span(r):
    return ' '.join(f'{r.randint(-40, 40)} {unit}' for unit in r.sample(['years', 'months', 'days', 'hours', 'minutes', 'seconds'], r.randint(1, 4)))


def json(r, depth=0):
    kind = r.randint(0, 6 if depth < 3 else 4)
    if kind == 5:
        return '[' + ', '.join(json(r, depth + 1) for _ in range(r.randint(0, 3))) + ']'
    if kind == 6:
        return '{' + ', '.join(f'"{k}": {json(r, depth + 1)}' for k in r.sample('abcd', r.randint(0, 3))) + '}'
    return r.choice(['null', 'true', 'false', str(r.randint(-50, 50)), number(r, 5, 3), '"' + r.choice('abcd') + '"', '"x y"'])


VALUES = {
    'boolean': lambda r: r.choice('tf'),
    'smallint': lambda r: str(r.choice([r.randint(-32768, 32767), r.randint(-9, 9)])),
    'integer': lambda r: str(r.choice([r.randint(-2 ** 31, 2 ** 31 - 1), r.randint(-9, 9), r.randint(0, 30)])),
    'bigint': lambda r: str(r.choice([r.randint(-2 ** 63, 2 ** 63 - 1), r.randint(-99, 99)])),
    'real': lambda r: r.choice([number(r, 4, 2), f'{r.random():.3g}', f'{r.randint(1, 9)}e{r.randint(-30, 30)}', 'NaN', 'Infinity']),
    'double precision': lambda r: r.choice([number(r, 6, 3), f'{r.random():.6g}', f'{r.randint(1, 9)}e{r.randint(-20, 20)}', 'NaN', '-Infinity']),
    'numeric': lambda r: r.choice([number(r, 3, 2), number(r, 8, 4), number(r, 2, 0), number(r, 12, 6), r.choice(['NaN', 'Infinity', '0.00'])]),
    'text': word,
    'bytea': lambda r: '\\x' + ''.join(f'{r.randint(0, 255):02x}' for _ in range(r.randint(0, 9))),
    'date': lambda r: r.choice([date(r), date(r), 'infinity']),
    'time without time zone': clock,
    'timestamp without time zone': lambda r: r.choice([date(r) + ' ' + clock(r), date(r) + ' ' + clock(r), '-infinity']),
    'timestamp with time zone': lambda r: date(r) + ' ' + clock(r) + r.choice(['+00', '+05:30', '-08']),
    'interval': span,
    'jsonb': json,
    'json': json,
    'integer[]': lambda r: '{' + ','.join(r.choice([str(r.randint(-3, 9)), 'NULL']) for _ in range(r.randint(0, 5))) + '}',
    'text[]': lambda r: '{' + ','.join(r.choice(['a', 'b', 'x y', 'NULL'][:3]).join(['"', '"']) for _ in range(r.randint(0, 4))) + '}',
}


def signatures():
    """(name, [types]) of the page, operators too; those with other types, or a number of arguments that varies, are left out."""
    flink = False
    for line in (ROOT / 'docs/functions.md').read_text().splitlines():
        flink = 'Flink' in line
        if not line.startswith('| `') or flink or 'Aggregate' in line:
            continue
        for text in re.findall(r'`([^`]+)`:', line.split(' | ')[0].replace('\\|', '|')):
            call = re.fullmatch(r'([a-z_0-9]+)\(([^()]*)\)', text)
            binary = re.fullmatch(r'([a-z ]+?(?:\[\])?) ([^a-z ()]+) ([a-z ]+?(?:\[\])?)', text)
            if call:
                yield call.group(1), [t.strip() for t in call.group(2).split(',') if t.strip()]
            elif binary:
                yield binary.group(2), [binary.group(1), binary.group(3)]


def random_calls(add, cross, NULL):
    print(f'-- random calls: SPARKLET_SEED={SEED}', file=sys.stderr)
    for name, types in sorted(set((n, tuple(t)) for n, t in signatures())):
        if name in OTHERS or 'path' in name or name in ('@?', '@@') or not types or any(t not in VALUES for t in types):
            continue
        r = random.Random(f'{SEED} {name} {types}')
        for _ in range(CALLS):
            add('random_calls', name, *[(t, NULL if r.random() < 0.03 else VALUES[t](r)) for t in types])
