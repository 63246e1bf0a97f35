-- expect: 5:82: error: invalid input syntax for type interval: "1 oclock"
CREATE TABLE flight (event_time timestamp, origin text, dep_delay integer, cancelled boolean)
  WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');
CREATE TABLE out (origin text, flights bigint) WITH ('connector' = 'filesystem', 'path' = '.sparklet/out', 'format' = 'json');
INSERT INTO out SELECT origin, count(*) FROM tumble(flight, event_time, INTERVAL '1 oclock') GROUP BY window_start, window_end, origin;
