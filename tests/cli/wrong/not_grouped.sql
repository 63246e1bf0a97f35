-- expect: 5:32: error: column "flight.dep_delay" must appear in the GROUP BY clause or be used in an aggregate function
CREATE TABLE flight (event_time timestamp, origin text, dep_delay integer, cancelled boolean)
  WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');
CREATE TABLE out (origin text, flights bigint) WITH ('connector' = 'filesystem', 'path' = '.sparklet/out', 'format' = 'json');
INSERT INTO out SELECT origin, dep_delay FROM flight GROUP BY origin;
