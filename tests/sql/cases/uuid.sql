-- UUIDs.
SELECT 'not-a-uuid'::uuid;
SELECT u, count(*), array_agg(n ORDER BY n) FROM (VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid, 1), ('00000000-0000-0000-0000-000000000000', 2), ('{a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11}', 3), ('a0eebc999c0b4ef8bb6d6bb9bd380a11', 4), (NULL, 5)) t(u, n) GROUP BY u ORDER BY u;
SELECT a.u, b.u FROM (VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid), ('7fffffff-ffff-ffff-ffff-ffffffffffff')) a(u) JOIN (VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid), ('80000000-0000-0000-0000-000000000000')) b(u) ON a.u <= b.u ORDER BY a.u, b.u DESC;
SELECT max('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid);
SELECT ' a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' a, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid IN ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11') b, ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid] c, '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}'::uuid[] d, ROW('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid) e, to_jsonb('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid) f, 'x' || 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid g, coalesce(NULL, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid) h, greatest('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '00000000-0000-0000-0000-000000000000') i, count(DISTINCT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid) j;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::text;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid::int;
SELECT 5::uuid;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid = 'foo';
SELECT * FROM jsonb_to_record('{"u":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}') AS t (u uuid);
SELECT DISTINCT u FROM (VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid), ('A0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), (NULL), (NULL)) t(u) ORDER BY 1 DESC;
SELECT u, rank() OVER (ORDER BY u), lag(u) OVER (ORDER BY u) FROM (VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid), ('00000000-0000-0000-0000-00000000000f')) t(u) ORDER BY u;
SELECT quote_literal('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid) a, format('%s', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid) b, md5('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid::text)::uuid c, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid IS DISTINCT FROM NULL d;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1'::uuid;
SELECT upper('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid);
SELECT pg_typeof(gen_random_uuid()) AS type, length(gen_random_uuid()::text) AS size, gen_random_uuid() <> gen_random_uuid() AS other, substring(gen_random_uuid()::text FROM 15 FOR 1) AS version,
  substring(gen_random_uuid()::text FROM 20 FOR 1) IN ('8', '9', 'a', 'b') AS variant;
SELECT count(DISTINCT u) FROM (SELECT gen_random_uuid() AS u FROM generate_series(1, 1000)) AS r;
SELECT u, count(*) FROM (VALUES ('{a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11}'::uuid), (NULL), ('00000000-0000-0000-0000-000000000000')) AS t (u) GROUP BY ROLLUP (u) ORDER BY u NULLS LAST, 2;
SELECT a.u FROM (VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid), ('ffffffff-ffff-4fff-bfff-ffffffffffff')) AS a (u) LEFT JOIN (VALUES ('A0EEBC999C0B4EF8BB6D6BB9BD380A11'::uuid, 1)) AS b (u, n) USING (u) WHERE n IS NULL;
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1-'::uuid;
SELECT '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid;
SELECT 'a0e-ebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid;
SELECT ''::uuid;
