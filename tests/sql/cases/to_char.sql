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
