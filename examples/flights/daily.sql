-- Departures per airport and day, from events that come up to ten minutes out of order. A day is printed once it is complete;
-- events that come later than that, and lines that cannot be read, go to the dead-letter folder: sparklet dlq daily list
CREATE TABLE flight (
  event_time timestamp, carrier text, flight integer, tailnum text, origin text, dest text,
  dep_delay integer, arr_delay integer, air_time integer, distance integer, cancelled boolean,
  WATERMARK FOR event_time AS event_time - INTERVAL '10' MINUTE
) WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');

CREATE TABLE daily (
  day timestamp, origin text, flights bigint, cancelled bigint, delayed bigint, mean_delay decimal(38, 1)
) WITH ('connector' = 'print', 'format' = 'json');

INSERT INTO daily
SELECT window_start, origin, count(*), count(*) FILTER (WHERE cancelled), count(*) FILTER (WHERE dep_delay > 60),
       round(avg(dep_delay), 1)
FROM tumble(flight, event_time, INTERVAL '1' DAY)
GROUP BY window_start, origin;
