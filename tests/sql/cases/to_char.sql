-- Roman numerals and powers of ten.
SELECT to_char(485, 'RN'), to_char(12, 'FMrn'), to_char(0, 'RN'), to_char(4000, 'rn'), to_char(3.6, 'FMRN'), to_char(3999, 'FMRN'), to_char(-5, 'RN'), to_char(1.5::float8, 'FMRN'), to_char(1994::bigint, 'FMRN'), to_char(3888, 'RN');
SELECT to_char(0.00045, '9.99EEEE'), to_char(12345, '9.999EEEE'), to_char(-12345.678::float8, '9.99EEEE'), to_char(0, '9.9EEEE'), to_char(999.99, '9.9EEEE'), to_char(1, '9EEEE'), to_char(123456789012::bigint, '9.999EEEE'), to_char(-1.5e-20, '9.9EEEE');
SELECT to_char('NaN'::float8, '9.99EEEE'), to_char('inf'::float8, '9.99EEEE'), to_char(0.0, '9.99EEEE'), to_char(100::numeric(5,2), '9.999999EEEE');
SELECT to_char(1, 'FM9.99EEEE');
SELECT to_char(1, 'S9.99EEEE');
SELECT to_number('XII', 'RN');
SELECT to_char(1, '') = '', to_char(1.5, '') = '';
SELECT i, to_char(i * interval '1 month', 'rm'), to_char(i * interval '1 month', 'FMRM') FROM generate_series(-13, 13) i ORDER BY i;
SELECT to_char(interval '-2 years', 'RM'), to_char(interval '0', 'RM'), to_char(timestamp '2020-08-01', 'FMRM');
-- Words that stand for a time.
SELECT 'today'::date - 'yesterday'::date, date 'tomorrow' - current_date, 'today'::date = current_date, 'now'::timestamptz = now(), timestamp 'tomorrow' - timestamp ' TODAY ', timestamptz 'today' <= now(), 'now'::time = localtime;
SELECT count(*) FROM (VALUES (date '2020-01-01'), ('2999-01-01')) t(d) WHERE d < 'today';
SELECT 'nowadays'::date;
SELECT 'today'::int;
SELECT to_char('100'::numeric, 'FM999.'), to_char('100'::numeric, '999.'), to_char('100'::numeric, 'f\"oo999'), to_char('100'::numeric, 'f"\ool"999'), to_char('100'::numeric, 'f"ool\"999'), to_char('100'::numeric, 'f\\"oo999');
SELECT to_char('12345678901'::float8, 'FM9999999999D9999900000000000000000'), to_char(1e20::float8, '999999999999999999999D9'), to_char(4.2e9::real, '9999999999.99'), to_char(1.5::real, '9.999999999'), to_char(123456.789::real, 'FM999999.00');
SELECT to_number('0.00001-', '9.999999S'), to_number('5.01-', 'FM9.999999S'), to_number('5.01-', 'FM9.999999MI'), to_number('.-01', 'S99.99'), to_number('.01-', '99.99S'), to_number(' . 0 1-', ' 9 9 . 9 9 S');
SELECT to_number('1234.56', 'L99,999.99'), to_number('$1,234.56', 'L99,999.99'), to_number('42nd', '99th'), to_number('<12>', '99PR'), to_number('+5', 'SG9'), to_number('1.2345', '9.99'), to_number('-34,338,492', '99G999G999'), to_number('é12', '999');
SELECT to_number('x', '9');
SELECT '1.5'::numeric(210, 10), '12'::numeric(100, 0), 1::numeric(1001, 2);
