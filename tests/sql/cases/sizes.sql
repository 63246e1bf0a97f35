-- Numbers of bytes as texts.
SELECT pg_size_pretty(x) FROM unnest('{10239.5,10240.7,-10240,20971519,20971520,1e30,NaN,-1.5,0,1048576.5,10485247,10485248,-10485248}'::numeric[]) x;
SELECT pg_size_pretty(x) FROM unnest('{9223372036854775807,-9223372036854775808,10239,10240,10485247,10485248,123456789,1099511627776000,-5}'::bigint[]) x;
SELECT pg_size_pretty(1024);
SELECT pg_size_bytes(' 1.5 gb ') a, pg_size_bytes('-1e3kb') b, pg_size_bytes('1.5') c, pg_size_bytes('1 bytes') d, pg_size_bytes('.5 kB') e, pg_size_bytes('5.MB') f, pg_size_bytes('+2kB') g, pg_size_bytes('-0.5') h, pg_size_bytes('1.0000000000000000000000000009 PB') i;
SELECT pg_size_bytes('1 XB');
SELECT pg_size_bytes('');
SELECT pg_size_bytes('1e30');
SELECT pg_size_bytes('1e kB');
SELECT pg_size_bytes('.');
SELECT pg_size_bytes('9000 PB');
SELECT pg_size_pretty(NULL::bigint), pg_size_pretty(1e3::numeric(10,2)), pg_size_pretty(sum(id)) FROM emp;
SELECT pg_size_bytes('1 kB extra');
