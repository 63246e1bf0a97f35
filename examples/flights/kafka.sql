-- One job, two sinks, in one Kafka transaction per epoch: every flight that left more than an hour late, and counts per airport and
-- day. BOOTSTRAP is the broker's host:port; topics as `flights/kafka.py create` makes them.
CREATE TABLE flight (
  event_time timestamp, carrier text, flight integer, tailnum text, origin text, dest text,
  dep_delay integer, arr_delay integer, air_time integer, distance integer, cancelled boolean,
  WATERMARK FOR event_time AS event_time - INTERVAL '10' MINUTE
) WITH ('connector' = 'kafka', 'topic' = 'flights', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}',
        'scan.startup.mode' = 'earliest-offset', 'format' = 'json');

CREATE TABLE late_departures (
  event_time timestamp, carrier text, flight integer, origin text, dest text, dep_delay integer
) WITH ('connector' = 'kafka', 'topic' = 'late-departures', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}', 'format' = 'json');

CREATE TABLE daily (
  day timestamp, origin text, flights bigint, cancelled bigint, mean_delay decimal(38, 1)
) WITH ('connector' = 'kafka', 'topic' = 'daily', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}', 'format' = 'json');

INSERT INTO late_departures
SELECT event_time, carrier, flight, origin, dest, dep_delay FROM flight WHERE dep_delay > 60;

INSERT INTO daily
SELECT window_start, origin, count(*), count(*) FILTER (WHERE cancelled), round(avg(dep_delay), 1)
FROM tumble(flight, event_time, INTERVAL '1' DAY)
GROUP BY window_start, origin;
