-- expect: 5:13: error: the query of sink "out" takes rows back (its results change), but the sink only takes new rows
CREATE TABLE flight (event_time timestamp, origin text, dep_delay integer, cancelled boolean)
  WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');
CREATE TABLE out (origin text, flights bigint, PRIMARY KEY (origin) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '.sparklet/out', 'format' = 'json');
INSERT INTO out SELECT origin, count(*) FROM flight GROUP BY origin;
