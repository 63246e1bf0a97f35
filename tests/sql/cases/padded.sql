-- char(n): where its blanks count and where not.
SELECT * FROM padded ORDER BY id;
SELECT id, '[' || code || ']', length(code), octet_length(code), char_length(code), upper(code) || '|', substr(code, 1, 3) || '|' FROM padded ORDER BY id;
SELECT id FROM padded WHERE code = 'ab' ORDER BY id;
SELECT id FROM padded WHERE code = 'ab   ' OR code = 'é' ORDER BY id;
SELECT id, code LIKE 'ab', code LIKE 'ab%', code LIKE 'ab  ', code ~ '^ab$', code ILIKE 'AB__', code NOT LIKE 'a%' FROM padded ORDER BY id;
SELECT concat('[', code, ']'), concat_ws('|', code, word), format('<%s>', code), to_json(code), to_jsonb(code), jsonb_build_object('k', code) FROM padded ORDER BY id;
SELECT min(code), max(code), count(DISTINCT code) FROM padded;
SELECT code, count(*) FROM padded GROUP BY code ORDER BY code;
SELECT code::text AS c, code::varchar AS v, code::char(2) AS two FROM padded ORDER BY id;
SELECT word FROM padded UNION SELECT code FROM padded ORDER BY 1;
SELECT a.id, b.id FROM padded a JOIN padded b ON a.code = b.word ORDER BY 1, 2;
SELECT id, code < 'abc', code || word, coalesce(code, 'none'), nullif(code, 'ab') FROM padded ORDER BY id;
SELECT id FROM padded WHERE code IN ('ab  ', 'abcd ', 'z') ORDER BY id;
