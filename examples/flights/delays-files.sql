-- The job of delays.sql without any service: events from files, results into files.
--
--   sparklet run examples/flights/delays-files.sql
--   sparklet sql examples/flights/report.sql
--
-- Run it again: there is nothing to do. rm -r .sparklet/delays-files: it starts anew.
SET epoch.interval = 0;
SET epoch.max.rows = 2000;       -- many epochs instead of one, so that hours are closed and events are late as on a stream

CREATE TABLE flight (
  event_time timestamp,          -- when it was to depart
  carrier text, flight integer, tailnum text, origin text, dest text,
  dep_delay integer,             -- minutes; NULL when it was cancelled
  arr_delay integer, air_time integer, distance integer, cancelled boolean,
  WATERMARK FOR event_time AS event_time - INTERVAL '10' MINUTE
) WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');

CREATE TABLE delays (
  window_start timestamp, window_end timestamp, origin text,
  flights bigint, cancelled bigint, avg_delay numeric(10, 2), max_delay integer
) WITH ('connector' = 'filesystem', 'path' = '.sparklet/delays-files/delays', 'format' = 'json');

-- A file cannot be updated: every change of a total is a line with what was there before and what is there now.
CREATE TABLE carrier_changes (
  carrier text, flights bigint, cancelled bigint, avg_delay numeric(10, 2), max_delay integer
) WITH ('connector' = 'filesystem', 'path' = '.sparklet/delays-files/carrier-changes', 'format' = 'debezium-json');

INSERT INTO delays
SELECT window_start, window_end, origin, count(*), count(*) FILTER (WHERE cancelled), avg(dep_delay), max(dep_delay)
FROM tumble(flight, event_time, INTERVAL '1' HOUR)
GROUP BY window_start, window_end, origin;

INSERT INTO carrier_changes
SELECT carrier, count(*), count(*) FILTER (WHERE cancelled), avg(dep_delay), max(dep_delay)
FROM flight
GROUP BY carrier;
