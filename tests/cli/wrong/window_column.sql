-- expect: 5:61: error: the time of window function tumble must be a timestamp; "origin" is text
CREATE TABLE flight (event_time timestamp, origin text, dep_delay integer, cancelled boolean)
  WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');
CREATE TABLE out (origin text, flights bigint) WITH ('connector' = 'filesystem', 'path' = '.sparklet/out', 'format' = 'json');
INSERT INTO out SELECT origin, count(*) FROM tumble(flight, origin, INTERVAL '1' HOUR) GROUP BY window_start, window_end, origin;
