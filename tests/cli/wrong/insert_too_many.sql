-- expect: 5:35: error: INSERT has more expressions than target columns: 3 for the 2 of "out"
CREATE TABLE flight (event_time timestamp, origin text, dep_delay integer, cancelled boolean)
  WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');
CREATE TABLE out (origin text, flights bigint) WITH ('connector' = 'filesystem', 'path' = '.sparklet/out', 'format' = 'json');
INSERT INTO out SELECT origin, 1, 2 FROM flight;
