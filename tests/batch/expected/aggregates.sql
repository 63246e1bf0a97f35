-- every aggregate over every type that it takes, and the errors where it does not
SELECT count(i) FROM t
SELECT count(n) FROM t
SELECT count(b) FROM t
SELECT count(d) FROM t
SELECT count(x) FROM t
SELECT count(r) FROM t
SELECT count(f) FROM t
SELECT count(s) FROM t
SELECT count(dt) FROM t
SELECT count(tm) FROM t
SELECT count(ts) FROM t
SELECT count(tz) FROM t
SELECT count(iv) FROM t
SELECT count(bo) FROM t
SELECT sum(i) FROM t
SELECT g, sum(i) FROM t GROUP BY g
SELECT sum(n) FROM t
SELECT g, sum(n) FROM t GROUP BY g
SELECT sum(b) FROM t
SELECT g, sum(b) FROM t GROUP BY g
SELECT sum(d) FROM t
SELECT g, sum(d) FROM t GROUP BY g
SELECT sum(x) FROM t
SELECT g, sum(x) FROM t GROUP BY g
SELECT sum(r) FROM t
SELECT g, sum(r) FROM t GROUP BY g
SELECT sum(f) FROM t
SELECT g, sum(f) FROM t GROUP BY g
SELECT sum(s) FROM t
SELECT sum(dt) FROM t
SELECT sum(tm) FROM t
SELECT g, sum(tm) FROM t GROUP BY g
SELECT sum(ts) FROM t
SELECT sum(tz) FROM t
SELECT sum(iv) FROM t
SELECT g, sum(iv) FROM t GROUP BY g
SELECT sum(bo) FROM t
SELECT avg(i) FROM t
SELECT g, avg(i) FROM t GROUP BY g
SELECT avg(n) FROM t
SELECT g, avg(n) FROM t GROUP BY g
SELECT avg(b) FROM t
SELECT g, avg(b) FROM t GROUP BY g
SELECT avg(d) FROM t
SELECT g, avg(d) FROM t GROUP BY g
SELECT avg(x) FROM t
SELECT g, avg(x) FROM t GROUP BY g
SELECT avg(r) FROM t
SELECT g, avg(r) FROM t GROUP BY g
SELECT avg(f) FROM t
SELECT g, avg(f) FROM t GROUP BY g
SELECT avg(tm) FROM t
SELECT g, avg(tm) FROM t GROUP BY g
SELECT avg(iv) FROM t
SELECT g, avg(iv) FROM t GROUP BY g
SELECT min(i) FROM t
SELECT g, min(i) FROM t GROUP BY g
SELECT min(n) FROM t
SELECT g, min(n) FROM t GROUP BY g
SELECT min(b) FROM t
SELECT g, min(b) FROM t GROUP BY g
SELECT min(d) FROM t
SELECT g, min(d) FROM t GROUP BY g
SELECT min(x) FROM t
SELECT g, min(x) FROM t GROUP BY g
SELECT min(r) FROM t
SELECT g, min(r) FROM t GROUP BY g
SELECT min(f) FROM t
SELECT g, min(f) FROM t GROUP BY g
SELECT min(s) FROM t
SELECT g, min(s) FROM t GROUP BY g
SELECT min(dt) FROM t
SELECT g, min(dt) FROM t GROUP BY g
SELECT min(tm) FROM t
SELECT g, min(tm) FROM t GROUP BY g
SELECT min(ts) FROM t
SELECT g, min(ts) FROM t GROUP BY g
SELECT min(tz) FROM t
SELECT g, min(tz) FROM t GROUP BY g
SELECT min(iv) FROM t
SELECT g, min(iv) FROM t GROUP BY g
SELECT min(bo) FROM t
SELECT max(i) FROM t
SELECT g, max(i) FROM t GROUP BY g
SELECT max(n) FROM t
SELECT g, max(n) FROM t GROUP BY g
SELECT max(b) FROM t
SELECT g, max(b) FROM t GROUP BY g
SELECT max(d) FROM t
SELECT g, max(d) FROM t GROUP BY g
SELECT max(x) FROM t
SELECT g, max(x) FROM t GROUP BY g
SELECT max(r) FROM t
SELECT g, max(r) FROM t GROUP BY g
SELECT max(f) FROM t
SELECT g, max(f) FROM t GROUP BY g
SELECT max(s) FROM t
SELECT g, max(s) FROM t GROUP BY g
SELECT max(dt) FROM t
SELECT g, max(dt) FROM t GROUP BY g
SELECT max(tm) FROM t
SELECT g, max(tm) FROM t GROUP BY g
SELECT max(ts) FROM t
SELECT g, max(ts) FROM t GROUP BY g
SELECT max(tz) FROM t
SELECT g, max(tz) FROM t GROUP BY g
SELECT max(iv) FROM t
SELECT g, max(iv) FROM t GROUP BY g
SELECT bool_and(i) FROM t
SELECT bool_and(n) FROM t
SELECT bool_and(b) FROM t
SELECT bool_and(d) FROM t
SELECT bool_and(x) FROM t
SELECT bool_and(r) FROM t
SELECT bool_and(f) FROM t
SELECT bool_and(s) FROM t
SELECT bool_and(dt) FROM t
SELECT bool_and(tm) FROM t
SELECT bool_and(ts) FROM t
SELECT bool_and(tz) FROM t
SELECT bool_and(iv) FROM t
SELECT bool_and(bo) FROM t
SELECT g, bool_and(bo) FROM t GROUP BY g
SELECT bool_or(bo) FROM t
SELECT g, bool_or(bo) FROM t GROUP BY g
SELECT every(bo) FROM t
SELECT g, every(bo) FROM t GROUP BY g
SELECT bit_and(i) FROM t
SELECT g, bit_and(i) FROM t GROUP BY g
SELECT bit_and(n) FROM t
SELECT g, bit_and(n) FROM t GROUP BY g
SELECT bit_and(b) FROM t
SELECT g, bit_and(b) FROM t GROUP BY g
SELECT bit_or(i) FROM t
SELECT g, bit_or(i) FROM t GROUP BY g
SELECT bit_or(n) FROM t
SELECT g, bit_or(n) FROM t GROUP BY g
SELECT bit_or(b) FROM t
SELECT g, bit_or(b) FROM t GROUP BY g
SELECT bit_or(d) FROM t
SELECT bit_or(x) FROM t
SELECT bit_or(r) FROM t
SELECT bit_or(f) FROM t
SELECT bit_or(s) FROM t
SELECT bit_or(dt) FROM t
SELECT bit_or(tm) FROM t
SELECT bit_or(ts) FROM t
SELECT bit_or(tz) FROM t
SELECT bit_or(iv) FROM t
SELECT bit_or(bo) FROM t
SELECT bit_xor(i) FROM t
SELECT g, bit_xor(i) FROM t GROUP BY g
SELECT bit_xor(n) FROM t
SELECT g, bit_xor(n) FROM t GROUP BY g
SELECT bit_xor(b) FROM t
SELECT g, bit_xor(b) FROM t GROUP BY g
SELECT stddev(i) FROM t
SELECT g, stddev(i) FROM t GROUP BY g
SELECT stddev(n) FROM t
SELECT g, stddev(n) FROM t GROUP BY g
SELECT stddev(b) FROM t
SELECT g, stddev(b) FROM t GROUP BY g
SELECT stddev(d) FROM t
SELECT g, stddev(d) FROM t GROUP BY g
SELECT stddev(x) FROM t
SELECT g, stddev(x) FROM t GROUP BY g
SELECT stddev(r) FROM t
SELECT g, stddev(r) FROM t GROUP BY g
SELECT stddev(f) FROM t
SELECT g, stddev(f) FROM t GROUP BY g
SELECT stddev(s) FROM t
SELECT stddev(dt) FROM t
SELECT stddev(tm) FROM t
SELECT stddev(ts) FROM t
SELECT stddev(tz) FROM t
SELECT stddev(iv) FROM t
SELECT stddev(bo) FROM t
SELECT stddev_pop(i) FROM t
SELECT g, stddev_pop(i) FROM t GROUP BY g
SELECT stddev_pop(n) FROM t
SELECT g, stddev_pop(n) FROM t GROUP BY g
SELECT stddev_pop(b) FROM t
SELECT g, stddev_pop(b) FROM t GROUP BY g
SELECT stddev_pop(d) FROM t
SELECT g, stddev_pop(d) FROM t GROUP BY g
SELECT stddev_pop(x) FROM t
SELECT g, stddev_pop(x) FROM t GROUP BY g
SELECT stddev_pop(r) FROM t
SELECT g, stddev_pop(r) FROM t GROUP BY g
SELECT stddev_pop(f) FROM t
SELECT g, stddev_pop(f) FROM t GROUP BY g
SELECT stddev_samp(i) FROM t
SELECT stddev_samp(n) FROM t
SELECT stddev_samp(b) FROM t
SELECT stddev_samp(d) FROM t
SELECT stddev_samp(x) FROM t
SELECT stddev_samp(r) FROM t
SELECT stddev_samp(f) FROM t
SELECT variance(i) FROM t
SELECT g, variance(i) FROM t GROUP BY g
SELECT variance(n) FROM t
SELECT g, variance(n) FROM t GROUP BY g
SELECT variance(b) FROM t
SELECT g, variance(b) FROM t GROUP BY g
SELECT variance(d) FROM t
SELECT g, variance(d) FROM t GROUP BY g
SELECT variance(x) FROM t
SELECT g, variance(x) FROM t GROUP BY g
SELECT variance(r) FROM t
SELECT g, variance(r) FROM t GROUP BY g
SELECT variance(f) FROM t
SELECT g, variance(f) FROM t GROUP BY g
SELECT var_pop(i) FROM t
SELECT var_pop(n) FROM t
SELECT var_pop(b) FROM t
SELECT var_pop(d) FROM t
SELECT var_pop(x) FROM t
SELECT var_pop(r) FROM t
SELECT var_pop(f) FROM t
SELECT var_samp(i) FROM t
SELECT g, var_samp(i) FROM t GROUP BY g
SELECT var_samp(n) FROM t
SELECT g, var_samp(n) FROM t GROUP BY g
SELECT var_samp(b) FROM t
SELECT g, var_samp(b) FROM t GROUP BY g
SELECT var_samp(d) FROM t
SELECT g, var_samp(d) FROM t GROUP BY g
SELECT var_samp(x) FROM t
SELECT g, var_samp(x) FROM t GROUP BY g
SELECT var_samp(r) FROM t
SELECT g, var_samp(r) FROM t GROUP BY g
SELECT var_samp(f) FROM t
SELECT g, var_samp(f) FROM t GROUP BY g
SELECT g, array_agg(i ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(n ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(b ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(d ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(x ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(r ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(f ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(s ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(dt ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(tm ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(ts ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(tz ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(iv ORDER BY id)::text FROM t GROUP BY g
SELECT g, array_agg(bo ORDER BY id)::text FROM t GROUP BY g
-- pairs
SELECT corr(f, n) FROM t WHERE n < 1000
SELECT g, corr(i, f) FROM t GROUP BY g
SELECT corr(f, f) FROM t WHERE id < 0
SELECT corr(1.5, n) FROM t WHERE id < 9
SELECT covar_pop(f, n) FROM t WHERE n < 1000
SELECT g, covar_pop(i, f) FROM t GROUP BY g
SELECT covar_pop(f, f) FROM t WHERE id < 0
SELECT covar_pop(1.5, n) FROM t WHERE id < 9
SELECT covar_samp(f, n) FROM t WHERE n < 1000
SELECT g, covar_samp(i, f) FROM t GROUP BY g
SELECT covar_samp(f, f) FROM t WHERE id < 0
SELECT covar_samp(1.5, n) FROM t WHERE id < 9
SELECT regr_count(f, n) FROM t WHERE n < 1000
SELECT g, regr_count(i, f) FROM t GROUP BY g
SELECT regr_count(f, f) FROM t WHERE id < 0
SELECT regr_count(1.5, n) FROM t WHERE id < 9
SELECT regr_sxx(f, n) FROM t WHERE n < 1000
SELECT g, regr_sxx(i, f) FROM t GROUP BY g
SELECT regr_sxx(f, f) FROM t WHERE id < 0
SELECT regr_sxx(1.5, n) FROM t WHERE id < 9
SELECT regr_syy(f, n) FROM t WHERE n < 1000
SELECT g, regr_syy(i, f) FROM t GROUP BY g
SELECT regr_syy(f, f) FROM t WHERE id < 0
SELECT regr_syy(1.5, n) FROM t WHERE id < 9
SELECT regr_sxy(f, n) FROM t WHERE n < 1000
SELECT g, regr_sxy(i, f) FROM t GROUP BY g
SELECT regr_sxy(f, f) FROM t WHERE id < 0
SELECT regr_sxy(1.5, n) FROM t WHERE id < 9
SELECT regr_avgx(f, n) FROM t WHERE n < 1000
SELECT g, regr_avgx(i, f) FROM t GROUP BY g
SELECT regr_avgx(f, f) FROM t WHERE id < 0
SELECT regr_avgx(1.5, n) FROM t WHERE id < 9
SELECT regr_avgy(f, n) FROM t WHERE n < 1000
SELECT g, regr_avgy(i, f) FROM t GROUP BY g
SELECT regr_avgy(f, f) FROM t WHERE id < 0
SELECT regr_avgy(1.5, n) FROM t WHERE id < 9
SELECT regr_r2(f, n) FROM t WHERE n < 1000
SELECT g, regr_r2(i, f) FROM t GROUP BY g
SELECT regr_r2(f, f) FROM t WHERE id < 0
SELECT regr_r2(1.5, n) FROM t WHERE id < 9
SELECT regr_slope(f, n) FROM t WHERE n < 1000
SELECT g, regr_slope(i, f) FROM t GROUP BY g
SELECT regr_slope(f, f) FROM t WHERE id < 0
SELECT regr_slope(1.5, n) FROM t WHERE id < 9
SELECT regr_intercept(f, n) FROM t WHERE n < 1000
SELECT g, regr_intercept(i, f) FROM t GROUP BY g
SELECT regr_intercept(f, f) FROM t WHERE id < 0
SELECT regr_intercept(1.5, n) FROM t WHERE id < 9
-- no rows, one row, extremes
SELECT count(*), count(n), sum(n), avg(n), min(n), max(s), stddev(n), var_pop(n), bool_and(bo), string_agg(s, ','), array_agg(n)::text FROM t WHERE id < 0
SELECT count(*), sum(n), avg(n), stddev(n), var_pop(n), stddev(f), var_pop(f), variance(x), corr(f, n) FROM t WHERE id = 3
SELECT g, count(*) FROM t WHERE id < 0 GROUP BY g
SELECT variance(v), stddev_pop(v), avg(v), sum(v) FROM (VALUES (9223372036854775807), (-9223372036854775807), (0)) x(v)
SELECT variance(v), stddev_pop(v), avg(v), sum(v) FROM (VALUES (1::bigint), (1), (1)) x(v)
SELECT variance(v), stddev(v), stddev_pop(v) FROM (VALUES (0.00001), (0.00002), (0.1)) x(v)
SELECT variance(v), stddev(v), stddev_pop(v) FROM (VALUES (123456789.123456), (987654321.98), (-1)) x(v)
SELECT variance(v), stddev(v), var_pop(v) FROM (VALUES (1e10::float8), (1e10 + 1), (1e10 + 2)) x(v)
SELECT variance(v), stddev(v), var_pop(v), avg(v), sum(v) FROM (VALUES ('NaN'::float8), (1)) x(v)
SELECT variance(v), stddev(v), var_pop(v), avg(v), sum(v) FROM (VALUES ('infinity'::float8), (1)) x(v)
SELECT variance(v) FROM (VALUES ('1e308'::float8), ('-1e308')) x(v)
SELECT sum(v) FROM (VALUES ('1e308'::float8), ('1e308')) x(v)
SELECT avg(v) FROM (VALUES ('1e308'::float8), ('1e308')) x(v)
SELECT sum(v) FROM (VALUES ('3e38'::real), ('3e38')) x(v)
SELECT sum(v), avg(v) FROM (VALUES (9223372036854775807), (9223372036854775807)) x(v)
SELECT sum(v) FROM (VALUES ('0.1'::real), (0.2), (0.3)) x(v)
SELECT min(v), max(v) FROM (VALUES (1.50), (1.5), (1.500)) x(v)
-- DISTINCT and ORDER BY in the call, FILTER
SELECT count(DISTINCT h), count(DISTINCT n), sum(DISTINCT i), avg(DISTINCT d), max(DISTINCT n), min(DISTINCT s) FROM t
SELECT g, count(DISTINCT h), sum(DISTINCT i), count(*) FROM t GROUP BY g
SELECT g, count(DISTINCT h), count(DISTINCT i), sum(n), stddev(DISTINCT i) FROM t GROUP BY g
SELECT count(DISTINCT h) FILTER (WHERE bo), count(DISTINCT h) FILTER (WHERE NOT bo), count(h) FILTER (WHERE n > 5) FROM t
SELECT g, sum(DISTINCT i) FILTER (WHERE h = 'a'), string_agg(DISTINCT s, '|' ORDER BY s DESC) FILTER (WHERE id > 10) FROM t GROUP BY g
SELECT string_agg(DISTINCT s, ',' ORDER BY s) FROM t
SELECT string_agg(DISTINCT s, ',') FROM t
SELECT string_agg(s, ',' ORDER BY id) FROM t
SELECT string_agg(s, h ORDER BY id DESC) FROM t
SELECT g, string_agg(s, ',' ORDER BY n DESC NULLS LAST, id) FROM t GROUP BY g
SELECT g, string_agg(id::text, NULL ORDER BY id) FROM t GROUP BY g
SELECT string_agg(id::text, ',' ORDER BY n NULLS FIRST, id) FROM t
SELECT array_agg(DISTINCT i)::text, array_agg(DISTINCT i ORDER BY i DESC)::text, array_agg(DISTINCT h ORDER BY h NULLS FIRST)::text FROM t
SELECT array_agg(id ORDER BY d, id)::text FROM t
SELECT sum(f ORDER BY id), avg(f ORDER BY id DESC), count(f ORDER BY n) FROM t
SELECT count(DISTINCT x), sum(DISTINCT x) FROM t
SELECT count(DISTINCT f), sum(DISTINCT r) FROM t
SELECT count(DISTINCT iv), count(DISTINCT ts), count(DISTINCT bo), count(DISTINCT tz::date) FROM t
SELECT array_agg(n ORDER BY n USING <) FROM u
SELECT string_agg(DISTINCT s, ',' ORDER BY h) FROM t
SELECT count(DISTINCT g, h) FROM t
SELECT count(DISTINCT *) FROM t
SELECT bo, count(*) FILTER (WHERE n IS NULL), sum(i) FILTER (WHERE i > 0), array_agg(id ORDER BY id) FILTER (WHERE g = 1)::text FROM t GROUP BY bo
-- ordered sets
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n), percentile_cont(0) WITHIN GROUP (ORDER BY n), percentile_cont(1) WITHIN GROUP (ORDER BY n), percentile_cont(0.3) WITHIN GROUP (ORDER BY f DESC) FROM t
SELECT g, percentile_cont(0.25) WITHIN GROUP (ORDER BY f), percentile_disc(0.25) WITHIN GROUP (ORDER BY f), percentile_disc(0.75) WITHIN GROUP (ORDER BY s), mode() WITHIN GROUP (ORDER BY h) FROM t GROUP BY g
SELECT percentile_cont(0.4) WITHIN GROUP (ORDER BY iv), percentile_disc(0.4) WITHIN GROUP (ORDER BY iv) FROM t
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY d), percentile_disc(0.5) WITHIN GROUP (ORDER BY dt), percentile_disc(0.9) WITHIN GROUP (ORDER BY tz), percentile_disc(0.1) WITHIN GROUP (ORDER BY x) FROM t
SELECT mode() WITHIN GROUP (ORDER BY n), mode() WITHIN GROUP (ORDER BY n DESC), mode() WITHIN GROUP (ORDER BY s), mode() WITHIN GROUP (ORDER BY bo) FROM t
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FILTER (WHERE bo), mode() WITHIN GROUP (ORDER BY i) FILTER (WHERE id < 0) FROM t
SELECT percentile_cont('{0.1,0.5,0.9}'::float8[]) WITHIN GROUP (ORDER BY n)::text FROM t
SELECT g, percentile_disc('{0.1,0.5,NULL,0.9}'::float8[]) WITHIN GROUP (ORDER BY s)::text FROM t GROUP BY g
SELECT percentile_cont(NULL) WITHIN GROUP (ORDER BY n) FROM t
SELECT percentile_cont(1.5) WITHIN GROUP (ORDER BY n) FROM t
SELECT percentile_disc(-0.1) WITHIN GROUP (ORDER BY n) FROM t
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY s) FROM t
SELECT percentile_cont(0.5) FROM t
SELECT percentile_cont(0.5, n) FROM t
SELECT mode() FROM t
SELECT sum(n) WITHIN GROUP (ORDER BY n) FROM t
SELECT percentile_cont(g / 4.0) WITHIN GROUP (ORDER BY n) FROM t GROUP BY g
SELECT percentile_cont(i / 10.0) WITHIN GROUP (ORDER BY n) FROM t GROUP BY g
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FROM t WHERE id < 0
-- hypothetical sets
SELECT rank(5) WITHIN GROUP (ORDER BY n), dense_rank(5) WITHIN GROUP (ORDER BY n), percent_rank(5) WITHIN GROUP (ORDER BY n), cume_dist(5) WITHIN GROUP (ORDER BY n) FROM t
SELECT rank('y', 3) WITHIN GROUP (ORDER BY s DESC, n), dense_rank('y', 3) WITHIN GROUP (ORDER BY s, n) FROM t
SELECT g, rank(7) WITHIN GROUP (ORDER BY n DESC NULLS LAST), cume_dist(0.3) WITHIN GROUP (ORDER BY f) FROM t GROUP BY g
SELECT rank(1) WITHIN GROUP (ORDER BY n), percent_rank(1) WITHIN GROUP (ORDER BY n), cume_dist(1) WITHIN GROUP (ORDER BY n), dense_rank(1) WITHIN GROUP (ORDER BY n) FROM t WHERE id < 0
SELECT rank(1, 2) WITHIN GROUP (ORDER BY n) FROM t
SELECT rank() FROM t
SELECT rank('x'::text) WITHIN GROUP (ORDER BY n) FROM t
-- where aggregates may stand, and what may stand beside them
SELECT n FROM t WHERE sum(n) > 1
SELECT sum(sum(n)) FROM t
SELECT sum(n) FILTER (WHERE sum(n) > 1) FROM t
SELECT count(*) FROM t GROUP BY sum(n)
SELECT g, n FROM t GROUP BY g
SELECT g + 1, count(*) FROM t GROUP BY g + 1
SELECT g, count(*) FROM t GROUP BY g + 1
SELECT count(*) FROM t LIMIT sum(1)
SELECT 1 FROM t HAVING true
SELECT 1 FROM t HAVING false
SELECT count(*) FROM t HAVING count(*) > 100
SELECT count(*) FROM t HAVING count(*) > 10
SELECT sum(n) FROM t HAVING n > 10
SELECT g, sum(n) FROM t GROUP BY g HAVING sum(n) > 0 AND g > 1
SELECT g AS k, count(*) FROM t GROUP BY k
SELECT g, h, count(*) FROM t GROUP BY 1, 2
SELECT g, count(*) FROM t GROUP BY 3
SELECT g, count(*) FROM t GROUP BY 2
SELECT g, count(*) FROM t GROUP BY 'x'
SELECT count() FROM t
SELECT count(n, g) FROM t
SELECT sum(s) FROM t
SELECT sum(*) FROM t
SELECT sum(NULL) FROM t
SELECT max(NULL) FROM t
SELECT count(NULL), count('x') FROM t
SELECT nosuch(DISTINCT n) FROM t
SELECT lower(DISTINCT s) FROM t
SELECT lower(*) FROM t
SELECT lower(s ORDER BY s) FROM t
SELECT lower(s) FILTER (WHERE true) FROM t
SELECT lower(s) WITHIN GROUP (ORDER BY s) FROM t
SELECT string_agg(n, ',') FROM t
SELECT sum(n) FILTER (WHERE n) FROM t
SELECT max(n) - min(n), sum(n) / count(n), sum(n) * 1.0 / count(*) FROM t
SELECT g, max(n) + g, count(*) * 2 FROM t GROUP BY g ORDER BY count(*) DESC, g
SELECT g FROM t GROUP BY g ORDER BY max(id)
SELECT CASE WHEN g = 1 THEN 'one' ELSE 'other' END, sum(i) FROM t GROUP BY CASE WHEN g = 1 THEN 'one' ELSE 'other' END
SELECT DISTINCT count(*) FROM t GROUP BY g, h
-- a primary key in GROUP BY brings the columns of its table along
SELECT id, n, s, x FROM t GROUP BY id
SELECT id, n + 1, count(*), upper(s) FROM t GROUP BY id HAVING n > 0
SELECT n FROM t GROUP BY id, g
SELECT a.id, a.s, count(*) FROM t a GROUP BY a.id ORDER BY a.n, a.id
SELECT k, name, v FROM u GROUP BY k
SELECT name, sum(v) FROM u GROUP BY k
SELECT name FROM u GROUP BY v
SELECT n FROM (SELECT * FROM t) q GROUP BY id
