-- How late does New York depart? Events of flights come in from Kafka; two results go out, exactly once and in one transaction:
-- a row per airport and hour once the hour is complete, and totals per carrier that follow every epoch.
--
--   BOOTSTRAP=localhost:9092 sparklet run examples/flights/delays.sql
--
-- Topics: flights (any number of partitions), delays, carrier-totals; the job makes delays.dlq itself, for events that cannot be read
-- and for those that come after their hour was closed: sparklet dlq delays list
SET epoch.max.rows = 2000;

CREATE TABLE flight (
  event_time timestamp,          -- when it was to depart
  carrier text, flight integer, tailnum text, origin text, dest text,
  dep_delay integer,             -- minutes; NULL when it was cancelled
  arr_delay integer, air_time integer, distance integer, cancelled boolean,
  WATERMARK FOR event_time AS event_time - INTERVAL '10' MINUTE
) WITH ('connector' = 'kafka', 'topic' = 'flights', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}',
        'scan.startup.mode' = 'earliest-offset', 'format' = 'json');

CREATE TABLE delays (
  window_start timestamp, window_end timestamp, origin text,
  flights bigint, cancelled bigint, avg_delay numeric(10, 2), max_delay integer
) WITH ('connector' = 'kafka', 'topic' = 'delays', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}', 'format' = 'json');

CREATE TABLE carrier_totals (
  carrier text, flights bigint, cancelled bigint, avg_delay numeric(10, 2), max_delay integer,
  PRIMARY KEY (carrier) NOT ENFORCED
) WITH ('connector' = 'upsert-kafka', 'topic' = 'carrier-totals', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}',
        'key.format' = 'json', 'value.format' = 'json');

INSERT INTO delays
SELECT window_start, window_end, origin, count(*), count(*) FILTER (WHERE cancelled), avg(dep_delay), max(dep_delay)
FROM tumble(flight, event_time, INTERVAL '1' HOUR)
GROUP BY window_start, window_end, origin;

INSERT INTO carrier_totals
SELECT carrier, count(*), count(*) FILTER (WHERE cancelled), avg(dep_delay), max(dep_delay)
FROM flight
GROUP BY carrier;
