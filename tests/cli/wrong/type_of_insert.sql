-- expect: 5:32: error: column "flights" is of type bigint but expression is of type timestamp without time zone
CREATE TABLE flight (event_time timestamp, origin text, dep_delay integer, cancelled boolean)
  WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');
CREATE TABLE out (origin text, flights bigint) WITH ('connector' = 'filesystem', 'path' = '.sparklet/out', 'format' = 'json');
INSERT INTO out SELECT origin, event_time FROM flight;
