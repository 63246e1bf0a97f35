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
SELECT to_timestamp('My birthday-> Year: 1976, Month: May, Day: 16', '"My birthday-> Year:" YYYY, "Month:" FMMonth, "Day:" DD'), to_timestamp('1,582nd VIII 21', 'Y,YYYth FMRM DD'), to_timestamp('15 "text between quote marks" 98 54 45', E'HH24 "\\"text between quote marks\\"" YY MI SS');
SELECT to_timestamp('2005364', 'IYYYIDDD'), to_timestamp('2000 + JUN', 'YYYY MON'), to_timestamp('2000 + + JUN', 'YYYY   MON'), to_date('2011 12 18', 'YYYYxMMxDD'), to_date('2011x12x18', 'YYYYxMMxDD'), to_date('-44-02-01 BC', 'YYYY-MM-DD BC'), to_date('44-02-01 BC', 'YYYY-MM-DD BC');
SELECT i, to_timestamp('2018-11-02 12:34:56.12345', 'YYYY-MM-DD HH24:MI:SS.FF' || i), to_timestamp('20181102123456123456', 'YYYYMMDDHH24MISSFF' || i) FROM generate_series(1, 6) i;
SELECT to_timestamp('12:34:56.025', 'HH24:MI:SS.MS'), to_timestamp('12:34:56.5', 'HH24:MI:SS.MS'), to_timestamp('12:34:56.5', 'HH24:MI:SS.US'), to_timestamp('2018-11-02 12:34:56 -10:30', 'YYYY-MM-DD HH24:MI:SS TZH:TZM'), to_timestamp('2018-11-02 12:34-10', 'YYYY-MM-DD HH24:MITZH');
SELECT to_timestamp('97/Feb/16', 'YYMonDD');
SELECT to_timestamp('2018-11-02 12:34:56.123456789', 'YYYY-MM-DD HH24:MI:SS.FF3');
SELECT to_date('2011 x12 x18', 'YYYYxMMxDD');
SELECT to_timestamp('2005527', 'YYYYIWID');
SELECT to_timestamp('19971', 'YYYYMMDD');
SELECT to_timestamp('19971)24', 'YYYYMMDD');
SELECT to_timestamp('1997-11-Jan-16', 'YYYY-MM-Mon-DD');
SELECT to_timestamp('10000000000', 'FMYYYY');
SELECT to_timestamp('199711xy', 'YYYYMMDD');
SELECT to_date('1,x', 'Y,YYY');
SELECT to_date('Fbe 3', 'Mon DD');
SELECT to_timestamp('2011-12-18 25:00', 'YYYY-MM-DD HH24:MI');
SELECT to_char(1, 'PR9');
SELECT to_char(1, '9PR0');
SELECT to_char(1, '9.9.9');
SELECT to_char(1, 'S9S');
SELECT to_char(-1, 'SG9S');
SELECT to_char(1, '9V9.9');
SELECT to_char(1, '9.9V9');
SELECT to_char(1, 'S9MI');
SELECT to_char(1, 'S9PL');
SELECT to_char(1, 'S9SG');
SELECT to_char(1, '9PLPR');
SELECT to_number('1', '9.9.9');
SELECT to_char(12, 'PL99'), to_char(-12, '99PL'), to_char(1.5, '99V99'), to_char(0.0001, '9G999D999G999'), to_char(0, 'FMS9.9');

-- Rows whose text is that of the row before, and where it changes.
SELECT to_char(t, 'HH24:MI') AS minute, to_char(t, 'YYYY-MM-DD') AS day, to_char(t, 'HH12 AM') AS hour, to_char(t, 'IYYY-IW-ID') AS week, to_char(t, 'MI:SS') AS second,
       to_char(t, 'SS.MS') AS milli, to_char(t, 'SSSS') AS seconds
FROM generate_series('2024-12-29 22:58:30.25'::timestamp, '2024-12-30 01:01:00', '517 seconds') AS g (t) ORDER BY t;
SELECT to_char(t, 'YYYY-MM-DD BC') AS day, to_char(t, 'HH24') AS hour FROM (VALUES ('0001-12-31 23:59:59.999999 BC'::timestamp), ('0001-01-01 00:00:00'), ('1969-12-31 23:59:59.5'),
       ('1970-01-01 00:00:00'), ('1970-01-01 00:59:59.999999'), ('1969-12-31 23:00:00')) AS v (t) ORDER BY t;
SELECT to_char(t, p) FROM (VALUES ('2024-01-01 00:00:01'::timestamp, 'DD'), ('2024-01-01 00:00:01', 'SS'), ('2024-01-01 00:00:02', 'SS'), ('2024-01-01 00:00:02', 'DD')) AS v (t, p) ORDER BY t, p;
